"""What of the wind behind a layout is shown in an upright plane."""

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Config
from mpi_layout.errors import InputError
from mpi_layout.optimise.problem import Problem
from mpi_layout.pictures.from_results import flow_of
from mpi_layout.pictures.rows import layout_name
from mpi_layout.pictures.section import SectionPicture
from mpi_layout.results.reader import Results

Floats = NDArray[np.float64]

_HALF_WIDTH = 4.0  # rotor diameters, of a plane across the wind
_BEFORE, _BEHIND = 2.0, 15.0  # the same, from the outermost turbines to the ends of one along the wind


def section_picture(
    results: Results,
    config: Config,
    row: np.void,
    *,
    direction: float | None = None,
    speed: float = 10.0,
    turbine: int | None = None,
    behind: float | None = None,
) -> SectionPicture:
    """Picture of the wind in an upright plane, of a layout.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    config : Config
        One that is done.
    row : numpy.void
        Its row.
    direction, speed : float, optional
        The wind, as of `from_results.flow_map_picture`.
    turbine : int, optional
        Number of the turbine that the plane belongs to; the one that gives the least power by default.
    behind : float, optional
        How far behind it the plane stands, across the wind, rotor diameters; without it the plane leads
        along the wind, through the turbine.

    Raises
    ------
    InputError
        If there is no such turbine, or the row has numbers that no layout has.
    """
    x, y, case, flow = flow_of(results, config, row, direction, speed)
    n = x.size
    if turbine is None:
        turbine = int(flow.turbine_power()[0].argmin())
    _refuse_missing(results, config, turbine)
    places, forms = _turbines(results.campaign.problem(config.number), x, y)
    down, middle, diameter = case.downwind, places[turbine], config.rotor_diameter
    right = np.array([down[1], -down[0]])
    along, aside = (places - middle) @ down, (places - middle) @ right
    if behind is None:
        shown, at, way, origin = np.abs(aside) <= diameter / 2, along, down, middle
        ends = along[:n].min() - _BEFORE * diameter, along[:n].max() + _BEHIND * diameter
        told = f"along the wind, through turbine {turbine}"
    else:
        origin, at, way = middle + behind * diameter * down, aside, right
        ends = -_HALF_WIDTH * diameter, _HALF_WIDTH * diameter
        shown = (along <= behind * diameter) & (np.abs(aside) < ends[1]) & (along >= 0)
        told = f"across the wind, {behind:g} D behind turbine {turbine}"
    return SectionPicture(
        title=f"{layout_name(config)}\nwind from {case.direction:g}\N{DEGREE SIGN} at {speed:g} m/s; {told}",
        across=behind is not None,
        ends=(float(ends[0]), float(ends[1])),
        rotors=np.column_stack([at, forms])[shown],
        free=speed,
        speed=lambda to, height: flow.speed(*(origin[:, None] + to * way[:, None]), height=height),
    )


def _refuse_missing(results: Results, config: Config, turbine: int) -> None:
    n = config.n_turbines
    if not 0 <= turbine < n:
        raise InputError(
            f"{results.path}: {config.key} has no turbine {turbine}; it has {n}, numbered from 0"
        )


def _turbines(problem: Problem, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Places (n, 2) of a layout's turbines and its neighbours; hub heights and rotor diameters (n, 2), m."""
    places, others = np.column_stack([x, y]), problem.neighbours
    forms = [(problem.turbine.hub_height, problem.turbine.rotor_diameter)] * x.size
    if others is not None:
        types = others.turbine_types
        forms += [(types[k].hub_height, types[k].rotor_diameter) for k in others.type_of]
        places = np.concatenate([places, np.column_stack([others.x, others.y])])
    return places, np.array(forms)
