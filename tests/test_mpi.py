"""The program on real ranks: every launch is an mpiexec with a time limit."""

import os
import random
import shutil
import signal
import time

import mpi_launcher
import numpy as np
import pytest

from mpi_layout.compare.diff import diff
from mpi_layout.results.reader import open_reader

N_CONFIGS = 12
PROMPT_S = 30.0  # nothing below may wait for longer than this
QUICK = {"burn": 0}  # made-up layouts, where only the ways of the ranks matter


# ---------------------------------------------------------------- to the end


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_the_number_of_ranks_does_not_matter(launch, straight, path, ranks):
    ended = launch("run", "small.yaml", ranks=ranks)
    assert ended.code == 0, ended.err
    results = open_reader(path)
    assert diff(results, straight).equal
    assert set(results.rows["rank"]) <= set(range(1, ranks))
    assert results.launches[0].ranks == ranks
    assert ("mpi=" in results.launches[0].versions) == (ranks > 1)
    assert f"{ranks} ranks: 1 hands out, {ranks - 1} solve" in ended.err


def test_all_workers_work(launch, path):
    assert launch("run", "small.yaml", ranks=4, how=QUICK | {"seconds": 0.2}).code == 0
    assert set(open_reader(path).rows["rank"]) == {1, 2, 3}


def test_more_ranks_than_configs(launch, path):
    assert launch("run", "small.yaml", "--only", "a_t10_s0", ranks=4, how=QUICK).code == 0
    assert open_reader(path).done.sum() == 1


def test_a_finished_campaign_ends_all_ranks(launch, straight, path):
    shutil.copy(straight.path, path)
    ended = launch("run", "small.yaml", ranks=3, limit=PROMPT_S)
    assert ended.code == 0
    assert "complete" in ended.err


def test_only_rank_0_speaks(launch, small_campaign):
    ended = launch("run", "small.yaml", ranks=4, how=QUICK)
    assert ended.out == ""
    assert all(line[9:12] == "[0]" for line in ended.err.splitlines()), ended.err


@pytest.mark.parametrize("ranks", [3, 8])
def test_a_sign_of_life_at_the_very_end_is_received(launch, path, ranks):
    """MPICH 5 ends a rank with an error if a message to it was received by nobody."""
    often = {"beat": 0.003, "beats": 100_000}
    ended = launch("run", "small.yaml", ranks=ranks, how=QUICK | often | {"seconds": 0.1})
    assert ended.code == 0, ended.err
    assert open_reader(path).done.all()


# ---------------------------------------------------------------- killed


def test_killed_three_times_and_resumed(start, launch, straight, path, wait_until, nobody_left):
    seed = random.randrange(10**6)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(3):
        running = start("run", "small.yaml", ranks=4, how={"seconds": 0.3})
        time.sleep(rng.uniform(0.5, 3.0))
        pids = running.descendants()
        running.kill_all()
        running.wait(PROMPT_S)
        wait_until(lambda pids=pids: nobody_left(pids), PROMPT_S)
    assert launch("run", "small.yaml", ranks=3).code == 0
    assert diff(open_reader(path), straight).equal
    assert launch("verify", "small.h5").code == 0


@pytest.mark.parametrize("victim", ["rank 0", "worker", "launcher"])
def test_one_process_is_killed(start, launch, path, wait_until, nobody_left, victim):
    running = start("run", "small.yaml", ranks=3, how=QUICK | {"seconds": 0.3})
    wait_until(lambda: path.exists() and open_reader(path).done.any())
    pids = running.descendants()
    victims = {"rank 0": running.ranks()[0], "worker": running.ranks()[1], "launcher": running.process.pid}
    os.kill(victims[victim], signal.SIGKILL)
    assert running.wait(PROMPT_S).code != 0
    wait_until(lambda: nobody_left(pids), PROMPT_S)
    done = open_reader(path).done.sum()
    assert launch("run", "small.yaml").code == 0
    results = open_reader(path)
    assert results.done.all()
    assert (results.rows["launch"] == 0).sum() == done  # nothing that was done is done again


@pytest.mark.parametrize(
    ("how", "message"), [("kill", b"was killed by SIGSEGV"), ("exit", b"ended with exit code 7")]
)
def test_a_config_that_kills_its_rank_fails_in_the_next_launch(launch, path, how, message):
    how = QUICK | {how: ["a_t15_s1"]}
    assert launch("run", "small.yaml", ranks=3, how=how, limit=PROMPT_S).code not in (0, 3)
    ended = launch("run", "small.yaml", ranks=3, how=how)
    assert ended.code == 3, ended.err
    results = open_reader(path)
    assert results.done.sum() == N_CONFIGS - 1
    assert [results.keys[i] for i in np.flatnonzero(results.failed)] == ["a_t15_s1"]
    assert results.rows["message"][4] == b"its process " + message


def test_a_config_that_hangs_is_abandoned_and_fails(launch, small_campaign, path):
    small_campaign.write_text(small_campaign.read_text() + "failures: {max_seconds: 1, max_attempts: 2}\n")
    ended = launch("run", "small.yaml", ranks=3, how=QUICK | {"hang": ["a_t15_s1"]})
    assert ended.code == 3, ended.err
    results = open_reader(path)
    assert results.done.sum() == N_CONFIGS - 1
    message = b"it ran for longer than failures.max_seconds allows (1 s)"
    assert results.rows["message"][4] == message
    assert "does not answer and is abandoned" in ended.err
    assert "hung" in results.launches[-1].reason


def test_a_rank_that_gives_no_sign_of_life_is_done_without(start, straight, path, wait_until):
    running = start("run", "small.yaml", ranks=4, how={"seconds": 0.5, "beat": 0.2})
    wait_until(lambda: path.exists() and open_reader(path).done.any())
    os.kill(running.ranks()[1], signal.SIGSTOP)
    ended = running.wait(PROMPT_S)
    assert ended.code == 0, ended.err
    assert "has vanished" in ended.err
    results = open_reader(path)
    assert diff(results, straight).equal
    assert results.launches[0].reason.endswith("vanished")


def test_a_rank_gives_signs_of_life_while_it_solves(launch, path):
    """The config takes longer than silence may last."""
    ended = launch(
        "run", "small.yaml", "--only", "a_t10_s0", ranks=2, how=QUICK | {"seconds": 7, "beat": 0.5}
    )
    assert ended.code == 0, ended.err
    assert "vanished" not in ended.err


def test_when_all_ranks_hang_the_launch_ends_in_order(launch, small_campaign, path):
    small_campaign.write_text(small_campaign.read_text() + "failures: {max_seconds: 1}\n")
    keys = [f"{a}_t{t}_s{s}" for a in "ab" for t in (10, 15) for s in range(3)]
    ended = launch("run", "small.yaml", ranks=3, how=QUICK | {"hang": keys}, limit=PROMPT_S)
    assert ended.code == 75, ended.err
    assert "stopped early by the loss of all workers" in ended.err
    results = open_reader(path)
    assert sorted(results.rows["attempts"])[-3:] == [0, 1, 1]  # on record, so that they are watched next time
    assert launch("run", "small.yaml", ranks=3, how=QUICK).code == 0


# ---------------------------------------------------------------- failing configs and bugs


def test_a_failing_config_is_code_3(launch, path):
    ended = launch("run", "small.yaml", ranks=3, how=QUICK | {"fail": ["b_t10_s1"]})
    assert ended.code == 3, ended.err
    assert open_reader(path).rows["message"][7] == b"b_t10_s1 was told to fail"
    assert launch("run", "small.yaml", "--retry-failed", ranks=3, how=QUICK).code == 0


def test_too_many_failed_configs_are_code_4(launch, small_campaign, path):
    small_campaign.write_text(small_campaign.read_text() + "failures: {max_failed: 2}\n")
    how = QUICK | {"fail": [f"{a}_t{t}_s{s}" for a in "ab" for t in (10, 15) for s in range(3)]}
    assert launch("run", "small.yaml", ranks=3, how=how).code == 4
    assert 3 <= open_reader(path).failed.sum() < N_CONFIGS


def test_a_bug_on_one_rank_ends_all_ranks(start, path):
    running = start("run", "small.yaml", ranks=4, how=QUICK | {"bug": ["b_t10_s1"], "hang": ["a_t10_s0"]})
    ended = running.wait(PROMPT_S)
    assert ended.code == 1
    assert ended.err.count("ZeroDivisionError: b_t10_s1 was told to stumble") == 1
    assert "config b_t10_s1" in ended.err
    results = open_reader(path)
    assert not results.failed.any()
    assert results.launches[-1].reason == "error: BugError"
    assert results.rows["attempts"][~results.committed].sum() == 0


def test_memory_that_runs_out_on_one_rank_is_told_once(launch, path):
    ended = launch("run", "small.yaml", ranks=3, how=QUICK | {"memory": ["b_t10_s1"]}, limit=PROMPT_S)
    assert ended.code == 1
    assert ended.err.count("memory ran out") == 1
    assert "config b_t10_s1: b_t10_s1 was told to want too much" in ended.err
    assert "Traceback" not in ended.err
    results = open_reader(path)
    assert not results.failed.any()
    assert results.launches[-1].reason == "error: MemoryError"
    assert results.rows["attempts"][~results.committed].sum() == 0


def test_a_library_that_calls_exit_ends_all_ranks(launch, path):
    ended = launch("run", "small.yaml", ranks=3, how=QUICK | {"leave": ["b_t10_s1"]}, limit=PROMPT_S)
    assert ended.code == 1
    assert "SystemExit" in ended.err


def test_a_bug_of_the_manager_ends_all_ranks(launch, small_campaign):
    """An error on rank 0 outside any config: its file has become unreadable to it."""
    bad = {"PYTHONPATH": str(small_campaign.parent)}
    (small_campaign.parent / "sitecustomize.py").write_text(
        "import os\n"
        f"if os.environ.get('{mpi_launcher.rank_variable()}') == '0':\n"
        "    from mpi_layout.results import file\n"
        "    def broken(*a): raise OSError(5, 'Input/output error', 'small.h5')\n"
        "    file.ResultsFile.write_rows = broken\n"
    )
    ended = launch("run", "small.yaml", ranks=3, environ=bad, limit=PROMPT_S)
    assert ended.code == 1
    assert ended.err.count("mpi-layout: error: [Errno 5] Input/output error: 'small.h5'") == 1


# ---------------------------------------------------------------- ends early


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGTERM", "SIGINT"])
def test_a_signal_to_the_launcher_ends_in_order(start, launch, path, wait_until, name):
    running = start("run", "small.yaml", ranks=3, how=QUICK | {"seconds": 0.3})
    wait_until(lambda: path.exists() and open_reader(path).done.any())
    running.signal(signal.Signals[name])
    ended = running.wait(PROMPT_S)
    assert 0 < open_reader(path).done.sum() < N_CONFIGS
    if mpi_launcher.leaves_time_after(name):
        assert ended.code == 75, ended.err
        assert f"stopped early by {name}" in ended.err
        results = open_reader(path)
        assert results.launches[-1].reason == name
        assert results.rows["attempts"][~results.committed].sum() == 0
    else:
        assert ended.code not in (0, 3, 75), ended.err
    assert launch("run", "small.yaml", ranks=3, how=QUICK).code == 0
    assert open_reader(path).done.all()


def test_a_launch_that_has_lost_its_launcher_ends_in_order(start, path, wait_until, nobody_left):
    running = start("run", "small.yaml", ranks=3, how=QUICK | {"seconds": 0.5})
    wait_until(lambda: path.exists() and open_reader(path).done.any())
    pids = running.descendants()
    os.kill(running.process.pid, signal.SIGKILL)
    wait_until(lambda: nobody_left(pids), PROMPT_S)
    launched = open_reader(path).launches[-1]
    # MPICH's daemons kill the ranks with their launcher; Open MPI's ranks outlive it for a moment.
    assert launched.reason == ("the loss of its launcher" if mpi_launcher.is_open_mpi() else "")


def test_the_time_limit_leaves_running_configs_behind(launch, path):
    how = QUICK | {"hang": ["a_t10_s0"]}
    ended = launch("run", "small.yaml", "--time-limit", "0:00:10", ranks=3, how=how, limit=PROMPT_S)
    assert ended.code == 75, ended.err
    assert "1 configs were still running" in ended.err
    results = open_reader(path)
    assert results.done.sum() == N_CONFIGS - 1
    assert results.rows["attempts"][0] == 0
    assert results.launches[-1].reason == "the time limit"


def test_a_signal_while_the_last_configs_run_is_no_early_stop(start, path, wait_until):
    running = start("run", "small.yaml", "--only", "a_t10_s[01]", ranks=3, how=QUICK | {"seconds": 2.0})
    wait_until(lambda: path.exists() and (open_reader(path).rows["attempts"] > 0).sum() == 2)
    running.signal(signal.SIGUSR1)
    assert running.wait(PROMPT_S).code == 0
    assert open_reader(path).done.sum() == 2


# ---------------------------------------------------------------- many short configs: batches


N_MANY = 400
SHORT = QUICK | {"seconds": 0.01}


@pytest.fixture
def many(small_campaign):
    """The small campaign with a hundred seeds."""
    text = small_campaign.read_text()
    assert "count: 3" in text
    small_campaign.write_text(text.replace("count: 3", "count: 100"))


def test_short_configs_are_all_done_once(launch, many, path):
    ended = launch("run", "small.yaml", ranks=3, how=QUICK)
    assert ended.code == 0, ended.err
    results = open_reader(path)
    assert results.done.sum() == N_MANY
    assert (results.rows["attempts"] == 1).all()
    assert results.launches[0].configs_done == N_MANY


def test_a_signal_ends_batches_early_and_keeps_what_is_solved(start, launch, many, path, wait_until):
    running = start("run", "small.yaml", ranks=3, how=SHORT)
    wait_until(lambda: path.exists() and open_reader(path).done.sum() > 20)
    running.signal(signal.SIGUSR1)
    ended = running.wait(PROMPT_S)
    assert ended.code == 75, ended.err
    results = open_reader(path)
    assert 20 < results.done.sum() < N_MANY
    assert results.launches[0].configs_done == results.done.sum()
    assert results.rows["attempts"][~results.committed].sum() == 0  # none was begun that has not ended
    assert launch("run", "small.yaml", ranks=3, how=QUICK).code == 0
    assert (open_reader(path).rows["attempts"] == 1).all()


def test_a_kill_in_the_middle_of_batches_loses_only_those(start, launch, many, path, wait_until, nobody_left):
    running = start("run", "small.yaml", ranks=3, how=SHORT)
    wait_until(lambda: path.exists() and open_reader(path).done.sum() > 20)
    pids = running.descendants()
    running.kill_all()
    running.wait(PROMPT_S)
    wait_until(lambda: nobody_left(pids), PROMPT_S)
    before = open_reader(path)
    in_flight = (before.rows["attempts"] == 1) & ~before.done
    assert launch("run", "small.yaml", ranks=3, how=QUICK).code == 0
    results = open_reader(path)
    assert results.done.all()
    assert (results.rows["launch"][before.done] == 0).all()
    np.testing.assert_array_equal(results.rows["attempts"], 1 + in_flight)


def test_a_config_that_hangs_in_a_batch_takes_no_other_along(launch, small_campaign, many, path):
    small_campaign.write_text(small_campaign.read_text() + "failures: {max_seconds: 1, max_attempts: 2}\n")
    ended = launch("run", "small.yaml", ranks=3, how=SHORT | {"hang": ["b_t10_s50"]})
    assert ended.code == 3, ended.err
    results = open_reader(path)
    assert results.done.sum() == N_MANY - 1
    assert [results.keys[i] for i in np.flatnonzero(results.failed)] == ["b_t10_s50"]


def test_a_bug_in_a_batch_keeps_what_was_solved_before_it(launch, many, path):
    ended = launch("run", "small.yaml", ranks=2, how=SHORT | {"bug": ["b_t10_s50"]}, limit=PROMPT_S)
    assert ended.code == 1
    results = open_reader(path)
    bug = results.keys.index("b_t10_s50")
    assert results.done[bug - 50 : bug].all()
    assert results.rows["attempts"][~results.committed].sum() == 0


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml: there is no such campaign file"),
        (["run", "small.yaml", "-o", "no/folder.h5"], "the folder no does not exist"),
        (["run", "small.yaml", "--only", "nothing"], "no config matches 'nothing'"),
        (["run", "small.yaml", "--time-limit", "soon"], "wants H:MM:SS"),
    ],
)
def test_wrong_input_is_one_message_and_code_2(launch, small_campaign, arguments, message):
    ended = launch(*arguments, ranks=3, limit=PROMPT_S)
    assert ended.code == 2
    assert ended.err.count(message) == 1
    assert ended.err.count("mpi-layout: error") + ended.err.count("mpi-layout run: error") == 1
    assert "Traceback" not in ended.err


def test_a_second_launch_is_refused_while_the_first_works(start, launch, path, wait_until):
    running = start("run", "small.yaml", ranks=3, how=QUICK | {"seconds": 2.0})
    wait_until(path.exists)
    refused = launch("run", "small.yaml", ranks=2, limit=PROMPT_S)
    assert refused.code == 2
    assert refused.err.count("another launch is working on this file") == 1
    assert running.wait().code == 0
    assert open_reader(path).done.all()
