"""Random walks among layouts where wakes do not depend on each other (kernel/anneal.c)."""

from ctypes import POINTER, c_uint64, pointer
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mpi_layout.site.bins import evenly_covers_circle
from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowCases, FlowSeries
from mpi_layout.wake.farm import GWH_PER_YEAR, Farm, Neighbours, setting_of
from mpi_layout.wake.kernel import binding
from mpi_layout.wake.kernel.arrays import aligned, aligned_copy, padded
from mpi_layout.wake.kernel.region import DEPTH, Region
from mpi_layout.wake.kernel.structures import DOUBLES, INTS, WalkStruct

Floats = NDArray[np.float64]

_SAME_CT = 1e-9
_SAME_ANGLE = 9  # decimals of a degree
_TABLE = 2**17  # rows that all tables of power against deficit have, together, if there is no more than
_ROWS = 128, 1024  # of one of them, at least and at most


def wakes_are_independent(farm: Farm) -> bool:
    """Whether the wake of a turbine is the same whatever wakes it stands in.

    So it is where deficits are shares of the free wind speed, wakes do not widen with turbulence, and thrust
    coefficients are the same at all speeds between cut-in and cut-out. (A turbine that wakes stop loses its
    own wake, which is not seen here.) The kernel wants their deficits, or the squares of them, to be summed.
    """
    law = farm.model.law
    others = () if farm.neighbours is None else tuple(farm.neighbours.turbine_types)
    return (
        law.shape in ("top_hat", "gaussian")
        and not (law.local_speed or law.k_turbulence)
        and law.superposition != "max_sum"
        and (law.shape == "top_hat" or not law.rotor_mean)
        and all(np.ptp(_thrust(turbine)) < _SAME_CT for turbine in (*farm.turbine_types, *others))
    )


def coarser(flow_cases: FlowCases | FlowSeries, widest: float) -> FlowCases | FlowSeries:
    """Flow cases with fewer directions, each in the place of several consecutive ones.

    Parameters
    ----------
    flow_cases : FlowCases or FlowSeries
        A grid of directions in even steps around the circle; anything else is given back as it is.
    widest : float
        Largest step, degrees.
    """
    if not isinstance(flow_cases, FlowCases) or not evenly_covers_circle(flow_cases.direction):
        return flow_cases
    n = flow_cases.direction.size
    together = max(k for k in range(1, n + 1) if n % k == 0 and (k == 1 or k * 360 <= widest * n))
    if together == 1:
        return flow_cases
    middle = flow_cases.direction[::together] + (together - 1) / 2 * 360 / n
    probability = flow_cases.probability.reshape(n // together, together, -1).sum(axis=1)
    return replace(flow_cases, direction=middle % 360, probability=probability, turbulence_intensity=0.0)


class Walk:
    """A walk that goes on from call to call.

    Parameters
    ----------
    farm : Farm
        Of one turbine type, with independent wakes; its neighbours stand still.
    flow_cases : FlowCases or FlowSeries
        With the weights of the objective.
    region : Region
        Where turbines may stand, and how far apart.
    bounds : (float, float, float, float)
        Of the area: x_min, y_min, x_max, y_max, m.
    x, y : (n,) array
        Where the turbines stand at first, m.
    random : numpy.random.Generator
        Gives the state of the kernel's own generator.

    """

    def __init__(
        self,
        farm: Farm,
        flow_cases: FlowCases | FlowSeries,
        region: Region,
        bounds: tuple[float, float, float, float],
        x: Floats,
        y: Floats,
        random: np.random.Generator,
    ) -> None:
        others = farm.neighbours
        types = (farm.turbine_types[0], *(() if others is None else others.turbine_types))
        # The kernel's setting is of one flow case: the tables know the others.
        case = FlowCases(np.zeros(1), np.ones(1), np.ones((1, 1)), 0.0, *_shear(flow_cases))
        self._setting = setting_of(types, case, farm.model)
        factor = flow_cases.speed_factor(types[0].hub_height)
        axis, power = _tables(types[0], flow_cases, factor)
        angle = np.deg2rad(90 - axis)
        self._x, self._y = x.astype(float), y.astype(float)
        self._random = random.integers(1, 2**63, 4, dtype=np.uint64)
        x_min, y_min, x_max, y_max = bounds
        self._region = region
        count, other_x, other_y = _neighbours(others)
        self._arrays = [
            np.array([_thrust(turbine)[0] for turbine in types]),
            np.cos(angle),
            np.sin(angle),
            power,
            aligned_copy(other_x),
            aligned_copy(other_y),
        ]
        self._count = count
        ct, cosine, sine, table, fixed_x, fixed_y = (a.ctypes.data_as(DOUBLES) for a in self._arrays)
        self._struct = WalkStruct(
            x=self._x.ctypes.data_as(DOUBLES),
            y=self._y.ctypes.data_as(DOUBLES),
            other_x=fixed_x,
            other_y=fixed_y,
            n_other=self._count.ctypes.data_as(INTS),
            ct=ct,
            cosine=cosine,
            sine=sine,
            power=table,
            rows_per_deficit=power.shape[2] / factor,
            region=pointer(region.struct),
            spacing=pointer(region.spacing),
            depth=DEPTH,
            x_min=x_min,
            x_max=x_max,
            y_min=y_min,
            y_max=y_max,
            random=self._random.ctypes.data_as(POINTER(c_uint64)),
            n=x.size,
            n_axis=power.shape[1],
            n_real=axis.size,
            n_row=power.shape[2],
            harmful=bool((np.diff(power[..., 0], axis=2) <= 0).all()),
        )

    @property
    def summed(self) -> float:
        """The power as the gains of the last call's moves have it."""
        return float(self._struct.power_summed) * GWH_PER_YEAR

    @property
    def x(self) -> Floats:
        """Where the turbines stand, (n,), m."""
        return self._x.copy()

    @property
    def y(self) -> Floats:
        """Where the turbines stand, (n,), m."""
        return self._y.copy()

    @property
    def power(self) -> float:
        """The farm's, weighted, as GWh a year."""
        return float(self._struct.power_now) * GWH_PER_YEAR

    def restart(self, x: Floats, y: Floats) -> float:
        """Put the turbines to other places (n,), m; the power there."""
        self._x[:], self._y[:] = x, y
        self._struct.n_move = 0
        binding.anneal(self._setting, self._struct)
        return self.power

    def go(
        self,
        n_moves: int,
        *,
        hottest: float,
        coldest: float,
        step: float,
        smallest: float,
        jumps: float,
        along: float = 0.0,
        tries: int = 8,
    ) -> float:
        """Propose moves of single turbines, accepted as by Kirkpatrick et al. (1983), Science 220, 671.

        Parameters
        ----------
        n_moves : int
            How many.
        hottest, coldest : float
            Temperature at the beginning and at the end, geometric in between, GWh.
        step, smallest : float
            Longest and shortest move, m.
        jumps : float
            Share of moves to anywhere.
        along : float
            Share of moves along a wind direction.
        tries : int
            Places that one turbine tries before it is another one's turn.

        Returns
        -------
        float
            Share of moves that were accepted.
        """
        struct = self._struct
        struct.n_move, struct.jumps, struct.along, struct.n_try = n_moves, jumps, along, tries
        struct.hottest, struct.coldest = hottest / GWH_PER_YEAR, coldest / GWH_PER_YEAR
        struct.step, struct.step_range = step, np.log(step / smallest)
        binding.anneal(self._setting, struct)
        return int(struct.n_accepted) / max(n_moves, 1)


def _thrust(turbine: Turbine) -> Floats:
    """Thrust coefficients that occur while the turbine turns."""
    return turbine.ct_at(np.clip(turbine.speed, turbine.cut_in, turbine.cut_out))


def _shear(flow_cases: FlowCases | FlowSeries) -> tuple[float, float | None]:
    return flow_cases.shear_exponent, flow_cases.reference_height


def _tables(turbine: Turbine, flow_cases: FlowCases | FlowSeries, factor: float) -> tuple[Floats, Floats]:
    """Axes (n_axes,) in degrees, and cubics (2, n_axes, n_rows, 4) of power against deficit along them, W."""
    direction = np.round(flow_cases.direction % 360, _SAME_ANGLE)
    side = ((direction >= 180) & (direction < 360)).astype(int)
    axes, axis_of = np.unique(np.round(direction % 180, _SAME_ANGLE), return_inverse=True)
    # Each cubic runs through four points of its row.
    n = int(np.clip(_TABLE // (2 * axes.size), *_ROWS))
    places = (np.arange(n)[:, None] + np.arange(4) / 3).ravel() / n * factor
    through = np.linalg.inv(np.vander(np.arange(4) / 3, 4, increasing=True))
    table = aligned(2, padded(axes.size), n, 4)
    for d, mean in enumerate(_mean_power(turbine, flow_cases, factor - places)):
        table[side[d], axis_of[d]] += mean.reshape(n, 4) @ through.T
    return axes, table


def _mean_power(turbine: Turbine, flow_cases: FlowCases | FlowSeries, share: Floats) -> Floats:
    """Weighted power in each direction at shares (m,) of the free wind speed, (n_directions, m), W.

    The first share is that of the free wind at the hub. Beyond cut-out there are no wakes and no power.
    """
    count, speed, _, weight = flow_cases.by_direction()
    weight = np.where(turbine.power_at(speed * share[0]) > 0, weight, 0)
    if isinstance(flow_cases, FlowCases):
        return weight.reshape(count.size, -1) @ turbine.power_at(np.outer(flow_cases.speed, share))
    ends = np.cumsum(count)
    power = turbine.power_at
    cases = [slice(a, b) for a, b in zip(ends - count, ends, strict=True)]
    return np.array([weight[case] @ power(np.outer(speed[case], share)) for case in cases])


def _neighbours(others: Neighbours | None) -> tuple[NDArray[np.intc], Floats, Floats]:
    """How many there are of each type, zero of the farm's own, and positions by type, padded with NaN."""
    if others is None:
        return np.zeros(1, np.intc), np.empty(0), np.empty(0)
    count, x, y = [0], [np.empty(0)], [np.empty(0)]
    for kind in range(len(others.turbine_types)):
        of_kind = others.type_of == kind
        n = int(of_kind.sum())
        padding = np.full(padded(n) - n, np.nan)
        count.append(n + padding.size)
        x += [others.x[of_kind], padding]
        y += [others.y[of_kind], padding]
    return np.array(count, np.intc), np.concatenate(x), np.concatenate(y)
