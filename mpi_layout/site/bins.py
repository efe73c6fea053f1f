"""Bins of directions and speeds, and what lies between the directions of a table or of sectors."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def bin_width(direction: Floats) -> float:
    """Width of the bin of each direction, degrees: their step where it is even, else an equal share."""
    steps = np.diff(direction)
    if steps.size and np.allclose(steps, steps[0], rtol=0, atol=1e-9):
        return float(steps[0])
    return 360 / direction.size


def bin_edges(speed: Floats) -> Floats:
    """Bin edges (n_speeds + 1,), m/s: half-way between speeds, the outer steps mirrored.

    A single speed has a bin of 1 m/s.
    """
    if speed.size == 1:
        return speed[0] + np.array([-0.5, 0.5])
    half = np.diff(speed) / 2
    edges = np.concatenate([speed[:1] - half[:1], speed[:-1] + half, speed[-1:] + half[-1:]])
    return np.maximum(edges, 0)


def between_sectors(sectors: Floats, direction: ArrayLike, lookup: str, *values: Floats) -> list[Floats]:
    """Look up values of sectors at any direction.

    Parameters
    ----------
    sectors : (n_sectors,) array
        Sector centres that cover the circle evenly, degrees.
    direction : (n,) array
        Degrees.
    lookup : {"nearest", "linear"}
        Take the values of the nearest centre, or interpolate between two.
    *values : (n_sectors, ...) arrays
        What to look up.

    Returns
    -------
    list of (n, ...) arrays
    """
    position = (np.asarray(direction, dtype=float) - sectors[0]) % 360 * sectors.size / 360
    if lookup == "nearest":
        # Half-way directions belong to the next sector: 15 degrees to the one at 30.
        position = np.floor(position + 0.5)
    lower = np.floor(position).astype(int)
    weight = position - lower
    lower %= sectors.size
    upper = (lower + 1) % sectors.size
    weights = (weight.reshape(-1, *[1] * (v.ndim - 1)) for v in values)
    return [(1 - w) * v[lower] + w * v[upper] for w, v in zip(weights, values, strict=True)]


def evenly_covers_circle(direction: ArrayLike) -> bool:
    """Whether sector centres, in degrees, step evenly and cover 360 degrees."""
    direction = np.asarray(direction, dtype=float)
    expected = direction[0] + np.arange(direction.size) * (360 / direction.size)
    return bool(np.allclose(direction, expected, rtol=0, atol=1e-6))
