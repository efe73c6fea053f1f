"""Old files read in another process: HDF5 may crash or hang on a damaged one; then only that file is lost.

Run as ``python -m mpi_layout.salvage.aside`` by `Aside` only.
"""

import math
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from mpi_layout.results.old_file import OldFile

LEAST_S, S_PER_MB = 60, 1  # of the processor: however slow disk and machine are, only that tells of a loop
MOST_BYTES = 2**33  # of memory: what is read of one file, a few times over


class UnreadableError(Exception):
    """HDF5 cannot read a file; the text says why."""


class Aside:
    """Reads old files in a process of its own, and in another one after each that was lost."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def read(self, path: Path, *, mend: bool, limit: int | None = None) -> "OldFile":
        """Read all layouts of a file, see `mpi_layout.results.old_file`.

        Parameters
        ----------
        path : Path
            Only read.
        mend : bool
            Whether to show HDF5 a file that nobody has left open, with zeros for an end that is lost.
        limit : int, optional
            How much CPU time it may take, s; by default more with a larger file.

        Raises
        ------
        UnreadableError
            If HDF5 cannot open it, or the process dies or comes to no end.
        """
        if limit is None:
            limit = LEAST_S + S_PER_MB * path.stat().st_size // 10**6
        from mpi_layout.salvage import wire

        line = self._start() if self._line is None else self._line
        try:
            wire.send_words(line, os.fspath(path), mend, limit)
            (fault,) = wire.receive_words(line)
            if not fault:
                return wire.receive_file(line)
        except (EOFError, ConnectionError):
            how = self._end()
            if how == signal.SIGXCPU.name:
                raise UnreadableError(f"HDF5 has come to no end within {limit} s of CPU time") from None
            raise UnreadableError(f"HDF5 crashed on it: {how}") from None
        except BaseException:
            self._end()
            raise
        raise UnreadableError(fault)

    def _start(self) -> Connection:
        here, there = Pipe()
        environ = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "HDF5_PLUGIN_PRELOAD": "::",  # a file must not choose what code is loaded
        }
        command = [sys.executable, "-P", "-m", "mpi_layout.salvage.aside", str(there.fileno())]
        with there:
            self._child = subprocess.Popen(
                command,
                env=environ,
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # where a C library says its last words
            )
        self._line = here
        return here

    def _end(self) -> str:
        """End the process, and say how it had ended."""
        child, line = self._child, self._line
        self._child = self._line = None
        if child is None or line is None:
            return ""
        line.close()
        with suppress(subprocess.TimeoutExpired):
            child.wait(1.0)  # it sees the end of its line
        if child.poll() is None:
            child.kill()
        code = child.wait()
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def main() -> None:
    """Be the other process: a path comes, a file or what is wrong with it goes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is expected
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the line
    from mpi_layout.results.old_file import read_old_file
    from mpi_layout.salvage import wire

    _limit_memory()
    with Connection(int(sys.argv[1])) as line, suppress(EOFError, ConnectionError):
        while True:
            path, mend, limit = wire.receive_words(line)
            _limit_cpu_time(limit)
            try:
                file = read_old_file(Path(path), mend=mend)
            except Exception as error:  # damage has many faces
                wire.send_words(line, " ".join(str(error).split()) or type(error).__name__)
            else:
                wire.send_words(line, "")
                wire.send_file(line, file)


def _limit_memory() -> None:
    """Let what asks for more fail: one bit of a length may be damaged, and HDF5 take all that there is."""
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = in_use + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most < 0 else min(wanted, most), most))


def _limit_cpu_time(seconds: int) -> None:
    """Let the kernel end this process if it takes so much more of the processor, s."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = math.ceil(time.process_time()) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if most < 0 else min(wanted, most), most))


if __name__ == "__main__":
    main()
