"""The best layouts of a results file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign.configs import Config
from mpi_layout.formats.layouts import Layout
from mpi_layout.results.layouts import layout_of
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Selection, group_of
from mpi_layout.wake.farm import GWH_PER_YEAR

Floats = NDArray[np.float64]

_KEPT = ("seed", "aep", "objective", "start_objective")  # seeds are exact as floats


@dataclass(frozen=True, eq=False)
class Best:
    """The best layout of a group of configs.

    Attributes
    ----------
    config : Config
        Of the best layout; of equals the first. A number goes before NaN, which only a row can have that was
        written by something else.
    row : numpy.void
        Its row.
    seeds : (n,) int array
        Of all configs of the group that are done, in their order. Where some have an objective, those whose
        objective is NaN are left out.
    aep : (n,) array
        Their AEP, GWh.
    objective, start_objective : (n,) array
        What was maximised, and what it was of their start layouts; the AEP unless the campaign says something
        else.
    """

    config: Config
    row: np.void
    seeds: NDArray[np.int64]
    aep: Floats
    objective: Floats
    start_objective: Floats

    @property
    def n_done(self) -> int:
        """Configs that it is the best of."""
        return self.aep.size

    @property
    def by_aep(self) -> bool:
        """Whether the AEP was maximised."""
        return bool((self.objective == self.aep).all())

    @property
    def gains(self) -> Floats:
        """By which share (n,) the objective is above that of the start; NaN where that was not positive."""
        gains = np.full(self.objective.shape, np.nan)
        with np.errstate(all="ignore"):  # a forged row may have anything in it
            np.divide(self.objective, self.start_objective, out=gains, where=self.start_objective > 0)
        return gains - 1

    @property
    def rated_power(self) -> float:
        """Of all turbines together, W."""
        return self.config.n_turbines * self.config.rated_power

    @property
    def capacity_factor(self) -> float:
        """Share of what the turbines would give at rated power, wakes taken into account."""
        return float(self.row["aep"]) / (self.rated_power * GWH_PER_YEAR)

    def column(self, name: str) -> Floats:
        """Values (n_turbines,) of a column with a value per turbine."""
        return np.array(self.row[name][: self.config.n_turbines], float)

    def layout(self, source: str) -> Layout:
        """The layout, for those who want to work with it; messages call its file `source`."""
        return layout_of(self.config, self.row, source)


def best_layouts(
    results: Results, *, only: str | Sequence[str] = (), per: Sequence[str] = ("area", "turbine_type")
) -> tuple[Best, ...]:
    """Layouts of the highest objective, which is the AEP unless the campaign has another one.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    only : str or sequence of str
        Glob, or globs of which the key of a config must match one; all keys without any.
    per : sequence of {"area", "turbine_type", "seed"}
        One for each of these; the best of all configs without any.

    Returns
    -------
    tuple of Best
        In the order of the campaign.

    Raises
    ------
    InputError
        If no config matches, or none of those is done.
    """
    configs = results.campaign.configs
    chosen = Selection((only,) if isinstance(only, str) else tuple(only))
    groups: dict[int, _Group] = {}
    for numbers, rows in chosen.pieces(results):
        group = group_of(configs, numbers, per)
        for number in np.unique(group).tolist():
            own = group == number
            if number in groups:
                groups[number].add(rows[own], numbers[own])
            else:
                groups[number] = _Group(rows[own], numbers[own])
    return tuple(group.best(configs) for _, group in sorted(groups.items()))


class _Group:
    """A group of configs while its rows are read; of their columns only what is asked for is kept.

    Parameters
    ----------
    rows : (n,) structured array
        Done rows, one or more.
    numbers : (n,) int array
        Of their configs.
    """

    def __init__(self, rows: NDArray[np.void], numbers: NDArray[np.int64]) -> None:
        self._kept: list[Floats] = []
        self._best, self._number = rows[0].copy(), int(numbers[0])
        self.add(rows, numbers)

    def add(self, rows: NDArray[np.void], numbers: NDArray[np.int64]) -> None:
        """Add rows."""
        self._kept.append(np.stack([rows[name] for name in _KEPT]))
        index = int(np.argsort(-rows["objective"], kind="stable")[0])  # NaN comes last
        highest = rows["objective"][index]
        if not (np.isnan(highest) or highest <= self._best["objective"]):
            self._best, self._number = rows[index].copy(), int(numbers[index])

    def best(self, configs: Sequence[Config]) -> Best:
        """The best one, and what it is the best of."""
        kept = np.concatenate(self._kept, axis=1)
        if not np.isnan(self._best["objective"]):
            kept = kept[:, ~np.isnan(kept[_KEPT.index("objective")])]
        seeds, *figures = kept
        return Best(configs[self._number], self._best, seeds.astype(np.int64), *figures)
