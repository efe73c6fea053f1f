"""Everything that changes the files of one folder while real programs run in it.

A recording follows names, files and descriptors as the kernel does: two names may belong to one file,
a file outlives its name, descriptors are inherited, duplicated and shared by threads. So several processes
may write one file. What `Disk.undisturbed` makes of it must be what the folder holds in the end.

Not seen: files in subfolders, and `read` moving the position of a later plain `write`. Refused: writing
through mmap, asynchronous writing, and copying from file to file inside the kernel.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from power_cut import strace as calls
from power_cut.strace import Call, file_of, read_calls, strings


@dataclass(frozen=True)
class Write:
    """Bytes written into file number `file` by a process, longer afterwards if they end behind its end."""

    file: int
    offset: int
    data: bytes
    by: int = 0


@dataclass(frozen=True)
class Resize:
    """A new size of a file: truncated, or prolonged with zeros."""

    file: int
    size: int


@dataclass(frozen=True)
class Sync:
    """An fsync of a file that has returned; it covers the events before number `covers`, whoever wrote."""

    file: int
    covers: int
    by: int = 0


@dataclass(frozen=True)
class Rename:
    """Names that come to belong to another file, or to none (None), in one step."""

    names: dict[str, int | None]


@dataclass(frozen=True)
class SyncNames:
    """An fsync of the folder."""

    covers: int


Event = Write | Resize | Sync | Rename | SyncNames


@dataclass
class _Opened:
    """An open file description: shared by all duplicates of a descriptor."""

    file: int
    appends: bool
    position: int = 0


@dataclass
class _Process:
    """What a process has open in the folder, by descriptor, and where it is; threads have its number."""

    number: int
    folder: str
    opened: dict[int, _Opened] = field(default_factory=dict)


class Recording:
    """Events in a folder, over as many launches as are added.

    Parameters
    ----------
    folder : Path
        What it holds now is durable, and the recording's beginning.

    Attributes
    ----------
    contents : list of bytes
        By number of the file, what it held at the beginning.
    names : dict of str to int
        Files by name, at the beginning.
    events : list of Event
        In order.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        found = sorted(path for path in self.folder.iterdir() if path.is_file())
        self.names = {path.name: number for number, path in enumerate(found)}
        self.contents = [path.read_bytes() for path in found]
        self.events: list[Event] = []
        self._current = dict(self.names)
        self._sizes = [len(content) for content in self.contents]

    def add(self, trace: Path) -> None:
        """Add what a traced command did; it was started in the folder."""
        _Reader(self, trace).read()

    def note(self, event: Event) -> None:
        """Add an event, and keep names and sizes up to date."""
        self.events.append(event)
        if isinstance(event, Write):
            self._sizes[event.file] = max(self._sizes[event.file], event.offset + len(event.data))
        elif isinstance(event, Resize):
            self._sizes[event.file] = event.size
        elif isinstance(event, Rename):
            for name, file in event.names.items():
                self._current.pop(name, None)
                if file is not None:
                    self._current[name] = file

    def file(self, name: str) -> int | None:
        """Number of the file that has a name now."""
        return self._current.get(name)

    def size(self, file: int) -> int:
        """Size of a file now, bytes."""
        return self._sizes[file]

    def new_file(self) -> int:
        """Number of a new, empty file."""
        self.contents.append(b"")
        self._sizes.append(0)
        return len(self.contents) - 1


class _Reader:
    """Turns the calls of one trace into events."""

    def __init__(self, recording: Recording, trace: Path) -> None:
        self._recording = recording
        self._folder = str(recording.folder)
        self._calls = list(read_calls(trace))
        # A child may be seen at work before the call that made it has ended.
        self._parents = {call.result: call for call in self._calls if call.name in calls.FORKING}
        self._processes: dict[int, _Process] = {}
        self._n_events = [len(recording.events)]  # before the first call, after each

    def read(self) -> None:
        for call in self._calls:
            self._take(call)
            self._n_events.append(len(self._recording.events))

    def _take(self, call: Call) -> None:
        process = self._process(call.pid)
        if call.name in calls.OPENING:
            self._open(process, call)
        elif call.name in calls.DUPLICATING:
            self._duplicate(process, call)
        elif call.name in calls.FORKING:
            self._process(call.result)
        elif call.name in calls.NAMING:
            self._rename(process, call)
        elif call.name == "chdir":
            process.folder = os.path.normpath(
                os.path.join(process.folder, strings(call.arguments[0]).decode())
            )
        elif call.name == "mmap":
            self._refuse_shared_mapping(call)
        elif call.name in calls.REFUSED:
            self._refuse_other_ways(call)
        elif self._is_here(call.arguments[0]):
            self._use(process, call)

    def _process(self, pid: int) -> _Process:
        if pid not in self._processes:
            self._processes[pid] = self._born(pid, self._parents.get(pid))
        return self._processes[pid]

    def _born(self, pid: int, birth: Call | None) -> _Process:
        if birth is None:
            return _Process(pid, self._folder)
        parent = self._process(birth.pid)
        if any("CLONE_FILES" in argument for argument in birth.arguments):
            return parent  # a thread
        return _Process(pid, parent.folder, dict(parent.opened))

    # ------------------------------------------------------------ names

    def _name(self, process: _Process, folder: str, argument: str) -> str | None:
        """Name in the folder that a path stands for; None if it lies elsewhere."""
        start = process.folder if folder.startswith("AT_FDCWD") else file_of(folder)[1]
        path = os.path.normpath(os.path.join(start, strings(argument).decode()))
        parent, name = os.path.split(path)
        return name if parent == self._folder else None

    def _names(self, process: _Process, call: Call) -> list[str | None]:
        """Names that the paths of a call stand for; in calls like linkat a folder is before each path."""
        n_paths = 1 if call.name.startswith("unlink") else 2
        if call.name.removesuffix("2").endswith("at"):
            folders, paths = call.arguments[0 : 2 * n_paths : 2], call.arguments[1 : 2 * n_paths : 2]
        else:
            folders, paths = ["AT_FDCWD"] * n_paths, call.arguments
        return [self._name(process, *pair) for pair in zip(folders, paths, strict=True)]

    def _rename(self, process: _Process, call: Call) -> None:
        names = self._names(process, call)
        if call.name.startswith("unlink"):
            changes = {names[0]: None}
        else:
            source, target = names
            if (source is None) != (target is None):
                raise NotImplementedError(f"{call.name} in or out of the folder")
            changes = {target: self._recording.file(source)} if source is not None else {}
            if call.name.startswith("rename"):
                changes = {source: None, **changes}
        changes = {name: file for name, file in changes.items() if name is not None}
        if changes:
            self._recording.note(Rename(changes))

    # ------------------------------------------------------------ descriptors

    def _open(self, process: _Process, call: Call) -> None:
        folder, *arguments = call.arguments if call.name == "openat" else ("AT_FDCWD", *call.arguments)
        name = self._name(process, folder, arguments[0])
        flags = "O_CREAT|O_TRUNC" if call.name == "creat" else arguments[1]
        if name is None or "O_DIRECTORY" in flags:
            return
        file = self._recording.file(name)
        if file is None:
            if "O_CREAT" not in flags:
                return  # a subfolder
            file = self._recording.new_file()
            self._recording.note(Rename({name: file}))
        elif "O_TRUNC" in flags:
            self._recording.note(Resize(file, 0))
        process.opened[call.result] = _Opened(file, "O_APPEND" in flags)

    def _duplicate(self, process: _Process, call: Call) -> None:
        if call.name == "fcntl" and not call.arguments[1].startswith("F_DUPFD"):
            return
        if self._is_here(call.arguments[0]):
            process.opened[call.result] = process.opened[file_of(call.arguments[0])[0]]

    def _is_here(self, argument: str) -> bool:
        """Whether a descriptor is of a file of the folder, or of the folder itself.

        strace says so, so that a number closed and used again for a pipe, say, needs no attention.
        """
        path = file_of(argument)[1]
        return path == self._folder or os.path.dirname(path) == self._folder

    def _refuse_shared_mapping(self, call: Call) -> None:
        _, _, protection, flags, descriptor, _ = call.arguments
        if "PROT_WRITE" in protection and "MAP_SHARED" in flags and self._is_here(descriptor):
            raise NotImplementedError(
                f"{file_of(descriptor)[1]} is written through mmap, which strace cannot see"
            )

    def _refuse_other_ways(self, call: Call) -> None:
        """Refuse ways to write that are not followed; asynchronous ones do not say which file they write."""
        target = {"sendfile": 0, "copy_file_range": 2, "splice": 2}.get(call.name)
        if target is None or self._is_here(call.arguments[target]):
            raise NotImplementedError(f"{call.name} may write a file, and is not followed")

    # ------------------------------------------------------------ contents

    def _use(self, process: _Process, call: Call) -> None:
        number, path = file_of(call.arguments[0])
        if path == self._folder:
            if call.name in calls.SYNCING:
                self._recording.note(SyncNames(self._covers(call)))
            return
        opened = process.opened[number]
        if call.name in calls.SYNCING:
            self._recording.note(Sync(opened.file, self._covers(call), process.number))
        elif call.name == "lseek":
            opened.position = call.result
        elif call.name in calls.WRITING:
            self._write(process, opened, call)
        else:
            self._resize(opened, call)

    def _covers(self, call: Call) -> int:
        return self._n_events[call.begun]

    def _write(self, process: _Process, opened: _Opened, call: Call) -> None:
        if call.name.startswith("p"):
            offset = int(call.arguments[-2 if call.name == "pwritev2" else -1])
        else:
            offset = self._recording.size(opened.file) if opened.appends else opened.position
            opened.position = offset + call.result
        data = strings(", ".join(call.arguments[1:]))[: call.result]
        self._recording.note(Write(opened.file, offset, data, process.number))

    def _resize(self, opened: _Opened, call: Call) -> None:
        size = self._recording.size(opened.file)
        if call.name == "ftruncate":
            self._recording.note(Resize(opened.file, int(call.arguments[1])))
        elif call.name == "fallocate" and call.arguments[1] in ("0", "FALLOC_FL_KEEP_SIZE"):
            end = int(call.arguments[2]) + int(call.arguments[3])
            if call.arguments[1] == "0" and end > size:
                self._recording.note(Resize(opened.file, end))
        else:
            raise NotImplementedError(f"{call.name}({', '.join(call.arguments)})")
