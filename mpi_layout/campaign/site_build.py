"""From the site section of the file to a site, in SI units."""

import math
from typing import Any

import numpy as np

from mpi_layout.campaign.site_spec import (
    FlowCasesSpec,
    SeriesSpec,
    SiteFileSpec,
    SiteSpec,
    SpeedRange,
    StepsFileSpec,
    StepsSpec,
    TableSpec,
    WeibullSpec,
)
from mpi_layout.formats.wind_csv import Steps, read_wind_csv
from mpi_layout.formats.windio_site import read_windio_site
from mpi_layout.site.series import SeriesSite
from mpi_layout.site.table import TableSite
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.site.wind import ALL_DIRECTIONS, ALL_SPEEDS, Floats, Site


def site_of(spec: SiteSpec) -> Site:
    """Wind of its section, which has no fault.

    Raises
    ------
    InputError
        Of a file with a fault.
    """
    if isinstance(spec, SiteFileSpec):
        return read_windio_site(
            spec.file.content, spec.file.name, turbulence_intensity=spec.turbulence_intensity
        )
    if isinstance(spec, SeriesSpec):
        return _series_site(spec)
    return _table_site(spec) if isinstance(spec, TableSpec) else _weibull_site(spec)


def _weibull_site(spec: WeibullSpec) -> WeibullSite:
    directions, speeds = flow_resolution(spec.flow_cases)
    return WeibullSite(
        direction=np.array(spec.wind_direction_deg),
        weibull_a=np.array(spec.weibull_a_m_s),
        weibull_k=np.array(spec.weibull_k),
        sector_probability=np.array(spec.sector_probability),
        turbulence_intensity=_turbulence(spec.turbulence_intensity),
        lookup=spec.lookup,
        flow_direction=ALL_DIRECTIONS if directions is None else directions,
        flow_speed=ALL_SPEEDS if speeds is None else speeds,
        **_air(spec),
    )


def _table_site(spec: TableSpec) -> TableSite:
    directions, speeds = flow_resolution(spec.flow_cases)
    turbulence = _turbulence(spec.turbulence_intensity)
    return TableSite(
        direction=np.array(spec.wind_direction_deg),
        speed=np.array(spec.wind_speed_m_s),
        probability=_probabilities(spec),
        turbulence_intensity=turbulence[:, None] if isinstance(turbulence, np.ndarray) else turbulence,
        lookup=spec.lookup,
        flow_direction=directions,
        flow_speed=speeds,
        **_air(spec),
    )


def _probabilities(spec: TableSpec) -> Floats:
    """Probabilities (n_directions, n_speeds) of a table, whether or not those of a direction sum to one."""
    probability = np.array(spec.probability)
    if spec.sector_probability is None:
        return probability
    return probability * np.array(spec.sector_probability)[:, None]


def _series_site(spec: SeriesSpec) -> SeriesSite:
    values = steps_of(spec.time_series).values
    turbulence = values.get("turbulence_intensity")
    if turbulence is None:
        turbulence = np.asarray(spec.turbulence_intensity)
    return SeriesSite(
        direction=values["wind_direction_deg"],
        speed=values["wind_speed_m_s"],
        turbulence_intensity=turbulence,
        weight=values.get("weight"),
        **_air(spec),
    )


def steps_of(spec: StepsSpec | StepsFileSpec, *, price: str | None = None) -> Steps:
    """Time series of its section; of a file also its column `price`, under this name, if it is called for.

    Raises
    ------
    InputError
        If it is in a file that has faults.
    """
    if isinstance(spec, StepsSpec):
        values = {key: np.array(column) for key, column in spec.model_dump(exclude_none=True).items()}
        return Steps(values, np.arange(1, len(spec.wind_direction_deg) + 1))
    named = spec.columns.model_dump()
    return read_wind_csv(
        spec.file.content,
        spec.file.name,
        columns={key: name or key for key, name in named.items()} | ({"price": price} if price else {}),
        optional=[key for key in ("turbulence_intensity", "weight") if named[key] is None],
        skip_missing=spec.missing == "skip",
    )


def flow_resolution(spec: FlowCasesSpec | None) -> tuple[Floats | None, Floats | None]:
    """Directions, degrees, and speeds, m/s, that are asked for; None where nothing is."""
    if spec is None:
        return None, None
    step, speeds = spec.direction_step_deg, spec.wind_speeds_m_s
    directions = None if step is None else step * np.arange(round(360 / step), dtype=float)
    if isinstance(speeds, SpeedRange):
        n_steps = math.floor((speeds.last - speeds.first) / speeds.step + 1e-9)
        return directions, speeds.first + speeds.step * np.arange(n_steps + 1, dtype=float)
    return directions, None if speeds is None else np.array(speeds, dtype=float)


def _turbulence(given: float | tuple[float, ...]) -> float | Floats:
    return np.array(given) if isinstance(given, tuple) else given


def _air(spec: WeibullSpec | TableSpec | SeriesSpec) -> dict[str, Any]:
    """Shear and density, where they are given."""
    given = {
        "shear_exponent": spec.shear_exponent,
        "reference_height": spec.reference_height_m,
        "air_density": spec.air_density_kg_m3,
    }
    return {name: value for name, value in given.items() if value is not None}
