"""How good the layouts are: each case solved for ten seeds, beside the best published results.

    python benchmarks/quality.py --write                             # all of it: hours
    python benchmarks/quality.py --cases cs1-16,cs3 --budgets quick --seeds 3
    python benchmarks/quality.py --from FILE --write                 # tables of raw results, computes nothing

Needs the ``test`` extra. Each config is solved in a process of its own, with one thread, and judged by the
case studies' own formula, shapely and plain distances. What is in the file of raw results for the same budget
and seed is not computed again; records of an older version of the search are, once the file is gone. Exits
with 1 where a goal is missed.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import report
import yaml
from quality_runs import DANISH, Records, aep, budget_of, gain

RAW = Path(__file__).resolve().parent / "results" / "quality.json"
AS_MUCH = 1.05  # times the CPU seconds of a goal may pass: machines differ


@dataclass(frozen=True)
class Goal:
    """AEP to be reached, MWh, by the median, the best, or nine of ten of the seeds, within CPU seconds."""

    who: str
    aep: float
    seconds: float

    def reached(self, records):
        """AEP of those who are to reach it."""
        energies = sorted(map(aep, records))
        if self.who == "median":
            return median(energies)
        return energies[-1] if self.who == "best" else energies[len(energies) // 10]


@dataclass(frozen=True)
class Case:
    """What is solved, how long, and what others reached."""

    title: str
    budgets: tuple[str, ...]
    published: str
    reference: float  # MWh, that the spread of the seeds is drawn against
    goals: tuple[Goal, ...]


CASES = {
    "cs1-16": Case(
        "CS1, 16 turbines",
        ("quick", "annealing=10000000,polish=20"),
        "418,924",
        418_924,
        (Goal("median", 421_850, 10),),
    ),
    "cs1-36": Case(
        "CS1, 36 turbines",
        ("quick", "annealing=40000000,polish=20"),
        "882,383",
        882_383,
        (Goal("median", 879_000, 300), Goal("best", 882_400, 300)),
    ),
    "cs1-64": Case(
        "CS1, 64 turbines",
        ("quick", "annealing=25000000,polish=20"),
        "1,526,475",
        1_526_475,
        (Goal("nine of ten", 1_526_475, 60), Goal("best", 1_537_000, 60), Goal("best", 1_537_000, 300)),
    ),
    "cs3": Case(
        "CS3, 25 turbines",
        ("quick", "annealing=12000000,polish=20"),
        "938,574 (example)",
        938_574,
        (Goal("median", 982_400, 20),),
    ),
    "cs4": Case(
        "CS4, 81 turbines, five areas",
        ("quick", "annealing=40000000,polish=20"),
        "2,913,221",
        2_913_221,
        (Goal("median", 2_915_000, 300),),
    ),
    "farm0_t5": Case(
        "Area 0, 66 x 15 MW",
        ("quick", "thorough"),
        "5,246,570 (start)",
        5_246_570,
        (Goal("median", 1.010 * 5_246_570, 3), Goal("median", 5_309_500, 60)),
    ),
}
NAMES = {"area0": "farm0_t5"}
PAIRS_GOAL = (0.010, 5.0)  # mean gain over the start, CPU seconds


def pairs():
    """Every area with every turbine type of the reference campaign."""
    campaign = yaml.safe_load(DANISH.read_text())
    return [f"{a['name']}_{t['name']}" for t in campaign["turbine_types"] for a in campaign["areas"]]


# ---- Tables ----


def results_table(records, names, budgets):
    rows = []
    for name in names:
        case = CASES[name]
        for budget in budgets or case.budgets:
            of = records.of(name, budget_of(budget))
            if not of:
                continue
            energies, seconds = sorted(map(aep, of)), [r["cpu_s"] for r in of]
            rows.append(
                [
                    case.title,
                    f"`{budget}`",
                    len(of),
                    f"{median(seconds):.1f}",
                    f"{max(seconds):.1f}",
                    f"{energies[0]:,.0f}",
                    f"**{median(energies):,.0f}**",
                    f"{energies[-1]:,.0f}",
                    case.published,
                    f"{100 * mean(map(gain, of)):+.2f}",
                    sum(r["fault"] is None for r in of),
                ]
            )
    header = ["case", "budget", "seeds", "CPU s, median", "worst", "AEP, MWh: worst", "median", "best"]
    return report.table([*header, "best published", "gain over start, %", "feasible"], rows)


def goals_table(records, names, budgets):
    rows, missed = [], []
    for name in names:
        for goal in CASES[name].goals:
            found = [
                (goal.reached(of), budget, median(r["cpu_s"] for r in of), len(of))
                for budget in budgets or CASES[name].budgets
                if (of := records.of(name, budget_of(budget)))
            ]
            within = [f for f in found if f[2] <= AS_MUCH * goal.seconds]
            who = f"{goal.who} ≥ {goal.aep:,.0f} in {goal.seconds:g} s"
            if not within:
                why = "**too slow**" if found else "not measured"
                rows.append([CASES[name].title, who, "", "", "", why])
                missed.append(f"{name}: {who}")
                continue
            reached, budget, seconds, seeds = max(within)
            by = f"`{budget}`, {seeds} seeds"
            verdict = "met"
            if reached < goal.aep:
                verdict = f"**missed by {100 * (1 - reached / goal.aep):.3f} %**"
                missed.append(f"{name}: {who}")
            rows.append([CASES[name].title, who, f"{reached:,.0f}", by, f"{seconds:.1f}", verdict])
    return report.table(["case", "goal", "reached", "by", "CPU s", ""], rows), missed


def pairs_table(records, budget):
    """Gain of one seed for each area and type."""
    budget_found = budget_of(budget)
    by_name = {name: of[0] for name in pairs() if (of := records.of(name, budget_found))}
    types = sorted({name.split("_")[1] for name in by_name})
    areas = sorted({name.split("_")[0] for name in by_name})
    rows = []
    for area in areas:
        of = [by_name.get(f"{area}_{kind}") for kind in types]
        gains = [f"{100 * gain(r):+.2f}" if r else "" for r in of]
        there = [r for r in of if r]
        rows.append([area, *gains, f"{mean(r['cpu_s'] for r in there):.1f}"])
    if not by_name:
        return "", []
    gains = [gain(r) for r in by_name.values()]
    seconds = [r["cpu_s"] for r in by_name.values()]
    text = report.table(["area", *types, "CPU s"], rows)
    text += (
        f"\n\n{len(gains)} pairs, `{budget}`: mean gain {100 * mean(gains):+.3f} %, least "
        f"{100 * min(gains):+.2f} %, most {100 * max(gains):+.2f} %; "
        f"CPU seconds per config: mean {mean(seconds):.1f}, most {max(seconds):.1f}."
    )
    least, most = PAIRS_GOAL
    missed = ["pairs: gain"] * (mean(gains) < least) + ["pairs: CPU seconds"] * (mean(seconds) > most)
    return text, missed


def main():
    parser = report.arguments(__doc__)
    parser.add_argument("--cases", default=",".join([*CASES, "pairs"]), help="which, with commas between")
    parser.add_argument("--seeds", type=int, default=10, help="of each case; pairs have one")
    parser.add_argument(
        "--budgets", nargs="*", help="presets, or gradient=2000,polish=50; of each case its own"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--raw", type=Path, default=RAW, help="the file of raw results, which grows")
    parser.add_argument("--from", dest="source", type=Path, help="a file of raw results; computes nothing")
    options = parser.parse_args()

    asked = [NAMES.get(name, name) for name in options.cases.split(",")]
    names = [name for name in asked if name != "pairs"]
    records = Records(options.source or options.raw)
    pair_budget = (options.budgets or ["quick"])[0]
    if not options.source:
        wanted = [
            (name, seed, budget_of(budget))
            for name in names
            for budget in options.budgets or CASES[name].budgets
            for seed in range(options.seeds)
        ]
        if "pairs" in asked:
            wanted += [(name, 0, budget_of(pair_budget)) for name in pairs()]
        records.solve(wanted, options.jobs)
    goals, missed = goals_table(records, names, options.budgets)
    tables = {"goals": goals, "results": results_table(records, names, options.budgets)}
    if "pairs" in asked:
        tables["pairs"], missed_pairs = pairs_table(records, pair_budget)
        missed += missed_pairs
    for name, text in tables.items():
        print(f"\n{text}")
        if options.write:
            report.write("quality.md", name, text)
    print(f"\ngoals missed: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
