"""Two results files compared: equal in everything that does not depend on who computed it and when."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import first_difference
from mpi_layout.results.reader import Piece, Results
from mpi_layout.results.row import Status
from mpi_layout.results.schema import ROW_COLUMNS

# Who, when and how often; the checksum covers them.
IGNORED = ("rank", "launch", "attempts", "seconds", "checksum")
_DAMAGED = 255  # no status of the file
_COMPARED = tuple(c.name for c in ROW_COLUMNS if c.name not in (*IGNORED, "status"))


@dataclass(frozen=True)
class RowDifference:
    """A difference in one row; `column` names a turbine as in "x[12]", `a` and `b` are the values."""

    key: str
    column: str
    a: str
    b: str


@dataclass(frozen=True)
class Difference:
    """How two results files differ.

    Attributes
    ----------
    campaign : str or None
        First difference of the campaigns; rows are compared only if there is none.
    n_rows : int
        Rows compared.
    n_differing : int
        Rows that differ.
    by_column : dict of str to int
        Number of rows that differ in a column, those columns only.
    first : tuple of RowDifference
        The first differences, in the order of the rows.
    """

    campaign: str | None
    n_rows: int
    n_differing: int
    by_column: dict[str, int]
    first: tuple[RowDifference, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return self.campaign is None and not self.n_differing

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary for json.dumps."""
        return {"equal": self.equal, **asdict(self)}


def diff(a: Results, b: Results, *, n_first: int = 10) -> Difference:
    """Compare two results files.

    The states of a config must be the same, and where it is done or failed in both,
    all columns but rank, launch, attempts, seconds and checksum, NaN being equal to NaN.

    Parameters
    ----------
    a, b : Results
        From `open_reader`.
    n_first : int
        How many differences to show.

    Raises
    ------
    InputError
        If the campaign in one of them cannot be read.
    """
    if (campaign := _campaign_difference(a, b)) is not None:
        return Difference(campaign, 0, 0, {}, ())
    n_differing = 0
    by_column: Counter[str] = Counter()
    first: list[RowDifference] = []
    for part_a, part_b in zip(a.pieces(), b.pieces(), strict=True):
        masks = _masks(part_a, part_b)
        by_column.update({name: int(mask.sum()) for name, mask in masks.items() if mask.any()})
        differing = np.logical_or.reduce(list(masks.values()))
        n_differing += int(differing.sum())
        for index in np.flatnonzero(differing)[: n_first - len(first)].tolist():
            key = a.key(part_a.start + index)
            columns = [name for name, mask in masks.items() if mask[index]]
            first += [_row_difference(key, name, part_a, part_b, index) for name in columns]
    order = {name: by_column[name] for name in ("status", *_COMPARED) if by_column[name]}
    return Difference(None, a.n_rows, n_differing, order, tuple(first[:n_first]))


def _campaign_difference(a: Results, b: Results) -> str | None:
    found = first_difference(a.campaign, b.campaign)
    if found is None:
        return None
    return found.replace("in the file", f"in {a.path}").replace("in the campaign", f"in {b.path}")


def _masks(a: Piece, b: Piece) -> dict[str, NDArray[np.bool_]]:
    """Which rows (n,) differ in a column, by its name."""
    states = (np.where(piece.damaged, _DAMAGED, piece.rows["status"]) for piece in (a, b))
    both = a.committed & b.committed
    compared = {name: both & _differs(a.rows[name], b.rows[name]) for name in _COMPARED}
    return {"status": np.not_equal(*states), **compared}


def _state(piece: Piece, index: int) -> str:
    return "damaged" if piece.damaged[index] else Status(piece.rows["status"][index]).name.lower()


def _differs(a: NDArray, b: NDArray) -> NDArray[np.bool_]:
    """Per row (n,), whether the entries of two columns (n, ...) differ."""
    different = a != b
    if a.dtype.kind == "f":
        different &= ~(np.isnan(a) & np.isnan(b))
    return different.reshape(len(a), -1).any(axis=1)


def _row_difference(key: str, name: str, a: Piece, b: Piece, index: int) -> RowDifference:
    if name == "status":
        return RowDifference(key, name, _state(a, index), _state(b, index))
    return _entry_difference(key, name, a.rows[name][index], b.rows[name][index])


def _entry_difference(key: str, name: str, a: Any, b: Any) -> RowDifference:
    if np.ndim(a):
        index = int(np.flatnonzero(_differs(a, b))[0])
        return RowDifference(key, f"{name}[{index}]", _show(a[index]), _show(b[index]))
    return RowDifference(key, name, _show(a), _show(b))


def _show(value: Any) -> str:
    plain = value.item() if isinstance(value, np.generic) else value
    return plain.decode("utf-8", "replace") if isinstance(plain, bytes) else repr(plain)
