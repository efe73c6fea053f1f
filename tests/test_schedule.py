import heapq
import math

import numpy as np
import pytest

from mpi_layout.parallel.schedule import SAFETY, Assignment, Schedule


def make_schedule(kinds, guess, **settings):
    kinds = np.asarray(kinds)
    return Schedule(np.arange(kinds.size), kinds, np.asarray(guess, float), **settings)


def hand_out_all(schedule):
    numbers = []
    while (assignment := schedule.next()) is not None:
        numbers.append(assignment.number)
    return numbers


def simulate(schedule, seconds, n_workers, *, deadline=math.inf, deaths=None):
    """Drive a schedule with workers that take `seconds[number]`; deaths[number] counts down."""
    clock, idle, flying, order = 0.0, n_workers, [], []
    deaths = dict(deaths or {})
    while True:
        while idle and (assignment := schedule.next(deadline - clock)) is not None:
            heapq.heappush(flying, (clock + seconds[assignment.number], assignment.number))
            order.append(assignment)
            idle -= 1
        if not flying:
            return clock, order
        clock, number = heapq.heappop(flying)
        idle += 1
        if deaths.get(number, 0):
            deaths[number] -= 1
            schedule.died(number)
        else:
            schedule.ended(number, seconds[number])


def test_every_config_is_handed_out_once():
    schedule = make_schedule([1, 0, 1, 2, 0], [1, 2, 3])
    assert sorted(hand_out_all(schedule)) == [0, 1, 2, 3, 4]
    assert schedule.running == 5
    assert schedule.waiting == 0
    assert not schedule.complete


def test_longest_expected_kind_goes_first():
    schedule = make_schedule([0, 1, 2, 0, 1, 2], [1, 9, 4])
    assert hand_out_all(schedule) == [1, 4, 2, 5, 0, 3]


def test_order_follows_what_was_learned():
    schedule = make_schedule([0, 0, 0, 1, 1, 1], [1, 2])
    first = schedule.next()
    assert first.number == 3
    schedule.ended(3, 0.5)  # half a second for kind 1, so a quarter is expected of kind 0
    np.testing.assert_allclose(schedule.expected.seconds, [0.25, 0.5])
    schedule.next()
    schedule.next()
    schedule.next()
    schedule.ended(0, 7.0)
    assert schedule.next().number == 1


def test_seconds_left_count_what_has_not_ended():
    schedule = make_schedule([0, 0, 1], [2.0, 5.0])
    assert schedule.seconds_left == 9.0
    schedule.next()
    assert schedule.seconds_left == 9.0
    schedule.ended(2, 5.0)
    assert schedule.seconds_left == 4.0


def test_failed_configs_teach_nothing_about_time():
    schedule = make_schedule([0, 0], [5.0])
    schedule.next()
    schedule.ended(0, 0.001, failed=True)
    assert schedule.expected.seconds[0] == 5.0
    assert (schedule.done, schedule.failed) == (0, 1)


def test_nothing_that_cannot_end_before_the_deadline():
    schedule = make_schedule([0, 1], [10.0, 100.0])
    assert schedule.next(seconds_left=99.0).number == 0
    assert schedule.next(seconds_left=99.0) is None
    assert schedule.next(seconds_left=100.0 * SAFETY).number == 1


@pytest.mark.parametrize("n_workers", [1, 2, 7])
def test_no_config_is_interrupted_when_the_expectation_is_right(n_workers):
    kinds = np.repeat([0, 1, 2], 50)
    seconds = np.array([1.0, 2.0, 4.0])[kinds]
    schedule = make_schedule(kinds, [1.0, 2.0, 4.0])
    end, order = simulate(schedule, seconds, n_workers, deadline=40.0)
    assert end <= 40.0
    assert 0 < len(order) < 150
    assert schedule.waiting == 150 - len(order)


def test_attempts_on_record_make_a_suspect():
    attempts = np.array([0, 2, 7])
    schedule = make_schedule([0, 0, 0], [1.0], attempts=attempts)
    given = [schedule.next() for _ in range(3)]
    assert given == [Assignment(0, 1), Assignment(1, 3), Assignment(2, 8)]
    assert [a.suspect for a in given] == [False, True, True]


def test_launches_lost_alone_blame_nobody():
    schedule = make_schedule([0], [1.0], attempts=np.array([50]), max_attempts=3)
    assignment = schedule.next()
    schedule.ended(assignment.number, 1.0)
    assert schedule.done == 1
    assert schedule.complete


def test_a_config_whose_process_dies_has_failed_after_max_attempts():
    schedule = make_schedule([0], [1.0], attempts=np.array([1]), max_attempts=3)
    assert schedule.next().attempts == 2
    assert not schedule.died(0)
    assert schedule.waiting == 1
    assert schedule.next().attempts == 3
    assert schedule.died(0)
    assert schedule.complete
    assert schedule.failed == 1


def test_interrupted_attempts_are_taken_back():
    schedule = make_schedule([0, 0, 0], [1.0], attempts=np.array([0, 1, 0]))
    hand_out_all(schedule)
    schedule.ended(0, 1.0)
    assert sorted(schedule.take_back()) == [(1, 1), (2, 0)]


def test_too_many_failed():
    schedule = make_schedule([0, 0], [1.0], failed=3, max_failed=4)
    hand_out_all(schedule)
    schedule.ended(0, 0.1, failed=True)
    assert not schedule.too_many_failed
    schedule.ended(1, 0.1, failed=True)
    assert schedule.too_many_failed


def test_an_empty_launch_is_complete():
    schedule = make_schedule(np.zeros(0, np.int64), [1.0])
    assert schedule.complete
    assert schedule.next() is None


def test_thousands_of_ranks_end_together():
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 60, 40_000)
    cost = rng.uniform(1, 50, 60)
    seconds = cost[kinds] * rng.uniform(0.9, 1.1, kinds.size)
    schedule = make_schedule(kinds, np.ones(60), attempts=np.zeros(kinds.size, np.int64))
    n_workers = 5000
    end, order = simulate(schedule, seconds, n_workers, deaths={7: 1, 8: 2})
    assert schedule.complete
    assert schedule.done == kinds.size
    assert len(order) == kinds.size + 3
    # List scheduling is never worse than the mean load and one longest config more.
    assert end <= seconds.sum() / n_workers + 2 * seconds.max()
    # Every kind begins with the same guess; still the long ones end up at the front.
    assert end <= 1.15 * seconds.sum() / n_workers


@pytest.mark.parametrize("guess", [[1.0, 20.0], [20.0, 1.0]])
def test_no_worker_waits_at_the_end(guess):
    kinds = np.repeat([0, 1], [200, 20])
    seconds = np.array([1.0, 20.0])[kinds]
    end, _ = simulate(make_schedule(kinds, guess), seconds, n_workers=20)
    assert end == seconds.sum() / 20  # also when the guess is wrong: it lasts for one round only
