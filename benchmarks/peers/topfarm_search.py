"""TOPFARM's optimisers for a config of ours, with PyWake's energies, set up as in its examples."""

import logging
import time
import warnings

import numpy as np
from py_wake.utils.gradients import autograd
from topfarm import TopFarmProblem
from topfarm.constraint_components.boundary import XYBoundaryConstraint
from topfarm.constraint_components.constraint_aggregation import DistanceConstraintAggregation
from topfarm.constraint_components.spacing import SpacingConstraint
from topfarm.cost_models.cost_model_wrappers import CostModelComponent
from topfarm.cost_models.py_wake_wrapper import PyWakeAEPCostModelComponent
from topfarm.drivers.random_search_driver import RandomizeTurbinePosition_Circle
from topfarm.easy_drivers import EasyRandomSearchDriver, EasyScipyOptimizeDriver, EasySGDDriver

from peers import pywake

# Scale of the objective. With 1 SLSQP's first step, the gradient in GWh/m, would be millimetres long; this is
# the best of 1e-4, 1e-5 and 1e-6 after half a minute.
SLSQP_COST = 1e-5
SAMPLES = 200  # flow cases of a step of SGD; 50 in TOPFARM's example would cost hardly less
FOREVER = 10**9


def slsqp(problem, cases, x, y, record):
    """SLSQP with exact gradients."""
    model = _pywake(problem, record)
    driver = EasyScipyOptimizeDriver(optimizer="SLSQP", maxiter=10_000, disp=False)
    _optimise(problem, _energy(model, cases, x), x, y, driver, expected_cost=SLSQP_COST)


def random_search(problem, cases, x, y, record):
    """Single turbines moved by up to ten rotor diameters; what is better is kept."""
    np.random.seed(0)  # noqa: NPY002 - the generator that TOPFARM uses
    driver = EasyRandomSearchDriver(
        RandomizeTurbinePosition_Circle(10 * problem.turbine.rotor_diameter),
        max_iter=FOREVER,
        max_time=FOREVER,
    )
    _optimise(problem, _energy(_pywake(problem, record), cases, x), x, y, driver)


def sgd(problem, cases, x, y, record):
    """Stochastic gradient descent (Quick et al. 2023) over random flow cases of the whole wind rose.

    The number of steps, on which the step lengths depend, is what fits the time by a trial of five.
    """
    model = _pywake(problem, lambda x, y: None)
    direction, speed = _sampler(problem)

    def gradient(x, y, **_):
        return np.array(
            model.aep_gradients(autograd, ["x", "y"], x=x, y=y, wd=direction(), ws=speed(), time=True)
        )

    def nothing(x, y, **_):  # the driver needs the gradient alone
        record(x, y)
        return 0.0

    gradient(x, y)
    started = time.process_time()
    for _ in range(5):
        gradient(x, y)
    steps = int(record.seconds / ((time.process_time() - started) / 5))
    energy = CostModelComponent(
        input_keys=["x", "y"],
        n_wt=x.size,
        cost_function=nothing,
        cost_gradient_function=gradient,
        objective=True,
        maximize=True,
    )
    diameter = problem.turbine.rotor_diameter
    driver = EasySGDDriver(
        maxiter=steps, learning_rate=diameter, gamma_min_factor=0.1, speedupSGD=True, sgd_thresh=0.05
    )
    aggregated = DistanceConstraintAggregation(
        _boundary(problem), x.size, problem.spacing.least, model.windTurbines
    )
    _optimise(problem, energy, x, y, driver, constraints=aggregated)


def _sampler(problem):
    """Directions and speeds of a sample, to be asked for one after the other, as in TOPFARM's example."""
    site, random = problem.site, np.random.default_rng(0)
    degrees = np.arange(360.0)
    a, k, probability = site.at(degrees)
    probability = probability / probability.sum()
    drawn = {}

    def direction():
        drawn["index"] = random.choice(360, SAMPLES, p=probability)
        return degrees[drawn["index"]]

    def speed():
        index = drawn["index"]
        return a[index] * random.weibull(k[index])

    return direction, speed


def _pywake(problem, record):
    """Nygaard_2022 for the config; every layout whose energy is asked for is recorded."""
    site = pywake.weibull_site(problem.site, speed=problem.site.flow_cases().speed)
    model = pywake.ready_made("TurbOPark", site, [problem.turbine])
    energy = model.aep

    def recorded(x, y, **options):
        if isinstance(x, np.ndarray):  # and not what autograd follows
            record(x, y)
        return energy(x, y, **options)

    model.aep = recorded
    return model


def _energy(model, cases, x):
    return PyWakeAEPCostModelComponent(model, n_wt=x.size, wd=cases.direction, ws=cases.speed)


def _boundary(problem):
    corners = np.array(problem.area.geometry.exterior.coords)[:-1]
    convex = problem.area.geometry.convex_hull.equals(problem.area.geometry)
    return XYBoundaryConstraint(corners, "convex_hull" if convex else "polygon")


def _optimise(problem, energy, x, y, driver, *, constraints=None, **options):
    logging.disable(logging.WARNING)
    x_min, y_min, x_max, y_max = problem.area.bounds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        TopFarmProblem(
            design_vars={"x": (x.copy(), x_min, x_max), "y": (y.copy(), y_min, y_max)},
            cost_comp=energy,
            constraints=constraints or [_boundary(problem), SpacingConstraint(problem.spacing.least)],
            driver=driver,
            **options,
        ).optimize()
