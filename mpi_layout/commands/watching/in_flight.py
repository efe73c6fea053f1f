"""The panel of configs that ranks have been given and that have not ended."""

import math

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from mpi_layout.commands.watching.panel import Cell, Panel, key_width, over_known
from mpi_layout.commands.watching.view import View
from mpi_layout.progress import duration
from mpi_layout.results.state.sight import InFlight, Sight

_SLOW = 3.0  # times as long as any config of its kind took
_SLOW_S = 10.0


def in_flight_panel(sight: Sight, view: View) -> Panel:
    """Make the table of configs that have begun and not ended."""
    flights = list(sight.in_flight)
    if view.sort == "by config":
        flights.sort(key=lambda one: one.number)
    usual = _seconds_by_kind(sight)
    per_kind = len(sight.results.campaign.configs.seeds)
    told = sight.notice is not None

    def row(place: int) -> list[Cell]:
        one = flights[place]
        mean, longest = usual[one.number // per_kind]
        rank = "" if one.rank is None else str(one.rank)
        cells = (
            sight.results.key(one.number), *([rank] if told else []), _age(one),
            "" if math.isnan(mean) else duration(mean), str(one.attempts),
        )  # fmt: skip
        return [*cells, _remark(one, longest)]

    if sight.interrupted:
        empty = f"nothing runs; {sight.interrupted} configs were interrupted and will start anew"
    else:
        empty = "nothing is in flight"
    return Panel(
        heads=("config", *(["rank"] if told else []), "age", "usual", "attempt", ""),
        widths=(key_width(sight, [one.number for one in flights]), *([6] if told else []), 12, 10, 7, 27),
        right=frozenset(range(1, 5 if told else 4)),
        n_rows=len(flights),
        row=row,
        empty=empty,
    )


def _remark(one: InFlight, longest: float) -> Text:
    if one.given > 1:
        return Text(f"or one of {one.given - 1} more behind it", "dim")
    slow = math.isfinite(longest) and one.age > max(_SLOW_S, _SLOW * longest)
    return Text("longer than any of its kind" if slow else "", "yellow")


def _age(one: InFlight) -> str:
    return duration(one.age) if one.exact else f"> {duration(one.age)}"


def _seconds_by_kind(sight: Sight) -> NDArray[np.float64]:
    """Mean and longest time (n_kinds, 2) of the configs of each area and turbine type, s; NaN if unknown."""
    kinds = len(sight.results.campaign.configs.kinds)
    seconds = np.where(sight.piece.done, sight.piece.rows["seconds"], np.nan).reshape(kinds, -1)
    return np.column_stack([over_known(np.nanmean, seconds), over_known(np.nanmax, seconds)])
