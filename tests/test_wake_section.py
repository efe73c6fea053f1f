"""The wake section of a campaign: every model by its name, with its own parameters, from file to layout."""

import copy
import hashlib
import json
import re
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from py_wake.flow_map import Points
from reference import pywake
from reference.trial import OPTIONS, OTHER, SITE, name_of, tabulated_turbine

from mpi_layout import cli
from mpi_layout.campaign import campaign_schema, first_difference, load_campaign, parse_campaign
from mpi_layout.campaign.compare import shaping
from mpi_layout.errors import InputError
from mpi_layout.named_model import model_text, named_model
from mpi_layout.optimise.problem import Problem
from mpi_layout.optimise.solve import solve
from mpi_layout.optimise.start import SmartStart
from mpi_layout.site.area import Area
from mpi_layout.site.spacing import Spacing
from mpi_layout.site.turbine import generic_turbine
from mpi_layout.wake.candidates import CandidateEnergy
from mpi_layout.wake.farm import GWH_PER_YEAR, Farm
from mpi_layout.wake.models import MODELS, STF2017, CrespoHernandez, TurbOPark, Turbulence, usual_name

BASE = {
    "name": "c",
    "areas": [{"name": "a", "boundary_m": [[0, 0], [5000, 0], [5000, 4000], [0, 4000]]}],
    "turbine_types": [{"name": "t", "rated_power_MW": 10, "rotor_diameter_m": 195, "hub_height_m": 121}],
    "seeds": [0],
    "n_turbines": 8,
    "min_spacing_D": 3,
    "site": {
        "turbulence_intensity": 0.1,
        "wind_direction_deg": [0, 120, 240],
        "weibull_a_m_s": [9.0, 10.0, 11.0],
        "weibull_k": [2.0, 2.1, 2.2],
        "sector_probability": [0.2, 0.3, 0.5],
        "flow_cases": {"direction_step_deg": 10},
    },
}


def campaign(wake, **sections):
    return parse_campaign(yaml.safe_dump(copy.deepcopy(BASE) | {"wake": wake} | sections))


def model(wake):
    return campaign(wake).problem(0).model


def section(name, options):
    """What a campaign file would say for a model of the Python interface."""
    written = dict(options)
    if "turbulence" in written:
        added = written["turbulence"]
        written["turbulence"] = {"model": usual_name(added)} | vars(added)
    return {"model": name, **written}


# ---------------------------------------------------------------- from file to model


@pytest.mark.parametrize("name", MODELS)
def test_a_name_alone_is_the_model_with_its_defaults(name):
    assert model({"model": name}) == MODELS[name]()


@pytest.mark.parametrize(("name", "options"), [*OTHER.items(), *OPTIONS], ids=name_of)
def test_parameters_are_those_of_the_model(name, options):
    assert model(section(name, options)) == MODELS[name](**options)


def test_turbopark_needs_no_name():
    assert model({"A": 0.05}) == TurbOPark(A=0.05)


def test_a_turbulence_model_keeps_the_constants_that_its_wake_model_wants():
    changed = model(
        {"model": "Niayifar_PorteAgel_2016", "turbulence": {"model": "CrespoHernandez", "c0": 0.8}}
    )
    assert changed.turbulence == CrespoHernandez(0.8, c2=0.0325, induction="momentum")
    changed = model({"model": "NOJLocal", "turbulence": {"model": "CrespoHernandez", "c0": 0.8}})
    assert changed.turbulence == CrespoHernandez(0.8)


@pytest.mark.parametrize(
    ("wake", "message"),
    [
        ({"model": "Janson"}, "wake.model: wants 'TurbOPark', 'Nygaard_2022', 'NOJ', 'Jensen', "),
        ({"model": ["NOJ"]}, "wake.model: wants 'TurbOPark', "),
        ({"model": None}, "wake.model: wants 'TurbOPark', "),
        ("NOJ", "wake: wants keys and values, has the text 'NOJ'"),
        ({"model": "NOJ", "k": 0}, "wake.k: wants more than 0, has 0"),
        ({"model": "NOJ", "k": 1e200}, "wake.k: wants at most 100, has 1e+200"),
        ({"model": "NOJ", "k": "0.1"}, "wake.k: wants a number, has the text '0.1'"),
        ({"model": "NOJ", "k": True}, "wake.k: wants a number, has true"),
        ({"model": "NOJ", "k": float("nan")}, "wake.k: wants a finite number, has nan"),
        ({"model": "NOJ", "K": 0.1}, "wake.K: unknown key; is k meant?"),
        (
            {"model": "NOJ", "ceps": 0.2},
            "wake.ceps: unknown key; known are model, k, induction, superposition, rotor_average",
        ),
        ({"k": 0.1}, "wake.k: unknown key; known are model, A, c1, c2, ceps"),
        (
            {"model": "NOJ", "rotor_average": "gaussian_overlap"},
            "wake.rotor_average: wants 'area_overlap' or",
        ),
        ({"model": "BastankhahGaussian", "ceps": 0.1}, "wake.ceps: wants at least 0.15, has 0.1"),
        ({"model": "NiayifarGaussian", "local_speed": 1}, "wake.local_speed: "),
        (
            {"model": "NOJLocal", "turbulence": {"model": "GCL"}},
            "wake.turbulence.model: wants 'STF2017' or 'CrespoHernandez', has the text 'GCL'",
        ),
        ({"model": "NOJLocal", "turbulence": {"c0": 1}}, "wake.turbulence.model: is missing"),
        ({"model": "NOJLocal", "turbulence": "STF2017"}, "wake.turbulence: wants keys and values"),
        (
            {"model": "NOJLocal", "turbulence": {"model": "STF2017", "c3": 1}},
            "wake.turbulence.c3: unknown key; known are model, c0, c1",
        ),
        (
            {"model": "NOJLocal", "turbulence": {"model": "STF2017", "c0": -1}},
            "wake.turbulence.c0: wants more than 0, has -1",
        ),
    ],
    ids=str,
)
def test_faults_name_the_place(wake, message):
    with pytest.raises(InputError) as error:
        campaign(wake)
    head, *lines = str(error.value).splitlines()
    assert head.endswith(": 1 fault in the campaign")
    assert lines[0].strip().startswith(message)


def test_all_faults_at_once():
    with pytest.raises(InputError) as error:
        campaign({"model": "NOJLocal", "k_constant": 0, "turbulence": {"model": "STF2017", "c1": 0}, "A": 1})
    places = [line.split(":")[0].strip() for line in str(error.value).splitlines()[1:]]
    assert sorted(places) == ["wake.A", "wake.k_constant", "wake.turbulence.c1"]


# ---------------------------------------------------------------- wind without turbulence


def calm_campaign(tmp_path, wake):
    resource = {
        "name": "calm",
        "wind_resource": {
            "wind_direction": [0.0, 90.0, 180.0, 270.0],
            "wind_speed": [8.0, 10.0],
            "probability": {"dims": ["wind_direction", "wind_speed"], "data": [[0.125, 0.125]] * 4},
            "turbulence_intensity": {"dims": ["wind_direction"], "data": [0.1, 0.1, 0.0, 0.1]},
        },
    }
    (tmp_path / "resource.yaml").write_text(yaml.safe_dump(resource))
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(BASE | {"wake": wake, "site": {"file": "resource.yaml"}}))
    return load_campaign(file)


@pytest.mark.parametrize(
    "wake",
    [
        {"model": "TurbOPark"},
        {"model": "NiayifarGaussian"},
        {"model": "NOJLocal", "turbulence": {"model": "CrespoHernandez"}},
    ],
    ids=str,
)
def test_models_that_divide_by_the_turbulence_refuse_a_wind_without_it(tmp_path, wake):
    with pytest.raises(
        InputError, match=rf"wake.model: {wake['model']} needs a turbulence intensity above 0"
    ):
        calm_campaign(tmp_path, wake)


@pytest.mark.parametrize("name", ["NOJ", "NOJLocal", "BastankhahGaussian", "Niayifar_PorteAgel_2016"])
def test_the_others_take_it(tmp_path, name):
    problem = calm_campaign(tmp_path, {"model": name}).problem(0)
    farm = Farm(problem.turbine, problem.site.flow_cases(), problem.model)
    upwind, downwind = farm.effective_speed([0.0, 0.0], [0.0, 600.0]).reshape(4, 2, 2)[2].T  # wind from south
    np.testing.assert_allclose(upwind, [8.0, 10.0], rtol=1e-12)
    assert (downwind < 0.85 * upwind).all()
    assert solve(problem).aep > 0


# ---------------------------------------------------------------- JSON schema


def validator():
    return jsonschema.Draft202012Validator(campaign_schema())


@pytest.mark.parametrize(("name", "options"), [*OTHER.items(), *OPTIONS], ids=name_of)
def test_json_schema_takes_every_model(name, options):
    written = json.loads(json.dumps(BASE | {"wake": section(name, options)}))
    assert not list(validator().iter_errors(written))


@pytest.mark.parametrize(
    "wake",
    [
        {"model": "Janson"},
        {"model": "NOJ", "A": 0.04},
        {"k": 0.1},
        {"model": "NOJ", "k": 0},
        {"model": "TurbOPark", "turbulence": {"model": "STF2017"}},
        {"model": "NOJLocal", "turbulence": {"c0": 1}},
    ],
    ids=str,
)
def test_json_schema_refuses(wake):
    assert not validator().is_valid(BASE | {"wake": wake})


def test_json_schema_knows_the_parameters_and_defaults_of_each_model():
    sections = campaign_schema()["$defs"]
    for kind in MODELS.values():
        properties = sections[f"{kind.__name__}Spec"]["properties"]
        assert list(properties) == ["model", *(parameter.name for parameter in fields(kind))]
        for parameter in fields(kind):
            usual = getattr(kind(), parameter.name)
            written = properties[parameter.name]["default"]
            assert written == (
                {"model": usual_name(usual)} | vars(usual) if isinstance(usual, Turbulence) else usual
            )


def test_the_table_in_the_documentation_has_every_model_and_default():
    text = (Path(__file__).parents[1] / "docs" / "wakes.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (?:`(\w+)`)? ?\|[^|]*\| (.*) \|$", text, re.MULTILINE)
    assert {name for row in rows for name in row[:2] if name} == set(MODELS)
    for name, alias, parameters in rows:
        kind = MODELS[name]
        assert not alias or MODELS[alias] is kind
        usual = {entry.name: getattr(kind(), entry.name) for entry in fields(kind)}
        written = dict(re.findall(r"`(\w+)` ([^,]+)", parameters))
        shown = {key: usual_name(v) if isinstance(v, Turbulence) else v for key, v in usual.items()}
        assert {key: yaml.safe_load(value) for key, value in written.items()} == shown


# ---------------------------------------------------------------- digests


@pytest.mark.parametrize("changed", [{}, {"A": 0.05, "disc_mean": "exact"}], ids=str)
def test_campaigns_of_before_other_models_keep_their_digest(changed):
    # What such a campaign's digest was made of: these keys of the wake section and no others.
    usual = {"A": 0.04, "c1": 1.5, "c2": 0.8, "ceps": 0.25, "ct_limit": 0.96, "disc_mean": "pywake"}
    asked = campaign(changed)
    values = shaping(asked) | {"wake": {"model": "TurbOPark"} | usual | changed}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    assert asked.digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(("name", "options"), [*OTHER.items(), *OPTIONS], ids=name_of)
def test_digest_and_difference_know_every_parameter(name, options):
    one, other = campaign({"model": name}), campaign(section(name, options))
    if one.problem(0).model == other.problem(0).model:  # the option is the default
        assert one.digest == other.digest
        return
    assert one.digest != other.digest
    assert first_difference(one, other).startswith("wake.")


def test_another_model_is_named():
    found = first_difference(campaign({}), campaign({"model": "NOJ"}))
    assert found == "wake.model: 'TurbOPark' in the file, 'NOJ' in the campaign"


@pytest.mark.parametrize(("alias", "name"), [("Jensen", "NOJ"), ("Nygaard_2022", "TurbOPark")])
def test_two_names_of_one_model_are_one_campaign(alias, name):
    one, other = campaign({"model": alias}), campaign({"model": name})
    assert one.digest == other.digest
    assert first_difference(one, other) is None


# ---------------------------------------------------------------- the same words elsewhere


@pytest.mark.parametrize(("name", "options"), [*OTHER.items(), *OPTIONS], ids=name_of)
def test_evaluate_takes_the_same_parameters(name, options):
    parameters = section(name, options)
    assert named_model(parameters.pop("model"), parameters, "test") == MODELS[name](**options)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("STF2017", STF2017()), ("{model: CrespoHernandez, c0: 0.8}", CrespoHernandez(0.8))],
)
def test_evaluate_reads_parameters_as_yaml(tmp_path, capsys, given, expected):
    file, layout = tmp_path / "campaign.yaml", tmp_path / "layout.csv"
    file.write_text(yaml.safe_dump(BASE))
    layout.write_text("x,y,turbine_type\n0,0,t\n900,0,t\n")
    options = ["--model", "NOJLocal", "--model-parameter", "k_constant=5e-3"]
    options += ["--model-parameter", f"turbulence={given}", "--layout", str(layout), "--json"]
    assert cli.main(["evaluate", str(file), *options]) == 0
    found = json.loads(capsys.readouterr().out)["model"]
    assert (found["name"], found["k_constant"]) == ("NOJLocal", 0.005)
    assert found["turbulence"] == {"name": usual_name(expected)} | vars(expected)


def test_a_turbulence_model_by_its_name_alone():
    assert named_model("NOJLocal", {"turbulence": "CrespoHernandez"}, "test").turbulence == CrespoHernandez()


@pytest.mark.parametrize(
    ("wake", "text"),
    [
        ({"model": "Jensen"}, "NOJ"),
        ({"model": "Niayifar_PorteAgel_2016", "ceps": 0.3}, "Niayifar_PorteAgel_2016 (ceps=0.3)"),
    ],
)
def test_check_says_which_model(tmp_path, capsys, wake, text):
    assert model_text(model(wake)) == text
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(BASE | {"wake": wake}))
    assert cli.main(["check", str(file)]) == 0
    assert f"wakes:     {text}\n" in capsys.readouterr().out


# ---------------------------------------------------------------- the Python interface


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("TurbOPark", {"A": -1}, "A of TurbOPark is -1; wants more than 0 and at most 100"),
        ("TurbOPark", {"ct_limit": 1}, "ct_limit of TurbOPark is 1; wants more than 0 and less than 1"),
        (
            "BastankhahGaussian",
            {"ceps": 0.1},
            "ceps of BastankhahGaussian is 0.1; wants at least 0.15 and at most 1",
        ),
        ("Niayifar_PorteAgel_2016", {"k_constant": 0}, "k_constant of NiayifarPorteAgel is 0"),
        ("NOJ", {"k": float("nan")}, "k of NOJ is nan"),
    ],
)
def test_models_refuse_what_is_out_of_range(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        MODELS[name](**parameters)


# ---------------------------------------------------------------- the start with every model

TURBINE = generic_turbine("t", rated_power=10e6, rotor_diameter=195, hub_height=121)


@pytest.mark.parametrize("name", OTHER)
def test_a_campaign_finds_layouts_with_every_model(name):
    problem = campaign({"model": name}).problem(0)
    solution = solve(replace(problem, start=SmartStart((10, 10), 20)))
    assert solution.x.size == 8
    assert solution.min_spacing >= 3 * 195
    assert solution.max_outside == 0
    farm = Farm(problem.turbine, problem.site.flow_cases(), MODELS[name]()).aep(solution.x, solution.y)
    assert solution.aep == farm.aep
    assert 0 < solution.wake_loss < 0.4


@pytest.mark.parametrize("name", OTHER)
def test_the_best_start_beats_random_ones(name):
    area = Area.from_rings("a", [[(0, 0), (5000, 0), (5000, 4000), (0, 4000)]])
    problem = Problem(area, TURBINE, 8, Spacing(585), SITE, MODELS[name](), SmartStart((10, 10), 0), 1)
    anywhere = [solve(replace(problem, start=SmartStart((10, 10), 100), seed=seed)).aep for seed in range(3)]
    assert solve(problem).aep > max(anywhere)


@pytest.mark.parametrize("turbine", [TURBINE, tabulated_turbine()], ids=lambda turbine: turbine.name)
@pytest.mark.parametrize("name", OTHER)
def test_energies_of_candidates_are_those_of_pywakes_flow_map(name, turbine):
    seed = 4
    print("seed", seed)
    x, y = np.random.default_rng(seed).uniform(0, 20 * turbine.rotor_diameter, (2, 30))
    direction, speed = np.arange(0.0, 360, 20), np.array([6.0, 8.0, 10.0, 12.0, 14.0])
    cases = SITE.flow_cases(direction=direction, speed=speed)
    candidates = CandidateEnergy(x, y, turbine=turbine, flow_cases=cases, model=MODELS[name](), n_turbines=8)
    free = np.arange(8, 30)
    for placed in range(8):
        candidates.place(placed, free)
    simulation = pywake.ready_made(name, pywake.weibull_site(SITE, speed=speed), (turbine,))(
        x[:8], y[:8], wd=direction, ws=speed
    )
    points = simulation.flow_map(
        Points(x[8:], y[8:], np.full(22, turbine.hub_height)), wd=direction, ws=speed
    )
    local = points.WS_eff.transpose("i", "wd", "ws").values
    assert local.min() < 0.9 * speed.min()  # some stand in wakes
    expected = (simulation.windFarmModel.windTurbines.power(local) * cases.probability).sum(
        axis=(1, 2)
    ) * GWH_PER_YEAR
    np.testing.assert_allclose(candidates.at(free), expected, rtol=1e-9)
