"""Two results files compared: which configs differ, in what, by how much AEP and how many metres.

Configs are paired by area, turbine type and seed, so that the files may be of two campaigns. What depends
on who computed a config and when is not compared.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Configs
from mpi_layout.campaign.compare import Change, differences
from mpi_layout.compare.difference import (
    COMPARED,
    DAMAGED,
    DIFFERING,
    IGNORED,
    ROUNDING,
    Difference,
    RowDifference,
    Tolerance,
    state_name,
)
from mpi_layout.compare.gaps import Gaps
from mpi_layout.compare.moves import largest_move
from mpi_layout.results.reader import Piece, Results, pick, rows_at_once
from mpi_layout.results.storage.row import row_dtype
from mpi_layout.results.storage.store import PlainStore

__all__ = ["IGNORED", "Difference", "RowDifference", "Tolerance", "diff"]

_MOST_CHANGES = 50  # of a campaign that are kept

Masks = dict[str, NDArray[np.bool_]]  # which rows (n,) differ in a column, by its name


def diff(
    a: Results,
    b: Results,
    *,
    only: Sequence[str] = (),
    tolerance: Tolerance | None = None,
    n_first: int = 10,
    progress: Callable[[int, int], None] | None = None,
) -> Difference:
    """Compare two results files.

    The states of a config must be the same, and where it is done or failed in both,
    all columns but rank, launch, attempts, seconds and checksum, NaN being equal to NaN.

    Parameters
    ----------
    a, b : Results
        From `open_reader`; of one campaign or of two.
    only : sequence of str
        Globs of which the key of a config must match one; none of them for all keys.
    tolerance : Tolerance, optional
        Compare states, layouts, AEP and objective alone, and take this for rounding.
    n_first : int
        How many values that differ to show.
    progress : callable, optional
        Called with the number of rows compared and of all rows.

    Raises
    ------
    InputError
        If the campaign in one of them cannot be read, or no config of a matches.
    """
    changes = differences(a.campaign, b.campaign)
    kept = tuple(islice(changes, _MOST_CHANGES))
    n_changes = len(kept) + sum(1 for _ in changes)
    numbers = paired(a.campaign.configs, b.campaign.configs)
    n_only_a, n_only_b = a.n_rows - len(numbers[0]), b.n_rows - len(numbers[0])
    chosen = np.isin(numbers[0], a.select(only))
    found = _Found(a, b, tolerance, n_first)
    for pair in _pairs(a, b, numbers[0][chosen], numbers[1][chosen]):
        found.add(*pair)
        if progress is not None:
            progress(found.n_rows, int(chosen.sum()))
    return found.summed_up(kept, n_changes, n_only_a, n_only_b)


class _Found:
    """What was found so far."""

    def __init__(self, a: Results, b: Results, tolerance: Tolerance | None, n_first: int) -> None:
        self._path_a, self._path_b = a.path, b.path
        self._configs = a.campaign.configs
        self._tolerance = tolerance
        self._n_first = n_first
        self._gaps = Gaps(self._configs, (tolerance or ROUNDING).aep)
        self._by_column: Counter[str] = Counter()
        self._states: Counter[tuple[int, int]] = Counter()
        self._first: list[RowDifference] = []
        self._differing = [np.empty(0, DIFFERING)]
        self.n_rows = 0

    def add(self, numbers: NDArray[np.int64], a: Piece, b: Piece) -> None:
        """Compare the rows of configs (n,)."""
        self.n_rows += len(numbers)
        done = a.done & b.done
        self._gaps.add(numbers[done], a.rows["aep"][done], b.rows["aep"][done])
        masks = _masks(a, b)
        moved = np.flatnonzero(done & (masks["x"] | masks["y"]))
        moves = np.where(done, 0.0, np.nan)
        moves[moved] = [largest_move(positions(a.rows[i]), positions(b.rows[i])) for i in moved.tolist()]
        if self._tolerance is not None:
            masks = _beyond(self._tolerance, a, b, masks["status"], moves)
        different = np.logical_or.reduce(list(masks.values()))
        if different.any():
            self._note(numbers, a, b, masks, moves, np.flatnonzero(different))

    def _note(
        self,
        numbers: NDArray[np.int64],
        a: Piece,
        b: Piece,
        masks: Masks,
        moves: NDArray[np.float64],
        indices: NDArray[np.int64],
    ) -> None:
        found = np.zeros(len(indices), DIFFERING)
        found["number"], found["move"] = numbers[indices], moves[indices]
        for name, piece in (("a", a), ("b", b)):
            found[f"state_{name}"] = _states(piece)[indices]
            found[f"aep_{name}"] = np.where(piece.done, piece.rows["aep"], np.nan)[indices]
        for bit, name in enumerate(COMPARED):
            if name in masks and (here := masks[name][indices]).any():
                found["columns"] |= here.astype("u8") << np.uint64(bit)
                self._by_column[name] += int(here.sum())
        unequal = found[found["state_a"] != found["state_b"]]
        self._states.update(zip(unequal["state_a"].tolist(), unequal["state_b"].tolist(), strict=True))
        self._differing.append(found)
        for index in indices[: max(0, self._n_first - len(self._first))].tolist():
            key = self._configs[int(numbers[index])].key
            self._first += [_row_difference(key, name, a, b, index) for name in masks if masks[name][index]]

    def summed_up(
        self, changes: tuple[Change, ...], n_changes: int, n_only_a: int, n_only_b: int
    ) -> Difference:
        return Difference(
            a=str(self._path_a),
            b=str(self._path_b),
            changes=changes,
            n_changes=n_changes,
            n_rows=self.n_rows,
            n_only_a=n_only_a,
            n_only_b=n_only_b,
            by_column={name: self._by_column[name] for name in COMPARED if self._by_column[name]},
            states={(state_name(a), state_name(b)): n for (a, b), n in sorted(self._states.items())},
            gap=self._gaps.whole(),
            gaps=self._gaps.groups(),
            first=tuple(self._first[: self._n_first]),
            tolerance=self._tolerance,
            differing=np.concatenate(self._differing),
            all_configs=self._configs,
        )


# ---------------------------------------------------------------- which rows belong together


def paired(a: Configs, b: Configs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers (n,) in a and in b of the configs that are in both, in the order of a."""
    seeds_b = {seed: index for index, seed in enumerate(b.seeds)}
    in_b = np.array([seeds_b.get(seed, -1) for seed in a.seeds], np.int64)
    in_a = np.flatnonzero(in_b >= 0)
    kinds_b = {(kind.area, kind.turbine_type): index for index, kind in enumerate(b.kinds)}
    kinds = [(n, kinds_b.get((kind.area, kind.turbine_type), -1)) for n, kind in enumerate(a.kinds)]
    both = np.array([pair for pair in kinds if pair[1] >= 0], np.int64).reshape(-1, 2)
    numbers_a = both[:, :1] * len(a.seeds) + in_a
    numbers_b = both[:, 1:] * len(b.seeds) + in_b[in_a]
    return numbers_a.ravel(), numbers_b.ravel()


def _pairs(
    a: Results, b: Results, numbers_a: NDArray[np.int64], numbers_b: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], Piece, Piece]]:
    """Yield some configs at a time: their numbers in a, and their rows in both files."""
    types = [row_dtype(results.structure.n_turbines_max) for results in (a, b)]
    widest = max(types, key=lambda dtype: dtype.itemsize)
    step = rows_at_once(widest)
    extents = (results.structure.extents for results in (a, b))
    with (
        PlainStore(a.path, next(extents), writable=False) as store_a,
        PlainStore(b.path, next(extents), writable=False) as store_b,
    ):
        for start in range(0, len(numbers_a), step):
            here = slice(start, start + step)
            yield (
                numbers_a[here],
                _widened(pick(store_a, types[0], numbers_a[here]), widest),
                _widened(pick(store_b, types[1], numbers_b[here]), widest),
            )


def _widened(piece: Piece, dtype: np.dtype) -> Piece:
    """Give rows room for more turbines."""
    if piece.rows.dtype == dtype:
        return piece
    rows = np.empty(len(piece.rows), dtype)
    for name in dtype.names or ():
        values = piece.rows[name]
        if values.ndim > 1 and values.shape != rows[name].shape:
            rows[name] = np.nan
            rows[name][:, : values.shape[1]] = values
        else:
            rows[name] = values
    return Piece(piece.start, rows, piece.committed)


# ---------------------------------------------------------------- what differs


def _masks(a: Piece, b: Piece) -> Masks:
    """Compare every bit."""
    status = _states(a) != _states(b)
    both = a.committed & b.committed & ~status
    return {"status": status} | {
        name: both & differs(a.rows[name], b.rows[name]) for name in COMPARED if name != "status"
    }


def _beyond(
    tolerance: Tolerance, a: Piece, b: Piece, status: NDArray[np.bool_], moves: NDArray[np.float64]
) -> Masks:
    """Compare states, layouts, AEP and objective, as far as they matter."""
    done = a.done & b.done
    moved = done & ~(moves <= tolerance.move)
    aep, objective = (
        done & ~close(a.rows[name], b.rows[name], tolerance.aep) for name in ("aep", "objective")
    )
    return {"status": status, "x": moved, "y": moved, "aep": aep, "objective": objective}


def close(a: NDArray, b: NDArray, share: float) -> NDArray[np.bool_]:
    """Whether numbers (n,) are the same but for a share of them, or both NaN."""
    with np.errstate(all="ignore"):
        limit = share * np.maximum(np.abs(a), np.abs(b))
        near = (np.abs(a - b) <= limit) & np.isfinite(limit)
    return np.asarray(near | (a == b) | (np.isnan(a) & np.isnan(b)))


def differs(a: NDArray, b: NDArray) -> NDArray[np.bool_]:
    """Per row (n,), whether the entries of two columns (n, ...) differ."""
    different = np.asarray(a != b)
    if a.dtype.kind == "f":
        different &= ~(np.isnan(a) & np.isnan(b))
    return np.asarray(different.reshape(len(a), -1).any(axis=1))


def _states(piece: Piece) -> NDArray[np.uint8]:
    return np.where(piece.damaged, np.uint8(DAMAGED), piece.rows["status"])


def positions(row: np.void) -> NDArray[np.float64]:
    """Positions (n_turbines, 2), m, in a row that is done."""
    x, y = row["x"], row["y"]
    return np.column_stack([x, y])[~(np.isnan(x) & np.isnan(y))]


# ---------------------------------------------------------------- in words


def _row_difference(key: str, name: str, a: Piece, b: Piece, index: int) -> RowDifference:
    if name == "status":
        return RowDifference(key, name, *(state_name(int(_states(piece)[index])) for piece in (a, b)))
    return _entry_difference(key, name, a.rows[name][index], b.rows[name][index])


def _entry_difference(key: str, name: str, a: Any, b: Any) -> RowDifference:
    if np.ndim(a):
        index = int(np.argmax(differs(a, b)))
        return RowDifference(key, f"{name}[{index}]", _show(a[index]), _show(b[index]))
    return RowDifference(key, name, _show(a), _show(b))


def _show(value: Any) -> str:
    plain = value.item() if isinstance(value, np.generic) else value
    return plain.decode("utf-8", "replace") if isinstance(plain, bytes) else repr(plain)
