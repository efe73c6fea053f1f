"""How this process was started: what launchers leave in the environment, read without touching MPI.

A process started alone must never import mpi4py, and a process started by a
launcher must not believe that it is alone: the launcher of another MPI gives n
separate processes that each find themselves rank 0 of 1.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

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
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
    ("SLURM_NTASKS", "SLURM_PROCID"),
)


@dataclass(frozen=True)
class LauncherHint:
    """What the environment says about the launch."""

    size: int = 1
    rank: int = 0
    variable: str = ""

    @property
    def first(self) -> bool:
        """Whether this process speaks for all."""
        return self.rank == 0


def launcher_hint(environ: Mapping[str, str] = os.environ) -> LauncherHint:
    """Read how many ranks a launcher started; size 1 if there was none."""
    for size, rank in HINTS:
        if environ.get(size, "").isdigit():
            own = environ.get(rank, "0")
            return LauncherHint(int(environ[size]), int(own) if own.isdigit() else 0, size)
    return LauncherHint()


def without_launcher(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment for a child process that must not take itself for a rank."""
    names = {name for pair in HINTS for name in pair}
    starts = ("PMI_", "PMIX_", "OMPI_", "PRTE_", "HYDI_", "PALS_", "MPI_LOCAL")
    return {key: value for key, value in environ.items() if key not in names and not key.startswith(starts)}
