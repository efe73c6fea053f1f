"""The wind between the turbines of a farm: its speed at any points, in one flow case.

A point feels what the hub of the next turbine of a start would feel there (kernel/start.c): wakes at its
place, not their mean over a rotor. So of a turbine whose power is the wind speed itself the kernel says how
strong the wind is there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowCases, FlowSeries
from mpi_layout.wake.farm import Farm, Neighbours, positions, setting_of
from mpi_layout.wake.kernel.binding import StartState
from mpi_layout.wake.models import TurbOPark, WakeModel

Floats = NDArray[np.float64]

_CUTOFF = 7.0  # standard deviations at which Gaussian wakes end: 2e-11 of their deficit


@dataclass(frozen=True)
class FlowCase:
    """One wind.

    Attributes
    ----------
    direction : float
        Where it comes from, degrees clockwise from north.
    speed : float
        Free wind speed at hub height, m/s.
    turbulence_intensity : float
        Ambient turbulence intensity.
    shear_exponent : float
        At other heights h the speed is speed (h / hub height)^shear_exponent.

    Raises
    ------
    ValueError
        If one of them is no such number.
    """

    direction: float
    speed: float
    turbulence_intensity: float
    shear_exponent: float = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite(
            [self.direction, self.speed, self.turbulence_intensity, self.shear_exponent]
        ).all():
            raise ValueError("a flow case wants finite numbers")
        if self.speed <= 0 or self.turbulence_intensity < 0:
            raise ValueError("a flow case wants a speed above zero, and no turbulence intensity below")

    @classmethod
    def like(cls, cases: FlowCases | FlowSeries, direction: float, speed: float) -> "FlowCase":
        """Wind of a direction, degrees, and speed, m/s, at a site: as turbulent as the nearest case."""
        count, speeds, turbulence, _ = cases.by_direction()
        apart = np.abs((cases.direction - direction + 180) % 360 - 180)
        first = np.cumsum(count) - count
        own = slice(first[apart.argmin()], first[apart.argmin()] + count[apart.argmin()])
        nearest = np.abs(speeds[own] - speed).argmin()
        shear = 0.0 if cases.reference_height is None else cases.shear_exponent
        return cls(direction % 360, speed, float(turbulence[own][nearest]), shear)

    @property
    def downwind(self) -> Floats:
        """Unit vector (2,) to where the wind blows."""
        angle = np.deg2rad(self.direction)
        return np.array([-np.sin(angle), -np.cos(angle)])

    def cases(self, hub_height: float) -> FlowCases:
        """It alone, with the probability one, for a hub height, m."""
        direction, speed, certain = np.array([self.direction]), np.array([self.speed]), np.ones((1, 1))
        return FlowCases(
            direction, speed, certain, self.turbulence_intensity, self.shear_exponent, hub_height
        )


class FlowMap:
    """A layout of one turbine type in one flow case.

    Parameters
    ----------
    x, y : (n,) array
        Turbine positions, m.
    turbine : Turbine
        The type of all turbines.
    case : FlowCase
        The wind.
    model : WakeModel, optional
        Wake model; TurbOPark by default.
    neighbours : Neighbours, optional
        Turbines of other farms: they cast wakes as well.

    Raises
    ------
    ValueError
        As of `Farm` and `Farm.aep`.
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        turbine: Turbine,
        case: FlowCase,
        model: WakeModel | None = None,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._x, self._y = positions(x, y)
        self._turbine, self._case, self._model = turbine, case, model or TurbOPark()
        self._neighbours = neighbours

    def speed(self, x: ArrayLike, y: ArrayLike, *, height: float | None = None) -> Floats:
        """Wind speed at points of one height.

        Of wakes whose linear sum is more than the wind there is, nothing is left: 0 m/s.

        Parameters
        ----------
        x, y : (m,) array
            Points, m.
        height : float, optional
            Above the ground, m; hub height by default.

        Returns
        -------
        (m,) array
            m/s.

        Raises
        ------
        ValueError
            If there is no point, or they are not finite or differ in number, or the height is not above zero.
        """
        at_x, at_y = positions(x, y)
        height = self._turbine.hub_height if height is None else height
        types, sources = self._sources()
        cases = self._case.cases(self._turbine.hub_height)
        free = self._case.speed * cases.speed_factor(height)
        setting = setting_of((*types, _probe(height, free)), cases, self._model, cutoff=_CUTOFF)
        state = StartState(setting, at_x, at_y, len(sources), turbine_type=len(types))
        state.energy[:] = free
        everywhere = np.arange(at_x.size)
        for source_x, source_y, type_of in sources:
            state.add(source_x, source_y, everywhere, type_of)
        return state.energy[:, 0].copy()

    def turbine_power(self) -> tuple[Floats, float]:
        """Power of each turbine (n,) in its wakes, and of one in the free wind, W."""
        cases = self._case.cases(self._turbine.hub_height)
        farm = Farm(self._turbine, cases, self._model, neighbours=self._neighbours)
        speed = farm.effective_speed(self._x, self._y)[0]
        return self._turbine.power_at(speed), float(self._turbine.power_at(self._case.speed))

    def _sources(self) -> tuple[tuple[Turbine, ...], list[tuple[float, float, int]]]:
        """Types, and all turbines as x, y and number of the type, from upwind to downwind."""
        types: tuple[Turbine, ...] = (self._turbine,)
        x, y, others = self._x, self._y, self._neighbours
        type_of = np.zeros(x.size, int)
        if others is not None:
            types = (*types, *others.turbine_types)
            x, y = np.concatenate([x, others.x]), np.concatenate([y, others.y])
            type_of = np.concatenate([type_of, others.type_of + 1])
        order = np.argsort(np.column_stack([x, y]) @ self._case.downwind, kind="stable")
        return types, list(zip(x[order].tolist(), y[order].tolist(), type_of[order].tolist(), strict=True))


def _probe(height: float, speed: float) -> Turbine:
    """Turbine at a height, m, that takes nothing; its power, W, is the wind speed up to the free one."""
    if not 0 < height < np.inf:
        raise ValueError(f"a height above the ground wants more than 0 m; has {height:g}")
    ends = np.array([0.0, 2 * speed])
    return Turbine("probe", 2 * speed, 1.0, height, ends, ends, np.zeros(2))
