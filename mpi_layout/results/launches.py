"""The launch table: who worked on the campaign, when, and why it ended.

The table is allocated in full like the rest of the file. When it is full, its last
entry is used again. An entry's checksum holds once the launch has ended in order;
while a launch lives, or when it was killed, the entry may be half written.
"""

import math
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpi_layout.results.row import fit_text
from mpi_layout.results.schema import LAUNCH_COLUMNS, N_LAUNCHES
from mpi_layout.results.store import PlainStore

_PREFIX = "launch_"
DTYPE = np.dtype([(column.name.removeprefix(_PREFIX), column.dtype) for column in LAUNCH_COLUMNS])


@dataclass(frozen=True)
class Launch:
    """One launch of the program.

    Attributes
    ----------
    number : int
        Its place in the table.
    started, heartbeat : float
        Seconds since 1970.
    ended : float or None
        Seconds since 1970; None as long as it lives, and for ever if it was killed.
    reason : str
        Why it ended.
    ranks : int
        Number of MPI ranks.
    host, pid : str, int
        Of rank 0.
    scheduler_id : str
        The batch scheduler's number for it, or "".
    versions : str
        Of the software.
    configs_done : int
        Configs it has finished.
    holds : bool
        Whether the checksum of the entry holds.
    """

    number: int
    started: float
    heartbeat: float
    ended: float | None
    reason: str
    ranks: int
    host: str
    pid: int
    scheduler_id: str
    versions: str
    configs_done: int
    holds: bool


def new_launch(
    *, ranks: int, host: str, pid: int, scheduler_id: str, versions: str, now: float
) -> NDArray[np.void]:
    """Entry (1,) of a launch that begins; text that does not fit is cut off."""
    entry = np.zeros(1, DTYPE)
    for name, value in (("host", host), ("scheduler_id", scheduler_id), ("versions", versions)):
        entry[name] = fit_text(value, DTYPE[name].itemsize)
    entry["ranks"], entry["pid"] = ranks, pid
    entry["started"] = entry["heartbeat"] = now
    entry["ended"] = np.nan
    return entry


def end_launch(entry: NDArray[np.void], reason: str, now: float) -> None:
    """Note in an entry (1,) that the launch ended, and why."""
    entry["reason"] = fit_text(reason, DTYPE["reason"].itemsize)
    entry["ended"] = entry["heartbeat"] = now


def read_launches(store: PlainStore) -> tuple[Launch, ...]:
    """All launches so far, in order."""
    n_used = int(np.isfinite(store.read("launch_started")).sum())
    entries = np.empty(n_used, DTYPE)
    for column in LAUNCH_COLUMNS:
        entries[column.name.removeprefix(_PREFIX)] = store.read(column.name, 0, n_used)
    return tuple(_launch(number, entries[number : number + 1]) for number in range(n_used))


def littered_entries(store: PlainStore) -> list[int]:
    """Numbers of entries that no launch has used, but that are not empty.

    The first free entry is left out: a launch may have been killed while it entered itself.
    """
    first = next_number(store) + 1
    littered = np.zeros(max(0, N_LAUNCHES - first), bool)
    for column in LAUNCH_COLUMNS:
        found = store.read(column.name, min(first, N_LAUNCHES))
        # Compared as bytes: NaN is not equal to itself, and text may hide behind its end.
        fresh = np.full(1, column.fresh, column.dtype).view(np.uint8)
        littered |= (found.view(np.uint8).reshape(len(found), -1) != fresh).any(axis=1)
    return (first + np.flatnonzero(littered)).tolist()


def next_number(store: PlainStore) -> int:
    """Find the number of the next launch: the first free entry, or the last one."""
    free = np.flatnonzero(np.isnan(store.read("launch_started")))
    return int(free[0]) if free.size else N_LAUNCHES - 1


def write_launch(store: PlainStore, number: int, entry: NDArray[np.void]) -> None:
    """Write an entry (1,), its checksum renewed."""
    entry["checksum"] = _checksum(entry)
    names = [name for name in DTYPE.names or () if name not in ("started", "ended")]
    # Only an entry with an end has to hold: an end is taken away first, and set when all the rest is there.
    # What marks the entry as used comes last.
    lives = bool(np.isnan(entry["ended"][0]))
    for name in ["ended", *names, "started"] if lives else [*names, "ended", "started"]:
        store.write(_PREFIX + name, number, entry[name])


def _checksum(entry: NDArray[np.void]) -> int:
    return zlib.crc32(entry.tobytes()[: -DTYPE["checksum"].itemsize])


def _launch(number: int, entry: NDArray[np.void]) -> Launch:
    values = dict(zip(DTYPE.names or (), entry[0].item(), strict=True))
    holds = values.pop("checksum") == _checksum(entry)
    values = {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for k, v in values.items()}
    if math.isnan(values["ended"]):
        values["ended"] = None
    return Launch(number=number, holds=holds, **values)
