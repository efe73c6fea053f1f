"""Regular layouts: lattices of all shapes that have as many points in the area as there are turbines.

Where the wind has few directions, lattices that look into the gaps between them are far better than what a
search finds from elsewhere. Parametrised layouts as starts: A. P. J. Stanley, A. Ning (2019), Massive
simplification of the wind farm layout optimization problem, Wind Energ. Sci. 4, 663-676.
"""

from dataclasses import astuple, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.rules import Rules

Floats = NDArray[np.float64]

_LONGEST = 2.0  # logarithm of the largest ratio of a cell's sides
_HALVINGS = 12


@dataclass(frozen=True)
class Lattice:
    """Shape and place of a lattice; its density follows from the number of turbines.

    Attributes
    ----------
    ratio : float
        Logarithm of the ratio of a cell's sides.
    direction : float
        Of the first side, rad from east.
    skew : float
        From the first side to the second one, rad.
    right, up : float
        Place of the area's centre within a cell.
    """

    ratio: float
    direction: float
    skew: float
    right: float
    up: float

    @classmethod
    def random(cls, random: np.random.Generator) -> "Lattice":
        """Any one."""
        a, b, c, right, up = random.random(5)
        return cls(_LONGEST * (a - 1), np.pi * b, np.pi * (0.25 + 0.5 * c), right, up)

    def near(self, random: np.random.Generator, width: float) -> "Lattice":
        """Another one that differs little."""
        change = width * random.standard_normal(5) * (0.5, 0.3, 0.3, 1.0, 1.0)
        return replace(self, **dict(zip(vars(self), np.add(astuple(self), change), strict=True)))

    def points(self, rules: Rules, n: int) -> tuple[Floats, Floats] | None:
        """Its points (n,) in the area, as far apart as can be; None if too close or not that many."""
        x_min, y_min, x_max, y_max = rules.area.bounds
        centre = np.array([x_min + x_max, y_min + y_max]) / 2
        half = np.hypot(x_max - x_min, y_max - y_min) / 2
        first = np.array([np.cos(self.direction), np.sin(self.direction)]) * np.exp(self.ratio / 2)
        turned = self.direction + self.skew
        second = np.array([np.cos(turned), np.sin(turned)]) * np.exp(-self.ratio / 2)
        cell = abs(first[0] * second[1] - first[1] * second[0])
        low, high = (np.sqrt(share * rules.area.surface / n / cell) for share in (0.5, 1.5))
        least = min(low * np.hypot(*side) for side in (first, second, first - second, first + second))
        found = None
        reach = int(2 * half / least) + 2
        numbers = np.arange(-reach, reach + 1)
        columns, rows = (a.reshape(-1, 1) for a in np.meshgrid(numbers, numbers))
        unit = (columns + self.right) * first + (rows + self.up) * second
        unit = unit[np.hypot(*unit.T) <= half / low]
        for _ in range(_HALVINGS):
            size = (low + high) / 2
            points = centre + size * unit
            points = points[rules.inside(*np.ascontiguousarray(points.T))]
            if len(points) < n:
                high = size
            else:
                low, found = size, points
                if len(points) == n:
                    break
        if (
            found is None
            or low * min(np.hypot(*side) for side in (first, second, first - second, first + second))
            < rules.spacing.most
        ):
            return None
        x, y = found[np.linspace(0, len(found) - 1, n).round().astype(int)].T
        return np.ascontiguousarray(x), np.ascontiguousarray(y)
