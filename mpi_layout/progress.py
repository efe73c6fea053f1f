"""How far a launch is: a bar on a terminal, one line per interval in a batch log.

Both take a `Snapshot` only if it is time to show one, so that they may be asked a thousand times a second.
"""

import logging
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

log = logging.getLogger(__name__)

FIRST_LINE_S = 5.0
REFRESH_S = 0.25


@dataclass(frozen=True)
class Snapshot:
    """Where a launch stands; counts of the configs chosen for it."""

    done: int
    failed: int
    running: int
    waiting: int
    seconds_left: float  # expected, of all workers together; infinite before anything is known
    ended_before: int = 0  # done or failed when the launch began

    @property
    def total(self) -> int:
        """All chosen configs."""
        return self.done + self.failed + self.running + self.waiting

    @property
    def left(self) -> str:
        """How long it still takes, as a person says it."""
        if math.isinf(self.seconds_left):
            return "time left not known yet"
        return f"about {duration(self.seconds_left)} left"


def progress(interval: float) -> "ProgressBar | ProgressLines":
    """Bar if someone watches a terminal, else a line every `interval` seconds."""
    return ProgressBar() if sys.stderr.isatty() else ProgressLines(interval)


def duration(seconds: float) -> str:
    """Seconds as a person says them: 4.2 s, 12 min, 3 h 5 min."""
    if not math.isfinite(seconds):
        return "unknown time"
    if seconds < 0.1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 6000 else f"{minutes / 60:.0f} h"


class ProgressLines:
    """One line per interval, the first one soon."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._started = time.monotonic()
        self._next = self._started + min(FIRST_LINE_S, interval)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the last word to the summary."""

    def show(self, take: Callable[[], Snapshot]) -> None:
        """Log a line if the interval is over."""
        clock = time.monotonic()
        if clock < self._next:
            return
        self._next = clock + self._interval
        now = take()
        ended = now.done + now.failed
        rate = (ended - now.ended_before) / (clock - self._started)
        log.info(
            "%d of %d done (%.1f %%), %d failed, %d running, %.3g/s, %s",
            now.done,
            now.total,
            100 * now.done / max(now.total, 1),
            now.failed,
            now.running,
            rate,
            now.left,
        )


class ProgressBar:
    """A bar that rank 0 draws itself, without a thread that would wake it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("configs"),
            BarColumn(None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
        )
        self._configs = self._bar.add_task("configs", total=None, note="")
        self._next = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def show(self, take: Callable[[], Snapshot]) -> None:
        """Draw, a few times a second."""
        clock = time.monotonic()
        if clock < self._next:
            return
        self._next = clock + REFRESH_S
        now = take()
        failed = f"{now.failed} failed, " if now.failed else ""
        note = f"{failed}{now.running} running, {now.left}"
        self._bar.update(self._configs, total=now.total, completed=now.done + now.failed, note=note)
        self._bar.refresh()
