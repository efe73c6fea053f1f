"""What is maximised: AEP, its worth by prices, and functions of the user's."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from scipy.spatial.distance import pdist

import mpi_layout
from mpi_layout.errors import ConfigError
from mpi_layout.optimise.function_ascent import _gradient
from mpi_layout.optimise.objective import Objective
from mpi_layout.optimise.problem import Problem
from mpi_layout.optimise.refinement import Refinement
from mpi_layout.optimise.search import Search
from mpi_layout.optimise.solve import solve
from mpi_layout.optimise.start import SmartStart
from mpi_layout.site.area import Area
from mpi_layout.site.price import PriceTable, StepPrices, priced
from mpi_layout.site.series import SeriesSite
from mpi_layout.site.spacing import Spacing
from mpi_layout.site.table import TableSite
from mpi_layout.site.turbine import generic_turbine
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.wake.farm import Farm, Neighbours
from mpi_layout.wake.models import NOJ, TurbOPark

TURBINE = generic_turbine("t", rated_power=15e6, rotor_diameter=240, hub_height=150)
WEIBULL = WeibullSite(
    np.arange(0, 360, 60), [9, 10, 11, 12, 11, 10], [2.0] * 6, [0.1, 0.1, 0.2, 0.3, 0.2, 0.1], 0.08
)
AREA = Area.from_rings("square", [[(0, 0), (6000, 0), (6000, 6000), (0, 6000)]])


def series(n=400, seed=5, **changes):
    print("seed", seed)
    random = np.random.default_rng(seed)
    values = {
        "direction": random.integers(0, 12, n) * 30.0,
        "speed": random.integers(4, 14, n) * 1.0,
        "turbulence_intensity": 0.08,
        "weight": random.uniform(0.5, 1.5, n),
    }
    return SeriesSite(**(values | changes))


def problem(site=WEIBULL, **changes):
    return replace(
        Problem(AREA, TURBINE, 8, Spacing(720), site, TurbOPark(), SmartStart((12, 12), 30), 3), **changes
    )


def layout(n=8, seed=2):
    print("seed", seed)
    return np.random.default_rng(seed).uniform(0, 6000, (2, n))


def power_by_case(site, x, y, **farm):
    """Power of the farm in each flow case, W, from the effective speeds."""
    speed = Farm(TURBINE, site.flow_cases(), TurbOPark(), **farm).effective_speed(x, y)
    return TURBINE.power_at(speed).sum(axis=1)


def cases_of(site):
    cases = site.flow_cases()
    count, speed, _, probability = cases.by_direction()
    return np.repeat(cases.direction, count), speed, probability


class TestPriceTable:
    """Prices between the nodes of a table."""

    def test_nodes_and_what_lies_between(self):
        table = PriceTable([[10, 20], [30, 40], [50, 80]], direction=[0, 90, 270], speed=[5, 15])
        np.testing.assert_array_equal(table.at([0, 90, 270], 5.0), [10, 30, 50])
        np.testing.assert_array_equal(table.at([0, 90, 270], 15.0), [20, 40, 80])
        np.testing.assert_allclose(table.at(45.0, [5, 10, 15]), [20, 25, 30])
        np.testing.assert_allclose(table.at([180, 315, 360, 405], 5.0), [40, 30, 10, 20])  # around the circle
        np.testing.assert_array_equal(table.at(90.0, [0, 3, 25]), [30, 30, 40])  # held beyond the speeds

    def test_one_axis_or_none(self):
        np.testing.assert_allclose(PriceTable([10, 30], speed=[4, 8]).at([0, 200], [6, 9]), [20, 30])
        np.testing.assert_allclose(PriceTable([10, 30], direction=[90, 180]).at([135, 315], 9.0), [20, 20])
        np.testing.assert_array_equal(PriceTable(7.0).at([1, 2, 3], 9.0), [7, 7, 7])
        np.testing.assert_array_equal(PriceTable([7], direction=[30]).at([1, 30, 300], 9.0), [7, 7, 7])

    def test_the_farm_stops_where_the_interpolated_price_is_negative(self):
        table = PriceTable([-10, 30], speed=[4, 8], stops=True)
        np.testing.assert_allclose(table.at(0.0, [4, 4.5, 5, 6, 8]), [0, 0, 0, 10, 30], atol=1e-12)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"value": [1, 2]}, r"value has shape \(2,\), the nodes given make \(\)"),
            ({"value": [[1, 2]], "direction": [0, 90]}, r"value has shape \(1, 2\), the nodes given"),
            ({"value": [1, -2, -3], "speed": [1, 2, 3]}, r"value\[1\] is negative, -2 \(as are 2 of 3\)"),
            ({"value": [1, np.nan], "speed": [1, 2]}, r"value\[1\] wants"),
            ({"value": 0.0}, "value has no price above 0"),
            ({"value": [-1, -2], "speed": [1, 2], "stops": True}, "value has no price above 0"),
            ({"value": [1, 2], "speed": [2, 1]}, r"speed\[1\] must increase"),
            ({"value": [1, 2], "direction": [0, 360]}, r"direction\[1\] wants no 360 beside 0"),
        ],
    )
    def test_what_is_refused(self, values, message):
        with pytest.raises(ValueError, match=message):
            PriceTable(**values)


TABLE = PriceTable([[90, 20], [10, 40], [50, 5]], direction=[0, 90, 270], speed=[5, 12])


@pytest.mark.parametrize(
    "site",
    [
        WEIBULL,
        TableSite([0, 90, 200], [6, 9], [[0.2, 0.1], [0.3, 0.1], [0.1, 0.2]], 0.1),
        series(),
    ],
    ids=["Weibull", "table", "series"],
)
def test_worth_is_the_sum_of_price_times_energy_over_the_flow_cases(site):
    x, y = layout()
    search = Search(problem(site, objective=Objective.of(site, prices=TABLE)))
    direction, speed, probability = cases_of(site)
    price = TABLE.at(direction, speed)
    expected = (price * probability * power_by_case(site, x, y)).sum() * 8760e-6  # per MWh
    assert search.value(x, y) == pytest.approx(expected, rel=1e-12)
    assert search.farm.aep(x, y).aep == pytest.approx(
        Farm(TURBINE, site, TurbOPark()).aep(x, y).aep, rel=1e-14
    )


def test_prices_step_by_step_count_each_step_of_a_time_series():
    site = series()
    random = np.random.default_rng(8)
    price = random.uniform(-20, 100, site.direction.size)
    x, y = layout()
    search = Search(problem(site, objective=Objective.of(site, prices=StepPrices(price, stops=True))))
    one_by_one = TableSite(np.arange(12) * 30.0, np.arange(4.0, 14), np.full((12, 10), 1 / 120), 0.08)
    power = power_by_case(one_by_one, x, y).reshape(12, 10)
    steps = power[(site.direction / 30).astype(int), (site.speed - 4).astype(int)]
    expected = (site.weight * np.maximum(price, 0) * steps).sum() / site.weight.sum() * 8760e-6
    assert search.value(x, y) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("prices", [PriceTable(37.3), StepPrices(np.full(400, 37.3))], ids=["table", "steps"])
def test_a_constant_price_changes_no_bit_of_the_layout(prices):
    site = series()
    plain, valued = solve(problem(site)), solve(problem(site, objective=Objective.of(site, prices=prices)))
    assert valued.x.tobytes() == plain.x.tobytes()
    assert valued.y.tobytes() == plain.y.tobytes()
    assert plain.objective == plain.aep == valued.aep
    assert valued.objective == 1000 * 37.3 * plain.aep


def test_the_start_follows_the_price():
    """Wind from west and north alike; where west pays all, turbines do not stand behind each other in it."""
    site = TableSite([0, 270], [9.0], [[0.5], [0.5]], 0.08)
    prices = PriceTable([1, 100], direction=[0, 270])
    dear, plain = (
        solve(problem(site, n_turbines=24, objective=objective, start=SmartStart((12, 12), 0)))
        for objective in (Objective.of(site, prices=prices), Objective())
    )
    value = Search(problem(site, objective=Objective.of(site, prices=prices))).value
    assert dear.objective > 1.005 * value(plain.x, plain.y)
    assert dear.aep < plain.aep


def test_of_two_turbines_the_cheap_direction_may_shade_the_other_one():
    """Wakes of NOJ in two directions: the worth of a pair is known from one deficit."""
    site = TableSite([0, 270], [9.0], [[0.5], [0.5]], 0.08)
    objective = Objective.of(site, prices=PriceTable([10, 30], direction=[0, 270]))
    search = Search(problem(site, n_turbines=2, model=NOJ(induction="momentum"), objective=objective))
    free, far = TURBINE.power_at(9.0), 1200.0
    ct = np.interp(9.0, TURBINE.speed, TURBINE.ct)
    deficit = (1 - np.sqrt(1 - ct)) / (1 + 2 * 0.1 * far / 240) ** 2
    waked = TURBINE.power_at(9.0 * (1 - deficit))
    west_east, north_south = np.array([[0, far], [0, 0]]), np.array([[0, 0], [0, far]])
    assert search.value(*north_south) == pytest.approx(
        (0.5 * 10 * (free + waked) + 0.5 * 30 * 2 * free) * 8760e-6, rel=1e-6
    )
    assert search.value(*west_east) == pytest.approx(
        (0.5 * 10 * 2 * free + 0.5 * 30 * (free + waked)) * 8760e-6, rel=1e-6
    )
    assert search.farm.aep(*west_east).aep == pytest.approx(search.farm.aep(*north_south).aep, rel=1e-12)


@pytest.mark.parametrize(
    ("price_north", "price_west", "place"), [(1, 3, "south"), (3, 1, "east"), (1, 1, "east")]
)
def test_the_optimum_is_where_the_cheap_wind_is_shaded(price_north, price_west, place):
    """One turbine, and a neighbour that shades one of two spots in each of two winds, west being rarer."""
    others = Neighbours(np.array([0.0]), np.array([0.0]), [TURBINE])
    spots = {"south": [(-50, -1250), (50, -1250), (50, -1150), (-50, -1150)]}
    spots["east"] = [(1150, -50), (1250, -50), (1250, 50), (1150, 50)]
    area = Area.from_rings("two", list(spots.values()))
    site = TableSite([0, 270], [9.0], [[0.55], [0.45]], 0.08)
    prices = PriceTable([price_north, price_west], direction=[0, 270])
    asked = problem(
        site,
        area=area,
        n_turbines=1,
        neighbours=others,
        model=NOJ(),
        start=SmartStart((27, 27), 0),
        objective=Objective.of(site, prices=prices),
    )
    for refine in (Refinement(), Refinement(gradient=50, polish=10)):
        found = solve(replace(asked, refine=refine))
        assert abs(found.x[0]) <= 50 if place == "south" else abs(found.y[0]) <= 50
        wind = {"north": 0.55 * price_north, "west": 0.45 * price_west}
        free = TURBINE.power_at(9.0) * sum(wind.values()) * 8760e-6
        lost = free - found.objective
        cheap = "north" if place == "south" else "west"
        assert 0 < lost < TURBINE.power_at(9.0) * wind[cheap] * 8760e-6


def test_neighbours_count_in_what_energy_is_worth():
    others = Neighbours(np.array([-1000.0, -1000.0]), np.array([2000.0, 4000.0]), [TURBINE])
    objective = Objective.of(WEIBULL, prices=PriceTable([1, 5], direction=[90, 270]))
    x, y = layout()
    alone, beside = (Search(problem(objective=objective, neighbours=n)).value(x, y) for n in (None, others))
    direction, speed, probability = cases_of(WEIBULL)
    price = PriceTable([1, 5], direction=[90, 270]).at(direction, speed)
    power = power_by_case(WEIBULL, x, y, neighbours=others)
    assert beside == pytest.approx((price * probability * power).sum() * 8760e-6, rel=1e-12)
    assert beside < alone


def test_prices_that_do_not_fit_the_site():
    with pytest.raises(ValueError, match="step by step, which wants a site that is a time series"):
        priced(WEIBULL, StepPrices([1.0]))
    with pytest.raises(ValueError, match="has 3 prices, the time series has 400 steps"):
        priced(series(), StepPrices([1.0, 2, 3]))
    with pytest.raises(ValueError, match="is 0 in all the wind"):
        priced(TableSite([0], [9.0], [[1.0]], 0.1), PriceTable([0, 1], speed=[20, 30]))


class TestFunction:
    """A function of the user's as the objective."""

    def test_gets_the_layout_and_what_it_is_worth(self):
        seen = []

        def west(found):
            seen.append(found)
            return -found.x.mean()

        objective = Objective.of(WEIBULL, prices=PriceTable(50.0), function=west)
        solution = solve(problem(objective=objective))
        assert solution.objective == -solution.x.mean()
        (found,) = [f for f in seen if np.array_equal(f.x, solution.x)][:1]
        np.testing.assert_array_equal(found.turbine_aep, solution.turbine_aep)
        assert (found.aep, found.gross_aep, found.wake_loss) == (
            solution.aep,
            solution.gross_aep,
            solution.wake_loss,
        )
        assert found.value == 50_000 * solution.aep
        assert found.area.name == "square"
        assert found.turbine.rotor_diameter == 240
        with pytest.raises(ValueError, match="read-only"):
            found.x[0] = 0

    @pytest.mark.parametrize(
        ("result", "message"),
        [
            (np.nan, "gave nan, wants a finite number"),
            (-np.inf, "gave -inf, wants a finite number"),
            ("12", "gave a str, wants a number"),
            (None, "gave a NoneType, wants a number"),
            (True, "gave a bool, wants a number"),
            (np.ones(2), "gave a ndarray, wants a number"),
            (1j, "gave a complex, wants a number"),
        ],
    )
    def test_a_result_that_is_no_number_fails_the_config(self, result, message):
        with pytest.raises(ConfigError, match=message):
            solve(problem(objective=Objective(function=lambda found: result)))

    @pytest.mark.parametrize("error", [ZeroDivisionError("oh"), SystemExit("oh"), KeyError("oh")])
    def test_an_error_fails_the_config_and_says_where(self, error):
        def broken(found):
            raise error

        with pytest.raises(
            ConfigError, match=rf"objective broken failed at \S+:\d+: {type(error).__name__}: '?oh"
        ):
            solve(problem(objective=Objective(function=broken)))

    def test_numbers_of_any_kind(self):
        for number in (3, np.float32(3), np.int64(3)):
            assert solve(problem(objective=Objective(function=lambda found, n=number: n))).objective == 3


def near_the_corner(found):
    """Best with all turbines as far south-west as can be, and as much energy as goes with that."""
    return 10 * found.aep - np.hypot(found.x, found.y).sum() / 100


class TestFunctionSearch:
    """Moves accepted by a function of the user's."""

    searched = problem(
        refine=Refinement(function=150), objective=Objective(function=near_the_corner), spacing=Spacing(480.0)
    )

    def test_betters_the_function_within_the_rules_and_the_budget(self):
        solution, start = solve(self.searched), solve(replace(self.searched, refine=Refinement()))
        assert solution.objective > start.objective + 10
        assert solution.start_aep == start.aep
        assert solution.evaluations <= start.evaluations + 150 + 1
        assert pdist(np.c_[solution.x, solution.y]).min() >= 480
        assert shapely.intersects_xy(AREA.geometry, solution.x, solution.y).all()
        energy = Farm(TURBINE, WEIBULL, TurbOPark()).aep(solution.x, solution.y)
        assert solution.aep == pytest.approx(energy.aep, rel=1e-12)
        assert solution.objective == pytest.approx(
            10 * energy.aep - np.hypot(solution.x, solution.y).sum() / 100, rel=1e-12
        )

    def test_depends_on_the_seed_alone(self):
        first, second = solve(self.searched), solve(self.searched)
        assert first.x.tobytes() == second.x.tobytes()
        assert first.trace.aep == second.trace.aep

    def test_is_never_worse_than_the_start(self):
        """A function that every move makes worse."""
        start = solve(replace(self.searched, refine=Refinement()))

        def closeness(found):
            return -np.abs(found.x - start.x).sum() - np.abs(found.y - start.y).sum()

        solution = solve(replace(self.searched, objective=Objective(function=closeness)))
        assert solution.objective == 0
        assert solution.x.tobytes() == start.x.tobytes()

    def test_where_hardly_any_move_changes_the_function(self):
        """The temperature is nothing then, and to fall off the plateau a loss beyond all bounds."""
        single = replace(self.searched, n_turbines=1)
        x = solve(replace(single, refine=Refinement())).x[0]

        def plateau(found):
            return 1e3 * (abs(found.x[0] - x) < 2000)

        assert solve(replace(single, objective=Objective(function=plateau))).objective == 1e3

    def test_leaves_layouts_alone_where_there_is_no_function(self):
        plain = replace(self.searched, objective=Objective())
        assert solve(plain).x.tobytes() == solve(replace(plain, refine=Refinement())).x.tobytes()

    def test_where_no_turbine_can_move(self):
        """Two turbines in opposite corners of a square, as far apart as they have to be."""
        area = Area.from_rings("tight", [[(0, 0), (100, 0), (100, 100), (0, 100)]])
        tight = replace(
            self.searched,
            area=area,
            n_turbines=2,
            spacing=Spacing(141.42),
            start=SmartStart((2, 2), 100),
            seed=1,
        )
        solution = solve(tight)
        assert pdist(np.c_[solution.x, solution.y]).min() >= 141.42

    def test_one_turbine_goes_where_the_function_wants_it(self):
        def target(found):
            return -float(np.hypot(found.x[0] - 4321.0, found.y[0] - 1234.0))

        single = replace(self.searched, n_turbines=1, objective=Objective(function=target))
        solution = solve(replace(single, refine=Refinement(function=400)))
        assert solution.objective > -20


@pytest.fixture(scope="module")
def names():
    """What the scripts of docs/objectives.md leave behind."""
    guide = (Path(__file__).parents[1] / "docs" / "objectives.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) == 2
    found = {}
    exec("".join(blocks), found)
    return found


class TestOneCall:
    """The way for notebooks."""

    def test_the_guide_runs_and_tells_the_truth(self, names):
        energy, worth = names["most_energy"], names["most_worth"]
        prices = PriceTable([80, 50, 20], speed=[4, 10, 16])
        assert energy.objective == energy.aep
        wind, mean = priced(names["site"], prices)
        value = 1000 * mean * Farm(names["turbine"], wind.flow_cases()).aep(energy.x, energy.y).aep
        assert worth.objective > 0.999 * value
        assert 20_000 * worth.aep < worth.objective < 80_000 * worth.aep

    def test_it_is_what_a_config_does(self):
        found = mpi_layout.optimise_layout(
            [(0, 0), (6000, 0), (6000, 6000), (0, 6000)],
            TURBINE,
            WEIBULL,
            n_turbines=8,
            min_spacing=720.0,
            start=SmartStart((12, 12), 30),
            seed=3,
            refine="none",
        )
        assert found.x.tobytes() == solve(problem()).x.tobytes()

    def test_air_density_counts_for_the_farm_and_its_neighbours(self):
        thin = replace(WEIBULL, air_density=1.0)
        others = Neighbours(np.array([-1000.0, -1000.0]), np.array([2000.0, 4000.0]), [TURBINE])
        found = mpi_layout.optimise_layout(
            AREA, TURBINE, thin, n_turbines=4, min_spacing=720.0, refine="none", neighbours=others
        )
        energy = Farm(TURBINE, thin, TurbOPark(), neighbours=others).aep(found.x, found.y)
        assert found.aep == pytest.approx(energy.aep, rel=1e-12)

    def test_an_unknown_preset(self):
        with pytest.raises(ValueError, match="refine is 'best'; wants a Refinement or one of none, quick"):
            mpi_layout.optimise_layout(AREA, TURBINE, WEIBULL, n_turbines=4, min_spacing=720.0, refine="best")


def test_the_gradient_of_a_function_is_that_of_differences():
    """Of one that looks at energies as a whole, with prices beside it."""

    def function(found):
        return found.value / 1e5 - np.hypot(found.x - 2000, found.y - 1000).sum() / 100

    objective = Objective.of(WEIBULL, prices=PriceTable([90, 10], speed=[6, 14]), function=function)
    search = Search(problem(objective=objective, model=TurbOPark(disc_mean="exact")))
    at = 1000 + layout() * 4 / 6
    value, slope = _gradient(search, at)
    assert value == search.value(*at)
    for axis, k in ((0, 1), (1, 1), (0, 5), (1, 7)):
        ends = []
        for step in (-0.5, 0.5):
            moved = at.copy()
            moved[axis, k] += step
            ends.append(search.value(*moved))
        assert slope[axis, k] == pytest.approx(ends[1] - ends[0], rel=0.02, abs=1e-4)


def test_the_ascent_asks_only_about_places_in_the_area():
    def within(found):
        assert AREA.contains(found.x, found.y).all()
        return float(found.x.sum())

    asked = problem(objective=Objective(function=within), refine=Refinement(function=100))
    found, start = solve(asked), solve(replace(asked, refine=Refinement()))
    assert found.x.sum() > start.x.sum() + 1000
