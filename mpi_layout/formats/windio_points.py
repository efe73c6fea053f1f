"""Points as windIO has them: lists of x and y."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import InputError
from mpi_layout.formats.safe_yaml import shown

Floats = NDArray[np.float64]

_LARGEST = 1e8  # m; beyond it lies no place on Earth in any projection


def read_points(data: Any, where: str) -> Floats:
    """Points of windIO `coordinates`: {x: [...], y: [...]} in m, heights left out.

    Parameters
    ----------
    data : dict
        Plain values.
    where : str
        What messages call them.

    Returns
    -------
    (n, 2) array
        m.

    Raises
    ------
    InputError
        If x or y is no list of numbers, they differ in length, or are longitude and latitude.
    """
    if not isinstance(data, dict):
        raise InputError(f"{where}: wants {{x: [...], y: [...]}}, has {shown(data)}")
    if "longlat" in str(data.get("crs", "")):
        raise InputError(f"{where}.crs: wants projected coordinates in m, has longitude and latitude")
    x, y = (_numbers(data.get(name), f"{where}.{name}") for name in ("x", "y"))
    if len(x) != len(y):
        raise InputError(f"{where}: wants as many x as y, has {len(x)} and {len(y)}")
    return np.column_stack([x, y])


def read_number(value: Any, where: str) -> float:
    """Number of plain values.

    Raises
    ------
    InputError
        If it is none, or none that could be a coordinate.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        raise InputError(f"{where}: wants a number of m, has {shown(value)}")
    return float(value)


def _numbers(values: Any, where: str) -> list[float]:
    if not isinstance(values, list) or not values:
        raise InputError(f"{where}: wants a list of numbers, has {shown(values)}")
    return [read_number(value, f"{where}[{i}]") for i, value in enumerate(values)]
