"""From a file to plain Python values; every complaint about file or YAML is made here.

A campaign or a turbine may come from anybody. So nothing in it is executed or fetched (there are
no tags, but `!include` where the caller serves it), and what it may ask for is limited before time
or memory is spent: its size, its depth, and the number of its values, those behind aliases counted
each time.
"""

import datetime
import math
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import yaml

from mpi_layout.container import bind_hint
from mpi_layout.errors import InputError
from mpi_layout.meant import CAMPAIGNS, file_meant
from mpi_layout.printable import clipped

MOST_BYTES = 16 * 2**20
MOST_VALUES = 250_000  # 12 s and 250 MB
DEEPEST = 20  # a campaign needs 7: areas, area, polygons_m, polygon, point, x
LONGEST_NUMBER = 40  # digits: beyond any meaning, and within every float

_HDF5 = b"\x89HDF"
_INCLUDE = "!include"
_SURROGATE = re.compile("[\ud800-\udfff]")  # an escape such as "\\ud800" gives one


def read_text(path: str | Path, kind: str = "campaign") -> str:
    """Text of a file of a kind such as "campaign", which messages name.

    Raises
    ------
    InputError
        If the file is missing, is no regular file, is too large, cannot be read or is not UTF-8.
    """
    try:
        raw = _read_bytes(path, kind)
    except FileNotFoundError:
        hint = file_meant(Path(path), CAMPAIGNS if kind == "campaign" else ()) or bind_hint()
        raise InputError(f"{path}: there is no such {kind} file{hint}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a directory; wants a {kind} file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if raw.startswith(_HDF5):
            hint = file_meant(Path(path), CAMPAIGNS) if kind == "campaign" else ""
            raise InputError(
                f"{path}: is an HDF5 file, such as results are; wants a {kind} file{hint}"
            ) from None
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; wants a text file in UTF-8"
        ) from None


def _read_bytes(path: str | Path, kind: str) -> bytes:
    # Opening a pipe must not wait for its other end.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InputError(f"{path}: is no regular file; wants a {kind} file")
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise InputError(_too_large(path, kind))
    return raw


def _too_large(source: object, kind: str) -> str:
    return f"{source}: is larger than {MOST_BYTES // 2**20} MiB, too large for a {kind} file"


def load_yaml(
    text: str, source: str, kind: str = "campaign", *, include: Callable[[str], Any] | None = None
) -> tuple[Any, list[str]]:
    """Plain values of a YAML text, and one line for each key that is given twice.

    Parameters
    ----------
    text : str
        The complete text.
    source : str
        What messages call the file.
    kind : str
        What messages call the thing that it describes.
    include : function, optional
        Plain values of the file that `!include NAME` names, InputError if they cannot be had; without
        it this tag is refused like any other.

    Raises
    ------
    InputError
        If the text is no YAML, has other tags, is too large or too deep.
    """
    with _loader(text, source, kind, include) as loader:
        return loader.get_single_data(), loader.repeated


def compose_yaml(text: str, source: str, kind: str = "campaign") -> yaml.Node | None:
    """Nodes of a YAML text, which know their places in it; parameters and errors as of `load_yaml`."""
    with _loader(text, source, kind) as loader:
        return loader.get_single_node()


def inline_yaml(values: dict[str, Any]) -> str:
    """Keys and values on one line, so that `load_yaml` gives them back wherever a value may stand."""
    text: str = yaml.dump(values, Dumper=_Dumper, default_flow_style=True, width=math.inf, sort_keys=False)
    return text.rstrip("\n")


def shown(value: Any) -> str:
    """Show what was found, short and in the words of YAML."""
    if isinstance(value, bool):
        return f"{str(value).lower()} (YAML reads yes, no, on and off as true or false)"
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, datetime.date):
        return f"the date {value} (in quotes it is text)"
    text = repr(value)
    if len(text) > 50:
        text = f"{text[:45]}...{text[0] if isinstance(value, str) else ''}"
    return f"the text {text}" if isinstance(value, str) else text


@contextmanager
def _loader(
    text: str, source: str, kind: str, include: Callable[[str], Any] | None = None
) -> Iterator["_Loader"]:
    """Loader of a text, whose errors become ours."""
    if len(text) > MOST_BYTES:
        raise InputError(_too_large(source, kind))
    loader = None
    try:
        loader = _Loader(text, source, kind, include)
        yield loader
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{source}: {_place(error)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        raise InputError(
            f"{source}: line {line}, column {column}: character {error.character:#x} is not allowed in YAML"
        ) from None
    except (ValueError, OverflowError) as error:
        # The scanner passes on what chr() and int() say of an escape or a version.
        line = loader.get_mark().line + 1 if loader else 1
        raise InputError(f"{source}: line {line}: no valid YAML: {error}") from None
    finally:
        if loader is not None:
            loader.dispose()


class _Loader(yaml.SafeLoader):
    """SafeLoader with limits and no tag but !include; remembers repeated keys, has YAML 1.2's numbers."""

    def __init__(self, text: str, source: str, kind: str, include: Callable[[str], Any] | None) -> None:
        super().__init__(text)
        self._include: Any = include
        self.repeated: list[str] = []
        self._source = source
        self._kind = kind
        self._depth = 0
        self._n_values = 0
        self._sizes: dict[str, int] = {}  # values behind each complete anchor

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()
        self._refuse_tag(event)
        before = self._n_values
        self._count(event)
        self._depth += 1
        if self._depth > DEEPEST:
            self._refuse(event.start_mark, f"is nested too deeply for a {self._kind}")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(node, yaml.ScalarNode) and (half := _SURROGATE.search(node.value)):
            self._refuse(event.start_mark, f"{clipped(half[0])} is half a character")
        if event.anchor is not None:
            self._sizes[event.anchor] = self._n_values - before
        return node

    def _refuse_tag(self, event: Any) -> None:
        if (tag := getattr(event, "tag", None)) is None:
            return
        if tag == _INCLUDE and self._include is not None and isinstance(event, yaml.ScalarEvent):
            return
        name = clipped(tag.replace("tag:yaml.org,2002:", "!!", 1))
        but = "" if self._include is None else f" but {_INCLUDE} and the name of a file"
        self._refuse(event.start_mark, f"{name} is refused: a {self._kind} has no tags{but}")

    def _count(self, event: Any) -> None:
        """Count a value, or all those that an alias stands for."""
        self._n_values += 1
        stands_for_others = isinstance(event, yaml.AliasEvent)
        if stands_for_others and event.anchor in self.anchors:
            if event.anchor not in self._sizes:
                self._refuse(event.start_mark, f"*{clipped(event.anchor)} stands within itself")
            self._n_values += self._sizes[event.anchor] - 1
        if self._n_values > MOST_VALUES:
            how = ", those behind aliases counted each time" if self._sizes else ""
            self._refuse(event.start_mark, f"a {self._kind} has at most {MOST_VALUES:,} values{how}")

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:  # of int() and date()
            self._refuse(node.start_mark, f"{clipped(str(node.value))} cannot be read: {error}")

    def construct_include(self, node: yaml.ScalarNode) -> Any:
        try:
            return self._include(node.value)
        except InputError as error:
            self._refuse(node.start_mark, f"{_INCLUDE} {clipped(node.value)}: {error}")

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > LONGEST_NUMBER:
            self._refuse(node.start_mark, f"a whole number of {len(node.value)} digits has no meaning here")
        return int(node.value)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line, column = key.start_mark.line + 1, key.start_mark.column + 1
            if key.value in first:
                self.repeated.append(
                    f"line {line}, column {column}: key '{clipped(key.value)}' is given twice, "
                    f"first in line {first[key.value]}"
                )
            first.setdefault(key.value, line)
        return super().construct_mapping(node, deep)

    def _refuse(self, mark: yaml.Mark, text: str) -> NoReturn:
        raise InputError(f"{self._source}: line {mark.line + 1}, column {mark.column + 1}: {text}")


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor(_INCLUDE, _Loader.construct_include)

# YAML 1.1, PyYAML's version, reads 1e6 as text, 1:30 as 90 and 010 as 8.
_NUMBER = {
    "tag:yaml.org,2002:float": re.compile(
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    "tag:yaml.org,2002:int": re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"),
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (*_NUMBER, "tag:yaml.org,2002:value")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in _NUMBER.items():
    _Loader.add_implicit_resolver(_tag, _pattern, list("-+0123456789."))


class _Dumper(yaml.SafeDumper):
    """SafeDumper of one line, which puts in quotes what `_Loader` would take for something else than text."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # Only text in double quotes has its line ends as escapes.
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"' if "\n" in data else None)


_Dumper.add_representer(str, _Dumper.represent_str)


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    context = f", {clipped(error.context, 200)}" if error.context else ""
    if error.context and error.context_mark and error.context_mark is not mark:
        context += f" that begins in line {error.context_mark.line + 1}"
    return f"{where}no valid YAML: {clipped(error.problem or '', 200)}{context}"
