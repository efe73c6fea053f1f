"""Bytes of a results file, read and written at the places of its datasets.

This is the gather writer's way: one process, `os.pwrite` at offsets learned once.
Compared with writing through HDF5 it leaves no "open for writing" state behind,
touches no metadata, has no sieve buffer that could swap the order of two writes
and takes a tenth of the time. Another way to write needs the same few methods.
"""

import errno
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mpi_layout.results.schema import ROW_COLUMNS
from mpi_layout.results.structure import Extent


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
    OSError
        From every method, with the path: full disk, input/output error, ...
    """

    def __init__(self, path: Path, extents: dict[str, Extent], *, writable: bool) -> None:
        self.path = path
        self.extents = extents
        self._descriptor = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was written is as durable as the last `sync` made it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def read(self, name: str, start: int = 0, stop: int | None = None) -> NDArray:
        """Entries start:stop of a dataset, all by default."""
        extent = self.extents[name]
        if not extent.shape:
            return np.frombuffer(self._read(extent.offset, extent.n_bytes), extent.dtype)[0]
        stop = extent.shape[0] if stop is None else stop
        raw = self._read(extent.offset + start * extent.item_bytes, (stop - start) * extent.item_bytes)
        return np.frombuffer(raw, extent.dtype).reshape(stop - start, *extent.shape[1:])

    def read_rows(self, dtype: np.dtype, start: int, stop: int) -> NDArray[np.void]:
        """Rows start:stop as records of `row_dtype`; a row that says it is done is not older than that.

        The status, written last, is read first: reading it later could join the
        data of a waiting row with the mark of its result.
        """
        rows = np.empty(stop - start, dtype)
        *others, status, checksum = (column.name for column in ROW_COLUMNS)
        for name in (status, checksum, *others):
            rows[name] = self.read(name, start, stop)
        return rows

    def write(self, name: str, start: int, values: NDArray) -> None:
        """Write entries of a dataset, from entry start on."""
        extent = self.extents[name]
        raw, offset = values.tobytes(), extent.offset + start * extent.item_bytes
        if values.dtype != extent.dtype or start < 0 or offset + len(raw) > extent.end:
            raise ValueError(f"{name}: {values.dtype} {values.shape} does not fit at {start} of {extent}")
        self._write(offset, raw)

    def write_rows(self, start: int, rows: NDArray[np.void]) -> None:
        """Write rows, from row start on, column by column: the status last."""
        *others, status, checksum = (column.name for column in ROW_COLUMNS)
        for name in (*others, checksum, status):
            self.write(name, start, rows[name])

    def sync(self) -> None:
        """Wait until everything written is on the disk."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._named(error) from None

    def _read(self, offset: int, n_bytes: int) -> bytes:
        parts = []
        while n_bytes > 0:
            try:
                part = os.pread(self._descriptor, min(n_bytes, 2**30), offset)
            except OSError as error:
                raise self._named(error) from None
            if not part:
                raise OSError(errno.EIO, f"the file ends before byte {offset}", str(self.path))
            parts.append(part)
            offset, n_bytes = offset + len(part), n_bytes - len(part)
        return b"".join(parts)

    def _write(self, offset: int, raw: bytes) -> None:
        try:
            written = os.pwrite(self._descriptor, raw, offset)
            while written < len(raw):  # a nearly full disk, or 2 GiB at once
                written += os.pwrite(self._descriptor, memoryview(raw)[written:], offset + written)
        except OSError as error:
            raise self._named(error) from None

    def _named(self, error: OSError) -> OSError:
        error.filename = str(self.path)
        return error
