"""What a look at a results file finds, as plain data, and what follows from it."""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Campaign
from mpi_layout.results.launches import Launch
from mpi_layout.results.locking.notice import Notice, RankNow
from mpi_layout.results.reader import Piece, Results
from mpi_layout.results.state.core_time import sound
from mpi_layout.results.state.summary import LaunchState, summarise
from mpi_layout.results.state.told import Told

PLAIN = {  # columns of rows without layouts, and the dtype of them
    "status": "u1",
    "checksum": "<u4",
    "aep": "<f8",
    "wake_loss": "<f8",
    "objective": "<f8",
    "start_objective": "<f8",
    "evaluations": "<i8",
    "seconds": "<f8",
    "rank": "<i4",
    "launch": "<i4",
    "attempts": "<i4",
}
PLAIN_DTYPE = np.dtype(list(PLAIN.items()))
_WITH_MESSAGE = np.dtype([*PLAIN.items(), ("message", "O")])


@dataclass(frozen=True, eq=False)
class Remembered(Results):
    """A results file as it was at the last look, its rows without layouts.

    Attributes
    ----------
    parsed : Campaign
        The campaign, parsed when the file was seen first.
    piece : Piece
        All rows, without messages.
    messages : dict of int to bytes
        Why configs failed, by their numbers.
    """

    parsed: Campaign
    piece: Piece
    messages: dict[int, bytes]

    @property
    def campaign(self) -> Campaign:
        """The campaign."""
        return self.parsed

    def pieces(self) -> Iterator[Piece]:
        """Yield all rows at once, with messages."""
        rows = np.zeros(self.n_rows, _WITH_MESSAGE)
        rows[list(PLAIN)] = self.piece.rows
        rows["message"] = b""
        for number, message in self.messages.items():
            rows["message"][number] = message
        yield Piece(0, rows, self.piece.committed)


@dataclass(frozen=True)
class InFlight:
    """A config that a rank has been given and that has not ended.

    Attributes
    ----------
    number : int
        Of the config.
    attempts : int
        Attempts begun, this one included.
    age : float
        Seconds since it began, or since it was seen first.
    exact : bool
        Whether it began then; else it is older than `age`.
    rank : int or None
        Rank that has it, if that is known.
    given : int
        Configs that the rank was given, this one first: it may have ended, and another one run.
    """

    number: int
    attempts: int
    age: float
    exact: bool
    rank: int | None = None
    given: int = 1


@dataclass(frozen=True)
class RankWork:
    """What a rank has done in the last launch.

    Attributes
    ----------
    rank : int
        Its number.
    ended, failed : int
        Configs that ended, and those of them that failed.
    seconds : float
        Spent on them.
    last : int or None
        Config that was seen ending last.
    ago : float
        Seconds since then; NaN if nothing was seen ending.
    now : RankNow or None
        What it has to do, if that is known.
    age : float
        Seconds since it has had that, or nothing; NaN if not known.
    gone : bool
        Whether it is known to have died, or not to answer.
    """

    rank: int
    ended: int = 0
    failed: int = 0
    seconds: float = 0.0
    last: int | None = None
    ago: float = math.nan
    now: RankNow | None = None
    age: float = math.nan
    gone: bool = False


@dataclass(frozen=True, eq=False)
class Sight:
    """What one look has found.

    Attributes
    ----------
    results : Remembered
        The file.
    generation : int
        Counts how often another file was found under the name.
    launches : tuple of LaunchState
        In order; the last one is believed to run while its heartbeat is seen moving, whatever clocks say.
    rate, rate_now : float or None
        Configs per second of the running launch, since it began and lately.
    eta : float or None
        Seconds until all configs are finished; None if nothing runs or nothing is known.
    silence : float
        Seconds since the last sign of life of the last launch; NaN without launches.
    in_flight : tuple of InFlight
        The oldest first; empty unless a launch runs.
    interrupted : int
        Configs on whose record there is an attempt that no running launch accounts for.
    ended_ago : (n_configs,) float array
        Seconds since each config was seen ending; NaN for what had ended before.
    took : float
        Seconds that the look took.
    notice : Notice or None
        What the running launch told last.
    notice_age : float
        Seconds since then.
    """

    results: Remembered
    generation: int
    launches: tuple[LaunchState, ...]
    rate: float | None
    rate_now: float | None
    eta: float | None
    silence: float
    in_flight: tuple[InFlight, ...]
    interrupted: int
    ended_ago: NDArray[np.float64]
    took: float
    notice: Notice | None = None
    notice_age: float = 0.0

    @property
    def piece(self) -> Piece:
        """All rows, without layouts."""
        return self.results.piece

    @property
    def last(self) -> LaunchState | None:
        """The last launch."""
        return self.launches[-1] if self.launches else None

    @property
    def running(self) -> bool:
        """Whether a launch runs."""
        return self.last is not None and self.last.state == "running"

    @property
    def finished(self) -> bool:
        """Whether every config is done or failed."""
        return bool(self.piece.committed.all())

    def per_group(self, of_rows: NDArray) -> NDArray:
        """Values (n_configs,) as (areas, turbine types, seeds)."""
        campaign = self.results.campaign
        return of_rows.reshape(len(campaign.areas), len(campaign.turbine_types), -1)

    @property
    def only(self) -> str:
        """Which configs the running launch does, as `--only` says it; "" if all, or not known."""
        return "" if self.notice is None else self.notice.choice

    @property
    def checkpoint_age(self) -> float | None:
        """Seconds since the last checkpoint of the running launch, if that is known."""
        if self.notice is None or self.notice.checkpoint is None:
            return None
        return max(0.0, self.notice.clock + self.notice_age - self.notice.checkpoint)

    def ranks(self) -> list[RankWork]:
        """What the ranks have done in the last launch and do now, all of which something is known."""
        works = {work.rank: work for work in self._ended_by_rank()}
        if self.notice is not None:
            clock = self.notice.clock + self.notice_age
            for now in self.notice.ranks:
                work = works.get(now.rank) or RankWork(now.rank)
                works[now.rank] = dataclasses.replace(work, now=now, age=max(0.0, clock - now.since))
            for rank in self.notice.gone:
                works[rank] = dataclasses.replace(works.get(rank) or RankWork(rank), gone=True)
        return [works[rank] for rank in sorted(works)]

    def _ended_by_rank(self) -> list[RankWork]:
        if self.last is None:
            return []
        mine = np.flatnonzero(of_launch(self.piece, self.last.launch))
        rows, ago = self.piece.rows[mine], self.ended_ago[mine]
        numbers, which = np.unique(rows["rank"], return_inverse=True)
        ended = np.bincount(which, minlength=numbers.size)
        failed = np.bincount(which, weights=self.piece.failed[mine], minlength=numbers.size).astype(int)
        seconds = np.bincount(which, weights=sound(rows["seconds"]), minlength=numbers.size)
        # In this order the youngest end of each rank comes first, and ends that were not seen come last.
        order = np.lexsort((-mine, ago, which))
        first = order[np.searchsorted(which[order], np.arange(numbers.size))]
        return [
            RankWork(
                int(rank), int(ended[i]), int(failed[i]), float(seconds[i]),
                None if np.isnan(ago[first[i]]) else int(mine[first[i]]), float(ago[first[i]]),
            )
            for i, rank in enumerate(numbers)
        ]  # fmt: skip

    def to_json(self, *, now: float) -> dict[str, Any]:
        """Plain dictionary for json.dumps: that of the summary, and what only a watcher knows.

        Parameters
        ----------
        now : float
            Seconds since 1970.
        """
        summary = dataclasses.replace(
            summarise(self.results, now=now),
            launches=self.launches,
            rate=self.rate,
            eta=self.eta,
            told=None if self.notice is None else Told.of(self.notice, self.results),
        )
        flights = [{"key": self.results.key(one.number), **dataclasses.asdict(one)} for one in self.in_flight]
        return {
            **summary.to_json(),
            "looked_at": now,
            "rate_now": self.rate_now,
            "seconds_since_heartbeat": None if np.isnan(self.silence) else self.silence,
            "in_flight": flights,
            "interrupted": self.interrupted,
            "checkpoint_age": self.checkpoint_age,
        }


def of_launch(piece: Piece, launch: Launch) -> NDArray[np.bool_]:
    """Rows (n,) that a launch has written."""
    return np.asarray(piece.committed & (piece.rows["launch"] == launch.number))
