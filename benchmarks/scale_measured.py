"""What scaling rests on, measured here: the pieces of rank 0's work, and launches of sleeping configs.

    python benchmarks/scale_measured.py --write                    all of it, ten to twenty minutes
    python benchmarks/scale_measured.py parts                      rank 0's pieces, one minute
    python benchmarks/scale_measured.py launches --ranks 2,8,32    real launches, seconds each
    python benchmarks/scale_measured.py launches --backend mpio --mpiexec /usr/bin/mpiexec.openmpi

Configs sleep instead of computing, so that far more ranks than cores make sense; what a config costs a worker
besides, and MPI, does use the cores. With --write the figures go into benchmarks/results/scale-*.json, which
`scale.py` reads. Nothing else should run: seconds of a busy machine are longer, CPU seconds a little.
"""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from report import machine, table
from scaling import launches, parts
from scaling.service import SERVICE, Service

import mpi_layout

MEASURED = SERVICE.with_name("scale-measured.json")
RANKS = (2, 4, 8, 16, 32, 64, 128)
ASLEEP = (0.0, 0.03, 0.3, 1.0)
# A cluster's network, not this machine's: 2 us and 10 GB/s.
NETWORK = {"latency": 2e-6, "byte": 1e-10}


def n_configs(workers, asleep):
    """Enough for some seconds."""
    return min(3000, 3000 if not asleep else workers * max(4, round(3 / asleep)))


def measure_parts(design, backend, mpiexec):
    """Costs of one design, gathered from this process and from a launch."""
    environ = launches.environment(0.0)
    # The drivers of the tests are loaded when Python starts: once more, with configs that cost nothing.
    if os.environ.get("SOLVE_DRIVER") != environ["SOLVE_DRIVER"]:
        return json.loads(
            subprocess.run(
                [sys.executable, *sys.argv, "--as-child"],
                env=environ,
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            ).stdout
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = parts.manager_costs(folder, backend)
        found |= parts.worker_costs(folder, backend)
        syncs, middle = parts.sync_costs(folder)
    found |= syncs | parts.naps() | NETWORK
    found |= parts.message_costs(
        lambda n, most: launches.launch(9, 0.0, n, backend=backend, mpiexec=mpiexec, most=most).noted
    )
    found["turn_worker"] = parts.overdue_cost()
    found["give"] += found.pop("send")
    return {"service": found, "checkpoints": {str(k): v for k, v in middle.items()}}


def measure_launches(ranks, asleep, backend, mpiexec):
    """One launch of each number of ranks with each length of configs."""
    found = []
    for seconds in asleep:
        for n in ranks:
            count = n_configs(n - 1, seconds)
            found.append(
                launches.as_json(launches.launch(n, seconds, count, backend=backend, mpiexec=mpiexec))
            )
            print(row(found[-1]), flush=True)
    return found


def row(one):
    rate = one["n_configs"] / one["seconds"]
    return (
        f"{one['ranks']:4} ranks, {one['asleep']:5.2f} s: start {one['start']:5.1f} s, {rate:7.1f}/s, "
        f"busy {one['busy']:.3f}, rank 0 {one['manager'] / one['seconds']:.3f} CPU, "
        f"{1e6 * one['manager'] / one['n_configs']:.0f} us per config"
    )


def keep(path, update):
    """Merge into a file of results."""
    known = json.loads(path.read_text()) if path.exists() else {}
    for section, values in update.items():
        known.setdefault(section, {}).update(values)
    path.write_text(json.dumps(known, indent=1) + "\n")


def with_known(name, found):
    """Launches of one design: those that were just measured, and those known of other numbers or lengths."""
    known = json.loads(MEASURED.read_text())["launches"].get(name, []) if MEASURED.exists() else []
    rows = {(one["asleep"], one["ranks"]): one for one in [*known, *found]}
    return [rows[key] for key in sorted(rows)]


def about():
    """Where this was measured."""
    command, folder = ["git", "describe", "--always", "--dirty"], Path(mpi_layout.__file__).parent
    commit = subprocess.run(command, capture_output=True, text=True, cwd=folder).stdout.strip()
    versions = {"python": platform.python_version(), "numpy": np.__version__, "mpi-layout": commit}
    return {"machine": machine(), "cores": os.cpu_count(), **versions}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", help="parts, launches; default: both")
    parser.add_argument("--design", default="batches", help="name under which the figures are kept")
    parser.add_argument("--backend", choices=["gather", "mpio"], default="gather")
    parser.add_argument("--mpiexec", type=shlex.split, help="launcher; default: the one beside this Python")
    parser.add_argument("--ranks", default=",".join(map(str, RANKS)))
    parser.add_argument("--asleep", default=",".join(map(str, ASLEEP)), help="seconds of the configs")
    parser.add_argument("--write", action="store_true", help="keep the figures in benchmarks/results")
    parser.add_argument("--as-child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    what = args.what or ["parts", "launches"]
    if unknown := set(what) - {"parts", "launches"}:
        parser.error(f"unknown part {min(unknown)}")
    name = f"{args.design}, {args.backend}"
    if "parts" in what:
        found = measure_parts(args.design, args.backend, args.mpiexec)
        if args.as_child:
            json.dump(found, sys.stdout)
            return 0
        Service(**found["service"])
        print(table(["part", "us"], [[k, f"{1e6 * v:.2f}"] for k, v in found["service"].items()]))
        if args.write:
            designs = {"designs": {name: found["service"]}, "about": {name: about()}}
            keep(SERVICE, designs | {"checkpoints": {name: found["checkpoints"]}})
    if "launches" in what:
        ranks = [int(n) for n in args.ranks.split(",")]
        asleep = [float(s) for s in args.asleep.split(",")]
        found = measure_launches(ranks, asleep, args.backend, args.mpiexec)
        if args.write:
            keep(MEASURED, {"launches": {name: with_known(name, found)}, "about": {name: about()}})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
