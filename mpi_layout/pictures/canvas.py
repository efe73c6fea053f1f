"""What all pictures have in common: style, and the way to bytes."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from mpi_layout.errors import InputError
from mpi_layout.pictures import FORMATS

# Colours of Okabe and Ito, told apart by everybody; greys for what is only there.
BLUE, VERMILION = "#0072b2", "#d55e00"
INK, DIM, FAINT, LAND = "#222222", "#7a7a7a", "#dddddd", "#f1f5f8"

_STYLE = {
    "font.size": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": DIM,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "svg.hashsalt": "mpi-layout",
}
_NO_DATE = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """Empty figure of a size in inches; what is drawn and saved meanwhile has the style of all pictures."""
    with mpl.rc_context(_STYLE):
        yield Figure(figsize=(width, height))


def picture_format(target: Path) -> str:
    """Format that a file's name asks for.

    Raises
    ------
    InputError
        If it is none of `FORMATS`.
    """
    if target.suffix.lower() not in FORMATS:
        wanted = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise InputError(f"{target}: wants a name that ends in {wanted}")
    return target.suffix.lower().removeprefix(".")


def image(drawn: Figure, kind: str) -> bytes:
    """Bytes of a picture of a format of `picture_format`: the same for the same picture."""
    with mpl.rc_context(_STYLE):
        file = io.BytesIO()
        drawn.savefig(file, format=kind, dpi=150, metadata=_NO_DATE[kind])
    return file.getvalue()
