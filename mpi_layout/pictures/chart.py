"""Maps: an area with what is left out of it, on axes of equal scale."""

from dataclasses import dataclass

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from shapely import Geometry, MultiPolygon, Polygon
from shapely.geometry.polygon import orient

from mpi_layout.pictures.canvas import DIM, LAND, LETTER
from mpi_layout.wake.farm import Neighbours

Floats = NDArray[np.float64]
_MARGIN = 0.04  # of the longer side
_KM_FROM = 1000.0  # m: axes of a smaller map are in m


@dataclass(frozen=True, eq=False)
class Ground:
    """An area.

    Attributes
    ----------
    geometry : shapely Polygon or MultiPolygon
        Where turbines may stand, m.
    excluded : shapely geometry
        What its outlines enclose besides, m.
    """

    geometry: Polygon | MultiPolygon
    excluded: Geometry


@dataclass(frozen=True, eq=False)
class Chart:
    """The part of the plane that a map shows.

    Attributes
    ----------
    low, high : (2,) array
        Lower left and upper right corner, m.
    corner : (2,) array
        Lower left corner of what it is of, m.
    """

    low: Floats
    high: Floats
    corner: Floats

    @classmethod
    def around(cls, points: Floats, least_room: float = 0.0) -> "Chart":
        """Chart of points (n, 2), m, with at least some room around them, m."""
        low, high = points.min(axis=0), points.max(axis=0)
        room = max(_MARGIN * float(max(high - low)), least_room)
        return cls(low - room, high + room, low)

    @classmethod
    def of(
        cls, ground: Ground, x: Floats, y: Floats, neighbours: Neighbours | None, room: float = 0.0
    ) -> "Chart":
        """Chart of an area, turbines (n,), m, and those of other farms within half its extent."""
        points = np.concatenate([corners(ground.geometry), np.column_stack([x, y])])
        if neighbours is not None:
            low, high = points.min(axis=0), points.max(axis=0)
            others, half = np.column_stack([neighbours.x, neighbours.y]), max(high - low) / 2
            near = ((others > low - half) & (others < high + half)).all(axis=1)
            points = np.concatenate([points, others[near]])
        return cls.around(points, room)

    @property
    def size(self) -> float:
        """Longer side, m."""
        return float(max(self.high - self.low))

    @property
    def origin(self) -> Floats:
        """What is subtracted from coordinates so that numbers stay short: whole tens of km, m."""
        return np.where(np.abs(self.corner) < 1e5, 0.0, np.floor(self.corner / 1e4) * 1e4)

    @property
    def unit(self) -> tuple[float, str]:
        """Of the axes: how many m it is, and its name."""
        return (1e3, "km") if self.size >= _KM_FROM else (1.0, "m")

    def with_room_for_labels(self, width: float, height: float) -> "Chart":
        """Chart that shows more beside what is narrow, where sides would be shorter than their labels.

        It is for a room of so many inches.
        """
        extent, least = self.high - self.low, LETTER * max(map(len, self._labels()))
        scale = float(self.fitted(width, height)[0] / extent[0])
        more = np.maximum(0.0, least / scale - extent) / 2
        return Chart(self.low - more, self.high + more, self.corner)

    def fitted(self, width: float, height: float) -> tuple[float, float]:
        """Width and height of the map, inches, in a room of so many inches."""
        extent = self.high - self.low
        scale = min(width / extent[0], height / extent[1])
        return float(extent[0] * scale), float(extent[1] * scale)

    def scaled(self, points: Floats) -> Floats:
        """Points (n, 2), m, on the axes."""
        return (points - self.origin) / self.unit[0]

    def prepare(self, axes: Axes) -> None:
        """Give axes the limits and labels of the map."""
        (left, bottom), (right, top) = self.scaled(np.stack([self.low, self.high]))
        axes.set_xlim(left, right)
        axes.set_ylim(bottom, top)
        axes.set_aspect("equal", adjustable="box")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10]))
        easting, northing = self._labels()
        axes.set_xlabel(easting)
        axes.set_ylabel(northing)

    def draw_ground(self, axes: Axes, ground: Ground, *, filled: bool = True) -> None:
        """Draw the area, and hatch what is left out of it."""
        for part in shapely.get_parts(ground.geometry):
            polygon = orient(part)  # holes run the other way round than outlines, or they would be filled
            rings = [self._outline(ring) for ring in (polygon.exterior, *polygon.interiors)]
            land = Outline.make_compound_path(*rings)
            face = LAND if filled else "none"
            axes.add_patch(PathPatch(land, facecolor=face, edgecolor=DIM, linewidth=1.0, zorder=1.2))
        for part in shapely.get_parts(ground.excluded):
            if isinstance(part, Polygon) and not part.is_empty:
                polygon = orient(part)
                rings = [self._outline(ring) for ring in (polygon.exterior, *polygon.interiors)]
                hole = Outline.make_compound_path(*rings)
                axes.add_patch(
                    PathPatch(hole, fill=False, edgecolor="#b0b0b0", hatch="/////", linewidth=0, zorder=1.1)
                )

    def draw_neighbours(self, axes: Axes, neighbours: Neighbours | None) -> None:
        """Mark the turbines of other farms."""
        if neighbours is None:
            return
        x, y = self.scaled(np.column_stack([neighbours.x, neighbours.y])).T
        (marks,) = axes.plot(x, y, linestyle="", marker="x", markersize=4, color=DIM, zorder=2)
        # In the corner below the map, where it hides none of them.
        form = {"handlelength": 1.0, "handletextpad": 0.3, "borderpad": 0, "borderaxespad": 0.4}
        axes.figure.legend([marks], ["other farms"], loc="lower right", **form)

    def _labels(self) -> list[str]:
        """Of both axes."""
        names = ("easting", "northing")
        return [_label(name, of, self.unit[1]) for name, of in zip(names, self.origin, strict=True)]

    def _outline(self, ring: shapely.LinearRing) -> Outline:
        return Outline(self.scaled(np.array(ring.coords)), closed=True)


def corners(geometry: Geometry) -> Floats:
    """Corners (2, 2) of what a geometry spans, m."""
    return np.reshape(geometry.bounds, (2, 2))


def _label(name: str, origin: float, unit: str) -> str:
    if not origin:
        return f"{name} ({unit})"
    sign = "\N{MINUS SIGN}" if origin > 0 else "+"
    return f"{name} {sign} {abs(origin) / 1e3:,.0f} km  ({unit})"
