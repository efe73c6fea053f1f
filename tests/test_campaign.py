"""The campaign file: what it says, what is refused and in which words."""

import copy
import math
import pickle
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from mpi_layout.campaign import (
    FailureLimit,
    campaign_schema,
    first_difference,
    load_campaign,
    parse_campaign,
    starter_text,
)
from mpi_layout.errors import InputError

EXAMPLES = Path(__file__).parents[1] / "examples"

SQUARE = [[0, 0], [5000, 0], [5000, 5000], [0, 5000]]
BASE = {
    "name": "demo",
    "areas": [
        {"name": "west", "boundary_m": SQUARE},
        {
            "name": "east",
            "polygons_m": [[list(point) for point in SQUARE], [[6000, 0], [9000, 0], [9000, 5000]]],
        },
    ],
    "turbine_types": [
        {"name": "t10", "rated_power_MW": 10, "rotor_diameter_m": 195, "hub_height_m": 121},
        {"name": "t15", "rated_power_MW": 15, "rotor_diameter_m": 240, "hub_height_m": 150},
    ],
    "seeds": {"first": 3, "count": 2},
    "n_turbines": 12,
    "min_spacing_D": 3,
    "site": {
        "lookup": "nearest",
        "turbulence_intensity": 0.1,
        "wind_direction_deg": [0, 90, 180, 270],
        "weibull_a_m_s": [9.0, 10.0, 11.0, 12.0],
        "weibull_k": [2.0, 2.1, 2.2, 2.3],
        "sector_probability": [0.1, 0.2, 0.3, 0.4],
    },
    "wake": {
        "model": "TurbOPark",
        "A": 0.04,
        "c1": 1.5,
        "c2": 0.8,
        "ceps": 0.25,
        "ct_limit": 0.96,
        "disc_mean": "pywake",
    },
    "start": {"method": "smart_start", "grid": [18, 18], "best_percent": 30},
    "checkpoint": {"interval_s": 30},
    "failures": {"max_attempts": 3, "max_failed": "5%"},
}
ABSENT = object()


def edited(*edits):
    """BASE with values set, or removed, at paths such as ('areas', 0, 'name')."""
    data = copy.deepcopy(BASE)
    for path, value in edits:
        inner = data
        for part in path[:-1]:
            inner = inner[part]
        if value is ABSENT:
            del inner[path[-1]]
        else:
            inner[path[-1]] = value
    return data


def campaign(*edits):
    return parse_campaign(yaml.safe_dump(edited(*edits), sort_keys=False), "demo.yaml")


def faults(*edits):
    """Lines of the message that the edits provoke, without the header."""
    with pytest.raises(InputError) as error:
        campaign(*edits)
    header, *lines = str(error.value).splitlines()
    count = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
    assert header == f"demo.yaml: {count} in the campaign"
    return [line.removeprefix("  ") for line in lines]


def refused(text):
    with pytest.raises(InputError) as error:
        parse_campaign(text, "demo.yaml")
    return str(error.value)


# ---------------------------------------------------------------- what a campaign says


def test_configs_go_through_areas_then_types_then_seeds():
    configs = campaign().configs
    assert [c.key for c in configs] == [
        f"{area}_{kind}_s{seed}" for area in ("west", "east") for kind in ("t10", "t15") for seed in (3, 4)
    ]
    assert [c.number for c in configs] == list(range(8))
    last = configs[-1]
    assert (last.area, last.turbine_type, last.seed, last.n_turbines) == ("east", "t15", 4, 12)
    assert (last.rotor_diameter, last.rated_power) == (240.0, 15e6)


def test_seeds_may_be_a_list():
    configs = campaign((("seeds",), [7, 0, 2**32 - 1])).configs
    assert [c.seed for c in configs[:3]] == [7, 0, 2**32 - 1]


def test_optional_sections_have_defaults():
    edits = [((key,), ABSENT) for key in ("wake", "start", "checkpoint", "failures")]
    bare = campaign(*edits)
    assert bare.digest == campaign().digest
    assert bare.checkpoint.interval_s == 30
    assert bare.failures.max_failed.limit(1000) is None


def test_problem_is_in_si_units():
    problem = campaign((("wake", "A"), 0.05), (("start", "grid"), [7, 9])).problem(6)
    assert problem.area.name == "east"
    assert problem.area.surface == 25e6 + 7.5e6
    assert problem.turbine.name == "t15"
    assert problem.turbine.rated_power == 15e6
    assert problem.turbine.power.max() == pytest.approx(15e6, rel=1e-3)
    assert problem.spacing.least == 720
    assert problem.n_turbines == 12
    assert problem.seed == 3
    assert problem.model.A == 0.05
    assert (problem.start.grid, problem.start.best_percent) == ((7, 9), 30)
    np.testing.assert_array_equal(problem.site.weibull_a, [9, 10, 11, 12])
    assert problem.site.lookup == "nearest"


def test_problems_share_what_they_have_in_common():
    asked = campaign()
    first, second, other_area = asked.problem(0), asked.problem(1), asked.problem(4)
    assert first.area is second.area
    assert first.turbine is second.turbine is other_area.turbine
    assert first.site is other_area.site
    assert first.area is not other_area.area


@pytest.mark.parametrize(
    ("capacity", "rated", "count"),
    [(100, 10, 10), (99.9, 10, 9), (2.1, 0.7, 3), (69.9, 6.99, 10), (10, 10, 1)],
)
def test_capacity_holds_whole_turbines(capacity, rated, count):
    diameter = math.sqrt(rated * 1e6 / 350 / (math.pi / 4))
    asked = campaign(
        (("n_turbines",), ABSENT),
        (("target_capacity_MW",), capacity),
        (
            ("turbine_types",),
            [{**BASE["turbine_types"][0], "rated_power_MW": rated, "rotor_diameter_m": diameter}],
        ),
    )
    assert asked.n_turbines_max == count
    assert asked.configs[0].n_turbines == count


def test_exclusions_are_cut_out():
    asked = campaign((("areas", 0, "exclusions_m"), [[[0, 0], [5000, 0], [5000, 1000], [0, 1000]]]))
    assert asked.problem(0).area.surface == 20e6


def test_select_by_glob():
    asked = campaign()
    assert asked.select("east_*_s3").tolist() == [4, 6]
    assert asked.select("*_t1[05]_s4").tolist() == [1, 3, 5, 7]
    assert asked.select("*").tolist() == list(range(8))


def test_select_is_case_sensitive_and_names_examples():
    with pytest.raises(InputError) as error:
        campaign().select("West_*")
    message = str(error.value)
    assert "'West_*'" in message
    for key in ("west_t10_s3", "east_t10_s3", "east_t15_s4"):
        assert key in message


@pytest.mark.parametrize(
    ("given", "n_configs", "limit"),
    [
        (None, 100, None),
        (0, 100, 0),
        (7, 100, 7),
        ("5%", 3000, 150),
        ("7%", 100, 7),
        ("5%", 12, 1),
        ("0%", 9, 0),
    ],
)
def test_limit_of_failures(given, n_configs, limit):
    assert campaign((("failures", "max_failed"), given)).failures.max_failed.limit(n_configs) == limit


def test_failure_limit_shows_as_it_is_written():
    assert str(FailureLimit(percent=2.5)) == "2.5%"
    assert str(FailureLimit(count=4)) == "4"


def test_pickled_campaign_is_whole_and_small():
    asked = load_campaign(EXAMPLES / "danish_energy_island.yaml")
    size = len(pickle.dumps(asked))
    asked.problem(17)
    packed = pickle.dumps(asked)
    assert len(packed) == size, "cached tables travel with the campaign"
    again = pickle.loads(packed)
    assert again == asked
    assert again.text == asked.text
    assert again.digest == asked.digest
    assert again.warnings == asked.warnings
    assert again.configs == asked.configs


def test_pickled_campaign_keeps_its_warnings():
    asked = campaign((("site", "weibull_a_m_s", 0), 26.0))
    assert len(asked.warnings) == 1
    assert pickle.loads(pickle.dumps(asked)).warnings == asked.warnings


def test_campaign_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        campaign().n_turbines = 5


# ---------------------------------------------------------------- the files that come along


def test_reference_campaign():
    asked = load_campaign(EXAMPLES / "danish_energy_island.yaml")
    assert len(asked.configs) == 3000
    assert [c.n_turbines for c in asked.configs[:300:50]] == [100, 90, 83, 76, 71, 66]
    assert asked.n_turbines_max == 100
    assert asked.configs[0].key == "farm0_t0_s0"
    assert asked.configs[250].key == "farm0_t5_s0"
    assert asked.configs[-1].key == "farm9_t5_s49"
    assert asked.warnings == ()
    problem = asked.problem(250)
    assert problem.spacing.least == 720
    assert problem.turbine.rated_power == 15e6
    assert problem.area.grid(18, 18)[0].size == 147
    # Known of this site and these speeds, 3 to 25 m/s.
    assert problem.site.flow_cases().probability.sum() == pytest.approx(0.96016, abs=5e-6)


def test_small_example():
    asked = load_campaign(EXAMPLES / "small.yaml")
    assert len(asked.configs) == 12
    assert asked.warnings == ()


def test_starter_is_a_campaign_and_all_its_comments_are_true():
    text = starter_text()
    plain = parse_campaign(text, "starter")
    assert plain.warnings == ()
    # With the optional keys taken in, the defaults named there change nothing.
    optional = re.sub(r"(?m)^( *)#(?=\w)", r"\1", text.replace("#target_capacity_MW: 300\n", ""))
    assert optional.count("#") < text.count("#")
    full = parse_campaign(optional, "starter")
    assert full.description == "free text"
    assert full.digest == plain.digest


@pytest.mark.parametrize(
    "name", ["danish_energy_island", "small", "iea37/case_study_1_16", "iea37/case_study_4", None]
)
def test_examples_fit_the_json_schema(name):
    text = (EXAMPLES / f"{name}.yaml").read_text() if name else starter_text()
    schema = campaign_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(text), schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "edit",
    [
        (("sede",), 1),
        (("site",), ABSENT),
        (("n_turbines",), ABSENT),
        (("areas", 0, "boundary_m"), SQUARE[:2]),
        (("failures", "max_failed"), "five"),
        (("seeds",), "many"),
        (("turbine_types", 0, "rated_power_MW"), "10"),
    ],
)
def test_json_schema_refuses(edit):
    validator = jsonschema.Draft202012Validator(campaign_schema())
    assert validator.is_valid(BASE)
    assert not validator.is_valid(edited(edit))


def test_every_key_is_described_in_the_json_schema():
    schema = campaign_schema()
    for section in [schema, *schema["$defs"].values()]:
        for key, value in section["properties"].items():
            # pydantic leaves out a description that is the section's own
            section_named = schema["$defs"].get(value.get("$ref", "").split("/")[-1], {})
            assert value.get("description") or section_named.get("description"), key


# ---------------------------------------------------------------- what shapes results

OTHER_VALUES = {
    ("name",): "another",
    ("areas", 0, "name"): "north",
    ("areas", 0, "boundary_m", 2, 0): 5001,
    ("areas", 1, "polygons_m", 1, 0, 0): 6001,
    ("areas", 1, "exclusions_m"): [[[0, 0], [10, 0], [0, 10]]],
    ("turbine_types", 1, "name"): "T15",
    ("turbine_types", 1, "rated_power_MW"): 14.9,
    ("turbine_types", 1, "rotor_diameter_m"): 241,
    ("turbine_types", 1, "hub_height_m"): 151,
    ("seeds", "first"): 0,
    ("seeds", "count"): 3,
    ("n_turbines",): 13,
    ("min_spacing_D",): 3.5,
    ("site", "lookup"): "linear",
    ("site", "turbulence_intensity"): 0.11,
    ("site", "weibull_a_m_s", 3): 12.01,
    ("site", "weibull_k", 3): 2.31,
    ("site", "sector_probability", 3): 0.4001,
    ("wake", "A"): 0.06,
    ("wake", "c1"): 1.6,
    ("wake", "c2"): 0.9,
    ("wake", "ceps"): 0.2,
    ("wake", "ct_limit"): 0.9,
    ("wake", "disc_mean"): "exact",
    ("start", "grid", 1): 19,
    ("start", "best_percent"): 31,
}


@pytest.mark.parametrize(("path", "value"), OTHER_VALUES.items(), ids=str)
def test_what_shapes_results_is_in_the_digest_and_named(path, value):
    one, other = campaign(), campaign((path, value))
    assert one.digest != other.digest
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")
    difference = first_difference(one, other)
    assert difference.split(": ")[0].startswith(where)
    assert "in the file" in difference


@pytest.mark.parametrize(
    "edit",
    [
        (("description",), "a text"),
        (("areas", 1, "description"), "a text"),
        (("turbine_types", 0, "description"), "a text"),
        (("checkpoint", "interval_s"), 5),
        (("failures", "max_attempts"), 1),
        (("failures", "max_failed"), None),
        (("areas", 0, "boundary_m"), [*SQUARE, SQUARE[0]]),
        (("n_turbines",), 12),
    ],
    ids=str,
)
def test_what_shapes_no_result_may_change(edit):
    one, other = campaign(), campaign(edit)
    assert one.digest == other.digest
    assert first_difference(one, other) is None


def test_comments_and_layout_of_the_text_do_not_count():
    one = campaign()
    other = parse_campaign("# a comment\n" + yaml.safe_dump(BASE, sort_keys=True, default_flow_style=True))
    assert one.text != other.text
    assert one.digest == other.digest


def test_digest_is_of_fixed_form():
    assert len(campaign().digest) == 64
    assert int(campaign().digest, 16) > 0


def test_difference_names_both_values():
    turned = campaign((("turbine_types", 1, "rated_power_MW"), 16))
    expected = "turbine_types[1].rated_power_MW: 15.0 in the file, 16.0 in the campaign"
    assert first_difference(campaign(), turned) == expected


def test_difference_names_what_is_missing():
    fewer = campaign((("areas",), BASE["areas"][:1]))
    assert first_difference(campaign(), fewer) == "areas[1]: 'east' in the file, missing in the campaign"
    assert first_difference(fewer, campaign()) == "areas[1]: missing in the file, 'east' in the campaign"
    capacity = campaign((("n_turbines",), ABSENT), (("target_capacity_MW",), 180))
    assert first_difference(campaign(), capacity) == "n_turbines: 12 in the file, missing in the campaign"


# ---------------------------------------------------------------- faults of single values

ONE_FAULT = [
    # unknown and missing keys
    ((("min_spacing_d",), 3), "min_spacing_d: unknown key; is min_spacing_D meant?"),
    ((("areas", 1, "exclusion_m"), []), "areas[1].exclusion_m: unknown key; is exclusions_m meant?"),
    ((("checkpoint", "zzz"), 1), "checkpoint.zzz: unknown key; known are interval_s"),
    ((("site",), ABSENT), "site: is missing: the wind"),
    (
        (("turbine_types", 0, "hub_height_m"), ABSENT),
        "turbine_types[0].hub_height_m: is missing: hub height, m",
    ),
    # wrong types
    ((("n_turbines",), "12"), "n_turbines: wants a whole number, has the text '12'"),
    ((("n_turbines",), 12.5), "n_turbines: wants a whole number, has 12.5"),
    ((("min_spacing_D",), math.nan), "min_spacing_D: wants a finite number, has nan"),
    (
        (("areas", 0, "boundary_m", 1, 0), math.inf),
        "areas[0].boundary_m[1][0]: wants a finite number, has inf",
    ),
    (
        (("checkpoint", "interval_s"), True),
        "checkpoint.interval_s: wants a number, has true (YAML reads yes, no, on and off as true or false)",
    ),
    ((("name",), 5), "name: wants text, has 5"),
    ((("areas",), {"a": 1}), "areas: wants a list, has keys and values"),
    ((("areas",), []), "areas: needs at least 1 area, has 0"),
    (
        (("areas", 0, "boundary_m", 2), [1, 2, 3]),
        "areas[0].boundary_m[2]: needs at most 2 coordinates, has 3",
    ),
    ((("areas", 0, "boundary_m", 2), [1]), "areas[0].boundary_m[2][1]: is missing"),
    ((("site",), 4), "site: wants keys and values, has 4"),
    ((("start", "grid"), [18, 18.0]), "start.grid[1]: wants a whole number, has 18.0"),
    ((("seeds",), 50), "seeds: wants {first: 0, count: 50} or a list of whole numbers; has 50"),
    # ranges and choices
    ((("n_turbines",), 0), "n_turbines: wants at least 1, has 0"),
    ((("min_spacing_D",), 0.9), "min_spacing_D: wants at least 1, has 0.9"),
    ((("start", "best_percent"), 101), "start.best_percent: wants at most 100, has 101"),
    ((("wake", "ct_limit"), 1), "wake.ct_limit: wants less than 1, has 1"),
    ((("wake", "A"), 0), "wake.A: wants more than 0, has 0"),
    (
        (("wake", "model"), "Janson"),
        "wake.model: wants 'TurbOPark', 'Nygaard_2022', 'NOJ', 'Jensen', 'NOJLocal', 'BastankhahGaussian', "
        "'NiayifarGaussian', 'Niayifar_PorteAgel_2016' or 'IEA37SimpleBastankhahGaussian', "
        "has the text 'Janson'; is Jensen meant?",
    ),
    (
        (("refine",), "Quick"),
        "refine: wants 'none', 'quick' or 'thorough', has the text 'Quick'; is quick meant?",
    ),
    ((("site", "lookup"), "cubic"), "site.lookup: wants 'nearest' or 'linear', has the text 'cubic'"),
    ((("seeds",), [1, -1]), "seeds[1]: wants at least 0, has -1"),
    ((("seeds", "count"), 0), "seeds.count: wants at least 1, has 0"),
    (
        (("failures", "max_failed"), "5 percent"),
        "failures.max_failed: wants a whole number of configs, a share such as 5% (0% to 100%), "
        "or null for no limit; has the text '5 percent'",
    ),
    (
        (("failures", "max_failed"), -1),
        "failures.max_failed: wants a whole number of configs, a share such as 5% (0% to 100%), "
        "or null for no limit; has -1",
    ),
    # names
    (
        (("areas", 0, "name"), "a b"),
        "areas[0].name: wants letters, digits, '_', '-' and '.', beginning with a letter or digit, "
        "has the text 'a b'",
    ),
    ((("areas", 1, "name"), "west"), "areas[1].name: 'west' is already the name of areas[0]"),
    (
        (("turbine_types", 1, "name"), "t10"),
        "turbine_types[1].name: 't10' is already the name of turbine_types[0]",
    ),
    # seeds and numbers
    ((("seeds",), [4, 5, 4]), "seeds[2]: seed 4 is already seeds[0]"),
    (
        (("seeds", "first"), 2**32 - 1),
        "seeds: the last seed must be at most 4294967295, is 4294967296",
    ),
    ((("target_capacity_MW",), 100), "n_turbines: wants n_turbines or target_capacity_MW, has both"),
    ((("n_turbines",), ABSENT), "n_turbines: is missing: n_turbines or target_capacity_MW"),
    # areas
    ((("areas", 0, "boundary_m"), SQUARE[:2]), "areas[0].boundary_m: needs at least 3 points, has 2"),
    (
        (("areas", 0, "boundary_m"), [[0, 0], [9, 9], [0, 0]]),
        "areas[0].boundary_m: needs at least 3 points, has 2",
    ),
    ((("areas", 1, "polygons_m", 1), SQUARE[:1]), "areas[1].polygons_m[1]: needs at least 3 points, has 1"),
    (
        (("areas", 0, "boundary_m"), [[0, 0], [5000, 5000], [5000, 0], [0, 5000]]),
        "areas[0].boundary_m: must not cross or touch itself, does so at (2500, 2500)",
    ),
    (
        (("areas", 0, "boundary_m"), [[0, 0], [1, 1], [2, 2]]),
        "areas[0].boundary_m: encloses no area: its 3 points lie on one line",
    ),
    (
        (("areas", 0, "exclusions_m"), [SQUARE, [[0, 0], [2, 2], [2, 0], [0, 2]]]),
        "areas[0].exclusions_m[1]: must not cross or touch itself, does so at (1, 1)",
    ),
    ((("areas", 0, "exclusions_m"), [SQUARE]), "areas[0].exclusions_m: leave nothing of the area"),
    (
        (("areas", 0, "polygons_m"), [SQUARE]),
        "areas[0]: wants one of boundary_m, polygons_m, circle_m, has boundary_m and polygons_m",
    ),
    (
        (("areas", 0, "boundary_m"), ABSENT),
        "areas[0]: needs boundary_m (one polygon), polygons_m (several) or circle_m, has none of them",
    ),
    (
        (("areas", 1, "polygons_m", 1), [[4000, 4000], [9000, 4000], [9000, 9000], [4000, 9000]]),
        "areas[1].polygons_m[1]: overlaps polygons_m[0] by 1e+06 m2",
    ),
    # site
    (
        (("site", "turbulence_intensity"), 10),
        "site.turbulence_intensity: wants 0.01 to 0.4, has 10; is this percent?",
    ),
    ((("site", "turbulence_intensity"), 0), "site.turbulence_intensity: wants 0.01 to 0.4, has 0"),
    ((("site", "weibull_k"), [2, 2, 2]), "site.weibull_k: has 3 values, wind_direction_deg has 4"),
    (
        (("site", "wind_direction_deg"), [0, 90, 180, 360]),
        "site.wind_direction_deg: wants no 360: it is the sector at 0",
    ),
    (
        (("site", "wind_direction_deg"), [0, 90, 180, 280]),
        "site.wind_direction_deg: wants 4 directions from 0 in steps of 90 degrees, has 0, 90, 180, 280",
    ),
    (
        (("site", "wind_direction_deg"), [45, 135, 225, 315]),
        "site.wind_direction_deg: wants 4 directions from 0 in steps of 90 degrees, has 45, 135, 225, 315",
    ),
    (
        (("site", "sector_probability"), [0.1, 0.2, 0.3, 0.5]),
        "site.sector_probability: must sum to 1, sums to 1.1",
    ),
    (
        (("site", "sector_probability"), [10, 20, 30, 40]),
        "site.sector_probability: must sum to 1, sums to 100; are they percent?",
    ),
    # turbine types
    (
        (("turbine_types", 1, "rated_power_MW"), 15000),
        "turbine_types[1].rated_power_MW: 15000 MW on a rotor of 240 m is a specific power of 331573 W/m2, "
        "wants 150 to 700; is this kW given as MW?",
    ),
    (
        (("turbine_types", 1, "rotor_diameter_m"), 120),
        "turbine_types[1].rated_power_MW: 15 MW on a rotor of 120 m is a specific power of 1326.29 W/m2, "
        "wants 150 to 700; is 120 m its radius?",
    ),
    (
        (("turbine_types", 1, "hub_height_m"), 119),
        "turbine_types[1].hub_height_m: 119 m is not above the rotor radius of 120 m",
    ),
]


@pytest.mark.parametrize(("edit", "line"), ONE_FAULT, ids=[line for _, line in ONE_FAULT])
def test_one_fault_is_one_line(edit, line):
    assert faults(edit) == [line]


def test_watts_given_where_megawatts_are_wanted():
    (line,) = faults((("turbine_types", 0, "rated_power_MW"), 10_000_000))
    assert line.startswith("turbine_types[0].rated_power_MW: 1e+07 MW")
    assert line.endswith("is this W given as MW?")


def test_all_faults_at_once_in_the_order_of_the_file():
    lines = faults(
        (("areas", 0, "boundary_m"), SQUARE[:2]),
        (("areas", 1, "polygons_m", 1), [[0, 0], [2, 2], [2, 0], [0, 2]]),
        (("turbine_types", 0, "rated_power_MW"), 10_000),
        (("turbine_types", 1, "hub_heigth_m"), 1),
        (("n_turbines",), ABSENT),
        (("site", "turbulence_intensity"), 12),
        (("checkpoint", "interval_s"), "30"),
    )
    assert [line.split(": ")[0] for line in lines] == [
        "areas[0].boundary_m",
        "areas[1].polygons_m[1]",
        "turbine_types[0].rated_power_MW",
        "turbine_types[1].hub_heigth_m",
        "n_turbines",
        "site.turbulence_intensity",
        "checkpoint.interval_s",
    ]


def test_faults_of_entries_do_not_make_a_list_too_short():
    (line,) = faults((("areas", 0, "boundary_m"), [[0, 0], [1, "x"], [2, 0]]))
    assert line == "areas[0].boundary_m[1][1]: wants a number, has the text 'x'"


def test_malformed_number_of_turbines_is_not_also_missing():
    assert faults((("n_turbines",), "many")) == ["n_turbines: wants a whole number, has the text 'many'"]


def test_different_names_that_join_to_the_same_key():
    lines = faults(
        (("areas", 0, "name"), "a_b"),
        (("turbine_types", 0, "name"), "c"),
        (("areas", 1, "name"), "a"),
        (("turbine_types", 1, "name"), "b_c"),
    )
    assert lines == [
        "areas[1].name: with turbine_types[1] makes the same keys, a_b_c_s..., "
        "as areas[0] with turbine_types[0]"
    ]


def test_capacity_below_one_turbine():
    lines = faults((("n_turbines",), ABSENT), (("target_capacity_MW",), 12))
    assert lines == ["target_capacity_MW: 12 MW is less than one turbine of turbine_types[1], 15 MW"]


@pytest.mark.parametrize(("scale", "percent"), [(0.2, "1.4"), (10, "0.")])
def test_impossible_capacity_factor(scale, percent):
    calm_or_storm = [scale * a for a in BASE["site"]["weibull_a_m_s"]]
    lines = faults((("site", "weibull_a_m_s"), calm_or_storm))
    assert [line.split(": ")[0] for line in lines] == ["turbine_types[0]", "turbine_types[1]"]
    assert all("wants 5 to 70 %" in line for line in lines)


def test_capacity_factor_is_that_of_a_single_turbine():
    """The number in the message against a plain integration over a single Weibull distribution."""
    site = {**BASE["site"], "weibull_a_m_s": [2.0] * 4, "weibull_k": [2.0] * 4}
    line = faults((("site",), site))[0]
    turbine = campaign().problem(0).turbine
    speed = np.arange(3, 26)
    probability = np.exp(-(((speed - 0.5) / 2) ** 2)) - np.exp(-(((speed + 0.5) / 2) ** 2))
    factor = (probability * np.interp(speed, turbine.speed, turbine.power)).sum() / 10e6
    assert f"gross capacity factor of {100 * factor:.3g} %" in line


def test_area_too_small_for_its_turbines():
    assert faults((("n_turbines",), 100)) == [
        # 2/sqrt(3) 25 km2 / (720 m)^2 + 20 km / 1440 m + 1, and the same for the two polygons of the other
        "areas[0]: is too small for 100 turbines of type t15 at 3 D = 720 m: at most 70 fit",
        "areas[1]: is too small for 100 turbines of type t15 at 3 D = 720 m: at most 97 fit",
    ]


def test_coordinates_in_kilometres():
    tiny = [[x / 1000, y / 1000] for x, y in SQUARE]
    (line,) = faults((("areas", 0, "boundary_m"), tiny))
    assert line.startswith("areas[0]: is too small")
    assert line.endswith("are the coordinates degrees or km instead of m?")


# ---------------------------------------------------------------- warnings


def test_plausible_campaign_has_no_warnings():
    assert campaign().warnings == ()


def test_warning_of_a_full_area():
    (line,) = campaign((("n_turbines",), 36)).warnings
    assert (
        line == "areas[0]: is filled to 51 % of the densest packing by 36 turbines of type t15 at 3 D = 720 m"
    )


def test_warning_of_too_few_candidate_points():
    (line,) = campaign((("start", "grid"), [4, 3])).warnings
    assert line.startswith("areas[1]: the start grid of 4 x 3 has ")
    assert "points inside, fewer than the turbines of type t10, t15" in line


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (
            (("site", "sector_probability", 3), 0.41),
            "site.sector_probability: sums to 1.01 instead of 1, used as given: "
            "every AEP is off by this factor",
        ),
        (
            (("site", "weibull_a_m_s", 0), 26),
            "site.weibull_a_m_s[0]: 26 m/s is unusual, expected 1 to 25 m/s",
        ),
        ((("site", "weibull_k", 1), 5.5), "site.weibull_k[1]: 5.5 is unusual, expected 1 to 5"),
    ],
)
def test_warnings_of_an_odd_site(edit, line):
    assert campaign(edit).warnings == (line,)


def test_probabilities_are_not_normalised():
    asked = campaign((("site", "sector_probability", 3), 0.41))
    assert asked.problem(0).site.sector_probability.sum() == pytest.approx(1.01)


# ---------------------------------------------------------------- files and YAML


def test_yaml_syntax_error_has_line_and_column():
    assert refused("name: a\nareas: [1, 2\nseeds: 3\n").startswith(
        "demo.yaml: line 3, column 6: no valid YAML:"
    )
    assert refused("name: a\n\tseeds: 3\n").startswith("demo.yaml: line 2, column 1: no valid YAML:")


def test_key_given_twice():
    text = yaml.safe_dump(BASE, sort_keys=False) + "n_turbines: 5\n"
    message = refused(text)
    line = text.count("\n")
    first = text.splitlines().index("n_turbines: 12") + 1
    assert message.splitlines() == [
        "demo.yaml: 1 fault in the campaign",
        f"  line {line}, column 1: key 'n_turbines' is given twice, first in line {first}",
    ]


def test_keys_given_twice_come_with_the_other_faults():
    message = refused(yaml.safe_dump(edited((("name",), 1))) + "n_turbines: 5\n")
    assert message.startswith("demo.yaml: 2 faults in the campaign\n")
    assert "name: wants text, has 1" in message


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_empty_file(text):
    assert refused(text) == "demo.yaml: holds no campaign; `mpi-layout init` writes a file to start from"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "demo.yaml: wants keys such as name, areas and site; has a list of 2"),
        ("name: \x01\n", "demo.yaml: line 1, column 7: character 0x1 is not allowed in YAML"),
        ("a: 1\n---\nb: 1\n", "demo.yaml: line 2, column 1: no valid YAML: but found another document"),
        ("[a]: 1\n", "demo.yaml: line 1, column 1: no valid YAML: found unhashable key"),
        ("1: a\nyes: b\n", "demo.yaml: "),
    ],
)
def test_text_that_is_no_campaign(text, message):
    assert refused(text).startswith(message)


def test_numbers_are_read_as_yaml_1_2_does():
    text = yaml.safe_dump(BASE).replace("min_spacing_D: 3", "min_spacing_D: 3e0")
    assert parse_campaign(text).min_spacing_D == 3
    # YAML 1.1 takes 010 for 8 and 1:30 for 90.
    for number in ("010", "1:30"):
        message = refused(yaml.safe_dump(BASE).replace("n_turbines: 12", f"n_turbines: {number}"))
        assert f"n_turbines: wants a whole number, has the text '{number}'" in message


def test_date_is_no_name():
    (line,) = refused(yaml.safe_dump(BASE).replace("name: demo", "name: 2024-01-31")).splitlines()[1:]
    assert line == "  name: wants text, has the date 2024-01-31 (in quotes it is text)"


def test_load_keeps_the_text_and_names_the_file(tmp_path):
    path = tmp_path / "my.yaml"
    text = "# my comment\n" + yaml.safe_dump(BASE)
    path.write_text(text, encoding="utf-8-sig")
    assert load_campaign(path).text == text
    path.write_text(text.replace("n_turbines: 12", "n_turbines: 0"))
    with pytest.raises(InputError, match=r"my\.yaml: 1 fault in the campaign"):
        load_campaign(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: there is no such campaign file"):
        load_campaign(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="is a directory"):
        load_campaign(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: a\ndescription: Ærø\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.yaml: line 2: byte 0xc6 is not UTF-8"):
        load_campaign(latin)
    with pytest.raises(InputError, match="cannot be read"):
        load_campaign(latin / "below.yaml")


def test_a_results_file_is_no_campaign(tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n\xff")
    with pytest.raises(InputError, match=r"a\.h5: is an HDF5 file, such as results are; wants a campaign"):
        load_campaign(path)
