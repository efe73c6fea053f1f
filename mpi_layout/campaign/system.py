"""A windIO system that a campaign names: it gives the sections that the campaign does not have itself."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from mpi_layout.campaign.included import Included
from mpi_layout.errors import InputError
from mpi_layout.formats.faults import Fault
from mpi_layout.formats.safe_yaml import shown
from mpi_layout.formats.windio_area import read_windio_outlines
from mpi_layout.formats.windio_system import windio_turbines

_LONGEST_NAME = 64  # characters


def with_system(data: Mapping[Any, Any]) -> tuple[dict[Any, Any], list[Fault]]:
    """Plain values of a campaign, completed by the windIO system that it names.

    Parameters
    ----------
    data : dict
        Plain values, with the content of the files that they name.

    Returns
    -------
    dict
        With the sections `SECTIONS` of the system where the campaign has none.
    list of Fault
        What is wrong with the system.
    """
    try:
        system = Included.parse(data.get("system"))
    except ValueError:
        return dict(data), []  # there is none; or it has a fault that validation tells
    filled, found = dict(data), []
    for key, section_of in _SECTIONS.items():
        if data.get(key) is None:
            try:
                filled[key] = section_of(system)
            except InputError as error:
                found.append(Fault(("system",), str(error)))
    return filled, found


def _areas(system: Included) -> list[dict[str, Any]]:
    site = _part(system, "site")
    outlines = read_windio_outlines(site, "site")
    polygons, exclusions = (
        [ring.tolist() for ring in rings] for rings in (outlines.polygons, outlines.exclusions)
    )
    return [
        {"name": plain_name(site.get("name"), "area"), "polygons_m": polygons, "exclusions_m": exclusions}
    ]


def _turbine_types(system: Included) -> list[dict[str, Any]]:
    types: dict[str, dict[str, Any]] = {}
    for key, place, turbine in windio_turbines(_part(system, "wind_farm"), "wind_farm"):
        name = plain_name(turbine.get("name") if isinstance(turbine, dict) else None, f"type_{key}")
        if name in types:
            name = plain_name(f"{key}_{name}", name)
        types[name] = {"name": name, "file": {f"{system.name}: wind_farm.{place}": turbine}}
    return list(types.values())


def _site(system: Included) -> dict[str, Any]:
    resource = _part(system, "site").get("energy_resource")
    return {"file": {f"{system.name}: site.energy_resource": resource}}


# Where the campaign's own sections come from if it has none.
_SECTIONS: dict[str, Callable[[Included], Any]] = {
    "areas": _areas,
    "turbine_types": _turbine_types,
    "site": _site,
}
SECTIONS = tuple(_SECTIONS)


def of_system(fault: Fault, data: Mapping[Any, Any]) -> Fault:
    """Fault at its place, which is the system where the campaign does not have that section itself."""
    if data.get("system") is None or fault.path[0] not in SECTIONS or data.get(fault.path[0]) is not None:
        return fault
    return Fault(("system",), f"gives {fault}")


def _part(system: Included, key: str) -> dict[Any, Any]:
    part = system.content.get(key) if isinstance(system.content, dict) else None
    if not isinstance(part, dict):
        raise InputError(f"{key}: wants keys and values, has {shown(part)}")
    return part


def plain_name(text: Any, otherwise: str) -> str:
    """Name for campaigns and keys of configs: of a text its letters, digits and a few marks."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", str(text or "")).strip("_.-")
    return name[:_LONGEST_NAME] or otherwise
