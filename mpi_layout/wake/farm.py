"""Energy and effective wind speeds of a farm of one turbine type."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowCases
from mpi_layout.wake.disc import pywake_table
from mpi_layout.wake.kernel import binding
from mpi_layout.wake.models import TurbOPark

Floats = NDArray[np.float64]
HOURS_PER_YEAR = 24 * 365
GWH_PER_YEAR = HOURS_PER_YEAR * 1e-9  # of one watt

# Wakes end where the rotor's near edge is this many standard deviations off the axis: what is
# left out changes an AEP by less than 1e-9 of it.
_CUTOFF = 5.5


@dataclass(frozen=True, eq=False)
class FarmAEP:
    """Annual energy production of a layout.

    Attributes
    ----------
    aep : float
        With wakes, GWh.
    gross_aep : float
        Without wakes, GWh.
    turbine_aep : (n,) array
        Of each turbine, with wakes, GWh.
    """

    aep: float
    gross_aep: float
    turbine_aep: Floats

    @property
    def wake_loss(self) -> float:
        """Share of the gross AEP that wakes take."""
        return 1 - self.aep / self.gross_aep


def farm_aep(
    x: ArrayLike, y: ArrayLike, *, turbine: Turbine, flow_cases: FlowCases, model: TurbOPark
) -> FarmAEP:
    """AEP of a layout.

    AEP = sum over flow cases of probability times power at the effective wind speed, times 8760 h.

    Parameters
    ----------
    x, y : (n,) array
        Turbine positions, m.
    turbine : Turbine
        The type of all turbines.
    flow_cases : FlowCases
        Wind directions and speeds with their probabilities.
    model : TurbOPark
        Wake model.

    Returns
    -------
    FarmAEP
        With wakes and without, GWh.

    Raises
    ------
    ValueError
        If there is no turbine, or positions are not finite or differ in number.
    """
    x, y = _positions(x, y)
    turbine_aep = binding.farm_power(_setting(turbine, flow_cases, model), x, y) * GWH_PER_YEAR
    gross = x.size * free_power(turbine, flow_cases).sum() * GWH_PER_YEAR
    return FarmAEP(float(turbine_aep.sum()), float(gross), turbine_aep)


def effective_speed(
    x: ArrayLike,
    y: ArrayLike,
    *,
    turbine: Turbine,
    direction: ArrayLike,
    speed: ArrayLike,
    turbulence_intensity: float,
    model: TurbOPark,
) -> Floats:
    """Effective wind speed at each turbine for every pair of a direction and a speed.

    Parameters
    ----------
    x, y : (n,) array
        Turbine positions, m.
    turbine : Turbine
        The type of all turbines.
    direction : (n_directions,) array
        Degrees.
    speed : (n_speeds,) array
        Free wind speeds, m/s.
    turbulence_intensity : float
        Ambient.
    model : TurbOPark
        Wake model.

    Returns
    -------
    (n_directions, n_speeds, n) array
        m/s.

    Raises
    ------
    ValueError
        If there is no turbine, or positions are not finite or differ in number.
    """
    x, y = _positions(x, y)
    direction, speed = np.atleast_1d(np.asarray(direction, float)), np.atleast_1d(np.asarray(speed, float))
    cases = FlowCases(direction, speed, np.zeros((direction.size, speed.size)), turbulence_intensity)
    return binding.farm_speed(_setting(turbine, cases, model), x, y)


def free_power(turbine: Turbine, flow_cases: FlowCases) -> Floats:
    """Mean power of a turbine in the free wind, by direction.

    Returns
    -------
    (n_directions,) array
        Summed over the speeds of the direction, weighted by probability, W.
    """
    power: Floats = np.interp(flow_cases.speed, turbine.speed, turbine.power)
    return flow_cases.probability @ power


def _setting(turbine: Turbine, flow_cases: FlowCases, model: TurbOPark) -> binding.Setting:
    disc = pywake_table(0.5 / model.ceps) if model.disc_mean == "pywake" else None
    return binding.Setting(turbine, flow_cases, model, cutoff=_CUTOFF, disc=disc)


def _positions(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.ascontiguousarray(x, dtype=float), np.ascontiguousarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or not x.size:
        raise ValueError(f"x and y need one shape (n,), n > 0; got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("positions need to be finite")
    return x, y
