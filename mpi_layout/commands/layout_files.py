"""Layouts of a results file for other programs, and to look at: each a file, written whole or not at all.

All of these raise InputError if the file exists already and is not to be replaced (`force`), or cannot be
written.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpi_layout.exports.tables import write_turbines
from mpi_layout.exports.windio import farm_text
from mpi_layout.formats.windio_out import windio_text
from mpi_layout.pictures import require_matplotlib
from mpi_layout.results.best import Best
from mpi_layout.results.reader import Results
from mpi_layout.results.written import written

if TYPE_CHECKING:
    from mpi_layout.pictures.draw import Picture


def write_windio(target: Path, results: Results, bests: Sequence[Best], *, force: bool) -> None:
    """Write a windIO wind farm with the layouts as alternatives, and their turbine types."""
    layouts = [best.layout(str(results.path)) for best in bests]
    with written(target, force=force) as file:
        file.write(farm_text(results.campaign, layouts))


def write_system(target: Path, system: Mapping[str, Any], best: Best, *, force: bool) -> None:
    """Write a windIO system, all that it includes in it, with another layout in the place of its own."""
    coordinates = {"x": best.column("x").tolist(), "y": best.column("y").tolist()}
    farm = {**system["wind_farm"], "layouts": [{"coordinates": coordinates}]}
    with written(target, force=force) as file:
        file.write(windio_text({**system, "wind_farm": farm}))


def write_csv(target: Path, bests: Sequence[Best], *, force: bool) -> None:
    """Write a table with a line per turbine."""
    write_turbines([(best.config, best.row) for best in bests], target, force=force)


def write_picture(target: Path, results: Results, best: Best, *, force: bool) -> None:
    """Draw the layout on its area; refused also without matplotlib, or where the name is no picture's."""
    require_matplotlib()
    from mpi_layout.pictures.from_results import layout_picture

    write_drawn(target, layout_picture(results, best.config, best.row), force=force)


def write_drawn(target: Path, picture: "Picture", *, width: float | None = None, force: bool) -> None:
    """Draw a picture, as wide as a page unless a width, inches, is given."""
    from mpi_layout.pictures.canvas import PAGE, image, picture_format
    from mpi_layout.pictures.draw import draw

    kind = picture_format(target)
    with written(target, force=force) as file:
        file.buffer.write(image(draw(picture, width or PAGE), kind))
