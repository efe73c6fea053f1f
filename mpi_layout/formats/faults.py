"""Faults of a file as lines that say where, what is wanted and what was found."""

import itertools
import re
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mpi_layout.errors import InputError
from mpi_layout.formats.safe_yaml import shown
from mpi_layout.meant import meant
from mpi_layout.printable import clipped

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

# Of one of the forms that a value may have, <Model> or <list>; no key of the user's.
_TAG = re.compile(r"<\w+>")

MOST_FAULTS = 1000  # nobody reads more, and each costs time

_WANTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a finite number",
    "string_type": "text",
    "tuple_type": "a list",
    "model_type": "keys and values",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "letters, digits, '_', '-' and '.', beginning with a letter or digit",
    "string_too_long": "at most {max_length} characters",
}
_COUNTED = {
    "areas": "areas",
    "turbine_types": "turbine types",
    "polygons_m": "polygons",
    "exclusions_m": "polygons",
    "exclusion_circles_m": "circles",
    "boundary_m": "points",
    "centre": "coordinates",
    "positions_m": "points",
    "neighbours": "groups",
}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a file.

    Attributes
    ----------
    path : tuple of str and int
        Where: keys and list indices from the top.
    text : str
        What is wanted and what was found.
    """

    path: Path
    text: str

    def __str__(self) -> str:
        place = path_text(self.path)
        return f"{place}: {self.text}" if place else self.text


def path_text(path: Path) -> str:
    """Path as the user would write it: areas[2].boundary_m."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + _key_text(part)
    return text


def _key_text(key: str) -> str:
    return key if re.fullmatch(r"[\w-]{1,60}", key) else f"'{clipped(key)}'"


def pydantic_faults(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """Faults in our own words.

    Parameters
    ----------
    error : ValidationError
        What validating the model raised.
    model : type
        The pydantic model at the top of all paths.

    Returns
    -------
    list of Fault
        The first `MOST_FAULTS`.
    """
    details = error.errors(include_url=False)
    own = (_fault(detail, model) for detail in details if not _counts_sound_ones_only(detail))
    return list(itertools.islice(own, MOST_FAULTS))


def validated(model: type[Model], data: Any, where: str) -> Model:
    """Model of plain values.

    Parameters
    ----------
    model : type
        A pydantic model.
    data : dict
        What it is made of.
    where : str
        What messages call the data: a file, or a place in it.

    Raises
    ------
    InputError
        With a line for each fault.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise input_error(where, pydantic_faults(error, model)) from None


def input_error(where: str, faults: Iterable[Fault]) -> InputError:
    """Error with a line for each fault."""
    return InputError("\n".join(f"{where}: {fault}" for fault in faults))


def _counts_sound_ones_only(detail: ErrorDetails) -> bool:
    """Whether a list is called too short only because entries of it have faults of their own."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _fault(detail: ErrorDetails, model: type[BaseModel]) -> Fault:
    tagged = detail["loc"]
    kind, context, found = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind in ("extra_forbidden", "invalid_key"):
        path = (*_untagged(tagged[:-1]), tagged[-1])
        return Fault(path, unknown_key(str(path[-1]), _known_keys(tagged, model)))
    path = _untagged(tagged)
    if kind in _WANTED:
        wanted = _WANTED[kind].format(**context)
        return Fault(path, f"wants {wanted}, has {shown(found)}{_choice_meant(kind, wanted, found)}")
    if kind == "missing":
        return Fault(path, "is missing" + _description(tagged, model))
    if kind in ("too_short", "too_long"):
        bound, limit = ("least", "min_length") if kind == "too_short" else ("most", "max_length")
        noun = _noun(path)[: -1 if context[limit] == 1 else None]
        return Fault(path, f"needs at {bound} {context[limit]} {noun}, has {context['actual_length']}")
    if kind == "value_error":
        return Fault(path, f"{context['error']}; has {shown(found)}")
    return Fault(path, f"{detail['msg']}; has {shown(found)}")


def _choice_meant(kind: str, wanted: str, found: Any) -> str:
    """Question whether one of the texts that may stand here was meant."""
    if kind != "literal_error" or not isinstance(found, str):
        return ""
    close = meant(found, re.findall(r"'([^']*)'", wanted))
    return f"; is {close} meant?" if close else ""


def _untagged(path: Path) -> Path:
    return tuple(part for part in path if not _is_tag(part))


def _is_tag(part: str | int) -> bool:
    return isinstance(part, str) and _TAG.fullmatch(part) is not None


def _noun(path: Path) -> str:
    if isinstance(path[-1], int):  # a ring within polygons_m or exclusions_m, or a point
        return "points" if path[-2] in ("polygons_m", "exclusions_m") else "coordinates"
    return _COUNTED.get(path[-1], "values")


def unknown_key(key: str, known: list[str]) -> str:
    """Say that a key is unknown and which one may be meant."""
    close = meant(key, known)
    return "unknown key; " + (f"is {close} meant?" if close else f"known are {', '.join(known)}")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Pydantic models within an annotation such as tuple[AreaSpec, ...]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models(inner)


def _owner(path: Path, model: type[BaseModel]) -> type[BaseModel]:
    """Find the model that the last key of a path belongs to."""
    forms: dict[str | int, type[BaseModel]] = {}
    for part in path[:-1]:
        if _is_tag(part):
            model = forms.get(part, model)
        elif isinstance(part, str):
            forms = {f"<{form.__name__}>": form for form in _models(model.model_fields[part].annotation)}
            model = next(iter(forms.values()), model)
    return model


def _known_keys(path: Path, model: type[BaseModel]) -> list[str]:
    return list(_owner(path, model).model_fields)


def _description(path: Path, model: type[BaseModel]) -> str:
    if isinstance(path[-1], int):
        return ""
    description = _owner(path, model).model_fields[path[-1]].description or ""
    return f": {description[:1].lower()}{description[1:].rstrip('.')}"
