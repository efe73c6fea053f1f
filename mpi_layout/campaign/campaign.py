"""The campaign: what one YAML file asks for, and the configs it expands to."""

import importlib.resources
import itertools
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, PrivateAttr, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from mpi_layout.campaign import check, compare
from mpi_layout.campaign.build import area_of, seed_numbers, turbine_count
from mpi_layout.campaign.configs import Configs, Kind
from mpi_layout.campaign.included import IncludedFile, ResultsLayout, names_files, with_files
from mpi_layout.campaign.neighbour_build import neighbours_of
from mpi_layout.campaign.neighbour_spec import NeighbourSpec
from mpi_layout.campaign.objective_build import objective_of
from mpi_layout.campaign.objective_spec import AEP, AnyObjectiveSpec
from mpi_layout.campaign.parts import Parts
from mpi_layout.campaign.refine_spec import RefineSpec, names_preset, with_budgets
from mpi_layout.campaign.schema import (
    MOST_GROUPS,
    AreaSpec,
    Capacity,
    CheckpointSpec,
    Count,
    Crs,
    FailureSpec,
    Name,
    Section,
    Seeds,
    StartSpec,
)
from mpi_layout.campaign.site_build import site_of
from mpi_layout.campaign.site_spec import SiteSpec
from mpi_layout.campaign.spacing_spec import MinSpacing, spacing_of
from mpi_layout.campaign.system import SECTIONS, of_system, with_system
from mpi_layout.campaign.turbine_build import turbine_of
from mpi_layout.campaign.turbine_spec import TurbineSpec
from mpi_layout.campaign.wake_spec import USUAL_WAKE, WakeSpec
from mpi_layout.errors import InputError
from mpi_layout.formats.faults import Fault, pydantic_faults
from mpi_layout.formats.safe_yaml import load_yaml, read_text, shown
from mpi_layout.meant import meant
from mpi_layout.optimise.objective import Objective
from mpi_layout.optimise.problem import Problem
from mpi_layout.optimise.refinement import NO_REFINEMENT
from mpi_layout.optimise.start import SmartStart
from mpi_layout.optimise.user_code import UserFunction
from mpi_layout.site.area import Area
from mpi_layout.site.spacing import Spacing
from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import Site
from mpi_layout.wake.farm import Neighbours
from mpi_layout.wake.models import WakeModel

_MOST_LINES = 50  # of one message
_KEYS_COMPARED = 10_000  # with one that matches nothing
_LONGEST_GLOB = 1000  # characters; translating one takes time with their square


def _alternatives(schema: dict[str, Any]) -> None:
    """Let a JSON schema say which keys may stand for others."""
    schema["oneOf"] = [{"required": ["n_turbines"]}, {"required": ["target_capacity_MW"]}]
    schema["anyOf"] = [{"required": ["system"]}, {"required": list(SECTIONS)}]
    schema["required"] = [key for key in schema["required"] if key not in SECTIONS]


class Campaign(Section):
    """A campaign of wind farm layouts: areas x turbine types x seeds, and how each is found."""

    model_config = ConfigDict(title="mpi-layout campaign", json_schema_extra=_alternatives)

    name: Name = Field(description="Name of the campaign.")
    description: str | None = Field(default=None, description="Free text.")
    crs: Crs | None = Field(
        default=None,
        description="Coordinate reference system of all x and y, such as EPSG:25831; only exports for GIS "
        "need it.",
    )
    system: IncludedFile | None = Field(
        default=None,
        description="windIO wind_energy_system (YAML): its areas, turbine_types and site, unless given here.",
    )
    areas: Annotated[tuple[AreaSpec, ...], Field(min_length=1, max_length=10_000)] = Field(
        description="Where turbines may stand."
    )
    turbine_types: Annotated[tuple[TurbineSpec, ...], Field(min_length=1, max_length=1000)] = Field(
        description="Turbine types; each layout has turbines of one type."
    )
    seeds: Seeds = Field(description="Seeds: {first: 0, count: 50}, or a list of whole numbers.")
    n_turbines: Count | None = Field(
        default=None, description="Turbines of each layout (this or target_capacity_MW)."
    )
    target_capacity_MW: Capacity | None = Field(
        default=None,
        description="Each layout has as many turbines as this capacity holds, MW (this or n_turbines).",
    )
    min_spacing_D: MinSpacing = Field(
        description="Smallest distance of two turbines, rotor diameters: a number, or an ellipse such as "
        "{along: 5, across: 3, direction_deg: 240}."
    )
    site: SiteSpec = Field(description="The wind.")
    neighbours: Annotated[tuple[NeighbourSpec, ...], Field(min_length=1, max_length=MOST_GROUPS)] | None = (
        Field(
            default=None,
            description="Turbines of other farms: they cast wakes, stay where they are and do not count.",
        )
    )
    wake: WakeSpec = Field(default=USUAL_WAKE, description="The wake model.")
    start: StartSpec = Field(default=StartSpec(), description="How the first layout is found.")
    refine: RefineSpec = Field(
        default=NO_REFINEMENT,
        description="How it is made better: none (default), quick or thorough, or budgets of stages, in "
        "evaluations.",
    )
    objective: AnyObjectiveSpec = Field(
        default=AEP, description="What is maximised: aep (default), what energy is worth, or a function."
    )
    checkpoint: CheckpointSpec = Field(
        default=CheckpointSpec(), description="When results become safe from a power cut."
    )
    failures: FailureSpec = Field(default=FailureSpec(), description="What happens when configs fail.")

    _text: str = PrivateAttr(default="")
    _warnings: tuple[str, ...] = PrivateAttr(default=())
    _code_allowed: bool = PrivateAttr(default=False)

    def __getstate__(self) -> dict[Any, Any]:
        # Cached tables are quickly made again and need not travel to every rank.
        state = super().__getstate__()
        kept = {key: value for key, value in self.__dict__.items() if key in type(self).model_fields}
        return {**state, "__dict__": kept}

    @property
    def text(self) -> str:
        """The YAML text of the campaign, with the content of the files and the budgets that it names."""
        return self._text

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd but allowed, a line each."""
        return self._warnings

    @property
    def code(self) -> UserFunction | None:
        """The function of the user's that is maximised, if there is one; not run by loading the campaign."""
        function = self._objective.function
        return function if isinstance(function, UserFunction) else None

    @property
    def code_allowed(self) -> bool:
        """Whether it may run."""
        return self._code_allowed

    def allow_code(self) -> None:
        """Let the function of the campaign run, because the user has said so."""
        self._code_allowed = True
        self.__dict__.pop("_objective", None)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that shapes the results; comments and safety settings do not."""
        return compare.digest(self)

    @cached_property
    def configs(self) -> Configs:
        """All configs, by number: areas, within them turbine types, within them seeds."""
        kinds = tuple(
            Kind(
                area=area.name,
                turbine_type=turbine.name,
                n_turbines=count,
                rotor_diameter=turbine.rotor_diameter,
                rated_power=turbine.rated_power,
            )
            for area in self.areas
            for turbine, count in zip(self._turbines.values(), self._counts, strict=True)
        )
        return Configs(kinds, seed_numbers(self.seeds))

    @property
    def n_turbines_max(self) -> int:
        """Turbines of the largest layout."""
        return max(self._counts)

    def problem(self, number: int) -> Problem:
        """Everything that is needed to solve the config of that number."""
        config = self.configs[number]
        start = self.start
        return Problem(
            area=self._areas[config.area],
            turbine=self._turbines[config.turbine_type],
            n_turbines=config.n_turbines,
            spacing=self._spacings[config.turbine_type],
            site=self._site,
            model=self._model,
            start=SmartStart(grid=start.grid, best_percent=start.best_percent),
            seed=config.seed,
            neighbours=self._neighbours,
            refine=self.refine,
            objective=self._objective,
            given=self._given(config.seed),
        )

    def _given(self, seed: int) -> NDArray[np.float64] | None:
        """Layout (n_turbines, 2), m, that this seed starts from, if there is one."""
        layouts = self.start.layouts_m or ()
        return np.array(layouts[seed], float) if seed < len(layouts) else None

    def select(self, glob: str) -> NDArray[np.int64]:
        """Numbers (n,) of the configs whose key matches a glob such as 'farm0_*_s[0-4]'.

        Raises
        ------
        InputError
            If no key matches, or the glob is longer than any use.
        """
        if len(glob) > _LONGEST_GLOB:
            raise InputError(f"the glob has {len(glob):,} characters, wants at most {_LONGEST_GLOB:,}")
        numbers = self.configs.matching(glob)
        if not numbers.size:
            examples = dict.fromkeys(self.configs[n].key for n in (0, len(self.configs) // 2, -1))
            close = meant(glob, itertools.islice(self.configs.keys(), _KEYS_COMPARED))
            raise InputError(
                f"no config matches {glob!r}; there are {len(self.configs)}, "
                + (f"is {close} meant?" if close else f"such as {', '.join(examples)}")
            )
        return numbers

    @cached_property
    def _counts(self) -> tuple[int, ...]:
        return tuple(
            turbine_count(
                turbine.rated_power, n_turbines=self.n_turbines, target_capacity_MW=self.target_capacity_MW
            )
            for turbine in self._turbines.values()
        )

    @cached_property
    def _areas(self) -> dict[str, Area]:
        return {spec.name: area_of(spec) for spec in self.areas}

    @cached_property
    def _turbines(self) -> dict[str, Turbine]:
        density = self._site.air_density
        return {spec.name: turbine_of(spec).at_air_density(density) for spec in self.turbine_types}

    @cached_property
    def _spacings(self) -> dict[str, Spacing]:
        return {
            spec.name: spacing_of(
                spec.min_spacing_D or self.min_spacing_D, self._turbines[spec.name].rotor_diameter
            )
            for spec in self.turbine_types
        }

    @cached_property
    def _neighbours(self) -> Neighbours | None:
        if self.neighbours is None:
            return None
        types = {spec.name: turbine_of(spec) for spec in self.turbine_types}
        return neighbours_of(self.neighbours, types, self._site.air_density)

    @cached_property
    def _site(self) -> Site:
        return site_of(self.site)

    @cached_property
    def _objective(self) -> Objective:
        return objective_of(self.objective, self.site, self._site, allow_code=self._code_allowed)

    @cached_property
    def _model(self) -> WakeModel:
        model: WakeModel = self.wake.made()
        return model


def load_campaign(
    path: str | Path, *, text: str | None = None, results_layout: ResultsLayout | None = None
) -> Campaign:
    """Campaign of a YAML file, and of the files that it names.

    Parameters
    ----------
    path : str or Path
        The file.
    text : str, optional
        What is read instead; files that it names are relative to the folder of `path` all the same.
    results_layout : function, optional
        What reads the results files of its neighbours: `mpi_layout.results.layouts.results_neighbours`.

    Raises
    ------
    InputError
        Naming the file and all its faults, each with its path.
    """
    text, source = read_text(path) if text is None else text, str(path)
    data, repeated = _values(text, source)
    found: list[Fault] = []
    if names_files(data):
        text, found = with_files(text, source, results_layout)
        data, repeated = _values(text, source)
    return _checked(text, source, data, repeated, found)


def parse_campaign(text: str, source: str = "campaign") -> Campaign:
    """Campaign of a YAML text that has in it what it needs, such as `Campaign.text`.

    Parameters
    ----------
    text : str
        The complete text, kept as `Campaign.text`, with the budgets of the preset that it may name.
    source : str
        What messages call it, usually its path.

    Raises
    ------
    InputError
        Naming the source and all faults, each with its path.
    """
    return _checked(text, source, *_values(text, source), [])


def _values(text: str, source: str) -> tuple[dict[Any, Any], list[str]]:
    """Plain values of a campaign's text, and one line for each key that is given twice."""
    data, repeated = load_yaml(text, source)
    if data is None:
        raise InputError(f"{source}: holds no campaign; `mpi-layout init` writes a file to start from")
    if not isinstance(data, dict):
        raise InputError(f"{source}: wants keys such as name, areas and site; has {shown(data)}")
    return data, repeated


def _checked(
    text: str, source: str, data: dict[Any, Any], repeated: list[str], file_faults: list[Fault]
) -> Campaign:
    """Campaign of plain values; InputError with all that is wrong."""
    filled, system_faults = with_system(data)
    found = [*file_faults, *system_faults]
    campaign = None
    try:
        campaign = Campaign.model_validate(filled)
    except ValidationError as error:
        said = {fault.path for fault in found}
        # A system that cannot be read is the reason why they are missing.
        said |= {(key,) for key in SECTIONS if data.get("system") is not None and key not in filled}
        found += [fault for fault in pydantic_faults(error, Campaign) if fault.path not in said]
    parts = Parts.of(filled)
    found += check.faults(parts)
    found = [of_system(fault, data) for fault in found]
    if campaign is None or found or repeated:
        raise InputError(_message(source, repeated, found))
    campaign._text = with_budgets(text, source, campaign.refine) if names_preset(data) else text
    campaign._warnings = tuple(str(of_system(warning, data)) for warning in check.warnings(parts))
    return campaign


def _message(source: str, repeated: list[str], found: list[Fault]) -> str:
    """All faults, those of one section together, in the order of the schema."""
    order = {key: i for i, key in enumerate(Campaign.model_fields)}

    def place(fault: Fault) -> tuple[int, int]:
        index = fault.path[1] if len(fault.path) > 1 else -1
        return order.get(str(fault.path[0]), -1), index if isinstance(index, int) else -1

    lines = [*repeated, *(str(fault) for fault in sorted(found, key=place))]
    count = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"... and {len(lines) - _MOST_LINES} more"]
    return "\n".join([f"{source}: {count} in the campaign", *(f"  {line}" for line in lines)])


class _Untitled(GenerateJsonSchema):
    """Without a title such as "Interval S" beside each key."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def campaign_schema() -> dict[str, Any]:
    """JSON schema (2020-12) of a campaign file."""
    schema = Campaign.model_json_schema(schema_generator=_Untitled)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def starter_text() -> str:
    """Commented campaign file to start from."""
    return (importlib.resources.files("mpi_layout") / "templates" / "starter.yaml").read_text("utf-8")
