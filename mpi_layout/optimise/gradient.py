"""Stochastic gradient ascent: thousands of cheap, noisy steps."""

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.search import Search
from mpi_layout.wake.models import WakeModel
from mpi_layout.wake.sampling import SampledFarm, reduced_cases_near

Floats = NDArray[np.float64]

N_DIRECTIONS = 18  # of one step
FIRST_STEP, LAST_STEP = 1.0, 0.05  # rotor diameters
_MEMORY, _MEMORY_SQUARED = 0.9, 0.99  # of the means of gradients and of their squares


def gradient(search: Search, x: Floats, y: Floats, budget: int) -> tuple[Floats, Floats]:
    """Follow the gradient on few flow cases, drawn anew for each step.

    Adam (D. P. Kingma, J. Ba 2015) as J. Quick et al. (2023), Wind Energ. Sci. 8, 1235-1250, use it for
    layouts, with one mean square for both coordinates of a turbine, so that the result does not depend on
    the axes. The steps shrink along half a cosine from `FIRST_STEP` to `LAST_STEP` rotor diameters. Large
    steps with noise let turbines leave poor places; small ones at the end average the noise away. After
    each step, turbines outside go to the nearest point of the area, and pairs that are too close move
    apart.

    Parameters
    ----------
    search : Search
        What is asked for.
    x, y : (n,) array
        A layout, m.
    budget : int
        Steps.

    Returns
    -------
    x, y : (n,) array
        The layout after the last step, made to keep the rules; the given one where that fails.
    """
    at = ascend(search, search.farm.model, np.array([x, y]), budget, first=FIRST_STEP, last=LAST_STEP)
    return search.repaired(at, otherwise=(x, y))


def ascend(
    search: Search, model: WakeModel, layout: Floats, budget: int, *, first: float, last: float
) -> Floats:
    """Take stochastic gradient steps with a wake model; the layout (2, n), m, need not keep the rules.

    The steps go from `first` to `last` rotor diameters.
    """
    farm, n = search.farm, layout.shape[1]
    turbine = farm.turbine_types[0]
    cases = reduced_cases_near(search.valued_farm(), *layout)
    directions = min(N_DIRECTIONS, cases.direction.size)
    sample = SampledFarm(farm, cases, n, directions, model=model)
    steps = turbine.rotor_diameter * _cosine(first, last, budget)
    at, mean, square = layout.copy(), np.zeros((2, n)), np.zeros(n)
    milestones = search.milestones(budget)
    for t, (step, offset) in enumerate(zip(steps, search.random.random(budget), strict=True), 1):
        sample.draw(offset)
        slope = sample.gradient(at)[1]
        mean += (1 - _MEMORY) * (slope - mean)
        square += (1 - _MEMORY_SQUARED) * ((slope * slope).sum(axis=0) - square)
        # The means begin at zero; the divisions make up for it.
        size = np.sqrt(square / (1 - _MEMORY_SQUARED**t)) + 1e-30
        at += step / (1 - _MEMORY**t) * mean / size
        _, *outwards = search.rules.penalty(*at)
        at -= 0.5 * np.array(outwards)
        search.evaluations += 1
        if t in milestones:
            search.note(*at)
    return at


def _cosine(first: float, last: float, n: int) -> Floats:
    """Go from first to last in n numbers along half a cosine."""
    return last + (first - last) * 0.5 * (1 + np.cos(np.pi * np.arange(n) / n))
