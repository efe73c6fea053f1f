"""How far the turbines of one layout stand from those of another, whatever their order."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

_MOST_MATCHED = 2000  # turbines; matching takes memory with their square and time with their cube


def largest_move(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Largest move of a turbine between two layouts, m.

    The turbines are matched so that the sum of the squares of their moves is as small as it can be. Where
    there are thousands, each is matched with the nearest one: then the true move may be larger.

    Parameters
    ----------
    a, b : (n, 2) array
        Positions, m.

    Returns
    -------
    float
        NaN if the layouts cannot be matched: other numbers of turbines, or positions that are not finite.
    """
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return np.nan
    if np.array_equal(a, b):
        return 0.0
    if len(a) > _MOST_MATCHED:
        return float(max(KDTree(one).query(other)[0].max() for one, other in ((a, b), (b, a))))
    with np.errstate(over="ignore"):  # a forged row may have anything in it
        squares = cdist(a, b, "sqeuclidean")
    if not np.isfinite(squares).all():
        return np.nan
    return float(np.sqrt(squares[linear_sum_assignment(squares)].max()))
