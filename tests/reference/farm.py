"""A whole farm in plain numpy, to be read beside the C kernel: one direction, one turbine after the other.

SI units, wind directions in degrees clockwise from north.
"""

from dataclasses import dataclass

import numpy as np
from reference import wakes


@dataclass(frozen=True)
class Flow:
    """What the turbines see in every flow case."""

    speed: np.ndarray  # (n_directions, n_speeds, n) m/s
    turbulence_intensity: np.ndarray  # (n_directions, n_speeds, n)


def flow(
    x, y, turbines, *, direction, speed, turbulence_intensity, wake, shear_exponent=0.0, reference_height=None
):
    """Effective wind speed and turbulence intensity at every turbine.

    Parameters
    ----------
    x, y : (n,) array_like
        m.
    turbines : sequence of n
        Anything with ``speed``, ``ct``, ``cut_in``, ``cut_out``, ``rotor_diameter`` and ``hub_height``.
    direction : (n_directions,) array_like
        Degrees.
    speed : (n_speeds,) array_like
        Of the free wind at the reference height, m/s.
    turbulence_intensity : array_like
        Ambient, broadcastable to (n_directions, n_speeds).
    wake : wakes.Wake
        Its parts.
    shear_exponent : float
        Of the power law.
    reference_height : float or None
        m; None: the speeds are those at every hub.
    """
    height = np.array([t.hub_height for t in turbines], float)
    sheared = 1.0 if reference_height is None else (height / reference_height) ** shear_exponent
    free = np.asarray(speed, float)[:, np.newaxis] * sheared * np.ones(len(turbines))
    ambient = np.broadcast_to(turbulence_intensity, (len(direction), len(free)))
    cases = [
        _one_direction(*_along_wind(x, y, degrees), turbines, free, ambient[d][:, np.newaxis], wake)
        for d, degrees in enumerate(direction)
    ]
    return Flow(*(np.array(part) for part in zip(*cases, strict=True)))


def _along_wind(x, y, degrees):
    theta = np.deg2rad(90.0 - degrees)
    x, y = np.asarray(x, float), np.asarray(y, float)
    return -np.cos(theta) * x - np.sin(theta) * y, np.sin(theta) * x - np.cos(theta) * y


def _one_direction(downwind, crosswind, turbines, free, ambient, wake):
    """Wind speed and turbulence intensity, (n_speeds, n) each, in one sweep downwind."""
    n_speeds, n = free.shape
    diameter = np.array([t.rotor_diameter for t in turbines], float)
    height = np.array([t.hub_height for t in turbines], float)
    effective, turbulence = np.zeros((n_speeds, n)), np.zeros((n_speeds, n))
    deficit, added = np.zeros((n, n_speeds, n)), np.zeros((n, n_speeds, n))  # source, case, receiver
    order = np.argsort(downwind)
    for number, i in enumerate(order):
        earlier, later = order[:number], order[number + 1 :]
        effective[:, i] = free[:, i] - wake.superposition(deficit[earlier, :, i])
        turbulence[:, i] = ambient[:, 0]
        if wake.turbulence is not None:
            turbulence[:, i] = wakes.effective_turbulence(
                wake.turbulence, ambient[:, 0], added[earlier, :, i]
            )
        ct = ct_at(turbines[i], effective[:, i])[:, np.newaxis]
        dw, hcw = downwind[later] - downwind[i], crosswind[later] - crosswind[i]
        off_axis, off_image = (
            np.hypot(hcw, height[later] - height[i]),
            np.hypot(hcw, height[later] + height[i]),
        )
        scale = {
            "receiver_free": free[:, later],
            "source_free": free[:, [i]],
            "source_effective": effective[:, [i]],
        }[wake.scale]
        width = wake.width(dw / diameter[i], ct, ambient, turbulence[:, [i]])  # in rotor diameters
        centre, width, radius = scale * wake.centre(ct, width), diameter[i] * width, diameter[later] / 2.0
        deficit[i][:, later] = centre * wake.average(width, radius, off_axis)
        if wake.mirror:
            image = centre * wake.average(width, radius, off_image)
            deficit[i][:, later] = np.hypot(deficit[i][:, later], image)
        if wake.turbulence is not None:
            added[i][:, later] = wakes.added_turbulence(
                wake.turbulence, dw, off_axis, ct, diameter[i], ambient, wake.radius * width, radius
            )
    return effective, turbulence


def ct_at(turbine, speed):
    """Thrust coefficient at a wind speed."""
    return _running(turbine, speed) * np.interp(speed, turbine.speed, turbine.ct)


def power_at(turbine, speed):
    """Power at a wind speed, W."""
    return _running(turbine, speed) * np.interp(speed, turbine.speed, turbine.power)


def _running(turbine, speed):
    """Whether it runs; deficits may add up to a negative speed, which no cut-in of 0 m/s forbids."""
    cut_in, cut_out = turbine.cut_in, turbine.cut_out
    return ((cut_in <= speed) | (cut_in == 0.0)) & (speed <= cut_out)
