"""Layouts as tables for other programs."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from mpi_layout.campaign import Config
from mpi_layout.results.reader import Results
from mpi_layout.results.schema import IDENTITY, ROW_COLUMNS
from mpi_layout.results.selection import Selection
from mpi_layout.results.written import written

DONE = Selection()  # every layout
COLUMNS = ("key", "area", "turbine_type", "seed", "turbine", "x_m", "y_m", "aep_GWh")

# Who computed a config and how often it was tried says nothing about its layout.
_ABOUT_THE_RUN = ("rank", "launch", "attempts", "message", "status", "checksum")
_TOLD = tuple(c for c in ROW_COLUMNS if c.dims == ("config",) and c.name not in _ABOUT_THE_RUN)
_FIGURES = tuple(column.name for column in _TOLD if column.name not in IDENTITY)
CONFIG_COLUMNS = tuple(c.name if c.units in (None, "1", "s") else f"{c.name}_{c.units}" for c in _TOLD)


def export_csv(results: Results, target: Path, selection: Selection = DONE, *, force: bool = False) -> int:
    """Write a line per turbine of every chosen config, in the order of the configs.

    Numbers have as many digits as it takes to get the same number back.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    target : Path
        The table; "-" is standard output.
    selection : Selection
        Of configs that are done.
    force : bool
        Whether to replace an existing file.

    Returns
    -------
    int
        Number of configs written.

    Raises
    ------
    InputError
        If no key matches, the campaign in the file is damaged, or the table cannot be written;
        an existing file stays as it is then.
    """
    return export_rows(selection.rows(results, may_be_none=True), target, force=force)


def export_configs(
    results: Results, target: Path, selection: Selection = DONE, *, force: bool = False
) -> int:
    """Write a line with all figures of every chosen config; the rest as of `export_csv`."""
    rows = selection.rows(results, may_be_none=True)
    with written(target, force=force) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(CONFIG_COLUMNS)
        n_configs = 0
        for config, row in rows:
            # What the campaign gives is taken from there: a forged row may have anything in it.
            identity = {name: getattr(config, name) for name in IDENTITY}
            identity["rated_power"] /= 1e6
            table.writerow((*identity.values(), *(row[name].item() for name in _FIGURES)))
            n_configs += 1
    return n_configs


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


def _lines(config: Config, row: np.void) -> Iterator[tuple[object, ...]]:
    about = (config.key, config.area, config.turbine_type, config.seed)
    columns = (row[name][: config.n_turbines].tolist() for name in ("x", "y", "turbine_aep"))
    for turbine, values in enumerate(zip(*columns, strict=True)):
        yield (*about, turbine, *values)
