"""A results file written by all ranks together, through parallel HDF5.

Every rank writes the rows that it has solved, by itself: the file has its final
structure, so writing needs no agreement among ranks. Parallel HDF5 has no sieve
buffer and hands each write to MPI-IO at once, in the order of the protocol. Only
opening and closing take all ranks together.

The communicator comes in as an argument; nothing of MPI is imported here but by
h5py itself, where it was built with MPI.
"""

import errno
import os
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mpi_layout.results.storage.disk import CHECKPOINTED, STORED, DiskError, behind
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import Extent

CURE = (
    "jobs/install-parallel-h5py.sh makes an environment with one that fits; "
    "--backend gather needs none and writes the same file"
)


def why_not() -> str | None:
    """Say why parallel HDF5 cannot be used in this environment, or None if it can."""
    if h5py.get_config().mpi:
        libraries = _mpi_libraries()
        if len(libraries) < 2:
            return None
        return f"h5py and mpi4py load different MPI libraries, {' and '.join(sorted(libraries))}; {CURE}"
    return f"h5py {h5py.version.version} of this environment was not built with MPI; {CURE}"


def _mpi_libraries() -> set[str]:
    """MPI libraries in this process: with two, each would find itself uninitialised by the other."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    return {
        os.path.realpath(found) for found in re.findall(r"(/\S*/lib(?:mpi|mpich)\.so[.0-9]*)$", maps, re.M)
    }


def misplaced(path: Path, extents: dict[str, Extent]) -> str | None:
    """Name a dataset that HDF5 finds elsewhere than the file's map, or None: only a forged file has one."""
    with h5py.File(path, "r", locking=False) as file:
        for name, extent in extents.items():
            dataset = file[name].id
            if (dataset.get_offset(), dataset.get_storage_size()) != (extent.offset, extent.n_bytes):
                return name
    return None


# Files that are not closed any more: if Python let go of one, HDF5 would wait for the other ranks.
_LET_GO: list[h5py.File] = []


class MpioStore(PlainStore):
    """An open results file of which every rank writes its part.

    Reading and syncing use a descriptor of this rank's own: `fsync` on it makes durable
    what this rank has handed to the operating system.

    Parameters
    ----------
    path : Path
        The file.
    extents : dict of str to Extent
        Its datasets.
    comm : mpi4py.MPI.Comm
        All ranks that write; they open the file together.

    Raises
    ------
    DiskError
        From every method.
    """

    def __init__(self, path: Path, extents: dict[str, Extent], comm: Any) -> None:
        super().__init__(path, extents, writable=False)
        self._together = True
        self._alone = comm.size == 1
        try:
            self._file = h5py.File(path, "r+", driver="mpio", comm=comm, libver="earliest")
            self._datasets = {name: self._file[name].id for name in self.extents}
        except (OSError, RuntimeError) as error:
            raise self._failed("opening the file together", error) from error

    def write(self, name: str, start: int, values: NDArray) -> None:
        """Write entries of a dataset, from entry start on; no other rank needs to take part."""
        extent, dataset = self.extents[name], self._datasets[name]
        if values.dtype != extent.dtype or start < 0 or start + len(values) > extent.shape[0]:
            raise ValueError(f"{name}: {values.dtype} {values.shape} does not fit at {start} of {extent}")
        here = dataset.get_space()
        here.select_hyperslab((start, *(0 for _ in extent.shape[1:])), values.shape)
        try:
            # The bytes are those of the file: with its own type HDF5 converts nothing, UTF-8 included.
            there = h5py.h5s.create_simple(values.shape)
            dataset.write(there, here, np.ascontiguousarray(values), dataset.get_type())
        except (OSError, RuntimeError) as error:
            raise self._failed(f"writing column {name}", error, STORED) from error

    def let_go(self) -> None:
        """Do not wait for the other ranks when closing: some of them are gone, or will not come."""
        if not self._alone:
            self._together = False
            _LET_GO.append(self._file)

    def close(self) -> None:
        """Close the file, all ranks together unless they were let go."""
        if self._together:
            self._together = False
            try:
                self._file.close()  # takes all ranks; HDF5 syncs nothing, each rank has done that itself
            except (OSError, RuntimeError) as error:
                raise self._failed("closing the file together", error, CHECKPOINTED) from error
        super().close()

    def _failed(self, doing: str, error: Exception, kept: str = "") -> DiskError:
        said = (str(error) or type(error).__name__).splitlines()[0]
        return DiskError(self.path, doing, behind(error) or OSError(errno.EIO, said), kept)
