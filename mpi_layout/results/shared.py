"""A results file as a worker sees it that writes its own rows: no campaign, no masks, no launch table."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import InputError
from mpi_layout.results.locking.lock import SharedLock
from mpi_layout.results.locking.lock_file import lock_owner
from mpi_layout.results.storage.mpio import MpioStore, why_not
from mpi_layout.results.storage.structure import Extent

CURE = "all hosts have to mount its folder, or take --backend gather"


def invitation(
    path: Path, extents: dict[str, Extent], *, locked: bool, owner: dict[str, Any]
) -> dict[str, Any]:
    """Plain values from which another rank makes its `SharedRows`.

    Parameters
    ----------
    path : Path
    extents : dict of str to Extent
    locked : bool
        Whether the launch holds a lock.
    owner : dict
        What the lock file says of the launch: a file beside which others are named is another one.
    """
    places = {name: [e.offset, e.dtype.str, list(e.shape)] for name, e in extents.items()}
    return {"path": str(path.absolute()), "extents": places, "locked": locked, "owner": owner}


class SharedRows:
    """Rows of a results file that this rank writes together with others.

    Parameters
    ----------
    invited : dict
        From `invitation`, made where the file was opened and checked.
    """

    def __init__(self, invited: dict[str, Any]) -> None:
        self._path = Path(invited["path"])
        self._extents = {
            name: Extent(offset, np.dtype(dtype), tuple(shape))
            for name, (offset, dtype, shape) in invited["extents"].items()
        }
        self._owner = invited["owner"]
        self._lock = SharedLock(self._path) if invited["locked"] else None
        self._store: MpioStore | None = None

    def prepare(self) -> str:
        """Take part in the launch's lock; say what keeps this rank from writing, or "" if nothing does."""
        if reason := why_not():
            return reason
        try:
            if os.stat(self._path).st_size < max(extent.end for extent in self._extents.values()):
                return "it sees another file there, a shorter one"
            if lock_owner(self._path) != self._owner:
                return f"it sees another file there, not locked by this launch; {CURE}"
            if not os.access(self._path, os.R_OK | os.W_OK):
                return "it may not write it"
            if self._lock is not None:
                self._lock.acquire()
        except InputError as error:
            return str(error)
        except FileNotFoundError:
            return f"there is no such file; {CURE}"
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def open(self, comm: Any) -> None:
        """Open the file; all ranks of the communicator do it at the same time."""
        self._store = MpioStore(self._path, self._extents, comm)

    def write(self, number: int, row: NDArray[np.void]) -> None:
        """Write the sealed row (1,) of a config; the manager has marked it as waiting before."""
        self._opened.write_rows(number, row)

    def sync(self) -> None:
        """Make every row written by this rank survive a power cut."""
        self._opened.sync()

    def close(self, *, together: bool) -> None:
        """Sync and close: all ranks at the same time, or this one by itself."""
        self._opened.sync()
        if not together:
            self._opened.let_go()
        self._opened.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def _opened(self) -> MpioStore:
        if self._store is None:
            raise ValueError(f"{self._path}: not open")
        return self._store
