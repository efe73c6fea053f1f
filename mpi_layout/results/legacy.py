"""The form in which pools of workers left their layouts: a group per config.

Each group `farm{f}_t{t}_s{s}` has a dataset `layout` (2, n), m, and one `aep`, GWh, and attributes farm_idx,
type_idx, n_turbines, diameter and ss_seed; f and t count areas and turbine types from 0, s is the seed.
"""

from pathlib import Path

import h5py
import numpy as np

from mpi_layout.results.layouts import layout_of
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Selection
from mpi_layout.results.written import beside


def export_legacy(results: Results, target: Path, selection: Selection, *, force: bool = False) -> int:
    """Write the chosen layouts as groups of an HDF5 file.

    The file is made in memory, a few kB for each config: where a disk is full HDF5 can crash Python.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    target : Path
        The file.
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
        If no config is chosen, the campaign in the file is damaged, or the file cannot be written; an
        existing file stays as it is then.
    """
    rows, n_configs = selection.rows(results), 0
    n_seeds, n_types = len(results.campaign.configs.seeds), len(results.campaign.turbine_types)
    in_memory = {"driver": "core", "backing_store": False}
    with (
        beside(target, force=force) as path,
        h5py.File(path, "x", libver="earliest", **in_memory) as file,
    ):
        for config, row in rows:
            layout = layout_of(config, row, str(results.path))
            area, turbine_type = divmod(config.number // n_seeds, n_types)
            group = file.create_group(f"farm{area}_t{turbine_type}_s{config.seed}")
            group["layout"] = np.array([layout.x, layout.y])
            group["aep"] = float(row["aep"])
            group.attrs.update(
                farm_idx=area,
                type_idx=turbine_type,
                n_turbines=config.n_turbines,
                diameter=config.rotor_diameter,
                ss_seed=config.seed,
            )
            n_configs += 1
        file.flush()
        path.write_bytes(file.id.get_file_image())
    return n_configs
