"""What there is to say of a file before anything is said of the layouts in it."""

import hashlib
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from mpi_layout.results.storage.map import is_results_file
from mpi_layout.results.storage.superblock import Superblock, find_signature, read_superblock
from mpi_layout.salvage.aside import Aside, UnreadableError

if TYPE_CHECKING:
    from mpi_layout.results.old_file import OldFile, OldLayout


class Verdict(StrEnum):
    """What a file is."""

    SOUND = "sound"
    PARTLY_SOUND = "partly sound"  # some of its layouts are not
    MISSING = "missing"
    NO_FILE = "no file"
    EMPTY = "empty"
    NO_SIGNATURE = "no HDF5 signature"
    TRUNCATED = "truncated"
    LEFT_OPEN = "left open"
    UNREADABLE = "unreadable"
    MALFORMED = "missing or unequal datasets"
    NO_LAYOUTS = "no layouts"
    RESULTS = "mpi-layout's own"


@dataclass(frozen=True, eq=False)
class JudgedFile:
    """A file and what was found in it.

    Attributes
    ----------
    path : Path
        As it was given or found.
    size : int or None
        Bytes; None if there is none.
    sha256 : str
        Of its bytes, hexadecimal; empty if they cannot be read.
    verdict : Verdict
        Of the file as such.
    detail : str
        What is wrong with it.
    layouts : tuple of OldLayout
        What could be read.
    """

    path: Path
    size: int | None
    sha256: str
    verdict: Verdict
    detail: str = ""
    layouts: "tuple[OldLayout, ...]" = ()


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def judge_file(path: Path, aside: Aside) -> JudgedFile:
    """Judge a file, and read what can be read of it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return JudgedFile(path, None, "", Verdict.MISSING, "there is no such file")
    except OSError as error:
        return JudgedFile(path, None, "", Verdict.UNREADABLE, str(error.strerror))
    if not stat.S_ISREG(status.st_mode):
        return JudgedFile(path, None, "", Verdict.NO_FILE, "is neither file nor folder")
    size, sha256 = status.st_size, ""
    try:
        sha256 = digest_of(path)
        verdict, detail, layouts = _judged(path, size, aside)
    except OSError as error:
        verdict, detail, layouts = Verdict.UNREADABLE, str(error.strerror or error), ()
    return JudgedFile(path, size, sha256, verdict, detail, layouts)


def _judged(path: Path, size: int, aside: Aside) -> "tuple[Verdict, str, tuple[OldLayout, ...]]":
    if not size:
        return Verdict.EMPTY, "", ()
    with open(path, "rb") as file:
        offset = find_signature(file)
        if offset is None:
            return Verdict.NO_SIGNATURE, "is no HDF5 file, or has lost its beginning", ()
        superblock = read_superblock(file, offset)
    if is_results_file(path):
        return (
            Verdict.RESULTS,
            "a results file of mpi-layout, which needs no salvage: see recover and merge",
            (),
        )
    harmed = _harm(size, superblock)
    try:
        old = aside.read(path, mend=harmed is not None)
    except UnreadableError as error:
        verdict, detail = harmed or (Verdict.UNREADABLE, "")
        return verdict, "; ".join(filter(None, (detail, str(error)))), ()
    found = tuple(old.layouts)
    told = [old.malformed, *old.faults]
    if harmed is not None:
        verdict, detail = harmed
        told = [detail, _what_was_read(old), *told]
    elif old.faults:
        verdict = Verdict.UNREADABLE
    elif old.malformed:
        verdict = Verdict.MALFORMED
    elif not found:
        verdict, told = Verdict.NO_LAYOUTS, [_instead(old, size)]
    else:
        verdict = Verdict.SOUND
    return verdict, "; ".join(filter(None, told)), found


def _harm(size: int, superblock: Superblock | None) -> tuple[Verdict, str] | None:
    """What a killed program, or a full disk, has done to a file as a whole."""
    if superblock is None:
        return Verdict.TRUNCATED, "its first bytes are cut off or of no known version"
    if size < superblock.end:
        return Verdict.TRUNCATED, f"has {size:,} of {superblock.end:,} bytes"
    if superblock.is_open:
        return Verdict.LEFT_OPEN, "a program that had it open for writing was killed, or has it open still"
    return None


def _what_was_read(old: "OldFile") -> str:
    if not old.layouts:
        return "nothing could be read"
    n_whole = sum(layout.positions is not None for layout in old.layouts)
    return f"{n_whole} of {len(old.layouts)} layouts could be read"


def _instead(old: "OldFile", size: int) -> str:
    if old.n_empty:
        return f"has {old.n_empty:,} entries, and nothing was ever written to them"
    if old.others:
        return f"holds {', '.join(old.others)}; wants groups farm0_t0_s0 with a dataset layout, or columns"
    return f"an HDF5 file of {size:,} bytes with nothing in it"
