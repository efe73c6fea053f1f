"""Which MPI library this process has loaded; may be asked before MPI is initialised."""

import re
from dataclasses import dataclass
from typing import Self

from mpi_layout.parallel.launcher import Family
from mpi_layout.parallel.ranks.talk import MPI

# How libraries write their name and version, and whose launchers they understand.
_SPELLINGS = (
    (r"Open MPI v([\w.]+)", "Open MPI", Family.OPEN_MPI),
    (r"Intel\(R\) MPI Library ([\w.]+)", "Intel MPI", Family.MPICH),
    (r"CRAY MPICH version ([\w.]+)", "Cray MPICH", Family.MPICH),
    (r"MVAPICH\d? Version\s*:\s*([\w.]+)", "MVAPICH", Family.MPICH),
    (r"MPICH Version\s*:\s*([\w.]+)", "MPICH", Family.MPICH),
)
_FILE = re.compile(r"/libmpi(ch|_abi)?\.so[.0-9]*$")


@dataclass(frozen=True)
class Library:
    """Name with version, whose launchers it understands (None: unknown), and where it was found."""

    name: str
    family: Family | None
    path: str

    @classmethod
    def loaded(cls) -> Self:
        """The one that mpi4py has loaded."""
        text = MPI.Get_library_version()
        for spelling, name, family in _SPELLINGS:
            if found := re.search(spelling, text):
                return cls(f"{name} {found[1]}", family, _path())
        return cls(text.splitlines()[0].strip().rstrip("\0"), None, _path())

    def __str__(self) -> str:
        return f"{self.name} ({self.path})" if self.path else self.name


def _path() -> str:
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            files = {line.split(maxsplit=5)[-1].strip() for line in maps}
    except OSError:
        return ""
    return next((file for file in sorted(files) if _FILE.search(file)), "")
