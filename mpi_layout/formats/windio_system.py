"""A wind energy system as windIO has it: its wind, area, turbine types and layouts."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpi_layout.errors import InputError
from mpi_layout.formats.layouts import Layout, read_windio_layouts
from mpi_layout.formats.safe_yaml import shown
from mpi_layout.formats.windio import SYSTEM, WIND_FARM, check_windio
from mpi_layout.formats.windio_area import read_windio_outlines
from mpi_layout.formats.windio_site import read_windio_site
from mpi_layout.formats.windio_turbine import read_windio_turbine
from mpi_layout.formats.yaml_include import load_with_includes
from mpi_layout.site.area import Area
from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import Site

log = logging.getLogger(__name__)

FARM_TURBINES = ("turbines", "turbine_types")  # keys of a windIO wind_farm: one type or several


@dataclass(frozen=True, eq=False)
class WindIOSystem:
    """What a windIO system describes.

    Attributes
    ----------
    name : str
        Its name.
    site : Site
        The wind.
    area : Area
        Where turbines may stand.
    turbine_types : dict of Turbine
        By their keys in windIO's `turbine_types`, as text; of `turbines` by its name.
    layouts : tuple of Layout
        Alternatives to each other.
    """

    name: str
    site: Site
    area: Area
    turbine_types: Mapping[str, Turbine]
    layouts: tuple[Layout, ...]


def read_windio_system(data: dict[Any, Any], where: str) -> WindIOSystem:
    """System of the plain values of a windIO wind_energy_system.

    Parameters
    ----------
    data : dict
        What `load_with_includes` gives.
    where : str
        What messages call it: the file.

    Raises
    ------
    InputError
        With the path of what is wrong.
    """
    check_windio(data, SYSTEM, where)
    site, farm = data["site"], data["wind_farm"]
    outlines = read_windio_outlines(site, f"{where}: site")
    try:
        area = Area.from_rings(site["name"], outlines.polygons, outlines.exclusions)
    except ValueError as error:
        raise InputError(f"{where}: site.boundaries: {error}") from None
    layouts, turbine_types = read_windio_farm(farm, f"{where}: wind_farm")
    return WindIOSystem(
        name=data["name"],
        site=read_windio_site(site["energy_resource"], f"{where}: site.energy_resource"),
        area=area,
        turbine_types=turbine_types,
        layouts=layouts,
    )


def load_windio_farm(path: str | Path) -> dict[Any, Any]:
    """Plain values of a windIO wind_farm, or of that of a system, in a file.

    Raises
    ------
    InputError
        As `load_with_includes`; and naming the file and the path of each fault.
    """
    data = load_with_includes(path, "layout")
    farm = data.get("wind_farm", data) if isinstance(data, dict) else {}
    check_windio(farm, WIND_FARM, str(path))
    return farm


def read_windio_farm(
    farm: dict[Any, Any], where: str, warn: Callable[[str], None] = log.warning
) -> tuple[tuple[Layout, ...], dict[str, Turbine]]:
    """Layouts of a windIO wind_farm, and its turbine types by the keys that the layouts have for them.

    Parameters
    ----------
    farm : dict
        Plain values.
    where : str
        What messages call it.
    warn : callable
        Told what is odd but allowed.

    Raises
    ------
    InputError
        With the path of what is wrong.
    """
    types = {
        key: read_windio_turbine(turbine, f"{where}.{place}", warn)
        for key, place, turbine in windio_turbines(farm, where)
    }
    return read_windio_layouts(farm, where), types


def windio_turbines(farm: Any, where: str) -> list[tuple[str, str, Any]]:
    """Plain values of the turbine types of a windIO wind_farm.

    Returns
    -------
    list of (str, str, dict)
        Of each type the key that layouts name it by, the path in the farm, and its values.

    Raises
    ------
    InputError
        If there are none, or both `turbines` and `turbine_types`.
    """
    one, several = (farm.get(key) for key in FARM_TURBINES)
    if (one is None) == (several is None):
        found = "neither" if one is None else "both"
        raise InputError(f"{where}: wants turbines (one type) or turbine_types (several), has {found}")
    if one is not None:
        name = one.get("name") if isinstance(one, dict) else None
        return [(str(name), "turbines", one)]
    if not isinstance(several, dict) or not several:
        raise InputError(f"{where}.turbine_types: wants keys and turbines, has {shown(several)}")
    return [(str(key), f"turbine_types.{key}", turbine) for key, turbine in several.items()]
