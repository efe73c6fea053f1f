"""Who worked on the campaign, when, and how it ended."""

from collections.abc import Sequence

import numpy as np

from mpi_layout.progress import duration
from mpi_layout.report.blocks import Block, Cell, Column, Section, Table, Text
from mpi_layout.report.words import count, moment
from mpi_layout.results.state.summary import LaunchState, Summary

_MOST_LAUNCHES = 100


def launches_section(summary: Summary, pictures: Sequence[Block]) -> Section:
    """The table of launches, the last ones if there are many."""
    launches = summary.launches
    if not launches:
        return Section("launches", "Launches", [Text("No launch has worked on it yet.")])
    columns = [
        Column("launch"),
        Column("started", "UTC", number=False),
        Column("worked for"),
        Column("ranks"),
        Column("configs"),
        Column("how it ended", number=False),
        Column("rank 0 on", number=False),
        Column("job", number=False),
    ]
    if not any(entry.launch.scheduler_id for entry in launches):
        del columns[-1]
    rows = [_row(entry)[: len(columns)] for entry in launches[-_MOST_LAUNCHES:]]
    hidden = len(launches) - len(rows)
    note = f"The last {_MOST_LAUNCHES} of {len(launches):,} launches." if hidden else ""
    return Section("launches", "Launches", [Table("All launches", columns, rows, note), *pictures])


def _row(entry: LaunchState) -> list[Cell]:
    launch = entry.launch
    seconds = (launch.heartbeat if launch.ended is None else launch.ended) - launch.started
    told = {
        "running": "still running",
        "ended": launch.reason,
        "lost": f"lost, last heard of {moment(launch.heartbeat)}",
    }
    known = np.isfinite(seconds) and seconds >= 0
    return [
        count(launch.number),
        Cell(moment(launch.started)),
        Cell(duration(seconds), seconds) if known else Cell("unknown"),
        count(launch.ranks),
        count(launch.configs_done),
        Cell(told[entry.state], bad=entry.state == "lost"),
        Cell(f"{launch.host}:{launch.pid}"),
        Cell(launch.scheduler_id),
    ]
