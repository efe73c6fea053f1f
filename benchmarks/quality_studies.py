"""What each stage of the refinement brings, how much seeds differ, and what it costs by number of turbines.

    python benchmarks/quality_studies.py --write           # an hour or more
    python benchmarks/quality_studies.py --studies sizes --write

Needs the ``test`` and ``plot`` extras. Configs are those of `quality_runs.py`; what is in the file of raw
results is not computed again. The spread of the seeds is drawn from the raw results of `quality.py`.
"""

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean, median, stdev

import numpy as np
import quality
import report
import style
from quality_runs import Records, aep, budget_of, gain

from mpi_layout.optimise.refinement import NO_REFINEMENT

RAW = Path(__file__).resolve().parent / "results" / "quality_studies.json"
ABLATED = {  # half of `thorough`, and a short annealing
    "farm0_t5": ("Area 0, 66 x 15 MW", "gradient=10000,relocation=60000,polish=40"),
    "cs1-64": ("CS1, 64 turbines", "gradient=4000,annealing=5000000,polish=20"),
}
SIZES = (20, 50, 100, 200, 500)
FIGURES = {"sizes": "quality-sizes.png", "seeds": "quality-seeds.png"}


# ---- Ablation ----


def variants(budget):
    """The whole budget, each stage of it left out, each stage of it alone."""
    stages = [stage for stage, evaluations in asdict(budget).items() if evaluations > 0]
    yield "all stages", budget
    if len(stages) > 1:
        yield from ((f"without {stage}", replace(budget, **{stage: 0})) for stage in stages)
        for stage in stages:
            yield f"{stage} alone", replace(NO_REFINEMENT, **{stage: getattr(budget, stage)})
    yield "start alone", NO_REFINEMENT


def ablation(records, options):
    rows = []
    for name, (title, budget) in ABLATED.items():
        of_budget = dict(variants(budget_of(budget)))
        seeds = range(options.seeds)
        records.solve([(name, s, b) for b in of_budget.values() for s in seeds], options.jobs)
        for what, variant in of_budget.items():
            of = records.of(name, variant)
            if not of:
                continue
            gains = [100 * gain(r) for r in of]
            rows.append(
                [
                    f"{title}: {what}",
                    len(of),
                    f"{median(r['cpu_s'] for r in of):.1f}",
                    f"{median(map(aep, of)):,.0f}",
                    f"{mean(gains):+.3f}",
                    f"{stdev(gains):.3f}" if len(of) > 1 else "",
                ]
            )
    header = ["stages", "seeds", "CPU s, median", "AEP, MWh, median", "gain, %", "± of seeds"]
    return report.table(header, rows)


# ---- Number of turbines ----


def sizes(records, options):
    """Cost and gain by number of turbines, always as crowded."""
    budgets = {name: budget_of(name) for name in ("none", options.size_budget)}
    seeds = range(options.seeds)
    records.solve([(f"n{n}", s, b) for n in SIZES for b in budgets.values() for s in seeds], options.jobs)
    rows, there = [], []
    for n in SIZES:
        start, of = (records.of(f"n{n}", budget) for budget in budgets.values())
        if not of:
            continue
        there.append(n)
        rows.append(
            [
                n,
                f"{median(r['cpu_s'] for r in start):.2f}",
                f"{median(r['cpu_s'] for r in of):.1f}",
                f"{median(r['evaluations'] for r in of):,.0f}",
                f"{100 * mean(map(gain, of)):+.2f}",
            ]
        )
    cost = [float(row[2]) for row in rows]
    slope = np.log(cost[-1] / cost[0]) / np.log(there[-1] / there[0])
    if options.write:
        _draw_sizes(there, cost, [float(row[4]) for row in rows], slope, options.size_budget)
    header = ["turbines", "start, CPU s", f"`{options.size_budget}`, CPU s", "evaluations", "gain, %"]
    growth = f"From {there[0]} to {there[-1]} turbines the CPU time grows as N^{slope:.2f}."
    return f"{report.table(header, rows)}\n\n{growth}"


def _draw_sizes(there, cost, gains, slope, budget):
    figure, axes = style.pyplot().subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
    axes[0].loglog(there, cost, "o-", ms=4, label=f"{budget}, N^{slope:.2f}")
    axes[0].set(xlabel="turbines", ylabel="CPU seconds of a config", xticks=there, xticklabels=there)
    axes[0].minorticks_off()
    axes[0].legend(frameon=False)
    axes[1].semilogx(there, gains, "o-", ms=4)
    axes[1].set(xlabel="turbines", ylabel="gain over the smart start (%)", xticks=there, xticklabels=there)
    axes[1].minorticks_off()
    axes[1].set_ylim(bottom=0)
    style.save(figure, report.DOCS / FIGURES["sizes"])


# ---- Seeds ----


def seeds(_, options):
    """Spread of the seeds, of what `quality.py` has found."""
    found = Records(quality.RAW)
    rows, drawn = [], []
    for name, case in quality.CASES.items():
        for budget in case.budgets:
            of = found.of(name, budget_of(budget))
            if len(of) < 2:
                continue
            energies = np.array([aep(r) for r in of])
            spread = 100 * (energies / energies.mean() - 1)
            rows.append(
                [case.title, f"`{budget}`", len(of), f"{spread.std(ddof=1):.3f}", f"{np.ptp(spread):.3f}"]
            )
            drawn.append((f"{case.title}\n{budget}", 100 * (energies / case.reference - 1)))
    if options.write and drawn:
        _draw_seeds(drawn)
    return report.table(["case", "budget", "seeds", "standard deviation, %", "best - worst, %"], rows)


def _draw_seeds(drawn):
    figure, ax = style.pyplot().subplots(figsize=(7.2, 0.6 + 0.42 * len(drawn)), layout="constrained")
    for place, (_, shares) in enumerate(drawn):
        ax.plot(shares, np.full(shares.size, -place), "|", ms=13, mew=1.2, color="C0")
        ax.plot(np.median(shares), -place, "o", ms=4, color="C1")
    ax.axvline(0.0, color="0.5", lw=0.8, ls=":")
    ax.set_yticks([-place for place in range(len(drawn))], [title for title, _ in drawn], fontsize=7)
    ax.set_xlabel("AEP above the best published result, area 0: above its start (%)")
    style.save(figure, report.DOCS / FIGURES["seeds"])


STUDIES = {"ablation": ablation, "sizes": sizes, "seeds": seeds}


def main():
    parser = report.arguments(__doc__)
    parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    parser.add_argument("--studies", default=",".join(STUDIES), help="which, with commas between")
    parser.add_argument("--seeds", type=int, default=5, help="of each config")
    parser.add_argument("--size-budget", default="quick", help="that farms of all sizes get")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--tables", action="store_true", help="tables of what is there, computes nothing")
    parser.add_argument("--raw", type=Path, default=RAW, help="the file of raw results, which grows")
    options = parser.parse_args()
    records = Records(options.raw)
    if options.tables:
        records.solve = lambda *_: None
    for name in options.studies.split(","):
        text = STUDIES[name](records, options)
        print(f"\n{text}")
        if options.write:
            report.write("quality.md", name, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
