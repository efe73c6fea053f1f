"""The folder for results: its file system, and whether that does what a results file needs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mpi_layout.doctor.child import Ended, ask_child
from mpi_layout.doctor.finding import Finding, hint, ok, problem
from mpi_layout.parallel.allotment import MB

# File systems that several machines share, by their type in /proc/self/mountinfo.
SHARED: tuple[str, ...] = (
    "nfs",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "cifs",
    "smb",
    "afs",
    "9p",
    "glusterfs",
    "orangefs",
)
SHARED += ("pvfs2", "panfs", "wekafs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "virtiofs", "dvs")
IN_MEMORY = ("tmpfs", "ramfs")
# Options that keep locks to one machine: a launch on another one would not be seen.
LOCAL_LOCKS = ("nolock", "local_lock=flock", "local_lock=all", "localflock")
LEAST_MB = 500.0
SLOW_SYNC_S = 2.0
CLOCKS_APART_S = 10.0


def look(folder: Path) -> tuple[list[Finding], bool]:
    """Look at a folder.

    Returns
    -------
    The findings, and whether a campaign can be tried there.
    """
    answer = ask_child("folder", str(folder))
    if isinstance(answer, Ended):
        cure = "Name a folder that answers: mpi-layout doctor FOLDER."
        if answer.code is None:
            cure = f"The file server seems to hang: ask those who run it. {cure}"
        return [problem("folder", f"{folder} cannot be looked at: {answer.reason}", cure)], False
    return list(findings(folder, answer)), answer["writable"]


def findings(folder: Path, answer: dict[str, Any]) -> Iterator[Finding]:
    """Judge what `probes.folder` found."""
    if "type" not in answer:
        advice = "Make it, or name another one: mpi-layout doctor FOLDER."
        yield problem("folder", f"{folder}: {answer['error']}", advice)
        return
    yield _file_system(folder, answer)
    yield _space(answer)
    if not answer["writable"]:
        advice = "Work in another folder, or give one for the results: mpi-layout run CAMPAIGN -o FILE."
        yield problem(
            "writing", f"no file can be made in {folder}: {answer['error']}", advice, writable=False
        )
        return
    yield _locks(answer)
    yield _sync(answer)
    yield _clocks(answer)


def _file_system(folder: Path, answer: dict[str, Any]) -> Finding:
    kind = answer["type"]
    facts = {
        "folder": str(folder),
        "type": kind,
        "mounted_at": answer["mounted_at"],
        "options": answer["options"],
    }
    found = f"{folder} is on {kind} ({answer['mounted_at']})"
    if kind in IN_MEMORY:
        advice = "Results there are gone with the next start of the machine: keep them elsewhere."
        return hint("file system", f"{found}, which is memory", advice, **facts)
    if is_shared(kind):
        return ok("file system", f"{found}, which several machines share", **facts)
    return ok("file system", found, **facts)


def is_shared(kind: str) -> bool:
    """Whether several machines share a file system of that type."""
    return kind.startswith(SHARED)


def _space(answer: dict[str, Any]) -> Finding:
    free, files = answer["free_bytes"], answer["free_files"]
    facts = {"free_bytes": free, "free_files": files}
    amount = f"{free / 1e9:,.1f} GB" if free >= 1e9 else f"{free / MB:,.1f} MB"
    found = f"{amount} are free (a quota may allow less)"
    advice = (
        "A launch reserves its whole file first: `mpi-layout check CAMPAIGN` says how large it is. Make room."
    )
    if free < MB or files == 0:
        what = found if files != 0 else "no file can be added: all inodes are taken"
        return problem("space", what, advice, **facts)
    if free < LEAST_MB * MB:
        return hint("space", found, advice, **facts)
    return ok("space", found, **facts)


def _locks(answer: dict[str, Any]) -> Finding:
    locks = answer["locks"]
    local = [option for option in answer["options"].split(",") if option in LOCAL_LOCKS]
    advice = "Start one launch at a time for a results file, with `mpi-layout run --no-lock`"
    if locks == "not kept":
        return hint(
            "locks",
            "two writers may hold the same lock",
            "Start one launch at a time for a results file.",
            locks=locks,
        )
    if locks != "work":
        advice += ", or keep results elsewhere; those who run a Lustre may mount it with the option flock."
        return problem("locks", f"the file system has none: {locks}", advice, locks=locks)
    if local:
        found = f"they work on this machine only (mount option {local[0]})"
        return hint("locks", found, "Start one launch at a time for a results file.", locks=locks)
    return ok("locks", "they work: two launches cannot write one file", locks=locks)


def _sync(answer: dict[str, Any]) -> Finding:
    took = answer["fsync_s"]
    facts = {"fsync_s": took}
    if answer["fsync_error"]:
        advice = "Have the disk checked: what a launch stores may be lost in a power cut."
        return problem("fsync", f"it fails: {answer['fsync_error']}", advice, **facts)
    if took > SLOW_SYNC_S:
        advice = "Checkpoints will take a while; checkpoint: {interval_s: 300} in a campaign makes them rare."
        return hint("fsync", f"1 MB took {took:.1f} s to be durable", advice, **facts)
    return ok("fsync", f"works: 1 MB is durable in {1000 * took:.0f} ms", **facts)


def _clocks(answer: dict[str, Any]) -> Finding:
    ahead = answer["clock_ahead_s"]
    if abs(ahead) > CLOCKS_APART_S:
        what = f"that of the file system is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
        return hint("clocks", what, "Have both set (NTP).", clock_ahead_s=ahead)
    return ok("clocks", "that of the file system agrees", clock_ahead_s=ahead)
