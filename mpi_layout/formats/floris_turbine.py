"""Turbines as FLORIS 4 writes them down: one table of power, kW, and thrust coefficient.

Read as FLORIS computes it in air of 1.225 kg/m3 with the rotor facing the wind: linear between the wind
speeds of the table, at rest outside. Where the table is for another density, FLORIS takes the power at
the speed times the third root of the densities' ratio, and leaves the thrust coefficient.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from mpi_layout.formats.curves import Curves, Length, Number, Speeds, Table, Values
from mpi_layout.formats.faults import Fault, input_error, validated
from mpi_layout.site.curves import hub_faults
from mpi_layout.site.turbine import AIR_DENSITY, Turbine

log = logging.getLogger(__name__)

_TABLE = "power_thrust_table"
# Without yaw and set-points these give what the table says.
_OPERATION_MODELS = ("simple", "cosine-loss", "simple-derating", "mixed")


class _Table(BaseModel):
    """The part of the table that says something about a rotor facing the wind."""

    model_config = ConfigDict(frozen=True)

    wind_speed: Speeds
    power: Values
    thrust_coefficient: Values
    ref_air_density: Annotated[Number, Field(ge=0.5, le=2)] = AIR_DENSITY


class _Turbine(BaseModel):
    """What is read of the file; FLORIS's versions add keys of their own."""

    model_config = ConfigDict(frozen=True)

    turbine_type: str
    hub_height: Length
    rotor_diameter: Length
    operation_model: str = _OPERATION_MODELS[1]
    correct_cp_ct_for_tilt: bool = False
    power_thrust_table: _Table


def read_floris_turbine(data: Any, where: str, warn: Callable[[str], None] = log.warning) -> Turbine:
    """Turbine of the plain values of a FLORIS turbine.

    Parameters
    ----------
    data : dict
        What the YAML holds.
    where : str
        What messages call it: a file, or a place in one.
    warn : callable
        Told what is odd but allowed.

    Raises
    ------
    InputError
        With a line for each fault.
    """
    if found := list(_form_faults(data)):
        raise input_error(where, found)
    spec = validated(_Turbine, data, where)
    curves = _curves(spec.power_thrust_table)
    if found := [*_faults(spec), *curves.faults(spec.rotor_diameter)]:
        raise input_error(where, found)
    return curves.turbine(
        name=spec.turbine_type,
        rated_power=None,
        rotor_diameter=spec.rotor_diameter,
        hub_height=spec.hub_height,
        cut_in=spec.power_thrust_table.wind_speed[0],
        cut_out=spec.power_thrust_table.wind_speed[-1],
        warn=lambda text: warn(f"{where}: {text}"),
    )


def _form_faults(data: Any) -> Iterator[Fault]:
    """Yield why the table is none of a single dimension, or none of FLORIS 4."""
    table = data.get(_TABLE) if isinstance(data, dict) else None
    if not isinstance(table, dict):
        return
    if data.get("multi_dimensional_cp_ct") or "power_thrust_data_file" in table:
        text = "is multi-dimensional, wants a single power and thrust_coefficient for each wind_speed"
        yield Fault((_TABLE,), text)
    elif "thrust" in table and "thrust_coefficient" not in table:
        text = "is of FLORIS 3 (thrust), wants one of FLORIS 4: power in kW and thrust_coefficient"
        yield Fault((_TABLE,), text)


def _curves(table: _Table) -> Curves:
    factor = (table.ref_air_density / AIR_DENSITY) ** (1 / 3)
    speed = [factor * u for u in table.wind_speed]
    return Curves(
        Table.of((_TABLE, "power"), speed, table.power, 1e3),
        Table.of((_TABLE, "thrust_coefficient"), table.wind_speed, table.thrust_coefficient),
        unit="kW",
    )


def _faults(spec: _Turbine) -> Iterator[Fault]:
    if spec.operation_model not in _OPERATION_MODELS:
        known = ", ".join(_OPERATION_MODELS)
        text = f"{spec.operation_model!r} does more than look up the table; wants one of {known}"
        yield Fault(("operation_model",), text)
    if spec.correct_cp_ct_for_tilt:
        yield Fault(
            ("correct_cp_ct_for_tilt",), "wants false: the tilt of a floating turbine is not known here"
        )
    for text in hub_faults(spec.hub_height, spec.rotor_diameter):
        yield Fault(("hub_height",), text)
