"""Wind time series in CSV files: one line per step, under a header with the names of the columns."""

import csv
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import InputError
from mpi_layout.formats.safe_yaml import shown
from mpi_layout.printable import clipped

Floats = NDArray[np.float64]

_MISSING = {"", "nan", "na", "n/a", "null", "none"}
_MOST_FAULTS = 20  # of one message


@dataclass(frozen=True, eq=False)
class Steps:
    """Columns of a time series.

    Attributes
    ----------
    values : dict
        Arrays (n_steps,) by the usual names of their columns.
    line : (n_steps,) array of int
        Line of the file that each step comes from, from 1.
    """

    values: dict[str, Floats]
    line: NDArray[np.intp]


def read_wind_csv(
    text: str,
    where: str,
    *,
    columns: Mapping[str, str],
    optional: Collection[str] = (),
    skip_missing: bool = False,
) -> Steps:
    """Time series of the text of a CSV file.

    The separator is a comma, semicolon or tab; empty lines and those that begin with # do not count.

    Parameters
    ----------
    text : str
        The complete text.
    where : str
        What messages call the file.
    columns : dict
        Names of columns in the file by their usual names. Other columns are not read.
    optional : collection of str
        Usual names of columns that the file need not have.
    skip_missing : bool
        Leave out steps of which a value is missing (empty, or a word such as NaN).

    Returns
    -------
    Steps
        Finite numbers, at least one step.

    Raises
    ------
    InputError
        With a line for each fault, of up to 20: columns that are missing or given twice, values that are
        missing or no number; or that there is no step.
    """
    rows = _rows(text)
    place = _places(next(rows, (0, []))[1], where, columns, optional)
    kept: list[list[float]] = []
    lines: list[int] = []
    found: list[str] = []
    for line, row in rows:
        texts = {name: row[i].strip() if i < len(row) else "" for name, i in place.items()}
        if skip_missing and any(_is_missing(value) for value in texts.values()):
            continue
        step = {name: _number(value) for name, value in texts.items()}
        for name in (name for name, value in step.items() if value is None):
            found.append(f"line {line}: {columns[name]} {_complaint(texts[name])}")
        kept.append([math.nan if value is None else value for value in step.values()])
        lines.append(line)
        if len(found) >= _MOST_FAULTS:
            break
    if not kept:
        found = ["has no step" + (" with all its values" if skip_missing else "")]
    if found:
        raise InputError("\n".join(f"{where}: {fault}" for fault in found))
    table = np.array(kept)
    return Steps({name: table[:, i] for i, name in enumerate(place)}, np.array(lines))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that count, by number, in cells; the first of them is the header."""
    separator = None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        separator = separator or next((s for s in ";\t" if s in line), ",")
        yield number, next(csv.reader([line], delimiter=separator))


def _places(
    header: list[str], where: str, columns: Mapping[str, str], optional: Collection[str]
) -> dict[str, int]:
    """Which column of the file has each quantity."""
    names = [name.strip() for name in header]
    found = [
        f"{where}: has no column {clipped(column)}; its columns are {clipped(', '.join(names)) or 'none'}"
        for name, column in columns.items()
        if column not in names and name not in optional
    ]
    found += [
        f"{where}: has two columns {clipped(column)}"
        for column in columns.values()
        if names.count(column) > 1
    ]
    if found:
        raise InputError("\n".join(found))
    return {name: names.index(column) for name, column in columns.items() if column in names}


def _is_missing(text: str) -> bool:
    return text.lower() in _MISSING


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _complaint(text: str) -> str:
    if _is_missing(text):
        return "is missing (missing: skip leaves out such steps)"
    return f"wants a number, has {shown(text)}"
