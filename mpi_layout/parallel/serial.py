"""A team of one: the manager solves the configs itself, between two looks at the file."""

import numpy as np

from mpi_layout.parallel.alone import solve
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.parallel.solver import Died, Solver


class SerialTeam:
    """The program without MPI: the same talk as with ranks, in one process."""

    ranks = 1
    workers = 1
    workers_here = 1

    def __init__(self) -> None:
        self._solver: Solver | None = None
        self._given: Assignment | None = None

    def open(self, solver: Solver) -> None:
        """Make ready for the configs of a campaign."""
        self._solver = solver

    @property
    def idle(self) -> int:
        """Workers that wait for a config."""
        return 0 if self._given else 1

    def give(self, assignment: Assignment) -> None:
        """Take a config; it is solved at the next `collect`, so that the row before it is stored first."""
        self._given = assignment

    def collect(self) -> list[tuple[Assignment, np.ndarray | Died]]:
        """Solve what was given, and give back what came of it."""
        if self._given is None or self._solver is None:
            return []
        assignment, self._given = self._given, None
        return [(assignment, solve(self._solver, assignment))]

    def dismiss(self, code: int) -> None:
        """End with `code`; nobody else has to know."""
