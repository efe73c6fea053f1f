"""Layouts as tables for other programs."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from mpi_layout.campaign import Config
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
    return export_rows(_done(results, chosen), target, force=force)


def export_rows(rows: Iterable[tuple[Config, np.void]], target: Path, *, force: bool = False) -> int:
    """Write a line per turbine of given rows of done configs; the rest as of `export_csv`."""
    with written(target, force=force) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        n_configs = 0
        for config, row in rows:
            table.writerows(_lines(config, row))
            n_configs += 1
    return n_configs


def _done(results: Results, chosen: np.ndarray) -> Iterator[tuple[Config, np.void]]:
    for piece in results.pieces():
        here = piece.done & chosen[piece.start : piece.start + len(piece.rows)]
        for index in np.flatnonzero(here).tolist():
            yield results.campaign.configs[piece.start + index], piece.rows[index]


def _lines(config: Config, row: np.void) -> Iterator[tuple[object, ...]]:
    about = (config.key, config.area, config.turbine_type, config.seed)
    columns = (row[name][: config.n_turbines].tolist() for name in ("x", "y", "turbine_aep"))
    for turbine, values in enumerate(zip(*columns, strict=True)):
        yield (*about, turbine, *values)
