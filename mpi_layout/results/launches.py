"""The launch table: who worked on the campaign, when, and why it ended.

The table is allocated in full like the rest of the file. When it is full, its last
entry is used again. While a launch lives, its checksum is that of what was known when
it began; when it ends, or the next one begins, it becomes that of the whole entry. So
an entry holds at any moment, and only a heartbeat and a count may change unnoticed in
the entry of the last launch, if that was lost.

Times are those of rank 0's node. Nothing is concluded from how they compare with another
node's, but by `WriterLock` where there are no locks, and by what is shown to people.
"""

import math
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpi_layout.results.storage.row import fit_text
from mpi_layout.results.storage.schema import LAUNCH_COLUMNS, N_LAUNCHES
from mpi_layout.results.storage.store import PlainStore

_PREFIX = "launch_"
DTYPE = np.dtype([(column.name.removeprefix(_PREFIX), column.dtype) for column in LAUNCH_COLUMNS])
_LATER = ("heartbeat", "ended", "reason", "configs_done")  # what changes after a launch has begun
_SOON = tuple(name for name in DTYPE.names or () if name not in (*_LATER, "checksum"))
_SOON_DTYPE = np.dtype([(name, DTYPE[name]) for name in _SOON])
LONGEST = 1e9  # s, of a launch
_TICK = 1e-3  # s
_LOOKS = 3  # at a table that is being written
_NO_ACCIDENT = 4  # characters; no flipped bit and no lost page makes so long a text out of nothing


def scheduler_id(environ: Mapping[str, str] = os.environ) -> str:
    """Number of the batch job that this process belongs to, of Slurm or PBS; empty outside."""
    return environ.get("SLURM_JOB_ID") or environ.get("PBS_JOBID", "")


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
        Whether the checksum of the entry holds, be it of its beginning only.
    sealed : bool
        Whether the checksum of the whole entry holds.
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
    sealed: bool


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


# ---------------------------------------------------------------- writing


def enter(store: PlainStore, entry: NDArray[np.void]) -> int:
    """Write the entry (1,) of a launch that begins into the table, and give its number."""
    number = min(_n_used(_read_entries(store)), N_LAUNCHES - 1)
    entry["checksum"] = _begin(entry[0])
    # A kill in between leaves an entry that is not in use, but has versions.
    _write(store, number, "started", np.array([np.nan]))
    _write(store, number, "versions", entry["versions"])
    for name in DTYPE.names or ():
        if name not in ("started", "versions"):
            _write(store, number, name, entry[name])
    _write(store, number, "started", entry["started"])
    return number


def beat(store: PlainStore, number: int, entry: NDArray[np.void], configs_done: int, now: float) -> None:
    """Note in an entry (1,) and in the table that the launch lives."""
    entry["heartbeat"], entry["configs_done"] = _later(entry, now), configs_done
    for name in ("heartbeat", "configs_done"):
        _write(store, number, name, entry[name])


def end(
    store: PlainStore, number: int, entry: NDArray[np.void], reason: str, configs_done: int, now: float
) -> None:
    """Note in an entry (1,) and in the table that the launch has ended, and why; seal it."""
    entry["reason"] = fit_text(reason, DTYPE["reason"].itemsize)
    entry["heartbeat"] = entry["ended"] = _later(entry, now)
    entry["configs_done"] = configs_done
    entry["checksum"] = _whole(entry[0])
    for name in _LATER:
        _write(store, number, name, entry[name])
    store.sync()  # until here the checksum of the beginning holds
    _write(store, number, "checksum", entry["checksum"])


def _later(entry: NDArray[np.void], now: float) -> float:
    """Time of a sign of life: later than that of the one before, also when the clock was set back."""
    return max(now, float(entry["heartbeat"][0]) + _TICK)


def mend(store: PlainStore) -> None:
    """Seal what earlier launches have left in the table; call it before a launch begins, with no other alive.

    A power cut may have taken any part of an entry that was not synced. What is left of it is kept, without
    an end; pieces where no launch is noted are removed.
    """
    entries = _read_entries(store)
    n_used = _n_used(entries)
    for number in range(n_used):
        entry = entries[number : number + 1]
        if entry["checksum"] == _whole(entry[0]):
            continue
        times = (float(entry[name][0]) for name in ("started", "heartbeat", "ended"))
        if not (_holds(entry[0]) and may_have_ended(*times)):
            for name in ("started", "heartbeat"):
                entry[name] = np.nan_to_num(entry[name], posinf=0.0, neginf=0.0)
            entry["ended"] = np.nan
        entry["checksum"] = _whole(entry[0])
        _write_entry(store, number, entry)
    for number in _littered(entries, n_used):
        _write_entry(store, number, _fresh())


def may_have_ended(started: float, heartbeat: float, ended: float) -> bool:
    """Whether the end of a launch, NaN for none, fits its other times; all in s since 1970."""
    return math.isnan(ended) or heartbeat <= ended < started + LONGEST


def copy_launches(source: PlainStore, target: PlainStore) -> None:
    """Copy the launches whose entries hold from a damaged file, so that their numbers mean the same."""
    write_launches(target, sealed_launches(source))


def sealed_launches(store: PlainStore) -> NDArray[np.void]:
    """Entries (n,) of the launches so far, sealed; one that was damaged says just that."""
    entries = _read_entries(store)
    entries = entries[: _n_held(entries)]
    for number in range(len(entries)):
        entry = entries[number : number + 1]
        if not _holds(entry[0]):
            entry[:] = new_launch(ranks=0, host="", pid=0, scheduler_id="", versions="", now=0.0)
            entry["ended"], entry["reason"] = 0.0, b"its entry was damaged"
        entry["checksum"] = _whole(entry[0])
    return entries


def write_launches(store: PlainStore, entries: NDArray[np.void]) -> None:
    """Write sealed entries (n,) into a table that has none yet."""
    for number in range(len(entries)):
        _write_entry(store, number, entries[number : number + 1])


def _write_entry(store: PlainStore, number: int, entry: NDArray[np.void]) -> None:
    for name in DTYPE.names or ():
        _write(store, number, name, entry[name])


def _write(store: PlainStore, number: int, name: str, value: NDArray) -> None:
    store.write(_PREFIX + name, number, value)


# ---------------------------------------------------------------- reading


def read_launches(store: PlainStore) -> tuple[Launch, ...]:
    """All launches so far, in order."""
    for _ in range(_LOOKS):
        entries = _read_entries(store)
        n_used = _n_used(entries)
        if all(map(_holds, entries[:n_used])):
            break  # else the last one may have been written just then
    return tuple(_launch(number, entries[number]) for number in range(n_used))


def littered_entries(store: PlainStore) -> list[int]:
    """Numbers of entries that no launch has used, but that are not empty.

    The first of them may be the entry of a launch that was killed while it entered itself.
    """
    entries = _read_entries(store)
    first = _n_used(entries)
    littered = _littered(entries, first)
    if first == N_LAUNCHES or not np.isnan(entries["started"][first]):
        return littered
    versions = entries["versions"][first].split(b"\0")[0]
    return [number for number in littered if number != first or len(versions) < _NO_ACCIDENT]


def _littered(entries: NDArray[np.void], n_used: int) -> list[int]:
    # Compared as bytes: NaN is not equal to itself, and text may hide behind its end.
    fresh = _fresh().tobytes()
    return [n for n in range(n_used, N_LAUNCHES) if entries[n].tobytes() != fresh]


def _fresh() -> NDArray[np.void]:
    """Entry (1,) that no launch has used."""
    fresh = np.zeros(1, DTYPE)
    for column in LAUNCH_COLUMNS:
        fresh[column.name.removeprefix(_PREFIX)] = column.fresh
    return fresh


def _read_entries(store: PlainStore) -> NDArray[np.void]:
    """All entries (N_LAUNCHES,); what says that one is in use was written last and is read first."""
    entries = np.empty(N_LAUNCHES, DTYPE)
    for name in DTYPE.names or ():
        entries[name] = store.read(_PREFIX + name)
    return entries


def _n_used(entries: NDArray[np.void]) -> int:
    """Entries in use; neither a start that was lost nor one made of nothing by damage misleads."""
    free = np.flatnonzero(~(entries["started"] > 0))
    n_started = int(free[0]) if free.size else N_LAUNCHES
    return max(n_started, _n_held(entries))


def _n_held(entries: NDArray[np.void]) -> int:
    """Entries up to the last one that holds."""
    summed = reversed(np.flatnonzero(entries["checksum"]).tolist())
    return next((n + 1 for n in summed if _holds(entries[n])), 0)


def _begin(entry: np.void) -> int:
    """CRC-32 of what is known when a launch begins."""
    return zlib.crc32(np.array(entry, DTYPE)[list(_SOON)].astype(_SOON_DTYPE).tobytes())


def _whole(entry: np.void) -> int:
    """CRC-32 of an entry."""
    return zlib.crc32(entry.tobytes()[: -DTYPE["checksum"].itemsize])


def _holds(entry: np.void) -> bool:
    return entry["checksum"] in (_whole(entry), _begin(entry))


def _launch(number: int, entry: np.void) -> Launch:
    values = dict(zip(DTYPE.names or (), entry.item(), strict=True))
    sealed = values.pop("checksum") == _whole(entry)
    values = {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for k, v in values.items()}
    if math.isnan(values["ended"]):
        values["ended"] = None
    return Launch(number=number, holds=_holds(entry), sealed=sealed, **values)
