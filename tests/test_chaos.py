"""The chaos runner: it finds nothing here, and it would find what it looks for."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import mpi_launcher
import numpy as np
import pytest

from mpi_layout.results.reader import open_reader
from mpi_layout.results.storage.row import seal
from mpi_layout.results.storage.store import PlainStore

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def killing(monkeypatch):
    """Makes the parts of the chaos runner importable."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def damaged(straight, tmp_path):
    """A finished results file to damage."""
    path = tmp_path / "damaged.h5"
    shutil.copy(straight.path, path)
    return path


def chaos(tmp_path, *options, limit):
    """Run the chaos runner; give back what it counted."""
    command = [sys.executable, BENCHMARKS / "chaos.py", "--json", tmp_path / "chaos.json", *options]
    command += ["--mpiexec", shlex.join(mpi_launcher.mpiexec())]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=limit, cwd=tmp_path)
    print(ended.stderr, ended.stdout)  # the seed, and every case
    assert ended.returncode == 0
    record = json.loads((tmp_path / "chaos.json").read_text())
    assert record["faults"] == []
    return record


@pytest.mark.parametrize(
    ("options", "kills", "limit"),
    [
        (["--backend", "gather"], 10, 200),
        pytest.param(["--backend", "gather"], 40, 800, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
        pytest.param(
            ["--backend", "mpio"],
            40,
            800,
            marks=[pytest.mark.slow, pytest.mark.parallel_hdf5, pytest.mark.timeout(900)],
        ),
        pytest.param(
            ["--backend", "both", "--ulfm"],
            40,
            800,
            marks=[pytest.mark.slow, pytest.mark.ulfm, pytest.mark.timeout(900)],
        ),
    ],
)
def test_nothing_committed_is_lost(tmp_path, options, kills, limit):
    record = chaos(tmp_path, *options, "--kills", str(kills), limit=limit)
    assert record["kills"] >= kills
    assert record["campaigns"] >= 1


def watched(path, n_rows):
    from killing.judge import Watch

    watch = Watch(path, n_rows)
    assert watch.look() == n_rows
    return watch


@pytest.mark.usefixtures("killing")
class TestItWouldFind:
    """Files that a strike must not leave behind, each with what is said and counted."""

    def judge(self, watch, reference):
        from killing.judge import judge
        from killing.report import Tally

        tally = Tally()
        return judge(watch, reference, tally), tally

    def test_nothing_in_a_sound_file(self, damaged, straight):
        faults, tally = self.judge(watched(damaged, len(straight.rows)), straight)
        assert faults == []
        assert (tally.unreadable, tally.lost, tally.differing) == (0, 0, 0)

    def test_a_lost_row(self, damaged, straight):
        watch = watched(damaged, len(straight.rows))
        with PlainStore(damaged, open_reader(damaged).structure.extents, writable=True) as store:
            store.write("status", 3, np.zeros(1, "u1"))
        faults, tally = self.judge(watch, straight)
        assert faults == ["rows [3] were committed and are no more"]
        assert tally.lost == 1

    def test_a_row_with_other_values(self, damaged, straight):
        watch = watched(damaged, len(straight.rows))
        row = straight.rows[3:4].copy()
        row["aep"] = np.nextafter(row["aep"], np.inf)
        seal(row)
        with PlainStore(damaged, open_reader(damaged).structure.extents, writable=True) as store:
            store.write_rows(3, row)
        faults, tally = self.judge(watch, straight)
        assert len(faults) == 1
        assert faults[0].startswith("rows [3] differ from the undisturbed run's")
        assert (tally.lost, tally.differing) == (0, 1)

    @pytest.mark.parametrize("cut", [0, 1000])
    def test_an_unreadable_file(self, damaged, straight, cut):
        watch = watched(damaged, len(straight.rows))
        with damaged.open("r+b") as file:
            file.truncate(cut)
        faults, tally = self.judge(watch, straight)
        assert len(faults) == 1
        assert faults[0].startswith(f"unreadable: {damaged}")
        assert tally.unreadable == 1

    def test_a_vanished_file(self, damaged, straight):
        watch = watched(damaged, len(straight.rows))
        damaged.unlink()
        faults, tally = self.judge(watch, straight)
        assert faults == ["the file has vanished"]
        assert tally.unreadable == 1


def test_several_runs_in_one_table(tmp_path):
    def save(name, kills, lost, resume, faults):
        tally = {"kills": kills, "unreadable": 0, "committed": 70, "lost": lost, "differing": 0, "hung": 0}
        tallies = [["gather", "MPICH 5", "rank 0", tally | {"worst_resume_s": resume}]]
        content = {"tallies": tallies, "kills": kills, "campaigns": 1, "launches": 9, "seeds": [kills]}
        (tmp_path / name).write_text(json.dumps(content | {"faults": faults}))

    save("a.json", 700, 0, 2.5, [])
    save("b.json", 400, 0, 3.5, [])
    save("c.json", 1, 2, 0.0, ["rows [3, 4] were committed and are no more"])
    table = [sys.executable, BENCHMARKS / "chaos.py", "--table"]
    good = subprocess.run([*table, "a.json", "b.json"], capture_output=True, text=True, cwd=tmp_path)
    assert good.returncode == 0, good.stderr
    assert "| gather | MPICH 5 | rank 0 | 1,100 | 0 | 140 | 0 | 0 | 0 | 3.5 |" in good.stdout
    assert "1100 kills in 18 launches of 2 campaigns; seeds 700, 400; no faults" in good.stdout
    bad = subprocess.run([*table, "a.json", "c.json"], capture_output=True, text=True, cwd=tmp_path)
    assert bad.returncode == 1
    assert "| all |  |  | 701 | 0 | 140 | 2 | 0 | 0 | 2.5 |" in bad.stdout
