"""Which panels there are."""

from mpi_layout.commands.watching.areas import areas_panel
from mpi_layout.commands.watching.failures import failures_panel
from mpi_layout.commands.watching.in_flight import in_flight_panel
from mpi_layout.commands.watching.launches import launches_panel
from mpi_layout.commands.watching.panel import Panel
from mpi_layout.commands.watching.ranks import ranks_panel
from mpi_layout.commands.watching.view import View
from mpi_layout.results.state.sight import Sight


def panel(sight: Sight, view: View, now: float) -> Panel:
    """Table that is to be seen.

    Parameters
    ----------
    sight : Sight
        What the file told last.
    view : View
        What is shown of it.
    now : float
        Seconds since 1970.
    """
    if view.panel == "areas":
        return areas_panel(sight, view)
    if view.panel == "in flight":
        return in_flight_panel(sight, view)
    if view.panel == "ranks":
        return ranks_panel(sight, view)
    if view.panel == "failures":
        return failures_panel(sight, view)
    return launches_panel(sight, view, now)


def panel_count(sight: Sight, name: str) -> int:
    """Things that a panel lists."""
    if name == "areas":
        return len(sight.results.campaign.areas)
    if name == "in flight":
        return len(sight.in_flight)
    if name == "ranks":
        return sight.last.launch.ranks if sight.last else 0
    return int(sight.piece.failed.sum()) if name == "failures" else len(sight.launches)
