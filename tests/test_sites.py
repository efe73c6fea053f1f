"""Tables and time series of the wind, against PyWake and the published IEA 37 case studies."""

import numpy as np
import pytest
import xarray as xr
from reference.iea37 import CASE_STUDIES_3_AND_4, CASE_STUDY_1, iea37_aep, windio_layout, windio_wind

from mpi_layout.optimise.start import compared_cases
from mpi_layout.site.series import SeriesSite
from mpi_layout.site.table import TableSite
from mpi_layout.site.turbine import generic_turbine
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.site.wind import FlowCases

TURBINE = generic_turbine("t", rated_power=10e6, rotor_diameter=195, hub_height=121)
GWH_PER_YEAR = 8760e-9  # of one watt


@pytest.fixture
def random(request):
    seed = np.random.SeedSequence().entropy
    print(f"{request.node.name}: seed {seed}")
    return np.random.default_rng(seed)


def free_aep(site, turbine=TURBINE) -> float:
    """AEP of a single turbine, GWh."""
    cases = site.flow_cases()
    _, speed, _, probability = cases.by_direction()
    power = turbine.power_at(speed * cases.speed_factor(turbine.hub_height))
    return float((probability * power).sum() * GWH_PER_YEAR)


def pywake_farm(site):
    from py_wake.deficit_models import NoWakeDeficit
    from py_wake.wind_farm_models import PropagateDownwind
    from py_wake.wind_turbines.generic_wind_turbines import GenericWindTurbine

    return PropagateDownwind(site, GenericWindTurbine("t", 195, 121, 10e3), NoWakeDeficit())


def table(random, n_directions=12, n_speeds=7, **more) -> TableSite:
    probability = random.random((n_directions, n_speeds))
    direction = np.linspace(0, 360, n_directions, endpoint=False)
    speed = np.cumsum(random.uniform(0.5, 3, n_speeds)) + 2
    return TableSite(direction, speed, probability / probability.sum(), 0.1, **more)


def series(random, n=3000, **more) -> SeriesSite:
    """Time series with few distinct values, many of which occur again."""
    direction, speed = random.integers(0, 361, n), random.integers(0, 60, n) / 2
    return SeriesSite(direction, speed, random.choice([0.06, 0.08, 0.1], n), **more)


# ---------------------------------------------------------------- tables


def test_nodes_of_a_table_are_its_flow_cases(random):
    site = table(random)
    cases = site.flow_cases()
    np.testing.assert_array_equal(cases.direction, site.direction)
    np.testing.assert_array_equal(cases.speed, site.speed)
    np.testing.assert_array_equal(cases.probability, site.probability)


@pytest.mark.parametrize("lookup", ["nearest", "linear"])
@pytest.mark.parametrize("step", [1, 5, 30, 45])
def test_directions_between_those_of_a_table_are_pywakes(random, lookup, step):
    from py_wake.site import XRSite

    directions = np.arange(0.0, 360, step)
    ours = table(random, lookup=lookup, flow_direction=directions)
    data = xr.Dataset(
        {"P": (("wd", "ws"), ours.probability), "TI": 0.1}, coords={"wd": ours.direction, "ws": ours.speed}
    )
    theirs = XRSite(data, interp_method=lookup).local_wind([0.0], [0.0], [100.0], directions, ours.speed)
    np.testing.assert_allclose(ours.flow_cases().probability, np.asarray(theirs.P_ilk)[0], rtol=1e-12)


def test_finer_directions_keep_the_sum_and_interpolate_turbulence(random):
    turbulence = np.linspace(0.05, 0.16, 12)[:, None]
    probability = random.random((12, 3))
    site = TableSite(np.arange(0, 360, 30), [5, 8, 11], probability / probability.sum(), turbulence)
    cases = site.flow_cases(direction=np.arange(0, 360, 10))
    assert cases.probability.sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(
        cases.turbulence_intensity[[0, 1, 3, 35], 0], [0.05, 0.05 + 0.01 / 3, 0.06, 0.05 + 0.11 / 3]
    )


def test_a_table_made_of_weibull_sectors_is_binned_as_they_are():
    sectors = WeibullSite([0, 90, 180, 270], [9, 10, 11, 12], [2, 2.1, 2.2, 2.3], [0.1, 0.2, 0.3, 0.4], 0.1)
    fine = sectors.flow_cases(speed=np.arange(0.5, 80, 1))
    site = TableSite(fine.direction, fine.speed, fine.probability, 0.1)
    speed = np.arange(6.0, 15, 2)  # bins from 5 to 15 m/s, on the edges of the fine ones
    np.testing.assert_allclose(
        site.binned(speed).probability, sectors.binned(speed).probability, rtol=1e-11, atol=1e-15
    )


def test_a_bin_is_spread_evenly():
    site = TableSite([270], [8, 10], [[0.75, 0.25]], 0.1)  # bins 7 to 9 and 9 to 11 m/s
    cases = site.flow_cases(speed=[7.5, 8.5, 9.5])  # 7 to 8, 8 to 9, 9 to 10
    np.testing.assert_allclose(cases.probability, [[0.375, 0.375, 0.125]], rtol=1e-14)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"direction": [0, 90, 180, 400]}, r"direction\[3\] wants 0 to 360 degrees, has 400"),
        ({"direction": [0, 180, 90, 270]}, r"direction\[2\] must increase, has 90 after 180"),
        ({"direction": [0, 90, 180, 360]}, "no 360 beside 0"),
        ({"speed": [8, 6]}, r"speed\[1\] must increase, has 6 after 8"),
        ({"speed": [8, np.nan]}, r"speed\[1\] wants 0 to 100 m/s, has nan"),
        ({"probability": [[0.1, 0.1]] * 4}, "must sum to 1, sums to 0.8"),
        ({"probability": [[12, 13]] * 4}, "sums to 100; are they percent"),
        (
            {"probability": [[0.3, -0.05]] * 4},
            r"probability\[0\]\[1\] wants a number of at least 0, has -0.05",
        ),
        ({"probability": [[0.125, np.nan]] * 4}, r"probability\[0\]\[1\] .* has nan"),
        ({"probability": [[0.25]] * 4}, r"shape \(4, 1\); directions and speeds make \(4, 2\)"),
        ({"turbulence_intensity": -0.1}, "turbulence_intensity wants"),
        ({"lookup": "cubic"}, "'cubic'"),
        (
            {"direction": [0, 90, 180, 280], "flow_direction": np.arange(36) * 10.0},
            "covers the circle evenly",
        ),
        ({"speed": [8], "probability": [[0.25]] * 4, "flow_speed": [8.0, 9.0]}, "more than one speed"),
    ],
)
def test_tables_that_are_none(change, message):
    good = {
        "direction": [0, 90, 180, 270],
        "speed": [6, 8],
        "probability": [[0.1, 0.15]] * 4,
        "turbulence_intensity": 0.1,
    }
    TableSite(**good)
    with pytest.raises(ValueError, match=message):
        TableSite(**{**good, **change})


# ---------------------------------------------------------------- time series


def test_a_time_series_is_reduced_without_loss(random):
    weight = random.integers(0, 4, 3000)
    site = series(random, weight=weight)
    cases = site.flow_cases()
    share: dict[tuple[float, float, float], float] = {}
    steps = zip(site.direction % 360, site.speed, site.turbulence_intensity, strict=True)
    for step, w in zip(steps, weight / weight.sum(), strict=True):
        share[step] = share.get(step, 0) + w
    direction = np.repeat(cases.direction, cases.count)
    found = list(zip(direction, cases.speed, cases.turbulence_intensity, strict=True))
    assert len(found) < 3000
    assert set(found) == set(share)
    np.testing.assert_allclose(cases.probability, [share[case] for case in found], rtol=1e-12, atol=1e-18)
    assert (np.diff(cases.direction) > 0).all()
    assert cases.count.sum() == cases.speed.size


def test_a_weight_counts_as_that_many_steps(random):
    times = random.integers(1, 5, 500)
    once = series(random, 500, weight=times)
    columns = (np.repeat(values, times) for values in (once.direction, once.speed, once.turbulence_intensity))
    for one, other in zip(
        once.flow_cases().by_direction(), SeriesSite(*columns).flow_cases().by_direction(), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_aep_of_a_time_series_is_pywakes(random):
    from py_wake.site import UniformSite

    site = series(random)
    theirs = pywake_farm(UniformSite([1], 0.1))([0.0], [0.0], wd=site.direction, ws=site.speed, time=True)
    assert free_aep(site) == pytest.approx(float(theirs.aep().sum()), rel=1e-12)


def test_aep_of_a_table_is_pywakes(random):
    from py_wake.site import XRSite

    site = table(random)
    data = xr.Dataset(
        {"P": (("wd", "ws"), site.probability), "TI": 0.1}, coords={"wd": site.direction, "ws": site.speed}
    )
    theirs = pywake_farm(XRSite(data))([0.0], [0.0], wd=site.direction, ws=site.speed)
    assert free_aep(site) == pytest.approx(float(theirs.aep().sum()), rel=1e-12)


def test_a_grid_written_as_a_series_has_the_same_power(random):
    grid = table(random)
    count, speed, _, probability = grid.flow_cases().by_direction()
    steps = SeriesSite(np.repeat(grid.direction, count), speed, 0.1, weight=probability)
    assert free_aep(steps) == pytest.approx(free_aep(grid), rel=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"direction": [], "speed": []}, "at least one step"),
        ({"speed": [5.0]}, r"speed has shape \(1,\), direction has \(2,\)"),
        ({"direction": [0, 361]}, r"direction\[1\] wants 0 to 360 degrees, has 361"),
        ({"speed": [5.0, np.nan]}, r"speed\[1\] wants 0 to 100 m/s, has nan"),
        ({"speed": [-1.0, 4.0]}, r"speed\[0\] wants 0 to 100 m/s, has -1"),
        ({"weight": [0, 0]}, "weight is zero at every step"),
        ({"weight": [1, -1]}, r"weight\[1\] wants a number of at least 0, has -1"),
        ({"turbulence_intensity": [0.1, np.inf]}, r"turbulence_intensity\[1\]"),
        ({"reference_height": 0}, "reference_height wants a number above 0, has 0"),
        ({"shear_exponent": np.nan}, "shear_exponent wants -1 to 1, has nan"),
        ({"air_density": -1}, "air_density wants 0.5 to 2 kg/m3, has -1"),
    ],
)
def test_series_that_are_none(change, message):
    with pytest.raises(ValueError, match=message):
        SeriesSite(**{"direction": [0, 90], "speed": [5.0, 6.0], "turbulence_intensity": 0.1, **change})


# ---------------------------------------------------------------- what candidates are compared at


def test_sites_with_many_speeds_are_compared_in_topfarms_bins(random):
    for site in (table(random, n_speeds=20), series(random)):
        cases = compared_cases(site)
        np.testing.assert_array_equal(cases.speed, [6, 8, 10, 12, 14])
        assert cases.probability.shape == (cases.direction.size, 5)


def test_sites_with_few_speeds_are_compared_at_these(random):
    rose = TableSite(np.arange(0, 360, 22.5), [9.8], np.full((16, 1), 1 / 16), 0.075)
    np.testing.assert_array_equal(compared_cases(rose).probability, rose.probability)
    steps = SeriesSite([0, 10, 10, 360], [3, 17, 17, 3], [0.08, 0.1, 0.12, 0.1], weight=[1, 2, 1, 1])
    cases = compared_cases(steps)
    np.testing.assert_array_equal(cases.direction, [0, 10])
    np.testing.assert_array_equal(cases.speed, [3, 17])
    np.testing.assert_allclose(cases.probability, [[0.4, 0], [0, 0.6]])
    np.testing.assert_allclose(cases.turbulence_intensity[[0, 1], [0, 1]], [0.09, 0.32 / 3])


def test_many_directions_of_a_series_go_to_whole_degrees(random):
    direction = random.uniform(0, 360, 20_000)
    speed = random.weibull(2.1, 20_000) * 10
    cases = SeriesSite(direction, speed, 0.1).binned([6, 8, 10, 12, 14])
    edges = np.arange(360) - 0.5
    wanted = np.histogram2d((direction + 0.5) % 360 - 0.5, speed, [[*edges, 359.5], [5, 7, 9, 11, 13, 15]])[0]
    np.testing.assert_allclose(cases.probability, wanted / 20_000, rtol=1e-12)
    assert cases.turbulence_intensity == 0.1


# ---------------------------------------------------------------- height and turbulence


@pytest.mark.parametrize("kind", [table, series])
def test_shear_is_pywakes(random, kind):
    from py_wake.site import UniformSite, XRSite
    from py_wake.site.shear import PowerShear

    site, shear = kind(random, shear_exponent=0.14, reference_height=80.0), PowerShear(80, 0.14)
    if kind is table:
        data = xr.Dataset(
            {"P": (("wd", "ws"), site.probability), "TI": 0.1},
            coords={"wd": site.direction, "ws": site.speed},
        )
        theirs = pywake_farm(XRSite(data, shear=shear))([0.0], [0.0], wd=site.direction, ws=site.speed)
    else:
        uniform = UniformSite([1], 0.1)
        uniform.shear = shear
        theirs = pywake_farm(uniform)([0.0], [0.0], wd=site.direction, ws=site.speed, time=True)
    assert free_aep(site) == pytest.approx(float(theirs.aep().sum()), rel=1e-12)


TURBULENCE = [0.06, 0.08, 0.11, 0.07]
SECTORS = ([9.0, 10.0, 11.0, 12.0], [2.0, 2.1, 2.2, 2.3], [0.1, 0.2, 0.3, 0.4])


def test_turbulence_between_sectors_is_pywakes():
    from py_wake.site import XRSite

    ours = WeibullSite([0, 90, 180, 270], *SECTORS, TURBULENCE, "linear")
    names = ("Weibull_A", "Weibull_k", "Sector_frequency", "TI")
    columns = zip(names, (*SECTORS, TURBULENCE), strict=True)
    data = xr.Dataset({name: ("wd", values) for name, values in columns}, coords={"wd": ours.direction})
    theirs = XRSite(data).local_wind([0.0], [0.0], [100.0], np.arange(360), np.arange(3, 26))
    np.testing.assert_allclose(
        ours.flow_cases().turbulence_intensity, np.asarray(theirs.TI_ilk)[0], rtol=1e-12
    )


def test_turbulence_of_the_nearest_sector():
    site = WeibullSite([0, 90, 180, 270], *SECTORS, TURBULENCE, "nearest")
    nearest = np.roll(np.repeat(TURBULENCE, 90), -45)
    np.testing.assert_array_equal(site.flow_cases().turbulence_intensity[:, 0], nearest)


def test_directions_are_alike_only_if_their_turbulence_is():
    grid = ([0.0, 180.0], [6.0, 8.0, 10.0], np.full((2, 3), 1 / 6))
    alike = [0.1, np.array([[0.1, 0.2, 0.3]]), np.array([[0.1], [0.1]]), np.array([[0.1, 0.2, 0.3]] * 2)]
    unlike = [np.array([[0.1], [0.2]]), np.array([[0.1, 0.2, 0.3], [0.1, 0.2, 0.4]])]
    for turbulence in (*alike, *unlike):
        cases = FlowCases(*map(np.array, grid), turbulence)
        assert cases.same_in_all_directions == any(turbulence is one for one in alike)
        count, speed, ti, probability = cases.by_direction()
        np.testing.assert_array_equal(count, [3, 3])
        np.testing.assert_array_equal(speed, [6, 8, 10, 6, 8, 10])
        np.testing.assert_array_equal(ti.reshape(2, 3), np.broadcast_to(turbulence, (2, 3)))
        assert probability.sum() == pytest.approx(1)


# ---------------------------------------------------------------- IEA Wind Task 37


def test_iea37_case_study_1_has_the_published_aep():
    published = [
        *(
            9444.60012,
            8497.90004,
            11383.32869,
            14173.40367,
            20979.36776,
            25590.86774,
            39252.85757,
            43197.65856,
        ),
        *(
            23800.39229,
            13539.36766,
            15022.89800,
            32644.44314,
            71157.32322,
            18092.10102,
            12326.48041,
            7838.58128,
        ),
    ]
    aep = iea37_aep(windio_wind("1_2"), *windio_layout("1_2"), **CASE_STUDY_1)
    np.testing.assert_allclose(aep, published, rtol=0, atol=6e-6)
    assert aep.sum() == pytest.approx(366941.57116, abs=1e-5)


def test_iea37_case_study_3_has_the_published_aep():
    published = [
        *(20238.63584, 15709.41125, 13286.56833, 13881.04112, 19232.89054, 32035.08418, 52531.37389),
        *(47035.14700, 46848.21422, 45107.13416, 53877.69698, 68105.50430, 69587.76656, 73542.89319),
        *(69615.74101, 66752.31531, 73027.78883, 60187.14103, 59847.98304, 38123.29869),
    ]
    aep = iea37_aep(windio_wind("3"), *windio_layout("3"), **CASE_STUDIES_3_AND_4)
    np.testing.assert_allclose(aep, published, rtol=0, atol=6e-6)
    assert aep.sum() == pytest.approx(938573.62950, abs=1e-5)


def test_iea37_case_study_4_has_the_published_aep():
    aep = iea37_aep(windio_wind("4"), *windio_layout("4"), **CASE_STUDIES_3_AND_4)
    assert aep.sum() == pytest.approx(2851096.41, abs=0.005)
