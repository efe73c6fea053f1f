"""Reduced and sampled flow cases, and the stages of refinement that follow the gradient."""

from dataclasses import replace

import numpy as np
import pytest
from reference.trial import scattered
from test_solve import SITE, TURBINE, problem

from mpi_layout.optimise.expansion import expansion, widened
from mpi_layout.optimise.gradient import gradient
from mpi_layout.optimise.polish import polish
from mpi_layout.optimise.refinement import Refinement
from mpi_layout.optimise.search import Search
from mpi_layout.optimise.solve import solve
from mpi_layout.site.series import SeriesSite
from mpi_layout.site.wind import FlowCases, FlowSeries
from mpi_layout.wake.farm import GWH_PER_YEAR, Farm, Neighbours
from mpi_layout.wake.models import MODELS as MODELS_BY_NAME
from mpi_layout.wake.models import NOJ, BastankhahGaussian, NiayifarGaussian, TurbOPark
from mpi_layout.wake.sampling import N_KEPT, SampledFarm, reduced_cases

MODELS = [TurbOPark(), BastankhahGaussian(), NiayifarGaussian(), NOJ()]


def series(n=4000, seed=3):
    hours = np.random.default_rng(seed)
    return SeriesSite(
        direction=hours.integers(0, 36, n) * 10.0,
        speed=hours.weibull(2.1, n) * 10.5,
        turbulence_intensity=hours.uniform(0.05, 0.12, n),
    )


@pytest.mark.parametrize("site", [SITE, series()], ids=["weibull", "series"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_few_speeds_stand_for_all(site, model):
    cases = site.flow_cases()
    few = reduced_cases(cases, TURBINE)
    assert few.count.max() <= 2 * N_KEPT < cases.by_direction()[0].max()
    x, y = scattered(20, 720.0, 7000.0, seed=1)
    full, *slopes = Farm(TURBINE, cases, model).aep_gradient(x, y)
    reduced, *reduced_slopes = Farm(TURBINE, few, model).aep_gradient(x, y)
    assert reduced.gross_aep == pytest.approx(full.gross_aep, rel=1e-6)
    assert reduced.wake_loss == pytest.approx(full.wake_loss, rel=1e-3)
    error = np.subtract(reduced_slopes, slopes)
    assert np.sqrt((error**2).sum() / np.square(slopes).sum()) < 0.05


def test_a_time_series_of_any_directions_becomes_one_of_whole_degrees():
    hours = np.random.default_rng(5)
    n = 5000
    wind = SeriesSite(
        direction=hours.uniform(0, 360, n),
        speed=hours.weibull(2.1, n) * 10.5,
        turbulence_intensity=np.full(n, 0.07),
    )
    cases, few = wind.flow_cases(), reduced_cases(wind.flow_cases(), TURBINE)
    assert cases.direction.size > 4000
    assert few.direction.size in (360, 361)  # half a degree on either side of north
    assert (np.diff(few.direction) > 0).all()
    assert few.count.max() <= N_KEPT
    x, y = scattered(20, 720.0, 7000.0, seed=1)
    full, reduced = (Farm(TURBINE, wind, TurbOPark()).aep(x, y) for wind in (cases, few))
    assert reduced.gross_aep == pytest.approx(full.gross_aep, rel=1e-5)
    assert reduced.wake_loss == pytest.approx(full.wake_loss, rel=0.01)


def test_turbulence_of_sectors_takes_no_more_cases():
    sectors = replace(SITE, turbulence_intensity=np.linspace(0.05, 0.1, 6))
    assert reduced_cases(sectors.flow_cases(), TURBINE).count.max() <= N_KEPT


def test_cases_that_are_few_or_cost_money_stay():
    weight = np.array([[0.1, 0.2, 0.3], [0.1, -0.2, 0.5]])
    few = FlowCases(np.array([0.0, 90.0]), np.array([5.0, 10.0, 15.0]), weight, 0.08)
    assert reduced_cases(few, TURBINE).probability == pytest.approx(weight.ravel(), rel=1e-15)
    cases = SITE.flow_cases()
    negative = replace(cases, probability=cases.probability * np.where(cases.speed > 12, -1, 1))
    assert reduced_cases(negative, TURBINE).count.tolist() == negative.by_direction()[0].tolist()


def test_the_mean_over_all_draws_is_the_whole():
    cases = SITE.flow_cases(direction=np.arange(0, 360, 10.0))
    farm = Farm(TURBINE, cases, TurbOPark(disc_mean="exact"))
    sample = SampledFarm(farm, cases, 12, 5, cutoff=5.5)
    at = np.array(scattered(12, 720.0, 4000.0, seed=2))
    draws = 2000
    power, slope = 0.0, np.zeros((2, 12))
    for offset in (np.arange(draws) + 0.5) / draws:
        sample.draw(offset)
        one, its_slope = sample.gradient(at)
        power, slope = power + one / draws, slope + its_slope / draws
    aep, *slopes = farm.aep_gradient(*at)
    # An offset interval is hit to one part in the number of draws.
    assert power * GWH_PER_YEAR == pytest.approx(aep.aep, rel=36 * 5 / draws)
    assert slope * GWH_PER_YEAR == pytest.approx(np.array(slopes), abs=0.02 * np.abs(slopes).max())


def test_a_draw_of_all_directions_of_equal_energy_is_the_whole_with_neighbours():
    even = FlowCases(np.arange(0, 360, 30.0), np.array([8.0, 11.0]), np.full((12, 2), 1 / 24), 0.08)
    x, y = scattered(10, 720.0, 4000.0, seed=4)
    neighbours = Neighbours(x + 6000, y, [TURBINE])
    farm = Farm(TURBINE, even, TurbOPark(disc_mean="exact"), neighbours=neighbours)
    sample = SampledFarm(farm, even, 10, 12, cutoff=5.5)
    sample.draw(0.5)
    power, slope = sample.gradient(np.array([x, y]))
    aep, *slopes = farm.aep_gradient(x, y)
    assert power * GWH_PER_YEAR == pytest.approx(aep.aep, rel=1e-9)
    assert slope * GWH_PER_YEAR == pytest.approx(np.array(slopes), rel=1e-9, abs=1e-12)


def test_a_polished_layout_has_more_energy_at_every_step_and_keeps_the_rules():
    asked = problem()
    start = solve(asked)
    aep, x, y = start.aep, start.x, start.y
    for budget in (2, 5, 15, 40):
        search = Search(asked)
        new_x, new_y = polish(search, x, y, budget)
        new = Farm(TURBINE, SITE, TurbOPark(disc_mean="exact")).aep(new_x, new_y).aep
        assert search.rules.fault(new_x, new_y) is None
        assert new >= aep
        assert 1 <= search.evaluations <= budget
        aep = new
    assert aep > start.aep * 1.002


def test_polishing_comes_to_rest_where_the_gradient_is_zero():
    search = Search(problem(n_turbines=1))
    x, y = polish(search, np.array([1000.0]), np.array([1000.0]), 50)
    assert (x[0], y[0]) == (1000.0, 1000.0)
    assert search.evaluations < 5


@pytest.mark.parametrize("name", MODELS_BY_NAME)
def test_every_model_can_be_widened(name):
    """Across the wind, far enough off the axis, a wider wake takes more from a turbine; on the axis less."""
    model = MODELS_BY_NAME[name]()
    cases = FlowCases(np.array([270.0]), np.array([9.0]), np.array([[1.0]]), 0.08)
    x = np.array([0.0, 12 * 240.0])
    losses = {}
    for factor in (1.0, 3.0):
        farm = Farm(TURBINE, cases, widened(model, factor))
        losses[factor] = [farm.aep(x, np.array([0.0, off])).wake_loss for off in (0.0, 2.1 * 240.0)]
    assert losses[3.0][0] < losses[1.0][0]
    assert losses[3.0][1] > losses[1.0][1]


def test_expansion_goes_before_the_gradient_and_keeps_the_rules():
    asked = problem(refine=Refinement(expansion=201, gradient=200, polish=5))
    start = solve(problem())
    search = Search(asked)
    x, y = expansion(search, start.x, start.y, 201)
    assert search.rules.fault(x, y) is None
    assert search.evaluations == 200  # four equal parts
    solution = solve(asked)
    assert solution.aep > solution.start_aep


@pytest.mark.parametrize(("stage", "budget"), [(gradient, 400), (polish, 20)])
def test_stages_maximise_what_flow_cases_weigh(stage, budget):
    """Of wind that counts from the west alone a search gets more where it is told so."""
    asked = problem(n_turbines=8)
    start = solve(asked)
    told, untold = Search(asked), Search(asked)
    cases = told.cases
    west = np.where((cases.direction > 240) & (cases.direction < 300), 1.0, 0.0)
    weighed = replace(cases, probability=cases.probability * west[:, None])
    told.worth.farm = valued = Farm(TURBINE, weighed, TurbOPark())
    values = [valued.aep(*stage(search, start.x, start.y, budget)).aep for search in (told, untold)]
    assert values[0] > values[1]
    assert values[0] > valued.aep(start.x, start.y).aep


ONE_DIRECTION = FlowSeries(
    np.array([270.0]), np.array([1]), np.array([9.0]), np.array([1.0]), np.array([0.08])
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": NOJ()},
        {"site": series(500)},
        {"n_turbines": 1},
        {"n_turbines": 2},
        {"neighbours": Neighbours(np.array([-3000.0, -3000.0]), np.array([3000.0, 4000.0]), [TURBINE])},
    ],
    ids=["weibull", "top hat", "series", "one turbine", "two turbines", "neighbours"],
)
def test_a_refined_layout_is_better_keeps_the_rules_and_is_always_the_same(changes):
    asked = problem(refine=Refinement(gradient=300, polish=10), **changes)
    first, second = solve(asked), solve(asked)
    assert first.x.tobytes() == second.x.tobytes()
    assert first.aep >= first.start_aep
    if asked.n_turbines > 2:
        assert first.aep > first.start_aep * 1.002
    assert first.max_outside == 0
    assert first.min_spacing >= 720 * (1 - 1e-12)
    assert first.evaluations <= 300 + 10 + 3  # start and both ends


def test_a_farm_in_one_wind_direction_is_refined():
    class OneWind:
        air_density = 1.225

        def flow_cases(self):
            return ONE_DIRECTION

        def binned(self, speed):
            return FlowCases(ONE_DIRECTION.direction, ONE_DIRECTION.speed, np.ones((1, 1)), 0.08)

    solution = solve(problem(site=OneWind(), refine=Refinement(gradient=200)))
    assert solution.aep > solution.start_aep
