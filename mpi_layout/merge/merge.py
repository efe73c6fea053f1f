"""Results files of one campaign, computed apart, put together into a new one.

A row is taken only if its checksum holds and it belongs to its config. A layout goes before a failure, and a
failure before nothing. Where several files have a layout for a config, they must be the same but for
rounding, or else somebody has to say which one counts.
"""

import itertools
import resource
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Campaign, load_campaign
from mpi_layout.compare.diff import close, differs, positions
from mpi_layout.compare.difference import ROUNDING
from mpi_layout.compare.moves import largest_move
from mpi_layout.errors import InputError
from mpi_layout.merge.campaigns import one_campaign, pieces_of
from mpi_layout.merge.merged import Conflict, ConflictError, Merged, Source
from mpi_layout.merge.merged_launches import merged_launches
from mpi_layout.results.create import create_results, replace_results
from mpi_layout.results.launches import sealed_launches, write_launches
from mpi_layout.results.layouts import results_neighbours
from mpi_layout.results.locking.lock import WriterLock, check_idle
from mpi_layout.results.reader import Piece, Results, open_reader
from mpi_layout.results.storage.disk import behind_links, exists
from mpi_layout.results.storage.row import seal, waiting_rows
from mpi_layout.results.storage.schema import IDENTITY
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.without_ranks import note_launch

OnConflict = Literal["error", "first", "better"]

_OWN_FILES = 16  # open besides those that are merged: standard streams, the new file and its lock, some more
_NOTHING, _FAILURE, _LAYOUT = range(3)  # what a row holds; the larger number goes first


def merge(
    paths: Sequence[Path],
    into: Path,
    *,
    campaign_path: Path | None = None,
    on_conflict: OnConflict = "error",
    force: bool = False,
    dry_run: bool = False,
    no_lock: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Merged:
    """Put results files of one campaign together into a new one.

    Parameters
    ----------
    paths : sequence of Path
        The files; they are only read.
    into : Path
        The new one. It appears whole and synced, or not at all.
    campaign_path : Path, optional
        Campaign file of the new one; files may have a part of its seeds. By default all files are
        of the same campaign.
    on_conflict : {"error", "first", "better"}
        What happens where layouts of a config are not the same: nothing is written, that of the first file is
        taken, or that with the larger objective.
    force : bool
        Whether to replace an existing file.
    dry_run : bool
        Whether to write nothing.
    no_lock : bool
        Whether to take what a launch that works on a file has stored by now, and to go on where the new file
        cannot be locked.
    progress : callable, optional
        Called with the number of configs looked at and of all configs.

    Raises
    ------
    InputError
        If a file is none that this program can use, is being worked on, given twice or of another campaign,
        if they are more than may be open at once, or if the new one exists or cannot be made.
        ConflictError if nobody has decided what has to be.
    """
    _check_number(len(paths))
    sources = [open_reader(path) for path in paths]
    into = behind_links(into)
    _check_paths(paths, into, force=force)
    given = None
    if campaign_path is not None:
        given = load_campaign(campaign_path, results_layout=results_neighbours)
    campaign = one_campaign(sources, given)
    for path in () if no_lock else paths:
        check_idle(path, "wait for its end, or take what it has stored by now with --no-lock")
    work = _Merge(sources, campaign, on_conflict, progress)
    if dry_run:
        work.look()
    else:
        with WriterLock(into, no_lock=no_lock):
            if exists(into):
                replace_results(into, campaign, fill=work.fill, doing="merging")
            else:
                create_results(into, campaign, fill=work.fill)
    return work.merged


class _Merge:
    """Reads all files side by side, some configs at a time."""

    def __init__(
        self,
        sources: Sequence[Results],
        campaign: Campaign,
        on_conflict: OnConflict,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._sources = sources
        self._campaign, self._configs = campaign, campaign.configs
        self._on_conflict = on_conflict
        self._progress = progress
        self._entries, self._numbers = merged_launches([_launches(results) for results in sources])
        self.merged = Merged([Source(str(results.path)) for results in sources], launches=len(self._entries))

    def look(self) -> None:
        """Find out what a new file would hold; raises ConflictError."""
        for _ in self._rows():
            pass
        self._check_decided()

    def fill(self, store: PlainStore) -> None:
        """Write a new file; raises ConflictError."""
        write_launches(store, self._entries)
        for start, rows in self._rows():
            store.write_rows(start, rows)
        self._check_decided()
        files = "1 file" if len(self._sources) == 1 else f"{len(self._sources)} files"
        note_launch(store, f"merged {files}", 0)  # each row has the launch that has computed it

    def _check_decided(self) -> None:
        if any(conflict.taken is None for conflict in self.merged.conflicts):
            raise ConflictError(self.merged)

    def _rows(self) -> Iterator[tuple[int, NDArray[np.void]]]:
        """Yield the rows of a new file in pieces, each with the number of its first."""
        sources = (pieces_of(results, self._campaign) for results in self._sources)
        for pieces in zip(*sources, strict=True):
            start, n = pieces[0].start, len(pieces[0].rows)
            rows = waiting_rows(pieces[0].rows.dtype, self._configs[start : start + n])
            held = np.array([_held(piece, rows) for piece in pieces])
            taken = self._choose(pieces, held)
            for number, piece in enumerate(pieces):
                here = (taken == number) & (held[number] > _NOTHING)
                rows[here] = self._renumbered(piece.rows[here], number)
            self._count(pieces, held, taken)
            yield start, rows
            if self._progress is not None:
                self._progress(start + n, len(self._configs))

    def _choose(self, pieces: Sequence[Piece], held: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each config (n,) the file whose row is taken, if there is any."""
        first = held.argmax(axis=0)
        taken = first.copy()
        several = (held == _LAYOUT).sum(axis=0) > 1
        doubtful = several & ~_same_bits(pieces, held == _LAYOUT, first)
        self.merged.equal += int(several.sum() - doubtful.sum())
        for index in np.flatnonzero(doubtful).tolist():
            having = np.flatnonzero(held[:, index] == _LAYOUT)
            rows = np.concatenate([pieces[number].rows[index : index + 1] for number in having.tolist()])
            if _is_rounding(rows):
                self.merged.equal += 1
                continue
            if self._on_conflict == "better":
                objective = np.nan_to_num(rows["objective"], nan=-np.inf)
                taken[index] = having[objective.argmax()]
            decided = None if self._on_conflict == "error" else int(taken[index])
            key = self._configs[pieces[0].start + index].key
            self.merged.conflicts.append(_conflict(key, having, rows, decided))
        return taken

    def _renumbered(self, rows: NDArray[np.void], source: int) -> NDArray[np.void]:
        """Rows of a file with the numbers that its launches have in the new one."""
        numbers = self._numbers[source]
        known = (rows["launch"] >= 0) & (rows["launch"] < len(numbers))
        renumbered = rows.copy()
        renumbered["launch"] = -1
        renumbered["launch"][known] = numbers[rows["launch"][known]]
        seal(renumbered)
        return renumbered

    def _count(self, pieces: Sequence[Piece], held: NDArray[np.int64], taken: NDArray[np.int64]) -> None:
        merged, best = self.merged, held.max(axis=0)
        merged.done += int((best == _LAYOUT).sum())
        merged.failed += int((best == _FAILURE).sum())
        merged.waiting += int((best == _NOTHING).sum())
        lost = np.zeros(len(best), bool)
        for number, (source, piece) in enumerate(zip(merged.sources, pieces, strict=True)):
            source.done += int((held[number] == _LAYOUT).sum())
            source.failed += int((held[number] == _FAILURE).sum())
            source.taken += int(((taken == number) & (held[number] > _NOTHING)).sum())
            damaged = piece.damaged | (piece.committed & (held[number] == _NOTHING))
            source.damaged += self._keys(piece.start, damaged)
            lost |= damaged & (best == _NOTHING)
        merged.lost += self._keys(pieces[0].start, lost)

    def _keys(self, start: int, which: NDArray[np.bool_]) -> list[str]:
        return [self._configs[start + index].key for index in np.flatnonzero(which).tolist()]


# ---------------------------------------------------------------- before


def _check_number(n_files: int) -> None:
    """See that all files can be open at once, before they are read one after the other."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY or n_files + _OWN_FILES <= limit:
        return
    raise InputError(
        f"{n_files:,} files are more than may be open at once here ({limit:,}, ulimit -n): raise that with "
        f"ulimit -n {n_files + _OWN_FILES}, or merge in steps: some of them first, then what came of that "
        "with the others"
    )


def _check_paths(paths: Sequence[Path], into: Path, *, force: bool) -> None:
    for one, other in itertools.combinations(paths, 2):
        if one.samefile(other):
            raise InputError(f"{other}: given twice{'' if one == other else f', the same file as {one}'}")
    if not exists(into):
        return
    for path in paths:
        if into.exists() and into.samefile(path):
            raise InputError(f"{into}: is one of the files that are merged; give another name with --into")
    if into.exists() and not into.is_file():
        raise InputError(f"{into}: is a folder or a device; give the name of a file with --into")
    if not force:
        raise InputError(f"{into}: exists already and is not replaced; give another name, or --force")


def _launches(results: Results) -> NDArray[np.void]:
    with PlainStore(results.path, results.structure.extents, writable=False) as store:
        return sealed_launches(store)


# ---------------------------------------------------------------- rows


def _held(piece: Piece, fresh: NDArray[np.void]) -> NDArray[np.int64]:
    """What rows (n,) of a file hold; a row of another config than it should be of holds nothing."""
    own = np.logical_and.reduce([piece.rows[name] == fresh[name] for name in IDENTITY])
    return np.select([piece.done & own, piece.failed & own], [_LAYOUT, _FAILURE], _NOTHING)


def _same_bits(
    pieces: Sequence[Piece], having: NDArray[np.bool_], first: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """For each config (n,), whether all files (k, n) that have a layout have the very same one."""
    reference = pieces[0].rows.copy()
    for number, piece in enumerate(pieces):
        reference[first == number] = piece.rows[first == number]
    same = np.ones(len(first), bool)
    for piece, has in zip(pieces, having, strict=True):
        for name in ("x", "y", "aep", "objective"):
            same &= ~(has & differs(piece.rows[name], reference[name]))
    return same


def _is_rounding(rows: NDArray[np.void]) -> bool:
    """Whether layouts (n,) of a config are the same but for rounding."""
    near = [close(rows[name], rows[name][:1], ROUNDING.aep).all() for name in ("aep", "objective")]
    return all(near) and all(move <= ROUNDING.move for move in _moves(rows))


def _moves(rows: NDArray[np.void]) -> list[float]:
    """Largest moves of a turbine from the first of some layouts to each of the others, m."""
    return [largest_move(positions(rows[0]), positions(row)) for row in rows[1:]]


def _conflict(key: str, having: NDArray[np.int64], rows: NDArray[np.void], taken: int | None) -> Conflict:
    return Conflict(
        key=key,
        sources=tuple(having.tolist()),
        aep=tuple(rows["aep"].tolist()),
        objective=tuple(rows["objective"].tolist()),
        largest_move=float(np.max(_moves(rows))),
        taken=taken,
    )
