"""What a layout has to keep to: the area, and distances between turbines."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpi_layout.site.area import Area

Floats = NDArray[np.float64]

_ROUNDING = 1e-12  # share of a distance


@dataclass(frozen=True, eq=False)
class Rules:
    """Area and distances.

    Attributes
    ----------
    area : Area
        Where turbines may stand.
    min_spacing : float
        Between any two turbines, m.
    """

    area: Area
    min_spacing: float

    def outside(self, x: Floats, y: Floats) -> float:
        """Largest distance of a turbine (n,) from the area, m; zero inside."""
        return float(self.area.distance_outside(x, y).max())

    def fault(self, x: Floats, y: Floats) -> str | None:
        """Say which rule a layout (n,) breaks, or None. Computed with shapely in double precision."""
        spacing, outside = smallest_spacing(x, y), self.outside(x, y)
        if spacing < self.min_spacing * (1 - _ROUNDING):
            return f"two turbines stand {spacing:.6f} m apart, {self.min_spacing:g} m are wanted"
        if outside > 0:
            return f"a turbine stands {outside:.6f} m outside area {self.area.name}"
        return None


def smallest_spacing(x: Floats, y: Floats) -> float:
    """Smallest distance between any two of the points (n,), m; infinite for one point."""
    first, second = np.triu_indices(x.size, k=1)
    return float(np.hypot(x[first] - x[second], y[first] - y[second]).min(initial=np.inf))
