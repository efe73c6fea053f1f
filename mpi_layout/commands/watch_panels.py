"""The tables of a campaign that is watched; only the rows that fit on the screen are made."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from mpi_layout.commands.heat import heat
from mpi_layout.commands.tables import energy, launch_state, rate, utc
from mpi_layout.commands.watch_keys import MEASURES, View
from mpi_layout.printable import printable
from mpi_layout.progress import duration
from mpi_layout.results.sight import InFlight, RankWork, Sight
from mpi_layout.results.summary import LaunchState

GAP = 1  # cells between columns
_WIDEST_NAME = 24
_SLOW = 3.0  # times as long as any config of its kind took
_SLOW_S = 10.0
_MOST_RANKS = 100_000  # of which those are listed that have ended nothing

Cell = str | Text
Align = Literal["left", "right"]


@dataclass(frozen=True)
class Panel:
    """A table.

    Attributes
    ----------
    heads : tuple of str
        Of the columns.
    widths : tuple of int
        In cells; the last column may have more, as far as the screen goes.
    right : frozenset of int
        Columns aligned there.
    n_rows : int
        Number of rows.
    row : function
        From a row's place to its cells.
    empty : str
        What to say when there are none.
    fixed : int
        Columns that stay when the others are scrolled to the side.
    step : int
        Cells that they scroll at once.
    """

    heads: tuple[str, ...]
    widths: tuple[int, ...]
    right: frozenset[int]
    n_rows: int
    row: Callable[[int], Sequence[Cell]]
    empty: str = ""
    fixed: int = 1
    step: int = 8

    def most_left(self, width: int) -> int:
        """Steps that it can be scrolled to the side on a screen of `width` cells."""
        whole = sum(self.widths) + GAP * (len(self.widths) - 1)
        return max(0, math.ceil((whole - width) / self.step))

    def lines(self, top: int, left: int, size: tuple[int, int]) -> list[Text]:
        """Head and rows from `top` on, `left` steps to the side, of (cells, lines)."""
        width, height = size
        if not self.n_rows:
            return [Text(self.empty, "dim", overflow="ellipsis", no_wrap=True)][:height]
        bodies = [self.row(i) for i in range(top, min(top + height - 1, self.n_rows))]
        head = [Text(printable(text), "bold") for text in self.heads]
        return [self._line(cells, left, width) for cells in (head, *bodies)][:height]

    def _line(self, cells: Sequence[Cell], left: int, width: int) -> Text:
        parts = [self._fitted(i, cell) for i, cell in enumerate(cells)]
        gap = Text(" " * GAP)
        fixed = gap.join(parts[: self.fixed])
        moving = gap.join(parts[self.fixed :])
        line = Text.assemble(fixed, gap, moving[left * self.step :])
        line.truncate(width)
        return line

    def _fitted(self, index: int, cell: Cell) -> Text:
        text = cell.copy() if isinstance(cell, Text) else Text(printable(cell))
        if index == len(self.widths) - 1 and index not in self.right:
            return text
        width = self.widths[index]
        text.truncate(width, overflow="ellipsis")
        short = width - cell_len(text.plain)
        (text.pad_left if index in self.right else text.pad_right)(short)
        return text


def panel(sight: Sight, view: View, now: float) -> Panel:
    """Table that is to be seen.

    Parameters
    ----------
    sight : Sight
        What the file told last.
    view : View
        What is shown of it.
    now : float
        Seconds since 1970.
    """
    if view.panel == "areas":
        return _areas(sight, view)
    if view.panel == "in flight":
        return _in_flight(sight, view)
    if view.panel == "ranks":
        return _ranks(sight, view)
    if view.panel == "failures":
        return _failures(sight, view)
    return _launches(sight, view, now)


def panel_count(sight: Sight, name: str) -> int:
    """Things that a panel lists."""
    if name == "areas":
        return len(sight.results.campaign.areas)
    if name == "in flight":
        return len(sight.in_flight)
    if name == "ranks":
        return sight.last.launch.ranks if sight.last else 0
    return int(sight.piece.failed.sum()) if name == "failures" else len(sight.launches)


# ---------------------------------------------------------------- areas


@dataclass(frozen=True)
class _Heat:
    """Values (areas, turbine types + 1) and how they are shown; the last column is that of all types."""

    values: NDArray[np.float64]
    text: Callable[[float], str]
    scale: tuple[float, float]
    bad: bool = False
    flagged: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), bool))

    def cell(self, area: int, column: int, width: int) -> Text:
        """Make a cell that is coloured as wide as its column."""
        value = float(self.values[area, column])
        text = "" if math.isnan(value) else self.text(value)
        if self.flagged.size and self.flagged[area, column]:
            text += "!"
        low, high = self.scale
        share = (value - low) / (high - low) if high > low else (0.5 if math.isfinite(value) else math.nan)
        style = Style(dim=True) if self.bad and not value else heat(share, bad=self.bad)
        return Text(text.rjust(width), style)


def _areas(sight: Sight, view: View) -> Panel:
    campaign = sight.results.campaign
    areas = [area.name for area in campaign.areas]
    types = [turbine.name for turbine in campaign.turbine_types]
    shown = _measured(sight, view.measure)
    order = _sorted_areas(areas, shown.values[:, -1], view.sort)
    column = max(7, *(min(cell_len(printable(name)), 12) for name in types))
    # All types together stand beside the name, where they are seen on any screen.
    columns = [len(types), *range(len(types))]

    def row(place: int) -> list[Cell]:
        area = order[place]
        return [areas[area], *(shown.cell(area, c, column) for c in columns)]

    name = max(4, *(min(cell_len(printable(name)), _WIDEST_NAME) for name in areas))
    return Panel(
        heads=("area", "all", *types),
        widths=(name, *[column] * (len(types) + 1)),
        right=frozenset(range(1, len(types) + 2)),
        n_rows=len(areas),
        row=row,
        step=column + GAP,
    )


def _measured(sight: Sight, measure: str) -> _Heat:
    piece = sight.piece
    done, failed = sight.per_group(piece.done), sight.per_group(piece.failed)
    if measure == MEASURES["f"]:
        counts = _with_all(failed.sum(axis=-1), np.sum)
        return _Heat(counts, lambda v: f"{v:.0f}", (0.0, max(1.0, counts[:, :-1].max())), bad=True)
    if measure == MEASURES["d"]:
        shares = _with_all(done.mean(axis=-1), np.mean)
        bad = (sight.per_group(piece.failed | piece.damaged)).any(axis=-1)
        return _Heat(shares, _whole_percent, (0.0, 1.0), flagged=np.column_stack([bad, bad.any(axis=-1)]))
    best = measure == MEASURES["b"]
    column = "aep" if best else "wake_loss"
    values = np.where(done, sight.per_group(piece.rows[column]), np.nan)
    values = np.where(np.isfinite(values), values, np.nan)
    if best:
        highest = _with_all(_nan(np.nanmax, values), lambda v, axis: _nan(np.nanmax, v))
        return _Heat(highest, energy, _range(highest))
    means = _with_all(_nan(np.nanmean, values), lambda v, axis: _nan(np.nanmean, v))
    return _Heat(means, lambda v: f"{100 * v:.1f} %", _range(means))


def _with_all(per_type: NDArray, together: Callable[..., NDArray]) -> NDArray[np.float64]:
    return np.column_stack([per_type, together(per_type, axis=-1)]).astype(float)


def _nan(reduce: Callable[..., NDArray], values: NDArray) -> NDArray:
    """Reduce the last axis; where it has no values there is none."""
    reduced = np.full(values.shape[:-1], np.nan)
    there = np.isfinite(values).any(axis=-1)
    if there.any():
        reduced[there] = reduce(values[there], axis=-1)
    return reduced


def _range(values: NDArray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def _whole_percent(share: float) -> str:
    """Rounded down: 100 % means all."""
    return f"{math.floor(100 * share + 1e-9)} %"


def _sorted_areas(areas: Sequence[str], values: NDArray, sort: str) -> list[int]:
    numbers = list(range(len(areas)))
    if sort == "by name":
        return sorted(numbers, key=lambda i: areas[i])
    if sort in ("largest first", "smallest first"):
        sign = -1 if sort == "largest first" else 1
        return sorted(numbers, key=lambda i: (math.isnan(values[i]), sign * values[i]))
    return numbers


# ---------------------------------------------------------------- in flight


def _in_flight(sight: Sight, view: View) -> Panel:
    flights = list(sight.in_flight)
    if view.sort == "by config":
        flights.sort(key=lambda one: one.number)
    usual = _seconds_by_kind(sight)
    per_kind = len(sight.results.campaign.configs.seeds)

    def row(place: int) -> list[Cell]:
        one = flights[place]
        mean, longest = usual[one.number // per_kind]
        slow = math.isfinite(longest) and one.age > max(_SLOW_S, _SLOW * longest)
        remark = "longer than any of its kind" if slow else ""
        cells = (
            sight.results.key(one.number), _age(one), "" if math.isnan(mean) else duration(mean),
            str(one.attempts),
        )  # fmt: skip
        return [*cells, Text(remark, "yellow")]

    if sight.interrupted:
        empty = f"nothing runs; {sight.interrupted} configs were interrupted and will start anew"
    else:
        empty = "nothing is in flight"
    return Panel(
        heads=("config", "age", "usual", "attempt", ""),
        widths=(_key_width(sight, [one.number for one in flights]), 12, 10, 7, 27),
        right=frozenset((1, 2, 3)),
        n_rows=len(flights),
        row=row,
        empty=empty,
    )


def _age(one: InFlight) -> str:
    return duration(one.age) if one.seen else f"> {duration(one.age)}"


def _seconds_by_kind(sight: Sight) -> NDArray[np.float64]:
    """Mean and longest time (n_kinds, 2) of the configs of each area and turbine type, s; NaN if unknown."""
    kinds = len(sight.results.campaign.configs.kinds)
    seconds = np.where(sight.piece.done, sight.piece.rows["seconds"], np.nan).reshape(kinds, -1)
    return np.column_stack([_nan(np.nanmean, seconds), _nan(np.nanmax, seconds)])


def _key_width(sight: Sight, numbers: Sequence[int]) -> int:
    """Room for keys, by the longest names of the campaign: it must not change when others are in sight."""
    if not numbers:
        return 6
    configs = sight.results.campaign.configs
    stem = max(cell_len(printable(kind.key_stem)) for kind in configs.kinds)
    return min(2 * _WIDEST_NAME, stem + len(str(max(configs.seeds))))


# ---------------------------------------------------------------- ranks


def _ranks(sight: Sight, view: View) -> Panel:
    works = sight.ranks()
    if sight.last is not None and sight.last.launch.ranks <= _MOST_RANKS:
        ranks = sight.last.launch.ranks
        silent = set(range(1 if ranks > 1 else 0, ranks)) - {work.rank for work in works}
        works += [RankWork(rank, 0, 0, 0.0, None, math.nan) for rank in silent]
    works.sort(key=_rank_order(view.sort))
    age = _launch_age(sight)

    def row(place: int) -> list[Cell]:
        work = works[place]
        each = duration(work.seconds / work.ended) if work.ended else ""
        busy = f"{min(100.0, 100 * work.seconds / age):.0f} %" if age > 0 and work.ended else ""
        last = "" if work.last is None else sight.results.key(work.last)
        failed: Cell = Text(str(work.failed), "red") if work.failed else ""
        seen = "" if math.isnan(work.ago) else f"{duration(work.ago)} ago"
        return [str(work.rank), str(work.ended), failed, each, busy, seen, last]

    return Panel(
        heads=("rank", "ended", "failed", "each", "busy", "last end seen", "its config"),
        widths=(6, 7, 6, 8, 5, 13, _key_width(sight, [0])),
        right=frozenset(range(6)),
        n_rows=len(works),
        row=row,
        empty="no launch so far",
    )


def _rank_order(sort: str) -> Callable[[RankWork], tuple[float, ...]]:
    def order(work: RankWork) -> tuple[float, ...]:
        if sort == "longest silent first":
            return (-math.inf if math.isnan(work.ago) else -work.ago, work.rank)
        if sort == "most configs first":
            return (-work.ended, work.rank)
        if sort == "slowest first":
            return (-work.seconds / max(work.ended, 1), work.rank)
        return (work.rank,)

    return order


def _launch_age(sight: Sight) -> float:
    """Seconds of the last launch, by its own clock as far as it has spoken."""
    if sight.last is None:
        return 0.0
    launch = sight.last.launch
    silence = sight.silence if sight.running else 0.0
    return (launch.ended or launch.heartbeat) - launch.started + silence


# ---------------------------------------------------------------- failures


def _failures(sight: Sight, view: View) -> Panel:
    rows = sight.piece.rows
    bad = np.flatnonzero(sight.piece.failed | sight.piece.damaged)
    if view.sort == "latest first":
        bad = bad[np.argsort(sight.ended_ago[bad], kind="stable")]
    numbers = bad.tolist()

    def row(place: int) -> list[Cell]:
        number = numbers[place]
        seen = sight.ended_ago[number]
        when = "" if math.isnan(seen) else f"{duration(float(seen))} ago"
        damaged = not sight.piece.committed[number]
        what = "the row is damaged, it will be computed again" if damaged else _message(sight, number)
        return [sight.results.key(number), str(rows["attempts"][number]), when, what]

    longest = max((cell_len(printable(_message(sight, n))) for n in numbers[:200]), default=0)
    return Panel(
        heads=("config", "attempts", "seen", "message"),
        widths=(_key_width(sight, numbers), 8, 10, max(45, longest)),
        right=frozenset((1, 2)),
        n_rows=len(numbers),
        row=row,
        empty="no config has failed",
    )


def _message(sight: Sight, number: int) -> str:
    return sight.results.messages.get(number, b"").decode("utf-8", "replace")


# ---------------------------------------------------------------- launches


def _launches(sight: Sight, view: View, now: float) -> Panel:
    entries = list(sight.launches)
    if view.sort == "latest first":
        entries.reverse()
    state = max((len(_fate(entry, sight, now)) for entry in entries), default=0)
    state = min(max(state, 20), 60)

    def row(place: int) -> list[Cell]:
        entry = entries[place]
        launch = entry.launch
        lasted = max(0.0, (launch.ended or launch.heartbeat) - launch.started)
        speed = rate(launch.configs_done / lasted) if launch.configs_done > 0 and lasted > 0 else ""
        return [
            str(launch.number), utc(launch.started), duration(lasted), str(launch.ranks),
            str(launch.configs_done), _fate(entry, sight, now), speed, f"{launch.host}:{launch.pid}",
        ]  # fmt: skip

    return Panel(
        heads=("launch", "began [UTC]", "lasted", "ranks", "configs", "state", "rate", "host:process"),
        widths=(6, 19, 10, 6, 8, state, 16, 24),
        right=frozenset((0, 2, 3, 4, 6)),
        n_rows=len(entries),
        row=row,
        empty="no launch so far",
    )


def _fate(entry: LaunchState, sight: Sight, now: float) -> str:
    if entry is sight.last and entry.state != "ended":
        return f"{entry.state}, last sign of life {duration(sight.silence)} ago"
    return launch_state(entry, now)
