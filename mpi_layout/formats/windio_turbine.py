"""Turbines as windIO 2 writes them down (schema plant/turbine): three ways to give the power, one the thrust.

windIO fixes names and SI units but not all of the meaning. Here, at an air density of 1.225 kg/m3:

* `power_curve`: linear between its values.
* `Cp_curve`: the power at its wind speeds, times `generator_efficiency` if given; linear between them.
* `rated_power`, `rated_wind_speed`, `cutin_wind_speed`, `cutout_wind_speed`: the power rises with the
  cube of the speed above cut-in, as in the case studies of IEA Wind Task 37, where the form is from.

A turbine stands still outside the power curve, unless cut-in and cut-out say something else.
"""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from mpi_layout.formats.curves import Curves, Length, Number, Power, Speed, Speeds, Table, Values
from mpi_layout.formats.faults import Fault, input_error, validated
from mpi_layout.site.curves import cubic_curve, hub_faults, power_of_cp, rated_power_faults
from mpi_layout.site.turbine import Turbine

log = logging.getLogger(__name__)

_AT = ("performance",)
_CUBIC = ("rated_power", "rated_wind_speed", "cutin_wind_speed", "cutout_wind_speed")
_PER_M_S = 1000  # the ends of a table, widened to thousandths: for 24.99999882 m/s is meant to be 25


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _CpCurve(_Part):
    Cp_values: Values
    Cp_wind_speeds: Speeds


class _PowerCurve(_Part):
    power_values: Values
    power_wind_speeds: Speeds


class _CtCurve(_Part):
    Ct_values: Values
    Ct_wind_speeds: Speeds


class _Performance(_Part):
    Cp_curve: _CpCurve | None = None
    power_curve: _PowerCurve | None = None
    Ct_curve: _CtCurve
    rated_power: Power | None = None
    rated_wind_speed: Speed | None = None
    cutin_wind_speed: Speed | None = None
    cutout_wind_speed: Speed | None = None
    generator_efficiency: Annotated[Number, Field(gt=0, le=1)] = 1.0


class _Turbine(_Part):
    name: str
    performance: _Performance
    hub_height: Length
    rotor_diameter: Length
    TSR: Number | None = None  # for models that know the rotor's speed


def read_windio_turbine(data: Any, where: str, warn: Callable[[str], None] = log.warning) -> Turbine:
    """Turbine of the plain values of a windIO turbine.

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
    spec = validated(_Turbine, data, where)
    performance = spec.performance
    ct = _ct_table(performance.Ct_curve)
    given = _given_table(performance)
    if found := [*_form_faults(performance), *ct.faults(), *(given.faults() if given else ())]:
        raise input_error(where, found)
    curves = Curves(_power_table(spec, given, ct), ct)
    if found := [*_rotor_faults(spec), *curves.faults(spec.rotor_diameter, performance.rated_power)]:
        raise input_error(where, found)
    speed = curves.power.speed
    return curves.turbine(
        name=spec.name,
        rated_power=performance.rated_power,
        rotor_diameter=spec.rotor_diameter,
        hub_height=spec.hub_height,
        cut_in=_first_of(performance.cutin_wind_speed, math.floor(speed[0] * _PER_M_S) / _PER_M_S),
        cut_out=_first_of(performance.cutout_wind_speed, math.ceil(speed[-1] * _PER_M_S) / _PER_M_S),
        warn=lambda text: warn(f"{where}: {text}"),
    )


def _first_of(given: float | None, otherwise: float) -> float:
    return otherwise if given is None else given


def _ct_table(curve: _CtCurve) -> Table:
    return Table.of((*_AT, "Ct_curve", "Ct_values"), curve.Ct_wind_speeds, curve.Ct_values)


def _given_table(performance: _Performance) -> Table | None:
    """Table that gives the power or its coefficient; None if the cubic law does."""
    if curve := performance.power_curve:
        return Table.of((*_AT, "power_curve", "power_values"), curve.power_wind_speeds, curve.power_values)
    if cp := performance.Cp_curve:
        efficiency = performance.generator_efficiency
        return Table.of((*_AT, "Cp_curve", "Cp_values"), cp.Cp_wind_speeds, cp.Cp_values, efficiency)
    return None


def _power_table(spec: _Turbine, given: Table | None, ct: Table) -> Table:
    """Table of the power, W."""
    performance = spec.performance
    if given is None:
        rated_power, rated_speed, cut_in = (getattr(performance, key) for key in _CUBIC[:3])
        return Table((*_AT, "rated_power"), *cubic_curve(rated_power, cut_in, rated_speed, ct.speed))
    if performance.Cp_curve is None:
        return given
    return replace(given, values=power_of_cp(given.speed, given.values, spec.rotor_diameter))


def _form_faults(performance: _Performance) -> Iterator[Fault]:
    """Yield why the power is given in none or several of the three ways, or at impossible speeds."""
    if performance.power_curve and performance.Cp_curve:
        yield Fault(_AT, "wants power_curve or Cp_curve, has both")
    missing = [key for key in _CUBIC if getattr(performance, key) is None]
    if missing and not performance.power_curve and not performance.Cp_curve:
        ways = f"power_curve, Cp_curve, or {', '.join(_CUBIC[:-1])} and {_CUBIC[-1]}"
        yield Fault(_AT, f"wants {ways}; has none of the curves and no {missing[0]}")
    cut_in = _first_of(performance.cutin_wind_speed, 0.0)
    cut_out = _first_of(performance.cutout_wind_speed, math.inf)
    if not cut_in < cut_out:
        yield Fault((*_AT, "cutout_wind_speed"), f"{cut_out:g} m/s is not above cut-in, {cut_in:g} m/s")
    rated_speed = performance.rated_wind_speed
    if rated_speed is not None and not cut_in < rated_speed <= cut_out:
        text = f"{rated_speed:g} m/s is not between cut-in, {cut_in:g} m/s, and cut-out, {cut_out:g} m/s"
        yield Fault((*_AT, "rated_wind_speed"), text)


def _rotor_faults(spec: _Turbine) -> Iterator[Fault]:
    """Yield why hub and rated power do not fit the rotor."""
    for text in hub_faults(spec.hub_height, spec.rotor_diameter):
        yield Fault(("hub_height",), text)
    if (rated_power := spec.performance.rated_power) is not None:
        for text in rated_power_faults(rated_power, spec.rotor_diameter, "W"):
            yield Fault((*_AT, "rated_power"), text)
