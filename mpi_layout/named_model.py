"""A wake model by its usual name, with parameters as people write them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from mpi_layout.errors import InputError
from mpi_layout.formats.faults import path_text, unknown_key
from mpi_layout.formats.safe_yaml import shown
from mpi_layout.wake.models import MODELS, TURBULENCE_MODELS, WakeModel


def named_model(name: str, parameters: Mapping[str, Any], where: str) -> WakeModel:
    """Wake model of a name.

    Parameters
    ----------
    name : str
        Usual name, a key of `MODELS`.
    parameters : dict
        Those that differ from the model's defaults: numbers (or text of them), or words such as
        "linear_sum"; a turbulence model by its name.
    where : str
        What messages call them.

    Raises
    ------
    InputError
        If there is no such model or parameter, or a value is out of its range.
    """
    if name not in MODELS:
        raise InputError(f"{where}: no wake model is called {name!r}; known are {', '.join(MODELS)}")
    model = MODELS[name]
    known = [field.name for field in fields(model)]
    for key in parameters:
        if key not in known:
            raise InputError(f"{where}: {name}.{key}: {unknown_key(key, known)}")
    values = {key: _turbulence(value) if key == "turbulence" else value for key, value in parameters.items()}
    try:
        return TypeAdapter(model).validate_python(values)
    except ValidationError as error:
        raise InputError(
            "\n".join(f"{where}: {name}: {_said(detail)}" for detail in error.errors())
        ) from None


def _said(detail: ErrorDetails) -> str:
    if detail["type"] == "value_error":  # of the model itself, which names the parameter
        return str(detail["ctx"]["error"])
    place = path_text(detail["loc"])
    return f"{place}: {detail['msg']}, has {shown(detail['input'])}"


def _turbulence(value: Any) -> Any:
    made = TURBULENCE_MODELS.get(value)
    return made() if made else value
