"""What a campaign will compute and cost, before it is started."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Campaign, Config
from mpi_layout.errors import ConfigError
from mpi_layout.named_model import model_text
from mpi_layout.optimise import solve as optimise
from mpi_layout.optimise.problem import Problem
from mpi_layout.optimise.refine import refine
from mpi_layout.optimise.refinement import NO_REFINEMENT, Refinement
from mpi_layout.optimise.search import Search
from mpi_layout.progress import duration
from mpi_layout.results.file import expected_size
from mpi_layout.room import rank_bytes
from mpi_layout.wake.walk import wakes_are_independent

Floats = NDArray[np.float64]

LONG_S = 10.0
# A stage is given few evaluations, then more each time, until it takes long enough to know its cost.
_FEW, _MORE = 16, 4
ENOUGH_S = 0.5


@dataclass(frozen=True)
class Cost:
    """CPU time, measured on the largest config and scaled with the square of all turbines, neighbours too.

    Attributes
    ----------
    config : Config
        The one that was solved.
    seconds : float
        What it takes, s.
    total : float
        Estimate for the campaign, s.
    failure : str
        Why the config failed, or "".
    whole : bool
        Whether all of it was measured; else stages did a part, and the time of the rest is extrapolated.
    """

    config: Config
    seconds: float
    total: float
    failure: str
    whole: bool = True


def measure_cost(campaign: Campaign) -> Cost:
    """Solve one of the largest configs of the campaign on this core."""
    configs = campaign.configs
    largest = configs[len(configs.seeds) * int(np.argmax([kind.n_turbines for kind in configs.kinds]))]
    problem = campaign.problem(largest.number)
    if campaign.code is not None and not campaign.code_allowed:
        problem = replace(problem, objective=replace(problem.objective, function=None))
    failure = ""
    seconds, whole = 0.0, True
    try:
        seconds, whole = _measured(problem)
    except ConfigError as error:
        failure = str(error)
    others = 0 if problem.neighbours is None else problem.neighbours.x.size
    weights = len(configs.seeds) * sum((kind.n_turbines + others) ** 2 for kind in configs.kinds)
    return Cost(largest, seconds, seconds * weights / (largest.n_turbines + others) ** 2, failure, whole)


def _measured(problem: Problem) -> tuple[float, bool]:
    """CPU time of a config, s, and whether all of it was measured."""
    first = replace(problem, refine=NO_REFINEMENT)
    seconds, layout = _timed(optimise.solve, first)
    if seconds < LONG_S:  # the first time also prepares tables that later ones share
        seconds = min(seconds, _timed(optimise.solve, first)[0])
    whole = True
    for stage, budget in asdict(problem.refine).items():
        if budget:
            took, measured = _stage_measured(problem, layout.x, layout.y, stage, budget)
            seconds, whole = seconds + took, whole and measured
    return seconds, whole


def _stage_measured(problem: Problem, x: Floats, y: Floats, stage: str, budget: int) -> tuple[float, bool]:
    """CPU time of a stage, s, and whether it was measured with its whole budget.

    It is given more and more until that takes long enough; the last step tells the cost of an evaluation,
    without what the stage does before the first one.
    """
    given, seconds = 0, 0.0
    part = min(_FEW, budget)
    while True:
        before, step = seconds, part - given
        search = Search(replace(problem, refine=Refinement(**{stage: part})))
        given, (seconds, _) = part, _timed(refine, search, x, y)
        if given == budget:
            return seconds, True
        if seconds > ENOUGH_S and step < given:
            return seconds + (budget - given) * max(0.0, seconds - before) / step, False
        part = min(_MORE * given, budget)


def _timed(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """CPU time of a call, s, and what it gives."""
    started = time.process_time()
    given = function(*arguments)
    return time.process_time() - started, given


def describe_work(campaign: Campaign) -> str:
    """Lines on what a campaign consists of."""
    configs, problem = campaign.configs, campaign.problem(0)
    n_areas, n_types, n_seeds = len(campaign.areas), len(campaign.turbine_types), len(configs.seeds)
    turbines = {kind.turbine_type: kind.n_turbines for kind in configs.kinds}
    each = ", ".join(f"{name} {n}" for name, n in turbines.items())
    others = problem.neighbours
    beside = "" if others is None else f"; beside {others.x.size} neighbours"
    rows = [
        ("campaign", campaign.name),
        (
            "configs",
            f"{len(configs)} = {n_areas} areas x {n_types} turbine types x {n_seeds} seeds",
        ),
        ("keys", f"{configs[0].key} ... {configs[-1].key}"),
        ("turbines", f"per layout: {each}{beside}"),
        ("wakes", model_text(problem.model)),
        ("objective", _objective_text(campaign)),
        ("refine", _stages_text(problem)),
        ("file", f"{expected_size(campaign) / 1e6:.1f} MB"),
        ("memory", f"about {rank_bytes(campaign) / 1e6:.0f} MB for each rank"),
    ]
    return "\n".join(f"{name + ':':<10} {text}" for name, text in rows if text)


def _objective_text(campaign: Campaign) -> str:
    """What is maximised, if it is not AEP."""
    objective, texts = campaign.problem(0).objective, []
    if objective.wind is not None:
        texts.append(f"what energy is worth, {objective.mean_price:.4g} per MWh on average")
    if campaign.code is not None:
        run = "" if campaign.code_allowed else " (code, not run without --allow-code)"
        texts.append(f"{campaign.code.name} of {campaign.code.file}{run}")
    return "; ".join(texts)


def _stages_text(problem: Problem) -> str:
    """Stages with their budgets, without those that find nothing to do."""
    budgets = {stage: budget for stage, budget in asdict(problem.refine).items() if budget}
    if problem.objective.function is None:
        budgets.pop("function", None)
    if "annealing" in budgets and not wakes_are_independent(problem.farm()):
        del budgets["annealing"]
    return ", ".join(f"{stage} {budget:,}" for stage, budget in budgets.items())


def describe_cost(cost: Cost) -> str:
    """Lines on what a campaign costs."""
    cores = len(os.sched_getaffinity(0))
    if cost.failure:
        return f"{'CPU time:':<10} unknown: {cost.config.key}, the largest config, fails: {cost.failure}"
    how = "measured" if cost.whole else "measured with a part of its evaluations"
    on = "1 core" if cores == 1 else f"{cores} cores"
    lines = [
        f"{'CPU time:':<10} {duration(cost.seconds)} for {cost.config.key} "
        f"with {cost.config.n_turbines} turbines, {how}",
        f"{'':<10} {duration(cost.total)} for all; about {duration(cost.total / cores)} on the {on} here",
    ]
    return "\n".join(lines)


def cost_warnings(campaign: Campaign, cost: Cost) -> tuple[str, ...]:
    """Say what the time of a config makes odd in the campaign."""
    limit = campaign.failures.max_seconds
    if limit is None or cost.failure or limit > 2 * cost.seconds:
        return ()
    text = (
        f"failures.max_seconds: a config that runs for longer than {limit:g} s has hung, but "
        f"{cost.config.key} needs about {duration(cost.seconds)} of an idle core"
    )
    return (text,)
