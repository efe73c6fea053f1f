"""Draw one layout of a results file: turbines in the area, coloured by their wake loss.

python docs/layout_figure.py danish_energy_island.h5 farm0_t5_s0 docs/layout.png   (needs the extra `plot`)
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import shapely

from mpi_layout.results.reader import open_reader


def draw(path: Path, key: str, image: Path) -> None:
    """Draw the layout of config `key` in results file `path` into `image`."""
    results = open_reader(path)
    number = results.keys.index(key)
    row, problem = results.rows[number], results.campaign.problem(number)
    n = problem.n_turbines
    x, y = row["x"][:n] / 1e3, row["y"][:n] / 1e3
    x0, y0 = np.array(problem.area.bounds[:2]) / 1e3
    loss = 100 * (1 - row["turbine_aep"][:n] * n / row["gross_aep"])
    figure, axes = plt.subplots(figsize=(5.4, 7.0), layout="constrained")
    for polygon in shapely.get_parts(problem.area.geometry):
        for ring in (polygon.exterior, *polygon.interiors):
            axes.plot(*(np.array(ring.coords).T / 1e3 - [[x0], [y0]]), color="0.35", lw=1.2)
    points = axes.scatter(x - x0, y - y0, c=loss, s=34, cmap="cividis_r", edgecolor="0.2", linewidth=0.4)
    figure.colorbar(points, ax=axes, label="wake loss of the turbine (%)", shrink=0.7, pad=0.02)
    axes.set(
        aspect="equal",
        xlabel="easting (km)",
        ylabel="northing (km)",
        title=f"{key}: {n} turbines of {problem.turbine.rated_power / 1e6:g} MW\n"
        f"AEP {row['aep']:,.0f} GWh, wake loss {100 * row['wake_loss']:.2f} %",
    )
    axes.grid(color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    figure.savefig(image, dpi=130)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
