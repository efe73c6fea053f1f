"""The launcher of the MPI that this environment has, and what tests must know about it.

The same tests run with MPICH's wheel, Open MPI's wheel and a system's MPI; where launchers differ, they
differ here and nowhere else.
"""

import functools
import os
import shlex
import subprocess
import sys
from pathlib import Path

VARIABLE = "MPI_LAYOUT_TEST_MPIEXEC"

# What a launcher or a batch system around the test suite left behind; a launch would believe it.
_OF_OTHER_LAUNCHES = (
    "PMI_",
    "PMIX_",
    "OMPI_",
    "SLURM_",
    "MPI_LOCAL",
    "HYDI_",
    "PALS_",
    "FLUX_",
    "JSM_",
    "MV2_",
)
# Open MPI refuses root, and more ranks than cores, unless told otherwise.
_OPEN_MPI_MAY = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",  # before version 5
}


def mpiexec():
    """Command that starts ranks: MPI_LAYOUT_TEST_MPIEXEC, options included, or mpiexec beside this Python."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return shlex.split(chosen)
    beside = Path(sys.executable).parent / "mpiexec"
    if not beside.exists():
        raise FileNotFoundError(
            f"{beside}: no launcher beside this Python; name the one of its MPI in {VARIABLE}"
        )
    return [str(beside)]


@functools.cache
def is_open_mpi():
    """Whether the launcher is Open MPI's; MPICH's and its relatives' otherwise."""
    command = [mpiexec()[0], "--version"]
    version = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return "Open MPI" in version.stdout or "OpenRTE" in version.stdout  # the latter before version 5


def rank_variable():
    """Environment variable in which a process finds its rank."""
    return "OMPI_COMM_WORLD_RANK" if is_open_mpi() else "PMI_RANK"


def leaves_time_after(signal_name):
    """Whether the ranks may end in order after the launcher got this signal.

    Open MPI's launcher passes SIGTERM and Ctrl-C on, and kills all ranks a quarter of a second later.
    """
    return not is_open_mpi() or signal_name == "SIGUSR1"


def clean_environment():
    """This environment as it would be outside any launcher, fit to start ranks as root on few cores."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith(_OF_OTHER_LAUNCHES)}
    return variables | _OPEN_MPI_MAY
