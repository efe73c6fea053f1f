"""Where the bytes of a results file lie, what else is around them, and whether that is sound.

After its creation no byte of a file changes that does not belong to a dataset.
So the places of the datasets are taken from the file's map, and everything else
reads and writes plain bytes there. HDF5 is not asked: it may crash on damage.

Nothing found in a file is believed before it is checked against the file's real
size, so that a damaged or hostile file is refused before memory is spent on it.
"""

import hashlib
import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mpi_layout.campaign import Campaign
from mpi_layout.errors import InputError
from mpi_layout.meant import CAMPAIGNS, RESULTS, file_meant
from mpi_layout.results.storage import disk
from mpi_layout.results.storage.map import NoMap, draw_map, find_map, read_map
from mpi_layout.results.storage.schema import (
    FILETYPE,
    FIXED_SIZES,
    FORMAT_VERSION,
    MAP_BYTES,
    MAPS,
    all_columns,
)

CURE = (
    "save its rows into a new file with: mpi-layout recover FILE NEW; or give another output file with -o, "
    "or --fresh to move this one aside and start anew"
)
OTHER_FILE = "to run, give another output file with -o, or --fresh to move this one aside and start anew"

_MOST_TEXT = 2**24  # bytes of a campaign
_MOST_TURBINES = 100_000  # of a layout; a row is read as a whole
_MOST_STRUCTURE = 2**20  # bytes outside the datasets: some 40 KiB, with room for other HDF5 libraries

_Kind = TypeVar("_Kind")


@dataclass(frozen=True)
class Extent:
    """Place of a dataset in the file.

    Attributes
    ----------
    offset : int
        Of its first byte.
    dtype : numpy.dtype
        Of one element.
    shape : tuple of int
        Of the dataset.
    """

    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]

    @cached_property
    def n_bytes(self) -> int:
        """Size in bytes."""
        return self.dtype.itemsize * math.prod(self.shape)

    @cached_property
    def end(self) -> int:
        """Offset behind its last byte."""
        return self.offset + self.n_bytes

    @cached_property
    def item_bytes(self) -> int:
        """Bytes of one entry along the first dimension."""
        return self.dtype.itemsize * math.prod(self.shape[1:])


@dataclass(frozen=True)
class Structure:
    """What a results file is made of.

    Attributes
    ----------
    attributes : dict
        Attributes of the root.
    extents : dict of str to Extent
        The datasets by name.
    text_sha256 : str
        Of the campaign text, as noted at creation.
    n_bytes : int
        Size of the file.
    checksum : int
        CRC-32 of the bytes that belong to no dataset, see `structure_checksum`.
    """

    attributes: dict[str, object]
    extents: dict[str, Extent]
    text_sha256: str
    n_bytes: int
    checksum: int

    @property
    def n_configs(self) -> int:
        """Number of rows."""
        return self.extents["config"].shape[0]

    @property
    def n_turbines_max(self) -> int:
        """Turbines of the largest layout."""
        return self.extents["wt"].shape[0]

    def in_order(self) -> list[tuple[str, Extent]]:
        """Datasets in the order of their places in the file."""
        return sorted(self.extents.items(), key=lambda item: item[1].offset)

    def drawn(self) -> bytes:
        """Map of the file, for its creation."""
        text = self.extents["campaign_yaml"].n_bytes
        content = {
            "attributes": self.attributes,
            "bytes": self.n_bytes,
            "campaign_sha256": self.text_sha256,
            "structure_checksum": self.checksum,
            "sizes": {"config": self.n_configs, "wt": self.n_turbines_max, "text": text},
            "places": {name: [extent.offset, extent.n_bytes] for name, extent in self.in_order()},
        }
        return draw_map(FORMAT_VERSION, content)


class _Damage(Exception):
    """What is wrong with the structure; becomes an InputError with path and cure."""


def locate(path: Path, *, whole: bool = True) -> Structure:
    """Find the datasets of a results file and check that they are what they should be.

    Parameters
    ----------
    path : Path
        Only read, without a lock, so that no writer is disturbed.
    whole : bool
        Whether to refuse a file that has lost its end.

    Raises
    ------
    InputError
        If it is no results file that this program can use; the text says why and what to do.
    """
    try:
        version, content = find_map(path)
    except NoMap as error:
        cure = CURE if error.lost else _results_meant(path)
        raise NoMap("; ".join(filter(None, (str(error), cure))), lost=error.lost) from None
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path}: a results file of format version {version}; this mpi-layout reads version "
            f"{FORMAT_VERSION}; use the mpi-layout that made it, or give another output file with -o"
        )
    try:
        structure = _structure(content)
        _check_places(structure)
    except _Damage as damage:
        raise InputError(f"{path}: damaged results file: {damage}; {CURE}") from None
    size = path.stat().st_size
    if whole and size < structure.n_bytes:
        raise InputError(f"{path}: the file is truncated, it has {size} of {structure.n_bytes} bytes; {CURE}")
    return structure


def _results_meant(path: Path) -> str:
    """What to give in the place of a campaign; "" if the file is none by its name."""
    if path.suffix not in CAMPAIGNS:
        return ""
    return file_meant(path, RESULTS).removeprefix("; ") or f"`mpi-layout run {path}` makes one"


# ---------------------------------------------------------------- from a map


def _structure(content: dict[str, Any]) -> Structure:
    attributes = _typed(content, "attributes", dict)
    if attributes.get("filetype") != FILETYPE:
        raise _Damage("its map has another filetype")
    n_bytes = _count(content, "bytes", 2**62)
    sizes = {dim: _count(_typed(content, "sizes", dict), dim, n_bytes) for dim in ("config", "wt", "text")}
    checksum = _count(content, "structure_checksum", 2**32)
    text_sha256 = _typed(content, "campaign_sha256", str)
    return Structure(
        attributes, _extents(_typed(content, "places", dict), sizes), text_sha256, n_bytes, checksum
    )


def _typed(content: dict[str, Any], name: str, kind: type[_Kind]) -> _Kind:
    value = content.get(name)
    if not isinstance(value, kind):
        raise _Damage(f"its map has no proper {name}")
    return value


def _count(content: dict[str, Any], name: str, most: int) -> int:
    value = content.get(name)
    if type(value) is not int or not 0 <= value <= most:  # True is an int, too
        raise _Damage(f"its map has no proper number of {name}")
    return value


def _extents(places: dict[str, Any], sizes: dict[str, int]) -> dict[str, Extent]:
    if not (0 < sizes["text"] <= _MOST_TEXT and 0 < sizes["wt"] <= _MOST_TURBINES and sizes["config"]):
        raise _Damage(f"its map has sizes {sizes}")
    sizes = {**sizes, **FIXED_SIZES}
    wanted = {c.name: Extent(0, np.dtype(c.dtype), c.shape(sizes)) for c in all_columns(sizes["text"])}
    if missing := wanted.keys() - places.keys():
        raise _Damage(f"its map does not name dataset {min(missing)}")
    extents = {}
    for name, place in places.items():
        if not (isinstance(place, list) and len(place) == 2 and all(type(part) is int for part in place)):
            raise _Damage(f"its map has no proper place of a dataset {name[:40]!r}")
        offset, n_bytes = place
        # Datasets of a newer version, which nobody here needs to understand, are just bytes.
        known = wanted.get(name, Extent(0, np.dtype("u1"), (n_bytes,)))
        if known.n_bytes != n_bytes:
            raise _Damage(f"its map gives dataset {name[:40]!r} {n_bytes} bytes, not {known.n_bytes}")
        extents[name] = replace(known, offset=offset)
    return extents


def _check_places(structure: Structure) -> None:
    outside = structure.n_bytes
    end = 0
    for name, extent in structure.in_order():
        if extent.offset < end or extent.n_bytes < 0 or extent.end > structure.n_bytes:
            raise _Damage(f"its map puts dataset {name[:40]!r} where it cannot be, at byte {extent.offset}")
        end = extent.end
        outside -= extent.n_bytes
    if outside > _MOST_STRUCTURE:
        raise _Damage(f"its map leaves {outside} bytes to no dataset")


# ---------------------------------------------------------------- structure


def between(extents: Iterable[Extent], n_bytes: int) -> Iterator[tuple[int, int]]:
    """Starts and ends of what belongs to no dataset, in a file of n_bytes."""
    position = 0
    for extent in sorted(extents, key=lambda extent: extent.offset):
        yield position, extent.offset
        position = extent.end
    yield position, n_bytes


def structure_checksum(path: Path, extents: Iterable[Extent], n_bytes: int) -> int:
    """CRC-32 of the first n_bytes of a file, without those that belong to a dataset."""
    checksum = 0
    with disk.telling(path, "reading the structure"), open(path, "rb") as file:
        for start, stop in between(extents, n_bytes):
            file.seek(start)
            checksum = zlib.crc32(file.read(stop - start), checksum)
    return checksum


def check_size(path: Path, structure: Structure, campaign: Campaign) -> None:
    """Refuse a file that has not the rows of its campaign, however sound it looks.

    Raises
    ------
    InputError
        Saying both sizes.
    """
    found = structure.n_configs, structure.n_turbines_max
    wanted = len(campaign.configs), campaign.n_turbines_max
    if found != wanted:
        raise InputError(
            f"{path}: damaged results file: it has {found[0]} rows of {found[1]} turbines, its campaign "
            f"{wanted[0]} configs of {wanted[1]}; {CURE}"
        )


def text_sha256(text: str) -> str:
    """SHA-256 of a campaign text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def check_structure(path: Path, structure: Structure) -> str | None:
    """Say whether anything has changed that never changes after creation, the scales left out, or None."""
    size = path.stat().st_size
    if size != structure.n_bytes:
        return f"the file has {size} bytes, not {structure.n_bytes}"
    found = structure_checksum(path, structure.extents.values(), structure.n_bytes)
    if found != structure.checksum:
        noted = f"{structure.checksum:08x}"
        return f"the bytes outside the datasets have changed since creation (CRC-32 {found:08x}, not {noted})"
    maps = []
    with disk.telling(path, "reading the structure"), open(path, "rb") as file:
        for column in MAPS:
            file.seek(structure.extents[column.name].offset)
            maps.append(file.read(MAP_BYTES))
            if read_map(maps[-1]) is None:
                return f"dataset {column.name} has changed since creation"
        file.seek(structure.extents["campaign_yaml"].offset)
        text = file.read(structure.extents["campaign_yaml"].n_bytes)
    if maps[0] != maps[1]:
        return "the datasets map and map_copy differ"
    sound = hashlib.sha256(text).hexdigest() == structure.text_sha256
    return None if sound else "its campaign text has changed since creation"
