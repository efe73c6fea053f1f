"""The function that TurbOPark's wakes widen by, as the kernel looks it up (turbopark_h_of in law.h)."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from mpi_layout.wake.kernel.arrays import aligned_copy

Floats = NDArray[np.float64]

FIRST_OCTAVE, N_OCTAVES = -20, 44
_ROWS = 256  # EXPANSION_ROWS in kernel.h


@cache
def expansion_rows() -> Floats:
    """Cubics of H(y) = sqrt(y^2 + 1) - ln((sqrt(y^2 + 1) + 1) / y) in each 256th of an octave.

    They share values and slopes, sqrt(y^2 + 1) / y, at their ends (Hermite). The fourth derivative is at most
    6 / y^4, so they err by less than 4e-12.

    Returns
    -------
    (n_octaves * 256, 4) array
        Coefficients of the place within a row, 0 to 1, constant first.
    """
    octave = 2.0 ** np.arange(FIRST_OCTAVE, FIRST_OCTAVE + N_OCTAVES)[:, None]
    y = octave * (1 + np.arange(_ROWS + 1) / _ROWS)
    root = np.sqrt(y * y + 1)
    value, slope = root - np.log((root + 1) / y), root / y * octave / _ROWS
    rise, before, behind = np.diff(value), slope[:, :-1], slope[:, 1:]
    cubic = (value[:, :-1], before, 3 * rise - 2 * before - behind, before + behind - 2 * rise)
    return aligned_copy(np.stack(cubic, axis=2).reshape(-1, 4))
