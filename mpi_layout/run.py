"""The story of one launch: load, open, subtract what is done, hand out, store, summarise."""

import logging
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mpi_layout.campaign import Campaign, load_campaign
from mpi_layout.errors import InputError
from mpi_layout.parallel.schedule import Schedule
from mpi_layout.parallel.solver import Died, Solver
from mpi_layout.parallel.stopping import Stop, ignore_signals
from mpi_layout.parallel.team import Team, join
from mpi_layout.progress import Progress, Snapshot, duration, progress
from mpi_layout.results.file import ResultsFile, move_aside, open_results
from mpi_layout.results.row import Status

log = logging.getLogger(__name__)

ALL_DONE, SOME_FAILED, TOO_MANY_FAILED, STOPPED_EARLY = 0, 3, 4, 75


@dataclass(frozen=True)
class Order:
    """What the user asked of this launch."""

    campaign: Path
    output: Path
    only: str = "*"
    backend: str = "auto"
    time_limit: float | None = None  # s
    retry_failed: bool = False
    fresh: bool = False


def run(order: Order) -> int:
    """Work on a campaign until it is done, or has to stop.

    Returns
    -------
    The exit code, the same on every rank.

    Raises
    ------
    InputError
        On rank 0; the other ranks return code 2.
    """
    team = join()
    if not team.manages:
        ignore_signals()
        return team.work()
    stop = Stop(order.time_limit)
    stop.listen()
    try:
        campaign = load_campaign(order.campaign)
        chosen = np.array(campaign.select(order.only))
        results = open_for(order, campaign)
    except InputError:
        team.dismiss(2)
        raise
    with results:
        pass


__all__ = ["ALL_DONE"]
