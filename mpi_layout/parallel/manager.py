"""The manager's loop: answers go from the team into the file, configs from the schedule to the team."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mpi_layout.parallel.schedule import Assignment, Schedule
from mpi_layout.parallel.solver import Died, Solver
from mpi_layout.parallel.stopping import Stop
from mpi_layout.parallel.team import Team
from mpi_layout.results.file import ResultsFile
from mpi_layout.results.row import Status

log = logging.getLogger(__name__)

TOO_MANY_FAILED = "too many failed configs"


@dataclass
class Manager:
    """Rank 0 at work.

    Attributes
    ----------
    interval : float
        Between two checkpoints, s.
    ended : int
        Configs that ended in this launch, failed ones included.
    busy : float
        Time that workers spent on configs that ended, s.
    """

    team: Team
    schedule: Schedule
    results: ResultsFile
    solver: Solver
    stop: Stop
    interval: float
    busy: float = 0.0
    ended: int = 0
    _next_checkpoint: float = field(default_factory=time.monotonic)

    def work(self, show: Callable[[], None]) -> None:
        """Hand out and store until nothing is left, or until the launch has to stop.

        Raises
        ------
        BugError
            A worker met an error of the program.
        DiskError
            The file cannot be written.
        """
        while True:
            ended = [self._note(*answer) for answer in self.team.collect()]
            handed_out = self._hand_out()
            for number, row in filter(None, ended):  # stored while the workers work again
                self.results.write_row(number, row)
            self._checkpoint_if_due()
            show()
            if self.stop.patience_over:
                return
            if not self.schedule.running and not handed_out:
                if self.schedule.waiting and not self.stop.reason:
                    self.stop.nothing_fits()
                return

    def close(self, reason: str) -> None:
        """Make everything durable: rows, attempts without the interrupted ones, and why the launch ended.

        Parameters
        ----------
        reason : str
            Empty if the disk failed: an end in the launch table vouches for all rows, and they are durable
            before it is noted.
        """
        for number, attempts in self.schedule.take_back():
            self.results.record_attempt(number, attempts)
        self.results.checkpoint()
        if reason:
            self.results.end_launch(time.time(), reason, self.ended)
            self.results.checkpoint()

    def _hand_out(self) -> bool:
        """Give work to every worker that waits, if there is work and the launch goes on."""
        if self.schedule.too_many_failed:
            self.stop.ask(TOO_MANY_FAILED)
        handed_out = False
        while self.team.idle and not self.stop.reason:
            assignment = self.schedule.next(self.stop.seconds_left)
            if assignment is None:
                break
            self.results.record_attempt(assignment.number, assignment.attempts)
            self.team.give(assignment)
            handed_out = True
        return handed_out

    def _note(self, assignment: Assignment, answer: np.ndarray | Died) -> tuple[int, np.ndarray] | None:
        """Tell the schedule what happened; give back the row to store, if there is one."""
        if isinstance(answer, Died):
            row = self._after_death(assignment, answer)
        else:
            row = answer
            failed = bool(row["status"][0] == Status.FAILED)
            self.schedule.ended(assignment.number, float(row["seconds"][0]), failed=failed)
            self.busy += float(row["seconds"][0])
        if row is None:
            return None
        self.ended += 1
        if row["status"][0] == Status.FAILED:
            log.warning("%s failed: %s", row["key"][0].decode(), row["message"][0].decode())
        else:
            log.debug(
                "%s done in %.3g s on rank %d", row["key"][0].decode(), row["seconds"][0], row["rank"][0]
            )
        return assignment.number, row

    def _after_death(self, assignment: Assignment, death: Died) -> np.ndarray | None:
        key = self.solver.campaign.configs[assignment.number].key
        tried = f"attempt {assignment.attempts} of {self.schedule.max_attempts}"
        if not self.schedule.died(assignment.number):
            log.warning("%s: its process %s in %s; it is tried again", key, death.how, tried)
            return None
        return self.solver.failed_row(assignment, f"its process {death.how}")

    def _checkpoint_if_due(self) -> None:
        now = time.monotonic()
        if now < self._next_checkpoint:
            return
        self._next_checkpoint = now + self.interval
        self.results.heartbeat(time.time(), self.ended)
        self.results.checkpoint()
