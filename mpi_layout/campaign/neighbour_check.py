"""What is wrong or odd in neighbours whose single values are well-formed.

Faults: those of their own turbine types (turbine_check.py), and distances that these are to keep; types that
the campaign does not have; files that are no sound layout; two turbines at the same place; coordinates of no
place on Earth; more turbines than a launch could handle.

Warnings: turbines inside an area, or closer to it than the spacing: layouts keep no distance from them.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from mpi_layout.campaign import turbine_check
from mpi_layout.campaign.neighbour_build import group_of, joined, positions_of
from mpi_layout.campaign.neighbour_spec import NeighbourSpec, ResultsRowSpec
from mpi_layout.campaign.parts import Parts
from mpi_layout.campaign.schema import FARTHEST, MOST_TURBINES
from mpi_layout.campaign.turbine_build import silent
from mpi_layout.campaign.turbine_spec import TurbineSpec
from mpi_layout.errors import InputError
from mpi_layout.formats.faults import Fault
from mpi_layout.formats.layouts import same_place
from mpi_layout.wake.farm import Neighbours


def faults(parts: Parts) -> Iterator[Fault]:
    """Yield every fault that single values do not show."""
    groups: dict[int, Neighbours] = {}
    for i, spec in parts.neighbours.items():
        try:
            own_type = _own_type(spec)
            type_faults = (
                [] if own_type is None else [*turbine_check.faults(own_type), *_no_spacing(own_type)]
            )
            yield from (Fault((*_place(i, spec), "turbine_type", *f.path), f.text) for f in type_faults)
            if not type_faults and (own_type is not None or parts.all_turbines_sound):
                groups[i] = _sound_group(spec, parts)
        except InputError as error:
            yield from (Fault(_place(i, spec), line) for line in str(error).splitlines())
    count = sum(group.x.size for group in groups.values())
    if count > MOST_TURBINES:
        yield Fault(("neighbours",), f"are {count:,} turbines, wants at most {MOST_TURBINES:,}")
    elif groups:
        yield from _same_place_faults(groups)


def warnings(parts: Parts) -> Iterator[Fault]:
    """Yield what is odd in neighbours without faults."""
    for i, spec in parts.neighbours.items():
        own_type = _own_type(spec)
        for warning in () if own_type is None else turbine_check.warnings(own_type):
            yield Fault((*_place(i, spec), "turbine_type", *warning.path), warning.text)
        odd: list[str] = []
        group = _sound_group(spec, parts, odd.append)
        for text in (*odd, *_near_areas(group, parts)):
            yield Fault(("neighbours", i), text)


def _own_type(spec: NeighbourSpec) -> TurbineSpec | None:
    """The turbine type that is given with the neighbours, if it is."""
    given = (positions_of(spec) if isinstance(spec, ResultsRowSpec) else spec).turbine_type
    return None if isinstance(given, str) else given


def _no_spacing(spec: TurbineSpec) -> Iterator[Fault]:
    if spec.min_spacing_D is not None:
        text = (
            "layouts keep no distance from neighbours; exclusions_m or exclusion_circles_m of the areas would"
        )
        yield Fault(("min_spacing_D",), text)


def _place(i: int, spec: NeighbourSpec) -> tuple[str | int, ...]:
    return ("neighbours", i, "results") if isinstance(spec, ResultsRowSpec) else ("neighbours", i)


def _sound_group(spec: NeighbourSpec, parts: Parts, warn: Callable[[str], None] = silent) -> Neighbours:
    group = group_of(spec, {turbine.name: turbine for turbine in parts.sound_turbines.values()}, warn)
    largest = float(max(np.abs(group.x).max(), np.abs(group.y).max()))
    if largest > FARTHEST:
        raise InputError(f"a turbine has a coordinate of {largest:g} m, wants at most {FARTHEST:g} m")
    return group


def _same_place_faults(groups: Mapping[int, Neighbours]) -> Iterator[Fault]:
    together = joined(groups.values())
    numbers = [(i, k) for i, group in groups.items() for k in range(group.x.size)]
    if pair := same_place(together.x, together.y):
        (i, k), (j, m) = (numbers[n] for n in pair)
        text = f"turbine {m}, counted from 0, stands at the same place as turbine {k} of neighbours[{i}]"
        yield Fault(("neighbours", j), text)


def _near_areas(group: Neighbours, parts: Parts) -> Iterator[str]:
    spacing = max((spacing.most for spacing in parts.spacings.values()), default=0.0)
    for area in parts.sound_areas.values():
        distance = area.distance_outside(group.x, group.y)
        near = np.flatnonzero((distance == 0) | (distance < spacing))
        if not near.size:
            continue
        k = int(near[np.argmin(distance[near])])
        where = f"{distance[k]:.0f} m from" if distance[k] else "inside"
        others = f" ({near.size - 1} more are within {spacing:g} m of it)" if near.size > 1 else ""
        yield (
            f"turbine {k}, counted from 0, stands {where} area {area.name}{others}: layouts keep no distance "
            "from neighbours; exclusions_m or exclusion_circles_m of the area would"
        )
