"""Readers of all kinds at a file that a real launch writes: they disturb nothing and believe no torn row."""

import csv
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from mpi_layout.compare.diff import diff
from mpi_layout.exports.tables import export_turbines
from mpi_layout.results.reader import open_reader
from mpi_layout.results.selection import Selection
from mpi_layout.results.state.summary import missing, summarise
from mpi_layout.results.verify import verify

FAILING = "b_t15_s3"


class Readers:
    """Functions called again and again, each in a thread of its own, until told to stop."""

    def __init__(self, *functions):
        self.calls = dict.fromkeys((function.__name__ for function in functions), 0)
        self.errors = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._loop, args=(function,)) for function in functions]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads)

    def _loop(self, function):
        while not self._over.wait(0.02):
            try:
                function()
            except Exception as error:  # told by the test
                self.errors.append((function.__name__, repr(error)))
            self.calls[function.__name__] += 1


class Sightings:
    """Rows that readers took for done or failed; all sightings of a row must be the same."""

    def __init__(self):
        self.rows = {}

    def add(self, number, row):
        assert self.rows.setdefault(number, row) == row, f"row {number} has changed"


def library(path, seen, tmp_path):
    """Ways to read through this package."""

    def read_rows():
        for piece in open_reader(path).pieces():
            assert not piece.damaged.any()
            for index in np.flatnonzero(piece.committed).tolist():
                seen.add(piece.start + index, piece.rows[index].tobytes())

    def check():
        assert list(verify(open_reader(path), aep=False)) == []

    def count():
        results = open_reader(path)
        counts = summarise(results, now=0.0).counts
        assert counts.damaged == 0
        assert counts.waiting >= len(list(missing(results)))

    def export():
        out = tmp_path / "layouts.csv"
        n_configs = export_turbines(open_reader(path), out, Selection(), force=True)
        with open(out, newline="") as file:
            assert sum(1 for _ in csv.reader(file)) == 1 + 5 * n_configs

    return read_rows, check, count, export


def others(path, layouts):
    """Ways to read through other programs."""
    xarray = pytest.importorskip("xarray")

    def read_with_xarray():
        with xarray.open_dataset(path, engine="h5netcdf") as data:
            done = np.flatnonzero(data.status.values == 1)
            x, aep = data.x.values[done], data.aep.values[done]
        for number, *values in zip(done.tolist(), x.tolist(), aep.tolist(), strict=True):
            assert layouts.setdefault(number, values) == values

    def dump():
        command = ["h5dump", "-d", "/status", "-d", "/aep", "-d", "/map", str(path)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")

    return (read_with_xarray, dump) if shutil.which("h5dump") else (read_with_xarray,)


def commands(path, tmp_path):
    """Ways to read from a shell."""

    def noted(*arguments):
        line = [sys.executable, "-m", "mpi_layout", *arguments]
        ended = subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
        assert ended.returncode == 0, (arguments, ended.stderr)
        return ended.stderr

    def command(*arguments):
        assert noted(*arguments) == "", arguments

    def show_status():
        command("status", str(path))
        command("status", "--json", str(path))

    def check_without_energies():
        command("verify", "--no-aep", str(path))

    def list_missing():
        command("missing", str(path))

    def export_table():
        note = noted("export", str(path), "--csv", "shell.csv", "--force")
        empty = (tmp_path / "shell.csv").read_text().count("\n") == 1  # nothing is done yet
        assert note.startswith("mpi-layout: note: the table is empty: of ") if empty else note == ""

    return show_status, check_without_energies, list_missing, export_table


def read_while_writing(tmp_path, start, launch, wait_until, text, *, seconds, shell):
    """Run a campaign with readers around it, and once more without."""
    campaign, path = tmp_path / "many.yaml", tmp_path / "many.h5"
    campaign.write_text(text.replace("count: 3", "count: 12"))
    writer = start("run", campaign, ranks=2, how={"seconds": seconds, "fail": [FAILING]})
    wait_until(path.exists)
    seen, layouts = Sightings(), {}
    functions = [*library(path, seen, tmp_path), *others(path, layouts)]
    functions += commands(path, tmp_path) if shell else ()
    watched = []
    with Readers(*functions) as readers:
        watch = threading.Thread(
            target=lambda: watched.append(launch("status", "--watch", "--json", path, limit=500))
        )
        watch.start()
        ended = writer.wait(60 + 100 * seconds)
        watch.join()
    assert readers.errors == []
    assert all(readers.calls.values()), readers.calls
    assert ended.code == 3, ended.err  # one config failed, as it was told to
    final = open_reader(path)
    assert final.committed.all()
    for number, row in seen.rows.items():
        assert final.rows[number].tobytes() == row
    for number, values in layouts.items():
        assert [final.rows["x"][number].tolist(), final.rows["aep"][number]] == values
    looks = [json.loads(line)["counts"] for line in watched[0].out.splitlines()]
    finished = [look["done"] + look["failed"] for look in looks]
    assert finished == sorted(finished)
    assert finished[-1] == 48
    assert launch("run", campaign, "-o", "alone.h5", ranks=2, how={"fail": [FAILING]}).code == 3
    assert diff(final, open_reader(Path(tmp_path / "alone.h5"))).equal
    return seen


@pytest.mark.timeout(280)
def test_readers_while_it_is_written(tmp_path, start, launch, wait_until, small_campaign_text):
    read_while_writing(tmp_path, start, launch, wait_until, small_campaign_text, seconds=0.1, shell=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_readers_for_minutes(tmp_path, start, launch, wait_until, small_campaign_text):
    seen = read_while_writing(
        tmp_path, start, launch, wait_until, small_campaign_text, seconds=2.5, shell=True
    )
    assert len(seen.rows) > 40
