"""Rank 0's view of the workers."""

import json
import time
from typing import Any

import numpy as np

from mpi_layout.errors import InputError
from mpi_layout.parallel.allotment import Allotment
from mpi_layout.parallel.answers import Answer, Batch, Died, Dropped, InFlight, Lost, Overdue, Stored, What
from mpi_layout.parallel.batches import batch_seconds
from mpi_layout.parallel.ranks import talk
from mpi_layout.parallel.ranks.place import Place
from mpi_layout.parallel.ranks.talk import MPI
from mpi_layout.parallel.silence import Listener
from mpi_layout.parallel.solver import BugError, Solver
from mpi_layout.results.locking.notice import RankNow
from mpi_layout.results.storage.row import BRIEF_DTYPE

LOOK_S = 1.0  # between two looks at the processes of the workers on this machine
MOST_AT_ONCE = 500  # messages taken before the workers that sent them get new work
SETTLE_S = 10.0  # for workers that have nothing to do but to sync their rows, or to leave

_FAILURES = {talk.BUG: BugError, talk.DISK: OSError, talk.MEMORY: MemoryError}  # that end a launch


class ManagerTeam:
    """The workers, as the manager knows them."""

    def __init__(self, comm: MPI.Comm, places: list[Place], mpi: str) -> None:
        self.mpi = mpi
        self._comm = comm
        self._places = places
        self._seen = [rank for rank in range(1, comm.size) if places[0].sees(places[rank])]
        self._next_look = time.monotonic()
        self._listener = Listener(comm.size)
        self._idle = list(range(comm.size - 1, 0, -1))
        self._flying = InFlight(batch_seconds(comm.size - 1))
        self._hung: dict[int, int] = {}  # how many configs such a worker has not said anything of
        self._dead: set[int] = set()
        self._dying: set[int] = set()  # dead, but what they had sent before may still come in
        self._syncing: set[int] = set()
        self._leaving: set[int] = set()
        self._nap = talk.Nap()
        self._launcher = talk.Launcher()
        self._opened = self._dismissed = self._shared = self._dropped = False
        self._failure: Exception | None = None
        self._dtype = np.dtype(np.uint8)
        self._max_seconds = np.inf
        self.ranks = comm.size

    @property
    def workers(self) -> int:
        """Ranks that solve."""
        return self.ranks - 1 - len(self._dead) - len(self._hung)

    @property
    def workers_here(self) -> int:
        """Ranks that solve on the manager's machine."""
        return sum(place.host == self._places[0].host for place in self._places) - 1

    @property
    def allotments(self) -> list[tuple[str, Allotment]]:
        """Host of each rank, and what it may use there."""
        return [(place.host, place.allotment) for place in self._places if place.known]

    @property
    def idle(self) -> int:
        """Workers that wait for configs."""
        return len(self._idle)

    @property
    def gone(self) -> list[int]:
        """Ranks that are dead or hung."""
        return sorted({*self._dead, *self._hung})

    def lost(self) -> list[str]:
        """Look who has died, and name them."""
        self._dead |= set(talk.deaths(self._comm)) if talk.may_lose_ranks() else set()
        return [self._who(worker) for worker in sorted(self._dead)]

    def at_work(self, since: float) -> list[RankNow]:
        """What each of the others that solves has to do, in seconds after `since`."""
        return list(self._flying.at_work(self._idle, since))

    @property
    def launcher_gone(self) -> bool:
        """Whether the process that started this rank has died."""
        return self._launcher.gone

    def share(self, invited: dict[str, Any]) -> MPI.Comm:
        """Let the workers make ready to write the results file too; give back the communicator for it.

        Raises
        ------
        InputError
            One of them cannot.
        """
        self._say({"share": invited})
        for rank, complaint in enumerate(talk.gather_texts(self._comm, "")):
            if complaint:
                raise InputError(f"{invited['path']}: {self._who(rank)} cannot write it too: {complaint}")
        self._shared = True
        return self._comm

    def open(self, solver: Solver) -> None:
        """Send the campaign to the workers."""
        self._dtype, self._max_seconds = solver.dtype, solver.max_seconds
        self._say(solver.message())
        self._opened = True

    def give(self, batch: Batch) -> None:
        """Send configs to a worker that waits; their attempts on record are equal."""
        worker = self._idle.pop()
        self._flying.begin(worker, batch)
        self._send(worker, talk.CONFIGS, batch[0].attempts, *(assignment.number for assignment in batch))

    def drop(self) -> None:
        """Tell those that have several configs to drop what they have not begun, once."""
        if not self._dropped:
            self._dropped = True
            for worker in self._flying.with_several():
                self._send(worker, talk.DROP)

    def collect(self) -> list[Answer]:
        """Give back what came in; sleep a moment if nothing did.

        Raises
        ------
        BugError
            A worker met an error of the program.
        OSError
            A worker could not write its row.
        MemoryError
            A worker had too little.
        """
        self._raise_failure()
        answers, more = self._receive_all()
        for worker in () if more else self._flying.overdue(self._max_seconds):
            self._hung[worker] = self._flying.of(worker)
            answers.append((self._flying.end(worker), Overdue(self._who(worker))))
        if not more:
            silent = set(self._listener.silent()) - {0} - self._dead - self._hung.keys()
            answers += [self._give_up(worker) for worker in sorted(silent)]
        if answers or more:
            self._nap.reset()
        else:
            self._nap.sleep()
        return answers

    def sync(self) -> None:
        """Ask every worker that writes to make its rows durable; it answers between two configs."""
        if not self._shared:
            return
        for worker in set(range(1, self.ranks)) - self._dead - self._syncing - self._hung.keys():
            self._syncing.add(worker)
            self._send(worker, talk.SYNC)

    def settle(self) -> None:
        """Wait until the rows of all workers that have nothing to do are durable."""
        self.sync()
        nap, idle = talk.Nap(), set(self._idle)
        while self._syncing & idle and nap.silence < SETTLE_S:
            self._receive_all()
            self._raise_failure()
            nap.sleep()

    def dismiss(self, code: int) -> bool:
        """Send the workers home with an exit code.

        Returns
        -------
        Whether all ranks will come to the end together; otherwise call `leave` with the file closed.
        """
        how = talk.GUARDED if talk.may_lose_ranks() else talk.TOGETHER
        if self._dead or self._busy:
            how = talk.ALONE
        if self._busy and not talk.may_lose_ranks():  # else the code of those that leave is what counts
            how = talk.ABORTED
        if not self._opened and not self._dismissed:
            self._say({"leave": code})
        elif not self._dismissed:
            self._leaving = set(range(1, self.ranks)) - self._dead
            for worker in self._leaving:
                self._send(worker, talk.LEAVE, code, how)
        self._dismissed = True
        if how == talk.TOGETHER:
            self._receive_last_words()
        return how == talk.TOGETHER

    def leave(self, code: int) -> None:
        """End by force the ranks that are busy, and do not wait for ranks that are gone."""
        if self._busy:
            self._comm.Abort(code)
        if self._dead or talk.may_lose_ranks():
            talk.leave_in_time(code)
            self._receive_last_words()
            if self._dead:  # MPI_Finalize would wait for them for ever
                talk.leave_at_once(code)
            talk.leave_guarded(code)

    def _receive_last_words(self) -> None:
        """Wait for the last message of each worker that leaves; those before it come before."""
        nap = talk.Nap()
        while self._leaving and nap.silence < SETTLE_S:
            self._receive_all()
            nap.sleep()

    @property
    def _busy(self) -> bool:
        """Whether some ranks would not hear that they are to leave."""
        return bool(self._hung or self._flying)

    def _say(self, message: dict[str, Any]) -> None:
        talk.broadcast(self._comm, json.dumps(message).encode())

    def _send(self, worker: int, tag: int, *numbers: int) -> None:
        with talk.despite_deaths():  # `collect` finds out who died, and what was lost
            self._comm.Send(np.array(numbers, np.int64), worker, tag)

    def _receive_all(self) -> tuple[list[Answer], bool]:
        """What has come in, and whether there may be more."""
        answers: list[Answer] = []
        status = MPI.Status()
        self._dying |= self._departed()
        for _ in range(MOST_AT_ONCE):
            try:
                if not talk.message_there(self._comm, status):
                    break
                answers += self._take(status.Get_source(), status.Get_tag(), talk.receive(self._comm, status))
            except MPI.Exception as error:
                if not talk.is_death(error):
                    raise
                self._dying |= set(talk.deaths(self._comm)) - self._dead
        else:
            return answers, True
        dead, self._dying = sorted(self._dying), set()
        return answers + [self._bury(worker) for worker in dead], False

    def _raise_failure(self) -> None:
        """Raise what a worker could not cope with, once."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _departed(self) -> set[int]:
        """Ranks on this machine whose process has ended, whether or not MPI knows."""
        now = time.monotonic()
        if now < self._next_look:
            return set()
        self._next_look = now + LOOK_S
        return {rank for rank in self._seen if rank not in self._dead and self._places[rank].gone}

    def _take(self, worker: int, tag: int, data: bytes) -> list[Answer]:
        self._listener.note(worker)
        if tag == talk.ALIVE:
            self._greet(worker)
            return []
        if tag == talk.SYNCED:
            self._syncing.discard(worker)
            return []
        if tag == talk.LAST:
            self._leaving.discard(worker)
            return []
        if tag in _FAILURES:  # told when what came before it is stored
            self._failure = _FAILURES[tag](data.decode())
            return []
        what, count = self._read(tag, data)
        if worker in self._hung:  # it was slow and not dead; its configs were given to other ranks
            self._hung[worker] -= count or self._hung[worker]
            if self._hung[worker] <= 0:
                del self._hung[worker]
                self._idle.append(worker)
            return []
        batch = self._flying.ended(worker, count) if count else self._flying.end(worker)
        if not self._flying.of(worker):
            self._idle.append(worker)
        return [(batch, what)]

    def _greet(self, worker: int) -> None:
        """Answer a sign of life."""
        if not self._dismissed:
            self._send(worker, talk.ALIVE)
        if self._hung.get(worker) == 0:  # it was given up while it had nothing to do
            del self._hung[worker]
            self._idle.append(worker)

    def _give_up(self, worker: int) -> Answer:
        """Do without a worker that may be gone; what it had is given to others."""
        self._hung[worker] = self._flying.of(worker)
        self._syncing.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        return self._flying.end(worker), Lost(self._who(worker), "vanished")

    def _read(self, tag: int, data: bytes) -> tuple[What, int]:
        """What a message says, and of how many configs; 0 stands for all that its worker still has."""
        if tag == talk.DROPPED:
            return Dropped(), 0
        if tag == talk.DIED:
            return Died(data.decode()), 1
        if tag == talk.STORED:
            said = np.frombuffer(data, BRIEF_DTYPE)
            return Stored(said), said.size
        rows = np.frombuffer(data, self._dtype)
        return rows, rows.size

    def _bury(self, worker: int) -> Answer:
        self._dead.add(worker)
        self._hung.pop(worker, None)
        self._syncing.discard(worker)
        self._leaving.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        return self._flying.end(worker), Lost(self._who(worker))

    def _who(self, rank: int) -> str:
        return f"rank {rank} on {self._places[rank].host}"
