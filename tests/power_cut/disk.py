"""The disk as a power cut could leave it.

The model is that of a journalling file system such as ext4, made worse where that costs nothing. At the
moment of the cut, after some event of a recording:

* What an fsync of a file covered is there: bytes and size, whichever process wrote them. Nothing else
  of a file is sure; in particular closing, renaming or ending a process makes nothing durable.
* Every other write is there or not, independently of all others, and sector by sector (512 bytes): a sector
  is written whole or not at all, a write may be torn at every border of a sector. That is worse than a page
  cache, which writes the newest bytes of a page: it also stands for several clients of a network file system.
* The size of a file changes on the disk in the order in which it was changed, as far as the disk got.
  Size and bytes are independent: a file may be long without its bytes, which read as zeros then
  (no file system in use shows the former contents of a block), or hold bytes behind its end, which are lost.
* Names change in the order in which they were changed, each change in one step, as far as the disk got; an
  fsync of the folder makes all changes before it durable. Names and contents are independent: a name
  may be there without the bytes of its file, and bytes without a name. (fsync of a new file makes its name
  durable on ext4; POSIX does not promise it, and neither does this disk.)
* fsync tells the truth: a disk that loses its cache after saying that it is empty is beyond every program.

Coins thrown one by one for each sector hardly ever give the extremes, so a state is drawn in one of
several manners, `MANNERS`, that decide which of the writes not synced reach the disk.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from power_cut.recording import Event, Recording, Rename, Resize, Sync, SyncNames, Write

SECTOR = 512  # bytes
PAGE = 8  # sectors

Sectors = Sequence[NDArray[np.int64]]  # of each write, the numbers of its sectors
Reached = list[NDArray[np.bool_]]  # of each write, which of them reach the disk


@dataclass(frozen=True)
class State:
    """What is found after the power is back.

    Attributes
    ----------
    cut : int
        Number of events before the cut.
    manner : str
        In which the writes were chosen.
    names : dict of str to int
        Files by name.
    contents : dict of int to bytes
        Of these files, by number.
    """

    cut: int
    manner: str
    names: dict[str, int]
    contents: dict[int, bytes]

    def files(self) -> dict[str, bytes]:
        """Contents by name."""
        return {name: self.contents[file] for name, file in self.names.items()}


class Disk:
    """The disk of a recording.

    Parameters
    ----------
    recording : Recording
        What was done to it.
    """

    def __init__(self, recording: Recording) -> None:
        self._events = recording.events
        self._names = recording.names
        self._contents = recording.contents

    def cut(self, n_events: int, manner: str, rng: random.Random) -> State:
        """State after a power cut behind the first n events, one of many that are possible."""
        names = self._names_after(n_events, manner, rng)
        contents = {file: self._content_after(n_events, file, manner, rng) for file in set(names.values())}
        return State(n_events, manner, names, contents)

    def undisturbed(self) -> State:
        """What the folder holds in the end, without a power cut."""
        return self.cut(len(self._events), "everything", random.Random(0))

    def sure(self, n_events: int, file: int | None = None) -> int:
        """How many of the first n events are sure to be on the disk: of a file, or (None) of the names."""
        synced = [0]
        for event in self._events[:n_events]:
            ours = isinstance(event, SyncNames) if file is None else _is_of(event, file, Sync)
            if ours:
                synced.append(event.covers)
        return max(synced)

    def _names_after(self, n_events: int, manner: str, rng: random.Random) -> dict[str, int]:
        reached = _reached(manner, self.sure(n_events), n_events, rng)
        names: dict[str, int | None] = dict(self._names)
        for event in self._events[:reached]:
            if isinstance(event, Rename):
                names |= event.names
        return {name: file for name, file in names.items() if file is not None}

    def _content_after(self, n_events: int, file: int, manner: str, rng: random.Random) -> bytes:
        sure = self.sure(n_events, file)
        ours = [
            (k, event)
            for k, event in enumerate(self._events[:n_events])
            if _is_of(event, file, Write | Resize)
        ]
        sized = _reached(manner, sure, n_events, rng)
        loose = [_sectors(event) for k, event in ours if k >= sure and isinstance(event, Write)]
        reached = iter(MANNERS[manner](loose, rng) if loose else [])
        content, size = bytearray(self._contents[file]), len(self._contents[file])
        for k, event in ours:
            if isinstance(event, Resize):
                if k < sized:
                    size = event.size
                    del content[size:]
                continue
            if k < sized:
                size = max(size, event.offset + len(event.data))
            _put(content, event, None if k < sure else next(reached))
        return bytes(content[:size]).ljust(size, b"\0")


def _is_of(event: Event, file: int, kind: type) -> bool:
    return isinstance(event, kind) and event.file == file


def _reached(manner: str, sure: int, n_events: int, rng: random.Random) -> int:
    """How many events have had their effect on the names, or on the size of a file."""
    ends = {"nothing": sure, "everything": n_events}
    return ends[manner] if manner in ends else rng.choice([sure, n_events, rng.randint(sure, n_events)])


def _sectors(write: Write) -> NDArray[np.int64]:
    return np.arange(write.offset // SECTOR, -(-(write.offset + len(write.data)) // SECTOR))


def _put(content: bytearray, write: Write, reached: NDArray[np.bool_] | None) -> None:
    """Put a write into a content, or only those of its sectors that reach the disk."""
    end = write.offset + len(write.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if reached is None or reached.all():
        content[write.offset : end] = write.data
        return
    for sector in _sectors(write)[reached].tolist():
        start, stop = max(sector * SECTOR, write.offset), min((sector + 1) * SECTOR, end)
        content[start:stop] = write.data[start - write.offset : stop - write.offset]


# ---------------------------------------------------------------- what reaches the disk


def _whole(sectors: Sectors, chosen: set[int]) -> Reached:
    return [np.full(part.size, number in chosen) for number, part in enumerate(sectors)]


def _coins(part: NDArray[np.int64], chance: float, rng: random.Random) -> NDArray[np.bool_]:
    return np.array([rng.random() < chance for _ in range(part.size)], bool)


def _nothing(sectors: Sectors, rng: random.Random) -> Reached:
    return _whole(sectors, set())


def _everything(sectors: Sectors, rng: random.Random) -> Reached:
    return _whole(sectors, set(range(len(sectors))))


def _in_order(sectors: Sectors, rng: random.Random) -> Reached:
    """The oldest ones, and one torn."""
    last = rng.randrange(len(sectors))
    reached = _whole(sectors, set(range(last)))
    reached[last] = _coins(sectors[last], 0.5, rng)
    return reached


def _newest(sectors: Sectors, rng: random.Random) -> Reached:
    """Only the newest ones: the disk wrote in the opposite order."""
    return _whole(sectors, set(range(rng.randrange(len(sectors)), len(sectors))))


def _all_but_one(sectors: Sectors, rng: random.Random) -> Reached:
    return _whole(sectors, set(range(len(sectors))) - {rng.randrange(len(sectors))})


def _one(sectors: Sectors, rng: random.Random) -> Reached:
    return _whole(sectors, {rng.randrange(len(sectors))})


def _writes(sectors: Sectors, rng: random.Random) -> Reached:
    """Any of them, whole."""
    chance = rng.choice([0.1, 0.5, 0.9])
    return _whole(sectors, {k for k in range(len(sectors)) if rng.random() < chance})


def _torn(sectors: Sectors, rng: random.Random) -> Reached:
    """Any sectors of any of them."""
    chance = rng.choice([0.1, 0.5, 0.9, 0.99])
    return [_coins(part, chance, rng) for part in sectors]


def _pages(sectors: Sectors, rng: random.Random) -> Reached:
    """Every page of the file as it was at some moment: a page cache that was being written back."""
    pages = sorted({int(page) for part in sectors for page in np.unique(part // PAGE)})
    moments = {page: rng.randint(0, len(sectors)) for page in pages}
    return [
        np.array([k < moments[page] for page in (part // PAGE).tolist()], bool)
        for k, part in enumerate(sectors)
    ]


MANNERS: dict[str, Callable[[Sectors, random.Random], Reached]] = {
    "nothing": _nothing,
    "everything": _everything,
    "in order": _in_order,
    "newest": _newest,
    "all but one": _all_but_one,
    "one": _one,
    "writes": _writes,
    "torn": _torn,
    "pages": _pages,
}
