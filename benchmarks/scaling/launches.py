"""Real launches of sleeping configs on this machine: how fast rank 0 hands out, and what that costs it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from killing.launch import FOREIGN, OPEN_MPI_MAY

from mpi_layout.parallel.batches import MOST
from mpi_layout.results.reader import open_reader

DRIVERS = Path(__file__).resolve().parents[2] / "tests" / "drivers"
LIMIT_S = 300
CAMPAIGN = """\
name: asleep
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
# Rank 0 of the real program; its manager's loop is timed, and in it the two calls that are MPI's.
NOTED = """
import json, sys, time
from mpi_layout.__main__ import main
from mpi_layout.parallel.manager import Manager
from mpi_layout.parallel.ranks import talk
from mpi_layout.parallel.ranks.manager_team import ManagerTeam
from mpi_layout.parallel.schedule import Schedule

notes, most = sys.argv[1], int(sys.argv[2])
noted = dict(collect=0.0, look=0.0, give=0.0, work=0.0, wall=0.0, looks=0, turns=0, answers=0, gives=0)
collect, give, work, batch = ManagerTeam.collect, ManagerTeam.give, Manager.work, Schedule.next_batch

def timed_collect(team):
    began = time.thread_time()
    answers = collect(team)
    noted["collect" if answers else "look"] += time.thread_time() - began
    if answers:
        noted["turns"] += 1
        noted["answers"] += len(answers)
    noted["looks"] += 1
    return answers

def timed_give(team, what):
    began = time.thread_time()
    give(team, what)
    noted["give"] += time.thread_time() - began
    noted["gives"] += 1

def some(schedule, seconds_left, workers):
    return batch(schedule, seconds_left, workers, most)

def timed_work(manager, show):
    began, clock = time.process_time(), time.perf_counter()
    work(manager, show)
    noted["work"], noted["wall"] = time.process_time() - began, time.perf_counter() - clock
    with open(notes, "w") as file:
        json.dump(noted, file)

ManagerTeam.collect, ManagerTeam.give, Manager.work = timed_collect, timed_give, timed_work
Schedule.next_batch = some
sys.exit(main(sys.argv[3:]))
"""


@dataclass(frozen=True)
class Measured:
    """One launch.

    Attributes
    ----------
    ranks, n_configs : int
    asleep : s
        What each config sleeps.
    start : s
        From the command to the first config handed out.
    seconds : s
        From there to the last row stored.
    manager : s
        CPU time of rank 0 in that time.
    busy : float
        Share of the workers' time spent in configs.
    noted : dict
        CPU seconds of the calls of MPI, and how many there were.
    """

    ranks: int
    n_configs: int
    asleep: float
    backend: str
    start: float
    seconds: float
    manager: float
    busy: float
    noted: dict[str, float]


def launch(ranks, asleep, n_configs, *, backend="gather", mpiexec=None, most=MOST):
    """Run a launch, with at most so many configs in a batch, and measure it."""
    mpiexec = mpiexec or [str(Path(sys.executable).parent / "mpiexec")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        campaign, output, notes = folder / "asleep.yaml", folder / "asleep.h5", folder / "notes.json"
        campaign.write_text(CAMPAIGN.format(n_configs=n_configs))
        command = [*mpiexec, "-n", str(ranks), sys.executable, "-P", "-c", NOTED, str(notes), str(most)]
        command += ["run", str(campaign), "-o", str(output), "--backend", backend]
        began = time.time()
        ended = subprocess.run(
            command, env=environment(asleep), stderr=subprocess.PIPE, text=True, timeout=LIMIT_S
        )
        if ended.returncode:
            raise RuntimeError(f"exit code {ended.returncode}:\n{ended.stderr}")
        noted = json.loads(notes.read_text())
        results = open_reader(output)
        if not (results.rows["status"] == 1).all():
            raise RuntimeError("not all configs are done")
        busy = float(results.rows["seconds"].sum()) / noted["wall"] / (ranks - 1)
        start = results.launches[0].started - began
        return Measured(ranks, n_configs, asleep, backend, start, noted["wall"], noted["work"], busy, noted)


def environment(asleep):
    """Variables of a launch whose configs sleep."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)} | OPEN_MPI_MAY
    paths = [str(DRIVERS), os.environ.get("PYTHONPATH", "")]
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    variables["SOLVE_DRIVER"] = json.dumps({"seconds": asleep, "burn": 0})
    for pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        variables[pool] = "1"
    return variables


def as_json(measured):
    """Give plain values."""
    return asdict(measured)
