"""The workers of a launch, wherever they are: in this process, or on other ranks."""

from typing import Any, Protocol, runtime_checkable

from mpi_layout.errors import InputError
from mpi_layout.memory import ran_out
from mpi_layout.parallel.allotment import Allotment
from mpi_layout.parallel.answers import Answer, Batch
from mpi_layout.parallel.launcher import launcher_hint
from mpi_layout.parallel.serial import SerialTeam
from mpi_layout.parallel.solver import Solver
from mpi_layout.results.locking.notice import RankNow


class Team(Protocol):
    """What the manager knows of its workers."""

    @property
    def ranks(self) -> int:
        """All ranks, the manager's included."""

    @property
    def mpi(self) -> str:
        """Name and version of the MPI library; empty without ranks."""

    @property
    def workers(self) -> int:
        """Ranks that solve: neither dead nor hung."""

    @property
    def workers_here(self) -> int:
        """Ranks that solve on the manager's machine."""

    @property
    def allotments(self) -> list[tuple[str, Allotment]]:
        """Host of each rank, and what it may use there."""

    @property
    def idle(self) -> int:
        """Workers that wait for configs."""

    @property
    def gone(self) -> list[int]:
        """Ranks that are dead or hung."""

    def lost(self) -> list[str]:
        """Look who has died, and name them."""

    def at_work(self, since: float) -> list[RankNow]:
        """What each of the others that solves has to do, in seconds after `since` (of time.monotonic)."""

    @property
    def launcher_gone(self) -> bool:
        """Whether the process that started the ranks has died."""

    def share(self, invited: dict[str, Any]) -> Any:
        """Let the workers make ready to write the results file too; give back the communicator for it.

        Raises
        ------
        InputError
            One of them cannot.
        """

    def open(self, solver: Solver) -> None:
        """Make the workers ready for the configs of a campaign."""

    def give(self, batch: Batch) -> None:
        """Give configs to a worker that waits; it solves them in this order."""

    def drop(self) -> None:
        """Let the workers end what they are at, and drop what they have not begun: an answer says which."""

    def collect(self) -> list[Answer]:
        """Take what came from the workers, perhaps nothing; wait a moment for it."""

    def sync(self) -> None:
        """Ask the workers that write to make their rows durable, between two configs."""

    def settle(self) -> None:
        """Wait until the rows of those that have nothing to do are durable."""

    def dismiss(self, code: int) -> bool:
        """Let the workers leave with an exit code; True if all ranks will close the file together."""

    def leave(self, code: int) -> None:
        """End without those that cannot come along; call it last, with the file closed."""


@runtime_checkable
class Worker(Protocol):
    """A process that solves what a manager elsewhere hands out."""

    def work(self) -> int:
        """Work until dismissed, and give back the exit code."""


def join() -> Team | Worker:
    """Find out what this process is: the whole program, the manager, or a worker.

    Raises
    ------
    InputError
        A launcher started several ranks, but mpi4py is missing or belongs to another MPI.
    """
    hint = launcher_hint()
    if hint.size == 1:
        return SerialTeam()
    if not hint.launcher:
        raise InputError(
            f"this is a batch job for {hint.size} ranks ({hint.variable}={hint.size}), but no launcher "
            "started them. Start them with `srun --mpi=TYPE mpi-layout ...` (TYPE: pmi2 for MPICH and Intel "
            "MPI, pmix for Open MPI, cray_shasta on a Cray; jobs/README.md) or with mpiexec of your MPI. To "
            f"run without MPI, on one core: unset {hint.variable}."
        )
    try:
        from mpi_layout.parallel import ranks
    except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py is there but finds no MPI library
        if ran_out(error):
            raise
        reason = "; ".join(line for line in str(error).splitlines() if line.strip())
        raise InputError(
            f"{hint}, but mpi4py cannot be used: {reason}. Install it with `pip install 'mpi-layout[mpi]'`, "
            "or load the modules of this cluster that bring the MPI for which your mpi4py was made "
            f"(docs/mpi.md). To run without MPI, use no launcher and unset {hint.variable}."
        ) from None
    return ranks.join(hint)
