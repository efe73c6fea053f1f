"""Layouts in HDF5 files of scripts that came before, in the two forms that those have.

Groups `farm{f}_t{t}_s{s}`, at the root or some groups below, each with a dataset `layout` (2, n) and perhaps
`aep`, and attributes that say which config it is. Or columns at the root: `farm_id`, `farm_type`, `seed`,
`layout` and perhaps `aep`, an entry per layout.

What is read may be damaged, and then HDF5 may crash, hang, or fill the memory. So this module is used in a
process of its own only (`mpi_layout.salvage.aside`). Here nothing is judged but whether there are numbers.
"""

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mpi_layout.results.storage.superblock import Mended, find_signature, read_superblock

Label = int | float | str

_KEY = re.compile(r"farm[0-9]+_t[0-9]+_s[0-9]+")  # a group of this name should have a layout
_LABELS = {"farm_idx": "farm", "type_idx": "type", "ss_seed": "seed", "n_turbines": "n_turbines",
           "diameter": "diameter"}  # fmt: skip
_COLUMN_LABELS = {"farm_id": "farm", "farm_type": "type", "seed": "seed"}
_IGNORED = "init"
_COLUMNS = (*_COLUMN_LABELS, "layout", "aep")

_MOST_LAYOUTS = 1_000_000
_MOST_TURBINES = 100_000
_MOST_NUMBERS = 2**27  # of a column
_MOST_CHUNK = 2**28  # bytes
_DEEPEST = 4  # groups within groups
_MOST_NAMED = 20  # of what is not understood


@dataclass(frozen=True, eq=False)
class OldLayout:
    """A layout as an old file has it.

    Attributes
    ----------
    name : str
        Of its group, or "entry 7" of the columns.
    labels : dict
        What it says of its config: farm, type, seed, n_turbines, diameter; those that it has.
    positions : (2, n) array or None
        Easting and northing, m; None if they cannot be had.
    aep : float or None
        As stored; units and sign are not known.
    fault : str
        Why there are no positions.
    """

    name: str
    labels: dict[str, Label]
    positions: NDArray[np.float64] | None
    aep: float | None = None
    fault: str = ""


@dataclass
class OldFile:
    """What was found in a file.

    Attributes
    ----------
    n_bytes : float
        Size of the file, without the end that it may have lost; infinite where it has not.
    layouts : list of OldLayout
        In the order of the file.
    n_numbers : int
        Coordinates in the groups among them.
    n_empty : int
        Entries of columns that nothing was ever written to.
    others : list of str
        Names of some things that are no layouts.
    malformed : str
        What is wrong with the columns, if there are any.
    faults : list of str
        What could not be read: there may be more layouts than were found.
    """

    n_bytes: float
    layouts: list[OldLayout] = field(default_factory=list)
    n_numbers: int = 0
    n_empty: int = 0
    others: list[str] = field(default_factory=list)
    malformed: str = ""
    faults: list[str] = field(default_factory=list)


class _FaultyError(Exception):
    """A layout, a column or a label is not what it should be; the text says why."""


def read_old_file(path: Path, *, mend: bool) -> OldFile:
    """Read all layouts of a file.

    Parameters
    ----------
    path : Path
        Only read.
    mend : bool
        Whether to show HDF5 a file that nobody has left open, with zeros for an end that is lost.

    Raises
    ------
    OSError
        If HDF5 cannot open the file.
    """
    with open(path, "rb") as raw:
        found = OldFile(os.fstat(raw.fileno()).st_size if mend else math.inf)
        source: object = path
        offset = find_signature(raw) if mend else None
        if offset is not None and (superblock := read_superblock(raw, offset)):
            source = Mended(raw, superblock)
        with h5py.File(source, "r", **({"locking": False} if source is path else {})) as file:
            _read_columns(file, found)
            _read_groups(file, "", found)
    return found


# ---------------------------------------------------------------- groups


def _read_groups(group: h5py.Group, prefix: str, found: OldFile) -> None:
    for name in _names(group, found):
        if name == _IGNORED or (not prefix and name in _COLUMNS):
            continue
        if len(found.layouts) >= _MOST_LAYOUTS or found.n_numbers > _MOST_NUMBERS:
            found.faults.append("there are more layouts than anybody has")
            return
        where = f"{prefix}{name}"
        try:
            _read_member(group, name, where, found)
        except Exception as error:  # damage has many faces
            found.layouts.append(OldLayout(where, {}, None, fault=_cannot_be_read(error)))


def _read_member(group: h5py.Group, name: str, where: str, found: OldFile) -> None:
    """Read a layout, those below a group, or note what else it is."""
    member = _member(group, name)
    if isinstance(member, str):
        _note(found, f"{where} ({member})")
    elif isinstance(member, h5py.Group) and (_KEY.fullmatch(name) or "layout" in member):
        found.layouts.append(layout := _layout(member, where, found.n_bytes))
        found.n_numbers += 0 if layout.positions is None else layout.positions.size
    elif isinstance(member, h5py.Group) and where.count("/") < _DEEPEST:
        _read_groups(member, f"{where}/", found)
    else:
        _note(found, where)


def _names(group: h5py.Group, found: OldFile) -> list[str]:
    """Names in a group, as many as can be read."""
    names: list[bytes] = []
    try:
        group.id.links.iterate(names.append)
    except Exception as error:
        found.faults.append(f"the list of what is in it {_cannot_be_read(error)}")
    return [name.decode("utf-8", "surrogateescape") for name in names]


def _member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | str:
    """What has a name in a group, or what kind of link it is, which is not followed."""
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        return f"a link to {link.filename}: give that file, too"
    return group[name] if isinstance(link, h5py.HardLink) else "a link"


def _layout(group: h5py.Group, name: str, n_bytes: float) -> OldLayout:
    labels: dict[str, Label] = {}
    aep = None
    try:
        if "layout" not in group:
            raise _FaultyError("has no dataset layout")
        for attribute, label in _LABELS.items():
            if attribute in group.attrs:
                labels[label] = _label(group.attrs, attribute)
        aep = _stored_aep(group, n_bytes)
        return OldLayout(name, labels, _positions(_member(group, "layout"), n_bytes), aep)
    except _FaultyError as fault:
        return OldLayout(name, labels, None, aep, str(fault))
    except Exception as error:
        return OldLayout(name, labels, None, aep, _cannot_be_read(error))


def _label(attributes: h5py.AttributeManager, name: str) -> Label:
    values = np.asarray(attributes[name]).ravel()
    if values.size != 1:  # an array may be the type of a single value
        raise _FaultyError(f"its attribute {name} is no single value")
    value = _plain(values[0])
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _FaultyError(f"its attribute {name} is neither number nor text")
    return value


def _plain(value: Any) -> Any:
    """Python's number or text of numpy's."""
    if isinstance(value, np.longdouble):
        return float(value)  # whose item() is itself
    value = value.item() if isinstance(value, np.generic) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _stored_aep(group: h5py.Group, n_bytes: float) -> float | None:
    """AEP as stored, for the report only; None if it is missing or none."""
    try:
        dataset = _member(group, "aep") if "aep" in group else None
        if isinstance(dataset, h5py.Dataset) and dataset.size == 1:
            return float(np.asarray(_numbers(dataset, "aep", n_bytes)).ravel()[0])
    except Exception:  # it is not believed anyway
        return None
    return None


def _positions(dataset: object, n_bytes: float) -> NDArray[np.float64]:
    if not isinstance(dataset, h5py.Dataset):
        raise _FaultyError("its layout is no dataset")
    shape: tuple[int, ...] = dataset.shape or ()
    if len(shape) != 2 or shape[0] != 2 or not 1 <= shape[1] <= _MOST_TURBINES:
        raise _FaultyError(f"its layout has shape {shape}, wants (2, number of turbines)")
    numbers = np.array(_numbers(dataset, "layout", n_bytes), float)
    if _lacks_chunks(dataset):
        raise _FaultyError("its layout was never written as a whole")
    return numbers


# ---------------------------------------------------------------- columns


def _read_columns(file: h5py.File, found: OldFile) -> None:
    present = [name for name in _COLUMNS if name in file]
    if "layout" not in present and not {"farm_id", "farm_type"} & set(present):
        return
    try:
        columns = {name: _column(file, name, found.n_bytes) for name in present}
        missing = [name for name in (*_COLUMN_LABELS, "layout") if name not in columns]
        if missing:
            raise _FaultyError(f"there is no dataset {' and no '.join(missing)}")
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise _FaultyError(f"the datasets have unequal lengths: {told}")
    except _FaultyError as fault:
        found.malformed = str(fault)
        return
    except Exception as error:
        found.faults.append(f"a dataset {_cannot_be_read(error)}")
        return
    for layout in _entries(columns):
        if layout is None:
            found.n_empty += 1
        else:
            found.layouts.append(layout)


def _column(file: h5py.File, name: str, n_bytes: float) -> NDArray:
    dataset = _member(file, name)
    if not isinstance(dataset, h5py.Dataset) or not dataset.shape:
        raise _FaultyError(f"{name} is no dataset with an entry per layout")
    if not dataset.shape[0] <= _MOST_LAYOUTS:
        raise _FaultyError(f"{name} has more than {_MOST_LAYOUTS:,} entries")
    if name in _COLUMN_LABELS and dataset.ndim == 1 and h5py.check_string_dtype(dataset.dtype):
        return np.asarray(dataset.asstr(errors="replace")[()])
    if name == "layout" and dataset.ndim == 1 and h5py.check_vlen_dtype(dataset.dtype):
        return np.asarray(dataset[()])
    if math.prod(dataset.shape[1:]) != 1 and name != "layout":
        raise _FaultyError(f"{name} has shape {dataset.shape}, wants an entry per layout")
    numbers = _numbers(dataset, name, n_bytes)
    # Chunks of whole entries may wait to be written.
    if _lacks_chunks(dataset) and math.prod(_grid(dataset)[1:]) > 1:
        raise _FaultyError(f"{name} was never written as a whole")
    return numbers if name == "layout" else numbers.reshape(-1)


def _entries(columns: dict[str, NDArray]) -> Iterator[OldLayout | None]:
    """Layouts of columns; None where nothing was ever written."""
    for index, entry in enumerate(columns["layout"]):
        numbers = np.asarray(entry)
        if numbers.dtype.kind in "fiu" and not np.nan_to_num(numbers.astype(float)).any():
            yield None
            continue
        labels = {label: _plain(columns[name][index]) for name, label in _COLUMN_LABELS.items()}
        aep = float(columns["aep"][index]) if "aep" in columns else None
        try:
            yield OldLayout(f"entry {index}", labels, _of_entry(numbers), aep)
        except _FaultyError as fault:
            yield OldLayout(f"entry {index}", labels, None, aep, str(fault))


def _of_entry(numbers: NDArray) -> NDArray[np.float64]:
    """Positions (2, n) of an entry: (2, n), (n, 2), or all eastings and then all northings."""
    if numbers.dtype.kind not in "fiu":
        raise _FaultyError(f"its layout is of type {numbers.dtype}, wants numbers")
    if numbers.ndim == 1 and numbers.size % 2 == 0:
        numbers = numbers.reshape(2, -1)
    elif numbers.ndim == 2 and numbers.shape[0] != 2 and numbers.shape[1] == 2:
        numbers = numbers.T
    if numbers.ndim != 2 or numbers.shape[0] != 2:
        raise _FaultyError(f"its layout has shape {numbers.shape}, wants (2, number of turbines)")
    return numbers.astype(float)


# ---------------------------------------------------------------- both


def _numbers(dataset: h5py.Dataset, name: str, n_bytes: float) -> NDArray:
    """All of a dataset of numbers that lie in this file of n_bytes and are not too many."""
    if dataset.dtype.kind not in "fiu":
        raise _FaultyError(f"its {name} is of type {dataset.dtype}, wants numbers")
    if dataset.size > _MOST_NUMBERS:
        raise _FaultyError(f"its {name} has {dataset.size:,} numbers, too many to be layouts")
    if dataset.is_virtual or dataset.external:
        raise _FaultyError(f"its {name} lies in other files: give these")
    if dataset.chunks and np.prod(dataset.chunks, dtype=float) * dataset.dtype.itemsize > _MOST_CHUNK:
        raise _FaultyError(f"its {name} has chunks of {dataset.chunks}, too large to be read")
    if n_bytes < math.inf and any(not 0 < at <= n_bytes - size for at, size in _pieces(dataset)):
        raise _FaultyError(f"its {name} lies behind the end of the file, which is cut off")
    return np.asarray(dataset[()])


def _pieces(dataset: h5py.Dataset) -> list[tuple[int, int]]:
    """Place and size of what a dataset is stored in; HDF5 would not miss it in a file that is mended."""
    if dataset.chunks is None:
        start = dataset.id.get_offset()  # None if there are no bytes, or they lie in the header
        return [] if start is None else [(start, dataset.id.get_storage_size())]
    chunks = (dataset.id.get_chunk_info(index) for index in range(dataset.id.get_num_chunks()))
    return [(chunk.byte_offset, chunk.size) for chunk in chunks]


def _lacks_chunks(dataset: h5py.Dataset) -> bool:
    """Whether there are zeros where chunks were never written."""
    return dataset.chunks is not None and dataset.id.get_num_chunks() < math.prod(_grid(dataset))


def _grid(dataset: h5py.Dataset) -> list[int]:
    """Number of chunks along each axis."""
    return [-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True)]


def _note(found: OldFile, name: str) -> None:
    if len(found.others) < _MOST_NAMED:
        found.others.append(name)


def _cannot_be_read(error: Exception) -> str:
    return f"cannot be read: {error}"
