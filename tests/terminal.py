"""The program in a pseudo-terminal, whose screen is read by pyte."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

import pytest

pyte = pytest.importorskip("pyte")

LIMIT_S = 120.0


class Screen:
    """A terminal with the program in it, read by pyte."""

    def __init__(self, arguments, size=(80, 24), environ=(), under=()):
        self.ours, self.theirs = pty.openpty()
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self.resize(*size)
        self.modes = termios.tcgetattr(self.theirs)
        variables = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
        variables |= {"TERM": "xterm-256color"} | dict(environ)
        self.process = subprocess.Popen(
            [*under, sys.executable, "-P", "-m", "mpi_layout", *map(str, arguments)],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            env=variables,
            start_new_session=True,
            # Its terminal, so that Ctrl-C typed there is a signal.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def resize(self, width, height):
        self._screen.resize(height, width)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def type(self, keys):
        os.write(self.ours, keys)

    @property
    def text(self):
        """What is to be seen now."""
        while select.select([self.ours], [], [], 0)[0]:
            data = os.read(self.ours, 65536)
            self.raw += data
            self._stream.feed(data)
        return "\n".join(self._screen.display)

    def sees(self, pattern):
        """Wait until something is to be seen."""
        end = time.monotonic() + LIMIT_S
        while not (found := re.search(pattern, self.text, re.MULTILINE)):
            if time.monotonic() > end:
                pytest.fail(f"{pattern!r} is not to be seen in\n{self.text}")
            select.select([self.ours], [], [], 0.1)
        return found

    def ends(self):
        """Exit code; the terminal is as it was."""
        end = time.monotonic() + LIMIT_S
        while self.process.poll() is None and time.monotonic() < end:
            assert self.text is not None  # which keeps the terminal from being full
            time.sleep(0.02)
        code = self.process.wait(0.1)
        assert self.text is not None
        assert termios.tcgetattr(self.theirs) == self.modes
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)
