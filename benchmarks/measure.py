"""What the benchmarks of the wake engine share: one thread, CPU seconds, a farm, tables in the documentation.

Import it before numpy: it sets the number of threads.
"""

# ruff: noqa: E402 - the number of threads must be set before numpy is imported
import os

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[_pool] = "1"

import json
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from peers import pywake as pywake  # puts the test suite's farms on the path
from reference.trial import GENERIC, SITE, SPEED, scattered
from report import DOCS as DOCS
from report import INSTRUCTION_SETS as INSTRUCTION_SETS
from report import arguments as arguments
from report import machine as machine
from report import table as table
from report import write as write

from mpi_layout.wake.kernel.native import instruction_set

TURBINE = GENERIC[0]
AREA = 49.0  # rotor diameters squared for each turbine: as if they stood 7 diameters apart
RECORDS = Path(__file__).resolve().parents[1] / "tests" / "data" / "topfarm_smart_start.json"


def reference_layout():
    """Positions x, y (66,) in m of farm0_t5_s0, a layout of the reference campaign with 66 turbines."""
    records = json.loads(RECORDS.read_text())["records"]
    (record,) = (r for r in records if (r["area"], r["turbine_type"], r["n_turbines"]) == ("farm0", "t5", 66))
    return np.array(record["x"]), np.array(record["y"])


def random_layout(n, seed=0):
    """Positions x, y (n,) in m, always as dense, 3 rotor diameters apart at least."""
    diameter = TURBINE.rotor_diameter
    return scattered(n, 3.0 * diameter, diameter * np.sqrt(AREA * n), seed)


def flow_cases(step=1.0):
    """Wind from 0, step, 2 step, ... degrees at 3..25 m/s."""
    return SITE.flow_cases(direction=np.arange(0.0, 360.0, step), speed=SPEED)


def cpu_seconds(call, repeats=1):
    """CPU seconds of one call, median."""
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        call()
        seconds.append(time.process_time() - started)
    return median(seconds)


def kernel_seconds(call, repeats=15):
    """CPU seconds of one call of ours, timed several at a time: one may be too short for the clock."""
    call()
    started = time.process_time()
    call()
    batch = max(1, round(0.02 / max(time.process_time() - started, 1e-6)))
    return cpu_seconds(lambda: [call() for _ in range(batch)], repeats) / batch


@contextmanager
def running_on(isa):
    """Run the kernel with the instruction set, or the best lesser one that this CPU has."""
    before = os.environ.get("MPI_LAYOUT_ISA")
    os.environ["MPI_LAYOUT_ISA"] = isa
    try:
        yield instruction_set()
    finally:
        os.environ.pop("MPI_LAYOUT_ISA") if before is None else os.environ.update(MPI_LAYOUT_ISA=before)
