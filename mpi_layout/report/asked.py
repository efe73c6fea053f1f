"""What the campaign asks for: areas, turbine types, wind, wakes, and how layouts are found."""

import inspect

import numpy as np
import shapely

from mpi_layout.campaign import Campaign
from mpi_layout.campaign.site_spec import SeriesSpec, TableSpec, WeibullSpec
from mpi_layout.named_model import model_text
from mpi_layout.optimise.problem import Problem
from mpi_layout.report.blocks import Block, Cell, Column, Facts, Section, Table
from mpi_layout.report.words import MOST_ROWS, left_out, number, number_text, several, span
from mpi_layout.site.wind import FlowCases


def campaign_section(campaign: Campaign, pictures: tuple[Block, ...]) -> Section:
    """What was asked, with pictures of the areas."""
    blocks = (Facts(_facts(campaign)), _areas(campaign), *pictures, _turbine_types(campaign))
    return Section("campaign", "Campaign", blocks)


# ---------------------------------------------------------------- facts


def _facts(campaign: Campaign) -> list[tuple[str, str]]:
    problem, configs = campaign.problem(0), campaign.configs
    n_seeds = len(configs.seeds)
    asked = (
        f"{several(len(campaign.areas), 'area')} \N{MULTIPLICATION SIGN} "
        f"{several(len(campaign.turbine_types), 'turbine type')} \N{MULTIPLICATION SIGN} "
        f"{several(n_seeds, 'seed')} = {len(configs):,}"
    )
    facts = [("Name", campaign.name)]
    if campaign.description:
        facts.append(("Description", campaign.description))
    facts += [
        ("Configs", asked),
        ("Seeds", span(configs.seeds).replace(",", "")),
        ("Turbines of a layout", _turbines(campaign)),
        *_wind(campaign, problem),
        ("Wake model", model_text(problem.model)),
    ]
    if source := _source(problem.model):
        facts.append(("Source of the wake model", source))
    if problem.neighbours is not None:
        facts.append(("Neighbours", several(problem.neighbours.x.size, "turbine") + " of other farms"))
    return [*facts, ("Objective", _objective(campaign)), *_search(campaign)]


def _turbines(campaign: Campaign) -> str:
    counts = span(kind.n_turbines for kind in campaign.configs.kinds)
    if campaign.target_capacity_MW is None:
        return counts
    return f"{counts}, for {campaign.target_capacity_MW:,.6g} MW together"


def _wind(campaign: Campaign, problem: Problem) -> list[tuple[str, str]]:
    cases = problem.site.flow_cases()
    _, speed, turbulence, probability = cases.by_direction()
    together = probability.sum()
    mean = float(probability @ speed / together) if together > 0 else np.nan
    facts = [
        ("Site", _site(campaign)),
        ("Flow cases", _flow_cases(cases)),
        ("Mean speed of the flow cases", f"{number_text(mean, 2)} m/s"),
        ("Turbulence intensity", span(turbulence, 3)),
        ("Air density", f"{number_text(problem.site.air_density, 4)} kg/m\N{SUPERSCRIPT THREE}"),
    ]
    if cases.reference_height is not None:
        shear = f"speeds are those {cases.reference_height:g} m high, exponent {cases.shear_exponent:g}"
        facts.append(("Wind shear", shear))
    return facts


def _site(campaign: Campaign) -> str:
    site = campaign.site
    if isinstance(site, WeibullSpec):
        return f"Weibull, {several(len(site.wind_direction_deg), 'sector')}, looked up {site.lookup}"
    if isinstance(site, TableSpec):
        return f"table of {several(len(site.wind_direction_deg), 'direction')}"
    return "time series" if isinstance(site, SeriesSpec) else "windIO energy resource"


def _flow_cases(cases: object) -> str:
    count, speed, _, _ = cases.by_direction()  # type: ignore[attr-defined]
    speeds = f"{span(speed, 1)} m/s"
    if isinstance(cases, FlowCases):
        n_directions, n_speeds = cases.probability.shape
        return f"{n_directions:,} directions \N{MULTIPLICATION SIGN} {n_speeds:,} speeds, {speeds}"
    return f"{int(count.sum()):,} from {several(count.size, 'direction')}, {speeds}"


def _source(model: object) -> str:
    """What the model is, from its documentation: the text between its first line and its parameters."""
    text, _, _ = (inspect.getdoc(type(model)) or "").partition("Attributes\n")
    return " ".join(text.partition("\n")[2].split())


def _objective(campaign: Campaign) -> str:
    objective = campaign.objective
    if isinstance(objective, str):
        return "AEP"
    if objective.function:
        return f"the Python function {objective.function}, maximised"
    return "worth of the energy at given prices"


def _search(campaign: Campaign) -> list[tuple[str, str]]:
    start = campaign.start
    columns, rows = start.grid
    told = f"smart start on a grid of {columns:,} \N{MULTIPLICATION SIGN} {rows:,}, one of the best "
    told += f"{start.best_percent:g} % of the free points"
    if start.layouts_m:
        told += f"; {several(len(start.layouts_m), 'given layout')}"
    budgets = [f"{name} {budget:,}" for name, budget in vars(campaign.refine).items() if budget]
    refined = f"{', '.join(budgets)} (evaluations)" if budgets else "none"
    return [("Start", told), ("Refinement", refined)]


# ---------------------------------------------------------------- tables


def _areas(campaign: Campaign) -> Table:
    n_per_area = len(campaign.configs) // len(campaign.areas)
    capacities = [kind.n_turbines * kind.rated_power / 1e6 for kind in campaign.configs.kinds]
    rows = []
    for index, spec in enumerate(campaign.areas[:MOST_ROWS]):
        area = campaign.problem(index * n_per_area).area
        west, south, east, north = area.bounds
        parts = shapely.get_parts(area.geometry)
        surface = area.surface / 1e6
        rows.append(
            [
                Cell(spec.name, note=spec.description or ""),
                number(surface, 2),
                number((east - west) / 1e3, 2),
                number((north - south) / 1e3, 2),
                number(parts.size),
                number(int(shapely.get_num_interior_rings(parts).sum())),
                Cell(span([c / surface for c in capacities], 2), max(capacities) / surface),
            ]
        )
    km = "km"
    columns = [
        Column("area", number=False),
        Column("surface", "km\N{SUPERSCRIPT TWO}"),
        Column("west to east", km),
        Column("south to north", km),
        Column("parts"),
        Column("holes"),
        Column("power density", "MW/km\N{SUPERSCRIPT TWO}"),
    ]
    return Table("Areas", columns, rows, left_out(len(campaign.areas), "areas"))


def _turbine_types(campaign: Campaign) -> Table:
    n_seeds = len(campaign.configs.seeds)
    rows = []
    for index, spec in enumerate(campaign.turbine_types[:MOST_ROWS]):
        kind, problem = campaign.configs.kinds[index], campaign.problem(index * n_seeds)
        swept = np.pi / 4 * kind.rotor_diameter**2
        rows.append(
            [
                Cell(spec.name, note=spec.description or ""),
                number(kind.rated_power / 1e6, 2),
                number(kind.rotor_diameter, 1),
                number(problem.turbine.hub_height, 1),
                number(kind.rated_power / swept, 1),
                number(kind.n_turbines),
                number(kind.n_turbines * kind.rated_power / 1e6, 1),
                Cell(str(problem.spacing), problem.spacing.most),
            ]
        )
    columns = [
        Column("turbine type", number=False),
        Column("rated power", "MW"),
        Column("rotor diameter", "m"),
        Column("hub height", "m"),
        Column("specific power", "W/m\N{SUPERSCRIPT TWO}"),
        Column("turbines of a layout"),
        Column("capacity of a layout", "MW"),
        Column("min spacing"),
    ]
    note = left_out(len(campaign.turbine_types), "turbine types")
    return Table("Turbine types", columns, rows, note)
