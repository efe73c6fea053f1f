"""Layouts and figures as a netCDF file by the CF conventions, for xarray and whatever else reads netCDF.

Variables have the names that they have in a results file, so that what works with one works with the other.
"""

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Config
from mpi_layout.errors import InputError
from mpi_layout.exports.crs import Projection
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Numbers, Selection
from mpi_layout.results.storage.schema import COORDINATES, FIXED_SIZES, IDENTITY, ROW_COLUMNS, Column
from mpi_layout.results.written import beside

if TYPE_CHECKING:
    import netCDF4

_ABOUT_THE_RUN = ("rank", "launch", "attempts", "checksum")
COLUMNS = tuple(column for column in ROW_COLUMNS if column.name not in _ABOUT_THE_RUN)
_SCALE = {"rated_power": 1e6}  # of configs, W
_PLACES = {"x": "projection_x_coordinate", "y": "projection_y_coordinate"}


def export_netcdf(
    results: Results,
    target: Path,
    selection: Selection,
    *,
    projection: Projection | None = None,
    force: bool = False,
) -> int:
    """Write all that is known of the chosen configs but who computed them, in their order.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    target : Path
        The netCDF-4 file.
    selection : Selection
        Of configs in any state.
    projection : Projection, optional
        What x and y are, becomes a CF grid mapping.
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
    import netCDF4

    configs = results.campaign.configs
    numbers = selection.numbers(results)
    with (
        beside(target, force=force) as path,
        _told(target),
        netCDF4.Dataset(path, "w", format="NETCDF4") as file,
    ):
        file.setncatts(_attributes(results))
        _define(file, results, numbers)
        if projection is not None:
            file.createVariable("crs", "i4").setncatts(projection.grid_mapping())
            for name in _PLACES:
                file[name].grid_mapping = "crs"
        for found, rows in selection.pieces(results):
            known = np.isin(found, numbers)  # others were done since
            places = np.searchsorted(numbers, found[known])
            if places.size:
                _fill(file, places, [configs[number] for number in found[known].tolist()], rows[known])
    return len(numbers)


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """Say what netCDF means by an error of its own, which names neither the file nor the reason."""
    try:
        yield
    except RuntimeError as error:
        raise InputError(f"{target}: cannot be written; is the disk full? ({error})") from error


def _attributes(results: Results) -> dict[str, str]:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        program = f"mpi-layout {version('mpi-layout')}"
    except PackageNotFoundError:
        program = "mpi-layout"
    return {
        "Conventions": "CF-1.11",
        "title": f"wind farm layouts of the campaign {results.campaign.name}",
        "source": program,
        "history": f"{now}: exported from {results.path.name} by {program}",
        "campaign_name": results.campaign.name,
        "campaign_digest": results.campaign.digest,
    }


def _define(file: "netCDF4.Dataset", results: Results, numbers: Numbers) -> None:
    """Make dimensions and variables."""
    sizes = {"config": len(numbers), "wt": results.structure.n_turbines_max, **FIXED_SIZES}
    for dim in ("config", "wt", "trace"):
        file.createDimension(dim, sizes[dim])
    for column in COORDINATES:
        if column.dims[0] in file.dimensions:
            variable = file.createVariable(column.name, "i4", column.dims)
            variable.long_name, variable.units = column.long_name, "1"
            variable[:] = numbers if column.name == "config" else np.arange(sizes[column.name])
    for column in COLUMNS:
        _create(file, column)
    for name, standard_name in _PLACES.items():
        file[name].standard_name = standard_name
    file.createVariable("campaign_yaml", str).long_name = "the campaign file"
    file["campaign_yaml"][0] = results.campaign.text


def _create(file: "netCDF4.Dataset", column: Column) -> None:
    """Make the variable of a column."""
    if column.units is None:
        file.createVariable(column.name, str, column.dims).long_name = column.long_name
        return
    real = column.dtype == "<f8"
    variable = file.createVariable(
        column.name,
        column.dtype,
        column.dims,
        compression="zlib",
        complevel=4,
        fill_value=np.nan if real else False,
    )
    variable.setncatts({"long_name": column.long_name, "units": column.units})
    variable.setncatts(column.attributes)


def _fill(
    file: "netCDF4.Dataset", places: Numbers, configs: Sequence[Config], rows: NDArray[np.void]
) -> None:
    """Write rows (n,) of configs to their places (n,) along the dimension."""
    for column in COLUMNS:
        name = column.name
        if name in IDENTITY:  # from the campaign: a forged row may have anything in it
            values = np.array([getattr(config, name) for config in configs])
            file[name][places] = (
                values.astype(object) if column.units is None else values / _SCALE.get(name, 1)
            )
        elif column.units is None:
            file[name][places] = np.array([text.decode("utf-8", "replace") for text in rows[name]], object)
        else:
            file[name][places] = rows[name]
