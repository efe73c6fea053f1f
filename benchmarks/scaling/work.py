"""Made-up campaigns for the simulation: how long each config takes, and what goes wrong on the way."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

N_KINDS = 60  # areas x turbine types, as in the reference campaign
TURBINES = (66, 100)  # of its farms; a config takes time like the square of that


@dataclass(frozen=True)
class Work:
    """Configs of one launch.

    Attributes
    ----------
    seconds : (n,) s
        What each takes on a rank of speed 1.
    kinds : (n,) int
        Its kind.
    guess : (n_kinds,) s
        The schedule's first guess.
    fails : (n,) bool
        Whether it ends as a failed config.
    """

    seconds: NDArray[np.float64]
    kinds: NDArray[np.int64]
    guess: NDArray[np.float64]
    fails: NDArray[np.bool_]

    @property
    def total(self) -> float:
        """Seconds of all configs together."""
        return float(self.seconds.sum())


@dataclass(frozen=True)
class Trouble:
    """What goes wrong in a launch.

    Attributes
    ----------
    speed : (n_workers,) float or None
        Of each worker, 1 if it is as it should be.
    deaths : dict of int to float
        When which workers die, s after the start; the launch goes on without them.
    end : float
        When the whole launch is killed, s after the start.
    """

    speed: NDArray[np.float64] | None = None
    deaths: dict[int, float] = field(default_factory=dict)
    end: float = np.inf


NO_TROUBLE = Trouble()


def made_up(
    n_configs: int,
    mean: float,
    *,
    spread: float = 0.2,
    long_share: float = 0.0,
    failing: float = 0.0,
    seed: int = 0,
) -> Work:
    """Configs of 60 kinds, whose means differ by a factor of 2.3.

    Parameters
    ----------
    n_configs : int
    mean : s
        Of all configs.
    spread : float
        Standard deviation of the logarithm of the seconds within a kind.
    long_share : float
        Share of configs that take ten times as long as their kind.
    failing : float
        Share of configs that fail, each after a tenth of its time.
    seed : int
        Of the random numbers.
    """
    rng = np.random.default_rng(seed)
    kinds = np.arange(n_configs) * N_KINDS // n_configs  # in order, as in a campaign
    relative = np.linspace(*TURBINES, N_KINDS)[rng.permutation(N_KINDS)] ** 2
    seconds = relative[kinds] * rng.lognormal(0.0, spread, n_configs)
    seconds *= mean / seconds.mean()
    seconds[rng.random(n_configs) < long_share] *= 10.0
    fails = rng.random(n_configs) < failing
    seconds[fails] /= 10.0
    return Work(seconds, kinds, 1e-5 * relative, fails)


def equal(n_configs: int, seconds: float) -> Work:
    """Configs of one kind that all take the same time."""
    one = np.full(n_configs, float(seconds))
    return Work(one, np.zeros(n_configs, int), np.array([float(seconds)]), np.zeros(n_configs, bool))
