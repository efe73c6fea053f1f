"""How the cost of AEP and of its gradient grows with the number of turbines, always as dense.

    python benchmarks/wake_scaling.py [--write]

Needs the ``test`` and ``plot`` extras; takes about two minutes. 72 directions x 23 speeds, 49 squared rotor
diameters per turbine. Exits with 1 if a cost grows faster than N^1.75 from 66 to 1000 turbines.
"""

import measure  # first: it sets the number of threads
import numpy as np
import style
from measure import TURBINE, kernel_seconds, table
from reference.trial import NAMES

from mpi_layout.wake.farm import Farm
from mpi_layout.wake.models import MODELS

SIZES = (66, 100, 150, 250, 400, 630, 1000)
DIRECTIONS_DEG = 5.0
GOAL = 1.75


def costs(name):
    """CPU milliseconds (AEP, gradient) x (sizes)."""
    farm = Farm(TURBINE, measure.flow_cases(DIRECTIONS_DEG), MODELS[name]())
    found = []
    for n in SIZES:
        x, y = measure.random_layout(n)
        calls = (lambda x=x, y=y: farm.aep(x, y), lambda x=x, y=y: farm.aep_gradient(x, y))
        found.append([1e3 * kernel_seconds(call, repeats=5) for call in calls])
    return np.array(found).T


def exponent(cost):
    """Of the power of N that leads from the smallest farm to the largest."""
    return np.log(cost[-1] / cost[0]) / np.log(SIZES[-1] / SIZES[0])


def cells(cost):
    return [f"{cost[0]:.1f}", f"{cost[-1]:.1f}", f"{exponent(cost):.2f}"]


def draw(cost, path):
    figure, axes = style.pyplot().subplots(1, 2, figsize=(9.0, 4.2), sharey=True, layout="constrained")
    for i, (ax, title) in enumerate(zip(axes, ("AEP", "AEP and its gradient"), strict=True)):
        for name in NAMES:
            label = f"{name}, N^{exponent(cost[name][i]):.2f}"
            ax.loglog(SIZES, cost[name][i], marker="o", markersize=3, lw=1.2, label=label)
        least = min(cost[name][i][0] for name in NAMES)
        ax.loglog(SIZES, least * (np.array(SIZES) / SIZES[0]) ** 2, "--", color="0.6", lw=1, label="N^2")
        ax.set(xlabel="turbines", title=title, xticks=SIZES, xticklabels=SIZES)
        ax.minorticks_off()
        ax.legend(fontsize=7, frameon=False)
    axes[0].set_ylabel("CPU time of 72 x 23 flow cases (ms)")
    style.save(figure, path)


def main():
    options = measure.arguments(__doc__).parse_args()
    cost = {name: costs(name) for name in NAMES}
    rows = [[name, *(cell for one in cost[name] for cell in cells(one))] for name in NAMES]
    ends = [f"N = {SIZES[0]}, ms", f"N = {SIZES[-1]}, ms", "exponent"]
    text = table(["model", *(f"{what}: {end}" for what in ("AEP", "gradient") for end in ends)], rows)
    print(f"{measure.machine()}, one core\n{text}")
    if options.write:
        measure.write("wake-speed.md", "scaling", text)
        draw(cost, measure.DOCS / "wake-scaling.png")
    steepest = max(exponent(c) for both in cost.values() for c in both)
    print(f"steepest: N^{steepest:.2f}, goal at most N^{GOAL}")
    return 0 if steepest <= GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
