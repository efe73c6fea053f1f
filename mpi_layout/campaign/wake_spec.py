"""The wake section of a campaign file: a wake model by its usual name, with its own parameters.

The sections are made from the dataclasses of wake/models.py, one for each model: its fields are their keys,
with the types, ranges, defaults and descriptions that are written there.
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, create_model
from pydantic.json_schema import SkipJsonSchema

from mpi_layout.campaign.schema import Section
from mpi_layout.wake.models import MODELS, TURBULENCE_MODELS, Turbulence, WakeModel, usual_name

USUAL = "TurbOPark"  # where no model is named


class ModelSection(Section):
    """A wake or turbulence model: its name and its parameters."""

    # Strict: neither true nor "10" is a number.
    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    model: str

    def made(self) -> Any:
        """The model itself, of wake/models.py."""
        values = {key: value.made() if isinstance(value, ModelSection) else value for key, value in self}
        return (MODELS | TURBULENCE_MODELS)[values.pop("model")](**values)


class _Unknown(ModelSection):
    """What is validated where a name is missing or unknown, so that this is its only fault."""

    model_config = ConfigDict(extra="ignore")


def _section(names: Sequence[str], usual: WakeModel | Turbulence, within: str = "") -> type[ModelSection]:
    """Section of the model of these names, with the parameters of `usual` as defaults."""
    kind = type(usual)
    described = descriptions(kind)
    keys: dict[str, Any] = {}
    for parameter in fields(usual):
        key_type, default = parameter.type, getattr(usual, parameter.name)
        if isinstance(default, Turbulence):
            key_type, default = _turbulence(default, within=kind.__name__)
        keys[parameter.name] = key_type, Field(default=default, description=described.get(parameter.name))
    # A model of two names is one model: results do not depend on what it is called.
    name: Any = Annotated[Literal[tuple(names)], AfterValidator(lambda _: names[0])]
    asked = Field(default=USUAL if USUAL in names else ..., description="Name of the model.")
    section: type[ModelSection] = create_model(
        f"{within}{kind.__name__}Spec",
        __base__=ModelSection,
        __module__=__name__,
        __doc__=(inspect.getdoc(kind) or "").partition("\n")[0],
        **{"model": (name, asked), **keys},
    )
    globals()[section.__name__] = section  # where pickle looks for it
    return section


def _turbulence(usual: Turbulence, within: str) -> tuple[Any, ModelSection]:
    """Choice of turbulence models in a wake model, and its default.

    A wake model may want other constants than those that its turbulence model has by itself.
    """
    models = {name: usual if isinstance(usual, kind) else kind() for name, kind in TURBULENCE_MODELS.items()}
    sections = {name: _section([name], model, within) for name, model in models.items()}
    return _one_of(sections), sections[usual_name(usual)](model=usual_name(usual))


def _one_of(sections: Mapping[str, type[ModelSection]], usual: str | None = None) -> Any:
    """Union of sections, told apart by their key `model`; `usual` is taken where that is missing."""
    name: Any = Literal[tuple(sections)]
    unknown = create_model("_UnknownName", __base__=_Unknown, model=(name, Field(description="Its name.")))

    def tag(value: Any) -> str:
        if isinstance(value, ModelSection):
            return f"<{type(value).__name__}>"
        asked = value.get("model", usual) if isinstance(value, dict) else usual
        section = sections.get(asked, unknown) if isinstance(asked, str) else unknown
        return f"<{section.__name__}>"

    forms = [Annotated[section, Tag(f"<{section.__name__}>")] for section in dict.fromkeys(sections.values())]
    forms.append(Annotated[SkipJsonSchema[unknown], Tag("<_UnknownName>")])
    return Annotated[Union[tuple(forms)], Discriminator(tag)]  # noqa: UP007


def descriptions(model: type) -> dict[str, str]:
    """Descriptions of parameters, from the docstrings of a model and of those that it inherits from."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        _, _, attributes = (inspect.getdoc(kind) or "").partition("Attributes\n----------\n")
        for names, text in re.findall(r"^(\w[\w, ]*)(?: : .*)?\n((?:    .*\n?)+)", attributes, re.MULTILINE):
            found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


def _names(kind: type[WakeModel]) -> list[str]:
    return [name for name, other in MODELS.items() if other is kind]


_SECTIONS = {kind: _section(_names(kind), kind()) for kind in dict.fromkeys(MODELS.values())}
WAKE_SECTIONS = {name: _SECTIONS[kind] for name, kind in MODELS.items()}
USUAL_WAKE = WAKE_SECTIONS[USUAL](model=USUAL)

if TYPE_CHECKING:
    WakeSpec = ModelSection
else:
    WakeSpec = _one_of(WAKE_SECTIONS, USUAL)
