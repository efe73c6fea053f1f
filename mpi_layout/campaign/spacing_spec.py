"""The distances that turbines keep, in a campaign file: a number of rotor diameters, or an ellipse."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from mpi_layout.campaign.schema import Number, Section
from mpi_layout.site.spacing import Spacing

Diameters = Annotated[Number, Field(ge=1, le=1e6)]


class EllipseSpec(Section):
    """An ellipse around each turbine in which no other one may stand."""

    along: Diameters = Field(description="Smallest distance in the main wind direction, rotor diameters.")
    across: Diameters = Field(description="Smallest distance at right angles to it, rotor diameters.")
    direction_deg: Annotated[Number, Field(ge=0, le=360)] = Field(
        description="Where the main wind comes from, degrees clockwise from north."
    )


def _form(value: Any) -> str:
    return "<EllipseSpec>" if isinstance(value, dict | EllipseSpec) else "<number>"


MinSpacing = Annotated[
    Annotated[Diameters, Tag("<number>")] | Annotated[EllipseSpec, Tag("<EllipseSpec>")],
    Discriminator(_form),
]


def spacing_of(given: float | EllipseSpec, rotor_diameter: float) -> Spacing:
    """Distances of turbines with a rotor diameter, m."""
    if isinstance(given, EllipseSpec):
        along, across = given.along * rotor_diameter, given.across * rotor_diameter
        return Spacing(along, across, given.direction_deg)
    return Spacing(given * rotor_diameter)


def spacing_text(given: float | EllipseSpec) -> str:
    """What was given, for messages."""
    if isinstance(given, EllipseSpec):
        return f"{given.along:g} D along and {given.across:g} D across {given.direction_deg:g} deg"
    return f"{given:g} D"
