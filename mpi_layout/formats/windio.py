"""Files in the windIO format: read with all that they include, and validated by the windIO package.

windIO's own search for unknown keys follows no reference from one schema to another, so a misspelt
key below the first level would pass. They are found in `windio_schema.py`, by the same schemas.
"""

import re
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

from mpi_layout.errors import InputError
from mpi_layout.formats.faults import Fault, Path
from mpi_layout.formats.safe_yaml import shown
from mpi_layout.formats.windio_schema import forms, key_faults
from mpi_layout.formats.yaml_include import load_with_includes

SYSTEM = "wind_energy_system"
WIND_FARM = "wind_farm"
RESOURCE = "energy_resource"

# Its schema refers to what does not exist (windIO 2.1), and nothing here asks for it.
_NOT_VALIDATED = "optimisation"
_MOST_FAULTS = 50
_LONGEST = 200  # characters of a message, which repeats the value that it is about

_ERROR = re.compile(r"^Error \d+: Failed at instance path `\$(.*?)` with error message: \"(.*)\"$", re.M)
_PART = re.compile(r"\[(\d+)\]|\['(.*?)'\]|\.([^.\[]+)")
_MISSING = re.compile(r"^'(.+)' is a required property$")
_NO_FORM = "is not valid under any of the given schemas"


def load_windio(path: str | FilePath, schema: str) -> dict[Any, Any]:
    """Plain values of a windIO file and of what it includes.

    Parameters
    ----------
    path : str or Path
        The file (YAML).
    schema : str
        What it has to be: `SYSTEM`, `WIND_FARM` or `RESOURCE`.

    Raises
    ------
    InputError
        As `load_with_includes`; and naming the file and the path of each fault, if it does not follow
        windIO's schema.
    """
    data = load_with_includes(path, "windIO input")
    if not isinstance(data, dict):
        raise InputError(f"{path}: wants the keys of a windIO {schema}; has {shown(data)}")
    check_windio(data, schema, str(path))
    return data


def check_windio(data: dict[Any, Any], schema: str, where: str) -> None:
    """Validate plain values.

    Parameters
    ----------
    data : dict
        Of a windIO file.
    schema : str
        `SYSTEM`, `WIND_FARM` or `RESOURCE`.
    where : str
        What messages call the data.

    Raises
    ------
    InputError
        With a line for each fault.
    """
    if found := list(_faults(data, schema)):
        lines = [str(fault) for fault in found[:_MOST_FAULTS]]
        if len(found) > _MOST_FAULTS:
            lines.append(f"... and {len(found) - _MOST_FAULTS} more")
        count = "1 fault" if len(found) == 1 else f"{len(found)} faults"
        raise InputError("\n  ".join([f"{where}: {count} in the windIO {schema}", *lines]))


def _faults(data: dict[Any, Any], schema: str) -> Iterator[Fault]:
    import windIO  # slow to load
    from jsonschema.exceptions import ValidationError

    asked = {key: value for key, value in data.items() if key != _NOT_VALIDATED}
    yield from key_faults(asked, schema)
    try:
        windIO.validate(asked, f"plant/{schema}", restrictive=False)
    except ValidationError as error:
        for place, text in _ERROR.findall(error.message) or [("", error.message)]:
            yield _fault(_path(place), text, schema)


def _path(place: str) -> Path:
    return tuple(int(index) if index else quoted or key for index, quoted, key in _PART.findall(place))


def _fault(path: Path, text: str, schema: str) -> Fault:
    """Fault in our own words of what jsonschema says."""
    if missing := _MISSING.match(text):
        return Fault((*path, missing[1]), "is missing")
    if text.endswith(_NO_FORM):
        text = f"wants {' or '.join(forms(path, schema)) or 'one of the forms that windIO has for it'}"
    elif len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]}...{text[-_LONGEST // 2 :]}"
    return Fault(path, text)
