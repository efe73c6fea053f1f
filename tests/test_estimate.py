"""What `check` says a campaign costs."""

import re
from pathlib import Path

import numpy as np
import pytest

from mpi_layout import cli, estimate
from mpi_layout.campaign import load_campaign, parse_campaign
from mpi_layout.errors import ConfigError
from mpi_layout.estimate import Cost, cost_warnings, describe_cost, describe_work, measure_cost
from mpi_layout.optimise.refine import STAGES

EXAMPLES = Path(__file__).parents[1] / "examples"


class Clock:
    """CPU time that only stages spend."""

    def __init__(self):
        self.now = 0.0
        self.given = []

    def process_time(self):
        return self.now

    def stage(self, before, each):
        """Stage that takes a while before its first evaluation, and for each."""

        def work(search, x, y, budget):
            self.given.append(budget)
            self.now += before + each * budget
            return x, y

        return work


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(estimate, "time", clock)
    for name in list(STAGES):
        monkeypatch.delitem(STAGES, name)
    monkeypatch.setitem(STAGES, "gradient", clock.stage(0.3, 0.001))
    monkeypatch.setitem(STAGES, "polish", clock.stage(0.0, 0.02))
    return clock


@pytest.fixture
def campaign(small_campaign_text):
    def campaign(refine, more=""):
        return parse_campaign(f"{small_campaign_text}refine: {refine}\n{more}")

    return campaign


def test_small_budgets_are_measured(clock, campaign):
    cost = measure_cost(campaign("{gradient: 10, polish: 20}"))
    assert cost.seconds == pytest.approx(0.3 + 0.01 + 0.4)
    assert cost.total == pytest.approx(12 * cost.seconds)
    assert cost.whole
    assert "turbines, measured" in describe_cost(cost)
    assert "part" not in describe_cost(cost)


@pytest.mark.parametrize("gradient", [10**4, 10**9])
def test_large_budgets_are_extrapolated_from_a_part(clock, campaign, gradient):
    cost = measure_cost(campaign(f"{{gradient: {gradient}, polish: 20}}"))
    assert cost.seconds == pytest.approx(0.3 + 0.001 * gradient + 0.4)
    assert not cost.whole
    assert max(clock.given) < 2000
    assert clock.now < 10
    assert "measured with a part of its evaluations" in describe_cost(cost)


def test_expensive_evaluations_end_the_measurement_at_once(clock, campaign, monkeypatch):
    monkeypatch.setitem(STAGES, "polish", clock.stage(0.0, 0.1))
    cost = measure_cost(campaign("{polish: 1000}"))
    assert cost.seconds == pytest.approx(100)
    assert clock.given == [16, 64]


def test_a_stage_that_fails_makes_the_cost_unknown(clock, campaign, monkeypatch):
    def fail(search, x, y, budget):
        raise ConfigError("no room")

    monkeypatch.setitem(STAGES, "gradient", fail)
    cost = measure_cost(campaign("{gradient: 5}"))
    assert cost.failure == "no room"
    assert "unknown" in describe_cost(cost)


def test_real_stages_are_measured(campaign):
    cost = measure_cost(campaign("{preset: quick, polish: 3}"))
    assert not cost.failure
    assert np.isfinite(cost.seconds)
    assert cost.seconds > 0


def test_budgets_are_told(campaign):
    assert "refine:    gradient 4,000, polish 5\n" in describe_work(campaign("{gradient: 4000, polish: 5}"))
    assert "refine" not in describe_work(campaign("none"))


def test_stages_that_find_nothing_to_do_are_not_told(campaign):
    refine = "{gradient: 4, annealing: 3, function: 2}"
    assert "refine:    gradient 4\n" in describe_work(campaign(refine))
    text = (EXAMPLES / "iea37" / "case_study_3.yaml").read_text()  # whose wakes do not depend on each other
    alone = load_campaign(
        EXAMPLES / "iea37" / "x.yaml", text=re.sub("(?m)^refine:.*", f"refine: {refine}", text)
    )
    assert "refine:    gradient 4, annealing 3\n" in describe_work(alone)


@pytest.mark.parametrize(("seconds", "odd"), [(4.0, False), (6.0, True), (60.0, True)])
def test_a_time_limit_that_configs_exceed_is_odd(campaign, seconds, odd):
    asked = campaign("none", "failures: {max_seconds: 10}\n")
    found = cost_warnings(asked, Cost(asked.configs[0], seconds, seconds, ""))
    assert bool(found) == odd
    assert all("failures.max_seconds" in warning and "a_t10_s0" in warning for warning in found)
    assert not cost_warnings(campaign("none"), Cost(asked.configs[0], seconds, seconds, ""))


def test_check_warns_of_such_a_limit(small_campaign, clock, capsys):
    text = f"{small_campaign.read_text()}refine: {{gradient: 9000}}\nfailures: {{max_seconds: 8}}\n"
    small_campaign.write_text(text)
    assert cli.main(["check", str(small_campaign)]) == 0
    assert "warning: failures.max_seconds: a config that runs for longer than 8 s" in capsys.readouterr().out
