"""What a results file contains: its datasets, their types, shapes, units and meaning.

Only names and numpy types stand here. Where the bytes of a dataset lie is found
by `structure`, how they get there is decided by the writers. No h5py is needed.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from mpi_layout.optimise.trace import N_POINTS

FILETYPE = "mpi-layout results"
FORMAT_VERSION = 4

# Fixed-length text is UTF-8, padded with NUL bytes.
NAME_BYTES = 64
KEY_BYTES = 2 * NAME_BYTES + 32  # "{area}_{type}_s{seed}", seeds of up to 64 bits
MESSAGE_BYTES = 256
MAP_BYTES = 8192  # the same in every format version, so that each can tell which one it has

N_LAUNCHES = 1024
FIXED_SIZES = {"launch_number": N_LAUNCHES, "trace": N_POINTS}  # the same in every file
EPOCH = "seconds since 1970-01-01T00:00:00+00:00"


class Status(IntEnum):
    """State of a config in the file."""

    WAITING = 0
    DONE = 1
    FAILED = 2


@dataclass(frozen=True)
class Column:
    """A dataset that is written in place.

    Attributes
    ----------
    name : str
        Name of the dataset, at the root of the file.
    dtype : str
        Little-endian numpy type; "S..." is UTF-8 text.
    long_name, units : str
        CF attributes; text has no units.
    dims : tuple of str
        Names of its dimensions.
    fresh : int, float or bytes
        Value of a config that waits, or of a launch that has not been.
    attributes : dict
        Further attributes.
    """

    name: str
    dtype: str
    long_name: str
    units: str | None = "1"
    dims: tuple[str, ...] = ("config",)
    fresh: int | float | bytes = 0
    attributes: dict[str, object] = field(default_factory=dict)

    def shape(self, sizes: dict[str, int]) -> tuple[int, ...]:
        """Shape of the dataset, from the sizes of the dimensions."""
        return tuple(sizes[dim] for dim in self.dims)


def _text(name: str, n_bytes: int, long_name: str, dim: str = "config") -> Column:
    # _Encoding is what makes xarray show text instead of bytes.
    return Column(name, f"S{n_bytes}", long_name, None, (dim,), b"", {"_Encoding": "utf-8"})


def _number(name: str, units: str, long_name: str) -> Column:
    return Column(name, "<f8", long_name, units, fresh=np.nan)


def _per_turbine(name: str, units: str, long_name: str) -> Column:
    return Column(name, "<f8", long_name, units, ("config", "wt"), np.nan)


def _per_point(name: str, dtype: str, units: str, long_name: str, fresh: float) -> Column:
    return Column(name, dtype, long_name, units, ("config", "trace"), fresh)


def _moment(name: str, long_name: str) -> Column:
    return Column(name, "<f8", long_name, EPOCH, ("launch_number",), np.nan, {"calendar": "standard"})


_FLAGS = {
    "flag_values": np.array([status.value for status in Status], dtype="u1"),
    "flag_meanings": " ".join(status.name.lower() for status in Status),
}

_ENERGY = "GW h"  # as udunits, by which CF goes, spells GWh

# In the order of the bytes under the checksum. Status and checksum come last.
ROW_COLUMNS = (
    _text("key", KEY_BYTES, "area, turbine type and seed of the config"),
    _text("area", NAME_BYTES, "name of the area"),
    _text("turbine_type", NAME_BYTES, "name of the turbine type"),
    Column("seed", "<i8", "seed of the config"),
    Column("n_turbines", "<i4", "number of turbines"),
    _number("rotor_diameter", "m", "rotor diameter"),
    _number("rated_power", "MW", "rated power of one turbine"),
    _per_turbine("x", "m", "easting of the turbine"),
    _per_turbine("y", "m", "northing of the turbine"),
    _per_turbine("turbine_aep", _ENERGY, "annual energy production of the turbine"),
    _number("aep", _ENERGY, "annual energy production"),
    _number("gross_aep", _ENERGY, "annual energy production without wakes"),
    _number("start_aep", _ENERGY, "annual energy production of the start layout"),
    _number("wake_loss", "1", "share of the gross annual energy production lost in wakes"),
    _number("external_wake_loss", "1", "share of the gross annual energy production lost to neighbours"),
    _number("objective", "1", "what was maximised: AEP in GWh, or what the campaign's objective says"),
    _number("start_objective", "1", "the objective of the start layout"),
    _number("min_spacing", "m", "smallest distance between two turbines"),
    _number("max_outside", "m", "largest distance of a turbine from the area, zero inside"),
    Column("evaluations", "<i8", "layouts whose objective was computed", fresh=-1),
    _per_point("trace_evaluations", "<i8", "1", "evaluations up to a point of the trace", -1),
    _per_point("trace_aep", "<f8", _ENERGY, "annual energy production at a point of the trace", np.nan),
    _number("seconds", "s", "wall time of the last attempt"),
    Column("rank", "<i4", "MPI rank that solved the config", fresh=-1),
    Column("launch", "<i4", "launch that solved the config", fresh=-1),
    Column("attempts", "<i4", "number of attempts begun"),
    _text("message", MESSAGE_BYTES, "why the config failed"),
    Column("status", "u1", "state of the config", attributes=_FLAGS),
    Column("checksum", "<u4", "CRC-32 of the row"),
)

# Columns that the campaign gives; they never change.
IDENTITY = ("key", "area", "turbine_type", "seed", "n_turbines", "rotor_diameter", "rated_power")

# Columns of a solution, one number each, beside the number of evaluations.
FIGURES = (
    "aep",
    "gross_aep",
    "start_aep",
    "wake_loss",
    "external_wake_loss",
    "objective",
    "start_objective",
    "min_spacing",
    "max_outside",
)

# The checksum comes last here too.
LAUNCH_COLUMNS = (
    _moment("launch_started", "start of the launch"),
    _moment("launch_heartbeat", "last sign of life of the launch"),
    _moment("launch_ended", "end of the launch"),
    _text("launch_reason", 128, "why the launch ended", "launch_number"),
    Column("launch_ranks", "<i4", "number of MPI ranks", dims=("launch_number",)),
    _text("launch_host", 64, "host of rank 0", "launch_number"),
    Column("launch_pid", "<i8", "process number of rank 0", dims=("launch_number",)),
    _text("launch_scheduler_id", 64, "number given by the batch scheduler", "launch_number"),
    _text("launch_versions", 256, "versions of the software", "launch_number"),
    Column("launch_configs_done", "<i8", "configs finished by the launch", dims=("launch_number",)),
    Column("launch_checksum", "<u4", "CRC-32 of the launch", dims=("launch_number",)),
)

# Dimension scales: 0, 1, 2, ... (`launch` being a column of the rows, its dimension has the longer name.)
COORDINATES = (
    Column("config", "<i4", "number of the config", dims=("config",)),
    Column("wt", "<i4", "number of the turbine", dims=("wt",)),
    Column("trace", "<i4", "number of the point of the trace", dims=("trace",)),
    Column("launch_number", "<i4", "number of the launch", dims=("launch_number",)),
)


def _scalar_text(name: str, n_bytes: int, long_name: str) -> Column:
    return Column(name, f"S{n_bytes}", long_name, None, (), b"", {"_Encoding": "utf-8"})


# Where every dataset lies, near both ends of the file, see `map`.
MAPS = (
    _scalar_text("map", MAP_BYTES, "places of the datasets in the file"),
    _scalar_text("map_copy", MAP_BYTES, "the same as map, near the end of the file"),
)

COLUMNS = (*ROW_COLUMNS, *LAUNCH_COLUMNS, *COORDINATES, *MAPS)


def all_columns(n_text: int) -> tuple[Column, ...]:
    """All datasets in the order of their places in the file.

    What explains the rest comes first. The long columns of the rows follow the short ones, so
    that a file that was cut off keeps as many whole rows as can be.

    Parameters
    ----------
    n_text : int
        Length of the campaign text, bytes. It is a dataset, as attributes end at 64 KiB.
    """
    text = _scalar_text("campaign_yaml", n_text, "the campaign file")
    short = (column for column in ROW_COLUMNS if len(column.dims) == 1)
    long = (column for column in ROW_COLUMNS if len(column.dims) > 1)
    return (MAPS[0], text, *COORDINATES, *short, *long, *LAUNCH_COLUMNS, MAPS[1])
