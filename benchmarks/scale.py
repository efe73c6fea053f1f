"""Launches of 10 to 100,000 ranks, simulated: where rank 0 saturates, what troubles cost, and plots of both.

    python benchmarks/scale.py                         all, with some 20,000 configs per launch: minutes
    python benchmarks/scale.py efficiency losses       parts of it
    python benchmarks/scale.py goal --configs 3000000  10,000 ranks, configs of 1 s, five minutes of work
    python benchmarks/scale.py --write                 also into benchmarks/results, docs/scaling.md, plots

Needs the ``plot`` extra for --write. The simulation drives the Schedule of the program with service times
that `scale_measured.py` has measured; see docs/scaling.md. Exits with 1 if configs of 1 s on 10,000 ranks
keep the workers less than 95 % busy.
"""

import argparse
import json
import time
from dataclasses import fields

from report import DOCS, machine, table, write
from scaling import studies
from scaling.pictures import length
from scaling.service import SERVICE, Service
from scaling.simulation import make_schedule, simulate
from scaling.work import equal

RESULTS = SERVICE.with_name("scale.json")
MEASURED = SERVICE.with_name("scale-measured.json")
GOAL = 0.95
GOAL_RANKS, GOAL_S = 10_000, 1.0
PARTS = ("efficiency", "goal", "checkpoints", "stragglers", "losses", "validation")


def run(part, designs, most):
    """Answers to one question: by design, or rows."""
    if part == "efficiency":
        return {name: list(studies.efficiency(*both, most=most)) for name, both in designs.items()}
    if part == "goal":
        per = studies.per_worker(GOAL_RANKS, GOAL_S, most)
        return {
            f"{name}, {per} configs per rank": studies.one(GOAL_RANKS, GOAL_S, *both, most)
            for name, both in designs.items()
        }
    if part == "checkpoints":
        return list(studies.checkpoints(*designs["batches"], GOAL_RANKS, GOAL_S, most))
    if part == "stragglers":
        return list(studies.stragglers(*designs["batches"], 1000, 10.0))
    if part == "losses":
        return {
            name: [
                {"length": seconds, "ranks": ranks} | row
                for ranks, seconds in ((10_000, 1.0), (2000, 60.0))
                for row in studies.losses(*both, ranks, seconds, 8)
            ]
            for name, both in designs.items()
        }
    return validate(designs)


def validate(designs):
    """The launches that were measured, simulated with as many cores."""
    found = []
    measured = json.loads(MEASURED.read_text())
    for name, (service, design) in designs.items():
        for one in measured["launches"].get(f"{name}, gather", []):
            cores = measured["about"][f"{name}, gather"]["cores"]
            workers = one["ranks"] - 1
            # Configs of nothing: the schedule takes them for very short ones.
            work = equal(one["n_configs"], max(one["asleep"], 1e-6))
            out = simulate(make_schedule(work), work, workers, service, design, cores=cores)
            found.append(
                {
                    "design": name,
                    "ranks": one["ranks"],
                    "length": one["asleep"],
                    "measured": one["n_configs"] / one["seconds"],
                    "simulated": one["n_configs"] / out.seconds,
                    "busy_measured": one["busy"],
                    "busy_simulated": out.efficiency(workers),
                    "manager_measured": one["manager"] / one["seconds"],
                    "manager_simulated": out.manager / out.seconds,
                    "start": one["start"],
                }
            )
    return found


# ---------------------------------------------------------------- tables


def percent(value):
    return f"{100 * value:.0f}" if value < 0.995 else f"{100 * value:.1f}"


def grid(rows):
    """Efficiency in mid-launch: a row for each length of configs, a column for each number of ranks."""
    ranks = sorted({row["ranks"] for row in rows})
    cells = {(row["length"], row["ranks"]): percent(row["middle"]) for row in rows}
    lines = [
        [length(seconds), *(cells.get((seconds, n), "") for n in ranks)]
        for seconds in sorted({row["length"] for row in rows})
    ]
    return table(["configs of", *(f"{n:,} ranks" for n in ranks)], lines)


def tables(found):
    """Name in docs/scaling.md, and text."""
    if "efficiency" in found:
        for name, rows in found["efficiency"].items():
            yield f"efficiency {name}", grid(rows)
    if "goal" in found:
        columns = {
            "efficiency, whole launch": lambda r: f"{100 * r['efficiency']:.1f} %",
            "efficiency, mid-launch": lambda r: f"{100 * r['middle']:.1f} %",
            "lost in all, s": lambda r: f"{r['lost_s']:.1f} of {r['seconds']:.0f}",
            "messages/s": lambda r: f"{r['messages']:.0f}",
            "rows/s": lambda r: f"{r['rows']:.0f}",
            "runs of rows/s": lambda r: f"{r['runs']:.0f}",
            "rank 0 busy": lambda r: f"{100 * r['manager']:.0f} %",
            "wait for an answer, mean and 99 %": lambda r: f"{r['delay_ms']:.1f}, {r['delay99_ms']:.0f} ms",
        }
        lines = [[name, *(cell(row) for cell in columns.values())] for name, row in found["goal"].items()]
        yield "goal", table(["design", *columns], lines)
    if "checkpoints" in found:
        lines = [
            [f"{r['disk']:g}", f"{100 * r['syncing']:.1f} %", f"{100 * r['middle']:.1f} %"]
            for r in found["checkpoints"]
        ]
        yield "checkpoints", table(["GB/s", "rank 0 in checkpoints", "efficiency"], lines)
    if "stragglers" in found:
        lines = [
            [r["case"], f"{r['seconds']:.1f}", f"{r['least']:.1f}", f"{r['seconds'] / r['least']:.3f}"]
            for r in found["stragglers"]
        ]
        yield "stragglers", table(["case", "launch, s", "lower bound, s", "ratio"], lines)
    if "losses" in found:
        lines = [
            [
                name,
                f"{r['ranks']:,}",
                length(r["length"]),
                r["case"],
                f"{r['lost']:,}",
                f"{r['more']:.1f}",
            ]
            for name, rows in found["losses"].items()
            for r in rows
            if r["lost"]
        ]
        yield (
            "losses",
            table(["design", "ranks", "configs of", "case", "configs again", "more time, s"], lines),
        )
    if "validation" in found:
        lines = [
            [
                r["design"],
                r["ranks"],
                length(r["length"]) if r["length"] else "nothing",
                f"{r['measured']:.4g}",
                f"{r['simulated']:.4g}",
                f"{percent(r['busy_measured'])} / {percent(r['busy_simulated'])}",
                f"{percent(r['manager_measured'])} / {percent(r['manager_simulated'])}",
                f"{r['start']:.1f}",
            ]
            for r in found["validation"]
        ]
        header = ["design", "ranks", "configs of", "configs/s", "simulated", "workers busy, %"]
        yield "validation", table([*header, "rank 0 CPU, %", "start, s"], lines)


def parts_table():
    """The service times, in microseconds."""
    known = json.loads(SERVICE.read_text())["designs"]
    names = [field.name for field in fields(Service)]
    lines = [[name, *(f"{1e6 * one.get(name, 0.0):.4g}" for one in known.values())] for name in names]
    return table(["us", *known], lines)


def draw(found):
    """Draw what there is."""
    from scaling import pictures

    for name in ("efficiency", "manager") if len(found.get("efficiency", {})) > 1 else ():
        getattr(pictures, name)(found["efficiency"], DOCS / f"scaling-{name}.png")
    if "checkpoints" in found:
        pictures.checkpoints(found["checkpoints"], DOCS / "scaling-checkpoints.png")
    if found.get("validation"):
        pictures.validation(found["validation"], DOCS / "scaling-validation.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--configs", type=int, default=studies.MOST_CONFIGS, help="of a launch, about")
    parser.add_argument("--design", help="only this one: before, batches")
    parser.add_argument("--write", action="store_true", help="keep the results, write tables and plots")
    args = parser.parse_args()
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"unknown part {min(unknown)}")
    designs = {
        name: (Service.read(f"{name}, gather"), design)
        for name, design in studies.DESIGNS.items()
        if args.design in (None, name)
    }
    print(f"{machine()}; service times of {SERVICE.name}, random seed {studies.SEED}")
    found = {}
    for part in args.parts or PARTS:
        started = time.monotonic()
        found[part] = run(part, designs, args.configs)
        for name, text in tables({part: found[part]}):
            print(f"\n{name}:\n{text}")
        print(f"({time.monotonic() - started:.0f} s)", flush=True)
        if args.write:
            known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            if part == "goal" or (args.design and isinstance(found[part], dict)):
                found[part] = known.get(part, {}) | found[part]
            known[part] = found[part]
            RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    if args.write:
        known = json.loads(RESULTS.read_text())
        for name, text in (*tables(known), ("parts", parts_table())):
            write("scaling.md", name, text)
        draw(known)
    reached = [row["middle"] for name, row in found.get("goal", {}).items() if name.startswith("batches")]
    return 1 if reached and max(reached) < GOAL else 0


if __name__ == "__main__":
    raise SystemExit(main())
