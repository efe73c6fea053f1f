"""windIO's energy resources as sites, against PyWake and what the files say."""

import pathlib

import numpy as np
import pytest
import xarray as xr

from mpi_layout.campaign import load_campaign
from mpi_layout.errors import InputError
from mpi_layout.formats.windio_site import read_windio_site
from mpi_layout.site.weibull import WeibullSite

DIRECTION = [0, 90, 180, 270]
SPEED = [6, 9, 12]
PROBABILITY = [[0.05, 0.1, 0.05], [0.1, 0.1, 0.1], [0.05, 0.1, 0.05], [0.1, 0.1, 0.1]]


def resource(name):
    windIO = pytest.importorskip("windIO")
    folder = pathlib.Path(windIO.__file__).parent / "examples" / "plant" / "plant_energy_resource"
    return windIO.load_yaml(folder / name)


@pytest.mark.parametrize("suffix", ["", "_nc"])
def test_weibull_sectors_of_windio_are_pywakes(suffix):
    from py_wake.site import XRSite

    given = resource(f"UniformWeibullResource{suffix}.yaml")
    site = read_windio_site(given, "demo.yaml")
    wind = given["wind_resource"]
    names = {"Weibull_A": "weibull_a", "Weibull_k": "weibull_k", "Sector_frequency": "sector_probability"}
    data = xr.Dataset(
        {ours: ("wd", wind[theirs]["data"]) for ours, theirs in names.items()},
        coords={"wd": wind["wind_direction"]},
    ).assign(TI=wind["turbulence_intensity"]["data"])
    cases = site.flow_cases()
    theirs = XRSite(data).local_wind([0.0], [0.0], [100.0], cases.direction, cases.speed)
    np.testing.assert_allclose(cases.probability, np.asarray(theirs.P_ilk)[0], rtol=1e-12, atol=1e-18)
    assert cases.turbulence_intensity == 0.075


@pytest.mark.parametrize("suffix", ["", "_nc"])
def test_a_rose_of_windio(suffix):
    given = resource(f"UniformResource{suffix}.yaml")
    cases = read_windio_site(given, "demo.yaml").flow_cases()
    np.testing.assert_array_equal(cases.speed, [9.8])
    np.testing.assert_array_equal(cases.probability[:, 0], given["wind_resource"]["probability"]["data"])


def test_time_series_of_windio():
    steps = read_windio_site(resource("timeseries.yaml"), "demo.yaml", turbulence_intensity=0.08)
    cases = steps.flow_cases()
    np.testing.assert_array_equal(cases.direction, [0, 30, 350])
    np.testing.assert_array_equal(cases.speed, [5, 3, 6])
    np.testing.assert_array_equal(cases.turbulence_intensity, [0.08] * 3)
    given = resource("timeseries_with_netcdf.yaml")
    site = read_windio_site(given, "demo.yaml")
    for ours, theirs in (
        ("direction", "wind_direction"),
        ("speed", "wind_speed"),
        ("turbulence_intensity",) * 2,
    ):
        np.testing.assert_array_equal(getattr(site, ours), given["wind_resource"][theirs]["data"])


def table_resource(**more):
    """Energy resource of windIO with the quantities above."""
    wind = {
        "wind_direction": DIRECTION,
        "wind_speed": SPEED,
        "probability": {"data": PROBABILITY, "dims": ["wind_direction", "wind_speed"]},
        "turbulence_intensity": {"data": 0.075, "dims": []},
    }
    return {"name": "demo", "wind_resource": {**wind, **more}}


def test_axes_of_windio_come_in_any_order():
    turned = np.transpose(PROBABILITY).tolist()
    given = table_resource(
        probability={"data": [turned], "dims": ["height", "wind_speed", "wind_direction"]},
        height=[100.0],
        turbulence_intensity={"data": [0.06, 0.07, 0.08], "dims": ["wind_speed"]},
    )
    cases = read_windio_site(given, "demo.yaml").flow_cases()
    np.testing.assert_array_equal(cases.probability, PROBABILITY)
    np.testing.assert_array_equal(cases.turbulence_intensity, [[0.06, 0.07, 0.08]] * 4)


def test_shear_and_density_of_windio():
    site = read_windio_site(
        table_resource(shear={"alpha": 0.1, "h_ref": 90.0}, density={"data": 1.2, "dims": []}), "d"
    )
    assert (site.shear_exponent, site.reference_height, site.air_density) == (0.1, 90, 1.2)


def test_joint_probability_may_stand_beside_its_own_sums():
    sums = np.sum(PROBABILITY, axis=1).tolist()
    site = read_windio_site(
        table_resource(sector_probability={"data": sums, "dims": ["wind_direction"]}), "d"
    )
    np.testing.assert_array_equal(site.probability, PROBABILITY)


def data(values, *dims):
    return {"data": values, "dims": list(dims)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wind_direction": [0, 90, 180, 400]}, "wind_direction[3]: wants 0 to 360 degrees, has 400"),
        ({"wind_direction": [0, 90, 180, 360]}, "wind_direction[3]: wants no 360 beside 0: they are one"),
        ({"wind_speed": [6, 12, 9]}, "wind_speed[2]: must increase, has 9 after 12"),
        ({"wind_speed": [6, "x", 9]}, "wind_speed: wants numbers in equal rows, has a list of 3"),
        (
            {"probability": data([0.5, 0.5], "wind_direction")},
            "probability: has 2 values over wind_direction, wants 4",
        ),
        (
            {"probability": data(np.full((4, 3), 0.25).tolist(), "wind_direction", "wind_speed")},
            "probability: must sum to 1, sums to 3",
        ),
        (
            {"probability": data([[0.5, 0.5]], "wind_direction")},
            "probability: wants dims that name each of the 2 axes of its data, has a list of 1",
        ),
        (
            {"probability": data(np.full((4, 2), 0.25).tolist(), "wind_direction", "x")},
            "probability: varies over x, wants it to vary over wind_direction and wind_speed alone",
        ),
        (
            {"sector_probability": data([0.1, 0.2, 0.3, 0.4], "wind_direction")},
            "probability: wants, for each direction, a sum of 1 or of its sector_probability",
        ),
        (
            {"turbulence_intensity": data(-0.1)},
            "turbulence_intensity: wants 0 to 0.4, has -0.1",
        ),
        ({"weibul_a": 3}, "weibul_a: unknown key; is weibull_a meant?"),
        ({"shear": {"alpha": 0.1}}, "shear.h_ref: wants a finite number, has nothing"),
        (
            {"shear": {"alpha": 0.1, "h_ref": 80}, "reference_height": 90},
            "shear.h_ref: has 80 m, reference_height is 90",
        ),
        ({"density": data([1.1, 1.2, 1.3], "wind_speed")}, "density: varies over wind_speed, wants"),
        ({"shear": {"alpha": 0.1, "h_ref": -80}}, "shear.h_ref: wants a number above 0, has -80"),
        ({"shear": {"alpha": 14, "h_ref": 80}}, "shear.alpha: wants -1 to 1, has 14"),
        ({"density": 0}, "density: wants 0.5 to 2 kg/m3, has 0"),
        ({"density": 1225}, "density: wants 0.5 to 2 kg/m3, has 1225"),
        ({"turbulence_intensity": 8}, "turbulence_intensity: wants 0 to 0.4, has 8; is this percent?"),
        (
            {"turbulence_intensity": data([0.1, 0.1, 0.6, 0.1], "wind_direction")},
            "turbulence_intensity[2]: wants 0 to 0.4, has 0.6",
        ),
        (
            {"operating": data([1, 0], "wind_turbine")},
            "operating: turbines that do not operate are not supported",
        ),
    ],
)
def test_resources_that_are_refused(change, message):
    read_windio_site(table_resource(), "demo.yaml: energy_resource")
    with pytest.raises(InputError) as error:
        read_windio_site(table_resource(**change), "demo.yaml: energy_resource")
    assert str(error.value).startswith(f"demo.yaml: energy_resource.wind_resource.{message}")


@pytest.mark.parametrize(
    ("wind", "message"),
    [
        (5, ": wants keys and values, has 5"),
        (
            {},
            ": wants probability, Weibull sectors (weibull_a, weibull_k, sector_probability) or a time",
        ),
        ({"weibull_a": data(9)}, ".weibull_k: is missing: Weibull sectors need it"),
        ({"time": [], "wind_speed": [], "wind_direction": []}, ".turbulence_intensity: is missing: ambient"),
        (
            {"time": [], "wind_speed": [], "wind_direction": [], "turbulence_intensity": 0.1},
            ".wind_direction: wants one value for each step and at least one step",
        ),
        (
            {"time": [0, 1], "wind_speed": [8, 9], "wind_direction": [8], "turbulence_intensity": 0.1},
            ".wind_direction: has 1 values over time, wants 2",
        ),
        ({"time": [0, 1], "wind_speed": [8, 9]}, ".wind_direction: is missing"),
    ],
)
def test_resources_without_wind(wind, message):
    with pytest.raises(InputError) as error:
        read_windio_site({"name": "demo", "wind_resource": wind}, "demo.yaml")
    assert str(error.value).startswith(f"demo.yaml.wind_resource{message}")


def test_sites_that_vary_in_space_are_refused():
    for name in ("GriddedResource.yaml", "WTResource_nc.yaml"):
        with pytest.raises(
            InputError, match=r"wind_resource.weibull_a: varies over .*, wants it to vary over"
        ):
            read_windio_site(resource(name), name, turbulence_intensity=0.1)


def test_a_constant_over_sectors_may_be_a_number():
    wind = {
        "wind_direction": [0, 90, 180, 270],
        **{
            "weibull_a": data(9.5),
            "weibull_k": 2.0,
            "sector_probability": data([0.25] * 4, "wind_direction"),
        },
        "turbulence_intensity": data([0.06, 0.07, 0.08, 0.09], "wind_direction"),
    }
    site = read_windio_site({"wind_resource": wind}, "demo.yaml")
    assert isinstance(site, WeibullSite)
    np.testing.assert_array_equal(site.weibull_a, [9.5] * 4)
    np.testing.assert_array_equal(site.turbulence_intensity, [0.06, 0.07, 0.08, 0.09])


def test_sectors_in_percent_are_refused():
    given = resource("UniformWeibullResource.yaml")
    shares = given["wind_resource"]["sector_probability"]["data"]
    given["wind_resource"]["sector_probability"]["data"] = [100 * share for share in shares]
    with pytest.raises(
        InputError, match=r"sector_probability: must sum to 1, sums to 100; are they percent\?"
    ):
        read_windio_site(given, "demo.yaml")


def test_a_table_whose_sums_are_infinite_is_refused():
    huge = table_resource(
        probability=data(np.full((4, 3), 1.7e308).tolist(), "wind_direction", "wind_speed"),
        sector_probability=data([0.25] * 4, "wind_direction"),
    )
    with pytest.raises(InputError, match="probability: wants, for each direction, a sum of 1"):
        read_windio_site(huge, "demo.yaml")


@pytest.mark.parametrize(("number", "windio"), [("1_16", "1_2"), ("3", "3")])
def test_our_iea37_examples_have_the_wind_of_windios(number, windio):
    path = pathlib.Path(__file__).parents[1] / "examples" / "iea37" / f"case_study_{number}.yaml"
    ours = load_campaign(path).problem(0).site.flow_cases()
    theirs = read_windio_site(
        resource(f"IEA37_case_study_{windio}_energy_resource.yaml"), "demo"
    ).flow_cases()
    for one, other in zip(ours.by_direction(), theirs.by_direction(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(ours.direction, theirs.direction)
