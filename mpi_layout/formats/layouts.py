"""Layouts, and the tables and windIO farms that they are read from."""

import csv
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import InputError
from mpi_layout.formats.safe_yaml import read_text, shown
from mpi_layout.formats.windio_points import read_points
from mpi_layout.printable import clipped
from mpi_layout.site.turbine import Turbine

Floats = NDArray[np.float64]

SAME_PLACE = 1.0  # m

_Row = tuple[str, float, float, str]  # key, x, y, turbine type


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the turbines of a farm stand.

    Attributes
    ----------
    name : str
        Its name among others, short.
    source : str
        What messages call it: its file and its place there.
    x, y : (n,) array
        m.
    turbine_type : tuple of n str, optional
        Name of each turbine's type, where the source gives it.

    Raises
    ------
    InputError
        If two turbines stand at the same place.
    """

    name: str
    source: str
    x: Floats
    y: Floats
    turbine_type: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if pair := same_place(self.x, self.y):
            i, j = pair
            place = f"({self.x[i]:.10g}, {self.y[i]:.10g})"
            raise InputError(
                f"{self.source}: turbines {i} and {j}, counted from 0, stand at the same place {place}: "
                f"less than {SAME_PLACE:g} m apart"
            )


def same_place(x: Floats, y: Floats) -> tuple[int, int] | None:
    """Indices of the first two of the points (n,), m, that are less than `SAME_PLACE` apart."""
    cells: dict[tuple[int, int], list[int]] = {}  # few points in each, or there is such a pair
    for j, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        column, row = math.floor(a / SAME_PLACE), math.floor(b / SAME_PLACE)
        for cell in itertools.product((column - 1, column, column + 1), (row - 1, row, row + 1)):
            for i in cells.get(cell, ()):
                if math.hypot(x[i] - a, y[i] - b) < SAME_PLACE:
                    return i, j
        cells.setdefault((column, row), []).append(j)
    return None


def type_numbers(layout: Layout, turbine_types: Mapping[str, Turbine]) -> NDArray[np.intc]:
    """Which type each turbine of a layout is (n,), as a number in the order of the types.

    Parameters
    ----------
    layout : Layout
        With the keys or names of its turbines' types; it may have none if there is one type.
    turbine_types : dict of Turbine
        By their keys.

    Raises
    ------
    InputError
        If a type is missing or not known.
    """
    known = ", ".join(turbine_types)
    if layout.turbine_type is None:
        if len(turbine_types) > 1:
            raise InputError(f"{layout.source}: wants a turbine type for each turbine: there are {known}")
        return np.zeros(layout.x.size, dtype=np.intc)
    number = {
        name: i for i, (key, turbine) in enumerate(turbine_types.items()) for name in (turbine.name, key)
    }
    for i, name in enumerate(layout.turbine_type):
        if name not in number:
            where = f"{layout.source}: turbine {i}, counted from 0"
            raise InputError(f"{where}: no turbine type is called {name!r}; known are {known}")
    return np.array([number[name] for name in layout.turbine_type], dtype=np.intc)


def read_csv_layouts(path: str | Path) -> tuple[Layout, ...]:
    """Layouts of a table in a file, as of `csv_layouts`."""
    return csv_layouts(read_text(path, "layout"), str(path))


def csv_layouts(text: str, where: str) -> tuple[Layout, ...]:
    """Layouts of a table with columns x_m and y_m (or x and y), one line per turbine.

    A column turbine_type (or type) names each turbine's type; a column key tells several layouts apart, as
    `mpi-layout export` writes them. Other columns do not count.

    Parameters
    ----------
    text : str
        The complete text.
    where : str
        What messages call it: the file.

    Raises
    ------
    InputError
        Naming file, line and column of what cannot be read.
    """
    table = csv.reader(text.splitlines())
    columns = _Columns.of([name.strip() for name in next(table, [])], f"{where}: line 1")
    rows = [columns.row(cells, f"{where}: line {table.line_num}") for cells in table if cells]
    if not rows:
        raise InputError(f"{where}: has no turbines")
    return tuple(_of_rows(rows, where, typed=columns.turbine_type is not None))


@dataclass(frozen=True)
class _Columns:
    """Indices of a table's columns, None for those that it lacks."""

    header: list[str]
    x: int
    y: int
    turbine_type: int | None
    key: int | None

    @classmethod
    def of(cls, header: list[str], where: str) -> "_Columns":
        def index(*names: str) -> int | None:
            return next((header.index(name) for name in names if name in header), None)

        x, y = index("x_m", "x"), index("y_m", "y")
        if x is None or y is None:
            found = clipped(", ".join(header), 200) or "nothing"
            raise InputError(f"{where}: wants columns x_m and y_m, or x and y; has {found}")
        return cls(header, x, y, index("turbine_type", "type"), index("key"))

    def row(self, cells: list[str], where: str) -> _Row:
        """Key of the layout, x and y in m, turbine type."""
        if len(cells) != len(self.header):
            raise InputError(f"{where}: wants {len(self.header)} columns, has {len(cells)}")
        x, y = (_metres(cells[i], f"{where}: {self.header[i]}") for i in (self.x, self.y))
        key, turbine_type = ("" if i is None else cells[i].strip() for i in (self.key, self.turbine_type))
        return key, x, y, turbine_type


def _of_rows(rows: list[_Row], path: str, *, typed: bool) -> Iterator[Layout]:
    for key, own in itertools.groupby(rows, key=lambda row: row[0]):
        _, x, y, types = zip(*own, strict=True)
        name, source = (key, f"{path}: {key}") if key else (Path(path).name, path)
        yield Layout(name, source, np.array(x), np.array(y), types if typed else None)


def _metres(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{where}: wants a number of m, has {shown(text)}")
    return value


def read_windio_layouts(wind_farm: dict[Any, Any], where: str) -> tuple[Layout, ...]:
    """Layouts of a windIO wind farm: one, or several that are alternatives to each other.

    Parameters
    ----------
    wind_farm : dict
        Plain values, with `layouts`.
    where : str
        What messages call them.

    Returns
    -------
    tuple of Layout
        Their `turbine_type` are keys of the farm's `turbine_types`, as text.

    Raises
    ------
    InputError
        If there is none, or positions or types are no lists of one length.
    """
    layouts = wind_farm.get("layouts")
    if isinstance(layouts, dict):
        return (_windio_layout(layouts, "layouts", where),)
    if not isinstance(layouts, list) or not layouts:
        raise InputError(f"{where}.layouts: wants a layout or a list of them, has {shown(layouts)}")
    return tuple(_windio_layout(layout, f"layouts[{i}]", where) for i, layout in enumerate(layouts))


def _windio_layout(data: Any, name: str, within: str) -> Layout:
    where = f"{within}.{name}"
    if not isinstance(data, dict):
        raise InputError(f"{where}: wants coordinates, has {shown(data)}")
    points = read_points(data.get("coordinates"), f"{where}.coordinates")
    types = data.get("turbine_types")
    if types is not None and (not isinstance(types, list) or len(types) != len(points)):
        raise InputError(
            f"{where}.turbine_types: wants one for each of {len(points)} turbines, has {shown(types)}"
        )
    names = None if types is None else tuple(map(str, types))
    return Layout(name, where, points[:, 0], points[:, 1], names)
