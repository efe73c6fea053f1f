"""The gradient of AEP: central differences of our own AEP, PyWake's autograd, and what symmetry demands."""

from dataclasses import replace

import numpy as np
import pytest
from reference import pywake
from reference.trial import (
    GENERIC,
    NAMES,
    OPTIONS,
    OTHER,
    SITE,
    Layout,
    layout_of,
    name_of,
    positions,
    tabulated_turbine,
)

from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowCases, FlowSeries
from mpi_layout.wake.farm import Farm, Neighbours
from mpi_layout.wake.kernel.native import instruction_set
from mpi_layout.wake.models import MODELS

EXACT = {"disc_mean": "exact"}  # PyWake's table has kinks every few metres
STEPS = (1.0, 0.1, 0.01, 1e-3, 1e-4)  # m


def straight_turbine(name, diameter, hub_height):
    """Curves without a kink at the wind speeds that occur."""
    speed = np.array([0.0, 50.0])
    return Turbine(name, 15e6, diameter, hub_height, speed, 3e5 * speed + 15e6, 0.9 - 0.012 * speed)


STRAIGHT = (straight_turbine("large", 240.0, 150.0), straight_turbine("small", 195.0, 121.0))


def trial(types=STRAIGHT, n=12, directions=24, seed=0):
    """Directions that no pair of turbines lines up with, and few enough to keep kinks rare."""
    x, y = positions("random", n, 2.5 * types[0].rotor_diameter, seed)
    direction = np.arange(directions) * 360.0 / directions + 3.7
    return Layout(x, y, types, np.arange(n) % len(types), direction, np.array([5.3, 7.1, 9.2, 10.9, 14.3]))


def exact(name, **options):
    gaussian_mean = name in ("TurbOPark", "Niayifar_PorteAgel_2016") or "gaussian_overlap" in options.values()
    return MODELS[name](**options, **(EXACT if gaussian_mean else {}))


def slope(function, step):
    """Derivative at 0 by central differences, the error of the second order extrapolated away."""
    near, far = ((function(h) - function(-h)) / (2.0 * h) for h in (step, 2.0 * step))
    return (4.0 * near - far) / 3.0


def assert_slopes(aep, x, y, d_dx, d_dy, tolerance=1e-6):
    """Compare each component with differences over several steps, of which kinks may spoil the wider ones."""
    gradient, n = np.concatenate([d_dx, d_dy]), x.size

    def moved(number, h):
        at = np.concatenate([x, y])
        at[number] += h
        return aep(at[:n], at[n:])

    slopes = [[slope(lambda h, i=i: moved(i, h), step) for i in range(2 * n)] for step in STEPS]
    error = np.abs(np.array(slopes) - gradient).min(axis=0)
    assert np.abs(gradient).max() > 0
    assert error.max() <= tolerance * np.abs(gradient).max()


def assert_gradient_of(farm, layout, tolerance=1e-6):
    report, d_dx, d_dy = farm.aep_gradient(layout.x, layout.y)
    assert report.aep == pytest.approx(farm.aep(layout.x, layout.y).aep, rel=1e-13)
    assert_slopes(lambda x, y: farm.aep(x, y).aep, layout.x, layout.y, d_dx, d_dy, tolerance)


@pytest.mark.parametrize(
    ("name", "options"), [*((name, {}) for name in NAMES), *OTHER.items(), *OPTIONS], ids=name_of
)
def test_gradient_is_the_slope_of_the_energy(name, options):
    layout = trial()
    assert_gradient_of(layout.farm(exact(name, **options)), layout)


@pytest.mark.parametrize("types", [GENERIC[:2], (tabulated_turbine(),)], ids=["generic", "table"])
@pytest.mark.parametrize("name", NAMES)
def test_gradient_knows_the_curves_between_their_points(name, types):
    layout = trial(types)
    assert_gradient_of(layout.farm(exact(name)), layout)


@pytest.mark.parametrize("name", ["TurbOPark", "Niayifar_PorteAgel_2016"])
def test_gradient_knows_pywakes_table_between_its_points(name):
    layout = trial(directions=6)
    assert_gradient_of(layout.farm(MODELS[name](disc_mean="pywake")), layout)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_knows_shear_and_turbulence_that_differs(name):
    layout = trial()
    turbulence = np.random.default_rng(1).uniform(0.05, 0.15, (layout.direction.size, layout.speed.size))
    cases = replace(
        layout.flow_cases, turbulence_intensity=turbulence, shear_exponent=0.2, reference_height=100.0
    )
    assert_gradient_of(layout.farm(exact(name), cases), layout)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_a_time_series(name):
    n, random = 120, np.random.default_rng(2)
    layout = trial()
    direction = np.sort(random.choice(layout.direction, n))
    series = FlowSeries(
        *np.unique(direction, return_counts=True),
        random.uniform(4, 20, n),
        np.full(n, 1 / n),
        random.uniform(0.05, 0.15, n),
    )
    assert_gradient_of(layout.farm(exact(name), series), layout)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_beside_neighbours_that_stay(name):
    layout = trial(n=20)
    own = np.arange(20) < 12
    west = replace(layout, x=layout.x[own], y=layout.y[own], type_of=layout.type_of[own])
    neighbours = Neighbours(layout.x[~own], layout.y[~own], layout.types, layout.type_of[~own])
    farm = Farm(west.types, west.flow_cases, exact(name), type_of=west.type_of, neighbours=neighbours)
    assert_gradient_of(farm, west)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_along_any_way_through_a_large_farm(name):
    layout = trial(n=66)
    farm = layout.farm(exact(name))
    _, d_dx, d_dy = farm.aep_gradient(layout.x, layout.y)
    for seed in range(3):
        u, v = np.random.default_rng(seed).normal(size=(2, 66))
        found = d_dx @ u + d_dy @ v
        slopes = [
            slope(lambda h, u=u, v=v: farm.aep(layout.x + h * u, layout.y + h * v).aep, step)
            for step in STEPS
        ]
        scale = np.hypot(np.linalg.norm(d_dx), np.linalg.norm(d_dy)) * np.sqrt(132)
        assert np.abs(np.array(slopes) - found).min() <= 1e-6 * scale


@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_pywakes(name):
    from py_wake.utils.gradients import autograd

    layout = trial(GENERIC[:1], n=20, directions=36)
    model = pywake.ready_made(name, pywake.weibull_site(SITE, speed=layout.speed), layout.types)
    theirs = model.aep_gradients(
        autograd, ["x", "y"], x=layout.x, y=layout.y, wd=layout.direction, ws=layout.speed
    )
    _, *ours = layout.farm(MODELS[name]()).aep_gradient(layout.x, layout.y)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * np.abs(theirs).max())


@pytest.mark.parametrize("name", NAMES)
def test_moving_the_whole_farm_changes_nothing(name):
    layout = layout_of("66 at random")
    _, d_dx, d_dy = layout.farm(MODELS[name]()).aep_gradient(layout.x, layout.y)
    assert abs(d_dx.sum()) < 1e-10 * np.abs(d_dx).max()
    assert abs(d_dy.sum()) < 1e-10 * np.abs(d_dy).max()


@pytest.mark.parametrize("name", NAMES)
def test_turning_the_farm_is_turning_the_wind_the_other_way(name):
    layout = trial()
    _, d_dx, d_dy = layout.farm(exact(name)).aep_gradient(layout.x, layout.y)
    torque = (layout.x * d_dy - layout.y * d_dx).sum()  # GWh per radian, counterclockwise

    def energy(turned):  # the wind turned by an angle, clockwise
        cases = replace(layout.flow_cases, direction=layout.direction + np.rad2deg(turned))
        return layout.farm(exact(name), cases).aep(layout.x, layout.y).aep

    scale = np.hypot(d_dx, d_dy) @ np.hypot(layout.x, layout.y)
    error = [abs(slope(energy, step / 5000.0) - torque) for step in STEPS]
    assert min(error) < 1e-6 * scale
    assert abs(torque) > 1e-3 * scale  # one that is there to be found


# Not NOJLocal: the turbulence of STF2017 jumps at the edge of its wedge, and no slope knows of that.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "NOJLocal"])
def test_no_torque_where_all_directions_are_alike(name):
    layout, direction = trial(), np.arange(0.0, 360.0, 0.1)
    cases = FlowCases(direction, layout.speed, np.full((direction.size, layout.speed.size), 1e-4), 0.1)
    _, d_dx, d_dy = layout.farm(exact(name), cases).aep_gradient(layout.x, layout.y)
    torque = (layout.x * d_dy - layout.y * d_dx).sum()
    scale = np.hypot(d_dx, d_dy) @ np.hypot(layout.x, layout.y)
    assert abs(torque) < 1e-4 * scale


@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_the_mirrored_farm_is_the_mirrored_gradient(name):
    layout = trial()
    model = exact(name)
    _, d_dx, d_dy = layout.farm(model).aep_gradient(layout.x, layout.y)
    cases = replace(layout.flow_cases, direction=-layout.direction % 360.0)
    _, mirrored_dx, mirrored_dy = layout.farm(model, cases).aep_gradient(-layout.x, layout.y)
    tolerance = 1e-9 * np.hypot(d_dx, d_dy).max()
    np.testing.assert_allclose(mirrored_dx, -d_dx, rtol=0, atol=tolerance)
    np.testing.assert_allclose(mirrored_dy, d_dy, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_order_of_the_turbines_does_not_matter(name):
    layout = layout_of("66 at random")
    order = np.random.default_rng(3).permutation(66)
    shuffled = replace(layout, x=layout.x[order], y=layout.y[order], type_of=layout.type_of[order])
    _, *straight = layout.farm(MODELS[name]()).aep_gradient(layout.x, layout.y)
    _, *found = shuffled.farm(MODELS[name]()).aep_gradient(shuffled.x, shuffled.y)
    np.testing.assert_allclose(
        found, np.array(straight)[:, order], rtol=0, atol=1e-11 * np.abs(straight).max()
    )


@pytest.mark.parametrize("name", NAMES)
def test_gradient_does_not_depend_on_the_instruction_set(name, monkeypatch):
    layout = layout_of("66 at random")
    gradients = []
    for isa in ("generic", "avx2", "avx512"):
        monkeypatch.setenv("MPI_LAYOUT_ISA", isa)
        gradients.append(layout.farm(MODELS[name]()).aep_gradient(layout.x, layout.y)[1:])
        assert instruction_set() in ("generic", "avx2", "avx512")
    tolerance = 1e-12 * np.abs(gradients[0]).max()
    for gradient in gradients[1:]:
        np.testing.assert_allclose(gradient, gradients[0], rtol=0, atol=tolerance)


def test_at_a_kink_of_the_curve_the_gradient_is_the_slope_of_one_side():
    turbine = tabulated_turbine()
    cases = FlowCases(np.array([270.0]), np.array([9.7]), np.ones((1, 1)), 0.1)
    farm = Farm(turbine, cases, MODELS["BastankhahGaussian"]())

    def energy(distance):
        return farm.aep([0.0, distance], [0.0, 0.0]).aep

    near, far = 300.0, 3000.0
    for _ in range(80):  # where the second turbine sees 9 m/s, a point of the curves
        kink = (near + far) / 2.0
        below = farm.effective_speed([0.0, kink], [0.0, 0.0])[0, 1] < 9.0
        near, far = (kink, far) if below else (near, kink)
    before, after = ((energy(kink + h) - energy(kink)) / h for h in (-0.1, 0.1))
    assert abs(after / before - 1.0) > 0.05
    _, d_dx, _ = farm.aep_gradient([0.0, kink], [0.0, 0.0])
    assert min(abs(d_dx[1] / before - 1.0), abs(d_dx[1] / after - 1.0)) < 1e-3
