"""What rank 0 tells those who watch: who works on what, what is left, when the last checkpoint was.

Once a second is enough for people. Where telling takes long, for 10,000 ranks or on a slow disk, it is done
less often: rank 0 has better things to do.
"""

import time
from collections.abc import Callable

from mpi_layout.parallel.schedule import Schedule
from mpi_layout.parallel.team import Team
from mpi_layout.results.file import ResultsFile
from mpi_layout.results.locking.notice import Notice

NOTICE_S = 1.0  # between two notices, or as much longer as
MOST_SHARE = 0.005  # of rank 0's time wants for telling


class Notices:
    """Notices of one launch; made when it begins.

    Parameters
    ----------
    results : ResultsFile
        Beside which they are told; the launch has begun.
    team, schedule : Team, Schedule
        What they are about.
    only : str
        Configs that the launch was to do, as `--only` says it.
    clock : callable
        Seconds, never going back; those of the team.
    """

    def __init__(
        self,
        results: ResultsFile,
        team: Team,
        schedule: Schedule,
        only: str = "*",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._results, self._team, self._schedule, self._only = results, team, schedule, only
        self._clock = clock
        self._began = self._next = clock()
        self._checkpoint: float | None = None

    def note_checkpoint(self) -> None:
        """Note that a checkpoint was made."""
        self._checkpoint = self._clock() - self._began

    def tell(self) -> None:
        """Tell how it stands, if it is time for that."""
        now = self._clock()
        if now < self._next:
            return
        self._results.tell(self._notice(now - self._began))
        self._next = now + max(NOTICE_S, (self._clock() - now) / MOST_SHARE)

    def _notice(self, now: float) -> Notice:
        schedule, team = self._schedule, self._team
        return Notice(
            launch=self._results.begun,
            started=self._results.started,
            clock=now,
            checkpoint=self._checkpoint,
            only=self._only,
            left=schedule.waiting + schedule.running,
            seconds_left=schedule.seconds_left / max(team.workers, 1) if schedule.timed else None,
            ranks=tuple(team.at_work(self._began)),
            gone=tuple(team.gone),
        )
