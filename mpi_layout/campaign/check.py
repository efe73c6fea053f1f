"""What is wrong or odd in a campaign whose single values are well-formed.

Faults stop the campaign; warnings are shown and the campaign runs.

Faults: polygons that are none or overlap; areas of which nothing is left; names,
seeds or config keys given twice; not exactly one of n_turbines and
target_capacity_MW; a gross capacity factor outside 5-70 % in Weibull sectors; more turbines
than the densest packing fits into an area; layouts to start from that are not the
campaign's only farm's; more areas, types, configs, turbines or candidate points than a
launch could handle; a wind without turbulence for a wake model that needs it; and
those of turbine types (turbine_check.py), site (site_check.py) and neighbours
(neighbour_check.py).

Warnings: a start grid with fewer points inside an area than turbines (those
configs fail, the others run; with refinement the turbines that are left start
anywhere); an area filled beyond half the densest packing (a start seldom finds
room for all); such a capacity factor at another site; and those of
turbine types, site and neighbours.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mpi_layout.campaign import neighbour_check, objective_check, site_check, turbine_check
from mpi_layout.campaign.build import outlines, seed_numbers
from mpi_layout.campaign.parts import Parts
from mpi_layout.campaign.schema import LARGEST_SEED, MOST_TURBINES, OUTLINES, AreaSpec, SeedRange
from mpi_layout.campaign.site_build import site_of
from mpi_layout.campaign.spacing_spec import spacing_text
from mpi_layout.campaign.turbine_spec import TurbineSpec
from mpi_layout.formats.faults import Fault, Path
from mpi_layout.optimise.refinement import NO_REFINEMENT
from mpi_layout.site.area import overlapping, ring_fault
from mpi_layout.site.turbine import Turbine
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.site.wind import Site

CAPACITY_FACTOR = (0.05, 0.70)

MOST_KINDS = 100_000  # pairs of an area and a turbine type
MOST_CONFIGS = 100_000_000
MOST_CANDIDATES = 1_000_000  # points of the start grid
_MOST_OVERLAPS = 20  # named of one area


def faults(parts: Parts) -> list[Fault]:
    """Every fault that single values do not show."""
    if found := list(_size_faults(parts)):
        return found  # the others would take long
    for i, area in parts.areas.items():
        ring_faults = list(_ring_faults(i, area))
        found += ring_faults or _polygon_faults(i, area, whole=i in parts.sound_areas)
    found += _repeated_names("areas", parts.areas)
    found += _repeated_names("turbine_types", parts.turbine_types)
    found += _repeated_keys(parts)
    for turbine_faults in parts.turbine_faults.values():
        found += turbine_faults
    found += _seed_faults(parts)
    found += _count_faults(parts)
    found += _room_faults(parts)
    found += _given_faults(parts)
    found += neighbour_check.faults(parts)
    site = None
    if parts.site is not None:
        site_faults = list(site_check.faults(parts.site))
        found += site_faults
        if not site_faults:
            site = site_of(parts.site)
            found += _calm_faults(parts, site)
            found += _capacity_factors(parts, site) if isinstance(site, WeibullSite) else ()
    found += objective_check.faults(parts.objective, parts.site, site)
    return found


def _size_faults(parts: Parts) -> Iterator[Fault]:
    """More than a launch could handle, or the checks that follow."""
    n_seeds = 0 if parts.seeds is None else len(seed_numbers(parts.seeds))
    n_kinds = len(parts.areas) * len(parts.turbine_types)
    if n_kinds > MOST_KINDS:
        text = f"make {n_kinds:,} pairs with the turbine types, wants at most {MOST_KINDS:,}"
        yield Fault(("areas",), text)
    if n_kinds * n_seeds > MOST_CONFIGS:
        yield Fault(("seeds",), f"make {n_kinds * n_seeds:,} configs, wants at most {MOST_CONFIGS:,}")
    if parts.start is not None and math.prod(parts.start.grid) > MOST_CANDIDATES:
        n_points = math.prod(parts.start.grid)
        yield Fault(("start", "grid"), f"makes {n_points:,} points, wants at most {MOST_CANDIDATES:,}")
    for i, count in parts.counts.items():
        if count > MOST_TURBINES:
            text = f"makes {count:,} turbines of turbine_types[{i}], wants at most {MOST_TURBINES:,}"
            yield Fault(("target_capacity_MW",), text)


def warnings(parts: Parts) -> list[Fault]:
    """Everything odd in a campaign without faults."""
    found = [*_room_warnings(parts), *_turbine_warnings(parts), *neighbour_check.warnings(parts)]
    if parts.refine is not None:
        found += objective_check.warnings(parts.objective, parts.refine.function)
    if parts.site is not None:
        site = site_of(parts.site)
        found += site_check.warnings(parts.site, site)
        if not isinstance(site, WeibullSite):
            # A table of one wind speed, or a time series of a storm, is no climate and need not be one.
            found += _capacity_factors(parts, site)
    return found


# ---------------------------------------------------------------- areas


def _ring_faults(i: int, area: AreaSpec) -> Iterator[Fault]:
    given = [key for key in OUTLINES if getattr(area, key) is not None]
    if len(given) > 1:
        yield Fault(("areas", i), f"wants one of {', '.join(OUTLINES)}, has {' and '.join(given)}")
    elif not given:
        text = "needs boundary_m (one polygon), polygons_m (several) or circle_m, has none of them"
        yield Fault(("areas", i), text)
    for path, ring in _rings(area):
        if fault := ring_fault(ring):
            yield Fault(("areas", i, *path), fault)


def _rings(area: AreaSpec) -> Iterator[tuple[Path, Sequence[tuple[float, float]]]]:
    if area.boundary_m is not None:
        yield ("boundary_m",), area.boundary_m
    for key, rings in (("polygons_m", area.polygons_m or ()), ("exclusions_m", area.exclusions_m)):
        for k, ring in enumerate(rings):
            yield (key, k), ring


def _polygon_faults(i: int, area: AreaSpec, *, whole: bool) -> Iterator[Fault]:
    overlaps = list(itertools.islice(overlapping(outlines(area)), _MOST_OVERLAPS))
    for first, second, surface in overlaps:
        yield Fault(("areas", i, "polygons_m", second), f"overlaps polygons_m[{first}] by {surface:g} m2")
    if not overlaps and not whole:
        key = "exclusions_m" if area.exclusions_m else "exclusion_circles_m"
        yield Fault(("areas", i, key), "leave nothing of the area")


# ---------------------------------------------------------------- names, seeds, numbers


def _repeated_names(key: str, specs: Mapping[int, AreaSpec] | Mapping[int, TurbineSpec]) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for i, spec in specs.items():
        if spec.name in first:
            yield Fault((key, i, "name"), f"{spec.name!r} is already the name of {key}[{first[spec.name]}]")
        first.setdefault(spec.name, i)


def _repeated_keys(parts: Parts) -> Iterator[Fault]:
    """Different names may join to the same key: a_b + c and a + b_c."""
    first: dict[str, tuple[int, int]] = {}
    for i, area in parts.areas.items():
        for j, turbine in parts.turbine_types.items():
            key = f"{area.name}_{turbine.name}"
            k, m = first.setdefault(key, (i, j))
            if k != i and m != j:
                other = f"areas[{k}] with turbine_types[{m}]"
                text = f"with turbine_types[{j}] makes the same keys, {key}_s..., as {other}"
                yield Fault(("areas", i, "name"), text)


def _seed_faults(parts: Parts) -> Iterator[Fault]:
    if isinstance(parts.seeds, SeedRange):
        last = seed_numbers(parts.seeds)[-1]
        if last > LARGEST_SEED:
            yield Fault(("seeds",), f"the last seed must be at most {LARGEST_SEED}, is {last}")
        return
    first: dict[int, int] = {}
    for i, seed in enumerate(parts.seeds or ()):
        if first.setdefault(seed, i) != i:
            yield Fault(("seeds", i), f"seed {seed} is already seeds[{first[seed]}]")


def _count_faults(parts: Parts) -> Iterator[Fault]:
    given = parts.given & {"n_turbines", "target_capacity_MW"}
    if len(given) == 2:
        yield Fault(("n_turbines",), "wants n_turbines or target_capacity_MW, has both")
    elif not given:
        yield Fault(("n_turbines",), "is missing: n_turbines or target_capacity_MW")
    for i, count in parts.counts.items():
        if count < 1:
            rated_MW = parts.sound_turbines[i].rated_power / 1e6
            text = (
                f"{parts.target_capacity_MW:g} MW is less than one turbine of turbine_types[{i}], "
                f"{rated_MW:g} MW"
            )
            yield Fault(("target_capacity_MW",), text)


def _given_faults(parts: Parts) -> Iterator[Fault]:
    """Layouts to start from that are not those of the campaign's only farm."""
    layouts = parts.start.layouts_m if parts.start is not None else None
    if layouts is None:
        return
    if len(parts.areas) * parts.n_turbine_types > 1:
        yield Fault(("start", "layouts_m"), "wants a campaign with one area and one turbine type")
    for count in set(parts.counts.values()):
        for i, layout in enumerate(layouts):
            if len(layout) != count:
                text = f"has {len(layout)} turbines, wants {count} as all layouts of the campaign have"
                yield Fault(("start", "layouts_m", i), text)


def _calm_faults(parts: Parts, site: Site) -> Iterator[Fault]:
    """A wind without turbulence, where the wake model cannot work with it."""
    wake = parts.wake
    if wake is None or not wake.made().law.needs_turbulence:
        return
    if not np.min(site.flow_cases().turbulence_intensity) > 0:
        text = "needs a turbulence intensity above 0, the site has flow cases with 0"
        yield Fault(("wake", "model"), f"{wake.model} {text}")


# ---------------------------------------------------------------- turbine types


def _turbine_warnings(parts: Parts) -> Iterator[Fault]:
    for i, spec in parts.turbine_types.items():
        for warning in turbine_check.warnings(spec):
            yield Fault(("turbine_types", i, *warning.path), warning.text)


def _capacity_factors(parts: Parts, site: Site) -> Iterator[Fault]:
    """Turbine types whose gross capacity factor would be strange for a wind climate."""
    for i, turbine in parts.sound_turbines.items():
        factor = _capacity_factor(turbine.at_air_density(site.air_density), site)
        if not _within(factor, CAPACITY_FACTOR):
            low, high = CAPACITY_FACTOR
            text = (
                f"a single turbine has a gross capacity factor of {100 * factor:.3g} % at this site, "
                f"wants {100 * low:g} to {100 * high:g} %; check the site and the turbine"
            )
            yield Fault(("turbine_types", i), text)


def _capacity_factor(turbine: Turbine, site: Site) -> float:
    cases = site.flow_cases()
    _, speed, _, probability = cases.by_direction()
    power = turbine.power_at(speed * cases.speed_factor(turbine.hub_height))
    return float((probability * power).sum() / turbine.rated_power)


# ---------------------------------------------------------------- room in the areas


def _fullness(parts: Parts) -> Iterator[tuple[int, int, float]]:
    """Yield area, its fullest turbine type, and the most turbines that fit."""
    for i, area in parts.sound_areas.items():
        most = {j: area.most_turbines(parts.spacings[j]) for j in parts.counts if j in parts.spacings}
        if most:
            j = max(most, key=lambda j: parts.counts[j] / most[j])
            yield i, j, most[j]


def _room_faults(parts: Parts) -> Iterator[Fault]:
    for i, j, most in _fullness(parts):
        if parts.counts[j] > most + 1e-9:
            x_min, y_min, x_max, y_max = parts.sound_areas[i].bounds
            text = f"is too small for {_asked(parts, j)}: at most {math.floor(most + 1e-9)} fit"
            if max(x_max - x_min, y_max - y_min) < 1000:
                text += "; are the coordinates degrees or km instead of m?"
            yield Fault(("areas", i), text)


def _room_warnings(parts: Parts) -> Iterator[Fault]:
    for i, j, most in _fullness(parts):
        share = parts.counts[j] / most
        if share > 0.5:
            text = f"is filled to {100 * share:.0f} % of the densest packing by {_asked(parts, j)}"
            yield Fault(("areas", i), text)
    for i, area in parts.sound_areas.items():
        if parts.start is None:
            continue
        n_points = area.grid(*parts.start.grid)[0].size
        short = [parts.turbine_types[j].name for j, count in parts.counts.items() if count > n_points]
        if short:
            columns, rows = parts.start.grid
            fate = "these configs will fail" if parts.refine == NO_REFINEMENT else "the others start anywhere"
            text = (
                f"the start grid of {columns} x {rows} has {n_points} points inside, fewer than the turbines "
                f"of type {', '.join(short)}: {fate}"
            )
            yield Fault(("areas", i), text)


def _asked(parts: Parts, j: int) -> str:
    return (
        f"{parts.counts[j]} turbines of type {parts.turbine_types[j].name} "
        f"at {spacing_text(parts.spacings_D[j])} = {parts.spacings[j]}"
    )


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
