"""What best and optimise show."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mpi_layout.commands.tables import table
from mpi_layout.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mpi_layout.campaign import Campaign
    from mpi_layout.one_farm import GivenEnergy
    from mpi_layout.results.best import Best


def best_view(bests: Sequence["Best"]) -> "RenderableType":
    """Show the best layouts, each beside the others of its group, by what was maximised."""
    by_aep = all(best.by_aep for best in bests)
    columns = [
        "area",
        "turbine type",
        "done",
        "best AEP [GWh]" if by_aep else "best objective",
        "median",
        "worst",
    ]
    columns += ["over its start", "wake loss", "capacity factor", "seed"]
    rows = [
        [
            best.config.area,
            best.config.turbine_type,
            f"{best.n_done}",
            *(
                aep_text(value) if by_aep else f"{value:.8g}"
                for value in (best.objective.max(), np.median(best.objective), best.objective.min())
            ),
            gain_text(best.gains[np.argmax(best.objective)]),
            f"{100 * best.row['wake_loss']:.2f} %",
            f"{100 * best.capacity_factor:.2f} %",
            f"{best.config.seed}",
        ]
        for best in bests
    ]
    if not by_aep:
        columns.append("its AEP [GWh]")
        for row, best in zip(rows, bests, strict=True):
            row.append(aep_text(best.row["aep"]))
    return table(columns, rows, right=range(2, len(columns)))


def starts_view(
    campaign: "Campaign", best: "Best", given: Sequence["GivenEnergy"], n_starts: int
) -> "RenderableType":
    """Show what many starts of one farm came to, beside the layouts that were given."""
    from rich.console import Group
    from rich.text import Text

    from mpi_layout.named_model import model_text

    config, model = best.config, campaign.problem(best.config.number).model
    head = Text.assemble(
        (printable(campaign.name), "bold"),
        f"  {config.n_turbines} turbines of {config.rated_power / 1e6:g} MW, {model_text(model)}, ",
        f"{best.n_done} of {n_starts} starts",
    )
    columns = ["", "AEP [GWh]", "over its start", "wake loss", "seed"]
    rows = []
    for name, aep, gain, seed, objective in _standing(best):
        loss = 1 - aep / float(best.row["gross_aep"])
        row = [name, aep_text(aep), gain_text(gain), f"{100 * loss:.2f} %", seed]
        row += [gain_text(aep / layout.aep - 1) for layout in given]
        rows.append(row if best.by_aep else [*row, f"{objective:.8g}"])
    columns += [f"over {layout.name}" for layout in given] + ([] if best.by_aep else ["objective"])
    for layout in given:
        cells = [f"given: {layout.name}", aep_text(layout.aep), "", f"{100 * layout.wake_loss:.2f} %"]
        rows.append(cells + [""] * (len(columns) - len(cells)))
    notes = [
        Text(printable(f"{layout.name}, as it was given, breaks a rule: {layout.fault}"), "yellow")
        for layout in given
        if layout.fault
    ]
    return Group(head, table(columns, rows, right=range(1, len(columns))), *notes)


def _standing(best: "Best") -> Iterator[tuple[str, float, float, str, float]]:
    """Yield of best, median and worst: name, AEP, gain over the start, seed, objective."""
    gains = best.gains
    first, last = int(np.argmax(best.objective)), int(np.argmin(best.objective))
    yield "best", best.aep[first], gains[first], f"{best.seeds[first]}", best.objective[first]
    aep, gain, objective = (float(np.median(values)) for values in (best.aep, gains, best.objective))
    yield "median", aep, gain, "", objective
    yield "worst", best.aep[last], gains[last], f"{best.seeds[last]}", best.objective[last]


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
        "objective": float(row["objective"]),
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


def gain_text(gain: float) -> str:
    """By which share something is larger than before, or smaller."""
    return f"{100 * gain:+.3f} %" if np.isfinite(gain) else ""
