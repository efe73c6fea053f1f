"""What one more turbine would earn at each of many points, as a farm grows turbine by turbine."""

import numpy as np
from numpy.typing import NDArray

from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowCases, FlowSeries
from mpi_layout.wake.farm import GWH_PER_YEAR, Neighbours, free_power, setting_of
from mpi_layout.wake.kernel.binding import StartState
from mpi_layout.wake.models import WakeModel

Floats = NDArray[np.float64]

# Wide enough that what is left out lies below the rounding of the sums.
_CUTOFF = 7.0


class CandidateEnergy:
    """Energy that the next turbine would get at each candidate point, from PyWake's own numbers.

    The disc means come from the table that PyWake interpolates in, not from the exact series: two points
    that differ in the ninth digit must be ranked as the reference ranks them.

    Parameters
    ----------
    x, y : (n,) array
        Candidate points, m.
    turbine : Turbine
        The type of all turbines.
    flow_cases : FlowCases or FlowSeries
        Wind directions and speeds with their probabilities.
    model : WakeModel
        Wake model.
    n_turbines : int
        How many turbines will be placed at most.
    neighbours : Neighbours, optional
        Turbines of other farms: their wakes are there from the first turbine on.
    """

    def __init__(
        self,
        x: Floats,
        y: Floats,
        *,
        turbine: Turbine,
        flow_cases: FlowCases | FlowSeries,
        model: WakeModel,
        n_turbines: int,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._x, self._y = x, y
        others = () if neighbours is None else tuple(neighbours.turbine_types)
        setting = setting_of((turbine, *others), flow_cases, model, cutoff=_CUTOFF, disc_mean="pywake")
        n_others = 0 if neighbours is None else neighbours.x.size
        self._state = StartState(setting, x, y, n_turbines + n_others)
        self._state.energy[:] = free_power(turbine, flow_cases)
        if neighbours is not None:
            everywhere = np.arange(x.size)
            for x_other, y_other, type_of in zip(neighbours.x, neighbours.y, neighbours.type_of, strict=True):
                self._state.add(float(x_other), float(y_other), everywhere, int(type_of) + 1)

    def at(self, candidates: NDArray[np.intp]) -> Floats:
        """Energy of the next turbine at the candidates (n,), GWh per year."""
        energy: Floats = self._state.energy[candidates].sum(axis=1) * GWH_PER_YEAR
        return energy

    def place(self, candidate: int, free: NDArray[np.intp]) -> None:
        """Place a turbine at a candidate; from now on only those in `free` (n,) may be asked for."""
        self._state.add(float(self._x[candidate]), float(self._y[candidate]), free)
