"""Job scripts run for real, by bash, with other programs in the place of the batch system and of ours."""

import json
import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from mpi_layout import cli, room
from mpi_layout.errors import ConfigError, InputError
from mpi_layout.estimate import Cost
from mpi_layout.optimise import solve as optimise
from mpi_layout.results.locking.lock import WriterLock
from mpi_layout.submit.batch_system import SYSTEMS
from mpi_layout.submit.examples import example_scripts
from mpi_layout.submit.job import Job
from mpi_layout.submit.mpi_type import fitting_type
from mpi_layout.submit.prospect import Prospect
from mpi_layout.submit.script import script_text
from mpi_layout.submit.submission import job_name

JOBS = Path(__file__).parents[1] / "jobs"
LIMIT_S = 60
# What each program writes down; then, for some of them, what else it does.
RECORD = '#!/bin/bash\nprintf "%q " "${0##*/}" "$@" >>"$SAID/calls"; echo >>"$SAID/calls"\n'
SKIP_OPTIONS = 'while [[ $1 == -* ]]; do shift; done\nexec "$@"\n'
SBATCH = "pwd >>\"$SAID/folder\"; echo 'Submitted batch job 4711'\n"
STATE = 'cat "$SAID/state"\n'
STATUS_THEN_RUN = """\
case $1 in
status) cat "$SAID/status" ;;
run) : >"$2.h5"; . "$SAID/how" ;;
esac
"""
JOB_HERE = 'campaign=c.yaml results=c.h5 options=(-o c.h5) program=("$MPI_LAYOUT")'
BEFORE, AFTER = "0 done, 0 failed, 12 to do; no launch", "8 done, 0 failed, 4 to do; SIGUSR1"


class Cluster:
    """Programs of a batch system, which write down how they were called."""

    def __init__(self, folder):
        self.folder = folder
        self.programs, self.said = folder / "programs", folder / "said"
        self.programs.mkdir()
        self.said.mkdir()
        (self.said / "state").write_text("RUNNING\n")
        self.environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "PBS_"))
        }
        self.environ |= {"PATH": f"{self.programs}:{os.environ['PATH']}", "SAID": str(self.said)}

    def add(self, name, does=""):
        """Add a program to the path."""
        path = self.programs / name
        path.write_text(RECORD + does)
        path.chmod(0o755)
        return path

    def calls(self, name):
        """Arguments of each call of a program."""
        path = self.said / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [shlex.split(line)[1:] for line in lines if line.split()[0] == name]

    def say(self, name, text):
        """Put down what a program reads."""
        (self.said / name).write_text(f"{text}\n")

    def start(self, script, *arguments, folder=None, **environ):
        """Start a script as the batch system does, in its folder or another."""
        return subprocess.Popen(
            ["bash", script, *arguments],
            cwd=folder or self.folder,
            env=self.environ | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, script, *arguments, folder=None, **environ):
        """Run a script; give back exit code and output."""
        return ended(self.start(script, *arguments, folder=folder, **environ))


def ended(process):
    try:
        out, _ = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
    return process.returncode, out


@pytest.fixture
def cluster(tmp_path):
    """Programs of Slurm and of PBS, not yet on this process' path."""
    cluster = Cluster(tmp_path)
    cluster.add("sbatch", SBATCH)
    cluster.add("scontrol")
    cluster.add("squeue", STATE)
    cluster.add("srun", SKIP_OPTIONS)
    cluster.add("qsub", "pwd >>\"$SAID/folder\"; echo '4711.server'\n")
    return cluster


@pytest.fixture
def slurm(cluster, monkeypatch):
    """The same on this process' path, without PBS."""
    (cluster.programs / "qsub").unlink()
    monkeypatch.setenv("PATH", f"{cluster.programs}:{os.environ['PATH']}")
    monkeypatch.setenv("SAID", str(cluster.said))
    cluster.say("state", "")
    return cluster


@pytest.fixture
def campaign(tmp_path, small_campaign_text):
    path = tmp_path / "small.yaml"
    path.write_text(small_campaign_text)
    return path


def submit(campaign, *arguments, ranks=3, time="1:00:00"):
    command = ["submit", campaign, "-o", campaign.with_suffix(".h5"), "--ranks", ranks, "--time", time]
    return cli.main([*map(str, command), *map(str, arguments)])


# ---------------------------------------------------------------- the scripts in jobs/


def test_examples_are_what_the_generator_writes():
    there = {path.name for path in JOBS.iterdir()} - {"README.md", "install-parallel-h5py.sh"}
    assert there == example_scripts().keys()
    for name, text in example_scripts().items():
        assert (JOBS / name).read_text() == text, "python -m mpi_layout.submit.examples jobs"
        assert os.access(JOBS / name, os.X_OK)


@pytest.mark.parametrize("name", example_scripts())
def test_examples_open_with_what_to_know_and_are_in_the_readme(name):
    head = example_scripts()[name].split("\nset -u")[0]
    command = "qsub" if "PBS" in head else "sbatch"
    assert f"\n#   {command} " in head
    assert f"jobs/{name}" in head
    assert "\n# Cost: " in head
    assert "\n# To change: " in head
    assert max(map(len, example_scripts()[name].splitlines())) <= 120
    assert f"`{name}`" in (JOBS / "README.md").read_text()


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_scripts_are_bash(system, again, tmp_path):
    job = Job(name="x", ranks=3, seconds=60, settings="", intro="", again=again, queue="q", account="a")
    (tmp_path / "job.sh").write_text(script_text(job, system))
    checked = subprocess.run(
        ["bash", "-n", tmp_path / "job.sh"], capture_output=True, text=True, timeout=LIMIT_S
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "@" not in script_text(job, system).replace("[@]", "").replace('"$@"', "").replace(
        ":@", ""
    ).replace("USR1@", "")


# ---------------------------------------------------------------- what follows a launch


def prepared(cluster, how, before=BEFORE):
    """A job whose launch does `how`, and the environment that finds it."""
    program = cluster.add("mpi-layout", STATUS_THEN_RUN)
    (cluster.folder / "c.h5").touch()
    cluster.say("status", before)
    cluster.say("how", how)
    return {"MPI_LAYOUT": str(program), "SLURM_JOB_ID": "17", "SLURM_NTASKS": "3", "SLURM_PROCID": "0"}


def launch_with(after, code):
    return f'echo "{after}" >"$SAID/status"; exit {code}'


def queued_again(cluster):
    return cluster.calls("scontrol") == [["requeue", "17"]]


@pytest.mark.parametrize(
    ("code", "after", "again"),
    [
        (75, AFTER, True),
        (137, AFTER, True),  # a rank was killed, and Slurm says so
        (0, "12 done, 0 failed, 0 to do; complete", False),
        (3, "11 done, 1 failed, 0 to do; complete", False),
        (137, "11 done, 1 failed, 0 to do; complete", False),
        (1, AFTER, False),
        (2, BEFORE, False),
        (4, "2 done, 6 failed, 4 to do; too many failed configs", False),
        (137, "8 done, 0 failed, 4 to do; error: BugError", False),
        (137, "2 done, 6 failed, 4 to do; too many failed configs", False),
        (127, BEFORE, False),
        (75, "8 done, 0 failed, 4 to do; SIGTERM", False),  # somebody has ended the launch
    ],
)
def test_a_job_is_followed_by_another_where_that_is_of_use(cluster, code, after, again):
    environ = prepared(cluster, launch_with(after, code))
    left, out = cluster.run(JOBS / "slurm-resubmit.sh", "c.yaml", **environ)
    assert queued_again(cluster) is again, out
    assert left == (0 if again else code)
    assert ("submitted again" in out.replace("not submitted again", "")) is again
    assert len(cluster.calls("srun")) == 1


def test_two_launches_in_a_row_without_progress_are_the_last(cluster):
    environ = prepared(cluster, launch_with(AFTER, 75), before=AFTER)
    job = JOBS / "slurm-resubmit.sh", "c.yaml"
    assert cluster.run(*job, **environ)[0] == 0  # the first may be bad luck
    assert queued_again(cluster)
    left, out = cluster.run(*job, **environ)
    assert (left, len(cluster.calls("scontrol"))) == (75, 1)
    assert "time limit too short" in out
    assert {path.name for path in cluster.folder.glob("c.h5*")} == {"c.h5"}


def test_progress_in_between_makes_up_for_a_launch_without(cluster):
    environ = prepared(cluster, launch_with(AFTER, 75), before=AFTER)
    job = JOBS / "slurm-resubmit.sh", "c.yaml"
    cluster.run(*job, **environ)
    cluster.say("how", launch_with("9 done, 0 failed, 3 to do; SIGUSR1", 75))
    cluster.run(*job, **environ)
    cluster.say("how", launch_with("9 done, 0 failed, 3 to do; SIGUSR1", 75))
    assert cluster.run(*job, **environ)[0] == 0
    assert len(cluster.calls("scontrol")) == 3


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (AFTER, ""),  # the file cannot be read any more
        ("", "0 done, 0 failed, 12 to do; SIGUSR1"),  # made, and nothing solved
    ],
)
def test_a_file_that_says_nothing_of_configs_is_no_progress(cluster, before, after):
    environ = prepared(cluster, launch_with(after, 75), before=before)
    job = JOBS / "slurm-resubmit.sh", "c.yaml"
    assert cluster.run(*job, **environ)[0] == 0
    cluster.say("status", before)
    left, out = cluster.run(*job, **environ)
    assert (left, len(cluster.calls("scontrol"))) == (75, 1), out


def test_configs_that_failed_are_progress(cluster):
    environ = prepared(cluster, launch_with("0 done, 3 failed, 9 to do; SIGUSR1", 75))
    assert cluster.run(JOBS / "slurm-resubmit.sh", "c.yaml", **environ)[0] == 0
    assert not (cluster.folder / "c.h5.no-progress").exists()


@pytest.mark.parametrize("option", ["--fresh", "--retry-failed"])
def test_what_each_job_would_do_again_is_refused_by_jobs_that_follow_each_other(cluster, option):
    environ = prepared(cluster, launch_with(AFTER, 75))
    left, out = cluster.run(JOBS / "slurm-resubmit.sh", "c.yaml", option, **environ)
    assert (left, cluster.calls("mpi-layout"), queued_again(cluster)) == (2, [], False)
    assert "jobs/slurm.sh" in out
    assert cluster.run(JOBS / "slurm.sh", "c.yaml", option, **environ)[0] == 75
    assert cluster.calls("mpi-layout") == [["run", "c.yaml", "-o", "c.h5", option]]


def test_a_launch_that_never_began_is_repeated_once(cluster):
    environ = prepared(cluster, "exit 139")
    (cluster.folder / "c.h5").unlink()
    cluster.add("mpi-layout", 'case $1 in run) exit 139 ;; *) echo "no file" >&2; exit 2 ;; esac\n')
    codes = [cluster.run(JOBS / "slurm-resubmit.sh", "c.yaml", **environ)[0] for _ in range(2)]
    assert codes == [0, 139]


@pytest.mark.parametrize("state", ["COMPLETING None", "CANCELLED None", "PREEMPTED None", ""])
def test_a_cancelled_job_is_not_followed(cluster, state):
    environ = prepared(cluster, launch_with(AFTER, 75))
    cluster.say("state", state)
    left, out = cluster.run(JOBS / "slurm-resubmit.sh", "c.yaml", **environ)
    assert (left, cluster.calls("scontrol")) == (75, [])
    assert "stopped from outside" in out


def test_a_job_that_slurm_ends_at_its_limit_is_followed(cluster, wait_until):
    environ = prepared(cluster, WAITING)
    job = cluster.start(JOBS / "slurm-resubmit.sh", "c.yaml", **environ)
    wait_until((cluster.said / "ready").exists)
    cluster.say("state", "COMPLETING TimeLimit")
    job.send_signal(signal.SIGTERM)
    assert ended(job)[0] == 0
    assert queued_again(cluster)


@pytest.mark.parametrize(
    ("told", "asked", "end"),
    [({"SLURM_JOB_END_TIME": "1700000000"}, "", "1700000000"), ({}, "2023-11-14T22:13:20", "1700000000")]
    + [({}, answer, "") for answer in ("NONE", "N/A", "")],
)
def test_the_launch_knows_the_end_of_its_job(cluster, told, asked, end):
    environ = prepared(cluster, 'echo "$SLURM_JOB_END_TIME" >"$SAID/end"')
    cluster.say("state", asked)
    cluster.run(JOBS / "slurm.sh", "c.yaml", **environ, **told, TZ="UTC")
    assert (cluster.said / "end").read_text().strip() == end


def test_where_jobs_cannot_be_queued_again_the_user_is_told(cluster):
    environ = prepared(cluster, launch_with(AFTER, 75))
    cluster.add("scontrol", "exit 1\n")
    cluster.add("sleep")
    left, out = cluster.run(JOBS / "slurm-resubmit.sh", "c.yaml", **environ)
    assert left == 75
    assert "give the same command again" in out


def test_a_slurm_that_does_not_answer_at_once_is_asked_again(cluster):
    environ = prepared(cluster, launch_with(AFTER, 75))
    cluster.add("sleep")
    for name in ("squeue", "scontrol"):
        cluster.add(name, f'mkdir "$SAID/{name}" 2>/dev/null && exit 1\necho RUNNING\n')
    told = {"SLURM_JOB_END_TIME": "1700000000"}
    left, out = cluster.run(JOBS / "slurm-resubmit.sh", "c.yaml", **environ, **told)
    assert (left, len(cluster.calls("squeue")), len(cluster.calls("scontrol"))) == (0, 2, 2), out


WAITING = """\
trap 'echo USR1 >>"$SAID/got"; echo "8 done, 0 failed, 4 to do; SIGUSR1" >"$SAID/status"; exit 75' USR1
trap 'echo TERM >>"$SAID/got"; echo "8 done, 0 failed, 4 to do; SIGTERM" >"$SAID/status"; exit 75' TERM
: >"$SAID/ready"
while :; do sleep 0.02; done
"""


@pytest.mark.parametrize(("name", "again"), [("USR1", True), ("TERM", False)])
def test_signals_reach_the_launch(cluster, wait_until, name, again):
    environ = prepared(cluster, WAITING)
    job = cluster.start(JOBS / "slurm-resubmit.sh", "c.yaml", **environ)
    wait_until((cluster.said / "ready").exists)
    job.send_signal(getattr(signal, f"SIG{name}"))
    left, out = ended(job)
    assert (cluster.said / "got").read_text() == f"{name}\n"
    assert queued_again(cluster) is again, out
    assert left == (0 if again else 75)


def test_a_signal_ends_no_wait_for_a_launch_that_takes_its_time(cluster, wait_until):
    slow = WAITING.replace("exit 75' USR1", "sleep 0.3; exit 75' USR1")
    environ = prepared(cluster, slow)
    job = cluster.start(JOBS / "slurm-resubmit.sh", "c.yaml", **environ)
    wait_until((cluster.said / "ready").exists)
    job.send_signal(signal.SIGUSR1)
    wait_until((cluster.said / "got").exists)
    job.send_signal(signal.SIGUSR1)
    assert ended(job)[0] == 0
    assert queued_again(cluster)


@pytest.mark.parametrize("name", [name for name in example_scripts() if name.startswith("slurm")])
def test_job_arrays_are_refused(cluster, name):
    environ = prepared(cluster, "exit 0") | {"SLURM_ARRAY_TASK_ID": "1"}
    left, out = cluster.run(JOBS / name, "c.yaml", **environ)
    assert (left, cluster.calls("mpi-layout")) == (2, [])
    assert "ask for more ranks" in out


def test_run_tells_tasks_of_a_job_array_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    lock = WriterLock(tmp_path / "c.h5")
    with lock, pytest.raises(InputError, match="one job with more ranks"), WriterLock(tmp_path / "c.h5"):
        pass


def test_results_file_named_by_the_options_of_run_is_refused(cluster):
    environ = prepared(cluster, "exit 0")
    left, out = cluster.run(JOBS / "slurm-resubmit.sh", "c.yaml", "-o", "d.h5", **environ)
    assert (left, cluster.calls("mpi-layout")) == (2, [])
    assert "RESULTS=FILE" in out
    assert cluster.run(JOBS / "slurm-resubmit.sh", "c.yaml", **environ, RESULTS="d.h5")[0] == 0
    assert cluster.calls("mpi-layout")[-1] == ["run", "c.yaml", "-o", "d.h5"]


def test_one_shot_passes_options_on_and_says_what_75_means(cluster):
    environ = prepared(cluster, "exit 75")
    left, out = cluster.run(JOBS / "slurm.sh", "c.yaml", "--only", "a b*", **environ)
    assert (left, cluster.calls("scontrol")) == (75, [])
    assert cluster.calls("mpi-layout") == [["run", "c.yaml", "-o", "c.h5", "--only", "a b*"]]
    assert "submit the same again" in out


def test_container_example_runs_the_image(cluster):
    environ = prepared(cluster, launch_with(AFTER, 75))
    cluster.add(
        "apptainer",
        f"shift; {SKIP_OPTIONS}".replace("shift; done", "shift 2; done").replace('"$@"', '"${@:2}"'),
    )
    assert cluster.run(JOBS / "slurm-container.sh", "c.yaml", **environ, IMAGE="my image.sif")[0] == 0
    assert cluster.calls("apptainer")[1][:4] == ["exec", "--bind", str(cluster.folder), "my image.sif"]
    assert cluster.calls("mpi-layout")[1] == ["run", "c.yaml", "-o", "c.h5"]
    assert queued_again(cluster)


def pbs_job(cluster, how):
    (cluster.said / "nodes").write_text("n1\nn1\nn2\n")
    cluster.add("mpiexec", 'while [[ $1 == -* ]]; do shift 2; done\nexec "$@"\n')
    prepared(cluster, how)
    return {
        "MPI_LAYOUT": str(cluster.programs / "mpi-layout"),
        "PBS_JOBID": "17.server",
        "PBS_O_WORKDIR": str(cluster.folder),
        "PBS_NODEFILE": str(cluster.said / "nodes"),
        "CAMPAIGN": "c.yaml",
    }


def test_pbs_job_is_followed_by_another(cluster):
    environ = pbs_job(cluster, launch_with(AFTER, 75))
    left, out = cluster.run(JOBS / "pbs.sh", **environ)
    assert left == 0, out
    assert cluster.calls("qsub") == [["-W", "depend=afterany:17.server", str(JOBS / "pbs.sh")]]
    assert cluster.calls("mpiexec")[0][:4] == ["-machinefile", environ["PBS_NODEFILE"], "-n", "3"]
    assert cluster.calls("mpi-layout")[1][-2:] == ["--time-limit", "00:59:30"]


def test_pbs_job_that_is_deleted_is_not_followed(cluster, wait_until):
    job = cluster.start(JOBS / "pbs.sh", **pbs_job(cluster, WAITING))
    wait_until((cluster.said / "ready").exists)
    job.send_signal(signal.SIGTERM)
    assert ended(job)[0] == 75
    assert cluster.calls("qsub") == []


def test_pbs_job_begins_in_the_home_folder_and_the_next_one_where_it_was_submitted(cluster, tmp_path):
    environ = pbs_job(cluster, launch_with(AFTER, 75))
    job = Job(name="x", ranks=3, seconds=60, settings=JOB_HERE, intro="")
    (cluster.folder / "job.sh").write_text(script_text(job, SYSTEMS["pbs"]))
    home = tmp_path / "home"
    home.mkdir()
    assert cluster.run(cluster.folder / "job.sh", folder=home, **environ)[0] == 0
    assert (cluster.said / "folder").read_text() == f"{cluster.folder}\n"  # where its log goes


def test_pbs_job_takes_the_launcher_of_its_environment(cluster, tmp_path):
    environ = pbs_job(cluster, "exit 0")
    bin_folder = tmp_path / "venv/bin"
    bin_folder.mkdir(parents=True)
    for name in ("mpiexec", "mpi-layout"):
        (cluster.programs / name).rename(bin_folder / name)
    cluster.add("mpiexec", "echo 'the launcher of another MPI'; exit 1\n")
    environ["MPI_LAYOUT"] = str(bin_folder / "mpi-layout")
    code, out = cluster.run(JOBS / "pbs.sh", **environ)
    assert (code, "finished" in out) == (0, True), out


def test_pbs_job_array_is_refused(cluster):
    environ = pbs_job(cluster, "exit 0") | {"PBS_ARRAY_INDEX": "0"}
    assert cluster.run(JOBS / "pbs.sh", **environ)[0] == 2
    assert cluster.calls("mpi-layout") == []


# ---------------------------------------------------------------- submit


def test_submitted_script_runs_the_campaign_whatever_its_names_are(
    slurm, tmp_path, small_campaign_text, capsys
):
    folder = tmp_path / 'it\'s $(touch pwned) `touch pwned` "q"; touch pwned; x'
    folder.mkdir()
    campaign = folder / "my *campaign;$HOME.yaml"
    campaign.write_text(small_campaign_text)
    assert submit(campaign, "--only", "a_t10_s[0-1]", "--mpi", "pmi2") == 0
    (script,) = folder.glob("*.job.sh")
    assert slurm.calls("sbatch") == [[f"./{script.name}"]]
    assert (slurm.said / "folder").read_text() == f"{folder}\n"
    assert "job 4711:" in capsys.readouterr().out
    code, out = slurm.run(script, SLURM_JOB_ID="17")  # the fake srun starts one process
    assert (code, "finished" in out) == (0, True), out
    assert not [*tmp_path.rglob("pwned"), *Path.cwd().glob("pwned")]
    ((_, *call),) = [call for call in slurm.calls("srun") if "run" in call]
    assert call[-2:] == ["--only", "a_t10_s[0-1]"]
    assert cli.main(["status", str(campaign.with_suffix(".h5")), "--brief"]) == 0
    assert capsys.readouterr().out == "2 done, 0 failed, 10 to do; complete\n"


def test_script_asks_for_what_was_said(slurm, campaign, capsys):
    told = ["--nodes", "2", "--mem-per-rank", "2G", "--partition", "long", "--account", "wind-1"]
    assert (
        submit(
            campaign, *told, "--option", "qos=short", "--mpi", "pmix", "--dry-run", ranks=8, time="1-02:00:00"
        )
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    asked = ("nodes=2", "ntasks=8", "mem-per-cpu=2000M", "partition=long", "account=wind-1", "qos=short")
    assert {f"#SBATCH --{option}" for option in (*asked, "time=26:00:00", "dependency=singleton")} <= set(
        lines
    )
    assert any(line.startswith("mpi=pmix ") for line in lines)
    assert not slurm.calls("sbatch")
    assert [path.name for path in campaign.parent.glob("small*")] == ["small.yaml"]


@pytest.mark.parametrize(
    ("ranks", "nodes", "select"),
    [
        (8, None, "8:ncpus=1:mpiprocs=1:mem=500mb"),
        (8, 2, "2:ncpus=4:mpiprocs=4:mem=2000mb"),
        (8, 3, "2:ncpus=3:mpiprocs=3:mem=1500mb+1:ncpus=2:mpiprocs=2:mem=1000mb"),
    ],
)
def test_pbs_chunks_hold_all_ranks(ranks, nodes, select):
    job = Job(name="x", ranks=ranks, nodes=nodes, seconds=60, settings="", intro="")
    assert f"#PBS -l select={select}" in script_text(job, SYSTEMS["pbs"])


def test_pbs_is_found_and_told(cluster, campaign, monkeypatch, capsys):
    (cluster.programs / "sbatch").unlink()
    monkeypatch.setenv("PATH", f"{cluster.programs}:/usr/bin:/bin")
    monkeypatch.setenv("SAID", str(cluster.said))
    assert submit(campaign, "--system", "pbs") == 0
    assert cluster.calls("qsub") == [["./small.h5.job.sh"]]
    assert "qdel 4711.server" in capsys.readouterr().out


def test_without_a_batch_system_the_script_can_still_be_seen(campaign, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert submit(campaign) == 2
    assert "--dry-run" in capsys.readouterr().err
    assert submit(campaign, "--dry-run") == 0
    assert capsys.readouterr().out.startswith("#!/bin/bash\n")


def test_setup_lines_run_first_and_may_use_what_is_not_set(slurm, campaign, tmp_path):
    lines = ["--setup", 'echo "$NOT_SET$" >first', "--setup", "export LOADED='a module'"]
    assert submit(campaign, "--mpi", "pmi2", *lines) == 0
    slurm.add("srun", 'echo "$LOADED" >"$SAID/loaded"\n')
    code, out = slurm.run(tmp_path / "small.h5.job.sh", SLURM_JOB_ID="17")
    assert code == 0, out
    assert (tmp_path / "first").read_text() == "$\n"
    assert (slurm.said / "loaded").read_text() == "a module\n"


@pytest.mark.parametrize("system", ["slurm", "pbs"])
def test_memory_is_not_asked_for_where_the_site_forbids_it(campaign, capsys, system):
    assert submit(campaign, "--system", system, "--mpi", "pmi2", "--dry-run", "--mem-per-rank", "none") == 0
    out, err = capsys.readouterr()
    assert "mem" not in out.partition("\nset -u\n")[0]
    assert "a rank takes about" not in err


@pytest.mark.parametrize(("more", "signals"), [([], ["B:USR1@30"]), (["--once"], [])])
def test_mpiexec_starts_the_ranks_where_srun_does_not_fit(slurm, campaign, capsys, more, signals):
    slurm.add("mpiexec", 'shift 2\nunset SLURM_NTASKS\nexec "$@"\n')  # starts one process
    assert submit(campaign, "--mpi", "mpiexec", *more) == 0
    script = campaign.with_name("small.h5.job.sh")
    lines = script.read_text().replace("mpiexec=${program[0]%/*}/mpiexec", "mpiexec=mpiexec").splitlines()
    assert [line.partition("=")[2] for line in lines if line.startswith("#SBATCH --signal")] == signals
    script.write_text("\n".join(lines))  # not that of the environment in which the tests run
    code, out = slurm.run(script, SLURM_JOB_ID="17", SLURM_NTASKS="3")
    assert code == 0, out
    assert [call[:2] for call in slurm.calls("mpiexec")] == [["-n", "3"]]
    assert not [call for call in slurm.calls("srun") if "run" in call]


@pytest.mark.parametrize("account", ["wind@cpu", "p.4711", "EU/wind:a+b"])
def test_accounts_have_the_names_that_sites_give(slurm, campaign, capsys, account):
    assert submit(campaign, "--mpi", "pmi2", "--dry-run", "--account", account) == 0
    assert f"\n#SBATCH --account={account}\n" in capsys.readouterr().out


def test_a_job_submitted_from_within_a_job_knows_nothing_of_it(slurm, campaign, monkeypatch):
    slurm.add("sbatch", 'env >"$SAID/env"; echo "Submitted batch job 4711"\n')
    for name in ("JOB_ID", "MEM_PER_NODE", "CPU_BIND", "CONF"):
        monkeypatch.setenv(f"SLURM_{name}", "x")
    monkeypatch.setenv("SBATCH_ACCOUNT", "wind")
    assert submit(campaign, "--mpi", "pmi2") == 0
    passed_on = {line.partition("=")[0] for line in (slurm.said / "env").read_text().splitlines()}
    assert {name for name in passed_on if name.startswith("SLURM_")} == {"SLURM_CONF"}
    assert {"SBATCH_ACCOUNT", "PATH"} <= passed_on


@pytest.mark.parametrize(
    ("system", "answer", "number"),
    [
        ("slurm", "Submitted batch job 4711\n", "4711"),
        ("slurm", "Welcome to node 3\n--> 2 checks passed\nSubmitted batch job 4711 on cluster c2\n", "4711"),
        ("pbs", "4711.server\n", "4711.server"),
        ("pbs", "2 checks passed\n4711.server\n", "4711.server"),
    ],
)
def test_the_job_number_is_found_in_what_a_site_tells(system, answer, number):
    assert SYSTEMS[system].number(answer) == number


def test_a_refusal_by_the_batch_system_is_passed_on(slurm, campaign, capsys):
    slurm.add("sbatch", "echo 'sbatch: error: invalid partition' >&2; exit 1\n")
    assert submit(campaign, "--mpi", "pmi2") == 2
    assert "invalid partition" in capsys.readouterr().err


def test_an_edited_script_is_not_replaced_unasked(slurm, campaign, capsys):
    script = campaign.with_name("small.h5.job.sh")
    assert submit(campaign, "--mpi", "pmi2") == 0
    assert submit(campaign, "--mpi", "pmi2", ranks=4) == 0  # as it was written: replaced
    script.write_text(script.read_text().replace("ntasks=4", "ntasks=5"))
    assert submit(campaign, "--mpi", "pmi2") == 2
    assert "edited" in capsys.readouterr().err
    assert "ntasks=5" in script.read_text()
    assert submit(campaign, "--mpi", "pmi2", "--force") == 0
    assert "ntasks=3" in script.read_text()
    assert len(slurm.calls("sbatch")) == 3


def test_a_second_job_for_a_file_is_announced(slurm, campaign, capsys):
    slurm.say("state", "17")
    assert submit(campaign, "--mpi", "pmi2") == 0
    assert "job 17 works on this file already" in capsys.readouterr().err
    ((*_, name, _),) = slurm.calls("squeue")
    assert name == f"--name={job_name(campaign.with_suffix('.h5'))}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--retry-failed"], "--once"),
        (["--nodes", "4"], "more than there are ranks"),
        (["--partition", "a\n#SBATCH --x"], "wants letters"),
        (["--option", "x\ny"], "no job script can have"),
        (["--setup", "x\ny"], "no job script can have"),
        (["--mem-per-rank", "some"], "wants a size"),
        (["--only", "a\nb"], "no job script can have"),
        (["--only", "nothing*"], "no config matches"),
        (["--bind", "/data"], "--container"),
        (["--container", "nowhere.sif"], "no such image"),
        (["-o", "no/such/folder/x.h5"], "does not exist"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(slurm, campaign, arguments, words, capsys):
    assert submit(campaign, *arguments, "--mpi", "pmi2") == 2
    assert words in capsys.readouterr().err
    assert not slurm.calls("sbatch")
    assert not list(campaign.parent.glob("*.job.sh"))


def test_memory_is_asked_for_by_the_campaign(slurm, campaign, capsys, monkeypatch):
    assert submit(campaign, "--mpi", "pmi2", "--dry-run") == 0
    assert "\n#SBATCH --mem-per-cpu=500M\n" in capsys.readouterr().out
    assert submit(campaign, "--mpi", "pmi2", "--dry-run", "--mem-per-rank", "50M") == 0
    assert "a rank takes about" in capsys.readouterr().err
    monkeypatch.setattr(room, "rank_bytes", lambda campaign: 610e6)
    assert submit(campaign, "--mpi", "pmi2", "--dry-run") == 0
    assert "\n#SBATCH --mem-per-cpu=1000M\n" in capsys.readouterr().out


def test_a_faulty_campaign_is_not_submitted(slurm, campaign, capsys):
    campaign.write_text(campaign.read_text().replace("n_turbines: 5", "n_turbines: -5"))
    assert submit(campaign) == 2
    assert "n_turbines" in capsys.readouterr().err
    assert not slurm.calls("sbatch")


def test_what_is_done_is_not_counted_again(slurm, campaign, capsys):
    assert cli.main(["run", str(campaign), "-o", str(campaign.with_suffix(".h5")), "--only", "a_t10_s*"]) == 0
    capsys.readouterr()
    assert submit(campaign, "--mpi", "pmi2", "--dry-run") == 0
    assert "9 configs to do" in capsys.readouterr().err


def test_nothing_is_submitted_where_nothing_is_left_but_to_try_failed_configs_again(
    slurm, campaign, capsys, monkeypatch
):
    def broken(problem):
        if (problem.turbine.name, problem.seed) == ("t15", 1):
            raise ConfigError("no room")
        return solve(problem)

    solve = optimise.solve
    with monkeypatch.context() as patch:
        patch.setattr(optimise, "solve", broken)
        assert cli.main(["run", str(campaign), "-o", str(campaign.with_suffix(".h5"))]) == 3
    assert submit(campaign, "--mpi", "pmi2") == 0
    assert "nothing is left to do: no job is submitted" in capsys.readouterr().err
    assert not slurm.calls("sbatch")
    assert not list(campaign.parent.glob("*.job.sh"))
    assert submit(campaign, "--mpi", "pmi2", "--retry-failed", "--once") == 0
    assert "2 configs to do" in capsys.readouterr().err
    assert len(slurm.calls("sbatch")) == 1


def test_a_file_of_another_campaign_is_found_out(slurm, campaign, capsys):
    assert cli.main(["run", str(campaign), "-o", str(campaign.with_suffix(".h5")), "--only", "a_t10_s0"]) == 0
    campaign.write_text(campaign.read_text().replace("n_turbines: 5", "n_turbines: 4"))
    assert submit(campaign) == 2
    assert "another campaign" in capsys.readouterr().err


def cost(seconds, total=1000.0):
    class Key:
        key = "a_t10_s0"

    return Cost(Key(), seconds, total, "")


def test_a_time_shorter_than_a_config_is_refused_and_the_one_wanted_is_enough():
    short = Prospect(cost(1000.0), 1.0, 12, 3, 600.0)
    with pytest.raises(InputError, match="too short for a single config: a_t10_s0") as refusal:
        short.refuse_short_job()
    hours, minutes, seconds = map(int, str(refusal.value).rsplit(" ", 1)[1].split(":"))
    Prospect(cost(1000.0), 1.0, 12, 3, hours * 3600 + minutes * 60 + seconds).refuse_short_job()


def test_a_time_in_which_no_launch_starts_is_refused(slurm, campaign, capsys):
    assert submit(campaign, time="0:00:05") == 2
    assert "--time 00:00:05: too short" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("prospect", "words"),
    [
        (Prospect(cost(1.0, 36000.0), 1.0, 3000, 11, 3600.0), "60 min on 10 workers, 2 jobs of 01:00:00"),
        (Prospect(cost(1.0, 36000.0), 0.5, 1500, 11, 3600.0), "30 min on 10 workers, 1 job of 01:00:00"),
        (Prospect(cost(1.0, 12.0), 1.0, 12, 129, 3600.0), "--ranks 13 would do the same"),
        (Prospect(cost(1.0, 12.0), 0.0, 0, 129, 3600.0), "nothing is left to do"),
    ],
)
def test_what_jobs_will_come_to_is_told(prospect, words):
    assert words in "\n".join(prospect.lines(again=True))


@pytest.mark.parametrize(
    ("library", "offered", "kind"),
    [
        ("MPICH 5.0.2", {"pmi2", "pmix", "none"}, "pmi2"),
        ("MPICH 5.0.2", set(), "pmi2"),
        ("Cray MPICH 8.1", {"cray_shasta", "pmi2", "none"}, "cray_shasta"),
        ("Intel MPI 2021.16", {"pmi2", "pmix"}, "pmi2"),
        ("Open MPI 5.0.11", {"pmi2", "pmix", "pmix_v4"}, "pmix"),
    ],
)
def test_type_of_srun_by_the_mpi_library(library, offered, kind):
    assert fitting_type(library, frozenset(offered)) == kind


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("Open MPI 5.0.11", "Open MPI 5.0.11 wants --mpi=pmix, and srun offers none, pmi2"),
        ("Fancy MPI 1.0", "not known here"),
        ("", r"mpi-layout\[mpi\]"),
    ],
)
def test_what_does_not_fit_is_named(library, words):
    with pytest.raises(InputError, match=words):
        fitting_type(library, frozenset({"pmi2", "none"}))


def test_type_is_found_by_asking_srun_and_mpi4py(slurm, campaign, capsys):
    slurm.add("srun", "printf 'MPI plugin types are...\\n\\tcray_shasta\\n\\tpmi2\\n\\tpmix\\n\\tnone\\n'\n")
    assert submit(campaign, "--dry-run") == 0
    assert "\nmpi=pm" in capsys.readouterr().out
    assert slurm.calls("srun") == [["--mpi=list"]]


def test_a_folder_that_looks_like_the_package_is_not_asked(slurm, campaign, capsys, monkeypatch, tmp_path):
    (tmp_path / "mpi_layout").mkdir()
    (tmp_path / "mpi_layout/__init__.py").write_text("raise ImportError('a source tree, not built')")
    monkeypatch.chdir(tmp_path)
    slurm.add("srun", "echo 'MPI plugin types are... pmi2 pmix none'\n")
    assert submit(campaign, "--dry-run") == 0
    assert "\nmpi=pm" in capsys.readouterr().out


def test_container_sees_the_folders_it_needs(slurm, campaign, capsys, tmp_path):
    slurm.add("apptainer")
    image, more = tmp_path / "my image.sif", tmp_path / "more"
    image.touch()
    assert submit(campaign, "--container", image, "--bind", more, "--dry-run") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("program=(")]
    command = shlex.split(line.removeprefix("program=(").removesuffix(")"))
    binds = [f"--bind={folder}" for folder in (tmp_path, more)]
    assert command == ["apptainer", "exec", *binds, str(image), "mpi-layout"]


def test_an_image_writes_the_script_for_the_host(campaign, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("APPTAINER_CONTAINER", "image.sif")
    monkeypatch.setenv("PATH", str(tmp_path))
    image = tmp_path / "image.sif"
    image.touch()
    assert submit(campaign, "--mpi", "pmi2", "--dry-run") == 0
    assert "outside of this container: --container IMAGE?" in capsys.readouterr().err
    assert submit(campaign, "--container", image) == 2
    assert "--dry-run >job.sh" in capsys.readouterr().err
    assert submit(campaign, "--container", image, "--dry-run") == 0
    assert f"\nprogram=(apptainer exec --bind={tmp_path} {image} mpi-layout)\n" in capsys.readouterr().out


@pytest.mark.parametrize("variable", ["SLURM_JOB_ID", "PBS_JOBID"])
def test_launches_know_their_job(small_campaign, path, capsys, monkeypatch, variable):
    for name in ("SLURM_JOB_ID", "PBS_JOBID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "4711.server")
    assert cli.main(["run", str(small_campaign), "-o", str(path), "--only", "a_t10_s0"]) == 0
    capsys.readouterr()
    assert cli.main(["status", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["launches"][0]["scheduler_id"] == "4711.server"


def test_status_in_a_line_agrees_with_json(small_campaign, path, capsys):
    def told(*command):
        assert cli.main([str(word) for word in command]) == 0
        return capsys.readouterr().out

    told("run", small_campaign, "-o", path, "--only", "a_t10_s[0-1]")
    counts = json.loads(told("status", path, "--json"))["counts"]
    line = told("status", path, "--brief")
    assert line == f"{counts['done']} done, {counts['failed']} failed, {counts['waiting']} to do; complete\n"
