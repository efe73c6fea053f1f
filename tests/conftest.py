"""Shared by all tests: a small campaign, and launches of the real program with a time limit."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import mpi_launcher
import pytest

from mpi_layout import cli
from mpi_layout.results.reader import open_reader

DRIVERS = Path(__file__).parent / "drivers"
MARK = "MPI_LAYOUT_TEST_LAUNCH"  # in the environment of every process of a launch
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
        self._mark = f"{MARK}={uuid.uuid4()}"
        self.process = subprocess.Popen(
            command,
            env=environ | dict([self._mark.split("=")]),
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
        """Process numbers of the launcher and everything below it, orphans of a dead launcher included."""
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if self._mark.encode() in environ.read_bytes().split(b"\0"):
                    found.append(int(environ.parent.name))
        return found

    def ranks(self):
        """Process number of every rank that lives, by rank."""
        name = mpi_launcher.rank_variable().encode() + b"="
        found = {}
        for pid in self.descendants():
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
                rank = [int(v.removeprefix(name)) for v in variables if v.startswith(name)]
                if rank and b"\0mpi_layout\0" in command:
                    found[pid] = (rank[0], parent)
        # A child of a rank looks like the rank until it becomes another program.
        return {rank: pid for pid, (rank, parent) in found.items() if parent not in found}

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
def own_tmpdir(tmp_path_factory):
    """Where launches of a test have their temporary files, as variables.

    A killed mpirun of Open MPI leaves its folder behind; another with the same process number, which a
    machine uses again, finds it and ends ("The PMIx server's listener thread failed to start").
    """
    return {"TMPDIR": str(tmp_path_factory.mktemp("launches"))}


@pytest.fixture
def start(tmp_path, own_tmpdir):
    """Start `mpi-layout ARGUMENTS` on n ranks, in tmp_path, under another command such as strace.

    What runs at the end of the test is killed.
    """
    running = []

    def start(*arguments, ranks=1, how=None, environ=(), options=(), under=()):
        mpiexec = [*mpi_launcher.mpiexec(), *options, "-n", str(ranks)] if ranks > 1 or options else []
        variables = mpi_launcher.clean_environment() | own_tmpdir | {"SOLVE_DRIVER": json.dumps(how or {})}
        variables |= dict(environ)
        paths = [str(DRIVERS)] if how is not None else []
        paths += [dict(environ).get("PYTHONPATH"), os.environ.get("PYTHONPATH")]
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        command = [*under, *mpiexec, sys.executable, "-m", "mpi_layout", *map(str, arguments)]
        running.append(Started(command, variables, tmp_path))
        return running[-1]

    yield start
    for launch in running:
        if launch.process.poll() is None:
            launch.kill_all()
            print("\n".join(launch.process.communicate()))  # shown where the test has failed
        for stream in filter(None, (launch.process.stdout, launch.process.stderr)):
            stream.close()


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


def nobody_left(pids):
    """Whether all processes have ended; one that nobody waited for has no command line any more."""
    lines = [Path(f"/proc/{pid}/cmdline") for pid in pids]
    return not any(line.exists() and line.read_bytes() for line in lines)


@pytest.fixture(name="nobody_left")
def nobody_left_fixture():
    """The function `nobody_left`."""
    return nobody_left


@pytest.fixture
def path(small_campaign):
    """The results file of the small campaign."""
    return small_campaign.with_suffix(".h5")


@pytest.fixture(scope="session")
def straight(tmp_path_factory, small_campaign_text):
    """Results of an undisturbed serial run of the small campaign; a test that writes takes a copy."""
    folder = tmp_path_factory.mktemp("straight")
    (folder / "small.yaml").write_text(small_campaign_text)
    assert cli.main(["run", str(folder / "small.yaml"), "-o", str(folder / "small.h5")]) == 0
    return open_reader(folder / "small.h5")


@pytest.fixture(name="wait_until")
def wait_until_fixture():
    """The function `wait_until`."""
    return wait_until
