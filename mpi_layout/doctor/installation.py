"""Python, the program and the packages that it needs."""

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mpi_layout
from mpi_layout import memory
from mpi_layout.doctor.child import Ended, ask_child
from mpi_layout.doctor.finding import Finding, hint, ok, problem

_FOR_DEVELOPERS = {"test", "lint", "peers", "docs", "browser"}  # extras that users do not need
AGAIN = "Install the package again: pip install --force-reinstall, in a new virtual environment if in doubt."


def findings() -> Iterator[Finding]:
    """Look at what is installed."""
    yield _python()
    yield _program()
    answer = ask_child("libraries")
    if isinstance(answer, Ended):
        found = f"the packages that are needed cannot be loaded: {answer.reason}"
        yield problem("packages", found, memory.cure(AGAIN))
        return
    yield _packages(answer["broken"])
    yield _kernel(answer["kernel"])
    yield _hdf5(answer["hdf5"])
    yield _extras()


def _python() -> Finding:
    found = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    return ok("Python", found, version=platform.python_version(), executable=sys.executable)


def _program() -> Finding:
    here = Path(mpi_layout.__file__).parent
    version = _version("mpi-layout")
    found = f"mpi-layout {version or '(from a source tree)'}, {here}"
    facts = {"version": version, "folder": str(here)}
    first = shutil.which("mpi-layout")
    beside = Path(sys.executable).parent / "mpi-layout"
    if first and beside.exists() and os.path.realpath(first) != os.path.realpath(beside):
        advice = f"Activate this environment, or say {beside} in full: ranks are to run the same program."
        return hint("program", f"{found}; but `mpi-layout` on the PATH is {first}", advice, **facts)
    return ok("program", found, **facts)


def _packages(broken: dict[str, str]) -> Finding:
    versions = {name: _version(name) for name in ("numpy", "scipy", "shapely", "pydantic", "h5py")}
    found = ", ".join(f"{name} {version}" for name, version in versions.items())
    if not broken:
        return ok("packages", found, **versions)
    name, error = next(iter(broken.items()))
    others = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    found = f"{name} cannot be loaded: {error}{others}"
    return problem("packages", found, memory.cure(AGAIN), **versions, broken=broken)


def _kernel(answer: dict[str, Any]) -> Finding:
    if "error" in answer:
        advice = memory.cure("Install mpi-layout again, on this machine: pip install .")
        return problem("wake kernel", f"it cannot be used: {answer['error']}", advice, **answer)
    used, could = answer["instruction_set"], cpu_level(_cpu_flags())
    facts = {"instruction_set": used, "cpu": could, "machine": platform.machine()}
    if used != could and os.environ.get("MPI_LAYOUT_ISA"):
        return hint(
            "wake kernel",
            f"it uses {used}, and this CPU has {could}",
            "Unset MPI_LAYOUT_ISA to compute faster.",
            **facts,
        )
    return ok(
        "wake kernel", f"uses {used} instructions, the best that this CPU ({platform.machine()}) has", **facts
    )


def cpu_level(flags: frozenset[str]) -> str:
    """Best of the kernel's instruction sets (dispatch.c) for a CPU with such flags in /proc/cpuinfo."""
    if {"avx512f", "avx512dq", "avx512vl"} <= flags:
        return "avx512"
    return "avx2" if {"avx2", "fma"} <= flags else "generic"


def _cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    try:
        for line in cpuinfo.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "flags":
                return frozenset(value.split())
    except OSError:
        pass
    return frozenset()


def _hdf5(answer: dict[str, Any]) -> Finding:
    if "error" in answer:
        advice = memory.cure(
            "If h5py was built with an MPI, load the module of that MPI; else install it again: "
            "pip install --force-reinstall h5py."
        )
        return problem("HDF5", f"h5py cannot be loaded: {answer['error']}", advice, **answer)
    reason = answer["why_not_parallel"]
    facts = {"h5py": answer["h5py"], "hdf5": answer["hdf5"], "parallel": reason is None}
    found = f"HDF5 {answer['hdf5']}, h5py {answer['h5py']}, "
    if reason is None:
        return ok("HDF5", f"{found}parallel: all ranks may write (--backend mpio)", **facts)
    if "different MPI" in reason:
        return hint("HDF5", f"{found}{reason}", "Only needed beyond ten thousand ranks.", **facts)
    return ok("HDF5", f"{found}not parallel: rank 0 writes, which is enough for 10,000 ranks", **facts)


def extras(requirements: list[str]) -> dict[str, list[str]]:
    """Packages of each extra; of "" those that are always needed.

    Parameters
    ----------
    requirements : list of str
        From the metadata of the package, such as "mpich>=4.2; extra == 'mpi'".
    """
    found: dict[str, list[str]] = {}
    for requirement in requirements:
        package = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"extra\s*==\s*[\"']([\w-]+)", requirement)
        if package:
            found.setdefault(extra[1] if extra else "", []).append(package[0])
    return found


def _extras() -> Finding:
    try:
        packages = extras(importlib.metadata.requires("mpi-layout") or [])
    except importlib.metadata.PackageNotFoundError:
        return ok("extras", "not known of a source tree")
    missing = {extra: [name for name in names if not _version(name)] for extra, names in packages.items()}
    if needed := missing.pop("", []):
        return problem("extras", f"not installed, but always needed: {', '.join(needed)}", AGAIN)
    lacking = {extra: names for extra, names in missing.items() if names and extra not in _FOR_DEVELOPERS}
    facts = {"missing": lacking}
    if not lacking:
        return ok("extras", "all optional packages are here", **facts)
    wanted = ", ".join(f"{extra} ({', '.join(names)})" for extra, names in lacking.items())
    advice = f"Should you need them: pip install 'mpi-layout[{','.join(lacking)}]'."
    return hint("extras", f"not installed: {wanted}", advice, **facts)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
