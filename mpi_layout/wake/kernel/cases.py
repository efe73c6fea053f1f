"""Flow cases as the lanes of vectors."""

import numpy as np

from mpi_layout.site.wind import FlowCases, FlowSeries
from mpi_layout.wake.kernel.arrays import aligned, padded


class Cases:
    """Flow cases in padded lanes, direction after direction.

    Attributes
    ----------
    n_lane, speed_at, case_at : (n_directions,) int array
        Lanes of each direction; where its speeds and its probabilities begin.
    speed, turbulence, probability : array
        In lanes; directions of a grid share the first two.
    lane : (n_cases,) int array
        Lane of each case among the probabilities.
    """

    def __init__(self, flow_cases: FlowCases | FlowSeries) -> None:
        count, speed, turbulence, probability = flow_cases.by_direction()
        self.n_lane = padded(count)
        self.case_at = np.concatenate([[0], np.cumsum(self.n_lane)[:-1]])
        first = np.concatenate([[0], np.cumsum(count)[:-1]])
        self.lane = np.arange(count.sum()) + np.repeat(self.case_at - first, count)
        n_lanes = int(self.n_lane.sum())
        # Padding repeats the direction's last case, with no probability.
        filled = np.repeat(first + count - 1, self.n_lane)
        filled[self.lane] = np.arange(count.sum())
        self.probability = aligned(n_lanes)
        self.probability[self.lane] = probability
        shared = flow_cases.same_in_all_directions
        kept = self.n_lane[0] if shared else n_lanes
        self.speed_at = np.zeros_like(self.case_at) if shared else self.case_at
        self.speed, self.turbulence = aligned(kept), aligned(kept)
        self.speed[:], self.turbulence[:] = speed[filled[:kept]], turbulence[filled[:kept]]
