"""Turbine types: rotor, hub and the tabulated power and thrust curves.

The generic curves are those of PyWake's GenericWindTurbine: aerodynamic power
at a constant power coefficient, minus drive-train losses, smoothed by the
turbulence; the thrust coefficient follows from momentum theory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

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
    turbulence_intensity: float = 0.1,
    air_density: float = 1.225,
    max_cp: float = 0.49,
    constant_ct: float = 0.8,
    gear_loss_constant: float = 0.01,
    gear_loss_variable: float = 0.014,
    generator_loss: float = 0.03,
    converter_loss: float = 0.03,
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
    turbulence_intensity : float
        Smooths the power curve: standard deviation over mean of the wind speed.
    air_density : float
        kg/m3.
    max_cp : float
        Power coefficient below rated power.
    constant_ct : float
        Thrust coefficient where it is most constant.
    gear_loss_constant : float
        Share of the rated power.
    gear_loss_variable : float
        Share of the aerodynamic power.
    generator_loss, converter_loss : float
        Share of the power that enters.

    Returns
    -------
    Turbine
        Curves of 299 points.
    """
    speed = np.arange(0.1, 30, 0.1)
    wind_power = 0.5 * air_density * np.pi * rotor_diameter**2 / 4 * speed**3  # W, through the rotor disc
    gear_constant = gear_loss_constant * rated_power
    electric = (1 - generator_loss) * (1 - converter_loss)

    aerodynamic = max_cp * wind_power
    after_gear = np.maximum(0, aerodynamic * (1 - gear_loss_variable) - gear_constant)
    power = _smoothed(np.minimum(rated_power, after_gear * electric), speed, turbulence_intensity)

    # The thrust belongs to the power that the smoothed curve takes out of the wind.
    cp = (power / electric + gear_constant) / (1 - gear_loss_variable) / wind_power
    ct = _scaled(_momentum_ct(np.minimum(_CP_LIMIT, cp)), constant_ct, _momentum_ct(np.array(max_cp)))
    for values in (speed, power, ct):
        values.flags.writeable = False
    return Turbine(name, rated_power, rotor_diameter, hub_height, speed, power, ct)


def _smoothed(power: Floats, speed: Floats, turbulence_intensity: float) -> Floats:
    """Mean of the power curve under normally distributed speeds, W (n_speeds,)."""
    distance = (speed[None, :] - speed[:, None]) / (turbulence_intensity * speed[:, None])
    weight = np.exp(-0.5 * distance**2)
    return (weight * power).sum(axis=1) / weight.sum(axis=1)


def _momentum_ct(cp: Floats) -> Floats:
    """Thrust coefficient from cp = 4 a (1 - a)^2, ct = 4 a (1 - a)."""
    y = cp / _CP_LIMIT
    # Rounding may lift y above one by an ulp, and a root of a negative number must not follow.
    root = np.sqrt(np.maximum(0, y * (1 - y)))
    induction = 2 / 3 * (1 - np.cos(np.arctan2(2 * root, 1 - 2 * y) / 3))
    return 4 * induction * (1 - induction)


def _scaled(ct: Floats, constant_ct: float, design_ct: Floats) -> Floats:
    """Scale the curve so that its flattest part has the given thrust coefficient."""
    first = int(np.argmax(ct < _CT_LIMIT - 1e-6))  # below it, constant losses push cp over its limit
    flattest = first + int(np.argmin(np.abs(np.diff(ct[first:]))))
    if ct[flattest] < design_ct:
        flattest = 0  # strong turbulence leaves no flat part
    return np.minimum(_CT_LIMIT, ct * constant_ct / ct[flattest])
