"""Rows of a results file that are shown, and the numbers in them that are believed.

A results file may be anybody's: numbers that no layout, search or launch can have are refused, as a picture
of them would show nothing, or never come to an end.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Config
from mpi_layout.errors import InputError
from mpi_layout.optimise.refinement import NO_REFINEMENT
from mpi_layout.printable import shortened
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Selection

Floats = NDArray[np.float64]

FARTHEST = 1e8  # m, of a coordinate
LARGEST = 1e12  # of an energy, GWh, or of an objective


class Check:
    """What refuses numbers that no config has."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def __call__(self, number: int, column: str, values: object, low: float, high: float) -> Floats:
        """Values of a column of a config as floats, if each is from low to high."""
        found = np.array(values, float)
        wrong = found[~((found >= low) & (found <= high))]
        if wrong.size:
            raise InputError(
                f"{self._results.path}: {self._results.key(number)}: {column} is {wrong[0]:g}; "
                f"wants {low:g} to {high:g}"
            )
        return found


def each_row(results: Results, selection: Selection) -> Iterator[tuple[int, np.void]]:
    """Yield numbers and rows of the configs of a selection; InputError if there are none."""
    for numbers, rows in selection.pieces(results):
        yield from zip(numbers.tolist(), rows, strict=True)


def refuse_many(results: Results, selection: Selection, most: int) -> list[int]:
    """Kinds of the configs of a selection, done or not; InputError if there are more than can be shown."""
    configs = results.campaign.configs
    kinds = np.unique(configs.kinds_of(results.select(selection.only))).tolist()
    if len(kinds) > most:
        raise InputError(
            f"{results.path}: {len(kinds):,} pairs of area and turbine type are too many for one picture; "
            f"choose at most {most} with --only, such as --only '{configs.kinds[kinds[0]].key_stem}*'"
        )
    return kinds


def refuse_unrefined(results: Results) -> None:
    """See that layouts were refined; InputError if not."""
    if results.campaign.refine == NO_REFINEMENT:
        raise InputError(
            f"{results.path}: nothing was refined: its campaign has no `refine`, so that all layouts are "
            "those that they started from"
        )


def by_aep(results: Results) -> bool:
    """Whether the AEP was maximised."""
    return isinstance(results.campaign.objective, str)


def figure_of(value: float, decimals: int) -> str:
    """Value with so many decimals, or as many more as it takes to show three figures of a small one."""
    more = 2 - int(np.floor(np.log10(value))) if 0 < value < 1 else 0
    return f"{value:,.{max(decimals, more)}f}"


def layout_name(config: Config) -> str:
    """How many turbines of what a layout has, where, and by which seed."""
    turbines = "1 turbine" if config.n_turbines == 1 else f"{config.n_turbines:,} turbines"
    return (
        f"{turbines} of {config.rated_power / 1e6:.4g} MW in {shortened(config.area, 32)}, seed {config.seed}"
    )
