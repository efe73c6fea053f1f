"""Copies of bad files, for those who want to look into them; the files themselves stay where they are."""

import os
import shutil
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from mpi_layout.errors import InputError
from mpi_layout.results.storage.disk import cure, what_failed
from mpi_layout.results.written import beside
from mpi_layout.salvage.audit import FileAudit
from mpi_layout.salvage.files import digest_of


def copy_bad(files: Iterable[FileAudit], folder: Path) -> int:
    """Copy files into a folder, which is made if there is none; nothing that is there is replaced.

    Returns
    -------
    int
        How many are there now; those that do not exist or cannot be read are left out.

    Raises
    ------
    InputError
        If the folder cannot be made or written to.
    """
    n_copied = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            if file.judged.sha256:
                _copy(file, folder)
                n_copied += 1
    except OSError as error:
        raise InputError(
            f"{folder}: bad files cannot be copied there: {what_failed(error)}; {cure(error)}, "
            "or give another folder with --quarantine"
        ) from error
    return n_copied


def _copy(file: FileAudit, folder: Path) -> None:
    name = file.judged.path
    for number in count(1):
        target = folder / (name.name if number == 1 else f"{name.stem}.{number}{name.suffix}")
        if not os.path.lexists(target):
            break
        if target.is_file() and digest_of(target) == file.judged.sha256:
            return  # of an earlier salvage
    with beside(target, force=False) as path:
        shutil.copy2(file.judged.path, path)
