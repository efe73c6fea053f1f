"""Every wake model against PyWake, and the kernel against plain numpy of the same equations.

PyWake simulates a farm, and the energies of its turbines and their wind speeds in every single flow case are
compared. With PyWake's own disc mean the kernel gives its numbers; the exact one is the reference's.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from reference import farm as reference_farm
from reference import pywake
from reference.trial import (
    EVERY_DEGREE,
    FARMS,
    GENERIC,
    NAMES,
    OPTIONS,
    OTHER,
    SITE,
    SPEED,
    Layout,
    layout_of,
    name_of,
    positions,
    tabulated_turbine,
)
from reference.wakes import wake_of

from mpi_layout.site.wind import FlowSeries
from mpi_layout.wake.farm import Farm, Neighbours
from mpi_layout.wake.kernel.native import instruction_set
from mpi_layout.wake.models import MODELS


def site_of(layout):
    return pywake.weibull_site(SITE, speed=layout.speed)


def simulated(layout, model, **options):
    """PyWake's simulation."""
    wind = {"wd": layout.direction, "ws": layout.speed} | options
    return model(layout.x, layout.y, type=layout.type_of, **wind)


def speeds_of(simulation):
    return simulation.WS_eff.transpose("wd", "ws", "wt").values


def grid_speeds(farm, layout):
    return farm.effective_speed(layout.x, layout.y).reshape(len(layout.direction), len(layout.speed), -1)


def assert_same(layout, model, simulation, flow_cases=None, tolerance=1e-9):
    farm = layout.farm(model, flow_cases)
    found = farm.aep(layout.x, layout.y)
    energy = simulation.aep()
    expected = energy.sum(["wd", "ws"]).values
    assert found.aep == pytest.approx(expected.sum(), rel=tolerance)
    np.testing.assert_allclose(found.turbine_aep, expected, rtol=1e-7)
    np.testing.assert_allclose(found.direction_aep, energy.sum(["wt", "ws"]).values, rtol=1e-7)
    gross = float(simulation.aep(with_wake_loss=False).sum())
    assert found.gross_aep == pytest.approx(gross, rel=1e-12)
    np.testing.assert_allclose(grid_speeds(farm, layout), speeds_of(simulation), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "farm", [*FARMS, *(pytest.param(name, marks=pytest.mark.slow) for name in EVERY_DEGREE)]
)
@pytest.mark.parametrize("name", NAMES)
def test_energies_and_wind_speeds_are_pywakes(name, farm):
    layout = layout_of(farm)
    simulation = simulated(layout, pywake.ready_made(name, site_of(layout), layout.types))
    assert speeds_of(simulation).min() < 0.9 * SPEED.min()  # the layout is one with wakes to speak of
    assert_same(layout, MODELS[name](), simulation)


@pytest.mark.parametrize(("name", "options"), [*OTHER.items(), *OPTIONS], ids=name_of)
def test_options_mean_what_they_mean_in_pywake(name, options):
    layout, model = layout_of("20 of three types"), MODELS[name](**options)
    simulation = simulated(layout, pywake.like(model, site_of(layout), layout.types))
    # what the cut-off leaves of a wake counts for more where no rotor averages it
    assert_same(layout, model, simulation, tolerance=1e-8 if name == "TurbOPark" else 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_shear_gives_higher_hubs_more_wind(name):
    layout, shear = layout_of("20 of three types"), {"shear_exponent": 0.14, "reference_height": 100.0}
    site = pywake.weibull_site(SITE, speed=SPEED, **shear)
    simulation = simulated(layout, pywake.ready_made(name, site, layout.types))
    assert_same(layout, MODELS[name](), simulation, replace(layout.flow_cases, **shear))


@pytest.mark.parametrize("limits", [{}, {"cut_in": 3.2, "cut_out": 24.6}], ids=["no limits", "limits"])
@pytest.mark.parametrize("name", NAMES)
def test_uneven_tables_are_interpolated_and_end_at_cut_in_and_cut_out(name, limits):
    turbine = tabulated_turbine(**limits)
    x, y = positions("random", 20, 3 * turbine.rotor_diameter)
    speed = np.arange(2.5, 27.0, 1.5)  # none on a limit, where the last digit decides
    layout = Layout(x, y, (turbine,), np.zeros(20, int), np.arange(0.0, 360.0, 10.0), speed)
    simulation = simulated(layout, pywake.ready_made(name, site_of(layout), layout.types))
    assert_same(layout, MODELS[name](), simulation)


@pytest.mark.parametrize("name", NAMES)
def test_turbulence_may_differ_from_case_to_case(name):
    layout = layout_of("20 of three types")
    shape = layout.direction.size, SPEED.size
    turbulence = np.random.default_rng(7).uniform(0.04, 0.2, shape)
    model = pywake.ready_made(name, site_of(layout), layout.types)
    simulation = simulated(layout, model, TI=turbulence[np.newaxis])
    cases = replace(layout.flow_cases, turbulence_intensity=turbulence)
    assert_same(layout, MODELS[name](), simulation, cases)


@pytest.mark.parametrize("name", NAMES)
def test_a_time_series_is_pywakes(name):
    n, random = 200, np.random.default_rng(5)
    layout = layout_of("20 of three types")
    direction = np.sort(random.integers(0, 60, n) * 6.0)
    speed, turbulence = random.uniform(3, 26, n), random.uniform(0.05, 0.15, n)
    model = pywake.ready_made(name, site_of(layout), layout.types)
    simulation = simulated(layout, model, wd=direction, ws=speed, time=True, TI=turbulence)
    series = FlowSeries(*np.unique(direction, return_counts=True), speed, np.full(n, 1 / n), turbulence)
    farm = layout.farm(MODELS[name](), series)
    theirs = simulation.WS_eff.transpose("time", "wt").values
    np.testing.assert_allclose(farm.effective_speed(layout.x, layout.y), theirs, rtol=0, atol=1e-6)
    energy = simulation.aep().sum("time").values
    np.testing.assert_allclose(farm.aep(layout.x, layout.y).turbine_aep, energy, rtol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_wake_and_are_waked_but_do_not_count(name):
    layout = layout_of("66 at random")
    own = layout.x < np.median(layout.x)
    west = replace(layout, x=layout.x[own], y=layout.y[own], type_of=layout.type_of[own])
    neighbours = Neighbours(layout.x[~own], layout.y[~own], layout.types, layout.type_of[~own])
    farm = Farm(west.types, west.flow_cases, MODELS[name](), type_of=west.type_of, neighbours=neighbours)
    found = farm.aep(west.x, west.y)
    model = pywake.ready_made(name, site_of(layout), layout.types)
    energy = simulated(layout, model).aep().sum(["wd", "ws"]).values[own]
    np.testing.assert_allclose(found.turbine_aep, energy, rtol=1e-8)
    alone = float(simulated(west, model).aep().sum())
    assert found.external_wake_loss == pytest.approx((alone - energy.sum()) / found.gross_aep, rel=1e-5)
    assert found.external_wake_loss > 0.002


@pytest.mark.parametrize("farm", ["20 dense", "66 on a turned grid", "100 at random"])
def test_exact_disc_mean_stays_within_the_error_of_pywakes_table(farm):
    layout = layout_of(farm)
    simulation = simulated(layout, pywake.ready_made("TurbOPark", site_of(layout), layout.types))
    exact = layout.farm(MODELS["TurbOPark"](disc_mean="exact"))
    theirs = float(simulation.aep().sum())
    assert exact.aep(layout.x, layout.y).aep == pytest.approx(theirs, rel=2e-6 if "dense" in farm else 1e-6)
    np.testing.assert_allclose(grid_speeds(exact, layout), speeds_of(simulation), rtol=0, atol=5e-4)


@pytest.fixture(params=["generic", "avx2", "avx512"])
def isa(request, monkeypatch):
    monkeypatch.setenv("MPI_LAYOUT_ISA", request.param)
    if instruction_set() != request.param:
        pytest.skip(f"this CPU has no {request.param}")
    return request.param


@cache
def reference_speeds(name, farm):
    layout = layout_of(farm)
    return reference_farm.flow(
        layout.x,
        layout.y,
        [layout.types[t] for t in layout.type_of],
        direction=layout.direction,
        speed=layout.speed,
        turbulence_intensity=SITE.turbulence_intensity,
        wake=wake_of(exact_model(name)),
    ).speed


def exact_model(name):
    gaussian_mean = name in ("TurbOPark", "Niayifar_PorteAgel_2016")
    return MODELS[name](**OTHER[name], **({"disc_mean": "exact"} if gaussian_mean else {}))


@pytest.mark.parametrize("farm", ["20 dense", "20 of two types", "20 in a line"])
@pytest.mark.parametrize("name", NAMES)
def test_kernel_does_what_the_equations_say_on_every_instruction_set(name, farm, isa):
    layout = layout_of(farm)
    found = grid_speeds(layout.farm(exact_model(name)), layout)
    np.testing.assert_allclose(found, reference_speeds(name, farm), rtol=0, atol=5e-6)


def test_turbulence_is_added_up_to_the_edge_of_its_wedge():
    """Where the weight of STF2017 is 1/e, its last and by no means small value."""
    turbine = GENERIC[0]
    for dw in turbine.rotor_diameter * np.array([0.5, 2.0, 5.0, 11.0, 30.0, 100.0]):
        edge = np.tan((np.arctan(turbine.rotor_diameter / dw) + np.deg2rad(10.0)) / 2.0) * dw
        x, y = np.array([0.0, dw, 2.0 * dw]), np.array([0.0, 0.9999 * edge, -1.0001 * 2.0 * dw])
        layout = Layout(x, y, (turbine,), np.zeros(3, int), np.array([270.0]), SPEED)
        farm = layout.farm(MODELS["NOJLocal"]())
        ours = farm.effective_turbulence(x, y)
        assert (ours[:, 1] > SITE.turbulence_intensity).all()
        assert (ours[:, 2] == SITE.turbulence_intensity).all()


@pytest.mark.parametrize("name", NAMES)
def test_energy_does_not_depend_on_the_instruction_set(name, monkeypatch):
    layout = layout_of("66 at random")
    energies = []
    for isa in ("generic", "avx2", "avx512"):
        monkeypatch.setenv("MPI_LAYOUT_ISA", isa)
        energies.append(layout.farm(MODELS[name]()).aep(layout.x, layout.y).aep)
    np.testing.assert_allclose(energies, energies[0], rtol=1e-12)
