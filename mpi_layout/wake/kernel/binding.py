"""The compiled kernel as functions on arrays.

Loaded by ctypes, which releases the GIL for the time of a call. The structures repeat those of kernel.h;
the functions check shapes and hand over pointers, and know no physics.
"""

import ctypes
from ctypes import POINTER, Structure, c_double, c_int
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import FlowCases
from mpi_layout.wake.models import TurbOPark

Floats = NDArray[np.float64]
_LANE_BLOCK = 8  # LANE_BLOCK in kernel.h
_SOURCE_FIELDS = 4
_ALIGNMENT = 64
_doubles = POINTER(c_double)


class _TurbOPark(Structure):
    _fields_ = [(name, c_double) for name in ("A", "c1", "c2", "ceps", "ct_limit", "turbulence_intensity")]


class _Turbine(Structure):
    _fields_ = [
        *((name, c_double) for name in ("rotor_diameter", "hub_height", "speed_first", "speed_inverse_step")),
        ("power", _doubles),
        ("ct", _doubles),
        ("n_curve", c_int),
    ]


class _Flow(Structure):
    _fields_ = [
        *((name, _doubles) for name in ("cosine", "sine", "speed", "probability")),
        ("n_direction", c_int),
        ("n_lane", c_int),
    ]


class _DiscTable(Structure):
    _fields_ = [("values", _doubles), ("n_radius", c_int), ("n_distance", c_int), ("inverse_step", c_double)]


class _Setting(Structure):
    _fields_ = [
        ("model", _TurbOPark),
        ("turbine", _Turbine),
        ("flow", _Flow),
        ("disc", _DiscTable),
        ("cutoff", c_double),
    ]


class _Start(Structure):
    _fields_ = [
        ("candidate_x", _doubles),
        ("candidate_y", _doubles),
        ("free", POINTER(c_int)),
        ("energy", _doubles),
        ("placed_x", _doubles),
        ("placed_y", _doubles),
        ("order", POINTER(c_int)),
        ("source", _doubles),
        *((name, c_int) for name in ("n_candidate", "n_free", "n_placed", "n_max")),
    ]


def _load() -> ctypes.CDLL:
    # Through the import system, as an editable install keeps it apart from the sources.
    file = resources.files("mpi_layout.wake.kernel") / "kernel.so"
    if not file.is_file():
        raise ImportError(
            f"{file} is missing: this is a source tree whose kernel is not built. Install the package "
            "(pip install .) and start Python elsewhere, or install it editable (README, Develop)."
        )
    with resources.as_file(file) as path:
        library = ctypes.CDLL(str(path))
    for name in ("mpl_farm_power", "mpl_farm_speed"):
        getattr(library, name).argtypes = [POINTER(_Setting), c_int, _doubles, _doubles, _doubles]
    library.mpl_start_add.argtypes = [POINTER(_Setting), POINTER(_Start), c_double, c_double]
    library.mpl_isa.restype = ctypes.c_char_p
    return library


_library = _load()


def instruction_set() -> str:
    """Name of the instruction set that the kernel uses on this CPU."""
    return str(_library.mpl_isa().decode())


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


class Setting:
    """Everything that a kernel call needs besides positions, in the kernel's own layout.

    Parameters
    ----------
    turbine : Turbine
        The type of all turbines.
    flow_cases : FlowCases
        n_directions directions, n_speeds speeds.
    model : TurbOPark
        Wake model.
    cutoff : float
        A wake is ignored where the receiver's near edge is this many standard deviations off its axis.
    disc : DiscTable, optional
        Tabulated disc mean; without it the exact series.

    Raises
    ------
    ValueError
        If the turbine's curves are not evenly spaced or the probabilities' shape is wrong.
    """

    def __init__(
        self,
        turbine: Turbine,
        flow_cases: FlowCases,
        model: TurbOPark,
        *,
        cutoff: float,
        disc: DiscTable | None = None,
    ) -> None:
        self.n_directions, self.n_speeds = flow_cases.direction.size, flow_cases.speed.size
        self.n_lane = -(-self.n_speeds // _LANE_BLOCK) * _LANE_BLOCK
        # The arrays live as long as the structure that points into them.
        self._arrays: list[NDArray[np.generic]] = []
        self._struct = _Setting(
            model=_TurbOPark(
                model.A, model.c1, model.c2, model.ceps, model.ct_limit, flow_cases.turbulence_intensity
            ),
            turbine=self._turbine(turbine),
            flow=self._flow(flow_cases),
            disc=self._disc(disc),
            cutoff=cutoff,
        )
        self.ref = ctypes.byref(self._struct)

    def _keep(self, values: ArrayLike) -> "ctypes._Pointer[c_double]":
        array = np.ascontiguousarray(values, dtype=np.float64)
        self._arrays.append(array)
        return array.ctypes.data_as(_doubles)

    def _turbine(self, turbine: Turbine) -> _Turbine:
        n = turbine.speed.size
        if turbine.power.shape != (n,) or turbine.ct.shape != (n,) or n < 2:
            raise ValueError(f"curves of {turbine.name}: speed, power and ct need one length of at least 2")
        step = (turbine.speed[-1] - turbine.speed[0]) / (n - 1)
        if not np.allclose(np.diff(turbine.speed), step, rtol=1e-9, atol=0):
            raise ValueError(f"curves of {turbine.name}: speeds are not evenly spaced")
        return _Turbine(
            turbine.rotor_diameter,
            turbine.hub_height,
            turbine.speed[0],
            1 / step,
            self._keep(turbine.power),
            self._keep(turbine.ct),
            n,
        )

    def _flow(self, flow_cases: FlowCases) -> _Flow:
        shape = (self.n_directions, self.n_speeds)
        if flow_cases.probability.shape != shape:
            raise ValueError(f"probabilities have shape {flow_cases.probability.shape}, not {shape}")
        angle = np.deg2rad(90 - flow_cases.direction)
        speed = _aligned(self.n_lane)
        speed[:] = np.pad(flow_cases.speed, (0, self.n_lane - self.n_speeds), mode="edge")
        probability = _aligned(self.n_directions, self.n_lane)
        probability[:, : self.n_speeds] = flow_cases.probability
        arrays = (np.cos(angle), np.sin(angle), speed, probability)
        return _Flow(*(self._keep(a) for a in arrays), self.n_directions, self.n_lane)

    def _disc(self, disc: DiscTable | None) -> _DiscTable:
        if disc is None:
            return _DiscTable(None, 0, 0, 0)
        return _DiscTable(self._keep(disc.values), *disc.values.shape, 1 / disc.step)


def farm_power(setting: Setting, x: Floats, y: Floats) -> Floats:
    """Mean power of each turbine over the flow cases, weighted by probability.

    Parameters
    ----------
    setting : Setting
        Turbine type, flow cases, model.
    x, y : (n,) array
        Positions, m.

    Returns
    -------
    (n,) array
        W.
    """
    power = np.empty(x.size)
    _call(_library.mpl_farm_power, setting.ref, x.size, _pointer(x), _pointer(y), _pointer(power))
    return power


def farm_speed(setting: Setting, x: Floats, y: Floats) -> Floats:
    """Effective wind speeds.

    Parameters
    ----------
    setting : Setting
        Turbine type, flow cases, model.
    x, y : (n,) array
        Positions, m.

    Returns
    -------
    (n_directions, n_speeds, n) array
        m/s.
    """
    speed = np.empty((setting.n_directions, x.size, setting.n_lane))
    _call(_library.mpl_farm_speed, setting.ref, x.size, _pointer(x), _pointer(y), _pointer(speed))
    return np.ascontiguousarray(speed[:, :, : setting.n_speeds].swapaxes(1, 2))


class StartState:
    """Energies of candidate points while turbines are placed (kernel/start.c).

    Parameters
    ----------
    setting : Setting
        With a disc table.
    x, y : (n_candidates,) array
        Candidate points, m.
    n_turbines : int
        How many turbines will be placed at most.

    Attributes
    ----------
    energy : (n_candidates, n_directions) array
        Mean power of one more turbine there, summed over the speeds of a direction, W. Fill it
        with the free-stream values first; `add` keeps the free candidates up to date.
    """

    def __init__(self, setting: Setting, x: Floats, y: Floats, n_turbines: int) -> None:
        self._setting = setting
        self._x, self._y = np.ascontiguousarray(x), np.ascontiguousarray(y)
        self.energy = np.zeros((x.size, setting.n_directions))
        self._placed = np.zeros((2, n_turbines))
        self._order = np.zeros((setting.n_directions, n_turbines), dtype=np.intc)
        self._source = _aligned(setting.n_directions, n_turbines, _SOURCE_FIELDS, setting.n_lane)
        self._struct = _Start(
            _pointer(self._x),
            _pointer(self._y),
            None,
            _pointer(self.energy),
            _pointer(self._placed[0]),
            _pointer(self._placed[1]),
            self._order.ctypes.data_as(POINTER(c_int)),
            _pointer(self._source),
            x.size,
            0,
            0,
            n_turbines,
        )

    def add(self, x: float, y: float, free: NDArray[np.intp]) -> None:
        """Place a turbine at (x, y), m; renew the energies of the candidates numbered in `free` (n_free,)."""
        if self._struct.n_placed == self._struct.n_max:
            raise ValueError(f"all {self._struct.n_max} turbines are placed already")
        numbers = np.ascontiguousarray(free, dtype=np.intc)
        self._struct.free = numbers.ctypes.data_as(POINTER(c_int))
        self._struct.n_free = numbers.size
        _call(_library.mpl_start_add, self._setting.ref, ctypes.byref(self._struct), x, y)


def _pointer(array: Floats) -> "ctypes._Pointer[c_double]":
    if array.dtype != np.float64 or not array.flags.c_contiguous:
        raise ValueError("the kernel needs contiguous arrays of float64")
    return array.ctypes.data_as(_doubles)


def _aligned(*shape: int) -> Floats:
    """Zeros whose first element lies on a cache line, as vector loads want."""
    n_bytes = int(np.prod(shape)) * 8
    raw = np.zeros(n_bytes + _ALIGNMENT, dtype=np.uint8)
    offset = -raw.ctypes.data % _ALIGNMENT
    return raw[offset : offset + n_bytes].view(np.float64).reshape(shape)


def _call(function: "ctypes._NamedFuncPointer", *arguments: object) -> None:
    if function(*arguments) != 0:
        raise MemoryError("the wake kernel could not allocate its workspace")
