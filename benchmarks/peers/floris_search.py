"""FLORIS' layout optimisers for a config of ours, with the wake model next to ours."""

from contextlib import redirect_stdout
from io import StringIO

import numpy as np
from floris.optimization.layout_optimization import layout_optimization_random_search as random_searches
from floris.optimization.layout_optimization.layout_optimization_scipy import LayoutOptimizationScipy

from peers.floris import floris_model

FOREVER = 1e9
STEP = 50.0  # m, of the finite differences; FLORIS' default is one hundredth of the area, 100 to 300 m


def random_search(problem, cases, x, y, record):
    """Single turbines moved by up to two rotor diameters, now and then far; what is better is kept."""
    energy = random_searches._get_objective

    def recorded(layout_x, layout_y, *arguments):
        record(layout_x, layout_y)
        return energy(layout_x, layout_y, *arguments)

    random_searches._get_objective = recorded
    with redirect_stdout(StringIO()):
        random_searches.LayoutOptimizationRandomSearch(
            floris_model("TurbOPark", problem.turbine, cases, x, y),
            _corners(problem),
            min_dist=problem.spacing.least,
            interface=None,
            n_individuals=2,  # becomes one without an interface
            relegation_number=0,
            seconds_per_iteration=FOREVER,
            total_optimization_seconds=FOREVER,
            use_dist_based_init=False,
            random_seed=0,
        ).optimize()


def scipy(problem, cases, x, y, record):
    """SLSQP of SciPy with gradients by finite differences: FLORIS has no others."""

    class Recorded(LayoutOptimizationScipy):
        def _change_coordinates(self, locs):
            locs = np.asarray(locs)
            record(locs[: x.size], locs[x.size :])
            super()._change_coordinates(locs)

    x_min, y_min, x_max, y_max = problem.area.bounds
    with redirect_stdout(StringIO()):
        Recorded(
            floris_model("TurbOPark", problem.turbine, cases, x, y),
            _corners(problem),
            min_dist=problem.spacing.least,
            optOptions={"maxiter": 10_000, "disp": False, "eps": STEP / max(x_max - x_min, y_max - y_min)},
        ).optimize()


def _corners(problem):
    return [tuple(corner) for corner in problem.area.geometry.exterior.coords[:-1]]
