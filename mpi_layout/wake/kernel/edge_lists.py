"""Which edges of an area a point has to look at: lists by cells of a grid, for the kernel's `mpl_region`."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

_FEW = 64  # edges: as quickly looked through as looked up
_COARSE, _FINE = 3, 6  # halvings: 8 and 64 columns and rows
_AROUND = 0.25  # of the larger side: cells around the area, for points that have left it
_NEAR = 1.5  # diagonals of a cell
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
    side : (n_sides**2,) array of int
        Of each cell, row after row: 1 if it lies inside, -1 if outside, 0 if the boundary is near.
    list_of : (n_sides**2,) array of int
        Which list has the edges that may be nearest to a point of the cell.
    lists : list of (k,) arrays
        Edges by cell; the last but n_sides has all edges, and those after it the edges of each row.
    """

    corner: Floats
    cell: Floats
    n_sides: int
    side: NDArray[np.int8]
    list_of: NDArray[np.intc]
    lists: list[Counts]


def edge_lists(a: Floats, b: Floats) -> EdgeLists:
    """Lists of the edges from a to b (n, 2), m, of rings that do not cross.

    Cells beside the boundary have lists of their own. All others share those of the coarse cells that they
    lie in: from far away many edges are nearly as near as the nearest one.
    """
    low, high = np.minimum(a, b).min(axis=0), np.maximum(a, b).max(axis=0)
    size = float((high - low).max())
    corner, sides = low - _AROUND * size, high - low + 2 * _AROUND * size
    everything = np.arange(len(a))
    if len(a) <= _FEW:
        return EdgeLists(corner, sides, 1, np.zeros(1, np.int8), np.zeros(1, np.intc), [everything] * 2)
    n = 2**_FINE
    cell = sides / n
    own, lists = _lists_of_cells(a, b, corner, sides)
    rows = list(_rows(a, b, corner[1], cell[1], n, _ROUNDING * size))
    side = np.where(own, 0, _sides(a, b, corner, cell, rows)).astype(np.int8)
    coarse = (np.arange(n) >> (_FINE - _COARSE))[:, None] * 2**_COARSE + (np.arange(n) >> (_FINE - _COARSE))
    list_of = np.where(own, 4**_COARSE + np.cumsum(own) - 1, coarse.ravel()).astype(np.intc)
    return EdgeLists(corner, cell, n, side, list_of, [*lists, everything, *rows])


def _lists_of_cells(
    a: Floats, b: Floats, corner: Floats, sides: Floats
) -> tuple[NDArray[np.bool_], list[Counts]]:
    """Which fine cells have a list of their own; the lists of the coarse cells and then theirs.

    Cells are halved again and again: an edge that is too far from a cell is so from its quarters.
    """
    column, row, edge = np.zeros(len(a), int), np.zeros(len(a), int), np.arange(len(a))
    lists: list[Counts] = []
    own = np.zeros(4**_FINE, bool)
    for level in range(1, _FINE + 1):
        column = (2 * column[:, None] + np.array([0, 1, 0, 1])).ravel()
        row = (2 * row[:, None] + np.array([0, 0, 1, 1])).ravel()
        edge = np.repeat(edge, 4)
        cell, number = sides / 2**level, row * 2**level + column
        x, y = corner[0] + (column + 0.5) * cell[0], corner[1] + (row + 0.5) * cell[1]
        distance, diagonal = _segment_distance(x, y, a[edge], b[edge]), np.hypot(*cell)
        least = np.full(4**level, np.inf)
        np.minimum.at(least, number, distance)
        # From the centre to any point of the cell either distance changes by half a diagonal at most.
        kept = distance <= (least[number] + diagonal) * (1 + _ROUNDING)
        if level == _COARSE:
            lists += _by_cell(number[kept], edge[kept], np.arange(4**level))
        if level >= _COARSE:
            kept &= least[number] <= _NEAR * diagonal
        column, row, edge, number = column[kept], row[kept], edge[kept], number[kept]
    own[number] = True
    return own, lists + _by_cell(number, edge, np.flatnonzero(own))


def _by_cell(number: Counts, edge: Counts, cells: Counts) -> list[Counts]:
    """Edges of each of the cells."""
    order = np.lexsort((edge, number))
    return np.split(edge[order], np.searchsorted(number[order], cells[1:]))


def _rows(a: Floats, b: Floats, first: float, height: float, n_rows: int, slack: float) -> Iterator[Counts]:
    """Edges that meet each row of cells."""
    low, high = np.minimum(a[:, 1], b[:, 1]) - slack, np.maximum(a[:, 1], b[:, 1]) + slack
    for y in first + height * np.arange(n_rows):
        yield np.flatnonzero((low <= y + height) & (high >= y))


def _sides(a: Floats, b: Floats, corner: Floats, cell: Floats, rows: list[Counts]) -> NDArray[np.int8]:
    """For the centre of each cell 1 if it lies inside, with an odd number of edges on its left, else -1."""
    centre_x = corner[0] + (np.arange(len(rows)) + 0.5) * cell[0]
    inside = []
    for row, edges in enumerate(rows):
        y = corner[1] + (row + 0.5) * cell[1]
        (ax, ay), (bx, by) = a[edges].T, b[edges].T
        crosses = (ay > y) != (by > y)
        share = (y - ay[crosses]) / (by - ay)[crosses]
        x = np.sort(ax[crosses] + share * (bx - ax)[crosses])
        inside.append(np.searchsorted(x, centre_x) % 2)
    return np.where(np.concatenate(inside), 1, -1)


def _segment_distance(x: Floats, y: Floats, a: Floats, b: Floats) -> Floats:
    """Distances of points from the segments a to b, (n, 2)."""
    ux, uy, px, py = b[:, 0] - a[:, 0], b[:, 1] - a[:, 1], x - a[:, 0], y - a[:, 1]
    length = ux**2 + uy**2
    share = np.clip((px * ux + py * uy) / np.where(length > 0, length, 1), 0, 1)
    return np.asarray(np.sqrt((px - share * ux) ** 2 + (py - share * uy) ** 2))
