"""Which config an old layout is of: by its name, and by what it says of its farm, turbine type and seed."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mpi_layout.campaign import Campaign, Config
from mpi_layout.printable import clipped

if TYPE_CHECKING:
    from mpi_layout.results.old_file import Label, OldLayout

# As scripts named a config by the numbers of its farm and its type: farm3_t5_s17.
_NUMBERED = re.compile(r"farm([0-9]{1,9})_t([0-9]{1,9})_s([0-9]{1,10})")
_DIAMETER = 0.01  # share by which a rotor diameter may differ: scripts rounded it


class RefusedError(Exception):
    """An old layout is none of the campaign's; the text says why."""


def config_of(old: "OldLayout", campaign: Campaign) -> Config:
    """Config that an old layout is of; everything that it says of that has to fit.

    Numbers of farms and turbine types count the areas and turbine types of the campaign from 0.

    Raises
    ------
    RefusedError
        If it does not say it, or contradicts itself, or the campaign has no such config.
    """
    said = list(_keys(old, campaign))
    if not said:
        raise RefusedError(old.fault or "neither its name nor attributes say which config it is")
    (source, key), *others = said
    for other, second in others:
        if second != key:
            raise RefusedError(f"is {clipped(key)} by its {source}, but {clipped(second)} by its {other}")
    try:
        config = campaign.configs[campaign.configs.number_of(key)]
    except KeyError:
        raise RefusedError(f"the campaign has no config {clipped(key)}") from None
    _check_labels(old.labels, config, campaign)
    return config


def _keys(old: "OldLayout", campaign: Campaign) -> Iterator[tuple[str, str]]:
    """Yield what says which config it is, and the key that it says."""
    name = old.name.rpartition("/")[2]
    if is_key := _is_key(name, campaign):
        yield "name", name
    if numbers := _NUMBERED.fullmatch(name):
        farm, turbine, seed = (int(number) for number in numbers.groups())
        counted = farm < len(campaign.areas) and turbine < len(campaign.turbine_types)
        if counted or not is_key:  # farm0_t15_s3 may be of the area farm0 and the type t15
            yield "numbers", _key(_area(farm, campaign), _turbine_type(turbine, campaign), seed)
    farm_label, type_label, seed_label = (old.labels.get(name) for name in ("farm", "type", "seed"))
    if farm_label is not None and type_label is not None and seed_label is not None:
        area, turbine_type = _area(farm_label, campaign), _turbine_type(type_label, campaign)
        yield "attributes", _key(area, turbine_type, _whole(seed_label, "seed"))


def _is_key(name: str, campaign: Campaign) -> bool:
    try:
        campaign.configs.number_of(name)
    except KeyError:
        return False
    return True


def _check_labels(labels: Mapping[str, "Label"], config: Config, campaign: Campaign) -> None:
    """See that everything else that is said of a layout fits its config, too."""
    if "farm" in labels and (area := _area(labels["farm"], campaign)) != config.area:
        raise RefusedError(f"is {config.key} by its name, but its farm is {clipped(area)}")
    if "type" in labels and (name := _turbine_type(labels["type"], campaign)) != config.turbine_type:
        raise RefusedError(f"is {config.key} by its name, but its type is {clipped(name)}")
    if "seed" in labels and (seed := _whole(labels["seed"], "seed")) != config.seed:
        raise RefusedError(f"is {config.key} by its name, but its seed is {seed}")
    if "n_turbines" in labels and (n := _whole(labels["n_turbines"], "n_turbines")) != config.n_turbines:
        raise RefusedError(f"has n_turbines {n}, {config.key} has {config.n_turbines}")
    if "diameter" in labels:
        wanted = config.rotor_diameter
        if not abs(_number(labels["diameter"]) - wanted) <= _DIAMETER * wanted:
            said = clipped(str(labels["diameter"]))
            raise RefusedError(f"has diameter {said}, {config.key} has {wanted:g} m")


def _key(area: str, turbine_type: str, seed: int) -> str:
    return f"{area}_{turbine_type}_s{seed}"


def _area(label: "Label", campaign: Campaign) -> str:
    return _named(label, [area.name for area in campaign.areas], "farm", "areas")


def _turbine_type(label: "Label", campaign: Campaign) -> str:
    return _named(label, [turbine.name for turbine in campaign.turbine_types], "t", "turbine types")


def _named(label: "Label", names: list[str], prefix: str, what: str) -> str:
    """Name that a number, a name, or a number behind a prefix stands for."""
    if isinstance(label, str):
        if label in names:
            return label
        number = re.fullmatch(f"(?:{prefix})?([0-9]{{1,9}})", label)
        if number is None:
            raise RefusedError(f"the campaign has no {clipped(label)} among its {what}")
        label = int(number[1])
    index = _whole(label, prefix)
    if not 0 <= index < len(names):
        raise RefusedError(f"is of number {index}, the campaign has {what} 0 to {len(names) - 1}")
    return names[index]


def _whole(label: "Label", what: str) -> int:
    if isinstance(label, str) and re.fullmatch("[0-9]{1,19}", label):
        return int(label)
    if isinstance(label, int) or (isinstance(label, float) and label.is_integer()):
        return int(label)
    raise RefusedError(f"its {what} is {clipped(str(label))}, wants a whole number")


def _number(label: "Label") -> float:
    """Number that a label is, or is the text of; NaN if there is none."""
    try:
        return float(label)
    except ValueError:
        return math.nan
