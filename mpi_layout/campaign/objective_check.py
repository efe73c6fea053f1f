"""What is wrong or odd in an objective whose single values are well-formed.

Faults: an empty section; a function without its file, or the other way round; a file that is no Python or
does not define the function (it is read, not run); prices of which there are not as many as directions,
speeds or steps, that are negative without leave, or nowhere above zero; prices step by step where the wind is
no time series.

Warnings: a function that no refinement asks about.
"""

from collections.abc import Iterator

from mpi_layout.campaign.objective_build import prices_of
from mpi_layout.campaign.objective_spec import ObjectiveSpec, PriceSpec
from mpi_layout.campaign.site_spec import SiteSpec
from mpi_layout.errors import InputError
from mpi_layout.formats.faults import Fault
from mpi_layout.optimise.user_code import text_fault
from mpi_layout.site.flaws import WindError
from mpi_layout.site.price import priced
from mpi_layout.site.wind import Site

_PRICE = ("objective", "price")


def faults(
    spec: str | ObjectiveSpec | None, site_spec: SiteSpec | None, site: Site | None
) -> Iterator[Fault]:
    """Yield every fault that single values do not show; those of prices only where the site has none."""
    if not isinstance(spec, ObjectiveSpec):
        return
    if spec == ObjectiveSpec():
        yield Fault(("objective",), "wants price, or file and function, or both; has neither")
    if (spec.file is None) != (spec.function is None):
        missing = "file" if spec.file is None else "function"
        yield Fault(("objective", missing), "is missing: file and function belong together")
    elif spec.file is not None and (text := text_fault(spec.file.content, spec.function or "")):
        yield Fault(("objective", "file"), f"{spec.file.name}: {text}")
    if spec.price is not None:
        yield from _form_faults(spec.price) or _price_faults(spec.price, site_spec, site)


def warnings(spec: str | ObjectiveSpec | None, function_budget: int) -> Iterator[Fault]:
    """Yield what is odd in an objective without faults."""
    if isinstance(spec, ObjectiveSpec) and spec.function is not None and not function_budget:
        text = "is only told of the layouts, not maximised: refine gives its stage `function` no evaluations"
        yield Fault(("objective", "function"), text)


def _form_faults(price: PriceSpec) -> list[Fault]:
    """Keys that do not go together, and lists of different lengths."""
    axes = {"wind_direction_deg": price.wind_direction_deg, "wind_speed_m_s": price.wind_speed_m_s}
    given = {key: len(nodes) for key, nodes in axes.items() if nodes is not None}
    if (price.per_MWh is None) == (price.column is None):
        has = "neither" if price.column is None else "both"
        return [Fault(_PRICE, f"wants per_MWh or column, has {has}")]
    if price.column is not None:
        return [Fault((*_PRICE, key), "has no meaning beside column") for key in given]
    shape = _shape(price.per_MWh)
    wanted = tuple(given.values())
    if shape is None:
        return [Fault((*_PRICE, "per_MWh"), "wants lists of the same length")]
    if shape != wanted and (given or len(shape) > 1):
        what = " x ".join(f"{n} of {key}" for key, n in given.items()) or "of each step, or one number"
        has = " x ".join(map(str, shape)) or "one number"
        return [Fault((*_PRICE, "per_MWh"), f"wants prices for {what}; has {has}")]
    return []


def _shape(values: object) -> tuple[int, ...] | None:
    if not isinstance(values, tuple):
        return ()
    if not isinstance(values[0], tuple):
        return (len(values),)
    return (len(values), len(values[0])) if len({len(row) for row in values}) == 1 else None


def _price_faults(price: PriceSpec, site_spec: SiteSpec | None, site: Site | None) -> Iterator[Fault]:
    key = "per_MWh" if price.column is None else "column"
    if site_spec is None or site is None:
        return  # the site has faults of its own
    try:
        priced(site, prices_of(price, site_spec))
    except InputError as error:
        yield from (Fault((*_PRICE, key), line) for line in str(error).splitlines())
    except WindError as error:
        yield Fault(*_place(error, key))


def _place(error: WindError, key: str) -> tuple[tuple[str | int, ...], str]:
    """Key path and text of what is wrong with prices."""
    name, *indices = error.name.replace("]", "").split("[")
    keys = {"value": key, "direction": "wind_direction_deg", "speed": "wind_speed_m_s"}
    if key == "column":
        where = f"price of step {int(indices[0]) + 1} " if indices else ""
        return (*_PRICE, key), where + error.text
    return (*_PRICE, keys[name], *map(int, indices)), error.text
