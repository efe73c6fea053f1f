"""Which campaign the files that are merged are of, and where the rows of each belong in it."""

from collections.abc import Iterator, Sequence

import numpy as np

from mpi_layout.campaign import Campaign
from mpi_layout.campaign.compare import Change, differ_in_seeds_alone, differences
from mpi_layout.compare.diff import paired
from mpi_layout.errors import InputError
from mpi_layout.results.reader import Piece, Results, pick, rows_at_once
from mpi_layout.results.storage.row import row_dtype, waiting_rows
from mpi_layout.results.storage.store import PlainStore

_MOST_CHANGES = 5  # of a campaign that a message names


def one_campaign(sources: Sequence[Results], given: Campaign | None) -> Campaign:
    """Campaign of all files: the one that is given, or that of the first.

    Raises
    ------
    InputError
        If a file is of another campaign; of one that is given it may have fewer seeds.
    """
    campaign = sources[0].campaign if given is None else given
    wanted = str(sources[0].path) if given is None else "the one given with --campaign"
    for results in sources:
        own = results.campaign
        alone = differ_in_seeds_alone(campaign, own)
        if given is not None and alone and set(own.configs.seeds) <= set(campaign.configs.seeds):
            continue
        if changes := list(differences(campaign, own)):
            cure = "only files of one campaign can be merged, mpi-layout diff compares others"
            if alone:
                cure = "give a campaign file that has the seeds of all of them with --campaign"
            told = _told(changes, wanted, str(results.path))
            raise InputError(f"{results.path}: of another campaign than {wanted}: {told}; {cure}")
    return campaign


def _told(changes: Sequence[Change], a: str, b: str) -> str:
    told = [f"{change.key}: {change.a} in {a}, {change.b} in {b}" for change in changes[:_MOST_CHANGES]]
    if len(changes) > _MOST_CHANGES:
        told.append(f"and {len(changes) - _MOST_CHANGES} more")
    return "; ".join(told)


def pieces_of(results: Results, campaign: Campaign) -> Iterator[Piece]:
    """Yield the rows of a file in their places in a campaign, waiting ones where it has none.

    Parameters
    ----------
    results : Results
        Of that campaign, or of it with fewer seeds.
    campaign : Campaign
        From `one_campaign`.
    """
    configs, dtype = campaign.configs, row_dtype(campaign.n_turbines_max)
    if results.campaign.configs.seeds == configs.seeds:
        yield from results.pieces()
        return
    here, there = paired(configs, results.campaign.configs)
    numbers = np.full(len(configs), -1)
    numbers[here] = there
    step = rows_at_once(dtype)
    with PlainStore(results.path, results.structure.extents, writable=False) as store:
        for start in range(0, len(configs), step):
            rows = waiting_rows(dtype, configs[start : start + step])
            committed = np.zeros(len(rows), bool)
            own = np.flatnonzero(numbers[start : start + step] >= 0)
            if own.size:
                found = pick(store, dtype, numbers[start + own])
                rows[own], committed[own] = found.rows, found.committed
            yield Piece(start, rows, committed)
