"""Which ranks have been silent for too long."""

import pytest

from mpi_layout.parallel.silence import BEAT_S, LOOK_S, LOST_BEATS, Listener

LIMIT_S = LOST_BEATS * BEAT_S


class Time:
    """A clock that is told the time, and a listener that looks at it."""

    def __init__(self, ranks):
        self.now = 1000.0
        self.listener = Listener(ranks, clock=lambda: self.now)

    def pass_by(self, seconds):
        """Look every now and then for so long; give back what the last look found."""
        end = self.now + seconds
        found = []
        while self.now < end:
            self.now += LOOK_S
            found = self.listener.silent()
        return found


@pytest.fixture
def time():
    """Time that passes by, and four ranks."""
    return Time(ranks=4)


def test_silence_is_noticed_after_the_limit_and_not_before(time):
    assert time.pass_by(LIMIT_S - LOOK_S) == []
    assert time.pass_by(2 * LOOK_S) == [0, 1, 2, 3]


def test_who_was_heard_is_not_silent(time):
    time.pass_by(LIMIT_S / 2)
    time.listener.note(2)
    assert time.pass_by(LIMIT_S / 2 + 2 * LOOK_S) == [0, 1, 3]
    time.listener.note(3)
    assert time.pass_by(LOOK_S) == [0, 1]
    assert time.pass_by(LIMIT_S) == [0, 1, 2, 3]


def test_nobody_is_blamed_for_a_time_in_which_nobody_listened(time):
    """The whole job was suspended, or a disk kept rank 0 waiting."""
    time.pass_by(LIMIT_S / 2)
    time.now += 100 * LIMIT_S
    assert time.pass_by(LIMIT_S / 2 - 5 * LOOK_S) == []
    assert time.pass_by(10 * LOOK_S) == [0, 1, 2, 3]


def test_looks_cost_nothing_before_they_are_due(time):
    time.pass_by(2 * LIMIT_S)
    time.now += LOOK_S / 2
    assert time.listener.silent() == []
