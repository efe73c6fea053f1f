"""From the objective section of the file to what is maximised."""

import numpy as np

from mpi_layout.campaign.objective_spec import ObjectiveSpec, PriceSpec
from mpi_layout.campaign.site_build import steps_of
from mpi_layout.campaign.site_spec import SeriesSpec, SiteSpec, StepsFileSpec
from mpi_layout.errors import InputError
from mpi_layout.optimise.objective import AEP, Objective
from mpi_layout.optimise.user_code import UserFunction
from mpi_layout.site.price import Prices, PriceTable, StepPrices
from mpi_layout.site.wind import Floats, Site


def objective_of(
    spec: str | ObjectiveSpec, site_spec: SiteSpec, site: Site, *, allow_code: bool
) -> Objective:
    """What is maximised.

    Parameters
    ----------
    spec : str or ObjectiveSpec
        Its section, which has no fault.
    site_spec, site : SiteSpec, Site
        The wind, as its section and as an object.
    allow_code : bool
        Whether a function of the campaign may run.
    """
    if isinstance(spec, str):
        return AEP
    prices = None if spec.price is None else prices_of(spec.price, site_spec)
    function = None
    if spec.file is not None and spec.function is not None:
        function = UserFunction(spec.file.name, spec.file.content, spec.function, allow_code)
    return Objective.of(site, prices=prices, function=function)


def prices_of(spec: PriceSpec, site: SiteSpec) -> Prices:
    """Prices of their section.

    Raises
    ------
    InputError
        Of a column that cannot be read.
    ValueError
        If the prices are none.
    """
    stops = spec.negative == "stop"
    if spec.column is not None:
        return StepPrices(_column(spec.column, site), stops)
    if spec.wind_direction_deg is None and spec.wind_speed_m_s is None and isinstance(spec.per_MWh, tuple):
        return StepPrices(np.array(spec.per_MWh), stops)
    direction, speed = (
        None if nodes is None else np.array(nodes) for nodes in (spec.wind_direction_deg, spec.wind_speed_m_s)
    )
    return PriceTable(np.array(spec.per_MWh), direction, speed, stops)


def _column(name: str, site: SiteSpec) -> Floats:
    """Prices of the steps of a CSV file; every step whose wind counts needs one."""
    if not (isinstance(site, SeriesSpec) and isinstance(site.time_series, StepsFileSpec)):
        raise InputError("wants a site whose time series is a CSV file")
    steps = site.time_series
    wind, priced = steps_of(steps), steps_of(steps, price=name)
    if missing := sorted(set(wind.line.tolist()) - set(priced.line.tolist())):
        raise InputError(f"{steps.file.name}: line {missing[0]}: has a wind that counts, and no {name}")
    return priced.values["price"]
