"""A results file that gets more seeds: made anew with the rows that it has, and put in its place."""

import logging
from pathlib import Path

import numpy as np

from mpi_layout.campaign import Campaign
from mpi_layout.campaign.compare import differ_in_seeds_alone
from mpi_layout.errors import InputError
from mpi_layout.results.create import replace_results
from mpi_layout.results.launches import copy_launches
from mpi_layout.results.reader import Results, open_reader
from mpi_layout.results.storage.disk import behind_links
from mpi_layout.results.storage.store import PlainStore

log = logging.getLogger(__name__)


def extend_results(path: Path, campaign: Campaign) -> None:
    """Give a results file the seeds of a campaign, if it belongs to the same one with fewer of them.

    Rows that are done or failed, and launches, are kept. The new file is whole and on disk before it gets the
    name of the old one, so that at any moment there is a file with all of them. Nothing happens to a file of
    any other campaign: who opens it for writing says why it does not fit.

    Call it with the `WriterLock` of the path held.

    Parameters
    ----------
    path : Path
        The results file, or a link to it, which stays one.
    campaign : Campaign
        What will be computed.

    Raises
    ------
    InputError
        If it is no results file that this program can use, or the new one cannot be made.
    """
    path = behind_links(path)
    old = open_reader(path)
    if not _has_more_seeds(old, campaign):
        return
    replace_results(
        path, campaign, fill=lambda store: _copy(old, store, campaign), doing="giving it more starts"
    )
    log.info("%s: %d configs more", path, len(campaign.configs) - old.n_rows)


def _has_more_seeds(old: Results, campaign: Campaign) -> bool:
    try:
        own = old.campaign
    except InputError:
        return False  # damaged
    seeds = set(campaign.configs.seeds)
    more = len(own.configs.seeds) < len(seeds) and seeds.issuperset(own.configs.seeds)
    return more and differ_in_seeds_alone(own, campaign)


def _copy(old: Results, store: PlainStore, campaign: Campaign) -> None:
    """Write the rows that hold a result, and the launches, into a file where all rows wait."""
    for piece in old.pieces():
        for index in np.flatnonzero(piece.committed).tolist():
            number = campaign.configs.number_of(old.key(piece.start + index))
            store.write_rows(number, piece.rows[index : index + 1])
    with PlainStore(old.path, old.structure.extents, writable=False) as source:
        copy_launches(source, store)
