"""What a layout has to keep to: the area, and distances between turbines.

Searches ask the kernel (`mpi_layout.wake.kernel.region`), which is fast and rounds. What it places lies
`DEPTH` inside and that much farther apart than is wanted, so that the last word, `Rules.fault`, needs no
tolerance: shapely in double precision, which knows nothing of the kernel.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import ConfigError
from mpi_layout.site.area import Area
from mpi_layout.site.spacing import Spacing
from mpi_layout.site.trapezoids import Trapezoids
from mpi_layout.wake.kernel.region import DEPTH, Region

Floats = NDArray[np.float64]

_DRAWS = 1000  # of random points that lie too near the boundary


@dataclass(frozen=True, eq=False)
class Rules:
    """Area and distances.

    Attributes
    ----------
    area : Area
        Where turbines may stand.
    spacing : Spacing
        Between any two turbines.
    """

    area: Area
    spacing: Spacing

    @cached_property
    def region(self) -> Region:
        """Both as the kernel has them."""
        return _region_of(self.area, self.spacing)

    def outside(self, x: Floats, y: Floats) -> float:
        """Largest distance of a turbine (n,) from the area, m; zero inside."""
        return float(self.area.distance_outside(x, y).max())

    def fault(self, x: Floats, y: Floats) -> str | None:
        """Say which rule a layout (n,) breaks, or None. Computed with shapely in double precision."""
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            return "a turbine has no finite position"
        if not self.spacing.is_kept_by(distance := self.spacing.smallest(x, y)):
            return self.spacing.fault(distance)
        if (outside := self.outside(x, y)) > 0:
            return f"a turbine stands {outside:.6g} m outside area {self.area.name}"
        return None

    def penalty(self, x: Floats, y: Floats) -> tuple[float, Floats, Floats]:
        """How far a layout breaks the rules.

        Parameters
        ----------
        x, y : (n,) array
            m.

        Returns
        -------
        value : float
            Sum of the squares of the distances outside the area and of the (scaled) distances by which pairs
            are too close, m2.
        d_dx, d_dy : (n,) array
            Its derivatives, m.
        """
        return self.region.penalty(x, y)

    def signed_distance(self, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
        """Distances of points (n,) from the boundary, m, negative inside, and its nearest points x and y.

        The gradient is the unit vector from the nearest point of the boundary to the point outside, and the
        other way round inside.
        """
        return self.region.signed_distance(x, y)

    def inside(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether points (n,) lie inside, by `DEPTH` at least."""
        return self.region.signed_distance(x, y)[0] <= -DEPTH

    def nearest(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Points (n,), those outside moved to the nearest place inside; NaN where none is found near by."""
        return self.region.inset(x, y, DEPTH)

    def free(self, x: Floats, y: Floats, others_x: Floats, others_y: Floats) -> NDArray[np.bool_]:
        """Whether one more turbine may stand at points (n,), inside and far enough from the others (m,)."""
        dx, dy = x[:, None] - others_x, y[:, None] - others_y
        apart = self.spacing.squared(dx, dy) >= (self.spacing.least + DEPTH) ** 2
        return apart.all(axis=1) & self.inside(x, y)

    def boundary_points(self, step: float) -> tuple[Floats, Floats]:
        """Points just inside the boundary: all corners, and at most `step`, m, from one to the next."""
        points = []
        for ring in self.area.rings():
            following = np.roll(ring, -1, axis=0)
            for a, b in zip(ring, following, strict=True):
                n = max(1, int(np.ceil(np.hypot(*(b - a)) / step)))
                points.append(a + np.arange(n)[:, None] / n * (b - a))
        x, y = self.nearest(*np.concatenate(points).T)
        found = ~np.isnan(x)
        return x[found], y[found]

    def random_points(self, random: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        """Points (n,) drawn evenly from the area.

        Raises
        ------
        ConfigError
            If the area is nowhere wide enough.
        """
        x, y = np.empty(n), np.empty(n)
        missing = np.arange(n)
        for _ in range(_DRAWS):
            x[missing], y[missing] = self._trapezoids.random(random, missing.size)
            missing = missing[~self.inside(x[missing], y[missing])]
            if not missing.size:
                return x, y
        raise ConfigError(f"area {self.area.name} is nowhere wide enough for a turbine")

    @cached_property
    def _trapezoids(self) -> Trapezoids:
        return Trapezoids.of(self.area.rings())


@lru_cache(maxsize=16)
def _region_of(area: Area, spacing: Spacing) -> Region:
    """Both as the kernel has them: of thousands of corners once for all configs."""
    return Region(area.rings(), spacing.form, spacing.least)
