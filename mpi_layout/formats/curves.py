"""The power and thrust tables of a file, with their places in it: what all readers of turbines share."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from mpi_layout.formats.faults import Fault, Path
from mpi_layout.site.curves import clipped_ct, joined, power_faults, table_faults, thrust_faults
from mpi_layout.site.turbine import Floats, Turbine

# Strict: neither true nor "10" is a number. The bounds keep arithmetic from overflowing.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Length = Annotated[Number, Field(ge=0.1, le=10_000)]  # m
Power = Annotated[Number, Field(gt=0, le=1e12)]
Speed = Annotated[Number, Field(ge=0, le=1000)]  # m/s
Speeds = Annotated[tuple[Speed, ...], Field(min_length=2, max_length=10_000)]
Value = Annotated[Number, Field(ge=0, le=1e12)]
Values = Annotated[tuple[Value, ...], Field(min_length=2, max_length=10_000)]


@dataclass(frozen=True)
class Table:
    """One curve of a file.

    Attributes
    ----------
    path : tuple of str and int
        Where its values stand in the file.
    speed, values : (n,) arrays
        m/s, and W or 1.
    """

    path: Path
    speed: Floats
    values: Floats

    @classmethod
    def of(cls, path: Path, speed: Sequence[float], values: Sequence[float], unit: float = 1.0) -> "Table":
        """Table of the lists in a file, whose values have a unit."""
        return cls(path, np.array(speed, float), unit * np.array(values, float))

    def faults(self) -> Iterator[Fault]:
        """Yield what keeps it from being a curve."""
        yield from (Fault(self.path, text) for text in table_faults(self.speed, self.values))


@dataclass(frozen=True)
class Curves:
    """The curves of a turbine in a file.

    Attributes
    ----------
    power, ct : Table
        W, 1.
    unit : str
        In which the file gives power: W, kW or MW.
    """

    power: Table
    ct: Table
    unit: str = "W"

    @property
    def highest_power(self) -> float:
        """W."""
        return float(self.power.values.max())

    def faults(self, rotor_diameter: float, rated_power: float | None = None) -> list[Fault]:
        """Everything that keeps them from being those of a turbine with this rotor, m, and rated power, W."""
        if found := [*self.power.faults(), *self.ct.faults()]:
            return found
        speed, power = self.power.speed, self.power.values
        texts = power_faults(speed, power, rotor_diameter, self.unit, rated_power)
        if found := [Fault(self.power.path, text) for text in texts]:
            return found
        texts = thrust_faults(speed, power, self.ct.values, rotor_diameter)
        return [Fault(self.ct.path, text) for text in texts]

    def turbine(
        self,
        *,
        name: str,
        rated_power: float | None,
        rotor_diameter: float,
        hub_height: float,
        warn: Callable[[str], None],
        cut_in: float = 0.0,
        cut_out: float = math.inf,
    ) -> Turbine:
        """Turbine with these curves, which have no faults; arguments as attributes of `Turbine`.

        A rated power of None is the highest of the curve. `warn` is told of thrust coefficients above 1.
        """
        if (highest := self.ct.values.max()) > 1:
            text = f"{highest:g} is taken as 1, the largest thrust coefficient of the wake models"
            warn(str(Fault(self.ct.path, text)))
        ct_curve = clipped_ct(self.ct.speed, self.ct.values)
        speed, power, ct = joined(self.power.speed, self.power.values, *ct_curve)
        return Turbine(
            name=name,
            rated_power=rated_power or self.highest_power,
            rotor_diameter=rotor_diameter,
            hub_height=hub_height,
            speed=speed,
            power=power,
            ct=ct,
            cut_in=cut_in,
            cut_out=cut_out,
        )
