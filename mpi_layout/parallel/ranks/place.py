"""Where a rank runs: its host and its process, whether that is still there, and what it may use.

An MPI that can lose ranks notices those that are killed, but Open MPI's launcher says
nothing of a rank that ended by calling exit. Rank 0 sees that by itself, on its own machine.
"""

import os
from typing import Self

from mpi_layout.parallel.allotment import Allotment

_NOWHERE = f"an unknown host||0|{Allotment(cores=0)}"


class Place:
    """Host, process namespace and process number of a rank, its cores and memory.

    Parameters
    ----------
    text : str
        As another rank wrote it with `str`; empty for one that died before.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self.host, self._namespace, pid, allotment = (text or _NOWHERE).split("|")
        self._pid = int(pid)
        self.allotment = Allotment.of(allotment)

    @classmethod
    def here(cls, host: str) -> Self:
        """Of this process."""
        try:
            namespace = os.readlink("/proc/self/ns/pid")
        except OSError:
            namespace = ""
        return cls(f"{host.replace('|', '_')}|{namespace}|{os.getpid()}|{Allotment.here()}")

    def __str__(self) -> str:
        return self._text

    @property
    def known(self) -> bool:
        """Whether the rank has said where it runs."""
        return bool(self._text)

    def sees(self, other: "Place") -> bool:
        """Whether a process here can look at the one there."""
        return bool(self._namespace) and (self.host, self._namespace) == (other.host, other._namespace)

    @property
    def gone(self) -> bool:
        """Whether the process has ended; ask only where `sees` it."""
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # it is there, and not ours
            return False
        return False
