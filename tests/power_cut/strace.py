"""The system calls of a process tree that can change a folder, as strace writes them down.

Every string is asked for in hexadecimal and in full, so that no quote, comma or bracket of the data
can be mistaken for one of strace's own. A call that another process interrupts stands in two lines,
"<unfinished ...>" and "<... resumed>": it takes effect somewhere in between, and is reported at its end.
"""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OPENING = ("open", "openat", "creat")
DUPLICATING = ("dup", "dup2", "dup3", "fcntl")
WRITING = ("write", "writev", "pwrite64", "pwritev", "pwritev2")
SIZING = ("ftruncate", "fallocate")
SYNCING = ("fsync", "fdatasync")
NAMING = ("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat")
FORKING = ("clone", "clone3", "fork", "vfork")
REFUSED = ("io_submit", "io_uring_setup", "sendfile", "copy_file_range", "splice")
OTHERS = ("lseek", "chdir", "mmap")
CALLS = (*OPENING, *DUPLICATING, *WRITING, *SIZING, *SYNCING, *NAMING, *FORKING, *REFUSED, *OTHERS)

_ENDED = re.compile(r"(\w+)\((.*)\) += (\?|-?\d+|0x[0-9a-f]+)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
_UNFINISHED = " <unfinished ...>"


@dataclass(frozen=True)
class Call:
    """A system call that has ended well.

    `arguments` are strace's texts, `result` is the kernel's; `begun` counts the calls that had been
    reported when this one began.
    """

    pid: int
    name: str
    arguments: list[str]
    result: int
    begun: int


def strace(trace: Path, *, inject: str | None = None) -> list[str]:
    """Command in front of a command that is to be traced.

    Parameters
    ----------
    trace : Path
        Where strace writes.
    inject : str, optional
        A fault, as strace's own option has it: "fsync:signal=SIGKILL:when=2" kills before the second fsync.
    """
    if shutil.which("strace") is None:
        raise FileNotFoundError("the simulated power cuts need strace: apt-get install strace")
    command = ["strace", "-f", "-qq", "-y", "-xx", "-s", str(10**8), "-o", str(trace)]
    command += ["-e", f"trace={','.join(CALLS)}"]
    if inject is None:
        command += ["--seccomp-bpf"]  # all other calls at full speed; but no signal can be injected with it
    else:
        command += ["-e", f"inject={inject}"]
    return command


def read_calls(trace: Path) -> Iterator[Call]:
    """Calls that ended well, in the order in which they ended."""
    begun: dict[int, tuple[str, int]] = {}
    n_reported = 0
    with open(trace, encoding="latin-1") as lines:
        for line in lines:
            pid, text = line.rstrip("\n").split(maxsplit=1)
            if text.endswith(_UNFINISHED):
                begun[int(pid)] = text.removesuffix(_UNFINISHED), n_reported
                continue
            head, since = "", n_reported
            if resumed := _RESUMED.match(text):
                head, since = begun.pop(int(pid))
                text = text[resumed.end() :]
            call = _call(int(pid), head + text, since)
            if call is not None:
                n_reported += 1
                yield call


def _call(pid: int, text: str, begun: int) -> Call | None:
    match = _ENDED.match(text)
    if match is None or match[3] == "?" or int(match[3], 0) < 0 or text.endswith("(INJECTED)"):
        return None  # a signal, or a call that failed, that its process did not survive, or that never was
    # No string has a comma, as all are hexadecimal; structures are split, which nobody minds.
    return Call(pid, match[1], match[2].split(", "), int(match[3], 0), begun)


def strings(argument: str) -> bytes:
    r"""Bytes of every string in an argument, joined: `"\x61"` or `[{iov_base="\x61", iov_len=1}, ...`."""
    if '"...' in argument:
        raise ValueError("strace has cut off the data of a call")
    return b"".join(_unhex(text) for text in re.findall(r'"([^"]*)"', argument))


def file_of(argument: str) -> tuple[int, str]:
    """Number and path of a file descriptor: `3</path>`, where the path is hexadecimal; AT_FDCWD is -100."""
    number, _, path = argument.partition("<")
    return -100 if number == "AT_FDCWD" else int(number), os.fsdecode(_unhex(path.partition(">")[0]))


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
