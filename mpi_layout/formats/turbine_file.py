"""Which format a turbine file has, told by its content."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from mpi_layout.errors import InputError
from mpi_layout.formats.floris_turbine import read_floris_turbine
from mpi_layout.formats.windio_turbine import read_windio_turbine
from mpi_layout.formats.yaml_include import load_with_includes
from mpi_layout.site.turbine import Turbine

log = logging.getLogger(__name__)

TurbineFormat = Literal["windio", "floris"]


def read_turbine(
    data: Any, where: str, form: TurbineFormat | None = None, warn: Callable[[str], None] = log.warning
) -> Turbine:
    """Turbine of the plain values of a file.

    Parameters
    ----------
    data : dict
        What the YAML holds.
    where : str
        What messages call it.
    form : {"windio", "floris"}, optional
        Format; by default that of the keys found.
    warn : callable
        Told what is odd but allowed.

    Raises
    ------
    InputError
        If the format cannot be told, or with a line for each fault.
    """
    form = form or _format_of(data, where)
    return (read_windio_turbine if form == "windio" else read_floris_turbine)(data, where, warn)


def load_turbine(path: str | Path) -> Turbine:
    """Turbine of a windIO or FLORIS turbine file.

    What is odd but allowed is logged as a warning.

    Raises
    ------
    InputError
        With a line for each fault of the file.
    """
    return read_turbine(load_with_includes(path, "turbine"), str(path))


def _format_of(data: Any, where: str) -> TurbineFormat:
    keys = data if isinstance(data, dict) else {}
    if "performance" in keys:
        return "windio"
    if "power_thrust_table" in keys:
        return "floris"
    hint = "; components and assembly are windIO's other turbine schema, without curves" * (
        "assembly" in keys
    )
    raise InputError(
        f"{where}: wants a turbine of windIO (name, performance, ...) or FLORIS (turbine_type, "
        f"power_thrust_table, ...), has neither performance nor power_thrust_table{hint}"
    )
