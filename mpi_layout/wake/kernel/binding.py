"""The compiled kernel as functions on arrays.

The functions check shapes and hand over pointers, and know no physics.
"""

import ctypes
from collections.abc import Sequence
from ctypes import c_double, c_int
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.site.turbine import SWITCHING, Turbine
from mpi_layout.site.wind import FlowCases, FlowSeries
from mpi_layout.wake.kernel.arrays import aligned, aligned_copy
from mpi_layout.wake.kernel.cases import Cases
from mpi_layout.wake.kernel.curves import curves_of
from mpi_layout.wake.kernel.expansion import FIRST_OCTAVE, N_OCTAVES, expansion_rows
from mpi_layout.wake.kernel.native import call, instruction_set, library, pointer
from mpi_layout.wake.kernel.structures import (
    DOUBLES,
    INTS,
    AnswerStruct,
    DiscTableStruct,
    ExpansionStruct,
    FarmStruct,
    FlowStruct,
    ModelStruct,
    RelocationStruct,
    SettingStruct,
    StartStruct,
    TurbineStruct,
    WalkStruct,
)
from mpi_layout.wake.models import STF2017, CrespoHernandez, Law

Floats = NDArray[np.float64]
_N_FIELD = 10  # N_FIELD in wakes.h

# The kernel's enumerations, in its order.
_SHAPES = ("top_hat", "gaussian", "turbopark")
_INDUCTIONS = ("madsen", "momentum")
_SUPERPOSITIONS = ("squared_sum", "linear_sum", "max_sum")
_TURBULENCES = (type(None), STF2017, CrespoHernandez)


@dataclass(frozen=True, eq=False)
class DiscTable:
    """Mean of exp(-d^2/2) over a disc, tabulated.

    Attributes
    ----------
    values : (n_radius, n_distance) array
        Disc radius and centre distance in standard deviations, from zero in equal steps.
    step : float
        The step.
    """

    values: Floats
    step: float

    @cached_property
    def cells(self) -> Floats:
        """Bilinear forms (n_radius - 1, n_distance - 1, 4): value, by radius, by distance, by both."""
        v = self.values
        by_radius, by_distance = np.diff(v, axis=0), np.diff(v, axis=1)
        forms = (v[:-1, :-1], by_radius[:, :-1], by_distance[:-1], np.diff(by_radius, axis=1))
        return aligned_copy(np.stack(forms, axis=2))


class Setting:
    """Everything that a kernel call needs besides positions, in the kernel's own layout.

    Parameters
    ----------
    turbine_types : sequence of Turbine
        The types that occur.
    flow_cases : FlowCases or FlowSeries
        Wind directions, speeds, probabilities.
    law : Law
        Wake model.
    cutoff : float
        A Gaussian wake is ignored where the receiver's near edge is so many standard deviations off its axis.
    disc : DiscTable, optional
        Tabulated disc mean; without it the exact series.
    """

    def __init__(
        self,
        turbine_types: Sequence[Turbine],
        flow_cases: FlowCases | FlowSeries,
        law: Law,
        *,
        cutoff: float,
        disc: DiscTable | None = None,
    ) -> None:
        instruction_set()  # refuses a wrong MPI_LAYOUT_ISA
        # The arrays live as long as the structure that points into them.
        self._arrays: list[NDArray[np.generic]] = []
        self.cases = Cases(flow_cases)
        factors = [flow_cases.speed_factor(turbine.hub_height) for turbine in turbine_types]
        self._turbines = (TurbineStruct * len(turbine_types))(*map(self._turbine, turbine_types, factors))
        self.struct = SettingStruct(
            model=_model(law),
            turbine=self._turbines,
            flow=self._flow(flow_cases.direction),
            disc=self._disc(disc),
            expansion=ExpansionStruct(self._keep(expansion_rows()), FIRST_OCTAVE, N_OCTAVES),
            cutoff=cutoff,
            n_turbine=len(turbine_types),
        )
        self.ref = ctypes.byref(self.struct)

    def _keep(self, values: ArrayLike) -> "ctypes._Pointer[c_double]":
        array = np.ascontiguousarray(values, dtype=np.float64)
        self._arrays.append(array)
        return array.ctypes.data_as(DOUBLES)

    def _keep_ints(self, values: ArrayLike) -> "ctypes._Pointer[c_int]":
        array = np.ascontiguousarray(values, dtype=np.intc)
        self._arrays.append(array)
        return array.ctypes.data_as(INTS)

    def _turbine(self, turbine: Turbine, speed_factor: float) -> TurbineStruct:
        curves = curves_of(turbine)
        # Sums of wakes may end below 0 m/s: no cut-in then.
        cut_in = turbine.cut_in - SWITCHING if turbine.cut_in > 0 else -np.inf
        cut_out = turbine.cut_out + SWITCHING
        return TurbineStruct(
            *(turbine.rotor_diameter, turbine.hub_height, speed_factor, cut_in, cut_out),
            *(curves.first, 1 / curves.step),
            self._keep(aligned_copy(curves.rows)),
            None if curves.kinks is None else self._keep(aligned_copy(curves.kinks)),
            len(curves.rows),
        )

    def _flow(self, direction: Floats) -> FlowStruct:
        angle, cases = np.deg2rad(90 - direction), self.cases
        return FlowStruct(
            *(self._keep(a) for a in (np.cos(angle), np.sin(angle))),
            *(self._keep_ints(a) for a in (cases.n_lane, cases.speed_at, cases.case_at)),
            *(self._keep(a) for a in (cases.speed, cases.turbulence, cases.probability)),
            *(direction.size, int(cases.n_lane.max())),
        )

    def _disc(self, disc: DiscTable | None) -> DiscTableStruct:
        if disc is None:
            return DiscTableStruct(None, 0, 0, 0)
        return DiscTableStruct(self._keep(disc.cells), *disc.cells.shape[:2], 1 / disc.step)


def _model(law: Law) -> ModelStruct:
    turbulence = law.turbulence if law.k_turbulence else None
    model = ModelStruct(
        law=_SHAPES.index(law.shape),
        induction=_INDUCTIONS.index(law.induction),
        rotor=int(law.rotor_mean),
        superposition=_SUPERPOSITIONS.index(law.superposition),
        turbulence=_TURBULENCES.index(type(turbulence)),
        mirror=int(law.mirror),
        local_speed=int(law.local_speed),
        **{name: getattr(law, name) for name in ("k", "k_turbulence", "ceps", "ct_limit", "A", "c1", "c2")},
    )
    if isinstance(turbulence, STF2017):
        model.stf = (turbulence.c0, turbulence.c1)
    if isinstance(turbulence, CrespoHernandez):
        model.crespo = (turbulence.c0, turbulence.c1, turbulence.c2, turbulence.c3)
        model.crespo_induction = _INDUCTIONS.index(turbulence.induction)
    return model


@dataclass(frozen=True, eq=False)
class Powers:
    """Mean powers over the flow cases, weighted by probability.

    Attributes
    ----------
    power : (n,) array
        Of each turbine, W.
    direction_power : (n_directions,) array
        Of the own turbines together, by direction, W.
    d_dx, d_dy : (n_own,) array
        Derivatives of the own turbines' power by their positions, W/m; empty unless asked for.
    """

    power: Floats
    direction_power: Floats
    d_dx: Floats
    d_dy: Floats


def farm_power(
    setting: Setting,
    x: Floats,
    y: Floats,
    type_of: NDArray[np.intc],
    n_own: int,
    *,
    gradient: bool = False,
) -> Powers:
    """Mean power of each turbine, and its derivatives.

    Parameters
    ----------
    setting : Setting
        Turbine types, flow cases, model.
    x, y : (n,) array
        Positions, m.
    type_of : (n,) int array
        Type of each turbine.
    n_own : int
        The first so many count; the others only cast wakes.
    gradient : bool
        Whether derivatives are asked for.
    """
    slopes = np.empty((2, n_own if gradient else 0))
    answer = Powers(np.empty(x.size), np.empty(setting.cases.n_lane.size), *slopes)
    _evaluate(setting, x, y, type_of, n_own, **vars(answer))
    return answer


def farm_flow(setting: Setting, x: Floats, y: Floats, type_of: NDArray[np.intc]) -> tuple[Floats, Floats]:
    """Effective wind speed, m/s, and turbulence intensity at each turbine, (n_cases, n) each."""
    shape = (setting.cases.probability.size, x.size)
    speed, turbulence = np.empty(shape), np.empty(shape)
    _evaluate(setting, x, y, type_of, x.size, speed=speed, turbulence=turbulence)
    return speed[setting.cases.lane], turbulence[setting.cases.lane]


def _evaluate(
    setting: Setting,
    x: Floats,
    y: Floats,
    type_of: NDArray[np.intc],
    n_own: int,
    **answers: Floats,
) -> None:
    farm = FarmStruct(pointer(x), pointer(y), type_of.ctypes.data_as(INTS), x.size, n_own)
    pointers = {name: pointer(array) for name, array in answers.items() if array.size}
    call(library.mpl_evaluate, setting.ref, ctypes.byref(farm), ctypes.byref(AnswerStruct(**pointers)))


def relocated_power(
    setting: Setting,
    x: Floats,
    y: Floats,
    type_of: NDArray[np.intc],
    n_own: int,
    moved: int,
    candidate_x: Floats,
    candidate_y: Floats,
) -> Floats:
    """Mean power of a farm with one turbine at each of many points (kernel/relocate.c).

    Parameters
    ----------
    setting, x, y, type_of, n_own
        As of `farm_power`.
    moved : int
        The turbine, one of the first `n_own`.
    candidate_x, candidate_y : (m,) array
        Points, m.

    Returns
    -------
    (m,) array
        Of the own turbines together, W.
    """
    power = np.empty(candidate_x.size)
    ask = RelocationStruct(
        farm=FarmStruct(pointer(x), pointer(y), type_of.ctypes.data_as(INTS), x.size, n_own),
        candidate_x=pointer(candidate_x),
        candidate_y=pointer(candidate_y),
        power=pointer(power),
        n_candidate=power.size,
        moved=moved,
    )
    call(library.mpl_relocate, setting.ref, ctypes.byref(ask))
    return power


class StartState:
    """Energies of candidate points while turbines are placed (kernel/start.c).

    Parameters
    ----------
    setting : Setting
        Turbine types, flow cases, model.
    x, y : (n_candidates,) array
        Candidate points, m.
    n_turbines : int
        How many turbines will be placed at most.
    turbine_type : int
        Type of the turbine whose energy is asked for.

    Attributes
    ----------
    energy : (n_candidates, n_directions) array
        Mean power of one more turbine there, summed over the flow cases of a direction, W. Fill it
        with the free-stream values first; `add` keeps the free candidates up to date.
    """

    def __init__(
        self, setting: Setting, x: Floats, y: Floats, n_turbines: int, turbine_type: int = 0
    ) -> None:
        self._setting = setting
        self._x, self._y = np.ascontiguousarray(x), np.ascontiguousarray(y)
        n_directions = setting.cases.n_lane.size
        self.energy = np.zeros((x.size, n_directions))
        self._placed = np.zeros((2, n_turbines))
        self._type = np.zeros(n_turbines, dtype=np.intc)
        self._order = np.zeros((n_directions, n_turbines), dtype=np.intc)
        self._source = aligned(n_turbines * _N_FIELD * int(setting.cases.n_lane.sum()))
        self._struct = StartStruct(
            candidate_x=pointer(self._x),
            candidate_y=pointer(self._y),
            energy=pointer(self.energy),
            placed_x=pointer(self._placed[0]),
            placed_y=pointer(self._placed[1]),
            placed_type=self._type.ctypes.data_as(INTS),
            order=self._order.ctypes.data_as(INTS),
            source=pointer(self._source),
            n_candidate=x.size,
            n_max=n_turbines,
            type=turbine_type,
        )

    def add(self, x: float, y: float, free: NDArray[np.intp], turbine_type: int = 0) -> None:
        """Place a turbine at (x, y), m; renew the energies of the candidates numbered in `free` (n_free,)."""
        if self._struct.n_placed == self._struct.n_max:
            raise ValueError(f"all {self._struct.n_max} turbines are placed already")
        numbers = np.ascontiguousarray(free, dtype=np.intc)
        self._struct.free = numbers.ctypes.data_as(INTS)
        self._struct.n_free = numbers.size
        call(library.mpl_start_add, self._setting.ref, ctypes.byref(self._struct), x, y, turbine_type)


def anneal(setting: Setting, walk: WalkStruct) -> None:
    """Walk among layouts (kernel/anneal.c)."""
    call(library.mpl_anneal, setting.ref, ctypes.byref(walk))
