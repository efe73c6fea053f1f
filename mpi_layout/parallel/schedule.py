"""Who gets which config, and when: the policy of one launch, without MPI, clock or file.

Events come in (a config ended, its process died, so many seconds are left),
decisions go out (the next configs, or none). The same object drives the serial
program, ten thousand ranks, and the simulation in the tests. Nothing decided
here can change a result, only when it is computed.

**Longest first.** Configs of one kind (an area with a turbine type) cost about
the same. The kind with the longest expected time goes first, so that the end of
a launch is not one long config and many idle ranks. The expectation starts as a
guess and is learned from the configs that end.

**Batches.** A worker gets as many configs at once as make a message worth its
cost (`batches`), but no more than half of its share of what is left, so that the
end of a launch is balanced; one while nothing is known of how long they take.

**Deadline.** A config that is not expected to end before the deadline is not
handed out.

**Attempts and suspects.** An attempt is on record before a config starts, and it
is taken back when the launch ends in order. A config found waiting with attempts
on record was therefore running when an earlier launch was lost. That alone proves
nothing: whoever kills a launch leaves such a record for every config in flight.
So it is a suspect, no more: it is handed out alone, after the others of its kind,
and is solved in a process of its own (`mpi_layout.parallel.alone`). A config is
blamed only when that process dies; it is tried again until `max_attempts` attempts
are on record, and then it has failed. However often a launch is killed from
outside, no config fails by it.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mpi_layout.parallel.batches import MOST, batch_seconds
from mpi_layout.parallel.expectation import Expectation

# A config is expected to need at most this many times the mean of its kind.
SAFETY = 1.3


@dataclass(frozen=True)
class Assignment:
    """One config for one worker."""

    number: int
    attempts: int  # on record, this one included

    @property
    def suspect(self) -> bool:
        """Whether an earlier attempt never came to an end."""
        return self.attempts > 1


@dataclass
class _Queue:
    """The waiting configs of one kind: those never tried come before those to be tried again."""

    fresh: NDArray[np.int64]
    head: int = 0
    again: deque[int] = field(default_factory=deque)

    def take(self, count: int) -> list[int]:
        """Up to `count` that were never tried."""
        begin, self.head = self.head, min(self.head + count, self.fresh.size)
        return self.fresh[begin : self.head].tolist()


class Schedule:
    """What is left to do in this launch, and what is being done.

    Parameters
    ----------
    numbers : (n,) int
        The waiting configs.
    kinds : (n,) int
        Their kinds, 0 .. n_kinds - 1.
    guess : (n_kinds,) s
        A first guess of what a config of each kind takes.
    attempts : (n,) int, optional
        Attempts on record from launches that were lost.
    max_attempts : int
        Deaths in a process of its own count up to here.
    failed : int
        Configs that have failed already.
    max_failed : float
        More failed configs than this stop the launch.
    timed : bool
        Whether the guess comes of configs that were solved before.
    """

    def __init__(
        self,
        numbers: NDArray[np.int64],
        kinds: NDArray[np.int64],
        guess: NDArray[np.float64],
        *,
        attempts: NDArray[np.int64] | None = None,
        max_attempts: int = 3,
        failed: int = 0,
        max_failed: float = math.inf,
        timed: bool = False,
    ) -> None:
        numbers, kinds = np.asarray(numbers), np.asarray(kinds)
        tried = np.zeros(numbers.size, bool) if attempts is None else np.asarray(attempts) > 0
        order = np.flatnonzero(~tried)[np.argsort(kinds[~tried], kind="stable")]
        self._fresh = np.bincount(kinds[~tried], minlength=guess.size)  # per kind
        self._left = np.bincount(kinds, minlength=guess.size)  # with those to be tried again
        self._queues = [_Queue(part) for part in np.split(numbers[order], np.cumsum(self._fresh)[:-1])]
        self._attempts: dict[int, int] = {}
        for i in np.flatnonzero(tried).tolist():
            self._attempts[int(numbers[i])] = int(attempts[i]) if attempts is not None else 0
            self._queues[kinds[i]].again.append(int(numbers[i]))
        self._in_work = np.zeros(guess.size, np.int64)  # per kind
        self._running: dict[int, tuple[int, int]] = {}  # number -> (attempts, kind)
        self.waiting = numbers.size  # configs not handed out
        self._max_failed = max_failed
        self.max_attempts = max_attempts
        self.expected = Expectation(np.asarray(guess, float))
        self._timed = timed
        self.done = 0
        self.failed = failed

    @property
    def running(self) -> int:
        """Configs handed out and not ended."""
        return len(self._running)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return not self._running and not self.waiting

    @property
    def too_many_failed(self) -> bool:
        """Whether more configs have failed than the campaign bears."""
        return self.failed > self._max_failed

    @property
    def timed(self) -> bool:
        """Whether anybody knows how long configs take."""
        return self._timed or self.done > 0

    @property
    def seconds_left(self) -> float:
        """Expected work of all configs that have not ended, in seconds of one worker."""
        return float((self._left + self._in_work) @ self.expected.seconds)

    def next_batch(
        self, seconds_left: float = math.inf, workers: int = 1, most: int = MOST
    ) -> tuple[Assignment, ...]:
        """Hand out work for one worker: the longest configs that are expected to end in `seconds_left`.

        Parameters
        ----------
        seconds_left : float
            Until the deadline, s.
        workers : int
            That share what is left.
        most : int
            Configs in one batch.

        Returns
        -------
        tuple of Assignment
            To be solved in this order; empty if there is nothing that ends in time.
        """
        kind = self._longest(self._left, seconds_left / SAFETY)
        if kind is None:
            return ()
        if not self._fresh[kind]:
            return (self._begin(self._queues[kind].again.popleft(), kind),)
        share = float(self._left @ self.expected.seconds) / (2 * workers)
        room = min(batch_seconds(workers), share, seconds_left / SAFETY)
        return tuple(self._fill(kind, room, most))

    def _longest(self, left: NDArray[np.int64], limit: float) -> int | None:
        """Kind with the longest expected time among those with some `left`, if that is within `limit`."""
        expected = self.expected.seconds
        ready = (left > 0) & (expected <= limit)
        kind = int(np.argmax(np.where(ready, expected, -1.0)))
        return kind if ready[kind] else None

    def _fill(self, kind: int | None, room: float, most: int) -> Iterator[Assignment]:
        """Begin a config of a kind, and as many more as fit into `room` seconds, of the next kinds too."""
        at_most, wanted = self.expected.at_most, 1
        while kind is not None:
            numbers = self._queues[kind].take(max(wanted, min(int(room / at_most[kind]), most)))
            self._fresh[kind] -= len(numbers)
            for number in numbers:
                yield self._begin(number, kind)
            room, most, wanted = room - len(numbers) * at_most[kind], most - len(numbers), 0
            if room <= 0 or most <= 0 or self._fresh[kind]:
                return
            kind = self._longest(self._fresh, math.inf)

    def _begin(self, number: int, kind: int) -> Assignment:
        attempts = self._attempts.get(number, 0) + 1
        self._running[number] = attempts, kind
        self.waiting -= 1
        self._left[kind] -= 1
        self._in_work[kind] += 1
        return Assignment(number, attempts)

    def _end(self, number: int) -> tuple[int, int]:
        """Attempts at a running config, and its kind."""
        attempts, kind = self._running.pop(number)
        self._in_work[kind] -= 1
        return attempts, kind

    def ended(self, number: int, seconds: float, *, failed: bool = False) -> None:
        """Config `number` ended after `seconds`, with a layout or as a failed config."""
        _, kind = self._end(number)
        self._attempts.pop(number, None)
        if failed:  # says nothing about how long a config takes that works
            self.failed += 1
        else:
            self.done += 1
            self.expected.learn(kind, seconds)

    def died(self, number: int) -> bool:
        """An attempt at config `number` failed by its own doing: its process died, or it took too long.

        Returns
        -------
        True if the config has failed, False if it will be tried again.
        """
        attempts, kind = self._end(number)
        if attempts >= self.max_attempts:
            self._attempts.pop(number, None)
            self.failed += 1
            return True
        self._try_again(number, attempts, kind)
        return False

    def lost(self, number: int) -> None:
        """The rank of config `number` is gone, perhaps by the config's doing; it is tried again as a suspect.

        A suspect would have taken down its own process and not the rank: its attempt does not count.
        """
        attempts, kind = self._end(number)
        self._try_again(number, max(1, attempts - 1), kind)

    def dropped(self, number: int) -> int:
        """Config `number` was not begun by its worker after all; give back the attempts to have on record."""
        attempts, kind = self._end(number)
        self._try_again(number, attempts - 1, kind)
        return attempts - 1

    def _try_again(self, number: int, attempts: int, kind: int) -> None:
        self._attempts[number] = attempts
        self._queues[kind].again.append(number)
        self.waiting += 1
        self._left[kind] += 1

    def take_back(self) -> list[tuple[int, int]]:
        """At an orderly end: (number, attempts without the interrupted one) of every config still running."""
        return [(number, attempts - 1) for number, (attempts, _) in self._running.items()]
