"""A table of a campaign that is watched; only the rows that fit on the screen are made."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.text import Text

from mpi_layout.printable import printable
from mpi_layout.results.state.sight import Sight

GAP = 1  # cells between columns
WIDEST_NAME = 24

Cell = str | Text
Align = Literal["left", "right"]


@dataclass(frozen=True)
class Panel:
    """A table.

    Attributes
    ----------
    heads : tuple of str
        Of the columns.
    widths : tuple of int
        In cells; the last column may have more, as far as the screen goes.
    right : frozenset of int
        Columns aligned there.
    n_rows : int
        Number of rows.
    row : function
        From a row's place to its cells.
    empty : str
        What to say when there are none.
    fixed : int
        Columns that stay when the others are scrolled to the side.
    step : int
        Cells that they scroll at once.
    """

    heads: tuple[str, ...]
    widths: tuple[int, ...]
    right: frozenset[int]
    n_rows: int
    row: Callable[[int], Sequence[Cell]]
    empty: str = ""
    fixed: int = 1
    step: int = 8

    def most_left(self, width: int) -> int:
        """Steps that it can be scrolled to the side on a screen of `width` cells."""
        whole = sum(self.widths) + GAP * (len(self.widths) - 1)
        return max(0, math.ceil((whole - width) / self.step))

    def lines(self, top: int, left: int, size: tuple[int, int]) -> list[Text]:
        """Head and rows from `top` on, `left` steps to the side, of (cells, lines)."""
        width, height = size
        if not self.n_rows:
            return [Text(self.empty, "dim", overflow="ellipsis", no_wrap=True)][:height]
        bodies = [self.row(i) for i in range(top, min(top + height - 1, self.n_rows))]
        head = [Text(printable(text), "bold") for text in self.heads]
        return [self._line(cells, left, width) for cells in (head, *bodies)][:height]

    def _line(self, cells: Sequence[Cell], left: int, width: int) -> Text:
        parts = [self._fitted(i, cell) for i, cell in enumerate(cells)]
        gap = Text(" " * GAP)
        fixed = gap.join(parts[: self.fixed])
        moving = gap.join(parts[self.fixed :])
        line = Text.assemble(fixed, gap, moving[left * self.step :])
        line.truncate(width)
        return line

    def _fitted(self, index: int, cell: Cell) -> Text:
        text = cell.copy() if isinstance(cell, Text) else Text(printable(cell))
        if index == len(self.widths) - 1 and index not in self.right:
            return text
        width = self.widths[index]
        text.truncate(width, overflow="ellipsis")
        short = width - cell_len(text.plain)
        (text.pad_left if index in self.right else text.pad_right)(short)
        return text


def key_width(sight: Sight, numbers: Sequence[int]) -> int:
    """Room for keys, by the longest names of the campaign: it must not change when others are in sight."""
    if not numbers:
        return 6
    configs = sight.results.campaign.configs
    stem = max(cell_len(printable(kind.key_stem)) for kind in configs.kinds)
    return min(2 * WIDEST_NAME, stem + len(str(max(configs.seeds))))


def over_known(reduce: Callable[..., NDArray], values: NDArray) -> NDArray:
    """Reduce the last axis; where it has no values there is none."""
    reduced = np.full(values.shape[:-1], np.nan)
    there = np.isfinite(values).any(axis=-1)
    if there.any():
        reduced[there] = reduce(values[there], axis=-1)
    return reduced
