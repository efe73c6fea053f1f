"""What comes back for a config that was given to a worker, and who works on what since when."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mpi_layout.parallel.schedule import Assignment

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


@dataclass(frozen=True)
class Overdue:
    """The config runs for longer than it may, and its rank does not answer."""

    who: str


@dataclass(frozen=True)
class Stored:
    """The worker has written the row by itself; this is what the manager needs to know of it.

    Attributes
    ----------
    brief : (1,) structured array
        Of `results.row.brief`.
    """

    brief: np.ndarray


# The row itself where the manager writes. An answer without an assignment is about a rank that had none.
What = np.ndarray | Stored | Died | Lost | Overdue
Answer = tuple[Assignment | None, What]


def too_long(max_seconds: float) -> str:
    """Say that a config ran into its limit."""
    return f"it ran for longer than failures.max_seconds allows ({max_seconds:g} s)"


class InFlight:
    """Which worker solves what, and since when.

    Parameters
    ----------
    clock : callable
        Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running: dict[int, tuple[Assignment, float]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, worker: int, assignment: Assignment) -> None:
        """Note that a worker was given a config."""
        self._running[worker] = assignment, self._clock()

    def end(self, worker: int) -> Assignment | None:
        """Note that a worker has nothing to do any more; give back what it had."""
        assignment, _ = self._running.pop(worker, (None, 0.0))
        return assignment

    def overdue(self, max_seconds: float) -> list[int]:
        """Workers whose config runs for longer than `max_seconds` and a margin."""
        now = self._clock()
        return [
            worker
            for worker, (assignment, since) in self._running.items()
            if now - since > max_seconds + (SUSPECT_MARGIN_S if assignment.suspect else MARGIN_S)
        ]
