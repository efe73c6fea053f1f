"""Files for other programs, written whole or not at all."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from mpi_layout.errors import InputError
from mpi_layout.results.create import sync_folder


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
    if os.path.lexists(target) and not force:
        raise InputError(f"{target}: exists already and is not replaced; give another name, or --force")
    beside = target.with_name(f".{target.name}.{os.getpid()}.writing")
    try:
        with open(beside, "x", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
        sync_folder(target.parent)
    except OSError as error:
        if error.filename not in (None, str(beside), str(target)):
            raise  # of a file that is read meanwhile
        raise InputError(f"{target}: cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
