"""The story of a salvage: look at files, judge layouts, compute energies, choose, write, report."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from mpi_layout.campaign import Campaign, load_campaign
from mpi_layout.errors import InputError
from mpi_layout.exit_codes import ExitCode
from mpi_layout.optimise.problem import Solution
from mpi_layout.optimise.refinement import NO_REFINEMENT
from mpi_layout.results.layouts import results_neighbours
from mpi_layout.results.locking.lock import WriterLock
from mpi_layout.results.storage.disk import behind_links
from mpi_layout.salvage.aside import Aside
from mpi_layout.salvage.audit import Audit, FileAudit, LayoutAudit, Outcome
from mpi_layout.salvage.choice import Entry, OnDuplicate, StoredLayout, choose, distinct
from mpi_layout.salvage.files import judge_file
from mpi_layout.salvage.find import SUFFIXES, Found, file_id, find_files
from mpi_layout.salvage.identity import RefusedError, config_of
from mpi_layout.salvage.layouts import judged, solution_of
from mpi_layout.salvage.quarantine import copy_bad
from mpi_layout.salvage.target import open_target, stored_layouts, write_layouts

Progress = Callable[[int, int], None]

_BATCH = 64  # layouts that are evaluated at least when somebody interrupts


@dataclass(frozen=True)
class Request:
    """What is asked for; attributes as the options of the command.

    Attributes
    ----------
    max_bad : int or None
        Bad files, and refused layouts of the others, with which nothing is written; None for any number.
    mend : float
        How far turbines may be moved so that all rules are kept, m.
    """

    old: tuple[Path, ...]
    campaign: Path
    into: Path
    on_duplicate: OnDuplicate = OnDuplicate.KEEP_BETTER
    replace_worse: bool = False
    mend: float = 0.0
    max_bad: int | None = None
    quarantine: Path | None = None
    dry_run: bool = False
    allow_code: bool = False


def salvage(asked: Request, progress: Progress | None = None) -> Audit:
    """Take what is sound of old files into a results file.

    Parameters
    ----------
    asked : Request
        What is asked for. Old files are only read.
    progress : callable, optional
        Called with the number of layouts evaluated and of all that have to be.

    Raises
    ------
    InputError
        If there is nothing to look at, or the results file cannot take anything.
    """
    asked = replace(asked, into=behind_links(asked.into))
    campaign = _campaign(asked)
    found = _find(asked)
    with nullcontext() if asked.dry_run else WriterLock(asked.into) as lock:
        target = open_target(asked.into, campaign)
        audit, entries = _looked_at(asked, campaign, found)
        stored, audit.n_done_before = stored_layouts(target, campaign, set(entries))
        _stop_if_bad(audit, asked)
        solutions = {} if audit.stopped else _chosen(asked, campaign, audit, entries, stored, progress)
        _stop_if_bad(audit, asked)  # the user's function may have refused some
        _stop_if_useless(audit, asked)
        if audit.stopped:
            solutions = {}
        audit.n_written = len(solutions)
        audit.n_missing = audit.n_configs - audit.n_done_before - len(solutions.keys() - stored.keys())
        if lock is not None and not audit.stopped:
            if asked.quarantine is not None:
                bad = [file for file in audit.files if file.is_bad]
                n_copied = copy_bad(bad, asked.quarantine)
                copies = "1 bad file is" if n_copied == 1 else f"{n_copied:,} bad files are"
                audit.notes.append(f"{copies} in {asked.quarantine}")
            if solutions:
                write_layouts(asked.into, campaign, solutions, _reason(audit), lock)
    return audit


def _campaign(asked: Request) -> Campaign:
    campaign = load_campaign(asked.campaign, results_layout=results_neighbours)
    if campaign.code is not None:
        if asked.allow_code:
            campaign.allow_code()
        campaign.code.load()  # which says so if it may not run
    return campaign


def _find(asked: Request) -> Found:
    into = file_id(asked.into)
    if into is not None and into == file_id(asked.campaign):
        raise InputError(f"{asked.into}: is the campaign itself; give another file with --into")
    if asked.quarantine is not None and os.path.exists(asked.quarantine) and not asked.quarantine.is_dir():
        raise InputError(f"{asked.quarantine}: is no folder; give another one with --quarantine")
    leave_out = [asked.into, *([asked.quarantine] if asked.quarantine is not None else [])]
    found = find_files(asked.old, leave_out)
    if not found.files:
        where = ", ".join(str(path) for path in asked.old)
        besides = "" if into is None else f", besides {asked.into}"
        wanted = " or ".join(f"*{suffix}" for suffix in SUFFIXES)
        raise InputError(f"{where}: there are no files named {wanted}{besides}")
    return found


# ---------------------------------------------------------------- look


def _looked_at(asked: Request, campaign: Campaign, found: Found) -> tuple[Audit, dict[int, list[Entry]]]:
    """Judge all files and layouts; the layouts that may be taken by number of their config."""
    audit = Audit(
        campaign=str(asked.campaign),
        digest=campaign.digest,
        into=str(asked.into),
        options={
            "dry_run": asked.dry_run,
            "on_duplicate": asked.on_duplicate.value,
            "replace_worse": asked.replace_worse,
            "mend_m": asked.mend,
            "max_bad": asked.max_bad,
        },
        n_configs=len(campaign.configs),
        notes=[*found.notes],
    )
    if campaign.refine != NO_REFINEMENT:
        audit.notes.append("the campaign refines its layouts; those that are salvaged stay as they are")
    entries: dict[int, list[Entry]] = {}
    with Aside() as aside:
        for path in found.files:
            file = FileAudit(judge_file(path, aside), [])
            audit.files.append(file)
            for entry in _entries(file, campaign, asked.mend):
                entries.setdefault(entry.candidate.config.number, []).append(entry)
    return audit, entries


def _entries(file: FileAudit, campaign: Campaign, mend: float) -> Iterator[Entry]:
    for old in file.judged.layouts:
        audit = LayoutAudit(str(file.judged.path), old.name, stored_aep=old.aep)
        file.layouts.append(audit)
        try:
            config = config_of(old, campaign)
            audit.key = config.key
            candidate = judged(old, config, campaign, mend=mend)
        except RefusedError as error:
            audit.refuse(error)
            continue
        audit.moved = candidate.moved
        yield Entry(candidate, audit)


# ---------------------------------------------------------------- choose


def _chosen(
    asked: Request,
    campaign: Campaign,
    audit: Audit,
    entries: dict[int, list[Entry]],
    stored: dict[int, StoredLayout],
    progress: Progress | None,
) -> dict[int, Solution]:
    """What to write, by number of the config."""
    different = {number: distinct(found, stored.get(number)) for number, found in sorted(entries.items())}
    _evaluate([entry for found in different.values() for entry in found], campaign, progress)
    solutions = {}
    for number, found in different.items():
        valued = [entry for entry in found if entry.solution is not None]
        chosen = choose(valued, stored.get(number), asked.on_duplicate, replace_worse=asked.replace_worse)
        if len(valued) > 1 or (valued and number in stored):
            audit.unequal[campaign.configs[number].key] = [entry.audit for entry in valued]
        if chosen is not None and chosen.solution is not None:
            solutions[number] = chosen.solution
    return solutions


def _evaluate(entries: list[Entry], campaign: Campaign, progress: Progress | None) -> None:
    def evaluate(entry: Entry) -> None:
        try:
            entry.solution = solution_of(entry.candidate, campaign)
            entry.audit.aep = entry.solution.aep
        except RefusedError as error:
            entry.audit.refuse(error)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:  # the kernel releases the GIL
        for first in range(0, len(entries), _BATCH):
            batch = entries[first : first + _BATCH]
            list(threads.map(evaluate, batch))
            if progress is not None:
                progress(first + len(batch), len(entries))


# ---------------------------------------------------------------- stop or go on


def _stop_if_bad(audit: Audit, asked: Request) -> None:
    if asked.max_bad is not None and audit.n_bad > asked.max_bad:
        audit.stopped = f"{audit.n_bad} bad files and layouts, {asked.max_bad} are allowed by --max-bad"
        audit.stop_code = ExitCode.TOO_MANY_FAILED


def _stop_if_useless(audit: Audit, asked: Request) -> None:
    if audit.stopped:
        return
    if asked.on_duplicate == OnDuplicate.ERROR and audit.unequal:
        n = len(audit.unequal)
        audit.stopped = (
            f"{n} {'config has' if n == 1 else 'configs have'} unequal layouts; choose with --on-duplicate "
            "keep-better, first or last"
        )
    elif not audit.count(Outcome.TAKEN) + audit.count(Outcome.EQUAL) + audit.count(Outcome.NOT_KEPT):
        audit.stopped = f"no layout was found that fits {asked.campaign}"


def _reason(audit: Audit) -> str:
    """What the launch table says."""
    sources = [file for file in audit.files if file.count(Outcome.TAKEN)]
    return f"salvaged from {_listed(file.judged.path.name for file in sources)}"


def _listed(names: Iterable[str]) -> str:
    first, *others = names
    return f"{first} and {len(others)} other files" if others else first
