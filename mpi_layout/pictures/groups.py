"""A value of many configs, by area and turbine type: how it spreads over the seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mpi_layout.pictures.canvas import (
    BLUE,
    DIM,
    FAINT,
    INK,
    LETTER,
    PAGE,
    SMALL,
    VERMILION,
    figure,
    heading,
    heading_height,
    place,
    wrapped,
)
from mpi_layout.printable import shortened

Floats = NDArray[np.float64]

# Inches.
_ROW, _HEAD, _BELOW, _LINE, _GAP, _RIGHT = 0.15, 0.2, 0.75, 0.145, 0.12, 0.12
_BOLD = 0.075  # of one in bold
_LONGEST_NAME, _LONGEST_PANEL = 24, 64  # letters
_WIDEST_NAME = 0.28  # of the width
_MANY_ROWS, _PAGE_OF_ROWS = 24, 45  # from which panels stand side by side: on a page, in a column of it
_GOLDEN = 0.6180339887498949
_DOTS = (2.2, 8.0)  # area of a dot, of many and of few
_EQUAL = 1e-9  # share of them by which values differ that are equal
_MOST_TICKS = 9
_MANY = 5000  # dots, of which no vector graphic wants to keep each


@dataclass(frozen=True, eq=False)
class Group:
    """The values of one area and turbine type.

    Attributes
    ----------
    panel, row : str
        Names of what it belongs to: its panel, and its row in that.
    values : (n,) array
        One for each seed; n may be 0.
    best : int
        Which of them is marked, if there is one.
    note : str
        What stands behind the row.
    """

    panel: str
    row: str
    values: Floats
    best: int
    note: str = ""

    @property
    def top(self) -> float:
        """The value that is marked; NaN if there is none."""
        return float(self.values[self.best]) if self.values.size else np.nan


@dataclass(frozen=True, eq=False)
class GroupsPicture:
    """What is shown.

    Attributes
    ----------
    title : str
        One line.
    label : str
        What the values are, with their unit.
    groups : sequence of Group
        Those of a panel one after the other.
    best_name : str
        What the marked values are called.
    from_zero : bool
        Whether zero is where nothing has changed, and is marked.
    """

    title: str
    label: str
    groups: Sequence[Group]
    best_name: str = "best"
    from_zero: bool = False


def draw_groups(picture: GroupsPicture, width: float = PAGE) -> Figure:
    """Draw a row for each group: a dot for each config, a bar for their middle half, median and best.

    Parameters
    ----------
    picture : GroupsPicture
        What is shown.
    width : float
        Inches.
    """
    panels = _panels(picture.groups)
    n_columns = (
        2 if len(panels) > 1 and len(picture.groups) >= (_MANY_ROWS if width > 5 else _PAGE_OF_ROWS) else 1
    )
    longest = min(_LONGEST_NAME, int(_WIDEST_NAME * width / LETTER))
    left = LETTER * min(longest, max(len(group.row) for group in picture.groups)) + 0.12
    behind = LETTER * max(len(group.note) for group in picture.groups)
    room = (width - left - _RIGHT - (n_columns - 1) * _GAP) / n_columns - behind
    rows = [panels[i : i + n_columns] for i in range(0, len(panels), n_columns)]
    heights = [_ROW * max(map(len, row)) for row in rows]
    title, label = wrapped(picture.title, width), wrapped(picture.label, width)
    total = heading_height(title) + sum(heights) + len(rows) * _HEAD + _BELOW + _LINE * label.count("\n")
    low, high = _limits(picture)
    beside = (left, behind + _RIGHT) if n_columns == 1 else (_GAP / 2, _GAP / 2)
    ticks, figures = _ticks(low, high, room, beside)
    with figure(width, total) as drawn:
        above = heading_height(title)
        for row, height in zip(rows, heights, strict=True):
            above += _HEAD
            for column, panel in enumerate(row):
                size = room, _ROW * len(panel)
                axes = drawn.add_axes(place(drawn, left + column * (room + behind + _GAP), above, *size))
                named = column == 0 or not _same_rows(row)
                names = [shortened(group.row, longest) for group in panel] if named else []
                _draw_panel(axes, panel, picture.from_zero, names)
                name = shortened(panel[0].panel, min(_LONGEST_PANEL, int((room + behind) / _BOLD)))
                axes.set_title(name, loc="left", pad=2.5, fontsize=SMALL, fontweight="bold")
                axes.set_xlim(low, high)
                axes.set_xticks(ticks, figures)
                if row is not rows[-1] and not (row is rows[-2] and column >= len(rows[-1])):
                    axes.tick_params(labelbottom=False)
            above += height
        heading(drawn, title)
        half = LETTER / 2 * max(map(len, label.split("\n")))
        middle = min((left + width - _RIGHT - behind) / 2, width - half)
        drawn.text(middle / width, 0.34 / total, label, ha="center", va="bottom")
        _legend(drawn, picture)
    return drawn


def _panels(groups: Sequence[Group]) -> list[list[Group]]:
    panels: dict[str, list[Group]] = {}
    for group in groups:
        panels.setdefault(group.panel, []).append(group)
    return list(panels.values())


def _same_rows(panels: Sequence[Sequence[Group]]) -> bool:
    return len({tuple(group.row for group in panel) for panel in panels}) == 1


def _limits(picture: GroupsPicture) -> tuple[float, float]:
    """Ends of the axis, the same for all panels."""
    values = np.concatenate([group.values for group in picture.groups])
    ends = [*values[[values.argmin(), values.argmax()]], *([0.0] if picture.from_zero else [])]
    low, high = min(ends), max(ends)
    size = max(abs(low), abs(high)) or 1.0
    room = 0.03 * (high - low) if high - low > _EQUAL * size else 1e-3 * size
    return low - room, high + room


def _ticks(low: float, high: float, room: float, beside: tuple[float, float]) -> tuple[Floats, list[str]]:
    """Places on an axis, and the figures below them, which are apart and not cut off.

    The axis is so many inches long, and there are so many inches left and right of it.
    """
    for most in range(_MOST_TICKS, 0, -1):
        ticks = MaxNLocator(most, steps=[1, 2, 5, 10], min_n_ticks=1).tick_values(low, high)
        decimals = max(0, int(np.ceil(-np.log10(ticks[1] - ticks[0]) - 1e-9)))
        figures = [f"{tick:,.{decimals}f}".replace("-", "\N{MINUS SIGN}") for tick in ticks]
        wide = LETTER * max(map(len, figures))
        apart = room * (ticks[1] - ticks[0]) / (high - low)
        if wide + LETTER <= apart:
            break
    first, last = ((wide / 2 - free) * (high - low) / room for free in beside)
    shown = [max(low, low + first) <= tick <= min(high, high - last) for tick in ticks]
    return ticks[shown], [figure for figure, fits in zip(figures, shown, strict=True) if fits]


def _draw_panel(axes: Axes, panel: Sequence[Group], from_zero: bool, names: Sequence[str]) -> None:
    for place_, group in enumerate(panel):
        if group.values.size:
            _draw_group(axes, place_, group)
        else:
            axes.text(
                0.5,
                place_,
                "none done",
                transform=axes.get_yaxis_transform(),
                ha="center",
                va="center",
                fontsize=SMALL - 1,
                color=DIM,
            )
    if from_zero:
        axes.axvline(0, color=INK, linewidth=0.7, zorder=1)
    axes.set_ylim(len(panel) - 0.5, -0.5)
    axes.set_yticks(range(len(panel)), names)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    for side in ("left", "right", "top"):
        axes.spines[side].set_color(FAINT)


def _draw_group(axes: Axes, row: int, group: Group) -> None:
    values = group.values
    # The same scatter each time: multiples of the golden ratio fill a strip evenly.
    scatter = 0.56 * ((np.arange(values.size) * _GOLDEN) % 1 - 0.5)
    if values.size >= 5:
        low, median, high = np.percentile(values, [25, 50, 75])
        axes.barh(row, high - low, left=low, height=0.7, color="#c9d9e6", linewidth=0, zorder=1.5)
        axes.plot([median, median], [row - 0.35, row + 0.35], color=BLUE, linewidth=1.4, zorder=3)
    style = {"linewidths": 0, "alpha": max(0.25, min(0.8, 30 / values.size)), "color": INK, "zorder": 2}
    size = float(np.clip(60 / values.size, *_DOTS))
    axes.scatter(values, row + scatter, s=size, rasterized=values.size > _MANY, **style)
    axes.plot(group.top, row, marker="D", markersize=3, color=VERMILION, linestyle="", zorder=4)
    if group.note:
        form = {"va": "center", "fontsize": SMALL, "color": INK, "annotation_clip": False}
        at = {"xycoords": axes.get_yaxis_transform(), "xytext": (3, 0), "textcoords": "offset points"}
        axes.annotate(group.note, (1, row), **at, **form)


def _legend(drawn: Figure, picture: GroupsPicture) -> None:
    most = max(group.values.size for group in picture.groups)
    handles: list[tuple[Line2D | Patch, str]] = [
        (Line2D([], [], linestyle="", marker="o", markersize=2, color=INK), "a seed"),
        (Line2D([], [], linestyle="", marker="D", markersize=3.5, color=VERMILION), picture.best_name),
    ]
    if most >= 5:
        handles.insert(1, (Patch(color="#c9d9e6"), "middle half"))
        handles.insert(2, (Line2D([], [], color=BLUE, linewidth=1.4), "median"))
    drawn.legend(
        *zip(*handles, strict=True),
        loc="lower center",
        ncols=len(handles),
        handlelength=1.2,
        columnspacing=1.2,
        bbox_to_anchor=(0.5, 0.02 / drawn.get_figheight()),
        borderpad=0.2,
    )
