"""Sites in files: the campaign's site section, and CSV time series."""

import copy
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from mpi_layout.campaign import campaign_schema, load_campaign, parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.formats.wind_csv import read_wind_csv
from mpi_layout.site.series import SeriesSite
from mpi_layout.site.table import TableSite
from mpi_layout.site.weibull import WeibullSite

REST = {
    "name": "demo",
    "areas": [{"name": "a", "boundary_m": [[0, 0], [5000, 0], [5000, 5000], [0, 5000]]}],
    "turbine_types": [{"name": "t10", "rated_power_MW": 10, "rotor_diameter_m": 195, "hub_height_m": 121}],
    "seeds": [0],
    "n_turbines": 4,
    "min_spacing_D": 3,
    "start": {"grid": [8, 8]},
}
SECTORS = {
    "turbulence_intensity": 0.1,
    "wind_direction_deg": [0, 90, 180, 270],
    "weibull_a_m_s": [9.0, 10.0, 11.0, 12.0],
    "weibull_k": [2.0, 2.1, 2.2, 2.3],
    "sector_probability": [0.1, 0.2, 0.3, 0.4],
}
TABLE = {
    "turbulence_intensity": 0.075,
    "wind_direction_deg": [0, 90, 180, 270],
    "wind_speed_m_s": [6, 9, 12],
    "probability": [[0.05, 0.1, 0.05], [0.1, 0.1, 0.1], [0.05, 0.1, 0.05], [0.1, 0.1, 0.1]],
}
ROSE = {
    "turbulence_intensity": 0.075,
    "wind_direction_deg": [0, 90, 180, 270],
    "wind_speed_m_s": 9.8,
    "probability": [0.1, 0.2, 0.3, 0.4],
}
SERIES = {
    "time_series": {
        "wind_direction_deg": [10, 20, 360, 10],
        "wind_speed_m_s": [8.0, 9.5, 11.0, 8.0],
        "turbulence_intensity": [0.08, 0.1, 0.3, 0.08],
    }
}
COLUMNS = {"wind_direction_deg": "wind_direction_deg", "wind_speed_m_s": "wind_speed_m_s"}


def edited(site, *edits):
    data = copy.deepcopy({"site": site})
    for path, value in edits:
        inner = data["site"]
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = value
    return {**REST, **data}


def campaign(site, *edits):
    return parse_campaign(yaml.safe_dump(edited(site, *edits), sort_keys=False), "demo.yaml")


def site_of(site, *edits):
    return campaign(site, *edits).problem(0).site


def faults(site, *edits):
    with pytest.raises(InputError) as error:
        campaign(site, *edits)
    return [line.removeprefix("  ") for line in str(error.value).splitlines()[1:]]


# ---------------------------------------------------------------- campaign files


@pytest.mark.parametrize("site", [SECTORS, TABLE, ROSE, SERIES])
def test_the_schema_knows_all_kinds_of_sites(site):
    schema = campaign_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(edited(site), schema)
    campaign(site)
    for edit in [(("wind_speeds",), 9), (("turbulence_intensity",), "0.1")]:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(edited(site, edit), schema)
        assert faults(site, edit)


def test_sectors_at_another_resolution():
    resolution = {"direction_step_deg": 5, "wind_speeds_m_s": {"first": 4, "last": 24, "step": 0.5}}
    cases = site_of(SECTORS, (("flow_cases",), resolution)).flow_cases()
    np.testing.assert_array_equal(cases.direction, np.arange(0, 360, 5))
    np.testing.assert_array_equal(cases.speed, np.arange(8, 49) / 2)
    directly = site_of(SECTORS).flow_cases(direction=cases.direction, speed=cases.speed)
    np.testing.assert_array_equal(cases.probability, directly.probability)


def test_turbulence_may_be_given_for_each_direction():
    by_sector = (("turbulence_intensity",), [0.06, 0.07, 0.08, 0.09])
    np.testing.assert_array_equal(site_of(SECTORS, by_sector).turbulence_intensity, [0.06, 0.07, 0.08, 0.09])
    cases = site_of(TABLE, by_sector).flow_cases()
    np.testing.assert_array_equal(
        cases.turbulence_intensity, np.repeat([[0.06], [0.07], [0.08], [0.09]], 3, 1)
    )


def test_a_table_is_its_own_flow_cases():
    site = site_of(TABLE)
    assert isinstance(site, TableSite)
    cases = site.flow_cases()
    np.testing.assert_array_equal(cases.speed, [6, 9, 12])
    np.testing.assert_array_equal(cases.probability, TABLE["probability"])
    assert cases.turbulence_intensity == 0.075


def test_a_rose_with_one_speed():
    cases = site_of(ROSE).flow_cases()
    np.testing.assert_array_equal(cases.speed, [9.8])
    np.testing.assert_array_equal(cases.probability, [[0.1], [0.2], [0.3], [0.4]])


def test_probabilities_of_the_speeds_of_each_direction():
    rows = [[0.25, 0.5, 0.25], [0.3, 0.4, 0.3], [0.2, 0.2, 0.6], [1, 0, 0]]
    edits = [(("probability",), rows), (("sector_probability",), [0.1, 0.2, 0.3, 0.4])]
    cases = site_of(TABLE, *edits).flow_cases()
    np.testing.assert_allclose(cases.probability, np.array(rows) * [[0.1], [0.2], [0.3], [0.4]])


def test_a_time_series_is_its_distinct_steps():
    site = site_of(SERIES)
    assert isinstance(site, SeriesSite)
    cases = site.flow_cases()
    np.testing.assert_array_equal(cases.direction, [0, 10, 20])
    np.testing.assert_array_equal(cases.count, [1, 1, 1])
    np.testing.assert_array_equal(cases.speed, [11, 8, 9.5])
    np.testing.assert_array_equal(cases.probability, [0.25, 0.5, 0.25])
    np.testing.assert_array_equal(cases.turbulence_intensity, [0.3, 0.08, 0.1])


def test_weights_of_a_time_series():
    cases = site_of(SERIES, (("time_series", "weight"), [1, 2, 3, 4])).flow_cases()
    np.testing.assert_allclose(cases.probability, [0.3, 0.5, 0.2])


def test_dense_air_gives_more_power_and_shear_more_wind():
    plain = campaign(SECTORS).problem(0)
    dense = campaign(SECTORS, (("air_density_kg_m3",), 1.3475)).problem(0)
    np.testing.assert_allclose(dense.turbine.power, 1.1 * plain.turbine.power, rtol=1e-12)
    np.testing.assert_array_equal(dense.turbine.ct, plain.turbine.ct)
    sheared = site_of(TABLE, (("shear_exponent",), 0.5), (("reference_height_m",), 30.25)).flow_cases()
    assert sheared.speed_factor(121) == pytest.approx(2)
    assert plain.site.flow_cases().speed_factor(121) == 1


def test_digest_knows_what_shapes_results():
    edits = [
        (SECTORS, (("shear_exponent",), 0.2), (("reference_height_m",), 100)),
        (SECTORS, (("air_density_kg_m3",), 1.2)),
        (SECTORS, (("flow_cases",), {"direction_step_deg": 2})),
        (SECTORS, (("turbulence_intensity",), [0.1] * 4)),
        (TABLE, (("probability", 0, 0), 0.051)),
        (SERIES, (("time_series", "wind_speed_m_s", 1), 9.6)),
    ]
    digests = [campaign(site, *more).digest for site, *more in edits]
    digests += [campaign(site).digest for site in (SECTORS, TABLE, SERIES)]
    assert len(set(digests)) == len(digests)


FAULTS = [
    (SECTORS, ("wind_direction",), 8, "wind_direction: unknown key; is wind_direction_deg meant?"),
    (
        SECTORS,
        ("shear_exponent",),
        0.1,
        "reference_height_m: is missing: shear_exponent and reference_height_m belong together",
    ),
    (
        SECTORS,
        ("reference_height_m",),
        100,
        "shear_exponent: is missing: shear_exponent and reference_height_m belong together",
    ),
    (SECTORS, ("air_density_kg_m3",), 1225, "air_density_kg_m3: wants at most 2, has 1225"),
    (
        SECTORS,
        ("turbulence_intensity",),
        [0.1, 0.1],
        "turbulence_intensity: has 2 values, wind_direction_deg has 4",
    ),
    (
        SECTORS,
        ("turbulence_intensity",),
        [0.1, 0.1, 7, 0.1],
        "turbulence_intensity[2]: wants 0.01 to 0.4, has 7; is this percent?",
    ),
    (
        SECTORS,
        ("turbulence_intensity",),
        [0.1, 0.1, "x", 0.1],
        "turbulence_intensity[2]: wants a number, has the text 'x'",
    ),
    (
        SECTORS,
        ("flow_cases",),
        {"direction_step_deg": 7},
        "flow_cases.direction_step_deg: wants a whole part of 360 degrees, has 7",
    ),
    (
        SECTORS,
        ("flow_cases",),
        {"step": 7},
        "flow_cases.step: unknown key; known are direction_step_deg, wind_speeds_m_s",
    ),
    (
        SECTORS,
        ("flow_cases",),
        {"wind_speeds_m_s": [5, 4]},
        "flow_cases.wind_speeds_m_s[1]: must increase, has 4 after 5",
    ),
    (
        SECTORS,
        ("flow_cases",),
        {"wind_speeds_m_s": 5},
        "flow_cases.wind_speeds_m_s: wants {first: 3, last: 25, step: 1} or a list of speeds; has 5",
    ),
    (
        SECTORS,
        ("flow_cases",),
        {"wind_speeds_m_s": {"first": 9, "last": 3, "step": 1}},
        "flow_cases.wind_speeds_m_s: makes no wind speed: first is larger than last",
    ),
    (
        SECTORS,
        ("flow_cases",),
        {"wind_speeds_m_s": {"first": 3, "last": 9}},
        "flow_cases.wind_speeds_m_s.step: is missing: their step, m/s",
    ),
    (
        SECTORS,
        ("flow_cases",),
        {"direction_step_deg": 0.1, "wind_speeds_m_s": {"first": 3, "last": 25, "step": 0.01}},
        "flow_cases: makes 7,923,600 flow cases, wants at most 1,000,000",
    ),
    (TABLE, ("wind_speeds_m_s",), 8, "wind_speeds_m_s: unknown key; is wind_speed_m_s meant?"),
    (
        TABLE,
        ("wind_direction_deg",),
        [0, 90, 180, 400],
        "wind_direction_deg[3]: wants 0 to 360 degrees, has 400",
    ),
    (
        TABLE,
        ("wind_direction_deg",),
        [0, 180, 90, 270],
        "wind_direction_deg[2]: must increase, has 90 after 180",
    ),
    (
        TABLE,
        ("wind_direction_deg",),
        [0, 90, 180, 360],
        "wind_direction_deg[3]: wants no 360 beside 0: they are one",
    ),
    (TABLE, ("wind_direction_deg",), [0, 90, 180], "probability: has 4 values, wind_direction_deg has 3"),
    (TABLE, ("wind_speed_m_s",), [6, 12, 9], "wind_speed_m_s[2]: must increase, has 9 after 12"),
    (TABLE, ("wind_speed_m_s",), [6, 12, -9], "wind_speed_m_s[2]: wants at least 0, has -9"),
    (TABLE, ("probability", 2), [0.1, 0.2], "probability[2]: has 2 values, wind_speed_m_s has 3"),
    (TABLE, ("probability", 2, 1), -0.1, "probability[2][1]: wants at least 0, has -0.1"),
    (TABLE, ("probability", 2, 1), float("nan"), "probability[2][1]: wants a finite number, has nan"),
    (TABLE, ("probability", 2, 1), 0.3, "probability: must sum to 1, sums to 1.2"),
    (TABLE, ("sector_probability",), [0.25] * 4, "probability[0]: must sum to 1, sums to 0.2"),
    (
        TABLE,
        ("sector_probability",),
        [0.25] * 3,
        "sector_probability: has 3 values, wind_direction_deg has 4",
    ),
    (TABLE, ("turbulence_intensity",), 0, "turbulence_intensity: wants 0.01 to 0.4, has 0"),
    (
        TABLE,
        ("flow_cases",),
        {"direction_step_deg": 17},
        "flow_cases.direction_step_deg: wants a whole part of 360 degrees, has 17",
    ),
    (
        ROSE,
        ("flow_cases",),
        {"wind_speeds_m_s": [8, 9]},
        "flow_cases.wind_speeds_m_s: wants a table of more than one wind speed",
    ),
    (ROSE, ("probability",), [0.1, 0.2, 0.3], "probability: has 3 values, wind_direction_deg has 4"),
    (SERIES, ("time_series",), 5, "time_series: wants keys and values, has 5"),
    (
        SERIES,
        ("time_series", "wind_direction_deg"),
        [],
        "time_series.wind_direction_deg: needs at least 1 value, has 0",
    ),
    (
        SERIES,
        ("time_series", "wind_direction_deg", 3),
        361,
        "time_series.wind_direction_deg[3]: wants 0 to 360 degrees, has 361",
    ),
    (
        SERIES,
        ("time_series", "wind_speed_m_s", 1),
        -3,
        "time_series.wind_speed_m_s[1]: wants 0 to 100 m/s, has -3",
    ),
    (
        SERIES,
        ("time_series", "wind_speed_m_s", 1),
        None,
        "time_series.wind_speed_m_s[1]: wants a number, has nothing",
    ),
    (
        SERIES,
        ("time_series", "wind_speed_m_s"),
        [8, 9],
        "time_series.wind_speed_m_s: has 2 values, wind_direction_deg has 4",
    ),
    (
        SERIES,
        ("time_series", "turbulence_intensity", 0),
        0,
        "time_series.turbulence_intensity[0]: wants 0.001 to 1, has 0",
    ),
    (SERIES, ("time_series", "weight"), [0, 0, 0, 0], "time_series.weight: is zero at every step"),
    (
        SERIES,
        ("time_series", "wind_speed"),
        [],
        "time_series.wind_speed: unknown key; is wind_speed_m_s meant?",
    ),
    (
        SERIES,
        ("turbulence_intensity",),
        0.1,
        "turbulence_intensity: wants one for all steps, or one of each in the time series; has both",
    ),
    (
        SERIES,
        ("time_series", "turbulence_intensity"),
        None,
        "turbulence_intensity: wants one for all steps, or one of each in the time series; has neither",
    ),
    (
        SERIES,
        ("lookup",),
        "linear",
        "lookup: unknown key; known are shear_exponent, reference_height_m, air_density_kg_m3, "
        "turbulence_intensity, time_series",
    ),
]


@pytest.mark.parametrize(("site", "path", "value", "line"), FAULTS)
def test_faults_name_their_place(site, path, value, line):
    assert faults(site, (path, value)) == [f"site.{line}"]


def test_all_faults_of_a_site_are_told():
    lines = faults(
        SERIES,
        (("time_series", "wind_direction_deg", 3), 361),
        (("time_series", "wind_speed_m_s", 1), -3),
        (("shear_exponent",), 0.1),
    )
    assert [line.split(": ")[0] for line in lines] == [
        "site.reference_height_m",
        "site.time_series.wind_direction_deg[3]",
        "site.time_series.wind_speed_m_s[1]",
    ]


def test_capacity_factor_counts_shear_and_density():
    calm = (("weibull_a_m_s",), [2.2] * 4), (("weibull_k",), [2.0] * 4)
    (line,) = faults(SECTORS, *calm)
    assert "gross capacity factor" in line
    campaign(SECTORS, *calm, (("shear_exponent",), 0.5), (("reference_height_m",), 10))


def test_one_wind_speed_need_not_be_a_climate():
    (line,) = campaign(ROSE).warnings
    assert line.startswith("turbine_types[0]: a single turbine has a gross capacity factor of ")


def test_sums_that_are_a_little_off_are_told():
    asked = campaign(TABLE, (("probability", 0, 0), 0.06))
    assert asked.warnings == (
        "site.probability: sums to 1.01 instead of 1, used as given: every AEP is off by this factor",
    )


# ---------------------------------------------------------------- CSV

CSV = """\
# measured at 100 m
time;WD;WS;TI;temperature
2020-01-01 00:00;10;8.0;0.08;3.1
2020-01-01 00:10; 20 ;9.5;0.10;

2020-01-01 00:20;360;11;0.3;NaN
2020-01-01 00:30;10;8;8e-2;3
"""
NAMES = {"wind_direction_deg": "WD", "wind_speed_m_s": "WS", "turbulence_intensity": "TI"}


@pytest.fixture
def write(tmp_path):
    """Write a campaign with a time series in a file beside it; give the campaign's path."""

    def write(text, **more):
        (tmp_path / "wind.csv").write_text(text)
        path = tmp_path / "campaign.yaml"
        path.write_text(yaml.safe_dump(edited({"time_series": {"file": "wind.csv", **more}})))
        return path

    return write


def file_faults(path):
    with pytest.raises(InputError) as error:
        load_campaign(path)
    return [line.strip() for line in str(error.value).splitlines()[1:]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_file_is_the_same_as_its_steps(write, separator):
    asked = load_campaign(write(CSV.replace(";", separator), columns=NAMES))
    found, wanted = asked.problem(0).site.flow_cases(), site_of(SERIES).flow_cases()
    for one, other in zip(found.by_direction(), wanted.by_direction(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_travels_with_the_campaign(write, tmp_path):
    asked = load_campaign(write(CSV, columns=NAMES))
    (tmp_path / "wind.csv").unlink()
    again = parse_campaign(asked.text)
    assert again.digest == asked.digest
    np.testing.assert_array_equal(
        again.problem(0).site.flow_cases().speed, asked.problem(0).site.flow_cases().speed
    )
    changed = load_campaign(write(CSV.replace("9.5", "9.6"), columns=NAMES))
    assert changed.digest != asked.digest


def test_steps_with_missing_values_are_faults_unless_skipped(write):
    text = "wind_direction_deg,wind_speed_m_s,turbulence_intensity\n10,8,0.1\n20,,0.1\n30,9,nan\n40,10,0.1\n"
    path = write(text)
    advice = "is missing (missing: skip leaves out such steps)"
    assert file_faults(path) == [
        f"site.time_series.file: wind.csv: line 3: wind_speed_m_s {advice}",
        f"site.time_series.file: wind.csv: line 4: turbulence_intensity {advice}",
    ]
    cases = load_campaign(write(text, missing="skip")).problem(0).site.flow_cases()
    np.testing.assert_array_equal(cases.direction, [10, 40])
    np.testing.assert_array_equal(cases.probability, [0.5, 0.5])


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "",
            [
                "wind.csv: has no column wind_direction_deg; its columns are none",
                "wind.csv: has no column wind_speed_m_s; its columns are none",
            ],
        ),
        (
            "wind_direction_deg,speed\n1,2\n",
            ["wind.csv: has no column wind_speed_m_s; its columns are wind_direction_deg, speed"],
        ),
        (
            "wind_direction_deg,wind_speed_m_s,wind_speed_m_s\n1,2,3\n",
            ["wind.csv: has two columns wind_speed_m_s"],
        ),
        ("wind_direction_deg,wind_speed_m_s\n", ["wind.csv: has no step"]),
        (
            "wind_direction_deg,wind_speed_m_s\n1,2\nx,inf\n",
            [
                "wind.csv: line 3: wind_direction_deg wants a number, has the text 'x'",
                "wind.csv: line 3: wind_speed_m_s wants a number, has the text 'inf'",
            ],
        ),
        (
            "wind_direction_deg,wind_speed_m_s,turbulence_intensity\n\n1,2,0.1\n361,5,0.1\n3,-999,9\n",
            [
                "wind.csv: line 4: wind_direction_deg wants 0 to 360 degrees, has 361",
                "wind.csv: line 5: wind_speed_m_s wants 0 to 100 m/s, has -999",
                "wind.csv: line 5: turbulence_intensity wants 0.001 to 1, has 9; is this percent?",
            ],
        ),
    ],
)
def test_faults_of_a_file_name_the_line(write, text, lines):
    assert file_faults(write(text)) == [f"site.time_series.file: {line}" for line in lines]


def test_a_file_that_is_not_there(write, tmp_path):
    path = write(CSV, columns=NAMES)
    (tmp_path / "wind.csv").unlink()
    wanted = f"site.time_series.file: {tmp_path}/wind.csv: there is no such time series file"
    assert file_faults(path) == [wanted]


@pytest.mark.parametrize("content", [5, ["a"], {"a": 1}])
def test_content_that_is_no_csv(content):
    (line,) = faults({"turbulence_intensity": 0.1, "time_series": {"file": {"wind.csv": content}}})
    assert line.startswith("site.time_series.file: wants the text of a CSV file")


def test_at_most_twenty_faults_of_a_file_are_told():
    text = "wind_direction_deg,wind_speed_m_s\n" + "x,1\n" * 1000
    with pytest.raises(InputError) as error:
        read_wind_csv(text, "wind.csv", columns=COLUMNS)
    assert len(str(error.value).splitlines()) == 20


# ---------------------------------------------------------------- the documentation

DOCS = (Path(__file__).parents[1] / "docs" / "sites.md").read_text()


def test_documented_sites_are_sound(tmp_path):
    (csv,) = re.findall(r"```csv title=\"wind.csv\"\n(# met mast.*?)```", DOCS, re.DOTALL)
    (tmp_path / "wind.csv").write_text(csv)
    blocks = re.findall(r"```yaml\n(site:.*?)```", DOCS, re.DOTALL)
    kinds = []
    for block in blocks:
        path = tmp_path / "campaign.yaml"
        path.write_text(yaml.safe_dump({**REST, **yaml.safe_load(block)}))
        kinds.append(type(load_campaign(path).problem(0).site))
    assert kinds == [WeibullSite, TableSite, SeriesSite, SeriesSite]


def test_documented_python_runs():
    (code,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    np.testing.assert_allclose(names["steps"].flow_cases().probability, [2 / 3, 1 / 3])
    assert {type(names[name]) for name in ("sectors", "rose", "steps")} == {
        WeibullSite,
        TableSite,
        SeriesSite,
    }
