"""The panel of areas and turbine types: shares, energies and failures as a table coloured by them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from mpi_layout.commands.tables import energy
from mpi_layout.commands.watching.heat import heat
from mpi_layout.commands.watching.panel import GAP, WIDEST_NAME, Cell, Panel, over_known
from mpi_layout.commands.watching.view import MEASURES, View
from mpi_layout.printable import printable
from mpi_layout.results.state.sight import Sight


@dataclass(frozen=True)
class _Heat:
    """Values (areas, turbine types + 1) and how they are shown; the last column is that of all types."""

    values: NDArray[np.float64]
    text: Callable[[float], str]
    scale: tuple[float, float]
    bad: bool = False
    flagged: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), bool))

    def cell(self, area: int, column: int, width: int) -> Text:
        """Make a cell that is coloured as wide as its column."""
        value = float(self.values[area, column])
        text = "" if math.isnan(value) else self.text(value)
        if self.flagged.size and self.flagged[area, column]:
            text += "!"
        low, high = self.scale
        share = (value - low) / (high - low) if high > low else (0.5 if math.isfinite(value) else math.nan)
        style = Style(dim=True) if self.bad and not value else heat(share, bad=self.bad)
        return Text(text.rjust(width), style)


def areas_panel(sight: Sight, view: View) -> Panel:
    """Make the table of areas and turbine types."""
    campaign = sight.results.campaign
    areas = [area.name for area in campaign.areas]
    types = [turbine.name for turbine in campaign.turbine_types]
    shown = _measured(sight, view.measure)
    order = _sorted_areas(areas, shown.values[:, -1], view.sort)
    column = max(7, *(min(cell_len(printable(name)), 12) for name in types))
    # All types together stand beside the name, where they are seen on any screen.
    columns = [len(types), *range(len(types))]

    def row(place: int) -> list[Cell]:
        area = order[place]
        return [areas[area], *(shown.cell(area, c, column) for c in columns)]

    name = max(4, *(min(cell_len(printable(name)), WIDEST_NAME) for name in areas))
    return Panel(
        heads=("area", "all", *types),
        widths=(name, *[column] * (len(types) + 1)),
        right=frozenset(range(1, len(types) + 2)),
        n_rows=len(areas),
        row=row,
        step=column + GAP,
    )


def _measured(sight: Sight, measure: str) -> _Heat:
    piece = sight.piece
    done, failed = sight.per_group(piece.done), sight.per_group(piece.failed)
    if measure == MEASURES["f"]:
        counts = _with_all(failed.sum(axis=-1), np.sum)
        return _Heat(counts, lambda v: f"{v:.0f}", (0.0, max(1.0, counts[:, :-1].max())), bad=True)
    if measure == MEASURES["d"]:
        shares = _with_all(done.mean(axis=-1), np.mean)
        bad = (sight.per_group(piece.failed | piece.damaged)).any(axis=-1)
        return _Heat(shares, _whole_percent, (0.0, 1.0), flagged=np.column_stack([bad, bad.any(axis=-1)]))
    best = measure == MEASURES["b"]
    column = "aep" if best else "wake_loss"
    values = np.where(done, sight.per_group(piece.rows[column]), np.nan)
    values = np.where(np.isfinite(values), values, np.nan)
    if best:
        highest = _with_all(over_known(np.nanmax, values), lambda v, axis: over_known(np.nanmax, v))
        return _Heat(highest, energy, _range(highest))
    means = _with_all(over_known(np.nanmean, values), lambda v, axis: over_known(np.nanmean, v))
    return _Heat(means, lambda v: f"{100 * v:.1f} %", _range(means))


def _with_all(per_type: NDArray, together: Callable[..., NDArray]) -> NDArray[np.float64]:
    return np.column_stack([per_type, together(per_type, axis=-1)]).astype(float)


def _range(values: NDArray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def _whole_percent(share: float) -> str:
    """Rounded down: 100 % means all."""
    return f"{math.floor(100 * share + 1e-9)} %"


def _sorted_areas(areas: Sequence[str], values: NDArray, sort: str) -> list[int]:
    numbers = list(range(len(areas)))
    if sort == "by name":
        return sorted(numbers, key=lambda i: areas[i])
    if sort in ("largest first", "smallest first"):
        sign = -1 if sort == "largest first" else 1
        return sorted(numbers, key=lambda i: (math.isnan(values[i]), sign * values[i]))
    return numbers
