"""Pictures of a campaign and its results for the page, each in it as a data URI."""

import base64
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mpi_layout.campaign import Campaign
from mpi_layout.errors import InputError
from mpi_layout.pictures import can_draw
from mpi_layout.report.blocks import Block, Gallery, Picture, Text
from mpi_layout.report.words import number_text, percent_text
from mpi_layout.results.best import Best, best_layouts
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Selection
from mpi_layout.results.state.summary import Summary

if TYPE_CHECKING:
    from mpi_layout.pictures.draw import Picture as Shown

MISSING = "Pictures are missing, as matplotlib was not there: pip install 'mpi-layout[plot]'"

_MOST_LAYOUTS, _MOST_AREAS, _MOST_CONFIGS, _MOST_NAMES = 12, 500, 20_000, 20
_PIXELS = 96 * 1.2  # CSS pixels of an inch: text of 8 points becomes as large as that of tables
_MAP = 4.5  # inches
_LARGE = 200_000  # bytes of a vector graphic, from which on pixels may be the better choice
_PATH, _TOO_FINE = re.compile(r'(?<= d=")[^"]*'), re.compile(r"(\.\d\d)\d+")


def areas(campaign: Campaign) -> tuple[Block, ...]:
    """Where the areas lie."""
    if not can_draw() or len(campaign.areas) > _MOST_AREAS:
        return ()
    from mpi_layout.pictures.from_results import areas_picture

    names = [spec.name for spec in campaign.areas]
    alt = f"Map of the areas {', '.join(names[:_MOST_NAMES])}{' and more' if names[_MOST_NAMES:] else ''}"
    return (_picture("Map of the areas", alt, lambda: areas_picture(campaign), width=_MAP),)


def energies(results: Results, selection: Selection, n_done: int, *, refined: bool) -> tuple[Block, ...]:
    """How AEP spreads over the seeds, and how refinement went."""
    if not can_draw():
        return (Text(MISSING),)
    if n_done > _MOST_CONFIGS:
        return (
            Text(f"{n_done:,} layouts are too many for pictures of all: mpi-layout plot draws some of them."),
        )
    from mpi_layout.pictures import from_results

    spread = "AEP of every seed as a dot, by area and turbine type, with median and best"
    drawn = [_picture("Spread of AEP", spread, lambda: from_results.distribution_picture(results, selection))]
    if refined:
        gains = "What refinement has added to each start layout, in percent, by area and turbine type"
        searches = "Gain or AEP of each config against evaluations, with the median of all and the best one"
        drawn += [
            _picture("Gain of refinement", gains, lambda: from_results.gain_picture(results, selection)),
            _picture(
                "How searches went", searches, lambda: from_results.convergence_picture(results, selection)
            ),
        ]
    return tuple(drawn)


def layouts(results: Results, only: Sequence[str]) -> tuple[Block, ...]:
    """The best layout of each area."""
    if not can_draw():
        return ()
    from mpi_layout.pictures.canvas import COLUMN
    from mpi_layout.pictures.from_results import layout_picture

    def draw(best: Best) -> Picture:
        config, row = best.config, best.row
        alt = (
            f"Map of {config.area} with {config.n_turbines} turbines of type {config.turbine_type}; AEP "
            f"{number_text(float(row['aep']), 1)} GWh, wake loss {percent_text(float(row['wake_loss']))}"
        )
        title = f"Best layout of {config.area}: {config.key}"
        return _picture(title, alt, lambda: layout_picture(results, config, row), width=COLUMN)

    bests = best_layouts(results, only=only, per=("area",))
    gallery = Gallery([draw(best) for best in bests[:_MOST_LAYOUTS]])
    if len(bests) <= _MOST_LAYOUTS:
        return (gallery,)
    how = "mpi-layout best --per area --picture FOLDER/ draws all"
    return gallery, Text(f"The first {_MOST_LAYOUTS} of {len(bests):,} areas; {how}.")


def timeline(results: Results, summary: Summary) -> tuple[Block, ...]:
    """Who solved what in the last launch that has solved anything."""
    counts = summary.counts
    if not can_draw() or not summary.launches or not 0 < counts.done + counts.failed <= _MOST_CONFIGS:
        return ()
    from mpi_layout.pictures.of_launch import timeline_picture

    alt = "A line for each rank with the configs that it has solved one after the other, and its idle time"
    note = "Durations are those of the file; when a config began is reconstructed from the order of the work."
    return (_picture("Who solved what", alt, lambda: timeline_picture(results), note),)


def _picture(
    title: str, alt: str, shown: Callable[[], "Shown"], note: str = "", width: float | None = None
) -> Picture:
    """Draw a picture; where that is refused, because of numbers that nothing can have, say why instead."""
    from mpi_layout.pictures.canvas import PAGE
    from mpi_layout.pictures.draw import draw

    try:
        drawn = draw(shown(), width or PAGE)
    except InputError as error:
        return Picture(title, "", alt, f"Not drawn: {error}")
    return Picture(title, _data_uri(drawn), alt, note, _PIXELS * drawn.get_figwidth())


def _data_uri(drawn: Any) -> str:
    """Matplotlib Figure as an address: a vector graphic, unless that is large and pixels are smaller."""
    from mpi_layout.pictures.canvas import image

    vector = _compact(image(drawn, "svg").decode()).encode()
    kind, content = "svg+xml", vector
    if len(vector) > _LARGE and len(pixels := image(drawn, "png")) < len(vector):
        kind, content = "png", pixels
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _compact(svg: str) -> str:
    """Give places of a vector graphic in hundredths of a point: enough, and it saves a third."""
    return _PATH.sub(lambda path: " ".join(_TOO_FINE.sub(r"\1", path[0]).split()), svg)
