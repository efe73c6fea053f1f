"""What a campaign will compute and cost, before it is started."""

import math
import os
import time
from dataclasses import dataclass

import numpy as np

from mpi_layout.campaign import Campaign, Config
from mpi_layout.errors import ConfigError
from mpi_layout.named_model import model_text
from mpi_layout.optimise import solve as optimise
from mpi_layout.progress import duration
from mpi_layout.results.file import expected_size

LONG_S = 10.0


@dataclass(frozen=True)
class Cost:
    """CPU time, measured on the largest config and scaled with the square of all turbines, neighbours too.

    Attributes
    ----------
    config : Config
        The one that was solved.
    seconds : float
        What it took, s.
    total : float
        Estimate for the campaign, s.
    failure : str
        Why the config failed, or "".
    """

    config: Config
    seconds: float
    total: float
    failure: str


def measure_cost(campaign: Campaign) -> Cost:
    """Solve one of the largest configs of the campaign on this core."""
    configs = campaign.configs
    largest = configs[len(configs.seeds) * int(np.argmax([kind.n_turbines for kind in configs.kinds]))]
    problem = campaign.problem(largest.number)
    failure = ""
    seconds = math.inf
    for _ in range(2):  # the first one also prepares tables that later ones share
        started = time.process_time()
        try:
            optimise.solve(problem)
        except ConfigError as error:
            failure = str(error)
        seconds = min(seconds, time.process_time() - started)
        if seconds > LONG_S:
            break
    others = 0 if problem.neighbours is None else problem.neighbours.x.size
    weights = len(configs.seeds) * sum((kind.n_turbines + others) ** 2 for kind in configs.kinds)
    return Cost(largest, seconds, seconds * weights / (largest.n_turbines + others) ** 2, failure)


def describe_work(campaign: Campaign) -> str:
    """Lines on what a campaign consists of."""
    configs = campaign.configs
    n_areas, n_types, n_seeds = len(campaign.areas), len(campaign.turbine_types), len(configs.seeds)
    turbines = {kind.turbine_type: kind.n_turbines for kind in configs.kinds}
    each = ", ".join(f"{name} {n}" for name, n in turbines.items())
    others = campaign.problem(0).neighbours
    beside = "" if others is None else f"; beside {others.x.size} neighbours"
    rows = [
        ("campaign", campaign.name),
        (
            "configs",
            f"{len(configs)} = {n_areas} areas x {n_types} turbine types x {n_seeds} seeds",
        ),
        ("keys", f"{configs[0].key} ... {configs[-1].key}"),
        ("turbines", f"per layout: {each}{beside}"),
        ("wakes", model_text(campaign.problem(0).model)),
        ("file", f"{expected_size(campaign) / 1e6:.1f} MB"),
    ]
    return "\n".join(f"{name + ':':<10} {text}" for name, text in rows)


def describe_cost(cost: Cost) -> str:
    """Lines on what a campaign costs."""
    cores = len(os.sched_getaffinity(0))
    if cost.failure:
        return f"{'CPU time:':<10} unknown: {cost.config.key}, the largest config, fails: {cost.failure}"
    on = "1 core" if cores == 1 else f"{cores} cores"
    lines = [
        f"{'CPU time:':<10} {duration(cost.seconds)} for {cost.config.key} "
        f"with {cost.config.n_turbines} turbines, measured",
        f"{'':<10} {duration(cost.total)} for all; about {duration(cost.total / cores)} on the {on} here",
    ]
    return "\n".join(lines)
