"""Makes configs slow, failing or deadly: put this folder on PYTHONPATH and say how in SOLVE_DRIVER.

Python imports a module of this name when it starts, so it works in every rank and every child process,
whatever the command. SOLVE_DRIVER is JSON: {"seconds": 0.2} sleeps before each config, {"burn": 10000}
counts so far instead of solving, {"beat": 0.5} lets workers give signs of life more often, {"beats": 1000}
lets so many go unheard, {"part": 5} gives MPI_Finalize less time, {"open": 2} lets rank 0 wait before it
sends the campaign, and {"fail": ["area_type_s0"]} lets configs fail; so do "bug", "kill", "exit", "leave",
"memory" and "hang", each in its way; "kill_late" kills a process that has solved other configs before.
"""

import json
import os
import signal
import time

import numpy as np

from mpi_layout.errors import ConfigError
from mpi_layout.optimise import solve as optimise
from mpi_layout.parallel import last_resort, silence

STARTED = []
HOW = json.loads(os.environ.get("SOLVE_DRIVER", "{}"))
real_solve = optimise.solve


def solve(problem):
    key = f"{problem.area.name}_{problem.turbine.name}_s{problem.seed}"
    STARTED.append(key)
    time.sleep(HOW.get("seconds", 0))
    if key in HOW.get("fail", []):
        raise ConfigError(f"{key} was told to fail")
    if key in HOW.get("bug", []):
        raise ZeroDivisionError(f"{key} was told to stumble")
    if key in HOW.get("memory", []):
        raise MemoryError(f"{key} was told to want too much")
    if key in HOW.get("kill", []) or (key in HOW.get("kill_late", []) and len(STARTED) > 1):
        os.kill(os.getpid(), signal.SIGSEGV)
    if key in HOW.get("exit", []):
        os._exit(7)
    if key in HOW.get("leave", []):
        raise SystemExit(0)
    if key in HOW.get("hang", []):
        time.sleep(3600)
    return burn(problem, HOW["burn"]) if "burn" in HOW else real_solve(problem)


def burn(problem, count):
    """A made-up layout that costs a fixed amount of work."""
    sum(range(count))
    n = problem.n_turbines
    x = np.arange(n) * problem.spacing.least
    return optimise.Solution(
        x=x,
        y=np.zeros(n),
        turbine_aep=np.ones(n),
        aep=float(n),
        gross_aep=float(n),
        start_aep=float(n),
        wake_loss=0.0,
        external_wake_loss=0.0,
        min_spacing=problem.spacing.least,
        max_outside=0.0,
        evaluations=1,
    )


optimise.solve = solve
silence.BEAT_S = HOW.get("beat", silence.BEAT_S)
if "beats" in HOW:
    silence.LOST_BEATS = silence.LEAVE_BEATS = HOW["beats"]
last_resort.PART_S = HOW.get("part", last_resort.PART_S)


if "open" in HOW:
    from mpi_layout.parallel.solver import Solver

    real_message = Solver.message

    def message(self):
        time.sleep(HOW["open"])
        return real_message(self)

    Solver.message = message
