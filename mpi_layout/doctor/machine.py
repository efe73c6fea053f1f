"""The machine: cores, memory, shared memory, threads, batch system, container, clock."""

import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from mpi_layout import memory
from mpi_layout.container import in_container
from mpi_layout.doctor.finding import Finding, hint, ok, problem
from mpi_layout.environment import THREADS
from mpi_layout.parallel import shared_memory
from mpi_layout.parallel.allotment import MB, Allotment
from mpi_layout.parallel.cgroups import cgroups

RANK_MB = 120.0  # of a rank that solves farms of 66 turbines (docs/placement.md)
# Whatever a clock says, it is not before the files of this package were made.
_EARLIEST = Path(__file__)
_IMAGE_MARKS = ("/.dockerenv", "/run/.containerenv")
# Command that submits jobs, and how users call the system; the first two are those that `submit` knows.
_BATCH_COMMANDS = {"sbatch": "Slurm", "qsub": "PBS", "flux": "Flux", "bsub": "LSF"}
_JOB_NUMBERS = {"SLURM_JOB_ID": "Slurm", "PBS_JOBID": "PBS", "FLUX_JOB_ID": "Flux", "LSB_JOBID": "LSF"}


def findings(ranks: int) -> Iterator[Finding]:
    """Look at the machine, for a launch of so many ranks at least."""
    cores = usable_cores()
    yield _cores(cores)
    yield _memory(cores, ranks)
    yield from _limit()
    yield _shared_memory(cores, ranks)
    yield threads()
    yield batch_system()
    yield _container()
    yield clock()


def usable_cores(root: Path = Path("/")) -> int:
    """Whole cores that this process may use: by its affinity, and by what its cgroups grant."""
    quota = min((_cpu_quota(group, version) for group, version in cgroups("cpu", root)), default=math.inf)
    allowed = len(os.sched_getaffinity(0))
    return max(1, math.floor(min(allowed, quota)))


def _cpu_quota(group: Path, version: int) -> float:
    """Cores that a cgroup grants, infinite if it has no limit."""
    with suppress(OSError, ValueError):
        if version == 2:
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        if quota != "max" and int(quota) > 0:
            return int(quota) / int(period)
    return math.inf


def _cores(cores: int) -> Finding:
    there = os.cpu_count() or cores
    load = os.getloadavg()[0]
    facts = {"usable": cores, "there": there, "load": round(load, 1)}
    found = f"{cores} of {there} may be used"
    if load > cores + 1:
        advice = "Others compute here: a launch would be slow. `uptime` shows the load."
        return hint("cores", f"{found}, but {load:.1f} programs want them now", advice, **facts)
    if cores == 1:
        advice = "Ranks would take turns on it: here one process is as fast (no launcher needed)."
        return hint("cores", found, advice, **facts)
    return ok("cores", f"{found}: a good number of ranks is {cores + 1}, as rank 0 mostly sleeps", **facts)


def _memory(cores: int, ranks: int) -> Finding:
    here = Allotment.here()
    free = min(here.free, here.granted)
    facts = {"free_MB": None if math.isinf(free) else round(free / MB)}
    if math.isinf(free):
        return ok("memory", "the system does not say how much is free", **facts)
    room = int(free / MB / RANK_MB)
    found = f"{free / 1e9:.1f} GB are free, for some {room} ranks"
    if room < ranks:
        return problem(
            "memory", f"{found} of {RANK_MB:.0f} MB", "Free some, or ask the batch system for more.", **facts
        )
    if room < cores + 1:
        return hint("memory", f"{found}, fewer than there are cores", f"Start {room} ranks at most.", **facts)
    return ok("memory", found, **facts)


def _limit() -> Iterator[Finding]:
    """Say what a process may have, where that is little."""
    limit = memory.memory_limit()
    if limit < memory.ENOUGH_BYTES:
        found = f"each process may have {limit / MB:.0f} MB of memory (ulimit -v)"
        yield hint("limit", found, memory.RAISE, limit_MB=round(limit / MB))


def _shared_memory(cores: int, ranks: int) -> Finding:
    there = shared_memory.size()
    facts = {"size_MB": round(there / MB)}
    most = int(there / shared_memory.ENOUGH_BYTES)
    each = shared_memory.ENOUGH_BYTES / MB
    found = f"/dev/shm has {there / MB:.0f} MB, and MPICH needs {each:.1f} MB for each rank"
    advice = "Give a container more (docker, podman: --shm-size=1g)"
    if most < ranks:
        return hint("shared memory", found, f"{advice}, or take Open MPI, which needs little.", **facts)
    if most < cores + 1:
        return hint("shared memory", found, f"{advice}, or start {most} ranks at most.", **facts)
    return ok("shared memory", f"/dev/shm has {there / MB:,.0f} MB", **facts)


def threads(environ: Mapping[str, str] = os.environ) -> Finding:
    """Look for variables that give each rank several threads."""
    many = {name: environ[name] for name in THREADS if environ.get(name, "1") != "1"}
    if not many:
        return ok("threads", "one for each rank, as it should be", variables={})
    shown = ", ".join(f"{name}={value}" for name, value in many.items())
    advice = f"Ranks would fight over the cores: unset {' '.join(many)}."
    return hint("threads", f"{shown} gives every rank several threads", advice, variables=many)


def batch_system(environ: Mapping[str, str] = os.environ) -> Finding:
    """Say whether this is a cluster, and a job of it or a login node."""
    for variable, system in _JOB_NUMBERS.items():
        if number := environ.get(variable):
            return ok("batch system", f"this is in job {number} of {system}", system=system, job=number)
    for command, system in _BATCH_COMMANDS.items():
        if shutil.which(command):
            found = f"{system} is here, and this is not in a job"
            if system in ("Slurm", "PBS"):
                advice = (
                    "`mpi-layout submit CAMPAIGN` sends a campaign to the compute nodes, which may differ "
                    "from this one: start the doctor in a job, too."
                )
            else:
                advice = "Start campaigns, and the doctor again, in a job."
            return hint("batch system", found, advice, system=system, job=None)
    return ok("batch system", "none: launches run here", system=None, job=None)


def _container() -> Finding:
    inside = in_container() or any(map(os.path.exists, _IMAGE_MARKS))
    if inside:
        return ok(
            "container",
            "this is in one: the MPI is the image's, folders of the host have to be bound",
            inside=True,
        )
    return ok("container", "none", inside=False)


def clock(now: float | None = None) -> Finding:
    """See that the clock is not far in the past."""
    now = time.time() if now is None else now
    date = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < _EARLIEST.stat().st_mtime:
        advice = "Have it set (NTP): results files have times in them, and launches know each other by them."
        return hint("clock", f"it says {date}, before this package was installed", advice, utc=date)
    return ok("clock", date, utc=date)
