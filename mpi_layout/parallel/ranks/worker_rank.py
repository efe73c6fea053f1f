"""A rank that solves what the manager sends."""

import json
import logging
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mpi_layout.exit_codes import ExitCode
from mpi_layout.parallel.alone import CarefulSolver
from mpi_layout.parallel.answers import Died
from mpi_layout.parallel.batches import batch_seconds
from mpi_layout.parallel.ranks import talk
from mpi_layout.parallel.ranks.heart import Heart
from mpi_layout.parallel.ranks.talk import MPI
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.solver import BugError, Solver
from mpi_layout.parallel.stopping import ignore_signals
from mpi_layout.results.storage.row import brief

if TYPE_CHECKING:
    from mpi_layout.results.shared import SharedRows

log = logging.getLogger(__name__)

ORPHAN_S = 30.0  # without a word from a manager whose launcher is gone


@contextmanager
def leaving_with_rank_0(comm: MPI.Comm) -> Iterator[None]:
    """End this process if rank 0 dies."""
    try:
        yield
    except MPI.Exception as error:
        if not talk.is_death(error):
            raise
        if comm.rank == 1:  # one word is enough
            log.warning("rank 0 has died, so this launch ends: run the same command again to go on")
        talk.leave_at_once(ExitCode.BUG)
        raise


class WorkerRank:
    """A worker: what it writes itself, if it does, and how it hears and answers."""

    def __init__(self, comm: MPI.Comm) -> None:
        self._comm = comm
        self._launcher = talk.Launcher()
        self._heart = Heart(comm)
        self._file: SharedRows | None = None
        self._todo: deque[Assignment] = deque()
        self._ended: list[bytes] = []  # rows, or briefs about them, that the manager does not know of yet
        self._held = batch_seconds(comm.size - 1)
        self._spoke = time.monotonic()

    def work(self) -> int:
        """Solve configs until the manager says leave, and give back the exit code it says."""
        ignore_signals()
        with leaving_with_rank_0(self._comm):
            return self._work()

    def _work(self) -> int:
        message = self._hear()
        if "share" in message:
            self._share(message["share"])
            message = self._hear()
        if "leave" in message:
            return int(message["leave"])
        if self._file is not None:
            self._open(self._file)
        self._heart.start()
        with CarefulSolver(Solver.of(message, rank=self._comm.rank)) as solver:
            return self._serve(solver)

    def _serve(self, solver: CarefulSolver) -> int:
        while True:
            while message := self._receive():
                tag, numbers = message
                if tag == talk.LEAVE:
                    return self._leave(code=numbers[0], how=numbers[1])
                if tag == talk.SYNC:
                    self._sync()
                elif tag == talk.DROP:
                    self._drop()
                elif tag == talk.CONFIGS:
                    self._todo.extend(Assignment(number, numbers[0]) for number in numbers[1:])
                    self._spoke = time.monotonic()
            self._solve(solver, self._todo.popleft())

    def _hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(talk.broadcast(self._comm))
        return message

    def _share(self, invited: dict[str, Any]) -> None:
        """Make ready to write the results file too, and say what is in the way."""
        from mpi_layout.results.shared import SharedRows  # h5py is loaded only by workers that write

        self._file = SharedRows(invited)
        talk.gather_texts(self._comm, self._file.prepare())

    def _open(self, file: "SharedRows") -> None:
        """Open the results file, all ranks at the same time; if one dies, rank 0 ends the launch."""
        try:
            file.open(self._comm)
        except OSError:
            if not (talk.may_lose_ranks() and talk.deaths(self._comm)):
                raise
            self._file = None
            self._send(talk.DISK, b"a rank died while all opened the file; run the same command again")

    def _receive(self) -> tuple[int, list[int]] | None:
        """The next message; None if there is none and something to do."""
        nap, status = talk.Nap(), MPI.Status()
        while not talk.message_there(self._comm, status, source=0):  # other workers may have died
            if self._todo:
                return None
            self._nap(nap)
        data = talk.receive(self._comm, status)
        self._heart.answered()
        return status.Get_tag(), np.frombuffer(data, np.int64).tolist()

    def _nap(self, nap: talk.Nap) -> None:
        """Sleep; leave if nobody can be there any more to say it."""
        nap.sleep()
        alone = self._launcher.gone and nap.silence > ORPHAN_S
        if alone or self._heart.unheard:
            talk.leave_at_once(ExitCode.EARLY)

    def _solve(self, solver: CarefulSolver, assignment: Assignment) -> None:
        try:
            result = solver.solve(assignment)
            if isinstance(result, Died):
                self._tell_ended()
                self._send(talk.DIED, result.how.encode())
                self._drop()  # if that was for the time it took, the others may have been given away by now
                return
            if self._file is not None:
                self._file.write(assignment.number, result)
            self._ended.append((result if self._file is None else brief(result)).tobytes())
            if not self._todo or time.monotonic() - self._spoke >= self._held:
                self._tell_ended()
        except (BugError, MemoryError) as error:
            self._todo.clear()
            self._tell_ended()
            self._send(talk.BUG if isinstance(error, BugError) else talk.MEMORY, str(error).encode())
        except OSError as error:
            self._todo.clear()
            self._send(talk.DISK, str(error).encode())

    def _tell_ended(self) -> None:
        if self._ended:
            self._send(talk.ROWS if self._file is None else talk.STORED, b"".join(self._ended))
            self._ended.clear()

    def _drop(self) -> None:
        """Forget what has not begun, and say so."""
        if self._todo:
            self._todo.clear()
            self._tell_ended()
            self._send(talk.DROPPED, b"")

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
        self._spoke = time.monotonic()

    def _leave(self, *, code: int, how: int) -> int:
        self._heart.stop()
        if how == talk.TOGETHER:
            self._send(talk.LAST, b"")
        if self._file is not None:
            self._file.close(together=how == talk.TOGETHER)
        if how != talk.TOGETHER:
            talk.leave_in_time(code)
            self._send(talk.LAST, b"")
        if how == talk.ALONE:
            talk.leave_at_once(code)
        if how == talk.ABORTED:
            time.sleep(2 * talk.LEAVE_S)  # no longer than until then
        if how == talk.GUARDED:
            talk.leave_guarded(code)
        return code
