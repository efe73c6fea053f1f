"""Energy, its gradient and effective wind speeds of a farm: the wake engine's Python face."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowCases, FlowSeries, Site
from mpi_layout.wake.disc import pywake_table
from mpi_layout.wake.kernel import binding
from mpi_layout.wake.models import Law, TurbOPark, WakeModel, usual_name

Floats = NDArray[np.float64]
HOURS_PER_YEAR = 24 * 365
GWH_PER_YEAR = HOURS_PER_YEAR * 1e-9  # of one watt

# Gaussian wakes end where the receiver, or the near edge of its rotor, is this many standard deviations off
# the axis: what is left out changes an AEP by some 1e-10 of it.
_CUTOFF = {"top_hat": 1.0, "gaussian": 6.0, "turbopark": 5.5}
_LARGEST_EXACT_RADIUS = 3.4  # DISC_LARGEST_RADIUS in kernel/disc.h


@dataclass(frozen=True, eq=False)
class FarmAEP:
    """Annual energy production of a layout.

    Attributes
    ----------
    aep : float
        With wakes, GWh.
    gross_aep : float
        Without wakes, GWh.
    turbine_aep : (n,) array
        Of each turbine, with wakes, GWh.
    direction_aep : (n_directions,) array
        Of the farm by wind direction, with wakes, GWh.
    external_wake_loss : float
        Share of the gross AEP that the wakes of neighbours take, beyond those of the farm itself.
    """

    aep: float
    gross_aep: float
    turbine_aep: Floats
    direction_aep: Floats
    external_wake_loss: float = 0.0

    def __repr__(self) -> str:
        """Say the sums; the arrays would fill a screen."""
        lost = f"{self.wake_loss:.2%} of {self.gross_aep:.3f} GWh lost in wakes"
        return f"<{self.aep:.3f} GWh of {self.turbine_aep.size} turbines; {lost}>"

    @property
    def wake_loss(self) -> float:
        """Share of the gross AEP that all wakes take."""
        return 1 - self.aep / self.gross_aep if self.gross_aep else 0.0


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Turbines of other farms: they cast wakes and stand in them, do not move and do not count.

    Attributes
    ----------
    x, y : (n,) array
        Positions, m.
    turbine_types : sequence of Turbine
        The types that occur.
    type_of : (n,) int array, optional
        Which of them each turbine is; the first one by default.
    """

    x: Floats
    y: Floats
    turbine_types: Sequence[Turbine]
    type_of: NDArray[np.intc] = field(default_factory=lambda: np.empty(0, dtype=np.intc))

    def __post_init__(self) -> None:
        x, y = positions(self.x, self.y)
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)
        object.__setattr__(self, "type_of", _types(self.type_of, x.size, len(self.turbine_types)))


class Farm:
    """A farm in its wind: turbine types, flow cases and wake model; positions are asked about.

    Parameters
    ----------
    turbine_types : Turbine or sequence of Turbine
        The type of all turbines, or the types that occur.
    wind : Site, FlowCases or FlowSeries
        A site, whose flow cases and air density are taken, or wind directions and speeds with their
        probabilities.
    model : WakeModel
        One of the models of `mpi_layout.wake.models`; TurbOPark by default.
    type_of : (n,) int array, optional
        Which type each turbine is; all are of the first one by default.
    neighbours : Neighbours, optional
        Turbines of other farms.

    Attributes
    ----------
    turbine_types : tuple of Turbine
        Those of the farm itself.
    flow_cases : FlowCases or FlowSeries
        All that is summed over.
    model : WakeModel
        Wake model.
    neighbours : Neighbours or None
        Turbines of other farms.

    Raises
    ------
    ValueError
        If there is no turbine type, `type_of` names one that is not there, or the model cannot work with the
        turbulence given.
    """

    def __init__(
        self,
        turbine_types: Turbine | Sequence[Turbine],
        wind: Site | FlowCases | FlowSeries,
        model: WakeModel | None = None,
        *,
        type_of: ArrayLike | None = None,
        neighbours: Neighbours | None = None,
    ) -> None:
        own = (turbine_types,) if isinstance(turbine_types, Turbine) else tuple(turbine_types)
        others = () if neighbours is None else tuple(neighbours.turbine_types)
        if not own:
            raise ValueError("wants at least one turbine type")
        if isinstance(wind, FlowCases | FlowSeries):
            flow_cases = wind
        else:
            flow_cases, density = wind.flow_cases(), wind.air_density
            own, others = (tuple(t.at_air_density(density) for t in types) for types in (own, others))
        self.turbine_types, self.flow_cases, self.model = own, flow_cases, model or TurbOPark()
        self.neighbours = neighbours
        self._type_of = None if type_of is None else np.ascontiguousarray(type_of, dtype=np.intc)
        if self._type_of is not None:
            _types(self._type_of, self._type_of.size, len(own))
        self._setting = setting_of((*own, *others), flow_cases, self.model)
        self._free = np.array([free_power(turbine, flow_cases).sum() for turbine in own])  # W

    def __repr__(self) -> str:
        """Say what it is made of."""
        types = ", ".join(turbine.name for turbine in self.turbine_types)
        others = "" if self.neighbours is None else f", {self.neighbours.x.size} neighbours"
        return f"<farm of {types} in {self.flow_cases!r}, {type(self.model).__name__}{others}>"

    def aep(self, x: ArrayLike, y: ArrayLike) -> FarmAEP:
        """AEP of a layout.

        AEP = sum over flow cases of probability times power at the effective wind speed, times 8760 h.

        Parameters
        ----------
        x, y : (n,) array
            Turbine positions, m.

        Returns
        -------
        FarmAEP
            With wakes and without, GWh.

        Raises
        ------
        ValueError
            If there is no turbine, or positions are not finite or differ in number.
        """
        x, y = positions(x, y)
        return self._report(x, y, self._power(x, y))

    def aep_gradient(self, x: ArrayLike, y: ArrayLike) -> tuple[FarmAEP, Floats, Floats]:
        """AEP of a layout and its derivatives by the positions, by one sweep back through the wakes.

        Exact where the AEP is differentiable. Curves that are linear between their points, the edge of a top
        hat, PyWake's disc mean table, a largest wake taken over by another one, and two turbines abreast have
        kinks: there it is the slope of one side.

        Parameters
        ----------
        x, y : (n,) array
            Turbine positions, m.

        Returns
        -------
        aep : FarmAEP
            As of `aep`.
        d_dx, d_dy : (n,) array
            Derivatives of the farm's AEP, GWh/m.

        Raises
        ------
        ValueError
            As of `aep`.
        """
        x, y = positions(x, y)
        powers = self._power(x, y, gradient=True)
        return self._report(x, y, powers), powers.d_dx * GWH_PER_YEAR, powers.d_dy * GWH_PER_YEAR

    def energy(self, x: ArrayLike, y: ArrayLike) -> float:
        """AEP of a layout alone, GWh: what `aep` says besides costs as much again where there are neighbours.

        Parameters
        ----------
        x, y : (n,) array
            Turbine positions, m.

        Raises
        ------
        ValueError
            As of `aep`.
        """
        x, y = positions(x, y)
        return float((self._power(x, y).power[: x.size] * GWH_PER_YEAR).sum())

    def energy_gradient(self, x: ArrayLike, y: ArrayLike) -> tuple[float, Floats, Floats]:
        """AEP, GWh, and its derivatives (n,), GWh/m, as of `aep_gradient`, and nothing else.

        With neighbours it is cheaper, as the wake loss that they add takes an AEP without them.
        """
        x, y = positions(x, y)
        powers = self._power(x, y, gradient=True)
        energy = float(powers.power[: x.size].sum() * GWH_PER_YEAR)
        return energy, powers.d_dx * GWH_PER_YEAR, powers.d_dy * GWH_PER_YEAR

    def effective_speed(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """Effective wind speed at each turbine in each flow case, (n_cases, n), m/s.

        The cases of a grid are those of its first direction, then of the second, and so on: reshape to
        (n_directions, n_speeds, n).
        """
        return self._flow(x, y)[0]

    def effective_turbulence(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """Effective turbulence intensity at each turbine in each flow case, (n_cases, n).

        The ambient one, where the model does not depend on the turbulence that wakes add.
        """
        return self._flow(x, y)[1]

    def _flow(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        x, y = positions(x, y)
        speed, turbulence = binding.farm_flow(self._setting, *self._all(x, y))
        return speed[:, : x.size], turbulence[:, : x.size]

    def _power(self, x: Floats, y: Floats, *, gradient: bool = False) -> binding.Powers:
        return binding.farm_power(self._setting, *self._all(x, y), x.size, gradient=gradient)

    def _own_types(self, n: int) -> NDArray[np.intc]:
        if self._type_of is None:
            return np.zeros(n, dtype=np.intc)
        if self._type_of.size != n:
            raise ValueError(f"the farm has {self._type_of.size} turbines, positions are for {n}")
        return self._type_of

    def _all(self, x: Floats, y: Floats) -> tuple[Floats, Floats, NDArray[np.intc]]:
        own, others = self._own_types(x.size), self.neighbours
        if others is None:
            return x, y, own
        types = np.concatenate([own, others.type_of + len(self.turbine_types)]).astype(np.intc)
        return np.concatenate([x, others.x]), np.concatenate([y, others.y]), types

    def _report(self, x: Floats, y: Floats, powers: binding.Powers) -> FarmAEP:
        turbine_aep = powers.power[: x.size] * GWH_PER_YEAR
        gross = float(self._free[self._own_types(x.size)].sum() * GWH_PER_YEAR)
        external = 0.0
        if self.neighbours is not None and gross:
            alone = binding.farm_power(self._setting, x, y, self._own_types(x.size), x.size)
            external = float((alone.power - powers.power[: x.size]).sum() * GWH_PER_YEAR / gross)
        direction_aep = powers.direction_power * GWH_PER_YEAR
        return FarmAEP(float(turbine_aep.sum()), gross, turbine_aep, direction_aep, external)


def free_power(turbine: Turbine, flow_cases: FlowCases | FlowSeries) -> Floats:
    """Mean power of a turbine in the free wind, by direction.

    Returns
    -------
    (n_directions,) array
        Summed over the flow cases of the direction, weighted by probability, W.
    """
    count, speed, _, probability = flow_cases.by_direction()
    power = turbine.power_at(speed * flow_cases.speed_factor(turbine.hub_height)) * probability
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    return np.asarray(np.add.reduceat(power, first))


def setting_of(
    turbine_types: Sequence[Turbine],
    flow_cases: FlowCases | FlowSeries,
    model: WakeModel,
    *,
    cutoff: float | None = None,
    disc_mean: str | None = None,
) -> binding.Setting:
    """Setting of the kernel for a model.

    Parameters
    ----------
    turbine_types : sequence of Turbine
        All types that occur.
    flow_cases : FlowCases or FlowSeries
        Wind directions and speeds with their probabilities.
    model : WakeModel
        Wake model.
    cutoff : float, optional
        Where Gaussian wakes end, in standard deviations; the model's own by default.
    disc_mean : {"pywake", "exact"}, optional
        Instead of the model's own.

    Raises
    ------
    ValueError
        If a model that needs turbulence meets flow cases without it.
    """
    law = model.law
    if law.needs_turbulence and not np.min(flow_cases.turbulence_intensity) > 0:
        raise ValueError(f"{usual_name(model)} needs a turbulence intensity above zero in every flow case")
    table = _disc_table(law, turbine_types, disc_mean or law.disc_mean)
    return binding.Setting(turbine_types, flow_cases, law, cutoff=cutoff or _CUTOFF[law.shape], disc=table)


def _disc_table(law: Law, turbine_types: Sequence[Turbine], disc_mean: str) -> binding.DiscTable | None:
    """PyWake's table, if it is asked for, or rotors are too unequal for the exact series."""
    if not law.rotor_mean or law.shape == "top_hat":
        return None
    diameters = [turbine.rotor_diameter for turbine in turbine_types]
    largest = 0.5 * max(diameters) / (law.ceps * min(diameters))
    if disc_mean == "exact" and largest <= _LARGEST_EXACT_RADIUS:
        return None
    return pywake_table(min(largest, 20.0))


def positions(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Positions as the kernel wants them.

    Raises
    ------
    ValueError
        If there is none, or they are not finite or differ in number.
    """
    x, y = np.ascontiguousarray(x, dtype=float), np.ascontiguousarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or not x.size:
        raise ValueError(f"x and y need one shape (n,), n > 0; got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("positions need to be finite")
    return x, y


def _types(type_of: NDArray[np.intc], n: int, n_types: int) -> NDArray[np.intc]:
    types = np.ascontiguousarray(type_of, dtype=np.intc)
    if not types.size:
        types = np.zeros(n, dtype=np.intc)
    if types.shape != (n,) or types.min(initial=0) < 0 or types.max(initial=0) >= n_types:
        raise ValueError(f"type_of needs {n} numbers from 0 to {n_types - 1}")
    return types
