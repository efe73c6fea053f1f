"""Shared by all tests: a small campaign, and launches of the real program with a time limit."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

DRIVERS = Path(__file__).parent / "drivers"
LAUNCHER_VARIABLES = (
    "PMI_",
    "PMIX_",
    "OMPI_",
    "SLURM_",
    "MPI_LOCAL",
    "HYDI_",
    "PALS_",
    "FLUX_",
    "JSM_",
    "MV2_",
)
LIMIT_S = 60.0

SMALL_CAMPAIGN = """\
name: small
areas:
  - name: a
    boundary_m: [[0, 0], [6000, 0], [6000, 6000], [0, 6000]]
  - name: b
    boundary_m: [[10000, 0], [15000, 0], [15000, 7000], [10000, 6000]]
turbine_types:
  - {name: t10, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}
  - {name: t15, rated_power_MW: 15, rotor_diameter_m: 240, hub_height_m: 150}
seeds: {first: 0, count: 3}
n_turbines: 5
min_spacing_D: 3
site:
  turbulence_intensity: 0.1
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [9, 10, 11, 12]
  weibull_k: [2, 2, 2.1, 2.2]
  sector_probability: [0.2, 0.2, 0.3, 0.3]
start: {method: smart_start, grid: [8, 8], best_percent: 30}
checkpoint: {interval_s: 0.2}
"""


@dataclass(frozen=True)
class Ended:
    """What a launch left behind."""

    code: int
    out: str
    err: str


class Started:
    """A launch that runs; with its process group it can be signalled and killed."""

    def __init__(self, command, environ, cwd):
        self.process = subprocess.Popen(
            command,
            env=environ,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def signal(self, number):
        """Send a signal to the launcher, as a batch system or a terminal does."""
        self.process.send_signal(number)

    def descendants(self):
        """Process numbers of the launcher and everything below it."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                todo += [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return found

    def kill_all(self):
        """Kill -9 the launcher and all its ranks: ranks have process groups of their own."""
        pids = self.descendants()
        for _ in range(2):  # the second time for what was started meanwhile
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            pids = self.descendants()

    def wait(self, limit=LIMIT_S):
        """Wait for the end; a launch that hangs is killed and fails the test."""
        try:
            out, err = self.process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.kill_all()
            out, err = self.process.communicate()
            pytest.fail(f"hangs after {limit} s; stderr:\n{err}")
        return Ended(self.process.returncode, out, err)


@pytest.fixture
def start(tmp_path):
    """Start `mpi-layout ARGUMENTS` on n ranks, in tmp_path; what runs at the end of the test is killed.

    With `under` another program is started, strace say, that starts the launch.
    """
    running = []

    def start(*arguments, ranks=1, how=None, environ=(), under=()):
        mpiexec = [str(Path(sys.executable).parent / "mpiexec"), "-n", str(ranks)] if ranks > 1 else []
        variables = {k: v for k, v in os.environ.items() if not k.startswith(LAUNCHER_VARIABLES)}
        path = [str(DRIVERS)] if how is not None else []
        variables["PYTHONPATH"] = os.pathsep.join([*path, *filter(None, [variables.get("PYTHONPATH")])])
        variables |= {"SOLVE_DRIVER": json.dumps(how or {})} | dict(environ)
        command = [*under, *mpiexec, sys.executable, "-m", "mpi_layout", *map(str, arguments)]
        running.append(Started(command, variables, tmp_path))
        return running[-1]

    yield start
    for launch in running:
        if launch.process.poll() is None:
            launch.kill_all()
            launch.process.communicate()


@pytest.fixture
def launch(start):
    """Run `mpi-layout ARGUMENTS` on n ranks to its end."""

    def launch(*arguments, limit=LIMIT_S, **settings):
        return start(*arguments, **settings).wait(limit)

    return launch


@pytest.fixture(scope="session")
def small_campaign_text():
    """A campaign with 12 configs of 5 turbines, done in a second."""
    return SMALL_CAMPAIGN


@pytest.fixture
def small_campaign(tmp_path, small_campaign_text):
    """The file small.yaml in tmp_path."""
    path = tmp_path / "small.yaml"
    path.write_text(small_campaign_text)
    return path


def wait_until(condition, limit=LIMIT_S):
    """Poll until the condition holds; fail after the limit."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"nothing happened in {limit} s")
        time.sleep(0.01)


@pytest.fixture(name="wait_until")
def wait_until_fixture():
    """The function `wait_until`."""
    return wait_until
