"""What configs took of a core, and what those that wait will take."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


def sound(seconds: Floats) -> Floats:
    """Times as they are; in a forged row anything may stand."""
    return np.where((seconds >= 0) & (seconds < 1e12), seconds, 0.0)


def seconds_left(seconds: Floats, done: Numbers, waiting: Numbers) -> float | None:
    """Time of one core, s, that the waiting configs take if each takes what others of its kind took.

    Parameters
    ----------
    seconds : (n_kinds,) array
        What the done configs of each kind took together, s. A kind of which none is done takes what all took
        on average.
    done, waiting : (n_kinds,) int array
        How many configs of each kind there are.

    Returns
    -------
    float or None
        None if no config is done.
    """
    if not done.any():
        return None
    means = np.where(done > 0, seconds / np.maximum(done, 1), seconds.sum() / done.sum())
    return float(waiting @ means)
