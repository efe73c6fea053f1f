"""A campaign that is watched: what each look finds, what is drawn, and the program in a real terminal."""

import dataclasses
import io
import itertools
import json
import math
import os
import pty
import random
import re
import signal
import sys
import termios
import time
import zlib

import numpy as np
import pytest
from rich.console import Console
from terminal import LIMIT_S, Screen

from mpi_layout import cli
from mpi_layout.campaign import parse_campaign
from mpi_layout.commands.watch import _Screen, has_screen
from mpi_layout.commands.watching.heat import heat
from mpi_layout.commands.watching.keyboard import Keyboard, keys_in
from mpi_layout.commands.watching.screen import Moment, draw, line, meaning
from mpi_layout.commands.watching.view import HELP, MEASURES, PANELS, SORTS, View, press
from mpi_layout.errors import InputError
from mpi_layout.optimise.problem import Solution
from mpi_layout.results.file import create_results, open_reader, open_writer
from mpi_layout.results.locking.lock_file import lock_path, read_notice
from mpi_layout.results.locking.notice import Notice, RankNow
from mpi_layout.results.state.live import LiveReader
from mpi_layout.results.state.summary import summarise
from mpi_layout.results.storage.disk import DiskError
from mpi_layout.results.storage.row import done_row, failed_row

NOW = 1.7e9
LAUNCH = {"host": "node7", "pid": 4711, "scheduler_id": "99", "versions": "numpy 2"}


class Clock:
    """Seconds that pass when a test says so; `now` is that of the wall."""

    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time

    @property
    def now(self):
        return NOW + self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="module")
def campaign(small_campaign_text):
    return parse_campaign(small_campaign_text.replace("interval_s: 0.2", "interval_s: 20"))


def solution(config, aep):
    """A made-up result."""
    x = np.arange(config.n_turbines) * 1000.0
    return Solution(
        x=x,
        y=np.zeros(x.size),
        turbine_aep=np.full(x.size, aep / x.size),
        aep=aep,
        gross_aep=aep / 0.9,
        start_aep=aep,
        wake_loss=0.1,
        external_wake_loss=0.0,
        min_spacing=1000.0,
        max_outside=0.0,
        evaluations=1,
    )


class Writer:
    """A launch that does what a test says."""

    def __init__(self, path, campaign, clock, ranks=3):
        if not path.exists():
            create_results(path, campaign, now=NOW)
        self.file = open_writer(path, campaign)
        self.configs, self.clock, self.ended = campaign.configs, clock, 0
        self.file.begin_launch(ranks=ranks, now=clock.now, **LAUNCH)

    def begin(self, *numbers, attempts=1):
        for number in numbers:
            self.file.record_attempt(number, attempts)

    def about(self, number, rank, seconds):
        attempts = int(max(1, self.file.attempts[number]))
        return {"seconds": seconds, "rank": rank, "launch": self.file.launch, "attempts": attempts}

    def done(self, number, aep=100.0, *, rank=1, seconds=5.0):
        config = self.configs[number]
        row = done_row(self.file.dtype, config, solution(config, aep), **self.about(number, rank, seconds))
        self.file.write_row(number, row)
        self.ended += 1

    def failed(self, number, message="no room", *, rank=2, seconds=1.0):
        config = self.configs[number]
        self.file.write_row(
            number, failed_row(self.file.dtype, config, message, **self.about(number, rank, seconds))
        )
        self.ended += 1

    def tell(self, *ranks, gone=(), **about):
        """Write what a launch tells, that began when the clock said 100."""
        told = {
            "clock": self.clock.time - 100.0,
            "checkpoint": 1.0,
            "only": "*",
            "left": 5,
            "seconds_left": 9.0,
        }
        about = {"launch": self.file.launch, "started": self.file.started} | told | about
        text = Notice(ranks=ranks, gone=gone, **about).to_json().encode()
        lock_path(self.file.path).write_bytes(b"{}\n%08x " % zlib.crc32(text) + text + b"\n")

    def beat(self):
        self.file.heartbeat(self.clock.now, self.ended)

    def end(self, reason="complete"):
        self.file.end_launch(self.clock.now, reason, self.ended)
        self.file.close()


@pytest.fixture
def write(path, campaign, clock):
    """Begin launches on the file `path`; what is left open is closed."""
    begun = []

    def write(**options):
        begun.append(Writer(path, campaign, clock, **options))
        return begun[-1]

    yield write
    for writer in begun:
        writer.file.close()


@pytest.fixture
def look(path, clock):
    """Look at `path`, always through the same reader."""
    reader = LiveReader(path, clock)
    return lambda: reader.look(now=clock.now)


# ---------------------------------------------------------------- looks


def test_every_look_finds_what_a_fresh_reader_finds(write, look, path, clock):
    """Random steps of launches; the rows that are remembered are those in the file."""
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    writer = write()
    state = dict.fromkeys(range(12), "waiting")
    for step in range(15):
        for number in dice.sample(range(12), dice.randrange(4)):
            if state[number] == "waiting":
                writer.begin(number, attempts=int(writer.file.attempts[number]) + 1)
                state[number] = "running"
            elif state[number] == "running":
                state[number] = dice.choice(["done", "failed", "waiting"])
                if state[number] == "done":
                    writer.done(number, 100.0 + step, rank=dice.randrange(3))
                elif state[number] == "failed":
                    writer.failed(number, f"failed in step {step}")
                else:
                    writer.file.record_attempt(number, 0)
            elif state[number] == "failed" and dice.random() < 0.5:
                writer.begin(number)
                state[number] = "running"
        if dice.random() < 0.1:
            writer.end("SIGTERM")
            writer = write()
        writer.beat()
        clock.time += dice.uniform(0.1, 3)
        sight = look()
        fresh = open_reader(path)
        assert sight.piece.committed.tolist() == fresh.committed.tolist()
        (rows,) = (piece.rows for piece in sight.results.pieces())
        for name in ("status", "launch", "rank", "attempts", "aep", "message"):
            found, wanted = rows[name], fresh.rows[name]
            there = fresh.committed & (wanted == wanted)
            assert found[there].tolist() == wanted[there].tolist(), name
        assert sorted(f.number for f in sight.in_flight) == [n for n in state if state[n] == "running"]
        assert [s.launch for s in sight.launches] == list(fresh.launches)
        told, known = summarise(fresh, now=clock.now), summarise(sight.results, now=clock.now)
        assert dataclasses.replace(known, path="") == dataclasses.replace(told, path="")


def test_ages_are_those_since_a_look_saw_it(write, look, clock):
    writer = write()
    writer.begin(4)
    writer.done(0)
    (old,) = look().in_flight
    assert (old.number, old.age, old.exact) == (4, 0.0, False)
    writer.begin(7)
    clock.time += 5
    writer.beat()
    look()
    clock.time += 3
    writer.done(1)
    sight = look()
    assert [(f.number, f.age, f.exact) for f in sight.in_flight] == [(4, 8.0, False), (7, 3.0, True)]
    clock.time += 2
    writer.begin(4, attempts=2)  # tried again: a new beginning
    writer.failed(7)
    sight = look()
    assert [(f.number, f.attempts, f.age, f.exact) for f in sight.in_flight] == [(4, 2, 0.0, True)]
    ago = sight.ended_ago
    assert math.isnan(ago[0])  # nobody saw it
    assert (ago[1], ago[7]) == (2.0, 0.0)
    assert np.isnan(ago[[2, 3, 4]]).all()


def test_rates_now_and_over_the_launch(write, look, clock):
    writer = write()
    look()
    for number in range(6):
        clock.time += 10
        writer.done(number, seconds=20.0)
        writer.beat()
        sight = look()
    assert math.isclose(sight.rate, 6 / 60)
    assert math.isclose(sight.rate_now, 6 / 60)
    # Two workers; six configs wait that took 20 s each elsewhere.
    assert math.isclose(sight.eta, 6 * 20 / 2)
    for _ in range(7):
        clock.time += 100
        writer.beat()
        sight = look()
    assert math.isclose(sight.rate, 6 / 760)
    assert math.isclose(sight.rate_now, 6 / 760)  # looks back until there is something to count


def test_now_is_the_last_minute_where_much_happens(path, clock, small_campaign_text):
    campaign = parse_campaign(small_campaign_text.replace("count: 3", "count: 20"))
    writer, reader = Writer(path, campaign, clock), LiveReader(path, clock)
    for number in range(75):
        clock.time += 5 if number < 10 else 1
        writer.done(number)
        writer.beat()
        sight = reader.look(now=clock.now)
    writer.file.close()
    assert math.isclose(sight.rate, 75 / 115)
    assert math.isclose(sight.rate_now, 1.0)


def test_kinds_that_took_long_count_for_what_is_left(write, look):
    writer = write()
    for number in range(0, 12, 3):  # one config of each kind
        writer.done(number, seconds=float(number + 1))
    assert math.isclose(look().eta, 2 * (1 + 4 + 7 + 10) / 2)


def test_ranks_of_the_last_launch(write, look, clock):
    first = write()
    first.done(0, rank=1)
    first.end("SIGTERM")
    writer = write()
    look()
    writer.done(1, rank=1, seconds=5)
    clock.time += 1
    look()
    writer.failed(2, rank=2, seconds=2)
    writer.done(3, rank=1, seconds=7)
    clock.time += 4
    one, two = look().ranks()
    assert (one.rank, one.ended, one.failed, one.seconds, one.last, one.ago) == (1, 2, 0, 12.0, 3, 0.0)
    assert (two.rank, two.ended, two.failed, two.seconds, two.last, two.ago) == (2, 1, 1, 2.0, 2, 0.0)
    clock.time += 4
    assert [work.ago for work in look().ranks()] == [4.0, 4.0]


def test_a_launch_is_believed_by_its_heartbeat_and_not_by_clocks(write, look, clock):
    """Its node's clock may be an hour behind: what counts is that the heartbeat moves."""
    clock.time -= 3600
    writer = write()
    clock.time += 3600
    assert not look().running
    clock.time += 10 - 3600
    writer.beat()
    clock.time += 3600
    sight = look()
    assert sight.running
    assert sight.silence == 0.0
    clock.time += 59
    assert look().running
    clock.time += 2
    sight = look()
    assert (sight.running, sight.last.state, sight.silence) == (False, "lost", 61.0)


def test_what_a_lost_launch_had_in_flight_is_interrupted(write, look, clock):
    write().begin(1, 2)
    clock.time += 1000
    sight = look()
    assert (sight.last.state, sight.in_flight, sight.interrupted) == ("lost", (), 2)


@pytest.mark.parametrize(
    ("reason", "n_done", "n_failed", "says"),
    [
        ("complete", 12, 0, "exit code 0"),
        ("complete", 11, 1, "exit code 3"),
        ("complete", 5, 0, "all configs that it was to do ended (exit code 0"),
        ("the time limit", 5, 0, "exit code 75, run the same command again"),
        ("SIGTERM; rank 3 hung", 5, 1, "exit code 75"),
        ("too many failed configs", 5, 3, "exit code 4"),
        ("error: KeyError", 5, 0, "exit code 1, a bug"),
        ("error: MemoryError; rank 3 died", 5, 0, "exit code 1, memory ran out"),
    ],
)
def test_what_the_end_of_a_launch_means(write, look, reason, n_done, n_failed, says):
    writer = write()
    for number in range(n_done):
        writer.done(number)
    for number in range(n_done, n_done + n_failed):
        writer.failed(number)
    writer.end(reason)
    assert says in meaning(look())


def test_the_same_ends_as_a_launch_that_ran(straight):
    sight = LiveReader(straight.path).look(now=time.time())
    assert (sight.finished, sight.last.state) == (True, "ended")
    assert "exit code 0" in meaning(sight)


def test_a_file_in_its_place_is_seen(write, look, path, campaign, clock):
    writer = write()
    writer.done(3)
    assert look().piece.done.sum() == 1
    writer.file.close()
    path.rename(path.with_suffix(".old"))
    with pytest.raises(InputError, match="no such file"):
        look()
    other = Writer(path, campaign, clock)
    other.done(5)
    other.file.close()
    sight = look()
    assert sight.generation == 2
    assert np.flatnonzero(sight.piece.done).tolist() == [5]
    path.write_bytes(b"")
    with pytest.raises((InputError, DiskError), match="empty"):
        look()


def test_a_file_of_another_campaign_in_its_place_is_seen(write, look, path, clock, small_campaign_text):
    write().done(3)
    look()
    path.unlink()
    other = parse_campaign(small_campaign_text.replace("count: 3", "count: 30"))
    writer = Writer(path, other, clock)
    writer.done(100)
    writer.file.close()
    sight = look()
    assert np.flatnonzero(sight.piece.done).tolist() == [100]


def test_a_damaged_row_is_seen_and_its_cure_too(write, look, path, campaign):
    writer = write()
    writer.done(0)
    writer.done(1)
    look()
    extent = open_reader(path).structure.extents["x"]
    with open(path, "r+b") as file:
        file.seek(extent.offset)
        file.write(b"\1")
    sight = look()
    assert sight.piece.done.sum() == 2  # its mark and its checksum are as they were
    fresh = LiveReader(path)
    assert fresh.look(now=NOW).piece.damaged.tolist()[:2] == [True, False]
    writer.done(0)
    assert fresh.look(now=NOW).piece.damaged.sum() == 0


def test_a_look_reads_what_has_changed(write, look, monkeypatch):
    """Of a file in which nothing happens no row is read again."""
    writer = write()
    for number in range(10):
        writer.done(number)
    look()
    read = []
    scan = sys.modules["mpi_layout.results.state.live"].scan

    def spy(store, dtype, start, stop):
        read.append((start, stop))
        return scan(store, dtype, start, stop)

    monkeypatch.setattr("mpi_layout.results.state.live.scan", spy)
    look()
    assert read == []
    writer.done(11)
    look()
    assert read == [(11, 12)]


# ---------------------------------------------------------------- looks at what the launch tells


def flights(sight):
    return [(f.number, f.rank, f.given, f.age, f.exact) for f in sight.in_flight]


def test_true_ages_also_of_what_began_before(write, look, clock):
    writer = write()
    clock.time += 50
    writer.begin(4, 7, 8, 9)
    writer.tell(RankNow(1, 4, 1, 20.0), RankNow(2, 7, 3, 45.5))
    writer.beat()
    sight = look()
    # Which of 8 and 9 has begun is not known, nor when.
    assert flights(sight) == [
        (4, 1, 1, 30.0, True),
        (7, 2, 3, 4.5, True),
        (8, None, 1, 0, False),
        (9, None, 1, 0, False),
    ]
    assert (sight.checkpoint_age, sight.eta, sight.only) == (49.0, 9.0, "")
    clock.time += 5  # and nothing new is told
    sight = look()
    assert flights(sight)[:2] == [(4, 1, 1, 35.0, True), (7, 2, 3, 9.5, True)]
    assert (sight.checkpoint_age, sight.eta) == (54.0, 4.0)
    writer.done(4)
    writer.done(7)
    writer.begin(5)
    writer.tell(RankNow(1, 5, 1, 54.5), RankNow(2, 9, 1, 53.0), checkpoint=55.0)
    sight = look()
    assert flights(sight) == [(9, 2, 1, 2.0, True), (5, 1, 1, 0.5, True)]
    assert sight.checkpoint_age == 0.0
    one, two = sight.ranks()
    assert (one.rank, one.ended, one.now.config, one.age) == (1, 2, 5, 0.5)
    assert (two.rank, two.ended, two.now.config, two.age) == (2, 0, 9, 2.0)


def test_what_a_lost_launch_has_left_is_not_in_flight(write, look, clock):
    write().begin(1, 2)
    writer = write()
    clock.time += 30
    writer.begin(4)
    writer.tell(RankNow(1, 4, 1, 25.0), RankNow(2, None, 0, 28.0))
    assert flights(look()) == [(4, 1, 1, 5.0, True)]
    clock.time += 3
    writer.begin(2, attempts=2)  # given this moment, and not yet told
    writer.beat()
    sight = look()
    assert flights(sight) == [(4, 1, 1, 8.0, True), (2, None, 1, 0.0, True)]
    assert [(work.rank, work.age) for work in sight.ranks()] == [(1, 8.0), (2, 5.0)]


@pytest.mark.parametrize(
    "about",
    [
        {"launch": 1},
        {"started": 1.0},
        {"ranks": [RankNow(1, 12, 1, 0.0)]},
        {"ranks": [RankNow(3, 4, 1, 0.0)]},
    ],
)
def test_what_another_launch_tells_does_not_matter(write, look, clock, about):
    writer = write()
    writer.begin(4)
    clock.time += 5
    ranks = about.pop("ranks", [RankNow(1, 4, 1, 3.0)])
    writer.tell(*ranks, **about)
    sight = look()
    assert sight.notice is None
    assert flights(sight) == [(4, None, 1, 0.0, False)]
    assert sight.ranks() == []


def test_without_a_lock_file_it_is_as_before(write, look, clock, path):
    writer = write()
    writer.begin(4)
    clock.time += 5
    writer.tell(RankNow(1, 4, 1, 3.0))
    assert flights(look()) == [(4, 1, 1, 2.0, True)]
    lock_path(path).write_bytes(b"{}\n")  # being written, say
    assert flights(look()) == [(4, 1, 1, 2.0, True)]
    lock_path(path).unlink()
    writer.end()
    sight = look()
    assert (sight.notice, sight.in_flight) == (None, ())
    assert flights(LiveReader(path, clock).look(now=clock.now)) == []
    clock.time += 1
    next_one = write()
    next_one.begin(5)
    assert flights(look()) == [(4, None, 1, 1.0, False), (5, None, 1, 0.0, True)]


def test_what_is_left_is_what_the_launch_does(write, look, clock, path):
    """With --only, other configs wait for another launch."""
    writer = write()
    writer.done(0)
    clock.time += 10
    writer.beat()
    assert look().eta == 11 * 5 / 2
    writer.tell(only="a_t1*", left=3, seconds_left=7.0)
    sight = look()
    assert (sight.eta, sight.only) == (7.0, "a_t1*")
    assert "launch 0 on 3 ranks, node7:4711, job 99, only a_t1*" in "\n".join(drawn(sight))
    told = summarise(open_reader(path), now=clock.now, notice=read_notice(path))
    assert told.eta == 7.0
    writer.tell(only="a_t1*", left=3, seconds_left=None)
    told = summarise(open_reader(path), now=clock.now, notice=read_notice(path))
    assert told.eta == 3 / told.rate
    assert look().eta is None


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("data", "keys", "rest"),
    [
        (b"q", ["q"], b""),
        (b"\x1b[A\x1b[B\x1bOC\x1b[D", ["up", "down", "right", "left"], b""),
        (b"\x1b[5~\x1b[6~\x1b[H\x1b[F", ["page up", "page down", "home", "end"], b""),
        (b"jj\t\x1b[Z ", ["j", "j", "tab", "back tab", " "], b""),
        (b"\x1b[1;5A", [], b""),  # with Ctrl: no key of ours, and no letters either
        (b"\x1b[", [], b"\x1b["),
        (b"s\x1b", ["s"], b"\x1b"),
        ("é+".encode(), ["é", "+"], b""),
        ("é".encode()[:1], [], "é".encode()[:1]),
        (b"\xff\x80\x00\x01", [], b""),
    ],
)
def test_keys_of_terminals(data, keys, rest):
    assert keys_in(data) == (keys, rest)


def test_keys_in_pieces_are_the_same_keys():
    data = b"q\x1b[A\x1b[5~j\x1bOF\t" + "ä".encode()
    whole, _ = keys_in(data)
    for cut in range(len(data)):
        first, rest = keys_in(data[:cut])
        second, _ = keys_in(rest + data[cut:])
        assert first + second == whole, cut


def test_keys_change_what_is_seen():
    view = View(2.0)
    for key, panel in zip(
        ("tab", "tab", "back tab", "5", "tab", "back tab"), (1, 2, 1, 4, 0, 4), strict=True
    ):
        view = press(view, key, 10)
        assert view.panel == PANELS[panel]
    view = press(view, "b", 10)
    assert (view.panel, view.measure) == ("areas", MEASURES["b"])
    view = press(press(view, "down", 10), "page down", 10)
    assert view.top == 11
    assert press(view, "g", 10).top == 0
    assert press(view, "k", 10).top == 10
    assert press(view, "G", 10).within(40, 0).top == 40
    paused = press(view, " ", 10)
    assert (paused.paused, paused.asked) == (True, False)
    again = press(paused, " ", 10)
    assert (again.paused, again.asked) == (False, True)
    assert press(view, "r", 10).asked
    assert press(view, "q", 10).over
    assert press(view, "x", 10) == view
    helped = press(view, "?", 10)
    assert helped.help
    assert press(helped, "down", 10) == view  # any key closes it, and does nothing else


def test_intervals_have_ends():
    view = View(2.0)
    for _ in range(20):
        view = press(view, "+", 1)
    assert view.interval == 300
    for _ in range(20):
        view = press(view, "-", 1)
    assert view.interval == 0.2


def test_sorting_comes_round():
    for panel in PANELS:
        view = View(2.0, panel=panel)
        seen = []
        for _ in SORTS[panel]:
            seen.append(view.sort)
            view = press(view, "s", 1)
        assert tuple(seen) == SORTS[panel]
        assert view.sort == SORTS[panel][0]


# ---------------------------------------------------------------- what is drawn


def drawn(sight, view=None, size=(80, 24), *, fault="", now=None, unicode=True):
    """Lines of a screen."""
    moment = Moment(sight, fault, NOW if now is None else now, "small.h5")
    page, _ = draw(moment, view or View(2.0), size, unicode=unicode)
    console = Console(file=io.StringIO(), width=size[0], height=size[1])
    console.print(page)
    lines = console.file.getvalue().split("\n")
    return lines


@pytest.fixture
def sight(write, look, clock):
    """Half a campaign: a failure, two in flight, a worker that has ended nothing."""
    writer = write(ranks=4)
    look()
    for number in range(5):
        writer.done(number, 500.0 + number)
    writer.failed(5, "no room\x1b[2J for turbine 4")
    writer.begin(6, 7)
    clock.time += 10
    writer.beat()
    return look()


def test_the_head_says_how_far_it_is(sight, clock):
    text = "\n".join(drawn(sight, now=clock.now))
    assert "6 of 12 (50.0 %)" in text
    assert "5 done   1 failed   2 in flight   4 waiting" in text
    # Six configs wait that take 5 s each, there are three workers.
    assert "36 configs/min now, 36 configs/min over the launch; about 10 s left (22:15 UTC)" in text
    assert "launch 0 on 4 ranks, node7:4711, job 99" in text
    assert "last checkpoint or sign of life 0 ms ago (checkpoints every 20 s)" in text
    assert "\x1b" not in text


def test_the_heat_table_against_numpy(sight, path):
    fresh = open_reader(path)
    shape = (2, 2, 3)
    done, aep = fresh.done.reshape(shape), fresh.rows["aep"].reshape(shape)
    rows = [line.split() for line in drawn(sight) if line.startswith(("a ", "b "))]
    for row, shares in zip(rows, done.mean(axis=2), strict=True):
        percents = [int(cell) for cell in " ".join(row[1:]).replace("!", "").replace("%", "").split()]
        assert percents == [math.floor(100 * share) for share in (shares.mean(), *shares)]
    view = press(View(2.0), "b", 1)
    a, b = (line.split() for line in drawn(sight, view) if line.startswith(("a ", "b ")))
    assert a == ["a", *(f"{v:.1f}" for v in (np.nanmax(aep[0]), np.nanmax(aep[0, 0]), np.nanmax(aep[0, 1])))]
    assert b == ["b"]  # nothing is done there
    view = press(View(2.0), "f", 1)
    assert [line.split() for line in drawn(sight, view) if line.startswith("a ")] == [["a", "1", "0", "1"]]


def test_panels(sight, clock):
    flying = drawn(sight, View(2.0, panel="in flight"))
    assert any(re.match(r"b_t10_s0 +0 ms +1", line) for line in flying)
    ranks = "\n".join(drawn(sight, View(2.0, panel="ranks")))
    assert re.search(r"^ +1 +5 +5.0 s 100 % +0 ms ago a_t15_s1", ranks, re.MULTILINE)
    assert re.search(r"^ +2 +1 +1 +1.0 s +10 % +0 ms ago a_t15_s2", ranks, re.MULTILINE)
    assert re.search(r"^ +3 +0 *$", ranks, re.MULTILINE)
    failures = "\n".join(drawn(sight, View(2.0, panel="failures")))
    assert re.search(r"^a_t15_s2 +1 +0 ms ago no room\\x1b\[2J for turbine 4", failures, re.MULTILINE)
    launches = "\n".join(drawn(sight, View(2.0, panel="launches"), (120, 24)))
    assert "running, last sign of life 0 ms ago" in launches


def test_slow_configs_are_pointed_out(write, look, clock):
    writer = write()
    writer.done(6, seconds=5.0)
    look()
    writer.begin(7)
    look()
    for seconds, pointed_out in ((14, False), (2, True)):
        clock.time += seconds
        writer.beat()
        text = "\n".join(drawn(look(), View(2.0, panel="in flight")))
        assert ("longer than any of its kind" in text) == pointed_out


def test_what_ranks_do_now(write, look, clock):
    writer = write(ranks=6)
    writer.done(0, rank=1)
    writer.begin(4, 6, 7)
    clock.time += 100
    told = (RankNow(1, 4, 1, 90.0), RankNow(2, 6, 2, 99.0), RankNow(3, None, 0, 40.0), RankNow(5, 0, 1, 1.0))
    writer.tell(*told, gone=(4,))
    writer.beat()
    sight = look()
    ranks = drawn(sight, View(2.0, panel="ranks"), (100, 24))
    wanted = [
        r" +rank works on +for +ended +failed +each +busy",
        r" +1 a_t15_s1 +10 s +1 ",
        r" +2 b_t10_s0 \+1 +1\.0 s +0 *$",  # one of two
        r" +3 idle +60 s +0 *$",
        r" +4 gone +0 *$",
        r" +5 a_t10_s0 +2 min +0 *$",
    ]
    for pattern, text in zip(wanted, ranks[8:], strict=False):
        assert re.match(pattern, text), (pattern, text)
    by_age = View(2.0, panel="ranks", sorts=(0, 0, SORTS["ranks"].index("longest at it first"), 0, 0))
    assert [line.split()[0] for line in drawn(sight, by_age)[9:14]] == ["5", "3", "1", "2", "4"]
    flying = "\n".join(drawn(sight, View(2.0, panel="in flight")))
    assert re.search(r"^a_t15_s1 +1 +10 s +5.0 s|^a_t15_s1 +1 +10 s", flying, re.MULTILINE)
    assert re.search(r"^b_t10_s0 +2 +1.0 s +1 or one of 1 more behind it", flying, re.MULTILINE)
    assert "runs; last checkpoint 2 min ago (every 20 s), last sign of life 0 ms ago" in "\n".join(
        drawn(sight)
    )
    document = json.loads(json.dumps(sight.to_json(now=NOW), allow_nan=False))
    assert document["in_flight"][0] == {
        "key": "a_t15_s1", "number": 4, "attempts": 1, "age": 10.0, "exact": True, "rank": 1, "given": 1,
    }  # fmt: skip
    assert (document["only"], document["left"], document["idle"], document["gone"]) == ("*", 5, 1, [4])
    assert document["checkpoint_age"] == 99.0


def test_a_forged_notice_is_drawn_all_the_same(write, look, clock):
    writer = write(ranks=5)
    writer.begin(1, 4)
    dice = random.Random(4)
    for _ in range(20):
        configs, counts, times = (None, 1, 11), (0, 2**62), (0.0, 9e11)
        ranks = [RankNow(i, *map(dice.choice, (configs, counts, times))) for i in (1, 4, 3, 1, 2)]
        about = {"clock": dice.choice(times), "checkpoint": dice.choice((None, 9e11)), "left": 2**62}
        about |= {"seconds_left": dice.choice((None, 9e11)), "only": "\x1b[2J\n\x9b\udc80"}
        writer.tell(*ranks, gone=(2**62, 1), **about)
        sight = look()
        assert sight.notice is not None
        for panel in PANELS:
            assert "".join(drawn(sight, View(2.0, panel=panel), (200, 24))).isprintable()
        assert line(sight, NOW).isprintable()
        json.dumps(sight.to_json(now=NOW), allow_nan=False)


def test_every_size_is_filled_and_never_more(sight):
    views = [View(2.0, panel=panel) for panel in PANELS] + [View(2.0, help=True), View(2.0, paused=True)]
    for size in ((80, 24), (40, 12), (200, 60), (20, 6), (10, 2), (1, 1), (300, 3)):
        for view, fault in itertools.product(views, ("", "small.h5: no such file")):
            for seen in (sight, None):
                lines = drawn(seen, view, size, fault=fault)
                assert len(lines) == size[1], (size, view)
                assert max(map(len, lines)) <= size[0], (size, view)


def test_small_screens_show_what_matters(sight):
    text = "\n".join(drawn(sight, size=(40, 12)))
    for part in ("6 of 12", "5 done", "areas", "66 %!", "q quit"):
        assert part in text


def test_without_unicode_all_is_ascii(sight):
    for panel in PANELS:
        assert "".join(drawn(sight, View(2.0, panel=panel), unicode=False)).isascii()


@pytest.fixture(scope="module")
def large(tmp_path_factory, small_campaign_text):
    """100 areas x 30 turbine types, a thousand ranks."""
    areas = "".join(
        f"  - {{name: area{i}, boundary_m: [[0, 0], [9000, 0], [9000, 9000]]}}\n" for i in range(100)
    )
    types = "".join(
        f"  - {{name: type{i}, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}}\n"
        for i in range(30)
    )
    head, _, rest = small_campaign_text.partition("areas:\n")
    rest = rest[rest.index("seeds:") :].replace("count: 3", "count: 1")
    campaign = parse_campaign(f"{head}areas:\n{areas}turbine_types:\n{types}{rest}")
    path, clock = tmp_path_factory.mktemp("large") / "large.h5", Clock()
    writer = Writer(path, campaign, clock, ranks=1000)
    for number in range(0, 3000, 21):
        writer.done(number, rank=1 + number % 97)
    writer.file.close()
    return LiveReader(path, clock).look(now=clock.now)


def test_large_tables_scroll_to_their_ends(large):
    view = press(View(2.0), "end", 10)
    lines = drawn(large, view)
    assert lines[23].endswith(" 87-100 of 100")
    assert lines[22].startswith("area99 ")
    to_the_side = dataclasses.replace(view, left=10**6)
    lines = drawn(large, to_the_side)
    assert lines[7].startswith(" 1 areas")
    assert lines[8].split()[0] == "area"
    assert lines[8].split()[-1] == "type29"
    assert lines[22].startswith("area99 ")
    ranks = drawn(large, press(View(2.0, panel="ranks"), "G", 10))
    assert ranks[22].split()[0] == "999"


def test_sorts_of_ranks(large):
    view = View(2.0, panel="ranks", sorts=(0, 0, SORTS["ranks"].index("most configs first"), 0, 0))
    ended = [int(line.split()[1]) for line in drawn(large, view, (80, 40))[9:38]]
    assert ended == sorted(ended, reverse=True)
    assert ended[0] == np.bincount(large.piece.rows["rank"][large.piece.done]).max()


def test_a_forged_row_is_drawn_all_the_same(write, look, clock):
    writer = write(ranks=2**31 - 1)
    writer.done(0, math.nan, rank=2**31 - 1, seconds=math.inf)
    writer.done(1, math.inf, rank=-(2**31), seconds=-math.inf)
    writer.done(3, 1e308, seconds=math.nan)
    sight = look()
    for panel in PANELS:
        for measure in MEASURES.values():
            drawn(sight, View(2.0, panel=panel, measure=measure))
    assert "3 of 12" in line(sight, clock.now)


ANY_NUMBER = (math.nan, math.inf, -math.inf, 0.0, -1e300, 1e300)


def test_a_forged_launch_table_is_drawn_all_the_same(write, look, path):
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    write().begin(1)
    write().done(0)
    extents = open_reader(path).structure.extents
    for _ in range(20):
        raw = bytearray(path.read_bytes())
        for name, values in {
            "launch_started": ANY_NUMBER, "launch_heartbeat": ANY_NUMBER, "launch_ended": ANY_NUMBER,
            "launch_reason": (b"\x1b[2J", b"\xff\xfe", b""), "launch_host": (b"\x9b2J", b"\n\n"),
            "launch_ranks": (-(2**31), 2**31 - 1, 0), "launch_pid": (-1, 2**62),
            "launch_configs_done": (-(2**63), 2**63 - 1),
        }.items():  # fmt: skip
            extent = extents[name]
            entries = np.frombuffer(raw, extent.dtype, 1024, extent.offset).copy()
            entries[dice.randrange(2)] = dice.choice(values)
            raw[extent.offset : extent.end] = entries.tobytes()
        path.write_bytes(raw)
        sight = look()
        for panel in PANELS:
            text = "".join(drawn(sight, View(2.0, panel=panel), (200, 24)))
            assert text.isprintable()
        assert line(sight, NOW).isprintable()
        json.dumps(sight.to_json(now=NOW), allow_nan=False)


def test_heat_is_readable_on_every_background():
    for bad in (False, True):
        for share in np.linspace(0, 1, 101):
            style = heat(share, bad=bad)
            ink, paper = (colour.get_truecolor() for colour in (style.color, style.bgcolor))
            assert contrast(ink, paper) >= 4.5, share  # WCAG's limit for text
    assert heat(math.nan).bgcolor is None


def contrast(a, b):
    """Contrast ratio by WCAG 2."""

    def luminance(colour):
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(colour) / 255]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_heat_rises_in_lightness():
    """So that it says the same without any colour."""
    papers = [heat(share).bgcolor.get_truecolor() for share in np.linspace(0, 1, 21)]
    greys = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in papers]
    assert greys == sorted(greys)


def test_help_explains_every_measure_and_number():
    text = " ".join(keys for keys, _ in HELP)
    for key in (*MEASURES, "s", "q", "space", "r", "+", "-", "?", "Tab", "PgUp"):
        assert key in text


# ---------------------------------------------------------------- a keyboard


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of which the test has the other end; standard input of this process."""
    ours, theirs = pty.openpty()
    with open(theirs, closefd=True) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield ours, theirs
    os.close(ours)


def test_modes_are_given_back_after_an_error(terminal):
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGWINCH)]

    def stumble():
        with Keyboard() as keyboard:
            assert not termios.tcgetattr(theirs)[3] & (termios.ICANON | termios.ECHO)
            os.write(ours, b"jq")
            assert keyboard.wait(LIMIT_S) == ["j", "q"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble()
    assert termios.tcgetattr(theirs) == before
    assert handlers == [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGWINCH)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_wake_and_say_who_they_were(terminal, number):
    with Keyboard() as keyboard:
        os.kill(os.getpid(), number)
        assert keyboard.wait(LIMIT_S) == []
        assert keyboard.left_by == number


def test_a_new_size_wakes(terminal):
    with Keyboard() as keyboard:
        os.kill(os.getpid(), signal.SIGWINCH)
        assert keyboard.wait(LIMIT_S) == []
        assert keyboard.left_by is None


def test_ctrl_c_twice_breaks_what_hangs(terminal):
    with Keyboard():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_lone_escape_is_a_key(terminal):
    ours, _ = terminal
    with Keyboard() as keyboard:
        os.write(ours, b"\x1b")
        assert keyboard.wait(LIMIT_S) == []
        assert keyboard.wait(LIMIT_S) == ["escape"]


def test_without_a_terminal_there_are_only_signals(monkeypatch):
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with Keyboard() as keyboard:
            assert keyboard.wait(0.01) == []


# ---------------------------------------------------------------- the program in a terminal


@pytest.fixture
def in_terminal(tmp_path, monkeypatch):
    """Start `mpi-layout ARGUMENTS` in a terminal."""
    monkeypatch.chdir(tmp_path)
    screens = []

    def start(*arguments, **options):
        screens.append(Screen(arguments, **options))
        return screens[-1]

    yield start
    for screen in screens:
        screen.close()


ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"  # the other screen
HIDDEN, SHOWN = b"\x1b[?25l", b"\x1b[?25h"  # the cursor


def check_left(screen):
    """The shell's screen is back, with its cursor."""
    for on, off in ((ENTER, LEAVE), (HIDDEN, SHOWN)):
        assert screen.raw.count(on) >= 1
        assert screen.raw.rindex(off) > screen.raw.rindex(on)


def test_a_launch_is_watched_from_before_it_begins_to_its_end(start, in_terminal, small_campaign, path):
    screen = in_terminal("status", "--watch", "0.5", "--wait", path.name)
    screen.sees(r"no such file")
    launch = start("run", small_campaign, how={"seconds": 0.5, "fail": ["a_t10_s1"]})
    screen.sees(r"^small +small.h5")
    screen.sees(r"launch 0 on 1 rank, ")
    screen.type(b"2")
    screen.sees(r"^config +rank +age +usual")
    screen.sees(r"^[ab]_t1[05]_s[0-2] ")
    screen.resize(40, 12)
    screen.sees(r"^ 2 in flight 1 ")
    assert not re.search("launch 0", screen.text)  # no room for it
    screen.resize(100, 30)
    screen.type(b"\x1b[Z")
    screen.sees(r"^area +all +t10 +t15")
    screen.sees(r"12 of 12 \(100.0 %\)")
    screen.sees(r"11 done   1 failed   0 waiting")
    screen.sees(r"every config has ended, some failed \(exit code 3")
    assert launch.wait().code == 3
    screen.type(b"f")
    screen.sees(r"^a +1 +1 +0")
    screen.type(b"?")
    screen.sees(r"quit; the campaign goes on")
    screen.type(b"xq")
    assert screen.ends() == 0
    check_left(screen)
    assert "12 of 12 finished (100.0 %), 1 failed, ended: complete" in screen.text


def test_ranks_of_a_launch_that_is_killed_and_goes_on(start, in_terminal, small_campaign, path, wait_until):
    launch = start("run", small_campaign, "--only", "a_*", ranks=3, how={"seconds": 60.0})
    wait_until(lambda: read_notice(path) is not None and len(read_notice(path).ranks) == 2)
    time.sleep(1.0)  # so that what runs is older than the first look
    screen = in_terminal("status", path.name, "--watch", "0.5", size=(100, 24))
    screen.sees(r"launch 0 on 3 ranks, .*, only a_\*")
    screen.type(b"3")
    screen.sees(r"^ +1 a_t1[05]_s[0-2] +\d.* s +\d")
    screen.sees(r"^ +2 a_t1[05]_s[0-2] +\d.* s +\d")
    screen.type(b"2")
    screen.sees(r"^a_t1[05]_s[0-2] +[12] +\d[^>]* s ")
    assert ">" not in screen.text  # no age is unknown
    launch.kill_all()
    launch.wait()
    screen.sees(r"silent for .*: lost, or cut off from here")
    assert read_notice(path) is not None
    again = start("run", small_campaign, "--only", "a_*", ranks=3, how={"seconds": 3.0})
    screen.type(b"3")
    screen.sees(r"launch 1 on 3 ranks, .*, only a_\*")
    screen.sees(r"^ +[12] a_t1[05]_s[0-2] +\d.* s +\d")
    screen.sees(r"ended after .*\ncomplete: all configs that it was to do ended")
    assert again.wait().code == 0
    assert read_notice(path) is None
    screen.type(b"q")
    assert screen.ends() == 0


@pytest.fixture
def half_done(small_campaign, path, capsys):
    assert cli.main(["run", str(small_campaign), "--only", "a_*"]) == 0
    capsys.readouterr()
    return path


COLOURS = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-7]|[34]8;[25];)")


def test_ctrl_c_leaves_the_terminal_as_it_was(in_terminal, half_done):
    plain = {"NO_COLOR": "1", "PYTHONIOENCODING": "latin-1"}
    screen = in_terminal("status", half_done, "--watch", size=(30, 12), environ=plain)
    screen.sees(r"6 of 12 \(50.0 %\)")
    screen.sees(r"^a +100 % +100 % +100 %")  # said in words, too
    screen.type(b"\x03")
    assert screen.ends() == 0
    check_left(screen)
    assert not COLOURS.search(screen.raw)


@pytest.mark.slow
def test_a_signal_leaves_the_terminal_as_it_was(in_terminal, half_done):
    screen = in_terminal("status", half_done, "--watch")
    screen.sees(r"6 of 12 \(50.0 %\)")
    screen.process.send_signal(signal.SIGTERM)
    assert screen.ends() == -signal.SIGTERM
    check_left(screen)
    assert COLOURS.search(screen.raw)


# A shell with job control, which the program is in front of; `read` so that it waits for the test.
SHELL = ("sh", "-c", 'set -m; "$@"; echo "stopped: $?"; read go; fg; echo "ended: $?"', "sh")


@pytest.mark.slow
def test_ctrl_z_gives_the_terminal_back_for_a_while(in_terminal, half_done):
    screen = in_terminal("status", half_done, "--watch", under=SHELL)
    screen.sees(r"6 of 12 \(50.0 %\)")
    screen.type(b"\x1a")
    screen.sees(r"stopped: 148")  # 128 + SIGTSTP
    check_left(screen)
    assert termios.tcgetattr(screen.theirs) == screen.modes
    screen.type(b"\n")
    screen.sees(r"every 2 s")
    screen.type(b"5")
    screen.sees(r"^launch +began")
    screen.type(b"q")
    screen.sees(r"ended: 0")
    assert screen.ends() == 0
    check_left(screen)


def test_it_stays_when_all_is_done_unless_told_otherwise(straight, terminal):
    screen = _Screen(straight.path, 1.0)
    screen.look()
    with Keyboard() as keyboard:
        assert screen.stay(keyboard, until_done=False)
        assert not screen.stay(keyboard, until_done=True)


@pytest.mark.parametrize(("term", "screen"), [("xterm", True), ("dumb", False), ("", False)])
def test_a_dumb_terminal_has_no_screen(terminal, monkeypatch, term, screen):
    _, theirs = terminal
    monkeypatch.setenv("TERM", term)
    with open(theirs, "w", closefd=False) as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        assert has_screen() == screen


# ---------------------------------------------------------------- without a terminal


def test_json_until_all_is_done(start, small_campaign, path, capsys):
    campaign = start("run", small_campaign, how={"seconds": 0.2})
    assert cli.main(["status", "--watch", "0.2", "--json", "--wait", str(path)]) == 0
    assert campaign.wait().code == 0
    said = capsys.readouterr()
    told = [json.loads(text) for text in said.out.splitlines()]
    assert told[-1]["counts"] == {"waiting": 0, "done": 12, "failed": 0, "damaged": 0}
    done = [document["counts"]["done"] for document in told]
    assert done == sorted(done)
    flying = [flight for document in told for flight in document["in_flight"]]
    assert {"key", "number", "attempts", "age", "exact"} <= flying[0].keys()
    assert told[-1]["in_flight"] == []
    assert said.err.count("no such file; waiting for it") <= 1


def test_a_number_behind_watch_is_its_own_a_file_is_not(straight, capsys):
    path = str(straight.path)
    for words in (["--watch", path], [path, "--watch"], ["--watch", "5", path], [path, "--watch=5"]):
        assert cli.main(["status", *words]) == 0
        assert "12 of 12 finished" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--watch", "0"], ["--watch=x"], ["--watch", "1e9"], ["--wait"], ["x"]])
def test_wrong_usage(words, straight, capsys):
    assert cli.main(["status", str(straight.path), *words]) == 2
    assert capsys.readouterr().err.startswith(("usage: mpi-layout status", "mpi-layout: error: --wait"))


def test_a_file_that_is_missing_is_told_at_once(path, capsys):
    assert cli.main(["status", "--watch", str(path)]) == 2
    assert capsys.readouterr().err == f"mpi-layout: error: {path}: no such file\n"


@pytest.mark.parametrize("watch", [[], ["--watch"]])
def test_a_folder_is_no_file(watch, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in (".", "/"):
        assert cli.main(["status", name, *watch]) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_waiting_is_for_files_that_are_missing_only(path, capsys):
    path.write_bytes(b"something else")
    assert cli.main(["status", "--watch", "--wait", str(path)]) == 2
    assert "not an HDF5 file" in capsys.readouterr().err
