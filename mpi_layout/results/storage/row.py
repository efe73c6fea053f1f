"""One row of the results file: what a config gives, its bytes and its checksum.

A row is a numpy record with a field per column, little-endian and packed, so
that its bytes are the same wherever it is made. The workers make rows and the
manager writes them; neither needs h5py for that.
"""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Config
from mpi_layout.optimise.problem import Solution
from mpi_layout.results.storage.schema import (
    FIGURES,
    FIXED_SIZES,
    IDENTITY,
    MESSAGE_BYTES,
    ROW_COLUMNS,
    Status,
)

__all__ = [
    "BRIEF_DTYPE",
    "Status",
    "brief",
    "done_row",
    "failed_row",
    "fit_text",
    "holds_nothing",
    "is_committed",
    "row_dtype",
    "rows_hold",
    "seal",
    "trace_of",
    "waiting_rows",
]

TRACE = ("trace_evaluations", "trace_aep")
_CHECKSUM_BYTES = 4
_DONE, _FAILED = int(Status.DONE), int(Status.FAILED)  # an IntEnum is slow to compare with


def row_dtype(n_turbines_max: int) -> np.dtype:
    """Numpy type of a row, a packed field per column.

    Parameters
    ----------
    n_turbines_max : int
        Room for turbines in x, y and turbine_aep.
    """
    sizes = {"config": 1, "wt": n_turbines_max, **FIXED_SIZES}
    return np.dtype([(column.name, column.dtype, column.shape(sizes)[1:]) for column in ROW_COLUMNS])


# What the manager needs to know of a row that a worker has written by itself.
_BRIEF = tuple(c for c in ROW_COLUMNS if c.name in ("seconds", "rank", "attempts", "message", "status"))
BRIEF_DTYPE = np.dtype([(column.name, column.dtype) for column in _BRIEF])


def brief(rows: NDArray[np.void]) -> NDArray[np.void]:
    """Give what the manager needs to know of rows (n,): how and where they ended, not the layouts."""
    said = np.empty(len(rows), BRIEF_DTYPE)
    for column in _BRIEF:
        said[column.name] = rows[column.name]
    return said


def waiting_rows(dtype: np.dtype, configs: Sequence[Config]) -> NDArray[np.void]:
    """Rows of configs that wait: their identity, and nothing else yet.

    Parameters
    ----------
    dtype : numpy.dtype
        From `row_dtype`.
    configs : sequence of Config
        Of length n.

    Returns
    -------
    (n,) structured array
    """
    rows = np.zeros(len(configs), dtype)
    for column in ROW_COLUMNS:
        rows[column.name] = column.fresh
    for name in ("key", "area", "turbine_type"):
        rows[name] = [getattr(config, name).encode() for config in configs]
    for name in ("seed", "n_turbines", "rotor_diameter"):
        rows[name] = [getattr(config, name) for config in configs]
    rows["rated_power"] = [config.rated_power / 1e6 for config in configs]
    return rows


def done_row(
    dtype: np.dtype,
    config: Config,
    solution: Solution,
    *,
    seconds: float,
    rank: int,
    launch: int,
    attempts: int,
) -> NDArray[np.void]:
    """Sealed row of a solved config.

    Parameters
    ----------
    dtype : numpy.dtype
        From `row_dtype`.
    config : Config
        The config that was solved.
    solution : Solution
        Its layout and energy.
    seconds : float
        Wall time of the attempt, s.
    rank, launch, attempts : int
        Where it was solved, and how many attempts were begun.

    Returns
    -------
    (1,) structured array

    Raises
    ------
    ValueError
        If the layout has not the config's number of turbines.
    """
    row = waiting_rows(dtype, [config])
    for name in ("x", "y", "turbine_aep"):
        values = getattr(solution, name)
        if np.shape(values) != (config.n_turbines,):
            raise ValueError(f"{config.key}: {name} has shape {np.shape(values)}, not ({config.n_turbines},)")
        row[name][0, : config.n_turbines] = values
    for name in (*FIGURES, "evaluations"):
        row[name] = getattr(solution, name)
    for name, points in zip(TRACE, solution.trace.points(), strict=True):
        row[name][0, : points.size] = points
    _sign(row, Status.DONE, seconds=seconds, rank=rank, launch=launch, attempts=attempts)
    return row


def failed_row(
    dtype: np.dtype,
    config: Config,
    message: str,
    *,
    seconds: float,
    rank: int,
    launch: int,
    attempts: int,
) -> NDArray[np.void]:
    """Sealed row of a config that cannot be solved; parameters as in `done_row`.

    Parameters
    ----------
    message : str
        Why; what does not fit is cut off.
    """
    row = waiting_rows(dtype, [config])
    row["message"] = fit_text(message or "no message", MESSAGE_BYTES)
    _sign(row, Status.FAILED, seconds=seconds, rank=rank, launch=launch, attempts=attempts)
    return row


def _sign(
    row: NDArray[np.void], status: Status, *, seconds: float, rank: int, launch: int, attempts: int
) -> None:
    row["seconds"], row["rank"], row["launch"], row["attempts"] = seconds, rank, launch, attempts
    row["status"] = status
    seal(row)


_FILLED = tuple(c for c in ROW_COLUMNS if c.name not in IDENTITY and c.name not in ("attempts", "status"))


def holds_nothing(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether rows (n,) are empty to the byte, but for identity, attempts and status."""
    empty = np.ones(len(rows), bool)
    for column in _FILLED if len(rows) else ():
        fresh = np.full(rows.dtype[column.name].shape, column.fresh, column.dtype)
        found = np.ascontiguousarray(rows[column.name]).view(np.uint8).reshape(len(rows), -1)
        empty &= (found == np.frombuffer(fresh.tobytes(), np.uint8)).all(axis=1)
    return empty


def trace_of(row: np.void) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Evaluations and AEP, GWh, at the points (n,) of a row's trace; none in a row that is not done."""
    evaluations, aep = (row[name] for name in TRACE)
    there = evaluations >= 0
    return evaluations[there], aep[there]


def seal(rows: NDArray[np.void]) -> None:
    """Set the checksums of rows (n,), status included, in place."""
    rows["checksum"] = _checksums(rows)


def rows_hold(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether the checksums of rows (n,) hold, whatever their status is."""
    return np.asarray(rows["checksum"] == _checksums(rows))


def is_committed(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether rows (n,) are done or failed and their checksums hold."""
    status = rows["status"]
    committed = np.asarray((status == _DONE) | (status == _FAILED))
    if committed.all():  # most files, most of the time, and no copy
        return rows_hold(rows)
    committed[committed] = rows_hold(rows[committed])
    return committed


def _checksums(rows: NDArray[np.void]) -> NDArray[np.uint32]:
    # The checksum is the last field of the packed record, so everything before it is one run of bytes.
    runs = np.ascontiguousarray(rows).view(np.uint8).reshape(rows.size, rows.dtype.itemsize)
    sums = map(zlib.crc32, runs[:, :-_CHECKSUM_BYTES])
    return np.fromiter(sums, "<u4", rows.size)


def fit_text(text: str, n_bytes: int) -> bytes:
    """UTF-8 of a text, cut at a character boundary to fit into n_bytes.

    NUL, which would end the text, and lone surrogates are written as escapes.
    """
    encoded = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace")
    return encoded[:n_bytes].decode("utf-8", "ignore").encode()
