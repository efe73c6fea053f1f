"""mpi-layout recover: what a damaged results file still holds comes into a new one, nothing else changes."""

import errno
import json
import os

import numpy as np
import pytest

from mpi_layout import cli
from mpi_layout.campaign import parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.optimise.solve import solve
from mpi_layout.results.create import create_results
from mpi_layout.results.file import open_writer
from mpi_layout.results.reader import open_reader
from mpi_layout.results.recover import Recovered, recover
from mpi_layout.results.storage.row import done_row, failed_row, row_dtype
from mpi_layout.results.storage.schema import IDENTITY
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import locate
from mpi_layout.results.verify import verify

NOW = 1.7e9
ABOUT = {"ranks": 3, "host": "node7", "pid": 4711, "scheduler_id": "12", "versions": "mpi_layout=1 numpy=2"}
FAILED, WAITING = 5, 9


@pytest.fixture(scope="module")
def campaign(small_campaign_text):
    return parse_campaign(small_campaign_text)


@pytest.fixture(scope="module")
def rows(campaign):
    """Rows of all configs, solved, but for one failure."""
    about = {"seconds": 0.1, "rank": 1, "launch": 0, "attempts": 1}
    dtype = row_dtype(campaign.n_turbines_max)
    made = [done_row(dtype, c, solve(campaign.problem(c.number)), **about) for c in campaign.configs]
    made[FAILED] = failed_row(dtype, campaign.configs[FAILED], "no room", **about)
    return made


@pytest.fixture
def path(tmp_path, campaign, rows):
    """A results file: ten done, one failed, one waiting; a launch that was lost, and one that ended."""
    target = tmp_path / "results.h5"
    create_results(target, campaign, now=NOW)
    for launch, numbers in enumerate((range(5), range(5, 12))):
        with open_writer(target, campaign) as writer:
            writer.begin_launch(**ABOUT, now=NOW + 100 * launch)
            for number in numbers:
                if number != WAITING:
                    writer.write_row(number, rows[number])
            if launch:
                writer.end_launch(NOW + 160, "time limit", len(numbers))
    return target


@pytest.fixture
def new(tmp_path):
    return tmp_path / "new.h5"


def spoil(path, name, start=0, stop=None, byte=0):
    """Overwrite entries of a dataset."""
    extent = locate(path).extents[name]
    stop = extent.shape[0] if stop is None and extent.shape else stop
    n_bytes = (stop - start) * extent.item_bytes if extent.shape else extent.n_bytes
    with open(path, "r+b") as file:
        file.seek(extent.offset + start * (extent.item_bytes if extent.shape else 0))
        file.write(bytes([byte]) * n_bytes)


def saved_rows(path, new):
    """Numbers of the rows of the new file that are those of the old one, to the byte."""
    before, after = open_reader(path).rows, open_reader(new)
    return [n for n in np.flatnonzero(after.committed) if after.rows[n].tobytes() == before[n].tobytes()]


ALL = [n for n in range(12) if n != WAITING]


def test_sound_file_is_copied(path, new):
    raw = path.read_bytes()
    assert recover(path, new) == Recovered(done=10, failed=1, lost=0, waiting=1)
    assert path.read_bytes() == raw
    assert saved_rows(path, new) == ALL
    assert [finding for finding in verify(open_reader(new)) if finding.what != "aep"] == []
    assert [(s.started, s.reason) for s in open_reader(new).launches] == [
        (NOW, ""),
        (NOW + 100, "time limit"),
    ]
    assert sorted(p.name for p in path.parent.iterdir()) == ["new.h5", "results.h5"]


def test_structure_destroyed(path, new):
    """All that HDF5 knows is gone: everything but the datasets."""
    raw = bytearray(path.read_bytes())
    sound, end = bytes(raw), 0
    for _, extent in locate(path).in_order():
        raw[end : extent.offset] = os.urandom(extent.offset - end)
        end = extent.end
    path.write_bytes(raw[:end])
    assert recover(path, new) == Recovered(10, 1, 0, 1)
    path.write_bytes(sound)
    assert saved_rows(path, new) == ALL


@pytest.mark.parametrize("name", IDENTITY)
def test_identity_destroyed(path, new, name):
    sound = path.read_bytes()
    spoil(path, name, byte=0x77)
    assert recover(path, new) == Recovered(10, 1, 0, 1)
    path.write_bytes(sound)
    assert saved_rows(path, new) == ALL


@pytest.mark.parametrize("byte", [0, 1, 2, 77])
def test_states_destroyed(path, new, byte):
    sound = path.read_bytes()
    spoil(path, "status", byte=byte)
    lost = 1 if byte else 0  # the waiting row claims to be finished now
    assert recover(path, new) == Recovered(10, 1, lost, 1 - lost)
    path.write_bytes(sound)
    assert saved_rows(path, new) == ALL


@pytest.mark.parametrize("name", ["x", "turbine_aep", "wake_loss", "message", "checksum"])
def test_rows_destroyed(path, new, name):
    spoil(path, name, 3, 6, byte=0x55)
    assert recover(path, new) == Recovered(done=8, failed=0, lost=3, waiting=1)
    after = open_reader(new)
    assert np.flatnonzero(after.committed).tolist() == [n for n in ALL if n not in (3, 4, 5)]
    assert not after.damaged.any()


def test_row_of_another_config_is_not_believed(path, new, rows):
    structure = locate(path)
    with PlainStore(path, structure.extents, writable=True) as store:
        store.write_rows(3, rows[4])
    assert recover(path, new) == Recovered(done=9, failed=1, lost=1, waiting=1)
    assert not open_reader(new).committed[3]


@pytest.mark.parametrize("first", ["map", "map_copy"])
def test_one_map_is_enough(path, new, first):
    spoil(path, first, byte=3)
    assert recover(path, new) == Recovered(10, 1, 0, 1)


def both_maps(path):
    places = [locate(path).extents[name] for name in ("map", "map_copy")]
    with open(path, "r+b") as file:
        for extent in places:
            file.seek(extent.offset + 4000)
            file.write(bytes([1]))


def test_without_maps_the_campaign_tells(path, new, small_campaign):
    sound = path.read_bytes()
    both_maps(path)
    with pytest.raises(InputError, match=r"both its maps are damaged.*--campaign"):
        recover(path, new)
    assert recover(path, new, small_campaign) == Recovered(10, 1, 0, 1)
    path.write_bytes(sound)
    assert saved_rows(path, new) == ALL


def test_campaign_text_destroyed(path, new, small_campaign):
    spoil(path, "campaign_yaml", byte=65)
    with pytest.raises(InputError, match=r"the campaign in it is damaged.*--campaign"):
        recover(path, new)
    assert not new.exists()
    assert recover(path, new, small_campaign) == Recovered(10, 1, 0, 1)
    assert open_reader(new).campaign_text == small_campaign.read_text()


@pytest.mark.parametrize("damaged", [False, True])
def test_another_campaign_is_refused(path, new, small_campaign, small_campaign_text, damaged):
    small_campaign.write_text(small_campaign_text.replace("min_spacing_D: 3", "min_spacing_D: 4"))
    if damaged:
        spoil(path, "campaign_yaml", byte=65)
    with pytest.raises(InputError, match="belongs to another campaign"):
        recover(path, new, small_campaign)
    assert not new.exists()


def test_lost_end(path, new):
    """The rows are whole as far as the last column reaches."""
    extent = locate(path).extents["trace_aep"]
    for n_kept in (12, 7, 1):
        os.truncate(path, extent.offset + n_kept * extent.item_bytes + 3)
        new.unlink(missing_ok=True)
        got = recover(path, new)
        # A failed row has NaN there; NaN that became zeros is lost as well.
        assert np.flatnonzero(open_reader(new).committed).tolist() == [n for n in ALL if n < n_kept]
        assert got.done + got.failed + got.lost == 11


def test_launches_that_hold_keep_their_numbers(path, new):
    spoil(path, "launch_host", 0, 1, byte=65)
    recover(path, new)
    first, second = open_reader(new).launches
    assert (first.reason, first.sealed) == ("its entry was damaged", True)
    assert (second.host, second.reason, second.sealed) == ("node7", "time limit", True)


def test_unreadable_sectors_cost_only_their_rows(path, new, monkeypatch):
    extent = locate(path).extents["launch_versions"]
    bad = extent.offset + 4096 - extent.offset % 4096  # of the disk, in the launch table
    pread, asked = os.pread, []

    def failing(descriptor, n_bytes, offset):
        if offset < bad + 4096 and offset + n_bytes > bad:
            asked.append(offset)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(descriptor, n_bytes, offset)

    monkeypatch.setattr(os, "pread", failing)
    with pytest.raises(OSError, match="Input/output error"):
        open_reader(path)
    assert recover(path, new) == Recovered(10, 1, 0, 1)
    assert asked
    monkeypatch.undo()
    assert [launch.reason for launch in open_reader(new).launches] == ["", "time limit"]


def test_nothing_to_recover(tmp_path, campaign, new):
    path = tmp_path / "empty.h5"
    create_results(path, campaign)
    with pytest.raises(InputError, match="no row in it whose checksum holds"):
        recover(path, new)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty.h5"]


def test_new_file_never_replaces_one(path, new):
    new.write_text("precious")
    for target in (new, path):
        with pytest.raises(InputError, match="exists already"):
            recover(path, target)
    assert new.read_text() == "precious"


@pytest.mark.parametrize("text", [b"", b"areas: []\n", b"\x89HDF\r\n\x1a\n" + bytes(100_000)])
def test_what_is_no_results_file_is_refused(tmp_path, new, small_campaign, text):
    path = tmp_path / "foreign.h5"
    path.write_bytes(text)
    with pytest.raises(InputError, match=r"foreign\.h5: .*no.* results file"):
        recover(path, new, small_campaign)


def test_command_says_what_was_saved_and_what_is_next(path, new, capsys, small_campaign):
    spoil(path, "x", 3, 6, byte=0x55)
    assert cli.main(["recover", str(path), str(new)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{new}: 8 done and 0 failed rows saved, 3 lost",
        f"compute the 4 that wait, the lost ones among them: mpi-layout run CAMPAIGN -o {new}",
        f"check what was saved: mpi-layout verify {new}",
    ]
    assert cli.main(["run", str(small_campaign), "-o", str(new)]) == 0
    other = new.with_name("other.h5")
    assert cli.main(["recover", str(path), str(other), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"done": 8, "failed": 0, "lost": 3, "waiting": 1}
    assert cli.main(["recover", str(path), str(other)]) == 2
    assert "exists already" in capsys.readouterr().err
