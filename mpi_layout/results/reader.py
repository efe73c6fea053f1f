"""A results file as its readers see it, piece by piece, without disturbing whoever writes it."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Campaign, parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.results.launches import Launch, read_launches
from mpi_layout.results.storage.row import Status, is_committed, row_dtype, trace_of
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import CURE, Structure, check_size, locate, text_sha256

# Fits into a core's cache: rows are gathered from columns, then run through the checksum.
_CHUNK_BYTES = 2**20
_LOOKS = 3  # at a row that is being written


@dataclass(frozen=True, eq=False)
class Piece:
    """Consecutive rows of a results file.

    Attributes
    ----------
    start : int
        Number of the first.
    rows : (n,) structured array
        With a field per column, see docs/file-format.md; text is UTF-8 bytes.
    committed : (n,) bool array
        Whether the row is done or failed, and its checksum holds.
    """

    start: int
    rows: NDArray[np.void]
    committed: NDArray[np.bool_]

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which rows hold a layout."""
        return self.committed & (self.rows["status"] == Status.DONE)

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which rows hold a failure."""
        return self.committed & (self.rows["status"] == Status.FAILED)

    @property
    def damaged(self) -> NDArray[np.bool_]:
        """Which rows claim to be finished but do not hold what was written."""
        return ~self.committed & (self.rows["status"] != Status.WAITING)


@dataclass(frozen=True, eq=False)
class Results:
    """Launches and campaign of a results file as they were when it was opened, and its rows.

    Rows come in pieces, so that a large file needs no large memory. All of them together, as
    `rows`, `committed`, ..., are read when they are first asked for, and kept.

    Attributes
    ----------
    path : Path
        The file.
    structure : Structure
        Where its datasets lie.
    launches : tuple of Launch
        In order.
    campaign_text : str
        The campaign file.
    """

    path: Path
    structure: Structure
    launches: tuple[Launch, ...]
    campaign_text: str

    def __repr__(self) -> str:
        """Say what it holds, for those who look at it in Python; the states are those that rows claim."""
        with PlainStore(self.path, self.structure.extents, writable=False) as store:
            counts = np.bincount(store.read("status").ravel(), minlength=len(Status))
        states = ", ".join(f"{counts[state]:,} {state.name.lower()}" for state in Status)
        held = f"{self.n_rows:,} configs, {states}; launches: {len(self.launches)}"
        return f"<results {str(self.path)!r}: {held}>"

    def pieces(self) -> Iterator[Piece]:
        """Yield all rows in pieces of a few MB, as they are now."""
        with PlainStore(self.path, self.structure.extents, writable=False) as store:
            yield from scan(store, row_dtype(self.structure.n_turbines_max))

    @property
    def n_rows(self) -> int:
        """Number of configs."""
        return self.structure.n_configs

    @cached_property
    def campaign(self) -> Campaign:
        """The campaign, parsed from its text.

        Raises
        ------
        InputError
            If the text is damaged, no valid campaign for this program, or that of other rows.
        """
        if text_sha256(self.campaign_text) != self.structure.text_sha256:
            raise InputError(f"{self.path}: damaged results file: its campaign text has changed; {CURE}")
        campaign = parse_campaign(self.campaign_text, f"{self.path}: campaign_yaml")
        check_size(self.path, self.structure, campaign)
        return campaign

    def select(self, only: Sequence[str] = ()) -> NDArray[np.int64]:
        """Numbers (n,) of the configs whose keys match one of the globs, or of all if there are none.

        Raises
        ------
        InputError
            If the campaign cannot be read, or nothing matches one of the globs.
        """
        campaign = self.campaign
        try:
            return np.unique(np.concatenate([campaign.select(glob) for glob in only or ("*",)]))
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None

    def key(self, number: int) -> str:
        """Key of a config: from the campaign, as its row may be damaged."""
        return self.campaign.configs[number].key

    def trace(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """AEP of a config against evaluations, as the file has it now.

        Parameters
        ----------
        number : int
            Of the config.

        Returns
        -------
        evaluations, aep : (n,) array
            The start first, the result last, AEP in GWh; n is 0 where the config is not done.
        """
        dtype = row_dtype(self.structure.n_turbines_max)
        with PlainStore(self.path, self.structure.extents, writable=False) as store:
            rows = store.read_rows(dtype, number, number + 1)
        if not is_committed(rows)[0]:
            rows["trace_evaluations"] = -1
        return trace_of(rows[0])

    @property
    def attributes(self) -> dict[str, object]:
        """Attributes of the root of the file."""
        return self.structure.attributes

    @cached_property
    def whole(self) -> Piece:
        """All rows at once."""
        rows = np.empty(self.n_rows, row_dtype(self.structure.n_turbines_max))
        committed = np.empty(self.n_rows, bool)
        for piece in self.pieces():
            here = slice(piece.start, piece.start + len(piece.rows))
            rows[here], committed[here] = piece.rows, piece.committed
        return Piece(0, rows, committed)

    @property
    def rows(self) -> NDArray[np.void]:
        """All rows."""
        return self.whole.rows

    @property
    def committed(self) -> NDArray[np.bool_]:
        """Which rows are done or failed, and their checksums hold."""
        return self.whole.committed

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which rows hold a layout."""
        return self.whole.done

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which rows hold a failure."""
        return self.whole.failed

    @property
    def damaged(self) -> NDArray[np.bool_]:
        """Which rows claim to be finished but do not hold what was written."""
        return self.whole.damaged

    @property
    def keys(self) -> list[str]:
        """Keys of all configs."""
        return [config.key for config in self.campaign.configs]


def open_reader(path: Path) -> Results:
    """Open a results file for reading, finished or being written.

    Raises
    ------
    InputError
        If it is no results file that this program can use; the text says why and what to do.
    """
    path = Path(path)
    structure = locate(path)
    with PlainStore(path, structure.extents, writable=False) as store:
        launches = read_launches(store)
        text = store.read("campaign_yaml")
    return Results(path, structure, launches, bytes(text).decode("utf-8", "replace"))


def scan(store: PlainStore, dtype: np.dtype, first: int = 0, stop: int | None = None) -> Iterator[Piece]:
    """Yield the rows first:stop, all by default, in pieces of a few MB."""
    stop = store.extents["config"].shape[0] if stop is None else stop
    step = rows_at_once(dtype)
    for start in range(first, stop, step):
        yield _piece(store, dtype, start, min(start + step, stop))


def rows_at_once(dtype: np.dtype) -> int:
    """Rows that are read together."""
    return max(1, _CHUNK_BYTES // dtype.itemsize)


def pick(store: PlainStore, dtype: np.dtype, numbers: NDArray[np.int64]) -> Piece:
    """Read the rows of configs (n,), n > 0, in any order; adjacent ones together."""
    ends = [*(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
    parts = []
    for begin, end in itertools.pairwise([0, *ends]):
        start = int(numbers[begin])
        parts.append(_piece(store, dtype, start, start + end - begin))
    if len(parts) == 1:
        return parts[0]
    rows, committed = ([getattr(part, name) for part in parts] for name in ("rows", "committed"))
    return Piece(parts[0].start, np.concatenate(rows), np.concatenate(committed))


def _piece(store: PlainStore, dtype: np.dtype, start: int, stop: int) -> Piece:
    rows = store.read_rows(dtype, start, stop)
    piece = Piece(start, rows, is_committed(rows))
    for _ in range(_LOOKS - 1):
        # A row rewritten while it was read looks damaged; a second look tells.
        for index in np.flatnonzero(piece.damaged).tolist():
            rows[index] = store.read_rows(dtype, start + index, start + index + 1)[0]
            piece.committed[index] = is_committed(rows[index : index + 1])[0]
    return piece
