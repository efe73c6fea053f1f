"""What the first bytes of an HDF5 file say of the whole, read without HDF5.

HDF5 refuses a file that is shorter than it was, or that a killed program has left open, although most of it
may be sound. Both are known from the superblock (HDF5 File Format Specification, II.A), and both can be
mended in what HDF5 is shown, without a change to the file.
"""

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

SIGNATURE = b"\x89HDF\r\n\x1a\n"

_HEAD = 512  # bytes that hold any superblock
_OPEN_FOR_WRITING, _SWMR = 0x01, 0x04
_FLAGS_AT = {0: 20, 1: 20, 2: 11, 3: 11}  # by version, from the signature on
_SIZES_AT = {0: 13, 1: 13, 2: 9, 3: 9}
_ADDRESSES_AT = {0: 24, 1: 28, 2: 12, 3: 12}
_END_IS = 2  # of the addresses, the end of the file is the third in all versions
_N_ADDRESSES = 4
_SUMMED = (2, 3)  # versions with a checksum behind the addresses
_SUM_BYTES = 4
_WORD = 0xFFFFFFFF
_USER_BLOCKS = 16  # sizes of what may stand in front: 512 bytes, twice that, ...


@dataclass(frozen=True)
class Superblock:
    """What stands there.

    Attributes
    ----------
    offset : int
        Place of the signature, behind what a user may have put in front.
    version : int
        Of the superblock.
    end : int
        Size that the file has by it, bytes.
    is_open : bool
        Whether a program had it open for writing.
    address_bytes : int
        Size of an address.
    """

    offset: int
    version: int
    end: int
    is_open: bool
    address_bytes: int


def find_signature(file: BinaryIO) -> int | None:
    """Place of the HDF5 signature of an open file, where one may be, or None."""
    for offset in (0, *(512 << doubled for doubled in range(_USER_BLOCKS))):
        file.seek(offset)
        found = file.read(len(SIGNATURE))
        if found == SIGNATURE:
            return offset
        if len(found) < len(SIGNATURE):
            break
    return None


def read_superblock(file: BinaryIO, offset: int) -> Superblock | None:
    """Superblock whose signature stands at a place of an open file; None if it is cut off or unknown."""
    file.seek(offset)
    head = file.read(_HEAD)
    version = head[8] if len(head) > 8 else -1
    if version not in _FLAGS_AT or len(head) <= _SIZES_AT[version]:
        return None
    n_bytes = head[_SIZES_AT[version]]
    first = _ADDRESSES_AT[version]
    if n_bytes not in (2, 4, 8) or len(head) < first + _N_ADDRESSES * n_bytes + _SUM_BYTES:
        return None
    at = first + _END_IS * n_bytes
    end = int.from_bytes(head[at : at + n_bytes], "little")
    is_open = bool(head[_FLAGS_AT[version]] & _OPEN_FOR_WRITING)
    return Superblock(offset, version, end, is_open, n_bytes)


class Mended(io.RawIOBase):
    """An HDF5 file as it would be if nobody had left it open, and with zeros in the place of a lost end.

    Parameters
    ----------
    file : BinaryIO
        The file, open for reading; it is not changed.
    superblock : Superblock
        Its superblock.
    """

    def __init__(self, file: BinaryIO, superblock: Superblock) -> None:
        self._file = file
        file.seek(superblock.offset)
        self._head = _closed(file.read(_HEAD), superblock)
        self._start = superblock.offset
        self._size = max(file.seek(0, io.SEEK_END), superblock.end)
        self._position = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that any place in it can be read."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Place that is read next."""
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer from the place on."""
        wanted = max(0, min(len(buffer), self._size - self._position))
        self._file.seek(self._position)
        found = bytearray(self._file.read(wanted).ljust(wanted, b"\0"))
        first = max(0, self._start - self._position)
        skipped = max(0, self._position - self._start)
        part = self._head[skipped : skipped + max(0, wanted - first)]
        found[first : first + len(part)] = part
        buffer[:wanted] = found
        self._position += wanted
        return wanted


def _closed(head: bytes, superblock: Superblock) -> bytes:
    """Superblock of a file that nobody has open."""
    version = superblock.version
    closed = bytearray(head)
    closed[_FLAGS_AT[version]] &= ~(_OPEN_FOR_WRITING | _SWMR)
    n_bytes = _ADDRESSES_AT[version] + _N_ADDRESSES * superblock.address_bytes
    if version in _SUMMED:
        closed[n_bytes : n_bytes + _SUM_BYTES] = struct.pack("<I", lookup3(bytes(closed[:n_bytes])))
        n_bytes += _SUM_BYTES
    return bytes(closed[:n_bytes])


def lookup3(data: bytes) -> int:
    """Bob Jenkins' hash `hashlittle`, begun with 0, of at least one byte: how HDF5 sums its metadata."""
    a = b = c = (0xDEADBEEF + len(data)) & _WORD
    blocks = [data[start : start + 12].ljust(12, b"\0") for start in range(0, len(data), 12)]
    for block in blocks:
        first, second, third = struct.unpack("<3I", block)
        a, b, c = (a + first) & _WORD, (b + second) & _WORD, (c + third) & _WORD
        if block is not blocks[-1]:
            for turn in (4, 6, 8, 16, 19, 4):
                a, b, c = b, (c + b) & _WORD, ((a - c) & _WORD) ^ _turned(c, turn)
    for turn in (14, 11, 25, 16, 4, 14, 24):
        a, b, c = b, ((c ^ b) - _turned(b, turn)) & _WORD, a
    return b


def _turned(word: int, turn: int) -> int:
    return (word << turn | word >> 32 - turn) & _WORD
