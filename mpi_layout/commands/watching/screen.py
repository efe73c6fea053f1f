"""The screen of a campaign that is watched: head, panel, foot, as many lines as the terminal has."""

import math
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.text import Text

from mpi_layout.commands.tables import rate
from mpi_layout.commands.watching.panels import panel, panel_count
from mpi_layout.commands.watching.view import HELP, PANELS, SORTS, View
from mpi_layout.exit_codes import ExitCode
from mpi_layout.printable import printable
from mpi_layout.progress import duration
from mpi_layout.results.state.sight import Sight

_TALL = 16  # lines from which on everything is said
_UNICODE = {"done": "━", "failed": "═", "left": "─", "line": "─", "arrows": "↑↓←→"}
_ASCII = {"done": "#", "failed": "x", "left": "-", "line": "-", "arrows": "arrows"}
_TOO_MANY_FAILED = "too many failed configs"


@dataclass(frozen=True)
class Moment:
    """What is known when a screen is drawn.

    Attributes
    ----------
    sight : Sight or None
        What the file told last; None if nothing yet.
    fault : str
        Why the last look failed, or "".
    looked : float
        When it was, seconds since 1970.
    path : str
        The file.
    """

    sight: Sight | None
    fault: str
    looked: float
    path: str


class Page:
    """Lines that fill a screen: one too long is cut off, none is wrapped."""

    def __init__(self, lines: Sequence[Text]) -> None:
        self.lines = list(lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the lines, no more than there is room for."""
        height = options.height or options.max_height
        for number, line in enumerate(self.lines[:height]):
            if number:
                yield Segment.line()
            shown = line.copy()
            shown.truncate(options.max_width)
            shown.end, shown.no_wrap, shown.overflow = "", True, "crop"
            yield shown


def page_rows(moment: Moment, height: int) -> int:
    """Rows of a panel that fit on a screen."""
    return max(1, height - len(_head(moment, View(1.0), 80, height, _ASCII)) - 3)


def draw(moment: Moment, view: View, size: tuple[int, int], *, unicode: bool = True) -> tuple[Page, View]:
    """Draw a screen.

    Parameters
    ----------
    moment : Moment
        What is known.
    view : View
        What is to be seen of it.
    size : (int, int)
        Of the screen, cells and lines.
    unicode : bool
        Whether it can show more than ASCII.

    Returns
    -------
    page : Page
        To be printed.
    view : View
        Scrolled no further than there is something to see.
    """
    width, height = size
    signs = _UNICODE if unicode else _ASCII
    head = _head(moment, view, width, height, signs)
    room = height - len(head) - 1
    where = ""
    if view.help:
        body = _help()[: max(0, room)]
    elif moment.sight is None or room < 3:
        body = []
    else:
        table = panel(moment.sight, view, moment.looked)
        view = view.within(table.n_rows - (room - 2), table.most_left(width))
        where = _where(table.n_rows, view.top, room - 2)
        body = [_tabs(moment.sight, view, width), *table.lines(view.top, view.left, (width, room - 1))]
    body += [Text()] * (room - len(body))
    return Page([*head, *body, _foot(view, width, signs, where)][:height]), view


# ---------------------------------------------------------------- head


def _head(moment: Moment, view: View, width: int, height: int, signs: dict[str, str]) -> list[Text]:
    """At most seven lines, fewer on a low screen."""
    lines = [_title(moment, view, width)]
    faults = textwrap.wrap(printable(moment.fault), max(width, 20))[: 2 if height >= _TALL else 1]
    lines += [Text(fault, "bold red") for fault in faults]
    sight = moment.sight
    if sight is not None:
        lines += [_bar(sight, width, signs), _counts(sight), _speed(sight, moment.looked, width)]
        lines += _launch(sight, moment.looked)
    if height < _TALL:  # title, fault, bar
        return lines[: max(1, min(3 + bool(moment.fault), height // 3))]
    return [*lines, Text(signs["line"] * width, "dim")]


def _title(moment: Moment, view: View, width: int) -> Text:
    clock = time.strftime("%H:%M:%S", time.gmtime(moment.looked))
    right = Text(f"{clock} UTC, every {view.interval:g} s", "dim")
    if view.paused:
        right = Text.assemble((" PAUSED ", "reverse"), " ", right)
    name = "" if moment.sight is None else f"{moment.sight.results.attributes.get('campaign_name', '')}  "
    left = Text.assemble((printable(name), "bold"), printable(moment.path))
    room = max(0, width - cell_len(right.plain) - 1)
    left.truncate(room, overflow="ellipsis", pad=True)
    return Text.assemble(left, " ", right)


def _bar(sight: Sight, width: int, signs: dict[str, str]) -> Text:
    piece = sight.piece
    n, failed, ended = len(piece.rows), int(piece.failed.sum()), int(piece.committed.sum())
    # Rounded down: 100 % means that all are finished.
    text = f" {ended:,} of {n:,} ({math.floor(1000 * ended / n) / 10:.1f} %)"
    if width < 60 and sight.eta is not None and not sight.finished:
        text += f", {duration(sight.eta)} left"
    cells = max(4, width - len(text))
    n_failed = min(cells, math.ceil(cells * failed / n))
    n_done = max(0, math.floor(cells * ended / n) - n_failed)
    bar = Text().append(signs["done"] * n_done, "green")
    bar.append(signs["failed"] * n_failed, "red")
    bar.append(signs["left"] * (cells - n_done - n_failed), "dim")
    return bar.append(text, "bold" if sight.finished else "")


def _counts(sight: Sight) -> Text:
    piece = sight.piece
    waiting = int((~piece.committed).sum()) - len(sight.in_flight)
    counts = (
        (int(piece.done.sum()), "done", "green"),
        (int(piece.failed.sum()), "failed", "red"),
        (len(sight.in_flight), "in flight", "cyan"),
        (waiting, "waiting", ""),
        (int(piece.damaged.sum()), "damaged, to be computed again", "red"),
    )
    line = Text()
    for count, word, style in counts:
        if count or word in ("done", "waiting"):
            line.append(f"{'   ' if line else ''}{count:,} {word}", style)
    return line


def _speed(sight: Sight, now: float, width: int) -> Text:
    if sight.finished:
        return Text("finished: every config is done or failed", "bold green")
    if not sight.running:
        return Text("nothing runs", "dim")
    line = Text("no config has ended in this launch" if sight.rate is None else "")
    if sight.rate_now is not None:
        line.append(f"{rate(sight.rate_now)} now, ")
    if sight.rate is not None:
        line.append(f"{rate(sight.rate)} over the launch")
    if sight.eta is not None:
        line.append(f"; about {duration(sight.eta)} left{_until(now + sight.eta, now)}")
    return line


def _until(then: float, now: float) -> str:
    try:
        end, today = datetime.fromtimestamp(then, UTC), datetime.fromtimestamp(now, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return f" ({end:%H:%M} UTC)" if end.date() == today.date() else f" ({end:%a %d %b %H:%M} UTC)"


def _launch(sight: Sight, now: float) -> list[Text]:
    """What the last launch does, or how it ended."""
    entry = sight.last
    if entry is None:
        return [Text("no launch so far", "dim")]
    launch = entry.launch
    lasted = duration(max(0.0, (launch.ended or launch.heartbeat) - launch.started))
    ranks = "1 rank" if launch.ranks == 1 else f"{launch.ranks:,} ranks"
    job = f", job {launch.scheduler_id}" if launch.scheduler_id else ""
    only = f", only {sight.only}" if sight.only else ""
    who = printable(f"launch {launch.number} on {ranks}, {launch.host}:{launch.pid}{job}{only}")
    if entry.state == "ended":
        reason = printable(launch.reason)
        return [Text(f"{who}: ended after {lasted}"), Text(f"{reason}: {meaning(sight)}", "bold")]
    silence = duration(sight.silence)
    if entry.state == "running":
        every = duration(sight.results.campaign.checkpoint.interval_s)
        if sight.checkpoint_age is None:
            runs = f"runs; last checkpoint or sign of life {silence} ago (checkpoints every {every})"
        else:
            age = duration(sight.checkpoint_age)
            runs = f"runs; last checkpoint {age} ago (every {every}), last sign of life {silence} ago"
        return [Text(who), Text(runs)]
    lost = f"silent for {silence}: lost, or cut off from here; the same command goes on"
    return [Text(who), Text(lost, "bold yellow")]


def meaning(sight: Sight) -> str:
    """What the end of the last launch means: its exit code, and what to do."""
    reason = sight.last.launch.reason if sight.last else ""
    waiting, failed = not sight.finished, bool(sight.piece.failed.any())
    if reason.startswith("error: "):
        what = "memory ran out" if reason.startswith("error: MemoryError") else "a bug"
        return f"exit code {ExitCode.BUG:d}, {what}"
    if waiting and reason.startswith(_TOO_MANY_FAILED):
        return f"exit code {ExitCode.TOO_MANY_FAILED:d}, more failed than failures.max_failed allows"
    if waiting and not reason.startswith("complete"):
        return f"exit code {ExitCode.EARLY:d}, run the same command again to go on"
    which = "all configs that it was to do ended" if waiting else "every config has ended"
    if failed:
        return f"{which}, some failed (exit code {ExitCode.SOME_FAILED:d}; --retry-failed tries them again)"
    return f"{which} (exit code {ExitCode.DONE:d})"


# ---------------------------------------------------------------- panel and foot


def _tabs(sight: Sight, view: View, width: int) -> Text:
    """Names of the panels, the one that is seen in reverse; on a narrow screen that one alone."""
    titles, here = [_tab_title(sight, view, name) for name in PANELS], PANELS.index(view.panel)
    if sum(map(len, titles)) > width:
        titles, here = [titles[here]], 0
    tabs = Text.assemble(*((title, "reverse" if i == here else "") for i, title in enumerate(titles)))
    sort = view.sort if view.sorts[PANELS.index(view.panel)] else ""
    room = width - len(tabs) - len(sort)
    return Text.assemble(tabs, " " * room, (sort, "dim")) if room > 0 else tabs


def _tab_title(sight: Sight, view: View, name: str) -> str:
    number = PANELS.index(name) + 1
    if name == "areas":
        shown = f": {view.measure}" if view.panel == name else ""
        return f" {number} areas{shown} "
    count = panel_count(sight, name)
    return f" {number} {name} {count:,} " if count else f" {number} {name} "


def _where(n_rows: int, top: int, room: int) -> str:
    if n_rows <= room:
        return ""
    return f"{top + 1}-{min(top + room, n_rows)} of {n_rows:,}"


def _help() -> list[Text]:
    wide = max(len(keys) for keys, _ in HELP)
    return [Text.assemble((keys.ljust(wide), "bold"), f"  {what}") for keys, what in HELP]


def _foot(view: View, width: int, signs: dict[str, str], where: str) -> Text:
    """Keys, as far as there is room, and which rows are seen."""
    hints = [("q", "quit"), ("tab", "panel"), ("?", "help"), (signs["arrows"], "scroll")]
    if view.panel == "areas":
        hints.append(("d b w f", "done best loss failed"))
    if len(SORTS[view.panel]) > 1:
        hints.append(("s", "sort"))
    hints += [("space", "go on" if view.paused else "pause"), ("r", "now"), ("+ -", "interval")]
    room = width - len(where) if len(where) < width // 2 else width
    foot = Text()
    for keys, what in hints:
        part = Text.assemble((keys, "bold"), " ", what, "   ")
        if len(foot) + len(part) - 3 > room:
            break
        foot.append_text(part)
    foot.truncate(room, pad=True)
    return foot.append(where, "dim") if room < width else foot


# ---------------------------------------------------------------- a line


def line(sight: Sight, now: float) -> str:
    """Say on one line where no screen is: how far, how fast, how long, whether it lives."""
    piece = sight.piece
    n, ended, failed = len(piece.rows), int(piece.committed.sum()), int(np.count_nonzero(piece.failed))
    parts = [f"{ended:,} of {n:,} finished ({math.floor(1000 * ended / n) / 10:.1f} %)"]
    if failed:
        parts.append(f"{failed:,} failed")
    if sight.in_flight:
        parts.append(f"{len(sight.in_flight):,} in flight")
    if sight.rate is not None:
        parts.append(rate(sight.rate if sight.rate_now is None else sight.rate_now))
    if sight.eta is not None and not sight.finished:
        parts.append(f"about {duration(sight.eta)} left")
    parts.append(_state_in_short(sight))
    return f"{time.strftime('%H:%M:%S', time.gmtime(now))} {', '.join(parts)}"


def _state_in_short(sight: Sight) -> str:
    if sight.last is None:
        return "no launch"
    if sight.last.state == "ended":
        return f"ended: {printable(sight.last.launch.reason)}"
    word = "running, heartbeat" if sight.running else "lost, last heartbeat"
    return f"{word} {duration(sight.silence)} ago"
