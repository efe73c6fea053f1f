"""What a farm would earn with one of its turbines elsewhere, at each of many points."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowCases, FlowSeries
from mpi_layout.wake.farm import GWH_PER_YEAR, Neighbours, positions, setting_of
from mpi_layout.wake.kernel import binding
from mpi_layout.wake.models import WakeModel

Floats = NDArray[np.float64]


class Relocation:
    """A layout of one turbine type, of which single turbines may move.

    The energies are exact: those of `Farm.aep` for the layout with the turbine moved, but for 1e-10 of them.
    Whatever the model, a turbine changes only what stands in its wake, and in the wakes that change by that
    (kernel/relocate.c).

    Parameters
    ----------
    x, y : (n,) array
        Turbine positions, m.
    turbine : Turbine
        The type of all turbines.
    flow_cases : FlowCases or FlowSeries
        Wind directions and speeds with their probabilities.
    model : WakeModel
        Wake model.
    neighbours : Neighbours, optional
        Turbines of other farms: they cast wakes and stand in them, and do not count.
    cutoff : float, optional
        Where Gaussian wakes end, in standard deviations: the model's own by default. A narrower one is
        faster, and the energies are those of such wakes.

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
        flow_cases: FlowCases | FlowSeries,
        model: WakeModel,
        neighbours: Neighbours | None = None,
        cutoff: float | None = None,
    ) -> None:
        x, y = positions(x, y)
        others = () if neighbours is None else tuple(neighbours.turbine_types)
        self._setting = setting_of((turbine, *others), flow_cases, model, cutoff=cutoff)
        self._n = x.size
        self._type = np.zeros(x.size, dtype=np.intc)
        self._x, self._y = x.copy(), y.copy()
        if neighbours is not None:
            self._x, self._y = np.concatenate([x, neighbours.x]), np.concatenate([y, neighbours.y])
            self._type = np.concatenate([self._type, neighbours.type_of + 1]).astype(np.intc)

    @property
    def x(self) -> Floats:
        """Positions (n,), m."""
        return self._x[: self._n].copy()

    @property
    def y(self) -> Floats:
        """Positions (n,), m."""
        return self._y[: self._n].copy()

    def energies(self, turbine: int, x: ArrayLike, y: ArrayLike) -> Floats:
        """Energy of the farm with one turbine at each of the points, all others where they are.

        Parameters
        ----------
        turbine : int
            Which one moves.
        x, y : (m,) array
            Points, m.

        Returns
        -------
        (m,) array
            GWh per year.

        Raises
        ------
        ValueError
            If there is no point or no such turbine, or points are not finite or differ in number.
        """
        x, y = positions(x, y)
        if not 0 <= turbine < self._n:
            raise ValueError(f"turbine is {turbine}, wants one from 0 to {self._n - 1}")
        power = binding.relocated_power(self._setting, self._x, self._y, self._type, self._n, turbine, x, y)
        return power * GWH_PER_YEAR

    def move(self, turbine: int, x: float, y: float) -> None:
        """Move a turbine to (x, y), m."""
        self._x[turbine], self._y[turbine] = x, y
