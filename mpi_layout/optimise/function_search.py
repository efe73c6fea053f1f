"""The last stage where a function of the user's is maximised: its gradient first, then random moves.

The gradient (`function_ascent`) gets far with few evaluations, and ends at the next hilltop, or where a
function that is not smooth misleads it. After it turbines are moved one at a time, by steps as long as
now and then succeed, or anywhere; and now and then all together, shifted and stretched. A move for the
worse is taken with probability exp(change / temperature), the temperature falling to zero (simulated
annealing: S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi (1983), Science 220, 671). The best layout seen is
given back.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.function_ascent import function_ascent
from mpi_layout.optimise.search import Search

Floats = NDArray[np.float64]

_ASCENT, _LONGEST_ASCENT = 0.1, 60  # share of the budget, and gradients at most
_JUMPS, _STRETCHES = 0.15, 0.1  # shares of the moves; the rest are steps
_FIRST_STEP = 0.1  # of the area's diagonal
_SHORTEST_STEP = 0.02  # rotor diameters
# One step in seven succeeds where its length stays the same.
_LONGER, _SHORTER = 1.2, 1.2 ** (-1 / 6)
_TRIES = 50  # at a move that keeps to the rules
_POINTS = 8  # looked at for one move of a turbine: the first one where it may stand is taken
_MEASURED = 20  # moves that tell how much the function changes by a move
_TEMPERATURE = 0.05  # of the median change


@dataclass
class _Reach:
    """How far turbines are moved, m."""

    step: float
    shortest: float

    def learn(self, *, better: bool) -> None:
        self.step = max(self.step * (_LONGER if better else _SHORTER), self.shortest)


def function_search(search: Search, x: Floats, y: Floats, budget: int) -> tuple[Floats, Floats]:
    """Move turbines so that the user's function grows.

    Parameters
    ----------
    search : Search
        With an objective that has a function; without one nothing happens.
    x, y : (n,) array
        A layout that keeps to the rules, m.
    budget : int
        Layouts of which the energy is computed; the ascent asks the function more often.

    Returns
    -------
    x, y : (n,) array
        The best layout seen, the given one included: it keeps to the rules.

    Raises
    ------
    ConfigError
        If the function fails.
    """
    if search.problem.objective.function is None:
        return x, y
    n_gradients = min(int(_ASCENT * budget), _LONGEST_ASCENT)
    if n_gradients > 0:
        x, y = function_ascent(search, x, y, n_gradients)
        budget -= n_gradients
    corners = search.problem.area.bounds
    diagonal = float(np.hypot(corners[2] - corners[0], corners[3] - corners[1]))
    reach = _Reach(_FIRST_STEP * diagonal, _SHORTEST_STEP * search.problem.turbine.rotor_diameter)
    now = best = search.value(x, y)
    best_x, best_y = x, y
    changes: list[float] = []
    for spent in range(budget):
        moved = _move(search, x, y, reach)
        if moved is None:
            break  # there is no room for any move
        new_x, new_y, is_step = moved
        energy = search.farm.aep(new_x, new_y)
        new = search.value(new_x, new_y, energy)
        search.evaluations += 1
        if is_step:
            reach.learn(better=new > now)
        changes.append(abs(new - now))
        temperature = _temperature(changes, left=1 - spent / budget)
        if new >= now or search.takes(new - now, temperature):
            x, y, now = new_x, new_y, new
        if new > best:
            best_x, best_y, best = new_x, new_y, new
            search.trace.note(search.evaluations, energy.aep)
    return best_x, best_y


def _temperature(changes: list[float], *, left: float) -> float:
    """Temperature when a share of the budget is left, from how much moves changed the function at first."""
    typical = float(np.median(changes[:_MEASURED]))
    return _TEMPERATURE * typical * left**2


def _move(search: Search, x: Floats, y: Floats, reach: _Reach) -> tuple[Floats, Floats, bool] | None:
    """Another layout that keeps to the rules, and whether one step leads to it; None if none is found."""
    for _ in range(_TRIES):
        kind = search.random.random()
        if kind < _STRETCHES:
            found = _stretched(search, x, y)
        else:
            found = _one_moved(search, x, y, None if kind < _STRETCHES + _JUMPS else reach.step)
        if found is not None:
            return *found, kind >= _STRETCHES + _JUMPS
    return None


def _one_moved(search: Search, x: Floats, y: Floats, step: float | None) -> tuple[Floats, Floats] | None:
    """One turbine somewhere else: about a step, m, away, or anywhere; None if there is no room."""
    random, rules = search.random, search.rules
    k = int(random.integers(x.size))
    if step is None:
        x_points, y_points = rules.random_points(random, _POINTS)
    else:
        x_points, y_points = np.array([[x[k]], [y[k]]]) + step * random.standard_normal((2, _POINTS))
    free = np.flatnonzero(rules.free(x_points, y_points, np.delete(x, k), np.delete(y, k)))
    if not free.size:
        return None
    x, y = x.copy(), y.copy()
    x[k], y[k] = x_points[free[0]], y_points[free[0]]
    return x, y


def _stretched(search: Search, x: Floats, y: Floats) -> tuple[Floats, Floats] | None:
    """All turbines shifted and stretched about their middle, along both axes; None if that breaks a rule."""
    random = search.random
    factors = np.exp(0.02 * random.standard_normal(2))
    shifts = 0.2 * search.problem.turbine.rotor_diameter * random.standard_normal(2)
    x, y = (
        values.mean() + factor * (values - values.mean()) + shift
        for values, factor, shift in zip((x, y), factors, shifts, strict=True)
    )
    return None if search.rules.fault(x, y) else (x, y)
