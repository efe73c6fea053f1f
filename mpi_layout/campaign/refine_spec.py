"""The refine section: the name of a preset, or budgets of stages."""

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Discriminator, Field, PlainSerializer, Tag, create_model

from mpi_layout.campaign.schema import Integer, Section
from mpi_layout.campaign.wake_spec import descriptions
from mpi_layout.errors import InputError
from mpi_layout.formats.safe_yaml import compose_yaml, inline_yaml
from mpi_layout.optimise.refinement import PRESETS, Refinement

MOST_EVALUATIONS = 1_000_000_000  # of a stage

_NONE = "none"
_EXAMPLE = "{preset: quick, polish: 100}"
_STAGES = tuple(field.name for field in dataclasses.fields(Refinement))
_PRESET: Any = Literal[tuple(PRESETS)]
_BUDGET = Annotated[Integer, Field(ge=0, le=MOST_EVALUATIONS)] | None


def _section() -> type[Section]:
    """Section with a key for each stage, of which those that are left out are the preset's."""
    described = descriptions(Refinement)
    budgets: dict[str, Any] = {
        stage: (_BUDGET, Field(default=None, description=described[stage])) for stage in _STAGES
    }
    return create_model(
        "RefinementSpec",
        __base__=Section,
        __module__=__name__,
        __doc__="Budgets of the stages that make a layout better, in evaluations.",
        preset=(_PRESET, Field(default=_NONE, description="Where budgets come from that are not given.")),
        **budgets,
    )


RefinementSpec = _section()


def _tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "<name>"
    return "<RefinementSpec>" if isinstance(value, dict | RefinementSpec) else None


def _made(value: Any) -> Refinement:
    if isinstance(value, str):
        return PRESETS[value]
    given = value.model_dump(exclude={"preset"}, exclude_none=True)
    return dataclasses.replace(PRESETS[value.preset], **given)


def _spent(refinement: Refinement) -> dict[str, int]:
    """Budgets of the stages that have one: those without shape no result."""
    return {name: budget for name, budget in dataclasses.asdict(refinement).items() if budget}


if TYPE_CHECKING:
    RefineSpec = Refinement
else:
    RefineSpec = Annotated[
        Annotated[_PRESET, Tag("<name>")] | Annotated[RefinementSpec, Tag("<RefinementSpec>")],
        Discriminator(
            _tag,
            custom_error_type="refine",
            custom_error_message=f"wants {', '.join(PRESETS)} or budgets such as {_EXAMPLE}",
        ),
        AfterValidator(_made),
        PlainSerializer(_spent),
    ]


def names_preset(data: dict[Any, Any]) -> bool:
    """Whether the plain values of a campaign leave budgets to a preset."""
    refine = data.get("refine")
    return (refine.get("preset", _NONE) if isinstance(refine, dict) else refine or _NONE) != _NONE


def with_budgets(text: str, source: str, refinement: Refinement) -> str:
    """Text of a campaign with the budgets in place of a preset's name.

    Another version of this program may spend more or less under the same name. Results files keep the
    text, so that they keep what was spent.

    Parameters
    ----------
    text : str
        YAML of the campaign; its refine section names a preset.
    source : str
        What messages call it.
    refinement : Refinement
        The budgets.

    Raises
    ------
    InputError
        If the section is an alias, has one, or comes from a merged one.
    """
    root: Any = compose_yaml(text, source)
    found = [pair for pair in root.value if pair[0].value == "refine"]
    if len(found) != 1 or not _in_order(*found[0]):
        raise InputError(f"{source}: refine: wants its value written here, without aliases or merges")
    ((_, node),) = found
    start, end = node.start_mark.index, _end(node)
    return text[:start] + inline_yaml(dataclasses.asdict(refinement)) + text[end:]


def _in_order(key: yaml.Node, node: yaml.Node) -> bool:
    """Whether a value is written behind its key, and what it consists of as well."""
    inner = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else []
    starts = [part.start_mark.index for part in (key, node, *inner)]
    return starts == sorted(starts)


def _end(node: yaml.Node) -> int:
    """Where a value ends; a mapping in lines has the comments behind it in it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return _end(node.value[-1][1])
    end: int = node.end_mark.index
    return end
