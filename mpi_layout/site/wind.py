"""The wind as the wake models see it: flow cases, each with its probability.

Whatever describes the wind of a site - Weibull sectors, a table, a time series - ends as one of the two
kinds of flow cases here. What can be wrong with directions, speeds and probabilities is said here too, once
for all that read them.
"""

import math
from collections.abc import Iterator
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

MOST_SPEED = 100.0  # m/s; what is more is no wind at a hub
SUM_TOLERANCE = 0.05  # of probabilities that are used as given


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


# ---------------------------------------------------------------- bins


def bin_width(direction: Floats) -> float:
    """Width of the bin of each direction, degrees: their step where it is even, else an equal share."""
    steps = np.diff(direction)
    if steps.size and np.allclose(steps, steps[0], rtol=0, atol=1e-9):
        return float(steps[0])
    return 360 / direction.size


def bin_edges(speed: Floats) -> Floats:
    """Bin edges (n_speeds + 1,), m/s: half-way between speeds, the outer steps mirrored.

    A single speed has a bin of 1 m/s.
    """
    if speed.size == 1:
        return speed[0] + np.array([-0.5, 0.5])
    half = np.diff(speed) / 2
    edges = np.concatenate([speed[:1] - half[:1], speed[:-1] + half, speed[-1:] + half[-1:]])
    return np.maximum(edges, 0)


def between_sectors(sectors: Floats, direction: ArrayLike, lookup: str, *values: Floats) -> list[Floats]:
    """Look up values of sectors at any direction.

    Parameters
    ----------
    sectors : (n_sectors,) array
        Sector centres that cover the circle evenly, degrees.
    direction : (n,) array
        Degrees.
    lookup : {"nearest", "linear"}
        Take the values of the nearest centre, or interpolate between two.
    *values : (n_sectors, ...) arrays
        What to look up.

    Returns
    -------
    list of (n, ...) arrays
    """
    position = (np.asarray(direction, dtype=float) - sectors[0]) % 360 * sectors.size / 360
    if lookup == "nearest":
        # Half-way directions belong to the next sector: 15 degrees to the one at 30.
        position = np.floor(position + 0.5)
    lower = np.floor(position).astype(int)
    weight = position - lower
    lower %= sectors.size
    upper = (lower + 1) % sectors.size
    weights = (weight.reshape(-1, *[1] * (v.ndim - 1)) for v in values)
    return [(1 - w) * v[lower] + w * v[upper] for w, v in zip(weights, values, strict=True)]


def evenly_covers_circle(direction: ArrayLike) -> bool:
    """Whether sector centres, in degrees, step evenly and cover 360 degrees."""
    direction = np.asarray(direction, dtype=float)
    expected = direction[0] + np.arange(direction.size) * (360 / direction.size)
    return bool(np.allclose(direction, expected, rtol=0, atol=1e-6))


# ---------------------------------------------------------------- what can be wrong

Flaw = tuple[tuple[int, ...], str]
"""Where in an array, and what is wanted and found there; an empty place is the whole array."""


def out_of_range(values: ArrayLike, low: float, high: float = math.inf, unit: str = "") -> Iterator[Flaw]:
    """Yield the first value that is no finite number from low to high."""
    values = np.asarray(values, dtype=float)
    wanted = f"{low:g} to {high:g}" if high < math.inf else f"a number of at least {low:g}"
    yield from _first(values, (values >= low) & (values <= high), wanted + unit)


def not_positive(values: ArrayLike) -> Iterator[Flaw]:
    """Yield the first value that is no finite number above zero."""
    values = np.asarray(values, dtype=float)
    yield from _first(values, values > 0, "a number above 0")


def _first(values: Floats, sound: NDArray[np.bool_], wanted: str) -> Iterator[Flaw]:
    wrong = np.argwhere(~(sound & np.isfinite(values)))
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        yield place, f"wants {wanted}, has {values[place]:g}"


def direction_flaws(direction: ArrayLike) -> Iterator[Flaw]:
    """Yield what is wrong with wind directions, degrees."""
    yield from out_of_range(direction, 0, 360, " degrees")


def circle_flaws(direction: ArrayLike) -> Iterator[Flaw]:
    """Yield that sector centres, degrees, do not cover the circle evenly."""
    if not evenly_covers_circle(direction):
        yield (), f"does not cover 360 degrees in equal steps: {np.asarray(direction)}"


def speed_flaws(speed: ArrayLike) -> Iterator[Flaw]:
    """Yield what is wrong with wind speeds, m/s."""
    yield from out_of_range(speed, 0, MOST_SPEED, " m/s")


def increase_flaws(values: ArrayLike) -> Iterator[Flaw]:
    """Yield the first value that is not larger than the one before it."""
    values = np.asarray(values, dtype=float)
    falling = np.flatnonzero(~(np.diff(values) > 0))
    if falling.size:
        i = int(falling[0]) + 1
        yield (i,), f"must increase, has {values[i]:g} after {values[i - 1]:g}"


def probability_flaws(probability: ArrayLike) -> Iterator[Flaw]:
    """Yield what is wrong with probabilities: negative ones, or a sum that is off by more than 0.05."""
    probability = np.asarray(probability, dtype=float)
    if negative := list(out_of_range(probability, 0)):
        yield from negative
        return
    total = math.fsum(probability.ravel())
    if abs(total - 1) > SUM_TOLERANCE:
        hint = "; are they percent?" if abs(total / 100 - 1) <= SUM_TOLERANCE else ""
        yield (), f"must sum to 1, sums to {total:.6g}{hint}"


class WindError(ValueError):
    """Values that are no wind.

    Attributes
    ----------
    name : str
        Which argument, with the place in it: speed[3].
    text : str
        What is wanted and what was found.
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name} {text}")
        self.name, self.text = name, text


def refuse(**flaws: Iterator[Flaw]) -> None:
    """Raise what is wrong with the arrays of those names.

    Raises
    ------
    WindError
        The first flaw.
    """
    for name, found in flaws.items():
        for place, text in found:
            raise WindError(name + "".join(f"[{i}]" for i in place), text)


def frozen(values: ArrayLike) -> Floats:
    """Copy as an array of floats that cannot be changed."""
    array = np.array(values, dtype=float)
    array.flags.writeable = False
    return array
