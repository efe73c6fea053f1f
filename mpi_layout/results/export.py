"""Layouts as tables for other programs."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mpi_layout.results.reader import Results
from mpi_layout.results.written import written

COLUMNS = ("key", "area", "turbine_type", "seed", "turbine", "x_m", "y_m", "aep_GWh")


def export_csv(results: Results, target: Path, *, only: str = "*", force: bool = False) -> int:
    """Write a line per turbine of every done config, in the order of the configs.

    Numbers have as many digits as it takes to get the same number back.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    target : Path
        The table; "-" is standard output.
    only : str
        Glob that the keys of the configs must match.
    force : bool
        Whether to replace an existing file.

    Returns
    -------
    int
        Number of configs written.

    Raises
    ------
    InputError
        If no config matches, the campaign in the file is damaged, or the table cannot be written;
        an existing file stays as it is then.
    """
    numbers = results.campaign.select(only)
    chosen = np.zeros(results.n_rows, bool)
    chosen[numbers] = True
    with written(target, force=force) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        n_configs = 0
        for lines in _layouts(results, chosen):
            table.writerows(lines)
            n_configs += 1
    return n_configs


def _layouts(results: Results, chosen: np.ndarray) -> Iterator[list[tuple[object, ...]]]:
    for piece in results.pieces():
        here = piece.done & chosen[piece.start : piece.start + len(piece.rows)]
        for index in np.flatnonzero(here).tolist():
            row, config = piece.rows[index], results.campaign.configs[piece.start + index]
            about = (config.key, config.area, config.turbine_type, config.seed)
            columns = (row[name][: config.n_turbines].tolist() for name in ("x", "y", "turbine_aep"))
            yield [(*about, turbine, *values) for turbine, values in enumerate(zip(*columns, strict=True))]
