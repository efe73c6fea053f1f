"""A limit on the memory of each process, which shells and sites set, and what fails because of it."""

import math
import resource

ENOUGH_BYTES = 1e9  # a rank maps some 300 MB, most of it never touched; an MPI may want as much again
RAISE = "Raise it for this shell (ulimit -v unlimited), or ask those who run the machine."


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
