"""CPU seconds of one AEP, 66 turbines x 360 directions x 23 speeds: mpi-layout's kernel against PyWake.

    python benchmarks/aep_vs_pywake.py

Needs the ``test`` extra; takes about a minute. Both run in this process, on one core, the same layout in the
same wind, in turns; PyWake by the faster of its two usual calls. Exits with 1 below the ratio of 400.
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

import yaml
from record_topfarm import build_wake_model, named

from mpi_layout.campaign import load_campaign
from mpi_layout.optimise.solve import solve
from mpi_layout.wake.farm import Farm
from mpi_layout.wake.kernel.binding import instruction_set

CAMPAIGN = Path(__file__).resolve().parents[1] / "examples" / "danish_energy_island.yaml"
KEY = "farm0_t5_s0"
GOAL = 400


def cpu_seconds(function, *arguments, **options):
    """Return what the function returns and the CPU seconds it took."""
    started = time.process_time()
    result = function(*arguments, **options)
    return result, time.process_time() - started


def pywake_calls(turbine_type):
    """Return PyWake's two ways to an AEP, as functions of x and y."""
    model = build_wake_model(yaml.safe_load(CAMPAIGN.read_text()), turbine_type)
    return {
        "PyWake, wfm.aep(x, y)": lambda x, y: float(model.aep(x, y)),
        "PyWake, wfm(x, y).aep()": lambda x, y: float(model(x, y).aep().sum()),
    }


def kernel_call(problem, disc_mean):
    model, flow_cases = replace(problem.model, disc_mean=disc_mean), problem.site.flow_cases()
    farm = Farm(problem.turbine, flow_cases, model)
    return lambda x, y: farm.aep(x, y).aep


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repeats", type=int, default=5, help="of PyWake; the kernel runs ten times as often"
    )
    repeats = parser.parse_args().repeats

    campaign = load_campaign(CAMPAIGN)
    config = campaign.configs[campaign.configs.number_of(KEY)]
    problem = campaign.problem(config.number)
    layout = solve(problem)
    theirs = pywake_calls(named(yaml.safe_load(CAMPAIGN.read_text())["turbine_types"], config.turbine_type))
    ours = {f"mpi-layout, disc mean {name}": kernel_call(problem, name) for name in ("exact", "pywake")}

    calls = theirs | ours
    aep = {name: call(layout.x, layout.y) for name, call in calls.items()}  # tables are made here, uncounted
    seconds = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            for _ in range(10 if name in ours else 1):
                seconds[name].append(cpu_seconds(call, layout.x, layout.y)[1])

    middle = {name: median(values) for name, values in seconds.items()}
    reference = min(theirs, key=middle.get)
    print(f"{KEY}: {layout.x.size} turbines, {instruction_set()} kernel, CPU time on one core, medians")
    for name, value in middle.items():
        difference = aep[name] / aep[reference] - 1
        print(f"  {name:32s} {1e3 * value:10.2f} ms   AEP {aep[name]:.6f} GWh ({difference:+.1e})", end="")
        print(f"   {middle[reference] / value:7.0f} times less than PyWake" if name in ours else "")
    ratio = middle[reference] / middle[f"mpi-layout, disc mean {problem.model.disc_mean}"]
    print(f"the campaign's disc mean ({problem.model.disc_mean}): ratio {ratio:.0f}, goal at least {GOAL}")
    return 0 if ratio >= GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
