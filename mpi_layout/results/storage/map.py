"""The map of a results file: what it needs to be read without HDF5.

HDF5 believes what it finds in a file, and damaged bytes can make it crash or
hang. So the places of all datasets, the attributes and a checksum of the structure
are written a second time, as text that carries its own CRC-32: near the beginning
of the file and again near its end. Both are found by their first words, without
any address that could be damaged. The text never changes after creation.

The first line and the size of the text are the same in every format version.
"""

import errno
import json
import os
import re
import stat
import zlib
from pathlib import Path
from typing import Any

from mpi_layout.container import bind_hint
from mpi_layout.errors import InputError
from mpi_layout.meant import RESULTS, file_meant
from mpi_layout.results.storage.disk import DiskError
from mpi_layout.results.storage.schema import FILETYPE, MAP_BYTES

_HEAD = re.compile(rb"(mpi-layout map, format version ([0-9]{1,6})), CRC-32 ([0-9a-f]{8})\n")
_MAGIC = b"mpi-layout map, format version "
WINDOW = 2**16  # bytes at either end of a file where a map is looked for
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SALVAGE = "layouts that another script wrote are taken over with: mpi-layout salvage"


class NoMap(InputError):
    """There is no sound map in a file.

    Attributes
    ----------
    lost : bool
        Whether the file once had one.
    """

    def __init__(self, message: str, *, lost: bool) -> None:
        super().__init__(message)
        self.lost = lost


def draw_map(version: int, content: dict[str, Any]) -> bytes:
    """Text of a map, MAP_BYTES long.

    Parameters
    ----------
    version : int
        Format version of the file.
    content : dict
        Plain values.

    Raises
    ------
    ValueError
        If it does not fit.
    """
    title = _MAGIC + str(version).encode()
    body = json.dumps(content, allow_nan=False).replace("], ", "],\n").encode()  # a line per dataset
    room = MAP_BYTES - len(title) - len(", CRC-32 01234567\n")
    if len(body) > room:
        raise ValueError(f"the map needs {len(body)} bytes, there are {room}")
    body = body.ljust(room, b"\0")
    return b"%s, CRC-32 %08x\n%s" % (title, zlib.crc32(body, zlib.crc32(title)), body)


def read_map(raw: bytes) -> tuple[int, dict[str, Any]] | None:
    """Format version and content of a map, or None if these bytes are no sound map."""
    head = _HEAD.match(raw)
    if head is None or len(raw) < MAP_BYTES:
        return None
    body = raw[head.end() : MAP_BYTES]
    if zlib.crc32(body, zlib.crc32(head[1])) != int(head[3], 16):
        return None
    try:
        content = json.loads(body.rstrip(b"\0"))
    except (ValueError, RecursionError):
        return None
    return (int(head[2]), content) if isinstance(content, dict) else None


def find_map(path: Path) -> tuple[int, dict[str, Any]]:
    """Format version and content of the first sound map of a file.

    Raises
    ------
    InputError
        If the file cannot be read. NoMap if there is none; the text says what the file is instead.
    """
    head, tail, size = _ends(path)
    for window in (head, tail):
        position = window.find(_MAGIC)
        while position >= 0:
            found = read_map(window[position : position + MAP_BYTES])
            if found is not None:
                return found
            position = window.find(_MAGIC, position + 1)
    # A text about results files, such as a report, has those words as well, but no zeros.
    words = (FILETYPE.encode(), b"mpi-layout map")
    lost = any(b"\0" in window and word in window for word in words for window in (head, tail))
    what = "damaged results file: both its maps are damaged (or it is of format version 1, without any)"
    raise NoMap(f"{path}: {what if lost else _what_it_is(head, size)}", lost=lost)


def is_results_file(path: Path) -> bool:
    """Whether it is a results file of this program, damaged or not.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    try:
        find_map(path)
    except NoMap as error:
        return error.lost
    return True


def _ends(path: Path) -> tuple[bytes, bytes, int]:
    """First and last bytes of a file, and its size."""
    try:
        if stat.S_IFMT(path.stat().st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise InputError(f"{path}: cannot be read: is a pipe or a device, no file")
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            head, tail = (_window(file.fileno(), start) for start in (0, max(0, size - WINDOW)))
            if size and not head and not tail:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return head, tail, size
    except FileNotFoundError:
        raise InputError(f"{path}: no such file{file_meant(path, RESULTS) or bind_hint()}") from None
    except (PermissionError, IsADirectoryError) as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except OSError as error:
        raise DiskError(path, "reading the structure", error) from error


def _window(descriptor: int, offset: int) -> bytes:
    try:
        return os.pread(descriptor, WINDOW, offset)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""  # a bad sector; there is another map


def _what_it_is(head: bytes, size: int) -> str:
    if size == 0:
        return "the file is empty (0 bytes), no results file"
    if not head.startswith(_SIGNATURE[: len(head)]):
        return "not an HDF5 file, so no results file of mpi-layout"
    if size < WINDOW:
        return f"an HDF5 file of {size} bytes, but not a results file of mpi-layout, or truncated; {_SALVAGE}"
    return f"an HDF5 file, but not a results file of mpi-layout; {_SALVAGE}"
