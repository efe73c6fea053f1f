"""A disk that fails, in one wording: which file, what failed, while doing what, what is kept, what to do."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STORED = "what was stored before is safe"
CHECKPOINTED = "what was stored before the last checkpoint is safe"

# What a file system says, in words, and what helps.
_KINDS = {
    errno.ENOSPC: ("the disk is full", "make room"),
    errno.EDQUOT: ("the quota is used up", "make room, or have the quota raised"),
    errno.EFBIG: ("the limit on the size of files is too small", "raise it (ulimit -f)"),
    errno.EROFS: ("the file system is read-only", "make it writable"),
    errno.EIO: ("the disk failed", "have it checked"),
    errno.EREMOTEIO: ("the disk failed", "have it checked"),
    errno.EUCLEAN: ("the file system is damaged", "have it checked"),
    errno.EBADMSG: ("the file system is damaged", "have it checked"),
    errno.ENXIO: ("the disk is gone", "bring it back"),
    errno.ENODEV: ("the disk is gone", "bring it back"),
    errno.ESTALE: ("the file server has lost the file", "have it checked"),
    errno.ETIMEDOUT: ("the file server does not answer", "have it checked"),
    errno.ENOTCONN: ("the file server does not answer", "have it checked"),
    errno.ESHUTDOWN: ("the file server does not answer", "have it checked"),
    errno.ENOENT: ("the file or its folder is gone", "bring it back"),
    errno.ENOTDIR: ("the file or its folder is gone", "bring it back"),
    errno.EACCES: ("access is denied", "have the permissions mended"),
    errno.EPERM: ("access is denied", "have the permissions mended"),
}
_HDF5_ERRNO = re.compile(r"errno = (\d+), error message")


class DiskError(OSError):
    """A file system failed; the text is the complete message for the user.

    Parameters
    ----------
    path : Path
        The file.
    doing : str
        What was being done, as in "writing a row".
    error : OSError
        What the operating system said.
    kept : str, optional
        What is not lost: `STORED` or `CHECKPOINTED`.
    """

    def __init__(self, path: Path, doing: str, error: OSError, kept: str = "") -> None:
        super().__init__(error.errno, error.strerror, str(path))
        self.doing = doing
        self.kept = f"{kept}; " if kept else ""

    def __str__(self) -> str:
        return (
            f"{self.filename}: {what_failed(self)} while {self.doing}; "
            f"{self.kept}{cure(self)} and run the same command again"
        )


@contextmanager
def telling(path: Path, doing: str, kept: str = "") -> Iterator[None]:
    """Turn every OSError into a `DiskError`."""
    try:
        yield
    except DiskError:
        raise
    except OSError as error:
        raise DiskError(path, doing, error, kept) from error


def what_failed(error: OSError) -> str:
    """Say in words what the operating system means: "the disk is full (No space left on device)"."""
    if error.errno is None:
        return str(error)
    said = os.strerror(error.errno)
    words = kind(error)
    return f"{words} ({said})" if words else said


def kind(error: OSError) -> str:
    """Say in words alone what the operating system means, or nothing if it is no usual failure of a disk."""
    return _KINDS.get(error.errno or 0, ("", ""))[0]


def cure(error: OSError) -> str:
    """Say what helps."""
    return _KINDS.get(error.errno or 0, ("", "mend that"))[1]


def behind(error: BaseException) -> OSError | None:
    """Find the failure of the disk behind an error, which HDF5 hides in the text of errors of many types."""
    if isinstance(error, DiskError):
        return error
    number = getattr(error, "errno", None)
    if number is None and (found := _HDF5_ERRNO.search(str(error))):
        number = int(found[1])
    failure = OSError(number, os.strerror(number)) if number else None
    return failure if failure and kind(failure) else None


def behind_links(path: Path) -> Path:
    """File itself where a link to it is given, there or not: that is what is locked, moved, replaced."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def exists(path: Path) -> bool:
    """Whether the name is taken, be it by a dangling link.

    Raises
    ------
    DiskError
        Where `os.path.lexists` takes a folder that cannot be read for one without the file.
    """
    with telling(path, "looking for the file"):
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True
