"""Layouts of a results file, for those who want to work with them."""

from pathlib import Path
from typing import Any

import numpy as np

from mpi_layout.campaign import Config
from mpi_layout.campaign.neighbour_build import positions_values
from mpi_layout.errors import InputError
from mpi_layout.formats.layouts import Layout
from mpi_layout.results.reader import Results, open_reader
from mpi_layout.results.selection import Selection


def read_results_layouts(path: Path, only: str = "*") -> tuple[Layout, ...]:
    """Layouts of the configs that are done.

    Parameters
    ----------
    path : Path
        The results file.
    only : str
        Glob that the keys of the configs must match.

    Raises
    ------
    InputError
        If it is no results file that this program can use, or has no such layout.
    """
    return _found(open_reader(path), only)


def results_neighbours(path: str, key: str | None) -> dict[str, Any]:
    """Positions and turbine type of a layout, as a campaign gives those of neighbours.

    Parameters
    ----------
    path : str
        The results file.
    key : str, optional
        Key of the config; may be left out if one is done.

    Returns
    -------
    dict
        Plain values of the keys positions_m and turbine_type.

    Raises
    ------
    InputError
        If it is no results file that this program can use, or has none or several such layouts.
    """
    results = open_reader(Path(path))
    layouts = _found(results, key or "*")
    if len(layouts) > 1:
        some = f"{layouts[0].name} ... {layouts[-1].name}"
        raise InputError(f"{path}: has {len(layouts)} layouts, wants key to name one of {some}")
    (layout,) = layouts
    config = results.campaign.configs[results.campaign.configs.number_of(layout.name)]
    (spec,) = (spec for spec in results.campaign.turbine_types if spec.name == config.turbine_type)
    return positions_values(layout.x, layout.y, spec)


def _found(results: Results, only: str) -> tuple[Layout, ...]:
    source = str(results.path)
    selection = Selection() if only == "*" else Selection((only,))
    return tuple(layout_of(config, row, source) for config, row in selection.rows(results))


def layout_of(config: Config, row: np.void, source: str) -> Layout:
    """Layout in the row of a config that is done.

    Parameters
    ----------
    config : Config
        Of the row.
    row : numpy.void
        From the file.
    source : str
        What messages call the file.

    Raises
    ------
    InputError
        If two turbines stand at the same place, or one nowhere: no row that was computed.
    """
    where = f"{source}: {config.key}"
    x, y = (np.array(row[name][: config.n_turbines], dtype=float) for name in ("x", "y"))
    if not np.isfinite([x, y]).all():
        raise InputError(f"{where}: damaged layout: a turbine has no place")
    return Layout(config.key, where, x, y, (config.turbine_type,) * config.n_turbines)
