"""A YAML file and all those that it includes, as one tree of plain values.

`!include NAME` stands for the content of another file, YAML or netCDF, as windIO has it. What is
read on behalf of a file from anybody is bounded: names are relative to the file that includes,
no file lies outside the folder above that of the first file (links followed), and the number of
files and values has a limit.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mpi_layout.errors import InputError
from mpi_layout.formats.netcdf import read_netcdf
from mpi_layout.formats.safe_yaml import load_yaml, read_text
from mpi_layout.printable import clipped

MOST_FILES = 100
MOST_VALUES = 2_000_000
_LONGEST_NAME = 1000  # characters


def load_with_includes(path: str | Path, kind: str) -> Any:
    """Plain values of a YAML file and of those that it includes.

    Parameters
    ----------
    path : str or Path
        The file. What it includes has to lie in the folder above its own or deeper.
    kind : str
        What messages call the thing that it describes.

    Returns
    -------
    dict, list, str, float, ...
        With those of other files in the place of each `!include`; netCDF as of `read_netcdf`.

    Raises
    ------
    InputError
        If a file cannot be had, is no valid YAML or netCDF, repeats a key, lies outside or includes
        itself, or there are too many of them; with the line of each `!include` on the way to it.
    """
    folder = _real(Path(path).parent)
    # The folder above could be the root, in which everything lies.
    root = folder if folder.parent == Path(folder.anchor) else folder.parent
    values = _Tree(kind, root).yaml(Path(path))
    if _exceeds(values, MOST_VALUES):
        raise InputError(f"{path}: with what it includes it has more than {MOST_VALUES:,} values")
    return values


@dataclass
class _Tree:
    """Files on the way from the first one to the one that is read."""

    kind: str
    root: Path
    n_files: int = 0
    within: list[Path] = field(default_factory=list)

    def yaml(self, path: Path) -> Any:
        self.within.append(_real(path))
        data, repeated = load_yaml(
            read_text(path, self.kind), str(path), self.kind, include=partial(self.include, path.parent)
        )
        self.within.pop()
        if repeated:
            raise InputError("\n".join(f"{path}: {line}" for line in repeated))
        return data

    def include(self, folder: Path, name: str) -> Any:
        if not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
            raise InputError(f"{clipped(name)!r} is no name of a file")
        if os.path.isabs(name):
            raise InputError("wants a path relative to the file that includes it")
        path = _real(folder / name)
        if not path.is_relative_to(self.root):
            raise InputError(f"lies outside {self.root}, the folder above that of the first file")
        if path in self.within:
            raise InputError("includes itself")
        self.n_files += 1
        if self.n_files > MOST_FILES:
            raise InputError(f"is one of more than {MOST_FILES} files")
        return self._reader(path)(path)

    def _reader(self, path: Path) -> Callable[[Path], Any]:
        if path.suffix in (".yaml", ".yml"):
            return self.yaml
        if path.suffix == ".nc":
            return read_netcdf
        raise InputError("wants a file named .yaml, .yml or .nc")


def _real(path: Path) -> Path:
    """Path without links; unlike `Path.resolve` it says nothing of links that lead to themselves."""
    return Path(os.path.realpath(path))


def _exceeds(values: Any, most: int) -> bool:
    """Whether there are more plain values than that, those that are included twice counted twice."""
    n_values, waiting = 0, [values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            n_values += len(value)
            waiting.extend(value.values() if isinstance(value, dict) else value)
        if n_values > most:
            return True
    return False
