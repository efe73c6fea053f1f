"""What of a launch is shown: who solved what, and for how long.

A results file keeps for each config which rank solved it in which launch, and how long that took, but not
when it began. So configs of a rank are laid out one behind the other from the beginning of the launch, in the
order in which configs are handed out: the longest area and turbine type first, within it by number.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign.configs import Configs
from mpi_layout.errors import InputError
from mpi_layout.pictures.timeline import MOST_CATEGORIES, TimelinePicture
from mpi_layout.printable import clipped, shortened
from mpi_layout.progress import duration
from mpi_layout.results.launches import Launch
from mpi_layout.results.reader import Results

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_MOST_RANKS, _MOST_CONFIGS = 20_000, 1_000_000
_LONGEST = 1e9  # s
_LATEST = 1e11  # s since 1970
_COLUMNS = ("rank", "launch", "seconds")


def timeline_picture(results: Results, number: int | None = None) -> TimelinePicture:
    """Picture of a launch: which rank solved which configs, and how long it had none.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    number : int, optional
        Of the launch; the last one that has solved a config which nothing has solved since.

    Raises
    ------
    InputError
        If there is no such launch, or its rows have numbers that no launch has.
    """
    numbers, rows = _committed(results)
    if number is None:
        number = int(rows["launch"].max(initial=-1))
    if not 0 <= number < len(results.launches):
        raise InputError(_no_launch(results, number))
    own = rows["launch"] == number
    if not own.any():
        raise InputError(f"{results.path}: no config in it is of launch {number}")
    return _picture(results, results.launches[number], numbers[own], rows[own])


def _committed(results: Results) -> tuple[Numbers, NDArray[np.void]]:
    """Numbers of the configs that are done or failed, and the columns that say who solved them."""
    _ = results.campaign  # first: a forged file may claim any number of rows
    if results.n_rows > _MOST_CONFIGS:
        raise InputError(f"{results.path}: {results.n_rows:,} configs are too many for a picture of a launch")
    numbers, rows = [], []
    for piece in results.pieces():
        here = np.flatnonzero(piece.committed)
        numbers.append(piece.start + here)
        kept = np.empty(here.size, [(name, piece.rows.dtype[name]) for name in _COLUMNS])
        for name in _COLUMNS:
            kept[name] = piece.rows[name][here]
        rows.append(kept)
    return np.concatenate(numbers), np.concatenate(rows)


def _no_launch(results: Results, number: int) -> str:
    """Say that there is no launch of that number; a negative one stands for the last of any row."""
    if number < 0:
        return f"{results.path}: no config in it is done or failed yet"
    return f"{results.path}: has no launch {number}; it has {len(results.launches)}, numbered from 0"


def _picture(results: Results, launch: Launch, numbers: Numbers, rows: NDArray[np.void]) -> TimelinePicture:
    configs, rank = results.campaign.configs, rows["rank"].astype(np.int64)
    seconds = rows["seconds"].astype(float)
    _refuse(results, launch, numbers, rank, seconds)
    ranks = np.union1d(np.arange(1 if launch.ranks > 1 else 0, launch.ranks), rank)
    index = np.searchsorted(ranks, rank)
    begin = _side_by_side(index, _handed_out(configs.kinds_of(numbers), numbers, seconds), seconds)
    end = launch.heartbeat if launch.ended is None else launch.ended
    span = max(end - launch.started, float((begin + seconds).max()), 1e-3)
    category, names = _categories(configs, configs.kinds_of(numbers))
    return TimelinePicture(
        title=_title(results, launch, ranks.size, numbers, float(seconds.sum()) / (span * ranks.size), span),
        ranks=ranks,
        span=span,
        rank=index,
        begin=begin,
        seconds=seconds,
        category=category,
        names=names,
    )


def _refuse(results: Results, launch: Launch, numbers: Numbers, rank: Numbers, seconds: Floats) -> None:
    """See that the numbers of a launch can be drawn."""
    if not 0 <= launch.ranks <= _MOST_RANKS:
        raise InputError(
            f"{results.path}: launch {launch.number} had {launch.ranks:,} ranks; a picture has room for "
            f"{_MOST_RANKS:,}"
        )
    if not launch.ranks and (rank < 0).all():
        raise InputError(f"{results.path}: nobody solved anything in launch {launch.number}: {launch.reason}")
    times = (launch.started, launch.heartbeat, launch.ended or launch.heartbeat)
    if not all(0 <= time <= _LATEST for time in times) or not 0 <= times[2] - times[0] <= _LONGEST:
        raise InputError(f"{results.path}: launch {launch.number}: its times are none that a launch can have")
    most = launch.ranks or _MOST_RANKS
    for wrong, text in (
        ((rank < 0) | (rank >= most), "rank"),
        (~((seconds >= 0) & (seconds <= _LONGEST)), "seconds"),
    ):
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            value = (rank if text == "rank" else seconds)[at]
            raise InputError(
                f"{results.path}: {results.key(int(numbers[at]))}: {text} is {value:g}, in a launch of "
                f"{launch.ranks:,} ranks"
            )


def _handed_out(kinds: Numbers, numbers: Numbers, seconds: Floats) -> Numbers:
    """Order of configs: the kind that takes longest first, within it by number."""
    _, of = np.unique(kinds, return_inverse=True)
    mean = np.bincount(of, seconds) / np.bincount(of)
    return np.lexsort((numbers, kinds, -mean[of]))


def _side_by_side(index: Numbers, order: Numbers, seconds: Floats) -> Floats:
    """Begin of each config (n,), s, if each rank solves its own one after the other, in an order (n,)."""
    order = order[np.argsort(index[order], kind="stable")]  # rank after rank
    before = np.cumsum(seconds[order]) - seconds[order]
    first = np.flatnonzero(np.diff(index[order], prepend=-1))
    lengths = np.diff(first, append=order.size)
    begin = np.empty(order.size)
    begin[order] = np.maximum(0, before - np.repeat(before[first], lengths))
    return begin


def _categories(configs: Configs, kinds: Numbers) -> tuple[Numbers, tuple[str, ...]]:
    """What colours stand for: areas and types as long as there are enough, else one of them, or none."""
    pairs: Sequence[tuple[str, ...]]
    shown = [configs.kinds[kind] for kind in range(len(configs.kinds))]
    present = np.unique(kinds)
    for keys in (("area", "turbine_type"), ("turbine_type",), ("area",), ()):
        pairs = [tuple(getattr(kind, key) for key in keys) for kind in shown]
        names = list(dict.fromkeys(pairs[kind] for kind in present))
        if len(names) <= MOST_CATEGORIES:
            break
    number = {name: i for i, name in enumerate(names)}
    category = np.array([number.get(pair, -1) for pair in pairs])[kinds]
    return category, tuple(", ".join(shortened(part, 20) for part in name) or "configs" for name in names)


def _title(results: Results, launch: Launch, n_ranks: int, numbers: Numbers, busy: float, span: float) -> str:
    ranks = "1 rank" if n_ranks == 1 else f"{n_ranks:,} ranks"
    count = "1 config" if numbers.size == 1 else f"{numbers.size:,} configs"
    if n_failed := int((~results.done[numbers]).sum()):
        count += f" ({n_failed:,} failed)"
    day = datetime.fromtimestamp(launch.started, UTC).strftime("%Y-%m-%d %H:%M UTC")
    state = "no end noted" if launch.ended is None else clipped(launch.reason, 40)
    return (
        f"{clipped(results.campaign.name, 40)}: launch {launch.number}, {day}, {state}\n"
        f"{count} on {ranks} in {duration(span)}, busy {100 * busy:.1f} % of the time"
    )
