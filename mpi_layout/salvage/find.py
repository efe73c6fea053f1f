"""Which files there are to look at."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5")

_MOST_MISSING = 10_000  # numbers of a series; with more it is none


@dataclass(frozen=True)
class Found:
    """What is to be looked at.

    Attributes
    ----------
    files : tuple of Path
        Each once; those that were named need not exist.
    notes : tuple of str
        Folders that cannot be read, links that are not followed, numbers that are not there.
    """

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def find_files(given: Sequence[Path], leave_out: Sequence[Path] = ()) -> Found:
    """Files that are named, and HDF5 files, by their names, in folders that are named and below these.

    Parameters
    ----------
    given : sequence of Path
        Files and folders. Files in a folder are ordered by name, worker_9 before worker_10.
    leave_out : sequence of Path
        Files, and folders with all that is in them.
    """
    out = {identity for path in leave_out if (identity := file_id(path)) is not None}
    notes: list[str] = []
    files: dict[object, Path] = {}
    for path in given:
        for file in _below(path, out, notes) if os.path.isdir(path) else (path,):
            identity = file_id(file)
            if identity is None or identity not in out:
                files.setdefault(identity or file, file)
    return Found(tuple(files.values()), (*dict.fromkeys(notes), *_gaps(files.values())))


def file_id(path: Path) -> tuple[int, int] | None:
    """Of two names of one file the same."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _below(folder: Path, out: set[tuple[int, int]], notes: list[str]) -> Iterator[Path]:
    def note(error: OSError) -> None:
        notes.append(f"{error.filename}: cannot be looked into: {error.strerror}")

    for where, folders, names in os.walk(folder, onerror=note):
        here = Path(where)
        links = filter(os.path.islink, (here / name for name in sorted(folders, key=_in_order)))
        notes += [f"{link}: a link to a folder, not followed; give that folder, too" for link in links]
        folders[:] = sorted((name for name in folders if file_id(here / name) not in out), key=_in_order)
        for name in sorted(names, key=_in_order):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield here / name


def _in_order(name: str) -> list[tuple[int, str]]:
    """Key that puts worker_9 before worker_10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), part) if number % 2 else (0, part) for number, part in enumerate(parts)]


def _gaps(files: Iterable[Path]) -> Iterator[str]:
    """Yield what is not there of files that are numbered, such as worker_0.h5, worker_1.h5, ..."""
    series: dict[tuple[Path, str, str], list[int]] = {}
    for path in files:
        if match := re.fullmatch(r"(worker\D*)(\d{1,9})(\.\w+)", path.name):
            series.setdefault((path.parent, match[1], match[3]), []).append(int(match[2]))
    for (folder, before, after), numbers in series.items():
        for low, high in pairwise(sorted(numbers)):
            if 1 < high - low < _MOST_MISSING:
                first, last = (f"{before}{number}{after}" for number in (low + 1, high - 1))
                told = first if first == last else f"{first} to {last}"
                yield f"{folder}: there is no {told}"
