"""All MPI of the program: how ranks find each other, what they say, how they wait.

Rank 0 is the manager, the others are workers. One message opens the launch (the
campaign's text, or the code to leave with); after that the manager sends two
integers per config and a worker answers with the bytes of one sealed row. No
object is pickled. Nobody blocks: a rank with nothing to do looks for messages and
sleeps a little longer each time, so that the cores belong to the configs, and
signal handlers run. A worker at work looks at nothing.
"""

import json
import time
import warnings

import mpi4py
import numpy as np

from mpi_layout.campaign import parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.parallel.alone import solve
from mpi_layout.parallel.launcher import LauncherHint
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.solver import BugError, Died, Solver
from mpi_layout.parallel.stopping import ignore_signals

mpi4py.rc.threads = False
with warnings.catch_warnings():  # of another launcher; `join` refuses it with words of its own
    warnings.simplefilter("ignore")
    from mpi4py import MPI

CONFIG, LEAVE = 1, 2  # tags to a worker:   [number, attempts] or [exit code, 0]
ROW, DIED, BUG = 3, 4, 5  # tags to the manager: bytes of a row, or text
FIRST_NAP_S, LONGEST_NAP_S = 1e-4, 1e-3
# MPI moves a message on a step with each look: with one look per nap a reply took 2.7 ms, with two 0.7 ms.
LOOKS = 3
NAME_BYTES = 256


class Nap:
    """Sleep between two looks for a message: short after the last one, then longer."""

    def __init__(self) -> None:
        self._seconds = FIRST_NAP_S

    def sleep(self) -> None:
        """Give the core away for a moment."""
        time.sleep(self._seconds)
        self._seconds = min(1.5 * self._seconds, LONGEST_NAP_S)

    def reset(self) -> None:
        """Note that a message came."""
        self._seconds = FIRST_NAP_S


def _wait(request: MPI.Request) -> None:
    nap = Nap()
    while not any(request.Test() for _ in range(LOOKS)):
        nap.sleep()


def _message_there(comm: MPI.Comm, status: MPI.Status) -> bool:
    return any(comm.Iprobe(MPI.ANY_SOURCE, MPI.ANY_TAG, status) for _ in range(LOOKS))


def _broadcast(comm: MPI.Comm, data: bytes = b"") -> bytes:
    """Rank 0's `data`, on every rank; nobody spins while rank 0 is still reading files."""
    length = np.array([len(data)], np.int64)
    _wait(comm.Ibcast(length))
    buffer = bytearray(data or int(length[0]))
    _wait(comm.Ibcast([buffer, MPI.BYTE]))
    return bytes(buffer)


def join(hint: LauncherHint) -> "ManagerTeam | WorkerRank":
    """Become rank 0 or a worker of the world that the launcher promised.

    Raises
    ------
    InputError
        The launcher belongs to another MPI: every process is alone.
    """
    comm = MPI.COMM_WORLD
    if comm.size == 1:
        library = MPI.Get_library_version().splitlines()[0].strip().rstrip("\0")
        raise InputError(
            f"{hint.variable}={hint.size} says that {hint.size} ranks were started, but this process finds "
            f"itself alone. mpi4py uses {library}; start the ranks with the launcher of that MPI (the [mpi] "
            f"extra brings mpiexec into the folder of this Python), under Slurm with srun and the --mpi type "
            "that it knows (MPICH: pmi2, Open MPI: pmix). To run without MPI, use no launcher and unset "
            f"{hint.variable}."
        )
    names = _processor_names(comm)
    return ManagerTeam(comm, names) if comm.rank == 0 else WorkerRank(comm)


def _processor_names(comm: MPI.Comm) -> list[bytes]:
    """Name of every rank's machine."""
    own = np.zeros(NAME_BYTES, np.uint8)
    name = MPI.Get_processor_name().encode()[:NAME_BYTES]
    own[: len(name)] = np.frombuffer(name, np.uint8)
    every = np.zeros((comm.size, NAME_BYTES), np.uint8)  # (rank, byte)
    _wait(comm.Iallgather(own, every))
    return [row.tobytes() for row in every]


class ManagerTeam:
    """Rank 0's view of the workers."""

    def __init__(self, comm: MPI.Comm, names: list[bytes]) -> None:
        self._comm = comm
        self._idle = list(range(comm.size - 1, 0, -1))
        self._running: dict[int, Assignment] = {}
        self._nap = Nap()
        self._opened = False
        self._dtype = np.dtype(np.uint8)
        self.ranks = comm.size
        self.workers = comm.size - 1
        self.workers_here = names.count(names[0]) - 1

    def open(self, solver: Solver) -> None:
        """Send the campaign to the workers."""
        self._dtype = solver.dtype
        self._say(solver.message())

    def _say(self, message: dict[str, object]) -> None:
        self._opened = True
        _broadcast(self._comm, json.dumps(message).encode())

    @property
    def idle(self) -> int:
        """Workers that wait for a config."""
        return len(self._idle)

    def give(self, assignment: Assignment) -> None:
        """Send a config to a worker that waits."""
        worker = self._idle.pop()
        self._running[worker] = assignment
        message = np.array([assignment.number, assignment.attempts], np.int64)
        self._comm.Send(message, worker, CONFIG)

    def collect(self) -> list[tuple[Assignment, np.ndarray | Died]]:
        """Give back what came in; sleep a moment if nothing did.

        Raises
        ------
        BugError
            A worker met an error of the program.
        """
        answers = []
        status = MPI.Status()
        while _message_there(self._comm, status):
            answers.append(self._receive(status))
        if answers:
            self._nap.reset()
        else:
            self._nap.sleep()
        return answers

    def _receive(self, status: MPI.Status) -> tuple[Assignment, np.ndarray | Died]:
        worker, tag = status.Get_source(), status.Get_tag()
        data = bytearray(status.Get_count(MPI.BYTE))
        self._comm.Recv([data, MPI.BYTE], worker, tag)
        if tag == BUG:
            raise BugError(data.decode())
        assignment = self._running.pop(worker)
        self._idle.append(worker)
        return assignment, Died(data.decode()) if tag == DIED else np.frombuffer(data, self._dtype)

    def dismiss(self, code: int) -> None:
        """Send the workers home with an exit code; if some are not done, the launch is ended by force."""
        if not self._opened:
            self._say({"leave": code})
            return
        if self._running:
            self._comm.Abort(code)
        for worker in range(1, self.ranks):
            self._comm.Send(np.array([code, 0], np.int64), worker, LEAVE)


class WorkerRank:
    """A rank that solves what the manager sends."""

    def __init__(self, comm: MPI.Comm) -> None:
        self._comm = comm

    def work(self) -> int:
        """Solve configs until the manager says leave, and give back the exit code it says."""
        ignore_signals()
        message = json.loads(_broadcast(self._comm))
        if "leave" in message:
            return int(message["leave"])
        campaign = parse_campaign(message["campaign"])
        solver = Solver(campaign, launch=message["launch"], rank=self._comm.rank)
        while True:
            tag, number, attempts = self._receive()
            if tag == LEAVE:
                return number
            self._answer(solver, Assignment(number, attempts))

    def _receive(self) -> tuple[int, int, int]:
        nap, status = Nap(), MPI.Status()
        while not _message_there(self._comm, status):
            nap.sleep()
        message = np.zeros(2, np.int64)
        self._comm.Recv(message, 0, status.Get_tag())
        return status.Get_tag(), int(message[0]), int(message[1])

    def _answer(self, solver: Solver, assignment: Assignment) -> None:
        try:
            result = solve(solver, assignment)
        except BugError as error:
            tag, data = BUG, str(error).encode()
        else:
            tag, data = (DIED, result.how.encode()) if isinstance(result, Died) else (ROW, result.tobytes())
        _wait(self._comm.Isend([data, MPI.BYTE], 0, tag))
