"""Turbine types of a campaign: generic, tabulated, or from files that never need to be there again."""

import copy
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from mpi_layout import cli
from mpi_layout.campaign import campaign_schema, first_difference, load_campaign, parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.results.reader import open_reader

SPEED = list(range(31))
POWER_KW = [
    0,
    0,
    0,
    10,
    67,
    154,
    282,
    460,
    696,
    981,
    1335,
    1661,
    1866,
    1958,
    1988,
    1997,
    *[2000] * 10,
    *[0] * 5,
]
CT = [0, 0, 0, 0, *[0.81] * 8, 0.65, 0.5, 0.4, 0.32, *[0.2] * 10, *[0] * 5]
ROTOR = {"rotor_diameter_m": 80, "hub_height_m": 70}
CURVES = {"wind_speed_m_s": SPEED, "power_kW": POWER_KW, "ct": CT}
TABULATED = {"name": "v80", **ROTOR, "curves": CURVES}
WINDIO = {
    "name": "a machine of 2 MW",
    "hub_height": 70,
    "rotor_diameter": 80,
    "performance": {
        "power_curve": {"power_wind_speeds": SPEED, "power_values": [1e3 * p for p in POWER_KW]},
        "Ct_curve": {"Ct_wind_speeds": SPEED, "Ct_values": CT},
    },
}
FLORIS = {
    "turbine_type": "a machine of 2 MW",
    "hub_height": 70.0,
    "rotor_diameter": 80.0,
    "TSR": 8.0,
    "power_thrust_table": {"wind_speed": SPEED, "power": POWER_KW, "thrust_coefficient": CT},
}
HEAD = """\
name: demo
areas: [{name: a, boundary_m: [[0, 0], [4000, 0], [4000, 4000], [0, 4000]]}]
seeds: [0]
n_turbines: 5
min_spacing_D: 3
site:
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [9, 10, 9, 11]
  weibull_k: [2, 2, 2, 2]
  sector_probability: [0.2, 0.2, 0.2, 0.4]
  turbulence_intensity: 0.1
start: {grid: [8, 8]}
"""


def text_of(*types):
    return HEAD + yaml.safe_dump({"turbine_types": list(types)}, sort_keys=False)


def turbine_of(*types):
    """The turbine of a campaign's last type."""
    return parse_campaign(text_of(*types)).problem(len(types) - 1).turbine


def edited(data, *path, value):
    data = copy.deepcopy(data)
    inner = data
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return data


def faults(*types):
    with pytest.raises(InputError) as error:
        parse_campaign(text_of(*types), "demo.yaml")
    return [line.strip() for line in str(error.value).splitlines()[1:]]


@pytest.fixture
def folder(tmp_path):
    """A folder with the files windio.yaml and floris.yaml, each with a comment, and a campaign of both."""
    for name, data in (("windio", WINDIO), ("floris", FLORIS)):
        (tmp_path / f"{name}.yaml").write_text(f"# from {name}\n{yaml.safe_dump(data)}")
    types = [{"name": name, "file": f"{name}.yaml"} for name in ("windio", "floris")]
    (tmp_path / "demo.yaml").write_text("# a demo\n" + text_of(*types))
    return tmp_path


# ---------------------------------------------------------------- tabulated


@pytest.mark.parametrize(("key", "factor"), [("power_W", 1e3), ("power_kW", 1.0), ("power_MW", 1e-3)])
def test_power_in_any_unit(key, factor):
    curves = {"wind_speed_m_s": SPEED, key: [factor * p for p in POWER_KW], "ct": CT}
    turbine = turbine_of({**TABULATED, "curves": curves, "rated_power_MW": 2.0})
    assert (turbine.name, turbine.rated_power, turbine.hub_height) == ("v80", 2e6, 70)
    np.testing.assert_array_equal(turbine.speed, SPEED)
    np.testing.assert_allclose(turbine.power, 1e3 * np.array(POWER_KW), rtol=1e-15)
    np.testing.assert_array_equal(turbine.ct, CT)


def test_rated_power_is_the_highest_of_the_curve_unless_given():
    asked = parse_campaign(text_of(TABULATED, {**TABULATED, "name": "nominal", "rated_power_MW": 2.1}))
    assert [kind.rated_power for kind in asked.configs.kinds] == [2e6, 2.1e6]
    assert [kind.rotor_diameter for kind in asked.configs.kinds] == [80, 80]


@pytest.mark.parametrize("entry", [TABULATED, {"name": "g", "rated_power_MW": 2, **ROTOR}])
def test_cut_in_and_cut_out_of_any_curves(entry):
    assert turbine_of({**entry, "cut_in_m_s": 4.0, "cut_out_m_s": 25}).power_at([3.9, 25.1]).tolist() == [
        0,
        0,
    ]
    assert turbine_of(entry).cut_in == 0
    assert turbine_of({**entry, "cut_in_m_s": 4}).cut_out == np.inf


def test_capacity_in_turbines_of_each_kind():
    text = text_of(TABULATED, {"name": "g", "rated_power_MW": 3, "rotor_diameter_m": 100, "hub_height_m": 90})
    asked = parse_campaign(text.replace("n_turbines: 5", "target_capacity_MW: 12"))
    assert [kind.n_turbines for kind in asked.configs.kinds] == [6, 4]


FAULTS = [
    (("curves", "ct"), CT[:-1], "curves.ct: has 30 values at 31 wind speeds"),
    (("curves", "wind_speed_m_s", 5), 4, "curves.power_kW: wants wind speeds that rise, has 4 m/s after 4"),
    (("curves", "ct", 7), -0.1, "curves.ct[7]: wants at least 0, has -0.1"),
    (("curves", "ct", 7), float("nan"), "curves.ct[7]: wants a finite number, has nan"),
    (("curves", "power_kW", 7), "460", "curves.power_kW[7]: wants a number, has the text '460'"),
    (("curves", "ct"), [0.8], "curves.ct: needs at least 2 values, has 1"),
    (("curves", "power_kW"), None, "curves: wants one of power_W, power_kW, power_MW; has none"),
    (
        ("curves", "power_W"),
        POWER_KW,
        "curves: wants one of power_W, power_kW, power_MW; has power_W and power_kW",
    ),
    (("curves", "power_mw"), POWER_KW, "curves.power_mw: unknown key; is power_MW meant?"),
    (
        ("curves", "power_kW"),
        [1e3 * p for p in POWER_KW],
        "curves.power_kW: 2e+06 kW on a rotor of 80 m is a specific power of 397887 W/m2, wants 150 to 700; "
        "is this W given as kW?",
    ),
    (("rated_power_MW",), 3, "curves.power_kW: reaches 2000 kW, wants 0.9 to 1.1 of the rated power of 3 MW"),
    (
        ("curves", "power_kW", 8),
        1500,
        "curves.power_kW: 1500 kW at 8 m/s is a power coefficient of 0.95158, wants at most 16/27",
    ),
    (
        ("curves", "ct"),
        [100 * ct for ct in CURVES["ct"]],
        "curves.ct: reaches 81, wants at most 2; are they percent?",
    ),
    (
        ("curves", "ct"),
        [ct / 1e3 for ct in CURVES["ct"]],
        "curves.ct: reaches 0.00081 only, and the power curve a power coefficient of 0.442",
    ),
    (("hub_height_m",), 40, "hub_height_m: 40 m is not above the rotor radius of 40 m"),
    (("cut_out_m_s",), 0, "cut_out_m_s: 0 m/s is not above cut-in at 0 m/s"),
    (("cut_in_m_s",), -1, "cut_in_m_s: wants at least 0, has -1"),
    (("format",), "windio", "format: unknown key; known are name, description, cut_in_m_s, cut_out_m_s, "),
]


@pytest.mark.parametrize(("path", "value", "line"), FAULTS, ids=[line for *_, line in FAULTS])
def test_tabulated_types_that_are_refused(path, value, line):
    found = faults({"name": "g", "rated_power_MW": 2, **ROTOR}, edited(TABULATED, *path, value=value))
    assert found[0].startswith(f"turbine_types[1].{line}")


def test_two_tables_off_by_the_unit_are_faults_of_their_own():
    small = edited(TABULATED, "curves", "power_kW", value=[p / 1e3 for p in POWER_KW])
    assert [line.split(":")[0] for line in faults(small, edited(small, "name", value="w"))] == [
        "turbine_types[0].curves.power_kW",
        "turbine_types[1].curves.power_kW",
    ]


def test_what_is_odd_is_a_warning():
    odd = edited(TABULATED, "curves", "ct", 4, value=1.05)
    ends = {**TABULATED, "name": "e", "curves": {key: values[:26] for key, values in CURVES.items()}}
    assert parse_campaign(text_of(odd, TABULATED | {"name": "even"}, ends)).warnings == (
        "turbine_types[0]: curves.ct: 1.05 is taken as 1, the largest thrust coefficient of the wake models",
        "turbine_types[2].curves: ends with 2 MW at 25 m/s, which stay beyond: give cut_out_m_s if the "
        "turbine stops",
    )
    assert parse_campaign(text_of({**ends, "cut_out_m_s": 25})).warnings == ()


# ---------------------------------------------------------------- from files


def test_files_of_both_formats_give_the_turbine_in_them(folder):
    asked = load_campaign(folder / "demo.yaml")
    assert asked.warnings == ()
    for number, name in enumerate(("windio", "floris")):
        turbine = asked.problem(number).turbine
        assert (turbine.name, turbine.rated_power, turbine.rotor_diameter) == (name, 2e6, 80)
        np.testing.assert_allclose(turbine.power_at(SPEED), 1e3 * np.array(POWER_KW))
    assert asked.configs[1].key == "a_floris_s0"
    assert [kind.rated_power for kind in asked.configs.kinds] == [2e6, 2e6]


def test_hub_and_cuts_of_a_file_may_be_replaced(folder):
    text = (folder / "demo.yaml").read_text()
    own = "name: windio\n  hub_height_m: 95.5\n  cut_in_m_s: 4\n  cut_out_m_s: 24"
    (folder / "demo.yaml").write_text(text.replace("name: windio", own))
    turbine = load_campaign(folder / "demo.yaml").problem(0).turbine
    assert (turbine.hub_height, turbine.cut_in, turbine.cut_out) == (95.5, 4, 24)


def test_text_of_a_campaign_needs_no_files(folder):
    asked = load_campaign(folder / "demo.yaml")
    shutil.rmtree(folder)
    again = parse_campaign(asked.text)
    assert again.text == asked.text
    assert again.digest == asked.digest
    np.testing.assert_array_equal(again.problem(1).turbine.power, asked.problem(1).turbine.power)


def test_names_and_comments_of_files_shape_nothing_and_their_content_does(folder):
    path = folder / "demo.yaml"
    one = load_campaign(path)
    (folder / "below").mkdir()
    (folder / "windio.yaml").rename(folder / "below" / "other.yaml")
    path.write_text(path.read_text().replace("windio.yaml", str(folder / "below" / "other.yaml")))
    moved = folder / "below" / "other.yaml"
    moved.write_text("# another comment\n" + moved.read_text())
    same = load_campaign(path)
    assert same.text != one.text
    assert (same.digest, first_difference(one, same)) == (one.digest, None)
    moved.write_text(moved.read_text().replace("1661000.0", "1660000.0"))
    other = load_campaign(path)
    assert other.digest != one.digest
    assert first_difference(one, other) == (
        "turbine_types[0].file.performance.power_curve.power_values[11]: "
        "1661000.0 in the file, 1660000.0 in the campaign"
    )


def test_faults_of_files_come_with_those_of_the_campaign(folder):
    (folder / "windio.yaml").unlink()
    wrong = edited(FLORIS, "power_thrust_table", "power", 3, value=-1)
    (folder / "floris.yaml").write_text(yaml.safe_dump(edited(wrong, "rotor_diameter", value="80")))
    path = folder / "demo.yaml"
    path.write_text(path.read_text().replace("n_turbines: 5", "n_turbines: 0"))
    with pytest.raises(InputError) as error:
        load_campaign(path)
    assert [line.strip() for line in str(error.value).splitlines()[1:]] == [
        f"turbine_types[0].file: {folder / 'windio.yaml'}: there is no such turbine file",
        "turbine_types[1].file: floris.yaml: rotor_diameter: wants a number, has the text '80'",
        "turbine_types[1].file: floris.yaml: power_thrust_table.power[3]: wants at least 0, has -1",
        "n_turbines: wants at least 1, has 0",
    ]


FILE_FAULTS = [
    (
        {},
        "t.yaml",
        "file: wants {name of a file: its content}, or in a campaign file a file's name; has the text",
    ),
    ({}, {"t.yaml": 5}, "file: t.yaml: wants a turbine of windIO"),
    ({}, {"t.yaml": {"performance": {}}}, "file: t.yaml: name: is missing"),
    (
        {},
        {"t.yaml": edited(WINDIO, "hub_height", value=float("inf"))},
        "file: hub_height wants a finite number",
    ),
    ({}, {"a": WINDIO, "b": WINDIO}, "file: wants {name of a file: its content}"),
    ({"format": "floris"}, {"t.yaml": WINDIO}, "file: t.yaml: turbine_type: is missing"),
    ({"format": "PyWake"}, {"t.yaml": WINDIO}, "format: wants 'windio' or 'floris', has the text 'PyWake'"),
    ({"hub_height_m": 30}, {"t.yaml": WINDIO}, "hub_height_m: 30 m is not above the rotor radius of 40 m"),
    ({"cut_in_m_s": 30}, {"t.yaml": WINDIO}, "cut_out_m_s: 30 m/s is not above cut-in at 30 m/s"),
    ({"rated_power_MW": 2}, {"t.yaml": WINDIO}, "rated_power_MW: unknown key; known are name, "),
    ({"curves": CURVES}, {"t.yaml": WINDIO}, "curves: unknown key; known are name, "),
]


@pytest.mark.parametrize(("more", "file", "line"), FILE_FAULTS, ids=[line for *_, line in FILE_FAULTS])
def test_turbine_files_that_are_refused(more, file, line):
    assert faults({"name": "t", "file": file, **more})[0].startswith(f"turbine_types[0].{line}")


def test_json_schema_knows_all_three_forms(folder):
    validator = jsonschema.Draft202012Validator(campaign_schema())
    generic = {"name": "g", "rated_power_MW": 2, **ROTOR}
    from_file = {"name": "f", "file": "windio.yaml", "hub_height_m": 90, "format": "windio"}
    for entry in (generic, TABULATED, from_file):
        assert validator.is_valid(yaml.safe_load(text_of(entry)))
    assert validator.is_valid(yaml.safe_load(load_campaign(folder / "demo.yaml").text))
    for entry in (
        {**generic, "file": "windio.yaml"},
        {**from_file, "curves": CURVES},
        {"name": "n", **ROTOR},
        {**TABULATED, "curves": {**CURVES, "power_W": POWER_KW}},
        {"name": "f", "file": 3},
    ):
        assert not validator.is_valid(yaml.safe_load(text_of(entry)))


def test_results_outlive_the_files(folder, tmp_path, capsys):
    """Run, lose the files, and use the results; the campaign goes on wherever its files are."""
    campaign, results = folder / "demo.yaml", folder / "demo.h5"
    assert cli.main(["run", str(campaign), "-o", str(results), "--only", "a_windio*"]) == 0
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("demo", "windio", "floris"):
        (folder / f"{name}.yaml").rename(moved / f"{name}.yaml")
    for command in (["status"], ["verify"], ["export", "--csv", "-"]):
        assert cli.main([command[0], str(results), *command[1:]]) == 0
    assert "a_windio_s0" in capsys.readouterr().out
    assert cli.main(["recover", str(results), str(folder / "saved.h5")]) == 0
    assert cli.main(["run", str(moved / "demo.yaml"), "-o", str(results)]) == 0
    rows = open_reader(results).rows
    assert rows["status"].tolist() == [1, 1]
    assert rows["rated_power"].tolist() == [2.0, 2.0]
    # The same turbine in two formats.
    np.testing.assert_allclose(rows["aep"][0], rows["aep"][1], rtol=1e-12)
    assert cli.main(["verify", str(results)]) == 0


def test_an_absolute_name_works_from_anywhere(folder, monkeypatch, tmp_path):
    text = (folder / "demo.yaml").read_text().replace("windio.yaml", str(folder / "windio.yaml"))
    (folder / "demo.yaml").write_text(text)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_campaign(Path("..") / "demo.yaml").configs[0].key == "a_windio_s0"
