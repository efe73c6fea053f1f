"""A launch in simulated time: the Schedule of the program, hands out to workers that only exist as numbers.

Rank 0 is one server. A turn of its loop takes the messages that have arrived, tells the schedule, hands out,
writes the rows that came, and makes a checkpoint when one is due; if nothing came, it naps. Each of these
advances the clock by what it was measured to cost (`scaling.service`). Workers solve what they were given one
after the other, and send what they have when it is time to.

Only messages are events. What a worker does between two of them is known as soon as it is given a batch, so
that a launch of 100,000 ranks costs no more per config than a small one.
"""

import heapq
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mpi_layout.parallel import batches
from mpi_layout.parallel.batches import LONGEST_S, MOST, batch_seconds, collecting_seconds
from mpi_layout.parallel.manager import MOST_AT_ONCE, MOST_UNSYNCED_BYTES
from mpi_layout.parallel.schedule import Assignment, Schedule
from scaling.service import Service
from scaling.work import NO_TROUBLE, Trouble, Work

NOTICED_S = 1.0  # until rank 0 hears that a rank has died


@dataclass(frozen=True)
class Design:
    """How ranks talk.

    Attributes
    ----------
    most : int
        Configs in a batch.
    longest_s : s
        Seconds of work in a batch, and how long a worker holds back a row, at most.
    ahead : int
        A worker gets its next batch when it has so many configs left.
    most_messages : int
        That a turn takes.
    together : bool
        Whether the answers of a turn go out when all have been decided, or one by one; and whether rows are
        collected, and those of adjacent configs written together.
    sync_each_suspect : bool
        A checkpoint before each config that was lost once, or one for all of a turn.
    child_stays : bool
        Whether suspects in a row share a child process.
    row_bytes : int
        Of a row in a message.
    interval : s
        Between two checkpoints.
    unsynced_bytes : float
        So many bytes of rows make a checkpoint due, too.
    """

    most: int = MOST
    longest_s: float = LONGEST_S
    ahead: int = 0
    most_messages: int = MOST_AT_ONCE
    together: bool = True
    sync_each_suspect: bool = False
    child_stays: bool = True
    row_bytes: int = 3300
    interval: float = 30.0
    unsynced_bytes: float = MOST_UNSYNCED_BYTES


ONE_BY_ONE = Design(
    most=1,
    most_messages=2**62,
    together=False,
    sync_each_suspect=True,
    child_stays=False,
    unsynced_bytes=math.inf,
)
BATCHES = Design()


@dataclass
class Outcome:
    """What came of a launch.

    Attributes
    ----------
    seconds : s
        From the first config handed out to the last row stored.
    manager : s
        Time that rank 0 was not asleep.
    syncing : s
        Part of it in checkpoints.
    messages, turns, checkpoints, runs : int
        Messages from workers, turns of the loop that had any, checkpoints, runs of rows written.
    delays : (n_messages,) s
        From the arrival of a message to the answer, or to its end.
    ended : (n,) int
        How often each config came to an end: once.
    attempts : (n,) int
        Attempts on record of configs that have not ended.
    spells : (n_messages, 3) s
        Begin and end of the work that each message speaks of, and the seconds spent inside its configs.
    lost : int
        Configs that were given out and lost.
    largest : int
        Configs in the largest batch.
    """

    seconds: float = 0.0
    manager: float = 0.0
    syncing: float = 0.0
    messages: int = 0
    turns: int = 0
    checkpoints: int = 0
    runs: int = 0
    delays: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    ended: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, int))
    attempts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, int))
    spells: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))
    lost: int = 0
    largest: int = 0

    def efficiency(self, n_workers: int, begin: float = 0.0, end: float = 1.0) -> float:
        """Share of the workers' time spent inside configs, from one part of the launch to another."""
        begin, end = begin * self.seconds, end * self.seconds
        starts, ends, seconds = self.spells.T
        inside = np.minimum(ends, end) - np.maximum(starts, begin)
        share = np.maximum(inside, 0.0) / np.maximum(ends - starts, 1e-12)
        return float((seconds * share).sum() / (n_workers * (end - begin)))


def make_schedule(work: Work, numbers: NDArray[np.int64] | None = None, **settings: object) -> Schedule:
    """Give the program's schedule of all configs, or of some numbers."""
    chosen = np.arange(work.seconds.size) if numbers is None else numbers
    return Schedule(chosen, work.kinds[chosen], work.guess, **settings)


def bound(work: Work, n_workers: int) -> float:
    """No schedule can end before this: the longest config, or the work divided by the workers, s."""
    return max(float(work.seconds.max()), work.total / n_workers)


def simulate(
    schedule: Schedule,
    work: Work,
    n_workers: int,
    service: Service,
    design: Design,
    *,
    trouble: Trouble = NO_TROUBLE,
    seconds_left: float = math.inf,
    cores: int = 0,
) -> Outcome:
    """Run a launch.

    Parameters
    ----------
    schedule : Schedule
        Of the program.
    work : Work
        What its configs take.
    n_workers : int
        Ranks that solve.
    service, design : Service, Design
        What things cost, and how ranks talk.
    trouble : Trouble, optional
        Slow workers, dying workers, a kill.
    seconds_left : s, optional
        Time limit of the launch.
    cores : int, optional
        Cores that all ranks share, if they do not have one each.
    """
    before, batches.LONGEST_S = batches.LONGEST_S, design.longest_s
    try:
        return _Launch(schedule, work, n_workers, service, design, trouble, seconds_left, cores).run()
    finally:
        batches.LONGEST_S = before


class _Naps:
    """Looks for a message: after a short nap at first, then after longer ones."""

    def __init__(self, first: float, longest: float) -> None:
        looks, nap = [0.0], first
        while 0.0 < nap < longest:
            looks.append(looks[-1] + nap)
            nap *= 1.5
        self._looks, self._longest = looks, longest

    def seen(self, since: float, arrival: float) -> float:
        """When something is seen that arrives while the other side has been looking for it since `since`."""
        waited = arrival - since
        if waited <= 0.0 or not self._longest:
            return max(arrival, since)
        for look in self._looks:
            if look >= waited:
                return since + look
        last = self._looks[-1]
        return since + last + math.ceil((waited - last) / self._longest) * self._longest


class _Cores:
    """Cores that all ranks share: what is taken of them, in short spans of time, in any order."""

    SPAN_S = 0.005

    def __init__(self, count: int) -> None:
        self._room = count * self.SPAN_S
        self._taken: dict[int, float] = {}

    def take(self, clock: float, seconds: float) -> float:
        """Take so much of a core from the first span that has room; give back when that begins."""
        span = first = int(clock / self.SPAN_S)
        while self._taken.get(span, 0.0) >= self._room:
            span += 1
        self._taken[span] = self._taken.get(span, 0.0) + seconds
        return clock if span == first else span * self.SPAN_S


class _Launch:
    def __init__(
        self,
        schedule: Schedule,
        work: Work,
        n_workers: int,
        service: Service,
        design: Design,
        trouble: Trouble,
        seconds_left: float,
        cores: int,
    ) -> None:
        self.schedule, self.work, self.service, self.design = schedule, work, service, design
        self.trouble, self.seconds_left = trouble, seconds_left
        self.naps = _Naps(service.nap_first, service.nap_longest)
        self.seconds = work.seconds.tolist()
        self.fails = work.fails.tolist()
        self.speed = None if trouble.speed is None else trouble.speed.tolist()
        self.report_s = batch_seconds(n_workers)
        self.clock = 0.0
        # (arrival, order, worker, assignments that have ended); none are the word of a death
        self.inbox: list[tuple[float, int, int, list[Assignment]]] = []
        self.order = 0
        self.idle = list(range(n_workers - 1, -1, -1))
        self.alive = n_workers
        self.has: list[deque[Assignment]] = [deque() for _ in range(n_workers)]
        self.free_at = [0.0] * n_workers
        self.careful = [False] * n_workers  # whether it has a child process ready
        self.cores = _Cores(cores) if cores else None
        self.next_checkpoint = design.interval
        self.collected: list[int] = []  # numbers of configs whose rows are not written yet
        self.next_write = 0.0
        self.unsynced = 0
        self.arrivals: dict[int, float] = {}
        self.delays: list[float] = []
        self.spells: list[tuple[float, float, float]] = []
        self.out = Outcome(ended=np.zeros(work.seconds.size, int), attempts=np.zeros(work.seconds.size, int))
        for worker, when in trouble.deaths.items():
            self._post(when + NOTICED_S, worker, [])

    def run(self) -> Outcome:
        quiet_since = 0.0
        while self.clock < self.trouble.end:
            taken = self._receive()
            began = self.clock
            ended = self._note(taken)
            handed_out = self._hand_out()
            self._collect(ended)
            if taken or handed_out:
                self.out.turns += 1
                for arrival in self.arrivals.values():
                    self.delays.append(began - arrival)
                self.arrivals.clear()
            self._spend(self._turn(self.service.turn if taken or handed_out else self.service.look))
            heavy = self.unsynced * self.design.row_bytes > self.design.unsynced_bytes
            if heavy or self.clock >= self.next_checkpoint:
                self.next_checkpoint = self.clock + self.design.interval
                self._sync()
            if taken or handed_out:
                quiet_since = self.clock
            elif not self.schedule.running:
                break
            elif not self.inbox:
                raise RuntimeError("configs are running, and no message will ever come")
            else:
                self._sleep(quiet_since)
        return self._end()

    def _end(self) -> Outcome:
        out = self.out
        self._sync()
        out.seconds, out.delays = self.clock, np.array(self.delays)
        out.spells = np.array(self.spells).reshape(-1, 3)
        for assignment in (a for has in self.has for a in has):
            out.attempts[assignment.number] = assignment.attempts
        return out

    # ------------------------------------------------------------ rank 0

    def _spend(self, seconds: float) -> None:
        self.clock += seconds
        self.out.manager += seconds
        if self.cores:
            self.cores.take(self.clock - seconds, seconds)

    def _turn(self, seconds: float) -> float:
        return seconds + self.service.turn_worker * self.schedule.running

    def _sleep(self, quiet_since: float) -> None:
        """Nap until a message is there; each look on the way costs a turn."""
        seen = max(self.naps.seen(quiet_since, self.inbox[0][0]), self.clock)
        if self.service.nap_longest:
            look = self._turn(self.service.look)
            self.out.manager += (seen - self.clock) / (self.service.nap_longest + look) * look
        self.clock = seen

    def _receive(self) -> list[tuple[int, list[Assignment]]]:
        taken: list[tuple[int, list[Assignment]]] = []
        inbox = self.inbox
        while inbox and inbox[0][0] <= self.clock and len(taken) < self.design.most_messages:
            arrival, _, worker, ended = heapq.heappop(inbox)
            if ended:
                self._spend(self.service.receive + self.service.receive_config * len(ended))
                self.arrivals[worker] = arrival
            taken.append((worker, ended))
        self.out.messages += len(taken)
        return taken

    def _note(self, taken: Iterable[tuple[int, list[Assignment]]]) -> list[int]:
        """Tell the schedule what has ended; give back the numbers of the configs."""
        numbers: list[int] = []
        out = self.out
        for worker, ended in taken:
            if not ended:
                self._bury(worker)
                continue
            self._spend(self.service.note + self.service.note_config * len(ended))
            has = self.has[worker]
            for assignment in ended:
                has.popleft()
                number = assignment.number
                self.schedule.ended(number, self._takes(worker, number), failed=self.fails[number])
                out.ended[number] += 1
                numbers.append(number)
            if len(has) <= self.design.ahead < len(has) + len(ended) or not has:
                self.idle.append(worker)
        return numbers

    def _collect(self, numbers: list[int]) -> None:
        if not self.collected:
            self.next_write = self.clock + collecting_seconds(self.alive) * self.design.together
        self.collected += numbers
        if self.clock >= self.next_write:
            self._store()

    def _store(self) -> None:
        """Write what was collected: each run of adjacent configs costs something, and each row in it."""
        n_rows = len(self.collected)
        if self.design.together and n_rows:
            n_runs = 1 + int((np.diff(np.sort(self.collected)) != 1).sum())
        else:
            n_runs = n_rows
        self.collected = []
        self.unsynced += n_rows
        self.out.runs += n_runs
        self._spend(self.service.store * n_runs + self.service.store_config * n_rows)

    def _bury(self, worker: int) -> None:
        self.alive -= 1
        if worker in self.idle:
            self.idle.remove(worker)
        for assignment in self.has[worker]:
            self.schedule.lost(assignment.number)
            self.out.lost += 1
        self.has[worker].clear()

    def _hand_out(self) -> bool:
        given: list[tuple[int, tuple[Assignment, ...]]] = []
        synced = False
        while self.idle and self.clock < self.trouble.end and len(given) < self.design.most_messages:
            batch = self.schedule.next_batch(self.seconds_left - self.clock, self.alive, self.design.most)
            if not batch:
                break
            self._spend(self.service.give + self.service.give_config * len(batch))
            if batch[0].suspect and (self.design.sync_each_suspect or not synced):
                synced = True
                self._sync()
            given.append((self.idle.pop(), batch))
            if not self.design.together:
                self._send(*given[-1])
        for worker, batch in given if self.design.together else ():
            self._send(worker, batch)
        return bool(given)

    def _send(self, worker: int, batch: tuple[Assignment, ...]) -> None:
        arrival = self.arrivals.pop(worker, None)
        if arrival is not None:
            self.delays.append(self.clock - arrival)
        self.out.largest = max(self.out.largest, len(batch))
        self.has[worker].extend(batch)
        self._work(worker, batch)

    def _sync(self) -> None:
        self._store()
        seconds = self.service.sync + self.service.sync_config * self.unsynced
        self.unsynced = 0
        self.out.syncing += seconds
        self.out.checkpoints += 1
        self._spend(seconds)

    # ------------------------------------------------------------ a worker

    def _post(self, arrival: float, worker: int, ended: list[Assignment]) -> None:
        self.order += 1
        heapq.heappush(self.inbox, (arrival, self.order, worker, ended))

    def _takes(self, worker: int, number: int) -> float:
        return self.seconds[number] if self.speed is None else self.seconds[number] / self.speed[worker]

    def _work(self, worker: int, batch: Iterable[Assignment]) -> None:
        """Let a worker go through a batch: what it will send, and when."""
        service = self.service
        arrival = self.clock + service.latency
        free = self.free_at[worker]
        clock = free if arrival <= free else self.naps.seen(free, arrival)
        dies = self.trouble.deaths.get(worker, math.inf)
        ended: list[Assignment] = []
        last_word, inside = clock, 0.0
        *_, last = batch
        for assignment in batch:
            if self.cores:
                clock = self.cores.take(clock, service.worker_config)
            clock += service.worker_config
            takes = self._takes(worker, assignment.number)
            clock += takes
            inside += takes
            if assignment.suspect and not self.careful[worker]:
                clock += service.child
            self.careful[worker] = assignment.suspect and self.design.child_stays
            ended.append(assignment)
            if assignment is last or clock - last_word >= self.report_s:
                clock += service.worker_message
                if clock > dies:
                    break
                self.spells.append((last_word, clock, inside))
                last_word, inside = clock, 0.0
                flight = service.latency + service.byte * self.design.row_bytes * len(ended)
                self._post(clock + flight, worker, ended)
                ended = []
        self.free_at[worker] = clock
