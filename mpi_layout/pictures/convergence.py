"""AEP of layouts against the evaluations that were spent on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from mpi_layout.pictures.canvas import (
    BLUE,
    DIM,
    PAGE,
    VERMILION,
    figure,
    heading,
    heading_height,
    place,
    wrapped,
)

Floats = NDArray[np.float64]
Trace = tuple[NDArray[np.int64], Floats]  # evaluations, AEP: the start first, the result last

_TALL, _SHORTEST, _AROUND = 0.58, 2.6, 0.75  # height: in widths, inches, and what of it is no axes
_LEFT, _RIGHT, _BELOW, _LEGEND_ROW = 0.7, 0.15, 0.42, 0.17  # inches
_POINTS = 200  # of the median


@dataclass(frozen=True, eq=False)
class ConvergencePicture:
    """What is shown.

    Attributes
    ----------
    title : str
        One line.
    traces : sequence of ((n,), (n,)) arrays
        Evaluations and AEP, GWh, of each config.
    best : int
        Which of them stands out.
    best_name : str
        What it is called.
    gains : bool
        Whether to show gains over the starts instead of AEP: for configs that cannot be compared otherwise.
    """

    title: str
    traces: Sequence[Trace]
    best: int
    best_name: str
    gains: bool


def draw_convergence(picture: ConvergencePicture, width: float = PAGE) -> Figure:
    """Draw a light line for each config, one for their median, and one for the best.

    Parameters
    ----------
    picture : ConvergencePicture
        What is shown.
    width : float
        Inches.
    """
    title = wrapped(picture.title, width)
    above, tall = heading_height(title), max(_TALL * width, _SHORTEST) - _AROUND
    lines = [(evaluations, _shown(aep, picture.gains)) for evaluations, aep in picture.traces]
    best = lines[picture.best]
    n_columns = 2 if width > 5 else 1  # of the legend
    with figure(width, above + tall + _BELOW + _LEGEND_ROW * (3 - n_columns)) as drawn:
        heading(drawn, title)
        axes = drawn.add_axes(place(drawn, _LEFT, above, width - _LEFT - _RIGHT, tall))
        axes.set_xscale("log")
        axes.add_collection(
            LineCollection(
                [np.column_stack(line) for line in lines],
                colors=DIM,
                linewidths=0.6,
                alpha=max(0.1, min(0.6, 20 / len(lines))),
                rasterized=len(lines) > 300,
            )
        )
        if len(lines) > 1:
            axes.plot(*median_line(lines), color=BLUE, linewidth=2, label=f"median of {len(lines):,}")
        name = f"{picture.best_name}, ends at {_value(best[1][-1], picture.gains)}"
        axes.plot(*best, color=VERMILION, linewidth=1.6, label=name)
        axes.autoscale_view()
        ends = [end for evaluations, _ in lines for end in evaluations[[0, -1]]]
        axes.set_xlim(min(ends) / 1.4, max(ends) * 1.4)
        axes.margins(y=0.04)
        _label(axes, picture)
        # Below the lines, of which it would hide some.
        at = {"bbox_to_anchor": (0, -_BELOW / tall), "borderpad": 0, "borderaxespad": 0}
        axes.legend(loc="upper left", ncols=n_columns, **at)
    return drawn


def median_line(lines: Sequence[Trace]) -> tuple[Floats, Floats]:
    """Median of lines that are straight over the logarithm of evaluations, and level after their ends.

    Returns
    -------
    evaluations, median : (m,) array
        From where all have begun to where the last one ends.
    """
    first = max(evaluations[0] for evaluations, _ in lines)
    last = max(first, *(evaluations[-1] for evaluations, _ in lines))
    at = np.geomspace(first, last, _POINTS)
    values = [np.interp(np.log(at), np.log(evaluations), value) for evaluations, value in lines]
    return at, np.median(values, axis=0)


def _shown(aep: Floats, gains: bool) -> Floats:
    return 100 * (aep / aep[0] - 1) if gains else aep


def _value(value: float, gains: bool) -> str:
    return f"{value:+.2f} %" if gains else f"{value:,.3f} GWh"


def _label(axes: Axes, picture: ConvergencePicture) -> None:
    axes.set_xlabel("layouts whose energy was computed")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if picture.gains:
        axes.set_ylabel("gain in AEP over the start (%)")
    else:
        axes.set_ylabel("AEP (GWh)")
        axes.ticklabel_format(axis="y", useOffset=False)
