"""A layout on its area."""

from dataclasses import dataclass

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry.polygon import orient

from mpi_layout.pictures.canvas import DIM, FAINT, INK, LAND, figure
from mpi_layout.site.bins import evenly_covers_circle
from mpi_layout.site.spacing import Spacing
from mpi_layout.wake.farm import Neighbours

Floats = NDArray[np.float64]

# Inches: the longer side of the map, and what is around it.
_SIZE, _SHORTEST = 5.6, 3.4
_LEFT, _RIGHT, _ABOVE, _BELOW = 0.75, 1.9, 0.6, 0.55
_MARGIN = 0.04  # of the longer side
_SMALLEST = 0.012  # of the longer side: a rotor that is drawn smaller cannot be seen
_MOST_BARS = 36  # of the wind rose


@dataclass(frozen=True, eq=False)
class LayoutPicture:
    """What is shown.

    Attributes
    ----------
    title : str
        One or two lines.
    geometry : shapely Polygon or MultiPolygon
        The area, m.
    x, y : (n,) array
        Turbines, m.
    wake_loss : (n,) array
        Of each, a share of its gross AEP.
    rotor_diameter : float
        m.
    spacing : Spacing
        Between any two turbines.
    direction, probability : (n_directions,) array
        The wind: degrees where it comes from, and how often.
    neighbours : Neighbours, optional
        Turbines of other farms.
    """

    title: str
    geometry: Polygon | MultiPolygon
    x: Floats
    y: Floats
    wake_loss: Floats
    rotor_diameter: float
    spacing: Spacing
    direction: Floats
    probability: Floats
    neighbours: Neighbours | None = None


def draw_layout(picture: LayoutPicture) -> Figure:
    """Draw a map in km: area, turbines coloured by their wake losses, neighbours, and a wind rose.

    Rotors are to scale unless they would be too small to see. Each has a circle or ellipse of half the
    minimum spacing around it: such may touch and do not overlap.
    """
    low, high = _limits(picture)
    origin, size = _origin(picture.geometry), float(max(high - low))
    width, height = (high - low) / size * _SIZE
    with figure(_LEFT + width + _RIGHT, max(height, _SHORTEST) + _ABOVE + _BELOW) as drawn:
        axes = drawn.add_axes(_inches(drawn, _LEFT, _ABOVE, width, height))
        _draw_area(axes, picture.geometry, origin)
        _draw_neighbours(axes, picture, origin)
        colours = _draw_turbines(axes, picture, origin, size)
        axes.set_xlim((low[0] - origin[0]) / 1e3, (high[0] - origin[0]) / 1e3)
        axes.set_ylim((low[1] - origin[1]) / 1e3, (high[1] - origin[1]) / 1e3)
        axes.set_xlabel(_label("easting", origin[0]))
        axes.set_ylabel(_label("northing", origin[1]))
        axes.set_title(picture.title, loc="left", fontsize=10, pad=7, linespacing=1.4)
        beside = _LEFT + width
        _draw_rose(drawn.add_axes(_inches(drawn, beside + 0.4, 0.75, 1.2, 1.2), projection="polar"), picture)
        bar = drawn.colorbar(colours, cax=drawn.add_axes(_inches(drawn, beside + 0.3, 2.4, 0.16, 1.7)))
        bar.set_label("wake loss of the turbine (%)")
        bar.outline.set_visible(False)
    return drawn


def _inches(drawn: Figure, left: float, above: float, width: float, height: float) -> list[float]:
    """Place of axes from inches, `above` from the upper edge."""
    w, h = drawn.get_figwidth(), drawn.get_figheight()
    return [left / w, 1 - (above + height) / h, width / w, height / h]


def _limits(picture: LayoutPicture) -> tuple[Floats, Floats]:
    """Lower left and upper right corner of the map, m: the area, its turbines, neighbours nearby."""
    bounds = np.reshape(picture.geometry.bounds, (2, 2))
    points = np.concatenate([bounds, np.column_stack([picture.x, picture.y])])
    low, high = points.min(axis=0), points.max(axis=0)
    size = max(high - low)
    if picture.neighbours is not None:
        others = np.column_stack([picture.neighbours.x, picture.neighbours.y])
        near = others[((others > low - size / 2) & (others < high + size / 2)).all(axis=1)]
        low = np.minimum(low, near.min(axis=0, initial=np.inf))
        high = np.maximum(high, near.max(axis=0, initial=-np.inf))
    room = max(_MARGIN * max(high - low), picture.spacing.most / 2)
    return low - room, high + room


def _origin(geometry: Polygon | MultiPolygon) -> Floats:
    """What is subtracted from coordinates so that numbers stay short: whole tens of km, m."""
    low = np.array(geometry.bounds[:2])
    return np.where(np.abs(low) < 1e5, 0.0, np.floor(low / 1e4) * 1e4)


def _label(name: str, origin: float) -> str:
    if not origin:
        return f"{name} (km)"
    sign = "\N{MINUS SIGN}" if origin > 0 else "+"
    return f"{name} {sign} {abs(origin) / 1e3:,.0f} km  (km)"


def _draw_area(axes: Axes, geometry: Polygon | MultiPolygon, origin: Floats) -> None:
    for part in shapely.get_parts(geometry):
        polygon = orient(part)  # holes run the other way round than outlines, or they would be filled
        rings = [_outline(ring, origin) for ring in (polygon.exterior, *polygon.interiors)]
        land = Outline.make_compound_path(*rings)
        axes.add_patch(PathPatch(land, facecolor=LAND, edgecolor=DIM, linewidth=1.2, zorder=1))
        for hole in rings[1:]:
            axes.add_patch(
                PathPatch(hole, fill=False, edgecolor=FAINT, hatch="////", linewidth=0, zorder=0.9)
            )


def _outline(ring: shapely.LinearRing, origin: Floats) -> Outline:
    return Outline((np.array(ring.coords) - origin) / 1e3, closed=True)


def _draw_neighbours(axes: Axes, picture: LayoutPicture, origin: Floats) -> None:
    if picture.neighbours is None:
        return
    x, y = (picture.neighbours.x - origin[0]) / 1e3, (picture.neighbours.y - origin[1]) / 1e3
    axes.plot(x, y, linestyle="", marker="x", markersize=5, color=DIM, zorder=2, label="other farms")
    axes.legend(loc="lower left", bbox_to_anchor=(1.0, 0), handletextpad=0.1, handlelength=1.4)


def _draw_turbines(axes: Axes, picture: LayoutPicture, origin: Floats, size: float) -> EllipseCollection:
    places = (np.column_stack([picture.x, picture.y]) - origin) / 1e3

    def ellipses(along: float, across: float, direction: float, **style: object) -> EllipseCollection:
        form = (np.full(len(places), value) for value in (along / 1e3, across / 1e3, 90 - direction))
        made = EllipseCollection(*form, units="xy", offsets=places, offset_transform=axes.transData, **style)
        axes.add_collection(made)
        return made

    spacing, rotor = picture.spacing, max(picture.rotor_diameter, _SMALLEST * size)
    apart = spacing.along, spacing.across or spacing.along, spacing.direction
    ellipses(*apart, facecolor="none", edgecolor="#b8c4cc", linewidth=0.6, zorder=2)
    colours = ellipses(rotor, rotor, 0, cmap="cividis_r", edgecolor=INK, linewidth=0.5, zorder=3)
    colours.set_array(100 * picture.wake_loss)
    return colours


def _draw_rose(axes: Axes, picture: LayoutPicture) -> None:
    direction, probability = _bars(picture.direction, picture.probability)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    width = 2 * np.pi / len(direction)
    axes.bar(np.deg2rad(direction), probability, width=0.9 * width, color=DIM, linewidth=0)
    axes.set_xticks(np.deg2rad([0, 90, 180, 270]), ["N", "E", "S", "W"])
    axes.set_yticks([])
    axes.tick_params(pad=-2, labelsize=9)
    axes.spines["polar"].set_color(FAINT)
    axes.set_title("wind from", fontsize=9, pad=2)


def _bars(direction: Floats, probability: Floats) -> tuple[Floats, Floats]:
    """Directions and probabilities of at most `_MOST_BARS` equal bins."""
    if len(direction) <= _MOST_BARS and evenly_covers_circle(direction):
        return direction, probability
    step = 360 / _MOST_BARS
    number = np.floor(direction / step + 0.5).astype(int) % _MOST_BARS
    return np.arange(0, 360, step), np.bincount(number, probability, minlength=_MOST_BARS).astype(float)
