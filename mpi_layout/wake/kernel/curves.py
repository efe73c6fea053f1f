"""A turbine's curves as the kernel looks them up: rows of equal width."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mpi_layout.site.turbine import Turbine

Floats = NDArray[np.float64]

_MOST_ROWS = 65536
_ON_EDGE = 1e-9  # of a row's width: rounding, no kink


class Curves(NamedTuple):
    """Power and thrust in rows; see mpl_turbine in kernel.h.

    Attributes
    ----------
    first, step : float
        Where row 1 begins, and the width of a row, m/s.
    rows : (n_rows, 4) array
        Power, W, its rise within the row, Ct, its rise. Row 0 holds for all lower speeds, the last for all
        higher ones.
    kinks : (n_rows, 4) array or None
        Place of a kink in the row (0 to 1), change of both rises there; None if points of the curves lie on
        the edges of rows.
    """

    first: float
    step: float
    rows: Floats
    kinks: Floats | None


def curves_of(turbine: Turbine) -> Curves:
    """Rows so narrow that at most one point of the curves lies within each.

    Raises
    ------
    ValueError
        If points of the curves are so close that this takes too many rows.
    """
    speed = np.asarray(turbine.speed, dtype=float)
    step = float(np.diff(speed).min())
    n = int(np.ceil((speed[-1] - speed[0]) / step - _ON_EDGE))
    if n > _MOST_ROWS:
        raise ValueError(
            f"curves of {turbine.name}: speeds {step:g} m/s apart on a range of {speed[-1] - speed[0]:g} m/s"
        )
    if n == speed.size - 1:
        step = float((speed[-1] - speed[0]) / n)
    row, place = _places(speed, step)
    columns, turns = [], []
    for values in (turbine.power, turbine.ct):
        values = np.asarray(values, dtype=float)
        slope = np.append(np.diff(values) / np.diff(speed), 0.0) * step  # behind each point
        edge = np.arange(n + 1)
        behind = (
            np.searchsorted(row + (place > 0), edge, side="right") - 1
        )  # last point at or before the edge
        value = values[behind] + slope[behind] * (edge - row[behind] - place[behind])
        columns += [np.append(values[0], value), np.append(0.0, slope[behind])]
        turn = np.zeros(n + 2)
        inner = place > 0
        turn[row[inner] + 1] = np.diff(slope, prepend=0.0)[inner]
        turns.append(turn)
    rows = np.stack(columns, axis=1)
    if not (place > 0).any():
        return Curves(float(speed[0]), step, rows, None)
    at = np.ones(n + 2)
    at[row[place > 0] + 1] = place[place > 0]
    return Curves(float(speed[0]), step, rows, np.stack([at, *turns, np.zeros(n + 2)], axis=1))


def _places(speed: Floats, step: float) -> tuple[NDArray[np.int64], Floats]:
    """Row of each point, and its place within the row, 0 for the row's edge."""
    position = (speed - speed[0]) / step
    row = np.floor(position + _ON_EDGE).astype(np.int64)
    place = position - row
    return row, np.where(place < _ON_EDGE, 0.0, place)
