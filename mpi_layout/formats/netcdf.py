"""From a netCDF file to the plain values that windIO has for it."""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mpi_layout.errors import InputError

if TYPE_CHECKING:
    import xarray

MOST_BYTES = 64 * 2**20
MOST_NUMBERS = 2_000_000


def read_netcdf(path: Path) -> dict[str, Any]:
    """Coordinates and variables of a netCDF file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Coordinates as numbers or (nested) lists of them, all else as {dims: names, data: (nested) list}.
        Times are text such as "2023-07-25T01:00:00".

    Raises
    ------
    InputError
        If there is no such file, it is no netCDF file, too large or holds other things than numbers and
        times.
    """
    import xarray  # slow to load

    _check(path)
    try:
        with xarray.open_dataset(path.resolve(), engine="netcdf4") as dataset:
            n_numbers = sum(int(variable.size) for variable in dataset.variables.values())
            if n_numbers > MOST_NUMBERS:
                raise InputError(f"{path}: has {n_numbers:,} numbers, wants at most {MOST_NUMBERS:,}")
            return _plain(dataset, path)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: no readable netCDF file: {error}") from None


def _check(path: Path) -> None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such netCDF file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: is no regular file; wants a netCDF file")
    if status.st_size > MOST_BYTES:
        raise InputError(f"{path}: is larger than {MOST_BYTES // 2**20} MiB, too large for a netCDF file")


def _plain(dataset: "xarray.Dataset", path: Path) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, variable in dataset.variables.items():
        values = variable.values
        if np.issubdtype(values.dtype, np.datetime64):
            values = np.datetime_as_string(values, unit="s")
        elif not np.issubdtype(values.dtype, np.number):
            raise InputError(f"{path}: {name}: wants numbers or times, has {values.dtype}")
        data = values.tolist()
        dims = [str(dim) for dim in variable.dims]
        plain[str(name)] = data if name in dataset.coords else {"dims": dims, "data": data}
    return plain
