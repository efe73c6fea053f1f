"""Where the program starts, and the one place where an exception meets MPI."""

import os
import signal
import sys
import threading
import time
import traceback
from typing import Any

from mpi_layout import environment, memory
from mpi_layout.exit_codes import ExitCode

environment.prepare()

# An aborted launcher drops what it has not yet passed on; this long it may take to pass on the error message.
LAST_WORDS_S = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; whatever is wrong on one rank ends all of them.

    Returns
    -------
    The exit code, the same on every rank.
    """
    from mpi_layout.console import steady_streams

    with steady_streams():
        try:
            from mpi_layout import cli  # here: what may be in its way is told as all else is

            code = cli.main(arguments)
            _part_from_other_ranks(code)
            return code
        except KeyboardInterrupt:
            code = _stopped()
        except BaseException as error:
            # Of a library even SystemExit is a bug here: it would leave the other ranks waiting.
            missing = _cannot_be_loaded(error) and not memory.ran_out(error)
            code = ExitCode.INPUT if missing else ExitCode.BUG
            _tell(error)
        _abort_other_ranks(code)
    return code


def program() -> int:
    """Be the program: as `main`, in a process that ends with it."""
    # Until a launch listens for it: the word that a job's time is nearly over must not kill a rank.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        code = main()
    except KeyboardInterrupt:  # before it could deal with that, or for the second time
        code = _stopped()
        _abort_other_ranks(code)
    _leave_thread_behind(code)
    return code


def _stopped() -> int:
    from mpi_layout.console import complain
    from mpi_layout.parallel.launcher import launcher_hint

    if launcher_hint().first:
        complain("stopped by Ctrl-C")
    return ExitCode.EARLY


def _tell(error: BaseException) -> None:
    from mpi_layout.console import complain

    if memory.ran_out(error):
        complain(f"error: {memory.told(error)}")
        return
    from mpi_layout.parallel.solver import BugError  # not before: it needs much memory itself

    if isinstance(error, OSError):  # of a disk or a pipe: no bug, and the message says where
        text = f"error: {error}"
    elif isinstance(error, BugError):
        text = f"bug: {error}"
    elif _cannot_be_loaded(error):
        text = (
            f"error: a package that mpi-layout needs cannot be loaded: {error}. Install it again, or load "
            "the modules with which this Python environment was made."
        )
    else:
        text = f"bug: {_rank_name()}\n{traceback.format_exc()}"
    complain(text)


def _cannot_be_loaded(error: BaseException) -> bool:
    """Whether a package is missing, or a library that it needs, such as an MPI whose module is not loaded."""
    return isinstance(error, ImportError) and not (error.name or "").startswith("mpi_layout")


def _rank_name() -> str:
    mpi = _mpi()  # a question before MPI_Init would end this process before it has said what is wrong
    return f"rank {mpi.COMM_WORLD.rank} of {mpi.COMM_WORLD.size}" if mpi else "no MPI"


def _part_from_other_ranks(code: int) -> None:
    # MPI_Finalize waits for all ranks, for ever where a host was cut off just now; all files are closed.
    if mpi := _mpi():
        from mpi_layout.parallel import last_resort

        last_resort.exit_after(last_resort.PART_S, code)
        mpi.Finalize()


def _abort_other_ranks(code: int) -> None:
    # A rank that just left would keep the others waiting for ever, and a launcher might report success.
    mpi = _mpi()
    if mpi and mpi.COMM_WORLD.size > 1:
        time.sleep(LAST_WORDS_S)
        mpi.COMM_WORLD.Abort(code)


def _leave_thread_behind(code: int) -> None:
    # The serial program solves in a thread. Python would take away what it uses, and crash at the very end.
    serial = sys.modules.get("mpi_layout.parallel.serial")
    if serial and any(thread.name == serial.SOLVING for thread in threading.enumerate()):
        from mpi_layout.parallel.last_resort import flush_streams

        flush_streams()
        os._exit(code)


def _mpi() -> Any:
    """MPI if this process takes part in it, else None."""
    mpi = sys.modules.get("mpi4py.MPI")
    return mpi if mpi and mpi.Is_initialized() and not mpi.Is_finalized() else None


if __name__ == "__main__":
    sys.exit(program())
