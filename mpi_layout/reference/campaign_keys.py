"""The keys of a campaign file, from the JSON schema that `mpi-layout schema` prints."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from mpi_layout.campaign import campaign_schema
from mpi_layout.campaign.schema import NAME_PATTERN
from mpi_layout.reference.markdown import link, table
from mpi_layout.wake.models import TURBULENCE_MODELS

Schema: TypeAlias = Mapping[str, Any]

TOP = "Campaign"  # the mark of the table of top-level keys; the others are called as in the schema
_REFERENCE = "#/$defs/"


class CampaignKeys:
    """Tables of the keys of each section of a campaign file.

    Parameters
    ----------
    headings : dict of str
        The heading above the table of each mark, so that other tables can refer to it.
    """

    def __init__(self, headings: Mapping[str, str]) -> None:
        schema = campaign_schema()
        self._headings = headings
        # Of a turbulence model in several wake models the first one's, whose defaults are its own.
        self._sections = {mark(name): section for name, section in reversed(schema["$defs"].items())}
        self._sections[TOP] = schema

    def table(self, name: str) -> str:
        """The table of a mark."""
        section = self._sections[name]
        rows = [
            (f"`{key}`", self._value(value), _need(section, key) or _default(value), _meaning(value))
            for key, value in section["properties"].items()
        ]
        return table(("key", "value", "default", "meaning"), rows)

    def _value(self, schema: Schema) -> str:
        """What may be written for a key."""
        return " or ".join(dict.fromkeys(self._forms(schema)))

    def _forms(self, schema: Schema) -> Iterator[str]:
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices:
            for choice in choices:
                yield from self._forms(choice)
        elif "$ref" in schema:
            yield link(self._headings[mark(schema["$ref"].removeprefix(_REFERENCE))])
        elif "const" in schema or "enum" in schema:
            yield from (f"`{value}`" for value in schema.get("enum") or [schema["const"]])
        elif schema["type"] == "array":
            yield self._list(schema)
        elif schema["type"] in _PLAIN:
            yield _PLAIN[schema["type"]](schema)
        # What is left is null, which is as good as no key, and what the name of a file is replaced by.

    def _list(self, schema: Schema) -> str:
        if "prefixItems" in schema:
            return "[x, y]" if schema["prefixItems"][0]["type"] == "number" else "[columns, rows]"
        items = self._value(schema["items"])
        if " or " in items:
            return f"list of ({items})"
        return (
            "list of lists" + items.removeprefix("list") if items.startswith("list") else f"list of {items}"
        )


def mark(section: str) -> str:
    """The mark of the table that a section of the schema is in."""
    for turbulence in TURBULENCE_MODELS:
        if section.endswith(f"{turbulence}Spec"):
            return turbulence
    return section


def _need(section: Schema, key: str) -> str:
    """Whether a key has to be there, and what may stand in its place."""
    if key in section.get("required", ()):
        return "needed"
    for choice in ("oneOf", "anyOf"):
        ways = [way["required"] for way in section.get(choice, ())]
        others = [", ".join(f"`{name}`" for name in way) for way in ways if key not in way]
        if len(others) < len(ways):
            return f"needed, or {' or '.join(others)}"
    return ""


def _meaning(schema: Schema) -> str:
    return str(schema.get("description", ""))


def _default(schema: Schema) -> str:
    default = schema.get("default")
    if default is None or default == [] or isinstance(default, dict):
        return ""  # none, or that of each key of a section
    return default if isinstance(default, str) else json.dumps(default)


def _number(kind: str, schema: Schema) -> str:
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    found = [f"{word} {_plain(schema[bound])}" for bound, word in bounds.items() if bound in schema]
    return " ".join([kind, *found])


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


def _text(schema: Schema) -> str:
    if schema.get("pattern") == NAME_PATTERN:
        return "name"
    return "a share such as `5%`" if "%" in schema.get("pattern", "") else "text"


_PLAIN = {
    "number": lambda schema: _number("number", schema),
    "integer": lambda schema: _number("whole number", schema),
    "boolean": lambda _: "`true` or `false`",
    "string": _text,
}
