"""CPU seconds of AEP and its gradient, 66 turbines x 360 directions x 23 speeds, against PyWake and FLORIS.

    python benchmarks/wake_speed.py [--write]

Needs the ``peers`` extra; takes about eight minutes. All programs run in this process, on one core, for the
same layout in the same wind. PyWake's AEP is the faster of ``wfm.aep(x, y)`` and ``wfm(x, y).aep()``, its
gradient that of all directions at once or in 12 chunks. Exits with 1 where a goal is missed.
"""

from functools import partial

import measure  # first: it sets the number of threads
from measure import INSTRUCTION_SETS, TURBINE, cpu_seconds, kernel_seconds, pywake, running_on, table
from peers import floris
from py_wake.utils.gradients import autograd
from reference.trial import NAMES, SITE, SPEED

from mpi_layout.wake.farm import Farm
from mpi_layout.wake.models import MODELS

GOALS = {  # times less CPU than PyWake: AEP, gradient
    "TurbOPark": (500, 2000),
    "NOJ": (60, 150),
    "NOJLocal": (100, 200),
    "BastankhahGaussian": (60, 150),
    "NiayifarGaussian": (100, 200),
    "Niayifar_PorteAgel_2016": (100, 200),
    "IEA37SimpleBastankhahGaussian": (60, 150),
}
FLORIS_GOALS = {"TurbOPark": 500, "NOJ": 60}
MOST_GRADIENT = 2.0  # times the cost of AEP
LEAST_AVX2 = 0.5  # of the speed with AVX-512


def ours(name, x, y):
    """CPU seconds of AEP and of the gradient."""
    farm = Farm(TURBINE, measure.flow_cases(), MODELS[name]())
    return kernel_seconds(lambda: farm.aep(x, y)), kernel_seconds(lambda: farm.aep_gradient(x, y))


def pywake_aep(name, x, y):
    model = pywake.ready_made(name, pywake.weibull_site(SITE, speed=SPEED), [TURBINE])
    calls = [lambda: model.aep(x, y), lambda: model(x, y).aep().sum()]
    calls[0]()  # tables are made
    return min(cpu_seconds(call, repeats=3) for call in calls)


def pywake_gradient(name, x, y):
    model = pywake.ready_made(name, pywake.weibull_site(SITE, speed=SPEED), [TURBINE])
    model.aep(x, y, wd=[0.0], ws=[10.0])
    ask = partial(model.aep_gradients, autograd, ["x", "y"], x=x, y=y)
    return min(cpu_seconds(partial(ask, wd_chunks=chunks)) for chunks in (12, None))


def floris_aep(name, x, y):
    cases = measure.flow_cases()
    model = floris.floris_model(name, TURBINE, cases, x, y)
    return cpu_seconds(lambda: floris.aep(model, cases)), floris.aep(model, cases)


def against_pywake(seconds, x, y):
    """Rows of the table, and what misses its goal."""
    rows, missed = [], []
    for name, (aep_goal, gradient_goal) in GOALS.items():
        aep, gradient = seconds[name]
        their_aep, their_gradient = pywake_aep(name, x, y), pywake_gradient(name, x, y)
        rows.append(
            [
                name,
                f"{their_aep:.2f} s",
                f"{1e3 * aep:.2f} ms",
                f"**{their_aep / aep:.0f}**",
                aep_goal,
                f"{their_gradient:.1f} s",
                f"{1e3 * gradient:.2f} ms",
                f"**{their_gradient / gradient:.0f}**",
                gradient_goal,
                f"{gradient / aep:.2f}",
            ]
        )
        print(table_row(rows[-1]), flush=True)
        missed += [f"{name}: AEP"] * (their_aep / aep < aep_goal)
        missed += [f"{name}: gradient"] * (their_gradient / gradient < gradient_goal)
        missed += [f"{name}: gradient over AEP"] * (gradient / aep > MOST_GRADIENT)
    header = [
        "model",
        "PyWake AEP",
        "AEP",
        "ratio",
        "goal",
        "autograd",
        "gradient",
        "ratio",
        "goal",
        "gradient / AEP",
    ]
    return table(header, rows), missed


def against_floris(seconds, x, y):
    rows, missed = [], []
    for name, goal in FLORIS_GOALS.items():
        their_seconds, their_aep = floris_aep(name, x, y)
        ratio = their_seconds / seconds[name][0]
        (velocity_model,) = floris.WAKE[name]
        our_aep = Farm(TURBINE, measure.flow_cases(), MODELS[name]()).aep(x, y).aep
        rows.append(
            [
                f"`{velocity_model}`",
                f"{their_seconds:.1f} s",
                f"{1e3 * seconds[name][0]:.2f} ms",
                f"**{ratio:.0f}**",
                goal,
                f"{100 * (our_aep / their_aep - 1):+.2f} %",
            ]
        )
        print(table_row(rows[-1]), flush=True)
        missed += [f"{name}: FLORIS"] * (ratio < goal)
    return table(["FLORIS", "FLORIS AEP", "AEP", "ratio", "goal", "AEP, ours - theirs"], rows), missed


def by_instruction_set(x, y):
    """CPU milliseconds of AEP and gradient with each instruction set that the machine has."""
    seconds = {}
    for isa in INSTRUCTION_SETS:
        with running_on(isa) as running:
            if running == isa:
                seconds[isa] = {name: ours(name, x, y) for name in NAMES}
    rows = [
        [name, *(f"{1e3 * seconds[isa][name][i]:.2f}" for i in (0, 1) for isa in seconds)] for name in NAMES
    ]
    header = [
        "model",
        *(f"{what}, {INSTRUCTION_SETS[isa]}" for what in ("AEP", "gradient") for isa in seconds),
    ]
    missed = []
    if "avx512" in seconds:
        for name in NAMES:
            shares = [
                best / half for best, half in zip(seconds["avx512"][name], seconds["avx2"][name], strict=True)
            ]
            missed += [f"{name}: AVX2"] * (min(shares) < LEAST_AVX2)
    return table(header, rows), missed


def table_row(row):
    return "  ".join(map(str, row))


def main():
    options = measure.arguments(__doc__).parse_args()
    x, y = measure.reference_layout()
    print(f"66 turbines x 360 directions x 23 speeds on {measure.machine()}, one core", flush=True)
    seconds = {name: ours(name, x, y) for name in NAMES}
    tables = {
        "pywake": against_pywake(seconds, x, y),
        "floris": against_floris(seconds, x, y),
        "instruction sets": by_instruction_set(x, y),
    }
    for name, (text, _) in tables.items():
        print(f"\n{text}")
        if options.write:
            measure.write("wake-speed.md", name, text)
    missed = [goal for _, goals in tables.values() for goal in goals]
    print(f"\ngoals missed: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
