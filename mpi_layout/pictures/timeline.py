"""Who solved what, and for how long: the ranks of a launch."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from mpi_layout.pictures.canvas import (
    CATEGORIES,
    DIM,
    INK,
    PAGE,
    SMALL,
    figure,
    heading,
    heading_height,
    place,
    wrapped,
)

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_LEFT, _RIGHT, _BELOW = 0.6, 0.15, 0.42  # inches
_LEGEND_ROW = 0.17
_ROW, _LEAST, _MOST = 0.16, 0.6, 5.5  # height of a rank, of all of them
IDLE = "#c00000"
_APART, _HEIGHT = 64, 0.8  # ranks whose bars have gaps between them, and how high those are
_EDGES, _EDGES_PER_BAR = 4000, 150  # configs of which each is still told from the next by a line


@dataclass(frozen=True, eq=False)
class TimelinePicture:
    """What is shown.

    Attributes
    ----------
    title : str
        One or two lines.
    ranks : (n_ranks,) int array
        Numbers of the ranks that solve.
    span : float
        From the beginning of the launch to its end, s.
    rank : (n,) int array
        Rank of each config: an index in `ranks`.
    begin, seconds : (n,) array
        When it began, s after the launch, and how long it took.
    category : (n,) int array
        What each config is of.
    names : tuple of str
        Of the categories; there are no more than colours.
    """

    title: str
    ranks: Numbers
    span: float
    rank: Numbers
    begin: Floats
    seconds: Floats
    category: Numbers
    names: tuple[str, ...]

    @property
    def busy(self) -> Floats:
        """Share of the launch (n_ranks,) that each rank spent on configs."""
        return np.bincount(self.rank, self.seconds, minlength=self.ranks.size) / self.span


MOST_CATEGORIES = len(CATEGORIES)


def draw_timeline(picture: TimelinePicture, width: float = PAGE) -> Figure:
    """Draw a bar for each rank, a piece of it for each config, and red where it had none.

    Parameters
    ----------
    picture : TimelinePicture
        What is shown.
    width : float
        Inches.
    """
    n_ranks = picture.ranks.size
    height = min(_MOST, max(_LEAST, _ROW * n_ranks))
    unit, name = _unit(picture.span)
    handles = [Patch(color=CATEGORIES[i], label=text) for i, text in enumerate(picture.names)]
    handles.append(Patch(color=IDLE, label="idle"))
    per_row = max(1, int((width - 0.2) / (0.35 + 0.06 * max(len(h.get_label()) for h in handles))))
    legend = _LEGEND_ROW * -(-len(handles) // per_row) + 0.05
    title = wrapped(picture.title, width)
    above = heading_height(title)
    with figure(width, above + height + _BELOW + legend) as drawn:
        axes = drawn.add_axes(place(drawn, _LEFT, above, width - _LEFT - _RIGHT, height))
        _draw_idle(axes, n_ranks, picture.span / unit)
        _draw_configs(axes, picture, unit)
        axes.set_xlim(0, picture.span / unit)
        axes.set_ylim(n_ranks - 0.5, -0.5)
        _label_ranks(axes, picture.ranks)
        axes.set_xlabel(f"time since the launch began ({name})")
        axes.set_ylabel("rank")
        axes.grid(visible=False)
        heading(drawn, title)
        drawn.legend(
            handles=handles,
            ncols=min(per_row, len(handles)),
            loc="lower left",
            handlelength=1.0,
            handleheight=0.8,
            columnspacing=1.0,
            borderpad=0.2,
            bbox_to_anchor=(0.1 / width, 0.03 / drawn.get_figheight()),
        )
    return drawn


def _unit(span: float) -> tuple[float, str]:
    """Seconds of the unit of time that suits a launch, and its name."""
    return next(((s, name) for s, name in ((3600.0, "h"), (60.0, "min")) if span >= 3 * s), (1.0, "s"))


def _draw_idle(axes: Axes, n_ranks: int, length: float) -> None:
    """Fill the bars with what is left where nothing is drawn over it."""
    if n_ranks <= _APART:
        axes.barh(np.arange(n_ranks), length, height=_HEIGHT, color=IDLE, zorder=1)
    else:
        axes.barh((n_ranks - 1) / 2, length, height=n_ranks, color=IDLE, zorder=1)


def _draw_configs(axes: Axes, picture: TimelinePicture, unit: float) -> None:
    half = (_HEIGHT if picture.ranks.size <= _APART else 1) / 2
    few = picture.rank.size <= _EDGES and np.bincount(picture.rank).max() <= _EDGES_PER_BAR
    begin, end, rank, category = (
        picture.begin,
        picture.begin + picture.seconds,
        picture.rank,
        picture.category,
    )
    if not few:
        begin, end, rank, category = _joined(begin, end, rank, category)
    left, right, low, high = begin / unit, end / unit, rank - half, rank + half
    corners = np.stack([left, low, right, low, right, high, left, high], axis=1).reshape(-1, 4, 2)
    made = PolyCollection(
        corners,
        facecolors=np.array(CATEGORIES)[category],
        edgecolors="white" if few else "none",
        linewidths=0.25 if few else 0,
        rasterized=not few,
        zorder=2,
    )
    axes.add_collection(made)


def _joined(
    begin: Floats, end: Floats, rank: Numbers, category: Numbers
) -> tuple[Floats, Floats, Numbers, Numbers]:
    """One piece for each run of configs of a category without a gap: without edges it looks the same."""
    order = np.lexsort((begin, rank))
    begin, end, rank, category = begin[order], end[order], rank[order], category[order]
    starts = np.ones(order.size, bool)
    starts[1:] = (np.diff(rank) != 0) | (np.diff(category) != 0) | (begin[1:] > end[:-1] + 1e-6 * end.max())
    first = np.flatnonzero(starts)
    return begin[first], np.maximum.reduceat(end, first), rank[first], category[first]


def _label_ranks(axes: Axes, ranks: Numbers) -> None:
    step = next(
        size * 10**power for power in range(9) for size in (1, 2, 5) if 25 * size * 10**power >= ranks.size
    )
    shown = np.flatnonzero(ranks % step == 0) if step > 1 else np.arange(ranks.size)
    axes.set_yticks(shown, [str(rank) for rank in ranks[shown]])
    axes.tick_params(axis="y", length=0, labelsize=SMALL, labelcolor=INK)
    axes.spines["top"].set_color(DIM)
