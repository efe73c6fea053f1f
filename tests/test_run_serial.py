import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mpi_layout import cli
from mpi_layout.__main__ import main as program
from mpi_layout.campaign import load_campaign, parse_campaign
from mpi_layout.compare.diff import diff
from mpi_layout.errors import ConfigError
from mpi_layout.optimise import solve as optimise
from mpi_layout.parallel import alone
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.solver import Solver
from mpi_layout.results.file import WriterLock, create_results, open_writer
from mpi_layout.results.reader import open_reader

N_CONFIGS = 12


@pytest.fixture
def run(small_campaign, monkeypatch):
    """Run `mpi-layout run small.yaml ARGUMENTS` in this process."""
    monkeypatch.chdir(small_campaign.parent)
    return lambda *arguments: program(["run", "small.yaml", *arguments])


@pytest.fixture
def break_config(monkeypatch):
    """Let one config raise an error; returns a function that mends it."""

    def break_config(key, error):
        solve = optimise.solve

        def broken(problem):
            if key == f"{problem.area.name}_{problem.turbine.name}_s{problem.seed}":
                raise error
            return solve(problem)

        monkeypatch.setattr(optimise, "solve", broken)
        return lambda: monkeypatch.setattr(optimise, "solve", solve)

    return break_config


def column(name, path="small.h5"):
    return open_reader(path).rows[name]


def messages(path="small.h5"):
    results = open_reader(path)
    return {results.keys[i]: results.rows["message"][i].decode() for i in np.flatnonzero(results.failed)}


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# ---------------------------------------------------------------- to the end


def test_no_time_left_is_told_before_anything_is_known(run, monkeypatch, capsys):
    monkeypatch.setattr("mpi_layout.progress.FIRST_LINE_S", 0.0)
    told = []
    for only in ("a_t10_s0", "*"):
        assert run("--only", only) == 0
        told.append(next(line for line in capsys.readouterr().err.splitlines() if " done (" in line))
    assert told[0].endswith("0/s, time left not known yet")
    assert re.search("0/s, about .* left$", told[1])


def test_a_campaign_runs_to_its_end(run, capsys):
    assert run() == 0
    results = open_reader("small.h5")
    assert results.done.all()
    assert [launch.reason for launch in results.launches] == ["complete"]
    assert results.launches[0].configs_done == N_CONFIGS
    np.testing.assert_array_equal(results.rows["attempts"], 1)
    err = capsys.readouterr().err
    assert "12 configs: 0 done, 0 failed, 12 waiting" in err
    assert "mpi-layout verify small.h5" in err


def test_a_finished_campaign_says_so_and_changes_nothing(run, capsys):
    assert run() == 0
    before = (os.stat("small.h5").st_mtime_ns, Path("small.h5").read_bytes())
    capsys.readouterr()
    assert run() == 0
    assert (os.stat("small.h5").st_mtime_ns, Path("small.h5").read_bytes()) == before
    assert "complete" in capsys.readouterr().err


def test_no_other_file_is_left(run, tmp_path):
    assert run() == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.h5", "small.yaml"]


def test_only_chooses_what_a_launch_works_on(run):
    assert run("--only", "a_*_s[0-1]") == 0
    results = open_reader("small.h5")
    assert len(results.rows) == N_CONFIGS
    assert [k for k, done in zip(results.keys, results.done, strict=True) if done] == [
        "a_t10_s0",
        "a_t10_s1",
        "a_t15_s0",
        "a_t15_s1",
    ]
    assert run() == 0
    assert sorted(np.bincount(column("launch")).tolist()) == [4, 8]
    assert run("-o", "straight.h5") == 0
    assert diff(open_reader("small.h5"), open_reader("straight.h5")).equal


def test_only_that_matches_nothing(run, capsys):
    assert run("--only", "nothing*") == 2
    assert "a_t10_s0" in capsys.readouterr().err
    assert not os.path.exists("small.h5")


def test_a_link_leads_to_the_results(small_campaign, tmp_path):
    """Made, gone on with and begun anew is what it leads to; it stays a link."""
    (tmp_path / "disk").mkdir()
    real, link = tmp_path / "disk" / "real.h5", tmp_path / "link.h5"
    link.symlink_to("disk/real.h5")
    words = ["run", str(small_campaign), "-o", str(link)]
    assert cli.main([*words, "--only", "a_*"]) == 0
    assert cli.main(words) == 0
    assert (open_reader(real).done.sum(), len(open_reader(real).launches)) == (12, 2)
    assert cli.main([*words, "--fresh"]) == 0
    assert link.is_symlink()
    assert len(open_reader(real).launches) == 1
    assert sorted(path.name for path in real.parent.iterdir()) == ["real.h5", "real.old-1.h5"]


def test_fresh_moves_the_old_file_aside(run, capsys):
    assert run() == 0
    old = Path("small.h5").read_bytes()
    assert run("--fresh", "--only", "a_t10_s0") == 0
    assert open_reader("small.h5").done.sum() == 1
    assert Path("small.old-1.h5").read_bytes() == old
    assert "moved aside to small.old-1.h5" in capsys.readouterr().err


def test_a_damaged_row_is_computed_again(run, capsys):
    assert run() == 0
    good = open_reader("small.h5")
    data = bytearray(Path("small.h5").read_bytes())
    place = data.index(good.rows["x"][5].tobytes())
    data[place : place + 8] = np.float64(1e9).tobytes()
    Path("small.h5").write_bytes(data)
    assert run() == 0
    assert "1 rows are damaged" in capsys.readouterr().err
    assert diff(open_reader("small.h5"), good).equal


# ---------------------------------------------------------------- failing configs and bugs


def test_a_failing_config_is_a_result(run, break_config, capsys):
    mend = break_config("a_t15_s1", ConfigError("no room for turbine 4"))
    assert run() == 3
    results = open_reader("small.h5")
    assert results.done.sum() == N_CONFIGS - 1
    assert messages() == {"a_t15_s1": "no room for turbine 4"}
    assert "a_t15_s1 failed: no room for turbine 4" in capsys.readouterr().err
    assert run() == 3  # nothing to do, and it still says so
    assert "--retry-failed" in capsys.readouterr().err
    assert run("--only", "b_*") == 0
    assert run("--retry-failed") == 3
    assert messages() == {"a_t15_s1": "no room for turbine 4"}
    mend()
    assert run("--retry-failed") == 0
    assert open_reader("small.h5").done.all()


def test_more_turbines_than_candidate_points(run, small_campaign):
    edit(small_campaign, "- name: b\n", "- name: narrow\n")
    edit(
        small_campaign,
        "[[10000, 0], [15000, 0], [15000, 7000], [10000, 6000]]",
        "[[0, 0], [90000, 0], [90000, 90000], [89000, 90000], [89000, 1000], [0, 1000]]",
    )
    edit(small_campaign, "[6000, 0], [6000, 6000], [0, 6000]]", "[-9000, 0], [-9000, 9000], [0, 9000]]")
    edit(small_campaign, "n_turbines: 5", "n_turbines: 17")
    assert run() == 3
    assert set(messages()) == {f"narrow_{t}_s{s}" for t in ("t10", "t15") for s in range(3)}
    assert open_reader("small.h5").done.sum() == 6


def test_too_many_failed_configs_stop_the_launch(run, small_campaign, break_config, capsys):
    for seed in range(3):
        break_config(f"a_t10_s{seed}", ConfigError("bad"))
    edit(small_campaign, "checkpoint:", "failures: {max_failed: 1}\ncheckpoint:")
    assert run() == 4
    results = open_reader("small.h5")
    assert results.failed.sum() == 2
    assert not results.committed.all()
    assert results.launches[-1].reason == "too many failed configs"
    assert run() == 4  # at once: nothing has changed
    assert (~open_reader("small.h5").committed).sum() == (~results.committed).sum()
    assert "failures.max_failed" in capsys.readouterr().err
    edit(small_campaign, "max_failed: 1", "max_failed: 50%")
    assert run() == 3
    assert open_reader("small.h5").done.sum() == N_CONFIGS - 3


def test_a_bug_ends_the_launch_and_keeps_what_is_done(run, break_config, capsys):
    mend = break_config("a_t15_s0", ZeroDivisionError("a bug"))
    assert run() == 1
    err = capsys.readouterr().err
    assert "rank 0 on " in err
    assert "config a_t15_s0" in err
    assert err.count("Traceback") == 1
    results = open_reader("small.h5")
    assert 0 < results.done.sum() < N_CONFIGS
    assert not results.failed.any()
    assert results.rows["attempts"][~results.committed].sum() == 0
    assert results.launches[-1].reason == "error: BugError"
    mend()
    assert run() == 0


def test_memory_that_runs_out_is_no_bug_and_costs_nothing(run, break_config, capsys):
    mend = break_config("a_t15_s0", MemoryError("Unable to allocate 8.00 TiB"))
    assert run() == 1
    err = capsys.readouterr().err
    (said,) = [line for line in err.splitlines() if line.startswith("mpi-layout: ")]
    assert said.startswith("mpi-layout: error: memory ran out: rank 0 on ")
    for part in ("config a_t15_s0: Unable to allocate 8.00 TiB.", "mpi-layout doctor", "the same command"):
        assert part in said
    assert "Traceback" not in err
    results = open_reader("small.h5")
    assert 0 < results.done.sum() < N_CONFIGS
    assert not results.failed.any()
    assert results.rows["attempts"][~results.committed].sum() == 0
    assert results.launches[-1].reason == "error: MemoryError"
    mend()
    assert run() == 0


def test_a_layout_of_the_wrong_size_is_a_bug(run, monkeypatch, capsys):
    solve = optimise.solve
    monkeypatch.setattr(
        optimise, "solve", lambda p: solve(optimise.Problem(**{**vars(p), "n_turbines": p.n_turbines - 1}))
    )
    assert run() == 1
    assert "config a_t10_s0" in capsys.readouterr().err


# ---------------------------------------------------------------- suspects


@pytest.fixture
def suspect(small_campaign, monkeypatch):
    """Make a results file of a launch that was lost while it ran some configs."""
    monkeypatch.chdir(small_campaign.parent)

    def suspect(numbers, attempts):
        campaign = load_campaign("small.yaml")
        create_results(small_campaign.with_suffix(".h5"), campaign)
        with open_writer(small_campaign.with_suffix(".h5"), campaign) as results:
            for number in numbers:
                results.record_attempt(number, attempts)

    return suspect


def test_a_suspect_gives_the_same_result_in_a_process_of_its_own(run, suspect):
    suspect([0, 7], attempts=1)
    assert run() == 0
    assert column("attempts")[[0, 7, 8]].tolist() == [2, 2, 1]
    assert run("-o", "straight.h5") == 0
    assert diff(open_reader("small.h5"), open_reader("straight.h5")).equal


def test_lost_launches_alone_never_fail_a_config(run, suspect):
    suspect([3], attempts=99)
    assert run() == 0
    assert column("attempts")[3] == 100


@pytest.mark.parametrize(
    ("how", "message"), [("kill", "was killed by SIGSEGV"), ("exit", "ended with exit code 7")]
)
def test_a_config_that_kills_its_process_has_failed(launch, suspect, how, message):
    suspect([4], attempts=1)
    ended = launch("run", "small.yaml", how={how: ["a_t15_s1"]})
    assert ended.code == 3, ended.err
    assert messages() == {"a_t15_s1": f"its process {message}"}
    assert column("attempts")[4] == 3
    assert open_reader("small.h5").done.sum() == N_CONFIGS - 1
    assert "attempt 2 of 3" in ended.err


def test_a_death_in_a_process_that_has_solved_others_blames_nobody(launch, suspect):
    """One process solves suspect after suspect: an earlier one may have ruined it."""
    suspect([3, 4, 5], attempts=1)
    ended = launch("run", "small.yaml", how={"burn": 0, "kill_late": ["a_t15_s1"]})
    assert ended.code == 0, ended.err
    assert column("attempts")[[3, 4, 5]].tolist() == [2, 2, 2]


def test_suspects_in_a_row_share_a_process(small_campaign, monkeypatch):
    monkeypatch.chdir(small_campaign.parent)
    solver = Solver(load_campaign("small.yaml"), launch=0, rank=0)
    with alone.CarefulSolver(solver) as careful:
        children = []
        for assignment in (Assignment(0, 2), Assignment(1, 2), Assignment(2, 1), Assignment(3, 2)):
            assert careful.solve(assignment)["key"] == solver.campaign.configs[assignment.number].key.encode()
            children.append(careful._child)
    assert children[0] is children[1]
    assert children[2] is None  # a process with nothing to do would only take memory
    assert children[3] is not children[0]
    assert [child.returncode for child in (children[0], children[3])] == [-signal.SIGKILL] * 2


def test_a_process_that_died_leaves_no_pipe_open(small_campaign):
    campaign = parse_campaign(small_campaign.read_text() + "failures: {max_seconds: 1.0e-6}\n")
    with alone.CarefulSolver(Solver(campaign, launch=0, rank=0)) as careful:
        child = careful._child = careful._start()
        died = careful.solve(Assignment(0, 2))
        assert died.how == "it ran for longer than failures.max_seconds allows (1e-06 s)"
        assert (child.returncode, child.stdin.closed, child.stdout.closed) == (-signal.SIGALRM, True, True)


def test_a_bug_in_a_process_of_its_own_is_a_bug(launch, suspect):
    suspect([4], attempts=1)
    ended = launch("run", "small.yaml", how={"bug": ["a_t15_s1"]})
    assert ended.code == 1
    assert "config a_t15_s1" in ended.err
    assert "a_t15_s1 was told to stumble" in ended.err


def test_memory_that_runs_out_in_a_process_of_its_own_blames_no_config(launch, suspect):
    suspect([4], attempts=1)
    ended = launch("run", "small.yaml", how={"memory": ["a_t15_s1"]})
    assert ended.code == 1
    assert "error: memory ran out: " in ended.err
    assert "config a_t15_s1: a_t15_s1 was told to want too much" in ended.err
    assert "Traceback" not in ended.err
    assert not open_reader("small.h5").failed.any()


def test_a_config_that_kills_the_serial_program_fails_in_the_next_launch(launch, small_campaign):
    how = {"kill": ["b_t10_s2"]}
    assert launch("run", "small.yaml", how=how).code == -signal.SIGSEGV
    assert launch("run", "small.yaml", how=how).code == 3
    assert list(messages(small_campaign.with_suffix(".h5"))) == ["b_t10_s2"]


# ---------------------------------------------------------------- ends early


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGTERM", "SIGINT"])
def test_a_signal_ends_in_order_and_the_same_command_goes_on(start, launch, small_campaign, wait_until, name):
    path = small_campaign.with_suffix(".h5")
    running = start("run", "small.yaml", how={"seconds": 0.2})
    wait_until(lambda: path.exists() and open_reader(path).done.any())
    running.signal(signal.Signals[name])
    ended = running.wait()
    assert ended.code == 75, ended.err
    assert f"stopped early by {name}" in ended.err
    results = open_reader(path)
    assert 0 < results.done.sum() < N_CONFIGS
    assert results.launches[-1].reason == name
    assert results.rows["attempts"][~results.committed].sum() == 0
    assert launch("run", "small.yaml").code == 0
    assert open_reader(path).done.all()


def test_a_second_ctrl_c_ends_at_once(start, launch, small_campaign, wait_until):
    path = small_campaign.with_suffix(".h5")
    running = start("run", "small.yaml", "--only", "b_t10_s1", how={"hang": ["b_t10_s1"]})
    wait_until(lambda: path.exists() and open_reader(path).rows["attempts"][7] == 1)
    running.signal(signal.SIGINT)
    time.sleep(1.0)
    assert running.process.poll() is None
    running.signal(signal.SIGINT)
    assert running.wait().code == 75
    assert open_reader(path).rows["attempts"][7] == 0
    assert launch("run", "small.yaml").code == 0


def test_the_time_limit_ends_in_order(launch, small_campaign):
    ended = launch("run", "small.yaml", "--time-limit", "0:00:06", how={"seconds": 1.0})
    assert ended.code == 75
    assert "stopped early by the time limit" in ended.err
    results = open_reader(small_campaign.with_suffix(".h5"))
    assert 0 < results.done.sum() < N_CONFIGS
    assert results.launches[-1].reason == "the time limit"


def test_the_end_of_the_slurm_job_ends_in_order(launch, small_campaign):
    end = {"SLURM_JOB_END_TIME": str(int(time.time()) + 5)}
    ended = launch("run", "small.yaml", how={"seconds": 1.0}, environ=end)
    assert ended.code == 75
    assert "the end of the Slurm job" in ended.err


def test_a_campaign_that_is_complete_in_time_is_not_stopped(launch, small_campaign):
    assert launch("run", "small.yaml", "--time-limit", "0:01:00").code == 0


# ---------------------------------------------------------------- wrong input


def test_faults_of_the_campaign_file(run, small_campaign, capsys):
    edit(small_campaign, "min_spacing_D: 3", "min_spacing_D: three\nmin_spacing_R: 3")
    assert run() == 2
    err = capsys.readouterr().err
    assert "min_spacing_D" in err
    assert "min_spacing_R" in err
    assert not os.path.exists("small.h5")


def test_yaml_syntax_error(run, small_campaign, capsys):
    edit(small_campaign, "seeds: {first", "seeds: {{first")
    assert run() == 2
    assert "line 11, column 1: no valid YAML" in capsys.readouterr().err


def test_missing_campaign_file(run, capsys):
    assert cli.main(["run", "nowhere.yaml"]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err


def test_another_campaign_is_refused_and_nothing_lost(run, small_campaign, capsys):
    assert run() == 0
    before = Path("small.h5").read_bytes()
    edit(small_campaign, "rated_power_MW: 15", "rated_power_MW: 14")
    assert run() == 2
    assert (
        "turbine_types[1].rated_power_MW: 15.0 in the file, 14.0 in the campaign" in capsys.readouterr().err
    )
    assert Path("small.h5").read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"", b"not ours" * 500, "half"], ids=["0 bytes", "not ours", "truncated"]
)
def test_an_unusable_output_file_is_refused_and_kept(run, content, capsys):
    if content == "half":
        assert run() == 0
        content = Path("small.h5").read_bytes()[:100_000]
    Path("small.h5").write_bytes(content)
    assert run() == 2
    err = capsys.readouterr().err
    assert "mpi-layout: error: small.h5" in err
    assert "--fresh" in err or "-o" in err
    assert Path("small.h5").read_bytes() == content
    assert run("--fresh") == 0
    assert Path("small.old-1.h5").read_bytes() == content


def test_the_output_is_a_folder(run, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    assert run("-o", "folder") == 2
    assert "folder" in capsys.readouterr().err


def test_the_output_folder_is_missing(run, capsys):
    assert run("-o", "no/such/x.h5") == 2
    assert "no/such" in capsys.readouterr().err


def test_the_disk_is_too_small(run, monkeypatch, tmp_path, capsys):
    real = os.statvfs(tmp_path)
    full = os.statvfs_result([*real[:4], 1, *real[5:]])
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    assert run() == 2
    assert "MB are free" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.yaml"]


def test_a_second_launch_is_refused_and_names_the_first(run, tmp_path, capsys):
    with WriterLock(tmp_path / "small.h5"):
        assert run() == 2
    assert f"process {os.getpid()}" in capsys.readouterr().err


# ---------------------------------------------------------------- what is loaded


def test_the_serial_program_never_loads_mpi(small_campaign):
    code = (
        "import sys; from mpi_layout.cli import main;"
        "main(['run', 'small.yaml']); print('mpi4py' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=small_campaign.parent, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "False", done.stderr


def test_a_worker_never_loads_what_only_the_manager_needs():
    code = (
        "import sys; import mpi_layout.cli, mpi_layout.parallel.ranks;"
        "others = {'h5py', 'rich', 'matplotlib', 'py_wake', 'windIO', 'xarray', 'netCDF4', 'scipy.spatial'};"
        "print(sorted(others & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_child_whose_parent_was_killed_early_solves_nothing(small_campaign):
    opening = {"campaign": small_campaign.read_text(), "allow_code": False, "launch": 0, "rank": 1}
    command = [sys.executable, "-P", "-m", "mpi_layout.parallel.alone"]

    def child(parent):
        text = f"{json.dumps(opening | {'parent': parent})}\n[0, 2]\n"
        return subprocess.run(command, input=text.encode(), capture_output=True, timeout=60)

    assert child(os.getpid()).stdout.startswith(alone.ROW)
    ended = child(os.getppid())
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, b"", b"")
