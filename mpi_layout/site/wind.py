"""The wind as the wake models see it: flow cases, each with its probability.

Whatever describes the wind of a site - Weibull sectors, a table, a time series - ends as one of the two
kinds of flow cases here.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

ALL_DIRECTIONS = np.arange(360.0)  # deg
ALL_SPEEDS = np.arange(3.0, 26.0)  # m/s
for _values in (ALL_DIRECTIONS, ALL_SPEEDS):
    _values.flags.writeable = False


@dataclass(frozen=True, eq=False)
class FlowCases:
    """Every pair of a wind direction and a wind speed, with its probability.

    Attributes
    ----------
    direction : (n_directions,) array
        Where the wind comes from, degrees clockwise from north.
    speed : (n_speeds,) array
        Free wind speeds, m/s.
    probability : (n_directions, n_speeds) array
        Probability of each flow case.
    turbulence_intensity : float or array
        Ambient turbulence intensity, of a shape that broadcasts to (n_directions, n_speeds).
    shear_exponent : float
        At height h the speed is u (h / reference_height)^shear_exponent.
    reference_height : float, optional
        Height of the speeds, m; None for speeds that hold at every hub.
    """

    direction: Floats
    speed: Floats
    probability: Floats
    turbulence_intensity: float | Floats
    shear_exponent: float = 0.0
    reference_height: float | None = None

    def __repr__(self) -> str:
        """Say how many there are."""
        shape = f"{self.direction.size} directions x {self.speed.size} speeds"
        return f"<{self.direction.size * self.speed.size:,} flow cases: {shape}>"

    @property
    def same_in_all_directions(self) -> bool:
        """Whether speeds and turbulence intensities are the same in all directions."""
        turbulence = np.atleast_2d(self.turbulence_intensity)
        return bool((turbulence == turbulence[0]).all())

    def by_direction(self) -> tuple[Counts, Floats, Floats, Floats]:
        """Cases one after the other: count (n_directions,); speed, turbulence, probability (n_cases,)."""
        shape = self.direction.size, self.speed.size
        columns = (self.speed, self.turbulence_intensity, self.probability)
        speed, turbulence, probability = (np.broadcast_to(column, shape).ravel() for column in columns)
        return np.full(shape[0], shape[1]), speed, turbulence, probability

    def speed_factor(self, hub_height: float) -> float:
        """Wind speed at a hub height, m, over the one that is given."""
        return _power_law(self.shear_exponent, self.reference_height, hub_height)


@dataclass(frozen=True, eq=False)
class FlowSeries:
    """The flow cases that occur, grouped by direction: those of a time series, for instance.

    Attributes
    ----------
    direction : (n_directions,) array
        Distinct and increasing, degrees clockwise from north.
    count : (n_directions,) array of int
        How many cases each direction has; they sum to n_cases.
    speed : (n_cases,) array
        Free wind speeds, m/s, those of the first direction first.
    probability : (n_cases,) array
        Probability of each flow case.
    turbulence_intensity : (n_cases,) array
        Ambient turbulence intensity.
    shear_exponent, reference_height : float
        As of `FlowCases`.
    """

    direction: Floats
    count: Counts
    speed: Floats
    probability: Floats
    turbulence_intensity: Floats
    shear_exponent: float = 0.0
    reference_height: float | None = None

    def __repr__(self) -> str:
        """Say how many there are."""
        return f"<{self.speed.size:,} flow cases in {self.direction.size} directions>"

    @property
    def same_in_all_directions(self) -> bool:
        """Whether speeds and turbulence intensities are the same in all directions: not taken for granted."""
        return False

    def by_direction(self) -> tuple[Counts, Floats, Floats, Floats]:
        """Cases one after the other: count (n_directions,); speed, turbulence, probability (n_cases,)."""
        return self.count, self.speed, self.turbulence_intensity, self.probability

    def speed_factor(self, hub_height: float) -> float:
        """Wind speed at a hub height, m, over the one that is given."""
        return _power_law(self.shear_exponent, self.reference_height, hub_height)


class Site(Protocol):
    """The wind of a site that is the same everywhere."""

    @property
    def air_density(self) -> float:
        """Density of the air at the hubs, kg/m3."""

    def flow_cases(self) -> FlowCases | FlowSeries:
        """Flow cases at the site's own resolution."""

    def binned(self, speed: ArrayLike) -> FlowCases:
        """Fewer flow cases, for comparisons that need no more: in bins around speeds (n_speeds,), m/s."""


def _power_law(exponent: float, reference_height: float | None, height: float) -> float:
    return 1.0 if reference_height is None else (height / reference_height) ** exponent


def frozen(values: ArrayLike) -> Floats:
    """Copy as an array of floats that cannot be changed."""
    array = np.array(values, dtype=float)
    array.flags.writeable = False
    return array
