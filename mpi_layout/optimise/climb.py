"""Ascent along a gradient from one layout that keeps the rules to a better one."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.search import Search

Floats = NDArray[np.float64]

_SHRINK = 0.3  # of a step that did not lead upwards


def climb(
    search: Search,
    gradient: Callable[[Floats], tuple[float, Floats]],
    x: Floats,
    y: Floats,
    budget: int,
    *,
    first: float,
    largest: float,
    smallest: float,
) -> tuple[Floats, Floats]:
    """Follow a gradient, never to a lower place.

    Projected gradient steps as long as the last one found the value to be curved (E. G. Birgin, J. M.
    Martinez, M. Raydan 2000, SIAM J. Optim. 10, 1196-1211, with J. Barzilai's and J. M. Borwein's step,
    1988, IMA J. Numer. Anal. 8, 141). Each layout is made to keep the rules before its value is computed; one
    that is no better is not taken, and the step shortened.

    Parameters
    ----------
    search : Search
        Whose rules are kept.
    gradient : function
        Value of a layout (2, n), m, and its derivatives (2, n).
    x, y : (n,) array
        A layout that keeps the rules, m.
    budget : int
        Gradients.
    first, largest, smallest : float
        Moves of the turbine that moves most, rotor diameters; below the smallest it is the end.

    Returns
    -------
    x, y : (n,) array
        A layout that keeps the rules, and is no worse.
    """
    diameter = search.problem.turbine.rotor_diameter
    at = np.array([x, y])
    best, slope = gradient(at)
    step = first * diameter / max(_largest(slope), 1e-300)
    for _ in range(budget - 1):
        if step * _largest(slope) < smallest * diameter:
            break
        step = min(step, largest * diameter / _largest(slope))
        trial = np.array(search.repaired(at + step * slope, otherwise=(at[0], at[1])))
        value, new_slope = gradient(trial)
        if value > best:
            moved, bent = trial - at, slope - new_slope
            curvature = (moved * bent).sum()
            step = (moved * moved).sum() / curvature if curvature > 0 else 2 * step
            at, best, slope = trial, value, new_slope
        else:
            step *= _SHRINK
    return at[0], at[1]


def _largest(slope: Floats) -> float:
    """Largest length of a turbine's derivative."""
    return float(np.hypot(*slope).max())
