"""What a rank may use of its node: cores and memory, as the kernel and the batch system say.

Memory has two bounds: what is free now must be enough for what ranks will still take, and what the batch
system grants a job on a node for all that they have and will take.
"""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mpi_layout.parallel.cgroups import cgroups

MB = 1e6
_SLURM_MB = 2.0**20
_NO_LIMIT = 2.0**60  # bytes; cgroups of the first kind have no other word for it
# Limit, use, and what of that the kernel would drop first; by version of cgroups.
_MEMORY_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


@dataclass(frozen=True)
class Allotment:
    """Cores and memory of one rank.

    Attributes
    ----------
    cores : int
        A bit for each core that it may run on.
    used : float
        What it has in memory now, bytes.
    free : float
        What processes on its node, in its cgroup, may still take, bytes; infinite if that is not known.
    granted : float
        What the batch system grants the job on its node, bytes; infinite if it does not say.
    """

    cores: int
    used: float = 0.0
    free: float = math.inf
    granted: float = math.inf

    @classmethod
    def here(cls, root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> Self:
        """Of this process.

        Parameters
        ----------
        root : Path, optional
            Where `proc` and `sys` lie.
        environ : mapping, optional
            Variables of Slurm.
        """
        cores = sum(1 << core for core in os.sched_getaffinity(0))
        used = _kilobytes(root / "proc/self/status").get("VmRSS", 0.0)
        free = _kilobytes(root / "proc/meminfo").get("MemAvailable", math.inf)
        return cls(cores, used, min([free, *_left_in_cgroups(root)]), _slurm_grants(environ))

    @classmethod
    def of(cls, text: str) -> Self:
        """What another rank wrote with `str`."""
        cores, *sizes = text.split(",")
        return cls(int(cores, 16), *map(float, sizes))

    def __str__(self) -> str:
        return f"{self.cores:x},{self.used:.0f},{self.free:.0f},{self.granted:.0f}"


def _kilobytes(path: Path) -> dict[str, float]:
    """Bytes of every line `Name: 123 kB` of a file of the kernel's; none if there is no such file."""
    found = {}
    with suppress(OSError):
        for line in path.read_text().splitlines():
            name, _, rest = line.partition(":")
            match rest.split():
                case [number, "kB"] if number.isdigit():
                    found[name] = 1024.0 * int(number)
    return found


def _left_in_cgroups(root: Path) -> Iterator[float]:
    """Bytes that each cgroup with a limit, from that of this process upwards, has left."""
    for group, version in cgroups("memory", root):
        yield _left(group, *_MEMORY_FILES[version])


def _left(group: Path, limit_name: str, usage_name: str, cache_name: str) -> float:
    """Limit less what is used, without the files that the kernel would drop first."""
    try:
        limit, usage = ((group / name).read_text().strip() for name in (limit_name, usage_name))
        cache = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        if limit == "max" or float(limit) > _NO_LIMIT:
            return math.inf
        return max(0.0, float(limit) - float(usage) + float(cache.get(cache_name, 0)))
    except (OSError, ValueError):  # a container may not show the cgroups that it is in
        return math.inf


def _slurm_grants(environ: Mapping[str, str]) -> float:
    """Memory of the job on this node, bytes; zero means all of it to Slurm."""
    per_node, per_cpu, cpus = (
        float(text) if (text := environ.get(f"SLURM_{name}", "")).isdigit() else 0.0
        for name in ("MEM_PER_NODE", "MEM_PER_CPU", "CPUS_ON_NODE")
    )
    return _SLURM_MB * (per_node or per_cpu * cpus) or math.inf
