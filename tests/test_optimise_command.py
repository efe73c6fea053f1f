"""mpi-layout optimise: one farm from a windIO system, many starts, the best layout."""

import csv
import json
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import windIO.examples.plant
import yaml

from mpi_layout import cli
from mpi_layout.campaign import parse_campaign
from mpi_layout.compare.diff import diff
from mpi_layout.errors import ConfigError, InputError
from mpi_layout.formats.yaml_include import load_with_includes
from mpi_layout.optimise.solve import solve
from mpi_layout.plant import read_layouts
from mpi_layout.results.reader import open_reader

EXAMPLES = Path(next(iter(windIO.examples.plant.__path__))) / "wind_energy_system"
SMALL = ("--turbines", "5", "--starts", "4", "--refine", "none")
BEST = ("farm.best.csv", "farm.best.png", "farm.best.yaml")


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Plain values of a windIO system, case study 3 of IEA Wind Task 37; in its folder the tests run."""
    monkeypatch.chdir(tmp_path)
    return load_with_includes(EXAMPLES / "IEA37_case_study_3_wind_energy_system.yaml", "system")


@pytest.fixture
def farm(system, tmp_path):
    """The file farm.yaml of that system."""
    path = tmp_path / "farm.yaml"
    path.write_text(yaml.safe_dump(system))
    return path


def aep_of(file, capsys):
    capsys.readouterr()
    assert cli.main(["evaluate", str(file), "--json"]) == 0
    return [layout["aep_GWh"] for layout in json.loads(capsys.readouterr().out)["layouts"]]


# ---------------------------------------------------------------- launches


def test_stopped_and_resumed_on_three_ranks_gives_what_one_process_gives(farm, start, launch, tmp_path):
    slow = start("optimise", farm.name, *SMALL, how={"seconds": 1.0})
    while "waiting" not in slow.process.stderr.readline():
        pass
    slow.signal(signal.SIGTERM)
    assert slow.wait().code == 75
    assert not list(tmp_path.glob("farm.best.*"))
    resumed = launch("optimise", farm.name, *SMALL, ranks=3)
    assert resumed.code == 0, resumed.err
    alone = launch("optimise", farm.name, *SMALL, "-o", "alone.h5")
    assert alone.code == 0, alone.err
    assert alone.out == resumed.out
    assert "4 of 4 starts" in alone.out
    assert diff(open_reader(tmp_path / "farm.h5"), open_reader(tmp_path / "alone.h5")).equal
    for name in BEST:
        assert (tmp_path / name).read_bytes() == (tmp_path / name.replace("farm", "alone")).read_bytes()


def test_wrong_input_ends_all_ranks(farm, launch):
    ended = launch("optimise", farm.name, "--model", "Nonsense", ranks=2)
    assert ended.code == 2
    assert ended.err.count("no wake model is called 'Nonsense'") == 1


# ---------------------------------------------------------------- what comes out


def test_the_best_layout_is_the_system_with_it(farm, system, tmp_path, capsys):
    assert cli.main(["optimise", "farm.yaml", *SMALL]) == 0
    results = open_reader(tmp_path / "farm.h5")
    best = results.rows[np.argmax(results.rows["aep"])]
    out = yaml.safe_load((tmp_path / "farm.best.yaml").read_text())
    assert out["wind_farm"]["layouts"] == [
        {"coordinates": {"x": best["x"].tolist(), "y": best["y"].tolist()}}
    ]
    out["wind_farm"]["layouts"] = system["wind_farm"]["layouts"]
    assert out == system
    assert aep_of(tmp_path / "farm.best.yaml", capsys) == pytest.approx([best["aep"]], rel=1e-12)
    with open(tmp_path / "farm.best.csv") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["x_m"]) for line in lines] == best["x"].tolist()
    assert {line["key"] for line in lines} == {best["key"].decode()}


def test_the_table_compares_with_the_given_layout_of_a_system_as_it_is(farm, system, tmp_path, capsys):
    assert cli.main(["optimise", "farm.yaml", "--starts", "3", "--refine", "none"]) == 0
    table = capsys.readouterr().out
    rows = open_reader(tmp_path / "farm.h5").rows
    (given,) = aep_of(farm, capsys)
    order = np.argsort(rows["aep"])
    for name, number in (("worst", order[0]), ("median", order[1]), ("best", order[2])):
        (line,) = (line for line in table.splitlines() if line.startswith(name))
        aep = rows["aep"][number]
        assert line.split()[1] == f"{aep:,.3f}"
        assert line.split()[-2:] == [f"{100 * (aep / given - 1):+.3f}", "%"]
    assert re.search(rf"given: layouts\[0\] +{given:,.3f}", table)
    # The case study's example has rounded coordinates, on the edge of its area.
    assert re.search(r"as it was given, breaks a rule: a turbine stands 0\.0\d+ m outside", table)
    assert "3 of 3 starts" in table
    # What no option says is the system's.
    campaign = open_reader(tmp_path / "farm.h5").campaign
    assert campaign.wake.model == "BastankhahGaussian"
    assert campaign.configs[0].n_turbines == 25
    assert campaign.problem(0).spacing.least == 2 * campaign.configs[0].rotor_diameter
    assert list(campaign.configs.seeds) == [0, 1, 2]


def test_options_come_first(farm, capsys):
    options = ["--model", "NOJ", "--model-parameter", "k=0.03", "--min-spacing-D", "2.5", "--seed-first", "7"]
    assert cli.main(["optimise", "farm.yaml", *SMALL, *options]) == 0
    campaign = open_reader(Path("farm.h5")).campaign
    assert (campaign.wake.model, campaign.wake.k) == ("NOJ", 0.03)
    assert campaign.problem(0).spacing.least == 2.5 * campaign.configs[0].rotor_diameter
    assert list(campaign.configs.seeds) == [7, 8, 9, 10]
    assert "given" not in capsys.readouterr().out  # 25 turbines are no 5


def test_a_campaign_with_one_area_and_type(small_campaign_text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = yaml.safe_load(small_campaign_text)
    data["areas"], data["turbine_types"] = data["areas"][:1], data["turbine_types"][1:]
    del data["seeds"]  # the starts take their place
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(data))
    assert cli.main(["optimise", "own.yaml", "--starts", "2", "--refine", "none"]) == 0
    results = open_reader(tmp_path / "own.h5")
    assert results.keys == ["a_t15_s0", "a_t15_s1"]
    assert results.campaign.min_spacing_D == 3
    farm = yaml.safe_load((tmp_path / "own.best.yaml").read_text())
    assert farm["turbines"]["name"] == "t15"


def test_the_given_layout_is_a_start(farm, system, tmp_path, capsys):
    assert cli.main(["optimise", "farm.yaml", "--starts", "2", "--refine", "none"]) == 0
    row, other = open_reader(tmp_path / "farm.h5").rows
    (layout,) = read_layouts(farm)
    # It stands some cm outside; what is moved is moved by no more than it takes to keep the rules.
    moved = np.hypot(row["x"] - layout.x, row["y"] - layout.y)
    outside = open_reader(tmp_path / "farm.h5").campaign.problem(0).area.distance_outside(layout.x, layout.y)
    assert moved.max() < 2 * outside.max() + 0.01
    assert not moved[outside == 0].any()
    assert row["max_outside"] == 0
    assert np.hypot(other["x"] - layout.x, other["y"] - layout.y).max() > 100
    # A layout that keeps the rules is taken as it is.
    assert cli.main(["optimise", "farm.best.yaml", "--starts", "1", "--refine", "none"]) == 0
    best = open_reader(tmp_path / "farm.best.h5").rows[0]
    first = max((row, other), key=lambda row: row["aep"])
    assert (best["x"].tolist(), best["y"].tolist()) == (first["x"].tolist(), first["y"].tolist())
    later = ["--starts", "1", "--seed-first", "1", "--refine", "none", "-o", "other.h5"]
    assert cli.main(["optimise", "farm.yaml", *later]) == 0
    assert open_reader(tmp_path / "other.h5").rows["start_aep"][0] == pytest.approx(other["aep"], rel=1e-12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_turbines": 3}, "start.layouts_m[0]: has 2 turbines, wants 3"),
        ({"system": None}, "start.layouts_m: wants a campaign with one area and one turbine type"),
        ({"start": {"layouts_m": [[[0, float("inf")], [1, 2]]]}}, "start.layouts_m"),
    ],
)
def test_wrong_layouts_to_start_from(small_campaign_text, change, said):
    data = yaml.safe_load(small_campaign_text)
    data |= {"n_turbines": 2, "start": {"layouts_m": [[[0, 0], [5000, 5000]]]}}
    if "system" not in change:
        data["areas"], data["turbine_types"] = data["areas"][:1], data["turbine_types"][:1]
    with pytest.raises(InputError, match=re.escape(said)):
        parse_campaign(yaml.safe_dump(data | change))


def test_a_layout_that_cannot_keep_the_rules_fails_with_the_reason(small_campaign_text):
    data = yaml.safe_load(small_campaign_text)
    data |= {"areas": [{"name": "tiny", "boundary_m": [[0, 0], [700, 0], [700, 100], [0, 100]]}]}
    data |= {"turbine_types": data["turbine_types"][1:], "n_turbines": 2}
    data |= {"start": {"layouts_m": [[[0, 0], [600, 0]]]}}
    with pytest.raises(ConfigError, match="no layout of 2 turbines found in area tiny that keeps 720 m"):
        solve(parse_campaign(yaml.safe_dump(data)).problem(0))


def test_without_matplotlib_there_is_no_picture(farm, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mpi_layout.commands.best_files.can_draw", lambda: False)
    assert cli.main(["optimise", "farm.yaml", *SMALL]) == 0
    assert sorted(file.name for file in tmp_path.glob("farm.best.*")) == ["farm.best.csv", "farm.best.yaml"]


# ---------------------------------------------------------------- more starts


def test_more_starts_go_on_from_those_that_are_done(farm, tmp_path, capsys):
    def optimise(starts, *options):
        arguments = ["optimise", "farm.yaml", "--turbines", "5", "--refine", "none", "--starts", str(starts)]
        return cli.main([*arguments, *options])

    assert optimise(2) == 0
    first = open_reader(tmp_path / "farm.h5").rows
    assert optimise(5) == 0
    more = open_reader(tmp_path / "farm.h5")
    assert more.rows[:2].tobytes() == first.tobytes()
    assert more.rows["launch"].tolist() == [0, 0, 1, 1, 1]
    assert [launch.configs_done for launch in more.launches] == [2, 3]
    assert optimise(5, "-o", "straight.h5") == 0
    assert diff(more, open_reader(tmp_path / "straight.h5")).equal
    for name in ("farm.best.yaml", "farm.best.csv"):
        assert (tmp_path / name).read_bytes() == (tmp_path / name.replace("farm", "straight")).read_bytes()
    assert not list(tmp_path.glob(".*"))
    assert cli.main(["verify", "farm.h5"]) == 0


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (["--starts", "3"], "seeds.count: 4 in the file, 3 in the campaign"),
        (["--starts", "9", "--seed-first", "2"], "seeds.first: 0 in the file, 2 in the campaign"),
        (["--starts", "9", "--turbines", "6"], "seeds.count: 4 in the file, 9 in the campaign"),
    ],
)
def test_a_file_with_starts_that_are_not_wanted_stays_as_it_is(farm, tmp_path, capsys, then, said):
    assert cli.main(["optimise", "farm.yaml", *SMALL]) == 0
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert cli.main(["optimise", "farm.yaml", *SMALL, *then]) == 2
    assert said in capsys.readouterr().err
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


# ---------------------------------------------------------------- what is refused


def test_no_layout_and_no_turbines(system, tmp_path, capsys):
    system["wind_farm"]["layouts"] = []
    (tmp_path / "farm.yaml").write_text(yaml.safe_dump(system))
    assert cli.main(["optimise", "farm.yaml", "--starts", "1"]) == 2
    assert (
        "farm.yaml: wind_farm.layouts: has no turbines; say how many with --turbines"
        in capsys.readouterr().err
    )
    assert cli.main(["optimise", "farm.yaml", *SMALL]) == 0


def test_several_turbine_types(system, tmp_path, capsys):
    farm = system["wind_farm"]
    turbine = farm.pop("turbines")
    farm["turbine_types"] = {0: turbine, 1: turbine | {"name": "another"}}
    (tmp_path / "farm.yaml").write_text(yaml.safe_dump(system))
    assert cli.main(["optimise", "farm.yaml", *SMALL]) == 2
    assert "wind_farm.turbine_types: wants one turbine type, has 2: 0, 1" in capsys.readouterr().err


def test_layouts_of_several_sizes(system, tmp_path, capsys):
    layouts = system["wind_farm"]["layouts"]
    first = layouts[0] if isinstance(layouts, list) else layouts
    fewer = {axis: values[:20] for axis, values in first["coordinates"].items()}
    system["wind_farm"]["layouts"] = [first, {"coordinates": fewer}]
    (tmp_path / "farm.yaml").write_text(yaml.safe_dump(system))
    assert cli.main(["optimise", "farm.yaml"]) == 2
    assert "have 20 to 25 turbines; say how many with --turbines" in capsys.readouterr().err


def test_a_campaign_of_several_kinds(small_campaign, monkeypatch, capsys):
    monkeypatch.chdir(small_campaign.parent)
    assert cli.main(["optimise", "small.yaml"]) == 2
    assert "has 4 pairs of an area and a turbine type, wants one" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "- a list", "areas: [", "name: nothing else\n"])
def test_what_is_neither_system_nor_campaign(tmp_path, monkeypatch, capsys, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "farm.yaml").write_text(text)
    assert cli.main(["optimise", "farm.yaml"]) == 2
    assert "farm.yaml" in capsys.readouterr().err


def test_neighbours_of_a_results_file_count(small_campaign_text, straight, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = yaml.safe_load(small_campaign_text)
    data["areas"], data["turbine_types"] = data["areas"][:1], data["turbine_types"][1:]
    data["neighbours"] = [{"results": str(straight.path), "key": "b_t10_s0"}]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(data))
    assert cli.main(["optimise", "own.yaml", "--starts", "1", "--refine", "quick"]) == 0
    assert open_reader(tmp_path / "own.h5").rows["external_wake_loss"][0] > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--starts", "0"], "wants a whole number from 1 on; has '0'"),
        (["--min-spacing-D", "nan"], "wants a number; has 'nan'"),
        (["--min-spacing-D", "0.5"], "min_spacing_D"),
        (["--turbines", "90000"], "is too small for 90000 turbines"),
        (["--model-parameter", "k=1"], "wants --model, whose parameter it is"),
        (["--model", "NOJ", "--model-parameter", "k=blue"], "--model: NOJ"),
        (["-o", "farm.yaml"], "is the campaign itself"),
    ],
)
def test_wrong_options(farm, tmp_path, capsys, options, said):
    before = sorted(tmp_path.iterdir())
    assert cli.main(["optimise", "farm.yaml", *options]) == 2
    assert said in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_code_of_a_campaign_needs_leave(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    examples = Path(__file__).parents[1] / "examples"
    for name in ("cable_cost.yaml", "cable_cost.py"):
        (tmp_path / name).write_text((examples / name).read_text())
    command = ["optimise", "cable_cost.yaml", "--starts", "1", "--refine", "none"]
    assert cli.main(command) == 2
    assert "--allow-code" in capsys.readouterr().err
    assert cli.main([*command, "--allow-code"]) == 0
    assert "objective" in capsys.readouterr().out.splitlines()[1]


def test_files_of_others_are_not_replaced(farm, tmp_path, capsys):
    precious = tmp_path / "farm.best.csv"
    precious.write_text("precious")
    assert cli.main(["optimise", "farm.yaml", *SMALL]) == 2
    assert "farm.best.csv: exists already" in capsys.readouterr().err
    assert precious.read_text() == "precious"
    assert not (tmp_path / "farm.h5").exists()
    assert cli.main(["optimise", "farm.yaml", *SMALL, "--force"]) == 0
    assert precious.read_text().startswith("key,")


def test_another_farm_in_the_results_file(farm, tmp_path, capsys):
    assert cli.main(["optimise", "farm.yaml", *SMALL]) == 0
    (tmp_path / "farm.best.csv").unlink()
    assert cli.main(["optimise", "farm.yaml", *SMALL]) == 0  # nothing to do but to write it again
    assert (tmp_path / "farm.best.csv").exists()
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    capsys.readouterr()
    assert cli.main(["optimise", "farm.yaml", *SMALL, "--min-spacing-D", "3"]) == 2
    assert "min_spacing_D: 2.0 in the file, 3.0 in the campaign" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
