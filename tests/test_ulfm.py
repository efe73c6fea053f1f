"""Ranks may die: an Open MPI that can lose ranks goes on without them.

`mpirun --with-ft ulfm` keeps a launch alive when workers are killed; their configs are tried again elsewhere.
"""

import os
import signal
import socket

import numpy as np
import pytest

from mpi_layout.compare.diff import diff
from mpi_layout.results.locking.lock_file import read_notice
from mpi_layout.results.reader import open_reader
from mpi_layout.results.storage.mpio import why_not

pytestmark = pytest.mark.ulfm

N_CONFIGS = 12
PROMPT_S = 60.0
QUICK = {"burn": 0}
ULFM = ("--with-ft", "ulfm")
BACKENDS = ["gather", "mpio"]


def test_this_environment_has_what_these_tests_need():
    assert why_not() is None


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_killed", [1, 2, 3])
def test_killed_workers_are_done_without(start, straight, path, wait_until, nobody_left, backend, n_killed):
    """The last of these leaves one worker of four."""
    running = start("run", "small.yaml", "--backend", backend, ranks=5, how={"seconds": 0.5}, options=ULFM)
    wait_until(lambda: path.exists() and open_reader(path).done.any())
    pids = running.descendants()
    ranks = running.ranks()
    for rank in range(2, 2 + n_killed):
        os.kill(ranks[rank], signal.SIGKILL)
    ended = running.wait(PROMPT_S)
    assert ended.code == 0, ended.err
    results = open_reader(path)
    assert diff(results, straight).equal
    for rank in range(2, 2 + n_killed):
        assert f"rank {rank} on" in ended.err
        assert f"rank {rank} on" in results.launches[-1].reason
    assert "has died" in ended.err
    wait_until(lambda: nobody_left(pids), PROMPT_S)


@pytest.mark.parametrize("backend", BACKENDS)
def test_with_all_workers_killed_the_launch_ends_and_resumes(start, launch, path, wait_until, backend):
    running = start(
        "run", "small.yaml", "--backend", backend, ranks=3, how=QUICK | {"seconds": 0.5}, options=ULFM
    )
    wait_until(lambda: path.exists() and open_reader(path).done.any())
    ranks = running.ranks()
    for rank in (1, 2):
        os.kill(ranks[rank], signal.SIGKILL)
    ended = running.wait(PROMPT_S)
    assert ended.code == 75, ended.err
    assert "the loss of all workers" in open_reader(path).launches[-1].reason
    assert launch("run", "small.yaml", "--backend", backend, ranks=3, how=QUICK, options=ULFM).code == 0
    assert open_reader(path).done.all()


@pytest.mark.parametrize(("n_killed", "code"), [(1, 0), (3, 75)])
def test_workers_killed_before_they_have_the_campaign(
    start, launch, straight, path, wait_until, n_killed, code
):
    running = start("run", "small.yaml", "--backend", "gather", ranks=4, how={"open": 2.0}, options=ULFM)
    kill_opening(running, path, wait_until, range(1, 1 + n_killed))
    ended = running.wait(PROMPT_S)
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    assert launch("run", "small.yaml", ranks=3).code == 0
    assert diff(open_reader(path), straight).equal


@pytest.mark.parametrize("ranks", [[2], [1, 2, 3]])
def test_workers_killed_before_all_have_opened_the_file(start, launch, straight, path, wait_until, ranks):
    """The file cannot be opened by all then, which is no fault of the disk: the launch ends in order."""
    running = start("run", "small.yaml", "--backend", "mpio", ranks=4, how={"open": 2.0}, options=ULFM)
    kill_opening(running, path, wait_until, ranks)
    ended = running.wait(PROMPT_S)
    assert ended.code == 75, ended.err
    lost = ", ".join(f"rank {rank} on {socket.gethostname()}" for rank in ranks)
    reason = f"the loss of {lost} while all ranks opened the file"
    assert f"stopped early by {reason}: run the same command again to go on" in ended.err
    assert "error" not in ended.err
    assert [launch.reason for launch in open_reader(path).launches] == [reason]
    assert launch("run", "small.yaml", "--backend", "mpio", ranks=3, options=ULFM).code == 0
    assert diff(open_reader(path), straight).equal


def kill_opening(running, path, wait_until, ranks):
    """Kill some while rank 0 waits, between its entry in the launch table and what it sends to the others."""
    wait_until(lambda: path.exists() and len(open_reader(path).launches) == 1)
    pids = running.ranks()
    for rank in ranks:
        os.kill(pids[rank], signal.SIGKILL)


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_rank_0_all_ranks_leave_at_once(start, launch, path, wait_until, nobody_left, backend):
    running = start(
        "run", "small.yaml", "--backend", backend, ranks=4, how=QUICK | {"seconds": 0.5}, options=ULFM
    )
    wait_until(lambda: path.exists() and open_reader(path).done.any())
    pids = running.descendants()
    os.kill(running.ranks()[0], signal.SIGKILL)
    assert running.wait(PROMPT_S).code != 0
    wait_until(lambda: nobody_left(pids), PROMPT_S)
    done = open_reader(path).done
    assert launch("run", "small.yaml", ranks=3, how=QUICK).code == 0
    assert (open_reader(path).rows["launch"][done] == 0).all()


@pytest.mark.parametrize(
    ("how", "said", "codes"),
    # Open MPI's launcher may give the exit code of the rank that called exit, whatever the others say.
    [("kill", b"was killed by SIGSEGV", {3}), ("exit", b"ended with exit code 7", {3, 7})],
)
def test_a_config_that_kills_its_rank_fails_in_the_same_launch(launch, path, how, said, codes):
    ended = launch(
        "run", "small.yaml", ranks=4, how=QUICK | {how: ["a_t15_s1"]}, options=ULFM, limit=PROMPT_S
    )
    assert ended.code in codes, ended.err
    results = open_reader(path)
    assert results.done.sum() == N_CONFIGS - 1
    assert [results.keys[i] for i in np.flatnonzero(results.failed)] == ["a_t15_s1"]
    assert results.launches[-1].reason.startswith("complete; rank")
    assert results.rows["message"][4] == b"its process " + said


def test_ranks_killed_while_they_solve_suspects_blame_no_config(start, launch, straight, path, wait_until):
    """Three configs lose their rank, twice: that is not the configs' doing."""
    for number in (0, 1):
        running = start(
            "run", "small.yaml", "--only", "a_t10_*", ranks=4, how={"seconds": 60.0}, options=ULFM
        )
        wait_until(lambda number=number: all_at_work(path, number))
        for rank, pid in running.ranks().items():
            if rank:
                os.kill(pid, signal.SIGKILL)
        ended = running.wait(PROMPT_S)
        assert ended.code == 75, ended.err
    assert launch("run", "small.yaml", ranks=3, options=ULFM).code == 0
    assert diff(open_reader(path), straight).equal


def all_at_work(path, launch):
    """Whether rank 0 says that each worker of a launch has a config; under load it says so seldom."""
    notice = read_notice(path)
    return notice and notice.launch == launch and all(now.config is not None for now in notice.ranks)
