"""What comes back for configs that were given to a worker, and who works on what since when."""

import itertools
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from mpi_layout.parallel.schedule import Assignment
from mpi_layout.results.locking.notice import RankNow

# A worker that finds by itself that its config took too long says so: the manager waits a little longer than
# the limit, and much longer where the worker has a child process to end.
MARGIN_S, SUSPECT_MARGIN_S = 2.0, 90.0


@dataclass(frozen=True)
class Died:
    """The attempt came to nothing, and the config is to blame: its process died, or it took too long."""

    how: str  # "its process was killed by SIGSEGV"


@dataclass(frozen=True)
class Lost:
    """The rank is gone, for whatever reason."""

    who: str  # "rank 3 on node17"
    how: str = "died"


@dataclass(frozen=True)
class Overdue:
    """One of the configs runs for longer than it may, and its rank does not answer."""

    who: str


@dataclass(frozen=True)
class Dropped:
    """The worker has not begun them, and will not."""


@dataclass(frozen=True)
class Stored:
    """The worker has written the rows by itself; this is what the manager needs to know of them.

    Attributes
    ----------
    brief : (n,) structured array
        Of `results.row.brief`.
    """

    brief: np.ndarray


# Rows (n,) where the manager writes them. An answer without assignments is about a rank that had none.
What = np.ndarray | Stored | Died | Lost | Overdue | Dropped
Batch = tuple[Assignment, ...]
Answer = tuple[Batch, What]


def too_long(max_seconds: float) -> str:
    """Say that a config ran into its limit."""
    return f"it ran for longer than failures.max_seconds allows ({max_seconds:g} s)"


class InFlight:
    """Which worker has what to solve, and when something was last heard of it.

    A worker says something at the end of a config, but not of each (`held` seconds may pass first).
    So one that has been silent for `held` and the seconds that a config may take is in a config that takes
    longer. Suspects go alone; each may be tried twice in a row by its worker, in processes of their own.

    Parameters
    ----------
    held : float
        How long a worker may keep a row to itself, s.
    clock : callable
        Seconds, never going back.
    """

    def __init__(self, held: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._held = held
        self._clock = clock
        # Both in the order of the seconds, so that only the first ones have to be looked at.
        self._suspects: OrderedDict[int, tuple[Batch, float]] = OrderedDict()
        self._others: OrderedDict[int, tuple[Batch, float]] = OrderedDict()
        self._made = clock()
        self._idle_since: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._suspects) + len(self._others)

    def begin(self, worker: int, batch: Batch) -> None:
        """Note that a worker was given configs."""
        kept = self._suspects if batch[0].suspect else self._others
        kept[worker] = batch, self._clock()

    def ended(self, worker: int, count: int) -> Batch:
        """Note that the first `count` of what a worker had have ended; give them back."""
        batch = self.end(worker)
        if batch[count:]:
            self.begin(worker, batch[count:])
        return batch[:count]

    def end(self, worker: int) -> Batch:
        """Note that a worker has nothing to do any more; give back what it had."""
        found = self._suspects.pop(worker, None) or self._others.pop(worker, None)
        self._idle_since[worker] = self._clock()
        return found[0] if found else ()

    def of(self, worker: int) -> int:
        """How many configs a worker has."""
        found = self._suspects.get(worker) or self._others.get(worker)
        return len(found[0]) if found else 0

    def with_several(self) -> list[int]:
        """Workers that have configs which they have not begun."""
        return [worker for worker, (batch, _) in self._others.items() if len(batch) > 1]

    def at_work(self, idle: Iterable[int], since: float) -> Iterator[RankNow]:
        """What the workers have that have something, and for how long the `idle` ones have had nothing.

        Times are in seconds after `since`. A worker with several configs may be beyond the first one.
        """
        for worker, (batch, heard) in itertools.chain(self._suspects.items(), self._others.items()):
            yield RankNow(worker, batch[0].number, len(batch), max(0.0, heard - since))
        for worker in idle:
            ended = self._idle_since.get(worker, self._made)
            yield RankNow(worker, None, 0, max(0.0, ended - since))

    def overdue(self, max_seconds: float) -> list[int]:
        """Workers that have been silent for longer than a config of `max_seconds` explains."""
        now = self._clock()
        return [
            *_silent(self._others, now - max_seconds - self._held - MARGIN_S),
            *_silent(self._suspects, now - 2 * max_seconds - SUSPECT_MARGIN_S),
        ]


def _silent(kept: OrderedDict[int, tuple[Batch, float]], since: float) -> Iterator[int]:
    for worker, (_, heard) in kept.items():
        if heard >= since:
            return
        yield worker
