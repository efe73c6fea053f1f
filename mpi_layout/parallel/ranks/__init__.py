"""All MPI of the program: rank 0 is the manager, the others are workers."""

from mpi_layout.errors import InputError
from mpi_layout.parallel.launcher import LauncherHint
from mpi_layout.parallel.ranks import talk
from mpi_layout.parallel.ranks.manager_team import ManagerTeam
from mpi_layout.parallel.ranks.place import Place
from mpi_layout.parallel.ranks.talk import MPI
from mpi_layout.parallel.ranks.worker_rank import WorkerRank

__all__ = ["ManagerTeam", "WorkerRank", "alone", "join"]


def join(hint: LauncherHint) -> ManagerTeam | WorkerRank:
    """Become rank 0 or a worker of the world that the launcher promised.

    Raises
    ------
    InputError
        The launcher belongs to another MPI: every process is alone.
    """
    talk.start()
    comm = MPI.COMM_WORLD
    if comm.size == 1:
        library = MPI.Get_library_version().splitlines()[0].strip().rstrip("\0")
        raise InputError(
            f"{hint.variable}={hint.size} says that {hint.size} ranks were started, but this process finds "
            f"itself alone. mpi4py uses {library}; start the ranks with the launcher of that MPI (the [mpi] "
            f"extra brings mpiexec into the folder of this Python), under Slurm with srun and the --mpi type "
            "that it knows (MPICH: pmi2, Open MPI: pmix). To run without MPI, use no launcher and unset "
            f"{hint.variable}."
        )
    places = [Place(text) for text in talk.gather_texts(comm, str(Place.here(MPI.Get_processor_name())))]
    return ManagerTeam(comm, places) if comm.rank == 0 else WorkerRank(comm)


def alone() -> MPI.Comm:
    """Communicator of a program that was started without ranks."""
    talk.start()
    return MPI.COMM_SELF
