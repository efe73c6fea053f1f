"""Layouts and figures as tables: CSV for everybody, Parquet for data frames."""

import csv
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Config
from mpi_layout.errors import InputError
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Selection
from mpi_layout.results.storage.row import Status, row_dtype
from mpi_layout.results.storage.schema import IDENTITY, ROW_COLUMNS
from mpi_layout.results.written import beside, written

if TYPE_CHECKING:
    import pyarrow

# A column may lack values: those of configs that are not done.
Columns = dict[str, "np.ma.MaskedArray[Any, Any]"]
Pieces = Iterable[tuple[NDArray[np.int64], NDArray[np.void]]]

_LINES = 2**18  # of a row group
_WHOLE = ("seed", "turbine", "n_turbines", "evaluations")
_TEXT = ("key", "area", "turbine_type", "status", "message")
_STATES = {status.value: status.name.lower() for status in Status}

# Who computed a config and how often it was tried says nothing about its layout.
_ABOUT_THE_RUN = ("rank", "launch", "attempts", "message", "status", "checksum")
_FIGURES = tuple(
    column
    for column in ROW_COLUMNS
    if column.dims == ("config",) and column.name not in (*_ABOUT_THE_RUN, *IDENTITY)
)


def turbine_columns(configs: Sequence[Config], rows: NDArray[np.void]) -> Columns:
    """Give a line per turbine.

    Parameters
    ----------
    configs : sequence of Config
        Of length n.
    rows : (n,) structured array
        Their rows, done.

    Returns
    -------
    dict
        Columns by name, units in the names: all of one length.
    """
    # What the campaign gives is taken from there: a forged row may have anything in it.
    n_turbines = np.array([config.n_turbines for config in configs], int)
    turbine = np.arange(rows["x"].shape[1])
    there = turbine < n_turbines[:, None]
    columns: dict[str, NDArray[Any]] = {
        name: np.repeat(np.array([getattr(config, name) for config in configs]), n_turbines)
        for name in ("key", "area", "turbine_type", "seed")
    }
    columns["turbine"] = np.broadcast_to(turbine, there.shape)[there]
    for name, source in (("x_m", "x"), ("y_m", "y"), ("aep_GWh", "turbine_aep")):
        columns[name] = rows[source][there]
    return {name: np.ma.masked_array(values) for name, values in columns.items()}


def config_columns(configs: Sequence[Config], rows: NDArray[np.void]) -> Columns:
    """Give a line per config with all its figures; the rest as of `turbine_columns`."""
    columns: Columns = {
        name: np.ma.masked_array([getattr(config, name) for config in configs])
        for name in IDENTITY
        if name not in ("rotor_diameter", "rated_power")
    }
    columns["rotor_diameter_m"] = np.ma.masked_array([config.rotor_diameter for config in configs])
    columns["rated_power_MW"] = np.ma.masked_array([config.rated_power / 1e6 for config in configs])
    for column in _FIGURES:
        values = rows[column.name]
        lacking = np.isnan(values) if values.dtype.kind == "f" else values == column.fresh
        units = str(column.units).replace(" ", "")
        name = column.name if units in ("1", "s") else f"{column.name}_{units}"
        columns[name] = np.ma.masked_array(values, lacking)
    columns["status"] = np.ma.masked_array([_STATES[status] for status in rows["status"].tolist()])
    columns["message"] = np.ma.masked_array([text.decode("utf-8", "replace") for text in rows["message"]])
    return columns


def export_turbines(
    results: Results, target: Path, selection: Selection, *, parquet: bool = False, force: bool = False
) -> int:
    """Write a line per turbine of every chosen config, in the order of the configs.

    Numbers have as many digits as it takes to get the same number back.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    target : Path
        The table; "-" is standard output for CSV.
    selection : Selection
        Of configs that are done.
    parquet : bool
        Whether to write Parquet, else CSV.
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
    return _export(results, target, selection, turbine_columns, parquet=parquet, force=force)


def export_configs(
    results: Results, target: Path, selection: Selection, *, parquet: bool = False, force: bool = False
) -> int:
    """Write a line with all figures of every chosen config in any state; the rest as of `export_turbines`."""
    return _export(results, target, selection, config_columns, parquet=parquet, force=force)


def write_turbines(rows: Sequence[tuple[Config, np.void]], target: Path, *, force: bool = False) -> None:
    """Write a line per turbine of given rows of done configs, one or more, as CSV."""
    columns = turbine_columns([config for config, _ in rows], np.array([row for _, row in rows]))
    _write_csv(iter([columns]), target, force=force)


def _export(
    results: Results,
    target: Path,
    selection: Selection,
    columns_of: Callable[[Sequence[Config], NDArray[np.void]], Columns],
    *,
    parquet: bool,
    force: bool,
) -> int:
    configs, n_configs = results.campaign.configs, 0
    none = columns_of((), np.empty(0, row_dtype(results.structure.n_turbines_max)))

    def tables(pieces: Pieces) -> Iterator[Columns]:
        nonlocal n_configs
        yield none  # has the names
        for numbers, rows in pieces:
            n_configs += len(numbers)
            yield columns_of([configs[number] for number in numbers.tolist()], rows)

    if parquet:
        require_pyarrow()
    write = _write_parquet if parquet else _write_csv
    write(tables(selection.pieces(results, may_be_none=True)), target, force=force)
    return n_configs


def _write_csv(tables: Iterator[Columns], target: Path, *, force: bool) -> None:
    first = next(tables)
    with written(target, force=force) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(first)
        for columns in itertools.chain([first], tables):
            table.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def require_pyarrow() -> None:
    """See that Parquet can be written.

    Raises
    ------
    InputError
        If pyarrow is missing.
    """
    if find_spec("pyarrow") is None:
        raise InputError("Parquet needs pyarrow: pip install 'mpi-layout[tables]'")


def _write_parquet(tables: Iterator[Columns], target: Path, *, force: bool) -> None:
    import pyarrow
    from pyarrow import parquet

    schema = _arrow_schema(next(tables))
    with beside(target, force=force) as path, parquet.ParquetWriter(path, schema) as writer:
        waiting: list[pyarrow.RecordBatch] = []
        for columns in tables:
            arrays = [
                pyarrow.array(column.data, field.type, mask=np.ma.getmaskarray(column))
                for column, field in zip(columns.values(), schema, strict=True)
            ]
            waiting.append(pyarrow.RecordBatch.from_arrays(arrays, schema=schema))
            if sum(batch.num_rows for batch in waiting) >= _LINES:
                writer.write_table(pyarrow.Table.from_batches(waiting))
                waiting = []
        writer.write_table(pyarrow.Table.from_batches(waiting, schema))


def _arrow_schema(columns: Columns) -> "pyarrow.Schema":
    import pyarrow

    def kind(name: str) -> pyarrow.DataType:
        if name in _TEXT:
            return pyarrow.string()
        return pyarrow.int64() if name in _WHOLE else pyarrow.float64()

    return pyarrow.schema([(name, kind(name)) for name in columns])
