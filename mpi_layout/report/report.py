"""The page of a results file, put together."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mpi_layout.report import asked, drawn, found, origin, worked
from mpi_layout.report.blocks import Block, Page, Section, Share
from mpi_layout.report.page import html
from mpi_layout.report.words import moment
from mpi_layout.results.best import best_layouts
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Selection
from mpi_layout.results.state.summary import summarise
from mpi_layout.results.written import refuse_existing, written


def write_report(
    results: Results, target: Path, *, now: float, only: Sequence[str] = (), force: bool = False
) -> None:
    """Write a page about a results file, whole or not at all.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    target : Path
        The page, HTML; "-" is standard output.
    now : float
        Seconds since 1970.
    only : sequence of str
        Globs of which the key of a config must match one for its results to be shown; all keys without any.
    force : bool
        Whether to replace an existing file.

    Raises
    ------
    InputError
        If a glob matches no key, the file is damaged, or the page cannot be written.
    """
    refuse_existing(target, force=force)  # before the work
    page = html(make_page(results, now=now, only=only))
    with written(target, force=force) as file:
        file.write(page)


def make_page(results: Results, *, now: float, only: Sequence[str] = ()) -> Page:
    """What the page of a results file consists of; parameters as of `write_report`."""
    summary = summarise(results, now=now, only=only)
    bests = best_layouts(results, only=only) if summary.counts.done else ()
    pictures: tuple[Block, ...] = ()
    if bests:
        selection, refined = Selection(tuple(only)), found.refined(summary.gain)
        spread = drawn.energies(results, selection, summary.counts.done, refined=refined)
        pictures = (*spread, *drawn.layouts(results, only))
    sections: list[Section | None] = [
        found.results_section(summary, bests, pictures),
        found.failures_section(summary),
        asked.campaign_section(results.campaign, drawn.areas(results.campaign)),
        worked.launches_section(summary, drawn.timeline(results, summary)),
        origin.origin_section(results),
    ]
    counts = summary.counts
    shares = [Share(name, getattr(counts, name)) for name in ("done", "failed", "damaged", "waiting")]
    return Page(
        title=results.campaign.name,
        subtitle=results.campaign.description or "",
        scope=f"Only configs whose key matches {' or '.join(only)} are shown." if only else "",
        highlights=found.highlights(summary, bests),
        shares=shares,
        sections=[section for section in sections if section is not None],
        made=f"{results.path.name} on {moment(now)} UTC, written by mpi-layout {_version()}",
    )


def _version() -> str:
    try:
        return version("mpi-layout")
    except PackageNotFoundError:
        return "(a source tree)"
