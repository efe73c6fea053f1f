"""What best shows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mpi_layout.tables import table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mpi_layout.results.best import Best


def best_view(bests: Sequence["Best"]) -> "RenderableType":
    """Show the best layouts, each beside the others of its group."""
    columns = ("area", "turbine type", "done", "best AEP [GWh]", "median", "worst")
    figures = ("over its start", "wake loss", "capacity factor", "seed")
    rows = [
        (
            best.config.area,
            best.config.turbine_type,
            f"{best.n_done}",
            aep_text(best.row["aep"]),
            aep_text(np.median(best.aep)),
            aep_text(best.aep.min()),
            gain_text(best.row["aep"], best.row["start_aep"]),
            f"{100 * best.row['wake_loss']:.2f} %",
            f"{100 * best.capacity_factor:.2f} %",
            f"{best.config.seed}",
        )
        for best in bests
    ]
    return table((*columns, *figures), rows, right=range(2, 10))


def best_json(best: "Best") -> dict[str, Any]:
    """Plain values for other programs."""
    config, row = best.config, best.row
    figures = ("aep", "gross_aep", "start_aep")
    return {
        "key": config.key,
        "area": config.area,
        "turbine_type": config.turbine_type,
        "seed": config.seed,
        "n_turbines": config.n_turbines,
        "capacity_MW": best.rated_power / 1e6,
        **{f"{name}_GWh": float(row[name]) for name in figures},
        "wake_loss": float(row["wake_loss"]),
        "external_wake_loss": float(row["external_wake_loss"]),
        "capacity_factor": best.capacity_factor,
        "min_spacing_m": float(row["min_spacing"]) if np.isfinite(row["min_spacing"]) else None,
        "evaluations": int(row["evaluations"]),
        "done": best.n_done,
        "median_aep_GWh": float(np.median(best.aep)),
        "worst_aep_GWh": float(best.aep.min()),
        "x_m": best.column("x").tolist(),
        "y_m": best.column("y").tolist(),
        "turbine_aep_GWh": best.column("turbine_aep").tolist(),
    }


def aep_text(value: float) -> str:
    """Energy in GWh with three digits after the point."""
    return f"{value:,.3f}"


def gain_text(aep: float, before: float) -> str:
    """By how much an energy is larger than another, or smaller."""
    return f"{100 * (aep / before - 1):+.3f} %" if before else ""
