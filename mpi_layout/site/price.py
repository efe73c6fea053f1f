"""What energy is worth: by wind direction and speed, or step by step of a time series.

Layouts that are worth most are those of most energy in another wind: each flow case counts as its probability
times its price, over the mean price. So all that maximises energy maximises worth, with numbers of the same
size, and a price that is the same everywhere leaves the wind as it is, to the last bit.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.site.flaws import Flaw, WindError, increase_flaws, out_of_range, refuse, turn_flaws
from mpi_layout.site.series import SeriesSite
from mpi_layout.site.wind import Floats, FlowCases, FlowSeries, Site, frozen

MOST_PRICE = 1e9
STOPS_HINT = "wants 0 or more, unless the farm stops where it is negative"


@dataclass(frozen=True, eq=False)
class PriceTable:
    """Price by wind direction, by wind speed, by both, or one for all.

    Linear between the nodes: around the circle of directions, and between speeds, beyond which the outermost
    prices hold.

    Attributes
    ----------
    value : array
        Prices, in any currency per MWh: (n_directions, n_speeds), or without the axis that is not given.
    direction : (n_directions,) array, optional
        Increasing, degrees within [0, 360).
    speed : (n_speeds,) array, optional
        Increasing, m/s.
    stops : bool
        Whether the farm stands still where the price is negative, which then counts as zero; otherwise a
        negative price is refused.

    Raises
    ------
    ValueError
        Naming what is wrong and where.
    """

    value: Floats
    direction: Floats | None = None
    speed: Floats | None = None
    stops: bool = False

    def __post_init__(self) -> None:
        for name in ("value", "direction", "speed"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name)))
        wanted = tuple(nodes.size for nodes in (self.direction, self.speed) if nodes is not None)
        if self.value.shape != wanted:
            raise WindError("value", f"has shape {self.value.shape}, the nodes given make {wanted}")
        refuse(
            direction=iter(()) if self.direction is None else turn_flaws(self.direction),
            speed=iter(()) if self.speed is None else out_of_range(self.speed, 0),
            value=iter(price_flaws(self.value, stops=self.stops)),
        )
        refuse(speed=iter(()) if self.speed is None else increase_flaws(self.speed))

    def at(self, direction: ArrayLike, speed: ArrayLike) -> Floats:
        """Prices at directions, degrees, and speeds, m/s, of shapes that broadcast to one."""
        direction, speed = np.broadcast_arrays(np.asarray(direction, float), np.asarray(speed, float))
        nodes = self.value.reshape(
            1 if self.direction is None else -1, 1 if self.speed is None else self.speed.size
        )
        i, j, by_direction = _around(self.direction, direction)
        k, m, by_speed = _along(self.speed, speed)
        first = _mix(nodes[i, k], nodes[j, k], by_direction)
        second = _mix(nodes[i, m], nodes[j, m], by_direction)
        return np.maximum(_mix(first, second, by_speed), 0)


Cells = tuple[NDArray[np.intp], NDArray[np.intp], Floats]


def _around(nodes: Floats | None, direction: Floats) -> Cells:
    """Nodes on the circle before and after each direction, and how far it is from the first to the second."""
    if nodes is None:
        return _nowhere(direction)
    before = (np.searchsorted(nodes, direction % 360, side="right") - 1) % nodes.size
    after = (before + 1) % nodes.size
    width = (nodes[after] - nodes[before]) % 360
    share = ((direction - nodes[before]) % 360) / np.where(width > 0, width, 360)
    return before, after, share


def _along(nodes: Floats | None, speed: Floats) -> Cells:
    """Nodes below and above each speed, and how far it is from the first to the second."""
    if nodes is None or nodes.size == 1:
        return _nowhere(speed)
    below = np.clip(np.searchsorted(nodes, speed, side="right") - 1, 0, nodes.size - 2)
    share = np.clip((speed - nodes[below]) / (nodes[below + 1] - nodes[below]), 0, 1)
    return below, below + 1, share


def _nowhere(values: Floats) -> Cells:
    first = np.zeros(values.shape, dtype=np.intp)
    return first, first, np.zeros(values.shape)


def _mix(a: Floats, b: Floats, share: Floats) -> Floats:
    return a + share * (b - a)  # equal ones stay what they are, whatever the share


@dataclass(frozen=True, eq=False)
class StepPrices:
    """Price at each step of a time series.

    Attributes
    ----------
    value : (n_steps,) array
        In any currency per MWh.
    stops : bool
        As of `PriceTable`.

    Raises
    ------
    ValueError
        Naming the first step whose price is none.
    """

    value: Floats
    stops: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", frozen(self.value))
        if self.value.ndim != 1:
            raise WindError("value", f"wants one price for each step, has shape {self.value.shape}")
        refuse(value=iter(price_flaws(self.value, stops=self.stops)))


Prices = PriceTable | StepPrices


def price_flaws(value: ArrayLike, *, stops: bool) -> list[Flaw]:
    """What is wrong with prices: no numbers, negative ones, or none above zero."""
    value = np.asarray(value, dtype=float)
    if found := list(out_of_range(value, -MOST_PRICE, MOST_PRICE)):
        return found
    below = np.argwhere(value < 0)
    if len(below) and not stops:
        place = tuple(int(i) for i in below[0])
        count = f" (as are {len(below)} of {value.size})" if len(below) > 1 else ""
        return [(place, f"is negative, {value[place]:g}{count}; {STOPS_HINT}")]
    return [] if (value > 0).any() else [((), "has no price above 0")]


@dataclass(frozen=True, eq=False)
class PricedSite:
    """The wind of a site, each flow case counting as its probability times its price over the mean price.

    Attributes
    ----------
    site : Site
        The wind as it is.
    prices : PriceTable
        Looked up at the directions and speeds of the flow cases.

    Raises
    ------
    ValueError
        If no wind that the site has is worth anything.
    """

    site: Site
    prices: PriceTable

    def __post_init__(self) -> None:
        if not self.mean_price > 0:
            raise WindError("value", "is 0 in all the wind of the site")

    @property
    def air_density(self) -> float:
        """Density of the air at the hubs, kg/m3."""
        return self.site.air_density

    @cached_property
    def mean_price(self) -> float:
        """Mean over the flow cases, weighted by probability: what energy is worth in wind of any kind."""
        cases = self.site.flow_cases()
        return _mean(self._at(cases), cases.by_direction()[3])

    def flow_cases(self) -> FlowCases | FlowSeries:
        """Flow cases at the site's own resolution."""
        return self._flow_cases

    def binned(self, speed: ArrayLike) -> FlowCases:
        """Flow cases in bins around speeds (n_speeds,), m/s; the prices are those at their middles."""
        cases = self.site.binned(speed)
        return replace(cases, probability=self._weights(cases))

    @cached_property
    def _flow_cases(self) -> FlowCases | FlowSeries:
        cases = self.site.flow_cases()
        return replace(cases, probability=self._weights(cases))

    def _weights(self, cases: FlowCases | FlowSeries) -> Floats:
        relative = (self._at(cases) / self.mean_price).reshape(cases.probability.shape)
        return cases.probability * relative

    def _at(self, cases: FlowCases | FlowSeries) -> Floats:
        """Prices (n_cases,), in the order of `by_direction`."""
        count, speed, _, _ = cases.by_direction()
        return self.prices.at(np.repeat(cases.direction, count), speed)


def priced(site: Site, prices: Prices) -> tuple[Site, float]:
    """Wind in which energy is proportional to worth.

    Parameters
    ----------
    site : Site
        The wind as it is.
    prices : PriceTable or StepPrices
        What energy is worth, per MWh.

    Returns
    -------
    site : Site
        The wind with probability times price over mean price for probability.
    mean_price : float
        So a MWh in that wind is worth this.

    Raises
    ------
    ValueError
        If prices are given step by step and the site is no time series of as many steps, or nothing is worth
        anything.
    """
    if isinstance(prices, PriceTable):
        found = PricedSite(site, prices)
        return found, found.mean_price
    if not isinstance(site, SeriesSite):
        raise WindError("value", "is given step by step, which wants a site that is a time series")
    if prices.value.size != site.direction.size:
        raise WindError(
            "value", f"has {prices.value.size} prices, the time series has {site.direction.size} steps"
        )
    weight = np.asarray(site.weight)
    value = np.maximum(prices.value, 0)
    mean = _mean(value, weight)
    if not mean > 0:
        raise WindError("value", "is 0 at every step that counts")
    return replace(site, weight=weight * (value / mean)), mean


def _mean(value: Floats, weight: Floats) -> float:
    """Weighted mean that is exact for equal values."""
    lowest = value.min()
    return float(lowest + (weight * (value - lowest)).sum() / weight.sum())
