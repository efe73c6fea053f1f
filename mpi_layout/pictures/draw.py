"""From what is shown to a picture: one call for every kind of it.

>>> from mpi_layout.pictures import canvas, draw, from_results
>>> shown = from_results.distribution_picture(results, Selection(("farm0_*",)))
>>> svg = canvas.image(draw.draw(shown, width=canvas.COLUMN), "svg")
"""

from matplotlib.figure import Figure

from mpi_layout.pictures.areas import AreasPicture, draw_areas
from mpi_layout.pictures.canvas import PAGE
from mpi_layout.pictures.convergence import ConvergencePicture, draw_convergence
from mpi_layout.pictures.flow_map import FlowMapPicture, draw_flow_map
from mpi_layout.pictures.groups import GroupsPicture, draw_groups
from mpi_layout.pictures.layout import LayoutPicture, draw_layout
from mpi_layout.pictures.section import SectionPicture, draw_section
from mpi_layout.pictures.seeds import SeedsPicture, draw_seeds
from mpi_layout.pictures.timeline import TimelinePicture, draw_timeline

Picture = (
    AreasPicture
    | ConvergencePicture
    | FlowMapPicture
    | GroupsPicture
    | LayoutPicture
    | SectionPicture
    | SeedsPicture
    | TimelinePicture
)


def draw(picture: Picture, width: float = PAGE) -> Figure:
    """Draw a picture.

    Parameters
    ----------
    picture : Picture
        What is shown, from a function of `from_results`.
    width : float
        Inches, at most: those of a page by default, `canvas.COLUMN` for a column.
    """
    match picture:
        case AreasPicture():
            return draw_areas(picture, width)
        case ConvergencePicture():
            return draw_convergence(picture, width)
        case FlowMapPicture():
            return draw_flow_map(picture, width)
        case GroupsPicture():
            return draw_groups(picture, width)
        case LayoutPicture():
            return draw_layout(picture, width)
        case SectionPicture():
            return draw_section(picture, width)
        case SeedsPicture():
            return draw_seeds(picture, width)
        case TimelinePicture():
            return draw_timeline(picture, width)
