"""The wind rose beside a map."""

from dataclasses import dataclass

import numpy as np
from matplotlib.projections.polar import PolarAxes
from numpy.typing import NDArray

from mpi_layout.pictures.canvas import DIM, FAINT, SMALL
from mpi_layout.site.bins import evenly_covers_circle
from mpi_layout.site.wind import FlowCases, FlowSeries

Floats = NDArray[np.float64]

_CLASSES = (8.0, 12.0)  # m/s, between the classes of wind speed
_SHADES = ("#bcd0de", "#6b97b5", "#1f4e6e")
_NAMES = ("< 8 m/s", "8\N{EN DASH}12 m/s", "\N{GREATER-THAN OR EQUAL TO} 12 m/s")
_MOST_BARS = 36
_BELOW = 0.13  # inches, from the dial to its legend: room for the S


@dataclass(frozen=True, eq=False)
class Rose:
    """How often the wind comes from where, and how strong.

    Attributes
    ----------
    direction : (n_directions,) array
        Degrees where it comes from.
    probability : (n_directions, 3) array
        Below 8 m/s, from there to below 12 m/s, above.
    """

    direction: Floats
    probability: Floats

    @classmethod
    def of(cls, cases: FlowCases | FlowSeries) -> "Rose":
        """Rose of flow cases."""
        count, speed, _, probability = cases.by_direction()
        number = np.repeat(np.arange(count.size), count)
        classes = np.zeros((count.size, len(_CLASSES) + 1))
        np.add.at(classes, (number, np.searchsorted(_CLASSES, speed, side="right")), probability)
        return cls(cases.direction, classes)

    @property
    def prevailing(self) -> float:
        """Middle of the bar that the wind comes from most often, degrees."""
        direction, probability = self.bars()
        return float(direction[probability.sum(axis=1).argmax()])

    def bars(self) -> tuple[Floats, Floats]:
        """Directions and probabilities of at most 36 equal bins."""
        if len(self.direction) <= _MOST_BARS and evenly_covers_circle(self.direction):
            return self.direction, self.probability
        step = 360 / _MOST_BARS
        number = np.floor(self.direction / step + 0.5).astype(int) % _MOST_BARS
        binned = np.zeros((_MOST_BARS, self.probability.shape[1]))
        np.add.at(binned, number, self.probability)
        return np.arange(0, 360, step), binned


def draw_rose(axes: PolarAxes, rose: Rose) -> None:
    """Draw stacked bars, north up, with one ring that says how much it is."""
    direction, probability = rose.bars()
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    width, base = 2 * np.pi / len(direction), np.zeros(len(direction))
    for shade, name, height in zip(_SHADES, _NAMES, probability.T, strict=True):
        form = {"width": 0.9 * width, "color": shade, "linewidth": 0, "label": name}
        axes.bar(np.deg2rad(direction), height, bottom=base, **form)
        base = base + height
    axes.set_xticks(np.deg2rad([0, 90, 180, 270]), ["N", "E", "S", "W"])
    ring = _round(0.8 * float(base.max(initial=0.0)))
    axes.set_yticks([ring] if ring else [], [f"{100 * ring:g} %"] if ring else [])
    if ring:
        axes.set_rmax(1.02 * float(base.max()))
        axes.set_rlabel_position(_emptiest(direction, base))
    axes.tick_params(axis="x", pad=-4, labelsize=SMALL - 1)
    axes.tick_params(axis="y", labelsize=SMALL - 1, labelcolor=DIM)
    axes.spines["polar"].set_color(FAINT)
    axes.set_title("wind from", fontsize=SMALL, pad=7)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -_BELOW / (axes.get_position().height * axes.figure.get_figheight())),
        fontsize=SMALL - 1,
        handlelength=0.8,
        handleheight=0.8,
        handletextpad=0.4,
        labelspacing=0.2,
        borderpad=0,
    )


def _round(value: float) -> float:
    """Largest of 1, 2, 5, 10, ... that is no larger."""
    if not value > 1e-9:
        return 0.0
    decade = 10.0 ** np.floor(np.log10(value))
    return float(max(step * decade for step in (1, 2, 5) if step * decade <= value))


def _emptiest(direction: Floats, height: Floats) -> float:
    """Where between the four winds a number on the ring hides least, degrees."""
    between = np.array([45.0, 135.0, 225.0, 315.0])
    nearest = np.abs((direction - between[:, None] + 180) % 360 - 180).argmin(axis=1)
    return float(between[height[nearest].argmin()])
