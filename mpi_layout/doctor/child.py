"""Processes that may hang, crash or print anything: asked with a time limit, and left behind if need be."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpi_layout.parallel.launcher import without_launcher

ASK_S = 90.0  # for a question that takes a second; machines are busy, and file systems slow
END_S = 5.0  # for the end of a process that was asked to leave; launchers take their ranks along


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes
    ----------
    code : int or None
        Exit code, negative for a signal; None if its time was over.
    out, err : str
        What it printed.
    """

    code: int | None
    out: str = ""
    err: str = ""

    @property
    def reason(self) -> str:
        """Why it failed: the last line that it printed on standard error, and its exit."""
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        return f"{self.end}: {lines[-1]}" if lines else self.end

    @property
    def end(self) -> str:
        """How it ended, in words."""
        if self.code is None:
            return "it came to no end in time and was stopped"
        if self.code < 0:
            with contextlib.suppress(ValueError):
                return f"it died of {signal.Signals(-self.code).name}"
        return f"exit code {self.code}"


def run_child(
    command: Sequence[str], *, seconds: float = ASK_S, environ: Mapping[str, str] | None = None
) -> Ended:
    """Run a command, for some seconds at most, outside whatever launch this process belongs to."""
    variables = without_launcher(os.environ) | dict(environ or {})
    # `-P -m mpi_layout` finds the same package, not what lies in the current folder.
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        process = subprocess.Popen(
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        return Ended(127, err=f"{command[0]}: {error.strerror}")
    try:
        out, err = process.communicate(timeout=seconds)
        return Ended(process.returncode, out, err)
    except subprocess.TimeoutExpired:
        return Ended(None, *_stop(process))
    except BaseException:  # Ctrl-C
        _stop(process)
        raise


def ask_child(question: str, *arguments: str) -> dict[str, Any] | Ended:
    """Answer of a function of `probes`, or how the process ended that should have given it."""
    command = [sys.executable, "-P", "-m", "mpi_layout.doctor.probes", question, *arguments]
    ended = run_child(command)
    lines = ended.out.splitlines()
    if ended.code == 0 and lines:
        with contextlib.suppress(ValueError):
            answer: dict[str, Any] = json.loads(lines[-1])
            return answer
    return ended


def program(*arguments: str) -> list[str]:
    """Command that runs this program with this Python."""
    return [sys.executable, "-P", "-m", "mpi_layout", *arguments]


def _stop(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """End a process and its children; give what they printed.

    One that waits for a file server cannot even be killed; it is left behind.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=END_S)
    for stream in filter(None, (process.stdout, process.stderr)):
        stream.close()
    return "", ""
