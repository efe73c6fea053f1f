"""The stages that make a layout better, one after the other."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.annealing import annealing
from mpi_layout.optimise.expansion import expansion
from mpi_layout.optimise.function_search import function_search
from mpi_layout.optimise.gradient import gradient
from mpi_layout.optimise.polish import polish
from mpi_layout.optimise.relocation import relocation
from mpi_layout.optimise.search import Search
from mpi_layout.wake.farm import FarmAEP

Floats = NDArray[np.float64]

# A stage: search, layout, budget in evaluations; gives a layout that keeps to the rules.
Stage = Callable[[Search, Floats, Floats, int], tuple[Floats, Floats]]

# By the names of their budgets, in their order.
STAGES: dict[str, Stage] = {
    "expansion": expansion,
    "gradient": gradient,
    "annealing": annealing,
    "relocation": relocation,
    "polish": polish,
    "function": function_search,
}


def refine(search: Search, x: Floats, y: Floats) -> tuple[Floats, Floats, FarmAEP]:
    """Make a layout better, or leave it as it is.

    Parameters
    ----------
    search : Search
        What is asked for, with the budgets of the stages.
    x, y : (n,) array
        A layout, m.

    Returns
    -------
    x, y : (n,) array
        The layout of most worth after any stage that keeps to the rules, the given one included.
    farm : FarmAEP
        Its AEP.
    """
    best = x, y, search.note(x, y)
    search.start_value = most = search.value(*best)
    for name, stage in STAGES.items():
        budget = getattr(search.problem.refine, name)
        if budget <= 0:
            continue
        if stage is function_search:
            if search.problem.objective.function is None:
                continue
            x, y, _ = best  # what the stages before it maximise is not what it does
        x, y = stage(search, x, y, budget)
        farm = search.note(x, y)
        value = search.value(x, y, farm)
        if value > most and search.rules.fault(x, y) is None:
            best, most = (x, y, farm), value
    return best
