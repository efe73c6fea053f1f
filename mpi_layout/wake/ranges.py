"""Ranges of the models' parameters, stated where a parameter is declared.

Outer limits are wider than any wake; they keep arithmetic from overflowing.
"""

from dataclasses import fields
from typing import Annotated, Any

from annotated_types import Interval

Positive = Annotated[float, Interval(gt=0, le=100)]
Exponent = Annotated[float, Interval(ge=-10, le=10)]
InitialWidth = Annotated[float, Interval(ge=0.15, le=1)]
ThrustLimit = Annotated[float, Interval(gt=0, lt=1)]


class Parameters:
    """What the dataclass of a model inherits from: its parameters keep to the ranges of their annotations.

    Raises
    ------
    ValueError
        If one does not.
    """

    def __post_init__(self) -> None:
        for parameter in fields(self):  # type: ignore[arg-type]  # a dataclass, whichever
            value = getattr(self, parameter.name)
            for interval in getattr(parameter.type, "__metadata__", ()):
                if not _within(value, interval):
                    name = f"{parameter.name} of {type(self).__name__}"
                    raise ValueError(f"{name} is {value}; wants {_text(interval)}")


def _within(value: float, interval: Interval) -> bool:
    below: Any = interval.gt if interval.gt is not None else interval.ge
    above: Any = interval.lt if interval.lt is not None else interval.le
    return bool(below <= value <= above and value not in (interval.gt, interval.lt))


def _text(interval: Interval) -> str:
    low = f"more than {interval.gt}" if interval.gt is not None else f"at least {interval.ge}"
    high = f"less than {interval.lt}" if interval.lt is not None else f"at most {interval.le}"
    return f"{low} and {high}"
