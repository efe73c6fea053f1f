"""From a turbine type of the file to a turbine, in SI units."""

import dataclasses
from collections.abc import Callable

from mpi_layout.campaign.turbine_spec import (
    POWER_UNITS,
    CurvesSpec,
    GenericSpec,
    TabulatedSpec,
    TurbineFileSpec,
    TurbineSpec,
)
from mpi_layout.formats.curves import Curves, Table
from mpi_layout.formats.turbine_file import read_turbine
from mpi_layout.site.curves import WATTS
from mpi_layout.site.turbine import Turbine, generic_turbine


def silent(text: str) -> None:
    """Tell nobody what is odd: a campaign's checks do."""


def turbine_of(spec: TurbineSpec, warn: Callable[[str], None] = silent) -> Turbine:
    """Turbine type of its section.

    Parameters
    ----------
    spec : GenericSpec, TabulatedSpec or TurbineFileSpec
        Generic and tabulated ones have no faults.
    warn : callable
        Told what is odd but allowed.

    Raises
    ------
    InputError
        With a line for each fault of a file.
    """
    if isinstance(spec, TurbineFileSpec):
        turbine = read_turbine(spec.file.content, spec.file.name, spec.format, warn)
        turbine = dataclasses.replace(
            turbine, name=spec.name, hub_height=_given(spec.hub_height_m, turbine.hub_height)
        )
    elif isinstance(spec, TabulatedSpec):
        turbine = _tabulated(spec, warn)
    else:
        turbine = _generic(spec)
    return dataclasses.replace(
        turbine,
        cut_in=_given(spec.cut_in_m_s, turbine.cut_in),
        cut_out=_given(spec.cut_out_m_s, turbine.cut_out),
    )


def _given(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _generic(spec: GenericSpec) -> Turbine:
    return generic_turbine(
        spec.name,
        rated_power=spec.rated_power_MW * 1e6,
        rotor_diameter=spec.rotor_diameter_m,
        hub_height=spec.hub_height_m,
    )


def _tabulated(spec: TabulatedSpec, warn: Callable[[str], None]) -> Turbine:
    return curves_of(spec.curves).turbine(
        name=spec.name,
        rated_power=None if spec.rated_power_MW is None else spec.rated_power_MW * 1e6,
        rotor_diameter=spec.rotor_diameter_m,
        hub_height=spec.hub_height_m,
        warn=warn,
    )


def power_keys(spec: CurvesSpec) -> list[str]:
    """Keys under which the power is given; a sound section has one."""
    return [key for key in POWER_UNITS if getattr(spec, key) is not None]


def curves_of(spec: CurvesSpec) -> Curves:
    """Curves of their section, with paths from the turbine type."""
    (key,) = power_keys(spec)
    unit = POWER_UNITS[key]
    return Curves(
        Table.of(("curves", key), spec.wind_speed_m_s, getattr(spec, key), WATTS[unit]),
        Table.of(("curves", "ct"), spec.wind_speed_m_s, spec.ct),
        unit,
    )
