"""One config from start to checked result."""

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import ConfigError
from mpi_layout.optimise.problem import Problem, Solution
from mpi_layout.optimise.refine import refine
from mpi_layout.optimise.refinement import NO_REFINEMENT
from mpi_layout.optimise.repair import repaired
from mpi_layout.optimise.search import Search
from mpi_layout.optimise.start import NoPointLeftError, smart_start
from mpi_layout.site.spacing import smallest_distance

Floats = NDArray[np.float64]


def solve(problem: Problem) -> Solution:
    """Find a layout, make it better, check it, and evaluate it.

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
        If no layout is found, or the one found breaks a rule.
    """
    search = Search(problem)
    x, y, farm = refine(search, *_start(search))
    # Every stage promises it; a result is stored only if the layout itself shows it.
    if fault := search.rules.fault(x, y):
        raise ConfigError(fault)
    if search.trace.aep[-1] != farm.aep:
        search.trace.note(search.evaluations, farm.aep)
    return Solution(
        x=x,
        y=y,
        turbine_aep=farm.turbine_aep,
        aep=farm.aep,
        gross_aep=farm.gross_aep,
        start_aep=search.trace.aep[0],
        wake_loss=farm.wake_loss,
        external_wake_loss=farm.external_wake_loss,
        min_spacing=smallest_distance(x, y),
        max_outside=search.rules.outside(x, y),
        evaluations=search.evaluations,
        trace=search.trace,
        objective=search.value(x, y, farm),
        start_objective=search.start_value,
    )


def start_layout(problem: Problem) -> tuple[Floats, Floats]:
    """The layout x, y (n_turbines,), m, that `solve` starts from; errors as of `solve`."""
    return _start(Search(problem))


def _start(search: Search) -> tuple[Floats, Floats]:
    problem = search.problem
    if problem.given is not None:
        return repaired(search.rules, *problem.given.T)
    try:
        return smart_start(
            problem.area,
            problem.turbine,
            n_turbines=problem.n_turbines,
            spacing=problem.spacing,
            site=problem.objective.wind or problem.site,
            model=problem.model,
            options=problem.start,
            seed=problem.seed,
            neighbours=problem.neighbours,
        )
    except NoPointLeftError as full:
        if problem.refine == NO_REFINEMENT:
            raise
        return _completed(search, full.x, full.y)


def _completed(search: Search, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A start that ran out of points, with the other turbines anywhere and all of them moved apart.

    For refinement to begin with: it moves them all anyway.
    """
    others = search.rules.random_points(search.random, search.problem.n_turbines - x.size)
    return repaired(search.rules, np.append(x, others[0]), np.append(y, others[1]))
