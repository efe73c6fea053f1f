"""A campaign on several hosts, and what becomes of it when one of them is cut off.

The hosts are network namespaces with names, addresses and SSH servers of their own (tests/hosts/cluster.py);
the launcher logs in to them as it does on a cluster. Ranks wait for minutes before they act on silence; with
{"beat": 0.3} their signs of life come every 0.3 s instead of every minute, and all else follows from that.
"""

import os
import signal
from pathlib import Path

import mpi_launcher
import pytest
from conftest import MARK
from hosts.cluster import cluster, missing

from mpi_layout.compare.diff import diff
from mpi_layout.results.reader import open_reader

pytestmark = pytest.mark.hosts

NAMES = ("node1", "node2", "node3")
RANKS = 6  # two on each host
LIMIT_S = 90.0
SLOW = {"seconds": 0.5}
WATCHFUL = SLOW | {"beat": 0.3}


@pytest.fixture(scope="session")
def small_campaign_text(small_campaign_text):
    """The small campaign with more seeds, so that there is something left to do when a cable is pulled."""
    return small_campaign_text.replace("count: 3", "count: 8")


@pytest.fixture
def hosts(tmp_path_factory):
    """Three hosts, up, that share the file system."""
    if missing():
        pytest.fail(missing())
    with cluster(tmp_path_factory.mktemp("cluster"), NAMES) as up:
        yield up


@pytest.fixture
def start_across(hosts, start, tmp_path):
    """Start `mpi-layout ARGUMENTS` across all hosts, the launcher and rank 0 on the first one."""

    def start_across(*arguments, **settings):
        return start(
            *arguments,
            ranks=RANKS,
            options=launcher_options(),
            under=hosts[0].enter(tmp_path),
            **settings,
        )

    return start_across


def launcher_options():
    """Where to start ranks: two on each host."""
    if mpi_launcher.is_open_mpi():
        passed_on = [word for name in ("PYTHONPATH", "SOLVE_DRIVER", MARK) for word in ("-x", name)]
        return [
            "--host",
            ",".join(f"{name}:2" for name in NAMES),
            "--map-by",
            "node:OVERSUBSCRIBE",
            *passed_on,
        ]
    return ["-hosts", ",".join(NAMES)]


def ranks_on(host, running):
    """Ranks of a launch that run on a host."""
    there = host.processes()
    return {rank for rank, pid in running.ranks().items() if pid in there}


def finished(path, straight):
    """Whether the file is the one of an undisturbed launch."""
    results = open_reader(path)
    return bool(results.done.all()) and diff(results, straight).equal


@pytest.fixture
def under_way(start_across, path, wait_until):
    """Start a launch across all hosts and wait for its first row."""

    def under_way(*arguments, **settings):
        running = start_across("run", "small.yaml", *arguments, **settings)
        wait_until(lambda: path.exists() and open_reader(path).done.any())
        return running

    return under_way


# ---------------------------------------------------------------- undisturbed


def test_a_campaign_across_three_hosts(hosts, under_way, straight, path, launch):
    running = under_way(how=SLOW)
    where = [ranks_on(host, running) for host in hosts]
    assert sorted(map(len, where)) == [2, 2, 2]
    assert 0 in where[0]
    ended = running.wait(LIMIT_S)
    assert ended.code == 0, ended.err
    assert "5 solve (1 on this machine)" in ended.err
    results = open_reader(path)
    assert diff(results, straight).equal
    assert set(results.rows["rank"]) == set(range(1, RANKS))
    assert results.launches[0].host == "node1"
    assert "node1" in launch("status", "small.h5").out


def test_gather_needs_the_file_on_one_host_only(hosts, start_across, straight, path, tmp_path):
    for host in hosts[1:]:
        host.run("mount", "-t", "tmpfs", "tmpfs", tmp_path)
    ended = start_across("run", "small.yaml").wait(LIMIT_S)
    assert ended.code == 0, ended.err
    assert finished(path, straight)


@pytest.mark.parallel_hdf5
@pytest.mark.parametrize("copied", [False, True])
def test_mpio_on_a_host_with_another_file_is_refused(hosts, start_across, launch, path, tmp_path, copied):
    """On one host the folder is not the one that the others mount; an old copy may lie in it."""
    assert launch("run", "small.yaml", "--only", "a_t10_s0", how={"burn": 0}).code == 0
    hosts[2].run("mount", "-t", "tmpfs", "tmpfs", "/mnt")
    if copied:
        hosts[2].run("cp", path, "/mnt")
    hosts[2].run("mount", "--bind", "/mnt", tmp_path)
    # Debian's MPICH often hangs in MPI_Finalize across hosts.
    ended = start_across("run", "small.yaml", "--backend", "mpio", how={"part": 5}).wait(LIMIT_S)
    assert ended.code == 2, ended.err
    assert ended.err.count("cannot write it too") == 1
    assert "on node3 cannot write it too" in ended.err
    assert ("it sees another file there" if copied else "there is no such file") in ended.err
    results = open_reader(path)
    assert results.done.sum() == 1
    assert len(results.launches) == 1


# ---------------------------------------------------------------- cut off


def test_a_short_cut_is_waited_for(hosts, under_way, straight, path, wait_until):
    running = under_way(how=SLOW)
    hosts[2].unplug()
    done = open_reader(path).done.sum()
    wait_until(lambda: open_reader(path).done.sum() >= done + 4)  # the others go on meanwhile
    hosts[2].plug_in()
    ended = running.wait(LIMIT_S)
    assert ended.code == 0, ended.err
    assert "vanished" not in ended.err
    assert finished(path, straight)


def test_a_host_that_is_cut_off_is_done_without(hosts, under_way, straight, path, wait_until):
    running = under_way(how=WATCHFUL)
    hosts[2].unplug()
    cut_off = ranks_on(hosts[2], running)
    wait_until(lambda: finished(path, straight))
    wait_until(lambda: open_reader(path).launches[0].ended)
    reason = open_reader(path).launches[0].reason
    assert reason.startswith("complete")
    assert all(f"rank {rank} on node3 vanished" in reason for rank in cut_off)
    wait_until(lambda: not ranks_on(hosts[2], running))  # they leave by themselves


def test_when_the_host_of_rank_0_is_cut_off_the_others_leave(
    hosts, under_way, start_across, straight, path, wait_until
):
    running = under_way("--only", "a_*", how=WATCHFUL)
    hosts[0].unplug()
    wait_until(lambda: not any(ranks_on(host, running) for host in hosts[1:]))
    wait_until(lambda: open_reader(path).launches[0].ended)
    assert open_reader(path).done.sum() == 16  # rank 0 has gone on with the worker of its own host
    hosts[0].plug_in()
    running.kill_all()
    assert start_across("run", "small.yaml").wait(LIMIT_S).code == 0
    assert finished(path, straight)


def test_the_host_of_rank_0_loses_power(hosts, under_way, start, straight, path, wait_until):
    running = under_way(how=WATCHFUL)
    hosts[0].unplug()
    hosts[0].switch_off()
    done = open_reader(path).done
    wait_until(lambda: not any(host.processes() for host in hosts[1:]))
    running.wait(LIMIT_S)
    assert start("run", "small.yaml", ranks=2).wait(LIMIT_S).code == 0
    assert finished(path, straight)
    assert (open_reader(path).rows["launch"][done] == 0).all()  # nothing that was done is done again


def test_no_rank_outlives_the_launcher(hosts, under_way, start_across, straight, path, wait_until):
    running = under_way(how=SLOW)
    names = ("mpiexec", "mpiexec.mpich", "prterun", "mpirun")
    (launcher,) = (pid for pid, line in hosts[0].processes().items() if Path(line.split()[0]).name in names)
    os.kill(launcher, signal.SIGKILL)
    assert running.wait(LIMIT_S).code != 0
    wait_until(lambda: not any(host.processes() for host in hosts))
    done = open_reader(path).done
    assert start_across("run", "small.yaml").wait(LIMIT_S).code == 0
    assert finished(path, straight)
    assert (open_reader(path).rows["launch"][done] == 0).all()
