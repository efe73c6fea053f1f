"""The compiled kernel against the plain numpy of the same model, on every instruction set this CPU has."""

from functools import cache

import numpy as np
import pytest
from asking import speeds_of_every_case
from reference import turbopark
from scipy.stats import ncx2

from mpi_layout.site.turbine import generic_turbine
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.site.wind import FlowCases
from mpi_layout.wake.disc import pywake_table
from mpi_layout.wake.farm import Farm, setting_of
from mpi_layout.wake.kernel import binding
from mpi_layout.wake.kernel.native import instruction_set
from mpi_layout.wake.models import TurbOPark

DIAMETER = 195.0
TURBINE = generic_turbine("t0", rated_power=10e6, rotor_diameter=DIAMETER, hub_height=121)
DIRECTION = np.arange(0.0, 360.0, 15.0)
SPEED = np.arange(3.0, 26.0)
EXACT = TurbOPark(disc_mean="exact")
OTHER_MODEL = TurbOPark(A=0.06, c1=1.2, c2=1.0, ceps=0.2, ct_limit=0.7, disc_mean="exact")
NO_CUTOFF = 50.0  # standard deviations: every wake reaches every turbine
LAYOUTS = {  # seed, turbines, side of a square in diameters
    "sparse": (1, 20, 60),
    "dense": (2, 30, 15),
    "overlapping": (3, 12, 4),
}


@pytest.fixture(params=["generic", "avx2", "avx512"])
def isa(request, monkeypatch):
    monkeypatch.setenv("MPI_LAYOUT_ISA", request.param)
    if instruction_set() != request.param:
        pytest.skip(f"this CPU has no {request.param}")
    return request.param


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return request.param


def positions(layout):
    seed, n, side = LAYOUTS[layout]
    print(f"layout: seed {seed}")
    x, y = np.random.default_rng(seed).uniform(0, side * DIAMETER, (2, n))
    return x, y


def bilinear(table):
    """Return the table as a function of disc radius and distance."""

    def average(radius, distance):
        a, b = np.broadcast_arrays(radius / table.step, distance / table.step)
        a = np.minimum(a, table.values.shape[0] - 1.0)
        b = np.minimum(b, table.values.shape[1] - 1.0)
        i = np.minimum(a.astype(int), table.values.shape[0] - 2)
        j = np.minimum(b.astype(int), table.values.shape[1] - 2)
        a, b = a - i, b - j
        near = (1 - b) * table.values[i, j] + b * table.values[i, j + 1]
        far = (1 - b) * table.values[i + 1, j] + b * table.values[i + 1, j + 1]
        return (1 - a) * near + a * far

    return average


@cache  # the same for every instruction set
def reference_speed(layout, model, turbulence_intensity):
    table = bilinear(pywake_table(2.0))
    return turbopark.effective_speed(
        *positions(layout),
        turbine=TURBINE,
        direction=DIRECTION,
        speed=SPEED,
        turbulence_intensity=turbulence_intensity,
        model=model,
        average=table if model.disc_mean == "pywake" else turbopark.disc_average,
    )


def uncut_speed(layout, model, turbulence_intensity):
    cases = FlowCases(DIRECTION, SPEED, np.zeros((DIRECTION.size, SPEED.size)), turbulence_intensity)
    setting = setting_of((TURBINE,), cases, model, cutoff=NO_CUTOFF)
    x, y = positions(layout)
    speed, _ = binding.farm_flow(setting, x, y, np.zeros(x.size, dtype=np.intc))
    return speed.reshape(DIRECTION.size, SPEED.size, -1)


@pytest.mark.parametrize("turbulence_intensity", [0.04, 0.1])
def test_table_kernel_does_what_the_equations_say(layout, isa, turbulence_intensity):
    model = TurbOPark()
    expected = reference_speed(layout, model, turbulence_intensity)
    np.testing.assert_allclose(uncut_speed(layout, model, turbulence_intensity), expected, rtol=1e-11)


@pytest.mark.parametrize("model", [EXACT, OTHER_MODEL], ids=["default", "other"])
def test_series_kernel_does_what_the_equations_say(layout, isa, model):
    # the series is cut where its terms fall below 1e-10 of the deficit on the axis
    np.testing.assert_allclose(
        uncut_speed(layout, model, 0.1), reference_speed(layout, model, 0.1), rtol=1e-9
    )


def test_cutoff_leaves_out_next_to_nothing(layout):
    found = speeds_of_every_case(
        *positions(layout),
        turbine=TURBINE,
        direction=DIRECTION,
        speed=SPEED,
        turbulence_intensity=0.1,
        model=EXACT,
    )
    np.testing.assert_allclose(found, reference_speed(layout, EXACT, 0.1), rtol=1e-6)


def test_energy_is_that_of_the_equations(layout, isa):
    sectors = np.array([[0.0, 120.0, 240.0], [9.0, 11.0, 10.0], [1.8, 2.2, 2.0], [0.2, 0.5, 0.3]])
    cases = WeibullSite(*sectors, 0.1, "linear").flow_cases(direction=DIRECTION, speed=SPEED)
    found = Farm(TURBINE, cases, EXACT).aep(*positions(layout))
    power = np.interp(reference_speed(layout, EXACT, 0.1), TURBINE.speed, TURBINE.power)
    expected = np.einsum("dsn,ds->n", power, cases.probability) * 8760 * 1e-9
    np.testing.assert_allclose(found.turbine_aep, expected, rtol=1e-8)


def test_disc_average_of_the_reference_is_the_noncentral_chi_squared_distribution():
    radius = np.linspace(0.1, 4, 40)[:, np.newaxis]
    distance = np.linspace(0.1, 5, 40)
    expected = 2 / radius**2 * ncx2.cdf(radius**2, 2, distance**2)
    np.testing.assert_allclose(turbopark.disc_average(radius, distance), expected, rtol=1e-10)
    on_axis = 2 / radius**2 * -np.expm1(-(radius**2) / 2)
    np.testing.assert_allclose(turbopark.disc_average(radius, 0), on_axis, rtol=1e-12)
    point = np.exp(-(distance**2) / 2)
    np.testing.assert_allclose(turbopark.disc_average(0, distance), point, rtol=1e-12)
