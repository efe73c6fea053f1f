"""What storing costs: a row, a checkpoint, opening a file of a million rows, and the manager's memory.

    python benchmarks/costs.py                        all of it, two to three minutes
    python benchmarks/costs.py rows file memory       parts of it
    python benchmarks/costs.py checkpoints --backend mpio --mpiexec /usr/bin/mpiexec.mpich

Exits with 1 when a goal is missed. The results files lie in a temporary folder of --folder; the one with a
million rows has 1.3 GB. A disk that is busy with other things makes checkpoints slow: repeat it then.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median

import numpy as np

from mpi_layout.campaign import load_campaign, parse_campaign
from mpi_layout.optimise.problem import Solution
from mpi_layout.optimise.trace import N_POINTS, Trace
from mpi_layout.parallel.serial import SerialTeam
from mpi_layout.results.file import create_results, open_writer
from mpi_layout.results.reader import scan
from mpi_layout.results.storage import mpio
from mpi_layout.results.storage.row import Status, brief, done_row, row_dtype, seal
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import locate

REFERENCE = Path(__file__).resolve().parents[1] / "examples" / "danish_energy_island.yaml"
ROW_S, MASK_S, BYTES_PER_CONFIG, SHARE = 150e-6, 0.1, 200, 0.01
MILLION = """\
name: million
areas:
  - {name: a, boundary_m: [[0, 0], [6000, 0], [6000, 6000], [0, 6000]]}
  - {name: b, boundary_m: [[10000, 0], [15000, 0], [15000, 7000], [10000, 6000]]}
turbine_types: [%s]
seeds: {count: %d}
n_turbines: 4
min_spacing_D: 3
site:
  turbulence_intensity: 0.1
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [9, 10, 11, 12]
  weibull_k: [2, 2, 2.1, 2.2]
  sector_probability: [0.2, 0.2, 0.3, 0.3]
"""
TYPES = ", ".join(
    f"{{name: t{i}, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}}" for i in range(5)
)

failed = []


def judge(name, value, goal, unit, scale=1.0):
    met = value < goal
    found = f"{value * scale:.3g} {unit}, goal under {goal * scale:g} {unit}"
    print(f"  {'ok  ' if met else 'MISS'} {name}: {found}", flush=True)
    if not met:
        failed.append(name)


# ---------------------------------------------------------------- a row


def made_row(dtype, config, rng):
    n = config.n_turbines
    x, y, energy = rng.random((3, n)) * 1e4
    solution = Solution(
        x=x, y=y, turbine_aep=energy, aep=energy.sum(), gross_aep=energy.sum() * 1.1,
        start_aep=energy.sum(), wake_loss=0.1, external_wake_loss=0.0, min_spacing=700.0, max_outside=0.0,
        evaluations=N_POINTS, trace=Trace(list(range(N_POINTS)), [float(energy.sum())] * N_POINTS),
    )  # fmt: skip
    return done_row(dtype, config, solution, seconds=0.5, rank=1, launch=0, attempts=1)


def rows(folder, backends):
    """What one row costs the process that writes it, and rank 0."""
    campaign = load_campaign(REFERENCE)
    for backend in backends:
        path = folder / f"{backend}.h5"
        create_results(path, campaign)
        with open_writer(path, campaign) as results:
            results.begin_launch(ranks=1, host="here", pid=1, scheduler_id="", versions="", now=0.0)
            if backend == "mpio":
                results.write_together(SerialTeam().share({}))
            time_rows(campaign, results, backend)


def time_rows(campaign, results, backend):
    rng = np.random.default_rng(0)
    made = [made_row(results.dtype, config, rng) for config in campaign.configs]
    order = rng.permutation(len(made)).tolist()
    attempt, store, both = [], [], []
    cpu = time.process_time()
    for number in order:
        started = time.perf_counter()
        results.record_attempt(number, 1)
        begun = time.perf_counter()
        results.write_row(number, made[number])
        ended = time.perf_counter()
        attempt.append(begun - started), store.append(ended - begun), both.append(ended - started)
    cpu = (time.process_time() - cpu) / len(made)
    print(f"  {backend}, {len(made)} rows of 66 to 100 turbines, {results.dtype.itemsize} bytes each [us]:")
    for name, seconds in (("attempt", attempt), ("row", store), ("together", both)):
        print(f"    {name:9} median {1e6 * median(seconds):6.1f}, mean {1e6 * mean(seconds):6.1f} wall")
    print(f"    {'':9} mean {1e6 * cpu:6.1f} CPU")
    if backend == "gather":
        judge("a row costs rank 0, median wall time", median(both), ROW_S, "us", 1e6)
        judge("a row costs rank 0, mean CPU time", cpu, ROW_S, "us", 1e6)
    else:
        said = brief(made[0])[0]
        started = time.perf_counter()
        for number in order:
            results.note_stored(number, said)
        noted = (time.perf_counter() - started) / len(order)
        judge("a row that a worker writes costs rank 0, wall time", median(attempt) + noted, ROW_S, "us", 1e6)


# ---------------------------------------------------------------- a million rows


def file(folder, n_configs):
    """How fast a file of a million rows says what is done, and opens with all its checksums checked."""
    campaign = parse_campaign(MILLION % (TYPES, n_configs // 10))
    path = folder / "million.h5"
    started = time.perf_counter()
    create_results(path, campaign)
    created = time.perf_counter() - started
    fill(path, campaign)
    size = path.stat().st_size
    print(f"  {n_configs:,} rows, {size / 1e9:.2f} GB, created in {created:.1f} s")
    forget(path)
    cold = timed(lambda: done_mask(path))
    warm = min(timed(lambda: done_mask(path)) for _ in range(5))
    print(f"    done-mask: {1e3 * cold:.2f} ms from the disk, {1e3 * warm:.2f} ms from memory")
    for name in ("from the disk", "from memory"):
        if name == "from the disk":
            forget(path)
        seconds = timed(lambda: open_writer(path, campaign).close())
        print(f"    opening to go on, every checksum checked: {seconds:.2f} s {name}")
    judge("reading the done-mask", cold, MASK_S, "ms", 1e3)


def fill(path, campaign):
    """Make every row a done one."""
    structure = locate(path)
    with PlainStore(path, structure.extents, writable=True) as store:
        for piece in scan(store, row_dtype(campaign.n_turbines_max)):
            part = piece.rows
            for name in ("x", "y", "turbine_aep", "aep"):
                part[name] = 1.5
            part["status"] = Status.DONE
            seal(part)
            store.write_rows(piece.start, part)
        store.sync()


def done_mask(path):
    with PlainStore(path, locate(path).extents, writable=False) as store:
        done = store.read("status") == Status.DONE
    assert done.all()


def forget(path):
    """Let the operating system drop what it keeps of a synced file in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def timed(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


# ---------------------------------------------------------------- memory


# Everything that rank 0 does in a launch but solving: load, create or open, choose, schedule, close, tell.
LAUNCH = """
import re, sys
from pathlib import Path
from mpi_layout.order import Order
from mpi_layout.parallel.serial import SerialTeam
from mpi_layout.parallel.stopping import Stop
from mpi_layout.run import run
stop = Stop()
stop.ask("the benchmark")
run(Order(Path(sys.argv[1]), Path(sys.argv[2])), SerialTeam(), stop)
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def memory(folder, n_configs):
    """How much more memory rank 0 needs at its peak for a million configs than for ten."""
    peaks = {}
    for n in (10, n_configs):
        campaign, output = folder / f"{n}.yaml", folder / f"{n}.h5"
        campaign.write_text(MILLION % (TYPES, n // 10))
        peaks[n] = [peak(campaign, output) for _ in ("a first launch", "a second one")]
        output.unlink()
    for name, few, many in zip(("first launch", "next launch"), *peaks.values(), strict=True):
        print(f"  {name}: {few / 1e6:.1f} MB with 10 configs, {many / 1e6:.1f} MB with {n_configs:,}")
        judge(f"memory per config, {name}", (many - few) / n_configs, BYTES_PER_CONFIG, "bytes")


def peak(campaign, output):
    """Peak memory of a launch, bytes; not that of this process, which a child would inherit in ru_maxrss."""
    command = [sys.executable, "-P", "-c", LAUNCH, str(campaign), str(output)]
    return 1024 * int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


# ---------------------------------------------------------------- checkpoints


# Each rank notes at once how long a sync took, and rank 0 how long the campaign was worked on: a rank whose
# config is still running at the end leaves without a word.
NOTED = """
import json, os, sys, time
from mpi_layout.parallel.manager import Manager
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.__main__ import main
def noting(function, what):
    def noted(*arguments):
        started = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            seconds = time.perf_counter() - started
            with open(sys.argv[1], "a") as file:
                file.write(json.dumps([os.getpid(), what, seconds]) + "\\n")
    return noted
PlainStore.sync = noting(PlainStore.sync, "sync")
Manager.work = noting(Manager.work, "work")
sys.exit(main(sys.argv[2:]))
"""


def checkpoints(folder, backend, seconds, interval, mpiexec):
    """What checkpoints cost a part of the reference campaign, at an interval shorter than the default."""
    text = REFERENCE.read_text()
    default = load_campaign(REFERENCE).checkpoint.interval_s
    text = re.sub(r"(?m)^checkpoint:.*$", f"checkpoint: {{interval_s: {interval:g}}}", text)
    assert parse_campaign(text).checkpoint.interval_s == interval
    campaign, notes = folder / "part.yaml", folder / f"{backend}.notes"
    campaign.write_text(text)
    n_ranks = len(os.sched_getaffinity(0)) + 1
    limit = f"0:{seconds // 60:02}:{seconds % 60:02}"
    command = [
        *mpiexec,
        "-n",
        str(n_ranks),
        sys.executable,
        "-P",
        "-c",
        NOTED,
        str(notes),
        "run",
        str(campaign),
    ]
    command += ["-o", str(folder / f"part-{backend}.h5"), "--backend", backend, "--time-limit", limit]
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=seconds + 120)
    if ended.returncode != 75:
        raise RuntimeError(f"exit code {ended.returncode} instead of 75:\n{ended.stderr}")
    ranks = {}
    for line in notes.read_text().splitlines():
        rank, what, took = json.loads(line)
        ranks.setdefault(rank, {"sync": [], "work": []})[what].append(took)
    (manager,) = (rank for rank in ranks.values() if rank["work"])
    workers = [rank["sync"] for rank in ranks.values() if not rank["work"]]
    report_checkpoints(backend, manager["work"][0], manager["sync"], workers, interval, default)


def report_checkpoints(backend, wall, manager, workers, interval, default):
    print(f"  {backend}: {wall:.0f} s of the reference campaign, a checkpoint every {interval:g} s")
    for name, syncs in (("rank 0", manager), *(("a worker", syncs) for syncs in workers)):
        middle, longest = 1e3 * median(syncs), 1e3 * max(syncs)
        print(f"    {name}: {len(syncs)} syncs, median {middle:.1f} ms, longest {longest:.1f} ms")
    # While rank 0 syncs, workers may wait for it; while a worker syncs, it does not solve: count both.
    lost = sum(manager) + (mean(map(sum, workers)) if workers else 0.0)
    at_most, at_least = lost / wall, lost / wall * interval / default
    print(
        f"    lost at most {lost:.3f} s; every {default:g} s with up to {default / interval:g} times the data"
    )
    print(
        f"    {100 * at_least:.3f} % if each costs the same, {100 * at_most:.2f} % if the cost grows with it"
    )
    judge(f"share of checkpoints, {backend}", at_most, SHARE, "%", 100)


# ---------------------------------------------------------------- all


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help="rows, file, memory, checkpoints; default: all"
    )
    parser.add_argument("--backend", choices=["gather", "mpio"], help="default: both, if h5py can")
    parser.add_argument("--configs", type=int, default=1_000_000, help="of `file` and `memory`")
    parser.add_argument("--seconds", type=int, default=45, help="of each part of the reference campaign")
    parser.add_argument("--interval", type=float, default=3.0, help="between its checkpoints, s")
    beside = str(Path(sys.executable).parent / "mpiexec")
    parser.add_argument("--mpiexec", default=beside, help="launcher; default: the one beside this Python")
    parser.add_argument("--folder", type=Path, help="where results files are made; default: the system's")
    args = parser.parse_args()
    unknown = set(args.parts) - {"rows", "file", "memory", "checkpoints"}
    if unknown:
        parser.error(f"unknown part {min(unknown)}")
    chosen = args.parts or ["rows", "file", "memory", "checkpoints"]
    backends = [args.backend] if args.backend else ["gather", "mpio"]
    if "mpio" in backends and (reason := mpio.why_not()):
        print(f"mpio is NOT measured: {reason}")
        backends.remove("mpio")
        if args.backend:
            failed.append("mpio")

    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        for part in chosen:
            print(f"{part}:", flush=True)
            if part == "rows":
                rows(folder, backends)
            elif part == "file":
                file(folder, args.configs)
                (folder / "million.h5").unlink()
            elif part == "memory":
                memory(folder, args.configs)
            else:
                for backend in backends:
                    checkpoints(folder, backend, args.seconds, args.interval, shlex.split(args.mpiexec))
    print(f"missed: {', '.join(failed)}" if failed else "every goal is met")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
