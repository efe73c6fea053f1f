"""What of a results file is shown: its rows as the plain data that pictures are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, union_all

from mpi_layout.campaign import Campaign, Config
from mpi_layout.campaign.build import area_of, outlines
from mpi_layout.campaign.configs import Kind
from mpi_layout.errors import InputError
from mpi_layout.pictures.areas import AreasPicture
from mpi_layout.pictures.chart import Ground
from mpi_layout.pictures.convergence import ConvergencePicture
from mpi_layout.pictures.flow_map import FlowMapPicture
from mpi_layout.pictures.groups import Group, GroupsPicture
from mpi_layout.pictures.layout import LayoutPicture
from mpi_layout.pictures.moves import moves_of
from mpi_layout.pictures.rose import Rose
from mpi_layout.pictures.rows import (
    FARTHEST,
    LARGEST,
    Check,
    by_aep,
    each_row,
    figure_of,
    layout_name,
    refuse_many,
    refuse_unrefined,
)
from mpi_layout.pictures.seeds import SeedsPanel, SeedsPicture
from mpi_layout.printable import clipped, shortened
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Selection
from mpi_layout.results.storage.row import trace_of
from mpi_layout.site.area import open_ring
from mpi_layout.wake.flow_map import FlowCase, FlowMap

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_MOST_PANELS, _MOST_LAYOUTS, _MOST_GROUPS = 12, 5000, 400
_LEAST_SPREAD = 0.05  # of an axis, of the values of a group: with less nobody can tell them apart
_MOST_EVALUATIONS = 10**15

ANY = Selection()


def layout_picture(results: Results, config: Config, row: np.void, *, start: bool = False) -> LayoutPicture:
    """Picture of the layout in the row of a config that is done.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    config : Config
        One that is done.
    row : numpy.void
        Its row.
    start : bool
        Whether to show from where turbines moved there.

    Raises
    ------
    InputError
        If the row has numbers that no layout has, or its start cannot be told.
    """
    problem, n = results.campaign.problem(config.number), config.n_turbines
    check = Check(results)
    x, y = (check(config.number, name, row[name][:n], -FARTHEST, FARTHEST) for name in ("x", "y"))
    turbine_aep = check(config.number, "turbine_aep", row["turbine_aep"][:n], 0, LARGEST)
    gross, aep = (float(check(config.number, name, row[name], 0, LARGEST)) for name in ("gross_aep", "aep"))
    loss = float(check(config.number, "wake_loss", row["wake_loss"], -1, 1))
    return LayoutPicture(
        title=f"{layout_name(config)}\n{_worth(results, config, row)}AEP {figure_of(aep, 3)} GWh, "
        f"wake loss {100 * loss:.2f} %{_apart(config, row)}",
        ground=ground_of(results.campaign, config.area),
        x=x,
        y=y,
        wake_loss=1 - turbine_aep * n / gross if gross else np.zeros(n),
        rotor_diameter=config.rotor_diameter,
        spacing=problem.spacing,
        rose=Rose.of(problem.site.flow_cases()),
        neighbours=problem.neighbours,
        moves=moves_of(results, config, row) if start else None,
    )


def flow_map_picture(
    results: Results, config: Config, row: np.void, *, direction: float | None = None, speed: float = 10.0
) -> FlowMapPicture:
    """Picture of the wind behind the turbines of a layout.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    config : Config
        One that is done.
    row : numpy.void
        Its row.
    direction : float, optional
        Where the wind comes from, degrees; from where it comes most often by default.
    speed : float
        Free wind speed at hub height, m/s.

    Raises
    ------
    InputError
        If the row has numbers that no layout has.
    """
    x, y, case, flow = flow_of(results, config, row, direction, speed)
    power, free = flow.turbine_power()
    loss = f", wake loss {100 * (1 - power.sum() / (x.size * free)):.1f} %" if free else ""
    return FlowMapPicture(
        title=f"{layout_name(config)}\nwind from {case.direction:g}\N{DEGREE SIGN} at {speed:g} m/s: "
        f"{figure_of(power.sum() / 1e6, 1)} MW{loss}",
        ground=ground_of(results.campaign, config.area),
        x=x,
        y=y,
        rotor_diameter=config.rotor_diameter,
        case=case,
        speed=flow.speed,
        neighbours=results.campaign.problem(config.number).neighbours,
    )


def flow_of(
    results: Results, config: Config, row: np.void, direction: float | None, speed: float
) -> tuple[Floats, Floats, FlowCase, FlowMap]:
    """Give positions x, y (n,), m, of a layout, a wind, and the layout in it; parameters as above."""
    problem, check = results.campaign.problem(config.number), Check(results)
    x, y = (
        check(config.number, name, row[name][: config.n_turbines], -FARTHEST, FARTHEST) for name in ("x", "y")
    )
    cases = problem.site.flow_cases()
    case = FlowCase.like(cases, Rose.of(cases).prevailing if direction is None else direction, speed)
    turbine, model, others = problem.turbine, problem.model, problem.neighbours
    return x, y, case, FlowMap(x, y, turbine=turbine, case=case, model=model, neighbours=others)


def _worth(results: Results, config: Config, row: np.void) -> str:
    """What was maximised, where that was not the AEP."""
    if by_aep(results):
        return ""
    value = float(Check(results)(config.number, "objective", row["objective"], -LARGEST, LARGEST))
    return f"objective {value:,.8g}, "


def _apart(config: Config, row: np.void) -> str:
    """How close turbines stand, where there are several."""
    apart = float(row["min_spacing"]) / config.rotor_diameter
    return f", distances from {apart:.2f} D" if 0 <= apart < FARTHEST else ""


def ground_of(campaign: Campaign, area: str) -> Ground:
    """Area of a campaign, with what its outlines enclose besides."""
    (spec,) = (spec for spec in campaign.areas if spec.name == area)
    geometry = area_of(spec).geometry
    whole = union_all([Polygon(open_ring(ring)) for ring in outlines(spec)])
    return Ground(geometry, whole.difference(geometry))


def areas_picture(campaign: Campaign) -> AreasPicture:
    """Picture of all areas of a campaign."""
    names = tuple(shortened(spec.name, 24) for spec in campaign.areas)
    grounds = tuple(ground_of(campaign, spec.name) for spec in campaign.areas)
    n = len(names)
    return AreasPicture(f"{clipped(campaign.name, 40)}: {n} area{'s' if n > 1 else ''}", names, grounds)


def seeds_picture(results: Results, selection: Selection = ANY) -> SeedsPicture:
    """Picture of the layouts of a selection over each other, by area and turbine type.

    Raises
    ------
    InputError
        If there are none, or more than one picture can show.
    """
    configs, check = results.campaign.configs, Check(results)
    refuse_many(results, selection, _MOST_PANELS)
    layouts: dict[int, list[Floats]] = {}
    best: dict[int, _Leader] = {}
    n_layouts = 0
    for number, row in each_row(results, selection):
        kind, n = number // len(configs.seeds), configs[number].n_turbines
        at = [check(number, name, row[name][:n], -FARTHEST, FARTHEST) for name in ("x", "y")]
        own = layouts.setdefault(kind, [])
        value = float(check(number, "objective", row["objective"], -LARGEST, LARGEST))
        if kind not in best or value > best[kind].value:
            aep = float(check(number, "aep", row["aep"], 0, LARGEST))
            best[kind] = _Leader(value, len(own), configs[number].seed, aep)
        own.append(np.column_stack(at))
        n_layouts += 1
        if n_layouts > _MOST_LAYOUTS:
            raise InputError(
                f"{results.path}: a picture shows {_MOST_LAYOUTS:,} layouts at most; choose some with --only"
            )
    panels = [
        SeedsPanel(
            title=f"{_named(configs.kinds[kind])}\n{best[kind].told}",
            ground=ground_of(results.campaign, configs.kinds[kind].area),
            layouts=own,
            best=best[kind].place,
        )
        for kind, own in layouts.items()
    ]
    count = "1 layout" if n_layouts == 1 else f"{n_layouts:,} layouts"
    return SeedsPicture(
        f"{clipped(results.campaign.name, 40)}: {count}", panels, _best_name(results, "best layout")
    )


def distribution_picture(results: Results, selection: Selection = ANY) -> GroupsPicture:
    """Picture of the AEP of a selection of configs, by area and turbine type.

    Raises
    ------
    InputError
        If there are none, or areas and turbine types are more than one picture can show.
    """
    check = Check(results)

    def energy(number: int, row: np.void) -> tuple[float, float]:
        worth = check(number, "objective", row["objective"], -LARGEST, LARGEST)
        return float(check(number, "aep", row["aep"], 0, LARGEST)), float(worth)

    groups = _groups(results, _by_kind(results, selection, energy), unit="GWh")
    best = _best_name(results, "best")
    if _fit_one_axis(groups):
        groups = [replace(group, note="") for group in groups]
        return GroupsPicture(_title(results, "AEP", groups), "AEP (GWh)", groups, best)
    groups = [replace(group, values=100 * (group.values / group.top - 1)) for group in groups]
    label = "AEP over that of the best of the same area and turbine type (%)"
    best = f"{best}, and its AEP"
    return GroupsPicture(_title(results, "AEP", groups), label, groups, best, from_zero=True)


def gain_picture(results: Results, selection: Selection = ANY) -> GroupsPicture:
    """Picture of what refinement has added to the start layouts, by area and turbine type.

    Raises
    ------
    InputError
        If nothing was refined, no config is chosen, or areas and turbine types are more
        than one picture can show.
    """
    refuse_unrefined(results)
    check = Check(results)

    def gain(number: int, row: np.void) -> tuple[float, float]:
        values = [
            check(number, name, row[name], -LARGEST, LARGEST) for name in ("start_objective", "objective")
        ]
        start, end = map(float, values)
        if not start > 0:
            raise InputError(
                f"{results.path}: {results.key(number)}: a gain in % wants a start_objective above zero, "
                f"has {start:g}"
            )
        return 100 * (end / start - 1), end / start

    groups = _groups(results, _by_kind(results, selection, gain))
    measure = "AEP" if by_aep(results) else "objective"
    label = f"gain of refinement (% of the {measure} of the start layout)"
    return GroupsPicture(_title(results, "gain", groups), label, groups, "largest gain", from_zero=True)


def convergence_picture(results: Results, selection: Selection = ANY) -> ConvergencePicture:
    """Picture of the searches of a selection of configs.

    Configs of one area and turbine type are compared by their AEP, others by their gains. The one of the
    highest objective, or of the largest gain, stands out.

    Raises
    ------
    InputError
        If there are none, or nothing was refined.
    """
    refuse_unrefined(results)
    configs, check = results.campaign.configs, Check(results)
    traces, worths, kinds = [], list[float](), set[int]()
    for number, row in each_row(results, selection):
        evaluations, aep = trace_of(row)
        if not evaluations.size:
            continue  # salvaged: nobody knows how it was found
        check(number, "trace_evaluations", evaluations, 1, _MOST_EVALUATIONS)
        check(number, "trace_aep", aep, np.nextafter(0, 1), LARGEST)
        if (np.diff(evaluations) < 0).any():
            raise InputError(f"{results.path}: {results.key(number)}: trace_evaluations fall; they only rise")
        traces.append((evaluations, aep))
        worths.append(float(check(number, "objective", row["objective"], -LARGEST, LARGEST)))
        kinds.add(number // len(configs.seeds))
    if not traces:
        raise InputError(f"{results.path}: no trace tells how the chosen layouts were found")
    count = "1 config" if len(traces) == 1 else f"{len(traces):,} configs"
    title = f"{clipped(results.campaign.name, 40)}: {count}{_which(configs.kinds, kinds)}"
    if len(kinds) > 1:
        gains = [aep[-1] / aep[0] for _, aep in traces]
        return ConvergencePicture(title, traces, int(np.argmax(gains)), "largest gain", gains=True)
    return ConvergencePicture(title, traces, int(np.argmax(worths)), _best_name(results, "best"), gains=False)


class _Leader(NamedTuple):
    value: float
    place: int
    seed: int
    aep: float

    @property
    def told(self) -> str:
        return f"best: seed {self.seed}, {figure_of(self.aep, 1)} GWh"


def _by_kind(
    results: Results, selection: Selection, value: Callable[[int, np.void], tuple[float, float]]
) -> dict[int, Floats]:
    """Values of a selection of configs and what they are compared by, (n, 2), by the number of their kind."""
    kinds = refuse_many(results, selection, _MOST_GROUPS)
    values: dict[int, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for number, row in each_row(results, selection):
        values[number // len(results.campaign.configs.seeds)].append(value(number, row))
    return {kind: np.array(found).reshape(-1, 2) for kind, found in values.items()}


def _groups(results: Results, values: Mapping[int, Floats], unit: str = "") -> list[Group]:
    """Panels of areas with rows of turbine types; one panel of areas where there is one type alone."""
    kinds = [results.campaign.configs.kinds[kind] for kind in values]
    one_type = len({kind.turbine_type for kind in kinds}) == 1
    groups = []
    for kind, found in zip(kinds, values.values(), strict=True):
        panel, line = (kind.turbine_type, kind.area) if one_type else (kind.area, kind.turbine_type)
        best = int(found[:, 1].argmax()) if len(found) else -1
        note = f"{figure_of(found[best, 0], 1)} {unit}" if unit and len(found) else ""
        groups.append(Group(panel, line, found[:, 0], best, note))
    return groups


def _fit_one_axis(groups: Sequence[Group]) -> bool:
    """Whether an axis with all values still shows how those of a group differ."""
    spreads = [np.ptp(group.values) for group in groups if group.values.size > 1]
    if not spreads or not all(group.top > 0 for group in groups if group.values.size):
        return True
    return bool(np.median(spreads) >= _LEAST_SPREAD * np.ptp(np.concatenate([g.values for g in groups])))


def _title(results: Results, what: str, groups: Sequence[Group]) -> str:
    count = sum(group.values.size for group in groups)
    configs = "1 config" if count == 1 else f"{count:,} configs"
    return f"{clipped(results.campaign.name, 40)}: {what} of {configs}"


def _best_name(results: Results, name: str) -> str:
    """What the legend calls the best: by what, where that is not the AEP."""
    return name if by_aep(results) else f"{name}, by the objective"


def _which(kinds: Sequence[Kind], shown: set[int]) -> str:
    """Which kinds of configs are shown, if there are others."""
    if len(shown) > 1:
        return f" of {len(shown)} pairs of area and turbine type"
    kind = kinds[min(shown)]
    return f" of {_named(kind)}" if len(kinds) > 1 else ""


def _named(kind: Kind) -> str:
    return f"{shortened(kind.area, 18)}, {shortened(kind.turbine_type, 18)}"
