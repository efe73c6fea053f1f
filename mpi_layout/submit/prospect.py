"""What jobs will come to: whether one is long enough for a config, and how many it takes."""

import math
from dataclasses import dataclass

from mpi_layout.errors import InputError
from mpi_layout.estimate import Cost
from mpi_layout.parallel.schedule import SAFETY
from mpi_layout.progress import duration
from mpi_layout.submit.batch_system import margin
from mpi_layout.submit.job import clock

# Until the first config is handed out: a rank makes 3,000 calls for files, of which a good shared file system
# does 100,000 a second (docs/placement.md).
START_S, START_PER_RANK_S = 10.0, 0.03


@dataclass(frozen=True)
class Prospect:
    """What is to do, and who does it.

    Attributes
    ----------
    cost : Cost
        Of the whole campaign, as measured on this machine.
    share : float
        Of the campaign's configs that are chosen and not yet done.
    configs : int
        Number of them.
    ranks : int
        Of a job, rank 0 included.
    seconds : float
        Time limit of a job.
    """

    cost: Cost
    share: float
    configs: int
    ranks: int
    seconds: float

    @property
    def usable(self) -> float:
        """Seconds in which a job solves configs."""
        return self.seconds - self.start - margin(self.seconds)

    @property
    def start(self) -> float:
        """Seconds until ranks have configs."""
        return START_S + START_PER_RANK_S * self.ranks

    def refuse_short_job(self) -> None:
        """See that a job is long enough for a config.

        Raises
        ------
        InputError
            It is not: jobs would follow each other, and none would get on.
        """
        longest = SAFETY * self.cost.seconds
        if longest <= self.usable:
            return
        least = math.ceil((longest + self.start) / 0.9 / 60) * 60
        raise InputError(
            f"--time {clock(self.seconds)}: too short for a single config: {self.cost.config.key} takes "
            f"about {duration(self.cost.seconds)} of a core like this one, and a job that leaves in time has "
            f"{duration(max(self.usable, 0.0))} for it; give at least --time {clock(least)}"
        )

    def lines(self, *, again: bool) -> list[str]:
        """What a user wants to know before the jobs run."""
        workers = self.ranks - 1
        if not self.configs:
            return ["nothing is left to do: no job is submitted"]
        if self.cost.failure:
            told = [f"{self.configs} configs to do; their time is unknown: {self.cost.failure}"]
        else:
            seconds = self.cost.total * self.share
            wall = max(seconds / workers, self.cost.seconds)
            jobs = math.ceil(wall / self.usable)
            told = [
                f"{self.configs} configs to do: about {duration(seconds)} of CPU time, {duration(wall)} on "
                f"{workers} workers, {'1 job' if jobs == 1 else f'{jobs} jobs'} of {clock(self.seconds)}"
            ]
            if jobs > 1 and not again:
                told.append("warning: --once: after the first job, give the same command again")
        if workers > self.configs:
            told.append(
                f"warning: {workers} workers for {self.configs} configs: "
                f"--ranks {self.configs + 1} would do the same"
            )
        return told
