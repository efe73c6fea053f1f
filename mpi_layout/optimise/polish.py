"""Gradient ascent on all flow cases: what is left within reach of a good layout."""

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.search import Search
from mpi_layout.wake.farm import Farm

Floats = NDArray[np.float64]

_FIRST_MOVE, _LARGEST_MOVE = 0.02, 0.5  # of the turbine that moves most, rotor diameters
_SMALLEST_MOVE = 1e-6
_SHRINK = 0.3


def polish(search: Search, x: Floats, y: Floats, budget: int) -> tuple[Floats, Floats]:
    """Follow the gradient of all flow cases from one layout that keeps the rules to a better one.

    Projected gradient steps as long as the last one found the objective to be curved (E. G. Birgin, J. M.
    Martinez, M. Raydan 2000, SIAM J. Optim. 10, 1196-1211, with J. Barzilai's and J. M. Borwein's step).
    Each layout is made to keep the rules before its objective is computed; one that is no better is not
    taken, and the step shortened.

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
    diameter = farm.turbine_types[0].rotor_diameter
    at = np.array([x, y])
    best, slope = _value(search, farm, at)
    step = _FIRST_MOVE * diameter / max(_largest(slope), 1e-300)
    for _ in range(budget - 1):
        if step * _largest(slope) < _SMALLEST_MOVE * diameter:
            break
        step = min(step, _LARGEST_MOVE * diameter / _largest(slope))
        trial = np.array(search.repaired(at + step * slope, otherwise=(at[0], at[1])))
        value, new_slope = _value(search, farm, trial)
        if value > best:
            moved, bent = trial - at, slope - new_slope
            curvature = (moved * bent).sum()
            step = (moved * moved).sum() / curvature if curvature > 0 else 2 * step
            at, best, slope = trial, value, new_slope
        else:
            step *= _SHRINK
    return at[0], at[1]


def _value(search: Search, farm: Farm, at: Floats) -> tuple[float, Floats]:
    search.evaluations += 1
    value, *slope = farm.energy_gradient(*at)
    return value, np.array(slope)


def _largest(slope: Floats) -> float:
    """Largest length of a turbine's derivative."""
    return float(np.hypot(*slope).max())
