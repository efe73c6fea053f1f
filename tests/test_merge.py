"""Results files that are put together, and what is shared with others who fill files without ranks."""

import numpy as np
import pytest

from mpi_layout.campaign import parse_campaign
from mpi_layout.optimise.solve import solve
from mpi_layout.results.create import create_results, replace_results
from mpi_layout.results.file import open_writer
from mpi_layout.results.reader import open_reader
from mpi_layout.results.row import done_row, row_dtype
from mpi_layout.results.verify import verify
from mpi_layout.results.without_ranks import note_launch

ABOUT = {"seconds": np.nan, "rank": -1, "attempts": 0}


@pytest.fixture(scope="module")
def campaign(small_campaign_text):
    return parse_campaign(small_campaign_text)


def test_work_without_ranks_is_a_launch(tmp_path, campaign):
    path = tmp_path / "filled.h5"

    def fill(store):
        number = note_launch(store, "merged 2 files", 1)
        dtype = row_dtype(campaign.n_turbines_max)
        row = done_row(dtype, campaign.configs[3], solve(campaign.problem(3)), launch=number, **ABOUT)
        store.write_rows(3, row)

    create_results(path, campaign, fill=fill)
    results = open_reader(path)
    (launch,) = results.launches
    assert (launch.ranks, launch.reason, launch.configs_done) == (0, "merged 2 files", 1)
    assert launch.ended > launch.started
    assert np.flatnonzero(results.done).tolist() == [3]
    assert list(verify(results)) == []
    with open_writer(path, campaign) as writer:
        assert writer.begin_launch(ranks=1, host="h", pid=1, scheduler_id="", versions="v", now=2e9) == 1


def test_a_file_keeps_its_name_until_another_is_whole(tmp_path, campaign):
    path = tmp_path / "results.h5"
    path.write_text("old")

    def fail(store):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        replace_results(path, campaign, fill=fail, doing="testing")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("results.h5", "old")]
    replace_results(path, campaign, fill=lambda store: None, doing="testing")
    assert open_reader(path).n_rows == 12
    assert [p.name for p in tmp_path.iterdir()] == ["results.h5"]
