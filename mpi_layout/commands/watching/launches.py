"""The panel of launches."""

from mpi_layout.commands.tables import launch_state, rate, utc
from mpi_layout.commands.watching.panel import Cell, Panel
from mpi_layout.commands.watching.view import View
from mpi_layout.progress import duration
from mpi_layout.results.state.sight import Sight
from mpi_layout.results.state.summary import LaunchState


def launches_panel(sight: Sight, view: View, now: float) -> Panel:
    """Make the table of launches; `now` in seconds since 1970."""
    entries = list(sight.launches)
    if view.sort == "latest first":
        entries.reverse()
    state = max((len(_fate(entry, sight, now)) for entry in entries), default=0)
    state = min(max(state, 20), 60)

    def row(place: int) -> list[Cell]:
        entry = entries[place]
        launch = entry.launch
        lasted = max(0.0, (launch.ended or launch.heartbeat) - launch.started)
        speed = rate(launch.configs_done / lasted) if launch.configs_done > 0 and lasted > 0 else ""
        return [
            str(launch.number), utc(launch.started), duration(lasted), str(launch.ranks),
            str(launch.configs_done), _fate(entry, sight, now), speed, f"{launch.host}:{launch.pid}",
        ]  # fmt: skip

    return Panel(
        heads=("launch", "began [UTC]", "lasted", "ranks", "configs", "state", "rate", "host:process"),
        widths=(6, 19, 10, 6, 8, state, 16, 24),
        right=frozenset((0, 2, 3, 4, 6)),
        n_rows=len(entries),
        row=row,
        empty="no launch so far",
    )


def _fate(entry: LaunchState, sight: Sight, now: float) -> str:
    if entry is sight.last and entry.state != "ended":
        return f"{entry.state}, last sign of life {duration(sight.silence)} ago"
    return launch_state(entry, now)
