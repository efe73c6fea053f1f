"""Rank 0's view of the workers."""

import json
import time
from typing import Any

import numpy as np

from mpi_layout.errors import InputError
from mpi_layout.parallel.allotment import Allotment
from mpi_layout.parallel.answers import Answer, Died, InFlight, Lost, Overdue, Stored
from mpi_layout.parallel.ranks import talk
from mpi_layout.parallel.ranks.place import Place
from mpi_layout.parallel.ranks.talk import MPI
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.solver import BugError, Solver
from mpi_layout.results.row import BRIEF_DTYPE

LOOK_S = 1.0  # between two looks at the processes of the workers on this machine
SETTLE_S = 10.0  # for workers that have nothing to do but to sync their rows


class ManagerTeam:
    """The workers, as the manager knows them."""

    def __init__(self, comm: MPI.Comm, places: list[Place]) -> None:
        self._comm = comm
        self._places = places
        self._seen = [rank for rank in range(1, comm.size) if places[0].sees(places[rank])]
        self._next_look = time.monotonic()
        self._idle = list(range(comm.size - 1, 0, -1))
        self._flying = InFlight()
        self._hung: set[int] = set()
        self._dead: set[int] = set()
        self._syncing: set[int] = set()
        self._leaving: set[int] = set()
        self._nap = talk.Nap()
        self._launcher = talk.Launcher()
        self._opened = self._dismissed = self._shared = False
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
        return [(place.host, place.allotment) for place in self._places]

    @property
    def idle(self) -> int:
        """Workers that wait for a config."""
        return len(self._idle)

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

    def give(self, assignment: Assignment) -> None:
        """Send a config to a worker that waits."""
        worker = self._idle.pop()
        self._flying.begin(worker, assignment)
        self._send(worker, talk.CONFIG, assignment.number, assignment.attempts)

    def collect(self) -> list[Answer]:
        """Give back what came in; sleep a moment if nothing did.

        Raises
        ------
        BugError
            A worker met an error of the program.
        OSError
            A worker could not write its row.
        """
        answers = self._receive_all()
        for worker in self._flying.overdue(self._max_seconds):
            self._hung.add(worker)
            answers.append((self._flying.end(worker), Overdue(self._who(worker))))
        if answers:
            self._nap.reset()
        else:
            self._nap.sleep()
        return answers

    def sync(self) -> None:
        """Ask every worker that writes to make its rows durable; it answers between two configs."""
        if not self._shared:
            return
        for worker in set(range(1, self.ranks)) - self._dead - self._syncing - self._hung:
            self._syncing.add(worker)
            self._send(worker, talk.SYNC)

    def settle(self) -> None:
        """Wait until the rows of all workers that have nothing to do are durable."""
        self.sync()
        self._wait_for_syncs(set(self._idle))

    def _wait_for_syncs(self, workers: set[int]) -> None:
        nap = talk.Nap()
        while self._syncing & workers and nap.silence < SETTLE_S:
            self._receive_all()
            nap.sleep()

    def dismiss(self, code: int) -> bool:
        """Send the workers home with an exit code.

        Returns
        -------
        Whether all ranks will come to the end together; otherwise call `leave` with the file closed.
        """
        how = talk.GUARDED if talk.may_lose_ranks() else talk.TOGETHER
        if self._dead or self._hung or self._flying:
            how = talk.ALONE
        if not self._opened and not self._dismissed:
            self._say({"leave": code})
        elif not self._dismissed:
            self._leaving = set(range(1, self.ranks)) - self._dead
            for worker in self._leaving:
                self._send(worker, talk.LEAVE, code, how)
        self._dismissed = True
        return how == talk.TOGETHER

    def leave(self, code: int) -> None:
        """End by force the ranks that are busy, and do not wait for ranks that are gone."""
        if self._hung or self._flying:
            self._comm.Abort(code)
        if self._dead or talk.may_lose_ranks():
            talk.leave_in_time(code)
            self._syncing |= self._leaving
            self._wait_for_syncs(self._leaving)
            if self._dead:  # MPI_Finalize would wait for them for ever
                talk.leave_at_once(code)
            MPI.Finalize()

    def _say(self, message: dict[str, Any]) -> None:
        talk.broadcast(self._comm, json.dumps(message).encode())

    def _send(self, worker: int, tag: int, first: int = 0, second: int = 0) -> None:
        try:
            self._comm.Send(np.array([first, second], np.int64), worker, tag)
        except MPI.Exception as error:
            if not talk.is_death(error):
                raise  # else `collect` finds out who died, and what was lost

    def _receive_all(self) -> list[Answer]:
        answers: list[Answer] = []
        status = MPI.Status()
        dead = self._departed()
        while True:
            try:
                if not talk.message_there(self._comm, status):
                    break
                answers += self._take(status.Get_source(), status.Get_tag(), talk.receive(self._comm, status))
            except MPI.Exception as error:
                if not talk.is_death(error):
                    raise
                dead |= set(talk.deaths(self._comm)) - self._dead
        # What they had sent before they died has come in by now.
        return answers + [answer for worker in sorted(dead) for answer in self._bury(worker)]

    def _departed(self) -> set[int]:
        """Ranks on this machine whose process has ended, whether or not MPI knows."""
        now = time.monotonic()
        if now < self._next_look:
            return set()
        self._next_look = now + LOOK_S
        return {rank for rank in self._seen if rank not in self._dead and self._places[rank].gone}

    def _take(self, worker: int, tag: int, data: bytes) -> list[Answer]:
        if tag == talk.BUG:
            raise BugError(data.decode())
        if tag == talk.DISK:
            raise OSError(data.decode())
        if tag == talk.SYNCED:
            self._syncing.discard(worker)
            return []
        assignment = self._flying.end(worker)
        self._idle.append(worker)
        if worker in self._hung:  # it was slow and not dead; its config was given to another rank
            self._hung.discard(worker)
            return []
        if tag == talk.DIED:
            return [(assignment, Died(data.decode()))]
        if tag == talk.STORED:
            return [(assignment, Stored(np.frombuffer(data, BRIEF_DTYPE)))]
        return [(assignment, np.frombuffer(data, self._dtype))]

    def _bury(self, worker: int) -> list[Answer]:
        self._dead.add(worker)
        self._hung.discard(worker)
        self._syncing.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        return [(self._flying.end(worker), Lost(self._who(worker)))]

    def _who(self, rank: int) -> str:
        return f"rank {rank} on {self._places[rank].host}"
