"""The mpio backend: all ranks write one file through parallel HDF5, and it is the file that gather writes.

Needs an environment with an h5py built with MPI: jobs/install-parallel-h5py.sh makes one.
"""

import contextlib
import dataclasses
import os
import random
import shutil
import signal
import time

import numpy as np
import pytest

from mpi_layout.compare.diff import diff
from mpi_layout.results.reader import open_reader
from mpi_layout.results.storage.mpio import why_not
from mpi_layout.results.storage.schema import MAPS
from mpi_layout.results.storage.structure import locate

pytestmark = pytest.mark.parallel_hdf5

N_CONFIGS = 12
PROMPT_S = 60.0  # nothing below may wait for longer than this
QUICK = {"burn": 0}
MPIO = ("run", "small.yaml", "--backend", "mpio")


def test_this_environment_has_what_these_tests_need():
    assert why_not() is None


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
def test_the_file_is_the_one_that_gather_writes(launch, straight, path, ranks):
    ended = launch(*MPIO, ranks=ranks)
    assert ended.code == 0, ended.err
    assert "backend mpio: every rank writes" in ended.err
    results = open_reader(path)
    assert diff(results, straight).equal
    assert set(results.rows["rank"]) <= set(range(1, ranks)) or ranks == 1
    assert launch("verify", "small.h5").code == 0
    assert not path.with_name("small.h5.lock").exists()


def test_started_without_a_launcher(launch, straight, path):
    assert launch(*MPIO).code == 0
    assert diff(open_reader(path), straight).equal


def test_ranks_with_nothing_to_write_take_part(launch, path):
    ended = launch(*MPIO, "--only", "a_t10_s0", ranks=4, how=QUICK)
    assert ended.code == 0, ended.err
    assert open_reader(path).done.sum() == 1


def test_a_finished_campaign_ends_all_ranks(launch, straight, path):
    shutil.copy(straight.path, path)
    assert launch(*MPIO, ranks=3).code == 0


def test_killed_and_resumed_with_either_backend(start, launch, straight, path, wait_until, nobody_left):
    seed = random.randrange(10**6)
    print("seed", seed)
    rng = random.Random(seed)
    for backend in ("mpio", "gather", "mpio"):
        running = start("run", "small.yaml", "--backend", backend, ranks=4, how={"seconds": 0.3})
        time.sleep(rng.uniform(1.0, 5.0))
        pids = running.descendants()
        running.kill_all()
        running.wait(PROMPT_S)
        wait_until(lambda pids=pids: nobody_left(pids), PROMPT_S)
    assert launch(*MPIO, ranks=3).code == 0
    assert diff(open_reader(path), straight).equal
    assert launch("verify", "small.h5").code == 0


@pytest.mark.parametrize("victim", [0, 1, "launcher"])
def test_one_process_is_killed(start, launch, path, wait_until, nobody_left, victim):
    running = start(*MPIO, ranks=3, how=QUICK | {"seconds": 0.3})
    wait_until(lambda: path.exists() and open_reader(path).done.any())
    pids = running.descendants()
    os.kill(running.process.pid if victim == "launcher" else running.ranks()[victim], signal.SIGKILL)
    assert running.wait(PROMPT_S).code != 0
    wait_until(lambda: nobody_left(pids), PROMPT_S)
    done = open_reader(path).done
    assert launch(*MPIO, ranks=3, how=QUICK).code == 0
    results = open_reader(path)
    assert results.done.all()
    assert (results.rows["launch"][done] == 0).all()  # nothing that was done is done again


def test_a_failing_config_is_code_3(launch, path):
    assert launch(*MPIO, ranks=3, how=QUICK | {"fail": ["b_t10_s1"]}).code == 3
    assert open_reader(path).rows["message"][7] == b"b_t10_s1 was told to fail"
    assert launch(*MPIO, "--retry-failed", ranks=3, how=QUICK).code == 0
    assert open_reader(path).done.all()


def test_a_bug_on_one_rank_ends_all_ranks(launch, path):
    how = QUICK | {"bug": ["b_t10_s1"], "hang": ["a_t10_s0"]}
    ended = launch(*MPIO, ranks=4, how=how, limit=PROMPT_S)
    assert ended.code == 1
    assert ended.err.count("ZeroDivisionError: b_t10_s1 was told to stumble") == 1


def test_the_time_limit_leaves_running_configs_behind(launch, path):
    how = QUICK | {"hang": ["a_t10_s0"]}
    ended = launch(*MPIO, "--time-limit", "0:00:10", ranks=3, how=how, limit=PROMPT_S)
    assert ended.code == 75, ended.err
    results = open_reader(path)
    assert results.done.sum() == N_CONFIGS - 1
    assert results.launches[-1].reason == "the time limit"
    assert launch(*MPIO, ranks=3, how=QUICK).code == 0


def test_a_signal_ends_in_order(start, launch, path, wait_until):
    running = start(*MPIO, ranks=3, how=QUICK | {"seconds": 0.3})
    wait_until(lambda: path.exists() and open_reader(path).done.any())
    running.signal(signal.SIGUSR1)
    assert running.wait(PROMPT_S).code == 75
    assert 0 < open_reader(path).done.sum() < N_CONFIGS
    assert launch(*MPIO, ranks=3, how=QUICK).code == 0


def test_a_config_that_hangs_is_abandoned_and_fails(launch, small_campaign, path):
    small_campaign.write_text(small_campaign.read_text() + "failures: {max_seconds: 1, max_attempts: 2}\n")
    ended = launch(*MPIO, ranks=3, how=QUICK | {"hang": ["a_t15_s1"]})
    assert ended.code == 3, ended.err
    results = open_reader(path)
    assert results.done.sum() == N_CONFIGS - 1
    assert [results.keys[i] for i in np.flatnonzero(results.failed)] == ["a_t15_s1"]


# ---------------------------------------------------------------- two launches


def test_a_second_launch_is_refused_while_the_first_works(start, launch, path, wait_until):
    running = start(*MPIO, ranks=3, how=QUICK | {"hang": ["a_t10_s0"]})  # the first one, so it is alone
    wait_until(lambda: path.exists() and open_reader(path).done.sum() == N_CONFIGS - 1)
    refused = launch(*MPIO, ranks=2)
    assert refused.code == 2
    assert f"process {open_reader(path).launches[0].pid}" in refused.err
    running.signal(signal.SIGUSR1)
    assert running.wait(PROMPT_S).code == 75


def test_a_rank_that_outlives_its_launch_keeps_others_out(start, launch, path, wait_until, nobody_left):
    """Everything is killed but one worker, which has been stopped: it might write once more."""
    running = start(*MPIO, ranks=3, how=QUICK | {"seconds": 1.0})
    wait_until(lambda: path.exists() and open_reader(path).done.any())
    survivor = running.ranks()[2]
    os.kill(survivor, signal.SIGSTOP)
    others = [pid for pid in running.descendants() if pid != survivor]
    # The launcher first: it would kill the survivor when it finds that a rank has died.
    for pid in sorted(others):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: nobody_left(others), PROMPT_S)
    if not nobody_left([survivor]):
        refused = launch("run", "small.yaml", how=QUICK)
        if not nobody_left([survivor]):  # Open MPI may end it a moment after its launcher
            assert refused.code == 2, refused.err
            assert "another launch is working on this file" in refused.err
        with contextlib.suppress(ProcessLookupError):
            os.kill(survivor, signal.SIGKILL)
    wait_until(lambda: nobody_left([survivor]), PROMPT_S)
    running.wait(PROMPT_S)
    assert launch("run", "small.yaml", how=QUICK).code == 0


# ---------------------------------------------------------------- what may be in the way


def test_a_rank_that_cannot_write_is_named_before_any_work(launch, small_campaign, path):
    (small_campaign.parent / "sitecustomize.py").write_text(
        "import os\n"
        "if '2' in (os.environ.get('PMI_RANK'), os.environ.get('OMPI_COMM_WORLD_RANK')):\n"
        "    from mpi_layout.results import shared\n"
        "    shared.why_not = lambda: 'there is no HDF5 here'\n"
    )
    ended = launch(*MPIO, ranks=3, environ={"PYTHONPATH": str(small_campaign.parent)}, limit=PROMPT_S)
    assert ended.code == 2
    assert ended.err.count("cannot write it too: there is no HDF5 here") == 1
    assert "rank 2 on" in ended.err
    assert not open_reader(path).launches


def test_a_file_whose_map_was_forged_is_refused(launch, small_campaign, path):
    """All its checksums hold, but HDF5 would write x where the map has y."""
    assert launch("run", "small.yaml", "--only", "a_t10_s0", how=QUICK).code == 0
    structure = locate(path)
    swapped = dict(structure.extents)
    swapped["x"], swapped["y"] = swapped["y"], swapped["x"]
    forged = dataclasses.replace(structure, extents=swapped).drawn()
    raw = bytearray(path.read_bytes())
    for column in MAPS:
        place = structure.extents[column.name]
        raw[place.offset : place.end] = forged
    path.write_bytes(raw)
    refused = launch(*MPIO, ranks=3)
    assert refused.code == 2, refused.err
    assert "HDF5 finds x elsewhere" in refused.err or "HDF5 finds y elsewhere" in refused.err


def test_a_worker_whose_disk_fails_ends_all_ranks(launch, small_campaign, path):
    (small_campaign.parent / "sitecustomize.py").write_text(
        "import os\n"
        "if '1' in (os.environ.get('PMI_RANK'), os.environ.get('OMPI_COMM_WORLD_RANK')):\n"
        "    from mpi_layout.results.storage import mpio\n"
        "    def broken(*a): raise OSError(28, 'No space left on device', 'small.h5')\n"
        "    mpio.MpioStore.write = broken\n"
    )
    ended = launch(*MPIO, ranks=3, environ={"PYTHONPATH": str(small_campaign.parent)}, limit=PROMPT_S)
    assert ended.code == 1
    assert ended.err.count("No space left on device") == 1
    assert "Traceback" not in ended.err
    assert launch(*MPIO, ranks=3).code == 0
    assert open_reader(path).done.all()
