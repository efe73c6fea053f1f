"""Every wake model in plain numpy, to be read beside the C kernel. `reference.farm` makes a farm of them.

A model is put together from the parts that the literature puts it together from: how wide a wake is, how deep
on its axis, how it is averaged over the rotor that stands in it, with which wind speed it scales, how wakes
up, and what turbulence they add. What the papers leave open is as PyWake has it. SI units.

- TurbOPark: N. G. Nygaard, L. Poulsen, E. Svensson, J. Grunnet Pedersen, Large-scale benchmarking of wake
  models for offshore wind farms, J. Phys.: Conf. Ser. 2265 (2022) 022008
- NOJ: N. O. Jensen, A note on wind generator interaction, Risø-M-2411 (1983)
- BastankhahGaussian: M. Bastankhah, F. Porté-Agel, A new analytical model for wind-turbine wakes, Renewable
  Energy 70 (2014) 116-123
- NiayifarGaussian, NiayifarPorteAgel, the growth of NOJLocal: A. Niayifar, F. Porté-Agel, Analytical modeling
  of wind farms: a new approach for power prediction, Energies 9 (2016) 741
- IEA37SimpleBastankhahGaussian: IEA Wind Task 37, Wake model description for case studies 1 and 2 (2018)
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import i0e

from mpi_layout.wake import models

# ---- The induction of a rotor (axial induction factor from thrust coefficient) ----


def madsen_induction(ct):
    """H. Aa. Madsen et al., Wind Energy Science 5 (2020) 1-27: a polynomial fit to blade element momentum."""
    return 0.2460 * ct + 0.0586 * ct**2 + 0.0883 * ct**3


def momentum_induction(ct):
    """Momentum theory: ct = 4 a (1 - a)."""
    return 0.5 * (1.0 - np.sqrt(1.0 - np.minimum(1.0, ct)))


# ---- The width of a wake z rotor diameters downstream, in rotor diameters ----


def stream_tube_width(ct, ceps, ct_limit):
    """Standard deviation just behind the rotor (Bastankhah and Porté-Agel, eq. 20-21)."""
    root = np.sqrt(1.0 - np.minimum(ct_limit, ct))
    return ceps * np.sqrt(0.5 * (1.0 + root) / root)


def turbopark_width(z, ct, ambient, effective, *, A, c1, c2, ceps, ct_limit):
    """Grown with the turbulence of the wind and of the wake itself (Nygaard et al. 2022, eq. 5-7)."""
    ct = np.maximum(ct, 1e-20)
    alpha = c1 * ambient
    beta = c2 * ambient / np.sqrt(ct)
    here = np.sqrt((alpha + beta * z) ** 2 + 1.0)
    start = np.sqrt(1.0 + alpha**2)
    growth = here - start - np.log((here + 1.0) * alpha / ((start + 1.0) * (alpha + beta * z)))
    return A * ambient / beta * growth + stream_tube_width(ct, ceps, ct_limit)


def gaussian_width(z, ct, ambient, effective, *, k, ceps, ct_limit):
    """Grown linearly; k may depend on the turbulence at the source."""
    return expansion(k, effective) * z + stream_tube_width(ct, ceps, ct_limit)


def iea37_width(z, ct, ambient, effective, *, k):
    """Grown linearly from a width that does not know of the thrust."""
    return k * z + 1.0 / np.sqrt(8.0)


def top_hat_radius(z, ct, ambient, effective, *, k):
    """Radius of a wake with an edge."""
    return expansion(k, effective) * z + 0.5


def expansion(k, turbulence_intensity):
    """Growth per distance on a line over the turbulence at the source: its slope and its constant."""
    slope, constant = k
    return slope * turbulence_intensity + constant


# ---- The deficit on the axis, as a fraction of the wind speed it scales with ----


def gaussian_centre(ct, width, *, induction):
    """Conserves momentum over a Gaussian profile (Bastankhah and Porté-Agel, eq. 17)."""
    return np.minimum(1.0, 2.0 * induction(ct / (8.0 * width**2)))


def top_hat_centre(ct, radius, *, induction):
    """Conserves mass over a top hat (Jensen, eq. 2)."""
    return 2.0 * induction(ct) / (2.0 * radius) ** 2


# ---- The mean over the rotor that stands in the wake, all lengths in m ----


def rotor_centre(sigma, radius, distance):
    """The Gaussian at the centre of the rotor."""
    return np.exp(-(distance**2) / (2.0 * sigma**2))


def gaussian_overlap(sigma, radius, distance):
    """The exact mean of the Gaussian over the rotor."""
    return disc_average(radius / sigma, distance / sigma)


def top_hat_edge(wake_radius, radius, distance):
    """Whether the centre of the rotor is in a wake with an edge."""
    return np.where(distance < wake_radius, 1.0, 0.0)


def area_overlap(wake_radius, radius, distance):
    """Share of the rotor that lies in a wake with an edge, of two circles' common area.

    Exact where the wake is wider than the rotor. Where it is narrower, PyWake takes one radius for the other
    in the triangle and counts a wake inside the rotor as one that covers it; so does this.
    """
    wake_radius, radius, distance = np.broadcast_arrays(wake_radius, radius, distance)
    large, small = np.maximum(wake_radius, radius), np.minimum(wake_radius, radius)
    limit = 1.0 - 2.0 * np.finfo(float).eps
    d = np.maximum(distance, 1e-300)
    alpha = np.arccos(np.clip((large**2 + d**2 - small**2) / (2.0 * large * d), -limit, limit))
    beta = np.arccos(np.clip((small**2 + d**2 - large**2) / (2.0 * small * d), -limit, limit))
    lens = alpha * large**2 + beta * small**2 - np.sin(alpha) * wake_radius * d
    partly = np.maximum(0.0, lens / (np.pi * radius**2))
    return np.where(distance <= large - small, 1.0, np.where(distance < large + small, partly, 0.0))


# Gauss-Legendre points on (0, 1): the integrand is entire, so up to disc radii of 6 sigma exact to 1e-13
_NODE, _WEIGHT = np.polynomial.legendre.leggauss(32)
_NODE, _WEIGHT = (_NODE + 1.0) / 2.0, _WEIGHT / 2.0


def disc_average(radius, distance):
    """Mean of exp(-rho^2/2) over a disc, in the integral over its circles.

    Parameters
    ----------
    radius, distance : array_like
        Radius of the disc and distance of its centre from the axis of the Gaussian, in standard deviations.
    """
    r, c = np.broadcast_arrays(np.asarray(radius, float), np.asarray(distance, float))
    t = r[..., np.newaxis] * _NODE  # radius of one circle; the mean of the Gaussian over it is exp() I0(t c)
    c = c[..., np.newaxis]
    return 2.0 * np.sum(_WEIGHT * _NODE * np.exp(-((t - c) ** 2) / 2.0) * i0e(t * c), axis=-1)


# ---- How wakes add up: (n_sources, ...) to (...) ----


def squared_sum(deficit):
    """I. Katic, J. Højstrup, N. O. Jensen, A simple model for cluster efficiency, EWEC 1986."""
    return np.sqrt(np.sum(deficit**2, axis=0))


def linear_sum(deficit):
    """P. B. S. Lissaman, Energy effectiveness of arbitrary arrays of wind turbines (1979)."""
    return np.sum(deficit, axis=0)


def max_sum(deficit):
    """The deepest wake alone."""
    return np.max(deficit, axis=0, initial=0.0)


# ---- The turbulence that wakes add: of one source, and with all of them ----


def added_turbulence(model, dw, cw, ct, diameter, ambient, wake_radius, radius):
    """Turbulence intensity that one source adds at receivers dw and cw m away from it.

    STF2017: the added turbulence of IEC 61400-1 (2017), annex E, under the bell of S. T. Frandsen, Turbulence
    and turbulence-generated structural loading in wind turbine clusters (2007), eq. 3.16-3.18.
    CrespoHernandez: A. Crespo, J. Hernández, Turbulence characteristics in wind-turbine wakes, J. Wind Eng.
    Ind. Aerod. 61 (1996) 71-85, eq. 21, over the part of the rotor that lies in the wake.
    """
    if isinstance(model, models.STF2017):
        centre = 1.0 / (model.c0 + model.c1 * np.hypot(dw, cw) / diameter / np.sqrt(np.maximum(ct, 1e-300)))
        z = np.maximum(dw, 1e-20)
        seen = np.rad2deg(np.arctan(cw / z))
        half_width = (np.rad2deg(np.arctan(diameter / z)) + 10.0) / 2.0
        bell = np.where(seen < half_width, np.exp(-((seen / half_width) ** 2)), 0.0)
        return np.where(dw > 1e-10, bell * (np.hypot(centre, ambient) - ambient), 0.0)
    a = np.maximum(INDUCTION[model.induction](ct), 1e-10)
    added = model.c0 * a**model.c1 * ambient**model.c2 * (np.maximum(dw, 1e-10) / diameter) ** model.c3
    return np.where(dw > 0.0, added * area_overlap(wake_radius, radius, cw), 0.0)


def effective_turbulence(model, ambient, added):
    """Turbulence intensity with what all sources (n_sources, ...) add: all of it, or the strongest alone."""
    if isinstance(model, models.STF2017):
        return ambient + np.sum(added, axis=0)
    return np.sqrt(ambient**2 + np.max(added, axis=0, initial=0.0) ** 2)


# ---- The models ----

INDUCTION = {"madsen": madsen_induction, "momentum": momentum_induction}
SUPERPOSITION = {"squared_sum": squared_sum, "linear_sum": linear_sum, "max_sum": max_sum}
ROTOR_AVERAGE = {
    "centre": rotor_centre,
    "gaussian_overlap": gaussian_overlap,
    "area_overlap": area_overlap,
}


@dataclass(frozen=True)
class Wake:
    """A wake model in its parts."""

    width: Callable  # standard deviation, or radius of a wake with an edge
    centre: Callable
    average: Callable
    superposition: Callable
    scale: str  # the wind speed that the deficit is a part of: receiver_free, source_free or source_effective
    mirror: bool  # with the image of the source below the ground
    turbulence: models.STF2017 | models.CrespoHernandez | None
    radius: float  # of the wake that adds turbulence, in widths


def wake_of(model, average=None):
    """The parts of a model of ours; `average` instead of its mean over the rotor."""
    top_hat = isinstance(model, models.NOJ | models.NOJLocal)
    return Wake(
        width=_width(model),
        centre=partial(top_hat_centre if top_hat else gaussian_centre, induction=_induction(model)),
        average=average or _average(model),
        superposition=SUPERPOSITION[model.superposition],
        scale=_scale(model),
        mirror=getattr(model, "ground", "none") == "mirror",
        turbulence=getattr(model, "turbulence", None),
        radius=1.0 if top_hat else 2.0,
    )


def _width(model):
    match model:
        case models.TurbOPark(A, c1, c2, ceps, ct_limit):
            return partial(turbopark_width, A=A, c1=c1, c2=c2, ceps=ceps, ct_limit=ct_limit)
        case models.NOJ(k):
            return partial(top_hat_radius, k=(0.0, k))
        case models.NOJLocal(k_turbulence, k_constant):
            return partial(top_hat_radius, k=(k_turbulence, k_constant))
        case models.BastankhahGaussian(k, ceps, ct_limit):
            return partial(gaussian_width, k=(0.0, k), ceps=ceps, ct_limit=ct_limit)
        case models.NiayifarGaussian(k_turbulence, k_constant, ceps, ct_limit):
            return partial(gaussian_width, k=(k_turbulence, k_constant), ceps=ceps, ct_limit=ct_limit)
        case models.IEA37SimpleBastankhahGaussian(k):
            return partial(iea37_width, k=k)
    raise TypeError(model)


def _induction(model):
    momentum = isinstance(model, models.TurbOPark | models.IEA37SimpleBastankhahGaussian)
    return momentum_induction if momentum else INDUCTION[model.induction]


def _average(model):
    average = ROTOR_AVERAGE[getattr(model, "rotor_average", "centre")]
    in_top_hat = isinstance(model, models.NOJ | models.NOJLocal) and average is rotor_centre
    return top_hat_edge if in_top_hat else average


def _scale(model):
    if isinstance(model, models.TurbOPark):
        return "receiver_free"
    local = isinstance(model, models.NOJLocal) or getattr(model, "local_speed", False)
    return "source_effective" if local else "source_free"
