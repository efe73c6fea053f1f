"""One farm with many starts: the campaign that `optimise` makes of a windIO system and a few options."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mpi_layout.campaign import load_campaign
from mpi_layout.campaign.system import plain_name
from mpi_layout.errors import InputError
from mpi_layout.formats.layouts import Layout, read_windio_layouts
from mpi_layout.formats.safe_yaml import inline_yaml
from mpi_layout.formats.windio import SYSTEM, check_windio
from mpi_layout.formats.windio_area import read_windio_outlines
from mpi_layout.formats.windio_model import read_windio_model
from mpi_layout.formats.windio_system import windio_turbines
from mpi_layout.formats.windio_turbine import read_windio_turbine
from mpi_layout.formats.yaml_include import load_with_includes
from mpi_layout.named_model import named_model
from mpi_layout.optimise.problem import Problem
from mpi_layout.optimise.rules import Rules
from mpi_layout.optimise.start import SmartStart
from mpi_layout.printable import clipped
from mpi_layout.results.layouts import results_neighbours

# Where neither a campaign nor an option says something else.
MIN_SPACING_D = 2.0
REFINE = "thorough"
_MOST_POINTS = 60  # of the start's grid, along each axis


@dataclass(frozen=True)
class Wishes:
    """What is asked of `optimise` beside the file; None for what the file, or a default, decides.

    Attributes
    ----------
    starts, first_seed : int
        How many layouts are optimised, and the seed of the first one.
    turbines : int, optional
        Of each layout.
    min_spacing_D : float, optional
        Rotor diameters.
    model : str, optional
        Usual name of the wake model.
    model_parameters : dict
        Its parameters that differ from its defaults.
    refine : str, optional
        Name of the budgets of refinement.
    """

    starts: int
    first_seed: int = 0
    turbines: int | None = None
    min_spacing_D: float | None = None
    model: str | None = None
    model_parameters: Mapping[str, Any] | None = None
    refine: str | None = None


@dataclass(frozen=True)
class OneFarm:
    """A farm to be optimised.

    Attributes
    ----------
    text : str
        The campaign (YAML); names of files in it are relative to the folder of the given file.
    system : dict or None
        Plain values of the windIO system; None if the file is a campaign.
    given : tuple of Layout
        Layouts of the system.
    notes : tuple of str
        What the system asks for and is not computed, a line each.
    """

    text: str
    system: Mapping[str, Any] | None = None
    given: tuple[Layout, ...] = ()
    notes: tuple[str, ...] = ()


def one_farm(path: Path, wishes: Wishes) -> OneFarm:
    """Farm of a windIO system, or of a campaign with one area and one turbine type.

    Parameters
    ----------
    path : Path
        The file.
    wishes : Wishes
        What is asked beside it.

    Raises
    ------
    InputError
        Naming the file or the option and what is wrong with it.
    """
    data = load_with_includes(path, "system or campaign")
    if isinstance(data, dict) and "wind_farm" in data:
        return _of_system(path, data, wishes)
    return _of_campaign(path, data if isinstance(data, dict) else {}, wishes)


def _of_campaign(path: Path, data: dict[str, Any], wishes: Wishes) -> OneFarm:
    values = {"refine": REFINE} | {key: value for key, value in data.items() if value is not None}
    if wishes.turbines is not None:
        values.pop("target_capacity_MW", None)
    text = _text(path, values | _asked(wishes), wishes)
    kinds = load_campaign(path, text=text, results_layout=results_neighbours).configs.kinds
    if len(kinds) > 1:
        raise InputError(
            f"{path}: has {len(kinds)} pairs of an area and a turbine type, wants one; "
            f"all of them are computed by: mpi-layout run {path}"
        )
    return OneFarm(text)


def _of_system(path: Path, system: dict[str, Any], wishes: Wishes) -> OneFarm:
    check_windio(system, SYSTEM, str(path))
    ((_, place, turbine),) = _turbines(path, system["wind_farm"])
    rotor_diameter = read_windio_turbine(turbine, f"{path}: wind_farm.{place}").rotor_diameter
    given = _layouts(path, system["wind_farm"], optional=wishes.turbines is not None)
    choice = read_windio_model(system.get("attributes", {}))
    values = {
        "name": plain_name(system["name"], "farm"),
        "system": path.name,
        "n_turbines": _n_turbines(path, given) if wishes.turbines is None else None,
        "min_spacing_D": MIN_SPACING_D,
        "wake": _wake(choice.name, choice.parameters, f"{path}: attributes.analysis"),
        "refine": REFINE,
    } | _asked(wishes)
    values["start"] = {
        "grid": _grid(path, system["site"], values["min_spacing_D"] * rotor_diameter),
        "layouts_m": _starts(given, wishes.turbines),
    }
    notes = choice.notes if wishes.model is None else ()
    return OneFarm(_text(path, values, wishes), system, given, notes)


def _turbines(path: Path, farm: dict[str, Any]) -> list[tuple[str, str, Any]]:
    types = windio_turbines(farm, f"{path}: wind_farm")
    if len(types) > 1:
        names = ", ".join(key for key, _, _ in types)
        raise InputError(
            f"{path}: wind_farm.turbine_types: wants one turbine type, has {len(types)}: {names}"
        )
    return types


def _layouts(path: Path, farm: dict[str, Any], *, optional: bool) -> tuple[Layout, ...]:
    """Layouts of the farm; a farm yet without turbines has none."""
    layouts = farm["layouts"]
    coordinates = layouts.get("coordinates", {}) if isinstance(layouts, dict) else layouts
    empty = not coordinates or (isinstance(layouts, dict) and not coordinates.get("x"))
    if empty and not optional:
        raise InputError(f"{path}: wind_farm.layouts: has no turbines; say how many with --turbines")
    return () if empty else read_windio_layouts(farm, f"{path}: wind_farm")


def _n_turbines(path: Path, given: tuple[Layout, ...]) -> int:
    counts = sorted({layout.x.size for layout in given})
    if len(counts) > 1:
        raise InputError(
            f"{path}: wind_farm.layouts: have {counts[0]} to {counts[-1]} turbines; "
            "say how many with --turbines"
        )
    return counts[0]


def _starts(given: tuple[Layout, ...], turbines: int | None) -> list[list[list[float]]] | None:
    """Layouts that the first starts begin with: the given ones that have as many turbines."""
    fitting = [layout for layout in given if turbines in (None, layout.x.size)]
    return [np.column_stack([layout.x, layout.y]).tolist() for layout in fitting] or None


def _grid(path: Path, site: dict[str, Any], spacing: float) -> list[int]:
    """Columns and rows of the start's grid: those of the usual one, or half the spacing if finer."""
    points = np.concatenate(read_windio_outlines(site, f"{path}: site").polygons)
    extent = points.max(axis=0) - points.min(axis=0)
    finer = np.minimum(np.ceil(2 * extent / spacing) + 1, _MOST_POINTS).astype(int)
    return [max(usual, fine) for usual, fine in zip(SmartStart().grid, finer.tolist(), strict=True)]


def _asked(wishes: Wishes) -> dict[str, Any]:
    """Sections that the options give."""
    wake = None
    if wishes.model is not None:
        wake = _wake(wishes.model, wishes.model_parameters or {}, "--model")
    asked = {
        "seeds": {"first": wishes.first_seed, "count": wishes.starts},
        "n_turbines": wishes.turbines,
        "min_spacing_D": wishes.min_spacing_D,
        "wake": wake,
        "refine": wishes.refine,
    }
    return {key: value for key, value in asked.items() if value is not None}


def _wake(name: str, parameters: Mapping[str, Any], where: str) -> dict[str, Any]:
    named_model(name, parameters, where)  # tells what is wrong
    turbulence = parameters.get("turbulence")
    named = {"turbulence": {"model": turbulence}} if isinstance(turbulence, str) else {}
    return {"model": name, **parameters, **named}


def _text(path: Path, values: Mapping[str, Any], wishes: Wishes) -> str:
    head = f"# Made by mpi-layout optimise: {wishes.starts} starts of the farm in {clipped(path.name)}.\n"
    # Flow style within sections: what the loader reads as text stands in quotes.
    lines = [inline_yaml({key: value})[1:-1] for key, value in values.items() if value is not None]
    return head + "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class GivenEnergy:
    """What a layout that came with the farm gives.

    Attributes
    ----------
    name : str
        Of the layout.
    aep, wake_loss : float
        GWh; a share of the gross AEP.
    fault : str or None
        Which rule it breaks.
    """

    name: str
    aep: float
    wake_loss: float
    fault: str | None


def energies_given(farm: OneFarm, problem: Problem) -> list[GivenEnergy]:
    """Energies of the given layouts that have the problem's number of turbines, in its wind and wakes."""
    found = []
    for layout in farm.given:
        if layout.x.size == problem.n_turbines:
            energy = problem.farm().aep(layout.x, layout.y)
            fault = Rules(problem.area, problem.spacing).fault(layout.x, layout.y)
            found.append(GivenEnergy(layout.name, energy.aep, energy.wake_loss, fault))
    return found
