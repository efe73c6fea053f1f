"""Campaigns that name a windIO system or energy resource."""

import contextlib
import copy
import random
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import windIO.examples.plant
import yaml

from mpi_layout.campaign import campaign_schema, load_campaign, parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.formats.safe_yaml import inline_yaml, load_yaml
from mpi_layout.plant import read_plant

EXAMPLES = Path(next(iter(windIO.examples.plant.__path__)))


def system(name):
    return next((EXAMPLES / "wind_energy_system").glob(f"*{name}*.yaml"))


CAMPAIGN = """\
name: of_a_system
system: plant/wind_energy_system/IEA37_case_study_3_wind_energy_system.yaml
seeds: [0]
n_turbines: 25
min_spacing_D: 2
"""


@pytest.fixture
def campaign_file(tmp_path):
    """A campaign in a folder with windIO's examples."""
    (tmp_path / "plant").symlink_to(EXAMPLES)
    path = tmp_path / "campaign.yaml"
    path.write_text(CAMPAIGN)
    return path


def test_a_campaign_takes_area_turbines_and_wind_from_a_system(campaign_file):
    campaign = load_campaign(campaign_file)
    problem, plant = campaign.problem(0), read_plant(system("study_3"))
    assert problem.area.geometry.equals(plant.areas[0].geometry)
    (turbine,) = plant.turbine_types.values()
    np.testing.assert_array_equal(problem.turbine.power, turbine.power)
    np.testing.assert_array_equal(problem.site.flow_cases().probability, plant.site.flow_cases().probability)
    assert campaign.configs[0].key == (
        "IEA_Wind_Task_37_Case_study_3_25WT_Wind_Farm_IEA_Wind_Task_37_10MW_Offshore_Reference_Turbine_s0"
    )


def test_its_text_needs_no_file(campaign_file):
    campaign = load_campaign(campaign_file)
    (campaign_file.parent / "plant").unlink()
    assert parse_campaign(campaign.text).digest == campaign.digest
    campaign_file.write_text(campaign.text)
    assert load_campaign(campaign_file).text == campaign.text


def test_own_sections_come_first(campaign_file):
    area = "areas: [{name: a, boundary_m: [[0, 0], [9000, 0], [9000, 9000]]}]\n"
    wind = "site: {file: plant/plant_energy_resource/UniformWeibullResource_nc.yaml}\n"
    campaign_file.write_text(CAMPAIGN + area + wind)
    campaign = load_campaign(campaign_file)
    assert campaign.configs[0].area == "a"
    expected = read_plant(system("weibull")).site.flow_cases()
    np.testing.assert_array_equal(campaign.problem(0).site.flow_cases().probability, expected.probability)


def test_the_digest_is_of_what_a_system_gives(campaign_file):
    digest = load_campaign(campaign_file).digest
    campaign_file.write_text(CAMPAIGN.replace("IEA37_case_study_3_wind_energy_system", "flow_example_epdf"))
    assert load_campaign(campaign_file).digest == digest
    campaign_file.write_text(CAMPAIGN.replace("study_3", "study_4"))
    assert load_campaign(campaign_file).digest != digest


def test_a_case_study_with_one_speed_makes_a_campaign(campaign_file):
    campaign_file.write_text(CAMPAIGN.replace("study_3", "study_1_2").replace("25", "16"))
    assert load_campaign(campaign_file).problem(0).site.flow_cases().speed.tolist() == [9.8]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "study_3",
            "study_9",
            "system: {plant}/wind_energy_system/IEA37_case_study_9_wind_energy_system.yaml: there is no such",
        ),
        (
            "system: plant/wind_energy_system/IEA37_case_study_3_wind_energy_system.yaml",
            "system: 3",
            "system: wants",
        ),
        (
            "system: plant/wind_energy_system/IEA37_case_study_3_wind_energy_system.yaml",
            "system: {a: {site: {}}}",
            "system: site.boundaries: wants polygons or a circle, has nothing",
        ),
        ("n_turbines: 25", "n_turbines: 2500", "system: gives areas[0]: "),
    ],
)
def test_faults_of_a_system_are_told_at_its_key(campaign_file, old, new, message):
    campaign_file.write_text(CAMPAIGN.replace(old, new))
    with pytest.raises(InputError) as error:
        load_campaign(campaign_file)
    assert message.format(plant=campaign_file.parent / "plant") in str(error.value)
    assert "is missing" not in str(error.value)


@pytest.mark.parametrize(("without", "valid"), [("", True), ("system", False), ("n_turbines", False)])
def test_the_json_schema_knows_that_a_system_stands_for_sections(without, valid):
    data = {key: value for key, value in yaml.safe_load(CAMPAIGN).items() if key != without}
    validator = jsonschema.Draft202012Validator(campaign_schema())
    assert validator.is_valid(data) == valid


def test_the_wind_from_a_file_of_its_own(campaign_file):
    steps = {"time": [0, 1, 2, 3], "wind_speed": [9, 10, 11, 9], "wind_direction": [0, 350, 30, 0]}
    resource = {"name": "four hours", "wind_resource": steps}
    (campaign_file.parent / "wind.yaml").write_text(yaml.safe_dump(resource))
    campaign_file.write_text(CAMPAIGN + "site: {file: wind.yaml, turbulence_intensity: 0.08}\n")
    cases = load_campaign(campaign_file).problem(0).site.flow_cases()
    assert cases.direction.tolist() == [0, 30, 350]
    assert cases.speed.tolist() == [9, 11, 10]
    assert cases.probability.tolist() == [0.5, 0.25, 0.25]
    assert set(cases.turbulence_intensity.tolist()) == {0.08}
    campaign_file.write_text(CAMPAIGN + "site: {file: wind.yaml}\n")
    with pytest.raises(InputError, match=r"site\.file: .*turbulence_intensity: is missing"):
        load_campaign(campaign_file)
    campaign_file.write_text(CAMPAIGN + "site: {file: wind.yaml, turbulence_intensity: 8}\n")
    with pytest.raises(
        InputError, match=r"site\.turbulence_intensity: wants 0.01 to 0.4, has 8; is this percent"
    ):
        load_campaign(campaign_file)


def changed_wind(campaign_file, name, **wind):
    """Text of a campaign with a system of windIO's, whose wind resource is changed."""
    campaign_file.write_text(CAMPAIGN.replace("IEA37_case_study_3_wind_energy_system", system(name).stem))
    data, _ = load_yaml(load_campaign(campaign_file).text, "campaign")
    ((given),) = data["system"].values()
    resource = given["site"]["energy_resource"]["wind_resource"]
    for key, change in wind.items():
        resource[key]["data"] = np.vectorize(change)(resource[key]["data"]).tolist()
    return inline_yaml(data)


def test_sectors_of_a_system_in_km_per_hour_are_odd(campaign_file):
    assert parse_campaign(changed_wind(campaign_file, "weibull")).warnings == ()
    told = parse_campaign(changed_wind(campaign_file, "weibull", weibull_a=lambda a: 3.6 * a)).warnings
    assert len(told) == 12
    assert told[0].startswith(
        "system: gives site.file: plant/wind_energy_system/flow_example_weibull_pdf.yaml: "
    )
    assert told[0].endswith("wind_resource.weibull_a[0]: 33.0369 m/s is unusual, expected 1 to 25 m/s")


def test_the_wind_of_a_system_is_a_climate(campaign_file):
    text = changed_wind(campaign_file, "weibull", weibull_a=lambda a: 1000 * a)
    with pytest.raises(
        InputError, match=r"gives turbine_types\[0\]: a single turbine has a gross capacity factor of"
    ):
        parse_campaign(text)


def test_turbulence_of_a_system_is_no_percentage(campaign_file):
    text = changed_wind(campaign_file, "weibull", turbulence_intensity=lambda ti: 100 * ti)
    with pytest.raises(InputError, match=r"turbulence_intensity: wants 0 to 0.4, has 7.5; is this percent\?"):
        parse_campaign(text)
    (told,) = parse_campaign(changed_wind(campaign_file, "timeseries")).warnings
    assert told.endswith(
        "wind_resource.turbulence_intensity[0]: wants 0.001 to 1, has 2.61894; is this percent?"
    )


NOT_FINITE = [float("nan"), float("inf")]
HARM = [None, True, 0, -1, 1e300, 10**30, *NOT_FINITE, "", "x", [], {}, [1], [[1], 2], {"a": 1}]


def places(value, path=()):
    """Paths of all that is below a value; of a long list only the first entries."""
    if isinstance(value, list):
        value = dict(enumerate(value[:3]))
    for key, below in value.items() if isinstance(value, dict) else ():
        yield (*path, key)
        yield from places(below, (*path, key))


def harmed(value, path, harm):
    """The value with something else, or nothing (an ellipsis), at a path."""
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if harm is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = harm
    return changed


@pytest.mark.parametrize("example", ["study_1_2", "study_3", "timeseries", "weibull"])
def test_a_harmed_system_in_a_campaign_is_sound_or_a_fault(campaign_file, example):
    """The text of a campaign may come from anybody, and its system is not validated by windIO again."""
    name = system(example).stem
    campaign_file.write_text(CAMPAIGN.replace("IEA37_case_study_3_wind_energy_system", name))
    data, _ = load_yaml(load_campaign(campaign_file).text, "campaign")
    ((source, sound),) = data["system"].items()
    seed = random.randrange(2**32)
    print("seed", seed)
    choice = random.Random(seed)
    for path in choice.sample(list(places(sound)), 40):
        data["system"] = {source: harmed(sound, path, choice.choice([*HARM, ...]))}
        with contextlib.suppress(InputError):  # and nothing else
            parse_campaign(inline_yaml(data)).problem(0)
