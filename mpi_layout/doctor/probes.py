"""Questions that a process of their own answers, as they may hang it or crash it; see `ask_child`."""

import errno
import fcntl
import importlib
import importlib.metadata
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mpi_layout import environment

environment.prepare()

# Compiled packages, whose libraries may not be there though they are.
_COMPILED = ("numpy", "scipy.linalg", "shapely", "pydantic", "yaml")
PREFIX = ".mpi-layout-doctor-"
_SYNCED_BYTES = 2**20


def libraries() -> dict[str, Any]:
    """Whether packages can be loaded, the kernel's instruction set, and what HDF5 there is."""
    said = {name: _fails(importlib.import_module, name) for name in _COMPILED}
    broken = {name: text for name, text in said.items() if text}
    return {"broken": broken, "kernel": _or_error(_kernel), "hdf5": _or_error(_hdf5)}


def mpi() -> dict[str, Any]:
    """Which library mpi4py loads; MPI is not started."""
    try:
        answer = {"mpi4py": importlib.metadata.version("mpi4py")}
    except importlib.metadata.PackageNotFoundError:
        return {"mpi4py": None}
    try:
        from mpi_layout.parallel.ranks.mpi_library import Library

        library = Library.loaded()
    except (ImportError, RuntimeError) as error:
        return answer | {"error": _line(error)}
    return answer | {
        "library": library.name,
        "family": library.family.name if library.family else None,
        "path": library.path,
    }


def folder(path: str) -> dict[str, Any]:
    """What the file system of a folder is and does: file system, space, locks, fsync, the server's clock."""
    try:
        there = os.path.realpath(path, strict=True)
        if not os.path.isdir(there):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        space = os.statvfs(there)
    except OSError as error:
        return {"writable": False, "error": error.strerror}
    answer: dict[str, Any] = _mount(there) | {
        "free_bytes": space.f_bavail * space.f_frsize,
        "free_files": space.f_favail if space.f_files else None,
    }
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=path) as inside:
            answer |= {"writable": True, **_written(Path(inside) / "file")}
    except OSError as error:
        answer |= {"writable": False, "error": os.strerror(error.errno or errno.EIO)}
    return answer


def results(*paths: str) -> dict[str, Any]:
    """What is wrong with the last of some results files, and whether it is the same as the first."""
    from mpi_layout.compare.diff import diff
    from mpi_layout.results.reader import open_reader
    from mpi_layout.results.verify import verify

    first, last = open_reader(Path(paths[0])), open_reader(Path(paths[-1]))
    wrong = [f"{finding.key or 'the file'}: {finding.detail}" for finding in verify(last)]
    waiting = last.n_rows - int(last.done.sum())
    if waiting:
        wrong.append(f"{waiting} of {last.n_rows} configs are not done")
    return {"wrong": wrong, "same": diff(first, last).equal}


def _written(file: Path) -> dict[str, Any]:
    """What happens to a file here."""
    before = time.time()
    with open(file, "wb") as first, open(file, "rb+") as second:
        first.write(bytes(_SYNCED_BYTES))
        first.flush()
        began = time.monotonic()
        sync_error = _fails(os.fsync, first.fileno())
        took = time.monotonic() - began
        server = os.fstat(first.fileno()).st_mtime
        return {
            "fsync_s": round(took, 4),
            "fsync_error": sync_error,
            "locks": _locks(first.fileno(), second.fileno()),
            "clock_ahead_s": round(server - (before + time.time()) / 2, 2),
        }


def _locks(first: int, second: int) -> str:
    """Whether a lock keeps a second one out: "work", "not kept", or why there are none."""
    try:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return os.strerror(error.errno or errno.EIO)
    try:
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "work"
    return "not kept"


def _mount(path: str) -> dict[str, Any]:
    """Where the file system of a path is mounted, its type and options; the kernel's last word counts."""
    found = {"mounted_at": "", "type": "unknown", "options": ""}
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return found
    for line in lines:
        about, _, source = line.partition(" - ")
        at = about.split()[4].encode().decode("unicode_escape")
        inside = path == at or path.startswith(at.rstrip("/") + "/")
        if inside and len(at) >= len(found["mounted_at"]):
            kind, *rest = source.split()
            options = f"{about.split()[5]},{rest[-1] if rest else ''}"
            found = {"mounted_at": at, "type": kind, "options": options}
    return found


def _kernel() -> dict[str, Any]:
    from mpi_layout.wake.kernel.native import instruction_set

    return {"instruction_set": instruction_set()}


def _hdf5() -> dict[str, Any]:
    from mpi_layout.results.storage import mpio
    from mpi_layout.results.storage.versions import software_versions

    versions = software_versions()
    return {"h5py": versions["h5py"], "hdf5": versions["hdf5"], "why_not_parallel": mpio.why_not()}


def _fails(call: Callable[..., object], *arguments: object) -> str | None:
    try:
        call(*arguments)
    except Exception as error:  # whatever is wrong is the answer
        return _line(error)
    return None


def _or_error(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return call()
    except Exception as error:  # whatever is wrong is the answer
        return {"error": _line(error)}


def _line(error: BaseException) -> str:
    return "; ".join(filter(None, map(str.strip, str(error).splitlines()))) or type(error).__name__


_QUESTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "libraries": libraries,
    "mpi": mpi,
    "folder": folder,
    "results": results,
}

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    sys.stdout.write(json.dumps(_QUESTIONS[name](*arguments)) + "\n")
