"""Whether an old layout may be that of its config, by the program's own rules, and what energy it has."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Campaign, Config
from mpi_layout.compare.difference import ROUNDING
from mpi_layout.compare.moves import largest_move
from mpi_layout.errors import ConfigError
from mpi_layout.optimise.problem import Solution
from mpi_layout.optimise.refinement import NO_REFINEMENT
from mpi_layout.optimise.repair import repaired
from mpi_layout.optimise.rules import Rules
from mpi_layout.optimise.solve import solve
from mpi_layout.salvage.identity import RefusedError

if TYPE_CHECKING:
    from mpi_layout.results.old_file import OldLayout

Floats = NDArray[np.float64]

_FARTHEST = 1e9  # m; no place on Earth has such coordinates, and sums of their squares would overflow


@dataclass(frozen=True, eq=False)
class Candidate:
    """A layout that keeps the rules of its config.

    Attributes
    ----------
    config : Config
        The config.
    x, y : (n_turbines,) array
        m.
    moved : float
        How far the turbine was moved that had to move farthest to keep the rules, m.
    """

    config: Config
    x: Floats
    y: Floats
    moved: float = 0.0

    def is_at(self, x: Floats, y: Floats) -> bool:
        """Whether turbines (n_turbines,) stand at the same places but for rounding, in whatever order."""
        own, others = (np.column_stack(positions) for positions in ((self.x, self.y), (x, y)))
        return largest_move(own, others) <= ROUNDING.move


def judged(old: "OldLayout", config: Config, campaign: Campaign, *, mend: float) -> Candidate:
    """Judge an old layout.

    Parameters
    ----------
    old : OldLayout
        As it was read.
    config : Config
        What it is of.
    campaign : Campaign
        What it has to fit.
    mend : float
        How far turbines may be moved so that all rules are kept, m.

    Raises
    ------
    RefusedError
        If it does not fit.
    """
    if old.positions is None:
        raise RefusedError(old.fault)
    problem = campaign.problem(config.number)
    x, y = _turbines(old.positions, config.n_turbines)
    rules = Rules(problem.area, problem.spacing)
    fault = rules.fault(x, y)
    if fault is None:
        return Candidate(config, x, y)
    if not mend:
        raise RefusedError(fault)
    new_x, new_y = _mended(rules, x, y, mend, fault)
    return Candidate(config, new_x, new_y, moved=float(np.hypot(new_x - x, new_y - y).max()))


def solution_of(candidate: Candidate, campaign: Campaign) -> Solution:
    """Energy of a layout, as of one that a campaign without refinement starts from.

    Raises
    ------
    RefusedError
        If it has no worth: what the user's function says is no number.
    """
    given = np.column_stack([candidate.x, candidate.y])
    problem = replace(campaign.problem(candidate.config.number), given=given, refine=NO_REFINEMENT)
    try:
        return solve(problem)
    except ConfigError as error:
        raise RefusedError(str(error)) from error


def _turbines(positions: Floats, n_turbines: int) -> tuple[Floats, Floats]:
    """Positions of all turbines, without what fills the place of more."""
    used, padding = positions[:, :n_turbines], positions[:, n_turbines:]
    there = int((np.nan_to_num(padding) != 0).any(axis=0).sum())
    if there or used.shape[1] < n_turbines:
        raise RefusedError(f"has {used.shape[1] + there} turbines, wants {n_turbines}")
    if n_bad := int((~np.isfinite(used)).any(axis=0).sum()):
        raise RefusedError(f"{n_bad} of its {n_turbines} turbines have no finite position")
    if (n_zero := int((~used.any(axis=0)).sum())) > 1:
        raise RefusedError(f"{n_zero} of its {n_turbines} positions are zero: they were never written")
    if (far := float(np.abs(used).max())) > _FARTHEST:
        raise RefusedError(f"has a coordinate of {far:.6g} m, which is no place on Earth")
    return used[0].copy(), used[1].copy()


def _mended(rules: Rules, x: Floats, y: Floats, mend: float, fault: str) -> tuple[Floats, Floats]:
    """Move turbines a little, so that the layout keeps the rules."""
    lacking = max(rules.outside(x, y), (rules.spacing.least - rules.spacing.smallest(x, y)) / 2)
    refusal = f"{fault}; turbines may be moved by {mend:g} m"
    if lacking > mend:  # where it cannot do, repair may take its time
        raise RefusedError(refusal)
    try:
        new_x, new_y = repaired(rules, x, y)
    except ConfigError:
        raise RefusedError(refusal) from None
    moved = float(np.hypot(new_x - x, new_y - y).max())
    if moved > mend:
        raise RefusedError(f"{refusal}, it would take {moved:.6g} m")
    return new_x, new_y
