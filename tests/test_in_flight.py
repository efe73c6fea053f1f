"""Who works on what since when: silence that no config explains."""

import pytest

from mpi_layout.parallel.answers import MARGIN_S, SUSPECT_MARGIN_S, InFlight
from mpi_layout.parallel.schedule import Assignment

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
