"""TurbOPark with a Gaussian wake profile, in plain numpy, to be read beside the C kernel.

Equations of N. G. Nygaard, L. Poulsen, E. Svensson, J. Grunnet Pedersen, "Large-scale benchmarking of wake
models for offshore wind farms", J. Phys.: Conf. Ser. 2265 (2022) 022008, as PyWake's ``Nygaard_2022`` applies
them: free-stream scaling, ambient turbulence, disc-averaged deficit, one mirror image below the ground, root
sum of squares. Written for reading: one direction after the other, one turbine after the other.

``turbine`` is anything with ``speed``, ``ct``, ``rotor_diameter`` and ``hub_height``; ``model`` anything with
``A``, ``c1``, ``c2``, ``ceps`` and ``ct_limit``. SI units, wind directions in degrees clockwise from north.
"""

import numpy as np
from scipy.special import i0e

# Gauss-Legendre points on (0, 1): the integrand is entire, so up to disc radii of 4 sigma exact to 1e-13
_NODE, _WEIGHT = np.polynomial.legendre.leggauss(24)
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


def wake_width(z, ct, turbulence_intensity, model):
    """Standard deviation of the wake, in rotor diameters, z diameters downstream (eq. 5-7 of the paper)."""
    ct = np.maximum(ct, 1e-20)
    alpha = model.c1 * turbulence_intensity
    beta = model.c2 * turbulence_intensity / np.sqrt(ct)
    here = np.sqrt((alpha + beta * z) ** 2 + 1.0)
    start = np.sqrt(1.0 + alpha**2)
    growth = here - start - np.log((here + 1.0) * alpha / ((start + 1.0) * (alpha + beta * np.abs(z))))
    root = np.sqrt(1.0 - np.minimum(model.ct_limit, ct))
    return model.A * turbulence_intensity / beta * growth + model.ceps * np.sqrt(0.5 * (1.0 + root) / root)


def deficit(dw, hcw, ct, turbine, turbulence_intensity, model, average=disc_average):
    """Deficit behind one turbine as a fraction of the free wind speed, its mirror image included.

    Parameters
    ----------
    dw, hcw : array_like, m
        Distance downwind and crosswind of the receiver from the source.
    ct : array_like
        Thrust coefficient of the source.
    """
    diameter = turbine.rotor_diameter
    width = wake_width(dw / diameter, ct, turbulence_intensity, model)
    centre = 1.0 - np.sqrt(1.0 - np.minimum(1.0, ct / (8.0 * width**2)))
    sigma = width * diameter
    real = average(diameter / 2.0 / sigma, np.abs(hcw) / sigma)
    mirrored = average(diameter / 2.0 / sigma, np.hypot(hcw, 2.0 * turbine.hub_height) / sigma)
    return centre * np.sqrt(real**2 + mirrored**2)


def effective_speed(x, y, *, turbine, direction, speed, turbulence_intensity, model, average=disc_average):
    """Wind speed at every turbine in every flow case, (n_directions, n_speeds, n) m/s."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    free = np.asarray(speed, float)
    result = np.empty((len(direction), len(free), len(x)))
    for number, degrees in enumerate(direction):
        theta = np.deg2rad(90.0 - degrees)
        downwind = -np.cos(theta) * x - np.sin(theta) * y
        crosswind = np.sin(theta) * x - np.cos(theta) * y
        squares = np.zeros((len(free), len(x)))
        waiting = list(np.argsort(downwind, kind="stable"))
        while waiting:
            source = waiting.pop(0)
            here = free * (1.0 - np.sqrt(squares[:, source]))
            result[number, :, source] = here
            ct = np.interp(here, turbine.speed, turbine.ct)
            squares[:, waiting] += (
                deficit(
                    downwind[waiting] - downwind[source],
                    crosswind[waiting] - crosswind[source],
                    ct[:, np.newaxis],
                    turbine,
                    turbulence_intensity,
                    model,
                    average,
                )
                ** 2
            )
    return result
