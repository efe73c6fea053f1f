"""What merge shows."""

import shlex
from collections.abc import Iterator

from rich.console import Group as Stack
from rich.console import RenderableType
from rich.text import Text

from mpi_layout.commands.tables import table
from mpi_layout.merge.merged import Conflict, Merged
from mpi_layout.printable import printable

_MOST_CONFLICTS = 20
_MOST_KEYS = 5


def merge_view(merged: Merged, into: str, *, made: bool) -> RenderableType:
    """Show what each file had, what was not the same in all of them, and what came of it.

    Parameters
    ----------
    merged : Merged
        From `merge`.
    into : str
        The new file.
    made : bool
        Whether it was made.
    """
    return Stack(*_sources(merged), *_damaged(merged), *_doubles(merged), *_outcome(merged, into, made=made))


def _sources(merged: Merged) -> Iterator[RenderableType]:
    rows = [
        (f"{number}", source.path, *_counts(source.done, source.failed, len(source.damaged), source.taken))
        for number, source in enumerate(merged.sources, 1)
    ]
    yield table(("", "file", "done", "failed", "damaged", "taken"), rows, right=(0, 2, 3, 4, 5))


def _counts(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in numbers)


def _damaged(merged: Merged) -> Iterator[RenderableType]:
    if n := sum(len(source.damaged) for source in merged.sources):
        rows = "1 damaged row is" if n == 1 else f"{n:,} damaged rows are"
        saved = "another file has them"
        if merged.lost:
            some = ", ".join(merged.lost[:_MOST_KEYS])
            more = f" and {len(merged.lost) - _MOST_KEYS:,} more" if len(merged.lost) > _MOST_KEYS else ""
            saved = f"no other file has {some}{more}"
        yield Text(f"{rows} left out; {saved}", "red")


def _doubles(merged: Merged) -> Iterator[RenderableType]:
    if merged.equal:
        configs = "1 config has" if merged.equal == 1 else f"{merged.equal:,} configs have"
        yield Text(f"{configs} the same layout in several files")
    if n := len(merged.conflicts):
        configs = "1 config has" if n == 1 else f"{n:,} configs have"
        yield Text()
        yield Text(f"{configs} layouts that differ from file to file:", "red")
        columns = ("config", "AEP [GWh] in file", "difference [GWh]", "[%]", "largest move [m]", "taken from")
        rows = [_conflict(conflict) for conflict in merged.conflicts[:_MOST_CONFLICTS]]
        yield table(columns, rows, right=(2, 3, 4))
        if n > _MOST_CONFLICTS:
            yield Text(f"... and {n - _MOST_CONFLICTS:,} more; --json has them all", "dim")
        yield Text()


def _conflict(conflict: Conflict) -> tuple[str, ...]:
    found = zip(conflict.sources, conflict.aep, strict=True)
    spread = max(conflict.aep) - min(conflict.aep)
    return (
        conflict.key,
        ", ".join(f"{number + 1}: {aep:.4f}" for number, aep in found),
        f"{spread:.4g}",
        f"{100 * spread / min(conflict.aep):.3g}" if min(conflict.aep) else "",
        f"{conflict.largest_move:.4g}",
        "" if conflict.taken is None else f"{conflict.taken + 1}",
    )


def _outcome(merged: Merged, into: str, *, made: bool) -> Iterator[RenderableType]:
    if any(conflict.taken is None for conflict in merged.conflicts):
        return
    holds = f"{merged.done:,} done, {merged.failed:,} failed, {merged.waiting:,} waiting"
    verb = "" if made else "would have "
    launches = "1 launch" if merged.launches == 1 else f"{merged.launches:,} launches"
    yield Text(f"{printable(into)}: {verb}{holds}; {launches}")
    if made:
        name = printable(shlex.quote(into))
        if merged.waiting:
            yield Text(f"compute what waits: mpi-layout run CAMPAIGN -o {name}")
        yield Text(f"check it: mpi-layout verify {name}")
