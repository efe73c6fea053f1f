"""What a running launch tells of itself, in words of its campaign."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpi_layout.results.locking.notice import Notice
from mpi_layout.results.reader import Results


@dataclass(frozen=True)
class Given:
    """Configs that a rank was given and has not answered.

    Attributes
    ----------
    key : str
        The first one.
    rank, given : int
        Who has them, and how many these are: it may be at a later one.
    age : float
        Seconds since the first one began.
    """

    key: str
    rank: int
    given: int
    age: float


@dataclass(frozen=True)
class Told:
    """What a running launch tells of itself.

    Attributes
    ----------
    only : str
        Which configs it does, as `--only` says it.
    left : int
        Configs that it has to do still.
    in_flight : tuple of Given
        The longest at work first.
    idle : int
        Ranks that have nothing to do.
    gone : tuple of int
        Ranks that have died or do not answer.
    """

    only: str
    left: int
    in_flight: tuple[Given, ...]
    idle: int
    gone: tuple[int, ...]

    @classmethod
    def of(cls, notice: Notice, results: Results, chosen: NDArray[np.bool_] | None = None) -> "Told":
        """From a notice of the last launch on a results file; of what is in flight the chosen configs."""
        busy = [(now.since, now) for now in notice.ranks if now.config is not None]
        shown = sorted(entry for entry in busy if chosen is None or chosen[entry[1].config])
        return cls(
            only=notice.only,
            left=notice.left,
            in_flight=tuple(
                Given(results.key(now.config or 0), now.rank, now.given, max(0.0, notice.clock - since))
                for since, now in shown
            ),
            idle=len(notice.ranks) - len(busy),
            gone=notice.gone,
        )
