"""The wind between the turbines of a layout, from one direction."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mpi_layout.pictures.canvas import INK, PAGE, figure, heading, heading_height, place, wrapped
from mpi_layout.pictures.chart import Chart, Ground
from mpi_layout.wake.farm import Neighbours
from mpi_layout.wake.flow_map import FlowCase

Floats = NDArray[np.float64]

_LEFT, _BELOW, _GAP, _BESIDE = 0.55, 0.45, 0.12, 0.62  # inches
_TALLEST, _SHORTEST = 1.3, 2.0  # of the map: in widths, and inches of what is beside it
_BEHIND = 0.12  # how far the map reaches downwind of the area, in its longer sides
_CELLS = 360  # along the longer side
_DARKEST = 2  # % of what lies in wakes that is darker than the scale
_SMALLEST = 0.014  # of the longer side: a rotor that is drawn smaller cannot be seen


@dataclass(frozen=True, eq=False)
class FlowMapPicture:
    """What is shown.

    Attributes
    ----------
    title : str
        Some lines.
    ground : Ground
        The area.
    x, y : (n,) array
        Turbines, m.
    rotor_diameter : float
        m.
    case : FlowCase
        The wind.
    speed : function
        Wind speeds (m,), m/s, at points x and y (m,), m.
    neighbours : Neighbours, optional
        Turbines of other farms.
    """

    title: str
    ground: Ground
    x: Floats
    y: Floats
    rotor_diameter: float
    case: FlowCase
    speed: Callable[[Floats, Floats], Floats]
    neighbours: Neighbours | None = None


def draw_flow_map(picture: FlowMapPicture, width: float = PAGE) -> Figure:
    """Draw the wind speed at hub height on a map, the rotors as lines across the wind, and its arrow.

    Parameters
    ----------
    picture : FlowMapPicture
        What is shown.
    width : float
        Largest width, inches.
    """
    room = width - _LEFT - _GAP - _BESIDE
    chart = _chart(picture).with_room_for_labels(room, _TALLEST * room)
    w, h = chart.fitted(room, _TALLEST * room)
    whole = _LEFT + w + _GAP + _BESIDE
    title = wrapped(picture.title, whole)
    above = heading_height(title)
    with figure(whole, above + max(h, _SHORTEST) + _BELOW) as drawn:
        heading(drawn, title)
        axes = drawn.add_axes(place(drawn, _LEFT, above, w, h))
        chart.prepare(axes)
        axes.grid(visible=False)
        (left, bottom), (right, top) = chart.scaled(np.stack([chart.low, chart.high]))
        speed = _field(picture, chart)
        field = axes.imshow(
            speed,
            extent=(left, right, bottom, top),
            origin="lower",
            interpolation="bilinear",
            cmap="viridis",
            vmin=_slowest(speed, picture.case.speed),
            vmax=picture.case.speed,
            zorder=0.5,
        )
        chart.draw_ground(axes, picture.ground, filled=False)
        chart.draw_neighbours(axes, picture.neighbours)
        _draw_rotors(axes, picture, chart)
        beside = _LEFT + w + _GAP
        _draw_arrow(drawn.add_axes(place(drawn, beside + 0.05, above, 0.5, 0.5)), picture.case)
        at = place(drawn, beside, above + 0.6, 0.12, 1.2)
        bar = drawn.colorbar(field, cax=drawn.add_axes(at), extend="min", format="{x:.3g}")
        bar.set_label("wind speed (m/s)")
        bar.outline.set_visible(False)
    return drawn


def _chart(picture: FlowMapPicture) -> Chart:
    """Chart of the area, its turbines, near neighbours, and some of what lies downwind."""
    chart = Chart.of(picture.ground, picture.x, picture.y, picture.neighbours)
    further = _BEHIND * chart.size * picture.case.downwind
    low, high = chart.low + np.minimum(further, 0), chart.high + np.maximum(further, 0)
    return Chart(low, high, chart.corner)


def _field(picture: FlowMapPicture, chart: Chart) -> Floats:
    """Wind speeds (n_rows, n_columns), m/s, in the middle of cells."""
    cell = chart.size / _CELLS
    shape = np.maximum(1, np.round((chart.high - chart.low) / cell)).astype(int)
    x, y = (
        low + (high - low) * (np.arange(n) + 0.5) / n
        for low, high, n in zip(chart.low, chart.high, shape, strict=True)
    )
    columns, rows = np.meshgrid(x, y)
    return picture.speed(columns.ravel(), rows.ravel()).reshape(columns.shape)


def _slowest(speed: Floats, free: float) -> float:
    """Where the colours begin, m/s: a little of the wakes, just behind rotors, is slower."""
    waked = speed[speed < 0.99 * free]
    return float(np.percentile(waked, _DARKEST)) if waked.size else 0.9 * free


def _draw_rotors(axes: Axes, picture: FlowMapPicture, chart: Chart) -> None:
    down = picture.case.downwind
    half = max(picture.rotor_diameter, _SMALLEST * chart.size) / 2 * np.array([down[1], -down[0]])
    hubs = np.column_stack([picture.x, picture.y])
    rotors = np.stack([chart.scaled(hubs - half), chart.scaled(hubs + half)], axis=1)
    axes.add_collection(LineCollection(rotors, colors="white", linewidths=1.6, zorder=3))
    axes.add_collection(LineCollection(rotors, colors=INK, linewidths=0.9, zorder=3.1))


def _draw_arrow(axes: Axes, case: FlowCase) -> None:
    """Draw an arrow along the wind, beside the map."""
    axes.set_axis_off()
    axes.set_xlim(-1, 1)
    axes.set_ylim(-1, 1)
    tip = 0.85 * case.downwind
    style = {
        "arrowstyle": "-|>",
        "color": INK,
        "linewidth": 1.2,
        "mutation_scale": 9,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.annotate("", tip, xytext=-tip, arrowprops=style)
