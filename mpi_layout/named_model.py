"""A wake model by its usual name, with parameters as people write them, and the words for one."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from mpi_layout.campaign.wake_spec import WAKE_SECTIONS
from mpi_layout.errors import InputError
from mpi_layout.formats.faults import validated
from mpi_layout.formats.safe_yaml import load_yaml
from mpi_layout.wake.models import Turbulence, WakeModel, usual_name


def named_model(name: str, parameters: Mapping[str, Any], where: str) -> WakeModel:
    """Wake model of a name.

    Parameters
    ----------
    name : str
        Usual name, a key of `MODELS`.
    parameters : dict
        Those that differ from the model's defaults, as in the wake section of a campaign; a turbulence model
        may be given by its name alone.
    where : str
        What messages call them.

    Raises
    ------
    InputError
        If there is no such model or parameter, or values are out of their ranges.
    """
    if name not in WAKE_SECTIONS:
        raise InputError(f"{where}: no wake model is called {name!r}; known are {', '.join(WAKE_SECTIONS)}")
    values = {"model": name, **parameters}
    if isinstance(values.get("turbulence"), str):
        values["turbulence"] = {"model": values["turbulence"]}
    model: WakeModel = validated(WAKE_SECTIONS[name], values, f"{where}: {name}").made()
    return model


def given_parameters(name: str | None, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Parameters of --model from the words of --model-parameter: names and YAML of values.

    Raises
    ------
    InputError
        If there are some and no model, or a value is no YAML.
    """
    if pairs and name is None:
        raise InputError("--model-parameter: wants --model, whose parameter it is")
    return {key: load_yaml(text, f"--model-parameter {key}")[0] for key, text in pairs}


def model_values(model: WakeModel | Turbulence) -> dict[str, Any]:
    """Name and parameters of a model, and of the turbulence model in it, for other programs."""
    values = {
        key: model_values(value) if isinstance(value, Turbulence) else value
        for key, value in vars(model).items()
    }
    return {"name": usual_name(model), **values}


def model_text(model: WakeModel) -> str:
    """Name of a wake model, and the parameters that differ from its defaults."""
    usual = type(model)()
    values = {entry.name: getattr(model, entry.name) for entry in fields(model)}
    given = [f"{name}={value}" for name, value in values.items() if value != getattr(usual, name)]
    return usual_name(model) + (f" ({', '.join(given)})" if given else "")
