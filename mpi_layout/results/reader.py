"""A frozen view of a results file, taken without disturbing whoever writes it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Campaign, Config, parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.results.launches import Launch, read_launches
from mpi_layout.results.row import Status, is_committed, row_dtype
from mpi_layout.results.store import PlainStore
from mpi_layout.results.structure import Structure, locate

_CHUNK_BYTES = 2**24
_LOOKS = 3  # at a row that is being written


@dataclass(frozen=True, eq=False)
class Results:
    """Rows, launches and campaign of a results file as they were when it was read.

    Attributes
    ----------
    path : Path
        The file.
    structure : Structure
        Where its datasets lie.
    rows : (n_configs,) structured array
        With a field per column, see docs/file-format.md; text is UTF-8 bytes.
    committed : (n_configs,) bool array
        Whether the row is done or failed, and its checksum holds.
    launches : tuple of Launch
        In order.
    campaign_text : str
        The campaign file.
    """

    path: Path
    structure: Structure
    rows: NDArray[np.void]
    committed: NDArray[np.bool_]
    launches: tuple[Launch, ...]
    campaign_text: str

    @cached_property
    def campaign(self) -> Campaign:
        """The campaign, parsed from its text.

        Raises
        ------
        InputError
            If the text is no valid campaign for this program.
        """
        return parse_campaign(self.campaign_text, f"{self.path}: campaign_yaml")

    @property
    def attributes(self) -> dict[str, object]:
        """Attributes of the root of the file."""
        return self.structure.attributes

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

    @cached_property
    def keys(self) -> list[str]:
        """Keys of all configs."""
        return self.identity("key")

    def identity(self, name: str) -> list[str]:
        """Key, area or turbine type of all configs: from the campaign, as rows may be damaged."""
        try:
            configs: Sequence[Config] = self.campaign.configs
        except InputError:
            configs = ()
        if len(configs) == len(self.rows):
            return [getattr(config, name) for config in configs]
        return [value.decode("utf-8", "replace") for value in self.rows[name].tolist()]


def open_reader(path: Path) -> Results:
    """Read a results file, finished or being written.

    Raises
    ------
    InputError
        If it is no results file that this program can use; the text says why and what to do.
    """
    path = Path(path)
    structure = locate(path)
    dtype = row_dtype(structure.n_turbines_max)
    with PlainStore(path, structure.extents, writable=False) as store:
        rows = np.empty(structure.n_configs, dtype)
        committed = np.empty(structure.n_configs, bool)
        for start, part in scan(store, dtype):
            rows[start : start + len(part)] = part
            committed[start : start + len(part)] = is_committed(part)
        launches = read_launches(store)
        text = store.read("campaign_yaml")
    return Results(path, structure, rows, committed, launches, bytes(text).decode("utf-8", "replace"))


def scan(store: PlainStore, dtype: np.dtype) -> Iterator[tuple[int, NDArray[np.void]]]:
    """Yield all rows in pieces of a few MB: number of the first row, and rows (n,)."""
    n_rows = store.extents["config"].shape[0]
    step = max(1, _CHUNK_BYTES // dtype.itemsize)
    for start in range(0, n_rows, step):
        rows = store.read_rows(dtype, start, min(start + step, n_rows))
        for _ in range(_LOOKS - 1):
            # A row rewritten while it was read looks damaged; a second look tells.
            torn = np.flatnonzero(~is_committed(rows) & (rows["status"] != Status.WAITING))
            for index in torn.tolist():
                rows[index] = store.read_rows(dtype, start + index, start + index + 1)[0]
            if not torn.size:
                break
        yield start, rows
