"""Maps side by side, in rows that fit a width."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mpi_layout.pictures.canvas import place
from mpi_layout.pictures.chart import Chart

# Inches: around the panels, and between them.
_LEFT, _RIGHT, _GAP, _HEAD = 0.55, 0.1, 0.5, 0.33
_LEAST_PANEL, _LEAST_WIDTH = 1.7, 3.0
_TALLEST = 1.3  # of a panel, in widths


@dataclass(frozen=True, eq=False)
class Panels:
    """Where maps lie.

    Attributes
    ----------
    width, height : float
        Of all of them with their labels but those below the last row, inches.
    sizes : sequence of (float, float)
        Width and height of each map, inches.
    corners : sequence of (float, float)
        How far each begins from the left, and from above, inches.
    """

    width: float
    height: float
    sizes: Sequence[tuple[float, float]]
    corners: Sequence[tuple[float, float]]

    def axes(self, drawn: Figure, number: int, above: float) -> Axes:
        """Add the axes of a map to a figure in which all begin so many inches from above."""
        left, top = self.corners[number]
        return drawn.add_axes(place(drawn, left, above + top, *self.sizes[number]))


def arranged(charts: Sequence[Chart], width: float) -> tuple[list[Chart], Panels]:
    """Arrange maps of charts in a width, inches; charts of what is narrow show more beside it."""
    most = max(1, int((width - _LEFT - _RIGHT + _GAP) / (_LEAST_PANEL + _GAP)))
    n_columns = min(len(charts), most)
    room = (width - _LEFT - _RIGHT - (n_columns - 1) * _GAP) / n_columns
    shown = [chart.with_room_for_labels(room, _TALLEST * room) for chart in charts]
    sizes = [chart.fitted(room, _TALLEST * room) for chart in shown]
    step = max(w for w, _ in sizes) + _GAP
    corners, above = [], 0.0
    for first in range(0, len(sizes), n_columns):
        row = sizes[first : first + n_columns]
        corners += [(_LEFT + column * step, above + _HEAD) for column in range(len(row))]
        above += max(h for _, h in row) + _HEAD + _GAP
    whole = max(_LEFT + n_columns * step - _GAP + _RIGHT, _LEAST_WIDTH)
    return shown, Panels(whole, above - _GAP, sizes, corners)
