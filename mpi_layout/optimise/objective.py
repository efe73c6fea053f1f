"""What layouts are compared by: their AEP, what it is worth, or a function of the user's."""

import math
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import ConfigError, InputError
from mpi_layout.site.area import Area
from mpi_layout.site.price import Prices, priced
from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowCases, FlowSeries, Site
from mpi_layout.wake.farm import Farm, FarmAEP

Floats = NDArray[np.float64]

MWH = 1000.0  # per GWh
_HERE = os.path.dirname(__file__)


@dataclass(frozen=True, eq=False)
class EvaluatedLayout:
    """A layout with its energy, as a function of the user's gets it. Arrays cannot be changed.

    Attributes
    ----------
    x, y : (n,) array
        Positions, m.
    turbine_aep : (n,) array
        Of each turbine, with wakes, GWh.
    aep, gross_aep, wake_loss : float
        With wakes, without, GWh; share of the latter that wakes take.
    value : float
        What the layout is worth without the function: by the prices, if there are any, else its AEP.
    area : Area
        Where turbines may stand; `area.geometry` is a shapely polygon.
    turbine : Turbine
        The type of all turbines.
    """

    x: Floats
    y: Floats
    turbine_aep: Floats
    aep: float
    gross_aep: float
    wake_loss: float
    value: float
    area: Area
    turbine: Turbine


LayoutFunction = Callable[[EvaluatedLayout], float]
"""A number for a layout, the higher the better."""


@dataclass(frozen=True, eq=False)
class Objective:
    """What is maximised: the AEP unless something is given.

    Attributes
    ----------
    wind : Site, optional
        The wind in which energy is proportional to worth, from `priced`.
    mean_price : float
        What a MWh in that wind is worth.
    function : function, optional
        Takes an `EvaluatedLayout` and gives a number to be maximised; it must depend on nothing else.
    """

    wind: Site | None = None
    mean_price: float = 1.0
    function: LayoutFunction | None = None

    @classmethod
    def of(
        cls, site: Site, *, prices: Prices | None = None, function: LayoutFunction | None = None
    ) -> "Objective":
        """Objective from prices at a site, a function, or both.

        Raises
        ------
        ValueError
            If the prices do not fit the site.
        """
        wind, mean = (None, 1.0) if prices is None else priced(site, prices)
        return cls(wind, mean, function)


AEP = Objective()


class Worth:
    """Says what layouts are worth.

    Parameters
    ----------
    objective : Objective
        What is maximised.
    farm : Farm
        In the wind as it is.
    area : Area
        Where turbines may stand.

    Attributes
    ----------
    farm : Farm
        In the flow cases with their weights in the objective, but for the user's function.
    cases : FlowCases or FlowSeries
        These.
    """

    def __init__(self, objective: Objective, farm: Farm, area: Area) -> None:
        self._objective, self._area, self._turbine = objective, area, farm.turbine_types[0]
        self.farm: Farm = farm
        if objective.wind is not None:
            cases = objective.wind.flow_cases()
            self.farm = Farm(farm.turbine_types, cases, farm.model, neighbours=farm.neighbours)
        self.cases: FlowCases | FlowSeries = self.farm.flow_cases

    def __call__(self, x: Floats, y: Floats, energy: FarmAEP) -> float:
        """Worth of a layout (n,), m, of which the energy is known: what is maximised.

        Returns
        -------
        float
            AEP, GWh; by prices per MWh, currency per year; or what the function says.

        Raises
        ------
        ConfigError
            If the function fails or gives no finite number.
        """
        value = self.of_energy(x, y, energy)
        return value if self._objective.function is None else self.told(x, y, energy, value)

    def of_energy(self, x: Floats, y: Floats, energy: FarmAEP) -> float:
        """Worth without the user's function: the AEP, GWh, or what it is worth, currency per year."""
        if self._objective.wind is None:
            return energy.aep
        return MWH * self._objective.mean_price * self.farm.energy(x, y)

    def told(self, x: Floats, y: Floats, energy: FarmAEP, value: float, *, share: float = 1.0) -> float:
        """What the user's function says.

        Parameters
        ----------
        x, y : (n,) array
            Positions, m.
        energy : FarmAEP
            What it is told of the energies, which need not be those of the positions.
        value : float
            What it is told that they are worth.
        share : float
            Energies and worth are multiplied by this.

        Raises
        ------
        ConfigError
            If the function fails or gives no finite number.
        """
        if self._objective.function is None:
            raise ValueError("the objective has no function")
        return _called(
            self._objective.function,
            EvaluatedLayout(
                x=_kept(x),
                y=_kept(y),
                turbine_aep=_kept(share * energy.turbine_aep),
                aep=share * energy.aep,
                gross_aep=share * energy.gross_aep,
                wake_loss=energy.wake_loss,
                value=share * value,
                area=self._area,
                turbine=self._turbine,
            ),
        )


def _kept(values: Floats) -> Floats:
    copy = values.copy()
    copy.flags.writeable = False
    return copy


def _called(function: LayoutFunction, layout: EvaluatedLayout) -> float:
    """Number of the user's function; whatever goes wrong in it is this config's failure."""
    name = getattr(function, "__name__", "function")
    try:
        value = function(layout)
    except (ConfigError, InputError):
        raise
    except (Exception, SystemExit) as error:  # anything may go wrong in code that is not ours
        raise ConfigError(
            f"objective {name} failed{_place(error)}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ConfigError(f"objective {name} gave a {type(value).__name__}, wants a number")
    if not math.isfinite(value):
        raise ConfigError(f"objective {name} gave {value}, wants a finite number")
    return float(value)


def _place(error: BaseException) -> str:
    """Where in the user's code: the innermost line of the file in which the function stands."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(_HERE)]
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    return f" at {own[-1].filename}:{own[-1].lineno}" if own else ""
