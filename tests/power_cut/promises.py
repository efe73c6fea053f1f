"""What the rows of a results file may be after a power cut, from what was written into it.

The value of a row after every event is read from the recorded bytes, as if nothing had ever been lost: the
bytes of a committed row, or None while it waits. After a cut a row may have the value that was synced
last, or one that it had after that: nothing older, nothing mixed. A launch that has ended in order
promises that everything is synced, whether it has called fsync or not.
"""

from bisect import bisect_right
from pathlib import Path

import numpy as np
from power_cut.disk import Disk
from power_cut.recording import Recording, Resize, Write

from mpi_layout.results.storage.row import is_committed, row_dtype
from mpi_layout.results.storage.schema import ROW_COLUMNS
from mpi_layout.results.storage.structure import locate


class Promises:
    """What is promised about the rows of one results file.

    Parameters
    ----------
    recording : Recording
        Complete.
    file : int
        Number of the results file.
    scratch : Path
        A folder for a copy of it.
    ended : list of int
        Numbers of events after which a launch had ended in order.
    """

    def __init__(self, recording: Recording, file: int, scratch: Path, ended: list[int]) -> None:
        self.file = file
        self._disk = Disk(recording)
        self._ended = ended
        copy = scratch / f"file-{file}.h5"
        copy.write_bytes(self._disk.undisturbed().contents[file])
        structure = locate(copy)
        self._extents = structure.extents
        self._dtype = row_dtype(structure.n_turbines_max)
        # Of each row, in step: the numbers of events since which it has a value, and the values.
        self._since = [[0] for _ in range(structure.n_configs)]
        self._values: list[list[bytes | None]] = [[None] for _ in range(structure.n_configs)]
        self._follow(recording)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self._since)

    def values(self, row: int, n_events: int) -> set[bytes | None]:
        """What a row may be after a power cut behind the first n events."""
        synced = max([self._disk.sure(n_events, self.file), *(end for end in self._ended if end <= n_events)])
        first, last = (bisect_right(self._since[row], moment) for moment in (synced, n_events))
        return set(self._values[row][first - 1 : last])

    def _follow(self, recording: Recording) -> None:
        content = bytearray(recording.contents[self.file])
        self._note(0, content, range(len(self._since)))
        for number, event in enumerate(recording.events):
            if isinstance(event, Resize) and event.file == self.file:
                del content[event.size :]
            elif isinstance(event, Write) and event.file == self.file:
                content.extend(bytes(max(0, event.offset + len(event.data) - len(content))))
                content[event.offset : event.offset + len(event.data)] = event.data
                self._note(number + 1, content, self._rows_of(event))

    def _rows_of(self, write: Write) -> set[int]:
        """Numbers of the rows that a write touches."""
        rows: set[int] = set()
        for extent in (self._extents[column.name] for column in ROW_COLUMNS):
            start, stop = max(write.offset, extent.offset), min(write.offset + len(write.data), extent.end)
            if start < stop:
                first, last = ((at - extent.offset) // extent.item_bytes for at in (start, stop - 1))
                rows |= set(range(first, last + 1))
        return rows

    def _note(self, moment: int, content: bytearray, rows: set[int] | range) -> None:
        end = max(extent.end for extent in self._extents.values())
        if len(content) < end:
            return  # not laid out yet
        for row in rows:
            value = self._value(content, row)
            if value != self._values[row][-1]:
                self._since[row].append(moment)
                self._values[row].append(value)

    def _value(self, content: bytearray, number: int) -> bytes | None:
        row = np.zeros(1, self._dtype)
        for name in self._dtype.names or ():
            extent = self._extents[name]
            start = extent.offset + number * extent.item_bytes
            raw = content[start : start + extent.item_bytes]
            row[name] = np.frombuffer(raw, extent.dtype).reshape(row[name].shape)
        return row.tobytes() if is_committed(row).all() else None
