"""Databases of optimised wind farm layouts, computed by MPI ranks into one HDF5 file.

For notebooks this package offers its wake engine, described in docs/api.md, and its search for layouts,
described in docs/objectives.md: turbines, sites, wake models, `Farm` and `optimise_layout`; and `open_reader`
for results files, described in docs/results-in-python.md. They are loaded
when they are first used, as the workers of a campaign need but a few of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpi_layout.errors import ConfigError, InputError
    from mpi_layout.formats.turbine_file import load_turbine
    from mpi_layout.optimise.layout import optimise_layout
    from mpi_layout.optimise.objective import EvaluatedLayout
    from mpi_layout.optimise.problem import Solution
    from mpi_layout.optimise.refinement import Refinement
    from mpi_layout.optimise.start import SmartStart
    from mpi_layout.results.reader import Results, open_reader
    from mpi_layout.site.area import Area
    from mpi_layout.site.price import PriceTable, StepPrices
    from mpi_layout.site.series import SeriesSite
    from mpi_layout.site.spacing import Spacing
    from mpi_layout.site.table import TableSite
    from mpi_layout.site.turbine import Turbine, generic_turbine
    from mpi_layout.site.weibull import WeibullSite
    from mpi_layout.site.wind import FlowCases, FlowSeries
    from mpi_layout.wake.farm import Farm, FarmAEP, Neighbours
    from mpi_layout.wake.flow_map import FlowCase, FlowMap
    from mpi_layout.wake.models import (
        NOJ,
        STF2017,
        BastankhahGaussian,
        CrespoHernandez,
        IEA37SimpleBastankhahGaussian,
        NiayifarGaussian,
        NiayifarPorteAgel,
        NOJLocal,
        TurbOPark,
    )

__all__ = [
    "NOJ",
    "STF2017",
    "Area",
    "BastankhahGaussian",
    "ConfigError",
    "CrespoHernandez",
    "EvaluatedLayout",
    "Farm",
    "FarmAEP",
    "FlowCase",
    "FlowCases",
    "FlowMap",
    "FlowSeries",
    "IEA37SimpleBastankhahGaussian",
    "InputError",
    "NOJLocal",
    "Neighbours",
    "NiayifarGaussian",
    "NiayifarPorteAgel",
    "PriceTable",
    "Refinement",
    "Results",
    "SeriesSite",
    "SmartStart",
    "Solution",
    "Spacing",
    "StepPrices",
    "TableSite",
    "TurbOPark",
    "Turbine",
    "WeibullSite",
    "generic_turbine",
    "load_turbine",
    "open_reader",
    "optimise_layout",
]

_HOME = {
    "errors": ("ConfigError", "InputError"),
    "formats.turbine_file": ("load_turbine",),
    "optimise.layout": ("optimise_layout",),
    "optimise.objective": ("EvaluatedLayout",),
    "optimise.problem": ("Solution",),
    "optimise.refinement": ("Refinement",),
    "optimise.start": ("SmartStart",),
    "results.reader": ("Results", "open_reader"),
    "site.area": ("Area",),
    "site.price": ("PriceTable", "StepPrices"),
    "site.series": ("SeriesSite",),
    "site.spacing": ("Spacing",),
    "site.table": ("TableSite",),
    "site.turbine": ("Turbine", "generic_turbine"),
    "site.weibull": ("WeibullSite",),
    "site.wind": ("FlowCases", "FlowSeries"),
    "wake.farm": ("Farm", "FarmAEP", "Neighbours"),
    "wake.flow_map": ("FlowCase", "FlowMap"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF.get(name, 'wake.models')}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
