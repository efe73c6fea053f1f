"""How ranks talk: the one door to MPI, and the ways to wait behind it.

One message opens the launch (a JSON text for all); after that the manager sends some
integers and a worker answers with bytes: of sealed rows, of briefs about rows that
it has written itself, or of a text. No object is pickled. Nobody blocks: a rank with
nothing to do looks for messages and sleeps a little longer each time, so that the cores
belong to the configs, and signal handlers run. A worker looks for messages between two configs.

Where the MPI can lose a rank (Open MPI's `mpirun --with-ft ulfm`), a rank that died
shows as an error of class MPI_ERR_PROC_FAILED in whatever call comes next; elsewhere
the launcher ends the whole launch. A broadcast or a gather fails as a whole there, on some
ranks and not on others, so each rank is told by itself, and asked.
"""

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import mpi4py
import numpy as np

from mpi_layout.parallel.last_resort import exit_after, flush_streams

mpi4py.rc.threads = False
mpi4py.rc.initialize = False  # an h5py built with MPI imports it in programs that are no ranks
mpi4py.rc.finalize = True
with warnings.catch_warnings():  # of another launcher; `join` refuses it with words of its own
    warnings.simplefilter("ignore")
    from mpi4py import MPI

__all__ = ["MPI"]  # the rest is used as talk.something

# Tags to a worker: [attempts, number, number, ...], [exit code, how], [], []
CONFIGS, LEAVE, SYNC, DROP = 1, 2, 3, 4
ROWS, STORED, DIED, DROPPED, BUG, DISK, SYNCED = 5, 6, 7, 8, 9, 10, 11  # tags to the manager
ALIVE = 12  # both ways, empty: a worker's sign of life, and the answer
# To the manager, empty: nothing comes behind it. A message that nobody has received, such as a sign of life,
# is an error of MPI_Finalize to MPICH.
LAST = 13
OPENING = 14  # both ways, where ranks may be lost: what is broadcast and gathered elsewhere
MEMORY = 15  # to the manager, as BUG and DISK
# How to leave: all together; alone, as some ranks are gone; together, unless one dies at the last moment; by
# rank 0's MPI_Abort, as some are busy: one that left before would make launchers give another exit code.
TOGETHER, ALONE, GUARDED, ABORTED = 0, 1, 2, 3
FIRST_NAP_S, LONGEST_NAP_S = 1e-4, 1e-3
# MPI moves a message on a step with each look: with one look per nap a reply took 2.7 ms, with two 0.7 ms.
LOOKS = 3
LEAVE_S = 20.0  # for the last words and MPI_Finalize, where a rank may die in the middle of them
TEXT_BYTES = 512
_DEATHS = {MPI.ERR_PROC_FAILED, MPI.ERR_PROC_FAILED_PENDING, MPI.ERR_REVOKED}


def may_lose_ranks() -> bool:
    """Whether the launch goes on when a rank dies; Open MPI's launcher says so in the environment."""
    return os.environ.get("OMPI_MCA_mpi_ft_enable") == "1"  # noqa: SIM112  its real name


def start() -> None:
    """Initialise MPI, once."""
    if not MPI.Is_initialized():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MPI.Init()


def leave_at_once(code: int) -> None:
    """End this process without a word to MPI."""
    flush_streams()
    os._exit(code)


def leave_in_time(code: int) -> None:
    """End this process soon, whatever it waits for: MPI waits for ever for a rank that has died."""
    exit_after(LEAVE_S, code)


def leave_guarded(code: int) -> None:
    """Part from the other ranks, one of which may die at this very moment: all work is done and stored."""
    try:
        MPI.Finalize()
    except MPI.Exception:
        leave_at_once(code)


class Nap:
    """Sleep between two looks for a message: short after the last one, then longer."""

    def __init__(self) -> None:
        self._seconds = FIRST_NAP_S
        self._since = time.monotonic()

    def sleep(self) -> None:
        """Give the core away for a moment."""
        time.sleep(self._seconds)
        self._seconds = min(1.5 * self._seconds, LONGEST_NAP_S)

    def reset(self) -> None:
        """Note that a message came."""
        self._seconds = FIRST_NAP_S
        self._since = time.monotonic()

    @property
    def silence(self) -> float:
        """Seconds since the last message."""
        return time.monotonic() - self._since


class Launcher:
    """The process that started this one; when it is gone, nobody will hear how the launch ended."""

    def __init__(self) -> None:
        self._parent = os.getppid()

    @property
    def gone(self) -> bool:
        """Whether it has died."""
        return os.getppid() != self._parent


def wait(request: MPI.Request) -> None:
    """Wait for a request, asleep most of the time."""
    nap = Nap()
    while not any(request.Test() for _ in range(LOOKS)):
        nap.sleep()


def message_there(comm: MPI.Comm, status: MPI.Status, source: int = MPI.ANY_SOURCE) -> bool:
    """Whether a message has come in."""
    return any(comm.Iprobe(source, MPI.ANY_TAG, status) for _ in range(LOOKS))


def receive(comm: MPI.Comm, status: MPI.Status) -> bytes:
    """Take the message that `message_there` found."""
    data = bytearray(status.Get_count(MPI.BYTE))
    comm.Recv([data, MPI.BYTE], status.Get_source(), status.Get_tag())
    return bytes(data)


def broadcast(comm: MPI.Comm, data: bytes = b"") -> bytes:
    """Rank 0's `data`, on every rank; nobody spins while rank 0 is still reading files."""
    if may_lose_ranks():
        return _hear(comm) if comm.rank else _tell_each(comm, data)
    length = np.array([len(data)], np.int64)
    wait(comm.Ibcast(length))
    buffer = bytearray(data or int(length[0]))
    wait(comm.Ibcast([buffer, MPI.BYTE]))
    return bytes(buffer)


def gather_texts(comm: MPI.Comm, text: str) -> list[str]:
    """A short text of every rank, on rank 0, that of a dead one empty; the others get nothing."""
    own = np.zeros(TEXT_BYTES, np.uint8)
    encoded = np.frombuffer(text.encode()[:TEXT_BYTES], np.uint8)
    own[: encoded.size] = encoded
    every = np.zeros((comm.size if comm.rank == 0 else 0, TEXT_BYTES), np.uint8)  # (rank, byte)
    if not may_lose_ranks():
        wait(comm.Igather(own, every))
    elif comm.rank:
        wait(comm.Isend(own, 0, OPENING))
    else:
        every[0] = own
        for rank in range(1, comm.size):
            with despite_deaths():
                wait(comm.Irecv(every[rank], rank, OPENING))
    return [row.tobytes().rstrip(b"\0").decode("utf-8", "replace") for row in every]


def _tell_each(comm: MPI.Comm, data: bytes) -> bytes:
    requests = []
    for rank in range(1, comm.size):
        with despite_deaths():
            requests.append(comm.Isend([data, MPI.BYTE], rank, OPENING))
    for request in requests:
        with despite_deaths():
            wait(request)
    return data


def _hear(comm: MPI.Comm) -> bytes:
    nap, status = Nap(), MPI.Status()
    while not message_there(comm, status, source=0):
        nap.sleep()
    return receive(comm, status)


@contextmanager
def despite_deaths() -> Iterator[None]:
    """Go on behind the block if the rank that it talks to has died."""
    try:
        yield
    except MPI.Exception as error:
        if not is_death(error):
            raise


def is_death(error: MPI.Exception) -> bool:
    """Whether an error says that a rank has died."""
    return error.Get_error_class() in _DEATHS


def deaths(comm: MPI.Comm) -> list[int]:
    """Ranks that have died, all so far; after this, messages of the others are received again."""
    failed = comm.Get_failed()
    comm.Ack_failed(failed.size)
    return MPI.Group.Translate_ranks(failed, list(range(failed.size)), comm.group)
