"""Pictures of layouts and searches, by matplotlib, which only this package loads."""

from importlib.util import find_spec

from mpi_layout.errors import InputError

FORMATS = (".png", ".pdf", ".svg")


def can_draw() -> bool:
    """Whether matplotlib is there."""
    return find_spec("matplotlib") is not None


def require_matplotlib() -> None:
    """See that pictures can be drawn.

    Raises
    ------
    InputError
        If matplotlib is missing.
    """
    if not can_draw():
        raise InputError("pictures need matplotlib: pip install 'mpi-layout[plot]'")
