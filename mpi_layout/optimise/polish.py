"""Gradient ascent on all flow cases: what is left within reach of a good layout."""

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.climb import climb
from mpi_layout.optimise.search import Search

Floats = NDArray[np.float64]

_FIRST_MOVE, _LARGEST_MOVE = 0.02, 0.5  # of the turbine that moves most, rotor diameters
_SMALLEST_MOVE = 1e-6


def polish(search: Search, x: Floats, y: Floats, budget: int) -> tuple[Floats, Floats]:
    """Follow the gradient of all flow cases from one layout that keeps the rules to a better one.

    By `climb`, so the layout never gets worse.

    Parameters
    ----------
    search : Search
        What is asked for.
    x, y : (n,) array
        A layout that keeps the rules, m.
    budget : int
        Gradients.

    Returns
    -------
    x, y : (n,) array
        A layout that keeps the rules and has no less power in `search.cases`.
    """
    farm = search.valued_farm()

    def gradient(at: Floats) -> tuple[float, Floats]:
        search.evaluations += 1
        value, *slope = farm.energy_gradient(*at)
        return value, np.array(slope)

    return climb(
        search, gradient, x, y, budget, first=_FIRST_MOVE, largest=_LARGEST_MOVE, smallest=_SMALLEST_MOVE
    )
