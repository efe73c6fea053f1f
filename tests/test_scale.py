"""The simulation of large launches: it drives the real schedule, loses nothing, and agrees with theory."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mpi_layout.parallel.schedule import Schedule

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
REPORT_S, NAP_S = 2e-4, 1e-3


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Makes the parts of the simulation importable."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "scaling"]:
        del sys.modules[name]


@pytest.fixture
def sim():
    from scaling import simulation

    return simulation


@pytest.fixture
def work():
    from scaling import work

    return work


@pytest.fixture
def service():
    from scaling.service import Service

    return Service


def designs(sim):
    return {"one by one": sim.ONE_BY_ONE, "batches": sim.BATCHES}


@pytest.mark.parametrize("design", ["one by one", "batches"])
def test_nothing_is_lost_and_nothing_is_free(sim, work, service, design):
    configs = work.made_up(3000, 0.03, long_share=0.01, failing=0.05)
    costs = service(receive=5e-5, note_config=5e-5, store_config=5e-5, nap_first=1e-4, nap_longest=NAP_S)
    schedule = sim.make_schedule(configs)
    out = sim.simulate(schedule, configs, 100, costs, designs(sim)[design])
    assert type(schedule) is Schedule
    assert schedule.complete
    assert (out.ended == 1).all()
    assert schedule.failed == configs.fails.sum() > 0
    assert out.seconds > sim.bound(configs, 100)
    assert 0.0 < out.manager < out.seconds
    assert (out.largest > 1) == (design == "batches")


@pytest.mark.parametrize("n_workers", [1, 7, 100])
def test_equal_configs_without_costs_keep_all_workers_busy(sim, work, service, n_workers):
    configs = work.equal(20 * n_workers, 2.0)
    out = sim.simulate(sim.make_schedule(configs), configs, n_workers, service(), sim.ONE_BY_ONE)
    assert out.seconds == pytest.approx(40.0)
    assert out.efficiency(n_workers) == pytest.approx(1.0)


@pytest.mark.parametrize("design", ["one by one", "batches"])
@pytest.mark.parametrize("seed", range(5))
def test_the_end_of_a_launch_is_balanced(sim, work, service, design, seed):
    """Graham: any list ends before twice the optimum, the longest first within 4/3 of it."""
    configs, n_workers = work.made_up(400, 1.0, spread=0.0, seed=seed), 30
    out = sim.simulate(sim.make_schedule(configs), configs, n_workers, service(), designs(sim)[design])
    assert out.seconds <= (2 - 1 / n_workers) * sim.bound(configs, n_workers)
    assert out.seconds <= 4 / 3 * sim.bound(configs, n_workers)


def test_rank_0_saturates_at_the_rate_that_its_costs_allow(sim, work, service):
    configs = work.equal(8000, 0.1)
    costs = service(receive=REPORT_S / 2, store_config=REPORT_S / 2)
    out = sim.simulate(sim.make_schedule(configs), configs, 2000, costs, sim.ONE_BY_ONE)
    assert 8000 / (out.seconds - 0.1) == pytest.approx(1 / REPORT_S, rel=0.05)  # the first comes after 0.1 s
    assert out.manager / out.seconds > 0.9
    out = sim.simulate(sim.make_schedule(configs), configs, 20, costs, sim.ONE_BY_ONE)
    assert 8000 / out.seconds == pytest.approx(20 / 0.1, rel=0.05)


def test_queue_at_rank_0_is_that_of_theory(sim, work, service):
    """Many workers with configs of random times, one server that takes a fixed time: M/D/1."""
    rng = np.random.default_rng(1)
    n_workers, load, each = 200, 0.6, 1e-3
    mean = n_workers * each / load
    seconds = rng.exponential(mean, 8000)
    configs = work.Work(seconds, np.zeros(8000, int), np.array([mean]), np.zeros(8000, bool))
    out = sim.simulate(
        sim.make_schedule(configs),
        configs,
        n_workers,
        service(receive=each),
        replace(sim.ONE_BY_ONE, most_messages=1),
    )
    queued = out.delays[1000:-1000].mean() - each
    assert queued == pytest.approx(load * each / (2 * (1 - load)), rel=0.25)


def test_configs_of_dead_ranks_are_solved_by_others(sim, work, service):
    configs = work.made_up(2000, 1.0)
    trouble = work.Trouble(deaths=dict.fromkeys(range(20), 12.0))
    out = sim.simulate(
        sim.make_schedule(configs), configs, 50, service(child=0.5), sim.BATCHES, trouble=trouble
    )
    assert out.lost >= 20
    assert (out.ended == 1).all()
    assert out.seconds > sim.bound(configs, 50) * 1.2


def test_a_killed_launch_is_gone_on_with(sim, work, service):
    from scaling.studies import RESTART_S, killed

    configs = work.made_up(2000, 1.0)
    costs = service(child=0.5, sync=0.01)
    seconds, lost = killed(configs, 50, costs, sim.BATCHES, at=20.0)
    assert 50 <= lost < 400
    assert RESTART_S + sim.bound(configs, 50) < seconds < RESTART_S + 1.5 * sim.bound(configs, 50)
    each, _ = killed(configs, 50, costs, replace(sim.BATCHES, sync_each_suspect=True), at=20.0)
    assert each > seconds


def test_slow_ranks_get_less(sim, work, service):
    configs = work.made_up(5000, 1.0)
    speed = np.where(np.arange(100) < 50, 0.25, 1.0)
    out = sim.simulate(
        sim.make_schedule(configs), configs, 100, service(), sim.BATCHES, trouble=work.Trouble(speed=speed)
    )
    assert configs.total / speed.sum() < out.seconds < 1.3 * configs.total / speed.sum()


def test_naps_delay_by_no_more_than_the_longest(sim):
    naps = sim._Naps(1e-4, NAP_S)
    for arrival in np.geomspace(1e-6, 3.0, 200):
        assert arrival <= naps.seen(0.0, arrival) <= arrival + NAP_S * 1.001
    assert naps.seen(5.0, 4.0) == 5.0


def test_measured_costs_are_read(service):
    from scaling.service import SERVICE, Service

    assert SERVICE.exists()
    one = Service.read("before, gather")
    assert 2e-5 < one.per_config(1) < 2e-3
