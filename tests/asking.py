"""Short ways to ask the wake engine."""

import numpy as np

from mpi_layout.site.wind import FlowCases
from mpi_layout.wake.farm import Farm


def speeds_of_every_case(x, y, *, turbine, direction, speed, turbulence_intensity, model):
    """Effective wind speeds (n_directions, n_speeds, n), m/s."""
    direction, speed = np.atleast_1d(direction), np.atleast_1d(speed)
    cases = FlowCases(direction, speed, np.zeros((direction.size, speed.size)), turbulence_intensity)
    return Farm(turbine, cases, model).effective_speed(x, y).reshape(direction.size, speed.size, -1)
