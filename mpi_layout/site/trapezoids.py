"""Points drawn evenly from an area, however thin or scattered it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trapezoids:
    """An area cut along the heights of all its corners: trapezoids with two horizontal sides.

    Attributes
    ----------
    y : (n, 2) array
        Lower and upper side, m.
    left, right : (n, 2) array
        Where the lower and the upper side begin and end, m.
    """

    y: Floats
    left: Floats
    right: Floats

    @classmethod
    def of(cls, rings: Sequence[Floats]) -> "Trapezoids":
        """Trapezoids of the area between rings (k, 2), m, that do not cross."""
        a = np.concatenate(rings)
        b = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
        height = np.unique(a[:, 1])
        low, high = (np.searchsorted(height, each(a[:, 1], b[:, 1])) for each in (np.minimum, np.maximum))
        # Every edge once for each strip between two heights that it runs through.
        edge = np.repeat(np.arange(len(a)), high - low)
        strip = np.arange(edge.size) - np.repeat(np.cumsum(high - low) - high, high - low)
        y = np.column_stack([height[strip], height[strip + 1]])
        share = (y - a[edge, 1:]) / (b - a)[edge, 1:]
        x = a[edge, :1] + share * (b - a)[edge, :1]
        # In a strip edges do not cross: from left to right the area begins at one and ends at the next.
        order = np.lexsort((x.sum(axis=1), strip))
        return cls(y[order[::2]], x[order[::2]], x[order[1::2]])

    def random(self, random: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        """Points (n,) drawn evenly, m; as far as rounding goes none lies outside."""
        width = np.maximum(self.right - self.left, 0)
        surface = np.cumsum((self.y[:, 1] - self.y[:, 0]) * width.sum(axis=1))
        which, up, along = random.random((3, n))
        k = np.minimum(np.searchsorted(surface, which * surface[-1], side="right"), surface.size - 1)
        lower, upper = width[k].T
        # The share of the surface below a height is quadratic in it.
        root = np.sqrt(lower**2 + up * (upper**2 - lower**2))
        t = up * (lower + upper) / np.maximum(lower + root, np.finfo(float).tiny)
        left = self.left[k, 0] + t * (self.left[k, 1] - self.left[k, 0])
        x = left + along * (lower + t * (upper - lower))
        return x, self.y[k, 0] + t * (self.y[k, 1] - self.y[k, 0])
