"""Turbine types: rotor, hub and the tabulated power and thrust curves.

The generic curves are those of PyWake's GenericWindTurbine: aerodynamic power
at a constant power coefficient, minus drive-train losses, smoothed by the
turbulence; the thrust coefficient follows from momentum theory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TURBULENCE = 0.1  # standard deviation over mean of the wind speed
_AIR_DENSITY = 1.225  # kg/m3
_MAX_CP = 0.49  # power coefficient below rated power
_CONSTANT_CT = 0.8  # thrust coefficient where the curve is flattest
_GEAR_CONSTANT = 0.01  # lost, as a share of rated power
_GEAR_VARIABLE = 0.014  # lost, as a share of aerodynamic power
_ELECTRIC = (1 - 0.03) * (1 - 0.03)  # what generator and converter leave
_CT_LIMIT = 8 / 9  # momentum theory, at the Betz limit
_CP_LIMIT = 16 / 27


@dataclass(frozen=True, eq=False)
class Turbine:
    """A turbine type with its curves.

    Between the tabulated speeds the curves are linear, beyond them they keep
    the end values.

    Attributes
    ----------
    name : str
        Name of the type.
    rated_power : float
        W.
    rotor_diameter, hub_height : float
        m.
    speed : (n,) array
        Evenly spaced wind speeds of the curves, m/s.
    power : (n,) array
        W.
    ct : (n,) array
        Thrust coefficient.
    """

    name: str
    rated_power: float
    rotor_diameter: float
    hub_height: float
    speed: Floats
    power: Floats
    ct: Floats


def generic_turbine(
    name: str,
    *,
    rated_power: float,
    rotor_diameter: float,
    hub_height: float,
) -> Turbine:
    """Turbine with generic curves at 0.1, 0.2, ..., 29.9 m/s, no cut-in, no cut-out.

    Parameters
    ----------
    name : str
        Name of the type.
    rated_power : float
        W.
    rotor_diameter, hub_height : float
        m.

    Returns
    -------
    Turbine
        Curves of 299 points.
    """
    speed = np.arange(0.1, 30, 0.1)
    wind_power = 0.5 * _AIR_DENSITY * np.pi * rotor_diameter**2 / 4 * speed**3  # W, through the rotor disc
    after_gear = np.maximum(0, _MAX_CP * wind_power * (1 - _GEAR_VARIABLE) - _GEAR_CONSTANT * rated_power)
    power = _smoothed(np.minimum(rated_power, after_gear * _ELECTRIC), speed)

    # The thrust belongs to the power that the smoothed curve takes out of the wind.
    cp = (power / _ELECTRIC + _GEAR_CONSTANT * rated_power) / (1 - _GEAR_VARIABLE) / wind_power
    ct = _scaled(_momentum_ct(np.minimum(_CP_LIMIT, cp)))
    for values in (speed, power, ct):
        values.flags.writeable = False
    return Turbine(name, rated_power, rotor_diameter, hub_height, speed, power, ct)


def _smoothed(power: Floats, speed: Floats) -> Floats:
    """Mean of the power curve under normally distributed speeds, W (n_speeds,)."""
    distance = (speed[None, :] - speed[:, None]) / (_TURBULENCE * speed[:, None])
    weight = np.exp(-0.5 * distance**2)
    return (weight * power).sum(axis=1) / weight.sum(axis=1)


def _momentum_ct(cp: Floats) -> Floats:
    """Thrust coefficient from cp = 4 a (1 - a)^2, ct = 4 a (1 - a)."""
    y = cp / _CP_LIMIT
    # Rounding may lift y above one by an ulp, and a root of a negative number must not follow.
    root = np.sqrt(np.maximum(0, y * (1 - y)))
    induction = 2 / 3 * (1 - np.cos(np.arctan2(2 * root, 1 - 2 * y) / 3))
    return 4 * induction * (1 - induction)


def _scaled(ct: Floats) -> Floats:
    """Scale the curve so that its flattest part has the constant thrust coefficient."""
    first = int(np.argmax(ct < _CT_LIMIT - 1e-6))  # below it, constant losses push cp over its limit
    flattest = first + int(np.argmin(np.abs(np.diff(ct[first:]))))
    if ct[flattest] < _momentum_ct(np.array(_MAX_CP)):
        flattest = 0  # a curve without a flat part
    return np.minimum(_CT_LIMIT, ct * _CONSTANT_CT / ct[flattest])
