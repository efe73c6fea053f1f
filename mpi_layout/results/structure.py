"""Where the bytes of a results file lie: found once through HDF5, then never needed again.

After its creation no byte of a file changes that does not belong to a dataset.
So the file is looked at read-only, its datasets are located, and everything else
reads and writes plain bytes at those places.

Nothing found in a file is believed before it is checked against the file's real
size, so that a damaged or hostile file is refused before memory is spent on it.
"""

import itertools
import math
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from mpi_layout.errors import InputError
from mpi_layout.results import disk
from mpi_layout.results.schema import (
    COLUMNS,
    FILETYPE,
    FORMAT_VERSION,
    N_LAUNCHES,
    STRUCTURE_CHECKSUM,
    Column,
    campaign_text,
)

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
CURE = "to run, give another output file with -o, or --fresh to move this one aside and start anew"


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
    """

    attributes: dict[str, object]
    extents: dict[str, Extent]
    text_sha256: str

    @property
    def n_configs(self) -> int:
        """Number of rows."""
        return self.extents["config"].shape[0]

    @property
    def n_turbines_max(self) -> int:
        """Turbines of the largest layout."""
        return self.extents["wt"].shape[0]


class _Damage(Exception):
    """What is wrong with the structure; becomes an InputError with path and cure."""


def locate(path: Path) -> Structure:
    """Find the datasets of a results file and check that they are what they should be.

    Parameters
    ----------
    path : Path
        Opened read-only and without an HDF5 lock, so that no writer is disturbed.

    Raises
    ------
    InputError
        If it is no results file that this program can use; the text says why and what to do.
    """
    _check_envelope(path)
    try:
        with _open(path) as file:
            attributes = _attributes(path, file)
            extents = _extents(file, path.stat().st_size)
            text_sha256 = str(file["campaign_yaml"].attrs["sha256"])
    except _Damage as damage:
        raise InputError(f"{path}: damaged results file: {damage}; {CURE}") from None
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        # HDF5 has no exception of its own: these are what h5py makes of unreadable structure.
        if failure := disk.behind(error):
            raise disk.DiskError(path, "reading the structure", failure) from error
        raise InputError(f"{path}: damaged HDF5 file, HDF5 says: {_first_line(error)}; {CURE}") from error
    return Structure(attributes, extents, text_sha256)


def _open(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if "locking flag" not in str(error):
            raise
        # This very process, a notebook say, has the file open with locking; HDF5 wants all alike.
        return h5py.File(path, "r")


def structure_checksum(path: Path, structure: Structure) -> int:
    """CRC-32 of the bytes of a file that belong to no dataset."""
    checksum, position = 0, 0
    with disk.telling(path, "reading the structure"), open(path, "rb") as file:
        for extent in sorted(structure.extents.values(), key=lambda extent: extent.offset):
            file.seek(position)
            checksum = zlib.crc32(file.read(extent.offset - position), checksum)
            position = extent.end
        file.seek(position)
        return zlib.crc32(file.read(), checksum)


def _check_envelope(path: Path) -> None:
    """Refuse what is no complete HDF5 file, without asking HDF5."""
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (PermissionError, IsADirectoryError) as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except OSError as error:
        raise disk.DiskError(path, "reading the structure", error) from error
    if size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes), no results file; {CURE}")
    if not head.startswith(_SIGNATURE[: len(head)]):
        raise InputError(f"{path}: not an HDF5 file, so no results file of mpi-layout; {CURE}")
    # Superblock version 0 with 8-byte addresses keeps the end of the file at byte 40.
    if size < 64 or (head[8] == 0 and head[13] == 8 and size < int.from_bytes(head[40:48], "little")):
        whole = f" of {int.from_bytes(head[40:48], 'little')}" if size >= 64 else ""
        raise InputError(f"{path}: the file is truncated, it has {size}{whole} bytes; {CURE}")


def _attributes(path: Path, file: h5py.File) -> dict[str, object]:
    attributes = {name: _plain(value) for name, value in file.attrs.items()}
    if attributes.get("filetype") != FILETYPE:
        raise InputError(f"{path}: an HDF5 file, but not a results file of mpi-layout; {CURE}")
    version = attributes.get("format_version")
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path}: a results file of format version {version}; this mpi-layout reads version "
            f"{FORMAT_VERSION}; use the mpi-layout that made it ({attributes.get('version_mpi_layout')}), or "
            f"give another output file with -o"
        )
    return attributes


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _extents(file: h5py.File, file_size: int) -> dict[str, Extent]:
    sizes = {"launch_number": N_LAUNCHES}
    for dim in ("config", "wt"):
        shape = _dataset(file, dim).shape
        if len(shape) != 1 or not 0 < shape[0] <= file_size:
            raise _Damage(f"dataset {dim} has shape {shape}")
        sizes[dim] = shape[0]
    text = campaign_text(_dataset(file, "campaign_yaml").dtype.itemsize)
    extents = {column.name: _extent(file, column, sizes, file_size) for column in (*COLUMNS, text)}
    for (name, extent), (next_name, following) in _neighbours(extents):
        if extent.end > following.offset:
            raise _Damage(f"datasets {name} and {next_name} overlap")
    return extents


def _neighbours(
    extents: dict[str, Extent],
) -> Iterator[tuple[tuple[str, Extent], tuple[str, Extent]]]:
    ordered = sorted(extents.items(), key=lambda item: item[1].offset)
    return itertools.pairwise(ordered)


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    # A link out of the file is not followed.
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise _Damage(f"dataset {name} is missing")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset):
        raise _Damage(f"{name} is no dataset")
    return dataset


def _extent(file: h5py.File, column: Column, sizes: dict[str, int], file_size: int) -> Extent:
    dataset = _dataset(file, column.name)
    wanted = np.dtype(column.dtype), column.shape(sizes)
    if (dataset.dtype, dataset.shape) != wanted:
        raise _Damage(
            f"dataset {column.name} is {dataset.dtype} {dataset.shape}, not {wanted[0]} {wanted[1]}"
        )
    properties = dataset.id.get_create_plist()
    contiguous = properties.get_layout() == h5py.h5d.CONTIGUOUS and not properties.get_external_count()
    offset = dataset.id.get_offset()
    if not contiguous or offset is None:
        raise _Damage(f"dataset {column.name} is not stored in one piece")
    extent = Extent(offset, *wanted)
    if extent.end > file_size:
        raise _Damage(f"dataset {column.name} ends at byte {extent.end} of {file_size}")
    return extent


def check_structure(path: Path, structure: Structure) -> str | None:
    """Say whether the bytes outside the datasets have changed since creation, or None."""
    with disk.telling(path, "reading the structure"), open(path, "rb") as file:
        file.seek(structure.extents[STRUCTURE_CHECKSUM.name].offset)
        noted = int.from_bytes(file.read(4), "little")
    found = structure_checksum(path, structure)
    if found == noted:
        return None
    return f"the bytes outside the datasets have changed since creation (CRC-32 {found:08x}, not {noted:08x})"


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
