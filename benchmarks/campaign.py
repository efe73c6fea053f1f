"""The reference campaign, start only, from command to verified file: wall and CPU time, memory of each rank.

    python benchmarks/campaign.py

Launches `mpiexec` with a worker per core and rank 0, then `mpi-layout verify`, as a user would. Exits with 1
if it takes more than 10 minutes or a rank more than 250 MB. Five to ten minutes on two cores.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CAMPAIGN = Path(__file__).resolve().parents[1] / "examples" / "danish_energy_island.yaml"
SECONDS, MEGABYTES = 600, 250
# Each rank appends its own peak when it leaves.
MEASURED = """
import os, resource, sys
from mpi_layout.__main__ import main
code = main(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
with open(sys.argv[1], "a") as file:
    file.write(f"{peak:.0f}\\n")
sys.exit(code)
"""


def timed(name, command):
    started, cpu = time.perf_counter(), children_cpu()
    subprocess.run(command, check=True)
    wall = time.perf_counter() - started
    print(f"{name:8} {wall:7.1f} s wall, {children_cpu() - cpu:7.1f} s CPU", flush=True)
    return wall


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main():
    n_ranks = len(os.sched_getaffinity(0)) + 1
    with tempfile.TemporaryDirectory() as folder:
        output, peaks = Path(folder) / "campaign.h5", Path(folder) / "peaks"
        mpiexec = [str(Path(sys.executable).parent / "mpiexec"), "-n", str(n_ranks)]
        program = [sys.executable, "-P", "-c", MEASURED, str(peaks)]
        wall = timed("run", [*mpiexec, *program, "run", str(CAMPAIGN), "-o", str(output)])
        wall += timed("verify", [sys.executable, "-P", "-m", "mpi_layout", "verify", str(output)])
        memory = [int(line) for line in peaks.read_text().split()]
    print(
        f"together {wall:.1f} s (goal {SECONDS} s); ranks of {sorted(memory)} MB (goal {MEGABYTES} MB each)"
    )
    return 0 if wall <= SECONDS and max(memory) <= MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())
