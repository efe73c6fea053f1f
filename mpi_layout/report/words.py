"""Numbers and moments as the page says them; a forged file may hold any number."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from mpi_layout.report.blocks import Cell

NOTHING = "\N{EN DASH}"
MOST_ROWS = 500  # of a table: a page is to be read
_TOO_LONG = 1e12


def number_text(value: float | None, digits: int = 0) -> str:
    """Say a number with a fixed number of digits after the point; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) >= _TOO_LONG:
        return f"{value:.6g}"
    return f"{value:,.{digits}f}"


def percent_text(share: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """Say a share of 1 in percent."""
    if share is None or not math.isfinite(share):
        return NOTHING
    value = 100 * share
    if abs(value) >= _TOO_LONG:
        return f"{value:.6g} %"
    return f"{value:+,.{digits}f} %" if sign else f"{value:,.{digits}f} %"


def number(value: float | None, digits: int = 0) -> Cell:
    """Cell of a number."""
    return Cell(number_text(value, digits), _known(value))


def percent(share: float | None, digits: int = 2, *, sign: bool = False) -> Cell:
    """Cell of a share of 1, in percent; its column's unit says so."""
    return Cell(percent_text(share, digits, sign=sign).removesuffix(" %"), _known(share))


def significant(value: float) -> Cell:
    """Cell of a number of any size, such as an objective."""
    known = _known(value)
    return Cell(NOTHING if known is None else f"{known:,.8g}", known)


def count(value: int, *, bad: bool = False) -> Cell:
    """Cell of a count; one of bad things stands out unless it is zero."""
    return Cell(f"{value:,}", value, bad=bad and value > 0)


def moment(seconds: float | None) -> str:
    """Say a moment, s since 1970, in UTC."""
    try:
        return datetime.fromtimestamp(seconds or math.nan, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "unknown"


def span(values: Iterable[float], digits: int = 0) -> str:
    """Say from where to where values go; only one where all are said the same."""
    known = np.array([value for value in values if math.isfinite(value)])
    if not known.size:
        return NOTHING
    low, high = number_text(float(known.min()), digits), number_text(float(known.max()), digits)
    return low if low == high else f"{low} to {high}"


def several(n: int, one: str, many: str = "") -> str:
    """Say how many of something there are."""
    return f"1 {one}" if n == 1 else f"{n:,} {many or one + 's'}"


def left_out(there: int, what: str) -> str:
    """Say that a table has but the first rows, if so."""
    return f"The first {MOST_ROWS:,} of {there:,} {what}." if there > MOST_ROWS else ""


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
