"""What one more turbine would earn at each of many points, as a farm grows turbine by turbine."""

import numpy as np
from numpy.typing import NDArray

from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowCases
from mpi_layout.wake.disc import pywake_table
from mpi_layout.wake.farm import GWH_PER_YEAR, free_power
from mpi_layout.wake.kernel.binding import Setting, StartState
from mpi_layout.wake.models import TurbOPark

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
    flow_cases : FlowCases
        Wind directions and speeds with their probabilities.
    model : TurbOPark
        Wake model.
    n_turbines : int
        How many turbines will be placed at most.
    """

    def __init__(
        self,
        x: Floats,
        y: Floats,
        *,
        turbine: Turbine,
        flow_cases: FlowCases,
        model: TurbOPark,
        n_turbines: int,
    ) -> None:
        self._x, self._y = x, y
        setting = Setting(turbine, flow_cases, model, cutoff=_CUTOFF, disc=pywake_table(0.5 / model.ceps))
        self._state = StartState(setting, x, y, n_turbines)
        self._state.energy[:] = free_power(turbine, flow_cases)

    def at(self, candidates: NDArray[np.intp]) -> Floats:
        """Energy of the next turbine at the candidates (n,), GWh per year."""
        energy: Floats = self._state.energy[candidates].sum(axis=1) * GWH_PER_YEAR
        return energy

    def place(self, candidate: int, free: NDArray[np.intp]) -> None:
        """Place a turbine at a candidate; from now on only those in `free` (n,) may be asked for."""
        self._state.add(float(self._x[candidate]), float(self._y[candidate]), free)
