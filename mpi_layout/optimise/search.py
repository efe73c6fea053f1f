"""What all stages of a search share: the problem, its rules, randomness, and the book of evaluations."""

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.objective import Worth
from mpi_layout.optimise.problem import Problem
from mpi_layout.optimise.rules import Rules
from mpi_layout.optimise.trace import Trace
from mpi_layout.wake.farm import Farm, FarmAEP

Floats = NDArray[np.float64]


class Search:
    """A search for one config. Stages take it, and a layout, and give a layout.

    Parameters
    ----------
    problem : Problem
        What is asked for.

    Attributes
    ----------
    problem : Problem
        As given.
    rules : Rules
        What a layout has to keep to.
    farm : Farm
        On all flow cases.
    cases : FlowCases or FlowSeries
        What stages maximise the power of: each flow case with its weight in the objective.
    worth : Worth
        What layouts are compared by.
    random : numpy.random.Generator
        Of the config's seed; the start has a generator of its own.
    evaluations : int
        Layouts whose objective was computed so far.
    trace : Trace
        AEP against them.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.rules = Rules(problem.area, problem.spacing)
        self.farm: Farm = problem.farm()
        self.worth = Worth(problem.objective, self.farm, problem.area)
        self.cases = self.worth.cases
        self.random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([problem.seed, 1])))
        self.evaluations = 0
        self.trace = Trace()

    def note(self, x: Floats, y: Floats) -> FarmAEP:
        """AEP of the layout (n,) at hand on all flow cases: counted, and a point of the trace."""
        self.evaluations += 1
        farm = self.farm.aep(x, y)
        self.trace.note(self.evaluations, farm.aep)
        return farm

    def value(self, x: Floats, y: Floats, farm: FarmAEP | None = None) -> float:
        """What is maximised, of the layout (n,), whose AEP may be known."""
        return self.worth(x, y, self.farm.aep(x, y) if farm is None else farm)
