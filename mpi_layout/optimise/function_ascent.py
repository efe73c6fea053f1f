"""The gradient of a function of the user's by the chain rule, and its ascent.

Wakes cost most of an evaluation, and their gradient is known. So the function is asked twice about a
layout, once with all energies a little larger, and once more for each coordinate with the energies held:
that costs no wakes. Together with the gradient of the energy it gives that of the function, as far as
the function looks at energies as a whole.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.climb import climb
from mpi_layout.optimise.search import Search

Floats = NDArray[np.float64]

_ASIDE = 1.0  # m
_MORE = 1e-4  # of the energies
# Moves of the turbine that moves most, rotor diameters.
_FIRST_MOVE, _LARGEST_MOVE, _SMALLEST_MOVE = 0.5, 3.0, 1e-3


def function_ascent(search: Search, x: Floats, y: Floats, budget: int) -> tuple[Floats, Floats]:
    """Climb the gradient of the user's function, never to a lower place.

    Parameters
    ----------
    search : Search
        With an objective that has a function.
    x, y : (n,) array
        A layout that keeps to the rules, m.
    budget : int
        Gradients.

    Returns
    -------
    x, y : (n,) array
        A layout that keeps to the rules, and is no worse.

    Raises
    ------
    ConfigError
        If the function fails.
    """
    return climb(
        search,
        partial(_gradient, search),
        x,
        y,
        budget,
        first=_FIRST_MOVE,
        largest=_LARGEST_MOVE,
        smallest=_SMALLEST_MOVE,
    )


def _gradient(search: Search, at: Floats) -> tuple[float, Floats]:
    """Value of the function at a layout (2, n), and its derivatives (2, n)."""
    search.evaluations += 1
    worth, (x, y) = search.worth, at
    energy = search.farm.aep(x, y)
    value = worth.of_energy(x, y, energy)
    here = worth.told(x, y, energy, value)
    by_energy = (worth.told(x, y, energy, value, share=1 + _MORE) - here) / _MORE
    valued, *slopes = worth.farm.energy_gradient(x, y)
    slope = by_energy / valued * np.array(slopes) if valued > 0 else np.zeros_like(at)
    # Only places within the area: what the function would say of others is nobody's business.
    aside = np.where(_inside(search, at, _ASIDE), _ASIDE, -_ASIDE)
    there = _inside(search, at, aside)
    for axis, turbine in np.argwhere(there):
        moved = at.copy()
        moved[axis, turbine] += aside[axis, turbine]
        slope[axis, turbine] += (worth.told(moved[0], moved[1], energy, value) - here) / aside[axis, turbine]
    return here, slope


def _inside(search: Search, at: Floats, aside: float | Floats) -> NDArray[np.bool_]:
    """Whether turbines (2, n) moved along either axis stand in the area."""
    (x, y), (by_x, by_y) = at, np.broadcast_to(aside, at.shape)
    return np.array([search.rules.inside(x + by_x, y), search.rules.inside(x, y + by_y)])
