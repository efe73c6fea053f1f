"""One campaign, one writer: an operating system lock beside the results file.

The lock is held by rank 0 as long as it lives and vanishes with it, however it
dies: a lock file left behind by SIGKILL blocks nobody. A launcher that is killed
may leave its ranks alive and writing; then the lock is rightly still held.

Where the file system has no locks, a launch is refused unless it is told to go on
without (``no_lock``), and then still if another one gave a sign of life just now.
"""

import errno
import fcntl
import logging
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mpi_layout.container import bind_hint
from mpi_layout.errors import InputError
from mpi_layout.results.launches import Launch, read_launches
from mpi_layout.results.locking.lock_file import lock_path, read_owner, write_notice, write_owner
from mpi_layout.results.locking.notice import Notice
from mpi_layout.results.storage.disk import cure, what_failed
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import locate

_log = logging.getLogger(__name__)

_UNSUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}
# What Slurm, PBS Pro and Torque tell the tasks of a job array.
_ARRAY_TASK = ("SLURM_ARRAY_TASK_ID", "PBS_ARRAY_INDEX", "PBS_ARRAYID")
# Where there are no locks, a launch is alive if its last sign of life is younger; it gives one every 10 s.
HEARTBEAT_LIMIT_S = 60.0
# The clock of its node may be another one: if it has come to no end, its signs are waited for this long.
WATCH_S = 25.0


class WriterLock:
    """Right to create and write a results file.

    Parameters
    ----------
    path : Path
        The results file; it need not exist. The lock is PATH.lock.
    clock : callable, optional
        Seconds since 1970.
    wait : callable, optional
        Lets seconds pass.
    no_lock : bool, optional
        Whether to go on where the file system has no locks.

    Raises
    ------
    InputError
        On entering, if another launch holds the lock or the folder does not allow one.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], None] = time.sleep,
        *,
        no_lock: bool = False,
    ) -> None:
        self.path = path
        self.lock_path = lock_path(path)
        self._clock = clock
        self._wait = wait
        self._no_lock = no_lock
        self._descriptor: int | None = None
        self._notice_at: int | None = None
        self._notice_bytes = 0
        self._keeps_name = False
        self.held = False  # or there are no locks here

    def __enter__(self) -> Self:
        self._descriptor = self._acquire()
        try:
            self._notice_at = write_owner(self._descriptor, self._clock())
        except OSError as error:  # a full disk, say; the lock itself needs no space
            _log.warning("%s: cannot say who holds the lock: %s", self.lock_path, what_failed(error))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def share(self) -> None:
        """Let other ranks of this launch hold the lock too, each with a `SharedLock`.

        As long as any of them lives, no other launch gets the lock, whatever has become of this process.

        Raises
        ------
        InputError
            Another launch was quicker: an exclusive lock becomes a shared one by way of none.
        """
        if self._descriptor is None:
            raise ValueError(f"{self.lock_path}: not locked")
        if not self.held:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = read_owner(self._descriptor)
            raise InputError(self._refusal(owner)) from None

    @property
    def owner(self) -> dict[str, Any]:
        """What the lock file says of this launch; other ranks know it by that."""
        return {} if self._descriptor is None else read_owner(self._descriptor)

    def tell(self, notice: Notice) -> None:
        """Write what the launch does for those who watch; where that is impossible they do without it."""
        if self._descriptor is None or self._notice_at is None:
            return
        try:
            self._notice_bytes = write_notice(self._descriptor, self._notice_at, notice, self._notice_bytes)
        except OSError as error:  # a full disk, say
            _log.debug("%s: cannot be written: %s", self.lock_path, what_failed(error))

    def keep_name(self) -> None:
        """Leave the lock file where it is on release: ranks that are still busy may hold it."""
        self._keeps_name = True

    def release(self) -> None:
        """Remove the lock file, then let go of the lock."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            # Removed while held: whoever opened it meanwhile finds that it lost its name, and tries again.
            if not self._keeps_name and self._has_name(descriptor):
                self.lock_path.unlink(missing_ok=True)
        except OSError as error:  # no reason to call a launch failed: left behind, it blocks nobody
            _log.debug("%s: cannot be removed: %s", self.lock_path, what_failed(error))
        finally:
            with suppress(OSError):
                os.close(descriptor)

    def _acquire(self) -> int:
        while True:
            descriptor = self._open()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = read_owner(descriptor)
                os.close(descriptor)
                raise InputError(self._refusal(owner)) from None
            except OSError as error:
                try:
                    self._do_without_lock(descriptor, error)
                except InputError:
                    if not read_owner(descriptor):
                        self.lock_path.unlink(missing_ok=True)  # made just now
                    os.close(descriptor)
                    raise
                return descriptor
            if self._has_name(descriptor):
                self.held = True
                return descriptor
            os.close(descriptor)

    def _open(self) -> int:
        try:
            return os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            raise InputError(
                f"{self.path}: the folder {self.path.parent} does not exist; "
                f"make it, or give another file with -o{bind_hint()}"
            ) from None
        except OSError as error:
            raise InputError(self._not_locked(error)) from error

    def _has_name(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.stat(self.lock_path), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def _do_without_lock(self, descriptor: int, error: OSError) -> None:
        """Go on without a lock if that is asked for and nobody else seems to be alive."""
        if error.errno not in _UNSUPPORTED:
            raise InputError(self._not_locked(error)) from error
        if not self._no_lock:
            raise InputError(
                f"{self.path}: this file system has no locks ({error.strerror}), so nothing keeps a second "
                "launch from writing this file at the same time; if you see to that, go on with --no-lock, "
                "or give an output file on another file system with -o"
            ) from error
        owner = read_owner(descriptor)  # of a launch that lives, or was killed
        if self._alive(owner):
            raise InputError(
                f"{self._refusal(owner)}; without locks a launch that was killed is told from one that lives "
                f"by its silence of {HEARTBEAT_LIMIT_S:.0f} s"
            )
        _log.warning(
            "%s: no lock (%s): take care that no second launch writes this file",
            self.path,
            error.strerror,
        )

    def _alive(self, owner: dict[str, Any]) -> bool:
        launch = _last_launch(self.path)
        signs = [s for s in (owner.get("started"),) if isinstance(s, float)]
        unended = launch is not None and launch.ended is None
        if launch is not None and unended:
            signs.append(launch.heartbeat)
        # A sign from the future comes from another clock, or from one that was wrong.
        if any(abs(self._clock() - sign) < HEARTBEAT_LIMIT_S for sign in signs):
            return True
        if not unended:
            return False
        _log.info("%s: its last launch came to no end; watching it for %.0f s", self.path, WATCH_S)
        self._wait(WATCH_S)
        return _last_launch(self.path) != launch

    def _not_locked(self, error: OSError) -> str:
        return (
            f"{self.path}: cannot be locked: {self.lock_path}: {what_failed(error)}; "
            f"{cure(error)}, or give an output file in a writable folder with -o{bind_hint()}"
        )

    def _refusal(self, owner: dict[str, Any]) -> str:
        advice = "wait for its end, stop it, or give another output file with -o"
        if any(name in os.environ for name in _ARRAY_TASK):
            advice = (
                "each task of a job array is a launch of its own: ask for one job with more ranks instead, "
                "or give each task another output file with -o"
            )
        return f"{_at_work(self.path, owner)}; {advice}"


class SharedLock:
    """A worker's part in the lock of its launch: it keeps others out until this rank is gone, too.

    Parameters
    ----------
    path : Path
        The results file.
    """

    def __init__(self, path: Path) -> None:
        self._path = lock_path(path)
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take part in the lock.

        Raises
        ------
        InputError
            The lock belongs to another launch.
        OSError
            There is no lock file, or it cannot be locked.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise InputError(f"{self._path}: locked by another launch") from None
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def check_idle(path: Path, advice: str) -> None:
    """See that no launch works on a results file; nothing is written, and no lock is kept.

    Parameters
    ----------
    path : Path
        The results file.
    advice : str
        What to do if one does.

    Raises
    ------
    InputError
        Saying which launch works on it.
    """
    try:
        descriptor = _open_to_look(lock_path(path))
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{lock_path(path)}: cannot be read: {what_failed(error)}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ranks that write together share theirs
    except BlockingIOError:
        raise InputError(f"{_at_work(path, read_owner(descriptor))}; {advice}") from None
    except OSError:  # no locks here, or none for who may only read: then a sign of life tells
        last = _last_launch(path)
        silence = math.inf if last is None or last.ended is not None else abs(time.time() - last.heartbeat)
        if silence < HEARTBEAT_LIMIT_S:
            raise InputError(f"{_at_work(path, read_owner(descriptor))}; {advice}") from None
    finally:
        os.close(descriptor)


def _open_to_look(file: Path) -> int:
    """Open a lock file that exists; some file systems give an exclusive lock to writers only."""
    try:
        return os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError:  # not ours, or on a disk that is read-only
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)


def _last_launch(path: Path) -> Launch | None:
    try:
        structure = locate(path)
        with PlainStore(path, structure.extents, writable=False) as store:
            launches = read_launches(store)
    except (InputError, OSError):
        return None  # not there yet, or not readable: the refusal stands without it
    return launches[-1] if launches else None


def _at_work(path: Path, owner: dict[str, Any]) -> str:
    """Say which launch works on a results file."""
    launch = _last_launch(path)
    if not owner and launch is not None:
        owner = {"host": launch.host, "pid": launch.pid, "started": launch.started}
    who = "of unknown host"
    if {"host", "pid", "started"} <= owner.keys():
        who = f"host {owner['host']}, process {owner['pid']}, started {_utc(owner['started'])}"
    job = owner.get("scheduler_id")
    if launch is not None and launch.pid == owner.get("pid"):
        who += f", last heartbeat {_utc(launch.heartbeat)}"
        job = job or launch.scheduler_id
    who += f", job {job}" if job else ""
    return f"{path}: another launch is working on this file ({who})"


def _utc(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(float(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "at an unknown time"
