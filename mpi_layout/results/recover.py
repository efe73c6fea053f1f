"""What a damaged results file still holds, saved into a new one.

A row is believed wherever it is found: its key stands under its checksum. So
nothing is needed but the places of the columns, which the file's map has twice,
and which a new file for the same campaign has as well if both maps are lost.
The damaged file is only read, bytes that are gone or unreadable as zeros.
"""

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Campaign, first_difference, load_campaign, parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.results.create import create_results
from mpi_layout.results.launches import copy_launches
from mpi_layout.results.layouts import results_neighbours
from mpi_layout.results.locking.lock import WriterLock
from mpi_layout.results.reader import Piece, scan
from mpi_layout.results.storage.disk import DiskError
from mpi_layout.results.storage.map import NoMap
from mpi_layout.results.storage.row import Status, is_committed, row_dtype, rows_hold, waiting_rows
from mpi_layout.results.storage.schema import IDENTITY
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import Structure, check_size, locate

_SECTOR = 4096  # bytes that a disk loses at once
_WANTED = "to recover its rows, give its campaign file, byte for byte the same, with --campaign"


@dataclass(frozen=True)
class Recovered:
    """What was saved.

    Attributes
    ----------
    done, failed : int
        Rows in the new file.
    lost : int
        Rows that were finished, by their status or their checksum, but hold nothing to be believed.
    waiting : int
        The others.
    """

    done: int
    failed: int
    lost: int
    waiting: int


def recover(path: Path, new: Path, campaign_path: Path | None = None) -> Recovered:
    """Save every row of a results file whose checksum holds into a new results file.

    Parameters
    ----------
    path : Path
        The damaged file; it is only read.
    new : Path
        Must not exist yet. It appears whole and synced, or not at all.
    campaign_path : Path, optional
        The campaign file; needed where its text in the results file is damaged.

    Raises
    ------
    InputError
        If nothing can be saved, the campaign is missing or another one, or the new file cannot be made.
    """
    given = None
    if campaign_path is not None:
        given = load_campaign(campaign_path, results_layout=results_neighbours)
    structure = _structure(path, given)
    campaign = _campaign(path, structure, given)
    saved = Recovered(0, 0, 0, 0)

    def fill(store: PlainStore) -> None:
        nonlocal saved
        extents = structure.extents if structure is not None else store.extents
        with _Wreck(path, extents, writable=False) as wreck:
            saved = _save_rows(wreck, store, campaign)
            copy_launches(wreck, store)
        if not saved.done + saved.failed:
            raise InputError(f"{path}: there is no row in it whose checksum holds, so nothing to recover")

    with WriterLock(new):
        create_results(new, campaign, fill=fill)
    return saved


class _Wreck(PlainStore):
    """A results file of which parts may be missing: they read as zeros."""

    def _read(self, name: str, offset: int, n_bytes: int) -> bytes:
        parts = bytearray()
        while len(parts) < n_bytes:
            here = offset + len(parts)
            wanted = min(n_bytes - len(parts), 2**20)
            part = self._try(here, wanted)
            if part is None:  # sector by sector, so that one bad one costs no other
                wanted = min(wanted, _SECTOR - here % _SECTOR)
                part = self._try(here, wanted) or b""
            parts += part.ljust(wanted, b"\0")
        return bytes(parts)

    def _try(self, offset: int, n_bytes: int) -> bytes | None:
        try:
            return os.pread(self._descriptor, n_bytes, offset)
        except OSError as error:
            if error.errno != errno.EIO:
                raise DiskError(self.path, "reading what is left", error) from None
            return None


def _save_rows(wreck: PlainStore, store: PlainStore, campaign: Campaign) -> Recovered:
    dtype = row_dtype(campaign.n_turbines_max)
    counts = dict.fromkeys(Status, 0)
    n_lost = 0
    for piece in scan(wreck, dtype):
        fresh = waiting_rows(dtype, campaign.configs[piece.start : piece.start + len(piece.rows)])
        rows = _mended(piece, fresh)
        sound = is_committed(rows) & (rows["key"] == fresh["key"])
        claimed = (piece.rows["status"] != Status.WAITING) | (piece.rows["checksum"] != 0)
        n_lost += int((claimed & ~sound).sum())
        fresh[sound] = rows[sound]
        store.write_rows(piece.start, fresh)
        for status in Status:
            counts[status] += int((fresh["status"] == status).sum())
    n_done, n_failed = counts[Status.DONE], counts[Status.FAILED]
    return Recovered(n_done, n_failed, n_lost, counts[Status.WAITING] - n_lost)


def _mended(piece: Piece, fresh: NDArray[np.void]) -> NDArray[np.void]:
    """Rows of a piece; damage to what is known anyway is mended where the checksum proves it."""
    rows = piece.rows.copy()
    broken = np.flatnonzero(~piece.committed & (rows["checksum"] != 0))
    for status in (Status.DONE, Status.FAILED):
        trial = rows[broken]
        for name in IDENTITY:
            trial[name] = fresh[name][broken]
        trial["status"] = status
        holds = rows_hold(trial)
        rows[broken[holds]] = trial[holds]
        broken = broken[~holds]
    return rows


# ---------------------------------------------------------------- what belongs to the file


def _structure(path: Path, given: Campaign | None) -> Structure | None:
    """Structure of the file, or None if both maps are lost and the campaign has to tell it."""
    try:
        return locate(path, whole=False)
    except NoMap as error:
        if not error.lost:
            raise
        if given is None:
            raise InputError(f"{error}; {_WANTED}") from None
        return None


def _campaign(path: Path, structure: Structure | None, given: Campaign | None) -> Campaign:
    own = _own_campaign(path, structure) if structure is not None else None
    if own is None:
        if given is None:
            raise InputError(f"{path}: the campaign in it is damaged; {_WANTED}")
        if structure is not None and structure.attributes.get("campaign_digest") != given.digest:
            raise InputError(f"{path}: belongs to another campaign than the given one: their digests differ")
        own = given
    elif given is not None and (difference := first_difference(own, given)):
        raise InputError(f"{path}: belongs to another campaign: {difference}")
    if structure is not None:
        check_size(path, structure, own)
    return own


def _own_campaign(path: Path, structure: Structure) -> Campaign | None:
    """Campaign of the text in the file, or None if that is damaged."""
    with _Wreck(path, structure.extents, writable=False) as wreck:
        text = bytes(wreck.read("campaign_yaml"))
    if hashlib.sha256(text).hexdigest() != structure.text_sha256:
        return None
    return parse_campaign(text.decode(), f"{path}: campaign_yaml")
