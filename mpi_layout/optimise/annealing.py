"""Simulated annealing of whole layouts by moves of single turbines, where wakes do not depend on each other.

S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi (1983), Optimization by simulated annealing, Science 220, 671-680.
A move there costs a microsecond or some (`mpi_layout.wake.walk`), so that millions of them can be tried. Two
walks end in different basins, and one of twice the length does not help: so there are many, from the best of
many regular layouts and from the one given, and the best of the short walks are gone on with.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.lattices import Lattice
from mpi_layout.optimise.search import Search
from mpi_layout.site.wind import FlowCases, FlowSeries
from mpi_layout.wake.walk import Walk, coarser, wakes_are_independent

Floats = NDArray[np.float64]
Layout = tuple[Floats, Floats]

# Temperatures are shares of the AEP of one turbine.
_WARM = 0.03, 0.005, 0.012  # of short walks in turn; only the second leaves a lattice what it is
_COOL, _COLD, _FROZEN = 0.002, 0.0008, 1e-6
_COOLINGS = 10  # calls of a walk
_LONGEST, _SHORTEST = 0.5, 5e-5  # steps, shares of the area's size, when it is _HOT
_HOT = 0.03
_RANGE = 300  # of steps at one temperature
_JUMPS, _ALONG = 0.2, 0.3  # shares of the moves
_SHORT, _SHORT_EACH = 500_000, 6000  # moves of a short walk, at least; of each turbine
_FEWEST = 4  # short walks
_LATTICES, _LATTICES_EACH = 400, 60  # looked at, at least; for each walk
_CHANGES = 60  # of those taken
_WIDEST = 3.0  # degrees, from one direction to the next, until the last walk
_DIRECTIONS = 20


def annealing(search: Search, x: Floats, y: Floats, budget: int) -> Layout:
    """Walk from regular layouts and from the one given, and go on with the best.

    Half of the moves go into short walks from the best of many lattices, and one from the layout given; a
    quarter into walks twice as long from the best of what they found, the rest into one from the best of
    those. Does nothing where wakes depend on each other.

    Parameters
    ----------
    search : Search
        The problem, its randomness.
    x, y : (n,) array
        A layout that keeps the rules, m.
    budget : int
        Places that turbines try. Beyond 20 wind directions moves cost more, and so many fewer are tried.

    Returns
    -------
    x, y : (n,) array
        The best layout found; it keeps the rules.
    """
    if not wakes_are_independent(search.farm):
        return x, y
    return _Annealer(search, x, y).best(budget)


class _Annealer:
    """Walks of one search."""

    def __init__(self, search: Search, x: Floats, y: Floats) -> None:
        self._search, self._given = search, (x, y)
        cases = coarser(search.cases, _WIDEST)
        self._fast = self._new_walk(cases)
        self._exact = self._fast if cases is search.cases else self._new_walk(search.cases)
        x_min, y_min, x_max, y_max = search.rules.area.bounds
        self._size = max(x_max - x_min, y_max - y_min)
        self._cost = max(1.0, cases.direction.size / _DIRECTIONS)

    def _new_walk(self, cases: FlowCases | FlowSeries) -> Walk:
        area, region = self._search.rules.area, self._search.rules.region
        return Walk(self._search.farm, cases, region, area.bounds, *self._given, self._search.random)

    def best(self, budget: int) -> Layout:
        """The best layout that so many moves find."""
        n, moves = self._given[0].size, int(budget / self._cost)
        usual = max(_SHORT, _SHORT_EACH * n)
        short = max(1, min(usual, moves // (2 * _FEWEST)))
        n_walks = max(_FEWEST, moves // (2 * short))
        full = min(1.0, short * 2 * _FEWEST / usual)
        drawn, changes = int(full * max(_LATTICES, _LATTICES_EACH * n_walks)), int(full * _CHANGES)
        layouts = [self._given, *self._lattices(n_walks - 1, drawn, changes)]
        layouts = self._walked(layouts, short, _WARM)[: n_walks // 4]
        layouts = self._walked(layouts, 2 * short, _WARM[1:2])
        rest = moves // 4
        if self._exact is not self._fast:  # its moves cost more
            rest //= 4
        last = self._walk(self._exact, layouts[0], rest, _COOL, _FROZEN)
        return max([self._given, layouts[0], last], key=lambda layout: self._exact.restart(*layout))

    def _walked(self, layouts: list[Layout], moves: int, warm: Sequence[float]) -> list[Layout]:
        """The layouts after walks, the best first."""
        walked = [self._walk(self._fast, a, moves, warm[i % len(warm)], _COLD) for i, a in enumerate(layouts)]
        walked.sort(key=lambda layout: -self._fast.restart(*layout))
        self._search.note(*walked[0])
        return walked

    def _walk(self, walk: Walk, layout: Layout, moves: int, warm: float, cold: float) -> Layout:
        unit = max(abs(walk.restart(*layout)) / layout[0].size, 1e-12)  # prices may be negative
        temperature = np.geomspace(warm, cold, _COOLINGS + 1)
        for hot, cool in itertools.pairwise(temperature):
            step = self._size * max(_LONGEST * np.sqrt(hot / _HOT), _RANGE * _SHORTEST)
            walk.go(
                moves // _COOLINGS,
                hottest=hot * unit,
                coldest=cool * unit,
                step=step,
                smallest=step / _RANGE,
                jumps=_JUMPS,
                along=_ALONG,
            )
        self._search.evaluations += moves
        return walk.x, walk.y

    def _lattices(self, n: int, n_drawn: int, n_changes: int) -> list[Layout]:
        """The best n of n_drawn lattices, after small changes."""
        drawn = [self._valued(Lattice.random(self._search.random)) for _ in range(n_drawn)]
        drawn.sort(key=lambda found: -found[0])
        found = [self._climbed(*best, n_changes) for best in drawn[:n]]
        return [layout for value, _, layout in found if value > -np.inf]

    def _climbed(
        self, value: float, lattice: Lattice, layout: Layout, n_changes: int
    ) -> tuple[float, Lattice, Layout]:
        width = 0.1
        for _ in range(n_changes):
            other = self._valued(lattice.near(self._search.random, width))
            if other[0] > value:
                value, lattice, layout = other
            else:
                width *= 0.93
        return value, lattice, layout

    def _valued(self, lattice: Lattice) -> tuple[float, Lattice, Layout]:
        points = lattice.points(self._search.rules, self._given[0].size)
        if points is None:
            return -np.inf, lattice, self._given
        self._search.evaluations += 1
        return self._fast.restart(*points), lattice, points
