"""How busy the workers are: n workers on n cores against the serial program, configs of 30 ms.

    python benchmarks/workers_busy.py [WORKERS] [CONFIGS_PER_WORKER]

Real launches, real messages, a real results file; only the configs are made up: each counts for 30 ms.
Throughput is taken from the launch table, so that starting Python does not count. What n processes that do
nothing but count reach at the same time is measured beside it: two hyperthreads of one core are no two cores,
and other programs may run. "Busy" is the share of the workers' time spent inside configs.
One to two minutes on two cores.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from mpi_layout.results.reader import open_reader

CONFIG_S = 0.030
ROUNDS = 5
WANTED = 0.9
DRIVERS = Path(__file__).resolve().parent.parent / "tests" / "drivers"

CAMPAIGN = """\
name: busy
areas: [{{name: a, boundary_m: [[0, 0], [20000, 0], [20000, 20000], [0, 20000]]}}]
turbine_types: [{{name: t, rated_power_MW: 15, rotor_diameter_m: 240, hub_height_m: 150}}]
seeds: {{first: 0, count: {n_configs}}}
n_turbines: 66
min_spacing_D: 3
site:
  turbulence_intensity: 0.1
  wind_direction_deg: [0, 180]
  weibull_a_m_s: [10, 10]
  weibull_k: [2, 2]
  sector_probability: [0.5, 0.5]
"""


def calibrate():
    """How far to count for 30 ms on this machine, the best of a second."""
    count, fastest, end = 1_000_000, float("inf"), time.perf_counter() + 1.0
    while time.perf_counter() < end:
        started = time.perf_counter()
        sum(range(count))
        fastest = min(fastest, time.perf_counter() - started)
    return int(count * CONFIG_S / fastest)


def throughput(folder, ranks, count, n_configs):
    """Configs per second of one launch, and the share of the workers' time spent in configs."""
    campaign, output = folder / f"{ranks}.yaml", folder / f"{ranks}.h5"
    campaign.write_text(CAMPAIGN.format(n_configs=n_configs))
    mpiexec = [str(Path(sys.executable).parent / "mpiexec"), "-n", str(ranks)] if ranks > 1 else []
    environ = os.environ | {"PYTHONPATH": str(DRIVERS), "SOLVE_DRIVER": json.dumps({"burn": count})}
    command = [*mpiexec, sys.executable, "-P", "-m", "mpi_layout", "run", str(campaign), "-o", str(output)]
    subprocess.run(command, env=environ, check=True, timeout=600, stderr=subprocess.DEVNULL)
    results = open_reader(output)
    launch = results.launches[0]
    seconds = launch.ended - launch.started
    return launch.configs_done / seconds, results.rows["seconds"].sum() / seconds / max(ranks - 1, 1)


def count_on(count, repeats, seconds):
    """One of several processes that do nothing but count."""
    started = time.perf_counter()
    for _ in range(repeats):
        sum(range(count))
    seconds.put(time.perf_counter() - started)


def independent(n_processes, count, repeats):
    """Counts per second of processes that know nothing of each other."""
    seconds = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=count_on, args=(count, repeats, seconds)) for _ in range(n_processes)
    ]
    for process in processes:
        process.start()
    rate = sum(repeats / seconds.get() for _ in processes)
    for process in processes:
        process.join()
    return rate


def main():
    n_workers = int(sys.argv[1]) if len(sys.argv) > 1 else len(os.sched_getaffinity(0))
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    count = calibrate()
    rounds = []
    for _ in range(ROUNDS):  # in turns, as the speed of a shared machine drifts
        with tempfile.TemporaryDirectory() as folder:
            serial, busy_serial = throughput(Path(folder), 1, count, repeats)
            parallel, busy = throughput(Path(folder), n_workers + 1, count, repeats * n_workers)
        alone, together = independent(1, count, repeats), independent(n_workers, count, repeats)
        rounds.append((alone, together, serial, parallel, busy_serial, busy))
    alone, together, serial, parallel, busy_serial, busy = (
        median(values) for values in zip(*rounds, strict=True)
    )
    bare = median(r[1] / n_workers / r[0] for r in rounds)
    ratio = median(r[3] / n_workers / r[2] for r in rounds)
    print(f"medians of {ROUNDS} rounds {'one':>4}   {f'all {n_workers}':>8}     ratio")
    print(f"{'bare processes':20}{alone:8.2f}/s {together:8.2f}/s {bare:8.3f}")
    print(f"{'workers':20}{serial:8.2f}/s {parallel:8.2f}/s {ratio:8.3f}  wanted: {WANTED}")
    print(f"{'busy':20}{busy_serial:8.3f}   {busy:8.3f}")
    return 0 if ratio >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
