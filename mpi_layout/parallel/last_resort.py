"""End this process at a set time, whatever it does by then.

A thread of Python cannot: it waits for its turn while another one is inside a library that does not
give the interpreter away, such as mpi4py's MPI_Finalize that waits for a rank which is gone. So the C
library's own timer calls `_exit`.
"""

import ctypes
import math
import os
import sys

PART_S = 60.0  # for MPI_Finalize, when all files are closed
_CLOCK_MONOTONIC = 1
_SIGEV_THREAD = 2


class _Event(ctypes.Structure):
    """What a timer does: struct sigevent."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("how", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("unused", ctypes.c_char * 32),
    )


class _Times(ctypes.Structure):
    """When it does it: struct itimerspec."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns"))


def flush_streams() -> None:
    """Let out what was printed; a stream that was closed before the start is None."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()


def exit_after(seconds: float, code: int) -> None:
    """End this process with an exit code after some seconds, unless it has ended before."""
    flush_streams()
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "timer_create"):
        library = ctypes.CDLL("librt.so.1", use_errno=True)  # of a glibc before 2.34
    leave = ctypes.cast(ctypes.CDLL(None)._exit, ctypes.c_void_p)
    event = _Event(value=code, how=_SIGEV_THREAD, function=leave)
    timer = ctypes.c_void_p()
    times = _Times(first_s=math.ceil(seconds))
    if library.timer_create(_CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)) or (
        library.timer_settime(timer, 0, ctypes.byref(times), None)
    ):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
