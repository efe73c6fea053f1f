"""What the program says: answers on standard output, news of a run on standard error."""

import contextlib
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TextIO, cast

from mpi_layout.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

FILE_WIDTH = 160  # columns of an answer that goes to no terminal


def say(text: str) -> None:
    """Print lines of an answer."""
    sys.stdout.write(f"{printable(text, lines=True)}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print why the program ends, on standard error."""
    sys.stderr.write(f"mpi-layout: {printable(text, lines=True)}\n")
    sys.stderr.flush()


def answer_json(answer: dict[str, Any], *, indent: int | None = 2) -> None:
    """Print an answer for other programs."""
    sys.stdout.write(json.dumps(answer, indent=indent) + "\n")
    sys.stdout.flush()


def answer(view: "RenderableType") -> None:
    """Print an answer for people, in colour on a terminal only."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else FILE_WIDTH)
    with console.capture() as text:
        console.print(view)
    sys.stdout.write(text.get())
    sys.stdout.flush()


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Give something that shows on a terminal how much of a long check is done."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as line:
        yield lambda done, total: line.update(f"{done} of {total} {what}")


class _Steady:
    """Standard error that never fails: a launch outlives its terminal, its reader and a full log disk."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def steady_streams() -> Iterator[None]:
    """Keep the state of standard output and error from deciding how the program runs and ends."""
    _occupy_standard_descriptors()
    # None if they were closed before the start.
    stdout, stderr = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()
    try:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(cast(TextIO, _Steady(stderr))):
            yield
    finally:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            _settle(stream)


def _occupy_standard_descriptors() -> None:
    """See that no results file becomes descriptor 2 and receives what libraries print."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _settle(stream: TextIO) -> None:
    """Leave no text that the interpreter cannot write at its exit: it would turn any exit code into 120."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), stream.fileno())


class _Console(logging.StreamHandler):
    """Writes to whatever sys.stderr is now: a progress bar may have taken its place."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        raise AttributeError("always the stderr of the moment")


class _Lines(logging.Formatter):
    """Leaves no character in a message that could steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), lines=True)


def set_up_logging(rank: int, *, verbose: bool) -> None:
    """Rank 0 speaks on the console, the others only when something is wrong."""
    handler = _Console()
    handler.setFormatter(_Lines(f"%(asctime)s [{rank}] %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("mpi_layout")
    logger.handlers[:] = [handler]
    logger.propagate = False
    level = logging.DEBUG if verbose else logging.INFO
    logger.setLevel(level if rank == 0 else max(level, logging.WARNING))
