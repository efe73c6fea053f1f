"""The refine section of a campaign: what it may say, what it shapes, and what a results file keeps of it."""

import json
from dataclasses import asdict, fields

import jsonschema
import numpy as np
import pytest
import yaml

from mpi_layout import cli
from mpi_layout.campaign import campaign_schema, first_difference, load_campaign, parse_campaign
from mpi_layout.campaign.compare import shaping
from mpi_layout.errors import InputError
from mpi_layout.formats.safe_yaml import inline_yaml
from mpi_layout.optimise.refine import STAGES
from mpi_layout.optimise.refinement import NO_REFINEMENT, PRESETS, Refinement
from mpi_layout.results.file import create_results, open_writer
from mpi_layout.results.reader import open_reader
from mpi_layout.results.verify import verify

QUICK = Refinement(gradient=40, polish=5)
WRITTEN = inline_yaml(asdict(QUICK))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Preset of numbers that only these tests have."""
    monkeypatch.setitem(PRESETS, "quick", QUICK)


@pytest.fixture
def text(small_campaign_text):
    return small_campaign_text


@pytest.mark.parametrize(
    ("refine", "made"),
    [
        ("none", NO_REFINEMENT),
        ("{}", NO_REFINEMENT),
        ("quick", QUICK),
        ("{preset: quick}", QUICK),
        ("{preset: quick, polish: 100, relocation: 7}", Refinement(gradient=40, relocation=7, polish=100)),
        ("{preset: quick, gradient: 0}", Refinement(polish=5)),
        ("{annealing: 3}", Refinement(annealing=3)),
        ("\n  preset: quick\n  expansion: 1000000000", Refinement(expansion=10**9, gradient=40, polish=5)),
    ],
)
def test_section_gives_budgets(text, refine, made):
    campaign = parse_campaign(f"{text}refine: {refine}\n")
    assert campaign.refine == campaign.problem(0).refine == made
    values = yaml.safe_load(f"refine: {refine}")["refine"]
    jsonschema.validate(yaml.safe_load(text) | {"refine": values}, campaign_schema())


@pytest.mark.parametrize(
    ("refine", "line"),
    [
        ("fast", "refine: wants 'none', 'quick' or 'thorough', has the text 'fast'"),
        ("{preset: fast}", "refine.preset: wants 'none', 'quick' or 'thorough', has the text 'fast'"),
        ("{gradient: -1}", "refine.gradient: wants at least 0, has -1"),
        ("{gradient: 2.5}", "refine.gradient: wants a whole number, has 2.5"),
        ("{polish: 1000000001}", "refine.polish: wants at most 1e+09, has 1000000001"),
        ("{gradeint: 1}", "refine.gradeint: unknown key; is gradient meant?"),
        (
            "7",
            "refine: wants none, quick, thorough or budgets such as {preset: quick, polish: 100}; has 7",
        ),
        (
            "no",
            "refine: wants none, quick, thorough or budgets such as {preset: quick, polish: 100}; has false "
            "(YAML reads yes, no, on and off as true or false)",
        ),
    ],
)
def test_faults_are_named(text, refine, line):
    with pytest.raises(InputError) as caught:
        parse_campaign(f"{text}refine: {refine}\n")
    assert str(caught.value).splitlines()[1:] == [f"  {line}"]


@pytest.mark.parametrize("refine", ["none", "{}", "{gradient: 0, polish: 0}"])
def test_without_a_budget_a_campaign_is_what_it_was(text, refine):
    plain = parse_campaign(text)
    assert plain.refine == NO_REFINEMENT
    assert "refine" not in shaping(plain)  # so that older results files belong to it
    other = parse_campaign(f"{text}refine: {refine}\n")
    assert other.digest == plain.digest
    assert first_difference(plain, other) is None


def test_budgets_shape_results(text):
    def asked(refine):
        return parse_campaign(f"{text}refine: {refine}\n")

    assert asked("quick").digest == asked(WRITTEN).digest == asked("{gradient: 40, polish: 5}").digest
    assert asked("quick").digest != asked("{preset: quick, polish: 6}").digest
    difference = first_difference(asked("quick"), asked("{gradient: 41, polish: 5}"))
    assert difference == "refine.gradient: 40 in the file, 41 in the campaign"


@pytest.mark.parametrize(
    ("refine", "written"),
    [
        ("refine: quick", f"refine: {WRITTEN}"),
        ('"refine":   "quick"  # more later', f'"refine":   {WRITTEN}  # more later'),
        ("refine: {preset: quick, polish: 5} # a", f"refine: {WRITTEN} # a"),
        (
            "refine:\n  # b\n  preset: quick  # c\n  polish: 5 # d\n# e",
            f"refine:\n  # b\n  {WRITTEN} # d\n# e",
        ),
        ("refine: &budgets {preset: quick}", f"refine: {WRITTEN}"),
        ("refine: none  # f", "refine: none  # f"),
        ("refine: {gradient: 40}", "refine: {gradient: 40}"),
    ],
)
def test_text_has_the_numbers_of_a_preset(tmp_path, text, refine, written):
    before, after = text.split("n_turbines: 5\n")
    path = tmp_path / "campaign.yaml"
    path.write_text(f"{before}{refine}\nn_turbines: 5\n{after}")
    campaign = load_campaign(path)
    assert campaign.text == f"{before}{written}\nn_turbines: 5\n{after}"
    again = parse_campaign(campaign.text)
    assert (again.text, again.digest, again.refine) == (campaign.text, campaign.digest, campaign.refine)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: &n quick", "refine: *n"),
        ("seeds: {first: 0, count: &n 5}", "refine: {preset: quick, polish: *n}"),
    ],
)
def test_preset_within_an_alias_is_refused(text, before, after):
    key = before.split(":")[0]
    lines = [before if line.startswith(key + ":") else line for line in text.splitlines()]
    with pytest.raises(InputError, match="refine: wants its value written here, without aliases or merges"):
        parse_campaign("\n".join([*lines, after]))


def test_rows_of_two_meanings_of_a_preset_do_not_mix(tmp_path, text, monkeypatch):
    path = tmp_path / "results.h5"
    campaign = parse_campaign(f"{text}refine: quick\n")
    create_results(path, campaign)
    open_writer(path, campaign).close()
    monkeypatch.setitem(PRESETS, "quick", Refinement(gradient=50, polish=5))
    later = parse_campaign(f"{text}refine: quick\n")
    with pytest.raises(InputError, match=r"refine\.gradient: 40 in the file, 50 in the campaign"):
        open_writer(path, later)
    assert open_reader(path).campaign.refine == QUICK


def test_rows_tell_of_the_search(tmp_path, text, monkeypatch):
    """A stage of ten evaluations, of which each moves the farm's first turbine by a metre at most."""

    def wander(search, x, y, budget):
        best = search.farm.aep(x, y).aep
        for _ in range(budget):
            moved = x.copy()
            moved[0] += search.random.uniform(-1, 1)
            aep = search.note(moved, y).aep
            if aep > best and search.rules.fault(moved, y) is None:
                x, best = moved, aep
        return x, y

    for name in list(STAGES):
        monkeypatch.delitem(STAGES, name)
    monkeypatch.setitem(STAGES, "gradient", wander)
    campaign, path = tmp_path / "small.yaml", tmp_path / "small.h5"
    campaign.write_text(f"{text}refine: {{gradient: 10}}\n")
    assert cli.main(["run", str(campaign), "-o", str(path)]) == 0
    results = open_reader(path)
    assert list(verify(results)) == []
    assert (results.rows["aep"] >= results.rows["start_aep"]).all()
    assert (results.rows["aep"] > results.rows["start_aep"]).any()
    assert results.rows["evaluations"].tolist() == [12] * 12  # the start, ten on the way, the end
    for number in range(12):
        evaluations, aep = results.trace(number)
        assert evaluations[:12].tolist() == list(range(1, 13))
        assert (aep[0], aep[-1]) == (results.rows["start_aep"][number], results.rows["aep"][number])
        assert np.ptp(aep) < 0.01 * aep[0]


def test_schema_command_describes_the_section(capsys):
    assert cli.main(["schema"]) == 0
    section = json.loads(capsys.readouterr().out)["$defs"]["RefinementSpec"]["properties"]
    assert list(section) == ["preset", *(field.name for field in fields(Refinement))]
    assert all(value["description"] for value in section.values())
