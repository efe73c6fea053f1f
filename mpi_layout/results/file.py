"""The results file as rank 0 writes it.

The protocol of a row, which makes it safe at any moment to be killed:

1. if the row holds an older result, its status becomes waiting;
2. all columns and the checksum over them are written;
3. the status is written last.

A row counts only if its status says done or failed *and* its checksum holds;
anything else is a config that waits. See docs/file-format.md.
"""

import errno
import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Campaign, first_difference, parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.results import launches
from mpi_layout.results.create import create_results, expected_size, move_aside, sync_folder, temporary_path
from mpi_layout.results.locking.lock import WriterLock
from mpi_layout.results.locking.notice import Notice
from mpi_layout.results.reader import Piece, Results, open_reader, scan
from mpi_layout.results.shared import invitation
from mpi_layout.results.storage.disk import DiskError
from mpi_layout.results.storage.map import NoMap
from mpi_layout.results.storage.mpio import MpioStore, misplaced
from mpi_layout.results.storage.row import Status, holds_nothing, is_committed, row_dtype, waiting_rows
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import (
    CURE,
    OTHER_FILE,
    Structure,
    check_size,
    check_structure,
    locate,
)

__all__ = [
    "Results",
    "ResultsFile",
    "WriterLock",
    "create_results",
    "expected_size",
    "move_aside",
    "open_reader",
    "open_writer",
]

_log = logging.getLogger(__name__)
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}


class ResultsFile:
    """A results file open for writing; made by `open_writer`, used by one process.

    Every method that writes raises DiskError, with a complete message, when the disk fails.

    Attributes
    ----------
    path : Path
        The file.
    dtype : numpy.dtype
        Of a row.
    status : (n_configs,) uint8 array
        State of every config; rows whose checksum does not hold are waiting.
    attempts : (n_configs,) int32 array
        Attempts begun, per config.
    seconds : (n_configs,) float32 array
        What the configs took that were done when the file was opened, s; NaN for the others.
    damaged : (n,) int array
        Rows that claimed to be finished when the file was opened, but did not hold what was written.
    launch : int or None
        Number of the launch, once begun.
    """

    def __init__(
        self,
        path: Path,
        campaign: Campaign,
        structure: Structure,
        store: PlainStore,
        lock: WriterLock | None = None,
    ) -> None:
        self.path = path
        self._lock = lock
        self.dtype = row_dtype(structure.n_turbines_max)
        self._configs = campaign.configs
        self._store = store
        self.launch: int | None = None
        self._entry = np.zeros(1, launches.DTYPE)
        self.status = np.empty(structure.n_configs, np.uint8)
        self.attempts = np.empty(structure.n_configs, np.int32)
        self.seconds = np.full(structure.n_configs, np.nan, np.float32)
        damaged = np.empty(structure.n_configs, bool)
        torn = np.empty(structure.n_configs, bool)
        for piece in scan(store, self.dtype):
            here = slice(piece.start, piece.start + len(piece.rows))
            damaged[here] = piece.damaged
            torn[here] = ~piece.committed & ((piece.rows["status"] != Status.WAITING) | ~_empty(piece))
            self.status[here] = np.where(piece.committed, piece.rows["status"], Status.WAITING)
            self.attempts[here] = np.where(piece.damaged, 0, piece.rows["attempts"])
            self.seconds[here][piece.done] = piece.rows["seconds"][piece.done]
        self.damaged = np.flatnonzero(damaged)
        for number in np.flatnonzero(torn).tolist():
            self._mark_waiting(number)
        launches.mend(store)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.let_go()
        with suppress(*() if error is None else (DiskError,)):  # the first error is the one to tell
            self.close()

    def invite(self) -> dict[str, Any]:
        """Let other ranks write their rows into this file: plain values for their `shared.SharedRows`.

        Raises
        ------
        InputError
            Another launch got the lock while it was made one for all ranks, or HDF5 would write elsewhere.
        """
        if name := misplaced(self.path, self._store.extents):
            raise InputError(f"{self.path}: damaged results file: HDF5 finds {name} elsewhere; {CURE}")
        if self._lock is not None:
            self._lock.share()
        locked = self._lock is not None and self._lock.held
        owner = {} if self._lock is None else self._lock.owner
        return invitation(self.path, self._store.extents, locked=locked, owner=owner)

    def write_together(self, comm: Any) -> None:
        """Go on writing through parallel HDF5, together with the other ranks of a communicator.

        Each of them calls `SharedRows.open` at the same time.
        """
        store = MpioStore(self.path, self._store.extents, comm)
        self._store.close()
        self._store = store

    @property
    def shared(self) -> bool:
        """Whether other ranks write their rows, too."""
        return isinstance(self._store, MpioStore)

    def let_go(self) -> None:
        """Do not wait for other ranks when closing."""
        if isinstance(self._store, MpioStore):
            self._store.let_go()
            if self._lock is not None:
                self._lock.keep_name()

    @property
    def committed(self) -> NDArray[np.bool_]:
        """Which configs are done or failed."""
        return self.status != Status.WAITING

    def begin_launch(
        self, *, ranks: int, host: str, pid: int, scheduler_id: str, versions: str, now: float
    ) -> int:
        """Enter a launch into the launch table.

        Parameters
        ----------
        ranks : int
            Number of MPI ranks.
        host, pid : str, int
            Of rank 0.
        scheduler_id : str
            The batch scheduler's number for it, or "".
        versions : str
            Of the software, see `versions.software_versions`.
        now : float
            Seconds since 1970.

        Returns
        -------
        int
            Number of the launch.
        """
        self._entry = launches.new_launch(
            ranks=ranks, host=host, pid=pid, scheduler_id=scheduler_id, versions=versions, now=now
        )
        self.launch = launches.enter(self._store, self._entry)
        return self.launch

    def heartbeat(self, now: float, configs_done: int) -> None:
        """Note that the launch lives, and how many configs it has finished."""
        launches.beat(self._store, self.begun, self._entry, configs_done, now)

    def end_launch(self, now: float, reason: str, configs_done: int) -> None:
        """Note that and why the launch ends."""
        launches.end(self._store, self.begun, self._entry, reason, configs_done, now)

    def tell(self, notice: Notice) -> None:
        """Tell those who watch what the launch does, beside the file."""
        if self._lock is not None:
            self._lock.tell(notice)

    def record_attempts(self, numbers: Sequence[int], attempts: Sequence[int]) -> None:
        """Note, before they begin, for which time each of some configs is attempted.

        A failed row becomes a waiting one by this.
        """
        for start, counts in _runs(numbers, np.array(attempts, "<i4")):
            self._reopen(start, len(counts))
            self._store.write("attempts", start, counts)
            self.attempts[start : start + len(counts)] = counts

    def write_rows(self, numbers: Sequence[int], rows: NDArray[np.void]) -> None:
        """Write the sealed rows (n,) of configs; those of adjacent configs together.

        Raises
        ------
        ValueError
            If a row is not sealed, or of another config; nothing is written then.
        """
        if rows.shape != (len(numbers),) or not is_committed(rows).all():
            raise ValueError(f"rows {list(numbers)}: not {len(numbers)} sealed rows")
        for number, key in zip(numbers, rows["key"].tolist(), strict=True):
            if key != self._configs[number].key.encode():
                raise ValueError(f"row {number}: the row of another config, {key!r}")
        for start, run in _runs(numbers, rows):
            self._reopen(start, len(run))
            self._store.write_rows(start, run)
        self.note_stored(numbers, rows)

    def record_attempt(self, number: int, attempts: int) -> None:
        """`record_attempts` of one config."""
        self.record_attempts([number], [attempts])

    def write_row(self, number: int, row: NDArray[np.void]) -> None:
        """`write_rows` of one config."""
        self.write_rows([number], row)

    def look(self, number: int) -> NDArray[np.void] | None:
        """Row (1,) of a config if it is in the file, done or failed: a rank may have written it and died."""
        row = self._store.read_rows(self.dtype, number, number + 1)
        return row if is_committed(row).all() else None

    def note_stored(self, numbers: Sequence[int], said: NDArray[np.void]) -> None:
        """Note that the rows of configs are in the file, of which `row.brief` (n,) was said."""
        self.status[numbers], self.attempts[numbers] = said["status"], said["attempts"]

    def count(self, numbers: NDArray[np.int64]) -> dict[Status, int]:
        """How many of the configs `numbers` are waiting, done, failed."""
        return {status: int((self.status[numbers] == status).sum()) for status in Status}

    def checkpoint(self) -> None:
        """Make everything written so far survive a power cut."""
        self._store.sync()

    def close(self) -> None:
        """Close the file, without a checkpoint."""
        self._store.close()

    def _reopen(self, start: int, count: int) -> None:
        """Make finished rows waiting ones, before anything in them changes."""
        here = self.status[start : start + count]
        for index in np.flatnonzero(here != Status.WAITING).tolist() if here.any() else ():
            self._mark_waiting(start + index)
            here[index] = Status.WAITING

    @property
    def started(self) -> float:
        """When this launch began, s since 1970."""
        return float(self._entry["started"][0])

    @property
    def begun(self) -> int:
        """Number of this launch, which has begun."""
        if self.launch is None:
            raise ValueError("no launch has begun")
        return self.launch

    def _mark_waiting(self, number: int) -> None:
        """Empty a row. After opening, only one being written right now holds anything and waits."""
        row = waiting_rows(self.dtype, [self._configs[number]])
        row["attempts"] = self.attempts[number]
        self._store.clear_row(number, row)


def open_writer(path: Path, campaign: Campaign, lock: WriterLock | None = None) -> ResultsFile:
    """Open the results file of a campaign to go on with it.

    Parameters
    ----------
    path : Path
        Made by `create_results`.
    campaign : Campaign
        The campaign asked for now; it must be the file's.
    lock : WriterLock
        Of the path, held. Without one nobody else may write the file.

    Raises
    ------
    InputError
        If the file is not usable, damaged in its structure, or belongs to another campaign; the text
        says why and what to do.
    """
    path = Path(path)
    try:
        structure = locate(path)
    except NoMap as error:
        raise error if error.lost else InputError(f"{error}; {OTHER_FILE}") from None
    check_campaign(path, structure, campaign)
    if damage := check_structure(path, structure):
        raise InputError(f"{path}: damaged results file: {damage}; {CURE}")
    # Left behind if the creation was killed between giving the name and removing the old one.
    temporary_path(path).unlink(missing_ok=True)
    # Killed there, or a little later, the creation has not made the name durable.
    sync_folder(path.parent)
    try:
        store = PlainStore(path, structure.extents, writable=True)
    except DiskError as error:
        if error.errno not in _NOT_WRITABLE:
            raise
        raise InputError(
            f"{path}: not writable: {error.strerror}; give another output file with -o"
        ) from error
    try:
        if not _ended_in_order(store):
            store.forget_cache()
        return ResultsFile(path, campaign, structure, store, lock)
    except BaseException:
        store.close()
        raise


def _runs(numbers: Sequence[int], values: NDArray) -> Iterator[tuple[int, NDArray]]:
    """Put values (n,) of configs together where they are adjacent: first number and values of each run."""
    ascending = np.array(numbers, np.int64)
    steps = np.diff(ascending)
    if (steps < 0).any():
        order = np.argsort(ascending)
        ascending, values = ascending[order], values[order]
        steps = np.diff(ascending)
    begin = 0
    for end in (*(np.flatnonzero(steps != 1) + 1).tolist(), ascending.size) if ascending.size else ():
        yield int(ascending[begin]), values[begin:end]
        begin = end


def _empty(piece: Piece) -> NDArray[np.bool_]:
    """Which rows hold nothing; those that are committed are not looked at."""
    empty = np.zeros(len(piece.rows), bool)
    waiting = ~piece.committed
    empty[waiting] = holds_nothing(piece.rows[waiting])
    return empty


def _ended_in_order(store: PlainStore) -> bool:
    """Whether the last launch, if any, noted its end: then its rows were durable before."""
    table = launches.read_launches(store)
    return not table or table[-1].ended is not None


def check_campaign(path: Path, structure: Structure, campaign: Campaign) -> None:
    """See that a results file belongs to a campaign.

    Raises
    ------
    InputError
        With the first difference.
    """
    if structure.attributes.get("campaign_digest") == campaign.digest:
        check_size(path, structure, campaign)
        return
    if difference := _difference(path, structure, campaign):
        raise InputError(f"{path} belongs to another campaign: {difference}; {OTHER_FILE}")


def _difference(path: Path, structure: Structure, campaign: Campaign) -> str | None:
    """Difference of the campaign texts; two versions may give the same campaign different digests."""
    with PlainStore(path, structure.extents, writable=False) as store:
        text = bytes(store.read("campaign_yaml"))
    if hashlib.sha256(text).hexdigest() != structure.text_sha256:
        return "the campaign text in it is damaged"
    try:
        return first_difference(parse_campaign(text.decode(), f"{path}: campaign_yaml"), campaign)
    except InputError:
        return "the campaign text in it is none for this version of mpi-layout"
