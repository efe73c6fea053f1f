"""A suspect config in a process of its own: a death there takes no rank along, and says what it died of.

The parent sends the campaign text and the config number, the child sends back one
sealed row. Run as ``python -m mpi_layout.parallel.alone`` by `solve` only.
"""

import ctypes
import json
import math
import os
import signal
import subprocess
import sys

import numpy as np

from mpi_layout.parallel.answers import Died, too_long
from mpi_layout.parallel.launcher import without_launcher
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.solver import BugError, Solver
from mpi_layout.parallel.stopping import GENTLE_SIGNALS
from mpi_layout.results.row import is_committed

ROW, BUG = b"R", b"B"
PR_SET_PDEATHSIG = 1
# The child ends itself at the limit; this much later its parent does.
CHILD_MARGIN_S = 60.0


def solve(solver: Solver, assignment: Assignment) -> np.ndarray | Died:
    """Solve one config here, or, if it is a suspect, in a child process.

    Returns
    -------
    (1,) sealed row, or Died

    Raises
    ------
    BugError
        The program is wrong.
    """
    row = _solve_in_child(solver, assignment) if assignment.suspect else solver.solve(assignment)
    if not isinstance(row, Died) and row["seconds"][0] > solver.max_seconds:
        return Died(too_long(solver.max_seconds))  # the manager may have given it to another rank by now
    return row


def _solve_in_child(solver: Solver, assignment: Assignment) -> np.ndarray | Died:
    request = solver.message() | {
        "rank": solver.rank,
        "number": assignment.number,
        "attempts": assignment.attempts,
        "parent": os.getpid(),
    }
    child = _start()
    limit = solver.max_seconds + CHILD_MARGIN_S
    try:
        answer, _ = child.communicate(json.dumps(request).encode(), limit if limit < math.inf else None)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return Died(too_long(solver.max_seconds))
    except BaseException:
        child.kill()
        raise
    kind, body = answer[:1], answer[1:]
    if kind == BUG:
        raise BugError(body.decode())
    if kind == ROW and len(body) == solver.dtype.itemsize:
        row = np.frombuffer(body, solver.dtype).copy()
        if is_committed(row).all():
            return row
    if child.returncode == -signal.SIGALRM:
        return Died(too_long(solver.max_seconds))
    return Died(_how(child.returncode))


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
    """Be the child: a request on standard input, a row on standard output."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a killed launch leaves no child behind
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not get into the row
    request = json.load(sys.stdin)
    if os.getppid() != request["parent"]:
        return 1  # it was killed before this process had asked to die with it
    solver = Solver.of(request, rank=request["rank"])
    if solver.max_seconds < math.inf:
        signal.setitimer(signal.ITIMER_REAL, solver.max_seconds)  # kills, also in the middle of compiled code
    try:
        row = solver.solve(Assignment(request["number"], request["attempts"]))
        reply = ROW + row.tobytes()
    except BugError as error:
        reply = BUG + str(error).encode()
    with os.fdopen(answer, "wb") as stream:
        stream.write(reply)
    return 0


if __name__ == "__main__":
    sys.exit(main())
