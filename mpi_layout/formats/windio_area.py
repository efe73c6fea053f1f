"""Boundaries and exclusions of a windIO site."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import InputError
from mpi_layout.formats.safe_yaml import shown
from mpi_layout.formats.windio_points import read_number, read_points
from mpi_layout.site.area import circle, ring_fault

Floats = NDArray[np.float64]

CIRCLE_POINTS = 360


@dataclass(frozen=True, eq=False)
class Outlines:
    """Where turbines may stand and where not.

    Attributes
    ----------
    polygons, exclusions : tuple of (k, 2) arrays
        m.
    """

    polygons: tuple[Floats, ...]
    exclusions: tuple[Floats, ...] = ()


def read_windio_outlines(site: dict[str, Any], where: str) -> Outlines:
    """Outlines of a windIO site.

    Circles become polygons of `CIRCLE_POINTS` corners: a boundary lies within its circle, an exclusion
    around it, so that no turbine stands where it must not. At a radius R they are at most 3.8e-5 R apart.

    Parameters
    ----------
    site : dict
        Plain values of windIO's site, with `boundaries` and perhaps `exclusions`.
    where : str
        What messages call them.

    Raises
    ------
    InputError
        If there are neither polygons nor a circle, or one of them is no simple polygon.
    """
    boundaries = _rings(site.get("boundaries"), f"{where}.boundaries", within=True)
    if "exclusions" not in site:
        return Outlines(boundaries)
    return Outlines(boundaries, _rings(site["exclusions"], f"{where}.exclusions", within=False))


def _rings(data: Any, where: str, *, within: bool) -> tuple[Floats, ...]:
    if not isinstance(data, dict) or ("polygons" in data) == ("circle" in data):
        raise InputError(f"{where}: wants polygons or a circle, has {_keys(data)}")
    if "circle" in data:
        return (_circle(data["circle"], f"{where}.circle", within=within),)
    if not isinstance(data["polygons"], list) or not data["polygons"]:
        raise InputError(f"{where}.polygons: wants a list of polygons, has {shown(data['polygons'])}")
    return tuple(_polygon(ring, f"{where}.polygons[{i}]") for i, ring in enumerate(data["polygons"]))


def _keys(data: Any) -> str:
    return ", ".join(map(str, data)) or "neither" if isinstance(data, dict) else shown(data)


def _polygon(data: Any, where: str) -> Floats:
    ring = read_points(data, where)
    if fault := ring_fault(ring):
        raise InputError(f"{where}: {fault}")
    return ring


def _circle(data: Any, where: str, *, within: bool) -> Floats:
    if not isinstance(data, dict) or not isinstance(data.get("center"), dict):
        raise InputError(f"{where}: wants {{center: {{x: ..., y: ...}}, radius: ...}}, has {shown(data)}")
    x, y = (read_number(data["center"].get(name), f"{where}.center.{name}") for name in ("x", "y"))
    radius = read_number(data.get("radius"), f"{where}.radius")
    if radius <= 0:
        raise InputError(f"{where}.radius: wants more than 0 m, has {radius:g}")
    return circle((x, y), radius, CIRCLE_POINTS, within=within)
