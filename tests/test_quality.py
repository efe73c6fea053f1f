"""The quality benchmark: its judge, and that it runs."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def runs():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import quality_runs

        yield quality_runs


def test_budgets_are_presets_numbers_or_both(runs):
    quick = runs.PRESETS["quick"]
    assert runs.budget_of("quick") == quick
    assert runs.budget_of("gradient=20,polish=3") == runs.Refinement(gradient=20, polish=3)
    assert runs.budget_of("quick,polish=3") == replace(quick, polish=3)


def test_judge_finds_what_is_wrong_with_a_layout(runs):
    problem = runs.problem_of("n20", 0, runs.budget_of("none"))
    side = problem.area.bounds[2]
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(0, side, 5), np.linspace(0, side, 4)))
    assert runs.fault_of("n20", problem, x, y) is None  # corners and edges belong to the area
    out, near = x.copy(), x.copy()
    out[4] = np.nextafter(side, np.inf)
    near[1] = problem.spacing.least * (1 - 1e-9)
    assert runs.fault_of("n20", problem, out, y) == "outside the area"
    assert runs.fault_of("n20", problem, near, y).startswith("spacing 719.999999280")
    assert runs.fault_of("n20", problem, x[1:], y[1:]) == "19 turbines"


def test_benchmark_solves_judges_and_makes_tables_again_from_raw_results(runs, tmp_path):
    raw = tmp_path / "raw" / "quality.json"
    asked = ["--cases", "area0", "--budgets", "none", "--seeds", "1"]

    def run(*options):
        command = [sys.executable, str(BENCHMARKS / "quality.py"), *asked, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr  # without refinement no goal is reached
        return done.stdout

    first = run("--raw", str(raw))
    (record,) = json.loads(raw.read_text())
    assert record["fault"] is None
    assert record["aep_MWh"] == record["start_MWh"]
    x, y = np.array(record["x"]), np.array(record["y"])
    problem = runs.problem_of("farm0_t5", 0, runs.budget_of("none"))
    assert problem.farm().aep(x, y).aep * 1e3 == pytest.approx(record["aep_MWh"], rel=1e-14)
    assert first.startswith("farm0_t5 seed 0: ")
    assert first.endswith(run("--from", str(raw)))  # the tables, and nothing computed
