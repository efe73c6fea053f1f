"""Plots of what was simulated and measured."""

from pathlib import Path

import numpy as np
from style import COLOURS, pyplot, save

plt = pyplot()
MARKERS = ("o", "s", "^", "D", "v", "P")
STYLE = {"markersize": 4, "lw": 1.3}
TITLES = {"before": "one config per message", "batches": "batches"}


def length(seconds):
    """How long a config is, as a person says it."""
    if seconds < 1:
        return f"{1000 * seconds:g} ms"
    return f"{seconds:g} s" if seconds < 3600 else f"{seconds / 3600:g} h"


def by_length(rows):
    """Rows of one number of ranks after the other, for each length of configs."""
    for i, seconds in enumerate(sorted({row["length"] for row in rows})):
        chosen = sorted((row for row in rows if row["length"] == seconds), key=lambda row: row["ranks"])
        yield i, seconds, chosen


def _ranks(ax):
    ax.set_xscale("log")
    ax.set_xlabel("ranks")
    ax.grid(color="0.9", lw=0.6)


def efficiency(found, path: Path):
    """Efficiency in the middle of a launch over ranks, before and after."""
    figure, axes = plt.subplots(1, len(found), figsize=(9.0, 3.8), sharey=True, layout="constrained")
    for ax, (design, rows) in zip(np.atleast_1d(axes), found.items(), strict=True):
        for i, seconds, chosen in by_length(rows):
            x, y = zip(*((row["ranks"], row["middle"]) for row in chosen), strict=True)
            ax.plot(x, y, MARKERS[i] + "-", color=COLOURS[i], label=length(seconds), **STYLE)
        ax.axhline(0.95, color="0.5", ls="--", lw=1)
        ax.set(title=TITLES[design], ylim=(0, 1.03))
        _ranks(ax)
    np.atleast_1d(axes)[0].set_ylabel("parallel efficiency in mid-launch")
    np.atleast_1d(axes)[-1].legend(title="configs of", fontsize=8, frameon=False, loc="lower left")
    save(figure, path)


def manager(found, path: Path):
    """Share of its time that rank 0 is busy."""
    figure, axes = plt.subplots(1, len(found), figsize=(9.0, 3.8), sharey=True, layout="constrained")
    for ax, (design, rows) in zip(np.atleast_1d(axes), found.items(), strict=True):
        for i, seconds, chosen in by_length(rows):
            x, y = zip(*((row["ranks"], 100 * row["manager"]) for row in chosen), strict=True)
            ax.plot(x, y, MARKERS[i] + "-", color=COLOURS[i], label=length(seconds), **STYLE)
        ax.set(title=TITLES[design], ylim=(0, 103))
        _ranks(ax)
    np.atleast_1d(axes)[0].set_ylabel("rank 0 busy (% of the time)")
    np.atleast_1d(axes)[0].legend(title="configs of", fontsize=8, frameon=False, loc="upper left")
    save(figure, path)


def checkpoints(rows, path: Path):
    """What durable rows cost, by what the file system writes per second."""
    figure, ax = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
    for i, (key, label) in enumerate((("middle", "efficiency"), ("syncing", "rank 0 in checkpoints"))):
        x, y = zip(*((row["disk"], 100 * row[key]) for row in rows), strict=True)
        ax.plot(x, y, MARKERS[i] + "-", color=COLOURS[i], label=label, **STYLE)
    ax.set(xscale="log", xlabel="file system writes (GB/s)", ylabel="%", ylim=(0, 103))
    ax.grid(color="0.9", lw=0.6)
    ax.legend(fontsize=8, frameon=False, loc="center right")
    save(figure, path)


def validation(rows, path: Path):
    """Measured against simulated rates."""
    figure, ax = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
    rates = [row[key] for row in rows for key in ("measured", "simulated")]
    ends = (0.7 * min(rates), 1.4 * max(rates))
    ax.plot(ends, ends, "--", color="0.6", lw=1)
    for i, seconds, chosen in by_length(rows):
        x, y = zip(*((row["measured"], row["simulated"]) for row in chosen), strict=True)
        label = length(seconds) if seconds else "nothing"
        ax.plot(x, y, MARKERS[i], color=COLOURS[i], label=label, markersize=5)
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    ax.set(xlabel="measured (configs/s)", ylabel="simulated (configs/s)")
    ax.grid(color="0.9", lw=0.6)
    ax.legend(title="configs that sleep", fontsize=8, frameon=False)
    save(figure, path)
