"""A site whose wind is given by a table of probabilities over direction and speed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mpi_layout.site.bins import between_sectors, bin_edges, bin_width, evenly_covers_circle
from mpi_layout.site.flaws import (
    air_flaws,
    increase_flaws,
    out_of_range,
    probability_flaws,
    refuse,
    speed_flaws,
    turn_flaws,
)
from mpi_layout.site.turbine import AIR_DENSITY
from mpi_layout.site.wind import Floats, FlowCases, frozen


@dataclass(frozen=True, eq=False)
class TableSite:
    """A uniform site whose wind is given by probabilities of bins of direction and speed.

    The table's own nodes are the flow cases, unless other directions or speeds are asked for. Between
    directions, the probability per degree is looked up as PyWake's XRSite does with its P: linearly, or from
    the nearest node. Between speeds, the probability of each bin is spread evenly over it; a bin reaches
    half-way to its neighbours, and a single speed cannot be spread.

    Attributes
    ----------
    direction : (n_directions,) array
        Distinct and increasing, degrees, within [0, 360); covering the circle evenly where others than these
        are asked for.
    speed : (n_speeds,) array
        Increasing, m/s.
    probability : (n_directions, n_speeds) array
        Probability of each bin, used as given; off from a sum of 1 by at most 0.05.
    turbulence_intensity : float or array
        Ambient turbulence intensity, of a shape that broadcasts to (n_directions, n_speeds).
    lookup : {"linear", "nearest"}
        How a direction between two of the table gets its values.
    shear_exponent, reference_height, air_density : float
        Power law of the speeds; height that they are given at, m (None: at every hub); kg/m3.
    flow_direction, flow_speed : arrays, optional
        Directions, degrees, and speeds, m/s, of the flow cases; None for those of the table.

    Raises
    ------
    ValueError
        Naming what is wrong and where in the table.
    """

    direction: Floats
    speed: Floats
    probability: Floats
    turbulence_intensity: float | Floats
    lookup: str = "linear"
    shear_exponent: float = 0.0
    reference_height: float | None = None
    air_density: float = AIR_DENSITY
    flow_direction: Floats | None = None
    flow_speed: Floats | None = None

    def __post_init__(self) -> None:
        for name in ("direction", "speed", "probability"):
            object.__setattr__(self, name, frozen(getattr(self, name)))
        shape = (self.direction.size, self.speed.size)
        if self.direction.ndim != 1 or self.speed.ndim != 1 or self.probability.shape != shape or 0 in shape:
            raise ValueError(
                f"probability has shape {self.probability.shape}; directions and speeds make {shape}"
            )
        if np.ndim(self.turbulence_intensity):
            whole = np.broadcast_to(np.asarray(self.turbulence_intensity, float), shape)
            object.__setattr__(self, "turbulence_intensity", frozen(whole))
        if self.lookup not in ("nearest", "linear"):
            raise ValueError(f"lookup is {self.lookup!r}; wants 'nearest' or 'linear'")
        refuse(
            direction=turn_flaws(self.direction),
            speed=speed_flaws(self.speed),
            probability=probability_flaws(self.probability),
            turbulence_intensity=out_of_range(self.turbulence_intensity, 0),
            **air_flaws(self.shear_exponent, self.reference_height, self.air_density),
        )
        refuse(speed=increase_flaws(self.speed))
        self.flow_cases()  # whether the resolution asked for can be had

    def flow_cases(self, *, direction: ArrayLike | None = None, speed: ArrayLike | None = None) -> FlowCases:
        """Flow cases of the table, or at other directions and speeds.

        Parameters
        ----------
        direction : (n,) array, optional
            Degrees; those of the site if not given.
        speed : (n,) array, optional
            Increasing, m/s; those of the site if not given.

        Returns
        -------
        FlowCases
            Probabilities of shape (n_directions, n_speeds).

        Raises
        ------
        ValueError
            If the table's directions do not cover the circle evenly, or there is but one speed, and others
            are asked for.
        """
        direction = self.flow_direction if direction is None else direction
        speed = self.flow_speed if speed is None else speed
        probability, turbulence = self.probability, self.turbulence_intensity
        directions = self.direction if direction is None else np.atleast_1d(np.asarray(direction, float))
        speeds = self.speed if speed is None else np.atleast_1d(np.asarray(speed, float))
        if not np.array_equal(directions, self.direction):
            probability, turbulence = self._turned(directions, turbulence)
        if not np.array_equal(speeds, self.speed):
            probability, turbulence = self._spread(speeds, probability, turbulence)
        return FlowCases(
            directions, speeds, probability, turbulence, self.shear_exponent, self.reference_height
        )

    def binned(self, speed: ArrayLike) -> FlowCases:
        """Flow cases in bins around speeds (n_speeds,), m/s."""
        return self.flow_cases(speed=speed)

    def _turned(self, direction: Floats, turbulence: float | Floats) -> tuple[Floats, float | Floats]:
        """Probabilities, and turbulence where it is an array, at other directions (n, n_speeds)."""
        if not evenly_covers_circle(self.direction):
            raise ValueError("other directions than the table's need a table that covers the circle evenly")
        share = bin_width(direction) * self.direction.size / 360
        (probability,) = between_sectors(self.direction, direction, self.lookup, self.probability)
        if isinstance(turbulence, np.ndarray):
            (turbulence,) = between_sectors(self.direction, direction, self.lookup, turbulence)
        return probability * share, turbulence

    def _spread(
        self, speed: Floats, probability: Floats, turbulence: float | Floats
    ) -> tuple[Floats, float | Floats]:
        """Probabilities, and turbulence where it is an array, at other speeds (n_directions, n)."""
        if self.speed.size < 2:
            raise ValueError("other speeds than the table's need a table of more than one speed")
        cumulative = np.pad(np.cumsum(probability, axis=1), ((0, 0), (1, 0)))
        nodes, edges = bin_edges(self.speed), bin_edges(speed)
        spread = np.diff([np.interp(edges, nodes, row) for row in cumulative], axis=1)
        if isinstance(turbulence, np.ndarray):
            turbulence = np.array([np.interp(speed, self.speed, row) for row in turbulence])
        return spread, turbulence
