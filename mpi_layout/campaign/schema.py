"""The shape of a campaign file: its sections, their keys, types, units and ranges.

What pydantic can say about one value alone is said here; what takes geometry,
arithmetic or two sections is in check.py.
"""

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    Tag,
    WithJsonSchema,
)

from mpi_layout.optimise.start import SmartStart

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
LARGEST_SEED = 2**32 - 1  # of the legacy generator that draws the smart start

# Where a range is wider than anything that is built, it keeps arithmetic from overflowing and a launch from
# never ending: a campaign file may come from anybody.
MOST_TURBINES = 100_000
MOST_GROUPS = 1000  # of neighbours
FARTHEST = 1e8  # m; beyond it lies no place on Earth in any projection

# Strict: neither true nor "10" is a number.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Integer = Annotated[int, Field(strict=True)]
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
Seed = Annotated[Integer, Field(ge=0, le=LARGEST_SEED)]
Count = Annotated[Integer, Field(ge=1, le=MOST_TURBINES)]
Capacity = Annotated[Number, Field(gt=0, le=1e9)]
Crs = Annotated[str, Field(min_length=1, max_length=1000)]  # what it means only PROJ knows
Coordinate = Annotated[Number, Field(ge=-FARTHEST, le=FARTHEST)]
Point = tuple[Coordinate, Coordinate]


def _open(points: tuple[Point, ...]) -> tuple[Point, ...]:
    return points[:-1] if len(points) > 1 and points[0] == points[-1] else points


Ring = Annotated[tuple[Point, ...], Field(min_length=3, max_length=20_000), AfterValidator(_open)]

_START = SmartStart()


class Section(BaseModel):
    """Part of a campaign file: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CircleSpec(Section):
    """A circle, drawn as a polygon of many corners that keeps turbines on the right side of it."""

    centre: Point = Field(description="Its centre [x, y], m.")
    radius: Annotated[Number, Field(ge=1, le=FARTHEST)] = Field(description="Its radius, m.")


OUTLINES = ("boundary_m", "polygons_m", "circle_m")


class AreaSpec(Section):
    """An area in which turbines may stand."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in OUTLINES]})

    name: Name = Field(description="Name of the area, first part of the config keys.")
    description: str | None = Field(default=None, description="Free text.")
    boundary_m: Ring | None = Field(
        default=None,
        description="The area as one polygon: points [x, y] in m; the last one need not repeat the first.",
    )
    polygons_m: Annotated[tuple[Ring, ...], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Instead of boundary_m: several polygons that do not overlap, points in m."
    )
    circle_m: CircleSpec | None = Field(default=None, description="Instead of boundary_m: a circle.")
    exclusions_m: Annotated[tuple[Ring, ...], Field(max_length=1000)] = Field(
        default=(), description="Polygons in which no turbine may stand, points in m."
    )
    exclusion_circles_m: Annotated[tuple[CircleSpec, ...], Field(max_length=1000)] | None = Field(
        default=None, description="Circles in which no turbine may stand."
    )


class SeedRange(Section):
    """Consecutive seeds."""

    first: Seed = Field(default=0, description="The first seed.")
    count: Annotated[Integer, Field(ge=1, le=1_000_000)] = Field(description="Number of seeds.")


SeedList = Annotated[tuple[Seed, ...], Field(min_length=1)]


def _seeds_tag(value: Any) -> str | None:
    if isinstance(value, dict | SeedRange):
        return "<SeedRange>"
    return "<list>" if isinstance(value, list | tuple) else None


Seeds = Annotated[
    Annotated[SeedRange, Tag("<SeedRange>")] | Annotated[SeedList, Tag("<list>")],
    Discriminator(
        _seeds_tag,
        custom_error_type="seeds",
        custom_error_message="wants {first: 0, count: 50} or a list of whole numbers",
    ),
]


GivenLayout = Annotated[tuple[Point, ...], Field(min_length=1, max_length=MOST_TURBINES)]
GridSize = Annotated[Integer, Field(ge=2, le=10_000)]


class StartSpec(Section):
    """How the first layout is found."""

    method: Literal["smart_start"] = Field(
        default="smart_start",
        description="smart_start: turbine by turbine, one of the best free grid points, drawn by the seed.",
    )
    grid: tuple[GridSize, GridSize] = Field(
        default=_START.grid,
        description="Columns and rows of candidate points over the bounding box of the area.",
    )
    best_percent: Annotated[Number, Field(ge=0, le=100)] = Field(
        default=_START.best_percent,
        description="Share of the free points, best first, of which one is drawn, %.",
    )
    layouts_m: Annotated[tuple[GivenLayout, ...], Field(min_length=1, max_length=1000)] | None = Field(
        default=None,
        description="Layouts, points in m, that seeds 0, 1, ... start from, moved where they break a rule.",
    )


class CheckpointSpec(Section):
    """When results become safe from a power cut."""

    interval_s: Annotated[Number, Field(gt=0)] = Field(
        default=30.0, description="Time between checkpoints, s."
    )


@dataclass(frozen=True)
class FailureLimit:
    """How many configs may fail: a number, a share, or any (both None)."""

    count: int | None = None
    percent: float | None = None

    def limit(self, n_configs: int) -> int | None:
        """Largest number of failed configs that does not stop the campaign; None for any.

        A share is rounded up, so that it never forbids the first failure.
        """
        if self.percent is not None:
            return math.ceil(self.percent / 100 * n_configs - 1e-9)
        return self.count

    @classmethod
    def parse(cls, value: Any) -> "FailureLimit":
        """Limit from a count, a text such as "5%", or None.

        Raises
        ------
        ValueError
            If it is none of them.
        """
        if value is None or isinstance(value, FailureLimit):
            return value or cls()
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return cls(count=value)
        if isinstance(value, str) and (match := re.fullmatch(_PERCENT, value)) and float(match[1]) <= 100:
            return cls(percent=float(match[1]))
        raise ValueError(
            "wants a whole number of configs, a share such as 5% (0% to 100%), or null for no limit"
        )

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.percent is not None else str(self.count)


_PERCENT = r"^([0-9]+(?:\.[0-9]+)?) ?%$"

MaxFailed = Annotated[
    FailureLimit,
    PlainValidator(FailureLimit.parse),
    PlainSerializer(lambda limit: limit.count if limit.percent is None else str(limit)),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": _PERCENT},
                {"type": "null"},
            ]
        }
    ),
]


class FailureSpec(Section):
    """What happens when configs fail."""

    max_attempts: Count = Field(
        default=3, description="How often a config that kills its rank is tried before it counts as failed."
    )
    max_seconds: Annotated[Number, Field(gt=0)] | None = Field(
        default=None,
        description="A config that runs for longer has hung: it is tried again elsewhere, up to max_attempts "
        "times, s; null for no limit (default).",
    )
    max_failed: MaxFailed = Field(
        default_factory=FailureLimit,
        description="Stop when more configs failed: a number, a share such as 5%, or null for any (default).",
    )
