"""How long silence may last: a host that is cut off, stopped or without power says no goodbye.

Neither MPI nor its launcher notices that for a quarter of an hour, or ever. So every worker
gives a sign of life now and then, also in the middle of a config, and rank 0 answers it.
"""

import time
from collections.abc import Callable

import numpy as np

BEAT_S = 60.0  # between two signs of life of a worker
LOST_BEATS = 10  # rank 0 gives a worker up after so many
LEAVE_BEATS = 30  # a worker that has nothing to do leaves after so many without an answer
LOOK_S = 1.0  # between two looks for silent workers


class Listener:
    """When each worker was last heard of.

    Its clock stands still while this process does: after a job was suspended, or a disk kept
    rank 0 waiting, nobody is blamed for a silence in which nobody listened.

    Parameters
    ----------
    ranks : int
    clock : callable
        Seconds, never going back.
    """

    def __init__(self, ranks: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard = np.zeros(ranks)  # s by the clock of this object
        self._now = 0.0
        self._looked = clock()

    def note(self, rank: int) -> None:
        """Note that something came from a rank."""
        self._heard[rank] = self._now

    def silent(self) -> list[int]:
        """Ranks that have been silent for too long, if a look is due; rank 0 says nothing to itself."""
        now = self._clock()
        if now - self._looked < LOOK_S:
            return []
        self._now += min(now - self._looked, 2 * LOOK_S)
        self._looked = now
        return np.flatnonzero(self._now - self._heard > LOST_BEATS * BEAT_S).tolist()
