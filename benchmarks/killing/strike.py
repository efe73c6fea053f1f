"""Who is struck, how, and when."""

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from killing.launch import Launch

NOBODY = "nobody"


@dataclass(frozen=True)
class Victim:
    """Who is struck, how, and what must become of the launch.

    Attributes
    ----------
    name : str
        For the table.
    strike : callable
        Strikes; gives back False if there is no such victim (yet).
    kills : bool
        Whether somebody dies of it.
    survived : bool
        Whether the launch has to come to its end all the same.
    """

    name: str
    strike: Callable[[Launch, random.Random], bool]
    kills: bool = True
    survived: bool = False


def _a_worker(launch: Launch, rng: random.Random) -> bool:
    workers = [pid for rank, pid in launch.ranks().items() if rank]
    launch.signal(*workers and [rng.choice(workers)])
    return bool(workers)


def _all_workers_but_one(launch: Launch, rng: random.Random) -> bool:
    workers = [pid for rank, pid in launch.ranks().items() if rank]
    launch.signal(*rng.sample(workers, max(0, len(workers) - 1)))
    return len(workers) > 1


def _the_manager(launch: Launch, rng: random.Random) -> bool:
    managers = [pid for rank, pid in launch.ranks().items() if not rank]
    launch.signal(*managers)
    return bool(managers)


def _all_ranks(launch: Launch, rng: random.Random) -> bool:
    ranks = launch.ranks()
    launch.signal(*ranks.values())
    return bool(ranks)


def _the_launcher(launch: Launch, rng: random.Random) -> bool:
    if launch.ended:
        return False
    launch.signal(launch.launcher.pid)
    return True


def _stop_a_worker(then: int) -> Callable[[Launch, random.Random], bool]:
    def strike(launch: Launch, rng: random.Random) -> bool:
        workers = [pid for rank, pid in launch.ranks().items() if rank]
        if workers:
            worker = rng.choice(workers)
            launch.signal(worker, number=signal.SIGSTOP)
            time.sleep(rng.uniform(0.02, 0.4))
            launch.signal(worker, number=then)
        return bool(workers)

    return strike


CONTINUED = Victim(
    "a worker, stopped and continued", _stop_a_worker(signal.SIGCONT), kills=False, survived=True
)
MANAGING = [
    Victim("rank 0", _the_manager),
    Victim("all ranks", _all_ranks),
    Victim("the launcher", _the_launcher),
]
WORKING = [
    Victim("a worker", _a_worker),
    Victim("a worker, stopped and killed", _stop_a_worker(signal.SIGKILL)),
]
SURVIVED = [
    Victim("a worker", _a_worker, survived=True),
    Victim("a worker, stopped and killed", _stop_a_worker(signal.SIGKILL), survived=True),
]
ALL_BUT_ONE = Victim("all workers but one", _all_workers_but_one, survived=True)


def draw_victims(rng: random.Random, *, ulfm: bool) -> list[Victim]:
    """Draw whom to strike in one launch, one after the other; only the last strike may end it."""
    if not ulfm:
        return [*([CONTINUED] if rng.random() < 0.15 else []), rng.choice(MANAGING + WORKING)]
    if rng.random() < 0.3:
        return [rng.choice(MANAGING)]
    if rng.random() < 0.3:
        return [ALL_BUT_ONE]
    return rng.choices(SURVIVED, k=rng.randint(1, 3))  # of four workers


@dataclass(frozen=True)
class Moment:
    """When to strike: at a stage of the launch, and `delay` seconds later.

    Attributes
    ----------
    rows : int
        So many rows more than at the start of the launch have been seen; 0 for none.
    creation : bool
        The creation of the file has begun.
    delay : float
        s.
    """

    rows: int = 0
    creation: bool = False
    delay: float = 0.0


def draw_moment(rng: random.Random, *, left: int, created: bool, startup: float, ulfm: bool) -> Moment:
    """Draw a moment: some time after the command, the creation of the file, or so many rows later.

    Parameters
    ----------
    rng : random.Random
        Decides.
    left : int
        Rows that are not there yet.
    created : bool
        Whether there is a file already.
    startup : float
        From the command to the first row, s.
    ulfm : bool
        Whether all ranks have to be at work, as nobody may die in MPI_Init.
    """
    kinds = ["rows"] if ulfm else ["rows", "time"] if created else ["rows", "time", "creation"]
    match rng.choice(kinds):
        case "time":
            return Moment(delay=rng.uniform(0, 1.5 * startup))
        case "creation":
            return Moment(creation=True, delay=rng.uniform(0, 0.03))
        case _:
            return Moment(rows=rng.randint(1, max(1, left)), delay=rng.uniform(0, 0.06))
