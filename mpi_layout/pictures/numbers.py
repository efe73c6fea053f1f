"""Where the numbers of turbines stand on a map: each beside its turbine, where it hides and crosses least."""

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry

Floats = NDArray[np.float64]

_WIDE, _HIGH = 0.32, 0.37  # half a digit, in sizes of letters
_GAP = 1.0  # points, between a disc and its number
# Where a number may stand, seen from its disc, the first that is free: below, above, beside, between these.
_SIDES = np.array([(0, -1), (0, 1), (1, 0), (-1, 0), (1, -1), (-1, -1), (1, 1), (-1, 1)], float)
_ON_DISC, _ON_NUMBER, _BEYOND, _ON_LINE = 4.0, 3.0, 3.0, 1.0  # how much each is to be avoided


def beside_discs(hubs: Floats, radius: float, size: float, lines: Geometry, whole: Floats) -> Floats:
    """Middles of the numbers of turbines, seen from these.

    Parameters
    ----------
    hubs : (n, 2) array
        Turbines on the map, points.
    radius : float
        Of their discs, points.
    size : float
        Of the letters, points.
    lines : shapely geometry
        What numbers should not cross, points.
    whole : (2,) array
        Width and height of the map, points.

    Returns
    -------
    (n, 2) array
        Points.
    """
    shapely.prepare(lines)
    chosen, halves = np.empty_like(hubs), np.empty_like(hubs)
    for number, hub in enumerate(hubs):
        half = halves[number] = size * np.array([_WIDE * len(str(number)), _HIGH])
        away = _SIDES * (radius + _GAP + half)
        away[4:] -= 0.3 * radius * _SIDES[4:]  # a disc has no corners
        at = hub + away
        others = np.delete(hubs, number, axis=0)
        cost = _ON_DISC * _touching(at, half, others, radius).sum(axis=1)
        cost += _ON_NUMBER * _touching(at, half, chosen[:number], halves[:number]).sum(axis=1)
        cost += _BEYOND * ((at < half) | (at > whole - half)).any(axis=1)
        cost += _ON_LINE * shapely.intersects(lines, shapely.box(*(at - half).T, *(at + half).T))
        chosen[number] = at[cost.argmin()]
    return chosen - hubs


def _touching(at: Floats, half: Floats, others: Floats, room: Floats | float) -> NDArray[np.bool_]:
    """Which boxes around points (m, 2) touch others (n, 2), which have some room around them: (m, n)."""
    apart = np.abs(at[:, None] - others[None]) - half
    return np.asarray((apart < room).all(axis=2))
