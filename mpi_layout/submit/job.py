"""What a job script is made from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """A job that runs a campaign; nothing in it knows a batch system.

    Attributes
    ----------
    name : str
        Of the job: letters, digits, dots, dashes.
    ranks : int
        MPI ranks, rank 0 included; each gets a core.
    seconds : int
        Time limit.
    settings : str
        Shell lines that set `campaign`, `results`, `program` and `options`.
    intro : str
        Lines of the comment that the script opens with.
    memory_MB : int
        For each rank; 0 if none is to be asked for.
    nodes : int, optional
        Nodes that the ranks are spread over; as the batch system likes by default.
    queue, account : str, optional
        Partition or queue, and who pays.
    extra : tuple of str
        More options of sbatch or qsub, a line each.
    setup : tuple of str
        Shell lines that come before everything else.
    mpi : str
        What `srun --mpi=` is told; or mpiexec, which takes its place.
    again : bool
        Whether a job that was stopped early is followed by another one.
    alone : bool
        Whether the job waits for others of its name.
    """

    name: str
    ranks: int
    seconds: int
    settings: str
    intro: str
    memory_MB: int = 500
    nodes: int | None = None
    queue: str | None = None
    account: str | None = None
    extra: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    mpi: str = "pmi2"
    again: bool = True
    alone: bool = False

    @property
    def clock(self) -> str:
        """Time limit as HH:MM:SS."""
        return clock(self.seconds)


def clock(seconds: float) -> str:
    """Whole seconds as HH:MM:SS; hours may be more than 24."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"
