"""How the turbines of a layout moved: from the start, which is computed again as no file keeps it."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from mpi_layout.campaign import Config
from mpi_layout.errors import ConfigError, InputError
from mpi_layout.optimise.problem import Problem
from mpi_layout.optimise.solve import start_layout
from mpi_layout.pictures.layout import Moves
from mpi_layout.pictures.rows import LARGEST, Check, by_aep
from mpi_layout.results.reader import Results
from mpi_layout.results.verify import RELATIVE_TOLERANCE
from mpi_layout.wake.walk import wakes_are_independent

Floats = NDArray[np.float64]

_KM_FROM = 100.0  # m: shorter moves are told in m


def moves_of(results: Results, config: Config, row: np.void) -> Moves:
    """Where each turbine of a layout stood at the start.

    Turbines keep their numbers while a layout is refined, but for annealing, which may go on from another
    layout: there those of the start are matched so that all moves together are as short as they can be.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    config : Config
        One that is done.
    row : numpy.void
        Its row, with positions that layouts can have.

    Raises
    ------
    InputError
        If the start cannot be computed again, or has another AEP than the file says.
    """
    problem = results.campaign.problem(config.number)
    where = f"{results.path}: {config.key}: its start"
    try:
        x, y = start_layout(problem)
    except ConfigError as error:
        raise InputError(f"{where} cannot be computed again: {error}") from error
    found, stored = problem.farm().aep(x, y).aep, float(row["start_aep"])
    if not abs(found - stored) <= RELATIVE_TOLERANCE * abs(found):
        raise InputError(
            f"{where}, computed again, has {found:,.3f} GWh, and start_aep in the file is {stored:,.3f}: "
            "the layout comes from elsewhere or from another version; without --start it can be drawn"
        )
    start, end = (np.column_stack(layout) for layout in ((x, y), (row["x"][: x.size], row["y"][: x.size])))
    matched = _loses_order(problem)
    if matched:
        start = matched_to(end, start)
    apart = np.hypot(*(end - start).T)
    how = "matched by least distance, as annealing keeps no order; " if matched else ""
    usual, largest = (_length(value, apart.max()) for value in (np.median(apart), apart.max()))
    return Moves(
        start[:, 0],
        start[:, 1],
        f"{_gain(results, config, row)} over the start (rings); turbines moved by {usual} "
        f"(median; {how}largest {largest})",
    )


def matched_to(layout: Floats, start: Floats) -> Floats:
    """Points (n, 2) of a start in the order of a layout (n, 2), so that their distances sum to the least."""
    return np.asarray(start[linear_sum_assignment(cdist(layout, start))[1]])


def _length(value: float, largest: float) -> str:
    return f"{value / 1e3:.2f} km" if largest >= _KM_FROM else f"{value:.3g} m"


def _loses_order(problem: Problem) -> bool:
    return problem.refine.annealing > 0 and wakes_are_independent(problem.farm())


def _gain(results: Results, config: Config, row: np.void) -> str:
    """By how much what was maximised is above that of the start."""
    check, name = Check(results), "AEP" if by_aep(results) else "objective"
    start, end = (
        float(check(config.number, column, row[column], -LARGEST, LARGEST))
        for column in ("start_objective", "objective")
    )
    return f"{name} {100 * (end / start - 1):+.3f} %" if start > 0 else f"{name} {end - start:+.6g}"
