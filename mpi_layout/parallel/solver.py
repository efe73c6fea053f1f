"""One config on one rank: solved, turned into a sealed row, whatever happens.

Three ways to end: a row (a layout, or the message of a config that cannot be
solved), `BugError` (the program is wrong) and `MemoryError` (the machine has too
little); after these the launch has to end.
"""

import math
import socket
import time
import traceback
from typing import Any

import numpy as np

from mpi_layout.campaign import Campaign, Config, parse_campaign
from mpi_layout.errors import ConfigError
from mpi_layout.optimise import solve as optimise
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.results.storage import row as rows


class BugError(Exception):
    """An error of the program met in a config; the text has rank, host, config key and traceback."""


class Solver:
    """Solves configs of one campaign.

    Parameters
    ----------
    campaign : Campaign
    launch : int
        Number of this launch.
    rank : int
        Rank of this process.

    Attributes
    ----------
    max_seconds : float
        Limit of one attempt, s; infinite if there is none.
    """

    def __init__(self, campaign: Campaign, *, launch: int, rank: int) -> None:
        self.campaign = campaign
        self.launch = launch
        self.rank = rank
        self.dtype = rows.row_dtype(campaign.n_turbines_max)
        self.max_seconds = campaign.failures.max_seconds or math.inf

    def message(self) -> dict[str, object]:
        """Give what another process needs to solve configs of the same campaign."""
        allowed = self.campaign.code_allowed
        return {"campaign": self.campaign.text, "allow_code": allowed, "launch": self.launch}

    @classmethod
    def of(cls, message: dict[str, Any], *, rank: int) -> "Solver":
        """Solver from the message of another process."""
        campaign = parse_campaign(message["campaign"])
        if message["allow_code"]:
            campaign.allow_code()
        return cls(campaign, launch=message["launch"], rank=rank)

    def solve(self, assignment: Assignment) -> np.ndarray:
        """Solve one config in this process.

        Returns
        -------
        (1,) sealed row

        Raises
        ------
        BugError
            The program is wrong.
        MemoryError
            There is too little; the text says where.
        """
        started = time.perf_counter()
        config = self.campaign.configs[assignment.number]

        def made() -> dict[str, Any]:
            spent = time.perf_counter() - started
            return {
                "seconds": spent,
                "rank": self.rank,
                "launch": self.launch,
                "attempts": assignment.attempts,
            }

        try:
            solution = optimise.solve(self.campaign.problem(assignment.number))
            return rows.done_row(self.dtype, config, solution, **made())
        except ConfigError as error:
            return rows.failed_row(self.dtype, config, str(error), **made())
        except MemoryError as error:
            raise MemoryError(f"{self._where(config)}: {error or 'no more to be had'}") from None
        except Exception:
            raise BugError(f"{self._where(config)}\n{traceback.format_exc()}") from None

    def _where(self, config: Config) -> str:
        return f"rank {self.rank} on {socket.gethostname()}, config {config.key}"

    def failed_row(self, assignment: Assignment, message: str) -> np.ndarray:
        """Give the sealed row of a config that is not tried again."""
        config = self.campaign.configs[assignment.number]
        return rows.failed_row(
            self.dtype,
            config,
            message,
            seconds=0.0,
            rank=self.rank,
            launch=self.launch,
            attempts=assignment.attempts,
        )
