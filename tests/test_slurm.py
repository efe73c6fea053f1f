"""Job scripts, signals, time limits and lost nodes under a real Slurm (slurm/cluster.py).

Configs sleep: what is tested is who runs when, on few cores. The two jobs that take longest are submitted
first and looked at last.
"""

import json
import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import mpi_launcher
import pytest
from slurm.cluster import Slurm, missing, slurm

from mpi_layout import cli
from mpi_layout.compare.diff import diff
from mpi_layout.results.reader import open_reader

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(600)]

REPOSITORY = Path(__file__).parent.parent
DRIVERS = Path(__file__).parent / "drivers"
MPI, OTHER_MPI = ("pmix", "pmi2") if mpi_launcher.is_open_mpi() else ("pmi2", "pmix")
ONLY = "farm[01]_t5_s[0-5]"  # 12 configs of the reference campaign
N_CONFIGS = 12
CALM = "--exclude=n3,n4,n5"  # leaves nodes that stay up
SOON_S = 150.0  # for what takes seconds when nobody else wants the cores
LATE_S = 400.0


@dataclass(frozen=True)
class Campaign:
    """A folder with the reference campaign, from which jobs are submitted.

    The program in it is a script, so that ranks run what is tested, whatever is installed.
    """

    folder: Path
    cluster: Slurm

    def __post_init__(self):
        self.folder.mkdir()
        text = (REPOSITORY / "examples/danish_energy_island.yaml").read_text()
        assert text.count("checkpoint: {interval_s: 30}") == 1
        (self.folder / "c.yaml").write_text(text.replace("interval_s: 30", "interval_s: 2"))
        self.program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m mpi_layout "$@"\n')
        self.program.chmod(0o755)

    @property
    def program(self):
        return self.folder / "mpi-layout"

    @property
    def results(self):
        return open_reader(self.folder / "c.h5")

    @property
    def log(self):
        """All that the jobs have printed."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def environ(self, seconds):
        """Environment in which each config sleeps for some seconds."""
        paths = filter(None, [str(DRIVERS), os.environ.get("PYTHONPATH")])
        return mpi_launcher.clean_environment() | {
            "PYTHONPATH": os.pathsep.join(paths),
            "SOLVE_DRIVER": json.dumps({"seconds": seconds}),
            "MPI_LAYOUT": str(self.program),
        }

    def sbatch(self, script, *options, seconds=0.0):
        """Submit one of the scripts of jobs/, for the MPI at hand."""
        text = (REPOSITORY / "jobs" / script).read_text()
        (self.folder / script).write_text(text.replace("mpi=pmi2", f"mpi={MPI}"))
        command = ["--ntasks=3", *options, script, "c.yaml", "--only", ONLY]
        return self.cluster.sbatch(*command, cwd=self.folder, environ=self.environ(seconds))

    def submit(self, *options, seconds=0.0):
        """Start the command submit, which solves a config to see what it costs."""
        words = [self.program, "submit", "c.yaml", "--only", ONLY, *options]
        return self.cluster.start(*words, cwd=self.folder, environ=self.environ(seconds))

    def srun(self, *options, seconds=0.0, limit=SOON_S):
        """Run the program by srun; exit code and standard error."""
        words = ["srun", *options, self.program, "run", "c.yaml", "-o", "c.h5", "--only", ONLY]
        process = self.cluster.start(*words, cwd=self.folder, environ=self.environ(seconds))
        try:
            _, err = process.communicate(timeout=limit)
        finally:
            process.kill()
        return process.returncode, err

    def done(self):
        """Configs that are in the file."""
        return int(self.results.done.sum()) if (self.folder / "c.h5").exists() else 0


@pytest.fixture(scope="module")
def cluster():
    wanting = missing()
    if wanting:
        pytest.fail(wanting)
    with slurm(["n1", "n2", "n3", "n4", "n5"]) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def journal(cluster):
    """Show the logs where a test has failed."""
    yield
    print(cluster.journal())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, cluster):
    """Results of a serial run without any Slurm."""
    serial = Campaign(tmp_path_factory.mktemp("undisturbed") / "c", cluster)
    path = serial.folder / "c.h5"
    assert cli.main(["run", str(serial.folder / "c.yaml"), "-o", str(path), "--only", ONLY]) == 0
    return open_reader(path)


@pytest.fixture
def campaign(tmp_path, cluster):
    return Campaign(tmp_path / "c", cluster)


def submit_limited(campaign):
    """Start to submit the campaign for a minute; Slurm's signal comes 15 to 45 s after the job's start."""
    options = ["--time=0:01:00", "--ranks=3", f"--option={CALM}", "--option=--signal=B:USR1@15"]
    return campaign.submit(*options, seconds=10)


def number(submitting):
    """Job number that the command submit tells."""
    out, err = submitting.communicate(timeout=SOON_S)
    assert submitting.returncode == 0, err
    return re.match(r"job (\d+):", out).group(1)


@pytest.fixture(scope="module", autouse=True)
def limited(tmp_path_factory, cluster):
    """Campaign that needs more than a minute, 2 workers for a minute each, and its first submit."""
    campaign = Campaign(tmp_path_factory.mktemp("limited") / "c", cluster)
    with submit_limited(campaign) as submitting:
        yield campaign, submitting


@pytest.fixture(scope="module", autouse=True)
def unlucky(tmp_path_factory, cluster):
    """Campaign and job on two nodes, and the name of the one that has lost its power meanwhile."""
    campaign = Campaign(tmp_path_factory.mktemp("unlucky") / "c", cluster)
    job = campaign.sbatch("slurm-nodes.sh", "--nodes=2", "--ntasks=4", "--exclude=n1,n2", seconds=4)
    cluster.wait(lambda: campaign.done() >= 2, SOON_S)
    victim = cluster.job(job)["BatchHost"]
    cluster.power_off(victim)
    return campaign, job, victim


# ---------------------------------------------------------------- srun


def test_ranks_on_two_nodes(campaign, undisturbed):
    code, err = campaign.srun(f"--mpi={MPI}", CALM, "--nodes=2", "--ntasks-per-node=2", seconds=0.2)
    assert code == 0, err
    assert "4 ranks: 1 hands out, 3 solve (1 on this machine)" in err
    assert set(campaign.results.rows["rank"][campaign.results.done]) == {1, 2, 3}
    assert diff(campaign.results, undisturbed).equal


@pytest.mark.parametrize(
    ("mpi", "what"), [("none", "srun without --mpi"), (OTHER_MPI, f"srun --mpi={OTHER_MPI}")]
)
def test_ranks_that_do_not_find_each_other_are_told_why(campaign, mpi, what):
    code, err = campaign.srun(f"--mpi={mpi}", CALM, "--nodes=1", "--ntasks=3")
    assert code not in (0, 75), err  # 2, unless the MPI library itself gives up
    assert err.count(f"{what} started 3 ranks") >= 1, err
    assert f"--mpi={MPI}" in err  # what to do instead
    assert not (campaign.folder / "c.h5").exists()


# ---------------------------------------------------------------- the doctor


def test_the_doctor_in_a_job_tries_ranks_by_srun(campaign, cluster):
    wrapped = f"--wrap=./{campaign.program.name} doctor --json > doctor.json"
    job = cluster.sbatch("--ntasks=2", CALM, wrapped, cwd=campaign.folder, environ=campaign.environ(0))
    cluster.wait_for_end(job, LATE_S)
    answer = json.loads((campaign.folder / "doctor.json").read_text())
    found = {finding["what"]: finding for finding in answer["findings"]}
    assert answer["usable"], answer
    assert found["batch system"]["facts"] == {"system": "Slurm", "job": job}
    assert found["2 ranks"]["facts"]["command"].startswith(f"srun --mpi={MPI} ")
    assert found["same results"]["verdict"] == "ok"


def test_the_doctor_on_a_login_node_says_what_srun_wants(campaign, cluster):
    words = [campaign.program, "doctor", "--json"]
    asking = cluster.start(*words, cwd=campaign.folder, environ=campaign.environ(0))
    out, err = asking.communicate(timeout=LATE_S)
    found = {finding["what"]: finding for finding in json.loads(out)["findings"]}
    assert found["batch system"]["verdict"] == "hint", err
    assert f"srun --mpi={MPI}" in found["srun"]["found"]
    assert not found["2 ranks"]["facts"]["command"].startswith("srun")


# ---------------------------------------------------------------- job arrays


def test_a_job_array_is_refused(campaign, cluster):
    job = campaign.sbatch("slurm.sh", "--array=0-1", CALM, "--nodes=1")
    for task in (0, 1):
        assert cluster.wait_for_end(f"{job}_{task}", SOON_S)["ExitCode"] == "2:0"
    assert campaign.log.count("error: a job array would be several launches on one file") == 2
    assert not (campaign.folder / "c.h5").exists()


def test_an_array_of_another_script_cannot_do_harm(campaign, cluster, undisturbed):
    script = f"#!/bin/sh\nexec srun --mpi={MPI} ./mpi-layout run c.yaml -o c.h5 --only '{ONLY}'\n"
    (campaign.folder / "own.sh").write_text(script)
    options = ("--array=0-1", "--ntasks=3", "--nodes=1", CALM, "--output=%x-%A-%a.log")
    job = cluster.sbatch(*options, "own.sh", cwd=campaign.folder, environ=campaign.environ(1.0))
    codes = {cluster.wait_for_end(f"{job}_{task}", SOON_S)["ExitCode"] for task in (0, 1)}
    assert codes == {"0:0", "2:0"}  # one has worked, the other one was told that the file is taken
    assert "another launch" in campaign.log
    assert len(campaign.results.launches) == 1
    assert diff(campaign.results, undisturbed).equal


# ---------------------------------------------------------------- the end of jobs


def test_scancel_ends_gently_and_the_same_command_goes_on(campaign, cluster, undisturbed):
    job = campaign.sbatch("slurm-resubmit.sh", CALM, "--nodes=1", seconds=2)
    cluster.wait(lambda: campaign.done() >= 3, SOON_S)
    cluster.run("scancel", job)
    ended = cluster.wait_for_end(job, SOON_S)
    assert ended["JobState"] == "CANCELLED"
    assert ended["Restarts"] == "0"
    before = campaign.done()
    first = campaign.results.launches[0]
    assert first.reason == "SIGTERM"
    assert first.configs_done == before
    assert 3 <= before < N_CONFIGS

    job = campaign.sbatch("slurm.sh", CALM, "--nodes=1")
    assert cluster.wait_for_end(job, SOON_S)["ExitCode"] == "0:0"
    assert [launch.configs_done for launch in campaign.results.launches] == [before, N_CONFIGS - before]
    assert diff(campaign.results, undisturbed).equal


def test_a_node_that_is_lost(unlucky, cluster, undisturbed):
    campaign, job, victim = unlucky
    ended = cluster.wait_for_end(job, LATE_S)
    assert (ended["JobState"], ended["ExitCode"]) == ("COMPLETED", "0:0")
    assert int(ended["Restarts"]) == 1
    assert victim not in ended["NodeList"]
    lost, last = campaign.results.launches
    assert lost.ended is None  # nobody had the time to write that
    assert last.reason == "complete"
    assert {lost.scheduler_id, last.scheduler_id} == {job}
    assert diff(campaign.results, undisturbed).equal


def test_a_time_limit_that_is_too_short(limited, cluster, undisturbed):
    campaign, submitting = limited
    jobs = [number(submitting)]
    # Where a busy machine has kept a job from starting anything twice, it wants to be told to go on.
    while (ended := cluster.wait_for_end(jobs[-1], LATE_S))["ExitCode"] != "0:0" and len(jobs) < 4:
        assert "two launches in a row" in campaign.log
        with submit_limited(campaign) as submitting:
            jobs.append(number(submitting))
    assert (ended["JobState"], ended["ExitCode"]) == ("COMPLETED", "0:0")
    restarts = sum(int(cluster.job(job)["Restarts"]) for job in jobs)
    assert campaign.log.count(": submitted again") == restarts >= 1
    assert {"SIGUSR1", "the end of the Slurm job"} & {launch.reason for launch in campaign.results.launches}
    assert {launch.scheduler_id for launch in campaign.results.launches} <= set(jobs)
    assert diff(campaign.results, undisturbed).equal
