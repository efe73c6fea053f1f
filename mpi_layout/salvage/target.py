"""The results file that takes the layouts: what it has already, and how they get into it."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mpi_layout.campaign import Campaign
from mpi_layout.optimise.problem import Solution
from mpi_layout.results.file import WriterLock, check_campaign, create_results, open_writer
from mpi_layout.results.reader import Results, open_reader
from mpi_layout.results.storage.disk import exists
from mpi_layout.results.storage.row import done_row
from mpi_layout.results.without_ranks import begun_now
from mpi_layout.salvage.choice import StoredLayout

RANK = -1  # of rows that no rank has solved

_BATCH = 500  # rows that are written together


def open_target(path: Path, campaign: Campaign) -> Results | None:
    """Results file that there is already, to be read.

    Raises
    ------
    InputError
        If it is no results file, or that of another campaign.
    """
    if not exists(path):
        return None
    results = open_reader(path)
    check_campaign(path, results.structure, campaign)
    return results


def stored_layouts(
    results: Results | None, campaign: Campaign, numbers: set[int]
) -> tuple[dict[int, StoredLayout], int]:
    """Layouts that a results file has of the configs `numbers`, and how many configs are done in it."""
    found: dict[int, StoredLayout] = {}
    n_done = 0
    for piece in results.pieces() if results is not None else ():
        for index in np.flatnonzero(piece.done).tolist():
            n_done += 1
            number = piece.start + index
            if number in numbers:
                row, n = piece.rows[index], campaign.configs[number].n_turbines
                x, y = (np.array(row[name][:n], float) for name in ("x", "y"))
                found[number] = StoredLayout(x, y, float(row["aep"]), float(row["objective"]))
    return found, n_done


def write_layouts(
    path: Path, campaign: Campaign, solutions: Mapping[int, Solution], reason: str, lock: WriterLock
) -> None:
    """Write layouts into a results file, which is made if there is none: a launch without ranks.

    Killed in between it leaves a sound file with some of them, and the same command goes on.

    Parameters
    ----------
    path : Path
        The results file.
    campaign : Campaign
        Its campaign.
    solutions : dict of int to Solution
        By number of the config.
    reason : str
        What the launch table says.
    lock : WriterLock
        Of the path, held.
    """
    if not exists(path):
        create_results(path, campaign)
    with open_writer(path, campaign, lock) as results:
        launch = results.begin_launch(**begun_now())
        numbers = sorted(solutions)
        for start in range(0, len(numbers), _BATCH):
            batch = numbers[start : start + _BATCH]
            rows = [
                done_row(
                    results.dtype,
                    campaign.configs[number],
                    solutions[number],
                    seconds=np.nan,
                    rank=RANK,
                    launch=launch,
                    attempts=0,
                )
                for number in batch
            ]
            results.write_rows(batch, np.concatenate(rows))
            results.heartbeat(time.time(), start + len(batch))
        results.checkpoint()
        results.end_launch(time.time(), reason, len(numbers))
