"""Single turbines jump to better places, anywhere in the area; all of them settle in between."""

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.gradient import ascend
from mpi_layout.optimise.search import Search
from mpi_layout.site.wind import FlowSeries
from mpi_layout.wake.farm import GWH_PER_YEAR, free_power
from mpi_layout.wake.relocation import Relocation
from mpi_layout.wake.sampling import reduced_cases_near

Floats = NDArray[np.float64]

# Points that are tried for one turbine at a time.
_ANYWHERE, _NEAR, _BOUNDARY = 120, 12, 0.3  # the last: share of the boundary's points
_BOUNDARY_STEP = 2.0  # rotor diameters
_REACH = 1.5  # rotor diameters, of the points near by

_DIRECTIONS = 60  # of one heat
_LEFT = 3  # of so many points one goes to the next heat
_CUTOFF = 3.5  # standard deviations, as far as points are compared

_ROUNDS = 2
_TEMPERATURE = 4e-5  # of the energy without wakes, falling to zero in each round
_POINTS_PER_STEP = 6  # gradient steps after each round
_FIRST_STEP, _LAST_STEP = 0.1, 0.005  # rotor diameters


def relocation(search: Search, x: Floats, y: Floats, budget: int) -> tuple[Floats, Floats]:
    """Try every turbine at many places in turn, and let it jump.

    The energy of the farm with one turbine at each of some 100 to 200 points (anywhere, on the boundary,
    near by) is computed incrementally (`Relocation`), in heats: on some of the directions for all points, on
    some more for the best third of them, and so on until few are left and all directions are in.
    The best one is taken if it is better than where the turbine stands, or else with probability
    exp(change / temperature), which falls to zero (simulated annealing: S. Kirkpatrick, C. D. Gelatt,
    M. P. Vecchi 1983, Science 220, 671). Then all turbines follow the stochastic gradient by short steps.

    Parameters
    ----------
    search : Search
        What is asked for.
    x, y : (n,) array
        A layout that keeps the rules, m.
    budget : int
        Points.

    Returns
    -------
    x, y : (n,) array
        The most energetic of the layouts after each turn of all turbines, which all keep the rules.
    """
    best = _Best(search, x, y)
    for _ in range(_ROUNDS):
        _jump(search, best, budget // _ROUNDS)
        steps = budget // _ROUNDS // _POINTS_PER_STEP
        at = np.array([best.x, best.y])
        at = ascend(search, search.farm.model, at, steps, first=_FIRST_STEP, last=_LAST_STEP)
        best.meet(*search.repaired(at, otherwise=(best.x, best.y)))
    return best.x, best.y


class _Best:
    """The layout of the most power in the flow cases that count."""

    def __init__(self, search: Search, x: Floats, y: Floats) -> None:
        self._search, self._farm = search, search.valued_farm()
        self.x, self.y, self._power = x, y, -np.inf
        self.meet(x, y)

    def meet(self, x: Floats, y: Floats) -> None:
        self._search.evaluations += 1
        power = self._farm.energy(x, y)
        if power > self._power:
            self.x, self.y, self._power = x, y, power


def _jump(search: Search, best: _Best, budget: int) -> None:
    """Let turbines jump until the points are spent."""
    farm, n = search.valued_farm(), best.x.size
    first = _TEMPERATURE * n * abs(free_power(farm.turbine_types[0], farm.flow_cases).sum()) * GWH_PER_YEAR
    race = _Race(search, best.x, best.y)
    spent = 0
    while spent < budget:
        for turbine in search.random.permutation(n):
            spent += race.enter(int(turbine), first * (1 - spent / budget))
            if spent >= budget:
                break
        best.meet(race.x, race.y)


class _Race:
    """A layout, and the places that its turbines compare."""

    def __init__(self, search: Search, x: Floats, y: Floats) -> None:
        farm = search.valued_farm()
        self._search, self.x, self.y = search, x.copy(), y.copy()
        self._diameter = farm.turbine_types[0].rotor_diameter
        self._boundary = np.array(search.rules.boundary_points(_BOUNDARY_STEP * self._diameter))
        cases = reduced_cases_near(farm, x, y)
        n_heats = max(1, round(cases.direction.size / _DIRECTIONS))
        self._heats = [
            Relocation(
                x,
                y,
                turbine=farm.turbine_types[0],
                flow_cases=_every(cases, first, n_heats),
                model=farm.model,
                neighbours=farm.neighbours,
                cutoff=_CUTOFF,
            )
            for first in range(n_heats)
        ]

    def enter(self, turbine: int, temperature: float) -> int:
        """Compare places of one turbine and let it jump, or not; how many they were."""
        x, y = self._places(turbine)
        place, gain = self._run(turbine, x, y)
        if place and (gain > 0 or self._search.takes(gain, temperature)):
            self.x[turbine], self.y[turbine] = x[place], y[place]
            for heat in self._heats:
                heat.move(turbine, x[place], y[place])
        self._search.evaluations += x.size
        return x.size

    def _places(self, turbine: int) -> tuple[Floats, Floats]:
        """Where the turbine stands, then places where it may stand."""
        random, rules = self._search.random, self._search.rules
        stands = np.array([[self.x[turbine]], [self.y[turbine]]])
        anywhere = np.array(rules.random_points(random, _ANYWHERE))
        boundary = self._boundary[:, random.random(self._boundary.shape[1]) < _BOUNDARY]
        reach = _REACH * self._diameter * random.random(_NEAR) ** 2
        near = np.array(rules.nearest(*(stands + reach * random.standard_normal((2, _NEAR)))))
        x, y = np.hstack([anywhere, boundary, near[:, ~np.isnan(near[0])]])
        free = rules.free(x, y, np.delete(self.x, turbine), np.delete(self.y, turbine))
        return np.append(stands[0], x[free]), np.append(stands[1], y[free])

    def _run(self, turbine: int, x: Floats, y: Floats) -> tuple[int, float]:
        """The best place, and what it gains on place 0, GWh; 0 if there is no other one."""
        energy, left = np.zeros(x.size), np.arange(1, x.size)
        for number, heat in enumerate(self._search.random.permutation(len(self._heats)), 1):
            entered = np.append(0, left)
            energy[entered] += self._heats[heat].energies(turbine, x[entered], y[entered])
            kept = max(1, x.size // _LEFT**number)
            left = left[np.argsort(-energy[left], kind="stable")[:kept]]
        return (int(left[0]), float(energy[left[0]] - energy[0])) if left.size else (0, 0.0)


def _every(cases: FlowSeries, first: int, step: int) -> FlowSeries:
    """Every so many directions, from the first one on."""
    chosen = np.arange(cases.direction.size) % step == first
    case = np.repeat(chosen, cases.count)
    return FlowSeries(
        cases.direction[chosen],
        cases.count[chosen],
        cases.speed[case],
        cases.probability[case],
        cases.turbulence_intensity[case],
        cases.shear_exponent,
        cases.reference_height,
    )
