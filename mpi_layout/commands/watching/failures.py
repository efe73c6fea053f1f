"""The panel of configs that failed, and of damaged rows."""

import math

import numpy as np
from rich.cells import cell_len

from mpi_layout.commands.watching.panel import Cell, Panel, key_width
from mpi_layout.commands.watching.view import View
from mpi_layout.printable import printable
from mpi_layout.progress import duration
from mpi_layout.results.state.sight import Sight


def failures_panel(sight: Sight, view: View) -> Panel:
    """Make the table of configs that failed and of damaged rows."""
    rows = sight.piece.rows
    bad = np.flatnonzero(sight.piece.failed | sight.piece.damaged)
    if view.sort == "latest first":
        bad = bad[np.argsort(sight.ended_ago[bad], kind="stable")]
    numbers = bad.tolist()

    def row(place: int) -> list[Cell]:
        number = numbers[place]
        seen = sight.ended_ago[number]
        when = "" if math.isnan(seen) else f"{duration(float(seen))} ago"
        damaged = not sight.piece.committed[number]
        what = "the row is damaged, it will be computed again" if damaged else _message(sight, number)
        return [sight.results.key(number), str(rows["attempts"][number]), when, what]

    longest = max((cell_len(printable(_message(sight, n))) for n in numbers[:200]), default=0)
    return Panel(
        heads=("config", "attempts", "seen", "message"),
        widths=(key_width(sight, numbers), 8, 10, max(45, longest)),
        right=frozenset((1, 2)),
        n_rows=len(numbers),
        row=row,
        empty="no config has failed",
    )


def _message(sight: Sight, number: int) -> str:
    return sight.results.messages.get(number, b"").decode("utf-8", "replace")
