"""A team of one: a thread solves, so that the manager can look at clock, signals and file meanwhile."""

import queue
import socket
import threading
import time
from typing import Any

from mpi_layout.parallel.allotment import Allotment
from mpi_layout.parallel.alone import CarefulSolver
from mpi_layout.parallel.answers import Answer, Batch, Dropped, InFlight, Overdue
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.solver import Solver
from mpi_layout.results.locking.notice import RankNow

THREAD = 0  # the only worker
SOLVING = "solving"  # name of its thread
LOOK_S = 0.1  # between two looks at the clock while nothing ends


class SerialTeam:
    """The program without ranks: the same talk as with them, in one process."""

    ranks = 1
    workers_here = 1
    mpi = ""

    def __init__(self) -> None:
        self._flying = InFlight()
        self._todo: Batch = ()
        self._dropped: Batch = ()
        self._given: queue.SimpleQueue[Assignment | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()
        self._solver: Solver | None = None
        self.workers = 1

    launcher_gone = False

    @property
    def gone(self) -> list[int]:
        """The only worker, if it hangs."""
        return [] if self.workers else [THREAD]

    def at_work(self, since: float) -> list[RankNow]:
        """What there is to do, in seconds after `since`; nothing if the only worker hangs."""
        idle = [THREAD] if self.workers else []
        if self._todo and not self._flying:  # it begins this moment
            return [RankNow(THREAD, self._todo[0].number, len(self._todo), time.monotonic() - since)]
        working = self._flying.at_work([] if self._flying else idle, since)
        return [now._replace(given=now.given + len(self._todo)) for now in working]

    def share(self, invited: dict[str, Any]) -> Any:
        """Give the communicator of this process alone."""
        from mpi_layout.parallel import ranks

        return ranks.alone()

    def open(self, solver: Solver) -> None:
        """Make ready for the configs of a campaign."""
        self._solver = solver
        threading.Thread(target=self._work, args=(solver,), daemon=True, name=SOLVING).start()

    def lost(self) -> list[str]:
        """Nobody: who asks is alive."""
        return []

    @property
    def allotments(self) -> list[tuple[str, Allotment]]:
        """Host of this process, and what it may use there."""
        return [(socket.gethostname(), Allotment.here())]

    @property
    def idle(self) -> int:
        """Workers that wait for configs."""
        return 0 if self._flying or self._todo else self.workers

    def give(self, batch: Batch) -> None:
        """Take configs; the first begins at the next `collect`, so that the row before it is stored first."""
        self._todo = batch

    def drop(self) -> None:
        """Drop what has not begun."""
        self._dropped, self._todo = self._dropped + self._todo, ()

    def collect(self) -> list[Answer]:
        """Give back what came of a config; wait a moment for it."""
        if self._dropped:
            dropped, self._dropped = self._dropped, ()
            return [(dropped, Dropped())]
        if self._todo and not self._flying:
            self._flying.begin(THREAD, self._todo[:1])
            self._given.put(self._todo[0])
            self._todo = self._todo[1:]
        if not self._flying:
            return []
        try:
            answer = self._ended.get(timeout=LOOK_S)
        except queue.Empty:
            return self._overdue()
        if isinstance(answer, BaseException):
            raise answer
        self._flying.end(THREAD)
        return [answer]

    def sync(self) -> None:
        """Ask nobody: the manager writes all rows."""

    def settle(self) -> None:
        """Wait for nobody."""

    def dismiss(self, code: int) -> bool:
        """Let the thread end; nobody else has to know of `code`."""
        self._given.put(None)
        return True

    def leave(self, code: int) -> None:
        """Leave behind a thread that hangs, if there is one: it ends with the process."""

    def _work(self, solver: Solver) -> None:
        with CarefulSolver(solver) as careful:
            while (assignment := self._given.get()) is not None:
                try:
                    self._ended.put(((assignment,), careful.solve(assignment)))
                except BaseException as error:
                    self._ended.put(error)

    def _overdue(self) -> list[Answer]:
        if self._solver is None or not self._flying.overdue(self._solver.max_seconds):
            return []
        self.workers = 0
        return [(self._flying.end(THREAD), Overdue("the only process"))]
