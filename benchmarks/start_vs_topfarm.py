"""CPU seconds of one smart start: mpi-layout's against TOPFARM's, both in this run, on one core.

    python benchmarks/start_vs_topfarm.py           # 20 turbines on a 12 x 12 grid, half a minute
    python benchmarks/start_vs_topfarm.py --full    # 66 turbines on 18 x 18: TOPFARM needs 5 to 10 minutes

Needs the ``peers`` extra. Exits with 1 if the picks differ, or with ``--full`` below the ratio of 2000.
"""

# ruff: noqa: E402 - the number of threads must be set before numpy is imported
import os

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[_pool] = "1"

import argparse
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import record_topfarm
import yaml

from mpi_layout.campaign import load_campaign
from mpi_layout.optimise.start import SmartStart, smart_start
from mpi_layout.wake.kernel.native import instruction_set

CAMPAIGN = Path(__file__).resolve().parents[1] / "examples" / "danish_energy_island.yaml"
KEY = "farm0_t5_s0"
GOAL = 2000


def topfarm_start(config, problem):
    """Return TOPFARM's picks (n, 2) and the CPU seconds of its smart start alone."""
    campaign = yaml.safe_load(CAMPAIGN.read_text())
    boundary = np.array(record_topfarm.named(campaign["areas"], config.area)["boundary_m"])
    turbine_type = record_topfarm.named(campaign["turbine_types"], config.turbine_type)
    topfarm_problem = record_topfarm.build_problem(
        record_topfarm.build_wake_model(campaign, turbine_type),
        boundary,
        problem.n_turbines,
        problem.spacing.least,
    )
    x, y, seconds = record_topfarm.smart_start(
        topfarm_problem, boundary, problem.start.grid, problem.start.best_percent, problem.seed
    )
    return np.column_stack([x, y]), seconds


def our_start(problem):
    """Return our picks (n, 2) and the CPU seconds of the start."""
    started = time.process_time()
    x, y = smart_start(
        problem.area,
        problem.turbine,
        n_turbines=problem.n_turbines,
        spacing=problem.spacing,
        site=problem.site,
        model=problem.model,
        options=problem.start,
        seed=problem.seed,
    )
    return np.column_stack([x, y]), time.process_time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the real config; five to ten minutes")
    full = parser.parse_args().full

    campaign = load_campaign(CAMPAIGN)
    config = campaign.configs[campaign.configs.number_of(KEY)]
    problem = campaign.problem(config.number)
    if not full:
        problem = replace(problem, n_turbines=20, start=SmartStart(grid=(12, 12)))

    picks, first = our_start(problem)  # makes the table of the disc mean, once per process
    before = [our_start(problem)[1] for _ in range(10)]
    expected, theirs = topfarm_start(config, problem)
    ours = median(before + [our_start(problem)[1] for _ in range(10)])  # before and after: same machine load
    same, ratio = bool((picks == expected).all()), theirs / ours
    columns, rows = problem.start.grid
    print(f"{KEY}: {problem.n_turbines} turbines on a {columns} x {rows} grid, {instruction_set()} kernel")
    print(f"  TOPFARM      {theirs:9.3f} CPU s")
    print(f"  mpi-layout   {ours:9.3f} CPU s (median of 20; the first in a process {first:.3f})")
    print(f"  picks {'identical' if same else 'DIFFER'}; ratio {ratio:.0f}", end="")
    print(f", goal at least {GOAL}" if full else f" (the goal of {GOAL} is for --full)")
    return 0 if same and (ratio >= GOAL or not full) else 1


if __name__ == "__main__":
    raise SystemExit(main())
