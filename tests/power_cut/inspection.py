"""What must hold for every state of the disk: what the user does next works, no row is lost or made up."""

import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
from power_cut.disk import Disk, State
from power_cut.promises import Promises
from power_cut.recording import Recording, Write

from mpi_layout import cli
from mpi_layout.__main__ import main as program
from mpi_layout.compare.diff import diff
from mpi_layout.results.file import Results, WriterLock, open_reader, open_writer
from mpi_layout.results.verify import verify


class Inspector:
    """Looks at states of one recording.

    Parameters
    ----------
    recording : Recording
        Complete.
    ended : list of int
        Numbers of events after which a launch had ended in order.
    name : str
        Of the results file.
    scratch : Path
        An empty folder.

    Attributes
    ----------
    tally : Counter
        What was seen.
    """

    def __init__(self, recording: Recording, ended: list[int], name: str, scratch: Path) -> None:
        self.name = name
        self.folder = scratch / "found"
        self.tally: Counter[str] = Counter()
        names = Disk(recording).undisturbed().names
        files = {file for name, file in names.items() if name.endswith(".h5")}
        self._promises = [Promises(recording, file, scratch, ended) for file in files]

    def look(self, state: State) -> None:
        """Write a state into `folder`, and check it.

        Raises
        ------
        AssertionError
            Something is lost, or made up.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name, content in state.files().items():
            (self.folder / name).write_bytes(content)
        self.tally["states"] += 1
        for promises in self._promises:
            self._look_at_file(promises, state)
        if self.name not in state.names:
            self.tally["no file yet"] += 1

    def _look_at_file(self, promises: Promises, state: State) -> None:
        """Find a results file under any name but that of its creation, and its rows in it."""
        found = [name for name, file in state.names.items() if file == promises.file and name[0] != "."]
        if not found:
            lost = [row for row in range(promises.n_rows) if None not in promises.values(row, state.cut)]
            assert not lost, f"no name leads to the promised rows {lost}"
        for name in found:
            results = open_reader(self.folder / name)
            self._look_at_rows(results, promises, state.cut)
            self._use(results)

    def _look_at_rows(self, results: Results, promises: Promises, cut: int) -> None:
        for number, row in enumerate(results.rows):
            value = row.tobytes() if results.committed[number] else None
            allowed = promises.values(number, cut)
            promised = None not in allowed
            assert value in allowed, f"row {number} (promised: {promised}) is {row}"
            self.tally["rows promised"] += promised
            self.tally["rows believed"] += value is not None
        self.tally["torn rows found out"] += int(results.damaged.sum())

    def _use(self, before: Results) -> None:
        """Do with a file what users do, but for going on."""
        path = before.path
        assert cli.main(["status", str(path)]) == 0
        self.tally["faults that verify reports"] += len(list(verify(before, aep=False)))
        with WriterLock(path), open_writer(path, before.campaign) as writer:
            np.testing.assert_array_equal(writer.committed, before.committed)
        after = open_reader(path)
        assert not after.damaged.any()
        assert after.rows[before.committed].tobytes() == before.rows[before.committed].tobytes()
        assert not list(verify(after, aep=False)), "a fault that the next launch does not mend"

    def finish(self, campaign: Path, wanted: Results) -> None:
        """Let the next launch finish in `folder`: with the wanted results, and nothing left behind."""
        path = self.folder / self.name
        self.tally["launches afterwards"] += 1
        assert program(["run", str(campaign), "-o", str(path), "--retry-failed"]) == 0
        difference = diff(open_reader(path), wanted)
        assert difference.equal, difference
        assert cli.main(["verify", str(path)]) == 0
        left = {file.name for file in self.folder.iterdir() if ".old-" not in file.name}
        assert left == {self.name}, sorted(left)


def moments(recording: Recording, n: int, rng: random.Random) -> list[int]:
    """Numbers of events before n power cuts: half of them anywhere, half close to what is no plain write."""
    last = len(recording.events)
    rare: dict[type, list[int]] = {}
    for number, event in enumerate(recording.events):
        if not isinstance(event, Write):
            rare.setdefault(type(event), []).append(number)
    near = [rng.choice(rare[rng.choice(list(rare))]) + rng.randint(-2, 3) for _ in range(n // 2)]
    return [min(max(k, 0), last) for k in near] + [rng.randint(0, last) for _ in range(n - n // 2)]
