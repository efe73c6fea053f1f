"""A suspect config in another process: a death there takes no rank along, and says what it died of.

The parent sends a line with the campaign and then a line for each config, the child answers
with one sealed row each. So many suspects in a row pay for one start of Python. Run as
``python -m mpi_layout.parallel.alone`` by `CarefulSolver` only.
"""

import ctypes
import json
import math
import os
import select
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from typing import IO, Self, cast

import numpy as np

from mpi_layout.parallel.answers import Died, too_long
from mpi_layout.parallel.launcher import without_launcher
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.solver import BugError, Solver
from mpi_layout.parallel.stopping import GENTLE_SIGNALS

ROW, BUG, MEMORY = b"R", b"B", b"M"
HEAD = struct.Struct("<cq")  # of an answer: what it is, and how many bytes follow
PR_SET_PDEATHSIG = 1
# The child ends itself at the limit; this much later its parent does.
CHILD_MARGIN_S = 60.0


class CarefulSolver:
    """Solves configs in this process, and suspects in another one, which stays for the next suspect.

    Parameters
    ----------
    solver : Solver
        Of this process.
    """

    def __init__(self, solver: Solver) -> None:
        self._solver = solver
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def solve(self, assignment: Assignment) -> np.ndarray | Died:
        """Solve one config.

        Returns
        -------
        (1,) sealed row, or Died

        Raises
        ------
        BugError, MemoryError
            As of `Solver.solve`.
        """
        if assignment.suspect:
            row = self._solve_in_child(assignment)
        else:
            self._end()
            row = self._solver.solve(assignment)
        limit = self._solver.max_seconds
        if not isinstance(row, Died) and row["seconds"][0] > limit:
            return Died(too_long(limit))  # the manager may have given it to another rank by now
        return row

    def _solve_in_child(self, assignment: Assignment) -> np.ndarray | Died:
        """Blame a config for a death only in a process that has solved nothing before."""
        used = self._child is not None
        row = self._ask(assignment)
        doubtful = used and isinstance(row, Died) and row.how != too_long(self._solver.max_seconds)
        return self._ask(assignment) if doubtful else row

    def _ask(self, assignment: Assignment) -> np.ndarray | Died:
        """Let the child solve a config; it is gone if the answer is `Died`."""
        if self._child is None:
            self._child = self._start()
        child, limit = self._child, self._solver.max_seconds
        try:
            _say(child, [assignment.number, assignment.attempts])
            kind, body = _answer(child, limit + CHILD_MARGIN_S)
        except TimeoutError:
            self._end()
            return Died(too_long(limit))
        except EOFError:
            code = child.wait()
            self._end()
            return Died(too_long(limit) if code == -signal.SIGALRM else _how(code))
        except BaseException:
            self._end()
            raise
        if kind != ROW:
            self._end()
            raise (BugError if kind == BUG else MemoryError)(body.decode())
        return np.frombuffer(body, self._solver.dtype).copy()

    def _start(self) -> subprocess.Popen[bytes]:
        child = _start()
        _say(child, self._solver.message() | {"rank": self._solver.rank, "parent": os.getpid()})
        return child

    def _end(self) -> None:
        if self._child is not None:
            child, self._child = self._child, None
            child.kill()
            with suppress(BrokenPipeError):  # of a line that nobody has read
                child.communicate()


def _say(child: subprocess.Popen[bytes], content: object) -> None:
    """Write a line to the child; one that is gone shows in the answer."""
    lines = cast("IO[bytes]", child.stdin)
    with suppress(BrokenPipeError):
        lines.write(json.dumps(content).encode() + b"\n")
        lines.flush()


def _answer(child: subprocess.Popen[bytes], seconds: float) -> tuple[bytes, bytes]:
    """What the child answers; EOFError if it dies before, TimeoutError if it takes longer."""
    until = time.monotonic() + seconds
    kind, n_bytes = HEAD.unpack(_read(child, HEAD.size, until))
    return kind, _read(child, n_bytes, until)


def _read(child: subprocess.Popen[bytes], n_bytes: int, until: float) -> bytes:
    stream = cast("IO[bytes]", child.stdout).fileno()
    parts = b""
    while len(parts) < n_bytes:
        left = max(until - time.monotonic(), 0.0)
        if not select.select([stream], [], [], left if left < math.inf else None)[0]:
            raise TimeoutError
        part = os.read(stream, n_bytes - len(parts))
        if not part:
            raise EOFError
        parts += part
    return parts


def _start() -> subprocess.Popen[bytes]:
    """Start the child with the gentle signals blocked: they are for the rank, and must not kill a config."""
    environ = without_launcher(os.environ) | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", "-m", "mpi_layout.parallel.alone"]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, GENTLE_SIGNALS)
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _how(returncode: int) -> str:
    if returncode < 0:
        return f"its process was killed by {signal.Signals(-returncode).name}"
    return f"its process ended with exit code {returncode}"


def main() -> int:
    """Be the child: lines on standard input, rows on standard output."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a killed launch leaves no child behind
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get into a row
    opening = json.loads(sys.stdin.readline())
    if os.getppid() != opening["parent"]:
        return 1  # it was killed before this process had asked to die with it
    solver = Solver.of(opening, rank=opening["rank"])
    for line in sys.stdin:
        kind, body = _attempt(solver, Assignment(*json.loads(line)))
        answers.write(HEAD.pack(kind, len(body)) + body)
        answers.flush()
    return 0


def _attempt(solver: Solver, assignment: Assignment) -> tuple[bytes, bytes]:
    limit = solver.max_seconds if solver.max_seconds < math.inf else 0.0
    signal.setitimer(signal.ITIMER_REAL, limit)  # kills, also in the middle of compiled code
    try:
        return ROW, solver.solve(assignment).tobytes()
    except BugError as error:
        return BUG, str(error).encode()
    except MemoryError as error:
        return MEMORY, str(error).encode()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


if __name__ == "__main__":
    sys.exit(main())
