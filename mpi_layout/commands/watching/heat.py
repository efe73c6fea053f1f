"""Cells whose background says how large a value is, readable without colours as well."""

import math

from rich.color import Color
from rich.style import Style

_Rgb = tuple[float, float, float]

# Ends and middle of cividis, which looks the same to people who see no red or no green.
_CIVIDIS: tuple[_Rgb, ...] = ((0, 34, 78), (60, 77, 110), (124, 123, 120), (187, 173, 108), (254, 232, 56))
_REDS: tuple[_Rgb, ...] = ((252, 187, 161), (203, 24, 29))


def heat(share: float, *, bad: bool = False) -> Style:
    """Style of a cell.

    Parameters
    ----------
    share : float
        From 0 to 1; NaN has no colour.
    bad : bool
        Whether the value counts something that should not be.
    """
    if not math.isfinite(share):
        return Style(dim=True)
    red, green, blue = _between(_REDS if bad else _CIVIDIS, min(max(share, 0.0), 1.0))
    # Black and white have the same contrast with 0.179; the better one never has less than 4.5 (WCAG).
    dark = _luminance(red, green, blue) < 0.179
    ink = Color.from_rgb(255, 255, 255) if dark else Color.from_rgb(0, 0, 0)
    return Style(bgcolor=Color.from_rgb(red, green, blue), color=ink)


def _luminance(*colour: float) -> float:
    """Relative luminance of sRGB, 0 to 1."""
    parts = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _between(colours: tuple[_Rgb, ...], share: float) -> _Rgb:
    place = share * (len(colours) - 1)
    left = min(int(place), len(colours) - 2)
    part = place - left
    red, green, blue = (a + part * (b - a) for a, b in zip(colours[left], colours[left + 1], strict=True))
    return round(red), round(green), round(blue)
