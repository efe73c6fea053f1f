"""What TOPFARM and FLORIS make of one start layout, and how soon, beside mpi-layout's `quick`.

    python benchmarks/quality_peers.py                          # ten CPU minutes for each of six searches
    python benchmarks/quality_peers.py --minutes 0.5 --peers topfarm-sgd
    python benchmarks/quality_peers.py --ours --write           # ours again, the peers as they were

Needs the ``peers`` extra. Config farm0_t5_s0 of the reference campaign: 66 turbines of 15 MW, TurbOPark.
Every search starts from the same layout in a process of its own, with one thread; each layout that it asks
the energy of gets its AEP from our engine on all flow cases, after the clock has stopped, and before that is
repaired by ours if it breaks a rule. Searches that are in the file of raw results are not run again.
"""

# ruff: noqa: E402 - the number of threads must be set before numpy is imported
import os

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[_pool] = "1"

import argparse
import importlib
import itertools
import json
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import report
import style
from peers.record import OutOfTime, Recorder

from mpi_layout.campaign import load_campaign
from mpi_layout.errors import ConfigError
from mpi_layout.optimise.problem import NO_REFINEMENT
from mpi_layout.optimise.refinement import PRESETS
from mpi_layout.optimise.repair import repaired
from mpi_layout.optimise.rules import Rules
from mpi_layout.optimise.solve import solve

CAMPAIGN = Path(__file__).resolve().parents[1] / "examples" / "danish_energy_island.yaml"
KEY = "farm0_t5_s0"
RAW = Path(__file__).resolve().parent / "results" / "quality_peers.json"
FIGURE = "quality-peers.png"
FEW = (np.arange(0.0, 360.0, 10.0), np.arange(4.0, 25.0, 2.0))  # directions, speeds
FULL = (np.arange(0.0, 360.0), np.arange(3.0, 26.0))
PEERS = {  # module, search, flow cases, how the table calls it
    "topfarm-sgd": ("topfarm_search", "sgd", FULL, "TOPFARM, SGD (200 random ones a step)"),
    "topfarm-slsqp": ("topfarm_search", "slsqp", FEW, "TOPFARM, SLSQP"),
    "topfarm-random": ("topfarm_search", "random_search", FEW, "TOPFARM, random search"),
    "floris-random": ("floris_search", "random_search", FEW, "FLORIS, random search"),
    "floris-scipy": ("floris_search", "scipy", FEW, "FLORIS, SciPy (SLSQP)"),
    "topfarm-slsqp-full": ("topfarm_search", "slsqp", FULL, "TOPFARM, SLSQP"),
}


def the_problem(refine=NO_REFINEMENT):
    campaign = load_campaign(CAMPAIGN)
    return replace(campaign.problem(campaign.configs.number_of(KEY)), refine=refine)


# ---- In a process of its own ----


def run_ours(name):
    """CPU seconds and AEP of a preset, the smart start included."""
    problem = the_problem(PRESETS[name])
    started = time.process_time()
    solution = solve(problem)
    seconds = time.process_time() - started
    return {
        "cpu_s": round(seconds, 3),
        "start_GWh": solution.start_aep,
        "aep_GWh": solution.aep,
        "evaluations": solution.evaluations,
        "budget": vars(problem.refine),
        "machine": report.machine(),
    }


def run_peer(name, minutes):
    """How the best AEP grew with CPU seconds."""
    module, search, (directions, speeds), _ = PEERS[name]
    problem = the_problem()
    start = solve(problem)
    cases = problem.site.flow_cases(direction=directions, speed=speeds)
    call = getattr(importlib.import_module(f"peers.{module}"), search)
    record = Recorder(60 * minutes)
    ended = "by itself"
    try:
        call(problem, cases, start.x, start.y, record)
    except OutOfTime:
        ended = "out of time"
    seconds = time.process_time() - record.started
    packages = ("topfarm", "py_wake") if "topfarm" in name else ("floris",)
    return {
        "cpu_s": round(seconds, 1),
        "ended": ended,
        "layouts": len(record.history),
        "start_GWh": start.aep,
        "history": improvements(problem, record.history),
        "versions": {package: version(package) for package in packages},
        "machine": report.machine(),
    }


def improvements(problem, history):
    """CPU seconds and AEP, GWh, of each layout that is better than all before it, by our engine.

    Where a layout breaks a rule, our repair moves its turbines as little as it can.
    """
    farm, rules, best, found = problem.farm(), Rules(problem.area, problem.spacing), 0.0, []
    for seconds, x, y in history:
        aep = farm.aep(x, y).aep
        if aep <= best:
            continue
        try:
            aep = farm.aep(*repaired(rules, x, y)).aep
        except ConfigError:
            continue
        if aep > best:
            best = aep
            found.append([round(seconds, 2), round(aep, 3)])
    return found


# ---- All of them ----


def in_own_process(*arguments):
    """JSON that this script prints with these arguments."""
    command = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def seconds_to(history, aep):
    """CPU seconds at which the history reaches an AEP, or None."""
    return next((seconds for seconds, found in history if found >= aep), None)


def rows_of(results):
    quick = results["ours"]["quick"]
    start = quick["start_GWh"]
    rows = []
    for preset, ours in results["ours"].items():
        rows.append(
            [
                f"**mpi-layout, `{preset}`**",
                "all",
                f"{ours['cpu_s']:.1f}",
                f"**{ours['aep_GWh']:.1f}**",
                f"{100 * (ours['aep_GWh'] / start - 1):+.2f}",
                f"{ours['cpu_s']:.1f}" if preset == "quick" else "",
                "1" if preset == "quick" else "",
            ]
        )
    for name, (_, _, (directions, speeds), title) in PEERS.items():
        if name not in results["peers"]:
            continue
        peer = results["peers"][name]
        best = peer["history"][-1][1]
        reached = seconds_to(peer["history"], quick["aep_GWh"])
        least = reached or peer["cpu_s"]
        rows.append(
            [
                title,
                f"{directions.size} x {speeds.size}",
                f"{peer['cpu_s']:.0f}",
                f"{best:.1f}",
                f"{100 * (best / start - 1):+.2f}",
                "not reached" if reached is None else f"{reached:.0f}",
                f"{'> ' if reached is None else ''}{least / quick['cpu_s']:.0f}",
            ]
        )
    return rows


def draw(results, path):
    figure, ax = style.pyplot().subplots(figsize=(7.2, 4.4), layout="constrained")
    lines = itertools.cycle(("-", "--", "-.", ":"))
    for name, (_, _, (directions, speeds), title) in PEERS.items():
        if name not in results["peers"]:
            continue
        peer = results["peers"][name]
        seconds, aep = np.array(peer["history"]).T
        seconds, aep = np.append(seconds, peer["cpu_s"]), np.append(aep, aep[-1])
        label = f"{title}, {directions.size} x {speeds.size}"
        ax.step(np.maximum(seconds, 0.3), aep, where="post", lw=1.3, ls=next(lines), label=label)
    for preset, ours in results["ours"].items():
        ax.plot(ours["cpu_s"], ours["aep_GWh"], "k*", ms=11 if preset == "quick" else 8)
        ax.annotate(
            f"mpi-layout {preset}", (ours["cpu_s"], ours["aep_GWh"]), (7, -3), textcoords="offset points"
        )
    ax.axhline(results["ours"]["quick"]["start_GWh"], color="0.6", lw=0.8, ls=":")
    ax.set(xscale="log", xlabel="CPU seconds", ylabel="best AEP so far (GWh)")
    ax.legend(fontsize=7, frameon=False, loc="upper left")
    style.save(figure, path)


def main():
    parser = report.arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="CPU minutes of each peer")
    parser.add_argument("--peers", default=",".join(PEERS), help="which, with commas between")
    parser.add_argument("--ours", action="store_true", help="run our presets again")
    parser.add_argument("--presets", default="quick,thorough", help="ours, with commas between")
    parser.add_argument("--raw", type=Path, default=RAW, help="the file of raw results")
    parser.add_argument("--figure", action="store_true", help="draw docs/" + FIGURE)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        result = run_ours(options.one) if options.one in PRESETS else run_peer(options.one, options.minutes)
        print(json.dumps(result))
        return 0

    results = json.loads(options.raw.read_text()) if options.raw.exists() else {"ours": {}, "peers": {}}
    for preset in options.presets.split(","):
        if options.ours or preset not in results["ours"]:
            results["ours"][preset] = in_own_process("--one", preset)
            print(preset, results["ours"][preset], flush=True)
    options.raw.parent.mkdir(exist_ok=True)
    options.raw.write_text(json.dumps(results, indent=1) + "\n")
    for name in filter(None, options.peers.split(",")):
        if name not in results["peers"]:
            results["peers"][name] = in_own_process("--one", name, "--minutes", options.minutes)
            print(name, results["peers"][name]["history"][-1], flush=True)
        options.raw.write_text(json.dumps(results, indent=1) + "\n")
    header = ["", "flow cases", "CPU s", "AEP, GWh", "gain, %", "CPU s to `quick`'s AEP", "times `quick`'s"]
    text = report.table(header, rows_of(results))
    print(text)
    if options.write:
        report.write("quality.md", "peers", text)
    if options.figure:
        draw(results, report.DOCS / FIGURE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
