"""The mean of a Gaussian over a rotor disc, in PyWake's own numbers.

The kernel knows the exact mean as a series. PyWake interpolates in a table whose two small errors - of a
trapezium rule, up to 9e-7, and of bilinear interpolation, up to 2e-5 - are repeated here to the last digit
for those who want to be compared with PyWake more closely than its own accuracy.

Bessel functions and spline are a few lines of numpy: scipy's are 600 files, which every rank would load.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mpi_layout.wake.kernel.binding import DiscTable

Floats = NDArray[np.float64]


@lru_cache(maxsize=4)
def pywake_table(radius_max: float) -> DiscTable:
    """Mean over a disc of exp(-d^2/2) as PyWake's GaussianOverlapAvgModel tabulates it.

    Known at steps of 0.02 in disc radius and centre distance, in standard deviations, splined to steps of
    0.01; the caller interpolates bilinearly. PyWake's table reaches to radius 20; here it ends a little
    beyond `radius_max` (the influence of a spline's end fades by a factor of 3.7 per knot).

    Parameters
    ----------
    radius_max : float
        Largest disc radius that will be asked for, in standard deviations.

    Returns
    -------
    DiscTable
        Of shape (n_radius, 1001), in steps of 0.01.
    """
    step = 0.02
    radius: Floats = step * np.arange(int(np.ceil((radius_max + 0.4) / step)) + 1.0)
    distance: Floats = step * np.arange(501.0)
    coarse = _disc_mean(radius[:, None], distance)
    fine = _halved(_halved(coarse).T).T
    n_radius = int(np.ceil(radius_max / step)) * 2 + 2
    return DiscTable(np.ascontiguousarray(fine[:n_radius]), step / 2)


def _halved(values: Floats) -> Floats:
    """Values (2 n - 1, m) at half the steps of `values` (n, m), by a cubic spline (not-a-knot)."""
    slope, size = np.empty_like(values), np.empty(len(values))
    # The slopes are a tridiagonal system: 1 4 1 within, 1 2 and 2 1 at the ends.
    slope[0] = 0.5 * (4 * values[1] - 5 * values[0] + values[2])
    slope[1:-1] = 3 * (values[2:] - values[:-2])
    slope[-1] = -0.5 * (4 * values[-2] - 5 * values[-1] + values[-3])
    size[0], above = 1.0, 2.0
    for i in range(1, len(values)):
        below, middle = (1.0, 4.0) if i < len(values) - 1 else (2.0, 1.0)
        size[i] = middle - below / size[i - 1] * above
        slope[i] -= below / size[i - 1] * slope[i - 1]
        above = 1.0
    slope[-1] /= size[-1]
    for i in range(len(values) - 2, -1, -1):
        slope[i] = (slope[i] - (2.0 if i == 0 else 1.0) * slope[i + 1]) / size[i]
    fine = np.empty((2 * len(values) - 1, values.shape[1]))
    fine[::2] = values
    fine[1::2] = (values[:-1] + values[1:]) / 2 + (slope[:-1] - slope[1:]) / 8
    return fine


def _disc_mean(r: Floats, c: Floats) -> Floats:
    """Mean over discs of radius r at centre distance c, with the error of PyWake's trapezium rule.

    The mean is the integral over t = 0..1 of f(t) = 2 t exp(-(t^2 r^2 + c^2) / 2) I0(t r c). PyWake takes
    512 points; the same number comes cheaper from an exact quadrature plus the first two terms of the
    Euler-Maclaurin formula, h^2/12 f' - h^4/720 f''', each taken between the ends.
    """
    exact = np.zeros(np.broadcast_shapes(r.shape, c.shape))
    for node, weight in zip(*np.polynomial.legendre.leggauss(24), strict=True):
        t = (node + 1) / 2
        exact += weight * t * _ring(_i0, t * r, c)
    h = 1 / 511
    at_zero = np.exp(-(c**2) / 2)
    slope, third = _end_derivatives(np.maximum(r, 1e-3), c)
    slope, third = slope - 2 * at_zero, third - 3 * at_zero * r**2 * (c**2 - 2)
    return np.where(r > 0, exact + h**2 / 12 * slope - h**4 / 720 * third, at_zero)


def _ring(bessel: Callable[[Floats], Floats], r: Floats, c: Floats) -> Floats:
    """exp(-(r^2 + c^2) / 2) I(r c), I a modified Bessel function that comes scaled by exp(-r c)."""
    ring: Floats = np.exp(-((r - c) ** 2) / 2) * bessel(r * c)
    return ring


def _i0(z: Floats) -> Floats:
    """I0(z) exp(-z), for z up to 700."""
    return np.asarray(np.i0(z) * np.exp(-z))


def _i1(z: Floats) -> Floats:
    """I1(z) exp(-z): the mean of cos(a) exp(z (cos(a) - 1)) over all angles a.

    The trapezium rule leaves out no more than 2 I191(z) exp(-z), which is nothing for the z up to 210 here.
    """
    angles = np.pi * np.arange(1, 96) / 96
    ends = (1 - np.exp(-2 * z)) / 2
    return sum((cos * np.exp(z * (cos - 1)) for cos in np.cos(angles)), start=ends) / 96


def _end_derivatives(r: Floats, c: Floats) -> tuple[Floats, Floats]:
    """First and third derivative by t of f(t) in `_disc_mean` at t = 1, from I0' = I1, I1' = I0 - I1 / z."""
    g, k = _ring(_i0, r, c), _ring(_i1, r, c)
    g1 = c * k - r * g
    k1 = c * g - (r + 1 / r) * k
    g2 = c * k1 - g - r * g1
    k2 = c * g1 - (1 - 1 / r**2) * k - (r + 1 / r) * k1
    g3 = c * k2 - 2 * g1 - r * g2
    return 2 * (g + r * g1), 2 * (3 * r**2 * g2 + r**3 * g3)
