"""One config from start to checked result."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import ConfigError
from mpi_layout.optimise.start import SmartStart, smart_start
from mpi_layout.site.area import Area
from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import Site
from mpi_layout.wake.farm import Farm, Neighbours
from mpi_layout.wake.models import WakeModel

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Problem:
    """What one config asks for.

    Attributes
    ----------
    area : Area
        Where turbines may stand.
    turbine : Turbine
        The type of all turbines.
    n_turbines : int
        How many.
    min_spacing : float
        Between any two turbines, m.
    site : Site
        Wind of the site.
    model : WakeModel
        Wake model.
    start : SmartStart
        How the first layout is made.
    seed : int
        The only source of randomness.
    neighbours : Neighbours, optional
        Turbines of other farms.
    """

    area: Area
    turbine: Turbine
    n_turbines: int
    min_spacing: float
    site: Site
    model: WakeModel
    start: SmartStart
    seed: int
    neighbours: Neighbours | None = None

    def farm(self) -> Farm:
        """The farm that a layout makes of it."""
        return Farm(self.turbine, self.site.flow_cases(), self.model, neighbours=self.neighbours)


@dataclass(frozen=True, eq=False)
class Solution:
    """A layout with its figures; see the columns of the same names in the results file.

    Attributes
    ----------
    x, y : (n_turbines,) array
        m.
    turbine_aep : (n_turbines,) array
        GWh.
    aep, gross_aep, start_aep : float
        With wakes, without, and of the first layout, GWh.
    wake_loss, external_wake_loss : float
        Shares of the gross AEP: that all wakes take, and that those of neighbours add.
    min_spacing : float
        Smallest distance of two turbines, m; infinite for one turbine.
    max_outside : float
        Largest distance of a turbine from the area, m.
    evaluations : int
        AEP evaluations spent.
    """

    x: Floats
    y: Floats
    turbine_aep: Floats
    aep: float
    gross_aep: float
    start_aep: float
    wake_loss: float
    external_wake_loss: float
    min_spacing: float
    max_outside: float
    evaluations: int


def solve(problem: Problem) -> Solution:
    """Find a layout, check it, and evaluate it.

    Parameters
    ----------
    problem : Problem
        Everything that the result depends on.

    Returns
    -------
    Solution
        The same for the same problem, whoever computes it.

    Raises
    ------
    ConfigError
        If no layout is found, or the one found breaks a constraint.
    """
    x, y = smart_start(
        problem.area,
        problem.turbine,
        n_turbines=problem.n_turbines,
        min_spacing=problem.min_spacing,
        site=problem.site,
        model=problem.model,
        options=problem.start,
        seed=problem.seed,
        neighbours=problem.neighbours,
    )
    spacing, outside = smallest_spacing(x, y), float(problem.area.distance_outside(x, y).max())
    _check(spacing, outside, problem)
    farm = problem.farm().aep(x, y)
    return Solution(
        x=x,
        y=y,
        turbine_aep=farm.turbine_aep,
        aep=farm.aep,
        gross_aep=farm.gross_aep,
        start_aep=farm.aep,
        wake_loss=farm.wake_loss,
        external_wake_loss=farm.external_wake_loss,
        min_spacing=spacing,
        max_outside=outside,
        evaluations=1,
    )


def smallest_spacing(x: Floats, y: Floats) -> float:
    """Smallest distance between any two of the points (n,), m; infinite for one point."""
    first, second = np.triu_indices(x.size, k=1)
    return float(np.hypot(x[first] - x[second], y[first] - y[second]).min(initial=np.inf))


def _check(spacing: float, outside: float, problem: Problem) -> None:
    # The construction promises both; a result is stored only if the layout itself shows it.
    if spacing < problem.min_spacing * (1 - 1e-12):
        raise ConfigError(f"two turbines stand {spacing:.6f} m apart, {problem.min_spacing:g} m are wanted")
    if outside > 0:
        raise ConfigError(f"a turbine stands {outside:.6f} m outside area {problem.area.name}")
