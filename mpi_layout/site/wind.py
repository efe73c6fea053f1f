"""The wind of a site: Weibull sectors in, flow cases with their probabilities out.

Sectors are centred on their directions, and a direction between two centres is
looked up by the nearest sector or by linear interpolation, as PyWake's XRSite
does. The probabilities are not normalised: what lies outside the speeds asked
for is missing from their sum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

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
    turbulence_intensity : float
        Ambient turbulence intensity.
    """

    direction: Floats
    speed: Floats
    probability: Floats
    turbulence_intensity: float


@dataclass(frozen=True, eq=False)
class WeibullSite:
    """A uniform site whose wind is given by sectors.

    Attributes
    ----------
    direction : (n_sectors,) array
        Sector centres, degrees: evenly spaced, covering the circle.
    weibull_a, weibull_k : (n_sectors,) array
        Weibull scale, m/s, and shape of each sector.
    sector_probability : (n_sectors,) array
        Probability that the wind comes from the sector.
    turbulence_intensity : float
        Ambient turbulence intensity.
    lookup : {"nearest", "linear"}
        How a direction between two sector centres gets its values.

    Raises
    ------
    ValueError
        If the sectors differ in number, do not cover the circle evenly or the
        lookup is unknown.
    """

    direction: Floats
    weibull_a: Floats
    weibull_k: Floats
    sector_probability: Floats
    turbulence_intensity: float
    lookup: str = "nearest"

    def __post_init__(self) -> None:
        shape = np.shape(self.direction)
        for name in ("direction", "weibull_a", "weibull_k", "sector_probability"):
            values = np.array(getattr(self, name), dtype=float)
            if len(shape) != 1 or values.shape != shape or not values.size:
                raise ValueError(
                    f"{name} has shape {values.shape}; all sectors need one list of equal length"
                )
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        if not evenly_covers_circle(self.direction):
            raise ValueError(f"sectors do not cover 360 degrees in equal steps: {self.direction}")
        if self.lookup not in ("nearest", "linear"):
            raise ValueError(f"lookup is {self.lookup!r}; wants 'nearest' or 'linear'")

    def at(self, direction: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Weibull scale, shape and sector probability looked up at directions.

        Parameters
        ----------
        direction : (n,) array
            Degrees.

        Returns
        -------
        weibull_a, weibull_k, sector_probability : (n,) array
            The last one still belongs to a whole sector.
        """
        n_sectors = self.direction.size
        position = (np.asarray(direction, dtype=float) - self.direction[0]) % 360 * n_sectors / 360
        if self.lookup == "nearest":
            # Half-way directions belong to the next sector: 15 degrees to the one at 30.
            position = np.floor(position + 0.5)
        lower = np.floor(position).astype(int)
        weight = position - lower
        lower %= n_sectors
        upper = (lower + 1) % n_sectors
        values = (self.weibull_a, self.weibull_k, self.sector_probability)
        a, k, probability = ((1 - weight) * v[lower] + weight * v[upper] for v in values)
        return a, k, probability

    def flow_cases(
        self, *, direction: ArrayLike = ALL_DIRECTIONS, speed: ArrayLike = ALL_SPEEDS
    ) -> FlowCases:
        """Flow cases at the given directions and speeds.

        Each direction stands for a bin as wide as the step between directions
        (evenly spaced ones; else an equal share of the circle), each speed for
        a bin that reaches half-way to its neighbours.

        Parameters
        ----------
        direction : (n_directions,) array
            Degrees.
        speed : (n_speeds,) array
            Increasing, m/s.

        Returns
        -------
        FlowCases
            Probabilities of shape (n_directions, n_speeds).
        """
        direction = np.atleast_1d(np.asarray(direction, dtype=float))
        speed = np.atleast_1d(np.asarray(speed, dtype=float))
        a, k, sector_probability = self.at(direction)
        sector_width = 360 / self.direction.size
        direction_probability = sector_probability / sector_width * _direction_bin(direction)
        cumulative = 1 - np.exp(-((_speed_edges(speed) / a[:, None]) ** k[:, None]))
        probability = direction_probability[:, None] * np.diff(cumulative, axis=1)
        return FlowCases(direction, speed, probability, self.turbulence_intensity)


def evenly_covers_circle(direction: ArrayLike) -> bool:
    """Whether sector centres, in degrees, step evenly and cover 360 degrees."""
    direction = np.asarray(direction, dtype=float)
    expected = direction[0] + np.arange(direction.size) * (360 / direction.size)
    return bool(np.allclose(direction, expected, rtol=0, atol=1e-6))


def _direction_bin(direction: Floats) -> float:
    steps = np.diff(direction)
    if steps.size and np.allclose(steps, steps[0], rtol=0, atol=1e-9):
        return float(steps[0])
    return 360 / direction.size


def _speed_edges(speed: Floats) -> Floats:
    """Bin edges (n_speeds + 1,): half-way between speeds, the outer steps mirrored."""
    if speed.size == 1:
        return speed[0] + np.array([-0.5, 0.5])
    half = np.diff(speed) / 2
    edges = np.concatenate([speed[:1] - half[:1], speed[:-1] + half, speed[-1:] + half[-1:]])
    return np.maximum(edges, 0)
