"""Files for other programs, written whole or not at all."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from mpi_layout.errors import InputError
from mpi_layout.results.create import sync_folder
from mpi_layout.results.storage.map import is_results_file

_NAME_SHOWN = 30  # characters: with more, the name meanwhile could be too long for a folder


@contextmanager
def written(target: Path, *, force: bool) -> Iterator[TextIO]:
    """File of text that gets its name only when it is whole.

    Parameters
    ----------
    target : Path
        "-" is standard output.
    force : bool
        Whether to replace an existing file.

    Raises
    ------
    InputError
        If it exists already or cannot be written; an existing file stays as it is then.
    """
    if str(target) == "-":
        yield sys.stdout
        return
    with beside(target, force=force) as path, open(path, "x", encoding="utf-8", newline="") as file:
        yield file
        file.flush()


@contextmanager
def beside(target: Path, *, force: bool) -> Iterator[Path]:
    """Path of a file, for libraries that open files themselves, that gets its name when it is whole.

    Parameters and errors are those of `written`, but that "-" is a name like others.
    """
    refuse_existing(target, force=force)
    folder = target.parent
    if not folder.is_dir():
        raise InputError(f"{target}: the folder {folder} does not exist; make it, or give another name")
    # Not named by the process: in containers all have the same number, and a killed one leaves its file.
    path = target.with_name(f".{target.name[:_NAME_SHOWN]}.{secrets.token_hex(4)}.writing")
    try:
        yield path
        _sync(path)
        refuse_existing(target, force=force)  # writing may have taken long
        os.replace(path, target)
        sync_folder(target.parent)
    except OSError as error:
        if error.filename not in (None, str(path), str(target)):
            raise  # of a file that is read meanwhile
        raise InputError(f"{target}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):  # the folder that did not let it be made does not let it be removed
            path.unlink(missing_ok=True)


def refuse_existing(target: Path, *, force: bool) -> None:
    """See that no file is replaced that is not meant to be.

    A results file, with its hours of computing, gives way to no table or picture, whatever `force` says;
    nor do folders and devices.

    Raises
    ------
    InputError
        If there is one.
    """
    if os.path.exists(target) and not os.path.isfile(target):
        raise InputError(f"{target}: is a folder or a device and is not replaced; give another name")
    if os.path.lexists(target) and not force:
        raise InputError(f"{target}: exists already and is not replaced; give another name, or --force")
    if os.path.isfile(target) and is_results_file(target):
        raise InputError(f"{target}: is a results file, which nothing replaces; give another name")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
