"""All areas of a campaign on one map."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from matplotlib.figure import Figure

from mpi_layout.pictures.canvas import PAGE, SMALL, figure, heading, heading_height, place, wrapped
from mpi_layout.pictures.chart import Chart, Ground, corners
from mpi_layout.pictures.panels import arranged

_LEFT, _BELOW, _RIGHT = 0.55, 0.45, 0.1  # inches
_TALLEST = 1.3  # in widths
_LEAST_WIDTH = 2.5
_MOST_NAMES = 100
_MOST_PANELS = 24


@dataclass(frozen=True, eq=False)
class AreasPicture:
    """What is shown.

    Attributes
    ----------
    title : str
        One line.
    names : sequence of str
        Of the areas.
    grounds : sequence of Ground
        The areas.
    """

    title: str
    names: Sequence[str]
    grounds: Sequence[Ground]


def draw_areas(picture: AreasPicture, width: float = PAGE) -> Figure:
    """Draw a map in km with the names of the areas; one for each where areas lie over each other.

    Parameters
    ----------
    picture : AreasPicture
        What is shown.
    width : float
        Largest width, inches.
    """
    if len(picture.grounds) <= _MOST_PANELS and _overlap(picture.grounds):
        return _draw_apart(picture, width)
    room = width - _LEFT - _RIGHT
    chart = Chart.around(np.concatenate([corners(ground.geometry) for ground in picture.grounds]))
    chart = chart.with_room_for_labels(room, _TALLEST * room)
    w, h = chart.fitted(room, _TALLEST * room)
    whole = max(_LEFT + w + _RIGHT, _LEAST_WIDTH)
    title = wrapped(picture.title, whole)
    above = heading_height(title)
    with figure(whole, above + h + _BELOW) as drawn:
        heading(drawn, title)
        axes = drawn.add_axes(place(drawn, _LEFT, above, w, h))
        chart.prepare(axes)
        for name, ground in zip(picture.names, picture.grounds, strict=True):
            chart.draw_ground(axes, ground)
            if len(picture.names) <= _MOST_NAMES:
                at = chart.scaled(np.array(ground.geometry.representative_point().coords))[0]
                axes.annotate(name, at, ha="center", va="center", fontsize=SMALL, zorder=4)
    return drawn


def _overlap(grounds: Sequence[Ground]) -> bool:
    """Whether areas share more than an edge, such as those that have coordinates of their own."""
    areas = [ground.geometry for ground in grounds]
    return any(
        float(one.intersection(other).area) > 1e-6 * min(one.area, other.area)
        for one, other in combinations(areas, 2)
    )


def _draw_apart(picture: AreasPicture, width: float) -> Figure:
    charts, panels = arranged([Chart.around(corners(ground.geometry)) for ground in picture.grounds], width)
    title = wrapped(picture.title, panels.width)
    above = heading_height(title)
    with figure(panels.width, above + panels.height + _BELOW) as drawn:
        heading(drawn, title)
        for i, (name, ground) in enumerate(zip(picture.names, picture.grounds, strict=True)):
            axes = panels.axes(drawn, i, above)
            charts[i].prepare(axes)
            charts[i].draw_ground(axes, ground)
            axes.set_title(name, loc="left", pad=4, fontsize=SMALL)
    return drawn
