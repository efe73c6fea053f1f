"""Files that a campaign names: read once, and from then on part of the campaign's text.

The name of a file gives way to its content, on the same line, and all else stays as it is::

    turbine_types: [{name: t15, file: iea15.yaml}]
    turbine_types: [{name: t15, file: {iea15.yaml: {name: IEA 15 MW, hub_height: 150.0, ...}}}]

This text is what is stored, sent to other processes and parsed, so that nobody needs the files
again. The content, and not the file's name, is under the campaign's digest.
"""

import math
import os.path
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Protocol

import yaml
from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from mpi_layout.campaign.schema import MOST_GROUPS
from mpi_layout.errors import InputError
from mpi_layout.formats.faults import Fault, Path, path_text
from mpi_layout.formats.safe_yaml import MOST_BYTES, compose_yaml, inline_yaml, load_yaml, read_text
from mpi_layout.formats.windio import RESOURCE, SYSTEM, load_windio
from mpi_layout.formats.windio_system import FARM_TURBINES, load_windio_farm
from mpi_layout.printable import clipped

_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_ANCHOR = re.compile(r"&\S+\s+")
_LONGEST_NAME = 1000  # characters


def _turbine_values(path: str) -> Any:
    data, repeated = load_yaml(read_text(path, "turbine"), path, "turbine")
    if repeated:
        raise InputError("\n".join(f"{path}: {line}" for line in repeated))
    return data


def _system_values(path: str) -> Any:
    """Values of a windIO system that a campaign takes: no layouts, no models, no outputs."""
    system = load_windio(path, SYSTEM)
    parts = {"site": ("name", "boundaries", "exclusions", "energy_resource"), "wind_farm": FARM_TURBINES}
    return {
        part: {key: system[part][key] for key in keys if key in system[part]} for part, keys in parts.items()
    }


def _layout_values(path: str) -> Any:
    """Text of a table, or what a windIO wind farm has of layouts and turbine types."""
    if not path.endswith((".yaml", ".yml")):
        return read_text(path, "layout")
    farm = load_windio_farm(path)
    return {key: farm[key] for key in ("layouts", *FARM_TURBINES) if key in farm}


# Where a campaign may name a file, and what reads it: from its path to plain values (what YAML knows),
# InputError if that fails. None stands for every index of a list.
_PLACES: dict[tuple[str | int | None, ...], Callable[[str], Any]] = {
    ("system",): _system_values,
    ("turbine_types", None, "file"): _turbine_values,
    ("neighbours", None, "turbine_type", "file"): _turbine_values,
    ("neighbours", None, "file"): _layout_values,
    ("site", "file"): partial(load_windio, schema=RESOURCE),
    ("site", "time_series", "file"): partial(read_text, kind="time series"),
    ("objective", "file"): partial(read_text, kind="Python"),
}


class ResultsLayout(Protocol):
    """What reads a layout of a results file."""

    def __call__(self, path: str, key: str | None) -> Any:
        """Plain values of the layout of the config with that key, or the only one; InputError if it fails."""


@dataclass(frozen=True)
class Included:
    """A file that the campaign named.

    Attributes
    ----------
    name : str
        As the campaign gave it.
    content : dict, list, str, float, ...
        Its plain values.
    """

    name: str
    content: Any

    @classmethod
    def parse(cls, value: Any) -> "Included":
        """File from {name: content}, the form that it has in the campaign's text.

        Raises
        ------
        ValueError
            If it is none, or a number in it is not finite.
        """
        if isinstance(value, Included):
            return value
        if not isinstance(value, dict) or len(value) != 1:
            raise ValueError("wants {name of a file: its content}, or in a campaign file a file's name")
        ((name, content),) = value.items()
        if wrong := next(_not_finite(content, ()), None):
            raise ValueError(f"{path_text(wrong)} wants a finite number")
        return cls(str(name), content)


IncludedFile = Annotated[
    Included,
    PlainValidator(Included.parse),
    PlainSerializer(lambda included: included.content),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "object", "minProperties": 1, "maxProperties": 1}]}
    ),
]


def names_files(data: Any) -> bool:
    """Whether the plain values of a campaign name a file."""
    places = (*_PLACES, ("neighbours", None, "results"))
    return any(isinstance(value, str) for place in places for value in _values(data, place))


def with_files(
    text: str, source: str, results_layout: ResultsLayout | None = None
) -> tuple[str, list[Fault]]:
    """Text of a campaign with the content of the files that it names.

    Parameters
    ----------
    text : str
        YAML of the campaign.
    source : str
        Path of the campaign file; the files' names are relative to its folder.
    results_layout : function, optional
        What reads layouts of results files, which lie beyond this module; without it they are refused.

    Returns
    -------
    str
        The text; the names of files with faults are left in it.
    list of Fault
        What is wrong with the files, each at the place that names it.

    Raises
    ------
    InputError
        If the text is no YAML, becomes too large or has too many neighbours.
    """
    found: list[Fault] = []
    inline: dict[tuple[int, int], str] = {}
    size = len(text)
    root = compose_yaml(text, source)
    readers = {**_PLACES, **_results_places(text, source, results_layout)}
    for place, read in readers.items():
        for path, node in _scalars(root, place, ()):
            span = node.start_mark.index, node.end_mark.index
            if node.tag != _TEXT or (span in inline and place in _PLACES):  # an alias, read already
                continue
            try:
                content = read(_path_of(node.value, source))
            except InputError as error:
                found.append(Fault(path, str(error)))
                continue
            size += _size(content)
            if size > MOST_BYTES:
                raise InputError(
                    f"{source}: with the files that it names it is larger than {MOST_BYTES // 2**20} MiB"
                )
            words = inline_yaml({node.value: content})
            if inline.setdefault(span, words) != words:
                found.append(Fault(path, "is an alias of a name with another key beside it: write the name"))
    return _replaced(text, inline), found


def _results_places(
    text: str, source: str, results_layout: ResultsLayout | None
) -> dict[tuple[str | int | None, ...], Callable[[str], Any]]:
    """Places of results files, and what reads the row of the key that stands beside each."""
    data, _ = load_yaml(text, source)
    places: dict[tuple[str | int | None, ...], Callable[[str], Any]] = {}
    groups = list(_values(data, ("neighbours", None)))
    if len(groups) > MOST_GROUPS:
        raise InputError(f"{source}: neighbours: needs at most {MOST_GROUPS:,} groups, has {len(groups):,}")
    for i, group in enumerate(groups):
        if isinstance(group, dict) and isinstance(group.get("results"), str):
            key = group.get("key")
            key = key if isinstance(key, str) else None  # validation refuses another
            places["neighbours", i, "results"] = partial(results_layout or _refused, key=key)
    return places


def _refused(path: str, key: str | None) -> Any:
    raise InputError(f"{path}: can be read by the program, or where load_campaign is given results_layout")


def _path_of(name: str, source: str) -> str:
    if not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        raise InputError(f"{clipped(name)!r} is no name of a file")
    return os.path.join(os.path.dirname(source), name)


def _replaced(text: str, inline: dict[tuple[int, int], str]) -> str:
    """Text with other words in place of those from `start` to `end`."""
    for (start, end), words in sorted(inline.items(), reverse=True):
        old = text[start:end]
        anchor = _ANCHOR.match(old)
        after = old[len(old.rstrip()) :]  # a block scalar has its line end in it
        text = text[:start] + (anchor[0] if anchor else "") + words + after + text[end:]
    return text


def _values(data: Any, place: tuple[str | int | None, ...]) -> Iterator[Any]:
    """Values at a place of plain values."""
    if not place:
        yield data
    elif place[0] is None and isinstance(data, list):
        for inner in data:
            yield from _values(inner, place[1:])
    elif isinstance(data, dict) and place[0] in data:
        yield from _values(data[place[0]], place[1:])


def _scalars(
    node: yaml.Node | None, place: tuple[str | int | None, ...], at: Path
) -> Iterator[tuple[Path, yaml.ScalarNode]]:
    """Scalars at a place below a node, with their paths."""
    if not place:
        if isinstance(node, yaml.ScalarNode):
            yield at, node
    elif isinstance(node, yaml.SequenceNode):
        for i, inner in enumerate(node.value):
            if place[0] in (None, i):
                yield from _scalars(inner, place[1:], (*at, i))
    elif isinstance(node, yaml.MappingNode):
        for key, inner in node.value:
            if key.tag == _MERGE:
                for merged in inner.value if isinstance(inner, yaml.SequenceNode) else [inner]:
                    yield from _scalars(merged, place, at)
            elif key.value == place[0]:
                yield from _scalars(inner, place[1:], (*at, key.value))


def _not_finite(value: Any, at: Path) -> Iterator[Path]:
    """Paths of infinite numbers and of those that are none."""
    if isinstance(value, float) and not math.isfinite(value):
        yield at
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _not_finite(inner, (*at, str(key)))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _not_finite(inner, (*at, i))


def _size(value: Any) -> int:
    """Characters of a plain value, at least; those behind aliases counted each time."""
    if isinstance(value, dict):
        return sum(len(str(key)) + _size(inner) for key, inner in value.items())
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(value) if isinstance(value, str) else 1
