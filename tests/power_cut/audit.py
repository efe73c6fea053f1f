"""What the recording of launches must show in which all ranks write one results file.

That results survive simulated power cuts does not say why. On a network file system the fsync of one client
says nothing of what another one wrote, so every process must sync what it wrote itself.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from power_cut.disk import Disk
from power_cut.recording import Recording, Rename, Resize, Sync, Write

from mpi_layout.results.storage.row import Status
from mpi_layout.results.storage.schema import ROW_COLUMNS
from mpi_layout.results.storage.structure import Extent, locate

*DATA, STATUS, CHECKSUM = (column.name for column in ROW_COLUMNS)
STORED = (CHECKSUM, *DATA, STATUS)
CLEARED = (STATUS, *DATA, CHECKSUM)


class Audit:
    """Looks at the recorded writes of one results file, from the moment when it has its name.

    Parameters
    ----------
    recording : Recording
        Complete.
    name : str
        Of the results file.
    scratch : Path
        A folder for a copy of it.
    ended : list of int
        Numbers of events after which a launch had ended; process numbers are told apart by launch.

    Attributes
    ----------
    tally : Counter
        What was seen.
    writers : list of set of int
        Of each launch, the processes that stored rows.
    """

    def __init__(self, recording: Recording, name: str, scratch: Path, ended: list[int]) -> None:
        state = Disk(recording).undisturbed()
        self._file = state.names[name]
        copy = scratch / "audited.h5"
        copy.write_bytes(state.contents[self._file])
        self._extents = locate(copy).extents
        self._recording = recording
        self.tally: Counter[str] = Counter()
        self.writers: list[set[int]] = []
        named = [k for k, e in enumerate(recording.events) if isinstance(e, Rename) and name in e.names]
        self._launches = list(zip([named[-1] if named else 0, *ended], ended, strict=False))

    def check(self) -> None:
        """Raise AssertionError if a launch broke the protocol."""
        self._check_structure()
        for start, stop in self._launches:
            self._check_syncs(start, stop)
            self._check_rows(start, stop)

    def _ours(self, start: int, stop: int, kind: type) -> Iterator[tuple[int, Write | Sync | Resize]]:
        for k in range(start, stop):
            event = self._recording.events[k]
            if isinstance(event, kind) and event.file == self._file:
                yield k, event

    def _place(self, write: Write) -> tuple[str, Extent] | None:
        """Dataset that a write lies in as a whole."""
        end = write.offset + len(write.data)
        inside = ((n, e) for n, e in self._extents.items() if e.offset <= write.offset and end <= e.end)
        return next(inside, None)

    def _check_structure(self) -> None:
        """No size changes, and what lies outside the datasets is written only as it was."""
        begun = self._launches[0][0]
        content = bytearray(self._recording.contents[self._file])
        for k, event in self._ours(0, len(self._recording.events), Write | Resize):
            if isinstance(event, Resize):
                assert k < begun or event.size == len(content), f"event {k} changes the size to {event.size}"
                content = content[: event.size].ljust(event.size, b"\0")
                self.tally["truncations to the same size"] += k >= begun
                continue
            end = event.offset + len(event.data)
            if k >= begun and self._place(event) is None:
                assert content[event.offset : end] == event.data, f"event {k} changes bytes at {event.offset}"
                self.tally["the same bytes outside datasets"] += 1
            content.extend(bytes(max(0, end - len(content))))
            content[event.offset : end] = event.data

    def _check_syncs(self, start: int, stop: int) -> None:
        """Every process has synced by itself what it wrote, but for bytes that were there before."""
        last: dict[int, int] = {}
        for k, event in self._ours(start, stop, Write):
            if self._place(event) is not None:
                last[event.by] = k
        for process, k in last.items():
            syncs = [e for _, e in self._ours(k, stop, Sync) if e.by == process and e.covers > k]
            assert syncs, f"process {process} never synced its last write, event {k}"
            self.tally["processes that synced their last write"] += 1

    def _check_rows(self, start: int, stop: int) -> None:
        """Each row is stored by one process, or emptied, column by column in the order of the protocol."""
        written: dict[tuple[int, int], list[tuple[str, bytes]]] = {}
        for _, event in self._ours(start, stop, Write):
            name, extent = self._place(event) or ("", None)
            if extent is None or name not in STORED:
                continue
            size = extent.item_bytes
            first, rest = divmod(event.offset - extent.offset, size)
            n_rows, rest_too = divmod(len(event.data), size)
            assert (rest, rest_too) == (0, 0), f"{name} of row {first} in pieces"
            for k in range(n_rows):  # rows of adjacent configs are written together
                data = event.data[k * size : (k + 1) * size]
                written.setdefault((event.by, first + k), []).append((name, data))
        writers = set()
        for (process, row), steps in written.items():
            if self._check_steps(process, row, steps):
                writers.add(process)
        self.writers.append(writers)

    def _check_steps(self, process: int, row: int, steps: list[tuple[str, bytes]]) -> bool:
        """Whether the process has stored the row."""
        names, k, stored = [name for name, _ in steps], 0, False
        waiting = int(Status.WAITING)
        while k < len(names):
            part = tuple(names[k : k + len(STORED)])
            status = dict(steps[k : k + len(part)]).get(STATUS)
            if part == STORED and status is not None and int.from_bytes(status, "little") != waiting:
                self.tally["rows stored in order"] += 1
                stored = True
            elif part == CLEARED and status is not None and int.from_bytes(status, "little") == waiting:
                self.tally["rows emptied in order"] += 1
            else:
                assert names[k] == "attempts", f"process {process} wrote row {row} in the order {names}"
                self.tally["attempts noted"] += 1
                k += 1
                continue
            k += len(STORED)
        return stored
