"""Looking at a campaign again and again: on a screen with keys, as lines, or as JSON."""

import contextlib
import io
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.live import Live

from mpi_layout.commands.tables import brief_status
from mpi_layout.commands.watching.keyboard import Keyboard
from mpi_layout.commands.watching.screen import Moment, draw, line, page_rows
from mpi_layout.commands.watching.view import View, press
from mpi_layout.console import answer_json, complain, say
from mpi_layout.errors import InputError
from mpi_layout.results.state.live import LiveReader
from mpi_layout.results.state.sight import Sight
from mpi_layout.results.state.summary import summarise
from mpi_layout.results.storage.disk import DiskError, exists

LOAD = 0.2  # of the time may go into looking: most of a disk's belongs to the writer
_DUMB = ("", "dumb", "unknown")
_LINE: dict[str, Callable[[Sight, float], None]] = {
    "json": lambda sight, now: answer_json(sight.to_json(now=now), indent=None),
    "brief": lambda sight, now: say(brief_status(summarise(sight.results, now=now))),
    "line": lambda sight, now: say(line(sight, now)),
}


def has_screen() -> bool:
    """Whether standard output is a terminal that can do more than print lines."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in _DUMB


# ---------------------------------------------------------------- lines


def watch_in_lines(path: Path, interval: float, form: str, *, wait: bool) -> int:
    """Print a line at every look until all configs are done or failed, or until Ctrl-C.

    Parameters
    ----------
    path : Path
        The results file.
    interval : float
        Between two looks, s.
    form : str
        "json", "brief" or "line".
    wait : bool
        Whether to wait for the file where there is none.

    Raises
    ------
    InputError
        If there is no file to read.
    """
    reader, told, known = LiveReader(path), "", 0
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            took = 0.0
            try:
                sight = reader.look(now=time.time())
            except InputError as error:
                if not (wait and not exists(path)):
                    raise
                if str(error) != told:
                    complain(f"{error}; waiting for it")
                told = str(error)
            else:
                _LINE[form](sight, time.time())
                if sight.finished:
                    break
                # A first look reads all, the others do not.
                took, told, known = sight.took if sight.generation == known else 0.0, "", sight.generation
            time.sleep(max(interval, took / LOAD))
    return 0


# ---------------------------------------------------------------- a screen


def watch_on_screen(path: Path, interval: float, *, wait: bool, until_done: bool) -> int:
    """Show a campaign on the whole terminal until a key or a signal ends that.

    Parameters
    ----------
    path : Path
        The results file.
    interval : float
        Between two looks, s.
    wait : bool
        Whether to wait for the file where there is none.
    until_done : bool
        Whether to leave when every config is done or failed.

    Raises
    ------
    InputError
        If there is no file to begin with.
    """
    screen = _Screen(path, interval)
    with Keyboard() as keyboard:
        screen.look()
        if screen.moment.fault and not (wait and not exists(path)):
            raise InputError(screen.moment.fault)
        while screen.stay(keyboard, until_done=until_done):
            try:
                with _other_screen() as live:
                    screen.show(live, keyboard, until_done=until_done)
            except OSError:  # of the terminal: it is gone
                keyboard.left_by = keyboard.left_by or signal.SIGHUP
            if keyboard.stopped:
                keyboard.sleep()
    if screen.moment.sight is not None:
        with contextlib.suppress(OSError):  # the terminal may be gone
            say(line(screen.moment.sight, screen.moment.looked))
    if keyboard.left_by not in (None, signal.SIGINT):
        # Whoever sent the signal shall see that it was the reason.
        signal.signal(keyboard.left_by, signal.SIG_DFL)
        os.kill(os.getpid(), keyboard.left_by)
    return 0


def _other_screen() -> Live:
    """Another screen than the one that the shell writes to, which comes back afterwards."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that the terminal cannot show
    return Live(console=Console(file=sys.stdout), screen=True, auto_refresh=False, vertical_overflow="crop")


class _Screen:
    """What is seen, and when the file is looked at."""

    def __init__(self, path: Path, interval: float) -> None:
        self._path = path
        self._reader = LiveReader(path)
        self._due = 0.0
        self.view = View(interval)
        self.moment = Moment(None, "", time.time(), str(path))

    def stay(self, keyboard: Keyboard, *, until_done: bool) -> bool:
        """Whether there is a reason to go on."""
        sight = self.moment.sight
        done = until_done and sight is not None and sight.finished and not self.moment.fault
        return not (self.view.over or keyboard.left_by is not None or done)

    def show(self, live: Live, keyboard: Keyboard, *, until_done: bool) -> None:
        """Draw, look and listen until there is no reason to go on, or a reason to pause."""
        while self.stay(keyboard, until_done=until_done) and not keyboard.stopped:
            size = self._draw(live)
            for key in keyboard.wait(self._patience()):
                self.view = press(self.view, key, page_rows(self.moment, size[1]))
                if key == "redraw":
                    live.console.clear()
            if self.view.asked or (not self.view.paused and time.monotonic() >= self._due):
                self.look()

    def look(self) -> None:
        """Look at the file; what was seen before stays on the screen where that is impossible."""
        now, took = time.time(), 0.0
        self.view = replace(self.view, asked=False)
        try:
            sight = self._reader.look(now=now)
            old, self.moment = self.moment, replace(self.moment, sight=sight, fault="", looked=now)
            # A first look reads all, the others do not.
            took = sight.took if old.sight and old.sight.generation == sight.generation else 0.0
        except (InputError, DiskError) as error:
            self.moment = replace(self.moment, fault=str(error), looked=now)
        self._due = time.monotonic() + max(self.view.interval, took / LOAD)

    def _patience(self) -> float:
        return 3600.0 if self.view.paused else self._due - time.monotonic()

    def _draw(self, live: Live) -> tuple[int, int]:
        console = live.console
        with contextlib.suppress(OSError, ValueError):
            # Not what COLUMNS and LINES say: they are those of the time when the shell exported them.
            console.size = os.get_terminal_size(console.file.fileno())
        size = (console.size.width, console.size.height)
        unicode = console.encoding.startswith("utf")
        page, self.view = draw(self.moment, self.view, size, unicode=unicode)
        live.update(page, refresh=True)
        return size
