"""A site whose wind is given by sectors with Weibull distributions.

Sectors are centred on their directions, and a direction between two centres is
looked up by the nearest sector or by linear interpolation, as PyWake's XRSite
does. The probabilities are not normalised: what lies outside the speeds asked
for is missing from their sum.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from mpi_layout.site.bins import between_sectors, bin_edges, bin_width
from mpi_layout.site.flaws import (
    air_flaws,
    circle_flaws,
    increase_flaws,
    not_positive,
    out_of_range,
    probability_flaws,
    refuse,
)
from mpi_layout.site.turbine import AIR_DENSITY
from mpi_layout.site.wind import ALL_DIRECTIONS, ALL_SPEEDS, Floats, FlowCases, frozen


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
    turbulence_intensity : float or (n_sectors,) array
        Ambient turbulence intensity, of all sectors or of each.
    lookup : {"nearest", "linear"}
        How a direction between two sector centres gets its values.
    shear_exponent, reference_height, air_density : float
        Power law of the speeds; height that they are given at, m (None: at every hub); kg/m3.
    flow_direction, flow_speed : arrays
        Directions, degrees, and speeds, m/s, of the flow cases.

    Raises
    ------
    ValueError
        If the sectors differ in number, do not cover the circle evenly, hold
        impossible values, or the lookup is unknown.
    """

    direction: Floats
    weibull_a: Floats
    weibull_k: Floats
    sector_probability: Floats
    turbulence_intensity: float | Floats
    lookup: str = "nearest"
    shear_exponent: float = 0.0
    reference_height: float | None = None
    air_density: float = AIR_DENSITY
    flow_direction: Floats = field(default_factory=lambda: ALL_DIRECTIONS)
    flow_speed: Floats = field(default_factory=lambda: ALL_SPEEDS)

    def __post_init__(self) -> None:
        shape = np.shape(self.direction)
        for name in ("direction", "weibull_a", "weibull_k", "sector_probability"):
            values = frozen(getattr(self, name))
            if len(shape) != 1 or values.shape != shape or not values.size:
                raise ValueError(
                    f"{name} has shape {values.shape}; all sectors need one list of equal length"
                )
            object.__setattr__(self, name, values)
        if np.ndim(self.turbulence_intensity):
            object.__setattr__(self, "turbulence_intensity", frozen(self.turbulence_intensity))
            if np.shape(self.turbulence_intensity) != shape:
                raise ValueError("turbulence_intensity needs one value, or one per sector")
        if self.lookup not in ("nearest", "linear"):
            raise ValueError(f"lookup is {self.lookup!r}; wants 'nearest' or 'linear'")
        refuse(
            direction=circle_flaws(self.direction),
            weibull_a=not_positive(self.weibull_a),
            weibull_k=not_positive(self.weibull_k),
            sector_probability=probability_flaws(self.sector_probability),
            turbulence_intensity=out_of_range(self.turbulence_intensity, 0),
            flow_speed=increase_flaws(self.flow_speed),
            **air_flaws(self.shear_exponent, self.reference_height, self.air_density),
        )

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
        values = (self.weibull_a, self.weibull_k, self.sector_probability)
        a, k, probability = between_sectors(self.direction, direction, self.lookup, *values)
        return a, k, probability

    def flow_cases(self, *, direction: ArrayLike | None = None, speed: ArrayLike | None = None) -> FlowCases:
        """Flow cases at the given directions and speeds.

        Each direction stands for a bin as wide as the step between directions
        (evenly spaced ones; else an equal share of the circle), each speed for
        a bin that reaches half-way to its neighbours.

        Parameters
        ----------
        direction : (n_directions,) array, optional
            Degrees; those of the site if not given.
        speed : (n_speeds,) array, optional
            Increasing, m/s; those of the site if not given.

        Returns
        -------
        FlowCases
            Probabilities of shape (n_directions, n_speeds).
        """
        direction = np.atleast_1d(np.asarray(self.flow_direction if direction is None else direction, float))
        speed = np.atleast_1d(np.asarray(self.flow_speed if speed is None else speed, float))
        a, k, sector_probability = self.at(direction)
        sector_width = 360 / self.direction.size
        direction_probability = sector_probability / sector_width * bin_width(direction)
        with np.errstate(over="ignore", divide="ignore"):  # far above the scale nothing is left, however far
            cumulative = 1 - np.exp(-((bin_edges(speed) / a[:, None]) ** k[:, None]))
        probability = direction_probability[:, None] * np.diff(cumulative, axis=1)
        turbulence = self._turbulence(direction)
        return FlowCases(
            direction, speed, probability, turbulence, self.shear_exponent, self.reference_height
        )

    def binned(self, speed: ArrayLike) -> FlowCases:
        """Flow cases in bins around speeds (n_speeds,), m/s."""
        return self.flow_cases(speed=speed)

    def _turbulence(self, direction: Floats) -> float | Floats:
        """Turbulence intensity: a number, or one for each direction (n_directions, 1)."""
        if isinstance(self.turbulence_intensity, np.ndarray):
            (values,) = between_sectors(self.direction, direction, self.lookup, self.turbulence_intensity)
            return values[:, None]
        return self.turbulence_intensity
