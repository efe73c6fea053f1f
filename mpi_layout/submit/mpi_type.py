"""Which `--mpi` type of srun starts the ranks: what Slurm offers, and what the MPI library wants."""

import os
import re
import subprocess
import sys

from mpi_layout.errors import InputError

# Names of MPI libraries as `ranks.mpi_library` gives them, and the types that fit, the best one first.
_FITTING = {
    "Open MPI": ("pmix",),
    "Intel MPI": ("pmi2",),
    "Cray MPICH": ("cray_shasta", "pmi2"),
    "MPICH": ("pmi2", "cray_shasta"),
    "MVAPICH": ("pmi2", "pmix"),
}
DEFAULT = "pmi2"
# In a process of its own: no MPI in this one, and none that is missing or broken can harm it.
_ASK = "from mpi_layout.parallel.ranks.mpi_library import Library; print(Library.loaded().name)"


def library() -> str:
    """Name and version of mpi4py's MPI library; empty if there is none."""
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", "-c", _ASK]  # not what lies in the current folder
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip()


def offered() -> frozenset[str]:
    """Types that srun on this machine knows; none if it cannot be asked."""
    try:
        asked = subprocess.run(["srun", "--mpi=list"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    _, _, types = (asked.stdout + asked.stderr).partition("are")
    return frozenset(re.findall(r"[a-z][a-z0-9_]+", types))


def fitting_type(library: str, offered: frozenset[str]) -> str:
    """Type for a library, of those that srun offers.

    Parameters
    ----------
    library : str
        From `library`.
    offered : frozenset of str
        From `offered`; if empty, anything may be there.

    Raises
    ------
    InputError
        There is no library, it is not known, or srun offers nothing for it.
    """
    if not library:
        raise InputError(
            "this environment has no mpi4py with an MPI library, so that ranks could not work together: "
            "pip install 'mpi-layout[mpi]', or mpi4py built with the MPI of the site; "
            "for a job elsewhere, say what starts its ranks: --mpi TYPE"
        )
    wanted = next((types for start, types in _FITTING.items() if library.startswith(start)), ())
    found = [kind for kind in wanted if not offered or kind in offered]
    if found:
        return found[0]
    there = f"srun offers {', '.join(sorted(offered))}" if offered else "srun could not be asked"
    wish = f"wants --mpi={wanted[0]}" if wanted else "is not known here"
    raise InputError(f"{library} {wish}, and {there}; say which one to take: --mpi TYPE")
