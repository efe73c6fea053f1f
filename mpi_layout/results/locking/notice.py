"""What rank 0 of a running launch tells those who watch it: who works on what since when, and what is left.

Seconds are counted from the beginning of the launch: clocks of other machines do not matter.
"""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from mpi_layout.results.launches import Launch

_MOST = 2**63  # of whole numbers
_MOST_S = 1e12


class RankNow(NamedTuple):
    """What a rank has to do.

    Attributes
    ----------
    rank : int
        Its number.
    config : int or None
        The first of the configs that it was given and has not answered; None while it is idle.
    given : int
        How many these are.
    since : float
        Since when it has had this one, or nothing, s.
    """

    rank: int
    config: int | None
    given: int
    since: float


@dataclass(frozen=True)
class Notice:
    """State of a launch at one moment.

    Attributes
    ----------
    launch, started : int, float
        Number and start (seconds since 1970) in the launch table, by which a launch is known.
    clock : float
        When this was told, s.
    checkpoint : float or None
        When the last checkpoint was made, s.
    only : str
        Which configs the launch was to do, as `--only` says it.
    left : int
        Configs that it has to do still.
    seconds_left : float or None
        Until they have ended, s; None if nothing is known yet of how long configs take.
    ranks : tuple of RankNow
        Those that solve.
    gone : tuple of int
        Ranks that have died or do not answer.
    """

    launch: int
    started: float
    clock: float
    checkpoint: float | None
    only: str
    left: int
    seconds_left: float | None
    ranks: tuple[RankNow, ...]
    gone: tuple[int, ...]

    @property
    def choice(self) -> str:
        """Which configs the launch does, "" if all."""
        return "" if self.only == "*" else self.only

    def fits(self, launch: Launch, n_configs: int) -> bool:
        """Whether this is about a launch, on a results file of so many configs."""
        return (
            (self.launch, self.started) == (launch.number, launch.started)
            and all(now.rank < max(launch.ranks, 1) for now in self.ranks)
            and all(now.config is None or now.config < n_configs for now in self.ranks)
        )

    def time_left(self, clock: float) -> float | None:
        """Seconds until the configs of the launch have ended, seen from a later moment of it."""
        return None if self.seconds_left is None else max(0.0, self.seconds_left - (clock - self.clock))

    def to_json(self) -> str:
        """Text on one line of ASCII; times to the millisecond, a list for each attribute of the ranks."""
        plain = {
            "launch": self.launch,
            "started": self.started,
            "clock_s": _short(self.clock),
            "checkpoint_s": None if self.checkpoint is None else _short(self.checkpoint),
            "only": self.only,
            "left": self.left,
            "seconds_left": None if self.seconds_left is None else _short(self.seconds_left),
            "rank": [now.rank for now in self.ranks],
            "config": [now.config for now in self.ranks],
            "given": [now.given for now in self.ranks],
            "since_s": [_short(now.since) for now in self.ranks],
            "gone": self.gone,
        }
        return json.dumps(plain, allow_nan=False)

    @classmethod
    def of(cls, text: bytes) -> "Notice | None":
        """Notice in a text from anywhere; None if there is none in it."""
        try:
            told = json.loads(text)
            return cls(
                launch=_whole(told["launch"]),
                started=_seconds(told["started"]),
                clock=_seconds(told["clock_s"]),
                checkpoint=_optional(told["checkpoint_s"]),
                only=_text(told["only"]),
                left=_whole(told["left"]),
                seconds_left=_optional(told["seconds_left"]),
                ranks=_ranks(told),
                gone=tuple(_whole(rank) for rank in told["gone"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            return None


def _ranks(told: dict[str, Any]) -> tuple[RankNow, ...]:
    columns = zip(told["rank"], told["config"], told["given"], told["since_s"], strict=True)
    return tuple(
        RankNow(_whole(rank), None if config is None else _whole(config), _whole(given), _seconds(since))
        for rank, config, given, since in columns
    )


def _short(seconds: float) -> float:
    return round(seconds, 3)


def _whole(value: object) -> int:
    if type(value) is int and 0 <= value < _MOST:
        return value
    raise ValueError(f"{value!r} is no number of something")


def _seconds(value: object) -> float:
    if type(value) in (int, float) and 0 <= value < _MOST_S:  # type: ignore[operator]
        return float(value)  # type: ignore[arg-type]
    raise ValueError(f"{value!r} is no time")


def _optional(value: object) -> float | None:
    return None if value is None else _seconds(value)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r} is no text")
