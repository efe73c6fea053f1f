"""What of a results file is shown."""

import numpy as np

from mpi_layout.campaign import Campaign, Config
from mpi_layout.pictures.layout import LayoutPicture
from mpi_layout.printable import clipped


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
