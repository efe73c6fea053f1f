"""When a launch ends early: signals, the time limit, the end of the Slurm job.

Only rank 0 decides; the other ranks ignore the signals and leave when rank 0
says so.
"""

import math
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Self

GENTLE_SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)
# After a signal the configs in flight get this long to end.
GRACE_S = 20.0
# A launcher passes on the Ctrl-C that the terminal has sent already: a second one counts after this.
SAME_KEYSTROKE_S = 0.7
# What closing the file and leaving may take before Slurm kills the job, at most 10 % of what is left of it.
SLURM_MARGIN_S = 30.0
# Slurm kills a job this long after its end at the latest, unless it lets jobs run over.
SLURM_PATIENCE_S = 300.0


def ignore_signals() -> None:
    """Let the gentle signals pass: this rank leaves when rank 0 says so."""
    for number in GENTLE_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@dataclass(frozen=True)
class Limit:
    """What ends a launch at a known time.

    Attributes
    ----------
    name : str
        For people.
    left : float
        Seconds from now.
    whole : float
        Seconds that a launch has which begins with the job; the whole of a limit that is the launch's own.
    """

    name: str
    left: float = math.inf
    whole: float = math.inf


def slurm_limit(environ: Mapping[str, str] = os.environ, now: float | None = None) -> Limit:
    """When the launch has to end so as to be gone before Slurm kills its job; never without Slurm.

    Slurm's clock is that of another machine, so this one's is believed as far as the job could run by it.

    Parameters
    ----------
    environ : mapping
        SLURM_JOB_START_TIME and SLURM_JOB_END_TIME, s since 1970.
    now : float, optional
        Seconds since 1970.
    """
    name = "the end of the Slurm job"
    start, end = (environ.get(f"SLURM_JOB_{which}_TIME", "") for which in ("START", "END"))
    if not end.isdigit():
        return Limit(name)
    left = int(end) - (time.time() if now is None else now)
    if left < -SLURM_PATIENCE_S:
        return Limit(name)  # the job would be dead: the clocks differ, and Slurm's signal will say when
    whole = float(int(end) - int(start)) if start.isdigit() else math.inf
    left = min(left, whole)
    return Limit(name, _before_slurm_kills(left), _before_slurm_kills(whole))


def _before_slurm_kills(seconds: float) -> float:
    return seconds - min(SLURM_MARGIN_S, 0.1 * max(seconds, 0.0))


class Stop:
    """Whether to hand out more, and how long to wait for what is running.

    Parameters
    ----------
    time_limit : s, optional
        The launch ends this long after now.
    clock : callable
        Seconds, never going back.

    Attributes
    ----------
    limits : tuple of Limit
        Whichever comes first ends the launch.
    """

    def __init__(
        self,
        time_limit: float | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        own = time_limit or math.inf
        self.limits = (Limit("the time limit", own, own), slurm_limit(environ))
        first = min(self.limits, key=lambda limit: limit.left)
        self._limit = first.name
        self._deadline = clock() + first.left
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
    def out_of_time(self) -> bool:
        """Whether a limit ended the launch, or will before anything else could begin."""
        return self._asked == self._limit

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - self._clock()

    @property
    def patience_over(self) -> bool:
        """Whether to leave without the configs that are still running."""
        return bool(self.reason) and self._clock() >= min(self._deadline, self._asked_at + GRACE_S)
