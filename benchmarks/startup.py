"""What the start of a rank costs a file system and a core: files, system calls, modules, memory, seconds.

    python benchmarks/startup.py                      3 ranks by the mpiexec of this Python; half a minute
    python benchmarks/startup.py --mpiexec 'srun --mpi=pmi2' --ranks 64 --campaign campaign.yaml

Needs strace. The launches compute a few configs, so that whatever a config loads is loaded. Calls for files
in /proc, /sys and /dev are left out: they do not leave the node. The last table is without strace.
"""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[1] / "examples" / "danish_energy_island.yaml"
RANK = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PALS_RANKID", "SLURM_PROCID")
CALL = re.compile(r'(\w+)\((?:AT_FDCWD, |\d+, )?"([^"]*)".* = (-?\d+)')
LOCAL = ("/proc/", "/sys/", "/dev/", "../")
# Runs the program, and writes down what it has become at its end.
PROGRAM = """
import atexit, json, os, runpy, sys, time
def report():
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    modules = [name for name in sys.modules if not name.startswith("_cython_")]
    found = {"cpu": time.process_time(), "modules": modules, "threads": int(status["Threads"]),
             "peak": 1024 * int(status["VmHWM"].split()[0])}
    rank = next(os.environ[name] for name in %r if name in os.environ)
    json.dump(found, open(os.path.join(%r, f"rank.{rank}.json"), "w"))
atexit.register(report)
sys.argv[0] = "mpi-layout"
runpy.run_module("mpi_layout", run_name="__main__")
"""


def launch(options, folder, command):
    """Run a campaign with a command for each rank; its results are thrown away."""
    mpiexec = [*shlex.split(options.mpiexec), "-n", str(options.ranks)]
    results = folder / "results.h5"
    words = ["run", str(options.campaign), "-o", str(results), "--only", options.only]
    done = subprocess.run([*mpiexec, *command, *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"exit code {done.returncode}\n{done.stderr}")
    results.unlink()


def calls_of(trace):
    """Calls for files that may lie on a shared file system: (name, path, whether it worked)."""
    for line in trace.read_text(errors="replace").splitlines():
        if (match := CALL.search(line)) and not match[2].startswith(LOCAL) and match[2]:
            yield match[1], match[2], int(match[3]) >= 0


def owner(path):
    """Package that a path belongs to, or the folder."""
    parts = Path(path).parts
    if "site-packages" in parts[:-1]:
        return parts[parts.index("site-packages") + 1].split("-")[0]
    if "mpi_layout" in parts:
        return "mpi_layout"
    if path.startswith((sysconfig.get_path("stdlib"), sys.base_prefix)):
        return "Python itself"
    return "system libraries" if "lib" in path else "others"


def traced(options, folder):
    """Calls of each rank."""
    script = folder / "traced"
    rank = "".join(f"${{{name}-" for name in RANK) + "}" * len(RANK)
    strace = "exec strace -f -qq --seccomp-bpf -e trace=%file"
    script.write_text(f'#!/bin/sh\n{strace} -o {shlex.quote(str(folder))}/trace.{rank} "$@"\n')
    script.chmod(0o755)
    launch(options, folder, [str(script), sys.executable, "-P", "-m", "mpi_layout"])
    return [list(calls_of(folder / f"trace.{rank}")) for rank in range(options.ranks)]


def reported(options, folder):
    """What each rank says of itself."""
    launch(options, folder, [sys.executable, "-P", "-c", PROGRAM % (RANK, str(folder))])
    return [json.loads((folder / f"rank.{rank}.json").read_text()) for rank in range(options.ranks)]


def show_calls(calls):
    print("| | calls for files | of these in vain | files opened |\n|---|---:|---:|---:|")
    for name, of_rank in (("rank 0", calls[0]), ("a worker", calls[1])):
        opened = sum(worked for call, _, worked in of_rank if call.startswith("open"))
        print(f"| {name} | {len(of_rank):,} | {sum(not ok for *_, ok in of_rank):,} | {opened:,} |")
    print("\n| calls of a worker for files of | |\n|---|---:|")
    for package, count in Counter(owner(path) for _, path, _ in calls[1]).most_common(12):
        print(f"| {package} | {count:,} |")


def show_reports(reports):
    print("\n| | modules | CPU, s | peak memory, MB | threads |\n|---|---:|---:|---:|---:|")
    for name, report in (("rank 0", reports[0]), ("a worker", reports[1])):
        modules, megabytes = len(report["modules"]), report["peak"] / 1e6
        print(f"| {name} | {modules} | {report['cpu']:.2f} | {megabytes:.0f} | {report['threads']} |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--campaign", type=Path, default=REFERENCE)
    parser.add_argument("--only", default="farm0_*_s0", help="configs to compute")
    parser.add_argument("--ranks", type=int, default=3)
    parser.add_argument("--mpiexec", default=str(Path(sys.executable).with_name("mpiexec")))
    options = parser.parse_args()
    if shutil.which("strace") is None:
        parser.error("needs strace: apt-get install strace")
    if options.ranks < 2:
        parser.error("--ranks: a worker needs two")
    with tempfile.TemporaryDirectory() as name:
        show_calls(traced(options, Path(name)))
        show_reports(reported(options, Path(name)))


if __name__ == "__main__":
    main()
