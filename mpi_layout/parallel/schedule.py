"""Who gets which config, and when: the policy of one launch, without MPI, clock or file.

Events come in (a config ended, its process died, so many seconds are left),
decisions go out (the next config, or none). The same object drives the serial
program, ten thousand ranks, and the simulation in the tests. Nothing decided
here can change a result, only when it is computed.

**Longest first.** Configs of one kind (an area with a turbine type) cost about
the same. The kind with the longest expected time goes first, so that the end of
a launch is not one long config and many idle ranks. The expectation starts as a
guess and is learned from the configs that end.

**Deadline.** A config that is not expected to end before the deadline is not
handed out.

**Attempts and suspects.** An attempt is on record before a config starts, and it
is taken back when the launch ends in order. A config found waiting with attempts
on record was therefore running when an earlier launch was lost. That alone proves
nothing: whoever kills a launch leaves such a record for every config in flight.
So it is a suspect, no more, and is solved in a process of its own
(`mpi_layout.parallel.alone`). A config is blamed only when that process dies; it
is tried again until `max_attempts` attempts are on record, and then it has
failed. However often a launch is killed from outside, no config fails by it.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

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


class Expectation:
    """Expected seconds of a config of each kind: a guess at first, the mean of what was seen later.

    Parameters
    ----------
    guess : (n_kinds,) s
        Only the ratios matter once a first config has ended.
    """

    def __init__(self, guess: NDArray[np.float64]) -> None:
        self._guess = guess
        self._seconds = np.zeros(guess.size)
        self._count = np.zeros(guess.size, np.int64)
        self.seconds = guess.copy()  # (n_kinds,) s

    def learn(self, kind: int, seconds: float, count: int = 1) -> None:
        """Take in `count` configs of `kind` that took `seconds` together."""
        self._seconds[kind] += seconds
        self._count[kind] += count
        seen = self._count > 0
        scale = self._seconds.sum() / max((self._guess * self._count).sum(), 1e-300)
        mean = self._seconds / np.maximum(self._count, 1)
        self.seconds = np.where(seen, mean, self._guess * scale)


@dataclass
class _Queue:
    """The waiting configs of one kind: those not yet tried in this launch, then those to be tried again."""

    numbers: NDArray[np.int64]
    head: int = 0
    again: list[int] = field(default_factory=list)

    def pop(self) -> int:
        if self.head < self.numbers.size:
            self.head += 1
            return int(self.numbers[self.head - 1])
        return self.again.pop()


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
    ) -> None:
        order = np.argsort(kinds, kind="stable")
        self._left = np.bincount(kinds, minlength=guess.size)
        parts = np.split(np.asarray(numbers)[order], np.cumsum(self._left)[:-1])
        self._queues = [_Queue(part) for part in parts]
        tried = np.flatnonzero(attempts) if attempts is not None else ()
        self._attempts = {int(numbers[i]): int(attempts[i]) for i in tried} if attempts is not None else {}
        self._running: dict[int, tuple[int, int]] = {}  # number -> (attempts, kind)
        self._max_failed = max_failed
        self.max_attempts = max_attempts
        self.expected = Expectation(np.asarray(guess, float))
        self.done = 0
        self.failed = failed

    @property
    def waiting(self) -> int:
        """Configs not handed out."""
        return int(self._left.sum())

    @property
    def running(self) -> int:
        """Configs handed out and not ended."""
        return len(self._running)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return not self._running and not self._left.any()

    @property
    def too_many_failed(self) -> bool:
        """Whether more configs have failed than the campaign bears."""
        return self.failed > self._max_failed

    @property
    def seconds_left(self) -> float:
        """Expected work of all configs that have not ended, in seconds of one worker."""
        running = sum(self.expected.seconds[kind] for _, kind in self._running.values())
        return float(self._left @ self.expected.seconds + running)

    def next(self, seconds_left: float = math.inf) -> Assignment | None:
        """Hand out the longest config that is expected to end in `seconds_left`, if there is one."""
        expected = self.expected.seconds
        ready = (self._left > 0) & (SAFETY * expected <= seconds_left)
        if not ready.any():
            return None
        kind = int(np.argmax(np.where(ready, expected, -1.0)))
        self._left[kind] -= 1
        number = self._queues[kind].pop()
        attempts = self._attempts.get(number, 0) + 1
        self._running[number] = attempts, kind
        return Assignment(number, attempts)

    def ended(self, number: int, seconds: float, *, failed: bool = False) -> None:
        """Config `number` ended after `seconds`, with a layout or as a failed config."""
        _, kind = self._running.pop(number)
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
        attempts, kind = self._running.pop(number)
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
        attempts, kind = self._running.pop(number)
        self._try_again(number, max(1, attempts - 1), kind)

    def _try_again(self, number: int, attempts: int, kind: int) -> None:
        self._attempts[number] = attempts
        self._queues[kind].again.append(number)
        self._left[kind] += 1

    def take_back(self) -> list[tuple[int, int]]:
        """At an orderly end: (number, attempts without the interrupted one) of every config still running."""
        return [(number, attempts - 1) for number, (attempts, _) in self._running.items()]
