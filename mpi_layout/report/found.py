"""What came of the campaign: energies by area and turbine type, the best layouts, failures."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from mpi_layout.progress import duration
from mpi_layout.report.blocks import Block, Cell, Column, Section, Table, Text
from mpi_layout.report.words import (
    MOST_ROWS,
    count,
    left_out,
    number,
    number_text,
    percent,
    percent_text,
    several,
    significant,
)
from mpi_layout.results.best import Best
from mpi_layout.results.state.summary import Gain, Group, Summary

_MOST_TYPES, _MOST_AREAS = 12, 100  # of a table that is to be overlooked
_FEW, _MOST_FAILURES = 5, 200


def refined(gain: Gain | None) -> bool:
    """Whether anything was made better than its start."""
    return gain is not None and not gain.best == gain.worst == 0


def results_section(summary: Summary, bests: Sequence[Best], pictures: Sequence[Block]) -> Section:
    """Energies by area and turbine type, as tables and pictures."""
    blocks: list[Block] = []
    if bests:
        table = _best_table(bests, refined(summary.gain))
        blocks += [*_matrix(summary.groups, bests), table]
    else:
        blocks += [Text("No config is done: there is no layout to show."), _counts_table(summary.groups)]
    return Section("results", "Results", [*blocks, *pictures])


def failures_section(summary: Summary) -> Section | None:
    """What failed and why, and which rows are damaged; None if all is well."""
    blocks: list[Block] = []
    if summary.failures:
        blocks += _failures(summary)
    if keys := summary.damaged_keys:
        text = ", ".join(keys[:_MOST_FAILURES])
        more = f" and {len(keys) - _MOST_FAILURES:,} more" if len(keys) > _MOST_FAILURES else ""
        blocks.append(Text(f"Rows that are damaged, and will be computed again: {text}{more}."))
    return Section("failures", "Failures", blocks) if blocks else None


# ---------------------------------------------------------------- energies


def _matrix(groups: Sequence[Group], bests: Sequence[Best]) -> Iterator[Table]:
    """Areas by turbine types; nothing where there are too many for a look, or but one of both."""
    areas = list(dict.fromkeys(group.area for group in groups))
    types = list(dict.fromkeys(group.turbine_type for group in groups))
    if not (len(groups) > 1 and len(areas) <= _MOST_AREAS and len(types) <= _MOST_TYPES):
        return
    best = {(one.config.area, one.config.turbine_type): one for one in bests}
    shades = _shades(best)
    cells = {}
    for group in groups:
        place = group.area, group.turbine_type
        cells[place] = _group_cell(group, best.get(place), shades.get(place))
    rows = [[Cell(area), *(cells.get((area, name), Cell("")) for name in types)] for area in areas]
    columns = [Column("area", number=False), *(Column(name) for name in types)]
    by_aep = all(one.by_aep for one in bests)
    title = "Best AEP" if by_aep else "AEP of the layouts with the highest objective,"
    measure = "" if by_aep else ", by the objective"
    note = (
        f"AEP in GWh; below it by how much the worst seed is worse{measure}, and how many configs are done."
    )
    if shades:
        note += " The stronger the colour, the higher the capacity factor of the best layout."
    yield Table(f"{title} by area and turbine type", columns, rows, note)


def _shades(best: dict[tuple[str, str], Best]) -> dict[tuple[str, str], float]:
    """How strongly to colour cells, by capacity factors, which can be compared over turbine types."""
    factors = {place: one.capacity_factor for place, one in best.items()}
    known = [factor for factor in factors.values() if math.isfinite(factor)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if not 0 < high - low < math.inf:
        return {}
    return {place: (f - low) / (high - low) for place, f in factors.items() if math.isfinite(f)}


def _group_cell(group: Group, best: Best | None, shade: float | None) -> Cell:
    counts = group.counts
    notes = [f"{counts.done:,}/{counts.total:,}"]
    if best is not None and best.n_done > 1:
        notes.insert(0, percent_text(_spread(best)))
    if counts.failed:
        notes.append(f"{counts.failed:,} failed")
    aep = None if best is None else float(best.row["aep"])
    told = number(aep, 2)
    return Cell(
        told.text, told.value, note=", ".join(notes), shade=shade, bad=best is None and counts.failed > 0
    )


def _spread(best: Best) -> float:
    """By which share of it the worst stays below the best, of what was maximised; NaN if that is negative."""
    with np.errstate(all="ignore"):  # a forged row may have anything in it
        top = best.objective.max()
        return float((top - best.objective.min()) / top) if top > 0 else math.nan


def _best_table(bests: Sequence[Best], gains: bool) -> Table:
    by_aep = all(best.by_aep for best in bests)
    unit = "GWh" if by_aep else ""
    columns = [
        Column("config", number=False),
        Column("turbines"),
        Column("AEP" if by_aep else "objective", unit),
        Column("median", unit),
        Column("worst", unit),
        Column("spread", "%"),
        Column("done"),
        Column("wake loss", "%"),
        Column("capacity factor", "%"),
        Column("min spacing", "m"),
    ]
    if gains:
        columns.insert(6, Column("over its start", "%"))
    if not by_aep:
        columns.append(Column("AEP", "GWh"))
    rows = [_best_row(best, gains, by_aep) for best in bests[:MOST_ROWS]]
    what = "AEP" if by_aep else "objective"
    note = (
        f"The layout with the highest {what} of each area and turbine type, beside the median and the worst "
        f"{what} of its seeds. {left_out(len(bests), 'best layouts')}"
    )
    return Table("Best layouts", columns, rows, note.strip())


def _best_row(best: Best, gains: bool, by_aep: bool) -> list[Cell]:
    config, row, maximised = best.config, best.row, best.objective
    figures = (float(row["objective"]), float(np.median(maximised)), float(maximised.min()))
    cells = [
        Cell(config.key),
        count(config.n_turbines),
        *(number(figure, 3) if by_aep else significant(figure) for figure in figures),
        percent(_spread(best), 3),
        count(best.n_done),
        percent(float(row["wake_loss"])),
        percent(best.capacity_factor),
        number(float(row["min_spacing"]), 1),
    ]
    if gains:
        cells.insert(6, percent(float(best.gains[np.argmax(best.objective)]), 3, sign=True))
    if not by_aep:
        cells.append(number(float(row["aep"]), 3))
    return cells


def _counts_table(groups: Sequence[Group]) -> Table:
    columns = [Column("area", number=False), Column("turbine type", number=False), Column("configs")]
    columns += [Column("failed"), Column("damaged"), Column("waiting")]
    rows = [
        [
            Cell(group.area),
            Cell(group.turbine_type),
            count(group.counts.total),
            count(group.counts.failed, bad=True),
            count(group.counts.damaged, bad=True),
            count(group.counts.waiting),
        ]
        for group in groups[:MOST_ROWS]
    ]
    return Table("Configs by area and turbine type", columns, rows, left_out(len(groups), "pairs"))


# ---------------------------------------------------------------- failures


def _failures(summary: Summary) -> list[Block]:
    failures = summary.failures
    reasons = Counter(failure.message for failure in failures)
    blocks: list[Block] = []
    if len(failures) > _FEW and len(reasons) < len(failures):
        rows = [[count(n), Cell(message)] for message, n in reasons.most_common(MOST_ROWS)]
        columns = [Column("configs"), Column("reason", number=False)]
        blocks.append(Table("Reasons", columns, rows, left_out(len(reasons), "reasons")))
    columns = [Column("config", number=False), Column("attempts"), Column("reason", number=False)]
    listed = [
        [Cell(failure.key), count(failure.attempts), Cell(failure.message)]
        for failure in failures[:_MOST_FAILURES]
    ]
    note = "Try them again: the same command with --retry-failed."
    if len(failures) > _MOST_FAILURES:
        note += (
            f" The first {_MOST_FAILURES:,} of {len(failures):,}; mpi-layout status --json has all of them."
        )
    return [*blocks, Table("Failed configs", columns, listed, note)]


def highlights(summary: Summary, bests: Sequence[Best]) -> list[tuple[str, str, str]]:
    """What is looked at first."""
    counts = summary.counts
    finished = counts.done + counts.failed
    # Rounded down: 100 % means that all are finished.
    percent_done = math.floor(1000 * finished / counts.total) / 10 if counts.total else 0.0
    shown = [("Finished", f"{percent_done:g} %", f"{finished:,} of {several(counts.total, 'config')}")]
    if summary.rate and summary.eta is not None:
        shown.append(
            ("Left", f"about {duration(summary.eta)}", f"{60 * summary.rate:,.3g} configs per minute")
        )
    if not bests:
        return shown
    best = max(bests, key=lambda one: _or_less(float(one.row["objective"])))
    aep, loss = (float(best.row[name]) for name in ("aep", "wake_loss"))
    if not best.by_aep:
        shown.append(("Best objective", significant(float(best.row["objective"])).text, best.config.key))
    shown += [
        ("Best AEP" if best.by_aep else "Its AEP", f"{number_text(aep, 1)} GWh", best.config.key),
        ("Its wake loss", percent_text(loss), f"capacity factor {percent_text(best.capacity_factor, 1)}"),
    ]
    if spreads := [_spread(one) for one in bests if one.n_done > 1]:
        spread = percent_text(float(np.median(spreads)))
        shown.append(("Spread of seeds", spread, "how far the worst stays below the best; median"))
    gain = summary.gain
    if gain is not None and refined(gain):
        low, high = (percent_text(share, sign=True) for share in (gain.worst, gain.best))
        told = f"{gain.of} over the starts, {low} to {high}"
        shown.append(("Refinement", percent_text(gain.mean, sign=True), told))
    return shown


def _or_less(value: float) -> float:
    return value if not math.isnan(value) else -math.inf
