"""The objective section of campaign files: prices, functions, and that code runs only with leave."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from mpi_layout import cli
from mpi_layout.campaign import campaign_schema, load_campaign, parse_campaign
from mpi_layout.campaign.compare import first_difference
from mpi_layout.errors import InputError
from mpi_layout.optimise.refinement import Refinement
from mpi_layout.optimise.search import Search
from mpi_layout.optimise.solve import solve
from mpi_layout.optimise.user_code import CodeRefusedError, text_fault
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.solver import BugError, Solver
from mpi_layout.results.reader import open_reader
from mpi_layout.results.storage.row import Status, seal
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.verify import verify

EXAMPLES = Path(__file__).parents[1] / "examples"
STEPS = {
    "wind_direction_deg": [0, 90, 90, 200, 310],
    "wind_speed_m_s": [8, 9, 9, 10, 11],
}
CSV = """\
wind_direction_deg,wind_speed_m_s,spot
0,8,40
90,9,-5
90,9,70
200,10,20
310,11,10
"""
CODE = "def value(layout):\n    return layout.aep - layout.x.sum() / 1e4\n"


def text(small_campaign_text, objective, **changes):
    data = yaml.safe_load(small_campaign_text) | {"seeds": [0], "objective": objective} | changes
    return yaml.safe_dump(data | {"areas": data["areas"][:1], "turbine_types": data["turbine_types"][:1]})


@pytest.fixture
def made(small_campaign_text):
    """Campaign of an objective."""
    return lambda objective, **changes: parse_campaign(text(small_campaign_text, objective, **changes))


@pytest.fixture
def written(small_campaign_text, tmp_path):
    """File of a campaign with an objective, and others beside it."""

    def written(objective, files=(), **changes):
        for name, content in dict(files).items():
            (tmp_path / name).write_text(content)
        path = tmp_path / "campaign.yaml"
        path.write_text(text(small_campaign_text, objective, **changes))
        return path

    return written


def series(**steps):
    return {"turbulence_intensity": 0.1, "time_series": STEPS | steps}


def faults(load, *arguments, **changes):
    with pytest.raises(InputError) as error:
        load(*arguments, **changes)
    return [line.strip() for line in str(error.value).splitlines()[1:]]


# ---------------------------------------------------------------- what it means


def test_without_the_section_nothing_changes(made, small_campaign_text):
    plain = yaml.safe_load(text(small_campaign_text, "aep"))
    del plain["objective"]
    before = parse_campaign(yaml.safe_dump(plain))
    assert made("aep").digest == before.digest
    assert "objective" not in before.model_dump(exclude_defaults=True)
    assert made({"price": {"per_MWh": 50}}).digest != before.digest


@pytest.mark.parametrize(
    ("price", "direction", "speed", "expected"),
    [
        ({"per_MWh": 40}, [0, 200], [5, 12], [40, 40]),
        ({"wind_direction_deg": [0, 180], "per_MWh": [10, 30]}, [0, 90], [5, 12], [10, 20]),
        ({"wind_speed_m_s": [5, 15], "per_MWh": [50, 10]}, [0, 90], [5, 10], [50, 30]),
        (
            {"wind_direction_deg": [0, 180], "wind_speed_m_s": [5, 15], "per_MWh": [[1, 2], [3, 4]]},
            [0, 180],
            [5, 15],
            [1, 4],
        ),
        (
            {"wind_speed_m_s": [5, 15], "per_MWh": [50, -50], "negative": "stop"},
            [0, 0],
            [5, 12],
            [50, 0],
        ),
    ],
)
def test_prices_by_wind(made, price, direction, speed, expected):
    objective = made({"price": price}).problem(0).objective
    np.testing.assert_allclose(objective.wind.prices.at(direction, speed), expected, atol=1e-12)


def step_worth(prices, problem, x, y):
    """Worth of the energy of each step at its price, currency per year, one step after the other."""
    energy = 0.0
    speed = problem.farm().effective_speed(x, y)
    cases = problem.site.flow_cases()
    directions = np.repeat(cases.direction, cases.count)
    for direction, wind, price in zip(*STEPS.values(), prices, strict=True):
        (case,) = np.flatnonzero((directions == direction) & (cases.speed == wind))
        energy += max(price, 0) * problem.turbine.power_at(speed[case]).sum() * 8760e-6 / len(prices)
    return energy


PRICES = [40, -5, 70, 20, 10]


def test_prices_step_by_step(made):
    campaign = made({"price": {"per_MWh": PRICES, "negative": "stop"}}, site=series())
    problem = campaign.problem(0)
    x, y = np.array([0.0, 1000, 1000, 3000, 0]), np.array([0.0, 0, 1500, 2500, 4000])
    assert Search(problem).value(x, y) == pytest.approx(step_worth(PRICES, problem, x, y), rel=1e-12)


def test_prices_in_a_column_of_the_wind_s_file(written, made):
    site = {"turbulence_intensity": 0.1, "time_series": {"file": "wind.csv"}}
    price = {"column": "spot", "negative": "stop"}
    path = written({"price": price}, {"wind.csv": CSV}, site=site)
    from_file, inline = (
        solve(campaign.problem(0))
        for campaign in (
            load_campaign(path),
            made({"price": {"per_MWh": PRICES, "negative": "stop"}}, site=series()),
        )
    )
    assert from_file.objective == inline.objective
    assert from_file.x.tobytes() == inline.x.tobytes()
    again = parse_campaign(load_campaign(path).text)  # needs no file
    assert solve(again.problem(0)).objective == inline.objective


def test_steps_left_out_need_no_price_and_those_that_count_do(written):
    site = {"turbulence_intensity": 0.1, "time_series": {"file": "wind.csv", "missing": "skip"}}
    price = {"column": "spot", "negative": "stop"}
    no_wind = CSV.replace("200,10,20", ",10,20").replace("310,11,10", ",,")
    problem = load_campaign(written({"price": price}, {"wind.csv": no_wind}, site=site)).problem(0)
    assert problem.objective.mean_price == pytest.approx((40 + 0 + 70) / 3)
    found = faults(load_campaign, written({"price": price}, {"wind.csv": CSV.replace(",20", ",")}, site=site))
    assert found == [
        "objective.price.column: wind.csv: line 5: has a wind that counts, and no spot",
    ]


def test_neighbours_count_in_what_energy_is_worth(made):
    price = {"price": {"wind_direction_deg": [90, 270], "per_MWh": [10, 50]}}
    neighbours = [{"positions_m": [[-1500, 1000], [-1500, 3000]]}]
    alone, beside = made(price).problem(0), made(price, neighbours=neighbours).problem(0)
    x, y = np.array([0.0, 1000, 1000, 3000, 0]), np.array([0.0, 0, 1500, 2500, 4000])
    lost = 1 - Search(beside).value(x, y) / Search(alone).value(x, y)
    lost_aep = 1 - beside.farm().aep(x, y).aep / alone.farm().aep(x, y).aep
    assert lost > lost_aep > 0  # they stand in the west, where wind pays more


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("objective", "changes", "expected"),
    [
        ("AEP", {}, ["objective: wants 'aep', has the text 'AEP'; is aep meant?"]),
        (5, {}, ["objective: wants aep, or keys and values such as {price: {column: price}}; has 5"]),
        ({}, {}, ["objective: wants price, or file and function, or both; has neither"]),
        ({"price": {}}, {}, ["objective.price: wants per_MWh or column, has neither"]),
        (
            {"price": {"per_MWh": 1, "column": "spot"}},
            {},
            ["objective.price: wants per_MWh or column, has both"],
        ),
        (
            {"price": {"wind_speed_m_s": [4], "column": "spot"}},
            {},
            ["objective.price.wind_speed_m_s: has no meaning beside column"],
        ),
        (
            {"price": {"per_MWh": [1, 2]}},
            {},
            ["objective.price.per_MWh: is given step by step, which wants a site that is a time series"],
        ),
        (
            {"price": {"per_MWh": [1, 2]}},
            {"site": series()},
            ["objective.price.per_MWh: has 2 prices, the time series has 5 steps"],
        ),
        (
            {"price": {"column": "spot"}},
            {"site": series()},
            ["objective.price.column: wants a site whose time series is a CSV file"],
        ),
        (
            {"price": {"wind_direction_deg": [0, 90], "wind_speed_m_s": [5], "per_MWh": [[1, 2], [3, 4]]}},
            {},
            [
                "objective.price.per_MWh: wants prices for 2 of wind_direction_deg x 1 of wind_speed_m_s; "
                "has 2 x 2"
            ],
        ),
        (
            {"price": {"wind_direction_deg": [0, 90], "wind_speed_m_s": [5, 9], "per_MWh": [[1, 2], [3]]}},
            {},
            ["objective.price.per_MWh: wants lists of the same length"],
        ),
        (
            {"price": {"wind_speed_m_s": [5, 9, 12], "per_MWh": [5, -1, -2]}},
            {},
            [
                "objective.price.per_MWh[1]: is negative, -1 (as are 2 of 3); wants 0 or more, unless the "
                "farm stops where it is negative"
            ],
        ),
        (
            {"price": {"wind_speed_m_s": [9, 5], "per_MWh": [5, 1]}},
            {},
            ["objective.price.wind_speed_m_s[1]: must increase, has 5 after 9"],
        ),
        (
            {"price": {"per_MWh": 0}},
            {},
            ["objective.price.per_MWh: has no price above 0"],
        ),
        (
            {"price": {"per_MWh": [1, "x"]}},
            {},
            ["objective.price.per_MWh[1]: wants a number, has the text 'x'"],
        ),
        ({"price": {"per_MWH": 1}}, {}, None),
        ({"function": "f"}, {}, ["objective.file: is missing: file and function belong together"]),
        (
            {"file": {"a.py": CODE}},
            {},
            ["objective.function: is missing: file and function belong together"],
        ),
        (
            {"file": {"a.py": CODE}, "function": "other"},
            {},
            ["objective.file: a.py: defines no function other; it has value"],
        ),
        (
            {"file": {"a.py": "def value(:\n"}, "function": "value"},
            {},
            ["objective.file: a.py: line 1: is no Python: invalid syntax"],
        ),
        ({"file": {"a.py": "(" * 5000}, "function": "value"}, {}, None),
        ({"file": {"a.py": "x = 1\0"}, "function": "value"}, {}, None),
        ({"file": {"a.py": {"a": 1}}, "function": "value"}, {}, None),
        ({"file": {"a.py": CODE}, "function": "os.system"}, {}, None),
    ],
)
def test_what_is_refused(made, objective, changes, expected):
    found = faults(made, objective, **changes)
    if expected is not None:
        assert found == expected
    assert all(line.startswith("objective") for line in found)


def test_a_missing_file_is_named(written):
    (line,) = faults(load_campaign, written({"file": "none.py", "function": "value"}))
    assert line.startswith("objective.file: ")
    assert line.endswith("none.py: there is no such Python file")


def test_the_schema_knows_the_section(made):
    jsonschema = pytest.importorskip("jsonschema")
    schema = campaign_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for name in ("price", "cable_cost"):
        jsonschema.validate(yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(
            yaml.safe_load((EXAMPLES / "price.yaml").read_text()) | {"objective": {"price": 3}}, schema
        )


# ---------------------------------------------------------------- code

TRAP = """\
open({path!r}, 'w').close()
def value(layout):
    open({path!r}, 'w').close()
    return layout.aep
"""


def test_no_command_runs_code_without_leave(written, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trap = tmp_path / "sprung"
    path = written({"file": "trap.py", "function": "value"}, {"trap.py": TRAP.format(path=str(trap))})
    assert cli.main(["run", str(path)]) == 2
    err = capsys.readouterr().err
    assert "trap.py: the objective of this campaign is a Python function" in err
    assert "--allow-code" in err
    assert not path.with_suffix(".h5").exists()
    assert cli.main(["check", str(path)]) == 0
    assert "value of trap.py (code, not run without --allow-code)" in capsys.readouterr().out
    with pytest.raises(CodeRefusedError):
        solve(load_campaign(path).problem(0))
    assert not trap.exists()

    assert cli.main(["run", str(path), "--allow-code"]) == 0
    assert trap.exists()
    trap.unlink()
    results = str(path.with_suffix(".h5"))
    for arguments in (
        ["status", results],
        ["verify", results],
        ["missing", results],
        ["diff", results, results],
        ["best", results],
        ["export", results, "--csv", "a.csv"],
        ["recover", results, "new.h5"],
        ["evaluate", results],
        ["evaluate", str(path), "--layout", results],
        ["check", str(path)],
        ["run", str(path)],
    ):
        assert cli.main(arguments) == (2 if arguments[0] == "run" else 0), arguments
        assert not trap.exists(), arguments
    capsys.readouterr()
    assert cli.main(["verify", results, "--allow-code"]) == 0
    assert trap.exists()


def test_the_function_s_own_result_is_kept_and_computed_again(written, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written({"file": "code.py", "function": "value"}, {"code.py": CODE}, refine={"function": 40})
    assert cli.main(["run", str(path), "--allow-code"]) == 0
    results = open_reader(path.with_suffix(".h5"))
    (row,) = results.rows
    n = results.campaign.configs[0].n_turbines
    assert row["objective"] == row["aep"] - row["x"][:n].sum() / 1e4
    assert row["objective"] > row["start_aep"] - 3
    assert not list(verify(results, allow_code=True))
    (tmp_path / "code.py").unlink()  # it is in the results file
    rows = results.rows[:1].copy()
    rows["objective"] += 1e-5
    seal(rows)
    with PlainStore(results.path, results.structure.extents, writable=True) as store:
        store.write_rows(0, rows)
    assert not list(verify(open_reader(results.path)))
    (finding,) = verify(open_reader(results.path), allow_code=True)
    assert (finding.key, finding.what) == ("a_t10_s0", "objective")


def test_the_function_counts_in_the_digest(made):
    two = CODE + "def other(layout):\n    return 1\n"
    first = made({"file": {"a.py": two}, "function": "value"})
    renamed = made({"file": {"b.py": two}, "function": "value"})
    second = made({"file": {"a.py": two}, "function": "other"})
    assert first.digest == renamed.digest
    assert first.digest != second.digest
    difference = first_difference(first, second)
    assert difference == "objective.function: 'value' in the file, 'other' in the campaign"
    long = made({"file": {"a.py": two + "#" * 1000}, "function": "value"})
    assert first_difference(first, long).endswith("a text of 1,096 characters in the campaign")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nowhere\n" + CODE, "code.py: line 1: ModuleNotFoundError: No module named 'nowhere'"),
        (CODE + "1 / 0\n", "code.py: line 3: ZeroDivisionError: division by zero"),
        (CODE + "import sys\nsys.exit(0)\n", "code.py: line 4: SystemExit: 0"),
        (CODE + "value = 3\n", "code.py: value is a int, wants a function"),
        (CODE + "del value\n", "code.py: "),
    ],
)
def test_a_file_that_cannot_be_run_stops_the_launch(written, tmp_path, capsys, monkeypatch, code, message):
    monkeypatch.chdir(tmp_path)
    path = written({"file": "code.py", "function": "value"}, {"code.py": code})
    assert cli.main(["run", str(path), "--allow-code"]) == 2
    assert message in capsys.readouterr().err
    assert not path.with_suffix(".h5").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 1 / (layout.aep - layout.aep)", "objective value failed at code.py:2: ZeroDivisionError: "),
        ("return float('nan')", "objective value gave nan, wants a finite number"),
        ("layout.x[0] = 0", "objective value failed at code.py:2: ValueError: "),
        (
            "return inner()\ndef inner():\n    raise KeyError('k')",
            "failed at code.py:4: KeyError: 'k'",
        ),
    ],
)
def test_a_function_that_fails_fails_its_config(written, tmp_path, monkeypatch, body, message):
    monkeypatch.chdir(tmp_path)
    path = written({"file": "code.py", "function": "value"}, {"code.py": f"def value(layout):\n    {body}\n"})
    assert cli.main(["run", str(path), "--allow-code"]) == 3
    (row,) = open_reader(path.with_suffix(".h5")).rows
    assert message in row["message"].decode()


def test_ranks_run_the_function_too(launch, written):
    code = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    code += "@dataclass\nclass Cost:\n    per_m: float = 1e-4\n" + CODE.replace("/ 1e4", "* Cost().per_m")
    path = written(
        {"file": "code.py", "function": "value"},
        {"code.py": code},
        seeds=[0, 1, 2],
        refine={"function": 10},
    )
    assert launch("run", path, ranks=3).code == 2
    ended = launch("run", path, "--allow-code", "-o", "ranks.h5", ranks=3)
    assert ended.code == 0, ended.err
    ranks, alone = str(path.parent / "ranks.h5"), str(path.parent / "alone.h5")
    assert cli.main(["run", str(path), "--allow-code", "-o", alone]) == 0
    assert cli.main(["diff", ranks, alone]) == 0


@pytest.mark.parametrize("allowed", [True, False])
def test_leave_goes_along_to_another_process(made, allowed):
    """As JSON beside the campaign, which is what ranks and children get."""
    campaign = made({"file": {"a.py": CODE}, "function": "value"})
    if allowed:
        campaign.allow_code()
    sent = json.loads(json.dumps(Solver(campaign, launch=0, rank=0).message()))
    solver = Solver.of(sent, rank=2)
    if not allowed:
        with pytest.raises(BugError, match="CodeRefusedError"):  # run has refused it long before
            solver.solve(Assignment(0, 1))
        return
    (row,) = solver.solve(Assignment(0, 1))
    assert (row["rank"], row["status"]) == (2, Status.DONE)
    assert row["objective"] == row["aep"] - np.nansum(row["x"]) / 1e4


@pytest.mark.parametrize(
    "code",
    [
        "1+" * 100_000 + "1",
        "a" + ".a" * 100_000,
        "-" * 200_000 + "1",
        "[" * 200_000,
        "x = '\\ud800'",
        "a\n" * 200_000,
    ],
    ids=["sum", "attributes", "minus", "brackets", "half a character", "lines"],
)
def test_code_made_to_harm_the_parser(code):
    fault = text_fault(code + "\n", "value")
    assert fault is not None
    assert len(fault) < 200


def test_a_function_that_nobody_asks_is_told(made):
    objective = {"file": {"a.py": CODE}, "function": "value"}
    (warning,) = made(objective).warnings
    assert warning.startswith("objective.function: is only told of the layouts, not maximised")
    assert made(objective, refine={"function": 10}).warnings == ()


# ---------------------------------------------------------------- examples


@pytest.mark.parametrize("name", ["price", "cable_cost"])
def test_the_examples_load_without_warnings(name):
    assert load_campaign(EXAMPLES / f"{name}.yaml").warnings == ()


def test_the_cable_example_pays():
    campaign = load_campaign(EXAMPLES / "cable_cost.yaml")
    campaign.allow_code()
    problem = campaign.problem(0)
    start, found = (solve(replace(problem, refine=Refinement(function=n))) for n in (0, 100))
    assert found.objective > start.objective
    assert sum(name.startswith("mpi_layout_objective_") for name in sys.modules) >= 1
