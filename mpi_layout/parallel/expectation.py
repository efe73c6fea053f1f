"""How long a config of each kind takes: a guess at first, the mean of what was seen later."""

import numpy as np
from numpy.typing import NDArray

# Once the scale is known, a config of a kind that nobody has seen may take this many times its guess;
# once some kinds are known, so much more than the worst of their guesses was too low.
CAUTION, CAUTION_THEN, SOME_KINDS = 4.0, 1.5, 3
SHORTEST_S = 1e-9  # so that nothing is divided by zero


class Expectation:
    """Expected seconds of a config of each kind.

    Learning costs the same for any number of kinds: what follows from it is computed when it is asked for.

    Parameters
    ----------
    guess : (n_kinds,) s
        Only the ratios matter once a first config has ended.
    """

    def __init__(self, guess: NDArray[np.float64]) -> None:
        self._guess = np.maximum(guess, SHORTEST_S)
        self._seconds = np.zeros(guess.size)
        self._count = np.zeros(guess.size, np.int64)
        self._total = self._guessed = 0.0  # what was seen took so long, and was guessed to take so long
        self._learned = False
        self._mean, self._most = self._guess, np.full(guess.size, np.inf)

    def learn(self, kind: int, seconds: float, count: int = 1) -> None:
        """Take in `count` configs of `kind` that took `seconds` together."""
        self._seconds[kind] += seconds
        self._count[kind] += count
        self._total += seconds
        self._guessed += count * self._guess[kind]
        self._learned = True

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Mean (n_kinds,) of what was seen, s; of kinds not seen yet the guess, to the same scale."""
        self._conclude()
        return self._mean

    @property
    def at_most(self) -> NDArray[np.float64]:
        """What to reckon with (n_kinds,) before a worker gets several, s: infinite until one has ended."""
        self._conclude()
        return self._most

    def _conclude(self) -> None:
        if not self._learned:
            return
        self._learned = False
        seen = self._count > 0
        guess = self._guess * (self._total / max(self._guessed, 1e-300))
        mean = np.maximum(self._seconds / np.maximum(self._count, 1), SHORTEST_S)
        self._mean = np.where(seen, mean, guess)
        caution = CAUTION
        if seen.sum() >= SOME_KINDS:
            caution = min(CAUTION, CAUTION_THEN * float((mean[seen] / guess[seen]).max()))
        self._most = np.where(seen, mean, caution * guess)
