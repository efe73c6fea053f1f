"""How far a campaign is: counts, energies, failures, launches, rate and time left."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import InputError
from mpi_layout.results.launches import Launch
from mpi_layout.results.reader import Results

_DEFAULT_INTERVAL = 30.0  # s, if the file's campaign cannot be read
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
    """

    area: str
    turbine_type: str
    counts: Counts
    mean_aep: float | None
    best_aep: float | None
    mean_wake_loss: float | None
    best_key: str | None


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
    failures : tuple of Failure
        All of them.
    damaged_keys : tuple of str
        Configs whose rows are damaged.
    launches : tuple of LaunchState
        In order.
    rate : float or None
        Configs finished per second by the running launch; None if none runs or none is finished.
    eta : float or None
        Seconds until all configs are finished at that rate.
    """

    path: str
    campaign_name: str
    counts: Counts
    groups: tuple[Group, ...]
    failures: tuple[Failure, ...]
    damaged_keys: tuple[str, ...]
    launches: tuple[LaunchState, ...]
    rate: float | None
    eta: float | None

    @property
    def percent(self) -> float:
        """Finished configs, done or failed, in percent."""
        return 100 * (self.counts.done + self.counts.failed) / self.counts.total

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary for json.dumps; numbers that are not known are None."""
        plain = dataclasses.asdict(self)
        plain["percent"] = self.percent
        plain["launches"] = [{**entry["launch"], "state": entry["state"]} for entry in plain["launches"]]
        finite: dict[str, Any] = _finite(plain)
        return finite


def summarise(results: Results, *, now: float) -> Summary:
    """Summary of a results file.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    now : float
        Seconds since 1970; decides which launch still runs.
    """
    keys = results.keys
    launches = tuple(LaunchState(launch, _state(launch, results, now)) for launch in results.launches)
    counts = _counts(results, np.ones(len(keys), bool))
    rate = _rate(results, launches, now)
    n_open = counts.waiting + counts.damaged
    return Summary(
        path=str(results.path),
        campaign_name=str(results.attributes.get("campaign_name", "")),
        counts=counts,
        groups=_groups(results),
        failures=tuple(_failure(results, number) for number in np.flatnonzero(results.failed).tolist()),
        damaged_keys=tuple(keys[number] for number in np.flatnonzero(results.damaged).tolist()),
        launches=launches,
        rate=rate,
        eta=n_open / rate if rate else None,
    )


def missing_keys(results: Results) -> list[str]:
    """Keys of the configs that are neither done nor failed, in order."""
    keys = results.keys
    return [keys[number] for number in np.flatnonzero(~results.committed).tolist()]


def _counts(results: Results, chosen: NDArray[np.bool_]) -> Counts:
    done, failed, damaged = (
        int((mask & chosen).sum()) for mask in (results.done, results.failed, results.damaged)
    )
    return Counts(int(chosen.sum()) - done - failed - damaged, done, failed, damaged)


def _groups(results: Results) -> tuple[Group, ...]:
    pairs = list(zip(results.identity("area"), results.identity("turbine_type"), strict=True))
    numbers = {pair: k for k, pair in enumerate(dict.fromkeys(pairs))}
    member = np.array([numbers[pair] for pair in pairs])
    order = np.argsort(member, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(member[order])) + 1)
    return tuple(_group(results, *pair, part) for pair, part in zip(numbers, parts, strict=True))


def _group(results: Results, area: str, turbine_type: str, members: NDArray[np.intp]) -> Group:
    done = members[results.done[members]]
    counts = Counts(
        done=done.size,
        failed=int(results.failed[members].sum()),
        damaged=int(results.damaged[members].sum()),
        waiting=int((results.rows["status"][members] == 0).sum()),
    )
    if not done.size:
        return Group(area, turbine_type, counts, None, None, None, None)
    aep = results.rows["aep"][done]
    best = int(np.argmax(aep))
    return Group(
        area,
        turbine_type,
        counts,
        mean_aep=float(aep.mean()),
        best_aep=float(aep[best]),
        mean_wake_loss=float(results.rows["wake_loss"][done].mean()),
        best_key=results.keys[int(done[best])],
    )


def _failure(results: Results, number: int) -> Failure:
    row = results.rows[number]
    return Failure(results.keys[number], int(row["attempts"]), row["message"].decode("utf-8", "replace"))


def _state(launch: Launch, results: Results, now: float) -> str:
    if launch.ended is not None:
        return "ended"
    silence = max(3 * _interval(results), _SHORTEST_SILENCE)
    return "running" if now - launch.heartbeat < silence else "lost"


def _interval(results: Results) -> float:
    try:
        return results.campaign.checkpoint.interval_s
    except InputError:
        return _DEFAULT_INTERVAL


def _rate(results: Results, launches: tuple[LaunchState, ...], now: float) -> float | None:
    if not launches or launches[-1].state != "running":
        return None
    launch = launches[-1].launch
    n_finished = int((results.committed & (results.rows["launch"] == launch.number)).sum())
    elapsed = now - launch.started
    return n_finished / elapsed if n_finished and elapsed > 0 else None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
