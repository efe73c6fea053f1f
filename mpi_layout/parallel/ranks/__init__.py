"""All MPI of the program: rank 0 is the manager, the others are workers."""

import logging
import re
import time

from mpi_layout.container import in_container
from mpi_layout.errors import InputError
from mpi_layout.parallel import shared_memory
from mpi_layout.parallel.launcher import LauncherHint
from mpi_layout.parallel.ranks import talk
from mpi_layout.parallel.ranks.manager_team import ManagerTeam
from mpi_layout.parallel.ranks.mpi_library import Library
from mpi_layout.parallel.ranks.place import Place
from mpi_layout.parallel.ranks.talk import MPI
from mpi_layout.parallel.ranks.worker_rank import WorkerRank, leaving_with_rank_0

__all__ = ["ManagerTeam", "WorkerRank", "alone", "join"]

log = logging.getLogger(__name__)

# Where MPI may end all ranks as soon as one of them calls it, rank 0 says why; this long the others let it.
FIRST_WORD_S = 1.0
_OPEN_MPI = re.compile(r"Open MPI \d+")


def join(hint: LauncherHint) -> ManagerTeam | WorkerRank:
    """Become rank 0 or a worker of the world that the launcher promised.

    Raises
    ------
    InputError
        The launcher belongs to another MPI: every process is alone, or the ranks are several worlds. Or the
        node has too little shared memory.
    """
    library = Library.loaded()
    tell(hint, library)
    check_shared_memory(library)
    talk.start()
    comm = MPI.COMM_WORLD
    if comm.size == 1 or comm.size < hint.size:
        found = "alone" if comm.size == 1 else f"in a world of {comm.size}"
        raise InputError(
            f"{hint}, but this process finds itself {found}. {_whose(library)}. {_advice(library)} To run "
            f"without MPI, use no launcher and unset {hint.variable}."
        )
    here = str(Place.here(MPI.Get_processor_name()))
    if comm.rank:
        with leaving_with_rank_0(comm):
            talk.gather_texts(comm, here)
        return WorkerRank(comm)
    return ManagerTeam(comm, [Place(text) for text in talk.gather_texts(comm, here)], library.name)


def tell(hint: LauncherHint, library: Library) -> None:
    """Say which launcher and which MPI meet, before they do: where they do not fit, MPI may not come back."""
    wanted = _wanted(hint, library)
    if not wanted:
        log.info("%s; %s", hint, _whose(library))
    elif hint.first:
        log.warning("%s, but %s, which usually wants %s", hint, _whose(library), wanted)
    else:
        time.sleep(FIRST_WORD_S)


def check_shared_memory(library: Library) -> None:
    """See that MPICH has what it needs before it is called.

    Raises
    ------
    InputError
        It has far too little.
    """
    if not library.name.startswith("MPICH"):
        return
    text, hopeless = shared_memory.shortage(shared_memory.ranks_here(), shared_memory.size())
    if hopeless:
        raise InputError(text)
    if text:
        log.info("%s", text)


def alone() -> MPI.Comm:
    """Communicator of a program that was started without ranks."""
    talk.start()
    return MPI.COMM_SELF


def _wanted(hint: LauncherHint, library: Library) -> str:
    """Launcher that a library usually wants if it is another one than that of the hint, or else ""."""
    if not (hint.family and library.family):
        return ""
    if hint.family != library.family:
        return library.family.value
    # Open MPI 5's launcher leads the library of version 4 to parts of its own, which end it at once.
    launcher, own = _OPEN_MPI.search(hint.launcher), _OPEN_MPI.match(library.name)
    return f"mpirun of {own[0]}" if launcher and own and launcher[0] != own[0] else ""


def _whose(library: Library) -> str:
    place = "the mpi4py in this container" if in_container() else "mpi4py"
    return f"{place} uses {library}"


def _advice(library: Library) -> str:
    fitting = library.family.value if library.family else "the launcher of that MPI"
    other = "an image" if in_container() else "an environment"
    return f"Start the ranks with {fitting}; or take {other} with the MPI of this launcher (docs/mpi.md)."
