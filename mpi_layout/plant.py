"""What `evaluate` works on: wind, turbine types, layouts and a wake model, from whatever file has them.

A windIO system has them all. A campaign has no layouts; a results file has those of its configs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mpi_layout.campaign import Campaign, load_campaign
from mpi_layout.errors import InputError
from mpi_layout.formats.layouts import Layout, read_csv_layouts, read_windio_layouts, type_numbers
from mpi_layout.formats.windio_model import read_windio_model
from mpi_layout.formats.windio_system import (
    load_windio_farm,
    read_windio_farm,
    read_windio_system,
    windio_turbines,
)
from mpi_layout.formats.yaml_include import load_with_includes
from mpi_layout.named_model import named_model
from mpi_layout.site.area import Area
from mpi_layout.site.spacing import Spacing
from mpi_layout.site.turbine import AIR_DENSITY, Turbine
from mpi_layout.site.wind import Site
from mpi_layout.wake.farm import Neighbours
from mpi_layout.wake.models import WakeModel

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, eq=False)
class Plant:
    """A wind farm, or what one may be built of.

    Attributes
    ----------
    name : str
        Its name.
    source : str
        The file that it is from.
    site : Site
        The wind.
    areas : tuple of Area
        Where turbines may stand.
    turbine_types : dict of Turbine
        By the names that layouts have for them, in air of the site's density.
    model : WakeModel
        The wake model.
    layouts : tuple of Layout
        Alternatives to each other; may be none.
    neighbours : Neighbours, optional
        Turbines of other farms.
    notes : tuple of str
        What is odd in the wind, a line each.
    model_notes : tuple of str
        What was asked of the model and is not computed, a line each.
    spacings : dict of Spacing
        What keeps turbines of a type apart, by its name; of a campaign.
    """

    name: str
    source: str
    site: Site
    areas: tuple[Area, ...]
    turbine_types: Mapping[str, Turbine]
    model: WakeModel
    layouts: tuple[Layout, ...] = ()
    neighbours: Neighbours | None = None
    notes: tuple[str, ...] = ()
    model_notes: tuple[str, ...] = ()
    spacings: Mapping[str, Spacing] = field(default_factory=dict)

    def nominal_types(self) -> dict[str, Turbine]:
        """Turbine types in air of 1.225 kg/m3, as files state them."""
        back = AIR_DENSITY**2 / self.site.air_density
        return {key: turbine.at_air_density(back) for key, turbine in self.turbine_types.items()}


def read_plant(path: Path, *, only: str = "*") -> Plant:
    """Plant of a windIO system, a campaign or a results file, told apart by their content.

    Parameters
    ----------
    path : Path
        The file.
    only : str
        Glob that the keys of a results file's layouts must match.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it.
    """
    if _is_hdf5(path):
        from mpi_layout.results.layouts import read_results_layouts  # loads h5py
        from mpi_layout.results.reader import open_reader

        return _of_campaign(open_reader(path).campaign, str(path), read_results_layouts(path, only))
    data = load_with_includes(path, "system or campaign")
    if isinstance(data, dict) and "wind_farm" in data:
        return _of_system(data, str(path))
    from mpi_layout.results.layouts import results_neighbours  # loads h5py

    return _of_campaign(load_campaign(path, results_layout=results_neighbours), str(path))


def read_layouts(path: Path, *, only: str = "*") -> tuple[Layout, ...]:
    """Layouts of a table, a results file, or a windIO wind farm or system.

    Parameters
    ----------
    path : Path
        The file: HDF5, YAML if it is named .yaml or .yml, else a table.
    only : str
        Glob that the keys of a results file's layouts must match.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it.
    """
    if _is_hdf5(path):
        from mpi_layout.results.layouts import read_results_layouts  # loads h5py

        return read_results_layouts(path, only)
    if path.suffix not in (".yaml", ".yml"):
        return read_csv_layouts(path)
    farm, where = load_windio_farm(path), str(path)
    # Elsewhere its types are known by their names, and not by the keys that it has for them.
    names = {key: str(turbine["name"]) for key, _, turbine in windio_turbines(farm, where)}
    return tuple(_renamed(layout, names) for layout in read_windio_layouts(farm, where))


def read_neighbours(path: Path, plant: Plant, *, only: str = "*") -> Neighbours:
    """Turbines of another farm, from whatever file `read_layouts` reads.

    Parameters
    ----------
    path : Path
        The file. Turbine types are its own; a table, which has none, names those of the plant.
    plant : Plant
        Whose neighbours they are.
    only : str
        Glob that the key of a results file's layout must match.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it, such as several layouts.
    """
    layouts = read_layouts(path, only=only)
    if len(layouts) > 1:
        raise InputError(f"{path}: wants one layout of neighbours, has {len(layouts)}")
    types = _turbine_types(path) or plant.turbine_types
    (layout,) = layouts
    return Neighbours(layout.x, layout.y, tuple(types.values()), type_numbers(layout, types))


def _turbine_types(path: Path) -> Mapping[str, Turbine]:
    """Turbine types of a file, by their names; none of a table."""
    if _is_hdf5(path):
        return read_plant(path).turbine_types
    if path.suffix not in (".yaml", ".yml"):
        return {}
    _, types = read_windio_farm(load_windio_farm(path), f"{path}: wind_farm")
    return {turbine.name: turbine for turbine in types.values()}


def _renamed(layout: Layout, names: Mapping[str, str]) -> Layout:
    if layout.turbine_type is None:
        return layout
    return replace(layout, turbine_type=tuple(names.get(key, key) for key in layout.turbine_type))


def _is_hdf5(path: Path) -> bool:
    if not path.is_file():
        return False  # whoever reads it in earnest says why
    try:
        with open(path, "rb") as file:
            return file.read(len(_HDF5)) == _HDF5
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _of_system(data: dict[Any, Any], where: str) -> Plant:
    system = read_windio_system(data, where)
    choice = read_windio_model(data.get("attributes", {}))
    return Plant(
        name=system.name,
        source=where,
        site=system.site,
        areas=(system.area,),
        turbine_types={
            key: turbine.at_air_density(system.site.air_density)
            for key, turbine in system.turbine_types.items()
        },
        model=named_model(choice.name, choice.parameters, f"{where}: attributes.analysis"),
        layouts=system.layouts,
        notes=_wind_notes(system.site),
        model_notes=choice.notes,
    )


def _wind_notes(site: Site) -> tuple[str, ...]:
    turbulence = float(np.max(site.flow_cases().turbulence_intensity))
    if turbulence <= 1:
        return ()
    return (f"turbulence_intensity reaches {turbulence:.3g}: it is taken as a fraction, not in percent",)


def _of_campaign(campaign: Campaign, source: str, layouts: tuple[Layout, ...] = ()) -> Plant:
    configs = campaign.configs
    problems = [campaign.problem(i * len(configs.seeds)) for i in range(len(configs.kinds))]
    return Plant(
        name=campaign.name,
        source=source,
        site=problems[0].site,
        areas=tuple({problem.area.name: problem.area for problem in problems}.values()),
        turbine_types={problem.turbine.name: problem.turbine for problem in problems},
        model=problems[0].model,
        layouts=layouts,
        neighbours=problems[0].neighbours,
        spacings={problem.turbine.name: problem.spacing for problem in problems},
    )
