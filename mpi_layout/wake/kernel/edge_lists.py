"""Which edges of an area a point has to look at: lists by cells of a grid, for the kernel's `mpl_region`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

_FEW = 64  # edges: as quickly looked through as looked up
_LEVELS = 6  # of halving cells: 64 columns and rows
_AROUND = 0.25  # of the larger side: cells around the area, for points that have left it
_ROUNDING = 1e-9  # of the larger side


@dataclass(frozen=True, eq=False)
class EdgeLists:
    """Lists of edges over a grid of cells.

    Attributes
    ----------
    corner : (2,) array
        The lowest x and y of the grid, m.
    cell : (2,) array
        Width and height of a cell, m.
    n_sides : int
        Columns, and rows.
    lists : list of (k,) arrays
        Edges by cell (row after row), all of them, edges by row.
    """

    corner: Floats
    cell: Floats
    n_sides: int
    lists: list[Counts]


def edge_lists(a: Floats, b: Floats) -> EdgeLists:
    """Lists of the edges from a to b (n, 2), m."""
    low, high = np.minimum(a, b).min(axis=0), np.maximum(a, b).max(axis=0)
    size = float((high - low).max())
    corner, sides = low - _AROUND * size, high - low + 2 * _AROUND * size
    levels = _LEVELS if len(a) > _FEW else 0
    n_sides = 2**levels
    cell, everything = sides / n_sides, np.arange(len(a))
    if not levels:
        return EdgeLists(corner, cell, 1, [everything] * 3)
    by_cell = _nearest(a, b, corner, sides, levels)
    by_row = _rows(a, b, corner[1], cell[1], n_sides, _ROUNDING * size)
    return EdgeLists(corner, cell, n_sides, [*by_cell, everything, *by_row])


def _nearest(a: Floats, b: Floats, corner: Floats, sides: Floats, levels: int) -> list[Counts]:
    """Edges that may be nearest to a point of each cell: too far from a cell is so from its quarters."""
    column, row, edge = np.zeros(len(a), int), np.zeros(len(a), int), np.arange(len(a))
    for level in range(1, levels + 1):
        column = (2 * column[:, None] + np.array([0, 1, 0, 1])).ravel()
        row = (2 * row[:, None] + np.array([0, 0, 1, 1])).ravel()
        edge = np.repeat(edge, 4)
        cell = sides / 2**level
        centre = corner + (np.column_stack([column, row]) + 0.5) * cell
        distance = segment_distance(centre, a[edge], b[edge])
        number = row * 2**level + column
        least = np.full(4**level, np.inf)
        np.minimum.at(least, number, distance)
        # From the centre to any point of the cell either distance changes by half a diagonal at most.
        near = distance <= (least[number] + np.hypot(*cell)) * (1 + _ROUNDING)
        column, row, edge, number = column[near], row[near], edge[near], number[near]
    order = np.lexsort((edge, number))
    return np.split(edge[order], np.searchsorted(number[order], np.arange(1, 4**levels)))


def _rows(a: Floats, b: Floats, first: float, height: float, n_rows: int, slack: float) -> list[Counts]:
    """Edges that meet each row of cells."""
    low, high = np.minimum(a[:, 1], b[:, 1]) - slack, np.maximum(a[:, 1], b[:, 1]) + slack
    bottom = first + height * np.arange(n_rows)
    return [np.flatnonzero((low <= y + height) & (high >= y)) for y in bottom]


def segment_distance(point: Floats, a: Floats, b: Floats) -> Floats:
    """Distances (n,) of points from the segments a to b, (n, 2) each."""
    along, to = b - a, point - a
    length = np.einsum("ij,ij->i", along, along)
    share = np.einsum("ij,ij->i", to, along) / np.where(length > 0, length, 1)
    rest = to - np.clip(share, 0, 1)[:, None] * along
    return np.hypot(rest[:, 0], rest[:, 1])
