"""The wind between turbines against PyWake's flow maps."""

import numpy as np
import pytest
from py_wake.flow_map import Points
from reference import pywake
from reference.trial import NAMES, SITE, SPEED, positions, tabulated_turbine

from mpi_layout.site.turbine import generic_turbine
from mpi_layout.wake.farm import Farm, Neighbours
from mpi_layout.wake.flow_map import FlowCase, FlowMap
from mpi_layout.wake.models import MODELS, BastankhahGaussian, TurbOPark

TURBINE = generic_turbine("t", rated_power=15e6, rotor_diameter=240, hub_height=150)


def points_around(x, y, n, seed):
    """Points (n,) over a farm and some way around it, none of them abreast with a turbine."""
    print(f"seed {seed}")
    random = np.random.default_rng(seed)
    return (random.uniform(values.min() - 2000, values.max() + 6000, n) for values in (x, y))


def pywakes(name, case, x, y, types, type_of, at, height):
    site = pywake.weibull_site(SITE, speed=SPEED)
    model = pywake.ready_made(name, site, types)
    wind = {"wd": case.direction, "ws": case.speed, "TI": case.turbulence_intensity}
    simulation = model(x, y, type=type_of, **wind)
    return simulation.flow_map(Points(*at, np.full(at[0].size, height))).WS_eff.values.ravel()


@pytest.mark.parametrize("name", NAMES)
def test_the_wind_anywhere_is_pywakes(name):
    x, y = positions("random", 20, 3 * TURBINE.rotor_diameter)
    case = FlowCase(direction=251.3, speed=9.4, turbulence_intensity=0.08)
    at = tuple(points_around(x, y, 1000, seed=31))
    theirs = pywakes(name, case, x, y, (TURBINE,), np.zeros(20, int), at, TURBINE.hub_height)
    ours = FlowMap(x, y, turbine=TURBINE, case=case, model=MODELS[name]()).speed(*at)
    assert theirs.min() < 0.7 * case.speed  # there are wakes to speak of,
    assert (theirs == case.speed).any()  # and places without them
    np.testing.assert_allclose(ours, np.maximum(theirs, 0), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_wind_at_other_heights_is_pywakes(name):
    x, y = positions("random", 20, 3 * TURBINE.rotor_diameter)
    case = FlowCase(direction=251.3, speed=9.4, turbulence_intensity=0.08)
    at = tuple(points_around(x, y, 200, seed=34))
    flow = FlowMap(x, y, turbine=TURBINE, case=case, model=MODELS[name]())
    for height in (35.0, 240.0):
        theirs = pywakes(name, case, x, y, (TURBINE,), np.zeros(20, int), at, height)
        ours = flow.speed(*at, height=height)
        np.testing.assert_allclose(ours, np.maximum(theirs, 0), rtol=1e-6, atol=1e-6)
    assert not np.allclose(ours, flow.speed(*at), rtol=1e-3)


def test_wind_shear_below_and_above_the_hubs():
    x, y = positions("random", 20, 3 * TURBINE.rotor_diameter)
    case = FlowCase(direction=100.0, speed=9.4, turbulence_intensity=0.08, shear_exponent=0.14)
    at = tuple(points_around(x, y, 200, seed=35))
    site = pywake.weibull_site(SITE, speed=SPEED, shear_exponent=0.14, reference_height=TURBINE.hub_height)
    simulation = pywake.ready_made("TurbOPark", site, (TURBINE,))(x, y, wd=100.0, ws=9.4, TI=0.08)
    for height in (35.0, 240.0):
        theirs = simulation.flow_map(Points(*at, np.full(200, height))).WS_eff.values.ravel()
        ours = FlowMap(x, y, turbine=TURBINE, case=case).speed(*at, height=height)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
        assert ours.max() == pytest.approx(9.4 * (height / TURBINE.hub_height) ** 0.14)


@pytest.mark.parametrize("height", [0.0, -5.0, np.nan, np.inf])
def test_no_height_above_the_ground(height):
    flow = FlowMap([0.0], [0.0], turbine=TURBINE, case=FlowCase(0.0, 9.0, 0.1))
    with pytest.raises(ValueError, match="wants more than 0 m"):
        flow.speed([100.0], [100.0], height=height)


def test_neighbours_of_another_type_cast_wakes():
    other = tabulated_turbine()
    x, y = positions("random", 20, 3 * TURBINE.rotor_diameter)
    type_of = np.arange(20) // 10
    case = FlowCase(direction=33.0, speed=11.0, turbulence_intensity=0.1)
    at = tuple(points_around(x, y, 500, seed=32))
    types = (TURBINE, other)
    theirs = pywakes("TurbOPark", case, x, y, types, type_of, at, TURBINE.hub_height)
    ours = FlowMap(
        x[:10], y[:10], turbine=TURBINE, case=case, neighbours=Neighbours(x[10:], y[10:], (other,))
    )
    np.testing.assert_allclose(ours.speed(*at), theirs, rtol=1e-6)
    alone = FlowMap(x[:10], y[:10], turbine=TURBINE, case=case)
    assert (alone.speed(*at) >= ours.speed(*at)).all()
    assert (alone.speed(*at) > ours.speed(*at) + 0.1).any()


@pytest.mark.parametrize("model", [TurbOPark(rotor_average="centre"), BastankhahGaussian()])
def test_a_point_feels_what_a_hub_there_feels(model):
    # The turbine that is farthest downwind changes no other one.
    x, y = positions("random", 20, 3 * TURBINE.rotor_diameter)
    case = FlowCase(direction=120.0, speed=8.0, turbulence_intensity=0.06)
    last = np.argmax(np.column_stack([x, y]) @ case.downwind)
    others = np.arange(20) != last
    flow = FlowMap(x[others], y[others], turbine=TURBINE, case=case, model=model)
    (found,) = flow.speed(x[[last]], y[[last]])
    farm = Farm(TURBINE, case.cases(TURBINE.hub_height), model)
    assert found == pytest.approx(farm.effective_speed(x, y)[0, last], rel=1e-9)
    assert found < case.speed


def test_far_upwind_there_is_the_free_wind_and_the_order_of_turbines_is_no_matter():
    x, y = positions("random", 20, 3 * TURBINE.rotor_diameter)
    case = FlowCase(direction=270.0, speed=10.0, turbulence_intensity=0.08)
    at = tuple(points_around(x, y, 300, seed=33))
    first = FlowMap(x, y, turbine=TURBINE, case=case).speed(*at)
    again = FlowMap(x[::-1], y[::-1], turbine=TURBINE, case=case).speed(*at)
    np.testing.assert_allclose(first, again, rtol=1e-12)
    assert (first[at[0] < x.min()] == 10.0).all()


def test_the_power_of_turbines_is_that_of_the_farm():
    x, y = positions("random", 20, 3 * TURBINE.rotor_diameter)
    case = FlowCase(direction=200.0, speed=9.0, turbulence_intensity=0.08)
    power, free = FlowMap(x, y, turbine=TURBINE, case=case).turbine_power()
    aep = Farm(TURBINE, case.cases(TURBINE.hub_height)).aep(x, y)  # of a year of this wind
    assert power.sum() * 8760e-9 == pytest.approx(aep.aep, rel=1e-9)
    assert 20 * free * 8760e-9 == pytest.approx(aep.gross_aep, rel=1e-9)


@pytest.mark.parametrize(
    "wrong",
    [{"speed": 0.0}, {"speed": np.nan}, {"direction": np.inf}, {"turbulence_intensity": -0.1}],
)
def test_what_is_no_flow_case(wrong):
    with pytest.raises(ValueError, match="a flow case wants"):
        FlowCase(**{"direction": 0.0, "speed": 8.0, "turbulence_intensity": 0.1} | wrong)
