"""Layouts on the map: GeoJSON as RFC 7946 wants it, longitude and latitude in degrees, WGS 84.

Turbines are points; areas, what is excluded of them and turbines of neighbours come along. A feature a line,
so that text tools work on the file too.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.polygon import orient

from mpi_layout.campaign import Config
from mpi_layout.campaign.build import exclusions
from mpi_layout.campaign.campaign import Campaign
from mpi_layout.exports.crs import Projection
from mpi_layout.results.layouts import layout_of
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Selection
from mpi_layout.results.written import written

Floats = NDArray[np.float64]

_DIGITS = 9  # of degrees: 0.1 mm
# Edges are straight on the map of the campaign and have to be so in degrees: over 30 km at 56 degrees north
# the two lie 26 m apart, over 1 km 3 cm.
_LONGEST_EDGE = 1000.0  # m


@dataclass
class Extent:
    """What was written, and where it lies.

    Attributes
    ----------
    n_configs : int
        Layouts.
    lowest, highest : (2,) array
        Longitude and latitude, degrees.
    """

    n_configs: int = 0
    lowest: Floats = field(default_factory=lambda: np.full(2, np.inf))
    highest: Floats = field(default_factory=lambda: np.full(2, -np.inf))

    def add(self, lon_lat: Floats) -> None:
        """Take points (n, 2) in."""
        self.lowest = np.minimum(self.lowest, lon_lat.min(axis=0))
        self.highest = np.maximum(self.highest, lon_lat.max(axis=0))

    @property
    def corners(self) -> Floats:
        """Its lowest and its highest corner (2, 2)."""
        return np.array([self.lowest, self.highest])

    def __str__(self) -> str:
        """Say where it lies in words."""
        (west, south), (east, north) = self.lowest, self.highest
        return f"longitude {west:.2f} to {east:.2f}, latitude {south:.2f} to {north:.2f} degrees"


def export_geojson(
    results: Results, target: Path, selection: Selection, projection: Projection, *, force: bool = False
) -> Extent:
    """Write the turbines of the chosen layouts, and the areas that they stand in.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    target : Path
        The file; "-" is standard output.
    selection : Selection
        Of configs that are done.
    projection : Projection
        What x and y of the campaign are.
    force : bool
        Whether to replace an existing file.

    Raises
    ------
    InputError
        If no config is chosen, the campaign in the file is damaged, a place lies nowhere on Earth, or the
        file cannot be written; an existing file stays as it is then.
    """
    rows, extent = selection.rows(results), Extent()
    with written(target, force=force) as file:
        head = {"type": "FeatureCollection", "name": results.campaign.name}
        file.write(f'{json.dumps(head)[:-1]}, "features": [')
        separator = "\n"
        for feature in _features(results, rows, projection, extent):
            file.write(separator + json.dumps(feature, allow_nan=False))
            separator = ",\n"
        file.write("\n]}\n")
    return extent


def _features(
    results: Results, rows: Iterable[tuple[Config, np.void]], projection: Projection, extent: Extent
) -> Iterator[dict[str, Any]]:
    campaign, seen = results.campaign, set[str]()
    if campaign.neighbours is not None:
        yield from _neighbours(campaign, projection, extent)
    for config, row in rows:
        if config.area not in seen:
            seen.add(config.area)
            yield from _area(campaign, config, projection, extent)
        extent.n_configs += 1
        yield from _turbines(campaign, config, row, str(results.path), projection, extent)


def _turbines(
    campaign: Campaign, config: Config, row: np.void, source: str, projection: Projection, extent: Extent
) -> Iterator[dict[str, Any]]:
    layout = layout_of(config, row, source)
    places = projection.lon_lat(np.column_stack([layout.x, layout.y]))
    extent.add(places)
    aep = np.array(row["turbine_aep"][: config.n_turbines], float)
    with np.errstate(all="ignore"):  # no wind, or a forged row
        wake_loss = 1 - aep * config.n_turbines / row["gross_aep"]
    about = {
        "feature": "turbine",
        "config": config.key,
        "area": config.area,
        "turbine_type": config.turbine_type,
        "seed": config.seed,
        "rated_power_MW": config.rated_power / 1e6,
        "rotor_diameter_m": config.rotor_diameter,
        "hub_height_m": campaign.problem(config.number).turbine.hub_height,
    }
    columns = (layout.x, layout.y, aep, wake_loss)
    for turbine, (place, *values) in enumerate(
        zip(places.round(_DIGITS).tolist(), *(column.tolist() for column in columns), strict=True)
    ):
        x, y, energy, loss = values
        figures = {
            "turbine": turbine,
            "aep_GWh": _plain(energy),
            "wake_loss": _plain(loss),
            "x_m": x,
            "y_m": y,
        }
        yield _feature("Point", place, about | figures)


def _plain(value: float) -> float | None:
    """Give a number that JSON knows."""
    return value if math.isfinite(value) else None


def _neighbours(campaign: Campaign, projection: Projection, extent: Extent) -> Iterator[dict[str, Any]]:
    neighbours = campaign.problem(0).neighbours
    if neighbours is None:
        return
    places = projection.lon_lat(np.column_stack([neighbours.x, neighbours.y]))
    extent.add(places)
    for place in places.round(_DIGITS).tolist():
        yield _feature("Point", place, {"feature": "neighbour"})


def _area(
    campaign: Campaign, config: Config, projection: Projection, extent: Extent
) -> Iterator[dict[str, Any]]:
    """Yield where turbines may stand, and what is cut out of it."""
    (spec,) = (spec for spec in campaign.areas if spec.name == config.area)
    about: dict[str, Any] = {"feature": "area", "area": spec.name}
    if spec.description is not None:
        about["description"] = spec.description
    geometry = campaign.problem(config.number).area.geometry
    yield _polygons(geometry, about | {"surface_km2": geometry.area / 1e6}, projection, extent)
    if rings := exclusions(spec):
        excluded = shapely.union_all([shapely.Polygon(ring) for ring in rings])
        yield _polygons(excluded, {"feature": "exclusion", "area": spec.name}, projection, extent)


def _polygons(
    geometry: shapely.Polygon | shapely.MultiPolygon,
    properties: dict[str, Any],
    projection: Projection,
    extent: Extent,
) -> dict[str, Any]:
    dense = shapely.segmentize(geometry, _LONGEST_EDGE)
    extent.add(projection.lon_lat(shapely.get_coordinates(dense)))
    there = shapely.transform(dense, lambda points: projection.lon_lat(points).round(_DIGITS))
    # Outlines run counterclockwise, holes clockwise.
    parts = [shapely.geometry.mapping(orient(part))["coordinates"] for part in shapely.get_parts(there)]
    if len(parts) == 1:
        return _feature("Polygon", parts[0], properties)
    return _feature("MultiPolygon", parts, properties)


def _feature(kind: str, coordinates: Any, properties: dict[str, Any]) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}
