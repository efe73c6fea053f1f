"""What all stages of a search share: the problem, its rules, randomness, and the book of evaluations."""

import math
import sys

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import ConfigError
from mpi_layout.optimise.objective import Worth
from mpi_layout.optimise.problem import Problem
from mpi_layout.optimise.repair import repaired
from mpi_layout.optimise.rules import Rules
from mpi_layout.optimise.trace import Trace
from mpi_layout.wake.farm import Farm, FarmAEP

Floats = NDArray[np.float64]

# Noting costs as much as some thirty stochastic gradient steps: it shall take a twentieth of the time.
_MILESTONES, _STEPS_PER_MILESTONE = 20, 600

_COLD = sys.float_info.min  # where only an equal is taken


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
    start_value : float
        What is maximised, of the first layout, once known.
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
        self.start_value = math.nan

    def note(self, x: Floats, y: Floats) -> FarmAEP:
        """AEP of the layout (n,) at hand on all flow cases: counted, and a point of the trace."""
        self.evaluations += 1
        farm = self.farm.aep(x, y)
        self.trace.note(self.evaluations, farm.aep)
        return farm

    def value(self, x: Floats, y: Floats, farm: FarmAEP | None = None) -> float:
        """What is maximised, of the layout (n,), whose AEP may be known."""
        return self.worth(x, y, self.farm.aep(x, y) if farm is None else farm)

    def takes(self, change: float, temperature: float) -> bool:
        """Whether to take a change that is none for the better: with probability exp(change / temperature).

        Simulated annealing: S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi (1983), Science 220, 671.
        """
        # Python's numbers: a quotient beyond all bounds, as where hardly any move changes anything, is
        # infinite to them without a warning.
        return self.random.random() < math.exp(float(change) / max(float(temperature), _COLD))

    def valued_farm(self) -> Farm:
        """The farm in the flow cases that stages maximise the power of."""
        return self.worth.farm

    def milestones(self, budget: int) -> frozenset[int]:
        """Steps of a stage of so many after which to note the layout: few, and closer at its beginning."""
        n = min(_MILESTONES, budget // _STEPS_PER_MILESTONE)
        return frozenset(int(step) for step in np.linspace(0, 1, n + 2)[1:-1] ** 2 * budget)

    def repaired(self, at: Floats, otherwise: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        """A layout that keeps the rules near the given one (2, n), or the other one where none is found."""
        try:
            return repaired(self.rules, *at)
        except ConfigError:  # the area is too full: no reason to lose the config
            return otherwise
