"""What a reader saw before a strike, and what must hold after it."""

from pathlib import Path

import numpy as np

from killing.report import Tally
from mpi_layout.compare.diff import IGNORED, diff
from mpi_layout.errors import InputError
from mpi_layout.results.reader import Results, open_reader
from mpi_layout.results.verify import verify


class Watch:
    """A reader beside the launches of one campaign: which rows it has ever seen committed."""

    def __init__(self, path: Path, n_rows: int) -> None:
        self.path = path
        self.seen = np.zeros(n_rows, bool)

    @property
    def created(self) -> bool:
        """Whether the creation of the file has begun."""
        return self.path.exists() or self.path.with_name(f".{self.path.name}.creating").exists()

    def look(self) -> int:
        """Look at the file, if there is one, and give back how many rows have been seen so far.

        Raises
        ------
        InputError
            The file is not readable.
        """
        if self.path.exists():
            self.seen |= open_reader(self.path).committed
        return int(self.seen.sum())


def judge(watch: Watch, reference: Results, tally: Tally) -> list[str]:
    """Faults of a file that nobody writes any more; rows seen for the first time are noted."""
    if not watch.path.exists():
        if not watch.seen.any():
            return []  # killed before the file got its name
        tally.unreadable += 1
        return ["the file has vanished"]
    try:
        results = open_reader(watch.path)
    except InputError as error:
        tally.unreadable += 1
        return [f"unreadable: {error}"]
    faults = []
    if lost := np.flatnonzero(watch.seen & ~results.committed).tolist():
        tally.lost += len(lost)
        faults.append(f"rows {lost} were committed and are no more")
    if wrong := np.flatnonzero(results.committed & _differs(results.rows, reference.rows)).tolist():
        tally.differing += len(wrong)
        faults.append(f"rows {wrong} differ from the undisturbed run's; the first: {results.rows[wrong[0]]}")
    watch.seen |= results.committed
    return faults


def judge_finished(path: Path, reference: Results, *, real: bool) -> list[str]:
    """Faults of a campaign that came to its end."""
    results = open_reader(path)
    difference = diff(results, reference)
    faults = [] if difference.equal else [f"differs from the undisturbed run: {difference.to_json()}"]
    return faults + ([str(finding) for finding in verify(results)] if real else [])


def _differs(rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which rows (n,) differ, byte by byte, in what does not depend on who computed them and when."""
    differs = np.zeros(len(rows), bool)
    for name in set(rows.dtype.names or ()) - set(IGNORED):
        a, b = (
            np.ascontiguousarray(table[name]).view("u1").reshape(len(rows), -1) for table in (rows, wanted)
        )
        differs |= (a != b).any(axis=1)
    return differs
