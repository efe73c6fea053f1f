"""Wakes of a farm over tables and time series, against PyWake."""

import numpy as np
import pytest
import xarray as xr

from mpi_layout.campaign import parse_campaign
from mpi_layout.optimise.solve import solve
from mpi_layout.site.series import SeriesSite
from mpi_layout.site.table import TableSite
from mpi_layout.site.turbine import generic_turbine
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.wake.farm import Farm
from mpi_layout.wake.models import MODELS

SIZES = [(10, 195, 121), (15, 240, 150)]  # MW, m, m
TYPES = [generic_turbine(f"t{p}", rated_power=p * 1e6, rotor_diameter=d, hub_height=h) for p, d, h in SIZES]
N = 12


@pytest.fixture
def random(request):
    seed = np.random.SeedSequence().entropy
    print(f"{request.node.name}: seed {seed}")
    return np.random.default_rng(seed)


@pytest.fixture
def positions(random):
    return random.uniform(0, 5000, (2, N))


def pywake_model(name, site):
    from py_wake.deficit_models.gaussian import BastankhahGaussianDeficit, NiayifarGaussianDeficit
    from py_wake.literature.turbopark import Nygaard_2022
    from py_wake.superposition_models import SquaredSum
    from py_wake.turbulence_models import CrespoHernandez
    from py_wake.wind_farm_models import PropagateDownwind
    from py_wake.wind_turbines import WindTurbines
    from py_wake.wind_turbines.generic_wind_turbines import GenericWindTurbine

    turbines = WindTurbines.from_WindTurbine_lst(
        [GenericWindTurbine("t", d, h, p * 1e3) for p, d, h in SIZES]
    )
    if name == "TurbOPark":
        return Nygaard_2022(site, turbines)
    deficit, turbulence = {
        "BastankhahGaussian": (BastankhahGaussianDeficit, None),
        "NiayifarGaussian": (NiayifarGaussianDeficit, CrespoHernandez()),
    }[name]
    return PropagateDownwind(
        site, turbines, deficit(), superpositionModel=SquaredSum(), turbulenceModel=turbulence
    )


MODEL = pytest.mark.parametrize(
    ("name", "tolerance"), [("TurbOPark", 1e-6), ("BastankhahGaussian", 1e-9), ("NiayifarGaussian", 1e-9)]
)


def time_series(random, n=400):
    """Directions of whole degrees, many of which occur again, with a turbulence of their own at each step."""
    speed = np.clip(random.weibull(2.1, n) * 10, 0, 29).round(1)
    return SeriesSite(random.integers(0, 120, n) * 3.0, speed, random.uniform(0.05, 0.15, n).round(2))


@MODEL
def test_aep_over_a_time_series_is_pywakes(random, positions, name, tolerance):
    from py_wake.site import UniformSite

    site, kind = time_series(random), random.integers(0, 2, N)
    ours = Farm(TYPES, site.flow_cases(), MODELS[name](), type_of=kind).aep(*positions)
    theirs = pywake_model(name, UniformSite([1], 0.1))(
        *positions, type=kind, wd=site.direction, ws=site.speed, time=True, TI=site.turbulence_intensity
    )
    wanted = theirs.aep().sum("time").values
    np.testing.assert_allclose(ours.turbine_aep, wanted, rtol=10 * tolerance)
    assert ours.aep == pytest.approx(wanted.sum(), rel=tolerance)


@MODEL
def test_aep_over_a_table_with_shear_is_pywakes(random, positions, name, tolerance):
    from py_wake.site import XRSite
    from py_wake.site.shear import PowerShear

    direction, speed = np.arange(0.0, 360, 15), np.array([4.0, 5.5, 8, 10, 13, 20])
    probability = random.random((24, 6))
    probability /= probability.sum()
    turbulence = random.uniform(0.05, 0.15, 24)
    site = TableSite(
        direction,
        speed,
        probability,
        turbulence[:, None],
        shear_exponent=0.12,
        reference_height=100.0,
    )
    data = xr.Dataset(
        {"P": (("wd", "ws"), probability), "TI": ("wd", turbulence)}, coords={"wd": direction, "ws": speed}
    )
    kind = random.integers(0, 2, N)
    ours = Farm(TYPES, site.flow_cases(), MODELS[name](), type_of=kind).aep(*positions)
    model = pywake_model(name, XRSite(data, shear=PowerShear(100, 0.12)))
    theirs = model(*positions, type=kind, wd=direction, ws=speed)
    assert ours.aep == pytest.approx(float(theirs.aep().sum()), rel=tolerance)


@pytest.mark.parametrize("name", ["TurbOPark", "NiayifarGaussian"])
def test_a_grid_written_as_a_series_has_the_same_wakes(random, positions, name):
    sectors = WeibullSite(
        [0, 90, 180, 270], [9, 10, 11, 12], [2, 2.1, 2.2, 2.3], [0.1, 0.2, 0.3, 0.4], [0.06, 0.08, 0.1, 0.07]
    )
    grid = sectors.flow_cases(direction=np.arange(0, 360, 10))
    count, speed, turbulence, probability = grid.by_direction()
    steps = SeriesSite(np.repeat(grid.direction, count), speed, turbulence, weight=probability).flow_cases()
    one, other = (Farm(TYPES[0], cases, MODELS[name]()).aep(*positions) for cases in (grid, steps))
    # Of a series the probabilities sum to one, of Weibull sectors they do not.
    np.testing.assert_allclose(one.turbine_aep / probability.sum(), other.turbine_aep, rtol=1e-11)
    assert one.wake_loss == pytest.approx(other.wake_loss, rel=1e-9)


SITES = {
    "table": """
  turbulence_intensity: [0.08, 0.1, 0.09, 0.08]
  wind_direction_deg: [0, 90, 180, 270]
  wind_speed_m_s: [5, 7, 9, 11, 13, 15]
  probability: [0.1, 0.2, 0.3, 0.2, 0.1, 0.1]
  sector_probability: [0.1, 0.2, 0.3, 0.4]
  flow_cases: {direction_step_deg: 15}
""".replace("[0.1, 0.2, 0.3, 0.2, 0.1, 0.1]", "[" + ", ".join(["[0.1, 0.2, 0.3, 0.2, 0.1, 0.1]"] * 4) + "]"),
    "series": """
  time_series:
    wind_direction_deg: [10, 200, 250, 260, 275, 300, 360, 250]
    wind_speed_m_s: [8, 9.5, 11, 7, 6.5, 9, 6.1, 11]
    turbulence_intensity: [0.1, 0.08, 0.07, 0.09, 0.1, 0.08, 0.12, 0.07]
""",
}


@pytest.mark.parametrize("kind", SITES)
def test_configs_are_solved_at_any_site(kind):
    asked = parse_campaign(
        "name: demo\nareas: [{name: a, boundary_m: [[0, 0], [4000, 0], [4000, 4000], [0, 4000]]}]\n"
        "turbine_types: [{name: t, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}]\n"
        f"seeds: [3]\nn_turbines: 9\nmin_spacing_D: 3\nsite:{SITES[kind]}"
    )
    problem = asked.problem(0)
    solution = solve(problem)
    farm = Farm(problem.turbine, problem.site.flow_cases(), problem.model).aep(solution.x, solution.y)
    assert solution.aep == pytest.approx(farm.aep, rel=1e-12)
    assert 0 < solution.wake_loss < 0.5
    assert solution.min_spacing >= 585
