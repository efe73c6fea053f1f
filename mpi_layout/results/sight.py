"""What a look at a results file finds, as plain data, and what follows from it."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Campaign
from mpi_layout.results.launches import Launch
from mpi_layout.results.reader import Piece, Results
from mpi_layout.results.summary import LaunchState, summarise

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
        Seconds since it was seen first.
    seen : bool
        Whether it began while the file was watched; else it is older than `age`.
    """

    number: int
    attempts: int
    age: float
    seen: bool


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
    """

    rank: int
    ended: int
    failed: int
    seconds: float
    last: int | None
    ago: float


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

    def ranks(self) -> list[RankWork]:
        """What each rank has done in the last launch, those that have ended something."""
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
            summarise(self.results, now=now), launches=self.launches, rate=self.rate, eta=self.eta
        )
        flights = [{"key": self.results.key(one.number), **dataclasses.asdict(one)} for one in self.in_flight]
        return {
            **summary.to_json(),
            "looked_at": now,
            "rate_now": self.rate_now,
            "seconds_since_heartbeat": None if np.isnan(self.silence) else self.silence,
            "in_flight": flights,
            "interrupted": self.interrupted,
        }


def of_launch(piece: Piece, launch: Launch) -> NDArray[np.bool_]:
    """Rows (n,) that a launch has written."""
    return np.asarray(piece.committed & (piece.rows["launch"] == launch.number))


def sound(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times as they are; in a forged row anything may stand."""
    return np.where((seconds >= 0) & (seconds < 1e12), seconds, 0.0)
