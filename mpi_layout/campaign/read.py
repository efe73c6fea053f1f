"""From a file to plain Python values; every complaint about file or YAML is made here."""

import re
from pathlib import Path
from typing import Any

import yaml

from mpi_layout.campaign.faults import shown
from mpi_layout.errors import InputError


def read_text(path: str | Path) -> str:
    """Text of a campaign file.

    Raises
    ------
    InputError
        If the file is missing, is a directory, cannot be read or is not UTF-8.
    """
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such campaign file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a directory; wants a campaign file (YAML)") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; wants a text file in UTF-8"
        ) from None


def load_yaml(text: str, source: str) -> tuple[dict[Any, Any], list[str]]:
    """Plain values of a YAML text, and one line for each key that is given twice.

    Parameters
    ----------
    text : str
        The complete text.
    source : str
        What messages call the file.

    Raises
    ------
    InputError
        If the text is no YAML, is empty or holds no keys.
    """
    loader = None
    try:
        loader = _Loader(text)
        data = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{source}: {_place(error)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        raise InputError(
            f"{source}: line {line}, column {column}: character {error.character:#x} is not allowed in YAML"
        ) from None
    except RecursionError:
        raise InputError(f"{source}: is nested too deeply for a campaign") from None
    except ValueError as error:
        # The YAML constructors pass on what int() and date() say, without a place.
        raise InputError(f"{source}: a value cannot be read: {error}") from None
    finally:
        if loader is not None:
            loader.dispose()
    if data is None:
        raise InputError(f"{source}: holds no campaign; `mpi-layout init` writes a file to start from")
    if not isinstance(data, dict):
        raise InputError(f"{source}: wants keys such as name, areas and site; has {shown(data)}")
    return data, loader.repeated


class _Loader(yaml.SafeLoader):
    """SafeLoader that remembers repeated keys and reads numbers as YAML 1.2 does."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeated: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line, column = key.start_mark.line + 1, key.start_mark.column + 1
            if key.value in first:
                self.repeated.append(
                    f"line {line}, column {column}: key {key.value!r} is given twice, "
                    f"first in line {first[key.value]}"
                )
            first.setdefault(key.value, line)
        return super().construct_mapping(node, deep)


# YAML 1.1, PyYAML's version, reads 1e6 as text, 1:30 as 90 and 010 as 8.
_NUMBER = {
    "tag:yaml.org,2002:float": re.compile(
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    "tag:yaml.org,2002:int": re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"),
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NUMBER]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in _NUMBER.items():
    _Loader.add_implicit_resolver(_tag, _pattern, list("-+0123456789."))


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    context = f", {error.context}" if error.context else ""
    if error.context and error.context_mark and error.context_mark is not mark:
        context += f" that begins in line {error.context_mark.line + 1}"
    return f"{where}no valid YAML: {error.problem}{context}"
