"""Farms to try wake models on, and the models with their options: the same for tests and benchmarks."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from mpi_layout.site.turbine import Turbine, generic_turbine
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.wake.farm import Farm
from mpi_layout.wake.models import STF2017, CrespoHernandez

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


# ---- Models ----

OTHER = {  # parameters other than the defaults
    "TurbOPark": {"A": 0.06, "c1": 1.2, "c2": 1.0, "ceps": 0.3, "ct_limit": 0.75},
    "NOJ": {"k": 0.05},
    "NOJLocal": {"k_turbulence": 0.3, "k_constant": 0.01},
    "BastankhahGaussian": {"k": 0.05, "ceps": 0.3, "ct_limit": 0.7},
    "NiayifarGaussian": {"k_turbulence": 0.3, "k_constant": 0.01, "ceps": 0.25, "ct_limit": 0.75},
    "Niayifar_PorteAgel_2016": {"k_turbulence": 0.35, "k_constant": 0.002, "ceps": 0.25},
    "IEA37SimpleBastankhahGaussian": {"k": 0.05},
}
NAMES = list(OTHER)
SUPERPOSITIONS = ("squared_sum", "linear_sum", "max_sum")
OPTIONS = [  # of the models, one at a time
    *((name, {"superposition": s}) for name in NAMES for s in SUPERPOSITIONS),
    *((name, {"rotor_average": "centre"}) for name in ("TurbOPark", "NOJ", "NOJLocal")),
    *((name, {"rotor_average": "gaussian_overlap"}) for name in ("BastankhahGaussian", "NiayifarGaussian")),
    ("TurbOPark", {"ground": "none"}),
    *((name, {"ground": "mirror"}) for name in ("BastankhahGaussian", "NiayifarGaussian")),
    *((name, {"induction": "momentum"}) for name in ("NOJ", "NOJLocal", "BastankhahGaussian")),
    ("NiayifarGaussian", {"induction": "momentum", "local_speed": True}),
    ("Niayifar_PorteAgel_2016", {"induction": "madsen", "local_speed": False}),
    ("NOJLocal", {"turbulence": CrespoHernandez()}),
    ("NOJLocal", {"turbulence": STF2017(c0=1.2, c1=1.0)}),
    ("NiayifarGaussian", {"turbulence": STF2017()}),
    ("NiayifarGaussian", {"turbulence": CrespoHernandez(0.6, 0.9, -0.02, -0.4, "momentum")}),
    ("Niayifar_PorteAgel_2016", {"turbulence": STF2017()}),
]


# ---- Farms in their wind ----

SPEED = np.arange(3.0, 26.0)
FARMS = {  # layout, turbines, least spacing in diameters, types, degrees between wind directions
    "5 in a line": ("line", 5, 2.5, 1, 5),
    "5 at random": ("random", 5, 3, 3, 5),
    "20 dense": ("random", 20, 2, 1, 10),
    "20 of two types": ("random", 20, 3, 2, 10),
    "20 of three types": ("random", 20, 3, 3, 10),
    "20 in a line": ("line", 20, 4, 1, 15),
    "66 at random": ("random", 66, 3, 2, 30),
    "66 on a turned grid": ("turned", 66, 4, 1, 30),
    "100 on a grid": ("grid", 100, 4, 1, 45),
    "100 at random": ("random", 100, 3, 3, 45),
}
EVERY_DEGREE = {
    "66 at random, every degree": ("random", 66, 3, 2, 1),
    "100 on a grid, every degree": ("grid", 100, 4, 1, 1),
}


@dataclass(frozen=True, eq=False)
class Layout:
    """A farm and the wind that it stands in."""

    x: np.ndarray
    y: np.ndarray
    types: tuple
    type_of: np.ndarray
    direction: np.ndarray
    speed: np.ndarray

    @property
    def flow_cases(self):
        return SITE.flow_cases(direction=self.direction, speed=self.speed)

    def farm(self, model, flow_cases=None):
        """Ours, in other flow cases if they are given."""
        cases = self.flow_cases if flow_cases is None else flow_cases
        return Farm(self.types, cases, model, type_of=self.type_of)


@cache
def layout_of(name):
    kind, n, spacing, n_types, step = (FARMS | EVERY_DEGREE)[name]
    types = GENERIC[:n_types]
    x, y = positions(kind, n, spacing * types[0].rotor_diameter)
    return Layout(x, y, types, np.arange(n) % n_types, np.arange(0.0, 360.0, step), SPEED)


def name_of(value):
    """How pytest calls a model with options."""
    if isinstance(value, dict):
        return " ".join(f"{key}={option}" for key, option in value.items()) or "defaults"
    return None
