"""What a running launch tells in its lock file: written in place, read by anybody, harmless to all."""

import contextlib
import dataclasses
import errno
import fcntl
import itertools
import json
import math
import os
import random
import threading
import time
import zlib

import pytest

from mpi_layout.errors import InputError
from mpi_layout.parallel.notices import MOST_SHARE, NOTICE_S, Notices
from mpi_layout.results.launches import scheduler_id
from mpi_layout.results.locking.lock import WriterLock
from mpi_layout.results.locking.lock_file import lock_owner, lock_path, read_notice
from mpi_layout.results.locking.notice import Notice, RankNow

NOTICE = Notice(
    launch=2,
    started=1.7e9 + 0.123456,
    clock=60.5,
    checkpoint=50.25,
    only="a_*",
    left=7,
    seconds_left=12.5,
    ranks=(RankNow(1, 4, 1, 20.0), RankNow(2, 8, 5, 60.125), RankNow(4, None, 0, 1.5)),
    gone=(3,),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "small.h5"


def forge(path, text):
    """Write a lock file whose notice is `text`, with the checksum of that."""
    lock_path(path).write_bytes(b"{}\n%08x " % zlib.crc32(text) + text + b"\n")


# ---------------------------------------------------------------- there and back


def test_what_is_told_is_what_is_read(path):
    assert read_notice(path) is None
    with WriterLock(path) as lock:
        assert read_notice(path) is None
        owner = lock.owner
        for notice in (NOTICE, dataclasses.replace(NOTICE, ranks=(), gone=()), NOTICE):
            lock.tell(notice)
            assert read_notice(path) == notice
            assert lock_owner(path) == lock.owner == owner
        assert (owner["pid"], owner["scheduler_id"]) == (os.getpid(), scheduler_id())
        text = lock_path(path).read_text()
        assert text.isascii()
        assert text.count("\n") == 2
        assert text.endswith("\n")
    assert read_notice(path) is None
    lock.tell(NOTICE)  # nobody's any more
    assert not lock_path(path).exists()


def test_telling_leaves_the_lock_as_it_is(path):
    with WriterLock(path) as lock:
        before = os.stat(lock_path(path)).st_ino
        lock.tell(NOTICE)
        assert os.stat(lock_path(path)).st_ino == before
        with pytest.raises(InputError, match=f"process {os.getpid()}, started"), WriterLock(path):
            pass


def test_what_was_left_by_a_kill_is_gone_with_the_next_lock(path):
    forge(path, NOTICE.to_json().encode())
    assert read_notice(path) == NOTICE
    with WriterLock(path):
        assert read_notice(path) is None


def test_a_full_disk_is_no_reason_to_end(path, monkeypatch):
    with WriterLock(path) as lock:

        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "pwrite", full)
        lock.tell(NOTICE)
        monkeypatch.undo()
        assert read_notice(path) is None
        lock.tell(NOTICE)
        assert read_notice(path) == NOTICE


def test_where_the_owner_could_not_be_written_nothing_is_told(path, monkeypatch):
    monkeypatch.setattr(os, "ftruncate", lambda *_: (_ for _ in ()).throw(OSError(errno.EDQUOT, "quota")))
    with WriterLock(path) as lock:
        lock.tell(NOTICE)
        assert lock_path(path).read_bytes() == b""


# ---------------------------------------------------------------- torn


def test_a_torn_notice_is_none(path):
    other = dataclasses.replace(NOTICE, clock=61.5, left=6, ranks=NOTICE.ranks[::-1])
    pages = []
    with WriterLock(path) as lock:
        for notice in (NOTICE, other):
            lock.tell(notice)
            pages.append(lock_path(path).read_bytes())
    old, new = pages
    assert len(old) == len(new)
    found = set()
    for cut in range(len(old) + 1):
        lock_path(path).write_bytes(new[:cut] + old[cut:])
        found.add(read_notice(path))
        lock_path(path).write_bytes(new[:cut])
        found.add(read_notice(path))
    assert found == {None, NOTICE, other}


def test_readers_beside_a_writer_see_whole_notices(path):
    long = dataclasses.replace(NOTICE, ranks=tuple(RankNow(i, i, 1, float(i)) for i in range(3000)))
    notices = [long, *(dataclasses.replace(NOTICE, clock=float(i)) for i in range(5))]
    over = threading.Event()

    def write(lock):
        while not over.is_set():
            for notice in notices:
                lock.tell(notice)
                time.sleep(0.001)

    with WriterLock(path) as lock:
        lock.tell(long)  # else all may have been read before the writer begins
        writer = threading.Thread(target=write, args=(lock,))
        writer.start()
        found = [read_notice(path) for _ in range(300)]
        over.set()
        writer.join()
        assert read_notice(path) in notices
    assert set(found) <= {None, *notices}
    assert len(set(found)) > 1


# ---------------------------------------------------------------- hostile

PLAIN = json.loads(NOTICE.to_json())
VALUES = (
    None, True, -1, 2**70, 10**400, -0.5, 1e300, "1", "\x1b[2J", "\udc80", [], [[]], {}, [None], [1, 2, 3],
    [-1, 0, 1], ["a", "b", "c"], [1e999, 0, 0],
)  # fmt: skip


def test_no_value_is_too_strange(path):
    accepted = 0
    for name in PLAIN:
        for value in VALUES:
            text = json.dumps(PLAIN | {name: value}).encode()
            forge(path, text)
            notice = read_notice(path)
            if notice is None:
                continue
            accepted += 1
            again = json.loads(notice.to_json())
            for told, kind in (("launch", int), ("started", float), ("clock_s", float), ("only", str)):
                assert type(again[told]) is kind, (name, value)
    assert accepted > 10


@pytest.mark.parametrize(
    "text",
    [
        b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"launch":' * 100_000, b"1" * 100_000,
        NOTICE.to_json().replace("60.5", "NaN").encode(),
        NOTICE.to_json().replace("60.5", "1e999").encode(),
        NOTICE.to_json().encode() + b"}",
        json.dumps(PLAIN | {"rank": [1, 2]}).encode(),
        json.dumps({k: v for k, v in PLAIN.items() if k != "gone"}).encode(),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_nothing(path, text):
    forge(path, text)
    assert read_notice(path) is None


def test_a_file_too_long_for_a_notice_is_not_read(path):
    forge(path, NOTICE.to_json().encode() + b" " * 5_000_000)
    assert read_notice(path) is None
    with open(lock_path(path), "wb") as file:
        file.truncate(2**40)
    assert read_notice(path) is None


def test_any_byte_that_changes_is_noticed(path):
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    forge(path, NOTICE.to_json().encode())
    sound = lock_path(path).read_bytes()
    for _ in range(500):
        raw = bytearray(sound)
        place = dice.randrange(raw.index(b"\n") + 1, len(raw) - 1)
        raw[place] ^= 1 << dice.randrange(8)
        lock_path(path).write_bytes(raw)
        assert read_notice(path) is None, place


def test_what_is_no_file_is_nothing(path):
    lock = lock_path(path)
    for make in (
        os.mkfifo,
        os.mkdir,
        lambda name: os.symlink(name, name),
        lambda name: os.symlink("/", name),
    ):
        make(lock)
        assert read_notice(path) is None  # at once, too: nobody writes into the pipe
        with contextlib.suppress(IsADirectoryError):
            lock.unlink()
        if lock.exists():
            lock.rmdir()


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\xff", b"[]", b"[" * 60_000, b"1" * 60_000, b'{"host": [], "pid": {}, "started": []}\n',
        b'{"host": "h", "pid": 1, "started": NaN}', b'{"host": "h", "pid": 1, "started": 1e999}',
        b'{"host": "h", "pid": 1, "started": 1' + b"0" * 400 + b"}", NOTICE.to_json().encode(),
    ],
)  # fmt: skip
def test_an_owner_that_makes_no_sense_refuses_all_the_same(path, text):
    lock_path(path).write_bytes(text)
    with open(lock_path(path), "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another launch is working on this file"), WriterLock(path):
            pass
    assert math.isfinite(lock_owner(path).get("started", 0.0))


# ---------------------------------------------------------------- when it is told


class Launch:
    """Results file, team and schedule of a launch, as much of them as a notice needs."""

    begun, started = 2, 1.7e9
    workers, gone = 2, (3,)
    waiting, running, timed, seconds_left = 5, 2, False, 60.0

    def __init__(self, takes=0.0):
        self.time, self.takes, self.told = 100.0, takes, []

    def clock(self):
        return self.time

    def tell(self, notice):
        self.time += self.takes
        self.told.append(notice)

    def at_work(self, since):
        return [RankNow(1, 4, 1, self.time - since)]


def test_it_is_told_once_a_second():
    launch = Launch()
    notices = Notices(launch, launch, launch, "a_*", launch.clock)
    for _ in range(100):
        notices.tell()
        launch.time += 0.125
    assert [notice.clock for notice in launch.told] == list(range(13))
    first = launch.told[0]
    assert (first.launch, first.started, first.only, first.left, first.gone) == (2, 1.7e9, "a_*", 7, (3,))
    assert (first.checkpoint, first.seconds_left) == (None, None)  # nothing is known yet
    launch.timed = True
    notices.note_checkpoint()
    launch.time += 1
    notices.tell()
    last = launch.told[-1]
    assert last.seconds_left == 30.0  # of two workers
    assert last.clock - last.checkpoint == pytest.approx(1.0)
    assert last.ranks == (RankNow(1, 4, 1, last.clock),)


def test_where_telling_takes_long_it_is_done_seldom():
    launch = Launch(takes=0.125)
    notices = Notices(launch, launch, launch, clock=launch.clock)
    for _ in range(10_000):
        notices.tell()
        launch.time += 0.125
    times = [notice.clock for notice in launch.told]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert min(gaps) >= 0.125 / MOST_SHARE >= NOTICE_S
    assert launch.takes * len(times) < 1.2 * MOST_SHARE * times[-1] + launch.takes
