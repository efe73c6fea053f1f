"""The story of one launch: load, open, subtract what is done, hand out, store, summarise."""

import logging
import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np

from mpi_layout import news
from mpi_layout.backend import choose_backend
from mpi_layout.campaign import Campaign, load_campaign
from mpi_layout.errors import InputError
from mpi_layout.exit_codes import ExitCode
from mpi_layout.order import Order
from mpi_layout.pace import expected_seconds, refuse_short_limit
from mpi_layout.parallel.manager import TOO_MANY_FAILED, Manager
from mpi_layout.parallel.schedule import Schedule
from mpi_layout.parallel.solver import Solver
from mpi_layout.parallel.stopping import Stop
from mpi_layout.parallel.team import Team
from mpi_layout.progress import Snapshot, progress
from mpi_layout.results.extend import extend_results
from mpi_layout.results.file import ResultsFile, WriterLock, create_results, move_aside, open_writer
from mpi_layout.results.launches import scheduler_id
from mpi_layout.results.layouts import results_neighbours
from mpi_layout.results.storage.disk import behind_links, exists
from mpi_layout.results.storage.row import Status
from mpi_layout.results.storage.versions import software_versions
from mpi_layout.room import check_room, nodes_of
from mpi_layout.wake.kernel.native import instruction_set

log = logging.getLogger(__name__)


def run(
    order: Order, team: Team, stop: Stop, finish: Callable[[ExitCode], ExitCode] = lambda code: code
) -> int:
    """Work on a campaign until all chosen configs are done, or the launch has to stop.

    Parameters
    ----------
    order : Order
        What is asked.
    team : Team
        Who solves.
    stop : Stop
        When it ends early.
    finish : function, optional
        What is done by rank 0 in the end, before the ranks part: from the exit code to the final one.

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
            log.debug("wake kernel: %s", instruction_set())
            campaign = load_campaign(order.campaign, text=order.text, results_layout=results_neighbours)
            allow_code(campaign, allowed=order.allow_code)
            chosen = campaign.select(order.only)
            results = opened.enter_context(open_results(order, campaign))
            numbers = left_to_do(order, results, chosen)
            refuse_short_limit(stop, numbers, campaign, results)
            doubts = list(check_room(campaign, nodes_of(team.allotments))) if numbers.size else []
            backend = choose_backend(order.backend, team.ranks)
            comm = team.share(results.invite()) if backend.shared and numbers.size else None
        except InputError:
            team.dismiss(ExitCode.INPUT)
            raise
        news.tell_start(order, campaign, results, chosen, doubts)
        if numbers.size:
            log.info("%s", backend)
            work_on(numbers, chosen, campaign, results, team, stop, comm, order.only)
        code = verdict(results, chosen, stop)
        news.tell_end(order, code, results, chosen, stop)
        code = finish(code)
        if not team.dismiss(code):
            results.let_go()
    team.leave(code)
    return code


def allow_code(campaign: Campaign, *, allowed: bool) -> None:
    """Let the campaign's function run, if it has one, and run its file to see that it does.

    Raises
    ------
    InputError
        If nobody has allowed it, or it fails.
    """
    if campaign.code is None:
        return
    if allowed:
        campaign.allow_code()
    campaign.code.load()


@contextmanager
def open_results(order: Order, campaign: Campaign) -> Iterator[ResultsFile]:
    """Results file of the campaign, locked, and made if there is none.

    Raises
    ------
    InputError
        If it cannot be had; the text says why and what to do.
    """
    path = behind_links(order.output)
    if exists(path) and path.samefile(order.campaign):
        raise InputError(f"{path}: is the campaign itself; give another file with -o")
    with WriterLock(path, no_lock=order.no_lock) as lock:
        if order.fresh and exists(path):
            log.info("%s moved aside to %s", path, move_aside(path))
        if not exists(path):
            create_results(path, campaign)
        elif order.extend:
            extend_results(path, campaign)
        with open_writer(path, campaign, lock) as results:
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
    comm: Any,
    only: str,
) -> None:
    """Hand out `numbers` and see that what comes back is stored, by rank 0 or by all ranks of `comm`."""
    started = time.monotonic()
    solver = Solver(campaign, launch=begin_launch(results, team), rank=0)
    news.tell_ranks(team)
    team.open(solver)
    if comm is not None and not open_together(results, comm, team, stop):
        return
    schedule = make_schedule(numbers, campaign, results)
    manager = Manager(team, schedule, results, solver, stop, campaign.checkpoint.interval_s, only)
    before = results.count(np.setdiff1d(chosen, numbers))
    failed_before = schedule.failed

    def snapshot() -> Snapshot:
        left = schedule.seconds_left / max(team.workers, 1)
        return Snapshot(
            done=before[Status.DONE] + schedule.done,
            failed=before[Status.FAILED] + schedule.failed - failed_before,
            running=schedule.running,
            waiting=schedule.waiting,
            seconds_left=left if schedule.timed else math.inf,
            ended_before=before[Status.DONE] + before[Status.FAILED],
        )

    try:
        with progress(campaign.checkpoint.interval_s) as shown:
            manager.work(lambda: shown.show(snapshot))
    except BaseException as error:
        with suppress(OSError):  # the first error is the one to tell
            manager.close(_reason(error))
        raise
    manager.close(stop.reason or "complete")
    news.tell_speed(manager, time.monotonic() - started)


def _reason(error: BaseException) -> str:
    """What the launch table says of an error that ends a launch; nothing if the disk failed."""
    if isinstance(error, OSError):
        return ""
    kind = MemoryError if isinstance(error, MemoryError) else type(error)  # numpy has one of its own
    return f"error: {kind.__name__}"


def open_together(results: ResultsFile, comm: Any, team: Team, stop: Stop) -> bool:
    """Let all ranks write the file from now on; False if one died meanwhile, and the launch has to end."""
    try:
        results.write_together(comm)
    except OSError:
        if not (lost := team.lost()):
            raise
        stop.ask(f"the loss of {', '.join(lost)} while all ranks opened the file")
        results.end_launch(time.time(), stop.reason, 0)
        results.checkpoint()
    return results.shared


def begin_launch(results: ResultsFile, team: Team) -> int:
    """Enter this launch into the file's launch table."""
    return results.begin_launch(
        ranks=team.ranks,
        host=socket.gethostname(),
        pid=os.getpid(),
        scheduler_id=scheduler_id(),
        versions=" ".join(f"{name}={version}" for name, version in versions_of(team).items()),
        now=time.time(),
    )


def versions_of(team: Team) -> dict[str, str]:
    """What results depend on, if only in digits far behind; and the MPI, in one word."""
    found = software_versions() | {"kernel": instruction_set()}
    return found | {"mpi": team.mpi.replace(" ", "_")} if team.mpi else found


def make_schedule(numbers: np.ndarray, campaign: Campaign, results: ResultsFile) -> Schedule:
    """Schedule of the configs `numbers`; those of one area and turbine type are of one kind."""
    waiting = results.status[numbers] == Status.WAITING
    failed = int((results.status == Status.FAILED).sum() - (~waiting).sum())
    max_failed = campaign.failures.max_failed.limit(len(campaign.configs))
    return Schedule(
        numbers,
        campaign.configs.kinds_of(numbers),
        expected_seconds(campaign, results),
        # A failed config that is retried starts anew.
        attempts=np.where(waiting, results.attempts[numbers], 0),
        max_attempts=campaign.failures.max_attempts,
        failed=failed,
        max_failed=math.inf if max_failed is None else max_failed,
        timed=bool(np.isfinite(results.seconds).any()),
    )


def verdict(results: ResultsFile, chosen: np.ndarray, stop: Stop) -> ExitCode:
    """Exit code of the launch."""
    found = results.count(chosen)
    if found[Status.WAITING]:
        return ExitCode.TOO_MANY_FAILED if stop.reason == TOO_MANY_FAILED else ExitCode.EARLY
    return ExitCode.SOME_FAILED if found[Status.FAILED] else ExitCode.DONE
