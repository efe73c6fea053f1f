"""The mean of a Gaussian over a rotor disc, in PyWake's own numbers.

The kernel knows the exact mean as a series. PyWake interpolates in a table whose two small errors - of a
trapezium rule, up to 9e-7, and of bilinear interpolation, up to 2e-5 - are repeated here to the last digit
for those who want to be compared with PyWake more closely than its own accuracy.
"""

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
    from scipy.interpolate import RectBivariateSpline  # slow to import, and readers of results never need it

    step = 0.02
    radius: Floats = step * np.arange(int(np.ceil((radius_max + 0.4) / step)) + 1.0)
    distance: Floats = step * np.arange(501.0)
    spline = RectBivariateSpline(radius, distance, _disc_mean(radius[:, None], distance), s=0)
    fine_radius = step / 2 * np.arange(int(np.ceil(radius_max / step)) * 2 + 2)
    return DiscTable(np.ascontiguousarray(spline(fine_radius, step / 2 * np.arange(1001))), step / 2)


def _disc_mean(r: Floats, c: Floats) -> Floats:
    """Mean over discs of radius r at centre distance c, with the error of PyWake's trapezium rule.

    The mean is the integral over t = 0..1 of f(t) = 2 t exp(-(t^2 r^2 + c^2) / 2) I0(t r c). PyWake takes
    512 points; the same number comes cheaper from an exact quadrature plus the first two terms of the
    Euler-Maclaurin formula, h^2/12 f' - h^4/720 f''', each taken between the ends.
    """
    from scipy.special import i0e

    exact = np.zeros(np.broadcast_shapes(r.shape, c.shape))
    for node, weight in zip(*np.polynomial.legendre.leggauss(24), strict=True):
        t = (node + 1) / 2
        exact += weight * t * _ring(i0e, t * r, c)
    h = 1 / 511
    at_zero = np.exp(-(c**2) / 2)
    slope, third = _end_derivatives(np.maximum(r, 1e-3), c)
    slope, third = slope - 2 * at_zero, third - 3 * at_zero * r**2 * (c**2 - 2)
    return np.where(r > 0, exact + h**2 / 12 * slope - h**4 / 720 * third, at_zero)


def _ring(bessel: np.ufunc, r: Floats, c: Floats) -> Floats:
    """exp(-(r^2 + c^2) / 2) I(r c), I a modified Bessel function that comes scaled by exp(-r c)."""
    ring: Floats = np.exp(-((r - c) ** 2) / 2) * bessel(r * c)
    return ring


def _end_derivatives(r: Floats, c: Floats) -> tuple[Floats, Floats]:
    """First and third derivative by t of f(t) in `_disc_mean` at t = 1, from I0' = I1, I1' = I0 - I1 / z."""
    from scipy.special import i0e, i1e

    g, k = _ring(i0e, r, c), _ring(i1e, r, c)
    g1 = c * k - r * g
    k1 = c * g - (r + 1 / r) * k
    g2 = c * k1 - g - r * g1
    k2 = c * g1 - (1 - 1 / r**2) * k - (r + 1 / r) * k1
    g3 = c * k2 - 2 * g1 - r * g2
    return 2 * (g + r * g1), 2 * (3 * r**2 * g2 + r**3 * g3)
