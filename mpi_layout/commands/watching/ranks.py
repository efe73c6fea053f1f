"""The panel of ranks: what each does now, and has done in the last launch."""

import math
from collections.abc import Callable

from rich.text import Text

from mpi_layout.commands.watching.panel import Cell, Panel, key_width
from mpi_layout.commands.watching.view import View
from mpi_layout.printable import printable
from mpi_layout.progress import duration
from mpi_layout.results.state.sight import RankWork, Sight

_MOST_RANKS = 100_000  # of which those are listed that have ended nothing
_MORE = 5  # cells for how many configs a rank was given besides
_DONE = ("ended", "failed", "each", "busy", "last end seen", "its config")


def ranks_panel(sight: Sight, view: View) -> Panel:
    """Make the table of ranks."""
    works = sight.ranks()
    if sight.last is not None and sight.last.launch.ranks <= _MOST_RANKS:
        ranks = sight.last.launch.ranks
        silent = set(range(1 if ranks > 1 else 0, ranks)) - {work.rank for work in works}
        works += [RankWork(rank) for rank in silent]
    works.sort(key=_rank_order(view.sort))
    age = _launch_age(sight)
    key = key_width(sight, [0])
    told = sight.notice is not None

    def row(place: int) -> list[Cell]:
        work = works[place]
        each = duration(work.seconds / work.ended) if work.ended else ""
        busy = f"{min(100.0, 100 * work.seconds / age):.0f} %" if age > 0 and work.ended else ""
        last = "" if work.last is None else sight.results.key(work.last)
        failed: Cell = Text(str(work.failed), "red") if work.failed else ""
        seen = "" if math.isnan(work.ago) else f"{duration(work.ago)} ago"
        now = _now(work, sight) if told else ()
        return [str(work.rank), *now, str(work.ended), failed, each, busy, seen, last]

    return Panel(
        heads=("rank", *(("works on", "for") if told else ()), *_DONE),
        widths=(6, *((key + _MORE, 8) if told else ()), 7, 6, 8, 5, 13, key),
        right=frozenset(range(8)) - {1} if told else frozenset(range(6)),
        n_rows=len(works),
        row=row,
        empty="no launch so far",
    )


def _now(work: RankWork, sight: Sight) -> tuple[Cell, Cell]:
    """What a rank works on, and for how long; dim if that has ended since it was told."""
    age = "" if math.isnan(work.age) else duration(work.age)
    if work.gone:
        return Text("gone", "red"), ""
    if work.now is None:
        return "", ""
    if work.now.config is None:
        return Text("idle", "dim"), age
    more = f" +{work.now.given - 1}" if work.now.given > 1 else ""
    ended = not more and bool(sight.piece.committed[work.now.config])
    return Text(printable(sight.results.key(work.now.config)) + more, "dim" if ended else ""), age


def _rank_order(sort: str) -> Callable[[RankWork], tuple[float, ...]]:
    def order(work: RankWork) -> tuple[float, ...]:
        if sort == "longest at it first":
            return (math.inf if math.isnan(work.age) else -work.age, work.rank)
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
