"""How far a campaign is: counts, energies, gains, failures, launches, rate and time left."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.results.launches import Launch
from mpi_layout.results.locking.notice import Notice
from mpi_layout.results.reader import Piece, Results
from mpi_layout.results.selection import Selection
from mpi_layout.results.state.core_time import seconds_left, sound
from mpi_layout.results.state.told import Told

_SHORTEST_SILENCE = 10.0  # s without heartbeat that any launch is granted


@dataclass(frozen=True)
class Counts:
    """Configs by state; damaged rows claim a result but do not hold it, and will be computed again."""

    waiting: int
    done: int
    failed: int
    damaged: int

    @property
    def total(self) -> int:
        """Number of configs."""
        return self.waiting + self.done + self.failed + self.damaged


@dataclass(frozen=True)
class Gain:
    """What refinement adds to the objective of start layouts, as shares of it.

    Attributes
    ----------
    of : str
        "AEP", or "objective" where that is something else.
    mean, best, worst : float
        Over configs.
    evaluations : float
        Mean number of evaluations of a config.
    """

    of: str
    mean: float
    best: float
    worst: float
    evaluations: float

    @classmethod
    def over(cls, gains: Sequence[tuple["Gain", int]]) -> "Gain | None":
        """Over the configs of several gains, each of a number of configs; None if there are none."""
        n = sum(count for _, count in gains)
        if not n:
            return None
        return cls(
            of="AEP" if all(gain.of == "AEP" for gain, _ in gains) else "objective",
            mean=sum(gain.mean * count for gain, count in gains) / n,
            best=max(gain.best for gain, _ in gains),
            worst=min(gain.worst for gain, _ in gains),
            evaluations=sum(gain.evaluations * count for gain, count in gains) / n,
        )


@dataclass(frozen=True)
class Group:
    """The configs of one area and turbine type.

    Attributes
    ----------
    area, turbine_type : str
        Names.
    counts : Counts
        By state.
    mean_aep, best_aep : float or None
        Of the done ones, GWh; None if there are none.
    mean_wake_loss : float or None
        Of the done ones, share of the gross AEP.
    best_key : str or None
        Config with the best AEP.
    gain : Gain or None
        Of the done ones.
    core_seconds : float
        What the done ones took of a core, s.
    """

    area: str
    turbine_type: str
    counts: Counts
    mean_aep: float | None
    best_aep: float | None
    mean_wake_loss: float | None
    best_key: str | None
    gain: Gain | None
    core_seconds: float = 0.0


@dataclass(frozen=True)
class Failure:
    """A config that could not be solved."""

    key: str
    attempts: int
    message: str


@dataclass(frozen=True)
class LaunchState:
    """A launch, and what has become of it: "running", "ended" or "lost" (no heartbeat, no end)."""

    launch: Launch
    state: str


@dataclass(frozen=True)
class Summary:
    """State of a campaign at one moment.

    Attributes
    ----------
    path : str
        The results file.
    campaign_name : str
        Name of the campaign.
    counts : Counts
        Over all configs.
    groups : tuple of Group
        Per area and turbine type, in the order of the campaign.
    gain : Gain or None
        Of all done configs; None if there are none.
    failures : tuple of Failure
        All of them.
    damaged_keys : tuple of str
        Configs whose rows are damaged.
    launches : tuple of LaunchState
        In order.
    rate : float or None
        Configs finished per second by the running launch; None if none runs or none is finished.
    eta : float or None
        Seconds until all configs are finished at that rate; or those of the running launch, if it tells.
    told : Told or None
        What the running launch told last.
    core_seconds : float
        What the done configs took of a core, s.
    core_seconds_left : float or None
        What the others will take if each takes what those of its area and type took; None if none is done.
    """

    path: str
    campaign_name: str
    counts: Counts
    groups: tuple[Group, ...]
    gain: Gain | None
    failures: tuple[Failure, ...]
    damaged_keys: tuple[str, ...]
    launches: tuple[LaunchState, ...]
    rate: float | None
    eta: float | None
    told: Told | None = None
    core_seconds: float = 0.0
    core_seconds_left: float | None = None

    @property
    def percent(self) -> float:
        """Finished configs, done or failed, in percent."""
        return 100 * (self.counts.done + self.counts.failed) / self.counts.total

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary for json.dumps; numbers that are not known are None."""
        plain = dataclasses.asdict(self)
        plain["percent"] = self.percent
        plain.update(plain.pop("told") or dict.fromkeys(field.name for field in dataclasses.fields(Told)))
        plain["launches"] = [{**entry["launch"], "state": entry["state"]} for entry in plain["launches"]]
        finite: dict[str, Any] = _finite(plain)
        return finite


def summarise(
    results: Results, *, now: float, only: Sequence[str] = (), notice: Notice | None = None
) -> Summary:
    """Summary of a results file.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    now : float
        Seconds since 1970; decides which launch still runs.
    only : sequence of str
        Globs of which the key of a config must match one to be counted; all keys without any. Pairs of area
        and turbine type without such a config are left out.
    notice : Notice, optional
        What was found in the lock file; it counts if it is of the running launch.

    Raises
    ------
    InputError
        If a glob matches no key.
    """
    chosen = Selection(tuple(only)).matching(results)
    launches = launch_states(results, now=now)
    last = launches[-1].launch if launches and launches[-1].state == "running" else None
    groups = _empty_groups(results)
    n_per_group = results.n_rows // len(groups)
    failures: list[Failure] = []
    damaged: list[str] = []
    n_recent = 0
    for piece in results.pieces():
        here = chosen[piece.start : piece.start + len(piece.rows)]
        for number, part in _by_group(piece, n_per_group):
            groups[number].add(part, results, chosen)
        for index in np.flatnonzero(piece.failed & here).tolist():
            failures.append(_failure(results, piece, index))
        for index in np.flatnonzero(piece.damaged & here).tolist():
            damaged.append(results.key(piece.start + index))
        if last is not None:
            n_recent += int((piece.committed & here & (piece.rows["launch"] == last.number)).sum())
    summed = tuple(group.summed_up() for group in groups if group.counts.any())
    counts = Counts(*np.sum([group.counts for group in groups], axis=0).tolist())
    elapsed = max(now, last.heartbeat) - last.started if last is not None else 0.0
    rate = n_recent / elapsed if n_recent and elapsed > 0 else None
    if notice is not None and (last is None or not notice.fits(last, results.n_rows)):
        notice = None
    eta = (counts.waiting + counts.damaged) / rate if rate else None
    if notice is not None and not only:  # it tells of the launch as a whole
        eta = notice.left / rate if rate else None
        eta = eta if notice.seconds_left is None else notice.seconds_left
    return Summary(
        path=str(results.path),
        campaign_name=str(results.attributes.get("campaign_name", "")),
        counts=counts,
        groups=summed,
        gain=Gain.over([(group.gain, group.counts.done) for group in summed if group.gain is not None]),
        failures=tuple(failures),
        damaged_keys=tuple(damaged),
        launches=launches,
        rate=rate,
        eta=eta,
        told=None if notice is None else Told.of(notice, results, chosen),
        core_seconds=sum(group.core_seconds for group in summed),
        core_seconds_left=_core_seconds_left(summed),
    )


def _core_seconds_left(groups: Sequence[Group]) -> float | None:
    return seconds_left(
        np.array([group.core_seconds for group in groups]),
        np.array([group.counts.done for group in groups]),
        np.array([group.counts.waiting + group.counts.damaged for group in groups]),
    )


def launch_states(results: Results, *, now: float) -> tuple[LaunchState, ...]:
    """What has become of each launch, in order; `now` in seconds since 1970."""
    return tuple(LaunchState(launch, _state(launch, results, now)) for launch in results.launches)


def longest_silence(results: Results) -> float:
    """Seconds without a heartbeat after which a launch counts as lost."""
    return max(3 * results.campaign.checkpoint.interval_s, _SHORTEST_SILENCE)


def missing(results: Results, only: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield keys of the configs that are neither done nor failed, in order, each with the reason.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    only : sequence of str
        Globs of which a key must match one; all keys without any.

    Raises
    ------
    InputError
        If a glob matches no key.
    """
    chosen = Selection(tuple(only)).matching(results)
    configs = results.campaign.configs
    for piece in results.pieces():
        here = chosen[piece.start : piece.start + len(piece.rows)]
        for index in np.flatnonzero(~piece.committed & here).tolist():
            yield configs[piece.start + index].key, _why_missing(piece, index)


def _why_missing(piece: Piece, index: int) -> str:
    if piece.damaged[index]:
        return "its row is damaged"
    attempts = int(piece.rows["attempts"][index])
    if not attempts:
        return "not begun"
    return f"begun {'once' if attempts == 1 else f'{attempts} times'}, not ended"


@dataclass
class _GroupSums:
    """A group while its rows are added up."""

    area: str
    turbine_type: str
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(4, int))  # in the order of Counts
    aep: float = 0.0
    wake_loss: float = 0.0
    best_aep: float = -math.inf
    best_key: str | None = None
    gains: list[tuple[Gain, int]] = field(default_factory=list)
    core_seconds: float = 0.0

    def add(self, piece: Piece, results: Results, chosen: NDArray[np.bool_]) -> None:
        """Add those of the rows of the group that are chosen, of all."""
        here = chosen[piece.start : piece.start + len(piece.rows)]
        done = np.flatnonzero(piece.done & here)
        n_failed, n_damaged = (int((state & here).sum()) for state in (piece.failed, piece.damaged))
        self.counts += [int(here.sum()) - done.size - n_failed - n_damaged, done.size, n_failed, n_damaged]
        if not done.size:
            return
        aep = piece.rows["aep"][done]
        self.aep += float(aep.sum())
        self.wake_loss += float(piece.rows["wake_loss"][done].sum())
        self.core_seconds += float(sound(piece.rows["seconds"][done]).sum())
        self.gains.append((_gain(piece.rows[done]), done.size))
        best = int(np.argmax(np.where(np.isnan(aep), -np.inf, aep)))  # forged rows aside
        if aep[best] > self.best_aep:
            index = int(done[best])
            self.best_aep = float(aep[best])
            self.best_key = results.key(piece.start + index)

    def summed_up(self) -> Group:
        """Counts and means of the group."""
        counts = Counts(*self.counts.tolist())
        if not counts.done:
            return Group(self.area, self.turbine_type, counts, None, None, None, None, None)
        return Group(
            self.area,
            self.turbine_type,
            counts,
            mean_aep=self.aep / counts.done,
            best_aep=None if self.best_key is None else self.best_aep,
            mean_wake_loss=self.wake_loss / counts.done,
            best_key=self.best_key,
            gain=Gain.over(self.gains),
            core_seconds=self.core_seconds,
        )


def _gain(rows: NDArray[np.void]) -> Gain:
    """Gain of done rows; of nothing, or of a loss, there are no shares."""
    start, end = rows["start_objective"], rows["objective"]
    of = "AEP" if np.array_equal(end, rows["aep"]) else "objective"
    with np.errstate(all="ignore"):  # a forged row may have anything in it
        gains = np.divide(end, start, out=np.ones(start.size), where=start > 0) - 1
        mean, best, worst = float(gains.mean()), float(gains.max()), float(gains.min())
    return Gain(of, mean, best, worst, float(rows["evaluations"].mean()))


def _empty_groups(results: Results) -> list[_GroupSums]:
    """Groups in the order of the configs."""
    campaign = results.campaign
    return [
        _GroupSums(area.name, turbine.name) for area in campaign.areas for turbine in campaign.turbine_types
    ]


def _by_group(piece: Piece, n_per_group: int) -> Iterator[tuple[int, Piece]]:
    """Split a piece; within a group only the seeds differ, and its configs follow each other."""
    end = piece.start + len(piece.rows)
    for number in range(piece.start // n_per_group, (end - 1) // n_per_group + 1):
        first = max(piece.start, number * n_per_group)
        here = slice(first - piece.start, (number + 1) * n_per_group - piece.start)
        yield number, Piece(first, piece.rows[here], piece.committed[here])


def _failure(results: Results, piece: Piece, index: int) -> Failure:
    row = piece.rows[index]
    return Failure(
        results.key(piece.start + index), int(row["attempts"]), row["message"].decode("utf-8", "replace")
    )


def _state(launch: Launch, results: Results, now: float) -> str:
    if launch.ended is not None:
        return "ended"
    return "running" if now - launch.heartbeat < longest_silence(results) else "lost"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
