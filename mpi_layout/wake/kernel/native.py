"""The compiled kernel: where it is, which instruction set it uses, how its functions are called.

Loaded by ctypes, which releases the GIL for the time of a call.
"""

import ctypes
import os
from ctypes import POINTER, c_double, c_int, c_void_p
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import InputError
from mpi_layout.wake.kernel.structures import (
    DOUBLES,
    AnswerStruct,
    FarmStruct,
    RegionStruct,
    RelocationStruct,
    SettingStruct,
    SpacingStruct,
    StartStruct,
    WalkStruct,
)

Floats = NDArray[np.float64]
_ISA_VARIABLE, _ISAS = "MPI_LAYOUT_ISA", ("generic", "avx2", "avx512")  # dispatch.c


def _load() -> ctypes.CDLL:
    # Through the import system, as an editable install keeps it apart from the sources.
    file = resources.files("mpi_layout.wake.kernel") / "kernel.so"
    if not file.is_file():
        raise ImportError(
            f"{file} is missing: this is a source tree whose kernel is not built. Install the package "
            "(pip install .) and start Python elsewhere, or install it editable (README, Develop)."
        )
    with resources.as_file(file) as path:
        loaded = ctypes.CDLL(str(path))
    _declare(loaded)
    return loaded


def _declare(kernel: ctypes.CDLL) -> None:
    """Say what the functions of kernel.h and region.h take and give."""
    setting, region, spacing = POINTER(SettingStruct), POINTER(RegionStruct), POINTER(SpacingStruct)
    kernel.mpl_evaluate.argtypes = [setting, POINTER(FarmStruct), POINTER(AnswerStruct)]
    kernel.mpl_start_add.argtypes = [setting, POINTER(StartStruct), c_double, c_double, c_int]
    kernel.mpl_relocate.argtypes = [setting, POINTER(RelocationStruct)]
    kernel.mpl_anneal.argtypes = [setting, POINTER(WalkStruct)]
    kernel.mpl_isa.restype = ctypes.c_char_p
    kernel.mpl_signed_distance.argtypes = [region, c_int, *[c_void_p] * 5]
    kernel.mpl_signed_distance.restype = None
    kernel.mpl_penalty.argtypes = [region, spacing, c_int, *[c_void_p] * 4]
    kernel.mpl_penalty.restype = c_double
    kernel.mpl_inset.argtypes = [region, c_double, c_int, *[c_void_p] * 2]
    kernel.mpl_inset.restype = None
    kernel.mpl_settle.argtypes = [region, spacing, c_double, c_int, c_int, *[c_void_p] * 2]


library = _load()


def instruction_set() -> str:
    """Name of the instruction set that the kernel uses on this CPU, MPI_LAYOUT_ISA at most.

    Raises
    ------
    InputError
        If MPI_LAYOUT_ISA is none of their names.
    """
    wanted = os.environ.get(_ISA_VARIABLE)
    if wanted is not None and wanted not in _ISAS:
        raise InputError(
            f"environment variable {_ISA_VARIABLE}: is {wanted!r}; wants one of {', '.join(_ISAS)}"
        )
    return str(library.mpl_isa().decode())


def pointer(array: Floats) -> "ctypes._Pointer[c_double]":
    """Pointer to an array, which must be kept for as long."""
    if array.dtype != np.float64 or not array.flags.c_contiguous:
        raise ValueError("the kernel needs contiguous arrays of float64")
    return array.ctypes.data_as(DOUBLES)


def call(function: "ctypes._NamedFuncPointer", *arguments: object) -> None:
    """Call a function that needs memory of its own.

    Raises
    ------
    MemoryError
        If there is none.
    """
    if function(*arguments) != 0:
        raise MemoryError("the wake kernel could not allocate its workspace")
