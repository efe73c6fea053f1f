"""What one config asks for, and what it gives."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.objective import AEP, Objective
from mpi_layout.optimise.refinement import NO_REFINEMENT, Refinement
from mpi_layout.optimise.start import SmartStart
from mpi_layout.optimise.trace import Trace
from mpi_layout.site.area import Area
from mpi_layout.site.spacing import Spacing
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
    spacing : Spacing
        Smallest distances between any two turbines.
    site : Site
        Wind of the site.
    model : WakeModel
        Wake model.
    start : SmartStart
        How the first layout is made, unless it is given.
    seed : int
        The only source of randomness.
    neighbours : Neighbours, optional
        Turbines of other farms.
    refine : Refinement
        How the first layout is made better.
    objective : Objective
        What is maximised.
    given : (n_turbines, 2) array, optional
        The first layout, m; it is moved by as little as it takes where it breaks a rule.
    """

    area: Area
    turbine: Turbine
    n_turbines: int
    spacing: Spacing
    site: Site
    model: WakeModel
    start: SmartStart
    seed: int
    neighbours: Neighbours | None = None
    refine: Refinement = NO_REFINEMENT
    objective: Objective = AEP
    given: Floats | None = None

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
        Layouts whose objective was computed, on all flow cases or on a sample of them.
    trace : Trace
        AEP against evaluations.
    objective : float
        What was maximised: AEP, GWh; its worth, currency per year; or what the user's function says.
    start_objective : float
        That of the first layout.
        The AEP by default.
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
    trace: Trace = field(default_factory=Trace)
    objective: float = math.nan
    start_objective: float = math.nan

    def __repr__(self) -> str:
        """Say the sums; the arrays would fill a screen."""
        lost = f"{self.wake_loss:.2%} lost in wakes"
        return (
            f"<layout of {self.x.size} turbines: {self.aep:.3f} GWh, {lost}, start {self.start_aep:.3f} GWh>"
        )

    def __post_init__(self) -> None:
        if math.isnan(self.objective):
            object.__setattr__(self, "objective", self.aep)
