"""The manager's loop: answers go from the team into the file, configs from the schedule to the team."""

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from mpi_layout.parallel.answers import Batch, Died, Dropped, Lost, Overdue, Stored, What, too_long
from mpi_layout.parallel.batches import collecting_seconds
from mpi_layout.parallel.notices import Notices
from mpi_layout.parallel.schedule import Assignment, Schedule
from mpi_layout.parallel.solver import Solver
from mpi_layout.parallel.stopping import Stop
from mpi_layout.parallel.team import Team
from mpi_layout.results.file import ResultsFile
from mpi_layout.results.storage.row import Status, brief

log = logging.getLogger(__name__)

TOO_MANY_FAILED = "too many failed configs"
NO_WORKER = "the loss of all workers"
LAUNCHER_GONE = "the loss of its launcher"
HEARTBEAT_S = 10.0
MOST_AT_ONCE = 500  # batches handed out before messages are looked at again
# Rank 0 stands still while the disk works: rather often and shortly than for seconds.
MOST_UNSYNCED_BYTES = 100_000_000

Rows = tuple[list[int], np.ndarray]  # numbers of n configs, and their sealed rows (n,)


@dataclass
class Manager:
    """Rank 0 at work.

    Attributes
    ----------
    interval : float
        Between two checkpoints, s.
    only : str
        Configs that the launch was to do, as `--only` says it.
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
    only: str = "*"
    busy: float = 0.0
    ended: int = 0
    missing: list[str] = field(default_factory=list)
    _collected: list[Rows] = field(default_factory=list)  # not written yet
    _next_write: float = 0.0
    _unsynced: int = 0  # bytes of rows
    _next_checkpoint: float = field(default_factory=time.monotonic)
    _next_heartbeat: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._notices = Notices(self.results, self.team, self.schedule, self.only)

    def work(self, show: Callable[[], None]) -> None:
        """Hand out and store until nothing is left, or until the launch has to stop.

        Raises
        ------
        BugError
            A worker met an error of the program.
        MemoryError
            A worker had too little.
        DiskError
            The file cannot be written.
        """
        while True:
            rows = [part for batch, what in self.team.collect() for part in self._note(batch, what)]
            handed_out = self._hand_out()
            self._collect(rows)  # while the workers work again
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
        self._store()
        if not self.results.shared:  # else those still running may be writing their rows this very moment
            self._record(self.schedule.take_back())
        self.results.checkpoint()
        if reason:
            self.results.end_launch(time.time(), "; ".join([reason, *self.missing]), self.ended)
            self.results.checkpoint()

    def _hand_out(self) -> bool:
        """Give work to the workers that wait, if there is work and the launch goes on."""
        self._look_for_reasons_to_stop()
        if self.stop.reason:
            self.team.drop()
            return False
        batches = list(self._next_batches())
        self._record([(a.number, a.attempts) for batch in batches for a in batch])
        if any(batch[0].suspect for batch in batches):  # they may take the whole machine down
            self.results.checkpoint()
        for batch in batches:
            self.team.give(batch)
        return bool(batches)

    def _next_batches(self) -> Iterator[Batch]:
        left, workers = self.stop.seconds_left, self.team.workers
        for _ in range(min(self.team.idle, MOST_AT_ONCE)):
            if not (batch := self.schedule.next_batch(left, workers)):
                return
            yield batch

    def _record(self, attempts: list[tuple[int, int]]) -> None:
        """Put (number, attempts) on record."""
        if attempts:
            self.results.record_attempts(*zip(*attempts, strict=True))

    def _collect(self, rows: list[Rows]) -> None:
        """Write rows, at once or when enough time has passed since the first of them came."""
        now = time.monotonic()
        if not self._collected:
            self._next_write = now + collecting_seconds(self.team.workers)
        self._collected += rows
        if now >= self._next_write:
            self._store()

    def _store(self) -> None:
        """Write what was collected."""
        if not self._collected:
            return
        numbers, parts = zip(*self._collected, strict=True)
        self._collected = []
        together = b"".join(part.tobytes() for part in parts)  # ten times as fast as numpy's way
        self.results.write_rows(list(itertools.chain(*numbers)), np.frombuffer(together, self.solver.dtype))
        self._unsynced += len(together)

    def _look_for_reasons_to_stop(self) -> None:
        if self.schedule.too_many_failed:
            self.stop.ask(TOO_MANY_FAILED)
        if not self.team.workers and not self.schedule.complete:
            self.stop.ask(NO_WORKER)
        if self.team.launcher_gone:
            self.stop.ask(LAUNCHER_GONE)

    def _note(self, batch: Batch, what: What) -> list[Rows]:
        """Tell the schedule what happened; give back the rows to store, if there are any."""
        if isinstance(what, Lost):
            self._after_loss(batch, what)
        elif isinstance(what, Dropped):
            self._record([(a.number, self.schedule.dropped(a.number)) for a in batch])
        elif isinstance(what, Overdue):
            return self._after_silence(batch, what)
        elif isinstance(what, Died):
            return self._after_death(batch[0], what.how)
        elif isinstance(what, Stored):
            self._after_end(batch, what.brief)
            self.results.note_stored(_numbers(batch), what.brief)
        else:
            self._after_end(batch, brief(what))
            return [(_numbers(batch), what)]
        return []

    def _after_end(self, batch: Batch, said: np.ndarray) -> None:
        """Configs came to their end, whoever writes their rows."""
        seconds, failed = said["seconds"].tolist(), (said["status"] == Status.FAILED).tolist()
        for assignment, took, has_failed in zip(batch, seconds, failed, strict=True):
            self.schedule.ended(assignment.number, took, failed=has_failed)
        self.busy += sum(seconds)
        self._count(batch, said)

    def _count(self, batch: Batch, said: np.ndarray) -> None:
        self.ended += len(batch)
        if not (log.isEnabledFor(logging.DEBUG) or (said["status"] == Status.FAILED).any()):
            return
        for assignment, one in zip(batch, said, strict=True):
            key = self._key(assignment)
            if one["status"] == Status.FAILED:
                log.warning("%s failed: %s", key, one["message"].decode())
            else:
                log.debug("%s done in %.3g s on rank %d", key, one["seconds"], one["rank"])

    def _after_death(self, assignment: Assignment, how: str) -> list[Rows]:
        """An attempt failed by the config's own doing; there is a row if the config has failed by that."""
        if self.schedule.died(assignment.number):
            row = self.solver.failed_row(assignment, how)
            self._count((assignment,), brief(row))
            return [([assignment.number], row)]
        tried = f"attempt {assignment.attempts} of {self.schedule.max_attempts}"
        log.warning("%s: %s in %s; it is tried again", self._key(assignment), how, tried)
        return []

    def _after_silence(self, batch: Batch, overdue: Overdue) -> list[Rows]:
        """A config takes too long; where it may be one of several, each is tried again and watched."""
        how = too_long(self.solver.max_seconds)
        log.warning("%s: %s; %s does not answer and is abandoned", self._keys(batch), how, overdue.who)
        self.missing.append(f"{overdue.who} hung")
        unknown = self._take_stored(batch)
        if len(unknown) == 1:
            return self._after_death(unknown[0], how)
        for assignment in unknown:
            self.schedule.lost(assignment.number)
        return []

    def _after_loss(self, batch: Batch, lost: Lost) -> None:
        """A rank is gone; its configs are tried again, unless it has written their rows before."""
        self.missing.append(f"{lost.who} {lost.how}")
        left = f"{self.team.workers} {'worker goes' if self.team.workers == 1 else 'workers go'} on"
        unknown = self._take_stored(batch)
        had = f" with {self._keys(unknown)}, which is tried again" if unknown else ""
        log.warning("%s has %s%s; %s", lost.who, lost.how, had, left)
        for assignment in unknown:
            self.schedule.lost(assignment.number)

    def _take_stored(self, batch: Batch) -> Batch:
        """Take for ended what a silent worker has written by itself; give back the others."""
        if not self.results.shared:
            return batch
        found = [(assignment, self.results.look(assignment.number)) for assignment in batch]
        for assignment, row in found:
            if row is not None:
                self._after_end((assignment,), brief(row))
                self.results.note_stored([assignment.number], brief(row))
        return tuple(assignment for assignment, row in found if row is None)

    def _keys(self, batch: Batch) -> str:
        more = f" and {len(batch) - 1} more" if len(batch) > 1 else ""
        return f"{self._key(batch[0])}{more}" if batch else "no config"

    def _key(self, assignment: Assignment) -> str:
        return self.solver.campaign.configs[assignment.number].key

    def _tend_file(self) -> None:
        """Write heartbeats, checkpoints and notices when they are due."""
        now = time.monotonic()
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + HEARTBEAT_S
            self.results.heartbeat(time.time(), self.ended)
        if now >= self._next_checkpoint or self._unsynced > MOST_UNSYNCED_BYTES:
            self._next_checkpoint, self._unsynced = now + self.interval, 0
            self._store()
            self.results.heartbeat(time.time(), self.ended)
            self.team.sync()
            self.results.checkpoint()
            self._notices.note_checkpoint()
        self._notices.tell()


def _numbers(batch: Batch) -> list[int]:
    return [assignment.number for assignment in batch]
