"""AEP against evaluations, in few points."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

N_POINTS = 32


@dataclass
class Trace:
    """AEP of the layout at hand as a search goes on: the start first, the result last.

    On the way a layout may break the rules. At most `N_POINTS` points are kept, evenly spread among those
    that were noted, with the first and the last one.

    Attributes
    ----------
    evaluations : list of int
        Spent so far, increasing.
    aep : list of float
        GWh.
    """

    evaluations: list[int] = field(default_factory=list)
    aep: list[float] = field(default_factory=list)

    def note(self, evaluations: int, aep: float) -> None:
        """Add a point."""
        self.evaluations.append(evaluations)
        self.aep.append(aep)

    def points(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Evaluations and AEP, (n,) each with n at most `N_POINTS`, GWh."""
        kept = np.unique(np.linspace(0, len(self.aep) - 1, min(N_POINTS, len(self.aep))).round().astype(int))
        return np.array(self.evaluations, np.int64)[kept], np.array(self.aep, float)[kept]
