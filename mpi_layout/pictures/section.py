"""The wind in an upright plane behind or through a turbine."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mpi_layout.pictures.canvas import INK, PAGE, figure, heading, heading_height, place, wrapped

Floats = NDArray[np.float64]

_LEFT, _BELOW, _GAP, _BESIDE = 0.55, 0.45, 0.12, 0.62  # inches
_TALL, _SHORTEST = 0.27, 1.15  # of the plane: in widths, and inches of what is beside it
_COLUMNS, _ROWS = 400, 108  # cells
_KM_FROM = 1000.0  # m: the axis of a shorter plane is in m
_DARKEST = 2  # % of what lies in wakes that is darker than the scale


@dataclass(frozen=True, eq=False)
class SectionPicture:
    """What is shown.

    Attributes
    ----------
    title : str
        Some lines.
    across : bool
        Whether the plane stands across the wind, seen along it, or along the wind, which comes from the left.
    ends : (float, float)
        Of the plane, m from the middle of a turbine: to the right, or downwind.
    rotors : (n, 3) array
        Of the turbines in the plane, or before it: m from that middle, hub height and rotor diameter, m.
    free : float
        Free wind speed at hub height, m/s.
    speed : function
        Wind speeds (m,), m/s, at places (m,), m from that middle, and one height, m.
    """

    title: str
    across: bool
    ends: tuple[float, float]
    rotors: Floats
    free: float
    speed: Callable[[Floats, float], Floats]

    @property
    def least_ratio(self) -> float:
        """How many times as high as wide it has to be drawn, so that no rotor is cut off."""
        highest = float((self.rotors[:, 1] + 0.75 * self.rotors[:, 2]).max())
        return highest / (self.ends[1] - self.ends[0]) if self.across else 0.0

    @property
    def unit(self) -> tuple[float, str]:
        """Of the axis: how many m it is, and its name."""
        short = self.across or self.ends[1] - self.ends[0] < _KM_FROM
        return (1.0, "m") if short else (1e3, "km")

    def top(self, ratio: float) -> float:
        """Height of the plane, m, if it is drawn so many times as high as wide: across the wind to scale."""
        if self.across:
            return ratio * (self.ends[1] - self.ends[0])
        return float((self.rotors[:, 1] + 1.5 * self.rotors[:, 2]).max())


def draw_section(picture: SectionPicture, width: float = PAGE) -> Figure:
    """Draw the wind speed in the plane, and rotors as lines along the wind or as circles across it.

    Parameters
    ----------
    picture : SectionPicture
        What is shown.
    width : float
        Inches.
    """
    w = width - _LEFT - _GAP - _BESIDE
    h = max(_TALL * w, _SHORTEST, picture.least_ratio * w)
    top = picture.top(h / w)
    title = wrapped(picture.title, width)
    above = heading_height(title)
    with figure(width, above + h + _BELOW) as drawn:
        heading(drawn, title)
        axes = drawn.add_axes(place(drawn, _LEFT, above, w, h))
        axes.grid(visible=False)
        scale, unit = picture.unit
        left, right = (end / scale for end in picture.ends)
        speed = _field(picture, top)
        waked = speed[speed < 0.99 * picture.free]
        field = axes.imshow(
            speed,
            extent=(left, right, 0, top),
            origin="lower",
            aspect="auto",
            interpolation="bilinear",
            cmap="viridis",
            vmin=float(np.percentile(waked, _DARKEST)) if waked.size else 0.9 * picture.free,
            vmax=float(max(speed.max(), picture.free)),
        )
        _draw_rotors(axes, picture, scale)
        axes.set_xlim(left, right)
        axes.set_ylim(0, top)
        way = "to the right, seen along the wind" if picture.across else "downwind"
        axes.set_xlabel(f"{way} ({unit})")
        axes.set_ylabel("height (m)")
        at = place(drawn, _LEFT + w + _GAP, above, 0.12, h)
        bar = drawn.colorbar(field, cax=drawn.add_axes(at), extend="min", format="{x:.3g}")
        bar.set_label("wind speed (m/s)")
        bar.outline.set_visible(False)
    return drawn


def _field(picture: SectionPicture, top: float) -> Floats:
    """Wind speeds (n_rows, n_columns), m/s, in the middle of cells."""
    at = np.linspace(*picture.ends, 2 * _COLUMNS + 1)[1::2]
    heights = np.linspace(0, top, 2 * _ROWS + 1)[1::2]
    return np.stack([picture.speed(at, float(height)) for height in heights])


def _draw_rotors(axes: Axes, picture: SectionPicture, scale: float) -> None:
    at, hub, diameter = picture.rotors[:, 0] / scale, *picture.rotors[:, 1:].T
    if picture.across:
        for colour, width in (("white", 1.6), (INK, 0.9)):
            form = {"units": "xy", "offsets": np.column_stack([at, hub]), "offset_transform": axes.transData}
            circles = EllipseCollection(diameter, diameter, np.zeros(at.size), **form)
            circles.set(facecolor="none", edgecolor=colour, linewidth=width)
            axes.add_collection(circles)
        return
    for low, high, widths in ((0 * hub, hub, (0.5,)), (hub - diameter / 2, hub + diameter / 2, (2.4, 1.4))):
        lines = np.stack([np.column_stack([at, low]), np.column_stack([at, high])], axis=1)
        for colour, width in zip(("white", INK)[-len(widths) :], widths, strict=True):
            axes.add_collection(LineCollection(list(lines), colors=colour, linewidths=width))
