"""What of a campaign shapes its results: its digest, and how two campaigns differ."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

# Free text, and what may change between two launches of the same campaign.
_SHAPES_NOTHING: dict[str, Any] = {
    "description": True,
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
    return next(_differences("", shaping(a), shaping(b)), None)


def _differences(path: str, a: Any, b: Any) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            inner = f"{path}.{key}" if path else key
            yield from _differences(inner, a.get(key, _ABSENT), b.get(key, _ABSENT))
    elif isinstance(a, list) and isinstance(b, list):
        for i in range(max(len(a), len(b))):
            pair = (values[i] if i < len(values) else _ABSENT for values in (a, b))
            yield from _differences(f"{path}[{i}]", *pair)
    elif a != b:
        yield f"{path}: {_brief(a)} in the file, {_brief(b)} in the campaign"


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
