"""The questions that are put to the simulation, and its answers as plain rows for tables and plots."""

from dataclasses import replace

import numpy as np

from scaling.service import Service
from scaling.simulation import (
    BATCHES,
    ONE_BY_ONE,
    Design,
    Outcome,
    bound,
    make_schedule,
    simulate,
)
from scaling.work import NO_TROUBLE, Trouble, Work, made_up

RANKS = (10, 100, 1000, 3000, 10_000, 100_000)
SECONDS = (0.03, 0.3, 1.0, 10.0, 60.0, 3600.0)
LAUNCH_S = 600.0  # of work for each worker, if that is not too many configs
FEWEST, MOST_CONFIGS = 3, 20_000
HUGE, HUGE_S = 30_000, 60.0  # more ranks than that are simulated with configs of that length only
NODE = 128  # ranks
RESTART_S = 60.0  # from the end of a killed launch to the first config of the next: the queue and the start
DISKS = (0.1, 0.3, 1.0, 3.0, 10.0)  # GB/s
SEED = 20260
DESIGNS = {"before": ONE_BY_ONE, "batches": BATCHES}


def per_worker(workers: int, seconds: float, most: int = MOST_CONFIGS) -> int:
    """Configs for each worker: ten minutes of them, three at least, else `most` together at most."""
    return int(max(FEWEST, min(LAUNCH_S / seconds, most / workers)))


def describe(work: Work, workers: int, out: Outcome) -> dict[str, float]:
    """Give what a table wants to know of a launch."""
    if not (out.ended == 1).all():
        raise RuntimeError("not every config has ended once")
    return {
        "workers": workers,
        "configs": work.seconds.size,
        "mean": work.total / work.seconds.size,
        "seconds": out.seconds,
        "bound": bound(work, workers),
        "efficiency": work.total / workers / out.seconds,
        "middle": out.efficiency(workers, 0.25, 0.75),
        "lost_s": out.seconds - work.total / workers,
        "manager": out.manager / out.seconds,
        "syncing": out.syncing / out.seconds,
        "messages": out.messages / out.seconds,
        "rows": work.seconds.size / out.seconds,
        "runs": out.runs / out.seconds,
        "delay_ms": 1e3 * float(out.delays.mean()),
        "delay99_ms": 1e3 * float(np.percentile(out.delays, 99)),
        "largest": out.largest,
    }


def one(
    ranks: int, seconds: float, service: Service, design: Design, most: int = MOST_CONFIGS, **kinds: float
) -> dict[str, float]:
    """Simulate one undisturbed launch."""
    workers = ranks - 1
    work = made_up(workers * per_worker(workers, seconds, most), seconds, seed=SEED, **kinds)
    out = simulate(make_schedule(work), work, workers, service, design)
    return {"ranks": ranks, "length": seconds} | describe(work, workers, out)


def efficiency(service: Service, design: Design, ranks=RANKS, seconds=SECONDS, most=MOST_CONFIGS):
    """Launches of all sizes and all lengths of configs."""
    for length in seconds:
        for n in ranks:
            if n > HUGE and length != HUGE_S:
                continue
            yield one(n, length, service, design, most)


def checkpoints(service: Service, design: Design, ranks: int, seconds: float, most=MOST_CONFIGS):
    """The same launch with file systems that make rows durable fast and slowly."""
    for gb_s in DISKS:
        slow = replace(service, sync_config=design.row_bytes / (1e9 * gb_s))
        yield {"disk": gb_s} | one(ranks, seconds, slow, design, most)


def stragglers(service: Service, design: Design, ranks: int, seconds: float, each: int = 50):
    """Slow ranks, a slow node, long configs, failing configs: each alone, against nothing of it."""
    workers = ranks - 1
    rng = np.random.default_rng(SEED)
    slow = np.ones(workers)
    slow[rng.choice(workers, max(1, workers // 100), replace=False)] = 0.5
    node = np.ones(workers)
    node[:NODE] = 0.5
    cases = {
        "nothing": ({}, NO_TROUBLE),
        "1 % of the ranks at half speed": ({}, Trouble(speed=slow)),
        f"one node of {NODE} ranks at half speed": ({}, Trouble(speed=node)),
        "1 % of the configs ten times as long": ({"long_share": 0.01}, NO_TROUBLE),
        "5 % of the configs fail": ({"failing": 0.05}, NO_TROUBLE),
    }
    for name, (kinds, trouble) in cases.items():
        work = made_up(workers * each, seconds, seed=SEED, **kinds)
        out = simulate(make_schedule(work), work, workers, service, design, trouble=trouble)
        speed = workers if trouble.speed is None else trouble.speed.sum()
        row = describe(work, workers, out)
        least = max(work.seconds.max(), work.total / speed)
        yield {"case": name, "ranks": ranks, "length": seconds} | row | {"least": least}


def losses(service: Service, design: Design, ranks: int, seconds: float, each: int = 50):
    """What the loss of ranks and of launches costs."""
    workers = ranks - 1
    work = made_up(workers * each, seconds, seed=SEED)
    calm = simulate(make_schedule(work), work, workers, service, design)
    half = calm.seconds / 2
    yield {"case": "nothing", "seconds": calm.seconds, "lost": 0, "more": 0.0}
    deaths = dict.fromkeys(range(NODE), half)
    out = simulate(make_schedule(work), work, workers, service, design, trouble=Trouble(deaths=deaths))
    describe(work, workers, out)
    yield {
        "case": f"{NODE} ranks die, the launch goes on (ULFM)",
        "seconds": out.seconds,
        "lost": out.lost,
        "more": out.seconds - calm.seconds,
    }
    seconds_of_both, lost = killed(work, workers, service, design, at=half)
    yield {
        "case": "the launch is killed, the next one goes on",
        "seconds": seconds_of_both,
        "lost": lost,
        "more": seconds_of_both - calm.seconds - RESTART_S,
    }


def killed(work: Work, workers: int, service: Service, design: Design, *, at: float) -> tuple[float, int]:
    """Kill a launch, and let the next one go on: seconds of both with the pause, and configs lost."""
    first = simulate(make_schedule(work), work, workers, service, design, trouble=Trouble(end=at))
    left = np.flatnonzero(first.ended == 0)
    schedule = make_schedule(work, left, attempts=first.attempts[left])
    second = simulate(schedule, work, workers, service, design)
    if not (first.ended + second.ended == 1).all():
        raise RuntimeError("not every config has ended once")
    return first.seconds + RESTART_S + second.seconds, int((first.attempts > 0).sum())
