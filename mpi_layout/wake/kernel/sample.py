"""Some directions of a setting at a time: binding, as `binding.py` is for all of them."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from mpi_layout.wake.kernel.arrays import aligned
from mpi_layout.wake.kernel.binding import Setting
from mpi_layout.wake.kernel.native import call, library, pointer
from mpi_layout.wake.kernel.structures import INTS, AnswerStruct, FarmStruct, FlowStruct, SettingStruct

Floats = NDArray[np.float64]


class DirectionSample:
    """Power and its derivatives on some of a setting's directions, chosen anew for each draw.

    Everything is laid out once, so that a look costs little more than its sweep.

    Parameters
    ----------
    setting : Setting
        Turbine types, flow cases, model.
    n_directions : int
        How many directions a draw has.
    type_of : (n,) int array
        Type of each turbine.
    n_own : int
        The first so many count; the others only cast wakes.

    Attributes
    ----------
    x, y : (n,) array
        Positions, m: to be filled in before a look.
    """

    def __init__(self, setting: Setting, n_directions: int, type_of: NDArray[np.intc], n_own: int) -> None:
        flow, lanes = setting.struct.flow, int(setting.cases.n_lane.max())
        self._all, self._lanes = setting, lanes
        self._of_all = [
            np.ctypeslib.as_array(column, (flow.n_direction,))
            for column in (flow.cosine, flow.sine, flow.n_lane, flow.speed_at)
        ]
        probability = setting.cases.probability
        self._probability = aligned(flow.n_direction, lanes)
        for row, first, n in zip(self._probability, setting.cases.case_at, setting.cases.n_lane, strict=True):
            row[:n] = probability[first : first + n]
        self._drawn = [np.empty(n_directions, column.dtype) for column in self._of_all]
        self._drawn_probability = aligned(n_directions, lanes)
        self._case_at = np.arange(0, n_directions * lanes, lanes, dtype=np.intc)
        self._struct = SettingStruct.from_buffer_copy(setting.struct)
        cosine, sine, n_lane, speed_at = self._drawn
        self._struct.flow = FlowStruct(
            *(pointer(a) for a in (cosine, sine)),
            *(a.ctypes.data_as(INTS) for a in (n_lane, speed_at, self._case_at)),
            *(flow.speed, flow.turbulence, pointer(self._drawn_probability)),
            *(n_directions, lanes),
        )
        self.x, self.y = np.empty((2, type_of.size))
        self._type_of = np.ascontiguousarray(type_of, dtype=np.intc)
        self._direction_power, self._slopes = np.empty(n_directions), np.empty((2, n_own))
        farm = FarmStruct(
            *(pointer(self.x), pointer(self.y), self._type_of.ctypes.data_as(INTS)), type_of.size, n_own
        )
        answer = AnswerStruct(
            direction_power=pointer(self._direction_power),
            d_dx=pointer(self._slopes[0]),
            d_dy=pointer(self._slopes[1]),
        )
        self._structs = self._struct, farm, answer
        self._arguments = tuple(ctypes.byref(struct) for struct in self._structs)

    def draw(self, direction: NDArray[np.intp], weight: Floats) -> None:
        """Choose directions by their numbers (n_directions,), each with a weight (n_directions,)."""
        for column, drawn in zip(self._of_all, self._drawn, strict=True):
            np.take(column, direction, out=drawn)
        np.take(self._probability, direction, axis=0, out=self._drawn_probability)
        self._drawn_probability *= weight[:, None]

    def gradient(self) -> tuple[float, Floats]:
        """Power of the own turbines on the drawn directions, W, and its derivatives (2, n_own), W/m.

        The next call overwrites the derivatives.
        """
        call(library.mpl_evaluate, *self._arguments)
        return float(self._direction_power.sum()), self._slopes
