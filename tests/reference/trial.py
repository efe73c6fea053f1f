"""Farms to try wake models on: layouts, turbine types and a site, the same for tests and benchmarks."""

import numpy as np

from mpi_layout.site.turbine import Turbine, generic_turbine
from mpi_layout.site.wind import WeibullSite

SITE = WeibullSite(
    direction=np.arange(0.0, 360.0, 30.0),
    weibull_a=[8.65, 7.98, 11.05, 11.31, 12.2, 12.26, 12.61, 13.05, 12.61, 12.06, 12.24, 11.95],
    weibull_k=[1.77, 1.87, 2.25, 2.23, 2.41, 2.48, 2.27, 2.26, 2.08, 2.12, 2.25, 2.25],
    sector_probability=[0.032, 0.03, 0.052, 0.078, 0.074, 0.059, 0.082, 0.116, 0.13, 0.117, 0.121, 0.109],
    turbulence_intensity=0.1,
)
GENERIC = (
    generic_turbine("15 MW", rated_power=15e6, rotor_diameter=240, hub_height=150),
    generic_turbine("10 MW", rated_power=10e6, rotor_diameter=195, hub_height=121),
    generic_turbine("4 MW", rated_power=4e6, rotor_diameter=130, hub_height=90),
)


def tabulated_turbine(name="uneven", *, cut_in=0.0, cut_out=np.inf):
    """A 5 MW turbine with a short, uneven table, as people type them."""
    speed = np.array([3.2, 4.0, 5.5, 7.0, 7.4, 9.0, 10.2, 11.4, 12.0, 16.0, 24.6])
    power = np.array([0.05, 0.18, 0.6, 1.3, 1.55, 2.75, 3.9, 4.8, 5.0, 5.0, 5.0]) * 1e6
    ct = np.array([0.81, 0.84, 0.82, 0.8, 0.79, 0.78, 0.74, 0.61, 0.43, 0.17, 0.05])
    return Turbine(name, 5e6, 126.0, 90.0, speed, power, ct, cut_in=cut_in, cut_out=cut_out)


def positions(kind, n, spacing, seed=0):
    """Positions x, y (n,) in m, at a least distance in m: ``line``, ``grid``, ``turned`` or ``random``.

    A line runs from south to north, a grid along the axes: fully aligned with the wind at 0, 45, 90, ...
    degrees. The turned grid is 11.3 degrees off, so that rotors stand partly in each other's wakes.
    """
    if kind == "line":
        return np.zeros(n), spacing * np.arange(n)
    if kind == "random":
        return scattered(n, spacing, spacing * np.sqrt(3.0 * n), seed)
    row, column = np.divmod(np.arange(n), int(np.ceil(np.sqrt(n))))
    x, y = spacing * column, spacing * row
    angle = np.deg2rad(11.3) if kind == "turned" else 0.0
    return np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y


def scattered(n, spacing, side, seed=0):
    """Positions x, y (n,) in m thrown at random into a square, those too close to others again."""
    print(f"random layout: seed {seed}")
    random = np.random.default_rng(seed)
    points = np.empty((0, 2))
    while len(points) < n:
        point = random.uniform(0.0, side, 2)
        if np.hypot(*(points - point).T).min(initial=np.inf) >= spacing:
            points = np.vstack([points, point])
    x, y = points.T
    return x.copy(), y.copy()
