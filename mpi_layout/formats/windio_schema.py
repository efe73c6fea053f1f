"""What windIO's schemas of a plant allow at each place, references between them followed."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from mpi_layout.formats.faults import Fault, Path, unknown_key
from mpi_layout.formats.safe_yaml import shown

_Place = tuple[dict[str, Any], str]  # a schema, and the file that its references start from

# Of numbers read from netCDF; windIO's functions take and give it, its schemas do not mention it.
_ATTRIBUTES = "attrs"


def key_faults(data: dict[Any, Any], schema: str) -> Iterator[Fault]:
    """Yield a fault for each key that windIO's schema of its place does not know, and where keys are missing.

    Some schemas list keys and do not say that their place has keys at all; jsonschema then accepts anything.

    Parameters
    ----------
    data : dict
        Plain values.
    schema : str
        Name of the schema that they have to follow, such as "wind_energy_system".
    """
    yield from _key_faults(data, [_top(schema)], ())


def forms(path: Path, schema: str) -> list[str]:
    """Sets of keys of which the place at a path wants one, as text."""
    places = [_top(schema)]
    for part in path:
        places = [inner for place in _meant(places) for inner in _children(place, part)]
    alternatives = (form for found, _ in _meant(places) for form in found.get("oneOf", []))
    return [", ".join(form["required"]) for form in alternatives if set(form) == {"required"}]


def _key_faults(value: Any, places: list[_Place], path: Path) -> Iterator[Fault]:
    meant = _meant(places)
    known = [key for schema, _ in meant for key in schema.get("properties", ())]
    if not isinstance(value, dict) and known and not any("type" in schema for schema, _ in meant):
        yield Fault(path, f"wants keys and values, has {shown(value)}")
    if not isinstance(value, dict | list):
        return
    free = not known and not any("additionalProperties" in schema for schema, _ in meant)
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        below = [place for one in meant for place in _children(one, key)]
        if isinstance(value, dict) and not below and not free and key != _ATTRIBUTES:
            yield Fault((*path, str(key)), unknown_key(str(key), known))
        yield from _key_faults(inner, below, (*path, key))


def _children(place: _Place, key: str | int) -> Iterator[_Place]:
    """Yield the schemas of what stands at a key or index."""
    schema, file = place
    if key in schema.get("properties", ()):
        yield schema["properties"][key], file
    elif isinstance(schema.get("additionalProperties"), dict):
        yield schema["additionalProperties"], file
    elif isinstance(key, int) and "items" in schema:
        yield schema["items"], file


def _meant(places: list[_Place]) -> list[_Place]:
    """Give schemas, what they refer to, and all alternatives that they name."""
    found = []
    for schema, file in places:
        found.append((schema, file))
        inner = [(form, file) for word in ("oneOf", "anyOf", "allOf") for form in schema.get(word, ())]
        if "$ref" in schema:
            inner.append(_referred(schema["$ref"], file))
        found += _meant(inner)
    return found


def _referred(reference: str, file: str) -> _Place:
    name, _, pointer = reference.partition("#")
    file = name.removeprefix("./") or file
    schema = _schema(file)
    for key in filter(None, pointer.split("/")):
        schema = schema[key]
    return schema, file


def _top(schema: str) -> _Place:
    return _schema(f"{schema}.yaml"), f"{schema}.yaml"


@cache
def _schema(file: str) -> dict[str, Any]:
    import windIO  # slow to load
    from windIO.schemas import schemaPath

    schema: dict[str, Any] = windIO.load_yaml(schemaPath / "plant" / file)
    return schema
