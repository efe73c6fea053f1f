"""The well-formed parts of a campaign file, so that one fault does not hide another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mpi_layout.campaign import turbine_check
from mpi_layout.campaign.build import area_of, turbine_count
from mpi_layout.campaign.neighbour_spec import NeighbourSpec
from mpi_layout.campaign.objective_spec import AEP, AnyObjectiveSpec, ObjectiveSpec
from mpi_layout.campaign.refine_spec import RefineSpec
from mpi_layout.campaign.schema import (
    AreaSpec,
    Capacity,
    Count,
    SeedRange,
    Seeds,
    StartSpec,
)
from mpi_layout.campaign.site_spec import SiteSpec
from mpi_layout.campaign.spacing_spec import EllipseSpec, MinSpacing, spacing_of
from mpi_layout.campaign.turbine_build import turbine_of
from mpi_layout.campaign.turbine_spec import TurbineSpec
from mpi_layout.campaign.wake_spec import WakeSpec
from mpi_layout.formats.faults import Fault
from mpi_layout.site.area import Area
from mpi_layout.site.spacing import Spacing
from mpi_layout.site.turbine import Turbine


@dataclass(frozen=True)
class Parts:
    """What of a file is well-formed.

    Attributes
    ----------
    given : frozenset of str
        Top-level keys of the file, well-formed or not.
    areas, turbine_types, neighbours : dict
        Sections by their index in the file.
    n_turbine_types : int
        Turbine types of the file, well-formed or not.
    seeds, site, n_turbines, target_capacity_MW, min_spacing_D, wake, start, refine, objective
        None where absent or malformed.
    """

    given: frozenset[str]
    areas: Mapping[int, AreaSpec]
    turbine_types: Mapping[int, TurbineSpec]
    neighbours: Mapping[int, NeighbourSpec]
    n_turbine_types: int
    seeds: SeedRange | Sequence[int] | None
    site: SiteSpec | None
    n_turbines: int | None
    target_capacity_MW: float | None
    min_spacing_D: float | EllipseSpec | None
    wake: WakeSpec | None
    start: StartSpec | None
    refine: RefineSpec | None
    objective: str | ObjectiveSpec | None

    @classmethod
    def of(cls, data: Mapping[Any, Any]) -> "Parts":
        """Parts of the plain values of a file."""
        types = data.get("turbine_types")
        return cls(
            given=frozenset(key for key, value in data.items() if isinstance(key, str) and value is not None),
            areas=_each(AreaSpec, data.get("areas")),
            turbine_types=_each(TurbineSpec, types),
            neighbours=_each(NeighbourSpec, data.get("neighbours")),
            n_turbine_types=len(types) if isinstance(types, list) else 0,
            seeds=_well_formed(Seeds, data.get("seeds")),
            site=_well_formed(SiteSpec, data.get("site")),
            n_turbines=_well_formed(Count, data.get("n_turbines")),
            target_capacity_MW=_well_formed(Capacity, data.get("target_capacity_MW")),
            min_spacing_D=_well_formed(MinSpacing, data.get("min_spacing_D")),
            wake=_well_formed(WakeSpec, data.get("wake", {})),
            start=_well_formed(StartSpec, data.get("start", {})),
            refine=_well_formed(RefineSpec, data.get("refine", "none")),
            objective=_well_formed(AnyObjectiveSpec, data.get("objective", AEP)),
        )

    @cached_property
    def sound_areas(self) -> dict[int, Area]:
        """Areas whose geometry has no fault, by index."""
        sound = {}
        for i, spec in self.areas.items():
            try:
                sound[i] = area_of(spec)
            except ValueError:
                continue
        return sound

    @cached_property
    def turbine_faults(self) -> dict[int, list[Fault]]:
        """Faults of each turbine type, by index, with their whole paths."""
        return {
            i: [Fault(("turbine_types", i, *fault.path), fault.text) for fault in turbine_check.faults(spec)]
            for i, spec in self.turbine_types.items()
        }

    @cached_property
    def sound_turbines(self) -> dict[int, Turbine]:
        """Turbine types without faults, by index."""
        return {i: turbine_of(spec) for i, spec in self.turbine_types.items() if not self.turbine_faults[i]}

    @cached_property
    def spacings_D(self) -> dict[int, float | EllipseSpec]:
        """What keeps turbines of each sound type apart, rotor diameters, by index, where it is known."""
        given = {i: self.turbine_types[i].min_spacing_D or self.min_spacing_D for i in self.sound_turbines}
        return {i: spacing for i, spacing in given.items() if spacing is not None}

    @cached_property
    def spacings(self) -> dict[int, Spacing]:
        """The same in m."""
        return {
            i: spacing_of(spacing, self.sound_turbines[i].rotor_diameter)
            for i, spacing in self.spacings_D.items()
        }

    @property
    def all_turbines_sound(self) -> bool:
        """Whether no turbine type has a fault, so that what names them can be checked."""
        return 0 < self.n_turbine_types == len(self.sound_turbines)

    @cached_property
    def counts(self) -> dict[int, int]:
        """Turbines per layout of each sound turbine type, by index; empty if not known."""
        if (self.n_turbines is None) == (self.target_capacity_MW is None):
            return {}
        return {
            i: turbine_count(
                turbine.rated_power, n_turbines=self.n_turbines, target_capacity_MW=self.target_capacity_MW
            )
            for i, turbine in self.sound_turbines.items()
        }


def _well_formed(kind: Any, value: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return None


def _each(kind: Any, values: Any) -> dict[int, Any]:
    if not isinstance(values, list):
        return {}
    entries = {i: _well_formed(kind, value) for i, value in enumerate(values)}
    return {i: entry for i, entry in entries.items() if entry is not None}
