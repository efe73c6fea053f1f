"""The annual energy of given layouts, with wakes and without."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mpi_layout.errors import InputError
from mpi_layout.formats.layouts import Layout, type_numbers
from mpi_layout.plant import Plant
from mpi_layout.site.turbine import Turbine
from mpi_layout.wake.farm import HOURS_PER_YEAR, Farm, FarmAEP

_ROUNDED = 1.0  # m; polygons and layouts often are


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A layout with its annual energy.

    Attributes
    ----------
    layout : Layout
        Where its turbines stand.
    turbine_types : tuple of n Turbine
        The type of each.
    energy : FarmAEP
        With wakes and without.
    outside : int
        How many turbines stand more than 1 m outside all areas.
    close_pairs : int
        How many pairs of turbines of one type are closer than a campaign wants, by more than 1 m.
    """

    layout: Layout
    turbine_types: tuple[Turbine, ...]
    energy: FarmAEP
    outside: int
    close_pairs: int = 0

    @property
    def rated_power(self) -> float:
        """Of all turbines together, W."""
        return sum(turbine.rated_power for turbine in self.turbine_types)

    @property
    def capacity_factor(self) -> float:
        """Share of what the turbines would give at rated power, wakes taken into account."""
        return self.energy.aep / (self.rated_power * HOURS_PER_YEAR * 1e-9)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd, a line each."""
        notes = []
        if self.outside:
            count = f"{self.outside} of {len(self.turbine_types)} turbines"
            notes.append(f"{count} stand more than {_ROUNDED:g} m outside the area")
        if self.close_pairs:
            pairs = "1 pair" if self.close_pairs == 1 else f"{self.close_pairs} pairs"
            notes.append(f"{pairs} of turbines closer than min_spacing_D by more than {_ROUNDED:g} m")
        return tuple(f"{self.layout.name}: {note}" for note in notes)

    def to_json(self, *, per_turbine: bool) -> dict[str, Any]:
        """Plain values for other programs."""
        energy = self.energy
        plain: dict[str, Any] = {
            "layout": self.layout.name,
            "n_turbines": len(self.turbine_types),
            "capacity_MW": self.rated_power / 1e6,
            "gross_aep_GWh": energy.gross_aep,
            "aep_GWh": energy.aep,
            "wake_loss": energy.wake_loss,
            "external_wake_loss": energy.external_wake_loss,
            "capacity_factor": self.capacity_factor,
            "turbines_outside": self.outside,
            "pairs_too_close": self.close_pairs,
        }
        if per_turbine:
            plain["turbines"] = [
                {"x_m": x, "y_m": y, "turbine_type": turbine.name, "aep_GWh": aep}
                for x, y, turbine, aep in zip(
                    self.layout.x.tolist(),
                    self.layout.y.tolist(),
                    self.turbine_types,
                    energy.turbine_aep.tolist(),
                    strict=True,
                )
            ]
        return plain


def evaluate(plant: Plant, layout: Layout) -> Evaluation:
    """Annual energy of a layout.

    Parameters
    ----------
    plant : Plant
        The wind, the turbine types and the wake model.
    layout : Layout
        One of its own, or any other whose turbine types it knows.

    Raises
    ------
    InputError
        If a turbine's type is not known, it stands where a neighbour does, or the model cannot work with this
        wind.
    """
    own, type_of = tuple(plant.turbine_types.values()), type_numbers(layout, plant.turbine_types)
    others = plant.neighbours
    if others is not None:  # a layout says if two turbines stand at the same place
        x, y = np.concatenate([layout.x, others.x]), np.concatenate([layout.y, others.y])
        Layout(layout.name, f"{layout.source} and its neighbours", x, y)
    try:
        farm = Farm(own, plant.site.flow_cases(), plant.model, type_of=type_of, neighbours=others)
    except ValueError as error:
        raise InputError(f"{plant.source}: {error}") from None
    return Evaluation(
        layout=layout,
        turbine_types=tuple(own[i] for i in type_of.tolist()),
        energy=farm.aep(layout.x, layout.y),
        outside=_n_outside(plant, layout),
        close_pairs=_n_close_pairs(plant, layout, type_of),
    )


def _n_outside(plant: Plant, layout: Layout) -> int:
    distances = [area.distance_outside(layout.x, layout.y) for area in plant.areas]
    return int(np.count_nonzero(np.min(distances, axis=0) > _ROUNDED))


def _n_close_pairs(plant: Plant, layout: Layout, type_of: NDArray[np.intc]) -> int:
    """Pairs of one type, as the rules of a campaign are for layouts of one type."""
    count = 0
    places = np.column_stack([layout.x, layout.y])
    for number, name in enumerate(plant.turbine_types):
        if name in plant.spacings and (own := type_of == number).any():
            spacing = plant.spacings[name]
            tree = cKDTree(spacing.scaled(places[own]))
            count += int(tree.count_neighbors(tree, max(spacing.least - _ROUNDED, 0)) - tree.n) // 2
    return count
