"""The turbine types of a campaign file: generic, tabulated, or from a file of windIO or FLORIS."""

from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Field, Tag

from mpi_layout.campaign.included import IncludedFile
from mpi_layout.campaign.schema import Name, Number, Section
from mpi_layout.campaign.spacing_spec import MinSpacing
from mpi_layout.formats.curves import Speed, Speeds, Values
from mpi_layout.formats.turbine_file import TurbineFormat

POWER_UNITS = {"power_W": "W", "power_kW": "kW", "power_MW": "MW"}

RatedPower = Annotated[Number, Field(gt=0, le=1e9)]
Diameter = Annotated[Number, Field(ge=0.1, le=1000)]
Height = Annotated[Number, Field(gt=0, le=10_000)]


class _TurbineType(Section):
    name: Name = Field(description="Name of the turbine type, second part of the config keys.")
    description: str | None = Field(default=None, description="Free text.")
    cut_in_m_s: Speed | None = Field(
        default=None,
        description="The turbine stands still at less, m/s; by default never, or as the file says.",
    )
    cut_out_m_s: Speed | None = Field(
        default=None,
        description="The turbine stands still at more, m/s; by default never, or as the file says.",
    )
    min_spacing_D: MinSpacing | None = Field(
        default=None, description="Smallest distance of two such turbines, instead of the campaign's."
    )


class GenericSpec(_TurbineType):
    """A turbine type with generic power and thrust curves."""

    rated_power_MW: RatedPower = Field(description="Rated power, MW (15, not 15000).")
    rotor_diameter_m: Diameter = Field(description="Rotor diameter, m.")
    hub_height_m: Height = Field(description="Hub height, m.")


class CurvesSpec(Section):
    """Power and thrust at the same wind speeds, linear between them; beyond them the end values stay."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in POWER_UNITS]})

    wind_speed_m_s: Speeds = Field(description="Wind speeds, rising, m/s.")
    power_W: Values | None = Field(default=None, description="Power at these speeds, W.")
    power_kW: Values | None = Field(default=None, description="Power at these speeds, kW.")
    power_MW: Values | None = Field(default=None, description="Power at these speeds, MW.")
    ct: Values = Field(description="Thrust coefficient at these speeds.")


class TabulatedSpec(_TurbineType):
    """A turbine type with tabulated power and thrust curves."""

    rated_power_MW: RatedPower | None = Field(
        default=None, description="Rated power, MW; the highest of the curve by default."
    )
    rotor_diameter_m: Diameter = Field(description="Rotor diameter, m.")
    hub_height_m: Height = Field(description="Hub height, m.")
    curves: CurvesSpec = Field(description="Power and thrust curves.")


class TurbineFileSpec(_TurbineType):
    """A turbine type from a YAML file of windIO or FLORIS."""

    file: IncludedFile = Field(description="The file, relative to the folder of the campaign file.")
    format: TurbineFormat | None = Field(
        default=None, description="Format of the file; told by its content by default."
    )
    hub_height_m: Height | None = Field(
        default=None, description="Hub height, m; that of the file by default."
    )


def _form(value: Any) -> str:
    if isinstance(value, _TurbineType):
        return f"<{type(value).__name__}>"
    keys = value if isinstance(value, dict) else ()
    if "file" in keys:
        return "<TurbineFileSpec>"
    return "<TabulatedSpec>" if "curves" in keys else "<GenericSpec>"


TurbineSpec = Annotated[
    Annotated[GenericSpec, Tag("<GenericSpec>")]
    | Annotated[TabulatedSpec, Tag("<TabulatedSpec>")]
    | Annotated[TurbineFileSpec, Tag("<TurbineFileSpec>")],
    Discriminator(_form),
]
