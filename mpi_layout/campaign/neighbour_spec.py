"""The turbines of other farms in a campaign file: inline, from a layout file, or from a results file."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from mpi_layout.campaign.included import IncludedFile
from mpi_layout.campaign.schema import MOST_TURBINES, Name, Point, Section
from mpi_layout.campaign.turbine_spec import TurbineSpec


def _type_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "<name>"
    return "<section>" if isinstance(value, dict | Section) else None


TypeOrName = Annotated[
    Annotated[Name, Tag("<name>")] | Annotated[TurbineSpec, Tag("<section>")],
    Discriminator(
        _type_tag,
        custom_error_type="turbine_type",
        custom_error_message="wants the name of one of turbine_types, or the keys of another one",
    ),
]


class _Group(Section):
    description: str | None = Field(default=None, description="Free text.")


class PositionsSpec(_Group):
    """Turbines of one type at given places."""

    positions_m: Annotated[tuple[Point, ...], Field(min_length=1, max_length=MOST_TURBINES)] = Field(
        description="Where they stand: points [x, y] in m."
    )
    turbine_type: TypeOrName | None = Field(
        default=None,
        description="Name of one of turbine_types, or the keys of another one; may be left out if there is "
        "one.",
    )


class LayoutFileSpec(_Group):
    """Turbines of a table (CSV), or of a windIO system or wind_farm (YAML)."""

    file: IncludedFile = Field(
        description="Table with x_m, y_m and perhaps turbine_type, or windIO (.yaml), relative to the folder "
        "of the campaign file."
    )
    turbine_type: TypeOrName | None = Field(
        default=None,
        description="Type of the turbines of a table, as with positions_m; windIO has its own.",
    )


class ResultsRowSpec(_Group):
    """The turbines of a config of another campaign."""

    results: IncludedFile = Field(
        description="Results file of that campaign, relative to the folder of the campaign file."
    )
    key: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="Key of its config; may be left out if one is done."
    )


def _group_tag(value: Any) -> str:
    if isinstance(value, Section):
        return f"<{type(value).__name__}>"
    keys = value if isinstance(value, dict) else {}
    if "results" in keys:
        return "<ResultsRowSpec>"
    return "<LayoutFileSpec>" if "file" in keys else "<PositionsSpec>"


NeighbourSpec = Annotated[
    Annotated[PositionsSpec, Tag("<PositionsSpec>")]
    | Annotated[LayoutFileSpec, Tag("<LayoutFileSpec>")]
    | Annotated[ResultsRowSpec, Tag("<ResultsRowSpec>")],
    Discriminator(_group_tag),
]
