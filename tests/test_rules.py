"""Areas and distances: the kernel against shapely, repaired layouts, and what cannot be repaired."""

from dataclasses import replace

import numpy as np
import pytest
import shapely
from scipy.spatial.distance import pdist

from mpi_layout.errors import ConfigError
from mpi_layout.optimise import solve as solving
from mpi_layout.optimise.problem import Problem
from mpi_layout.optimise.refinement import Refinement
from mpi_layout.optimise.repair import repaired
from mpi_layout.optimise.rules import DEPTH, Rules
from mpi_layout.optimise.start import SmartStart
from mpi_layout.site.area import Area
from mpi_layout.site.spacing import Spacing
from mpi_layout.site.turbine import generic_turbine
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.wake.models import TurbOPark

EAST, NORTH = 700_000.0, 6_200_000.0  # coordinates as large as those of UTM
ORIGIN = np.array([EAST, NORTH])


def star(random, n, size, roughness, x=0.0, y=0.0):
    """A ring (n, 2) around (x, y), the more concave the rougher."""
    angle = np.sort(random.uniform(0, 2 * np.pi, n))
    radius = size * (1 + roughness * random.uniform(-1, 1, n))
    return np.column_stack([EAST + x + radius * np.cos(angle), NORTH + y + radius * np.sin(angle)])


def triangle(random, size, x, y):
    return np.array([EAST + x, NORTH + y]) + size * random.uniform(-1, 1, (3, 2))


def square(side, x=0.0, y=0.0):
    return np.array([(0, 0), (side, 0), (side, side), (0, side)]) + np.array([EAST + x, NORTH + y])


AREAS = {
    "triangle": lambda random: Area.from_rings("a", [triangle(random, 5000, 0, 0)]),
    "concave": lambda random: Area.from_rings("a", [star(random, 30, 5000, 0.6)]),
    "holes": lambda random: Area.from_rings(
        "a",
        [star(random, 12, 6000, 0.2)],
        [star(random, 9, 1000, 0.5, x=x, y=y) for x, y in ((-2000, 0), (2000, 1000), (0, -2500))],
    ),
    "cut": lambda random: Area.from_rings("a", [square(6000)], [star(random, 8, 2500, 0.3)]),
    "several": lambda random: Area.from_rings(
        "a", [star(random, 11, 2500, 0.5, x=x, y=y) for x, y in ((-5000, 0), (5000, 500), (0, 7000))]
    ),
    "touching": lambda random: Area.from_rings(
        "a", [square(3000), square(3000, x=3000), square(3000, x=-3000, y=-3000)]
    ),
    "sliver": lambda random: Area.from_rings(
        "a", [np.array([(0, 0), (9000, 3000), (9000, 3001)]) + ORIGIN, square(2000, y=4000)]
    ),
    "repeated": lambda random: Area.from_rings("a", [np.repeat(square(4000), 3, axis=0)]),
    "farthest": lambda random: Area.from_rings("a", [star(random, 9, 4000, 0.4, x=9.9e7, y=-9.9e7)]),
    "coast": lambda random: Area.from_rings(
        "a", [star(random, 700, 6000, 0.03)], [star(random, 150, 1500, 0.05)]
    ),
    "edges of no length": lambda random: Area.from_rings(
        "a", [[(0, 0), (1e-155, 0), (4000, 0), (4000, 1e-160), (4000, 4000), (0, 4000), (0, 1e-158)]]
    ),
}  # fmt: skip


@pytest.fixture(params=list(AREAS))
def area(request):
    return AREAS[request.param](np.random.default_rng(list(AREAS).index(request.param)))


def points_around(area, random, n):
    """Points in, around and far from an area, on corners and beside edges."""
    x_min, y_min, x_max, y_max = area.bounds
    size = max(x_max - x_min, y_max - y_min)
    near = random.uniform(
        (x_min - 0.2 * size, y_min - 0.2 * size), (x_max + 0.2 * size, y_max + 0.2 * size), (n, 2)
    )
    far = random.normal((x_min, y_min), 20 * size, (n // 10, 2))
    corners = np.concatenate(area.rings())
    beside = corners[random.integers(len(corners), size=n // 4)] + random.normal(0, 0.01, (n // 4, 2))
    return np.concatenate([near, far, corners, beside]).T.copy()


def signed_by_shapely(area, x, y):
    points = shapely.points(x, y)
    distance = shapely.distance(area.geometry.boundary, points)
    return np.where(shapely.contains(area.geometry, points), -distance, distance)


class TestSignedDistance:
    def test_is_that_of_shapely(self, area):
        print("seed", 11)
        x, y = points_around(area, np.random.default_rng(11), 4000)
        distance, near_x, near_y = Rules(area, Spacing(500)).signed_distance(x, y)
        expected = signed_by_shapely(area, x, y)
        rounding = 4 * np.spacing(np.abs(area.bounds).max())
        np.testing.assert_allclose(distance, expected, rtol=1e-9, atol=rounding)
        boundary = shapely.distance(area.geometry.boundary, shapely.points(near_x, near_y))
        assert (boundary <= rounding).all()
        np.testing.assert_allclose(np.hypot(x - near_x, y - near_y), abs(expected), rtol=1e-9, atol=rounding)

    def test_has_the_gradient_of_the_nearest_point(self, area):
        print("seed", 12)
        x, y = points_around(area, np.random.default_rng(12), 1000)
        rules, h = Rules(area, Spacing(500)), 1e-3
        distance, near_x, near_y = rules.signed_distance(x, y)
        slopes = [
            (
                rules.signed_distance(x + h * dx, y + h * dy)[0]
                - rules.signed_distance(x - h * dx, y - h * dy)[0]
            )
            / (2 * h)
            for dx, dy in ((1, 0), (0, 1))
        ]
        # Where two points of the boundary are equally near there is no gradient, and no slope of one.
        smooth = (abs(distance) > 1) & (abs(np.hypot(*slopes) - 1) < 1e-5)
        assert smooth.sum() > 500
        for slope, away in ((slopes[0], x - near_x), (slopes[1], y - near_y)):
            np.testing.assert_allclose(slope[smooth], away[smooth] / distance[smooth], atol=1e-4)

    def test_of_known_points(self):
        rules = Rules(Area.from_rings("a", [square(10)], [square(2, 4, 4)]), Spacing(1))
        x, y = np.array([1, -3, 5, 14, 3.5]) + EAST, np.array([5, 5, 5, 13, 5]) + NORTH
        np.testing.assert_allclose(rules.signed_distance(x, y)[0], [-1, 3, 1, 5, -0.5])


@pytest.mark.parametrize("spacing", [Spacing(900), Spacing(1500, 600, 240), Spacing(600, 1500, 20)], ids=str)
class TestPenalty:
    def layout(self, area):
        random = np.random.default_rng(13)
        print("seed", 13)
        x_min, y_min, x_max, y_max = area.bounds
        return random.uniform((x_min - 500, y_min - 500), (x_max + 500, y_max + 500), (40, 2)).T.copy()

    def test_is_the_sum_of_squares_that_are_missing(self, area, spacing):
        x, y = self.layout(area)
        outside = np.maximum(0, signed_by_shapely(area, x, y))
        angle = np.deg2rad(spacing.direction)
        axes = np.array([[np.sin(angle), np.cos(angle)], [np.cos(angle), -np.sin(angle)]])  # along, across
        half_axes = np.array([spacing.along, spacing.across or spacing.along])
        scaled = pdist(np.column_stack([x, y]) @ axes.T / half_axes) * half_axes.min()
        close = np.maximum(0, half_axes.min() - scaled)
        value, *_ = Rules(area, spacing).penalty(x, y)
        assert value == pytest.approx((outside**2).sum() + (close**2).sum(), rel=1e-9)
        assert outside.any()
        assert close.any()

    def test_has_its_exact_gradient(self, area, spacing):
        rules, h = Rules(area, spacing), 1e-2
        x, y = self.layout(area)
        _, *slope = rules.penalty(x, y)
        for layout, analytic in ((x, slope[0]), (y, slope[1])):
            for i in range(0, 40, 3):
                ends = []
                for sign in (1, -1):
                    layout[i] += sign * h
                    ends.append(rules.penalty(x, y)[0])
                    layout[i] -= sign * h
                numeric = (ends[0] - ends[1]) / (2 * h)
                assert analytic[i] == pytest.approx(numeric, rel=1e-4, abs=0.05)


def test_a_layout_that_keeps_the_rules_has_no_penalty_and_is_its_own_repair():
    rules = Rules(Area.from_rings("a", [square(1000)]), Spacing(1000))
    x, y = np.array([0.0, 0.0, 1000, 1000]) + EAST, np.array([0.0, 1000, 0, 1000]) + NORTH
    assert rules.fault(x, y) is None
    assert rules.penalty(x + np.array([1, 1, -1, -1]), y)[0] == pytest.approx(
        4 + 4
    )  # two pairs are 2 m short
    for before, after in zip((x, y), repaired(rules, x, y), strict=True):
        assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("isa", ["generic", "avx2", "avx512"])
def test_instruction_sets_agree(area, isa, monkeypatch):
    random = np.random.default_rng(19)
    print("seed", 19)
    rules = Rules(area, Spacing(1500, 600, 240))
    x, y = points_around(area, random, 200)
    best = *rules.signed_distance(x, y)[:1], *rules.penalty(x[:60], y[:60])
    monkeypatch.setenv("MPI_LAYOUT_ISA", isa)
    for value, wanted in zip(
        (*rules.signed_distance(x, y)[:1], *rules.penalty(x[:60], y[:60])), best, strict=True
    ):
        np.testing.assert_allclose(value, wanted, rtol=1e-9, atol=1e-7)
    x, y = repaired(rules, x[:8], y[:8])
    assert rules.fault(x, y) is None


class TestRepair:
    @pytest.mark.parametrize("spacing", [Spacing(700), Spacing(1200, 500, 240)], ids=str)
    def test_makes_anything_keep_the_rules(self, area, spacing):
        random = np.random.default_rng(14)
        print("seed", 14)
        rules = Rules(area, spacing)
        x_min, y_min, x_max, y_max = area.bounds
        n = max(1, min(40, int(0.3 * area.most_turbines(Spacing(spacing.most)))))
        for _ in range(150):
            x, y = random.uniform((x_min - 900, y_min - 900), (x_max + 900, y_max + 900), (n, 2)).T
            x, y = repaired(rules, x, y)
            assert rules.fault(x, y) is None
            assert shapely.intersects_xy(area.geometry, x, y).all()

    def test_moves_no_farther_than_needed(self, area):
        """A violation of a metre needs some metres, however many turbines have one."""
        random = np.random.default_rng(15)
        print("seed", 15)
        rules = Rules(area, Spacing(300))
        x, y = repaired(rules, *rules.random_points(random, 12))
        for _ in range(50):
            moved_x, moved_y = x + random.normal(0, 1, 12), y + random.normal(0, 1, 12)
            new_x, new_y = repaired(rules, moved_x, moved_y)
            assert rules.fault(new_x, new_y) is None
            assert np.hypot(new_x - moved_x, new_y - moved_y).max() < 25

    def test_parts_turbines_at_one_place(self):
        rules = Rules(Area.from_rings("a", [square(5000)]), Spacing(500))
        x, y = repaired(rules, np.full(9, EAST + 1000), np.full(9, NORTH + 1000))
        assert rules.fault(x, y) is None
        assert pdist(np.column_stack([x, y])).min() >= 500

    def test_finds_the_last_free_place(self):
        """Two far squares with room for one turbine each, both turbines in the first."""
        rules = Rules(Area.from_rings("a", [square(300), square(300, x=9000)]), Spacing(1000))
        x, y = repaired(rules, EAST + np.array([10.0, 200]), NORTH + np.array([10.0, 200]))
        assert sorted(x > EAST + 5000) == [False, True]
        assert rules.fault(x, y) is None

    def test_says_why_it_cannot(self):
        rules = Rules(Area.from_rings("field", [square(1000)]), Spacing(400))
        with pytest.raises(
            ConfigError, match="no layout of 30 turbines found in area field that keeps 400 m"
        ):
            repaired(rules, *rules.random_points(np.random.default_rng(0), 30))

    def test_of_an_area_that_is_nowhere_wide_enough(self):
        thread = np.array([(0, 0), (1000, 0), (1000, 1e-7)]) + np.array([EAST, 0])
        rules = Rules(Area.from_rings("thread", [thread]), Spacing(400))
        with pytest.raises(ConfigError, match="area thread is nowhere wide enough for a turbine"):
            repaired(rules, np.array([EAST + 500, EAST + 10]), np.array([5.0, 5.0]))

    def test_of_no_position(self):
        rules = Rules(Area.from_rings("a", [square(1000)]), Spacing(400))
        with pytest.raises(ConfigError, match="no finite position"):
            repaired(rules, np.array([np.nan, 0]), np.array([0.0, 0]))


class TestSolve:
    """The last word on every config."""

    problem = Problem(
        Area.from_rings("field", [square(6000)]),
        generic_turbine("t", rated_power=15e6, rotor_diameter=240, hub_height=150),
        5,
        Spacing(720),
        WeibullSite([0, 90, 180, 270], [9, 10, 11, 10], [2.0] * 4, [0.1, 0.2, 0.4, 0.3], 0.08),
        TurbOPark(),
        SmartStart((9, 9), 30),
        0,
    )

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda x, y: (x + 1e4, y), "a turbine stands .* m outside area field"),
            (lambda x, y: (np.append(x[:-1], EAST + 6000 + 2e-9), y), "a turbine stands .*e-09 m outside"),
            (lambda x, y: (0 * x + x[0], y[0] + np.arange(5.0)), "two turbines stand 1 m apart, 720 m are"),
        ],
    )
    def test_a_layout_that_breaks_a_rule_is_a_failure_with_its_reason(self, monkeypatch, spoil, reason):
        start = solving.smart_start
        monkeypatch.setattr(solving, "smart_start", lambda *args, **kw: spoil(*start(*args, **kw)))
        with pytest.raises(ConfigError, match=reason):
            solving.solve(self.problem)

    def test_a_start_that_runs_out_of_points_is_completed_for_refinement(self):
        full = replace(self.problem, n_turbines=40, start=SmartStart((6, 6), 30))
        with pytest.raises(ConfigError, match="no candidate point left for turbine"):
            solving.solve(full)
        refined = [solving.solve(replace(full, refine=Refinement(gradient=1))) for _ in range(2)]
        assert refined[0].x.tobytes() == refined[1].x.tobytes()
        assert pdist(np.column_stack([refined[0].x, refined[0].y])).min() >= 720 * (1 - 1e-12)
        assert refined[0].max_outside == 0

    def test_too_many_turbines_are_a_failure_with_its_reason(self):
        full = replace(
            self.problem, n_turbines=95, start=SmartStart((6, 6), 30), refine=Refinement(gradient=1)
        )
        with pytest.raises(
            ConfigError, match="no layout of 95 turbines found in area field that keeps 720 m"
        ):
            solving.solve(full)


class TestPoints:
    def test_of_the_boundary_are_close_enough_together_and_inside(self, area):
        rules = Rules(area, Spacing(500))
        x, y = rules.boundary_points(200)
        assert area.contains(x, y).all()
        away = shapely.distance(area.geometry.boundary, shapely.points(x, y))
        assert np.quantile(away, 0.99) < 1e-5  # only a sharp corner wants more
        corners = np.concatenate(area.rings())
        to_next = np.hypot(corners[:, 0, None] - x, corners[:, 1, None] - y).min(axis=1)
        assert np.median(to_next) < 0.01

    def test_at_random_are_spread_evenly(self, area):
        print("seed", 16)
        rules = Rules(area, Spacing(500))
        x, y = rules.random_points(np.random.default_rng(16), 20_000)
        assert x.shape == y.shape == (20_000,)
        assert area.contains(x, y).all()
        x_min, y_min, x_max, y_max = area.bounds
        middle = (x_min + x_max) / 2, (y_min + y_max) / 2
        for box in (shapely.box(x_min, y_min, *middle), shapely.box(middle[0], y_min, x_max, y_max)):
            share = area.geometry.intersection(box).area / area.surface
            found = shapely.intersects_xy(box, x, y).mean()
            assert found == pytest.approx(share, abs=5 * np.sqrt(0.25 / 20_000))

    def test_at_random_are_found_in_what_is_next_to_nothing_of_its_box(self):
        """Two fields of a hectare, a thousand kilometres apart."""
        rules = Rules(Area.from_rings("a", [square(100), square(100, x=1e6, y=1e6)]), Spacing(500))
        x, y = rules.random_points(np.random.default_rng(18), 1000)
        assert rules.inside(x, y).all()
        assert 400 < (x > EAST + 500_000).sum() < 600

    def test_at_random_need_a_place(self):
        thread = np.array([(0, 0), (1000, 0), (1000, 1e-7)]) + np.array([EAST, 0])
        with pytest.raises(ConfigError, match="area thread is nowhere wide enough for a turbine"):
            Rules(Area.from_rings("thread", [thread]), Spacing(400)).random_points(
                np.random.default_rng(0), 5
            )

    def test_free_are_those_inside_and_apart(self):
        rules = Rules(Area.from_rings("a", [square(1000)]), Spacing(300, 150, 90))
        other = np.array([EAST + 500.0]), np.array([NORTH + 500.0])
        x, y = EAST + np.array([500, 500, 799, 801, 1001]), NORTH + np.array([649, 651, 500, 500, 500])
        assert rules.free(x, y, *other).tolist() == [False, True, False, True, False]

    def test_outside_move_to_the_nearest_place_inside(self, area):
        rules = Rules(area, Spacing(500))
        x, y = points_around(area, np.random.default_rng(17), 500)
        new_x, new_y = rules.nearest(x, y)
        assert not np.isnan(new_x).any()
        assert area.contains(new_x, new_y).all()
        moved = np.hypot(new_x - x, new_y - y)
        assert (moved <= np.maximum(0, signed_by_shapely(area, x, y)) + 0.05).all()
        assert (rules.signed_distance(new_x, new_y)[0] <= -DEPTH).all()
