"""What the lock file beside a results file says: whose it is, and what the launch does now.

It has two lines. The first one, JSON, says who holds the lock; it is written when the lock is taken and stays
as it is, as other ranks know their launch by it. The second one, a CRC-32 and JSON, is a notice for those who
watch, written again and again, in its place: the lock belongs to this very file. Nobody waits for anybody. A
reader who comes while it is being written sees that by the checksum, and looks again.

Anybody may have written anything into such a file. What makes no sense is taken for nothing.
"""

import json
import math
import os
import shlex
import socket
import stat
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from mpi_layout.results.launches import scheduler_id
from mpi_layout.results.locking.notice import Notice
from mpi_layout.results.storage.disk import behind_links

_OWNER_BYTES = 65536
_MOST_BYTES = 4_000_000  # a notice of 100,000 ranks
_LOOKS, _PAUSE_S = 3, 0.002  # at a notice that is being written
_OWNER = {"host": str, "pid": int, "started": float, "scheduler_id": str, "command": str}


def lock_path(path: Path) -> Path:
    """Lock file of the results file `path`: beside the file itself, by whatever link it is given."""
    path = behind_links(path)
    return path.with_name(path.name + ".lock")


def write_owner(descriptor: int, now: float) -> int:
    """Say that this process holds the lock since `now`, s since 1970; give back the bytes of that."""
    owner = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": now,
        "scheduler_id": scheduler_id(),
        "command": shlex.join(sys.argv),
    }
    line = json.dumps(owner).encode() + b"\n"
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, line, 0)
    return len(line)


def read_owner(descriptor: int) -> dict[str, Any]:
    """What the lock file says of its owner; {} if nothing: it may hold the lock and not have written yet."""
    try:
        owner = json.loads(os.pread(descriptor, _OWNER_BYTES, 0).partition(b"\n")[0])
    except (ValueError, RecursionError):
        return {}
    if not isinstance(owner, dict):
        return {}
    told = {name: owner[name] for name, kind in _OWNER.items() if isinstance(owner.get(name), kind)}
    if not math.isfinite(told.get("started", 0.0)):
        del told["started"]
    return told


def lock_owner(path: Path) -> dict[str, Any]:
    """What the lock file of the results file `path` says of its launch, as seen from here; {} if nothing."""
    try:
        descriptor = os.open(lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return {}
    try:
        return read_owner(descriptor)
    finally:
        os.close(descriptor)


def write_notice(descriptor: int, place: int, notice: Notice, least: int) -> int:
    """Write a notice behind the `place` bytes of the owner.

    Parameters
    ----------
    descriptor : int
        Of the lock file.
    place : int
        From `write_owner`.
    notice : Notice
        What to tell.
    least : int
        Bytes of the longest one so far; a shorter one is filled up with spaces, which leaves nothing of it.

    Returns
    -------
    int
        Bytes of the longest one now.
    """
    text = notice.to_json().encode()
    line = (b"%08x " % zlib.crc32(text) + text).ljust(least)
    os.pwrite(descriptor, line + b"\n", place)
    return len(line)


def read_notice(path: Path) -> Notice | None:
    """Last notice of the launch that works on a results file, or of one that was killed; None if none."""
    for _ in range(_LOOKS):
        lines = _content(lock_path(path)).split(b"\n", 2)
        if len(lines) < 3:
            return None
        checksum, _, text = lines[1].partition(b" ")
        text = text.rstrip(b" ")
        if checksum == b"%08x" % zlib.crc32(text):
            return Notice.of(text)
        time.sleep(_PAUSE_S)
    return None


def _content(path: Path) -> bytes:
    """Bytes of a file, none if it is no file, cannot be read or is too long for a lock file."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would keep us waiting
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                data = os.pread(descriptor, _OWNER_BYTES + _MOST_BYTES, 0)
                return data if len(data) < _OWNER_BYTES + _MOST_BYTES else b""
        finally:
            os.close(descriptor)
    return b""
