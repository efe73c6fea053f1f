"""Wake expansion continuation: the first steps in wakes that are wider than they are."""

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.gradient import ascend
from mpi_layout.optimise.search import Search
from mpi_layout.wake.models import WakeModel

Floats = NDArray[np.float64]

FACTORS = (3.0, 2.2, 1.6, 1.25)
FIRST_STEP, LAST_STEP = 0.5, 0.1  # rotor diameters
_EXPANSIONS = ("A", "k", "k_turbulence", "k_constant")


def expansion(search: Search, x: Floats, y: Floats, budget: int) -> tuple[Floats, Floats]:
    """Follow the gradient in wakes that expand faster, and ever less so.

    Wide wakes blur the small hills that a search gets caught on (J. J. Thomas, A. Ning 2018, J. Phys. Conf.
    Ser. 1037, 042012; J. J. Thomas et al. 2022, Wind Energ. Sci. 7, 1137-1159). Here the expansion of the
    wake, in all models a factor of the distance, is multiplied by 3, 2.2, 1.6 and 1.25 one after the other,
    each for a quarter of the budget. The layout is better than the start only by chance: stages that follow
    the real wakes come next.

    Parameters
    ----------
    search : Search
        What is asked for.
    x, y : (n,) array
        A layout, m.
    budget : int
        Steps.

    Returns
    -------
    x, y : (n,) array
        The layout after the last step, made to keep the rules; the given one where that fails.
    """
    at = np.array([x, y])
    for factor in FACTORS:
        model = widened(search.farm.model, factor)
        at = ascend(search, model, at, budget // len(FACTORS), first=FIRST_STEP, last=LAST_STEP)
    return search.repaired(at, otherwise=(x, y))


def widened(model: WakeModel, factor: float) -> WakeModel:
    """The model with wakes that expand so many times as fast."""
    names = [field.name for field in fields(model) if field.name in _EXPANSIONS]
    return replace(model, **{name: factor * getattr(model, name) for name in names})
