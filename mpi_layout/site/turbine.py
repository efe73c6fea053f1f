"""Turbine types: rotor, hub and the tabulated power and thrust curves.

The generic curves are those of PyWake's GenericWindTurbine: aerodynamic power
at a constant power coefficient, minus drive-train losses, smoothed by the
turbulence; the thrust coefficient follows from momentum theory.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

AIR_DENSITY = 1.225  # kg/m3, of the curves
POSSIBLE_SPECIFIC_POWER = (10.0, 10_000.0)  # W/m2: no unit that is mistaken stays within
BETZ_LIMIT = 16 / 27  # of the power coefficient
LEAST_STEP = 1e-3  # m/s, between the speeds of a curve
_ROUNDING = 1e-9  # m/s
SWITCHING = 1e-8  # m/s; a wake of less does not stop a turbine that stands at its cut-in speed

_TURBULENCE = 0.1  # standard deviation over mean of the wind speed
_MAX_CP = 0.49  # power coefficient below rated power
_CONSTANT_CT = 0.8  # thrust coefficient where the curve is flattest
_GEAR_CONSTANT = 0.01  # lost, as a share of rated power
_GEAR_VARIABLE = 0.014  # lost, as a share of aerodynamic power
_ELECTRIC = (1 - 0.03) * (1 - 0.03)  # what generator and converter leave
_CT_LIMIT = 8 / 9  # momentum theory, at the Betz limit


@dataclass(frozen=True, eq=False)
class Turbine:
    """A turbine type with its curves, at an air density of 1.225 kg/m3.

    Between the tabulated speeds the curves are linear, beyond them they keep
    the end values; below cut-in and above cut-out both are zero.

    Attributes
    ----------
    name : str
        Name of the type.
    rated_power : float
        W.
    rotor_diameter, hub_height : float
        m.
    speed : (n,) array
        Wind speeds of the curves, m/s, rising by at least 0.001; at least two.
    power : (n,) array
        W.
    ct : (n,) array
        Thrust coefficient, 0 to 1.
    cut_in, cut_out : float
        The turbine turns from cut_in to cut_out, both included, m/s.

    Raises
    ------
    ValueError
        If one of them is not what is said here; the text says which and why.
    """

    name: str
    rated_power: float
    rotor_diameter: float
    hub_height: float
    speed: Floats
    power: Floats
    ct: Floats
    cut_in: float = 0.0
    cut_out: float = math.inf

    def __post_init__(self) -> None:
        for key in ("rated_power", "rotor_diameter", "hub_height"):
            _check_positive(key, getattr(self, key))
        for key in ("speed", "power", "ct"):
            values = np.array(getattr(self, key), float)
            values.flags.writeable = False
            object.__setattr__(self, key, values)
            _check_values(key, values, self.speed.size)
        _check_rising(self.speed)
        if self.ct.max() > 1:
            raise ValueError(f"ct reaches {self.ct.max():g}, wants at most 1")
        if not 0 <= self.cut_in < self.cut_out:
            raise ValueError(f"wants 0 <= cut_in < cut_out, has {self.cut_in:g} and {self.cut_out:g} m/s")

    def __repr__(self) -> str:
        """Say which it is; the curves would fill a screen."""
        size = f"rotor {self.rotor_diameter:g} m, hub {self.hub_height:g} m"
        return f"<turbine type {self.name}: {self.rated_power / 1e6:g} MW, {size}>"

    def power_at(self, speed: ArrayLike) -> Floats:
        """Power, W (...), at wind speeds, m/s (...)."""
        return self._at(speed, self.power)

    def ct_at(self, speed: ArrayLike) -> Floats:
        """Thrust coefficient (...) at wind speeds, m/s (...)."""
        return self._at(speed, self.ct)

    def at_air_density(self, air_density: float) -> "Turbine":
        """Give the same turbine in air of another density, kg/m3.

        The power rises with the density as in PyWake's DensityScale; other than there the thrust
        coefficient stays, since it is the thrust and not its coefficient that follows the density.
        Rated power keeps its nominal value.
        """
        _check_positive("air_density", air_density)
        return dataclasses.replace(self, power=self.power * (air_density / AIR_DENSITY))

    def _at(self, speed: ArrayLike, values: Floats) -> Floats:
        speed = np.asarray(speed, float)
        turns = (self.cut_in - SWITCHING <= speed) & (speed <= self.cut_out + SWITCHING)
        return np.where(turns, np.interp(speed, self.speed, values), 0.0)


def _check_positive(key: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{key} is {value:g}, wants a finite number above 0")


def _check_values(key: str, values: Floats, n_speeds: int) -> None:
    if values.shape != (n_speeds,) or n_speeds < 2:
        text = f"{key} has the shape {values.shape}, wants a value for each of two speeds or more"
        raise ValueError(text)
    wrong = np.flatnonzero(~((values >= 0) & np.isfinite(values)))
    if wrong.size:
        raise ValueError(f"{key}[{wrong[0]}] is {values[wrong[0]]:g}, wants a finite number, 0 or more")


def _check_rising(speed: Floats) -> None:
    wrong = np.flatnonzero(np.diff(speed) < LEAST_STEP - _ROUNDING)
    if wrong.size:
        i = wrong[0]
        step = f"{speed[i]:g} to {speed[i + 1]:g} m/s"
        raise ValueError(f"speed[{i}] to speed[{i + 1}] is {step}, wants steps of at least {LEAST_STEP:g}")


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

    Raises
    ------
    ValueError
        If the rated power can be that of no such rotor, in watts.
    """
    specific = rated_power / (np.pi * rotor_diameter**2 / 4)
    if not POSSIBLE_SPECIFIC_POWER[0] <= specific <= POSSIBLE_SPECIFIC_POWER[1]:
        raise ValueError(
            f"rated_power is {rated_power:g} W on a rotor of {rotor_diameter:g} m, {specific:g} W/m2; "
            "is another unit given than W and m?"
        )
    speed = np.arange(0.1, 30, 0.1)
    wind_power = 0.5 * AIR_DENSITY * np.pi * rotor_diameter**2 / 4 * speed**3  # W, through the rotor disc
    after_gear = np.maximum(0, _MAX_CP * wind_power * (1 - _GEAR_VARIABLE) - _GEAR_CONSTANT * rated_power)
    power = _smoothed(np.minimum(rated_power, after_gear * _ELECTRIC), speed)

    # The thrust belongs to the power that the smoothed curve takes out of the wind.
    cp = (power / _ELECTRIC + _GEAR_CONSTANT * rated_power) / (1 - _GEAR_VARIABLE) / wind_power
    ct = _scaled(_momentum_ct(np.minimum(BETZ_LIMIT, cp)))
    return Turbine(name, rated_power, rotor_diameter, hub_height, speed, power, ct)


def _smoothed(power: Floats, speed: Floats) -> Floats:
    """Mean of the power curve under normally distributed speeds, W (n_speeds,)."""
    distance = (speed[None, :] - speed[:, None]) / (_TURBULENCE * speed[:, None])
    weight = np.exp(-0.5 * distance**2)
    return (weight * power).sum(axis=1) / weight.sum(axis=1)


def _momentum_ct(cp: Floats) -> Floats:
    """Thrust coefficient from cp = 4 a (1 - a)^2, ct = 4 a (1 - a)."""
    y = cp / BETZ_LIMIT
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
