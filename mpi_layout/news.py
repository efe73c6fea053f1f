"""What a launch says to its user: what there is, who works, how fast it went, what to do next."""

import logging
import os
from collections.abc import Sequence

import numpy as np

from mpi_layout.campaign import Campaign
from mpi_layout.exit_codes import ExitCode
from mpi_layout.order import Order
from mpi_layout.parallel.manager import Manager
from mpi_layout.parallel.stopping import Stop
from mpi_layout.parallel.team import Team
from mpi_layout.progress import duration
from mpi_layout.results.file import ResultsFile
from mpi_layout.results.storage.row import Status

log = logging.getLogger(__name__)


def tell_start(
    order: Order, campaign: Campaign, results: ResultsFile, chosen: np.ndarray, doubts: Sequence[str]
) -> None:
    """Say what there is, and what is doubtful about campaign, file and nodes."""
    for warning in campaign.warnings:
        log.warning("%s: %s", order.campaign, warning)
    if results.damaged.size:
        log.warning("%s: %d rows are damaged and are computed again", order.output, results.damaged.size)
    for doubt in doubts:
        log.warning("%s", doubt)
    found = results.count(chosen)
    which = "" if order.only == "*" else f" chosen by {order.only} from {len(campaign.configs)}"
    log.info(
        "campaign %s, file %s: %d configs%s: %d done, %d failed, %d waiting",
        campaign.name,
        order.output,
        chosen.size,
        which,
        found[Status.DONE],
        found[Status.FAILED],
        found[Status.WAITING],
    )


def tell_ranks(team: Team) -> None:
    """Say how many work, and how many cores could."""
    cores = cores_here(team)
    allotted = "SLURM_JOB_ID" in os.environ  # how many ranks there are is the job script's business
    if team.ranks == 1:
        who = "1 rank, which hands out, solves and writes"
    else:
        there = "" if team.workers_here == team.workers else f" ({team.workers_here} on this machine)"
        who = f"{team.ranks} ranks: 1 hands out, {team.workers} solve{there}"
    advice = ""
    if team.workers_here < cores and not allotted:
        advice = f"; to use all, start {cores + 1} ranks: mpiexec -n {cores + 1} mpi-layout ..."
    log.info("%s; cores for them here: %d%s", who, cores, advice)


def cores_here(team: Team) -> int:
    """Cores that the ranks on this machine may run on; a launcher may have given each a core of its own."""
    allotments = team.allotments
    here, _ = allotments[0]
    together = 0
    for host, allotment in allotments:
        if host == here:
            together |= allotment.cores
    return together.bit_count()


def tell_speed(manager: Manager, seconds: float) -> None:
    """Say how fast it went."""
    schedule, workers = manager.schedule, manager.team.workers
    log.info(
        "this launch: %d configs in %s, %.3g/s, workers busy %.0f %%",
        manager.ended,
        duration(seconds),
        manager.ended / seconds,
        100 * manager.busy / (seconds * max(workers, 1)),
    )
    if manager.missing:
        log.warning("in this launch %s; no result was lost by it", ", ".join(manager.missing))
    if not manager.ended and manager.stop.out_of_time:
        log.warning(
            "no config ended before %s, %s after the start: another launch as short gets no further",
            manager.stop.reason,
            duration(seconds),
        )
    if schedule.running:
        log.info("%d configs were still running and start anew next time", schedule.running)


def tell_end(order: Order, code: ExitCode, results: ResultsFile, chosen: np.ndarray, stop: Stop) -> None:
    """Say how it stands, and what to do next."""
    found = results.count(chosen)
    log.info(
        "%s: %d of %d configs done, %d failed, %d waiting",
        order.output,
        found[Status.DONE],
        chosen.size,
        found[Status.FAILED],
        found[Status.WAITING],
    )
    complete = "complete" if order.only == "*" else "all chosen configs are done"
    advice = {
        ExitCode.DONE: f"{complete}; check it with: mpi-layout verify {order.output}",
        ExitCode.SOME_FAILED: f"see why they failed: mpi-layout status {order.output}; "
        "try them again: the same command with --retry-failed",
        ExitCode.TOO_MANY_FAILED: "stopped: more configs failed than failures.max_failed allows; "
        f"see: mpi-layout status {order.output}",
        ExitCode.EARLY: f"stopped early by {stop.reason}: run the same command again to go on",
    }
    log.info("%s", advice[code])
