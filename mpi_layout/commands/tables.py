"""What status, verify and evaluate show: rich renderables, plain text where no terminal is."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeGuard

from rich.console import Group as Stack
from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mpi_layout.printable import printable
from mpi_layout.progress import duration
from mpi_layout.results.state.summary import Counts, Gain, Group, LaunchState, Summary
from mpi_layout.results.state.told import Told
from mpi_layout.results.verify import Finding

if TYPE_CHECKING:  # the other views have no need of wake models
    from mpi_layout.evaluate import Evaluation
    from mpi_layout.plant import Plant

_MOST_AREAS = 20
_MOST_TYPES = 6
_MOST_LINES = 20  # of failures, findings
_MOST_LAUNCHES = 5
_MOST_AT_WORK = 3
_SAME_CLOCK_S = 5.0  # two nodes whose clocks differ by less have the same one


def status_view(summary: Summary, *, now: float) -> RenderableType:
    """Show a campaign's state: counts, energies, failures, launches.

    Parameters
    ----------
    summary : Summary
        From `summarise`.
    now : float
        Seconds since 1970.
    """
    parts: list[RenderableType] = [*_head(summary), Text(), _energies(summary.groups)]
    if summary.failures:
        rows = [(f.key, str(f.attempts), f.message) for f in summary.failures]
        parts += [Text(), _listing("failed", ("config", "attempts", "message"), rows)]
    if summary.damaged_keys:
        keys = [(key,) for key in summary.damaged_keys]
        parts += [Text(), _listing("damaged, will be computed again", ("config",), keys)]
    if summary.launches:
        parts += [Text(), _launches(summary.launches, now)]
    return Stack(*parts)


def brief_status(summary: Summary) -> str:
    """Line for job scripts and prompts: `8 done, 0 failed, 4 to do; SIGUSR1`."""
    counts, launches = summary.counts, summary.launches
    why = "no launch"
    if launches:
        last = launches[-1]
        why = last.launch.reason if last.state == "ended" else last.state
    return f"{counts.done} done, {counts.failed} failed, {counts.waiting + counts.damaged} to do; {why}"


def verify_view(findings: Sequence[Finding], n_rows: int, *, most: int = _MOST_LINES) -> RenderableType:
    """Show what `verify` found, the first ones in full.

    Parameters
    ----------
    findings : sequence of Finding
        All of them.
    n_rows : int
        Rows checked.
    most : int
        How many to list.
    """
    checked = "1 row checked" if n_rows == 1 else f"{n_rows:,} rows checked"
    if not findings:
        return Text(f"{checked}, nothing wrong", "green")
    n_configs = len({finding.key for finding in findings if finding.key})
    faults = "1 fault" if len(findings) == 1 else f"{len(findings):,} faults"
    where = f"in {n_configs:,} of them" if n_configs else "in the file around them"
    head = f"{checked}, {faults} {where}"
    rows = [(finding.key or "(file)", finding.what, finding.detail) for finding in findings]
    return _listing(head, ("config", "fault", "detail"), rows, most=most)


def evaluation_view(
    plant: "Plant", evaluations: Sequence["Evaluation"], *, per_turbine: bool
) -> RenderableType:
    """Show the annual energy of layouts, and of each of their turbines."""
    from mpi_layout.named_model import model_text

    head = Text.assemble((printable(plant.name), "bold"), f"  {model_text(plant.model)}")
    parts: list[RenderableType] = [head, _energies_of(evaluations, others=plant.neighbours is not None)]
    for evaluation in evaluations if per_turbine else ():
        parts += [Text(), Text(printable(evaluation.layout.name), "bold"), _turbines(evaluation)]
    return Stack(*parts)


def _energies_of(evaluations: Sequence["Evaluation"], *, others: bool) -> RenderableType:
    columns = ["layout", "turbines", "MW", "gross AEP [GWh]", "AEP [GWh]", "capacity factor", "wake loss"]
    rows = [
        [
            evaluation.layout.name,
            f"{len(evaluation.turbine_types)}",
            f"{evaluation.rated_power / 1e6:g}",
            f"{evaluation.energy.gross_aep:.3f}",
            f"{evaluation.energy.aep:.3f}",
            f"{100 * evaluation.capacity_factor:.2f} %",
            f"{100 * evaluation.energy.wake_loss:.2f} %",
        ]
        for evaluation in evaluations
    ]
    if others:
        columns.append("of it by neighbours")
        for row, evaluation in zip(rows, evaluations, strict=True):
            row.append(f"{100 * evaluation.energy.external_wake_loss:.2f} %")
    return table(columns, rows, right=range(1, len(columns)))


def _turbines(evaluation: "Evaluation") -> RenderableType:
    layout, aep = evaluation.layout, evaluation.energy.turbine_aep
    rows = [
        (f"{i}", f"{layout.x[i]:.1f}", f"{layout.y[i]:.1f}", f"{aep[i]:.3f}", turbine.name)
        for i, turbine in enumerate(evaluation.turbine_types)
    ]
    return table(("turbine", "x [m]", "y [m]", "AEP [GWh]", "type"), rows, right=range(4))


# ---------------------------------------------------------------- status


def _head(summary: Summary) -> Iterable[RenderableType]:
    counts = summary.counts
    yield Text.assemble((printable(summary.campaign_name), "bold"), f"  {printable(summary.path)}")
    finished = counts.done + counts.failed
    # Rounded down: 100 % means that all are finished.
    percent = math.floor(10 * summary.percent) / 10
    line = Text(f"{finished:,} of {counts.total:,} finished ({percent:.1f} %): {counts.done:,} done")
    for count, word, style in (
        (counts.failed, "failed", "red"),
        (counts.waiting, "waiting", ""),
        (counts.damaged, "damaged", "red"),
    ):
        if count:
            line.append(f", {count:,} {word}", style)
    told = summary.told
    speed = [rate(summary.rate)] if summary.rate is not None else []
    if summary.eta is not None:
        speed.append(f"about {duration(summary.eta)} left")
    line.append(f"; {', '.join(speed)}" if speed else "")
    bar = Table.grid()  # a bar alone does not end its line
    bar.add_row(ProgressBar(total=counts.total, completed=finished, width=60))
    yield bar
    yield line
    if told is not None:
        yield Text(_at_work(told))
    if summary.core_seconds_left is not None:
        yield Text(_core_time(summary.counts, summary.core_seconds, summary.core_seconds_left))
    if _is_gain(summary.gain):
        yield Text(_gain_text(summary.gain))


def _at_work(told: Told) -> str:
    """Say which ranks have worked on what for longest."""
    parts = [
        f"{printable(one.key)}{f' +{one.given - 1}' if one.given > 1 else ''} on rank {one.rank} "
        f"for {duration(one.age)}"
        for one in told.in_flight[:_MOST_AT_WORK]
    ]
    more = len(told.in_flight) - len(parts)
    for count, what in ((more, "more ranks at work"), (told.idle, "idle"), (len(told.gone), "gone")):
        if count:
            parts.append(f"{count:,} {what}")
    which = "" if told.only == "*" else f" (--only {printable(told.only)})"
    return f"in flight{which}: {', '.join(parts) or 'nothing'}"


def _core_time(counts: Counts, spent: float, left: float) -> str:
    each = f"core time: {duration(spent)} for {counts.done:,} done, {duration(spent / counts.done)} each"
    return f"{each}; about {duration(left)} for what is left" if counts.waiting + counts.damaged else each


def _is_gain(gain: Gain | None) -> TypeGuard[Gain]:
    """Whether anything was refined."""
    return gain is not None and not gain.best == gain.worst == 0


def _gain_text(gain: Gain) -> str:
    return (
        f"refined: {_percent(gain.mean)} {gain.of} over the starts, from {_percent(gain.worst)} to "
        f"{_percent(gain.best)}; {gain.evaluations:,.0f} evaluations per config"
    )


def _percent(share: float) -> str:
    return f"{100 * share:+.2f} %"


def rate(per_second: float) -> str:
    """Configs per second, in a unit that gives a number above one."""
    for unit, seconds in (("s", 1), ("min", 60)):
        if per_second * seconds >= 1:
            return f"{per_second * seconds:.3g} configs/{unit}"
    return f"{per_second * 3600:.3g} configs/h"


def _energies(groups: Sequence[Group]) -> RenderableType:
    areas = list(dict.fromkeys(group.area for group in groups))
    types = list(dict.fromkeys(group.turbine_type for group in groups))
    if len(areas) <= _MOST_AREAS and len(types) <= _MOST_TYPES:
        return _matrix(groups, areas, types)
    return _per_area(groups, areas)


def _matrix(groups: Sequence[Group], areas: list[str], types: list[str]) -> RenderableType:
    cells = {(group.area, group.turbine_type): _cell(group) for group in groups}
    matrix = table(("area", *types), [], right=range(1, len(types) + 1))
    for area in areas:
        matrix.add_row(printable(area), *(cells.get((area, name), Text()) for name in types))
    refined = any(_is_gain(group.gain) for group in groups)
    head = f"mean AEP [GWh] and wake loss; {'gain over the start, ' if refined else ''}done/all configs"
    return Stack(Text(head, "dim"), matrix)


def _cell(group: Group) -> Text:
    counts = group.counts
    cell = Text(justify="right")
    if group.mean_aep is not None and group.mean_wake_loss is not None:
        cell.append(f"{energy(group.mean_aep)} {100 * group.mean_wake_loss:.1f}%\n")
    if _is_gain(group.gain):
        cell.append(f"{100 * group.gain.mean:+.2f}% ")
    cell.append(f"{counts.done}/{counts.total}", "green" if counts.done == counts.total else "dim")
    if counts.failed:
        cell.append(f" {counts.failed} failed", "red")
    return cell


@dataclass
class _Sum:
    """Groups added up; means are weighted by the number of done configs."""

    counts: Counts = field(default_factory=lambda: Counts(0, 0, 0, 0))
    aep: float = 0.0
    wake_loss: float = 0.0
    best_aep: float = -math.inf
    best_key: str = ""
    gains: list[tuple[Gain, int]] = field(default_factory=list)

    def add(self, group: Group) -> None:
        """Add a group."""
        old, new = self.counts, group.counts
        self.counts = Counts(
            old.waiting + new.waiting, old.done + new.done, old.failed + new.failed, old.damaged + new.damaged
        )
        self.aep += new.done * (group.mean_aep or 0)
        self.wake_loss += new.done * (group.mean_wake_loss or 0)
        if group.gain is not None:
            self.gains.append((group.gain, new.done))
        if group.best_aep is not None and group.best_aep > self.best_aep:
            self.best_aep, self.best_key = group.best_aep, group.best_key or ""


def _per_area(groups: Sequence[Group], areas: list[str]) -> RenderableType:
    sums = {area: _Sum() for area in areas}
    for group in groups:
        sums[group.area].add(group)
    refined = any(_is_gain(group.gain) for group in groups)
    rows = []
    for area in areas[:_MOST_AREAS]:
        counts, n_done = sums[area].counts, sums[area].counts.done
        energies = ("", "", "", "", "")
        if gain := Gain.over(sums[area].gains):
            loss = f"{100 * sums[area].wake_loss / n_done:.1f} %"
            means = energy(sums[area].aep / n_done), energy(sums[area].best_aep), loss
            energies = (*means, _percent(gain.mean), sums[area].best_key)
        rows.append([area, f"{n_done}/{counts.total}", str(counts.failed or ""), *energies])
    heads = ["area", "done", "failed", "mean AEP", "best AEP", "wake loss", "gain", "best config"]
    if not refined:
        for row in (heads, *rows):
            del row[-2]
    parts: list[RenderableType] = [
        Text("all turbine types together; AEP in GWh", "dim"),
        table(heads, rows, right=range(1, len(heads) - 1)),
    ]
    if len(areas) > _MOST_AREAS:
        parts.append(Text(f"... and {len(areas) - _MOST_AREAS} areas more; --json has them all", "dim"))
    return Stack(*parts)


def energy(value: float) -> str:
    """AEP in GWh as a table has it."""
    return f"{value:.1f}" if value >= 100 else f"{value:.4g}"


def _launches(launches: Sequence[LaunchState], now: float) -> RenderableType:
    rows = []
    for entry in launches[-_MOST_LAUNCHES:]:
        launch = entry.launch
        place = f"{launch.host}:{launch.pid}"
        counts = (str(launch.ranks), f"{launch.configs_done:,}")
        rows.append((str(launch.number), utc(launch.started), place, *counts, launch_state(entry, now)))
    heads = ("launch", "started [UTC]", "host:process", "ranks", "configs", "state")
    shown = table(heads, rows, right=(0, 3, 4))
    hidden = len(launches) - len(rows)
    return Stack(Text(f"{hidden} earlier launches not shown", "dim"), shown) if hidden else shown


def launch_state(entry: LaunchState, now: float) -> str:
    """What has become of a launch, in words; `now` in seconds since 1970."""
    launch = entry.launch
    if entry.state == "ended":
        return f"ended: {launch.reason}"
    if entry.state == "running":
        return f"running, heartbeat {_ago(launch.heartbeat, now)}"
    return f"lost, last heartbeat {utc(launch.heartbeat)}"


def _ago(then: float, now: float) -> str:
    if then - now > _SAME_CLOCK_S:
        return f"{duration(then - now)} from now: the clocks differ, so it may be lost as well"
    return f"{duration(max(0.0, now - then))} ago"


def utc(seconds: float) -> str:
    """Seconds since 1970 as a date and a time."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "unknown"


# ---------------------------------------------------------------- pieces


def _listing(
    head: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, most: int = _MOST_LINES
) -> RenderableType:
    parts: list[RenderableType] = [Text(head, "red"), table(columns, rows[:most])]
    if len(rows) > most:
        parts.append(Text(f"... and {len(rows) - most:,} more; --json has them all", "dim"))
    return Stack(*parts)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> Table:
    """Columns of text under bold heads, those at the indices `right` aligned there."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    at_right = set(right)
    for index, name in enumerate(columns):
        last = index == len(columns) - 1
        justify = "right" if index in at_right else "left"
        made.add_column(Text(printable(name)), justify=justify, overflow="fold", no_wrap=not last)  # type: ignore[arg-type]
    for row in rows:
        made.add_row(*(Text(printable(value)) for value in row))
    return made
