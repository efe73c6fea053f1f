"""The objective section of a campaign file: AEP, prices of energy, a function of a Python file."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from mpi_layout.campaign.included import Included, IncludedFile
from mpi_layout.campaign.schema import Number, Section
from mpi_layout.campaign.site_spec import MOST_STEPS, Directions, Speed
from mpi_layout.site.price import MOST_PRICE

AEP: Final = "aep"

Price = Annotated[Number, Field(ge=-MOST_PRICE, le=MOST_PRICE)]


def _prices_tag(value: Any) -> str:
    if not isinstance(value, list | tuple):
        return "<number>"
    return "<lists>" if value and isinstance(value[0], list | tuple) else "<list>"


Prices = Annotated[
    Annotated[Price, Tag("<number>")]
    | Annotated[tuple[Price, ...], Field(min_length=1, max_length=MOST_STEPS), Tag("<list>")]
    | Annotated[tuple[tuple[Price, ...], ...], Field(max_length=3600), Tag("<lists>")],
    Discriminator(_prices_tag),
]


class PriceSpec(Section):
    """What energy is worth: by wind direction, wind speed or both, or at each step of a time series."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["per_MWh"]}, {"required": ["column"]}]}
    )

    wind_direction_deg: Directions | None = Field(
        default=None, description="Directions of the prices, degrees clockwise from north, increasing."
    )
    wind_speed_m_s: Annotated[tuple[Speed, ...], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Wind speeds of the prices, m/s, increasing."
    )
    per_MWh: Prices | None = Field(
        default=None,
        description="Prices per MWh in any currency: by direction or by speed a list, by both a list for "
        "each direction; without these a list with one for each step of the time series, or a number.",
    )
    column: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="Instead of per_MWh: the column of the time series' CSV file that has them."
    )
    negative: Literal["refuse", "stop"] = Field(
        default="refuse",
        description="Negative prices are refused, or the farm stops then: it earns and loses nothing.",
    )


def _python_text(included: Included) -> Included:
    if not isinstance(included.content, str):
        raise ValueError("wants the text of a Python file")
    return included


class ObjectiveSpec(Section):
    """What is maximised, if not AEP."""

    price: PriceSpec | None = Field(default=None, description="What energy is worth.")
    file: Annotated[IncludedFile, AfterValidator(_python_text)] | None = Field(
        default=None,
        description="Python file with a function, relative to the campaign file; it runs only with "
        "--allow-code.",
    )
    function: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)] | None = Field(
        default=None, description="Its function, which takes a layout and gives a number to be maximised."
    )


def _objective_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "<name>"
    return "<ObjectiveSpec>" if isinstance(value, dict | ObjectiveSpec) else None


AnyObjectiveSpec = Annotated[
    Annotated[Literal["aep"], Tag("<name>")] | Annotated[ObjectiveSpec, Tag("<ObjectiveSpec>")],
    Discriminator(
        _objective_tag,
        custom_error_type="objective",
        custom_error_message="wants aep, or keys and values such as {price: {column: price}}",
    ),
]
