"""Which configs are meant: --only, --status and --best-per, against the rows one by one."""

import argparse
import fnmatch
import itertools

import numpy as np
import pytest

from mpi_layout import cli
from mpi_layout.campaign import parse_campaign
from mpi_layout.commands.options import add_selection, selection_of
from mpi_layout.errors import InputError
from mpi_layout.results import reader
from mpi_layout.results.best import best_layouts
from mpi_layout.results.create import create_results
from mpi_layout.results.file import open_writer
from mpi_layout.results.reader import open_reader
from mpi_layout.results.selection import Selection, group_of
from mpi_layout.results.storage.row import Status, failed_row, row_dtype, seal, waiting_rows
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import locate

SEED = 20261130


@pytest.fixture(scope="module")
def campaign(small_campaign_text):
    return parse_campaign(small_campaign_text)


@pytest.fixture(scope="module")
def rows(campaign):
    """Made-up rows, with equal objectives among them; every fourth failed, every fifth waits."""
    random = np.random.default_rng(SEED)
    rows = waiting_rows(row_dtype(campaign.n_turbines_max), campaign.configs)
    rows["objective"] = rows["aep"] = random.integers(3, size=rows.size)
    rows["status"] = Status.DONE
    seal(rows)
    about = {"seconds": 1.0, "rank": 1, "launch": 0, "attempts": 1}
    for number, config in enumerate(campaign.configs):
        if number % 4 == 3:
            rows[number] = failed_row(rows.dtype, config, "no room", **about)[0]
        elif number % 5 == 4:
            rows[number] = waiting_rows(rows.dtype, [config])[0]
    return rows


@pytest.fixture(scope="module")
def path(tmp_path_factory, campaign, rows):
    path = tmp_path_factory.mktemp("selection") / "results.h5"
    create_results(path, campaign)
    with open_writer(path, campaign) as writer:
        for number in np.flatnonzero(rows["status"]).tolist():
            writer.write_row(number, rows[number : number + 1])
    return path


@pytest.fixture(params=[1, 2**20], ids=["row by row", "in one piece"])
def results(path, monkeypatch, request):
    monkeypatch.setattr(reader, "_CHUNK_BYTES", request.param)
    return open_reader(path)


@pytest.mark.parametrize("only", [(), ("a_*",), ("*_t15_s[02]", "b_t10_s1"), ("a_t10_s0", "a_*")])
@pytest.mark.parametrize("status", ["done", "failed", "all"])
def test_keys_and_states(results, rows, only, status):
    wanted = {"done": [Status.DONE], "failed": [Status.FAILED], "all": list(Status)}[status]
    expected = [
        number
        for number, row in enumerate(rows)
        if row["status"] in wanted
        and (not only or any(fnmatch.fnmatchcase(row["key"].decode(), glob) for glob in only))
    ]
    selection = Selection(only, status)
    if not expected:
        with pytest.raises(InputError, match="has no "):
            selection.numbers(results)
        assert list(selection.rows(results, may_be_none=True)) == []
        return
    assert selection.numbers(results).tolist() == expected
    found = list(selection.rows(results))
    assert [config.number for config, _ in found] == expected
    assert [row.tobytes() for _, row in found] == [rows[number].tobytes() for number in expected]


@pytest.mark.parametrize(
    "per", [p for n in range(4) for p in itertools.permutations(("area", "turbine_type", "seed"), n)]
)
def test_best_of_each_group(results, rows, per):
    chosen = Selection(("a_*", "b_*_s[12]"), best_per=per).numbers(results).tolist()
    candidates = [
        number
        for number, row in enumerate(rows)
        if row["status"] == Status.DONE and not fnmatch.fnmatchcase(row["key"].decode(), "b_*_s0")
    ]
    groups = {}
    for number in candidates:
        groups.setdefault(tuple(rows[number][name] for name in per), []).append(number)
    expected = sorted(max(group, key=lambda n: (rows[n]["objective"], -n)) for group in groups.values())
    assert chosen == expected
    bests = best_layouts(results, only=("a_*", "b_*_s[12]"), per=per)
    assert sorted(best.config.number for best in bests) == expected
    assert sum(best.n_done for best in bests) == len(candidates)


@pytest.mark.parametrize("chunk", [1, 2**20], ids=["row by row", "in one piece"])
def test_a_number_goes_before_nan(path, rows, tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(reader, "_CHUNK_BYTES", chunk)
    forged = rows.copy()
    forged["objective"] = [np.nan, -np.inf, 2.0, 3.0, np.nan, 5.0, 7.0, np.nan, 6.0, np.nan, np.nan, np.nan]
    forged["aep"] = forged["objective"]
    forged["status"], forged["message"] = Status.DONE, b""
    seal(forged)
    target = tmp_path / "forged.h5"
    target.write_bytes(path.read_bytes())
    with PlainStore(target, locate(target).extents, writable=True) as store:
        store.write_rows(0, forged)
    results = open_reader(target)
    for per, expected in [(("area", "turbine_type"), [2, 5, 6, 9]), ((), [6]), (("seed",), [1, 6, 8])]:
        assert Selection(best_per=per).numbers(results).tolist() == expected
        bests = best_layouts(results, per=per)
        assert sorted(best.config.number for best in bests) == expected
        for best in bests:
            assert best.objective.max() == best.row["objective"] or np.isnan(best.objective).all()
    (best,) = best_layouts(results, only=("a_t10_s[01]",), per=())  # a number, though the lowest
    assert (best.config.number, best.seeds.tolist()) == (1, [1])
    assert Selection(("a_t10_s[01]",), best_per=()).numbers(results).tolist() == [1]


def test_groups_are_numbered_in_the_order_of_the_campaign(campaign):
    numbers = np.arange(len(campaign.configs))
    assert group_of(campaign.configs, numbers, ("area",)).tolist() == [0] * 6 + [1] * 6
    assert group_of(campaign.configs, numbers, ("turbine_type",)).tolist() == ([0] * 3 + [1] * 3) * 2
    assert group_of(campaign.configs, numbers, ("seed",)).tolist() == [0, 1, 2] * 4
    assert group_of(campaign.configs, numbers, ()).tolist() == [0] * 12


def test_damaged_rows_are_chosen_only_among_all_and_wait_there(path, tmp_path, campaign, rows):
    raw = bytearray(path.read_bytes())
    raw[locate(path).extents["x"].offset] ^= 1
    harmed = tmp_path / "harmed.h5"
    harmed.write_bytes(raw)
    assert rows[0]["status"] == Status.DONE
    assert 0 not in Selection().numbers(open_reader(harmed))
    config, row = next(Selection(status="all").rows(open_reader(harmed)))
    assert config.number == 0
    assert row.tobytes() == waiting_rows(row_dtype(campaign.n_turbines_max), [config])[0].tobytes()


def test_every_glob_must_match(results):
    with pytest.raises(InputError, match=r"no config matches 'c_\*'"):
        Selection(("a_*", "c_*")).pieces(results, may_be_none=True)


def test_what_is_missing_is_said(results):
    for selection, text in (
        (Selection(("a_t10_s0",), "failed"), "no config that failed and whose key matches 'a_t10_s0'"),
        (Selection(("a_t15_s0",)), "no layout that is done and whose key matches 'a_t15_s0'"),
        (
            Selection(("a_t10_s2", "a_t15_s1"), "failed"),
            "no config that failed and whose key matches 'a_t10_s2' or 'a_t15_s1'",
        ),
    ):
        with pytest.raises(InputError) as told:
            selection.pieces(results)
        assert text in str(told.value)


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_selection(parser)
    return selection_of(parser.parse_args(words))


def test_options():
    assert parsed() == Selection()
    assert parsed("--only", "a", "--only", "b", "--status", "all") == Selection(("a", "b"), "all")
    assert parsed("--best-per", "turbine,area,turbine_type").best_per == ("turbine_type", "area")
    assert parsed("--best-per", "all").best_per == ()
    with pytest.raises(InputError, match="--status says failed"):
        parsed("--status", "failed", "--best-per", "all")


@pytest.mark.parametrize("words", [("--best-per", "rotor"), ("--best-per", ""), ("--status", "waiting")])
def test_wrong_options(path, words, capsys):
    assert cli.main(["export", str(path), "--csv", "-", *words]) == 2
    said = capsys.readouterr()
    assert words[0] in said.err
    assert not said.out
