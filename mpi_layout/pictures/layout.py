"""A layout on its area."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mpi_layout.pictures.canvas import INK, PAGE, VERMILION, figure, heading, heading_height, place, wrapped
from mpi_layout.pictures.chart import Chart, Ground
from mpi_layout.pictures.numbers import beside_discs
from mpi_layout.pictures.rose import Rose, draw_rose
from mpi_layout.site.spacing import Spacing
from mpi_layout.wake.farm import Neighbours

Floats = NDArray[np.float64]

# Inches: around the map, and the column beside it.
_LEFT, _BELOW, _GAP, _BESIDE, _NARROW_BESIDE = 0.55, 0.45, 0.15, 1.2, 0.9
_TALLEST = 1.3  # of the map, in widths
_ROSE, _LEGEND, _BAR, _FOOT = 0.25, 0.75, 0.9, 0.1  # what is beside it: above the dial, below it, and so on
_SMALLEST = 4.5  # points: a rotor that is drawn smaller cannot be seen,
_LARGEST = 0.6  # nor tell from the next one if it is drawn larger than this share of their distance
_NUMBERS = (4.0, 6.0)  # points: smallest that can be read, largest that is wanted
_MOST_NUMBERS = 1000
_EQUAL = 1e-3  # %, wake losses that no colours need to tell apart


@dataclass(frozen=True, eq=False)
class Moves:
    """Where the turbines of a layout come from.

    Attributes
    ----------
    x, y : (n,) array
        Where each one started, m.
    told : str
        What the title says about it.
    """

    x: Floats
    y: Floats
    told: str


@dataclass(frozen=True, eq=False)
class LayoutPicture:
    """What is shown.

    Attributes
    ----------
    title : str
        One or two lines.
    ground : Ground
        The area.
    x, y : (n,) array
        Turbines, m.
    wake_loss : (n,) array
        Of each, a share of its gross AEP.
    rotor_diameter : float
        m.
    spacing : Spacing
        Between any two turbines.
    rose : Rose
        The wind.
    neighbours : Neighbours, optional
        Turbines of other farms.
    moves : Moves, optional
        From the start.
    """

    title: str
    ground: Ground
    x: Floats
    y: Floats
    wake_loss: Floats
    rotor_diameter: float
    spacing: Spacing
    rose: Rose
    neighbours: Neighbours | None = None
    moves: Moves | None = None


def draw_layout(picture: LayoutPicture, width: float = PAGE) -> Figure:
    """Draw a map: area, numbered turbines coloured by their wake losses, neighbours, and a wind rose.

    Rotors are to scale unless they would be too small to see. Each has a circle or ellipse of half the
    minimum spacing around it: such may touch and do not overlap. Lines lead from where turbines started.

    Parameters
    ----------
    picture : LayoutPicture
        What is shown.
    width : float
        Largest width, inches.
    """
    chart = Chart.of(picture.ground, picture.x, picture.y, picture.neighbours, room=picture.spacing.most / 2)
    beside = _BESIDE if width > 5 else _NARROW_BESIDE
    room = width - _LEFT - _GAP - beside
    chart = chart.with_room_for_labels(room, _TALLEST * room)
    w, h = chart.fitted(room, _TALLEST * room)
    whole = _LEFT + w + _GAP + beside
    dial = 0.66 * beside
    column = _ROSE + dial + _LEGEND + _BAR + _FOOT * (1 if picture.neighbours is None else 3)
    title = wrapped(
        picture.title if picture.moves is None else f"{picture.title}\n{picture.moves.told}", whole
    )
    above = heading_height(title)
    with figure(whole, above + max(h + _BELOW, column)) as drawn:
        heading(drawn, title)
        axes = drawn.add_axes(place(drawn, _LEFT, above, w, h))
        chart.prepare(axes)
        chart.draw_ground(axes, picture.ground)
        chart.draw_neighbours(axes, picture.neighbours)
        points_per_m = 72 * w / float(chart.high[0] - chart.low[0])
        apart = _usual_distance(np.column_stack([picture.x, picture.y]))
        rotor = max(picture.rotor_diameter, min(_SMALLEST / points_per_m, _LARGEST * apart))
        if picture.moves is not None:
            _draw_moves(axes, picture, picture.moves, chart)
        colours = _draw_turbines(axes, picture, chart, rotor)
        _draw_numbers(axes, picture, chart, 0.35 * points_per_m * apart, rotor, points_per_m)
        left = _LEFT + w + _GAP
        at = place(drawn, left + (beside - dial) / 2, above + _ROSE, dial, dial)
        draw_rose(drawn.add_axes(at, projection="polar"), picture.rose)
        at = place(drawn, left + 0.1, above + _ROSE + dial + _LEGEND, 0.12, _BAR)
        bar = drawn.colorbar(colours, cax=drawn.add_axes(at))
        bar.set_label("wake loss (%)")
        bar.outline.set_visible(False)
    return drawn


def _circles(
    axes: Axes, chart: Chart, x: Floats, y: Floats, form: tuple[float, float, float], **style: Any
) -> EllipseCollection:
    """Add ellipses around points (n,), m: diameters along and across, m, of a direction in degrees."""
    (along, across, direction), (unit, _) = form, chart.unit
    places = chart.scaled(np.column_stack([x, y]))
    sizes = (np.full(len(places), value) for value in (along / unit, across / unit, 90 - direction))
    made = EllipseCollection(*sizes, units="xy", offsets=places, offset_transform=axes.transData, **style)
    axes.add_collection(made)
    return made


def _draw_turbines(axes: Axes, picture: LayoutPicture, chart: Chart, rotor: float) -> EllipseCollection:
    spacing = picture.spacing
    apart = spacing.along, spacing.across or spacing.along, spacing.direction
    at = picture.x, picture.y
    _circles(axes, chart, *at, apart, facecolor="none", edgecolor="#b8c4cc", linewidth=0.5, zorder=2)
    style: dict[str, Any] = {"cmap": "cividis_r", "edgecolor": INK, "linewidth": 0.4, "zorder": 3}
    colours = _circles(axes, chart, *at, (rotor, rotor, 0), **style)
    loss = 100 * picture.wake_loss
    colours.set_array(loss)
    if np.ptp(loss) < _EQUAL:
        colours.set_clim(0, max(1.0, loss.max()))
    return colours


def _draw_moves(axes: Axes, picture: LayoutPicture, moves: Moves, chart: Chart) -> None:
    """Mark the start of each turbine, and lead a line from there to where it stands."""
    start, end = (chart.scaled(np.column_stack(at)) for at in ((moves.x, moves.y), (picture.x, picture.y)))
    lines = LineCollection(list(np.stack([start, end], axis=1)), colors=VERMILION, linewidths=0.7, zorder=2.2)
    axes.add_collection(lines)
    style = {"linestyle": "", "marker": "o", "markersize": 3, "markeredgewidth": 0.6}
    axes.plot(*start.T, markerfacecolor="white", markeredgecolor=VERMILION, zorder=2.3, **style)


def _draw_numbers(
    axes: Axes, picture: LayoutPicture, chart: Chart, size: float, rotor: float, points_per_m: float
) -> None:
    """Write the numbers of the turbines beside rotors of a diameter, m, if letters of a size can be read."""
    if size < _NUMBERS[0] or picture.x.size > _MOST_NUMBERS:
        return
    size = min(size, _NUMBERS[1])
    hubs = np.column_stack([picture.x, picture.y])
    lines = [picture.ground.geometry.boundary]
    if picture.moves is not None:
        starts = np.column_stack([picture.moves.x, picture.moves.y])
        lines += list(shapely.linestrings(np.stack([starts, hubs], axis=1)))
    on_map = shapely.transform(shapely.GeometryCollection(lines), lambda at: (at - chart.low) * points_per_m)
    places, whole = (points_per_m * (points - chart.low) for points in (hubs, chart.high))
    offsets = beside_discs(places, points_per_m * rotor / 2, size, on_map, whole)
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size, "color": INK, "zorder": 4}
    for number, (at, offset) in enumerate(zip(chart.scaled(hubs), offsets, strict=True)):
        axes.annotate(str(number), at, xytext=offset, textcoords="offset points", **style)


def _usual_distance(places: Floats) -> float:
    """Median distance of points (n, 2) to their nearest neighbours; infinite for a single one."""
    if len(places) < 2:
        return np.inf
    places = places[:_MOST_NUMBERS]
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    return float(np.median(apart.min(axis=1)))
