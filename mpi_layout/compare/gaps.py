"""How much more AEP one results file has than another, summed up while its rows are read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Configs
from mpi_layout.compare.difference import Gap


@dataclass
class _Sum:
    """Gaps added up; `least` and `most` with the number of the config that has it."""

    n: int = 0
    difference: float = 0.0
    aep_a: float = 0.0
    least: tuple[float, int] = (np.inf, -1)
    most: tuple[float, int] = (-np.inf, -1)
    n_higher_a: int = 0
    n_higher_b: int = 0

    def add(self, numbers: NDArray[np.int64], a: NDArray, b: NDArray, rounding: float) -> None:
        gap = b - a
        low, high = int(np.argmin(gap)), int(np.argmax(gap))
        self.n += gap.size
        self.difference += float(gap.sum())
        self.aep_a += float(a.sum())
        # Of equal ones the first.
        self.least = min(self.least, (float(gap[low]), int(numbers[low])), key=lambda pair: pair[0])
        self.most = max(self.most, (float(gap[high]), int(numbers[high])), key=lambda pair: pair[0])
        matters = np.abs(gap) > rounding * np.maximum(np.abs(a), np.abs(b))
        self.n_higher_a += int((matters & (gap < 0)).sum())
        self.n_higher_b += int((matters & (gap > 0)).sum())

    def summed_up(self, configs: Configs, *, group: bool) -> Gap:
        some = configs[self.least[1]]
        return Gap(
            area=some.area if group else "",
            turbine_type=some.turbine_type if group else "",
            n=self.n,
            mean=self.difference / self.n,
            mean_percent=100 * self.difference / self.aep_a if self.aep_a else np.nan,
            least=self.least[0],
            most=self.most[0],
            least_key=some.key,
            most_key=configs[self.most[1]].key,
            n_higher_a=self.n_higher_a,
            n_higher_b=self.n_higher_b,
        )


class Gaps:
    """Sums over all configs, and over those of each area and turbine type.

    Parameters
    ----------
    configs : Configs
        Those of file a.
    rounding : float
        Share of an AEP by which another one is still the same.
    """

    def __init__(self, configs: Configs, rounding: float) -> None:
        self._configs = configs
        self._rounding = rounding
        self._whole = _Sum()
        self._groups: dict[int, _Sum] = {}

    def add(self, numbers: NDArray[np.int64], a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
        """Add the AEP (n,), GWh, of configs that are done in both files."""
        finite = np.isfinite(a) & np.isfinite(b)  # a forged row may have anything in it
        if not finite.any():
            return
        numbers, a, b = numbers[finite], a[finite], b[finite]
        self._whole.add(numbers, a, b, self._rounding)
        kinds = self._configs.kinds_of(numbers)
        for kind in np.unique(kinds).tolist():
            here = kinds == kind
            self._groups.setdefault(kind, _Sum()).add(numbers[here], a[here], b[here], self._rounding)

    def whole(self) -> Gap | None:
        """All configs; None if there were none."""
        return self._whole.summed_up(self._configs, group=False) if self._whole.n else None

    def groups(self) -> tuple[Gap, ...]:
        """Each area and turbine type, in the order of the campaign."""
        return tuple(self._groups[kind].summed_up(self._configs, group=True) for kind in sorted(self._groups))
