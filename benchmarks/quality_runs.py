"""Configs that the quality of layouts is measured on, each solved and judged in a process of its own.

    python benchmarks/quality_runs.py cs1-16 0 quick        # prints one record as JSON

Names of configs: cs1-16, cs1-36, cs1-64, cs3 and cs4 are IEA Wind Task 37's case studies, farm0_t5 and the
like the areas and turbine types of the reference campaign, n100 and the like that many turbines of type t5 in
a square as crowded as farm0.
"""

# ruff: noqa: E402 - the number of threads must be set before numpy is imported
import os

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[_pool] = "1"

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))  # for the formula of the case studies

import numpy as np
import report
import shapely
from reference.iea37 import CASE_STUDIES_3_AND_4, CASE_STUDY_1, RADIUS, iea37_aep, windio_wind
from scipy.spatial.distance import pdist

from mpi_layout.campaign import load_campaign
from mpi_layout.errors import ConfigError
from mpi_layout.optimise.refinement import PRESETS, Refinement
from mpi_layout.optimise.solve import solve
from mpi_layout.optimise.start import SmartStart
from mpi_layout.site.area import Area

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
DANISH = EXAMPLES / "danish_energy_island.yaml"
CASE_STUDIES = {  # campaign; windIO's number of the wind, turbine
    "cs1-16": ("case_study_1_16.yaml", "1_2", CASE_STUDY_1),
    "cs1-36": ("case_study_1_36.yaml", "1_2", CASE_STUDY_1),
    "cs1-64": ("case_study_1_64.yaml", "1_2", CASE_STUDY_1),
    "cs3": ("case_study_3.yaml", "3", CASE_STUDIES_3_AND_4),
    "cs4": ("case_study_4.yaml", "4", CASE_STUDIES_3_AND_4),
}


def budget_of(text):
    """A preset by its name, or budgets like gradient=2000,polish=50, or both: quick,polish=50."""
    budget = Refinement()
    for part in text.split(","):
        name, equals, value = part.partition("=")
        budget = replace(budget, **{name: int(value)}) if equals else PRESETS[name]
    return budget


def problem_of(name, seed, budget):
    """The config of that name."""
    if name in CASE_STUDIES:
        problem = load_campaign(EXAMPLES / "iea37" / CASE_STUDIES[name][0]).problem(0)
    else:
        campaign = load_campaign(DANISH)
        key = "farm0_t5" if name.startswith("n") else name
        problem = campaign.problem(campaign.configs.number_of(f"{key}_s0"))
        if name.startswith("n"):
            problem = _in_a_square(problem, int(name[1:]))
    return replace(problem, seed=seed, refine=budget)


def _in_a_square(problem, n):
    side = np.sqrt(problem.area.surface * n / problem.n_turbines)
    area = Area.from_rings("square", [[(0, 0), (side, 0), (side, side), (0, side)]])
    points = max(4, round(2.2 * np.sqrt(n)))
    return replace(problem, area=area, n_turbines=n, start=SmartStart(grid=(points, points)))


# ---- One config ----


def record_of(name, seed, budget):
    """CPU seconds of the config, what came out, and what a judge says who knows nothing of the search."""
    problem = problem_of(name, seed, budget)
    record = {"case": name, "seed": seed, "budget": asdict(budget)}
    started = time.process_time()
    try:
        solution = solve(problem)
    except ConfigError as error:
        return record | {"fault": str(error), "cpu_s": round(time.process_time() - started, 3)}
    seconds = time.process_time() - started
    evaluations, trace = solution.trace.points()
    return record | {
        "cpu_s": round(seconds, 3),
        "evaluations": solution.evaluations,
        "start_MWh": 1e3 * solution.start_aep,
        "aep_MWh": 1e3 * solution.aep,
        "official_MWh": official_aep(name, solution.x, solution.y),
        "fault": fault_of(name, problem, solution.x, solution.y),
        "spacing_m": float(pdist(np.column_stack([solution.x, solution.y])).min(initial=np.inf)),
        "trace": [evaluations.tolist(), [round(1e3 * aep, 3) for aep in trace]],
        "machine": report.machine(),
        "commit": _commit(),
        "x": solution.x.tolist(),
        "y": solution.y.tolist(),
    }


def official_aep(name, x, y):
    """AEP by the formula of the case study, MWh, or None for what is none."""
    if name not in CASE_STUDIES:
        return None
    _, number, turbine = CASE_STUDIES[name]
    return float(iea37_aep(windio_wind(number), x, y, **turbine).sum())


def fault_of(name, problem, x, y):
    """What is wrong with a layout, or None. Distances may be off by rounding, 1e-12 of them; nothing else."""
    if x.size != problem.n_turbines:
        return f"{x.size} turbines"
    spacing = pdist(np.column_stack([x, y])).min(initial=np.inf)
    if spacing < problem.spacing.least * (1 - 1e-12):
        return f"spacing {spacing:.9f} m"
    if not shapely.intersects_xy(problem.area.geometry, x, y).all():
        return "outside the area"
    if name.startswith("cs1") and np.hypot(x, y).max() > RADIUS[x.size]:
        return "outside the circle"
    return None


def _commit():
    asked = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or None


# ---- Many ----


class Records:
    """A file of records, to which those that are missing are added.

    Parameters
    ----------
    path : Path
        JSON. Layouts are kept for the best seed of each config and budget only.
    """

    def __init__(self, path):
        self.path = path
        self.all = json.loads(path.read_text()) if path.exists() else []

    def of(self, name, budget):
        """Those of a config and budget, by seed."""
        found = [r for r in self.all if r["case"] == name and r["budget"] == asdict(budget)]
        return sorted(found, key=lambda r: r["seed"])

    def solve(self, wanted, jobs=1):
        """Solve each (name, seed, budget) that is not there, some at a time."""
        there = {(r["case"], r["seed"], tuple(r["budget"].items())) for r in self.all}
        missing = [w for w in wanted if (w[0], w[1], tuple(asdict(w[2]).items())) not in there]
        with ThreadPoolExecutor(jobs) as pool:
            for record in pool.map(in_own_process, missing):
                self.all.append(record)
                self._forget_layouts()
                self._save()
                print(line(record), flush=True)

    def _forget_layouts(self):
        groups = {}
        for record in self.all:
            groups.setdefault((record["case"], tuple(record["budget"].items())), []).append(record)
        for group in groups.values():
            best = max(group, key=aep)
            for record in group:
                if record is not best:
                    record.pop("x", None), record.pop("y", None)

    def _save(self):
        self.path.parent.mkdir(exist_ok=True)
        records = sorted(self.all, key=lambda r: (r["case"], list(r["budget"].values()), r["seed"]))
        partial = self.path.with_suffix(".partial")
        partial.write_text("[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n")
        partial.replace(self.path)


def in_own_process(wanted):
    """The record of (name, seed, budget)."""
    name, seed, budget = wanted
    budgets = ",".join(f"{stage}={evaluations}" for stage, evaluations in asdict(budget).items())
    command = [sys.executable, __file__, name, str(seed), budgets]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def aep(record):
    """AEP that counts, MWh: the official one of a layout without fault, else zero."""
    if record["fault"] is not None:
        return 0.0
    return record["aep_MWh"] if record["official_MWh"] is None else record["official_MWh"]


def gain(record):
    """Share by which a record is better than its own start."""
    return record["aep_MWh"] / record["start_MWh"] - 1 if record["fault"] is None else 0.0


def line(record):
    """A record in a line."""
    if record["fault"] is not None:
        return f"{record['case']} seed {record['seed']}: {record['fault']}"
    return (
        f"{record['case']} seed {record['seed']}: {aep(record):,.1f} MWh, {100 * gain(record):+.3f} % "
        f"in {record['cpu_s']:.1f} CPU s, {record['evaluations']:,} evaluations"
    )


if __name__ == "__main__":
    print(json.dumps(record_of(sys.argv[1], int(sys.argv[2]), budget_of(sys.argv[3]))))
