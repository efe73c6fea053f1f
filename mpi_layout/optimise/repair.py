"""From a layout that breaks the rules to one near by that keeps them."""

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import ConfigError
from mpi_layout.optimise.rules import Rules
from mpi_layout.wake.kernel.region import DEPTH

Floats = NDArray[np.float64]

_ROUNDS = 1000  # of moving all turbines a little
_ATTEMPTS = 8  # at moving single ones away
_GRID = 4096  # points that they may go to
_AROUND = 36  # points around each other turbine


def repaired(rules: Rules, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A layout near the given one that keeps the rules, the given one if it does.

    Small moves first: back into the area by the shortest way, and pairs that are too close apart, along the
    line between them, again and again (alternating projections). Where that comes to no end, a few turbines
    are taken out, so that the others keep the distance, and put to the nearest free points or, where there is
    none, to where they have the most room; then all are moved a little again.

    Parameters
    ----------
    rules : Rules
        What it has to keep to.
    x, y : (n,) array
        m.

    Returns
    -------
    x, y : (n,) array
        Without `Rules.fault`.

    Raises
    ------
    ConfigError
        If no layout is found.
    """
    x, y = np.array(x, float), np.array(y, float)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ConfigError("a turbine has no finite position")
    if rules.fault(x, y) is None:
        return x, y
    places = None
    for _ in range(_ATTEMPTS):
        new_x, new_y, settled = rules.region.settle(x, y, DEPTH, _ROUNDS)
        if settled and rules.fault(new_x, new_y) is None:
            return new_x, new_y
        places = _places(rules) if places is None else places
        x, y = _replaced(rules, x, y, places)
    raise ConfigError(_reason(rules, x, y))


def _places(rules: Rules) -> tuple[Floats, Floats]:
    """Points all over the area, and on its boundary."""
    x_min, y_min, x_max, y_max = rules.area.bounds
    step = np.sqrt(rules.area.surface / _GRID)
    x, y = np.meshgrid(
        *(np.linspace(low, high, int(min((high - low) / step, 4 * _GRID**0.5)) + 2) for low, high in
          ((x_min, x_max), (y_min, y_max)))
    )  # fmt: skip
    inside = rules.inside(x.ravel(), y.ravel())
    edge_x, edge_y = rules.boundary_points(max(rules.area.geometry.length / _GRID, rules.spacing.least / 8))
    return np.append(x.ravel()[inside], edge_x), np.append(y.ravel()[inside], edge_y)


def _replaced(rules: Rules, x: Floats, y: Floats, places: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """The layout with single turbines moved to free points, so that the others need not move far."""
    new_x, new_y = rules.nearest(x, y)
    kept = ~_too_many(rules, new_x, new_y)
    for i in np.flatnonzero(~kept):
        near = _around(rules, new_x[kept], new_y[kept])
        points_x, points_y = np.append(places[0], near[0]), np.append(places[1], near[1])
        if not points_x.size:
            raise ConfigError(f"area {rules.area.name} is nowhere wide enough for a turbine")
        room = _room(rules, points_x, points_y, new_x[kept], new_y[kept])
        room[~rules.inside(points_x, points_y)] = -1
        free = room >= rules.spacing.least + DEPTH
        away = np.hypot(points_x - x[i], points_y - y[i])
        at = np.argmin(np.where(free, away, np.inf)) if free.any() else np.argmax(room)
        new_x[i], new_y[i], kept[i] = points_x[at], points_y[at], True
    return new_x, new_y


def _too_many(rules: Rules, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Which turbines to take out, so that the others keep the distance: always that of most conflicts."""
    out = np.isnan(x)
    squared = rules.spacing.squared(x[:, None] - x, y[:, None] - y)
    conflict = squared < rules.spacing.least**2
    np.fill_diagonal(conflict, False)
    while (number := (conflict & ~out & ~out[:, None]).sum(axis=1)).any():
        out[np.argmax(number)] = True
    return np.asarray(out)


def _around(rules: Rules, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Points around each turbine, as close to it as may be."""
    angle = 2 * np.pi * np.arange(_AROUND) / _AROUND
    c, s = np.cos(angle), np.sin(angle)
    radius = (rules.spacing.least + 2 * DEPTH) / np.sqrt(rules.spacing.squared(c, s))
    return (x[:, None] + radius * c).ravel(), (y[:, None] + radius * s).ravel()


def _room(rules: Rules, x: Floats, y: Floats, others_x: Floats, others_y: Floats) -> Floats:
    """Scaled distances of points (n,) from the nearest of the others, m; infinite without others."""
    nearest = np.full(x.size, np.inf)
    for other_x, other_y in zip(others_x, others_y, strict=True):
        np.minimum(nearest, rules.spacing.squared(x - other_x, y - other_y), out=nearest)
    return np.sqrt(nearest)


def _reason(rules: Rules, x: Floats, y: Floats) -> str:
    first, second = np.triu_indices(x.size, k=1)
    close = rules.spacing.squared(x[first] - x[second], y[first] - y[second]) < rules.spacing.least**2
    return (
        f"no layout of {x.size} turbines found in area {rules.area.name} that keeps {rules.spacing} between "
        f"them: {close.sum()} pairs stay too close; fewer turbines or a smaller min_spacing_D would help"
    )
