"""Layouts as windIO wind farms, which other programs read."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mpi_layout.formats.layouts import Layout
from mpi_layout.site.turbine import Turbine


def windio_farm(name: str, layouts: Sequence[Layout], turbine_types: Mapping[str, Turbine]) -> dict[str, Any]:
    """Plain values of a windIO wind_farm.

    Parameters
    ----------
    name : str
        Name of the farm.
    layouts : sequence of Layout
        Alternatives to each other. Where they name no types there has to be one type.
    turbine_types : dict of Turbine
        By the names that the layouts have for them.

    Returns
    -------
    dict
        windIO numbers the types; a single one has no number.
    """
    named = {key for layout in layouts for key in layout.turbine_type or turbine_types}
    number = {key: i for i, key in enumerate(key for key in turbine_types if key in named)}
    types = {i: windio_turbine(turbine_types[key]) for key, i in number.items()}
    plain = {"name": name, "layouts": [_layout(layout, number) for layout in layouts]}
    return plain | ({"turbines": types[0]} if len(types) == 1 else {"turbine_types": types})


def _layout(layout: Layout, number: Mapping[str, int]) -> dict[str, Any]:
    plain: dict[str, Any] = {"coordinates": {"x": layout.x.tolist(), "y": layout.y.tolist()}}
    if len(number) > 1 and layout.turbine_type is not None:
        plain["turbine_types"] = [number[key] for key in layout.turbine_type]
    return plain


def windio_turbine(turbine: Turbine) -> dict[str, Any]:
    """Plain values of a windIO turbine.

    Beyond the end of its curves a turbine of windIO stands still; one without cut-out here would go on.
    """
    speed = turbine.speed.tolist()
    performance: dict[str, Any] = {"rated_power": turbine.rated_power, "cutin_wind_speed": turbine.cut_in}
    if math.isfinite(turbine.cut_out):
        performance["cutout_wind_speed"] = turbine.cut_out
    performance["power_curve"] = {"power_values": turbine.power.tolist(), "power_wind_speeds": speed}
    performance["Ct_curve"] = {"Ct_values": turbine.ct.tolist(), "Ct_wind_speeds": speed}
    return {
        "name": turbine.name,
        "performance": performance,
        "hub_height": turbine.hub_height,
        "rotor_diameter": turbine.rotor_diameter,
    }


def windio_text(plain: Mapping[str, Any]) -> str:
    """YAML of plain values; numbers have as many digits as it takes to get the same number back."""
    # Each list again in full: not every reader of windIO files knows aliases.
    dumper = type("Dumper", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
    text: str = yaml.dump(plain, Dumper=dumper, sort_keys=False, default_flow_style=None, width=math.inf)
    return text
