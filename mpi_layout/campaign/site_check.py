"""What is wrong or odd in a site whose single values are well-formed.

Faults: lists that differ in length; sectors that do not cover the circle from 0 in equal steps;
directions outside 0-360 degrees or not increasing; wind speeds that do not increase; probabilities
that are negative or whose sum is off by more than 0.05; turbulence intensity outside 0.01-0.4, or
in a time series outside 0.001-1; a time series without it; a shear exponent without the height
that it counts from; a resolution that the site cannot have, or of too many flow cases.

Warnings: a sum of probabilities off by more than 0.001; Weibull scales outside 1-25 m/s or shapes
outside 1-5; in a time series of windIO turbulence intensity outside 0.001-1.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from mpi_layout.campaign.site_build import flow_resolution, site_of, steps_of
from mpi_layout.campaign.site_spec import (
    FlowCasesSpec,
    SeriesSpec,
    SiteFileSpec,
    SiteSpec,
    StepsFileSpec,
    TableSpec,
    WeibullSpec,
)
from mpi_layout.errors import InputError
from mpi_layout.formats.faults import Fault
from mpi_layout.formats.wind_csv import Steps
from mpi_layout.site.bins import evenly_covers_circle
from mpi_layout.site.flaws import (
    STEP_TURBULENCE_INTENSITY,
    Flaw,
    direction_flaws,
    increase_flaws,
    probability_flaws,
    speed_flaws,
    turbulence_flaws,
    turn_flaws,
)
from mpi_layout.site.series import SeriesSite, weight_flaws
from mpi_layout.site.table import TableSite
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.site.wind import ALL_DIRECTIONS, ALL_SPEEDS, Floats, Site

MOST_FLOW_CASES = 1_000_000


def faults(site: SiteSpec) -> Iterator[Fault]:
    """Every fault that single values do not show."""
    if isinstance(site, SiteFileSpec):
        yield from _file_faults(site)
        return
    if (site.shear_exponent is None) != (site.reference_height_m is None):
        key = "shear_exponent" if site.shear_exponent is None else "reference_height_m"
        yield Fault(("site", key), "is missing: shear_exponent and reference_height_m belong together")
    if isinstance(site, SeriesSpec):
        yield from _series_faults(site)
        return
    yield from _faults("turbulence_intensity", turbulence_flaws(site.turbulence_intensity))
    yield from _length_faults(site, "turbulence_intensity")
    table_faults = list(_table_faults(site) if isinstance(site, TableSpec) else _sector_faults(site))
    yield from table_faults
    if not table_faults and site.flow_cases is not None:
        yield from _resolution_faults(site, site.flow_cases)


def _file_faults(site: SiteFileSpec) -> Iterator[Fault]:
    if site.turbulence_intensity is not None:
        yield from _faults("turbulence_intensity", turbulence_flaws(site.turbulence_intensity))
    try:
        site_of(site)
    except InputError as error:
        yield from (Fault(("site", "file"), line) for line in str(error).splitlines())


def warnings(spec: SiteSpec, site: Site) -> Iterator[Fault]:
    """Everything odd in a section without faults and the wind that it gives."""
    if isinstance(spec, SiteFileSpec):
        for odd in _odd(site, "weibull_a"):
            _, *path = odd.path
            yield Fault(("site", "file"), f"{spec.file.name}: {Fault(('wind_resource', *path), odd.text)}")
    elif not isinstance(spec, SeriesSpec):  # whose steps have limits
        yield from _odd(site, "weibull_a_m_s")


def _faults(key: str, flaws: Iterable[Flaw]) -> Iterator[Fault]:
    return (Fault(("site", key, *place), text) for place, text in flaws)


def _length_faults(site: WeibullSpec | TableSpec, *keys: str) -> Iterator[Fault]:
    n_directions = len(site.wind_direction_deg)
    for key in keys:
        values = getattr(site, key)
        if isinstance(values, tuple) and len(values) != n_directions:
            yield Fault(("site", key), f"has {len(values)} values, wind_direction_deg has {n_directions}")


# ---------------------------------------------------------------- Weibull sectors


def _sector_faults(site: WeibullSpec) -> Iterator[Fault]:
    yield from _circle_faults(site)
    yield from _faults("sector_probability", probability_flaws(site.sector_probability))


def _circle_faults(site: WeibullSpec) -> Iterator[Fault]:
    path, directions = ("site", "wind_direction_deg"), site.wind_direction_deg
    if directions[-1] == 360:
        yield Fault(path, "wants no 360: it is the sector at 0")
        return
    yield from _length_faults(site, "weibull_a_m_s", "weibull_k", "sector_probability")
    n_sectors = len(directions)
    step = 360 / n_sectors
    if not np.allclose(directions, np.arange(n_sectors) * step, rtol=0, atol=1e-6):
        found = ", ".join(f"{direction:g}" for direction in directions[:20])
        yield Fault(path, f"wants {n_sectors} directions from 0 in steps of {step:g} degrees, has {found}")


def _sum_warnings(key: str, total: float) -> Iterator[Fault]:
    if abs(total - 1) > 1e-3:
        text = f"sums to {total:.6g} instead of 1, used as given: every AEP is off by this factor"
        yield Fault(("site", key), text)


def _unusual(key: str, values: Floats, low: float, high: float, unit: str = "") -> Iterator[Fault]:
    for i, value in enumerate(values):
        if not low <= value <= high:
            text = f"{value:g}{unit} is unusual, expected {low:g} to {high:g}{unit}"
            yield Fault(("site", key, i), text)


def _odd(site: Site, key_a: str) -> Iterator[Fault]:
    if isinstance(site, WeibullSite):
        yield from _sum_warnings("sector_probability", math.fsum(site.sector_probability))
        yield from _unusual(key_a, site.weibull_a, 1.0, 25.0, " m/s")
        yield from _unusual("weibull_k", site.weibull_k, 1.0, 5.0)
    elif isinstance(site, TableSite):
        yield from _sum_warnings("probability", math.fsum(site.probability.ravel()))
    elif isinstance(site, SeriesSite):
        steps = turbulence_flaws(site.turbulence_intensity, STEP_TURBULENCE_INTENSITY)
        yield from _faults("turbulence_intensity", steps)


# ---------------------------------------------------------------- table


def _table_faults(site: TableSpec) -> Iterator[Fault]:
    yield from _faults("wind_direction_deg", turn_flaws(site.wind_direction_deg))
    yield from _faults("wind_speed_m_s", increase_flaws(site.wind_speed_m_s))
    lengths = [*_length_faults(site, "probability", "sector_probability"), *_row_faults(site)]
    yield from lengths or _table_probability_faults(site)


def _row_faults(site: TableSpec) -> Iterator[Fault]:
    n_speeds = len(site.wind_speed_m_s)
    for i, row in enumerate(site.probability):
        if len(row) != n_speeds:
            text = f"has {len(row)} values, wind_speed_m_s has {n_speeds}"
            yield Fault(("site", "probability", i), text)
            return


def _table_probability_faults(site: TableSpec) -> Iterator[Fault]:
    if site.sector_probability is None:
        yield from _faults("probability", probability_flaws(site.probability))
        return
    yield from _faults("sector_probability", probability_flaws(site.sector_probability))
    for i, row in enumerate(site.probability):
        if flaws := [((i, *place), text) for place, text in probability_flaws(row)]:
            yield from _faults("probability", flaws)
            return


# ---------------------------------------------------------------- resolution


def _resolution_faults(site: WeibullSpec | TableSpec, wanted: FlowCasesSpec) -> Iterator[Fault]:
    own_directions, own_speeds = ALL_DIRECTIONS.size, ALL_SPEEDS.size
    if is_table := isinstance(site, TableSpec):
        own_directions, own_speeds = len(site.wind_direction_deg), len(site.wind_speed_m_s)
    path, step = ("site", "flow_cases"), wanted.direction_step_deg
    directions, speeds = flow_resolution(wanted)
    if step is not None and abs(step * round(360 / step) - 360) > 1e-9 * 360:
        yield Fault((*path, "direction_step_deg"), f"wants a whole part of 360 degrees, has {step:g}")
    elif step is not None and is_table and not evenly_covers_circle(site.wind_direction_deg):
        text = "wants a table whose directions cover the circle in equal steps"
        yield Fault((*path, "direction_step_deg"), text)
    if speeds is not None:
        yield from _speed_faults(speeds, one_speed=own_speeds == 1)
    n_directions = own_directions if directions is None else directions.size
    n_cases = n_directions * (own_speeds if speeds is None else speeds.size)
    if n_cases > MOST_FLOW_CASES:
        yield Fault(path, f"makes {n_cases:,} flow cases, wants at most {MOST_FLOW_CASES:,}")


def _speed_faults(speeds: Floats, *, one_speed: bool) -> Iterator[Fault]:
    path = ("site", "flow_cases", "wind_speeds_m_s")
    if one_speed:
        yield Fault(path, "wants a table of more than one wind speed")
    elif not speeds.size:
        yield Fault(path, "makes no wind speed: first is larger than last")
    for place, text in increase_flaws(speeds):
        yield Fault((*path, *place), text)


# ---------------------------------------------------------------- time series


def _series_faults(site: SeriesSpec) -> Iterator[Fault]:
    series, constant = site.time_series, site.turbulence_intensity
    try:
        steps = steps_of(series)
    except InputError as error:
        for line in str(error).splitlines():
            yield Fault(("site", "time_series", "file"), line)
        return
    if constant is not None:
        yield from _faults("turbulence_intensity", turbulence_flaws(constant))
    if (constant is None) != ("turbulence_intensity" in steps.values):
        which = "neither" if constant is None else "both"
        text = f"wants one for all steps, or one of each in the time series; has {which}"
        yield Fault(("site", "turbulence_intensity"), text)
    n_steps = steps.values["wind_direction_deg"].size
    for key, values in steps.values.items():
        if values.size != n_steps:
            text = f"has {values.size} values, wind_direction_deg has {n_steps}"
            yield Fault(("site", "time_series", key), text)
    for key, (place, text) in _step_flaws(steps):
        if isinstance(series, StepsFileSpec):
            where = f"line {steps.line[place[0]]}: " if place else ""
            column = getattr(series.columns, key) or key
            yield Fault(("site", "time_series", "file"), f"{series.file.name}: {where}{column} {text}")
        else:
            yield Fault(("site", "time_series", key, *place), text)


def _step_flaws(steps: Steps) -> Iterator[tuple[str, Flaw]]:
    check = {
        "wind_direction_deg": direction_flaws,
        "wind_speed_m_s": speed_flaws,
        "turbulence_intensity": lambda values: turbulence_flaws(values, STEP_TURBULENCE_INTENSITY),
        "weight": weight_flaws,
    }
    for key, values in steps.values.items():
        for flaw in check[key](values):
            yield key, flaw
