"""One layout from one call, for notebooks."""

from numpy.typing import ArrayLike

from mpi_layout.optimise.objective import LayoutFunction, Objective
from mpi_layout.optimise.problem import Problem, Solution
from mpi_layout.optimise.refinement import PRESETS, Refinement
from mpi_layout.optimise.solve import solve
from mpi_layout.optimise.start import SmartStart
from mpi_layout.site.area import Area
from mpi_layout.site.price import Prices
from mpi_layout.site.spacing import Spacing
from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import Site
from mpi_layout.wake.farm import Neighbours
from mpi_layout.wake.models import TurbOPark, WakeModel


def optimise_layout(
    area: Area | ArrayLike,
    turbine: Turbine,
    site: Site,
    *,
    n_turbines: int,
    min_spacing: float | Spacing,
    model: WakeModel | None = None,
    neighbours: Neighbours | None = None,
    prices: Prices | None = None,
    function: LayoutFunction | None = None,
    refine: str | Refinement = "quick",
    start: SmartStart | None = None,
    seed: int = 0,
) -> Solution:
    """Find a layout, as a config of a campaign does.

    Parameters
    ----------
    area : Area or (k, 2) array
        Where turbines may stand: polygons with exclusions, or the corners of one polygon, m.
    turbine : Turbine
        The type of all turbines; its power curve is scaled to the air density of the site.
    site : Site
        The wind.
    n_turbines : int
        How many.
    min_spacing : float or Spacing
        Smallest distance of two turbines, m.
    model : WakeModel, optional
        TurbOPark by default.
    neighbours : Neighbours, optional
        Turbines of other farms.
    prices : PriceTable or StepPrices, optional
        What energy is worth: then its worth is maximised.
    function : function, optional
        Takes an `EvaluatedLayout` and gives a number, which is then maximised.
    refine : str or Refinement
        "none", "quick", "thorough", or budgets of stages in evaluations.
    start : SmartStart, optional
        How the first layout is made.
    seed : int
        The only source of randomness.

    Returns
    -------
    Solution
        The same for the same arguments.

    Raises
    ------
    ConfigError
        If no layout is found, or the function fails.
    ValueError
        If arguments are wrong: corners of no polygon, prices that do not fit the site, an unknown preset.
    """
    if isinstance(refine, str) and refine not in PRESETS:
        raise ValueError(f"refine is {refine!r}; wants a Refinement or one of {', '.join(PRESETS)}")
    density = site.air_density
    if neighbours is not None:
        types = [other.at_air_density(density) for other in neighbours.turbine_types]
        neighbours = Neighbours(neighbours.x, neighbours.y, types, neighbours.type_of)
    return solve(
        Problem(
            area=area if isinstance(area, Area) else Area.from_rings("area", [area]),
            turbine=turbine.at_air_density(density),
            n_turbines=n_turbines,
            spacing=min_spacing if isinstance(min_spacing, Spacing) else Spacing(min_spacing),
            site=site,
            model=model or TurbOPark(),
            start=start or SmartStart(),
            seed=seed,
            neighbours=neighbours,
            refine=PRESETS[refine] if isinstance(refine, str) else refine,
            objective=Objective.of(site, prices=prices, function=function),
        )
    )
