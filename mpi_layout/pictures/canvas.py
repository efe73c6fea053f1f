"""What all pictures have in common: widths, style, and the way to bytes."""

import io
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from mpi_layout.errors import InputError
from mpi_layout.pictures import FORMATS

# Widths that journals print: both columns of a page, and one of them; inches.
PAGE, COLUMN = 183 / 25.4, 89 / 25.4

# Colours of Okabe and Ito, told apart by everybody; greys for what is only there.
BLUE, VERMILION = "#0072b2", "#d55e00"
CATEGORIES = (BLUE, "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#f0e442", "#555555")
INK, DIM, FAINT, LAND = "#222222", "#7a7a7a", "#dddddd", "#f1f5f8"

FONT, SMALL = 8, 7  # points

_STYLE = {
    "font.size": FONT,
    "axes.titlesize": FONT,
    "axes.labelsize": FONT,
    "axes.labelcolor": INK,
    "axes.edgecolor": DIM,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,  # text stays text
    "svg.hashsalt": "mpi-layout",
    "text.parse_math": False,  # a name may have a dollar in it
}
_NO_DATE = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
_DPI = 200
LETTER = 0.062  # width of a letter, inches: most are smaller

_TIE = "\N{NO-BREAK SPACE}"


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """Empty figure of a size in inches; what is drawn and saved meanwhile has the style of all pictures."""
    with mpl.rc_context(_STYLE):
        yield Figure(figsize=(width, height))


def place(drawn: Figure, left: float, above: float, width: float, height: float) -> list[float]:
    """Place of axes from inches, `above` from the upper edge."""
    w, h = drawn.get_figwidth(), drawn.get_figheight()
    return [left / w, 1 - (above + height) / h, width / w, height / h]


def wrapped(text: str, width: float) -> str:
    """Text in lines that a figure of a width, inches, has room for."""
    most = int((width - 0.2) / LETTER)
    tied = re.sub(r"(?<=\d) | (?=\d)", _TIE, text)  # a number stays beside its name and its unit
    lines = (line for part in tied.split("\n") for line in textwrap.wrap(part, most))
    return "\n".join(lines).replace(_TIE, " ")


def heading_height(text: str) -> float:
    """Inches that a heading takes."""
    return 0.15 + 0.145 * (1 + text.count("\n"))


def heading(drawn: Figure, text: str) -> None:
    """Write what a whole figure shows into its upper left corner."""
    at = 0.1 / drawn.get_figwidth(), 1 - 0.1 / drawn.get_figheight()
    drawn.text(*at, text, ha="left", va="top", fontsize=FONT, linespacing=1.3)


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
    """Bytes of a picture, kind "png", "pdf" or "svg": the same for the same picture."""
    with mpl.rc_context(_STYLE):
        file = io.BytesIO()
        drawn.savefig(file, format=kind, dpi=_DPI, metadata=_NO_DATE[kind])
    return file.getvalue()
