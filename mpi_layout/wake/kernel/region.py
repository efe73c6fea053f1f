"""Area and distances as the kernel has them (region.h): binding, as `binding.py` is for wakes."""

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, c_byte

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.wake.kernel.arrays import aligned, padded
from mpi_layout.wake.kernel.edge_lists import edge_lists
from mpi_layout.wake.kernel.native import library
from mpi_layout.wake.kernel.structures import DOUBLES, INTS, RegionStruct, SpacingStruct

Floats = NDArray[np.float64]

DEPTH = 1e-6  # m; no test in double precision finds a point outside that lies so deep inside


class Region:
    """Where turbines may stand, and how far apart.

    Parameters
    ----------
    rings : sequence of (k, 2) arrays
        Valid rings, m, open, the area on the left of each.
    form : (float, float, float)
        xx, xy, yy: two turbines (dx, dy) apart have the scaled distance sqrt(xx dx^2 + 2 xy dx dy + yy dy^2).
    least : float
        Scaled distance that they keep, m.

    Attributes
    ----------
    struct, spacing : RegionStruct, SpacingStruct
        For other kernel calls; the arrays behind them live as long as this object.
    """

    def __init__(self, rings: Sequence[Floats], form: tuple[float, float, float], least: float) -> None:
        a = np.concatenate(rings)
        b = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
        edges = (a != b).any(axis=1)
        a, b = a[edges], b[edges]
        grid = edge_lists(a, b)
        size = [padded(len(listed)) for listed in grid.lists]
        list_at = np.concatenate([[0], np.cumsum(size)]).astype(np.intc)
        table = aligned(5, int(list_at[-1]))
        for listed, first, last in zip(grid.lists, list_at[:-1], list_at[1:], strict=True):
            if listed.size:
                _fill(table[:, first:last], a[listed], b[listed])
        self._kept = table, list_at, grid  # what the pointers below point into
        self.struct = RegionStruct(
            *(row.ctypes.data_as(DOUBLES) for row in table),
            *(numbers.ctypes.data_as(INTS) for numbers in (list_at, grid.list_of)),
            grid.side.ctypes.data_as(POINTER(c_byte)),
            *grid.corner,
            *(1 / grid.cell),
            *(grid.n_sides, grid.n_sides, len(grid.lists) - grid.n_sides - 1),
        )
        self.spacing = SpacingStruct(*form, least)
        self._refs = ctypes.byref(self.struct), ctypes.byref(self.spacing)

    def signed_distance(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Distances from the boundary, negative inside, and its nearest points x and y, (n,) each."""
        x, y = _contiguous(x, y)
        answer = np.empty((3, x.size))
        library.mpl_signed_distance(self._refs[0], x.size, *map(_address, (x, y, *answer)))
        return answer[0], answer[1], answer[2]

    def penalty(self, x: ArrayLike, y: ArrayLike) -> tuple[float, Floats, Floats]:
        """Sum of squared distances that are missing, m2, and its derivatives (n,), m."""
        x, y = _contiguous(x, y)
        slope = np.empty((2, x.size))
        value = library.mpl_penalty(*self._refs, x.size, *map(_address, (x, y, *slope)))
        return float(value), slope[0], slope[1]

    def inset(self, x: ArrayLike, y: ArrayLike, depth: float) -> tuple[Floats, Floats]:
        """Points (n,) moved to where they lie `depth` inside; NaN where there is no such place near by."""
        x, y = (values.copy() for values in _contiguous(x, y))
        library.mpl_inset(self._refs[0], depth, x.size, _address(x), _address(y))
        return x, y

    def settle(self, x: ArrayLike, y: ArrayLike, depth: float, most: int) -> tuple[Floats, Floats, bool]:
        """Layout (n,) after small moves, and whether it keeps the rules after `most` rounds at most."""
        x, y = (values.copy() for values in _contiguous(x, y))
        rounds = library.mpl_settle(*self._refs, depth, most, x.size, _address(x), _address(y))
        return x, y, rounds >= 0


def _fill(table: Floats, a: Floats, b: Floats) -> None:
    """Edges as columns ax, ay, bx, by, 1 / length^2; what is left over gets points of the first one."""
    table[:, len(a) :] = np.array([*a[0], *a[0], 0])[:, None]
    squared = ((b - a) ** 2).sum(axis=1)
    inverse = np.divide(1, squared, out=np.zeros_like(squared), where=squared > 0)
    table[:, : len(a)] = np.column_stack([a, b, inverse]).T


def _contiguous(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.ascontiguousarray(x, dtype=np.float64), np.ascontiguousarray(y, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y have the shapes {x.shape} and {y.shape}, want (n,) both")
    return x, y


def _address(array: Floats) -> int:
    return array.ctypes.data
