"""The launch table: who worked on the campaign, when, and why it ended.

The table is allocated in full like the rest of the file. When it is full, its last
entry is used again. An entry's checksum holds once the launch has ended in order;
while a launch lives, or when it was killed, the entry may be half written. A power cut
may also lose any part of an entry that was not synced, its start or its end included.
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
    used = np.flatnonzero(_used(store)).tolist()
    n_entries = used[-1] + 1 if used else 0
    entries = np.empty(n_entries, DTYPE)
    for column in LAUNCH_COLUMNS:
        entries[column.name.removeprefix(_PREFIX)] = store.read(column.name, 0, n_entries)
    return tuple(_launch(number, entries[number : number + 1]) for number in used)


def mend(store: PlainStore) -> None:
    """Undo what a power cut has left of entries: ends that do not hold, and pieces where no launch is noted.

    Call it before a launch begins; no other may be alive.
    """
    for launch in read_launches(store):
        if launch.ended is not None and not launch.holds:
            store.write("launch_ended", launch.number, np.full(1, np.nan, "<f8"))
    for number in _littered(store):
        for column in LAUNCH_COLUMNS:
            store.write(column.name, number, np.full(1, column.fresh, column.dtype))


def littered_entries(store: PlainStore) -> list[int]:
    """Numbers of entries that no launch has used, but that are not empty.

    The next one is left out: a launch may have been killed while it entered itself.
    """
    entering = next_number(store)
    return [number for number in _littered(store) if number != entering]


def next_number(store: PlainStore) -> int:
    """Find the number of the next launch: behind all others, or the last one if the table is full."""
    numbers = np.flatnonzero(_used(store))
    return min(int(numbers[-1]) + 1, N_LAUNCHES - 1) if numbers.size else 0


def _used(store: PlainStore) -> NDArray[np.bool_]:
    """Which entries launches have used; between them may be some that a power cut has lost."""
    return np.isfinite(store.read("launch_started")) & np.isfinite(store.read("launch_heartbeat"))


def _littered(store: PlainStore) -> list[int]:
    littered = np.zeros(N_LAUNCHES, bool)
    for column in LAUNCH_COLUMNS:
        found = store.read(column.name)
        # Compared as bytes: NaN is not equal to itself, and text may hide behind its end.
        fresh = np.full(1, column.fresh, column.dtype).view(np.uint8)
        littered |= (found.view(np.uint8).reshape(len(found), -1) != fresh).any(axis=1)
    return np.flatnonzero(littered & ~_used(store)).tolist()


def write_launch(store: PlainStore, number: int, entry: NDArray[np.void]) -> None:
    """Write an entry (1,), its checksum renewed."""
    entry["checksum"] = _checksum(entry)
    for column in reversed(LAUNCH_COLUMNS):  # what marks an entry as used comes last
        store.write(column.name, number, entry[column.name.removeprefix(_PREFIX)])


def _checksum(entry: NDArray[np.void]) -> int:
    return zlib.crc32(entry.tobytes()[: -DTYPE["checksum"].itemsize])


def _launch(number: int, entry: NDArray[np.void]) -> Launch:
    values = dict(zip(DTYPE.names or (), entry[0].item(), strict=True))
    holds = values.pop("checksum") == _checksum(entry)
    values = {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for k, v in values.items()}
    if math.isnan(values["ended"]):
        values["ended"] = None
    return Launch(number=number, holds=holds, **values)
