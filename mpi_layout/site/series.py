"""A site whose wind is given by a time series."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.site.bins import bin_edges
from mpi_layout.site.flaws import (
    Flaw,
    WindError,
    air_flaws,
    direction_flaws,
    out_of_range,
    refuse,
    speed_flaws,
)
from mpi_layout.site.turbine import AIR_DENSITY
from mpi_layout.site.wind import ALL_DIRECTIONS, Floats, FlowCases, FlowSeries, frozen


@dataclass(frozen=True, eq=False)
class SeriesSite:
    """A uniform site whose wind is given step by step.

    Steps of equal direction, speed and turbulence intensity are one flow case whose probability is their
    share of all weights: nothing of the series is lost but its order.

    Attributes
    ----------
    direction, speed : (n_steps,) array
        Degrees within [0, 360], and m/s, of each step.
    turbulence_intensity : float or (n_steps,) array
        Ambient turbulence intensity, of all steps or of each.
    weight : (n_steps,) array, optional
        How much each step counts, in any unit; all the same if not given.
    shear_exponent, reference_height, air_density : float
        Power law of the speeds; height that they are given at, m (None: at every hub); kg/m3.

    Raises
    ------
    ValueError
        Naming what is wrong and at which step.
    """

    direction: Floats
    speed: Floats
    turbulence_intensity: float | Floats
    weight: Floats | None = None
    shear_exponent: float = 0.0
    reference_height: float | None = None
    air_density: float = AIR_DENSITY

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in ("direction", "speed", "turbulence_intensity")}
        given["weight"] = 1.0 if self.weight is None else self.weight
        shape = np.shape(self.direction)
        if len(shape) != 1 or not shape[0]:
            text = f"wants one value for each step and at least one step, has shape {shape}"
            raise WindError("direction", text)
        for name, values in given.items():
            if np.shape(values) != shape and (np.shape(values) or name == "speed"):
                raise WindError(name, f"has shape {np.shape(values)}, direction has {shape}")
            object.__setattr__(self, name, frozen(np.broadcast_to(values, shape)))
        refuse(
            direction=direction_flaws(self.direction),
            speed=speed_flaws(self.speed),
            turbulence_intensity=out_of_range(self.turbulence_intensity, 0),
            weight=weight_flaws(self._weight),
            **air_flaws(self.shear_exponent, self.reference_height, self.air_density),
        )

    def flow_cases(self) -> FlowSeries:
        """Distinct triples of direction, speed and turbulence intensity, with their probabilities."""
        return self._flow_series

    @cached_property
    def _flow_series(self) -> FlowSeries:
        direction, turbulence = self.direction % 360, np.asarray(self.turbulence_intensity)
        order = np.lexsort((turbulence, self.speed, direction))
        cases = np.column_stack([direction, self.speed, turbulence])[order]
        first = np.flatnonzero(np.any(np.diff(cases, axis=0, prepend=np.nan) != 0, axis=1))
        weight = np.add.reduceat(self._weight[order], first)
        directions, count = np.unique(cases[first, 0], return_counts=True)
        return FlowSeries(
            directions,
            count,
            cases[first, 1],
            weight / weight.sum(),
            cases[first, 2],
            self.shear_exponent,
            self.reference_height,
        )

    def binned(self, speed: ArrayLike) -> FlowCases:
        """Flow cases in bins around speeds (n_speeds,), m/s, and around the directions.

        Directions are those of the series if there are at most 360, else whole degrees. What lies outside the
        bins of speed is missing. The turbulence intensity is the mean over each bin, over all for empty bins.
        """
        cases, speed = self._flow_series, np.atleast_1d(np.asarray(speed, dtype=float))
        each = np.repeat(np.arange(cases.direction.size), cases.count)
        if cases.direction.size <= ALL_DIRECTIONS.size:
            directions, row = cases.direction, each
        else:
            directions, row = ALL_DIRECTIONS, np.floor(cases.direction[each] + 0.5).astype(int) % 360
        column = np.searchsorted(bin_edges(speed), cases.speed, side="right") - 1
        inside = (column >= 0) & (column < speed.size)
        place = row[inside] * speed.size + column[inside]

        def summed(values: Floats) -> Floats:
            total = np.bincount(place, values[inside], directions.size * speed.size)
            return total.reshape(directions.size, speed.size).astype(float)

        probability = summed(cases.probability)
        weighted = cases.probability * cases.turbulence_intensity
        turbulence: float | Floats = float(cases.turbulence_intensity[0])
        if np.ptp(cases.turbulence_intensity) > 0:
            turbulence = np.full_like(probability, weighted.sum())
            np.divide(summed(weighted), probability, out=turbulence, where=probability > 0)
        return FlowCases(
            directions, speed, probability, turbulence, self.shear_exponent, self.reference_height
        )

    @property
    def _weight(self) -> NDArray[np.float64]:
        return np.asarray(self.weight)


def weight_flaws(weight: ArrayLike) -> Iterator[Flaw]:
    """Yield what is wrong with the weights of the steps: negative ones, or nothing but zeros."""
    if negative := list(out_of_range(weight, 0)):
        yield from negative
    elif not np.sum(weight) > 0:
        yield (), "is zero at every step"
