"""Turbines: their curves, where they are read from, what is refused; PyWake and FLORIS as oracles."""

import copy
import math
import secrets
from pathlib import Path

import numpy as np
import pytest
import yaml

from mpi_layout.errors import InputError
from mpi_layout.formats.floris_turbine import read_floris_turbine
from mpi_layout.formats.turbine_file import read_turbine
from mpi_layout.formats.windio_turbine import read_windio_turbine
from mpi_layout.site.curves import cubic_curve, joined
from mpi_layout.site.turbine import Turbine, generic_turbine

SPEEDS = np.linspace(0, 60, 6001) + 1e-5  # off the jumps at cut-in and cut-out

# Horns Rev 1's machine of 2 MW, as tabulated in PyWake's hornsrev1.py; uneven on purpose.
V80_SPEED = [3, 4, 5, 6, 7.5, 9, 10, 11, 12, 13, 14, 16, 20, 25]
V80_POWER = [0, 66.6, 154, 282, 545, 981, 1335, 1661, 1866, 1958, 1988, 1999, 2000, 2000]
V80_CT = [0, 0.818, 0.806, 0.804, 0.805, 0.807, 0.793, 0.739, 0.709, 0.409, 0.314, 0.249, 0.13, 0.053]


@pytest.fixture
def rng():
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return np.random.default_rng(seed)


def turbine(**changes):
    values = {
        "name": "v80",
        "rated_power": 2e6,
        "rotor_diameter": 80.0,
        "hub_height": 70.0,
        "speed": V80_SPEED,
        "power": 1e3 * np.array(V80_POWER),
        "ct": V80_CT,
    }
    return Turbine(**(values | changes))


def edited(data, *edits):
    """A copy with values set at paths, or removed where the value is None."""
    data = copy.deepcopy(data)
    for *path, key, value in edits:
        inner = data
        for part in path:
            inner = inner[part]
        if value is None:
            del inner[key]
        else:
            inner[key] = value
    return data


# ---------------------------------------------------------------- one turbine


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rated_power": 0}, "rated_power is 0, wants a finite number above 0"),
        ({"rotor_diameter": math.nan}, "rotor_diameter is nan, wants a finite number above 0"),
        ({"hub_height": -70}, "hub_height is -70, wants a finite number above 0"),
        ({"speed": [*V80_SPEED[:5], math.nan, *V80_SPEED[6:]]}, "speed[5] is nan, wants a finite number"),
        ({"speed": [-1, *V80_SPEED[1:]]}, "speed[0] is -1, wants a finite number, 0 or more"),
        ({"power": [*V80_POWER[:3], -5, *V80_POWER[4:]]}, "power[3] is -5, wants a finite number, 0 or more"),
        ({"power": V80_POWER[1:]}, "power has the shape (13,), wants a value for each"),
        ({"ct": [math.inf, *V80_CT[1:]]}, "ct[0] is inf, wants a finite number"),
        ({"ct": [*V80_CT[:3], 1.01, *V80_CT[4:]]}, "ct reaches 1.01, wants at most 1"),
        (
            {"speed": [4, 3, *V80_SPEED[2:]]},
            "speed[0] to speed[1] is 4 to 3 m/s, wants steps of at least",
        ),
        ({"speed": [3, 3.0005, *V80_SPEED[2:]]}, "speed[0] to speed[1] is 3 to 3.0005 m/s"),
        ({"speed": [3], "power": [1], "ct": [0]}, "speed has the shape (1,), wants"),
        ({"speed": 3.0}, "speed has the shape ()"),
        ({"cut_in": 5, "cut_out": 5}, "wants 0 <= cut_in < cut_out, has 5 and 5 m/s"),
        ({"cut_out": math.nan}, "wants 0 <= cut_in < cut_out, has 0 and nan m/s"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_turbine(changes, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        turbine(**changes)
    assert str(error.value).startswith(message)


def test_thousandths_are_not_too_close():
    speed = np.arange(3000, 3014) / 1000
    np.testing.assert_array_equal(turbine(speed=speed).speed, speed)


def test_curves_are_own_and_cannot_be_changed():
    power = 1e3 * np.array(V80_POWER)
    one = turbine(power=power)
    power[5] = 0
    assert one.power[5] == 981e3
    with pytest.raises(ValueError, match="read-only"):
        one.power[5] = 0


@pytest.mark.parametrize(("cut_in", "cut_out"), [(None, None), (3, 25), (3, None), (None, 25)])
def test_curves_and_cuts_are_pywakes(cut_in, cut_out):
    from py_wake.wind_turbines.power_ct_functions import PowerCtTabular

    theirs = PowerCtTabular(V80_SPEED, V80_POWER, "kW", V80_CT, ws_cutin=cut_in, ws_cutout=cut_out)
    ours = turbine(cut_in=cut_in or 0.0, cut_out=cut_out or math.inf)
    np.testing.assert_allclose(ours.power_at(SPEEDS), theirs(SPEEDS, run_only=0), rtol=1e-12, atol=1e-6)
    np.testing.assert_allclose(ours.ct_at(SPEEDS), theirs(SPEEDS, run_only=1), rtol=1e-12, atol=1e-12)


def test_cut_in_and_cut_out_belong_to_the_turning():
    one = turbine(cut_in=4.0, cut_out=25.0)
    assert one.power_at([3.999, 4, 25, 25.001]).tolist() == [0, 66.6e3, 2e6, 0]
    assert one.ct_at([3.999, 4, 25, 25.001]).tolist() == [0, 0.818, 0.053, 0]


def test_power_follows_the_air_density_as_pywakes_and_thrust_coefficient_does_not():
    from py_wake.wind_turbines.power_ct_functions import DensityScale, PowerCtTabular

    theirs = PowerCtTabular(V80_SPEED, V80_POWER, "kW", V80_CT, additional_models=[DensityScale(1.225)])
    thin = turbine(cut_out=25.0).at_air_density(1.1)
    u = SPEEDS[SPEEDS < 25]
    np.testing.assert_allclose(thin.power_at(u), theirs(u, run_only=0, Air_density=1.1), rtol=1e-12)
    np.testing.assert_array_equal(thin.ct_at(SPEEDS), turbine(cut_out=25.0).ct_at(SPEEDS))
    assert (thin.rated_power, thin.cut_out) == (2e6, 25.0)
    np.testing.assert_array_equal(turbine().at_air_density(1.225).power, turbine().power)
    with pytest.raises(ValueError, match="air_density is 0, wants"):
        turbine().at_air_density(0)


# ---------------------------------------------------------------- joining curves


def test_joined_curves_are_those_that_were_joined(rng):
    for _ in range(50):
        tables = []
        for n in rng.integers(2, 30, 2):
            speed = rng.choice(np.arange(0, 30_000, 2), n, replace=False) / 1000
            tables += [np.sort(speed), rng.uniform(0, 1, n)]
        speed, power, ct = joined(*tables)
        assert np.diff(speed).min() > 0.00099
        np.testing.assert_allclose(np.interp(SPEEDS, speed, power), np.interp(SPEEDS, *tables[:2]), atol=1e-9)
        np.testing.assert_allclose(np.interp(SPEEDS, speed, ct), np.interp(SPEEDS, *tables[2:]), atol=1e-9)


def test_speeds_too_close_change_curves_nearby_alone(rng):
    """Jumps, and speeds with the noise of single precision: all is as before a thousandth of m/s away."""
    for _ in range(50):
        nodes = rng.uniform(3, 25, 8).round(2)
        power_speed = np.unique([0, *nodes, *(nodes[:4] + 1e-8), *(nodes[4:] + 0.0003), 60])
        ct_speed = np.unique([0, *(nodes * (1 + 1e-7)), 24.9999, 25, 60])
        power, ct = rng.uniform(0, 1, power_speed.size), rng.uniform(0, 1, ct_speed.size)
        speed, joined_power, joined_ct = joined(power_speed, power, ct_speed, ct)
        assert np.diff(speed).min() > 0.00099
        far = np.abs(SPEEDS[:, None] - np.union1d(power_speed, ct_speed)).min(axis=1) > 0.001
        u = SPEEDS[far]
        for ours, given in ((joined_power, (power_speed, power)), (joined_ct, (ct_speed, ct))):
            np.testing.assert_allclose(np.interp(u, speed, ours), np.interp(u, *given), rtol=0, atol=1e-7)


def test_cubic_curve_is_cubic_between_its_speeds(rng):
    cut_in, rated = 3.7, 11.3
    speed, power = cubic_curve(8e6, cut_in, rated, rng.uniform(0, 30, 40))
    exact = 8e6 * np.clip((SPEEDS - cut_in) / (rated - cut_in), 0, 1) ** 3
    np.testing.assert_allclose(np.interp(SPEEDS, speed, power), exact, rtol=0, atol=8)


# ---------------------------------------------------------------- windIO

WINDIO = {
    "name": "v80",
    "performance": {
        "power_curve": {"power_wind_speeds": V80_SPEED, "power_values": [1e3 * p for p in V80_POWER]},
        "Ct_curve": {"Ct_wind_speeds": V80_SPEED[1:], "Ct_values": V80_CT[1:]},
    },
    "hub_height": 70,
    "rotor_diameter": 80,
}
CUBIC = {"rated_power": 2e6, "rated_wind_speed": 13, "cutin_wind_speed": 4, "cutout_wind_speed": 25}


def windio_example(name):
    import windIO

    path = Path(windIO.__file__).parent / "examples" / "plant" / "plant_energy_turbine" / f"{name}.yaml"
    return yaml.safe_load(path.read_text())


def test_windio_power_curve():
    from py_wake.wind_turbines.power_ct_functions import PowerCtTabular

    ours = read_windio_turbine(WINDIO, "v80.yaml")
    assert (ours.name, ours.rated_power, ours.rotor_diameter, ours.hub_height) == ("v80", 2e6, 80, 70)
    theirs = PowerCtTabular(V80_SPEED, V80_POWER, "kW", V80_CT, ws_cutin=3, ws_cutout=25)
    np.testing.assert_allclose(ours.power_at(SPEEDS), theirs(SPEEDS, run_only=0), rtol=1e-12, atol=1e-6)
    above = SPEEDS[SPEEDS > 4]
    np.testing.assert_allclose(ours.ct_at(above), theirs(above, run_only=1), rtol=1e-12, atol=1e-12)
    assert ours.ct_at(3.5) == 0.818  # between the beginnings of both curves


def test_windio_cuts_are_those_stated_or_the_ends_of_the_power_curve():
    stated = edited(
        WINDIO, ("performance", "cutin_wind_speed", 4.5), ("performance", "cutout_wind_speed", 28)
    )
    assert [read_windio_turbine(data, "t").cut_in for data in (WINDIO, stated)] == [3, 4.5]
    assert [read_windio_turbine(data, "t").cut_out for data in (WINDIO, stated)] == [25, 28]
    power = read_windio_turbine(stated, "t").power_at([4.4, 4.6, 27, 28.1])
    assert power.round(6).tolist() == [0, 119040, 2e6, 0]


def test_windio_generator_efficiency_is_a_factor_of_cp():
    data = windio_example("IEA37_15MW_turbine")
    whole = read_windio_turbine(data, "t")
    lossy = read_windio_turbine(edited(data, ("performance", "generator_efficiency", 0.95)), "t")
    np.testing.assert_allclose(lossy.power, 0.95 * whole.power, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "cp"), [("IEA37_3.35MW_turbine", None), ("IEA37_10MW_turbine", None), ("IEA37_15MW_turbine", 1)]
)
def test_windio_reference_turbines_say_what_their_files_say(name, cp):
    data = windio_example(name)
    ours = read_windio_turbine(data, name)
    performance = data["performance"]
    assert (ours.name, ours.hub_height) == (data["name"], data["hub_height"])
    assert ours.rotor_diameter == data["rotor_diameter"]
    curve = performance["Ct_curve"]
    speed = np.array(curve["Ct_wind_speeds"])
    turns = (ours.cut_in <= speed) & (speed <= ours.cut_out)
    np.testing.assert_allclose(ours.ct_at(speed)[turns], np.array(curve["Ct_values"])[turns], rtol=1e-5)
    if cp:
        curve = performance["Cp_curve"]
        speed = np.array(curve["Cp_wind_speeds"])[1:-1]
        power = np.array(curve["Cp_values"])[1:-1] * 0.5 * 1.225 * math.pi * 120**2 * speed**3
        np.testing.assert_allclose(ours.power_at(speed), power, rtol=1e-5)
        assert (ours.cut_in, ours.cut_out) == (2.999, 25)  # 2.999999831 and 24.99999882 in the file
    else:
        assert (ours.cut_in, ours.cut_out) == (4, 25)
        assert ours.rated_power == performance["rated_power"]
        rated_speed = performance["rated_wind_speed"]
        assert ours.power_at([3.9, 4, rated_speed, 25, 25.1]).tolist() == [0, 0, *[ours.rated_power] * 2, 0]


def test_windio_cubic_power_is_that_of_the_case_studies():
    from py_wake.examples.data.iea37 import IEA37_WindTurbines

    ours = read_windio_turbine(windio_example("IEA37_3.35MW_turbine"), "t")
    theirs = IEA37_WindTurbines()
    np.testing.assert_allclose(ours.power_at(SPEEDS), theirs.power(SPEEDS), rtol=0, atol=3.35)
    turns = (SPEEDS > 4) & (SPEEDS < 25)
    np.testing.assert_allclose(ours.ct_at(SPEEDS)[turns], theirs.ct(SPEEDS)[turns], rtol=1e-8)


def test_windio_reference_turbine_as_pywake_and_floris_compute_it():
    from py_wake.wind_turbines.power_ct_functions import PowerCtTabular

    data = windio_example("IEA37_15MW_turbine")
    ours = read_windio_turbine(data, "t")
    cp, ct = data["performance"]["Cp_curve"], data["performance"]["Ct_curve"]
    speed = np.array(cp["Cp_wind_speeds"])
    power = np.array(cp["Cp_values"]) * 0.5 * 1.225 * math.pi * 120**2 * speed**3
    pywake = PowerCtTabular(speed, power, "W", ct["Ct_values"])
    inside = SPEEDS[(SPEEDS > 3) & (SPEEDS < 24.999)]
    np.testing.assert_allclose(ours.power_at(inside), pywake(inside, run_only=0), rtol=2e-6)
    np.testing.assert_allclose(ours.ct_at(inside), pywake(inside, run_only=1), rtol=2e-5)
    table = {
        "wind_speed": speed.tolist(),
        "power": (power / 1e3).tolist(),
        "thrust_coefficient": ct["Ct_values"],
    }
    np.testing.assert_allclose(ours.power_at(inside), floris_power(table, inside), rtol=2e-6)


WINDIO_FAULTS = [
    # shape
    ((("rotor_diamter", 80),), "rotor_diamter: unknown key; is rotor_diameter meant?"),
    ((("performance", "cut_in_wind_speed", 4),), "performance.cut_in_wind_speed: unknown key; is cutin_wind"),
    ((("performance", "Ct_curve", None),), "performance.Ct_curve: is missing"),
    ((("hub_height", "70"),), "hub_height: wants a number, has the text '70'"),
    ((("performance", 3),), "performance: wants keys and values, has 3"),
    # curves
    (
        (("performance", "power_curve", "power_values", 3, math.nan),),
        "performance.power_curve.power_values[3]: wants a finite number, has nan",
    ),
    (
        (("performance", "power_curve", "power_values", 3, -1),),
        "performance.power_curve.power_values[3]: wants at least 0, has -1",
    ),
    (
        (("performance", "Ct_curve", "Ct_values", 0, -0.1),),
        "performance.Ct_curve.Ct_values[0]: wants at least 0, has -0.1",
    ),
    (
        (("performance", "Ct_curve", "Ct_values", [0.8, 0.8]),),
        "performance.Ct_curve.Ct_values: has 2 values at 13 wind speeds",
    ),
    (
        (("performance", "power_curve", "power_wind_speeds", 2, 4),),
        "performance.power_curve.power_values: wants wind speeds that rise, has 4 m/s after 4",
    ),
    (
        (("performance", "power_curve", {"power_wind_speeds": [3, 3.5], "power_values": [0, 2e6]}),),
        "performance.power_curve.power_values: wants wind speeds over 1 m/s or more, has 3 to 3.5",
    ),
    # forms
    (
        (("performance", "Cp_curve", {"Cp_values": [0.4, 0.4], "Cp_wind_speeds": [4, 10]}),),
        "performance: wants power_curve or Cp_curve, has both",
    ),
    (
        (("performance", "power_curve", None),),
        "performance: wants power_curve, Cp_curve, or rated_power, rated_wind_speed, cutin_wind_speed and "
        "cutout_wind_speed; has none of the curves and no rated_power",
    ),
    (
        (("performance", {**CUBIC, "rated_wind_speed": 3, "Ct_curve": WINDIO["performance"]["Ct_curve"]}),),
        "performance.rated_wind_speed: 3 m/s is not between cut-in, 4 m/s, and cut-out, 25 m/s",
    ),
    (
        (("performance", "cutin_wind_speed", 5), ("performance", "cutout_wind_speed", 5)),
        "performance.cutout_wind_speed: 5 m/s is not above cut-in, 5 m/s",
    ),
    # what cannot be
    (
        (("performance", "power_curve", "power_values", V80_POWER),),
        "performance.power_curve.power_values: 2000 W on a rotor of 80 m is a specific power of 0.397887 "
        "W/m2, wants 150 to 700; is this kW given as W?",
    ),
    (
        (("performance", "power_curve", "power_values", V80_POWER), ("performance", "rated_power", 2e6)),
        "performance.power_curve.power_values: reaches 2000 W, wants 0.9 to 1.1 of the rated power of 2 MW; "
        "is this kW given as W?",
    ),
    (
        (("performance", "rated_power", 1e-308),),
        "performance.rated_power: 1e-308 W on a rotor of 80 m is a specific power of 1.98944e-312 W/m2, "
        "wants 150 to 700",
    ),
    (
        (("performance", "power_curve", "power_values", 2, 400e3),),
        "performance.power_curve.power_values: 400000 W at 5 m/s is a power coefficient of 1.03938, "
        "wants at most 16/27",
    ),
    (
        (("performance", {**CUBIC, "rated_power": 2000, "Ct_curve": WINDIO["performance"]["Ct_curve"]}),),
        "performance.rated_power: 2000 W on a rotor of 80 m is a specific power of 0.397887 W/m2, "
        "wants 150 to 700; is this kW given as W?",
    ),
    ((("hub_height", 39),), "hub_height: 39 m is not above the rotor radius of 40 m"),
]


@pytest.mark.parametrize(("edits", "line"), WINDIO_FAULTS, ids=[line for _, line in WINDIO_FAULTS])
def test_windio_turbines_that_are_refused(edits, line):
    with pytest.raises(InputError) as error:
        read_windio_turbine(edited(WINDIO, *edits), "v80.yaml")
    assert str(error.value).splitlines()[0].startswith(f"v80.yaml: {line}")


def test_windio_faults_come_together():
    wrong = edited(
        WINDIO, ("hub_height", -1), ("performance", "Ct_curve", "Ct_values", 2, "0.8"), ("colour", "grey")
    )
    with pytest.raises(InputError) as error:
        read_windio_turbine(wrong, "wind_farm.turbines")
    assert len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize("data", [None, [], "name: a", {}])
def test_windio_turbine_of_nothing(data):
    with pytest.raises(InputError, match=r"^t\.yaml: "):
        read_windio_turbine(data, "t.yaml")


def test_thrust_above_one_is_clipped_and_told(caplog):
    data = edited(WINDIO, ("performance", "Ct_curve", "Ct_values", 0, 1.13))
    told = []
    clipped = read_windio_turbine(data, "v80.yaml", told.append)
    assert clipped.ct.max() == 1
    assert told == [
        "v80.yaml: performance.Ct_curve.Ct_values: 1.13 is taken as 1, "
        "the largest thrust coefficient of the wake models"
    ]
    read_windio_turbine(data, "v80.yaml")
    assert caplog.messages == told


# ---------------------------------------------------------------- FLORIS


def floris_power(table, speed, air_density=1.225):
    from floris.core.turbine.operation_models import SimpleTurbine

    table = {"ref_air_density": 1.225, **table}
    return SimpleTurbine.power(table, np.asarray(speed)[:, None, None, None], air_density)[:, 0]


def floris_ct(table, speed):
    from floris.core.turbine.operation_models import SimpleTurbine

    return SimpleTurbine.thrust_coefficient(table, np.asarray(speed)[:, None, None, None])[:, 0]


def floris_example(name):
    import floris

    return yaml.safe_load((Path(floris.__file__).parent / "turbine_library" / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", ["nrel_5MW", "iea_10MW", "iea_15MW", "iea_22MW"])
@pytest.mark.parametrize("density", [1.225, 1.1])
def test_floris_turbines_give_what_floris_gives(name, density):
    data = floris_example(name)
    table = data["power_thrust_table"]
    table["ref_air_density"] = density
    told = []
    ours = read_floris_turbine(data, f"{name}.yaml", told.append)
    assert (ours.name, ours.rotor_diameter, ours.hub_height) == (
        name,
        data["rotor_diameter"],
        data["hub_height"],
    )
    assert ours.rated_power == 1e3 * max(table["power"])
    np.testing.assert_allclose(ours.power_at(SPEEDS), floris_power(table, SPEEDS), rtol=1e-9, atol=1e-3)
    # FLORIS keeps thrust coefficients between 0.0001 and 0.9999.
    ct = np.clip(ours.ct_at(SPEEDS), 0.0001, 0.9999)
    beyond_one = np.interp(SPEEDS, table["wind_speed"], table["thrust_coefficient"]) > 0.9
    np.testing.assert_allclose(ct[~beyond_one], floris_ct(table, SPEEDS)[~beyond_one], rtol=1e-9)
    assert len(told) == (name == "nrel_5MW")  # 1.132 at 3 m/s


FLORIS_FAULTS = [
    ((("rotor_diameter", None),), "rotor_diameter: is missing"),
    ((("power_thrust_table", "power", 3, -1.0),), "power_thrust_table.power[3]: wants at least 0, has -1.0"),
    (
        (("power_thrust_table", "wind_speed", [3.0, 25.0]),),
        "power_thrust_table.power: has 24 values",
    ),
    (
        (("operation_model", "peak-shaving"),),
        "operation_model: 'peak-shaving' does more than look up the table; wants one of simple, ",
    ),
    ((("correct_cp_ct_for_tilt", True),), "correct_cp_ct_for_tilt: wants false: "),
    ((("multi_dimensional_cp_ct", True),), "power_thrust_table: is multi-dimensional, wants a single power"),
    (
        (("power_thrust_table", "thrust", [0.8]), ("power_thrust_table", "thrust_coefficient", None)),
        "power_thrust_table: is of FLORIS 3 (thrust), wants one of FLORIS 4: power in kW",
    ),
]


@pytest.mark.parametrize(("edits", "line"), FLORIS_FAULTS, ids=[line for _, line in FLORIS_FAULTS])
def test_floris_turbines_that_are_refused(edits, line):
    with pytest.raises(InputError) as error:
        read_floris_turbine(edited(floris_example("iea_10MW"), *edits), "iea.yaml")
    assert str(error.value).splitlines()[0].startswith(f"iea.yaml: {line}")


def test_floris_power_in_another_unit():
    data = floris_example("iea_10MW")
    for factor, unit in ((1e3, "W"), (1e-3, "MW")):
        power = [factor * p for p in data["power_thrust_table"]["power"]]
        with pytest.raises(InputError, match=f"is this {unit} given as kW"):
            read_floris_turbine(edited(data, ("power_thrust_table", "power", power)), "t")


@pytest.mark.parametrize("name", ["iea_15MW_multi_dim_cp_ct", "iea_15MW_floating_multi_dim_cp_ct"])
def test_floris_tables_of_several_dimensions(name):
    with pytest.raises(InputError, match="t: power_thrust_table: is multi-dimensional, wants a single power"):
        read_floris_turbine(floris_example(name), "t")


def test_format_is_told_by_the_content():
    assert read_turbine(WINDIO, "t").name == "v80"
    assert read_turbine(floris_example("iea_10MW"), "t").name == "iea_10MW"
    with pytest.raises(InputError, match=r"t: power_thrust_table: is missing"):
        read_turbine(WINDIO, "t", "floris")
    for data in (None, {}, {"assembly": {}}, [1]):
        with pytest.raises(InputError, match=r"t: wants a turbine of windIO .* or FLORIS"):
            read_turbine(data, "t")


# ---------------------------------------------------------------- generic


def test_generic_turbine_has_no_cut_in_and_no_cut_out():
    one = generic_turbine("t", rated_power=10e6, rotor_diameter=195, hub_height=121)
    assert one.power_at(40) == one.power[-1] > 9.9e6
    assert one.ct_at(0) == one.ct[0]
