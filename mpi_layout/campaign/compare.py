"""What of a campaign shapes its results: its digest, and how two campaigns differ."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

# Free text, and what may change between two launches of the same campaign.
_SHAPES_NOTHING: dict[str, Any] = {
    "description": True,
    "crs": True,  # where on Earth a layout lies changes nothing of it
    "system": True,  # the sections that it gives count
    "areas": {"__all__": {"description"}},
    "turbine_types": {"__all__": {"description"}},
    "neighbours": {"__all__": {"description", "key"}},  # the layout counts, not what it is called
    "checkpoint": True,
    "failures": True,
}
# Keys of the wake section that came later. With these values a campaign is what it was without them, and
# results files of that time still belong to it.
_CAME_LATER = {
    "TurbOPark": {"superposition": "squared_sum", "rotor_average": "gaussian_overlap", "ground": "mirror"}
}
_ABSENT = object()
_LONG_TEXT = 200  # characters


def shaping(campaign: BaseModel) -> dict[str, Any]:
    """Plain values of everything that shapes the results, defaults filled in."""
    values = campaign.model_dump(mode="json", exclude=_SHAPES_NOTHING, exclude_none=True)
    if not values["refine"]:
        del values["refine"]  # no stage has a budget
    if values["objective"] == "aep":
        del values["objective"]  # as before there were others
    return values


def digest(campaign: BaseModel) -> str:
    """SHA-256, hexadecimal, of everything that shapes the results."""
    values = shaping(campaign)
    for key, value in _CAME_LATER.get(values["wake"]["model"], {}).items():
        if values["wake"][key] == value:
            del values["wake"][key]
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def differ_in_seeds_alone(a: BaseModel, b: BaseModel) -> bool:
    """Whether what shapes the results of two campaigns is the same but for their seeds."""
    one, other = shaping(a), shaping(b)
    return {**one, "seeds": None} == {**other, "seeds": None} and one["seeds"] != other["seeds"]


@dataclass(frozen=True)
class Change:
    """A key whose value is another one in another campaign.

    Attributes
    ----------
    key : str
        Path of the key, such as "wake.k" or "areas['north'].boundary_m[2][0]".
    a, b : str
        What stands there in either campaign, in short.
    more : int
        Further entries of the same list that differ.
    """

    key: str
    a: str
    b: str
    more: int = 0


def first_difference(a: BaseModel, b: BaseModel) -> str | None:
    """First difference that shapes results, in the order of the file.

    Parameters
    ----------
    a : Campaign
        The campaign that made a results file.
    b : Campaign
        The campaign asked for now.

    Returns
    -------
    str or None
        Such as "turbine_types[3].rated_power_MW: 13.0 in the file, 13000.0 in the campaign".
    """
    change = next(_differences("", shaping(a), shaping(b)), None)
    return None if change is None else f"{change.key}: {change.a} in the file, {change.b} in the campaign"


def differences(a: BaseModel, b: BaseModel) -> Iterator[Change]:
    """Yield all differences that shape results, in the order of the file, areas and turbine types by name.

    Lists of other things make one difference each.
    """
    yield from _by_name("", shaping(a), shaping(b))


def _by_name(path: str, a: Any, b: Any) -> Iterator[Change]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            inner = f"{path}.{key}" if path else key
            yield from _by_name(inner, a.get(key, _ABSENT), b.get(key, _ABSENT))
    elif _have_names(a) and _have_names(b):
        named_a, named_b = ({entry["name"]: entry for entry in entries} for entries in (a, b))
        for name in dict.fromkeys([*named_a, *named_b]):
            yield from _by_name(f"{path}[{name!r}]", named_a.get(name, _ABSENT), named_b.get(name, _ABSENT))
        order_a = [name for name in named_a if name in named_b]
        order_b = [name for name in named_b if name in named_a]
        if order_a != order_b:
            yield Change(f"order of {path}", _brief_names(order_a), _brief_names(order_b))
    else:
        found = list(_differences(path, a, b))
        yield from (replace(change, more=len(found) - 1) for change in found[:1])


def _have_names(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(entry, dict) and "name" in entry for entry in values)


def _differences(path: str, a: Any, b: Any) -> Iterator[Change]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            inner = f"{path}.{key}" if path else key
            yield from _differences(inner, a.get(key, _ABSENT), b.get(key, _ABSENT))
    elif isinstance(a, list) and isinstance(b, list):
        for i in range(max(len(a), len(b))):
            pair = (values[i] if i < len(values) else _ABSENT for values in (a, b))
            yield from _differences(f"{path}[{i}]", *pair)
    elif a != b:
        yield Change(path, _brief(a), _brief(b))


def _brief_names(names: list[str]) -> str:
    return f"{', '.join(map(repr, names[:3]))}{', ...' if len(names) > 3 else ''}"


def _brief(value: Any) -> str:
    if value is _ABSENT:
        return "missing"
    if isinstance(value, dict):
        return repr(value["name"]) if "name" in value else "{" + ", ".join(value) + "}"
    if isinstance(value, list) and len(value) > 2:
        return f"a list of {len(value)}"
    if isinstance(value, str) and len(value) > _LONG_TEXT:
        return f"a text of {len(value):,} characters"
    return repr(value)
