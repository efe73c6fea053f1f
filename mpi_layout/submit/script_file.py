"""Job scripts as files: one that somebody has edited is never replaced unasked."""

import hashlib
from pathlib import Path

from mpi_layout.errors import InputError
from mpi_layout.results.written import written

_SEAL = "# mpi-layout submit wrote the lines above: "


def sealed(text: str) -> str:
    """Script with a last line that knows the others."""
    return f"{text}{_SEAL}{_digest(text)}\n"


def write_script(path: Path, text: str, *, force: bool = False) -> None:
    """Write a sealed script; one that is there is replaced if it is as `submit` has written it.

    Raises
    ------
    InputError
        It was written or edited by somebody, or cannot be written.
    """
    if path.exists() and not force and not _untouched(path):
        raise InputError(
            f"{path}: was not written by submit, or has been edited since, and is not replaced; "
            "submit it yourself, move it away, or give --force"
        )
    with written(path, force=True) as file:
        file.write(text)
    path.chmod(0o755)


def _untouched(path: Path) -> bool:
    try:
        text, seal, digest = path.read_text("utf-8").rpartition(_SEAL)
    except (OSError, UnicodeDecodeError):
        return False
    return bool(seal) and digest.strip() == _digest(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
