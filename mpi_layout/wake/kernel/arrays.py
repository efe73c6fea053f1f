"""Arrays as the kernel's vectors want them."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
IntOrCounts = TypeVar("IntOrCounts", int, NDArray[np.intp])
_ALIGNMENT = 64  # bytes: a cache line, and the widest vector
_LANE_BLOCK = 8  # LANE_BLOCK in kernel.h


def padded(n: IntOrCounts) -> IntOrCounts:
    """Numbers of lanes, filled up to whole vectors of any instruction set."""
    return -(-n // _LANE_BLOCK) * _LANE_BLOCK


def aligned(*shape: int) -> Floats:
    """Zeros whose first element lies on a cache line."""
    n_bytes = int(np.prod(shape)) * 8
    raw = np.zeros(n_bytes + _ALIGNMENT, dtype=np.uint8)
    offset = -raw.ctypes.data % _ALIGNMENT
    return raw[offset : offset + n_bytes].view(np.float64).reshape(shape)


def aligned_copy(values: Floats) -> Floats:
    """Copy whose first element lies on a cache line."""
    copy = aligned(*values.shape)
    copy[:] = values
    return copy
