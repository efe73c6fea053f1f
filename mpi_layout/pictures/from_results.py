"""What of a results file is shown: its rows as the plain data that pictures are made of.

A results file may be anybody's: numbers that no layout, search or launch can have are refused, as a picture
of them would show nothing, or never come to an end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, union_all

from mpi_layout.campaign import Campaign, Config
from mpi_layout.campaign.build import area_of, outlines
from mpi_layout.campaign.configs import Kind
from mpi_layout.errors import InputError
from mpi_layout.optimise.refinement import NO_REFINEMENT
from mpi_layout.pictures.areas import AreasPicture
from mpi_layout.pictures.chart import Ground
from mpi_layout.pictures.convergence import ConvergencePicture
from mpi_layout.pictures.flow_map import FlowMapPicture
from mpi_layout.pictures.groups import Group, GroupsPicture
from mpi_layout.pictures.layout import LayoutPicture
from mpi_layout.pictures.rose import Rose
from mpi_layout.pictures.seeds import SeedsPanel, SeedsPicture
from mpi_layout.printable import clipped
from mpi_layout.results.reader import Results
from mpi_layout.results.row import trace_of
from mpi_layout.results.selection import Selection
from mpi_layout.site.area import open_ring
from mpi_layout.wake.flow_map import FlowCase, FlowMap

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_MOST_PANELS, _MOST_LAYOUTS, _MOST_GROUPS = 12, 5000, 400
_FARTHEST = 1e8  # m, of a coordinate
_LARGEST = 1e12  # of an energy, GWh, or of an objective
_MOST_EVALUATIONS = 10**15

ANY = Selection()


def layout_picture(results: Results, config: Config, row: np.void) -> LayoutPicture:
    """Picture of the layout in the row of a config that is done.

    Raises
    ------
    InputError
        If the row has numbers that no layout has.
    """
    problem, n = results.campaign.problem(config.number), config.n_turbines
    check = _Check(results)
    x, y = (check(config.number, name, row[name][:n], -_FARTHEST, _FARTHEST) for name in ("x", "y"))
    turbine_aep = check(config.number, "turbine_aep", row["turbine_aep"][:n], 0, _LARGEST)
    gross, aep = (float(check(config.number, name, row[name], 0, _LARGEST)) for name in ("gross_aep", "aep"))
    loss = float(check(config.number, "wake_loss", row["wake_loss"], -1, 1))
    return LayoutPicture(
        title=f"{_what(config)}\nAEP {aep:,.3f} GWh, wake loss {100 * loss:.2f} %{_apart(config, row)}",
        ground=ground_of(results.campaign, config.area),
        x=x,
        y=y,
        wake_loss=1 - turbine_aep * n / gross if gross else np.zeros(n),
        rotor_diameter=config.rotor_diameter,
        spacing=problem.spacing,
        rose=Rose.of(problem.site.flow_cases()),
        neighbours=problem.neighbours,
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
    problem, n, check = results.campaign.problem(config.number), config.n_turbines, _Check(results)
    x, y = (check(config.number, name, row[name][:n], -_FARTHEST, _FARTHEST) for name in ("x", "y"))
    cases = problem.site.flow_cases()
    case = FlowCase.like(cases, Rose.of(cases).prevailing if direction is None else direction, speed)
    others = problem.neighbours
    flow = FlowMap(x, y, turbine=problem.turbine, case=case, model=problem.model, neighbours=others)
    power, free = flow.turbine_power()
    loss = f", wake loss {100 * (1 - power.sum() / (n * free)):.1f} %" if free else ""
    return FlowMapPicture(
        title=f"{_what(config)}\nwind from {case.direction:g}\N{DEGREE SIGN} at {speed:g} m/s: "
        f"{power.sum() / 1e6:,.1f} MW{loss}",
        ground=ground_of(results.campaign, config.area),
        x=x,
        y=y,
        rotor_diameter=config.rotor_diameter,
        case=case,
        speed=flow.speed,
        neighbours=others,
    )


def _apart(config: Config, row: np.void) -> str:
    """How close turbines stand, where there are several."""
    apart = float(row["min_spacing"]) / config.rotor_diameter
    return f", distances from {apart:.2f} D" if 0 <= apart < _FARTHEST else ""


def _what(config: Config) -> str:
    turbines = "1 turbine" if config.n_turbines == 1 else f"{config.n_turbines:,} turbines"
    return (
        f"{turbines} of {config.rated_power / 1e6:.4g} MW in {clipped(config.area, 24)}, seed {config.seed}"
    )


def ground_of(campaign: Campaign, area: str) -> Ground:
    """Area of a campaign, with what its outlines enclose besides."""
    (spec,) = (spec for spec in campaign.areas if spec.name == area)
    geometry = area_of(spec).geometry
    whole = union_all([Polygon(open_ring(ring)) for ring in outlines(spec)])
    return Ground(geometry, whole.difference(geometry))


def areas_picture(campaign: Campaign) -> AreasPicture:
    """Picture of all areas of a campaign."""
    names = tuple(clipped(spec.name, 24) for spec in campaign.areas)
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
    configs, check = results.campaign.configs, _Check(results)
    _refuse_many(results, selection, _MOST_PANELS)
    layouts: dict[int, list[Floats]] = {}
    best: dict[int, _Leader] = {}
    n_layouts = 0
    for number, row in _each(results, selection):
        kind, n = number // len(configs.seeds), configs[number].n_turbines
        at = [check(number, name, row[name][:n], -_FARTHEST, _FARTHEST) for name in ("x", "y")]
        own = layouts.setdefault(kind, [])
        value = float(check(number, "objective", row["objective"], -_LARGEST, _LARGEST))
        if kind not in best or value > best[kind].value:
            aep = float(check(number, "aep", row["aep"], 0, _LARGEST))
            best[kind] = _Leader(value, len(own), configs[number].seed, aep)
        own.append(np.column_stack(at))
        n_layouts += 1
        if n_layouts > _MOST_LAYOUTS:
            raise InputError(
                f"{results.path}: a picture shows {_MOST_LAYOUTS:,} layouts at most; choose some with --only"
            )
    panels = [
        SeedsPanel(
            title=f"{_named(configs.kinds[kind])}\nbest: seed {best[kind].seed}, {best[kind].aep:,.1f} GWh",
            ground=ground_of(results.campaign, configs.kinds[kind].area),
            layouts=own,
            best=best[kind].place,
        )
        for kind, own in layouts.items()
    ]
    count = "1 layout" if n_layouts == 1 else f"{n_layouts:,} layouts"
    return SeedsPicture(f"{clipped(results.campaign.name, 40)}: {count}", panels)


def distribution_picture(results: Results, selection: Selection = ANY) -> GroupsPicture:
    """Picture of the AEP of a selection of configs, by area and turbine type.

    Raises
    ------
    InputError
        If there are none, or areas and turbine types are more than one picture can show.
    """
    check = _Check(results)
    values = _by_kind(results, selection, lambda number, row: check(number, "aep", row["aep"], 0, _LARGEST))
    return _groups_picture(results, values, "AEP (GWh)", "AEP")


def gain_picture(results: Results, selection: Selection = ANY) -> GroupsPicture:
    """Picture of what refinement has added to the start layouts, by area and turbine type.

    Raises
    ------
    InputError
        If nothing was refined, no config is chosen, or areas and turbine types are more
        than one picture can show.
    """
    _refuse_unrefined(results)
    check, aep = _Check(results), set[bool]()

    def gain(number: int, row: np.void) -> Floats:
        values = [
            check(number, name, row[name], -_LARGEST, _LARGEST) for name in ("start_objective", "objective")
        ]
        aep.add(bool(row["objective"] == row["aep"]))
        start, end = map(float, values)
        if not start > 0:
            raise InputError(
                f"{results.path}: {results.key(number)}: a gain in % wants a start_objective above zero, "
                f"has {start:g}"
            )
        return np.array(100 * (end / start - 1))

    values = _by_kind(results, selection, gain)
    measure = "AEP" if aep == {True} else "objective"
    return _groups_picture(
        results,
        values,
        f"gain of refinement (% of the {measure} of the start layout)",
        "gain",
        from_zero=True,
    )


def convergence_picture(results: Results, selection: Selection = ANY) -> ConvergencePicture:
    """Picture of the searches of a selection of configs.

    Configs of one area and turbine type are compared by their AEP, others by their gains.

    Raises
    ------
    InputError
        If there are none, or nothing was refined.
    """
    _refuse_unrefined(results)
    configs, check = results.campaign.configs, _Check(results)
    traces, kinds = [], set[int]()
    for number, row in _each(results, selection):
        evaluations, aep = trace_of(row)
        if not evaluations.size:
            continue  # salvaged: nobody knows how it was found
        check(number, "trace_evaluations", evaluations, 1, _MOST_EVALUATIONS)
        check(number, "trace_aep", aep, np.nextafter(0, 1), _LARGEST)
        if (np.diff(evaluations) < 0).any():
            raise InputError(f"{results.path}: {results.key(number)}: trace_evaluations fall; they only rise")
        traces.append((evaluations, aep))
        kinds.add(number // len(configs.seeds))
    if not traces:
        raise InputError(f"{results.path}: no trace tells how the chosen layouts were found")
    count = "1 config" if len(traces) == 1 else f"{len(traces):,} configs"
    title = f"{clipped(results.campaign.name, 40)}: {count}{_which(configs.kinds, kinds)}"
    return ConvergencePicture(title, traces, gains=len(kinds) > 1)


def _refuse_unrefined(results: Results) -> None:
    if results.campaign.refine == NO_REFINEMENT:
        raise InputError(
            f"{results.path}: nothing was refined: its campaign has no `refine`, so that all layouts are "
            "those that they started from"
        )


class _Check:
    """What refuses numbers that no config has."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def __call__(self, number: int, column: str, values: object, low: float, high: float) -> Floats:
        """Values of a column of a config as floats, if each is from low to high."""
        found = np.array(values, float)
        wrong = found[~((found >= low) & (found <= high))]
        if wrong.size:
            raise InputError(
                f"{self._results.path}: {self._results.key(number)}: {column} is {wrong[0]:g}; "
                f"wants {low:g} to {high:g}"
            )
        return found


class _Leader(NamedTuple):
    value: float
    place: int
    seed: int
    aep: float


def _each(results: Results, selection: Selection) -> Iterator[tuple[int, np.void]]:
    """Yield numbers and rows of the configs of a selection; InputError if there are none."""
    for numbers, rows in selection.pieces(results):
        yield from zip(numbers.tolist(), rows, strict=True)


def _refuse_many(results: Results, selection: Selection, most: int) -> list[int]:
    """Kinds of the configs of a selection, done or not; InputError if there are more than can be shown."""
    configs, campaign = results.campaign.configs, results.campaign
    numbers = [campaign.select(glob) for glob in selection.only or ("*",)]
    kinds = np.unique(configs.kinds_of(np.concatenate(numbers))).tolist()
    if len(kinds) > most:
        raise InputError(
            f"{results.path}: {len(kinds):,} pairs of area and turbine type are too many for one picture; "
            f"choose at most {most} with --only, such as --only '{configs.kinds[kinds[0]].key_stem}*'"
        )
    return kinds


def _by_kind(
    results: Results, selection: Selection, value: Callable[[int, np.void], Floats]
) -> dict[int, Floats]:
    """Values of a selection of configs, by the number of their kind."""
    values: dict[int, list[float]] = {kind: [] for kind in _refuse_many(results, selection, _MOST_GROUPS)}
    for number, row in _each(results, selection):
        values[number // len(results.campaign.configs.seeds)].append(float(value(number, row)))
    return {kind: np.array(found) for kind, found in values.items()}


def _groups_picture(
    results: Results, values: Mapping[int, Floats], label: str, what: str, *, from_zero: bool = False
) -> GroupsPicture:
    """Panels of areas with rows of turbine types; one panel of areas where there is one type alone."""
    kinds = [results.campaign.configs.kinds[kind] for kind in values]
    one_type = len({kind.turbine_type for kind in kinds}) == 1
    groups = []
    for kind, found in zip(kinds, values.values(), strict=True):
        area, turbine_type = clipped(kind.area, 24), clipped(kind.turbine_type, 24)
        panel, line = (turbine_type, area) if one_type else (area, turbine_type)
        groups.append(Group(panel, line, found))
    count = sum(group.values.size for group in groups)
    configs = "1 config" if count == 1 else f"{count:,} configs"
    title = f"{clipped(results.campaign.name, 40)}: {what} of {configs}"
    return GroupsPicture(title, label, groups, from_zero)


def _which(kinds: Sequence[Kind], shown: set[int]) -> str:
    """Which kinds of configs are shown, if there are others."""
    if len(shown) > 1:
        return f" of {len(shown)} pairs of area and turbine type"
    kind = kinds[min(shown)]
    return f" of {_named(kind)}" if len(kinds) > 1 else ""


def _named(kind: Kind) -> str:
    return f"{clipped(kind.area, 20)}, {clipped(kind.turbine_type, 20)}"
