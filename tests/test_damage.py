"""Random damage to results files: what touches anything is found, what is found is mended, no crash."""

import contextlib
import functools
import os
import random
import time
from dataclasses import dataclass

import numpy as np
import pytest

from mpi_layout import cli
from mpi_layout.campaign import parse_campaign
from mpi_layout.compare.diff import diff
from mpi_layout.errors import InputError
from mpi_layout.optimise.solve import solve
from mpi_layout.results import launches, reader
from mpi_layout.results.create import create_results
from mpi_layout.results.file import open_writer
from mpi_layout.results.reader import open_reader
from mpi_layout.results.state.summary import summarise
from mpi_layout.results.storage.row import done_row, failed_row, row_dtype
from mpi_layout.results.storage.schema import MAP_BYTES
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import locate
from mpi_layout.results.verify import verify

NOW = 1.7e9
ABOUT = {"ranks": 3, "host": "node7", "pid": 4711, "scheduler_id": "12", "versions": "mpi_layout=1 numpy=2"}
FAILED = 5
LONGEST_S = 20.0  # of one look at a damaged file, on a machine that does other things too


@pytest.fixture(scope="module")
def campaign(small_campaign_text):
    return parse_campaign(small_campaign_text)


@pytest.fixture(autouse=True)
def parsed_once(monkeypatch):
    """Reading the same campaign text ten thousand times would take most of the time."""
    monkeypatch.setattr(reader, "parse_campaign", functools.cache(parse_campaign))


@pytest.fixture(scope="module")
def rows(campaign):
    """Rows of all configs, solved."""
    about = {"seconds": 0.1, "rank": 1, "launch": 0, "attempts": 1}
    dtype = row_dtype(campaign.n_turbines_max)
    return [done_row(dtype, c, solve(campaign.problem(c.number)), **about) for c in campaign.configs]


def finished(path, campaign, rows):
    """Two launches, the first one lost; all configs done."""
    create_results(path, campaign, now=NOW)
    for launch, numbers in enumerate((range(7), range(7, 12))):
        with open_writer(path, campaign) as writer:
            writer.begin_launch(**ABOUT, now=NOW + 100 * launch)
            for number in numbers:
                writer.record_attempt(number, 1)
                writer.write_row(number, rows[number])
            writer.heartbeat(NOW + 100 * launch + 50, len(numbers))
            if launch:
                writer.end_launch(NOW + 160, "complete", len(numbers))


def stopped(path, campaign, rows):
    """One launch that left in order: some done, one failed, one given up half way, the others waiting."""
    failed = failed_row(
        rows[0].dtype, campaign.configs[FAILED], "no room", seconds=1, rank=1, launch=0, attempts=1
    )
    create_results(path, campaign, now=NOW)
    with open_writer(path, campaign) as writer:
        writer.begin_launch(**ABOUT, now=NOW)
        for number in (0, 1, 4):
            writer.write_row(number, rows[number])
        writer.write_row(FAILED, failed)
        writer.record_attempt(1, 2)
        writer.end_launch(NOW + 10, "time limit", 4)


def lost(path, campaign, rows):
    """One launch that was killed."""
    create_results(path, campaign, now=NOW)
    writer = open_writer(path, campaign)
    writer.begin_launch(**ABOUT, now=NOW)
    for number in range(5):
        writer.record_attempt(number, 1)
        writer.write_row(number, rows[number])
    writer.heartbeat(NOW + 50, 5)
    writer.record_attempt(5, 1)
    writer.close()


# What a change may escape: bytes that no checksum covers because they change by themselves.
UNSEALED = {
    finished: {},
    stopped: {"attempts": [1, 2, 3, *range(6, 12)]},
    lost: {
        "attempts": range(5, 12),
        "checksum": [5],  # it may be the first that was written of a row,
        "status": range(5),  # and the status the last that was not
        # Until a launch has ended its checksum is that of its beginning, and it ends piece by piece. Of an
        # end that is NaN many bits may change.
        "launch_heartbeat": [0],
        "launch_ended": [0],
        "launch_reason": [0],
        "launch_configs_done": [0],
    },
}


@dataclass(frozen=True)
class Damage:
    """Bytes of a file changed; with `cut` the file ends there."""

    offset: int
    raw: bytes
    cut: bool = False

    def apply(self, path):
        if self.cut:
            os.truncate(path, self.offset)
        else:
            with open(path, "r+b") as file:
                file.seek(self.offset)
                file.write(self.raw)

    def undo(self, path, sound):
        end = len(sound) if self.cut else self.offset + len(self.raw)
        Damage(self.offset, sound[self.offset : end]).apply(path)


def regions(path, size):
    """Where damage may strike: each dataset, and what lies between them."""
    parts, end = [], 0
    for _, extent in locate(path).in_order():
        parts += [(end, extent.offset), (extent.offset, extent.end)]
        end = extent.end
    return [(start, stop) for start, stop in [*parts, (end, size)] if stop > start]


def some_damage(moments, sound, parts):
    """Flipped bit, lost sector or page, or lost end, anywhere or in a region chosen first."""
    while True:
        start, stop = moments.choice(parts) if moments.random() < 0.8 else (0, len(sound))
        offset = moments.randrange(start, stop)
        kind = moments.choice(("bit", "bit", "sector", "page", "end"))
        if kind == "end":
            return Damage(offset, b"", cut=True)
        if kind == "bit":
            return Damage(offset, bytes([sound[offset] ^ (1 << moments.randrange(8))]))
        size = {"sector": 512, "page": 4096}[kind]
        offset -= offset % size
        old = sound[offset : offset + size]
        if any(old):
            return Damage(offset, bytes(len(old)))


def escapes(damage, sound, path, unsealed):
    """Whether all that changes is bytes that nothing covers."""
    if damage.cut:
        return False
    old = sound[damage.offset : damage.offset + len(damage.raw)]
    changed = {damage.offset + k for k, (a, b) in enumerate(zip(old, damage.raw, strict=True)) if a != b}
    extents = locate(path).extents
    for name, entries in unsealed.items():
        for entry in entries:
            start = extents[name].offset + entry * extents[name].item_bytes
            changed -= set(range(start, start + extents[name].item_bytes))
    return not changed


def seen(path):
    """Whether verify or the attempt to open shows damage; status must come through as well."""
    try:
        results = open_reader(path)
    except InputError:
        return True
    with contextlib.suppress(InputError):
        summarise(results, now=NOW)
    return any(True for _ in verify(results, aep=False))


def strike(path, n_cases, unsealed, seed):
    """Damage a file many times, one damage at a time; give those that nobody noticed."""
    print("seed", seed)
    moments = random.Random(seed)
    sound = path.read_bytes()
    parts = regions(path, len(sound))
    unnoticed = []
    for _ in range(n_cases):
        damage = some_damage(moments, sound, parts)
        damage.apply(path)
        began = time.monotonic()
        noticed = seen(path)
        assert time.monotonic() - began < LONGEST_S, damage
        damage.undo(path, sound)
        if not noticed and not escapes(damage, sound, path, unsealed):
            unnoticed.append(damage)
    assert path.read_bytes() == sound
    return unnoticed


@pytest.mark.parametrize("make", UNSEALED, ids=lambda make: make.__name__)
def test_damage_is_noticed(tmp_path, campaign, rows, make):
    path = tmp_path / "results.h5"
    make(path, campaign, rows)
    assert not seen(path)
    assert strike(path, 350, UNSEALED[make], random.randrange(2**32)) == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("make", UNSEALED, ids=lambda make: make.__name__)
def test_damage_is_noticed_ten_thousand_times(tmp_path, campaign, rows, make):
    path = tmp_path / "results.h5"
    make(path, campaign, rows)
    assert strike(path, 4000, UNSEALED[make], random.randrange(2**32)) == []


LATER = ("launch_heartbeat", "launch_ended", "launch_reason", "launch_configs_done")


@pytest.mark.parametrize("of_four", range(16))
def test_a_launch_that_was_cut_off_while_it_ended_is_no_damage(tmp_path, campaign, rows, of_four):
    """A power cut keeps any of what was not synced yet; a kill the first so many."""
    path, ended = tmp_path / "results.h5", tmp_path / "ended.h5"
    for target in (path, ended):
        lost(target, campaign, rows)
    extents = locate(path).extents
    with PlainStore(ended, extents, writable=True) as store:
        entry = launches.new_launch(**ABOUT, now=NOW)
        launches.beat(store, 0, entry, 5, NOW + 50)
        launches.end(store, 0, entry, "complete", 6, NOW + 60)
    assert open_reader(ended).launches[0].sealed
    with (
        PlainStore(ended, extents, writable=False) as source,
        PlainStore(path, extents, writable=True) as store,
    ):
        for bit, name in enumerate(LATER):
            if of_four >> bit & 1:
                store.write(name, 0, source.read(name, 0, 1))
    assert list(verify(open_reader(path), aep=False)) == []


@pytest.mark.parametrize(
    "when", [0.0, 1.5, NOW - 1, NOW + 49, NOW + 1e9, 1e300, np.inf, -np.inf, -NOW], ids="{:g}".format
)
def test_an_impossible_end_of_a_launch_is_noticed_and_taken_back(tmp_path, campaign, rows, when):
    path = tmp_path / "results.h5"
    lost(path, campaign, rows)
    with PlainStore(path, locate(path).extents, writable=True) as store:
        store.write("launch_ended", 0, np.array([when]))
    (finding,) = verify(open_reader(path), aep=False)
    assert (finding.what, finding.detail) == ("launch", "launch 0 has an impossible end")
    open_writer(path, campaign).close()
    assert open_reader(path).launches[0].ended is None
    assert list(verify(open_reader(path), aep=False)) == []


def mended(path, whole, campaign_path, capsys):
    """Run the campaign, after a recovery if the file is refused; give what was needed."""
    arguments = ["run", str(campaign_path), "-o"]
    code = cli.main([*arguments, str(path)])
    said = capsys.readouterr().err
    how, target = "run", path
    if code:
        assert code == 2, said
        assert "Traceback" not in said
        if "mpi-layout recover" not in said:  # cut off before anything that tells what it was
            assert "no results file" in said or "not a results file" in said
            assert path.stat().st_size < MAP_BYTES * 2
            return "nothing"
        how, target = "recover", path.with_name("saved.h5")
        before = path.read_bytes()
        code = cli.main(["recover", str(path), str(target), "--campaign", str(campaign_path)])
        said = capsys.readouterr().err
        assert path.read_bytes() == before
        if code:  # nothing is left
            assert "there is no row in it whose checksum holds" in said
            return "nothing"
        assert cli.main([*arguments, str(target)]) == 0
    assert diff(open_reader(whole), open_reader(target)).equal
    if how == "recover":
        assert list(verify(open_reader(target))) == []
        target.unlink()
    return how


def mend(tmp_path, campaign, rows, small_campaign, capsys, n_cases):
    whole, path = tmp_path / "whole.h5", tmp_path / "results.h5"
    finished(whole, campaign, rows)
    sound = whole.read_bytes()
    parts = regions(whole, len(sound))
    seed = random.randrange(2**32)
    print("seed", seed)
    moments = random.Random(seed)
    ways = []
    for _ in range(n_cases):
        path.write_bytes(sound)
        damage = some_damage(moments, sound, parts)
        damage.apply(path)
        print(damage.offset, len(damage.raw), damage.cut)
        ways.append(mended(path, whole, small_campaign, capsys))
    assert {"run", "recover"} <= set(ways)


def test_damaged_rows_are_computed_again(tmp_path, campaign, rows, small_campaign, capsys):
    mend(tmp_path, campaign, rows, small_campaign, capsys, 16)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_damaged_rows_are_computed_again_and_again(tmp_path, campaign, rows, small_campaign, capsys):
    mend(tmp_path, campaign, rows, small_campaign, capsys, 200)


def test_lost_states_cost_rows_that_are_computed_again(tmp_path, campaign, rows, small_campaign, capsys):
    whole, path = tmp_path / "whole.h5", tmp_path / "results.h5"
    for target in (whole, path):
        finished(target, campaign, rows)
    Damage(locate(path).extents["status"].offset + 3, bytes(2)).apply(path)
    assert {finding.what for finding in verify(open_reader(path), aep=False)} == {"status"}
    assert mended(path, whole, small_campaign, capsys) == "run"
