"""All layouts of an area and turbine type over each other, the best one emphasised."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mpi_layout.pictures.canvas import (
    INK,
    PAGE,
    SMALL,
    VERMILION,
    figure,
    heading,
    heading_height,
    wrapped,
)
from mpi_layout.pictures.chart import Chart, Ground, corners
from mpi_layout.pictures.panels import arranged

Floats = NDArray[np.float64]

_BELOW = 0.7  # inches
_MANY = 3000  # points, of which no vector graphic wants to keep each
_DOT, _DOTS = 0.28, (0.8, 3.0)  # diameter of a dot: in distances of turbines, from and to points


@dataclass(frozen=True, eq=False)
class SeedsPanel:
    """Layouts of one area and turbine type.

    Attributes
    ----------
    title : str
        One line or two.
    ground : Ground
        The area.
    layouts : sequence of (n, 2) arrays
        Turbines of each layout, m.
    best : int
        Which of them is the best.
    """

    title: str
    ground: Ground
    layouts: Sequence[Floats]
    best: int


@dataclass(frozen=True, eq=False)
class SeedsPicture:
    """What is shown.

    Attributes
    ----------
    title : str
        One line.
    panels : sequence of SeedsPanel
        One at least.
    best_name : str
        What the layouts with rings are called.
    """

    title: str
    panels: Sequence[SeedsPanel]
    best_name: str = "best layout"


def draw_seeds(picture: SeedsPicture, width: float = PAGE) -> Figure:
    """Draw a map for each panel: a dot for each turbine of each layout, rings around those of the best one.

    Dots let shine through what lies below: where many layouts have a turbine, it is dark.

    Parameters
    ----------
    picture : SeedsPicture
        What is shown.
    width : float
        Largest width, inches.
    """
    charts = [Chart.around(corners(panel.ground.geometry)) for panel in picture.panels]
    charts, panels = arranged(charts, width)
    title = wrapped(picture.title, panels.width)
    above = heading_height(title)
    with figure(panels.width, above + panels.height + _BELOW) as drawn:
        heading(drawn, title)
        for i, (panel, chart) in enumerate(zip(picture.panels, charts, strict=True)):
            points_per_m = 72 * panels.sizes[i][0] / float(chart.high[0] - chart.low[0])
            _draw_panel(panels.axes(drawn, i, above), panel, chart, points_per_m)
        _explain(drawn, picture.best_name)
    return drawn


def _draw_panel(axes: Axes, panel: SeedsPanel, chart: Chart, points_per_m: float) -> None:
    chart.prepare(axes)
    chart.draw_ground(axes, panel.ground)
    axes.set_title(panel.title, loc="left", pad=4, fontsize=SMALL)
    apart = np.sqrt(panel.ground.geometry.area / len(panel.layouts[panel.best]))
    dot = float(np.clip(_DOT * points_per_m * apart, *_DOTS))
    points = chart.scaled(np.concatenate(panel.layouts))
    alpha = max(0.06, min(0.7, 4 / len(panel.layouts)))
    style = {"color": INK, "alpha": alpha, "linewidths": 0, "rasterized": len(points) > _MANY}
    axes.scatter(*points.T, s=dot**2, zorder=2.5, **style)
    best = chart.scaled(panel.layouts[panel.best])
    ring = {"facecolors": "none", "edgecolors": VERMILION, "linewidths": 0.9}
    axes.scatter(*best.T, s=(2.2 * dot) ** 2, zorder=3, **ring)


def _explain(drawn: Figure, best_name: str) -> None:
    """Legend under the panels."""
    dot = Line2D([], [], linestyle="", marker="o", markersize=3, color=INK, markeredgewidth=0)
    ring = Line2D([], [], linestyle="", marker="o", markersize=5, markerfacecolor="none", color=VERMILION)
    drawn.legend(
        [dot, ring],
        ["turbine (darker: of many layouts)", best_name],
        loc="lower left",
        bbox_to_anchor=(0.1 / drawn.get_figwidth(), 0.03 / drawn.get_figheight()),
        ncols=2,
        handletextpad=0.2,
        columnspacing=1.2,
        borderpad=0.2,
    )
