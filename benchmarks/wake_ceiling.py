"""How near the wake engine comes to what this machine can do: nanoseconds per pair, flow case and lane.

    python benchmarks/wake_ceiling.py [--write]

Needs the ``test`` extra and a C compiler; takes half a minute. 66 turbines stand in one line along the wind,
so that each pair is computed in every flow case. The floor is the time that functions and multiply-adds of
one pair's equations take by themselves, each at the speed that the machine reaches in a loop of nothing else,
with the kernel's own vectors and functions. Table look-ups and memory are not in it.
"""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import measure  # first: it sets the number of threads
import numpy as np
from measure import SPEED, TURBINE, kernel_seconds, table
from reference.trial import NAMES

import mpi_layout.wake.kernel
from mpi_layout.site.wind import FlowCases
from mpi_layout.wake.farm import Farm
from mpi_layout.wake.kernel.native import instruction_set
from mpi_layout.wake.models import MODELS

FLAGS = {
    "generic": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"],
}
# Of one pair in line with the wind in one flow case, read off the equations in kernel/law.h and turbulence.h;
# what is the same for all flow cases of a pair, or for all pairs of a source, is not counted.
OPERATIONS = {  # model: {operation: how often}
    "TurbOPark": {"sqrt": 1, "divide": 1, "multiply_add": 30},
    "NOJ": {"multiply_add": 2},
    "NOJLocal": {"sqrt": 1, "divide": 2, "multiply_add": 14},
    "BastankhahGaussian": {"exp": 1, "divide": 1, "multiply_add": 12},
    "NiayifarGaussian": {"exp": 1, "divide": 1, "multiply_add": 16},
    "Niayifar_PorteAgel_2016": {"sqrt": 1, "divide": 1, "multiply_add": 28},
    "IEA37SimpleBastankhahGaussian": {"multiply_add": 4, "sqrt": 1},
}
PROGRAM = """
#include "simd.h"
#define LOOP(NAME, EXPRESSION) \\
    double NAME(long n) \\
    { \\
        vd a[8], sum = v_set(0); \\
        for (int i = 0; i < 8; ++i) a[i] = v_set(0.3 + 0.05 * i); \\
        for (long k = 0; k < n; ++k) for (int i = 0; i < 8; ++i) { vd x = a[i]; a[i] = EXPRESSION; } \\
        for (int i = 0; i < 8; ++i) sum += a[i]; \\
        return sum[0]; \\
    }
LOOP(multiply_add, x * 0.999 + 0.001)
LOOP(divide, 0.7 / x)
LOOP(sqrt_, v_sqrt(x))
LOOP(exp_, v_exp(x - 1.0))
LOOP(log_, v_log(x) + 1.2)
int lanes(void) { return VL; }
"""


def floor_ns():
    """Nanoseconds per lane of each operation, in a loop of nothing else."""
    kernel = Path(mpi_layout.wake.kernel.__path__[0])
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "floor.c"), Path(folder, "floor.so")
        source.write_text(PROGRAM)
        flags = ["-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared"]
        flags += [*FLAGS[instruction_set()], f"-I{kernel}", "-o", library, source, "-lm"]
        subprocess.run(["cc", *flags], check=True)
        functions = ctypes.CDLL(str(library))
    names = {"exp": "exp_", "log": "log_", "sqrt": "sqrt_"}
    found, n = {}, 100_000
    for operation in ("multiply_add", "divide", "sqrt", "exp", "log"):
        function = getattr(functions, names.get(operation, operation))
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_long]
        seconds = kernel_seconds(lambda f=function: f(n), repeats=7)
        found[operation] = 1e9 * seconds / (8 * n * functions.lanes())
    return found


def measured_ns(name):
    """Nanoseconds per pair and flow case: AEP, gradient."""
    n, direction = 66, np.linspace(179.6, 180.4, 90)
    x, y = np.zeros(n), 5.0 * TURBINE.rotor_diameter * np.arange(n)
    cases = FlowCases(direction, SPEED, np.full((direction.size, SPEED.size), 4e-4), 0.1)
    farm = Farm(TURBINE, cases, MODELS[name]())
    pairs = n * (n - 1) / 2 * direction.size * SPEED.size
    return [
        1e9 * kernel_seconds(lambda f=f: f(x, y), repeats=7) / pairs for f in (farm.aep, farm.aep_gradient)
    ]


def main():
    options = measure.arguments(__doc__).parse_args()
    single = floor_ns()
    rows = []
    for name in NAMES:
        aep, gradient = measured_ns(name)
        least = sum(count * single[operation] for operation, count in OPERATIONS[name].items())
        rows.append([name, f"{aep:.2f}", f"{gradient:.2f}", f"{least:.2f}", f"{100 * least / aep:.0f} %"])
    units = table(list(single), [[f"{ns:.3f}" for ns in single.values()]])
    text = table(["model", "AEP, ns", "gradient, ns", "floor of AEP, ns", "share"], rows)
    print(f"{measure.machine()}, one core\n{units}\n\n{text}")
    if options.write:
        measure.write("wake-speed.md", "ceiling", f"{units}\n\n{text}")


if __name__ == "__main__":
    main()
