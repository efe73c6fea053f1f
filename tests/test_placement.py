"""Where ranks run and what their start costs: threads, files, modules."""

import json
import re
import shutil
import subprocess
import sys

from mpi_layout import environment

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
