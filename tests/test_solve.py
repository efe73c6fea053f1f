"""One config from problem to checked solution, and the incremental energies behind its start."""

from dataclasses import replace

import numpy as np
import pytest
from reference import turbopark
from scipy.spatial.distance import pdist

from mpi_layout.errors import ConfigError
from mpi_layout.optimise.problem import Problem
from mpi_layout.optimise.solve import solve
from mpi_layout.optimise.start import SmartStart
from mpi_layout.site.area import Area
from mpi_layout.site.spacing import Spacing, smallest_distance
from mpi_layout.site.turbine import generic_turbine
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.wake.candidates import CandidateEnergy
from mpi_layout.wake.farm import Farm
from mpi_layout.wake.models import TurbOPark

TURBINE = generic_turbine("t5", rated_power=15e6, rotor_diameter=240, hub_height=150)
SITE = WeibullSite(
    np.arange(0, 360, 60), [9, 10, 11, 12, 11, 10], [2.0] * 6, [0.1, 0.1, 0.2, 0.3, 0.2, 0.1], 0.08
)
SQUARE = [(0, 0), (8000, 0), (8000, 8000), (0, 8000)]
LAKE = [(3000, 3000), (6000, 3000), (6000, 6000), (3000, 6000)]


def problem(**changes):
    area = Area.from_rings("square", [SQUARE], [LAKE])
    start = SmartStart(grid=(12, 12), best_percent=30)
    return replace(Problem(area, TURBINE, 20, Spacing(720), SITE, TurbOPark(), start, 7), **changes)


def test_the_layout_keeps_its_constraints():
    solution = solve(problem())
    assert solution.x.shape == solution.y.shape == solution.turbine_aep.shape == (20,)
    assert pdist(np.c_[solution.x, solution.y]).min() == pytest.approx(solution.min_spacing, rel=1e-12)
    assert solution.min_spacing >= 720
    inside_square = (solution.x >= 0) & (solution.x <= 8000) & (solution.y >= 0) & (solution.y <= 8000)
    in_lake = (abs(solution.x - 4500) < 1500) & (abs(solution.y - 4500) < 1500)
    assert inside_square.all()
    assert not in_lake.any()
    assert solution.max_outside == 0


def test_the_figures_are_those_of_the_layout():
    solution = solve(problem())
    farm = Farm(TURBINE, SITE.flow_cases(), TurbOPark()).aep(solution.x, solution.y)
    assert solution.aep == farm.aep == solution.start_aep
    assert solution.aep == pytest.approx(solution.turbine_aep.sum(), rel=1e-12)
    assert solution.wake_loss == pytest.approx(1 - solution.aep / solution.gross_aep)
    assert 0 < solution.wake_loss < 0.2


def test_the_same_problem_gives_the_same_bits_and_another_seed_another_layout():
    first, second, other = solve(problem()), solve(problem()), solve(problem(seed=8))
    assert first.x.tobytes() == second.x.tobytes()
    assert first.turbine_aep.tobytes() == second.turbine_aep.tobytes()
    assert first.x.tobytes() != other.x.tobytes()


def test_always_the_best_beats_anywhere():
    best = solve(problem(start=SmartStart((12, 12), 0)))
    any_point = [solve(problem(start=SmartStart((12, 12), 100), seed=s)).aep for s in range(5)]
    assert best.aep > max(any_point)


def test_running_out_of_candidate_points_is_the_config_s_own_failure():
    with pytest.raises(ConfigError, match=r"no candidate point left for turbine \d+ of 40: the 6 x 6 grid"):
        solve(problem(n_turbines=40, start=SmartStart((6, 6), 30)))


def test_one_turbine_has_no_spacing():
    solution = solve(problem(n_turbines=1))
    assert solution.min_spacing == np.inf
    assert solution.wake_loss == pytest.approx(0, abs=1e-12)


def test_smallest_distance_of_a_known_triangle():
    assert smallest_distance(np.array([0.0, 3.0, 10.0]), np.array([0.0, 4.0, 0.0])) == 5


class TestCandidateEnergy:
    """Energies kept up to date turbine by turbine."""

    flow_cases = SITE.flow_cases(
        direction=np.arange(0.0, 360, 5), speed=np.array([6.0, 8.0, 10.0, 12.0, 14.0])
    )

    def energies(self, placed, seed=3):
        random = np.random.default_rng(seed)
        print("seed", seed)
        x, y = random.uniform(0, 6000, (2, 40))
        energy = CandidateEnergy(
            x, y, turbine=TURBINE, flow_cases=self.flow_cases, model=TurbOPark(), n_turbines=12
        )
        free = np.arange(12, 40)
        for candidate in placed:
            energy.place(candidate, free)
        return x, y, energy.at(free)

    def test_do_not_depend_on_the_order_of_placing(self):
        *_, forward = self.energies(range(12))
        *_, backward = self.energies(reversed(range(12)))
        np.testing.assert_allclose(forward, backward, rtol=1e-13)

    def test_are_those_of_a_point_behind_the_farm_computed_from_scratch(self):
        x, y, energy = self.energies(range(12))
        expected = point_energies(x[:12], y[:12], x[12:], y[12:], self.flow_cases)
        # The table's own error; the reference averages exactly.
        np.testing.assert_allclose(energy, expected, rtol=2e-6)

    def test_no_more_turbines_than_announced(self):
        *_, energy = self.energies(range(12))
        assert energy.shape == (28,)
        with pytest.raises(ValueError, match="12 turbines are placed already"):
            self.energies(range(13))


def point_energies(x, y, x_points, y_points, flow_cases):
    """Energy of a turbine at points that feels all wakes and makes none, GWh, in plain numpy."""
    model, turbulence = TurbOPark(), flow_cases.turbulence_intensity
    speed = flow_cases.speed
    at_turbines = turbopark.effective_speed(
        x,
        y,
        turbine=TURBINE,
        direction=flow_cases.direction,
        speed=speed,
        turbulence_intensity=turbulence,
        model=model,
    )
    ct = np.interp(at_turbines, TURBINE.speed, TURBINE.ct)  # (n_directions, n_speeds, n)
    return [point_energy(x0 - x, y0 - y, ct, flow_cases) for x0, y0 in zip(x_points, y_points, strict=True)]


def point_energy(east, north, ct, flow_cases):
    angle = np.deg2rad(90 - flow_cases.direction)[:, None]
    downwind = -np.cos(angle) * east - np.sin(angle) * north  # (n_directions, n)
    crosswind = np.sin(angle) * east - np.cos(angle) * north
    wake = turbopark.deficit(
        np.maximum(downwind, 0)[:, None],
        crosswind[:, None],
        ct,
        TURBINE,
        flow_cases.turbulence_intensity,
        TurbOPark(),
        average=lambda radius, distance: np.exp(-(distance**2) / 2),
    )
    squared = np.sum(np.where(downwind[:, None] > 0, wake, 0) ** 2, axis=-1)
    power = np.interp(flow_cases.speed * (1 - np.sqrt(squared)), TURBINE.speed, TURBINE.power)
    return np.sum(power * flow_cases.probability) * 8760e-9
