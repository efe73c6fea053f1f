"""What the pieces of a launch cost, measured on the real code in this process.

The real manager, schedule and results file, with a team that only plays: every config that was given has
ended by the next look, so that nothing is measured but rank 0. What MPI itself adds is measured in a real
launch (`scaling.launches`).
"""

import os
import random
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
from costs import made_row
from scipy.optimize import nnls

from mpi_layout.campaign import load_campaign
from mpi_layout.parallel.alone import CarefulSolver
from mpi_layout.parallel.answers import Stored
from mpi_layout.parallel.batches import MOST, batch_seconds
from mpi_layout.parallel.manager import Manager
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.serial import SerialTeam
from mpi_layout.parallel.solver import Solver
from mpi_layout.parallel.stopping import Stop
from mpi_layout.results.file import create_results, open_writer
from mpi_layout.results.storage.row import brief, seal
from mpi_layout.run import make_schedule

REFERENCE = Path(__file__).resolve().parents[2] / "examples" / "danish_energy_island.yaml"
# Messages in a turn of the loop, configs in each; with so few workers that no rows are collected.
TURNS = ((1, 1), (8, 1), (60, 1), (1, 4), (8, 4), (32, 4), (1, 16), (8, 16), (1, 64))
OUT = 8  # times as many workers as messages in a turn: batches come back in another order than they went
REPEATS = 3


class PlayedTeam:
    """Workers of whom a few, at random, have ended by the next look; notes when the manager called.

    Attributes
    ----------
    turns : list of tuple
        CPU time, s, when `collect` came back, before the first batch was given, after the last one, and when
        `collect` was called again; batches given; configs in all of them.
    """

    ranks, launcher_gone, workers_here, gone = 2, False, 1, ()

    def __init__(self, messages, rows, *, write_themselves):
        self.workers = self.idle = OUT * messages
        self._messages, self._rng = messages, random.Random(0)
        self.turns = []
        self._rows, self._themselves = rows, write_themselves
        self._flying, self._given, self._n_given, self._back = [], [], 0, 0.0

    def give(self, batch):
        """Take a batch."""
        now = time.thread_time()
        self.idle -= 1
        self._flying.append(batch)
        self._n_given += len(batch)
        self._given.append((now, time.thread_time()))

    def at_work(self, since):
        """Tell nothing: nobody watches."""
        return []

    def collect(self):
        """Give back all that was given."""
        again = time.thread_time()
        if self._given:
            first, last = self._given[0][0], self._given[-1][1]
            self.turns.append((self._back, first, last, again, len(self._given), self._n_given))
        self._rng.shuffle(self._flying)
        ended, self._flying = self._flying[: self._messages], self._flying[self._messages :]
        answers = [(batch, self._answer(batch)) for batch in ended]
        self.idle += len(answers)
        self._given, self._n_given = [], 0
        self._back = time.thread_time()
        return answers

    def _answer(self, batch):
        rows = np.concatenate([self._rows[a.number] for a in batch])
        return Stored(brief(rows)) if self._themselves else rows

    def drop(self):
        """Have nothing that could be dropped."""

    def sync(self):
        """Sync nothing: the manager writes all rows."""

    def settle(self):
        """Wait for nobody."""


def manager_turns(folder, campaign, rows, messages, configs, *, backend):
    """Rank 0's part of a launch in which each turn brings so many messages with about so many configs each.

    Returns
    -------
    (n_turns, 8) array
        Messages and configs that came in, then the turn as in `PlayedTeam.turns`.
    """
    for row in rows:  # so many configs fit into a batch
        row["seconds"] = 0.999 * batch_seconds(OUT * messages) / configs
        seal(row)
    path = folder / f"{messages}-{configs}.h5"
    create_results(path, campaign)
    with open_writer(path, campaign) as results:
        launch = results.begin_launch(ranks=1, host="here", pid=1, scheduler_id="", versions="", now=0.0)
        if backend == "mpio":
            results.write_together(SerialTeam().share({}))
        schedule = make_schedule(np.arange(len(campaign.configs)), campaign, results)
        team = PlayedTeam(messages, rows, write_themselves=backend == "mpio")
        manager = Manager(team, schedule, results, Solver(campaign, launch=launch, rank=0), Stop(), 1e9)
        manager.work(lambda: None)
    path.unlink()
    turns = np.array([last[4:] + turn for last, turn in pairwise(team.turns)])
    return turns[(turns[:, [0, 6]] == messages).all(axis=1)]  # all but the first and the last ones


def manager_costs(folder, backend):
    """What rank 0 spends on a turn, a message and a config."""
    campaign = load_campaign(REFERENCE)
    rng = np.random.default_rng(0)
    dtype = Solver(campaign, launch=0, rank=0).dtype
    rows = [made_row(dtype, config, rng) for config in campaign.configs]
    found = []
    for messages, configs in TURNS:
        turns = [
            manager_turns(folder, campaign, rows, messages, configs, backend=backend) for _ in range(REPEATS)
        ]
        came_m, came, back, _, given_all, again, given_m, given = np.concatenate(turns).T
        found.append(
            [
                came_m.mean(),
                came.mean(),
                given_m.mean(),
                given.mean(),
                np.median(given_all - back),
                np.median(again - given_all),
            ]
        )
    return fit(np.array(found))


def fit(found):
    """From turns to what each thing costs.

    Parameters
    ----------
    found : (n, 6) array
        Messages and configs that came, that were given, seconds until all was given, seconds after that.
    """
    one = np.ones(len(found))
    before = _least_squares(np.column_stack([one, found[:, 2:4]]), found[:, 4])
    after = _least_squares(np.column_stack([one, found[:, :2]]), found[:, 5])
    return {
        "give": before[1],
        "give_config": before[2],
        "store": after[1],
        "store_config": after[2],
        "turn": before[0] + after[0],
    }


def _least_squares(n, seconds):
    """Costs, none below zero, whose relative errors are least."""
    return nnls(n / seconds[:, None], np.ones(len(seconds)))[0].tolist()


def sync_costs(folder):
    """Seconds of a checkpoint, and what each row since the last one adds."""
    campaign = load_campaign(REFERENCE)
    rng = np.random.default_rng(0)
    dtype = Solver(campaign, launch=0, rank=0).dtype
    rows = [made_row(dtype, config, rng) for config in campaign.configs]
    path, found = folder / "sync.h5", []
    create_results(path, campaign)
    with open_writer(path, campaign) as results:
        for n in (0, 1, 10, 100, 300, 1000, 3000) * 5:
            for number in rng.permutation(len(rows))[:n].tolist():
                results.write_row(number, rows[number])
            started = time.perf_counter()
            results.checkpoint()
            found.append((n, time.perf_counter() - started))
    path.unlink()
    n, seconds = np.array(found).T
    middle = {int(k): float(np.median(seconds[n == k])) for k in np.unique(n)}
    slope, start = np.polyfit(list(middle), list(middle.values()), 1)
    return {"sync": max(float(start), middle[0]), "sync_config": max(float(slope), 0.0)}, middle


def worker_costs(folder, backend):
    """Seconds of a worker for a config that costs nothing to solve, and of a child process for a suspect."""
    campaign = load_campaign(REFERENCE)
    solver = Solver(campaign, launch=0, rank=0)
    path, config_s = folder / "worker.h5", []
    create_results(path, campaign)
    with open_writer(path, campaign) as results:
        if backend == "mpio":
            results.write_together(SerialTeam().share({}))
        for number in range(0, len(campaign.configs), 10):
            started = time.perf_counter()
            row = solver.solve(Assignment(number, 1))
            if backend == "mpio":
                results.write_row(number, row)
            config_s.append(time.perf_counter() - started)
    path.unlink()
    return {"worker_config": median(config_s), "child": median(timed_child(solver) for _ in range(3))}


def timed_child(solver):
    """CPU seconds of a suspect's process: on a busy machine it takes longer."""
    before = os.times()
    with CarefulSolver(solver) as careful:
        careful.solve(Assignment(0, 2))
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def naps():
    """How long the naps of `talk.Nap` really are."""
    found = []
    for wanted in (1e-4, 1e-3):
        seconds = []
        for _ in range(300):
            started = time.perf_counter()
            time.sleep(wanted)
            seconds.append(time.perf_counter() - started)
        found.append(median(seconds))
    return {"nap_first": found[0], "nap_longest": found[1]}


def overdue_cost(n=20_000):
    """What each worker with a config adds to a look for overdue ones."""
    from mpi_layout.parallel.answers import InFlight

    flying = InFlight()
    for worker in range(n):
        flying.begin(worker, (Assignment(worker, 1),))
    seconds = []
    for _ in range(20):
        started = time.thread_time()
        flying.overdue(1e9)
        seconds.append(time.thread_time() - started)
    return median(seconds) / n


def message_costs(launch):
    """What MPI adds on rank 0: CPU seconds of messages that come and go, of what is in them, of a look.

    Parameters
    ----------
    launch : callable
        From the number of configs, and how many of them share a message at most, to what was noted.
    """
    n_configs = 3000
    single = [launch(n_configs, 1) for _ in range(REPEATS)]
    several = [launch(n_configs, MOST) for _ in range(REPEATS)]
    look = min(one["look"] / max(one["looks"] - one["turns"], 1) for one in single)

    def taking(one):
        return one["collect"] - look * one["turns"]

    receive = max(min(taking(one) for one in single) / n_configs, 0.0)
    receive_config = min(taking(one) - receive * one["answers"] for one in several) / n_configs
    return {
        "receive": receive,
        "receive_config": max(receive_config, 0.0),
        "send": min(one["give"] for one in single) / n_configs,
        "look": look,
    }
