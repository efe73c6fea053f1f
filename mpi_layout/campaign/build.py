"""From sections of the file to the objects of the physics, in SI units."""

import math
from collections.abc import Sequence

from numpy.typing import ArrayLike

from mpi_layout.campaign.schema import AreaSpec, SeedRange
from mpi_layout.site.area import Area, circle

CIRCLE_CORNERS = 3600
EXCLUSION_CORNERS = 360  # there may be a thousand of them


def outlines(spec: AreaSpec) -> tuple[ArrayLike, ...]:
    """Polygons of an area, however they were given."""
    if spec.circle_m is not None:
        return (circle(spec.circle_m.centre, spec.circle_m.radius, CIRCLE_CORNERS, within=True),)
    return (spec.boundary_m,) if spec.boundary_m is not None else spec.polygons_m or ()


def exclusions(spec: AreaSpec) -> tuple[ArrayLike, ...]:
    """Polygons in which no turbine may stand."""
    circles = spec.exclusion_circles_m or ()
    return (
        *spec.exclusions_m,
        *(circle(each.centre, each.radius, EXCLUSION_CORNERS, within=False) for each in circles),
    )


def area_of(spec: AreaSpec) -> Area:
    """Area of its section.

    Raises
    ------
    ValueError
        If its polygons enclose no sound area.
    """
    return Area.from_rings(spec.name, outlines(spec), exclusions(spec))


def seed_numbers(seeds: SeedRange | Sequence[int]) -> Sequence[int]:
    """All seeds, however they were given."""
    return range(seeds.first, seeds.first + seeds.count) if isinstance(seeds, SeedRange) else seeds


def turbine_count(
    rated_power: float, *, n_turbines: int | None = None, target_capacity_MW: float | None = None
) -> int:
    """Turbines of one layout: the given number, or as many of a rated power, W, as the capacity holds."""
    if n_turbines is not None:
        return n_turbines
    # A capacity of exactly n turbines holds n, whatever the division's rounding.
    return math.floor((target_capacity_MW or 0) * 1e6 / rated_power + 1e-9)
