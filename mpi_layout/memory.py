"""Memory that runs out: how that shows, the limit that shells and sites set on it, and what to do."""

import errno
import math
import resource

ENOUGH_BYTES = 1e9  # a rank maps some 300 MB, most of it never touched; an MPI may want as much again
RAISE = "Raise it for this shell (ulimit -v unlimited), or ask those who run the machine."
# What errors of many types, of those who load a library or start a process, say of it.
SIGNS = ("MemoryError", "failed to map segment", "Cannot allocate memory")


def memory_limit() -> float:
    """Bytes that a process may map (`ulimit -v`), infinite without a limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return math.inf if limit == resource.RLIM_INFINITY else float(limit)


def cure(otherwise: str) -> str:
    """What to do about something that cannot be loaded: raise the limit if there is a tight one."""
    limit = memory_limit()
    if limit >= ENOUGH_BYTES:
        return otherwise
    return f"A process may have {limit / 1e6:.0f} MB of memory here (ulimit -v), which is too little. {RAISE}"


def ran_out(error: BaseException) -> bool:
    """Whether an error comes of memory that ran out."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    if isinstance(error, SystemError):  # Python had too little left to make an error of it
        return memory_limit() < ENOUGH_BYTES
    # mpi4py tells with a RuntimeError why a library of MPI cannot be loaded.
    return isinstance(error, OSError | ImportError | RuntimeError) and any(
        sign in str(error) for sign in SIGNS
    )


def told(error: BaseException) -> str:
    """Say that memory ran out, where, and what to do."""
    said = "" if isinstance(error, SystemError) else str(error)  # only Python's makers understand that one
    lines = [line for line in said.splitlines() if line.strip()]
    where = f": {lines[-1].strip().rstrip('.')}" if lines else ""
    what = cure("Free some, or start fewer ranks on a machine.")
    return (
        f"memory ran out{where}. {what} `mpi-layout doctor` shows what there is. Then give the same command "
        "again: what was stored is safe."
    )
