"""Bytes of a results file, read and written at the places of its datasets.

This is the gather writer's way: one process, `os.pwrite` at offsets learned once.
Compared with writing through HDF5 it leaves no "open for writing" state behind,
touches no metadata, has no sieve buffer that could swap the order of two writes
and takes a tenth of the time. Another way to write needs the same few methods.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mpi_layout.results.storage.disk import CHECKPOINTED, STORED, DiskError, telling
from mpi_layout.results.storage.schema import ROW_COLUMNS
from mpi_layout.results.storage.structure import Extent

*_DATA, _STATUS, _CHECKSUM = (column.name for column in ROW_COLUMNS)


class PlainStore:
    """An open results file as arrays of bytes.

    Parameters
    ----------
    path : Path
        The file.
    extents : dict of str to Extent
        Its datasets.
    writable : bool
        Whether it may be written.

    Raises
    ------
    DiskError
        From every method: full disk, input/output error, ...
    """

    def __init__(self, path: Path, extents: dict[str, Extent], *, writable: bool) -> None:
        self.path = path
        self.extents = extents
        self._lost: DiskError | None = None
        with telling(path, "opening the file"):
            self._descriptor = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:  # which must not be replaced by another one
            with suppress(OSError):
                self.close()

    def close(self) -> None:
        """Close the file; what was written is as durable as the last `sync` made it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with telling(self.path, "closing the file", CHECKPOINTED):
                os.close(descriptor)  # closed even if it fails

    def read(self, name: str, start: int = 0, stop: int | None = None) -> NDArray:
        """Entries start:stop of a dataset, all by default."""
        extent = self.extents[name]
        if not extent.shape:
            return np.frombuffer(self._read(name, extent.offset, extent.n_bytes), extent.dtype)[0]
        stop = extent.shape[0] if stop is None else stop
        n_bytes = (stop - start) * extent.item_bytes
        raw = self._read(name, extent.offset + start * extent.item_bytes, n_bytes)
        return np.frombuffer(raw, extent.dtype).reshape(stop - start, *extent.shape[1:])

    def read_rows(self, dtype: np.dtype, start: int, stop: int) -> NDArray[np.void]:
        """Rows start:stop as records of `row_dtype`; a row that says it is done is not older than that.

        The status, written last, is read first: reading it later could join the
        data of a waiting row with the mark of its result.
        """
        rows = np.empty(stop - start, dtype)
        for name in (_STATUS, *_DATA, _CHECKSUM):
            rows[name] = self.read(name, start, stop)
        return rows

    def write(self, name: str, start: int, values: NDArray) -> None:
        """Write entries of a dataset, from entry start on."""
        extent = self.extents[name]
        raw, offset = values.tobytes(), extent.offset + start * extent.item_bytes
        if values.dtype != extent.dtype or start < 0 or offset + len(raw) > extent.end:
            raise ValueError(f"{name}: {values.dtype} {values.shape} does not fit at {start} of {extent}")
        self._write(name, offset, raw)

    def write_rows(self, start: int, rows: NDArray[np.void]) -> None:
        """Write rows, from row start on, column by column: the status last.

        The checksum comes first. So a row that waits and has none holds nothing, to the byte,
        and one that was cut off by a kill can be told from one that was damaged.
        """
        for name in (_CHECKSUM, *_DATA, _STATUS):
            self.write(name, start, rows[name])

    def clear_row(self, number: int, row: NDArray[np.void]) -> None:
        """Write the row (1,) of a config that waits in the place of any other: the other way round."""
        for name in (_STATUS, *_DATA, _CHECKSUM):
            self.write(name, number, row[name])

    def sync(self) -> None:
        """Wait until everything written is on the disk, and see that the file still has its name.

        After a failure every further `sync` fails as well: the kernel may have dropped what it could not
        write, and would call the next one a success.
        """
        if self._lost is not None:
            raise self._lost
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            self._lost = DiskError(self.path, "making a checkpoint", error, CHECKPOINTED)
            raise self._lost from None
        self._check_name()

    def forget_cache(self) -> None:
        """Read from now on what the disk holds, not what the kernel remembers.

        After a failed write to the disk the kernel remembers, as clean, data that never got there: a later
        launch would take them for durable.
        """
        self.sync()
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def _check_name(self) -> None:
        """Raise if the file was removed or renamed: a removed one vanishes with its last process."""
        with telling(self.path, "making a checkpoint"):
            if not os.path.samestat(os.stat(self.path), os.fstat(self._descriptor)):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _read(self, name: str, offset: int, n_bytes: int) -> bytes:
        parts = []
        while n_bytes > 0:
            try:
                part = os.pread(self._descriptor, min(n_bytes, 2**30), offset)
                if not part:
                    raise OSError(errno.EIO, "the file ends too early")
            except OSError as error:
                raise DiskError(self.path, f"reading column {name}", error) from None
            parts.append(part)
            offset, n_bytes = offset + len(part), n_bytes - len(part)
        return b"".join(parts)

    def _write(self, name: str, offset: int, raw: bytes) -> None:
        try:
            written = some(os.pwrite(self._descriptor, raw, offset))
            while written < len(raw):  # a nearly full disk, or 2 GiB at once
                written += some(os.pwrite(self._descriptor, memoryview(raw)[written:], offset + written))
        except OSError as error:
            raise DiskError(self.path, f"writing column {name}", error, STORED) from None


def some(n_bytes: int) -> int:
    """Refuse a write of nothing: repeating it might go on for ever."""
    if n_bytes <= 0:
        raise OSError(errno.EIO, "nothing was written")
    return n_bytes
