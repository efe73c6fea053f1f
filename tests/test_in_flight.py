"""Who works on what since when: silence that no config explains."""

import time

import pytest

from mpi_layout.parallel.answers import MARGIN_S, SUSPECT_MARGIN_S, InFlight
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.serial import SerialTeam

HELD_S, MAX_S = 5.0, 60.0


class Clock:
    """Seconds that pass when a test says so."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def flying(clock):
    return InFlight(HELD_S, clock)


def batch(*numbers, attempts=1):
    return tuple(Assignment(number, attempts) for number in numbers)


def test_what_was_given_comes_back_in_order(flying):
    flying.begin(1, batch(4, 5, 6))
    assert (flying.of(1), flying.of(2), len(flying)) == (3, 0, 1)
    assert flying.ended(1, 2) == batch(4, 5)
    assert flying.with_several() == []
    assert flying.end(1) == batch(6)
    assert flying.end(1) == ()
    assert (flying.of(1), len(flying)) == (0, 0)


def test_a_worker_that_speaks_in_time_is_not_overdue(flying, clock):
    flying.begin(1, batch(*range(10)))
    for _ in range(9):
        clock.now += HELD_S + MAX_S + MARGIN_S
        assert flying.overdue(MAX_S) == []
        flying.ended(1, 1)
    clock.now += HELD_S + MAX_S + MARGIN_S + 0.1
    assert flying.overdue(MAX_S) == [1]


def test_only_those_that_are_silent_are_overdue(flying, clock):
    for worker in range(1, 6):
        flying.begin(worker, batch(worker, worker + 10))
        clock.now += 1.0
    flying.ended(2, 1)
    clock.now += HELD_S + MAX_S + MARGIN_S - 4.5
    assert flying.overdue(MAX_S) == [1]
    clock.now += 2.0
    assert flying.overdue(MAX_S) == [1, 3]
    flying.end(1)
    assert flying.overdue(MAX_S) == [3]


def test_suspects_get_longer(flying, clock):
    """Their workers try them twice, and have processes to start and to end."""
    flying.begin(1, batch(7, attempts=2))
    flying.begin(2, batch(8))
    clock.now += 2 * MAX_S + SUSPECT_MARGIN_S
    assert flying.overdue(MAX_S) == [2]
    clock.now += 0.1
    assert sorted(flying.overdue(MAX_S)) == [1, 2]


def test_without_a_limit_nobody_is_overdue(flying, clock):
    flying.begin(1, batch(7))
    clock.now += 1e9
    assert flying.overdue(float("inf")) == []


def test_who_has_what_since_when(flying, clock):
    flying.begin(1, batch(4))
    clock.now += 2
    flying.begin(2, batch(5, 6, 7))
    flying.begin(3, batch(9, attempts=2))
    clock.now += 3
    flying.ended(2, 1)
    flying.end(1)
    clock.now += 10
    # Rank 4 has never had anything.
    assert sorted(flying.at_work([1, 4], 90.0)) == [
        (1, None, 0, 15.0),
        (2, 6, 2, 15.0),
        (3, 9, 1, 12.0),
        (4, None, 0, 10.0),
    ]
    assert [now.since for now in flying.at_work([4], 104.0)] == [0.0, 1.0, 0.0]  # who began before


def test_what_the_only_process_has():
    team = SerialTeam()
    now = time.monotonic()

    def told():
        return [work[:3] for work in team.at_work(now - 10.0)]

    assert told() == [(0, None, 0)]
    team.give(batch(4, 5))
    assert told() == [(0, 4, 2)]  # it begins this moment
    assert team.collect() == []  # nobody solves here
    assert told() == [(0, 4, 2)]
    assert team.at_work(now - 10.0)[0].since >= 10.0
    team.drop()
    assert told() == [(0, 4, 1)]
    assert team.gone == []
    team.workers = 0
    assert team.gone == [0]
