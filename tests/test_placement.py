"""Where ranks run and what their start costs: threads, files, modules."""

import json
import math
import re
import shutil
import subprocess
import sys

import mpi_launcher
import pytest

from mpi_layout import environment
from mpi_layout.campaign import load_campaign
from mpi_layout.compare.diff import diff
from mpi_layout.errors import InputError
from mpi_layout.parallel import shared_memory
from mpi_layout.parallel.allotment import Allotment
from mpi_layout.results.reader import open_reader
from mpi_layout.room import Node, check_room, crowded, nodes_of, short_of_memory

# Packages outside the standard library that a rank needs to solve configs. What is added here is loaded by
# every one of ten thousand ranks from one file system.
WORKER_PACKAGES = {
    "annotated_types",
    "mpi4py",
    "mpi_layout",
    "numpy",
    "pydantic",
    "pydantic_core",
    "shapely",
    "typing_extensions",
    "typing_inspection",
    "yaml",
}
SOLVE_AS_A_WORKER = """
import json, sys
before = set(sys.modules)
import mpi_layout.__main__, mpi_layout.cli, mpi_layout.parallel.ranks
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.solver import Solver
message = {"campaign": sys.stdin.read(), "allow_code": False, "launch": 0}
row = Solver.of(message, rank=1).solve(Assignment(0, 1))
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps([int(row["status"][0]), sorted(loaded)]))
"""
REPORT_THREADS = """
import atexit, os
def report():
    with open("threads", "a") as file:
        print(len(os.listdir("/proc/self/task")), file=file)
atexit.register(report)
"""
NEIGHBOURS = """\
neighbours:
  - {file: others.csv, turbine_type: {name: t8, rated_power_MW: 8, rotor_diameter_m: 164, hub_height_m: 105}}
"""


def test_a_worker_loads_few_packages(small_campaign_text):
    command = [sys.executable, "-P", "-c", SOLVE_AS_A_WORKER]
    done = subprocess.run(command, input=small_campaign_text, capture_output=True, text=True, timeout=60)
    status, names = json.loads(done.stdout or "[0, []]")
    assert status == 1, done.stderr
    parts = {name for name in names if name.startswith("_")}  # of a package, or of the start of Python
    assert set(names) - parts - set(sys.stdlib_module_names) - {"cython_runtime"} <= WORKER_PACKAGES


def test_only_rank_0_opens_the_campaign_and_what_it_names(launch, small_campaign):
    assert shutil.which("strace"), "this test needs strace (Debian package strace)"
    folder = small_campaign.parent
    (folder / "others.csv").write_text("x_m,y_m\n-3000,-4000\n-1500,-4000\n")
    small_campaign.write_text(small_campaign.read_text() + NEIGHBOURS)
    trace = folder / "opened"
    under = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(trace), "-e", "trace=open,openat"]
    assert launch("run", "small.yaml", ranks=3, under=under).code == 0
    opened = re.findall(r'^(\d+) .*"([^"\n]*)"', trace.read_text(), re.MULTILINE)
    ranks = {pid for pid, path in opened if path.endswith("/kernel.so")}
    assert len(ranks) == 3
    for name in ("small.yaml", "others.csv", "small.h5", "small.h5.lock"):
        assert len({pid for pid, path in opened if path.endswith(name)}) == 1, name


def test_a_rank_has_one_thread_beside_those_of_mpi(launch, small_campaign):
    folder = small_campaign.parent
    (folder / "sitecustomize.py").write_text(REPORT_THREADS)
    ended = launch("run", "small.yaml", ranks=3, environ={"PYTHONPATH": str(folder)})
    assert ended.code == 0, ended.err
    threads = list(map(int, (folder / "threads").read_text().split()))
    assert len(threads) == 3
    assert max(threads) <= 2  # MPI has one that sleeps


def test_threads_are_the_users_to_choose():
    environ = {"OPENBLAS_NUM_THREADS": "4"}
    environment.prepare(environ)
    assert environ["OPENBLAS_NUM_THREADS"] == "4"
    assert environ["OMP_NUM_THREADS"] == environ["MKL_NUM_THREADS"] == "1"


# ---------------------------------------------------------------- what ranks may use of their nodes


@pytest.fixture
def node(tmp_path):
    """Write /proc and /sys of a node below tmp_path; returns the allotment that a rank finds there."""

    def node(files, **environ):
        files = {"proc/meminfo": "MemTotal: 8000 kB\nMemAvailable: 4000 kB\n"} | files
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Allotment.here(tmp_path, environ)

    return node


SECOND_KIND = {
    "proc/self/cgroup": "0::/slurm/job_1\n",
    "sys/fs/cgroup/slurm/job_1/memory.max": "max\n",
    "sys/fs/cgroup/slurm/job_1/memory.current": "500000\n",
    "sys/fs/cgroup/slurm/job_1/memory.stat": "anon 1\ninactive_file 1\n",
    "sys/fs/cgroup/slurm/memory.max": "1000000\n",
    "sys/fs/cgroup/slurm/memory.current": "900000\n",
    "sys/fs/cgroup/slurm/memory.stat": "anon 600000\ninactive_file 200000\n",
}
FIRST_KIND = {
    "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/not/shown/here\n0::/\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000000\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "1500000\n",
    "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 1000\n",
}
NO_LIMIT = FIRST_KIND | {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}


def test_memory_that_a_node_has_left(node):
    found = node({"proc/self/status": "Name: python\nVmRSS:     100 kB\n"})
    assert found.used == 100 * 1024
    assert found.free == 4000 * 1024
    assert found.granted == math.inf


@pytest.mark.parametrize(
    ("files", "free"),
    [(SECOND_KIND, 300_000), (FIRST_KIND, 501_000), (NO_LIMIT, 4000 * 1024), ({}, 4000 * 1024)],
)
def test_memory_that_a_cgroup_leaves(node, files, free):
    assert node(files).free == free


@pytest.mark.parametrize(
    ("environ", "granted"),
    [
        ({"SLURM_MEM_PER_NODE": "2048"}, 2**31),
        ({"SLURM_MEM_PER_CPU": "512", "SLURM_CPUS_ON_NODE": "4"}, 2**31),
        ({"SLURM_MEM_PER_CPU": "512"}, math.inf),
        ({"SLURM_MEM_PER_NODE": "0"}, math.inf),
    ],
)
def test_memory_that_slurm_grants(node, environ, granted):
    assert node({}, **environ).granted == granted


def test_an_allotment_as_text():
    here = Allotment.here()
    again = Allotment.of(str(here))
    assert again.cores == here.cores
    assert again.used == pytest.approx(here.used, abs=1)
    assert Allotment.of(str(Allotment(5))) == Allotment(5)


def bound(*masks, resting=(), host="n1"):
    return Node(host, [Allotment(mask) for mask in masks], [Allotment(mask) for mask in resting])


@pytest.mark.parametrize(
    "node",
    [
        bound(0b1, 0b10, 0b100, 0b1000, resting=[0b1]),  # a core each
        bound(0b1111, 0b1111, 0b1111, 0b1111),  # not bound
        bound(0b11, 0b11, 0b1100, 0b1100),  # bound to sockets
        bound(0b11, 0b1),
    ],
)
def test_ranks_that_have_a_core_each(node):
    assert crowded(node) == ""


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (bound(0b100, 0b100), "n1: 2 ranks that solve may only run on 1 core (2)"),
        (bound(0b11, 0b11, 0b11), "3 ranks that solve may only run on 2 cores (0, 1)"),
        (bound(0b11, 0b1, 0b1), "2 ranks that solve may only run on 1 core (0)"),
        (bound(0b11, 0b11, 0b10), "3 ranks that solve may only run on 2 cores (0, 1)"),
    ],
)
def test_ranks_that_share_a_core(node, words):
    assert words in crowded(node)
    assert "--cpu-bind=cores" in crowded(node)


def test_a_node_with_too_little_memory():
    def node(free=math.inf, granted=math.inf):
        return Node("n1", [Allotment(1, 100e6, free, granted)] * 4, [])

    assert short_of_memory(node(free=400e6), 100e6) == ""
    assert short_of_memory(node(granted=800e6), 100e6) == ""
    assert "n1: its 4 ranks need about 800 MB" in short_of_memory(node(free=399e6), 100e6)
    assert "the job has 700 MB there (Slurm)" in short_of_memory(node(granted=700e6), 100e6)
    for hopeless in (node(free=190e6), node(granted=390e6)):
        with pytest.raises(InputError, match="--mem-per-cpu=191M"):
            short_of_memory(hopeless, 100e6)


def test_a_launch_that_cannot_have_the_memory_is_refused_before_it_starts(launch, small_campaign):
    ended = launch("run", "small.yaml", ranks=3, environ={"SLURM_MEM_PER_NODE": "64"})
    assert ended.code == 2
    assert "the job has 67 MB there (Slurm); start fewer ranks on a node" in ended.err
    assert len(open_reader(small_campaign.with_suffix(".h5")).launches) == 0


def test_ranks_on_one_core_are_told_of(launch, small_campaign):
    ended = launch("run", "small.yaml", ranks=3, under=["taskset", "--cpu-list", "0"])
    assert ended.code == 0, ended.err
    assert "2 ranks that solve may only run on 1 core (0): they take turns" in ended.err


def test_nodes_of_a_launch():
    nodes = nodes_of([("n1", Allotment(1)), ("n1", Allotment(2)), ("n2", Allotment(4))])
    assert [(len(node.solving), len(node.resting)) for node in nodes] == [(1, 1), (1, 0)]
    assert len(nodes_of([("n1", Allotment(1))])[0].solving) == 1


def test_what_is_wrong_on_many_nodes_is_said_once(small_campaign):
    nodes = [bound(1, 1, host=f"n{i}") for i in range(1, 4)]
    (warning,) = check_room(load_campaign(small_campaign), nodes)
    assert warning.startswith("n1: 2 ranks")
    assert warning.endswith("(and likewise on 2 other nodes)")


# ---------------------------------------------------------------- what else a start needs


@pytest.mark.parametrize(
    ("megabytes", "said", "hopeless"),
    [(67, True, True), (80, True, False), (87, False, False), (0, True, True)],
)
def test_shared_memory_that_mpich_needs(megabytes, said, hopeless):
    text, never = shared_memory.shortage(16, megabytes * 1e6)
    assert (bool(text), never) == (said, hopeless)
    assert not said or f"/dev/shm has {megabytes} MB" in text


@pytest.mark.parametrize(
    ("environ", "n_ranks"),
    [({"MPI_LOCALNRANKS": "16"}, 16), ({"SLURM_STEP_TASKS_PER_NODE": "3,4(x12)"}, 4), ({}, 0)],
)
def test_ranks_on_a_node(environ, n_ranks):
    assert shared_memory.ranks_here(environ) == n_ranks


@pytest.mark.slow
def test_too_little_shared_memory_is_told_before_mpi_dies_of_it(launch, small_campaign):
    small = 'mount -t tmpfs -o size=8m tmpfs /dev/shm && exec "$0" "$@"'
    ended = launch("run", "small.yaml", ranks=3, under=["unshare", "--mount", "sh", "-c", small])
    if mpi_launcher.is_open_mpi():  # takes next to none
        assert ended.code == 0, ended.err
        return
    assert ended.code == 2, ended.err
    assert "/dev/shm has 8 MB here" in ended.err
    assert not small_campaign.with_suffix(".h5").exists()


def test_a_launch_needs_no_home_and_no_folder_for_temporary_files(launch, path, straight):
    nowhere = {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"}
    assert launch("run", "small.yaml", ranks=3, environ=nowhere).code == 0
    assert diff(open_reader(path), straight).equal
