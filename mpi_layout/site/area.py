"""The area in which turbines may stand: polygons minus exclusions, in metres."""

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry.polygon import orient

from mpi_layout.site.spacing import Spacing

Floats = NDArray[np.float64]

_NO_LENGTH = 1e-150  # m; what divides by the square of a shorter side divides by nothing, or gets too much
_ONE_THREAD = threading.Lock()


@dataclass(frozen=True)
class Area:
    """A region of one or several polygons, possibly with holes.

    Attributes
    ----------
    name : str
        Name of the area.
    geometry : shapely Polygon or MultiPolygon
        Coordinates in m.
    """

    name: str
    geometry: Polygon | MultiPolygon

    @classmethod
    def from_rings(
        cls, name: str, polygons: Sequence[ArrayLike], exclusions: Sequence[ArrayLike] = ()
    ) -> "Area":
        """Area from rings of points.

        Parameters
        ----------
        name : str
            Name of the area.
        polygons : sequence of (k, 2) arrays
            Outlines, m; either orientation, open or closed. They may touch but not overlap.
        exclusions : sequence of (k, 2) arrays
            Where no turbine may stand, m. They may overlap each other and the outlines.

        Raises
        ------
        ValueError
            If a ring is no simple polygon, polygons overlap or nothing is left.
        """
        for ring in [*polygons, *exclusions]:
            if fault := ring_fault(ring):
                raise ValueError(f"a polygon of area {name} {fault}")
        outlines = [Polygon(open_ring(ring)) for ring in polygons]
        for first, second, surface in overlapping(polygons):
            raise ValueError(f"polygons {first} and {second} of area {name} overlap by {surface:g} m2")
        geometry = outlines[0] if len(outlines) == 1 else shapely.union_all(outlines)
        if exclusions:
            geometry = geometry.difference(shapely.union_all([Polygon(open_ring(r)) for r in exclusions]))
        if not geometry.area > 0:
            raise ValueError(f"the exclusions leave nothing of area {name}")
        return cls(name, geometry)

    @property
    def surface(self) -> float:
        """Surface, m2."""
        return float(self.geometry.area)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Bounding box x_min, y_min, x_max, y_max, m."""
        x_min, y_min, x_max, y_max = self.geometry.bounds
        return x_min, y_min, x_max, y_max

    def rings(self) -> list[Floats]:
        """All outlines and edges of holes, open rings (k, 2), m, with the area on the left of each."""
        oriented = [orient(part) for part in shapely.get_parts(self.geometry)]
        return [open_ring(ring.coords) for part in oriented for ring in (part.exterior, *part.interiors)]

    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Whether points (n,), m, lie inside or on the edge."""
        # intersects_xy, unlike contains_xy, counts the edge; preparing makes it fast for many points. A
        # prepared geometry may not be asked by two threads at once: GEOS builds its index meanwhile.
        with _ONE_THREAD:
            shapely.prepare(self.geometry)
            inside = shapely.intersects_xy(self.geometry, np.asarray(x, float), np.asarray(y, float))
        return np.asarray(inside)

    def distance_outside(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """How far points (n,), m, lie outside: distance to the area, m, zero inside."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        outside = ~self.contains(x, y)  # of an area of many corners far quicker than a distance
        distance = np.zeros(x.shape)
        # GEOS divides by the square of a side's length, also where exclusions have left one of next to no
        # length. Nothing is lost: the ends of such a side belong to its neighbours, too.
        with np.errstate(divide="ignore", invalid="ignore"):
            distance[outside] = shapely.distance(self.geometry, shapely.points(x[outside], y[outside]))
        return distance

    def grid(self, nx: int, ny: int) -> tuple[Floats, Floats]:
        """Grid points over the bounding box that lie inside or on the edge.

        Parameters
        ----------
        nx, ny : int
            Number of columns and rows, the edges of the bounding box included.

        Returns
        -------
        x, y : (n,) array
            m; row after row, from the lowest y and within a row from the lowest x.
        """
        x_min, y_min, x_max, y_max = self.bounds
        columns, rows = np.meshgrid(np.linspace(x_min, x_max, nx), np.linspace(y_min, y_max, ny))
        x, y = columns.ravel(), rows.ravel()
        inside = self.contains(x, y)
        return x[inside], y[inside]

    def most_turbines(self, spacing: Spacing) -> float:
        """Upper bound on the number of turbines that keep their distances.

        Oler's inequality (Acta Math. 105, 1961): the densest hexagonal packing
        over the surface, plus half a point per spacing along the edge, plus one
        per polygon.

        Parameters
        ----------
        spacing : Spacing
            Elliptic ones are plain on a map on which the longer axis is as short as the other.

        Returns
        -------
        float
            No layout has more turbines; one that comes near need not exist.
        """
        n_polygons = len(shapely.get_parts(self.geometry))
        scaled = self.geometry if spacing.is_plain else shapely.transform(self.geometry, spacing.scaled)
        hexagonal = 2 / np.sqrt(3) * scaled.area / spacing.least**2
        return float(hexagonal + scaled.length / (2 * spacing.least) + n_polygons)


def circle(centre: ArrayLike, radius: float, n_corners: int, *, within: bool) -> Floats:
    """Regular polygon in place of a circle.

    Parameters
    ----------
    centre : (2,) array
        m.
    radius : float
        m.
    n_corners : int
        Between a circle and its polygon lie at most 5 / n_corners^2 radii: 1.2 mm for 3 km and 3600 corners.
    within : bool
        Whether the polygon lies within the circle, its corners on it, or around it, its edges touching it.

    Returns
    -------
    (n_corners, 2) array
        m.
    """
    angle = 2 * np.pi * np.arange(n_corners) / n_corners
    corners = radius if within else radius / np.cos(np.pi / n_corners)
    return np.asarray(centre, float) + corners * np.column_stack([np.cos(angle), np.sin(angle)])


def open_ring(ring: ArrayLike) -> Floats:
    """Points (k, 2) of a ring, each once: without the first one at its end again, or repeated ones."""
    points = np.asarray(ring, dtype=float).reshape(-1, 2)
    with np.errstate(invalid="ignore"):  # of infinite ones, which are refused elsewhere
        side = np.abs(np.roll(points, -1, axis=0) - points).max(axis=1, initial=0.0)
    repeated = side <= _NO_LENGTH
    return points[:1] if repeated.all() else points[~repeated]


def ring_fault(ring: ArrayLike) -> str | None:
    """Say what keeps a ring of points (k, 2) from being a polygon, or None."""
    points = open_ring(ring)
    if len(points) < 3:
        return f"needs at least 3 points, has {len(points)}"
    if not np.isfinite(points).all():
        return "needs finite coordinates"
    polygon = Polygon(points)
    if polygon.is_valid:
        return None
    if shapely.LineString(points).convex_hull.area == 0:
        return f"encloses no area: its {len(points)} points lie on one line"
    reason = shapely.is_valid_reason(polygon)
    if place := re.search(r"self-intersection\[(\S+) (\S+)\]", reason, re.IGNORECASE):
        return f"must not cross or touch itself, does so at ({float(place[1]):.10g}, {float(place[2]):.10g})"
    return f"is no simple polygon: {reason}"


def overlapping(rings: Sequence[ArrayLike]) -> Iterator[tuple[int, int, float]]:
    """Yield pairs of valid rings that overlap: their indices and the shared surface, m2."""
    polygons = [Polygon(open_ring(ring)) for ring in rings]
    tree = shapely.STRtree(polygons)
    for i, polygon in enumerate(polygons):
        for j in sorted(int(j) for j in tree.query(polygon, predicate="intersects") if j > i):
            shared = polygon.intersection(polygons[j]).area
            # Neighbours that share an edge overlap by rounding alone.
            if shared > 1e-9 * min(polygon.area, polygons[j].area):
                yield i, j, float(shared)
