"""Files that are filled with rows from elsewhere, by no ranks: such work is a launch, too."""

import os
import socket
import time
from typing import Any

from mpi_layout.results import launches
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.versions import software_versions


def begun_now() -> dict[str, Any]:
    """Arguments of `launches.new_launch` for a launch of no ranks that begins now, in this process."""
    return {
        "ranks": 0,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "scheduler_id": launches.scheduler_id(),
        "versions": " ".join(f"{name}={version}" for name, version in software_versions().items()),
        "now": time.time(),
    }


def note_launch(store: PlainStore, reason: str, n_rows: int) -> int:
    """Enter a launch of no ranks that has just ended, behind all others.

    Parameters
    ----------
    store : PlainStore
        Of a file that is being made.
    reason : str
        What it did, such as "merged 2 files"; what does not fit is cut off.
    n_rows : int
        Configs that it has finished: rows that have it in their column `launch`.

    Returns
    -------
    int
        Number of the launch.
    """
    entry = launches.new_launch(**begun_now())
    number = launches.enter(store, entry)
    launches.end(store, number, entry, reason, n_rows, time.time())
    return number
