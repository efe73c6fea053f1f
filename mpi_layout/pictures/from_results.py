"""What of a results file is shown."""

from collections.abc import Sequence

import numpy as np

from mpi_layout.campaign import Campaign, Config
from mpi_layout.campaign.configs import Kind
from mpi_layout.pictures.convergence import ConvergencePicture
from mpi_layout.pictures.layout import LayoutPicture
from mpi_layout.printable import clipped
from mpi_layout.results.reader import Results
from mpi_layout.results.row import trace_of
from mpi_layout.results.selection import Selection


def layout_picture(campaign: Campaign, config: Config, row: np.void) -> LayoutPicture:
    """Picture of the layout in the row of a config that is done."""
    problem, n = campaign.problem(config.number), config.n_turbines
    cases = problem.site.flow_cases()
    count, _, _, probability = cases.by_direction()
    x, y, turbine_aep = (np.array(row[name][:n], float) for name in ("x", "y", "turbine_aep"))
    return LayoutPicture(
        title=_title(config, row),
        geometry=problem.area.geometry,
        x=x,
        y=y,
        wake_loss=1 - turbine_aep * n / row["gross_aep"],
        rotor_diameter=config.rotor_diameter,
        spacing=problem.spacing,
        direction=cases.direction,
        probability=np.add.reduceat(probability, np.cumsum(count) - count),
        neighbours=problem.neighbours,
    )


def _title(config: Config, row: np.void) -> str:
    turbines = (
        f"{config.n_turbines} turbines of {config.rated_power / 1e6:.4g} MW in {clipped(config.area, 24)}"
    )
    energy = f"AEP {row['aep']:,.3f} GWh, wake loss {100 * row['wake_loss']:.2f} %"
    return f"{turbines}, seed {config.seed}\n{energy}"


def convergence_picture(results: Results, selection: Selection) -> ConvergencePicture:
    """Picture of the searches of configs that are done.

    Configs of one area and turbine type are compared by their AEP, others by their gains.

    Raises
    ------
    InputError
        If there are none.
    """
    configs = results.campaign.configs
    traces, kinds = [], set[int]()
    for numbers, rows in selection.pieces(results):
        traces += [trace_of(row) for row in rows]
        kinds |= set(configs.kinds_of(numbers).tolist())
    count = "1 config" if len(traces) == 1 else f"{len(traces):,} configs"
    title = f"{clipped(results.campaign.name, 40)}: {count}{_which(configs.kinds, kinds)}"
    return ConvergencePicture(title, traces, gains=len(kinds) > 1)


def _which(kinds: Sequence[Kind], shown: set[int]) -> str:
    """Which kinds of configs are shown, if there are others."""
    if len(shown) > 1:
        return f" of {len(shown)} pairs of area and turbine type"
    kind = kinds[min(shown)]
    named = f" of {clipped(kind.area, 20)}, {clipped(kind.turbine_type, 20)}"
    return named if len(kinds) > 1 else ""
