"""Every wake model by its usual name against PyWake, and the kernel against the plain numpy of the same equations.

PyWake simulates each farm once, and the energies and the wind speeds of every single flow case are compared.
With PyWake's own disc mean the kernel gives its numbers; the exact disc mean is compared with the reference.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from reference import farm as reference_farm
from reference import pywake, wakes
from reference.trial import GENERIC, SITE, positions, tabulated_turbine

from mpi_layout.site.wind import FlowCases, FlowSeries
from mpi_layout.wake.farm import Farm, Neighbours
from mpi_layout.wake.models import MODELS, CrespoHernandez, STF2017

TURBULENCE = {"STF2017": STF2017, "CrespoHernandez": CrespoHernandez}
SPEED = np.arange(3.0, 26.0)
OTHER = {  # parameters other than the defaults
    "TurbOPark": {"A": 0.06, "c1": 1.2, "c2": 1.0, "ceps": 0.2, "ct_limit": 0.7},
    "NOJ": {"k": 0.05},
    "NOJLocal": {"k": (0.3, 0.01)},
    "BastankhahGaussian": {"k": 0.05, "ceps": 0.3, "ct_limit": 0.7},
    "NiayifarGaussian": {"k": (0.3, 0.01), "ceps": 0.25, "ct_limit": 0.75},
    "Niayifar_PorteAgel_2016": {"k": (0.35, 0.0), "ceps": 0.25},
    "IEA37SimpleBastankhahGaussian": {"k": 0.05},
}
NAMES = list(OTHER)
DISC_MEAN = {"TurbOPark", "Niayifar_PorteAgel_2016"}  # those that average a Gaussian over the rotor
FARMS = {  # layout, turbines, least spacing in diameters, types, degrees between wind directions
    "5 in a line": ("line", 5, 2.5, 1, 5),
    "5 at random": ("random", 5, 3, 3, 2),
    "20 dense": ("random", 20, 2, 1, 5),
    "20 of three types": ("random", 20, 3, 3, 5),
    "20 in a line": ("line", 20, 5, 1, 10),
    "66 at random": ("random", 66, 3, 2, 15),
    "66 on a turned grid": ("turned", 66, 4, 1, 15),
    "100 on a grid": ("grid", 100, 5, 1, 30),
    "100 at random": ("random", 100, 3, 3, 30),
}
WHOLE_ROSE = {"66 at random, every degree": ("random", 66, 3, 2, 1), "100 on a grid, every degree": ("grid", 100, 4, 1, 1)}


@dataclass(frozen=True, eq=False)
class Layout:
    """A farm and the wind that it stands in."""

    x: np.ndarray
    y: np.ndarray
    types: tuple
    type_of: np.ndarray
    direction: np.ndarray
    speed: np.ndarray

    @property
    def flow_cases(self):
        return SITE.flow_cases(direction=self.direction, speed=self.speed)


@cache
def layout_of(name, seed=0):
    kind, n, spacing, n_types, step = (FARMS | WHOLE_ROSE)[name]
    types = tuple(GENERIC[:n_types])
    x, y = positions(kind, n, spacing * types[0].rotor_diameter, seed)
    return Layout(x, y, types, np.arange(n) % n_types, np.arange(0.0, 360.0, step), SPEED)


def simulated(layout, parts, *, site=None, **options):
    """PyWake's simulation of the layout."""
    site = pywake.weibull_site(SITE, speed=layout.speed) if site is None else site
    model = pywake.wind_farm_model(site, layout.types, parts)
    return model(layout.x, layout.y, type=layout.type_of, wd=layout.direction, ws=layout.speed, **options)


def speeds_of(simulation):
    return simulation.WS_eff.transpose("wd", "ws", "wt").values


def farm_of(layout, model, flow_cases=None):
    cases = layout.flow_cases if flow_cases is None else flow_cases
    return Farm(layout.types, cases, model, type_of=layout.type_of)


def grid_speeds(farm, layout):
    return farm.effective_speed(layout.x, layout.y).reshape(len(layout.direction), len(layout.speed), -1)


def model_of(name, **parameters):
    """The model as PyWake has it, its table of disc means included."""
    return MODELS[name](**parameters, **({"disc_mean": "pywake"} if name in DISC_MEAN else {}))


def assert_same(layout, model, simulation, flow_cases=None):
    farm = farm_of(layout, model, flow_cases)
    found = farm.aep(layout.x, layout.y)
    expected = simulation.aep().sum(["wd", "ws"]).values
    assert found.aep == pytest.approx(expected.sum(), rel=1e-9)
    np.testing.assert_allclose(found.turbine_aep, expected, rtol=1e-8)
    gross = float(simulation.aep(with_wake_loss=False).sum())
    assert found.gross_aep == pytest.approx(gross, rel=1e-12)
    np.testing.assert_allclose(grid_speeds(farm, layout), speeds_of(simulation), rtol=0, atol=1e-6)


@pytest.mark.parametrize("farm", [*FARMS, *(pytest.param(f, marks=pytest.mark.slow) for f in WHOLE_ROSE)])
@pytest.mark.parametrize("name", NAMES)
def test_energies_and_wind_speeds_are_pywakes(name, farm):
    layout = layout_of(farm)
    simulation = simulated(layout, pywake.MODELS[name]())
    assert speeds_of(simulation).min() < 0.85 * SPEED.min()  # the layout is one with wakes to speak of
    assert_same(layout, model_of(name), simulation)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_mean_what_they_mean_in_pywake(name):
    layout = layout_of("20 of three types")
    assert_same(layout, model_of(name, **OTHER[name]), simulated(layout, pywake.MODELS[name](**OTHER[name])))


@pytest.mark.parametrize("superposition", pywake.SUPERPOSITIONS)
@pytest.mark.parametrize("name", NAMES)
def test_wakes_add_up_as_in_pywake(name, superposition):
    layout = layout_of("20 of three types")
    parts = pywake.MODELS[name]() | {"superpositionModel": pywake.SUPERPOSITIONS[superposition]()}
    assert_same(layout, model_of(name, superposition=superposition), simulated(layout, parts))


@pytest.mark.parametrize("turbulence", pywake.TURBULENCE)
@pytest.mark.parametrize("name", ["NOJLocal", "NiayifarGaussian", "Niayifar_PorteAgel_2016"])
def test_added_turbulence_is_pywakes(name, turbulence):
    layout = layout_of("20 of three types")
    parts = pywake.MODELS[name]() | {"turbulenceModel": pywake.TURBULENCE[turbulence]()}
    assert_same(layout, model_of(name, turbulence=TURBULENCE[turbulence]), simulated(layout, parts))


@pytest.mark.parametrize("name", NAMES)
def test_shear_makes_higher_hubs_see_more_wind(name):
    layout = layout_of("20 of three types")
    shear = {"shear_exponent": 0.14, "reference_height": 100.0}
    site = pywake.weibull_site(SITE, speed=SPEED, **shear)
    cases = replace(layout.flow_cases, **shear)
    assert_same(layout, model_of(name), simulated(layout, pywake.MODELS[name](), site=site), cases)


@pytest.mark.parametrize("limits", [{}, {"cut_in": 3.2, "cut_out": 24.6}], ids=["none", "cut-in and cut-out"])
@pytest.mark.parametrize("name", NAMES)
def test_uneven_tables_are_interpolated_and_end_at_cut_in_and_cut_out(name, limits):
    speed = np.arange(2.5, 27.0, 1.5)  # none on a limit, where the last digit decides
    turbine = tabulated_turbine(**limits)
    x, y = positions("random", 20, 3 * turbine.rotor_diameter)
    layout = Layout(x, y, (turbine,), np.zeros(20, int), np.arange(0.0, 360.0, 5.0), speed)
    assert_same(layout, model_of(name), simulated(layout, pywake.MODELS[name]()))


@pytest.mark.parametrize("name", NAMES)
def test_turbulence_may_differ_from_case_to_case(name):
    layout = layout_of("20 of three types")
    ti = np.linspace(0.04, 0.2, layout.direction.size * SPEED.size).reshape(layout.direction.size, SPEED.size)
    cases = replace(layout.flow_cases, turbulence_intensity=ti)
    simulation = simulated(layout, pywake.MODELS[name](), TI=ti[np.newaxis])
    assert_same(layout, model_of(name), simulation, cases)


@pytest.mark.parametrize("name", NAMES)
def test_a_time_series_is_pywakes(name):
    random = np.random.default_rng(5)
    direction = np.sort(random.integers(0, 60, 200) * 6.0)
    speed, ti = random.uniform(3, 26, 200), random.uniform(0.05, 0.15, 200)
    layout = replace(layout_of("20 of three types"), direction=direction, speed=speed)
    distinct, count = np.unique(direction, return_counts=True)
    series = FlowSeries(distinct, count, speed, np.full(200, 1 / 200), ti)
    simulation = simulated(layout, pywake.MODELS[name](), time=True, TI=ti)
    farm = farm_of(layout, model_of(name), series)
    found, expected = farm.effective_speed(layout.x, layout.y), simulation.WS_eff.transpose("time", "wt")
    np.testing.assert_allclose(found, expected.values, rtol=0, atol=1e-6)
    aep = simulation.aep().sum("time").values
    np.testing.assert_allclose(farm.aep(layout.x, layout.y).turbine_aep, aep, rtol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_wake_and_are_waked_but_do_not_count(name):
    layout = layout_of("66 at random")
    own = layout.x < np.median(layout.x)
    neighbours = Neighbours(layout.x[~own], layout.y[~own], layout.types, layout.type_of[~own])
    farm = Farm(
        layout.types, layout.flow_cases, model_of(name), type_of=layout.type_of[own], neighbours=neighbours
    )
    found = farm.aep(layout.x[own], layout.y[own])
    simulation = simulated(layout, pywake.MODELS[name]())
    expected = simulation.aep().sum(["wd", "ws"]).values[own]
    np.testing.assert_allclose(found.turbine_aep, expected, rtol=1e-8)
    alone = replace(layout, x=layout.x[own], y=layout.y[own], type_of=layout.type_of[own])
    without = float(simulated(alone, pywake.MODELS[name]()).aep().sum())
    assert found.external_wake_loss == pytest.approx(1 - expected.sum() / without, rel=1e-6)


@pytest.mark.parametrize("farm", ["20 dense", "66 on a turned grid", "100 at random"])
def test_exact_disc_mean_stays_within_the_error_of_pywakes_table(farm):
    layout = layout_of(farm)
    simulation = simulated(layout, pywake.turbopark())
    exact = farm_of(layout, MODELS["TurbOPark"](disc_mean="exact"))
    assert exact.aep(layout.x, layout.y).aep == pytest.approx(
        float(simulation.aep().sum()), rel=2e-6 if farm == "20 dense" else 1e-6
    )
    np.testing.assert_allclose(grid_speeds(exact, layout), speeds_of(simulation), rtol=0, atol=5e-4)


@pytest.mark.parametrize("farm", ["20 dense", "20 of three types", "20 in a line"])
@pytest.mark.parametrize("name", NAMES)
def test_kernel_does_what_the_equations_say(name, farm):
    layout = layout_of(farm)
    exact = {"disc_mean": "exact"} if name in DISC_MEAN else {}
    found = grid_speeds(farm_of(layout, MODELS[name](**OTHER[name], **exact)), layout)
    np.testing.assert_allclose(found, reference_speeds(layout, name, **OTHER[name]), rtol=1e-6)


def reference_speeds(layout, name, **parameters):
    turbines = [layout.types[t] for t in layout.type_of]
    return reference_farm.flow(
        layout.x,
        layout.y,
        turbines,
        direction=layout.direction,
        speed=layout.speed,
        turbulence_intensity=SITE.turbulence_intensity,
        wake=wakes.MODELS[name](**parameters),
    ).speed
