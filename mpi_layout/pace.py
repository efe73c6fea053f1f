"""How long configs take, by the rows of the file, and whether a launch has time for any of them."""

import math

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Campaign
from mpi_layout.errors import InputError
from mpi_layout.parallel.schedule import SAFETY
from mpi_layout.parallel.stopping import Limit, Stop
from mpi_layout.progress import duration
from mpi_layout.results.file import ResultsFile

Floats = NDArray[np.float64]


def expected_seconds(campaign: Campaign, results: ResultsFile) -> Floats:
    """Seconds (n_kinds,) of a config: as rows in the file say, else by the square of its number of turbines.

    Another machine may have made the rows, and nothing is known before the first one: only ratios are sure.
    """
    squares = np.array([1e-5 * kind.n_turbines**2 for kind in campaign.configs.kinds])
    known = _known(results)
    took = results.seconds[known].astype(float)
    kinds = campaign.configs.kinds_of(known)
    count = np.bincount(kinds, minlength=squares.size)
    scale = took.sum() / squares[kinds].sum() if took.any() else 1.0
    mean = np.bincount(kinds, took, squares.size) / np.maximum(count, 1)
    return np.where(count > 0, mean, scale * squares)


def refuse_short_limit(
    stop: Stop, numbers: NDArray[np.int64], campaign: Campaign, results: ResultsFile
) -> None:
    """See that a launch which begins in time has time for at least one of the configs `numbers`.

    Nothing is refused before the first row: there is nothing to judge by.

    Raises
    ------
    InputError
        It has not: however often it is started, nothing comes of it.
    """
    limit = min(stop.limits, key=lambda limit: limit.whole)
    if not numbers.size or not _known(results).size:
        return
    kinds = np.unique(campaign.configs.kinds_of(numbers))
    seconds = expected_seconds(campaign, results)[kinds]
    if SAFETY * seconds.min() <= limit.whole:
        return
    config = campaign.configs[int(kinds[np.argmin(seconds)]) * len(campaign.configs.seeds)]
    raise InputError(_too_short(limit, str(results.path), config.key, float(seconds.min())))


def _known(results: ResultsFile) -> NDArray[np.int64]:
    """Numbers of the configs whose seconds the file has."""
    return np.flatnonzero(np.isfinite(results.seconds) & (results.seconds >= 0))


def _too_short(limit: Limit, path: str, key: str, seconds: float) -> str:
    return (
        f"{path}: no time for a single config: {limit.name} leaves a launch {duration(limit.whole)}, and "
        f"of the configs that wait even the shortest, like {key}, take about {duration(seconds)} by the "
        f"rows in the file; give a time of at least {as_option(2 * seconds)}"
    )


def as_option(seconds: float) -> str:
    """Seconds as `--time-limit` and Slurm take them, rounded up: 0:01:30, 2-03:00:00."""
    minutes, second = divmod(math.ceil(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days}-{hour:02}:{minute:02}:{second:02}" if days else f"{hour}:{minute:02}:{second:02}"
