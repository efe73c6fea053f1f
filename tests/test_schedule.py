import heapq
import math

import numpy as np
import pytest

from mpi_layout.parallel.batches import LONGEST_S, MOST, SHORTEST_S, batch_seconds
from mpi_layout.parallel.expectation import CAUTION, CAUTION_THEN
from mpi_layout.parallel.schedule import SAFETY, Assignment, Schedule


def make_schedule(kinds, guess, **settings):
    kinds = np.asarray(kinds)
    return Schedule(np.arange(kinds.size), kinds, np.asarray(guess, float), **settings)


def one(schedule, seconds_left=math.inf):
    """The next config alone; None if there is none."""
    batch = schedule.next_batch(seconds_left, most=1)
    return batch[0] if batch else None


def hand_out_all(schedule):
    numbers = []
    while (assignment := one(schedule)) is not None:
        numbers.append(assignment.number)
    return numbers


def known(kinds, seconds, **settings):
    """Schedule that has seen a config of each kind already."""
    schedule = make_schedule(kinds, seconds, **settings)
    for kind, expected in enumerate(seconds):
        schedule.expected.learn(kind, expected)
    return schedule


def numbers_of(batch):
    return [assignment.number for assignment in batch]


def simulate(schedule, seconds, n_workers, *, deadline=math.inf, deaths=None):
    """Drive a schedule with workers that take `seconds[number]`; deaths[number] counts down."""
    clock, idle, flying, order = 0.0, n_workers, [], []
    deaths = dict(deaths or {})
    while True:
        while idle and (batch := schedule.next_batch(deadline - clock, n_workers)):
            heapq.heappush(flying, (clock + sum(seconds[a.number] for a in batch), numbers_of(batch)))
            order += batch
            idle -= 1
        if not flying:
            return clock, order
        clock, numbers = heapq.heappop(flying)
        idle += 1
        for number in numbers:
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
    first = one(schedule)
    assert first.number == 3
    schedule.ended(3, 0.5)  # half a second for kind 1, so a quarter is expected of kind 0
    np.testing.assert_allclose(schedule.expected.seconds, [0.25, 0.5])
    one(schedule)
    one(schedule)
    one(schedule)
    schedule.ended(0, 7.0)
    assert one(schedule).number == 1


def test_seconds_left_count_what_has_not_ended():
    schedule = make_schedule([0, 0, 1], [2.0, 5.0])
    assert schedule.seconds_left == 9.0
    one(schedule)
    assert schedule.seconds_left == 9.0
    schedule.ended(2, 5.0)
    assert schedule.seconds_left == 4.0


def test_how_long_configs_take_is_known_from_the_first_layout_or_from_launches_before():
    schedule = make_schedule([0, 0, 0], [2.0])
    numbers = [one(schedule).number for _ in range(2)]
    schedule.ended(numbers[0], 0.1, failed=True)  # says nothing about those that work
    assert not schedule.timed
    schedule.ended(numbers[1], 2.0)
    assert schedule.timed
    assert make_schedule([0, 0], [2.0], timed=True).timed


def test_failed_configs_teach_nothing_about_time():
    schedule = make_schedule([0, 0], [5.0])
    one(schedule)
    schedule.ended(0, 0.001, failed=True)
    assert schedule.expected.seconds[0] == 5.0
    assert (schedule.done, schedule.failed) == (0, 1)


def test_nothing_that_cannot_end_before_the_deadline():
    schedule = make_schedule([0, 1], [10.0, 100.0])
    assert one(schedule, seconds_left=99.0).number == 0
    assert one(schedule, seconds_left=99.0) is None
    assert one(schedule, seconds_left=100.0 * SAFETY).number == 1


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
    given = [one(schedule) for _ in range(3)]
    assert given == [Assignment(0, 1), Assignment(1, 3), Assignment(2, 8)]
    assert [a.suspect for a in given] == [False, True, True]


def test_launches_lost_alone_blame_nobody():
    schedule = make_schedule([0], [1.0], attempts=np.array([50]), max_attempts=3)
    assignment = one(schedule)
    schedule.ended(assignment.number, 1.0)
    assert schedule.done == 1
    assert schedule.complete


def test_a_config_whose_process_dies_has_failed_after_max_attempts():
    schedule = make_schedule([0], [1.0], attempts=np.array([1]), max_attempts=3)
    assert one(schedule).attempts == 2
    assert not schedule.died(0)
    assert schedule.waiting == 1
    assert one(schedule).attempts == 3
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
    assert one(schedule) is None


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


# ---------------------------------------------------------------- batches


def test_few_workers_get_short_batches_and_many_workers_long_ones():
    assert batch_seconds(1) == batch_seconds(128) == SHORTEST_S
    assert SHORTEST_S < batch_seconds(5000) < LONGEST_S
    assert batch_seconds(10**6) == LONGEST_S


def test_a_batch_has_the_next_numbers_and_about_the_seconds_wanted():
    schedule = known(np.zeros(10**6, int), [0.25])
    workers = 8000
    wanted = batch_seconds(workers) / 0.25
    first, second = (numbers_of(schedule.next_batch(workers=workers)) for _ in range(2))
    assert len(first) == len(second) == wanted
    assert first + second == list(range(2 * len(first)))


def test_a_config_longer_than_a_batch_goes_alone():
    schedule = known(np.zeros(10**5, int), [60.0])
    assert len(schedule.next_batch(workers=10_000)) == 1


def test_no_batch_is_longer_than_its_message_may_be():
    assert len(known(np.zeros(10**6, int), [1e-6]).next_batch(workers=10)) == MOST
    assert len(known(np.zeros(10**6, int), [0.0]).next_batch(workers=10)) == MOST


def test_one_at_a_time_while_nothing_is_known():
    schedule = make_schedule(np.zeros(10**5, int), [1e-3])
    first = schedule.next_batch(workers=2)
    assert len(first) == 1
    assert len(schedule.next_batch(workers=2)) == 1
    schedule.ended(first[0].number, 0.01)
    assert len(schedule.next_batch(workers=2)) == round(SHORTEST_S / 0.01)


def test_a_kind_that_nobody_has_seen_gets_careful_batches():
    schedule = make_schedule(np.repeat([0, 1], 10**5), [1.0, 2.0])
    schedule.ended(schedule.next_batch(workers=2)[0].number, 0.02)  # so 0.01 s are expected of kind 0
    while schedule.next_batch(workers=1)[-1].number >= 10**5:
        pass
    batch = schedule.next_batch(workers=2)
    assert len(batch) == int(SHORTEST_S / (CAUTION * 0.01))


def test_where_guesses_prove_good_a_kind_unseen_gets_larger_batches():
    kinds = np.repeat(np.arange(4), 10**5)
    schedule = make_schedule(kinds, [4.0, 3.0, 2.0, 1.0])
    for kind, seconds in enumerate([0.04, 0.03, 0.02]):
        assert schedule.expected.at_most[3] == (CAUTION * 0.01 if kind else np.inf)
        schedule.expected.learn(kind, seconds)
    assert schedule.expected.at_most[3] == pytest.approx(CAUTION_THEN * 0.01)
    schedule.expected.learn(2, 0.08 - 0.02)  # two of that kind have taken twice as long as guessed
    assert CAUTION_THEN * 0.01 < schedule.expected.at_most[3] <= CAUTION * 0.02


def test_nobody_gets_more_than_half_a_share():
    schedule = known(np.zeros(100, int), [0.01])
    sizes = []
    while batch := schedule.next_batch(workers=5):
        sizes.append(len(batch))
    assert sizes[0] == 10
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-5:] == [1] * 5
    assert sum(sizes) == 100


def test_a_batch_ends_before_the_deadline():
    schedule = known(np.zeros(1000, int), [0.01])
    assert len(schedule.next_batch(seconds_left=0.0501 * SAFETY, workers=1)) == 5
    assert len(schedule.next_batch(seconds_left=0.0101 * SAFETY, workers=1)) == 1
    assert schedule.next_batch(seconds_left=0.0099 * SAFETY, workers=1) == ()


def test_a_batch_is_filled_with_the_next_kinds():
    """As where every area is there once."""
    schedule = known(np.arange(40_000), np.full(40_000, 0.1))
    assert numbers_of(schedule.next_batch(workers=2000)) == list(range(10))


def test_suspects_go_alone_and_last_of_their_kind():
    schedule = known(np.zeros(6, int), [1e-3], attempts=np.array([1, 0, 0, 2, 0, 0]))
    batches = []
    while batch := schedule.next_batch(workers=1):
        batches.append(numbers_of(batch))
    assert batches == [[1, 2, 4], [5], [0], [3]]


def test_what_was_not_begun_is_no_suspect():
    schedule = known(np.zeros(2, int), [1e-3], attempts=np.array([0, 1]))
    hand_out_all(schedule)
    assert schedule.dropped(0) == 0
    assert schedule.dropped(1) == 1
    assert [one(schedule) for _ in range(2)] == [Assignment(0, 1), Assignment(1, 2)]
    assert schedule.take_back() == [(0, 0), (1, 1)]


@pytest.mark.parametrize("seconds", [0.03, 1.0, 7.0])
def test_thousands_of_ranks_lose_little_by_batches(seconds):
    rng = np.random.default_rng(2)
    n_workers, per_worker = 500, 20
    kinds = np.sort(rng.integers(0, 20, n_workers * per_worker))
    taken = seconds * rng.uniform(0.5, 1.5, 20)[kinds] * rng.uniform(0.9, 1.1, kinds.size)
    schedule = make_schedule(kinds, np.ones(20))
    end, order = simulate(schedule, taken, n_workers)
    assert sorted(numbers_of(order)) == list(range(kinds.size))
    assert end <= 1.08 * taken.sum() / n_workers
