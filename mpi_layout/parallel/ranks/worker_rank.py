"""A rank that solves what the manager sends."""

import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from mpi_layout.exit_codes import ExitCode
from mpi_layout.parallel.alone import solve
from mpi_layout.parallel.answers import Died
from mpi_layout.parallel.ranks import talk
from mpi_layout.parallel.ranks.talk import MPI
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.solver import BugError, Solver
from mpi_layout.parallel.stopping import ignore_signals
from mpi_layout.results.row import brief

if TYPE_CHECKING:
    from mpi_layout.results.shared import SharedRows

log = logging.getLogger(__name__)

ORPHAN_S = 30.0  # without a word from a manager whose launcher is gone


class WorkerRank:
    """A worker: what it writes itself, if it does, and how it hears and answers."""

    def __init__(self, comm: MPI.Comm) -> None:
        self._comm = comm
        self._launcher = talk.Launcher()
        self._file: SharedRows | None = None

    def work(self) -> int:
        """Solve configs until the manager says leave, and give back the exit code it says."""
        ignore_signals()
        try:
            return self._work()
        except MPI.Exception as error:
            if not talk.is_death(error):
                raise
            if self._comm.rank == 1:  # one word is enough
                log.warning("rank 0 has died, so this launch ends: run the same command again to go on")
            talk.leave_at_once(ExitCode.BUG)
            raise

    def _work(self) -> int:
        message = self._hear()
        if "share" in message:
            self._share(message["share"])
            message = self._hear()
        if "leave" in message:
            return int(message["leave"])
        if self._file is not None:
            self._file.open(self._comm)
        solver = Solver.of(message, rank=self._comm.rank)
        while True:
            tag, first, second = self._receive()
            if tag == talk.LEAVE:
                return self._leave(code=first, how=second)
            if tag == talk.SYNC:
                self._sync()
            else:
                self._answer(solver, Assignment(first, second))

    def _hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(talk.broadcast(self._comm))
        return message

    def _share(self, invited: dict[str, Any]) -> None:
        """Make ready to write the results file too, and say what is in the way."""
        from mpi_layout.results.shared import SharedRows  # h5py is loaded only by workers that write

        self._file = SharedRows(invited)
        talk.gather_texts(self._comm, self._file.prepare())

    def _receive(self) -> tuple[int, int, int]:
        nap, status = talk.Nap(), MPI.Status()
        while not talk.message_there(self._comm, status, source=0):  # other workers may have died
            self._nap(nap)
        message = np.zeros(2, np.int64)
        self._comm.Recv(message, 0, status.Get_tag())
        return status.Get_tag(), int(message[0]), int(message[1])

    def _nap(self, nap: talk.Nap) -> None:
        """Sleep; leave if nobody can be there any more to say it."""
        nap.sleep()
        if self._launcher.gone and nap.silence > ORPHAN_S:
            talk.leave_at_once(ExitCode.EARLY)

    def _answer(self, solver: Solver, assignment: Assignment) -> None:
        try:
            result = solve(solver, assignment)
            if isinstance(result, Died):
                self._send(talk.DIED, result.how.encode())
            elif self._file is None:
                self._send(talk.ROW, result.tobytes())
            else:
                self._file.write(assignment.number, result)
                self._send(talk.STORED, brief(result).tobytes())
        except BugError as error:
            self._send(talk.BUG, str(error).encode())
        except OSError as error:
            self._send(talk.DISK, str(error).encode())

    def _sync(self) -> None:
        try:
            if self._file is not None:
                self._file.sync()
        except OSError as error:
            self._send(talk.DISK, str(error).encode())
        else:
            self._send(talk.SYNCED, b"")

    def _send(self, tag: int, data: bytes) -> None:
        request = self._comm.Isend([data, MPI.BYTE], 0, tag)
        nap = talk.Nap()
        while not any(request.Test() for _ in range(talk.LOOKS)):
            self._nap(nap)

    def _leave(self, *, code: int, how: int) -> int:
        if self._file is not None:
            self._file.close(together=how == talk.TOGETHER)
        if how != talk.TOGETHER:
            talk.leave_in_time(code)
            self._send(talk.SYNCED, b"")
        if how == talk.ALONE:
            talk.leave_at_once(code)
        if how == talk.GUARDED:
            MPI.Finalize()
        return code
