"""How far apart turbines have to be: a distance, or an ellipse around each that no other may stand in."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_ROUNDING = 1e-12  # share of a distance


@dataclass(frozen=True)
class Spacing:
    """Smallest distances of two turbines.

    Two turbines have to be apart by `along` in the main wind direction, by `across` at right angles to it,
    and by what an ellipse with these half axes says in between. All tests use the *scaled distance*: that of
    a map on which the longer axis is as short as the other one, so that `least` is wanted in all directions.

    Attributes
    ----------
    along : float
        Smallest distance in the direction, m.
    across : float, optional
        Smallest distance at right angles to it, m; as `along` if not given.
    direction : float
        Where the main wind comes from (or goes to), degrees clockwise from north.

    Raises
    ------
    ValueError
        If a distance is no finite number above 0.
    """

    along: float
    across: float | None = None
    direction: float = 0.0

    def __post_init__(self) -> None:
        for key, value in (("along", self.along), ("across", self.across)):
            if value is not None and not 0 < value < np.inf:
                raise ValueError(f"{key} is {value:g}, wants a finite number above 0")

    @property
    def is_plain(self) -> bool:
        """Whether the distance is the same in all directions."""
        return self.across is None or self.across == self.along

    @property
    def least(self) -> float:
        """Smallest scaled distance, m: the shorter half axis."""
        return self.along if self.across is None else min(self.along, self.across)

    @property
    def most(self) -> float:
        """The longer half axis, m: farther than that nobody is too close."""
        return self.along if self.across is None else max(self.along, self.across)

    def scaled(self, points: Floats) -> Floats:
        """Places (n, 2) on the map of scaled distances, from (n, 2), m."""
        angle = np.deg2rad(self.direction)
        s, c = np.sin(angle), np.cos(angle)
        along, across = self.least / self.along, self.least / (self.across or self.along)
        return points @ np.array([[along * s, across * c], [along * c, -across * s]])

    @cached_property
    def form(self) -> tuple[float, float, float]:
        """xx, xy, yy of the squared scaled distance xx dx^2 + 2 xy dx dy + yy dy^2."""
        if self.is_plain:
            return 1.0, 0.0, 1.0
        (xx, xy), (_, yy) = self.scaled(np.eye(2)) @ self.scaled(np.eye(2)).T
        return float(xx), float(xy), float(yy)

    def squared(self, dx: ArrayLike, dy: ArrayLike) -> Floats:
        """Squared scaled distances of turbines (dx, dy) apart, m2; to be compared with `least**2`."""
        dx, dy = np.asarray(dx, float), np.asarray(dy, float)
        if self.is_plain:
            return np.asarray(dx**2 + dy**2)
        xx, xy, yy = self.form
        return np.asarray(xx * dx**2 + 2 * xy * dx * dy + yy * dy**2)

    def smallest(self, x: Floats, y: Floats) -> float:
        """Smallest scaled distance between any two of the points (n,), m; infinite for one point."""
        if self.is_plain:
            return smallest_distance(x, y)
        return float(np.sqrt(self.squared(*_pairs(x, y)).min(initial=np.inf)))

    def is_kept_by(self, distance: float) -> bool:
        """Whether a smallest scaled distance, m, is enough, but for rounding."""
        return distance >= self.least * (1 - _ROUNDING)

    def fault(self, distance: float) -> str:
        """What is wrong with a smallest scaled distance, m."""
        if self.is_plain:
            return f"two turbines stand {distance:.9g} m apart, {self.least:g} m are wanted"
        share = distance / self.least
        return f"two turbines stand {share:.9f} times as far apart as is wanted: {self}"

    def __str__(self) -> str:
        if self.is_plain:
            return f"{self.least:g} m"
        return f"{self.along:g} m along {self.direction:g} deg and {self.across:g} m across"


def smallest_distance(x: Floats, y: Floats) -> float:
    """Smallest distance between any two of the points (n,), m; infinite for one point."""
    # hypot rounds less than the root of a sum of squares
    return float(np.hypot(*_pairs(x, y)).min(initial=np.inf))


def _pairs(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    first, second = np.triu_indices(x.size, k=1)
    return x[first] - x[second], y[first] - y[second]
