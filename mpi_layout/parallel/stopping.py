"""When a launch ends early: signals, the time limit, the end of the Slurm job.

Only rank 0 decides; the other ranks ignore the signals and leave when rank 0
says so.
"""

import math
import os
import signal
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Self

GENTLE_SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)
# After a signal the configs in flight get this long to end.
GRACE_S = 20.0
# A launcher passes on the Ctrl-C that the terminal has sent already: a second one counts after this.
SAME_KEYSTROKE_S = 0.7
# What closing the file and leaving may take before Slurm kills the job, at most 10 % of what is left of it.
SLURM_MARGIN_S = 30.0


def ignore_signals() -> None:
    """Let the gentle signals pass: this rank leaves when rank 0 says so."""
    for number in GENTLE_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def slurm_seconds_left(environ: Mapping[str, str] = os.environ) -> float:
    """Seconds until the launch has to end so as to be gone before Slurm kills its job; inf without Slurm."""
    end = environ.get("SLURM_JOB_END_TIME", "")
    if not end.isdigit():
        return math.inf
    left = int(end) - time.time()
    return left - min(SLURM_MARGIN_S, 0.1 * max(left, 0.0))


class Stop:
    """Whether to hand out more, and how long to wait for what is running.

    Parameters
    ----------
    time_limit : s, optional
        The launch ends this long after now.
    clock : callable
        Seconds, never going back.
    """

    def __init__(
        self,
        time_limit: float | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        limits = {
            "the time limit": time_limit or math.inf,
            "the end of the Slurm job": slurm_seconds_left(environ),
        }
        self._limit = min(limits, key=lambda name: limits[name])
        self._deadline = clock() + limits[self._limit]
        self._asked = ""
        self._asked_at = math.inf

    def __enter__(self) -> Self:
        """Let USR1, TERM and INT end the launch gently."""
        self._before = {number: signal.signal(number, self._on_signal) for number in GENTLE_SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        again = self._asked == name and self._clock() - self._asked_at > SAME_KEYSTROKE_S
        if number == signal.SIGINT and again:
            raise KeyboardInterrupt
        self.ask(name)

    def ask(self, reason: str) -> None:
        """End the launch gently, for `reason`; the first reason stays."""
        if not self._asked:
            self._asked, self._asked_at = reason, self._clock()

    def nothing_fits(self) -> None:
        """Note that no waiting config would end before the deadline."""
        self.ask(self._limit)

    @property
    def reason(self) -> str:
        """Why no more is handed out; empty while the launch goes on."""
        if not self._asked and self._clock() >= self._deadline:
            self.ask(self._limit)
        return self._asked

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - self._clock()

    @property
    def patience_over(self) -> bool:
        """Whether to leave without the configs that are still running."""
        return bool(self.reason) and self._clock() >= min(self._deadline, self._asked_at + GRACE_S)
