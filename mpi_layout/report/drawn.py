"""Pictures of a results file for the page, each in it as a data URI."""

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any

from mpi_layout.errors import InputError
from mpi_layout.pictures import can_draw
from mpi_layout.report.blocks import Block, Gallery, Picture, Text
from mpi_layout.report.words import number_text, percent_text
from mpi_layout.results.best import Best, best_layouts
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Selection

_MOST_LAYOUTS = 24
_PATH, _TOO_FINE = re.compile(r'(?<= d=")[^"]*'), re.compile(r"(\.\d\d)\d+")
_PIXELS = 96  # CSS pixels of an inch
MISSING = "Pictures are missing, as matplotlib was not there: pip install 'mpi-layout[plot]'"


def picture(title: str, alt: str, draw: Callable[[], Any], note: str = "") -> Picture:
    """Draw a picture, a matplotlib Figure; where that is refused, say why instead."""
    from mpi_layout.pictures.canvas import image

    try:
        drawn = draw()
    except InputError as error:
        return Picture(title, "", alt, f"Not drawn: {error}")
    width = _PIXELS * drawn.get_figwidth()
    return Picture(title, _data_uri(image(drawn, "svg").decode()), alt, note, width)


def _data_uri(svg: str) -> str:
    """Picture as an address; of places on it the hundredth of a point is enough, which saves a third."""
    svg = _PATH.sub(lambda path: " ".join(_TOO_FINE.sub(r"\1", path[0]).split()), svg)
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def layouts(results: Results, only: Sequence[str]) -> tuple[Block, ...]:
    """The best layout of each area."""
    if not can_draw():
        return (Text(MISSING),)
    from mpi_layout.pictures.from_results import layout_picture
    from mpi_layout.pictures.layout import draw_layout

    bests = best_layouts(results, only=only, per=("area",))

    def draw(best: Best) -> Picture:
        config, row = best.config, best.row
        alt = (
            f"Map of {config.area} with {config.n_turbines} turbines of type {config.turbine_type}; AEP "
            f"{number_text(float(row['aep']), 1)} GWh, wake loss {percent_text(float(row['wake_loss']))}"
        )
        title = f"Best layout of {config.area}: {config.key}"
        return picture(title, alt, lambda: draw_layout(layout_picture(results.campaign, config, row)))

    gallery = Gallery([draw(best) for best in bests[:_MOST_LAYOUTS]])
    if len(bests) <= _MOST_LAYOUTS:
        return (gallery,)
    how = "mpi-layout best --per area --picture FOLDER/ draws all"
    return gallery, Text(f"The first {_MOST_LAYOUTS} of {len(bests):,} areas; {how}.")


def searches(results: Results, only: Sequence[str]) -> Sequence[Block]:
    """How refinement went."""
    if not can_draw():
        return ()
    from mpi_layout.pictures.convergence import draw_convergence
    from mpi_layout.pictures.from_results import convergence_picture

    alt = "Gain or AEP of each config against evaluations, with the median of all and the best one"
    return [
        picture(
            "How searches went",
            alt,
            lambda: draw_convergence(convergence_picture(results, Selection(tuple(only)))),
        ),
    ]
