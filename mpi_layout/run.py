"""The story of one launch: load, open, subtract what is done, hand out, store, summarise."""

import logging
import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mpi_layout.campaign import Campaign, load_campaign
from mpi_layout.errors import InputError
from mpi_layout.parallel.manager import TOO_MANY_FAILED, Manager
from mpi_layout.parallel.schedule import Schedule
from mpi_layout.parallel.solver import Solver
from mpi_layout.parallel.stopping import Stop
from mpi_layout.parallel.team import Team
from mpi_layout.progress import Snapshot, duration, progress
from mpi_layout.results.file import ResultsFile, WriterLock, create_results, move_aside, open_writer
from mpi_layout.results.row import Status
from mpi_layout.results.versions import software_versions

log = logging.getLogger(__name__)

ALL_DONE, INPUT_ERROR, SOME_FAILED, TOO_MANY, STOPPED_EARLY = 0, 2, 3, 4, 75


@dataclass(frozen=True)
class Order:
    """What the user asks of a launch."""

    campaign: Path
    output: Path
    only: str = "*"
    backend: str = "auto"
    retry_failed: bool = False
    fresh: bool = False


def run(order: Order, team: Team, stop: Stop) -> int:
    """Work on a campaign until all chosen configs are done, or the launch has to stop.

    Parameters
    ----------
    order : Order
        What is asked.
    team : Team
        Who solves.
    stop : Stop
        When it ends early.

    Returns
    -------
    The exit code, the same on every rank.

    Raises
    ------
    InputError
        The workers have been sent home with code 2 then.
    """
    with ExitStack() as opened:
        try:
            campaign = load_campaign(order.campaign)
            chosen = np.array(campaign.select(order.only))
            results = opened.enter_context(open_results(order, campaign))
        except InputError:
            team.dismiss(INPUT_ERROR)
            raise
        numbers = left_to_do(order, results, chosen)
        tell_start(order, campaign, results, chosen, numbers)
        if numbers.size:
            work_on(numbers, chosen, campaign, results, team, stop)
        code = verdict(results, chosen, stop)
        tell_end(order, code, results, chosen, stop)
    team.dismiss(code)
    return code


@contextmanager
def open_results(order: Order, campaign: Campaign) -> Iterator[ResultsFile]:
    """Results file of the campaign, locked, and made if there is none.

    Raises
    ------
    InputError
        If it cannot be had; the text says why and what to do.
    """
    path = order.output
    with WriterLock(path):
        if order.fresh and os.path.lexists(path):
            log.info("%s moved aside to %s", path, move_aside(path))
        if not os.path.lexists(path):
            create_results(path, campaign)
        with open_writer(path, campaign) as results:
            yield results


def left_to_do(order: Order, results: ResultsFile, chosen: np.ndarray) -> np.ndarray:
    """Numbers of the chosen configs that this launch works on."""
    status = results.status[chosen]
    wanted = status == Status.WAITING
    if order.retry_failed:
        wanted |= status == Status.FAILED
    return chosen[wanted]


def work_on(
    numbers: np.ndarray,
    chosen: np.ndarray,
    campaign: Campaign,
    results: ResultsFile,
    team: Team,
    stop: Stop,
) -> None:
    """Hand out the configs `numbers` and store what comes back."""
    started = time.monotonic()
    solver = Solver(campaign, launch=begin_launch(results, team), rank=0)
    tell_ranks(team)
    team.open(solver)
    schedule = make_schedule(numbers, campaign, results)
    manager = Manager(team, schedule, results, solver, stop, campaign.checkpoint.interval_s)
    before = count(results, np.setdiff1d(chosen, numbers))
    failed_before = schedule.failed

    def snapshot() -> Snapshot:
        return Snapshot(
            done=before[Status.DONE] + schedule.done,
            failed=before[Status.FAILED] + schedule.failed - failed_before,
            running=schedule.running,
            waiting=schedule.waiting,
            seconds_left=schedule.seconds_left / team.workers,
            ended_before=before[Status.DONE] + before[Status.FAILED],
        )

    try:
        with progress(campaign.checkpoint.interval_s) as shown:
            manager.work(lambda: shown.show(snapshot))
    except BaseException as error:
        manager.close(f"error: {type(error).__name__}")
        raise
    manager.close(stop.reason or "complete")
    tell_speed(manager, time.monotonic() - started)


def begin_launch(results: ResultsFile, team: Team) -> int:
    """Enter this launch into the file's launch table."""
    return results.begin_launch(
        ranks=team.ranks,
        host=socket.gethostname(),
        pid=os.getpid(),
        scheduler_id=os.environ.get("SLURM_JOB_ID", ""),
        versions=" ".join(f"{name}={version}" for name, version in software_versions().items()),
        now=time.time(),
    )


def make_schedule(numbers: np.ndarray, campaign: Campaign, results: ResultsFile) -> Schedule:
    """Schedule of the configs `numbers`; those of one area and turbine type are of one kind."""
    configs = [campaign.configs[number] for number in numbers]
    kinds = {kind: i for i, kind in enumerate(dict.fromkeys((c.area, c.turbine_type) for c in configs))}
    guess = np.zeros(len(kinds))
    for config in configs:
        guess[kinds[config.area, config.turbine_type]] = 1e-5 * config.n_turbines**2
    waiting = results.status[numbers] == Status.WAITING
    failed = int((results.status == Status.FAILED).sum() - (~waiting).sum())
    max_failed = campaign.failures.max_failed.limit(len(campaign.configs))
    return Schedule(
        numbers,
        np.array([kinds[config.area, config.turbine_type] for config in configs]),
        guess,
        attempts=np.where(
            waiting, results.attempts[numbers], 0
        ),  # a failed config that is retried starts anew
        max_attempts=campaign.failures.max_attempts,
        failed=failed,
        max_failed=math.inf if max_failed is None else max_failed,
    )


def verdict(results: ResultsFile, chosen: np.ndarray, stop: Stop) -> int:
    """Exit code of the launch."""
    found = count(results, chosen)
    if found[Status.WAITING]:
        return TOO_MANY if stop.reason == TOO_MANY_FAILED else STOPPED_EARLY
    return SOME_FAILED if found[Status.FAILED] else ALL_DONE


def count(results: ResultsFile, numbers: np.ndarray) -> dict[Status, int]:
    """How many of the configs `numbers` are waiting, done, failed."""
    return {status: int((results.status[numbers] == status).sum()) for status in Status}


# ---------------------------------------------------------------- what the user reads


def tell_start(
    order: Order, campaign: Campaign, results: ResultsFile, chosen: np.ndarray, numbers: np.ndarray
) -> None:
    """Say what there is and what will be done."""
    for warning in campaign.warnings:
        log.warning("%s: %s", order.campaign, warning)
    if results.damaged.size:
        log.warning("%s: %d rows are damaged and are computed again", order.output, results.damaged.size)
    found = count(results, chosen)
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
    if numbers.size:
        why = " (auto: the one that needs no parallel HDF5)" if order.backend == "auto" else ""
        log.info("backend gather%s: rank 0 writes what the others solve", why)


def tell_ranks(team: Team) -> None:
    """Say how many work, and how many cores could."""
    cores = len(os.sched_getaffinity(0))
    allotted = "SLURM_JOB_ID" in os.environ  # how many ranks there are is the job script's business
    if team.ranks == 1:
        who = "1 rank, which hands out, solves and writes"
    else:
        there = "" if team.workers_here == team.workers else f" ({team.workers_here} on this machine)"
        who = f"{team.ranks} ranks: 1 hands out and writes, {team.workers} solve{there}"
    advice = ""
    if team.workers_here < cores and not allotted:
        advice = f"; to use all, start {cores + 1} ranks: mpiexec -n {cores + 1} mpi-layout run ..."
    elif team.workers_here > cores and not allotted:
        advice = f", fewer than the {team.workers_here} that solve on it"
    log.info("%s; this machine has %d core%s%s", who, cores, "" if cores == 1 else "s", advice)


def tell_speed(manager: Manager, seconds: float) -> None:
    """Say how fast it went."""
    schedule, workers = manager.schedule, manager.team.workers
    log.info(
        "this launch: %d configs in %s, %.3g/s, workers busy %.0f %%",
        manager.ended,
        duration(seconds),
        manager.ended / seconds,
        100 * manager.busy / (seconds * workers),
    )
    if schedule.running:
        log.info("%d configs were still running and start anew next time", schedule.running)


def tell_end(order: Order, code: int, results: ResultsFile, chosen: np.ndarray, stop: Stop) -> None:
    """Say how it stands, and what to do next."""
    found = count(results, chosen)
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
        ALL_DONE: f"{complete}; check it with: mpi-layout verify {order.output}",
        SOME_FAILED: f"see why they failed: mpi-layout status {order.output}; "
        "try them again: the same command with --retry-failed",
        TOO_MANY: "stopped: more configs failed than failures.max_failed allows; "
        f"see: mpi-layout status {order.output}",
        STOPPED_EARLY: f"stopped early by {stop.reason}: run the same command again to go on",
    }
    log.info("%s", advice[code])
