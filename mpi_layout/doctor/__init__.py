"""What a launch would find on this machine, and what to do about it, before there is a launch.

Whatever may hang or crash is asked in a process of its own, with a time limit (`child`, `probes`). Nothing
is written but into temporary folders, which are gone afterwards.
"""

from collections.abc import Iterator
from pathlib import Path

from mpi_layout.doctor import folder as folders
from mpi_layout.doctor import installation, machine
from mpi_layout.doctor.finding import Finding, Section, Verdict
from mpi_layout.doctor.mpi import Mpi
from mpi_layout.doctor.trial import Trial

__all__ = ["Finding", "Section", "Verdict", "examine"]


def examine(folder: Path, ranks: int) -> Iterator[Section]:
    """Look at everything, a section at a time; each has to be read to its end before the next.

    Parameters
    ----------
    folder : Path
        Where results would be written.
    ranks : int
        Ranks of the trial; with 1 nothing needs MPI.
    """
    yield Section("Installation", "Python, this program and what it needs.", installation.findings())
    mpi = Mpi(needed=ranks > 1)
    yield Section(
        "MPI",
        "MPI lets several copies of the program, called ranks, work together. A launcher (mpiexec, mpirun, "
        "srun) starts them; through a library, which mpi4py finds, they talk. Both must belong to one MPI.",
        mpi.findings(),
    )
    yield Section("Machine", "Each rank takes a core and some memory.", machine.findings(ranks))
    found, writable = folders.look(folder)
    yield Section(
        "Folder", "The results of a campaign are one file, written by one launch at a time.", iter(found)
    )
    trial = Trial(folder if writable else None, mpi.launcher, ranks)
    yield Section("Trial", "A tiny campaign, solved and checked; it takes some seconds.", trial.findings())
