"""Single keys from a terminal, and its former state back whatever happens."""

import contextlib
import os
import re
import select
import signal
import sys
import termios
from types import FrameType, TracebackType
from typing import Self

_NAMES = {
    b"\x1b[A": "up", b"\x1bOA": "up", b"\x10": "up",
    b"\x1b[B": "down", b"\x1bOB": "down", b"\x0e": "down",
    b"\x1b[C": "right", b"\x1bOC": "right",
    b"\x1b[D": "left", b"\x1bOD": "left",
    b"\x1b[5~": "page up", b"\x02": "page up",
    b"\x1b[6~": "page down", b"\x06": "page down",
    b"\x1b[H": "home", b"\x1bOH": "home", b"\x1b[1~": "home", b"\x1b[7~": "home",
    b"\x1b[F": "end", b"\x1bOF": "end", b"\x1b[4~": "end", b"\x1b[8~": "end",
    b"\t": "tab", b"\x1b[Z": "back tab",
    b"\x1b": "escape", b"\r": "enter", b"\n": "enter", b"\x0c": "redraw", b"\x04": "q",
}  # fmt: skip
# A sequence of ECMA-48 (arrows, functions, modifiers), a short one, or one character.
_KEY = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|[\xc2-\xf4][\x80-\xbf]{1,3}|.", re.DOTALL)
_BEGUN = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O)?$|[\xc2-\xf4][\x80-\xbf]{0,2}$")
_REST_S = 0.05  # after which a lone ESC is the key of that name

LEAVING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
HEARD = (*LEAVING, signal.SIGTSTP, signal.SIGWINCH)


def keys_in(data: bytes) -> tuple[list[str], bytes]:
    """Keys in what a terminal has sent, and the beginning of one whose rest has not come yet.

    Parameters
    ----------
    data : bytes
        Of VT100 and its descendants.

    Returns
    -------
    keys : list of str
        Single characters, or names such as "up" and "page down"; what has no name is left out.
    rest : bytes
        To be put in front of what comes next.
    """
    begun = _BEGUN.search(data)
    rest = begun[0] if begun else b""
    whole = data[: len(data) - len(rest)]
    keys = [_NAMES.get(raw) or raw.decode("utf-8", "ignore") for raw in _KEY.findall(whole)]
    return [key for key in keys if key in _NAMES.values() or (len(key) == 1 and key.isprintable())], rest


class Keyboard:
    """Keys of the terminal at standard input, without Enter and unseen, and the signals that come meanwhile.

    Where standard input is no terminal there are no keys, only signals.

    Attributes
    ----------
    left_by : signal.Signals or None
        The signal that asks to leave.
    stopped : bool
        Whether Ctrl-Z was pressed; for whoever draws to call `sleep`.
    """

    def __init__(self) -> None:
        self.left_by: signal.Signals | None = None
        self.stopped = False
        self._descriptor = sys.stdin.fileno() if sys.stdin and sys.stdin.isatty() else None
        self._rest = b""

    def __enter__(self) -> Self:
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._former_waker = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._former = {number: signal.signal(number, self._on_signal) for number in HEARD}
        self._modes = None if self._descriptor is None else termios.tcgetattr(self._descriptor)
        try:
            self._take()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()
        for number, handler in self._former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._former_waker)
        os.close(self._woken)
        os.close(self._waker)

    def wait(self, seconds: float) -> list[str]:
        """Keys pressed within some seconds; none as well if a signal came, such as that of a new size."""
        sources = [self._woken, *([] if self._descriptor is None else [self._descriptor])]
        if self.left_by is not None or self.stopped:
            return []
        ready, _, _ = select.select(sources, [], [], _REST_S if self._rest else max(0.0, seconds))
        if self._woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken, 4096)
        if self._descriptor in ready:
            return self._read(self._descriptor)
        if self._rest and not ready:
            rest, self._rest = self._rest, b""
            return ["escape"] if rest == b"\x1b" else []
        return []

    def sleep(self) -> None:
        """Let the shell have the terminal until it brings this process back."""
        self.stopped = False
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._on_signal)
        self._take()

    def _read(self, descriptor: int) -> list[str]:
        try:
            data = os.read(descriptor, 4096)
        except OSError:  # the terminal is gone
            data = b""
        if not data:
            self.left_by = self.left_by or signal.SIGHUP
            return []
        keys, self._rest = keys_in(self._rest + data)
        return keys

    def _take(self) -> None:
        if self._descriptor is None or self._modes is None:
            return
        modes = termios.tcgetattr(self._descriptor)
        modes[3] &= ~(termios.ICANON | termios.ECHO)
        modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, modes)

    def _give_back(self) -> None:
        if self._descriptor is not None and self._modes is not None:
            with contextlib.suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._modes)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTSTP:
            self.stopped = True
        elif number in LEAVING:
            if self.left_by is not None and number == signal.SIGINT:
                raise KeyboardInterrupt  # asked twice: something does not come back
            self.left_by = self.left_by or signal.Signals(number)
