"""The manager's loop: answers go from the team into the file, configs from the schedule to the team."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mpi_layout.parallel.answers import Died, Lost, Overdue, Stored, What, too_long
from mpi_layout.parallel.schedule import Assignment, Schedule
from mpi_layout.parallel.solver import Solver
from mpi_layout.parallel.stopping import Stop
from mpi_layout.parallel.team import Team
from mpi_layout.results.file import ResultsFile
from mpi_layout.results.row import Status, brief

log = logging.getLogger(__name__)

TOO_MANY_FAILED = "too many failed configs"
NO_WORKER = "the loss of all workers"
LAUNCHER_GONE = "the loss of its launcher"
HEARTBEAT_S = 10.0


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
    missing : list of str
        Ranks that died or hung in this launch.
    """

    team: Team
    schedule: Schedule
    results: ResultsFile
    solver: Solver
    stop: Stop
    interval: float
    busy: float = 0.0
    ended: int = 0
    missing: list[str] = field(default_factory=list)
    _next_checkpoint: float = field(default_factory=time.monotonic)
    _next_heartbeat: float = field(default_factory=time.monotonic)

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
            rows = [self._note(assignment, what) for assignment, what in self.team.collect()]
            handed_out = self._hand_out()
            for number, row in filter(None, rows):  # stored while the workers work again
                self.results.write_row(number, row)
            self._tend_file()
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
        self.team.settle()
        if not self.results.shared:  # else those still running may be writing their rows this very moment
            for number, attempts in self.schedule.take_back():
                self.results.record_attempt(number, attempts)
        self.results.checkpoint()
        if reason:
            self.results.end_launch(time.time(), "; ".join([reason, *self.missing]), self.ended)
            self.results.checkpoint()

    def _hand_out(self) -> bool:
        """Give work to every worker that waits, if there is work and the launch goes on."""
        self._look_for_reasons_to_stop()
        handed_out = False
        while self.team.idle and not self.stop.reason:
            batch = self.schedule.next_batch(self.stop.seconds_left, self.team.workers, most=1)
            if not batch:
                break
            (assignment,) = batch
            self.results.record_attempt(assignment.number, assignment.attempts)
            if assignment.suspect:  # it may take the whole machine down
                self.results.checkpoint()
            self.team.give(assignment)
            handed_out = True
        return handed_out

    def _look_for_reasons_to_stop(self) -> None:
        if self.schedule.too_many_failed:
            self.stop.ask(TOO_MANY_FAILED)
        if not self.team.workers and not self.schedule.complete:
            self.stop.ask(NO_WORKER)
        if self.team.launcher_gone:
            self.stop.ask(LAUNCHER_GONE)

    def _note(self, assignment: Assignment | None, what: What) -> tuple[int, np.ndarray] | None:
        """Tell the schedule what happened; give back the row to store, if there is one."""
        if isinstance(what, Lost):
            self._after_loss(assignment, what)
            return None
        if assignment is None:
            return None
        if isinstance(what, Died | Overdue):
            row = self._after_death(assignment, what)
            if row is not None:
                self._count(assignment, brief(row)[0])
        elif isinstance(what, Stored):
            row = None
            self._after_end(assignment, what.brief[0])
            self.results.note_stored(assignment.number, what.brief[0])
        else:
            row = what
            self._after_end(assignment, brief(row)[0])
        return None if row is None else (assignment.number, row)

    def _after_end(self, assignment: Assignment, said: np.void) -> None:
        """A config came to its end, whoever writes its row."""
        seconds, failed = float(said["seconds"]), bool(said["status"] == Status.FAILED)
        self.schedule.ended(assignment.number, seconds, failed=failed)
        self.busy += seconds
        self._count(assignment, said)

    def _count(self, assignment: Assignment, said: np.void) -> None:
        self.ended += 1
        key = self._key(assignment)
        if said["status"] == Status.FAILED:
            log.warning("%s failed: %s", key, said["message"].decode())
        else:
            log.debug("%s done in %.3g s on rank %d", key, said["seconds"], said["rank"])

    def _after_death(self, assignment: Assignment, what: Died | Overdue) -> np.ndarray | None:
        """An attempt failed by the config's own doing: the row of a config that has failed, or None."""
        how = what.how if isinstance(what, Died) else too_long(self.solver.max_seconds)
        key = self._key(assignment)
        if isinstance(what, Overdue):
            log.warning("%s: %s; %s does not answer and is abandoned", key, how, what.who)
            self.missing.append(f"{what.who} hung")
        if self.schedule.died(assignment.number):
            return self.solver.failed_row(assignment, how)
        tried = f"attempt {assignment.attempts} of {self.schedule.max_attempts}"
        log.warning("%s: %s in %s; it is tried again", key, how, tried)
        return None

    def _after_loss(self, assignment: Assignment | None, lost: Lost) -> None:
        """A rank died; its config is tried again, unless it has written the row before."""
        self.missing.append(f"{lost.who} died")
        left = f"{self.team.workers} {'worker goes' if self.team.workers == 1 else 'workers go'} on"
        if assignment is None:
            log.warning("%s has died; %s", lost.who, left)
            return
        row = self.results.look(assignment.number) if self.results.shared else None
        if row is None:
            log.warning(
                "%s has died with %s, which is tried again; %s", lost.who, self._key(assignment), left
            )
            self.schedule.lost(assignment.number)
        else:
            log.warning("%s has died, with %s just stored; %s", lost.who, self._key(assignment), left)
            self._after_end(assignment, brief(row)[0])
            self.results.note_stored(assignment.number, brief(row)[0])

    def _key(self, assignment: Assignment) -> str:
        return self.solver.campaign.configs[assignment.number].key

    def _tend_file(self) -> None:
        """Write heartbeats and checkpoints when they are due."""
        now = time.monotonic()
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + HEARTBEAT_S
            self.results.heartbeat(time.time(), self.ended)
        if now >= self._next_checkpoint:
            self._next_checkpoint = now + self.interval
            self.results.heartbeat(time.time(), self.ended)
            self.team.sync()
            self.results.checkpoint()
