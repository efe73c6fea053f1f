"""What a results file tells somebody who looks at it again and again.

A look reads three short columns, the launch table and the rows that have changed since the
look before. Rows are remembered without layouts. So watching costs what has happened, not
what the file holds, and it is only reading: no lock, no HDF5, nothing that the run would notice.

The file does not say when a config began or ended. A launch tells since when which rank has
which config, in the lock file. Where it does not, whoever looks often has seen it happen: then
ages are those since the look that saw it first.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Campaign
from mpi_layout.results.launches import Launch, read_launches
from mpi_layout.results.locking.lock_file import read_notice
from mpi_layout.results.locking.notice import Notice
from mpi_layout.results.reader import Piece, Results, open_reader, scan
from mpi_layout.results.state.core_time import seconds_left, sound
from mpi_layout.results.state.sight import PLAIN, PLAIN_DTYPE, InFlight, Remembered, Sight, of_launch
from mpi_layout.results.state.summary import LaunchState, launch_states, longest_silence
from mpi_layout.results.storage.disk import DiskError
from mpi_layout.results.storage.row import Status, row_dtype
from mpi_layout.results.storage.store import PlainStore

RATE_WINDOW_S = 60.0  # over which "now" is measured, or longer until
RATE_ENDS = 10  # configs have ended in it
_HISTORY_S = 1800.0
_HISTORY = 2000  # looks
_GAP = 8  # rows that are read although they have not changed, because their neighbours have
_MOST_DOUBTS = 1000  # damaged rows that get another look each time: they may be being written


class LiveReader:
    """Looks at a results file again and again.

    Parameters
    ----------
    path : Path
        The file.
    clock : function, optional
        Seconds that never go back.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._clock = clock
        self._memory: _Memory | None = None
        self._generation = 0

    def look(self, *, now: float) -> Sight:
        """Look at the file as it is now, whichever file has the name now.

        Parameters
        ----------
        now : float
            Seconds since 1970; decides whether a launch still runs.

        Raises
        ------
        InputError
            There is no file, or none that can be used; the text says why. A later look may find one.
        DiskError
            It cannot be read.
        """
        began = self._clock()
        if self._memory is None or not self._memory.is_of(self.path):
            self._memory = None
            results = open_reader(self.path)
            self._memory = _Memory(results, results.campaign)
            self._generation += 1
        memory = self._memory
        with PlainStore(self.path, memory.results.structure.extents, writable=False) as store:
            memory.update(store, self._clock(), now)
        memory.note(read_notice(self.path), self._clock())
        return memory.sight(self._generation, now, self._clock(), began)


class _Memory:
    """What is known of one file."""

    def __init__(self, results: Results, campaign: Campaign) -> None:
        self.results = results
        self._campaign = campaign
        n = results.n_rows
        self._rows = np.zeros(n, PLAIN_DTYPE)
        self._messages: dict[int, bytes] = {}
        self._committed = np.zeros(n, bool)
        self._ended_at = np.full(n, np.nan)
        self._begun_at = np.full(n, np.nan)  # NaN where no attempt is on record
        self._first = -np.inf  # time of the first look
        with PlainStore(results.path, results.structure.extents, writable=False) as store:
            self._map = bytes(store.read("map"))
        self._launches: tuple[Launch, ...] = ()
        self._beat_at = np.nan
        self._ends: deque[tuple[float, int]] = deque(maxlen=_HISTORY)
        self._notice: Notice | None = None
        self._ahead = -np.inf  # how far the launch's clock is ahead of ours, at least

    def is_of(self, path: Path) -> bool:
        """Whether the file with that name is still this one, or one exactly like it with other rows."""
        try:
            with PlainStore(path, self.results.structure.extents, writable=False) as store:
                return bytes(store.read("map")) == self._map
        except DiskError:
            return False

    # ---------------------------------------------------------------- reading

    def update(self, store: PlainStore, clock: float, now: float) -> None:
        """Read what is new."""
        first = not np.isfinite(self._first)
        if first:
            self._first = clock
        attempts = store.read("attempts")
        status, checksum = store.read("status"), store.read("checksum")
        new = (status != self._rows["status"]) | (checksum != self._rows["checksum"])
        doubtful = ~self._committed & (self._rows["status"] != Status.WAITING)
        if np.count_nonzero(doubtful) <= _MOST_DOUBTS:
            new |= doubtful
        self._empty(np.flatnonzero(new & (status == Status.WAITING)), checksum)
        before = self._committed.copy()
        dtype = row_dtype(self.results.structure.n_turbines_max)
        for start, stop in _runs(np.flatnonzero(new & (status != Status.WAITING))):
            for piece in scan(store, dtype, start, stop):
                self._remember(piece)
        # Taken before the rows: what has ended meanwhile is not in flight.
        self._note_begun(attempts, clock)
        ended = self._committed & (~before | new)
        self._ended_at[ended] = np.nan if first else clock
        self._ended_at[~self._committed] = np.nan
        self._note_launches(read_launches(store), clock, now, first=first)

    def _empty(self, numbers: NDArray[np.int64], checksum: NDArray) -> None:
        """Note that rows wait."""
        for name in PLAIN:
            self._rows[name][numbers] = 0
        for number in self._messages.keys() & set(numbers.tolist()):
            del self._messages[number]
        self._rows["checksum"][numbers] = checksum[numbers]
        self._committed[numbers] = False

    def _remember(self, piece: Piece) -> None:
        here = slice(piece.start, piece.start + len(piece.rows))
        for name in PLAIN:
            self._rows[name][here] = piece.rows[name]
        for number in self._messages.keys() & set(range(here.start, here.stop)):
            del self._messages[number]
        for index in np.flatnonzero(piece.failed).tolist():
            self._messages[piece.start + index] = piece.rows["message"][index]
        self._committed[here] = piece.committed

    def _note_begun(self, attempts: NDArray[np.int32], clock: float) -> None:
        flying = (self._rows["status"] == Status.WAITING) & (attempts > 0)
        again = attempts != self._rows["attempts"]
        self._begun_at[flying & (again | np.isnan(self._begun_at))] = clock
        self._begun_at[~flying] = np.nan
        waiting = self._rows["status"] == Status.WAITING
        self._rows["attempts"][waiting] = attempts[waiting]

    def _note_launches(self, launches: tuple[Launch, ...], clock: float, now: float, *, first: bool) -> None:
        old, self._launches = self._launches, launches
        if not launches:
            return
        last = launches[-1]
        same = bool(old) and (old[-1].number, old[-1].started) == (last.number, last.started)
        if not same:
            self._ends.clear()
            self._beat_at = clock - max(0.0, now - last.heartbeat) if first else clock
        elif old[-1].heartbeat != last.heartbeat:
            self._beat_at = clock
        self._ends.append((clock, int(np.count_nonzero(of_launch(self._piece, last)))))
        while clock - self._ends[0][0] > _HISTORY_S:
            self._ends.popleft()

    @property
    def _piece(self) -> Piece:
        return Piece(0, self._rows, self._committed)

    def note(self, notice: Notice | None, clock: float) -> None:
        """Take in what the launch has told; nothing new where that cannot be read or is about another one."""
        last = self._launches[-1] if self._launches else None
        if self._notice and (last is None or not self._notice.fits(last, len(self._rows))):
            self._notice, self._ahead = None, -np.inf
        if notice and last and notice.fits(last, len(self._rows)):
            self._notice = notice
            self._ahead = max(self._ahead, notice.clock - clock)

    @property
    def _told_at(self) -> float:
        """When the launch told something last, by our clock."""
        return self._notice.clock - self._ahead if self._notice else -np.inf

    # ---------------------------------------------------------------- telling

    def sight(self, generation: int, now: float, clock: float, began: float) -> Sight:
        """What is known now, in a copy that stays as it is."""
        piece = Piece(0, self._rows.copy(), self._committed.copy())
        results = Remembered(
            self.results.path, self.results.structure, self._launches, self.results.campaign_text,
            parsed=self._campaign, piece=piece, messages=self._messages.copy(),
        )  # fmt: skip
        launches = self._states(results, now, clock)
        running = bool(launches) and launches[-1].state == "running"
        notice = self._notice if running else None
        flying = self._in_flight(clock, notice)
        left = _seconds_left(piece, self._campaign, launches[-1].launch) if running else None
        return Sight(
            results=results,
            generation=generation,
            launches=launches,
            rate=self._rate(now) if running else None,
            rate_now=self._rate_now() if running else None,
            eta=left if notice is None else notice.time_left(clock + self._ahead),
            silence=clock - self._beat_at if launches else np.nan,
            in_flight=flying if running else (),
            interrupted=0 if running else len(flying),
            ended_ago=clock - self._ended_at,
            took=clock - began,
            notice=notice,
            notice_age=clock - self._told_at if notice else 0.0,
        )

    def _states(self, results: Results, now: float, clock: float) -> tuple[LaunchState, ...]:
        states = launch_states(results, now=now)
        if states and states[-1].state != "ended":
            alive = clock - self._beat_at < longest_silence(results)
            states = (*states[:-1], LaunchState(states[-1].launch, "running" if alive else "lost"))
        return states

    def _in_flight(self, clock: float, notice: Notice | None) -> tuple[InFlight, ...]:
        """Oldest first; what a lost launch has left on record, and no rank has, is not among them."""
        told = {now.config: now for now in notice.ranks} if notice else {}
        singly = notice is not None and all(now.given <= 1 for now in notice.ranks)
        found = []
        for number in np.flatnonzero(~np.isnan(self._begun_at)).tolist():
            attempts, begun = int(self._rows["attempts"][number]), float(self._begun_at[number])
            exact = begun > self._first
            if now := told.get(number):
                age = max(0.0, clock + self._ahead - now.since)
                found.append(InFlight(number, attempts, age, exact=True, rank=now.rank, given=now.given))
            elif not (singly and (not exact or begun <= self._told_at)):
                found.append(InFlight(number, attempts, clock - begun, exact=exact))
        return tuple(sorted(found, key=lambda one: -one.age))

    def _rate(self, now: float) -> float | None:
        last, ended = self._launches[-1], self._ends[-1][1]
        elapsed = max(now, last.heartbeat) - last.started
        return ended / elapsed if ended and elapsed > 0 else None

    def _rate_now(self) -> float | None:
        """Over the last minute, or as far back as it takes to see some configs end."""
        clock, ended = self._ends[-1]
        span = count = 0.0
        for then, before in reversed(self._ends):
            span, count = clock - then, float(ended - before)
            if span >= RATE_WINDOW_S and count >= RATE_ENDS:
                break
        return count / span if count > 0 and span > 0 else None


def _runs(numbers: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Starts and ends of runs of rows that hold ascending numbers and small gaps."""
    if not numbers.size:
        return
    breaks = np.flatnonzero(np.diff(numbers) > _GAP) + 1
    for part in np.split(numbers, breaks):
        yield int(part[0]), int(part[-1]) + 1


def _seconds_left(piece: Piece, campaign: Campaign, launch: Launch) -> float | None:
    """What all workers together need for the waiting configs, which take what others of their kind took."""
    kinds = (len(campaign.configs.kinds), -1)
    done, waiting = piece.done.reshape(kinds), ~piece.committed.reshape(kinds)
    seconds = np.where(done, sound(piece.rows["seconds"]).reshape(kinds), 0.0)
    left = seconds_left(seconds.sum(axis=1), done.sum(axis=1), waiting.sum(axis=1))
    return None if left is None else left / max(launch.ranks - 1, 1)
