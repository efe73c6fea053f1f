"""Results files of one campaign put together: nothing sound is lost, nothing unsound is taken."""

import json
import os
import re
import subprocess
import sys
from collections import Counter

import h5py
import numpy as np
import pytest

from mpi_layout import cli
from mpi_layout.campaign import parse_campaign
from mpi_layout.compare.diff import diff
from mpi_layout.errors import InputError
from mpi_layout.merge.merge import merge
from mpi_layout.merge.merged import ConflictError
from mpi_layout.merge.merged_launches import merged_launches
from mpi_layout.optimise.solve import solve
from mpi_layout.results.create import create_results, replace_results
from mpi_layout.results.file import open_writer
from mpi_layout.results.launches import new_launch
from mpi_layout.results.locking.lock import SharedLock, WriterLock
from mpi_layout.results.reader import open_reader
from mpi_layout.results.storage.row import Status, done_row, failed_row, row_dtype, seal
from mpi_layout.results.storage.schema import N_LAUNCHES
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import locate
from mpi_layout.results.verify import verify
from mpi_layout.results.without_ranks import note_launch

ABOUT = {"seconds": 0.1, "rank": 1, "attempts": 1}
NOW = 1.7e9


@pytest.fixture(scope="module")
def campaign(small_campaign_text):
    return parse_campaign(small_campaign_text)


@pytest.fixture(scope="module")
def rows(campaign):
    """Rows (12,) of all configs, solved."""
    dtype = row_dtype(campaign.n_turbines_max)
    solved = [solve(campaign.problem(config.number)) for config in campaign.configs]
    pairs = zip(campaign.configs, solved, strict=True)
    return np.concatenate([done_row(dtype, config, found, launch=0, **ABOUT) for config, found in pairs])


def failure(campaign, number, message="no room"):
    dtype = row_dtype(campaign.n_turbines_max)
    return failed_row(dtype, campaign.configs[number], message, launch=0, **ABOUT)[0]


def write(path, campaign, rows, numbers, *, host="here", now=NOW, ended=True):
    """A results file of one launch with some of the rows."""
    create_results(path, campaign)
    with open_writer(path, campaign) as writer:
        about = {"ranks": 3, "pid": 4711, "scheduler_id": "", "versions": "v=1"}
        writer.begin_launch(host=host, now=now, **about)
        for number in numbers:
            writer.write_row(number, rows[number : number + 1])
        if ended:
            writer.end_launch(now + 60, "complete", len(numbers))
    return path


def overwrite(path, number, row):
    """Put a row into a file, sealed or not."""
    structure = locate(path)
    with PlainStore(path, structure.extents, writable=True) as store:
        store.write_rows(number, row.reshape(1))


def resealed(row, **values):
    row = row.copy().reshape(1)
    for name, value in values.items():
        row[name] = value
    seal(row)
    return row[0]


@pytest.fixture
def halves(tmp_path, campaign, rows):
    """Two machines: area b first, area a later."""
    a = write(tmp_path / "a.h5", campaign, rows, range(6), host="later", now=NOW + 1000)
    b = write(tmp_path / "b.h5", campaign, rows, range(6, 12), host="first")
    return [a, b]


@pytest.fixture
def into(tmp_path):
    return tmp_path / "all.h5"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ---------------------------------------------------------------- what is shared with others


def test_work_without_ranks_is_a_launch(tmp_path, campaign, rows):
    path = tmp_path / "filled.h5"

    def fill(store):
        number = note_launch(store, "brought from elsewhere", 1)
        store.write_rows(3, resealed(rows[3], launch=number).reshape(1))

    create_results(path, campaign, fill=fill)
    results = open_reader(path)
    (launch,) = results.launches
    assert (launch.ranks, launch.reason, launch.configs_done) == (0, "brought from elsewhere", 1)
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
    assert names(tmp_path) == ["results.h5"]


# ---------------------------------------------------------------- what is taken


def test_two_halves_make_a_whole(halves, into, campaign, rows, tmp_path):
    before = [path.read_bytes() for path in halves]
    merged = merge(halves, into)
    assert (merged.done, merged.failed, merged.waiting, merged.launches) == (12, 0, 0, 2)
    assert [(source.done, source.taken) for source in merged.sources] == [(6, 6), (6, 6)]
    results = open_reader(into)
    assert list(verify(results)) == []
    straight = write(tmp_path / "straight.h5", campaign, rows, range(12))
    assert diff(results, open_reader(straight)).equal
    assert [path.read_bytes() for path in halves] == before
    assert names(tmp_path) == ["a.h5", "all.h5", "b.h5", "straight.h5"]


def test_rows_find_their_launches(halves, into):
    """As others read it, without this package."""
    merge(halves, into)
    with h5py.File(into) as file:
        hosts = file["launch_host"][:4].astype(str)
        assert hosts[:2].tolist() == ["first", "later"]
        assert file["launch_reason"][2] == b"merged 2 files"
        assert hosts[file["launch"][:]].tolist() == ["later"] * 6 + ["first"] * 6
        assert (np.diff(file["launch_started"][:3]) > 0).all()


def test_any_states_side_by_side(tmp_path, campaign, rows):
    """The rule for one config, written down a second time, for three files of random states."""
    seed = np.random.SeedSequence().entropy
    print("seed", seed)
    random = np.random.default_rng(seed)
    states = random.choice(
        ["done", "failed", "waiting", "damaged", "foreign"], (3, 12), p=[0.3, 0.2, 0.2, 0.2, 0.1]
    )
    for source in range(3):
        path = write(tmp_path / f"{source}.h5", campaign, rows, [])
        for number, state in enumerate(states[source]):
            if state == "done":
                overwrite(path, number, resealed(rows[number], rank=source))
            elif state == "failed":
                overwrite(path, number, resealed(failure(campaign, number), rank=source))
            elif state == "damaged":
                row = rows[number].copy()
                row["y"][2] += 1
                overwrite(path, number, row)
            elif state == "foreign":
                overwrite(path, number, resealed(rows[number], key=rows[number - 1]["key"]))
    merged = merge([tmp_path / f"{source}.h5" for source in range(3)], tmp_path / "all.h5")
    results = open_reader(tmp_path / "all.h5")
    assert [finding for finding in verify(results) if finding.what != "message"] == []
    expected = []
    for number in range(12):
        having = [
            next((s for s in range(3) if states[s, number] == wanted), None) for wanted in ("done", "failed")
        ]
        found = [(state, s) for state, s in zip(("done", "failed"), having, strict=True) if s is not None]
        expected.append(found[0] if found else ("waiting", -1))
    got = [(Status(row["status"]).name.lower(), int(row["rank"])) for row in results.rows]
    assert got == expected
    count = Counter(state for state, _ in expected)
    assert (merged.done, merged.failed, merged.waiting) == tuple(
        count[s] for s in ("done", "failed", "waiting")
    )
    keys = [config.key for config in campaign.configs]
    bad = np.isin(states, ["damaged", "foreign"])
    assert [source.damaged for source in merged.sources] == [
        [key for key, is_bad in zip(keys, line, strict=True) if is_bad] for line in bad
    ]
    assert [source.taken for source in merged.sources] == [sum(s == n for _, s in expected) for n in range(3)]
    assert merged.equal == ((states == "done").sum(axis=0) > 1).sum()
    assert merged.lost == [
        key for key, (state, _), any_bad in zip(keys, expected, bad.any(axis=0), strict=True)
        if state == "waiting" and any_bad
    ]  # fmt: skip


# ---------------------------------------------------------------- several layouts


@pytest.fixture
def doubles(tmp_path, campaign, rows):
    """Two whole files; in the second, config 4 is another layout with more energy."""
    a = write(tmp_path / "a.h5", campaign, rows, range(12))
    b = write(tmp_path / "b.h5", campaign, rows, range(12), now=NOW + 1)
    row = rows[4]
    more = {name: row[name] * 1.01 for name in ("aep", "objective")}
    overwrite(b, 4, resealed(row, x=row["x"] + [0, 0, 250, 0, 0], **more))
    return [a, b]


def test_layouts_that_differ_stop_it(doubles, into, tmp_path):
    with pytest.raises(
        ConflictError, match=r"1 config has layouts .* a_t15_s1 .*--on-conflict better"
    ) as caught:
        merge(doubles, into)
    (conflict,) = caught.value.merged.conflicts
    assert (conflict.key, conflict.sources, conflict.taken) == ("a_t15_s1", (0, 1), None)
    assert conflict.largest_move == pytest.approx(250)
    assert conflict.aep[1] == pytest.approx(1.01 * conflict.aep[0])
    assert caught.value.merged.equal == 11
    assert names(tmp_path) == ["a.h5", "b.h5"]


@pytest.mark.parametrize(
    ("on_conflict", "turned", "taken"),
    [("first", False, 0), ("first", True, 0), ("better", False, 1), ("better", True, 0)],
)
def test_layouts_that_differ_are_decided(doubles, into, on_conflict, turned, taken):
    paths = doubles[::-1] if turned else doubles
    merged = merge(paths, into, on_conflict=on_conflict)
    assert [conflict.taken for conflict in merged.conflicts] == [taken]
    assert open_reader(into).rows["aep"][4] == open_reader(paths[taken]).rows["aep"][4]


@pytest.mark.parametrize(
    ("metres", "share", "equal"),
    [(0.0009, 0, True), (0.0011, 0, False), (0, 9e-10, True), (0, 2e-9, False)],
)
def test_rounding_is_no_conflict(halves, into, campaign, rows, tmp_path, metres, share, equal):
    path = write(tmp_path / "c.h5", campaign, rows, [])
    row = rows[2]
    turned = {name: row[name][::-1] for name in ("y", "turbine_aep")}
    overwrite(path, 2, resealed(row, x=row["x"][::-1] + metres, aep=row["aep"] * (1 + share), **turned))
    merged = merge([*halves, path], into, on_conflict="first")
    assert (merged.equal, len(merged.conflicts)) == ((1, 0) if equal else (0, 1))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_forged_layouts_are_conflicts(doubles, into, rows, value):
    overwrite(doubles[1], 4, rows[4])
    overwrite(doubles[1], 7, resealed(rows[7], x=value))
    overwrite(doubles[1], 8, resealed(rows[8], objective=value))
    merged = merge(doubles, into, on_conflict="better")
    assert [conflict.key for conflict in merged.conflicts] == ["b_t10_s1", "b_t10_s2"]
    json.dumps(merged.to_json(), allow_nan=False)


# ---------------------------------------------------------------- launches


def entry(host, started, *, heartbeat=None, pid=1):
    made = new_launch(ranks=1, host=host, pid=pid, scheduler_id="", versions="v", now=started)
    made["heartbeat"] = started if heartbeat is None else heartbeat
    return made


def test_a_launch_in_two_files_counts_once_as_it_was_seen_last():
    common = entry("x", 5.0), entry("x", 5.0, heartbeat=9.0)
    first = np.concatenate([common[0], entry("y", 7.0)])
    second = np.concatenate([common[1], entry("y", 7.0, pid=2), entry("z", 1.0)])
    entries, (one, two) = merged_launches([first, second])
    assert entries["host"].tolist() == [b"z", b"x", b"y", b"y"]
    assert entries["heartbeat"][1] == 9
    assert (one.tolist(), two.tolist()) == ([1, 2], [1, 3, 0])


def test_more_launches_than_a_table_holds():
    tables = [np.concatenate([entry(f"h{k}", 10.0 * n + k) for n in range(600)]) for k in range(2)]
    entries, numbers = merged_launches(tables)
    assert len(entries) == N_LAUNCHES - 2  # room for the merge and for the next launch
    assert entries["started"].tolist() == sorted(entries["started"])
    assert entries["started"][-1] == 5991
    assert (numbers[0] == -1).sum() == (numbers[1] == -1).sum() == 89
    assert entries[numbers[1][-1]]["host"] == b"h1"


def test_rows_of_unknown_launches_say_so(halves, into, rows):
    overwrite(halves[0], 2, resealed(rows[2], launch=700))
    merge(halves, into)
    assert open_reader(into).rows["launch"].tolist() == [1, 1, -1, 1, 1, 1] + [0] * 6


def test_a_launch_without_an_end_is_kept_as_lost(halves, into, tmp_path, campaign, rows):
    lost = write(tmp_path / "c.h5", campaign, rows, [0], host="lost", now=NOW + 5, ended=False)
    merge([*halves, lost], into)
    results = open_reader(into)
    assert [(launch.host, launch.ended is None) for launch in results.launches[:3]] == [
        ("first", False), ("lost", True), ("later", False),
    ]  # fmt: skip
    assert list(verify(results)) == []


# ---------------------------------------------------------------- what is refused


def test_another_campaign_is_refused(halves, into, small_campaign_text, tmp_path):
    other = small_campaign_text.replace("n_turbines: 5", "n_turbines: 4").replace("count: 3", "count: 2")
    create_results(tmp_path / "other.h5", parse_campaign(other))
    message = (
        r"other\.h5: of another campaign .*a\.h5: seeds.count: 3 in .*, 2 in .*; n_turbines: 5 in .*, 4 in"
    )
    with pytest.raises(InputError, match=message):
        merge([*halves, tmp_path / "other.h5"], into)
    assert not into.exists()


@pytest.fixture
def of_seeds(tmp_path, small_campaign_text, rows):
    """A results file of the small campaign with other seeds, of which some are done."""

    def make(name, seeds, done, **about):
        text = small_campaign_text.replace("{first: 0, count: 3}", str(seeds))
        (tmp_path / f"{name}.yaml").write_text(text)
        own = parse_campaign(text)
        by_key = {row["key"].decode(): row for row in rows}
        numbers = [config.number for config in own.configs if config.seed in done]
        placed = np.empty(len(own.configs), rows.dtype)
        for number in numbers:
            placed[number] = by_key[own.configs[number].key]
        return write(tmp_path / f"{name}.h5", own, placed, numbers, **about)

    return make


def test_files_of_other_seeds_make_one_of_all(
    of_seeds, into, campaign, rows, small_campaign, tmp_path, monkeypatch
):
    monkeypatch.setattr("mpi_layout.merge.campaigns.rows_at_once", lambda dtype: 5)
    monkeypatch.setattr("mpi_layout.results.reader.rows_at_once", lambda dtype: 5)
    a = of_seeds("a", [2, 0], [0, 2], host="first")
    b = of_seeds("b", [1], [1], host="later", now=NOW + 1000)
    whole = write(tmp_path / "c.h5", campaign, rows, [0, 3], host="last", now=NOW + 2000)
    with pytest.raises(
        InputError, match=r"b\.h5: of another .* than .*a\.h5: seeds.* a campaign file that has"
    ):
        merge([a, b], into)
    assert not into.exists()
    merged = merge([a, b, whole], into, campaign_path=small_campaign)
    assert [(source.done, source.taken) for source in merged.sources] == [(8, 8), (4, 4), (2, 0)]
    assert (merged.done, merged.waiting, merged.equal) == (12, 0, 2)
    results = open_reader(into)
    assert results.campaign.digest == campaign.digest
    assert list(verify(results)) == []
    straight = write(tmp_path / "straight.h5", campaign, rows, range(12))
    assert diff(results, open_reader(straight)).equal
    assert results.rows["launch"].tolist() == [0, 1, 0] * 4


def test_what_seeds_of_a_part_have_not_waits_and_damage_is_named(
    of_seeds, into, rows, small_campaign, capsys
):
    a = of_seeds("a", [1, 7], [1])
    damaged = rows[4].copy()
    damaged["x"][0] += 1
    overwrite(a, 2, damaged)  # a_t15_s1 of its seeds
    words = ["merge", str(a), "--into", str(into), "--campaign", str(small_campaign)]
    assert cli.main(words) == 2
    assert "of another campaign than the one given with --campaign: seeds" in capsys.readouterr().err
    b = of_seeds("b", [1], [1])
    overwrite(b, 1, damaged)
    words[1] = str(b)
    assert cli.main(words) == 0
    assert "1 damaged row is left out; no other file has a_t15_s1" in capsys.readouterr().out
    assert np.flatnonzero(open_reader(into).done).tolist() == [1, 7, 10]


def test_a_campaign_that_differs_in_more_than_seeds_is_refused(of_seeds, into, small_campaign):
    a = of_seeds("a", [1], [1])
    small_campaign.write_text(small_campaign.read_text().replace("min_spacing_D: 3", "min_spacing_D: 2"))
    with pytest.raises(
        InputError, match=r"--campaign: seeds.*; min_spacing_D: 2.0 in the .*; only files of one"
    ):
        merge([a], into, campaign_path=small_campaign)


def test_comments_make_no_other_campaign(halves, into, small_campaign_text, tmp_path):
    create_results(tmp_path / "other.h5", parse_campaign(f"# mine\ndescription: x\n{small_campaign_text}"))
    assert merge([tmp_path / "other.h5", *halves], into).done == 12
    assert open_reader(into).campaign_text.startswith("# mine")


def test_odd_paths_are_refused(halves, into, tmp_path):
    link, soft = tmp_path / "link.h5", tmp_path / "soft.h5"
    os.link(halves[0], link)
    soft.symlink_to(halves[1])
    os.mkfifo(pipe := tmp_path / "pipe.h5")
    for paths, target, message in (
        ([halves[0], halves[0]], into, "given twice"),
        ([*halves, link], into, r"link\.h5: given twice, the same file as .*a\.h5"),
        (halves, halves[1], "is one of the files that are merged"),
        (halves, soft, "is one of the files that are merged"),
        (halves, tmp_path, "is a folder"),
        (halves, pipe, "is a folder or a device"),
        ([*halves, pipe], into, r"pipe\.h5: cannot be read: is a pipe"),
        ([*halves, tmp_path / "none.h5"], into, r"none\.h5: no such file"),
        (halves, tmp_path / "none" / "all.h5", "does not exist"),
    ):
        before = names(tmp_path)
        with pytest.raises(InputError, match=message):
            merge(paths, target, force=True)
        assert names(tmp_path) == before


def test_a_link_leads_to_the_file_that_is_made_and_replaced(halves, into, tmp_path):
    (tmp_path / "link.h5").symlink_to(into.name)
    for force in (False, True):
        assert merge(halves, tmp_path / "link.h5", force=force).done == 12
        assert (tmp_path / "link.h5").is_symlink()
        assert open_reader(into).done.all()


def test_an_existing_file_is_replaced_only_by_force(halves, into):
    into.write_text("precious")
    with pytest.raises(InputError, match="exists already and is not replaced"):
        merge(halves, into)
    assert into.read_text() == "precious"
    merge(halves, into, force=True, dry_run=True)
    assert into.read_text() == "precious"
    assert merge(halves, into, force=True).done == 12
    assert open_reader(into).done.all()


@pytest.mark.parametrize("shared", [False, True])
def test_a_file_that_is_being_written_is_refused(halves, into, tmp_path, shared):
    with WriterLock(halves[1]) as lock:
        worker = SharedLock(halves[1])
        if shared:  # rank 0 has died, a rank that writes lives
            lock.share()
            worker.acquire()
            lock.keep_name()
            lock.release()
        with pytest.raises(InputError, match=r"b\.h5: another launch is working on this file .*--no-lock"):
            merge(halves, into)
        assert not into.exists()
        assert merge(halves, into, no_lock=True).done == 12
        worker.release()
    into.unlink()
    assert merge(halves, into).done == 12


def test_a_kill_leaves_no_file(halves, into, tmp_path):
    """By SIGKILL, when half of the rows are written."""
    code = """
import os, pathlib, sys
from mpi_layout.merge import merge
from mpi_layout.results import launches
from mpi_layout.results.storage import store
def write(self, name, start, values, write=store.PlainStore.write):
    if name == "status" and values.any():
        os.kill(os.getpid(), 9)
    write(self, name, start, values)
store.PlainStore.write = write
merge.merge([pathlib.Path(p) for p in sys.argv[1:3]], pathlib.Path(sys.argv[3]))
"""
    command = [sys.executable, "-P", "-c", code, *map(str, halves), str(into)]
    assert subprocess.run(command, check=False, timeout=120).returncode == -9
    assert not into.exists()
    assert set(names(tmp_path)) <= {"a.h5", "b.h5", "all.h5.lock", ".all.h5.creating"}
    assert merge(halves, into).done == 12
    assert names(tmp_path) == ["a.h5", "all.h5", "b.h5"]


# ---------------------------------------------------------------- the command


def test_the_campaign_goes_on_with_it(tmp_path, campaign, rows, small_campaign, capsys):
    a = write(tmp_path / "a.h5", campaign, rows, [0, 1, 2, 3])
    b = write(tmp_path / "b.h5", campaign, rows, [3, 4, 11], now=NOW + 9)
    damaged = rows[5].copy()
    damaged["x"][0] += 1
    overwrite(a, 5, damaged)
    into = tmp_path / "all.h5"
    assert cli.main(["merge", str(a), str(b), "--into", str(into)]) == 0
    said = capsys.readouterr().out
    for part in (
        "1 damaged row is left out; no other file has a_t15_s2",
        "1 config has the same layout in several files",
        f"{into}: 6 done, 0 failed, 6 waiting; 2 launches",
        f"mpi-layout run CAMPAIGN -o {into}",
    ):
        assert part in said
    assert cli.main(["run", str(small_campaign), "-o", str(into)]) == 0
    results = open_reader(into)
    assert results.rows["launch"].tolist() == [0, 0, 0, 0, 1, *[3] * 6, 1]
    assert list(verify(results)) == []
    assert diff(results, open_reader(write(tmp_path / "straight.h5", campaign, rows, range(12)))).equal
    capsys.readouterr()
    assert cli.main(["status", str(into), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["launches"]
    assert [launch["reason"] for launch in told] == ["complete", "complete", "merged 2 files", "complete"]


def test_command_tells_conflicts(doubles, into, capsys):
    words = ["merge", *map(str, doubles), "-o", str(into)]
    assert cli.main(words) == 2
    told = capsys.readouterr()
    assert "a_t15_s1" in told.out
    assert "250" in told.out
    assert told.err.count("\n") == 1
    assert "--on-conflict" in told.err
    assert cli.main([*words, "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["made"], told["conflicts"][0]["key"]) == (False, "a_t15_s1")
    assert cli.main([*words, "--on-conflict", "better", "--dry-run"]) == 0
    assert "would have 12 done" in capsys.readouterr().out
    assert not into.exists()
    assert cli.main([*words, "--on-conflict", "better", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["made"], told["done"], told["equal"], told["conflicts"][0]["taken"]) == (True, 12, 11, 1)


def test_more_files_than_may_be_open_at_once(halves, into, launch):
    copies = [into.with_name(f"copy{k}.h5") for k in range(30)]
    for copy in copies:
        copy.write_bytes(halves[0].read_bytes())

    def merged(limit):
        under = ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh"]
        return launch("merge", *copies, "--into", into, under=under)

    ended = merged(25)
    assert ended.code == 2
    assert "30 files are more than may be open at once here (25, ulimit -n)" in ended.err
    assert "or merge in steps" in ended.err
    assert ended.err.count("\n") == 1
    assert not into.exists()
    advised = re.search(r"with ulimit -n (\d+)", ended.err)[1]
    assert merged(advised).code == 0
    assert open_reader(into).done.sum() == 6
