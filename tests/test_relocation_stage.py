"""The stage in which single turbines jump, and the flow cases that it compares places in."""

from dataclasses import replace

import numpy as np
import pytest
from reference.trial import scattered
from test_gradient_stage import series
from test_solve import SITE, TURBINE, problem

from mpi_layout.optimise.polish import polish
from mpi_layout.optimise.refinement import Refinement
from mpi_layout.optimise.relocation import relocation
from mpi_layout.optimise.search import Search
from mpi_layout.optimise.solve import solve
from mpi_layout.site.area import Area
from mpi_layout.wake.farm import Farm, Neighbours
from mpi_layout.wake.models import NOJ, BastankhahGaussian, NiayifarPorteAgel, TurbOPark
from mpi_layout.wake.sampling import N_KEPT, reduced_cases, reduced_cases_near


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": NOJ()},
        {"model": NiayifarPorteAgel()},
        {"site": series(500)},
        {"n_turbines": 1},
        {"n_turbines": 2},
        {"neighbours": Neighbours(np.array([-3000.0, -3000.0]), np.array([3000.0, 4000.0]), [TURBINE])},
    ],
    ids=["turbopark", "top hat", "turbulence", "series", "one turbine", "two turbines", "neighbours"],
)
def test_a_relocated_layout_is_better_keeps_the_rules_and_is_always_the_same(changes):
    asked = problem(refine=Refinement(relocation=2500), **changes)
    first, second = solve(asked), solve(asked)
    assert first.x.tobytes() == second.x.tobytes()
    assert first.y.tobytes() == second.y.tobytes()
    assert first.aep >= first.start_aep
    if asked.n_turbines > 2:
        assert first.aep > first.start_aep * 1.002
    assert first.max_outside == 0
    assert first.min_spacing >= 720 * (1 - 1e-12)
    assert first.evaluations > 2500


def test_turbines_cross_to_another_area():
    """Polishing cannot leave an area, jumps can: who stands on the same spot of two areas shares no wakes."""
    west, east = ([(x, 0), (x + 3000, 0), (x + 3000, 3000), (x, 3000)] for x in (0, 40000))
    asked = problem(area=Area.from_rings("two", [west, east]), n_turbines=10)
    x, y = scattered(10, 730.0, 2990.0, seed=4)
    search = Search(asked)
    polished_x, _ = polish(search, x, y, 30)
    assert (polished_x < 3000).all()
    jumped_x, jumped_y = relocation(search, x, y, 4000)
    assert 4 <= (jumped_x > 40000).sum() <= 6
    assert search.rules.fault(jumped_x, jumped_y) is None


def test_it_maximises_what_flow_cases_weigh():
    """Of wind that counts from the west alone a search gets more where it is told so."""
    asked = problem()
    start = solve(asked)
    told, untold = Search(asked), Search(asked)
    west = np.where((told.cases.direction > 240) & (told.cases.direction < 300), 1.0, 0.0)
    cases = replace(told.cases, probability=told.cases.probability * west[:, None])
    told.worth.farm = valued = Farm(TURBINE, cases, TurbOPark())
    values = [valued.energy(*relocation(search, start.x, start.y, 2500)) for search in (told, untold)]
    assert values[0] > values[1]
    assert values[0] > valued.energy(start.x, start.y)


@pytest.mark.parametrize("model", [TurbOPark(), BastankhahGaussian(), NOJ()], ids=lambda m: type(m).__name__)
def test_few_speeds_stand_for_all_near_a_layout(model):
    """In the powers that occur, of a layout and of one with every turbine elsewhere."""
    farm = Farm(TURBINE, SITE.flow_cases(), model)
    x, y = scattered(20, 720.0, 7000.0, seed=1)
    few = reduced_cases_near(farm, x, y)
    assert few.count.max() <= N_KEPT < farm.flow_cases.speed.size
    for seed in (1, 2):
        x, y = scattered(20, 720.0, 7000.0, seed)
        full, reduced = farm.aep(x, y), Farm(TURBINE, few, model).aep(x, y)
        assert reduced.gross_aep == pytest.approx(full.gross_aep, rel=1e-5)
        assert reduced.wake_loss == pytest.approx(full.wake_loss, rel=1e-3)


def test_a_single_turbine_and_speeds_that_never_come_are_no_reason_to_fail():
    cases = SITE.flow_cases()
    never = cases.probability * (cases.speed < 20)
    farm = Farm(TURBINE, replace(cases, probability=never), TurbOPark())
    few = reduced_cases_near(farm, np.zeros(1), np.zeros(1))
    assert (few.probability >= 0).all()
    assert Farm(TURBINE, few, TurbOPark()).energy([0.0], [0.0]) == pytest.approx(farm.energy([0.0], [0.0]))


def test_time_series_are_reduced_as_before():
    farm = Farm(TURBINE, series(500).flow_cases(), TurbOPark())
    near = reduced_cases_near(farm, np.zeros(1), np.zeros(1))
    assert (near.probability == reduced_cases(farm.flow_cases, TURBINE).probability).all()
