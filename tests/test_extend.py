"""A results file that gets more seeds: nothing that it has is lost, whatever happens meanwhile."""

import os

import numpy as np
import pytest

from mpi_layout.campaign import parse_campaign
from mpi_layout.campaign.compare import differ_in_seeds_alone
from mpi_layout.errors import InputError
from mpi_layout.optimise.solve import solve
from mpi_layout.results.create import create_results
from mpi_layout.results.extend import extend_results
from mpi_layout.results.file import open_writer
from mpi_layout.results.reader import open_reader
from mpi_layout.results.storage.disk import DiskError
from mpi_layout.results.storage.row import Status, done_row, failed_row, row_dtype
from mpi_layout.results.storage.structure import locate

ABOUT = {"seconds": 0.1, "rank": 1, "launch": 0, "attempts": 1}


@pytest.fixture(scope="module")
def of_seeds(small_campaign_text):
    """The small campaign, two areas and two types, with other seeds."""
    return lambda seeds: parse_campaign(small_campaign_text.replace("{first: 0, count: 3}", str(seeds)))


@pytest.fixture(scope="module")
def sound(of_seeds, tmp_path_factory):
    """Bytes of a results file of seeds 4 and 2: all done but one that failed and one that waits."""
    path = tmp_path_factory.mktemp("extend") / "results.h5"
    campaign = of_seeds([4, 2])
    create_results(path, campaign)
    dtype = row_dtype(campaign.n_turbines_max)
    with open_writer(path, campaign) as writer:
        for config in campaign.configs:
            if config.number not in (1, 6):
                row = done_row(dtype, config, solve(campaign.problem(config.number)), **ABOUT)
                writer.write_row(config.number, row)
        writer.write_row(1, failed_row(dtype, campaign.configs[1], "no room", **ABOUT))
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, sound):
    target = tmp_path / "results.h5"
    target.write_bytes(sound)
    return target


def by_key(path):
    return {row["key"].decode(): row.tobytes() for row in open_reader(path).rows if row["status"]}


def test_rows_keep_their_bytes_and_find_their_places(path, of_seeds):
    before = by_key(path)
    larger = of_seeds([2, 9, 4])
    extend_results(path, larger)
    results = open_reader(path)
    assert by_key(path) == before
    assert len(before) == 7
    assert results.keys == [config.key for config in larger.configs]
    assert [row["key"].decode() for row in results.rows] == results.keys
    counts = np.bincount(results.rows["status"], minlength=3)
    assert counts.tolist() == [5, 6, 1]  # waiting, done, failed
    with open_writer(path, larger):
        pass  # it belongs to the campaign


def test_a_link_stays_one(path, of_seeds):
    links = path.parent / "links"
    links.mkdir()
    link = links / "results.h5"
    link.symlink_to("../results.h5")
    extend_results(link, of_seeds([4, 2, 0]))
    assert os.readlink(link) == "../results.h5"
    assert open_reader(path).n_rows == 12
    assert [file.name for file in links.iterdir()] == ["results.h5"]


def test_a_damaged_row_waits_again(path, of_seeds):
    place = locate(path).extents["aep"].offset
    data = bytearray(path.read_bytes())
    data[place] ^= 1  # of config 0
    path.write_bytes(data)
    extend_results(path, of_seeds([4, 2, 0]))
    rows = open_reader(path).rows
    assert [rows["status"][0], rows["status"][1]] == [Status.WAITING, Status.FAILED]


@pytest.mark.parametrize("seeds", [[4, 2], [4], [4, 3, 1], [2, 4]])
def test_a_file_that_does_not_lack_seeds_alone_stays_as_it_is(path, of_seeds, sound, seeds):
    extend_results(path, of_seeds(seeds))
    assert path.read_bytes() == sound


def test_another_campaign_with_more_seeds(path, sound, small_campaign_text):
    text = small_campaign_text.replace("{first: 0, count: 3}", "[4, 2, 1]")
    extend_results(path, parse_campaign(text.replace("min_spacing_D: 3", "min_spacing_D: 2")))
    assert path.read_bytes() == sound


@pytest.mark.parametrize("step", ["write", "replace"])
def test_a_disk_that_fails_leaves_the_old_file(path, of_seeds, sound, monkeypatch, step):
    def fail(*_):
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        name = "mpi_layout.results.extend._copy" if step == "write" else "os.replace"
        patched.setattr(name, fail)
        with pytest.raises((DiskError, InputError), match="the disk is full"):
            extend_results(path, of_seeds([4, 2, 0]))
    assert path.read_bytes() == sound
    extend_results(path, of_seeds([4, 2, 0]))  # what was left behind is no obstacle
    assert len(by_key(path)) == 7
    assert [file.name for file in path.parent.iterdir()] == ["results.h5"]


def test_what_differs_but_in_seeds(of_seeds, small_campaign_text):
    assert differ_in_seeds_alone(of_seeds([0]), of_seeds([1]))
    assert not differ_in_seeds_alone(of_seeds([0]), of_seeds([0]))
    other = parse_campaign(small_campaign_text.replace("n_turbines: 5", "n_turbines: 6"))
    assert not differ_in_seeds_alone(of_seeds([0]), other)
