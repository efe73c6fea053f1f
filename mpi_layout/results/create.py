"""Creation of a results file: whole, or not at all.

HDF5 draws up the structure once, in memory. Then the space is reserved, the structure and every byte
of every dataset are written and synced, and only then does the file get its name.
"""

import errno
import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np

from mpi_layout.campaign import Campaign
from mpi_layout.errors import InputError
from mpi_layout.results.storage import disk
from mpi_layout.results.storage.row import row_dtype, waiting_rows
from mpi_layout.results.storage.schema import (
    COORDINATES,
    FILETYPE,
    FIXED_SIZES,
    FORMAT_VERSION,
    LAUNCH_COLUMNS,
    MAPS,
    Column,
    all_columns,
)
from mpi_layout.results.storage.store import PlainStore, some
from mpi_layout.results.storage.structure import Extent, Structure, between, structure_checksum, text_sha256
from mpi_layout.results.storage.versions import software_versions

_STRUCTURE_BYTES = 128 * 1024  # headers, attributes and the dimension scales' references: 40 KiB, with room
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_ACCESS = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}  # of some network file systems


def expected_size(campaign: Campaign) -> int:
    """Upper bound on the size of the results file of a campaign, bytes."""
    sizes = _sizes(campaign)
    columns = all_columns(_text_bytes(campaign))
    data = sum(np.dtype(c.dtype).itemsize * int(np.prod(c.shape(sizes))) for c in columns)
    return data + _STRUCTURE_BYTES


def create_results(
    path: Path,
    campaign: Campaign,
    *,
    now: float | None = None,
    fill: Callable[[PlainStore], None] | None = None,
) -> None:
    """Create the results file of a campaign, every config waiting.

    Call it with the `WriterLock` of the path held.

    Parameters
    ----------
    path : Path
        Must not exist yet.
    campaign : Campaign
        What will be computed.
    now : float, optional
        Seconds since 1970; the clock's by default.
    fill : callable, optional
        Writes what the file holds from its first second, instead of nothing.

    Raises
    ------
    InputError
        If the file exists, the folder is missing or not writable, there is too little space, or
        the disk fails. No file is left behind then.
    """
    size = expected_size(campaign)
    temporary = temporary_path(path)
    with _removed_on_error(path, temporary, size):
        _check_folder(path, size)
        temporary.unlink(missing_ok=True)
        structure = _lay_out(temporary, campaign, time.time() if now is None else now, size)
        _fill(temporary, campaign, structure, fill)
        _give_name(temporary, path)
        _keep_name(path)


def replace_results(
    path: Path, campaign: Campaign, *, fill: Callable[[PlainStore], None], doing: str
) -> None:
    """Create a results file in the place of another one, which keeps its name until the new one is whole.

    Call it with the `WriterLock` of the path held.

    Parameters
    ----------
    path : Path
        The file that is replaced.
    campaign : Campaign
        What the new one is for.
    fill : callable
        Writes what the new one holds.
    doing : str
        What is being done, for the message of a disk that fails: "giving it more starts".

    Raises
    ------
    InputError, DiskError
        If the new file cannot be made; the old one is as it was then.
    """
    beside = path.with_name(f".{path.name}.new")
    with disk.telling(path, doing):
        beside.unlink(missing_ok=True)
    create_results(beside, campaign, fill=fill)
    with disk.telling(path, doing):
        os.replace(beside, path)
        sync_folder(path.parent)


def move_aside(path: Path) -> Path:
    """Rename a results file to the first free NAME.old-1.h5, NAME.old-2.h5, ...; never delete it.

    Returns
    -------
    Path
        Its new name.

    Raises
    ------
    InputError
        If the folder does not allow it.
    """
    free = (path.with_name(f"{path.stem}.old-{k}{path.suffix}") for k in itertools.count(1))
    target = next(candidate for candidate in free if not disk.exists(candidate))
    try:
        os.rename(path, target)
        sync_folder(path.parent)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be moved aside to {target}: {disk.what_failed(error)}; {disk.cure(error)} "
            "and run the same command again"
        ) from error
    return target


def temporary_path(path: Path) -> Path:
    """Name of a results file while it is being created."""
    return path.with_name(f".{path.name}.creating")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def _sizes(campaign: Campaign) -> dict[str, int]:
    return {"config": len(campaign.configs), "wt": campaign.n_turbines_max, **FIXED_SIZES}


def _text_bytes(campaign: Campaign) -> int:
    return max(1, len(campaign.text.encode()))


# ---------------------------------------------------------------- before


def _check_folder(path: Path, size: int) -> None:
    if disk.exists(path):
        raise InputError(f"{path}: exists already")
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"{path}: the folder {folder} does not exist; make it, or give another file with -o")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{path}: the folder {folder} is not writable; give another output file with -o")
    if _free(folder) < size:
        raise InputError(_too_little_space(path, size, "the disk is too small"))


def _too_little_space(path: Path, size: int, reason: str) -> str:
    free = _free(path.parent) / 1e6
    return (
        f"{path}: {reason}: the results file needs {size / 1e6:.1f} MB, {free:.1f} MB are free in "
        f"{path.parent.absolute()}; make room, or give another output file with -o"
    )


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@contextmanager
def _removed_on_error(path: Path, temporary: Path, size: int) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise InputError(f"{path}: exists already") from error
        failure = disk.behind(error) or (error if isinstance(error, OSError) else None)
        if failure:
            raise InputError(_why_not(path, size, failure)) from error
        raise


def _why_not(path: Path, size: int, failure: OSError) -> str:
    """Say why a file cannot be created."""
    if failure.errno in _NO_SPACE:
        with suppress(OSError):
            return _too_little_space(path, size, disk.kind(failure))
    if failure.errno in _NO_ACCESS:
        reason = os.strerror(failure.errno)
        return f"{path}: the folder {path.parent} is not writable: {reason}; give another output file with -o"
    return (
        f"{path}: cannot be created: {disk.what_failed(failure)}; "
        f"{disk.cure(failure)}, or give another output file with -o"
    )


# ---------------------------------------------------------------- structure


def _lay_out(path: Path, campaign: Campaign, now: float, size: int) -> Structure:
    """Write the HDF5 structure and reserve the space."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    draft = os.memfd_create(path.name)
    try:
        # A limit on the file's size shows here, before HDF5 gets into trouble with it.
        os.ftruncate(descriptor, size)
        # Superblock version 0 carries no mark "open for writing" that a killed program would leave behind.
        with h5py.File(path, "w", libver="earliest", locking=False) as file:
            _redirect(file, descriptor, draft)
            attributes = _attributes(campaign, now)
            file.attrs.update(attributes)
            _make_datasets(file, campaign)
            extents = extents_in(file)
        n_bytes = os.fstat(draft).st_size
        os.posix_fallocate(descriptor, 0, n_bytes)
        for start, stop in between(extents.values(), n_bytes):
            _copy(draft, descriptor, start, stop)
    finally:
        os.close(draft)
        os.close(descriptor)
    checksum = structure_checksum(path, extents.values(), n_bytes)
    return Structure(attributes, extents, text_sha256(campaign.text), n_bytes, checksum)


def _redirect(file: h5py.File, descriptor: int, draft: int) -> None:
    """Let HDF5 go on in memory with a file that it has just begun.

    On a disk that fails, HDF5 1.10 cannot close the file, and then crashes the program at its end. The file
    in memory has gaps: it takes some 40 KiB, however many configs there are.
    """
    _copy(descriptor, draft, 0, os.fstat(descriptor).st_size)
    os.dup2(draft, file.id.get_vfd_handle(), inheritable=False)


def _copy(source: int, target: int, start: int, stop: int) -> None:
    while start < stop:
        start += some(os.pwrite(target, os.pread(source, stop - start, start), start))


def extents_in(file: h5py.File) -> dict[str, Extent]:
    """Places of the datasets of a results file as HDF5 sees them."""
    return {
        name: Extent(dataset.id.get_offset(), dataset.dtype, dataset.shape) for name, dataset in file.items()
    }


def _make_datasets(file: h5py.File, campaign: Campaign) -> None:
    sizes = _sizes(campaign)
    columns = all_columns(_text_bytes(campaign))
    for column in columns:
        _make_dataset(file, column, sizes)
    file["campaign_yaml"].attrs["sha256"] = text_sha256(campaign.text)
    for column in COORDINATES:
        file[column.name].make_scale(column.name)
    scales = {column.dims[0]: file[column.name] for column in COORDINATES}
    for column in columns:
        if column not in COORDINATES:
            for axis, dim in enumerate(column.dims):
                file[column.name].dims[axis].attach_scale(scales[dim])


def _make_dataset(file: h5py.File, column: Column, sizes: dict[str, int]) -> None:
    # HDF5 places every dataset at once and writes nothing into it.
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.CONTIGUOUS)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    dtype = np.dtype(column.dtype)
    stored = h5py.string_dtype("utf-8", dtype.itemsize) if dtype.kind == "S" else dtype
    shape = column.shape(sizes)
    space = h5py.h5s.create_simple(shape) if shape else h5py.h5s.create(h5py.h5s.SCALAR)
    kind = h5py.h5t.py_create(stored, logical=True)
    dataset = h5py.Dataset(h5py.h5d.create(file.id, column.name.encode(), kind, space, properties))
    dataset.attrs["long_name"] = column.long_name
    if column.units is not None:
        dataset.attrs["units"] = column.units
    dataset.attrs.update(column.attributes)


def _attributes(campaign: Campaign, now: float) -> dict[str, object]:
    return {
        "filetype": FILETYPE,
        "format_version": FORMAT_VERSION,
        "Conventions": "CF-1.11",
        "title": f"Wind farm layouts of campaign {campaign.name}",
        "campaign_name": campaign.name,
        "campaign_digest": campaign.digest,
        "created": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        **{f"version_{name}": version for name, version in software_versions().items()},
    }


# ---------------------------------------------------------------- content


def _fill(
    path: Path, campaign: Campaign, structure: Structure, fill: Callable[[PlainStore], None] | None
) -> None:
    """Write every byte of every dataset and sync: what is not reserved by now never will be."""
    sizes = _sizes(campaign)
    with PlainStore(path, structure.extents, writable=True) as store:
        for start, rows in _waiting(campaign):
            store.write_rows(start, rows)
        for column in LAUNCH_COLUMNS:
            store.write(column.name, 0, np.full(column.shape(sizes), column.fresh, column.dtype))
        for column in COORDINATES:
            store.write(column.name, 0, np.arange(sizes[column.dims[0]], dtype=column.dtype))
        text = np.array(campaign.text.encode(), structure.extents["campaign_yaml"].dtype)
        store.write("campaign_yaml", 0, text)
        for column in MAPS:
            store.write(column.name, 0, np.array(structure.drawn(), column.dtype))
        if fill is not None:
            fill(store)
        store.sync()


def _waiting(campaign: Campaign) -> Iterator[tuple[int, np.ndarray]]:
    dtype = row_dtype(campaign.n_turbines_max)
    n_rows = max(1, 2**24 // dtype.itemsize)
    for start in range(0, len(campaign.configs), n_rows):
        yield start, waiting_rows(dtype, campaign.configs[start : start + n_rows])


def _give_name(source: Path, target: Path) -> None:
    """Rename without ever replacing a file."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # No hard links here: check and rename, with the lock against other launches.
        if disk.exists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        os.rename(source, target)
    else:
        os.unlink(source)


def _keep_name(path: Path) -> None:
    """Make the new name durable; a file whose name a power cut may take is none to write results into."""
    try:
        sync_folder(path.parent)
    except OSError:
        with suppress(OSError):
            os.unlink(path)
        raise
