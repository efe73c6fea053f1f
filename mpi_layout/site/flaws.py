"""What can be wrong with the numbers that describe a wind, said once for all that read them."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.site.bins import evenly_covers_circle

Floats = NDArray[np.float64]

MOST_SPEED = 100.0  # m/s; what is more is no wind at a hub
SUM_TOLERANCE = 0.05  # of probabilities that are used as given
AIR_DENSITIES = (0.5, 2.0)  # kg/m3
TURBULENCE_INTENSITY = (0.01, 0.4)
STEP_TURBULENCE_INTENSITY = (0.001, 1.0)  # of ten minutes, which may be calm

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


def turn_flaws(direction: ArrayLike) -> Iterator[Flaw]:
    """Yield what keeps wind directions, degrees, from increasing within one turn."""
    direction = np.asarray(direction, dtype=float)
    if found := [*direction_flaws(direction), *increase_flaws(direction)]:
        yield from found
    elif direction[-1] - direction[0] >= 360:
        yield (direction.size - 1,), "wants no 360 beside 0: they are one"


def probability_flaws(probability: ArrayLike) -> Iterator[Flaw]:
    """Yield what is wrong with probabilities: negative ones, or a sum that is off by more than 0.05."""
    probability = np.asarray(probability, dtype=float)
    if negative := list(out_of_range(probability, 0)):
        yield from negative
        return
    with np.errstate(over="ignore"):  # infinite is told as well
        total = float(probability.sum())
    if abs(total - 1) > SUM_TOLERANCE:
        hint = "; are they percent?" if abs(total / 100 - 1) <= SUM_TOLERANCE else ""
        yield (), f"must sum to 1, sums to {total:.6g}{hint}"


def turbulence_flaws(values: ArrayLike, limits: tuple[float, float] = TURBULENCE_INTENSITY) -> Iterator[Flaw]:
    """Yield the first turbulence intensity outside the limits."""
    for place, text in out_of_range(values, *limits):
        share = np.asarray(values, dtype=float)[place] / 100
        yield place, text + ("" if any(out_of_range(share, *limits)) else "; is this percent?")


def air_flaws(
    shear_exponent: float, reference_height: float | None, air_density: float
) -> dict[str, Iterator[Flaw]]:
    """What is wrong with shear, its height, m, and the density, kg/m3, by their names."""
    return {
        "shear_exponent": out_of_range(shear_exponent, -1, 1),
        "reference_height": not_positive(1.0 if reference_height is None else reference_height),
        "air_density": out_of_range(air_density, *AIR_DENSITIES, " kg/m3"),
    }


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
