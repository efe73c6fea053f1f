"""The site section of a campaign file: Weibull sectors, a table of probabilities, or a time series."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from mpi_layout.campaign.included import Included, IncludedFile
from mpi_layout.campaign.schema import Number, Section
from mpi_layout.site.flaws import MOST_SPEED
from mpi_layout.site.turbine import AIR_DENSITY

MOST_STEPS = 2_000_000  # of a time series: 38 years in steps of 10 minutes

Fraction = Annotated[Number, Field(ge=0, le=100)]  # of 1; percent are told from it by their sum
Speed = Annotated[Number, Field(ge=0, le=MOST_SPEED)]
Directions = Annotated[tuple[Number, ...], Field(min_length=1, max_length=3600)]


def _row(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


# A list that may be written as a number if it has but one value.
_ROW_SCHEMA = WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]})
Fractions = Annotated[tuple[Fraction, ...], BeforeValidator(_row), _ROW_SCHEMA]
SpeedOrSpeeds = Annotated[tuple[Speed, ...], Field(min_length=1), BeforeValidator(_row), _ROW_SCHEMA]

# Both forms are kept apart, so that the number of an old file keeps its digest.
Turbulence = Annotated[
    Annotated[Number, Tag("<number>")]
    | Annotated[tuple[Number, ...], Field(min_length=1, max_length=3600), Tag("<list>")],
    Discriminator(lambda value: "<list>" if isinstance(value, list | tuple) else "<number>"),
]


class SpeedRange(Section):
    """Wind speeds in equal steps."""

    first: Speed = Field(description="The lowest speed, m/s.")
    last: Speed = Field(description="The highest speed, m/s.")
    step: Annotated[Number, Field(ge=0.01, le=100)] = Field(description="Their step, m/s.")


def _speeds_tag(value: Any) -> str | None:
    if isinstance(value, dict | SpeedRange):
        return "<SpeedRange>"
    return "<list>" if isinstance(value, list | tuple) else None


Speeds = Annotated[
    Annotated[SpeedRange, Tag("<SpeedRange>")]
    | Annotated[tuple[Speed, ...], Field(min_length=1, max_length=1000), Tag("<list>")],
    Discriminator(
        _speeds_tag,
        custom_error_type="speeds",
        custom_error_message="wants {first: 3, last: 25, step: 1} or a list of speeds",
    ),
]


class FlowCasesSpec(Section):
    """At which directions and speeds the wakes are computed."""

    direction_step_deg: Annotated[Number, Field(ge=0.1, le=360)] | None = Field(
        default=None,
        description="Step of the directions from 0, a whole part of 360 (default 1, or a table's own).",
    )
    wind_speeds_m_s: Speeds | None = Field(
        default=None,
        description="{first: 3, last: 25, step: 1} or a list of speeds (default 3 to 25, or a table's own).",
    )


class _AnySite(Section):
    """What sites of all kinds have."""

    shear_exponent: Annotated[Number, Field(ge=-1, le=1)] | None = Field(
        default=None,
        description="Power law exponent of the speed over the height (with reference_height_m; default 0).",
    )
    reference_height_m: Annotated[Number, Field(gt=0, le=10_000)] | None = Field(
        default=None,
        description="Height of the given speeds, m (with shear_exponent); without it they hold at every hub.",
    )
    air_density_kg_m3: Annotated[Number, Field(ge=0.5, le=2)] | None = Field(
        default=None,
        description=f"Air density at the hubs, which scales power curves (default {AIR_DENSITY}).",
    )


class WeibullSpec(_AnySite):
    """The wind: Weibull sectors and turbulence."""

    lookup: Literal["nearest", "linear"] = Field(
        default="nearest",
        description="Values between two sector centres: of the nearest one, or interpolated.",
    )
    turbulence_intensity: Turbulence = Field(
        description="Ambient turbulence intensity, a fraction (0.1, not 10); of all sectors, or of each."
    )
    wind_direction_deg: Directions = Field(
        description="Sector centres, degrees clockwise from north: from 0 in equal steps, without 360."
    )
    weibull_a_m_s: tuple[Annotated[Number, Field(ge=0.1, le=1000)], ...] = Field(
        description="Weibull scale of each sector, m/s."
    )
    weibull_k: tuple[Annotated[Number, Field(gt=0, le=50)], ...] = Field(
        description="Weibull shape of each sector."
    )
    sector_probability: tuple[Fraction, ...] = Field(
        description="Probability of each sector; they sum to 1 and are used as given."
    )
    flow_cases: FlowCasesSpec | None = Field(
        default=None, description="Directions and speeds at which wakes are computed."
    )


class TableSpec(_AnySite):
    """The wind: probabilities of bins of direction and speed, and turbulence."""

    lookup: Literal["nearest", "linear"] = Field(
        default="linear",
        description="Values between two directions, if others are asked for: interpolated, or the nearest.",
    )
    turbulence_intensity: Turbulence = Field(
        description="Ambient turbulence intensity, a fraction (0.1, not 10); of all directions, or of each."
    )
    wind_direction_deg: Directions = Field(
        description="Directions of the table, degrees clockwise from north, increasing, without 360."
    )
    wind_speed_m_s: SpeedOrSpeeds = Field(
        description="Speeds of the table, m/s, increasing; or the only one."
    )
    probability: tuple[Fractions, ...] = Field(
        description="Of each direction a list with the probability of each speed, or a number for one speed."
    )
    sector_probability: tuple[Fraction, ...] | None = Field(
        default=None,
        description="Probability of each direction, if those in `probability` sum to 1 for each direction.",
    )
    flow_cases: FlowCasesSpec | None = Field(
        default=None,
        description="Directions and speeds at which wakes are computed, if not those of the table.",
    )


class StepsSpec(Section):
    """A time series, step by step."""

    wind_direction_deg: Annotated[tuple[Number, ...], Field(min_length=1, max_length=MOST_STEPS)] = Field(
        description="Wind direction of each step, degrees clockwise from north."
    )
    wind_speed_m_s: tuple[Number, ...] = Field(description="Wind speed of each step, m/s.")
    turbulence_intensity: tuple[Number, ...] | None = Field(
        default=None, description="Turbulence intensity of each step, a fraction."
    )
    weight: tuple[Number, ...] | None = Field(
        default=None, description="How much each step counts (default: all the same)."
    )


class ColumnsSpec(Section):
    """Names of the columns of a CSV file."""

    wind_direction_deg: str = Field(
        default="wind_direction_deg", description="Of the wind direction, degrees."
    )
    wind_speed_m_s: str = Field(default="wind_speed_m_s", description="Of the wind speed, m/s.")
    turbulence_intensity: str | None = Field(
        default=None, description="Of the turbulence intensity, a fraction (default: of that name, if any)."
    )
    weight: str | None = Field(
        default=None, description="Of the weight of each step (default: of that name, if any)."
    )


def _csv_text(included: Included) -> Included:
    if not isinstance(included.content, str):
        raise ValueError("wants the text of a CSV file")
    return included


class StepsFileSpec(Section):
    """A time series in a CSV file."""

    file: Annotated[IncludedFile, AfterValidator(_csv_text)] = Field(
        description="CSV file with a header, relative to the campaign file."
    )
    columns: ColumnsSpec = Field(default=ColumnsSpec(), description="Names of its columns.")
    missing: Literal["refuse", "skip"] = Field(
        default="refuse", description="What happens with steps of which a value is missing."
    )


def _steps_tag(value: Any) -> str:
    has_file = "file" in value if isinstance(value, dict) else isinstance(value, StepsFileSpec)
    return "<StepsFileSpec>" if has_file else "<StepsSpec>"


class SeriesSpec(_AnySite):
    """The wind: a time series."""

    turbulence_intensity: Number | None = Field(
        default=None, description="Ambient turbulence intensity, a fraction, if the time series has none."
    )
    time_series: Annotated[
        Annotated[StepsSpec, Tag("<StepsSpec>")] | Annotated[StepsFileSpec, Tag("<StepsFileSpec>")],
        Discriminator(_steps_tag),
    ] = Field(
        description="Its steps: {wind_direction_deg: [...], wind_speed_m_s: [...]} or {file: wind.csv}."
    )


class SiteFileSpec(Section):
    """The wind: a windIO energy resource."""

    file: IncludedFile = Field(
        description="windIO energy resource (YAML), relative to the folder of the campaign file."
    )
    turbulence_intensity: Number | None = Field(
        default=None, description="Ambient turbulence intensity, a fraction, if the file has none."
    )


def _site_tag(value: Any) -> str:
    if isinstance(value, Section):
        return f"<{type(value).__name__}>"
    keys = value if isinstance(value, dict) else {}
    if "file" in keys:
        return "<SiteFileSpec>"
    if "time_series" in keys:
        return "<SeriesSpec>"
    return "<TableSpec>" if "probability" in keys else "<WeibullSpec>"


SiteSpec = Annotated[
    Annotated[WeibullSpec, Tag("<WeibullSpec>")]
    | Annotated[TableSpec, Tag("<TableSpec>")]
    | Annotated[SeriesSpec, Tag("<SeriesSpec>")]
    | Annotated[SiteFileSpec, Tag("<SiteFileSpec>")],
    Discriminator(_site_tag),
]
