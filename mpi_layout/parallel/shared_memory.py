"""Shared memory of a node: MPICH dies of a bus error where /dev/shm is too small, as in many containers.

Judged by its whole size, which all ranks of a node see alike, before any of them calls MPI.
"""

import os
import re
from collections.abc import Mapping

from mpi_layout.parallel.allotment import MB

# What MPICH 4.0 and 5.0 take for each rank of a node, measured with 2 to 48 of them.
LEAST_BYTES, ENOUGH_BYTES = 4.3 * MB, 5.4 * MB


def ranks_here(environ: Mapping[str, str] = os.environ) -> int:
    """Number of ranks on this node, or on the fullest one, as launchers say; 0 if they do not."""
    if (text := environ.get("MPI_LOCALNRANKS", "")).isdigit():
        return int(text)
    counts = re.findall(r"(?:^|,)(\d+)", environ.get("SLURM_STEP_TASKS_PER_NODE", ""))  # "4(x2),3"
    return max(map(int, counts), default=0)


def size(folder: str = "/dev/shm") -> float:
    """Bytes of shared memory, used or not."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0.0
    return float(found.f_blocks * found.f_frsize)


def shortage(n_ranks: int, there: float) -> tuple[str, bool]:
    """Say what is wrong if MPICH starts ranks on a node with so many bytes, and whether it cannot work."""
    if n_ranks * ENOUGH_BYTES <= there:
        return "", False
    text = (
        f"/dev/shm has {there / MB:.0f} MB here, and MPICH takes {LEAST_BYTES / MB:.1f} to "
        f"{ENOUGH_BYTES / MB:.1f} MB of it for each of the {n_ranks} ranks on a node, or they die of a bus "
        "error; give the container more (docker, podman: --shm-size=1g; Apptainer has the node's), or start "
        "fewer ranks"
    )
    return text, n_ranks * LEAST_BYTES > there
