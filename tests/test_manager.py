"""The manager's loop with workers that do what a test says: what is on record, and when."""

import numpy as np
import pytest

from mpi_layout.campaign import load_campaign
from mpi_layout.parallel.answers import Dropped, Lost, Overdue
from mpi_layout.parallel.manager import Manager
from mpi_layout.parallel.schedule import Assignment, Schedule
from mpi_layout.parallel.solver import Solver
from mpi_layout.parallel.stopping import Stop
from mpi_layout.results.file import create_results, open_writer
from mpi_layout.results.locking.notice import RankNow
from mpi_layout.results.storage.row import failed_row


class Workers:
    """A team whose workers end each batch at once, by what `answer` says; it remembers what was on record."""

    ranks = 9
    launcher_gone = False
    gone = ()

    def __init__(self, results, answer, workers):
        self.results, self.answer = results, answer
        self.idle = self.workers = workers
        self.given, self.events, self.told = [], [], []

    def give(self, batch):
        self.idle -= 1
        self.given.append(batch)
        numbers = [assignment.number for assignment in batch]
        self.events.append((numbers, self.results.attempts[numbers].tolist()))

    def collect(self):
        ended, self.given = self.given, []
        self.idle += len(ended)
        return [self.answer(batch) for batch in ended]

    def at_work(self, since):
        return [RankNow(1 + i, batch[0].number, len(batch), 0.5) for i, batch in enumerate(self.given)]

    def drop(self):
        pass

    def settle(self):
        pass

    def sync(self):
        pass


@pytest.fixture
def work(small_campaign):
    """Let a manager work on the small campaign; gives back the team, the results file and the manager."""
    campaign = load_campaign(small_campaign)
    path = small_campaign.with_suffix(".h5")
    create_results(path, campaign)
    opened = []

    def work(answer=None, *, attempts=None, learned=0.01, workers=8, interval=1e9):
        results = open_writer(path, campaign)
        opened.append(results)
        results.begin_launch(ranks=9, host="here", pid=1, scheduler_id="", versions="", now=0.0)
        solver = Solver(campaign, launch=0, rank=0)

        def rows(batch):
            configs = [campaign.configs[assignment.number] for assignment in batch]
            about = {"seconds": 0.01, "rank": 1, "launch": 0, "attempts": batch[0].attempts}
            return batch, np.concatenate([failed_row(solver.dtype, c, "no", **about) for c in configs])

        numbers = np.arange(len(campaign.configs))
        schedule = Schedule(numbers, campaign.configs.kinds_of(numbers), np.ones(4), attempts=attempts)
        if learned:
            schedule.expected.learn(0, learned)
        team = Workers(results, lambda batch: (answer and answer(batch)) or rows(batch), workers)
        sync = results.checkpoint
        results.checkpoint = lambda: (team.events.append("checkpoint"), sync())
        results.tell = team.told.append
        manager = Manager(team, schedule, results, solver, Stop(), interval)
        manager.work(lambda: None)
        return team, results, manager

    yield work
    for results in opened:
        results.close()


def test_attempts_are_on_record_before_a_batch_is_given(work):
    team, results, manager = work()
    given = [event for event in team.events if event != "checkpoint"]
    assert sorted(number for numbers, _ in given for number in numbers) == list(range(12))
    assert all(on_record == [1] * len(numbers) for numbers, on_record in given)
    assert results.status.tolist() == [2] * 12
    assert manager.ended == 12


def test_suspects_of_one_moment_share_a_checkpoint(work):
    team, _, _ = work(attempts=np.ones(12, int))
    assert team.events[0] == "checkpoint"
    assert [event for event in team.events if event != "checkpoint"] == [([n], [2]) for n in range(12)]
    # Eight workers: two moments with work for them. The other one is that of the interval.
    assert team.events.count("checkpoint") == 3


def test_what_was_not_begun_is_given_again_and_no_suspect(work):
    dropped = []

    def answer(batch):
        if batch[0].number == 3 and not dropped:
            dropped.append(batch)
            return batch, Dropped()
        return None

    team, results, _ = work(answer)
    assert dropped[0][0] == Assignment(3, 1)
    assert (results.attempts == 1).all()
    assert team.events.count("checkpoint") == 1  # no suspect


@pytest.mark.parametrize("what", [Lost("rank 2 on here"), Overdue("rank 2 on here")])
def test_of_several_configs_none_is_blamed(work, what):
    struck = []

    def answer(batch):
        if len(batch) > 1 and not struck:
            struck.append(batch)
            return batch, what
        return None

    _, results, manager = work(answer, learned=1e-6, workers=1)
    numbers = [assignment.number for assignment in struck[0]]
    assert results.attempts[numbers].tolist() == [2] * len(numbers)
    assert manager.missing[0].startswith("rank 2 on here")
    assert manager.ended == 12


def test_a_config_that_is_alone_is_blamed_for_the_silence(work):
    def answer(batch):
        return (batch, Overdue("rank 2 on here")) if batch[0].number == 5 and len(batch) == 1 else None

    _, results, manager = work(answer, learned=0)
    assert results.attempts[5] == 3
    assert manager.schedule.failed == 12


def test_on_many_ranks_rows_are_collected_and_none_is_left_at_the_end(work):
    _, results, manager = work(workers=10_000)
    assert manager.ended == 12
    assert results.status.tolist() == [0] * 12  # a moment later they would be written
    manager.close("complete")
    assert results.status.tolist() == [2] * 12


def test_a_checkpoint_leaves_no_row_behind(work):
    _, results, _ = work(workers=10_000, interval=0.0)
    assert results.status.tolist() == [2] * 12


def test_what_is_told_of_a_launch(work):
    team, _, _ = work(learned=0)
    first = team.told[0]
    assert (first.launch, first.started, first.only, first.gone) == (0, 0.0, "*", ())
    assert (first.left, first.seconds_left) == (12, None)  # nobody knows yet how long one takes
    assert first.checkpoint is not None
    assert sorted(now.config for now in first.ranks) == sorted(numbers[0] for numbers, _ in team.events[:8])
