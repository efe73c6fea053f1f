"""How this process was started: what launchers leave in the environment, read without touching MPI.

A process started alone must never import mpi4py, and a process started by a
launcher must not believe that it is alone: the launcher of another MPI gives n
separate processes that each find themselves rank 0 of 1.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Family(Enum):
    """MPIs that understand each other's launchers, and what a user of Slurm has to ask for."""

    MPICH = "mpiexec of MPICH, Intel MPI or Cray, under Slurm srun --mpi=pmi2 (Cray: --mpi=cray_shasta)"
    OPEN_MPI = "mpirun of Open MPI, under Slurm srun --mpi=pmix"


# (number of ranks, own rank). The launcher nearest to the process comes first: Slurm's variables may belong
# to the daemons of an mpirun, and those of the job are set in a batch script before any launcher runs.
HINTS = (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"),
    ("PMI_SIZE", "PMI_RANK"),
    ("MPI_LOCALNRANKS", "MPI_LOCALRANKID"),
    ("PALS_SIZE", "PALS_RANKID"),
    ("FLUX_JOB_SIZE", "FLUX_TASK_RANK"),
    ("JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_RANK"),
)
STEP = ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID")
ALLOCATION = "SLURM_NTASKS"  # set without any launcher, in batch scripts and in shells of salloc
INTERACTIVE_STEP = "4294967290"  # SLURM_STEP_ID in a shell of salloc that is a step of one task by itself
PMIX_RANK = "PMIX_RANK"  # all that PRRTE's prun sets: not how many ranks there are

# A variable that one launcher alone sets, what users call that launcher, and whose MPI expects it.
MARKS = (
    ("JSM_NAMESPACE_SIZE", "jsrun", Family.OPEN_MPI),
    ("OMPI_COMM_WORLD_SIZE", "mpirun of Open MPI", Family.OPEN_MPI),
    ("MV2_COMM_WORLD_SIZE", "the launcher of MVAPICH", Family.MPICH),
    ("I_MPI_HYDRA_UUID", "mpiexec of Intel MPI", Family.MPICH),
    ("MPI_LOCALNRANKS", "mpiexec of MPICH", Family.MPICH),
    ("FLUX_TASK_RANK", "Flux", None),
)
_PMIX = ("a launcher that speaks PMIx", Family.OPEN_MPI)


@dataclass(frozen=True)
class LauncherHint:
    """What the environment says about the launch.

    Parameters
    ----------
    size : int
        Number of ranks; 0 if a launcher is there but does not say.
    rank : int
        Own rank.
    variable : str
        Where the size, or else the rank, was found; "" without a launcher.
    launcher : str
        What started the ranks, as users call it; "" if nothing did.
    family : Family or None
        Whose MPI expects that launcher, if that is known.
    """

    size: int = 1
    rank: int = 0
    variable: str = ""
    launcher: str = ""
    family: Family | None = None

    @property
    def first(self) -> bool:
        """Whether this process speaks for all."""
        return self.rank == 0

    def __str__(self) -> str:
        number = "ranks" if self.size == 0 else f"{self.size} ranks"
        return f"{self.launcher} started {number} ({self.variable}{f'={self.size}' if self.size else ''})"


def launcher_hint(environ: Mapping[str, str] = os.environ) -> LauncherHint:
    """Read how many ranks a launcher started, and which launcher; size 1 if there was none."""
    for size, rank in HINTS:
        if environ.get(size, "").isdigit():
            return LauncherHint(int(environ[size]), _number(environ, rank), size, *_launcher(environ))
    if PMIX_RANK in environ and not environ.get("PMIX_NAMESPACE", "").startswith("slurm"):
        return LauncherHint(0, _number(environ, PMIX_RANK), PMIX_RANK, *_PMIX)
    if environ.get(STEP[0], "").isdigit() and environ.get("SLURM_STEP_ID") != INTERACTIVE_STEP:
        return LauncherHint(int(environ[STEP[0]]), _number(environ, STEP[1]), STEP[0], *_srun(environ))
    if environ.get(ALLOCATION, "").isdigit():
        return LauncherHint(int(environ[ALLOCATION]), _number(environ, STEP[1]), ALLOCATION)
    return LauncherHint()


def without_launcher(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment for a child process that must not take itself for a rank."""
    names = {name for pair in (*HINTS, STEP) for name in pair} | {ALLOCATION}
    starts = ("PMI_", "PMIX_", "OMPI_", "PRTE_", "HYDI_", "PALS_", "MPI_LOCAL")
    return {key: value for key, value in environ.items() if key not in names and not key.startswith(starts)}


def _number(environ: Mapping[str, str], name: str) -> int:
    value = environ.get(name, "")
    return int(value) if value.isdigit() else 0


def _launcher(environ: Mapping[str, str]) -> tuple[str, Family | None]:
    for mark, name, family in MARKS:
        if mark in environ:
            version = environ.get("OMPI_VERSION", "") if mark.startswith("OMPI") else ""
            return f"{name} {version}".rstrip(), family
    if "SLURM_STEP_ID" in environ:
        return _srun(environ)
    if "PALS_RANKID" in environ:
        return "mpiexec of Cray", Family.MPICH
    return "a launcher that speaks PMI", Family.MPICH


def _srun(environ: Mapping[str, str]) -> tuple[str, Family | None]:
    """How srun was told to serve MPI; SLURM_MPI_TYPE is set by users and modules, and by srun itself."""
    kind = environ.get("SLURM_MPI_TYPE", "")
    if kind.startswith("pmix") or environ.get("PMIX_NAMESPACE", "").startswith("slurm"):
        return f"srun --mpi={kind or 'pmix'}", Family.OPEN_MPI
    if "PALS_RANKID" in environ:
        return "srun --mpi=cray_shasta", Family.MPICH
    if "PMI_SIZE" in environ:
        return f"srun --mpi={kind or 'pmi2'}", Family.MPICH
    return f"srun --mpi={kind}" if kind else "srun without --mpi", None
