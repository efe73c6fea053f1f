"""The wake model in limits where the answer is known, and in symmetries that any wake model has."""

import numpy as np
import pytest
from asking import speeds_of_every_case

from mpi_layout.site.turbine import generic_turbine
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.site.wind import FlowCases
from mpi_layout.wake.farm import Farm
from mpi_layout.wake.models import TurbOPark

MODEL = TurbOPark()
DIAMETER = 240.0
TURBINE = generic_turbine("t5", rated_power=15e6, rotor_diameter=DIAMETER, hub_height=150)
DIRECTION = np.arange(360.0)
SPEED = np.arange(3.0, 26.0)
SEEDS = [1, 2, 3]


def rose(seed):
    """Flow cases of a site with another climate in each of twelve sectors."""
    random = np.random.default_rng(seed)
    weight = random.uniform(0.5, 2, 12)
    site = WeibullSite(
        np.arange(0.0, 360.0, 30.0),
        random.uniform(8, 13, 12),
        random.uniform(1.7, 2.5, 12),
        weight / weight.sum(),
        0.1,
        "linear",
    )
    return site.flow_cases()


def layout(seed, n=12, width=12):
    """Random positions in a square some diameters wide, with close neighbours among them."""
    print(f"layout: seed {seed}")
    x, y = np.random.default_rng(seed).uniform(0, width * DIAMETER, (2, n))
    return x, y


def farm(x, y, flow_cases):
    return Farm(TURBINE, flow_cases, MODEL).aep(x, y)


def speeds(x, y, direction=DIRECTION, speed=SPEED, model=MODEL, turbulence_intensity=0.1):
    return speeds_of_every_case(
        x,
        y,
        turbine=TURBINE,
        direction=np.atleast_1d(direction),
        speed=np.atleast_1d(speed),
        turbulence_intensity=turbulence_intensity,
        model=model,
    )


def turned_wind(flow_cases, degrees):
    """The same wind rose turned clockwise by whole degrees."""
    return FlowCases(
        flow_cases.direction,
        flow_cases.speed,
        np.roll(flow_cases.probability, degrees, axis=0),
        flow_cases.turbulence_intensity,
    )


def test_one_turbine_sees_the_free_wind():
    assert (speeds([712345.6], [6.2e6]) == SPEED[:, np.newaxis]).all()
    flow_cases = rose(0)
    alone = farm([712345.6], [6.2e6], flow_cases)
    power = np.interp(SPEED, TURBINE.speed, TURBINE.power)
    expected = (flow_cases.probability * power).sum() * 8760 * 1e-9
    assert alone.aep == pytest.approx(expected, rel=1e-13)
    assert alone.gross_aep == pytest.approx(expected, rel=1e-13)
    assert alone.wake_loss == pytest.approx(0, abs=1e-13)


def test_far_apart_a_farm_is_so_many_single_turbines():
    x, y = 1e7 * np.arange(4.0), 3e6 * np.array([0.0, 2.0, -1.0, 3.0])
    flow_cases = rose(0)
    alone = farm([0.0], [0.0], flow_cases).aep
    scattered = farm(x, y, flow_cases)
    np.testing.assert_allclose(scattered.turbine_aep, alone, rtol=1e-3)
    assert scattered.aep == pytest.approx(4 * alone, rel=1e-3)
    assert scattered.aep <= scattered.gross_aep


def test_wake_points_downwind_and_weakens_with_distance():
    x, y = np.zeros(2), np.array([0.0, 5 * DIAMETER])
    north = speeds(x, y, direction=0.0, speed=9.0)[0, 0]
    south = speeds(x, y, direction=180.0, speed=9.0)[0, 0]
    assert north[1] == 9 > north[0]
    assert south[0] == 9 > south[1]
    east = speeds([0.0, 5 * DIAMETER], [0.0, 0.0], direction=90.0, speed=9.0)[0, 0]
    assert east[1] == 9 > east[0]
    behind = [speeds(x, y * k, direction=180.0, speed=9.0)[0, 0, 1] for k in (0.4, 1, 2, 4, 100)]
    assert np.all(np.diff(behind) > 0)


def test_wake_fades_sideways_to_nothing():
    beside = DIAMETER * np.array([0.0, 0.3, 0.7, 1.2, 2.0, 20.0])
    seen = [speeds([0.0, c], [0.0, 4 * DIAMETER], direction=180.0, speed=9.0)[0, 0, 1] for c in beside]
    assert np.all(np.diff(seen) > 0)
    assert seen[-1] == pytest.approx(9, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_moving_the_whole_farm_changes_nothing(seed):
    x, y = layout(seed)
    flow_cases = rose(seed)
    here, there = farm(x, y, flow_cases), farm(x + 650000, y + 6250000, flow_cases)
    # positions at 6e6 m keep nanometres: a few more digits are lost in the differences
    np.testing.assert_allclose(there.turbine_aep, here.turbine_aep, rtol=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_the_turbines_does_not_matter(seed):
    x, y = layout(seed, n=40)
    flow_cases = rose(seed)
    order = np.random.default_rng(seed).permutation(x.size)
    straight, shuffled = farm(x, y, flow_cases), farm(x[order], y[order], flow_cases)
    np.testing.assert_allclose(shuffled.turbine_aep, straight.turbine_aep[order], rtol=1e-12)
    assert shuffled.aep == pytest.approx(straight.aep, rel=1e-13)


@pytest.mark.parametrize("degrees", [1, 37, 90, 180, 271])
def test_turning_farm_and_wind_together_changes_nothing(degrees):
    x, y = layout(degrees)
    angle = -np.deg2rad(degrees)  # directions count clockwise
    turned_x = np.cos(angle) * x - np.sin(angle) * y
    turned_y = np.sin(angle) * x + np.cos(angle) * y
    flow_cases = rose(degrees)
    straight = farm(x, y, flow_cases)
    turned = farm(turned_x, turned_y, turned_wind(flow_cases, degrees))
    np.testing.assert_allclose(turned.turbine_aep, straight.turbine_aep, rtol=1e-8)
    wrongly_turned = farm(turned_x, turned_y, turned_wind(flow_cases, -degrees))
    assert degrees == 180 or abs(wrongly_turned.aep / straight.aep - 1) > 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_mirroring_farm_and_wind_changes_nothing(seed):
    x, y = layout(seed)
    flow_cases = rose(seed)
    mirrored_wind = FlowCases(
        flow_cases.direction,
        flow_cases.speed,
        flow_cases.probability[(-DIRECTION % 360).astype(int)],
        flow_cases.turbulence_intensity,
    )
    straight, mirrored = farm(x, y, flow_cases), farm(-x, y, mirrored_wind)
    np.testing.assert_allclose(mirrored.turbine_aep, straight.turbine_aep, rtol=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_energy_is_the_sum_over_its_flow_cases(seed):
    x, y = layout(seed)
    flow_cases = rose(seed)
    power = np.interp(speeds(x, y), TURBINE.speed, TURBINE.power)
    expected = np.einsum("dsn,ds->n", power, flow_cases.probability) * 8760 * 1e-9
    found = farm(x, y, flow_cases)
    np.testing.assert_allclose(found.turbine_aep, expected, rtol=1e-12)
    assert found.aep == pytest.approx(found.turbine_aep.sum(), rel=1e-14)
    assert found.wake_loss == pytest.approx(1 - found.aep / found.gross_aep)
    assert 0 < found.wake_loss < 1


@pytest.mark.parametrize("seed", SEEDS)
def test_flow_cases_do_not_know_of_each_other(seed):
    x, y = layout(seed)
    together = speeds(x, y)
    random = np.random.default_rng(seed)
    for d, s in zip(random.integers(0, 360, 20), random.integers(0, 23, 20), strict=True):
        alone = speeds(x, y, direction=DIRECTION[d], speed=SPEED[s])[0, 0]
        # the series of the disc mean is as long as the vector of speeds needs, so not bit for bit
        np.testing.assert_allclose(alone, together[d, s], rtol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_more_turbine_upwind_slows_those_right_behind_it(seed):
    """Not all: a slowed turbine may take less out of the wind, so only first rows are sure to lose."""
    x, y = layout(seed, n=8)
    for direction in np.random.default_rng(seed).uniform(0, 360, 10):
        theta = np.deg2rad(90 - direction)
        downwind = -np.cos(theta) * x - np.sin(theta) * y
        first = downwind.argmin()
        far = 3 * DIAMETER
        new_x, new_y = x[first] + far * np.cos(theta), y[first] + far * np.sin(theta)
        before = speeds(x, y, direction=direction)[0]
        after = speeds(np.append(x, new_x), np.append(y, new_y), direction=direction)[0]
        assert (after[:, -1] == SPEED).all()
        assert (after[:, first] < before[:, first]).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_one_more_turbine_never_gains_more_than_it_is_worth(seed):
    x, y = layout(seed, n=15)
    flow_cases = rose(seed)
    added = np.array([farm(x[:n], y[:n], flow_cases).aep for n in range(1, 16)])
    alone = added[0]
    assert (np.diff(added) < alone * (1 + 1e-12)).all()
    assert (np.diff(added) > 0).all()


def test_turbulence_widens_the_wake():
    behind = [
        speeds([0.0, 0.0], [0.0, 7 * DIAMETER], direction=180.0, speed=9.0, turbulence_intensity=ti)[0, 0, 1]
        for ti in (0.02, 0.06, 0.1, 0.2)
    ]
    assert np.all(np.diff(behind) > 0)


def test_parameters_of_the_model_reach_the_kernel():
    def behind(**parameters):
        model = TurbOPark(**parameters)
        return speeds([0.0, 0.0], [0.0, 7 * DIAMETER], direction=180.0, speed=9.0, model=model)[0, 0, 1]

    assert behind(A=0.06) > behind() > behind(A=0.02)
    assert behind(ceps=0.3) > behind() > behind(ceps=0.2)
    assert len({behind(), behind(c1=1.0), behind(c2=1.0)}) == 3


def test_turbines_side_by_side_and_on_top_of_each_other_stay_finite():
    x = np.array([0.0, 0.0, 0.0, 3 * DIAMETER])
    found = speeds(x, np.zeros(4))
    assert np.isfinite(found).all()
    assert (found <= SPEED[:, np.newaxis]).all()
    assert np.isfinite(farm(x, np.zeros(4), rose(0)).aep)
    beside = speeds([0.0, 4 * DIAMETER], [0.0, 0.0], direction=0.0)
    np.testing.assert_allclose(beside[0, :, 0], SPEED, rtol=1e-9)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([], []),
        ([0.0, 1.0], [0.0]),
        ([0.0, np.nan], [0.0, 1000.0]),
        ([0.0, 1000.0], [np.inf, 0.0]),
        ([[0.0, 1000.0]], [[0.0, 1000.0]]),
    ],
)
def test_positions_that_are_none_are_refused(x, y):
    with pytest.raises(ValueError, match=r"finite|shape"):
        farm(x, y, rose(0))
    with pytest.raises(ValueError, match=r"finite|shape"):
        speeds(x, y)


@pytest.mark.parametrize("wrong", [{"ceps": 0.1}, {"ceps": 2}, {"A": 0}, {"ct_limit": 1}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TurbOPark(**wrong)
