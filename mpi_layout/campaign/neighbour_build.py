"""From the neighbours of the file to turbines of other farms, in SI units."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mpi_layout.campaign.included import Included
from mpi_layout.campaign.neighbour_spec import LayoutFileSpec, NeighbourSpec, PositionsSpec, ResultsRowSpec
from mpi_layout.campaign.turbine_build import silent, turbine_of
from mpi_layout.campaign.turbine_spec import TurbineFileSpec, TurbineSpec
from mpi_layout.errors import InputError
from mpi_layout.formats.faults import validated
from mpi_layout.formats.layouts import Layout, csv_layouts, type_numbers
from mpi_layout.formats.safe_yaml import shown
from mpi_layout.formats.windio_system import read_windio_farm
from mpi_layout.site.turbine import Turbine
from mpi_layout.wake.farm import Neighbours


def neighbours_of(
    specs: Sequence[NeighbourSpec], turbine_types: Mapping[str, Turbine], air_density: float
) -> Neighbours:
    """All neighbours of their sections, which have no faults.

    Parameters
    ----------
    specs : sequence of NeighbourSpec
        The groups.
    turbine_types : dict of Turbine
        Those of the campaign by name, in standard air.
    air_density : float
        Of the site, kg/m3.
    """
    all_of_them = joined(group_of(spec, turbine_types) for spec in specs)
    types = tuple(turbine.at_air_density(air_density) for turbine in all_of_them.turbine_types)
    return replace(all_of_them, turbine_types=types)


def joined(groups: Iterable[Neighbours]) -> Neighbours:
    """One group of several."""
    x, y, type_of = [], [], []
    number: dict[Turbine, int] = {}
    for group in groups:
        own = [number.setdefault(turbine, len(number)) for turbine in group.turbine_types]
        x.append(group.x)
        y.append(group.y)
        type_of.append(np.array(own, dtype=np.intc)[group.type_of])
    return Neighbours(np.concatenate(x), np.concatenate(y), tuple(number), np.concatenate(type_of))


def group_of(
    spec: NeighbourSpec, turbine_types: Mapping[str, Turbine], warn: Callable[[str], None] = silent
) -> Neighbours:
    """Neighbours of one section.

    Parameters
    ----------
    spec : PositionsSpec, LayoutFileSpec or ResultsRowSpec
        Its own turbine type has no faults.
    turbine_types : dict of Turbine
        Those of the campaign by name.
    warn : callable
        Told what is odd but allowed in a windIO file.

    Raises
    ------
    InputError
        If two stand at the same place, a type is not known, or with what is wrong in a file.
    """
    if isinstance(spec, LayoutFileSpec):
        layout, types = _of_file(spec, turbine_types, warn)
    else:
        positions = positions_of(spec) if isinstance(spec, ResultsRowSpec) else spec
        points = np.array(positions.positions_m)
        layout = Layout("positions_m", "positions_m", points[:, 0], points[:, 1])
        types = _types(positions.turbine_type, turbine_types)
    used, type_of = np.unique(type_numbers(layout, types), return_inverse=True)
    known = tuple(types.values())
    return Neighbours(layout.x, layout.y, tuple(known[i] for i in used), type_of.astype(np.intc))


def positions_of(spec: ResultsRowSpec) -> PositionsSpec:
    """Positions and turbine type that a row of a results file gave.

    Raises
    ------
    InputError
        If the text of the campaign has been harmed.
    """
    return validated(PositionsSpec, spec.results.content, spec.results.name)


def positions_values(x: Iterable[float], y: Iterable[float], turbine_type: TurbineSpec) -> dict[str, Any]:
    """Plain values that `positions_of` reads, of turbines at x, y in m."""
    section = turbine_type.model_dump(exclude_none=True)
    if isinstance(turbine_type, TurbineFileSpec):
        section["file"] = {turbine_type.file.name: turbine_type.file.content}
    return {
        "positions_m": [[float(a), float(b)] for a, b in zip(x, y, strict=True)],
        "turbine_type": section,
    }


def _of_file(
    spec: LayoutFileSpec, turbine_types: Mapping[str, Turbine], warn: Callable[[str], None]
) -> tuple[Layout, Mapping[str, Turbine]]:
    if isinstance(spec.file.content, str):
        layouts, types = (
            csv_layouts(spec.file.content, spec.file.name),
            _types(spec.turbine_type, turbine_types),
        )
    elif spec.turbine_type is not None:
        raise InputError(f"{spec.file.name}: has turbine types of its own; turbine_type is for a table")
    else:
        layouts, types = _windio(spec.file, warn)
    if len(layouts) > 1:
        raise InputError(f"{spec.file.name}: wants one layout of neighbours, has {len(layouts)}")
    return layouts[0], types


def _windio(file: Included, warn: Callable[[str], None]) -> tuple[tuple[Layout, ...], Mapping[str, Turbine]]:
    if not isinstance(file.content, dict):
        raise InputError(f"{file.name}: wants a table or a windIO wind_farm, has {shown(file.content)}")
    return read_windio_farm(file.content, f"{file.name}: wind_farm", warn)


def _types(chosen: str | TurbineSpec | None, turbine_types: Mapping[str, Turbine]) -> Mapping[str, Turbine]:
    """Types that turbines can be of, by name: the chosen one, or all of the campaign."""
    if chosen is None:
        return turbine_types
    if not isinstance(chosen, str):
        return {chosen.name: turbine_of(chosen)}
    if chosen not in turbine_types:
        known = ", ".join(turbine_types)
        raise InputError(f"turbine_type: no turbine type is called {chosen!r}; known are {known}")
    return {chosen: turbine_types[chosen]}
