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
    return tuple(_layout(results, *each) for each in Selection((only,)).rows(results))


def _layout(results: Results, config: Config, row: np.void) -> Layout:
    x, y = (np.array(row[name][: config.n_turbines], dtype=float) for name in ("x", "y"))
    types = (config.turbine_type,) * config.n_turbines
    return Layout(config.key, f"{results.path}: {config.key}", x, y, types)
