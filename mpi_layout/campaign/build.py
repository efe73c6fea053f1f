"""From sections of the file to the objects of the physics, in SI units."""

import math
from collections.abc import Sequence

from mpi_layout.campaign.schema import AreaSpec, Point, SeedRange, TurbineSpec
from mpi_layout.site.area import Area
from mpi_layout.site.turbine import Turbine, generic_turbine


def outlines(spec: AreaSpec) -> tuple[tuple[Point, ...], ...]:
    """Polygons of an area, however they were given."""
    return (spec.boundary_m,) if spec.boundary_m is not None else spec.polygons_m or ()


def area_of(spec: AreaSpec) -> Area:
    """Area of its section.

    Raises
    ------
    ValueError
        If its polygons enclose no sound area.
    """
    return Area.from_rings(spec.name, outlines(spec), spec.exclusions_m)


def turbine_of(spec: TurbineSpec) -> Turbine:
    """Turbine type of its section, in W and m."""
    return generic_turbine(
        spec.name,
        rated_power=spec.rated_power_MW * 1e6,
        rotor_diameter=spec.rotor_diameter_m,
        hub_height=spec.hub_height_m,
    )


def seed_numbers(seeds: SeedRange | Sequence[int]) -> Sequence[int]:
    """All seeds, however they were given."""
    return range(seeds.first, seeds.first + seeds.count) if isinstance(seeds, SeedRange) else seeds


def turbine_count(
    rated_power_MW: float, *, n_turbines: int | None = None, target_capacity_MW: float | None = None
) -> int:
    """Turbines of one layout: the given number, or as many as the capacity holds."""
    if n_turbines is not None:
        return n_turbines
    # A capacity of exactly n turbines holds n, whatever the division's rounding.
    return math.floor((target_capacity_MW or 0) / rated_power_MW + 1e-9)
