"""The first layout of a config, built turbine by turbine on a grid of candidate points."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import ConfigError
from mpi_layout.site.area import Area
from mpi_layout.site.spacing import Spacing
from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowCases, Site
from mpi_layout.wake.candidates import CandidateEnergy
from mpi_layout.wake.farm import Neighbours
from mpi_layout.wake.models import WakeModel

Floats = NDArray[np.float64]

# The reference compares candidates at these speeds only, in bins of 2 m/s.
_SPEEDS = np.array([6.0, 8.0, 10.0, 12.0, 14.0])
_SPEEDS.flags.writeable = False


@dataclass(frozen=True)
class SmartStart:
    """How the smart start chooses.

    Attributes
    ----------
    grid : (int, int)
        Columns and rows of candidate points over the area's bounding box.
    best_percent : float
        Each turbine goes to a random one of this share of the best free points;
        0 takes the best one, 100 any.
    """

    grid: tuple[int, int] = (18, 18)
    best_percent: float = 30.0


class NoPointLeftError(ConfigError):
    """The candidate points ran out.

    Attributes
    ----------
    x, y : (n,) array
        Of the turbines that were placed, m.
    """

    def __init__(self, text: str, x: Floats, y: Floats) -> None:
        super().__init__(text)
        self.x, self.y = x, y


def smart_start(
    area: Area,
    turbine: Turbine,
    *,
    n_turbines: int,
    spacing: Spacing,
    site: Site,
    model: WakeModel,
    options: SmartStart,
    seed: int,
    neighbours: Neighbours | None = None,
) -> tuple[Floats, Floats]:
    """Greedy random construction, pick by pick equal to TOPFARM's `smart_start`.

    For each turbine in turn: the energy it would get at every free candidate point behind the turbines
    placed so far, a uniform draw from the best share of them, and the points closer than the minimum
    spacing are free no more. The wake that a new turbine casts on those before it does not count.

    Parameters
    ----------
    area : Area
        Where turbines may stand.
    turbine : Turbine
        The type of all turbines.
    n_turbines : int
        How many to place.
    spacing : Spacing
        Smallest distances between any two turbines.
    site : Site
        Wind of the site.
    model : WakeModel
        Wake model.
    options : SmartStart
        Grid and share of the best.
    seed : int
        Of numpy's legacy generator, one draw per turbine, as in TOPFARM.
    neighbours : Neighbours, optional
        Turbines of other farms, whose wakes the candidates stand in.

    Returns
    -------
    x, y : (n_turbines,) array
        Positions in the order of placing, m.

    Raises
    ------
    NoPointLeftError
        If the candidate points run out.
    """
    x, y = area.grid(*options.grid)
    energy = CandidateEnergy(
        x,
        y,
        turbine=turbine,
        flow_cases=compared_cases(site),
        model=model,
        n_turbines=n_turbines,
        neighbours=neighbours,
    )
    random = np.random.RandomState(seed)  # TOPFARM's own generator, or the picks would differ
    free = np.arange(x.size)
    picks: list[int] = []
    while len(picks) < n_turbines:
        if not free.size:
            text = _out_of_points(area, options, x.size, len(picks), n_turbines, spacing)
            raise NoPointLeftError(text, x[picks], y[picks])
        pick = int(random.choice(_best(free, energy.at(free), options.best_percent)))
        picks.append(pick)
        free = free[spacing.squared(x[free] - x[pick], y[free] - y[pick]) >= spacing.least**2]
        free = free[free != pick]
        if len(picks) < n_turbines:
            energy.place(pick, free)
    return x[picks], y[picks]


def compared_cases(site: Site) -> FlowCases:
    """Flow cases that candidates are compared at: few, since there are many candidates.

    A site of at most five wind speeds is taken as it is, any other one in bins of 2 m/s around 6, 8, ...,
    14 m/s, as TOPFARM does.
    """
    own = np.unique(site.flow_cases().speed)
    return site.binned(own if own.size <= _SPEEDS.size else _SPEEDS)


def _best(free: NDArray[np.intp], energy: Floats, best_percent: float) -> NDArray[np.intp]:
    """The best share of the free candidates, in their order; equals of the last one included."""
    if best_percent == 100:
        return free
    m = max(1, round(best_percent / 100 * free.size))
    return free[energy >= np.partition(energy, free.size - m)[free.size - m]]


def _out_of_points(
    area: Area, options: SmartStart, n_points: int, placed: int, wanted: int, spacing: Spacing
) -> str:
    columns, rows = options.grid
    return (
        f"no candidate point left for turbine {placed + 1} of {wanted}: the {columns} x {rows} grid has "
        f"{n_points} points inside area {area.name}, and each turbine takes those within {spacing} "
        "of it; a finer start.grid, fewer turbines or a smaller min_spacing_D would help"
    )
