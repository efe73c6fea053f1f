"""The energy resource of windIO (its schema plant/energy_resource) as a site.

A quantity of windIO is a number, a list, or `{data, dims}`. The wind of a site is the same everywhere here,
so a quantity may vary over direction and speed, or over time, and over nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.errors import InputError
from mpi_layout.formats.faults import unknown_key
from mpi_layout.formats.safe_yaml import shown
from mpi_layout.site.flaws import TURBULENCE_INTENSITY, WindError, refuse, turbulence_flaws
from mpi_layout.site.series import SeriesSite
from mpi_layout.site.table import TableSite
from mpi_layout.site.turbine import AIR_DENSITY
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.site.wind import Site

Floats = NDArray[np.float64]

# fmt: off
_READ = [
    "time", "wind_direction", "wind_speed", "probability", "weibull_a", "weibull_k", "sector_probability",
    "turbulence_intensity", "reference_height", "shear", "density", "operating",
]
# Where the wind holds, and what the wake models here do not know.
_NOT_USED = [
    "wind_turbine", "x", "y", "height", "LMO", "z0", "k", "epsilon", "potential_temperature",
    "friction_velocity", "ground_temperature", "stability", "ABL_height", "capping_inversion_thickness",
    "capping_inversion_strength", "capping_inversion_height", "lapse_rate", "fc", "tau_x", "tau_y",
]
# fmt: on
_THEIR_NAMES = {
    "direction": "wind_direction",
    "speed": "wind_speed",
    "shear_exponent": "shear.alpha",
    "reference_height": "shear.h_ref",
    "air_density": "density",
}


def read_windio_site(energy_resource: Any, where: str, *, turbulence_intensity: float | None = None) -> Site:
    """Site of a windIO energy resource.

    Weibull sectors are looked up linearly between their centres, as PyWake does with such a file. A
    probability over direction and speed holds for its own directions and speeds; beside `sector_probability`
    it may be the one given the direction. A time series is taken as it is.

    Parameters
    ----------
    energy_resource : dict
        Plain values, what it includes in their place.
    where : str
        What messages call it: its file and its place there.
    turbulence_intensity : float, optional
        For a resource without any.

    Raises
    ------
    InputError
        Naming the place, what was found there and what is wanted.
    """
    if not isinstance(energy_resource, dict):
        raise InputError(f"{where}: wants a windIO energy resource, has {shown(energy_resource)}")
    resource = _Resource(energy_resource.get("wind_resource"), f"{where}.wind_resource", turbulence_intensity)
    try:
        return _site(resource)
    except WindError as error:
        name, bracket, place = error.name.partition("[")
        key = _THEIR_NAMES.get(name, name) + bracket + place
        raise InputError(f"{resource.where}.{key}: {error.text}") from None


def _site(resource: "_Resource") -> Site:
    if "time" in resource:
        return _series_site(resource)
    if "probability" in resource:
        return _table_site(resource)
    missing = [key for key in ("weibull_a", "weibull_k", "sector_probability") if key not in resource]
    if len(missing) == 3:
        text = (
            "wants probability, Weibull sectors (weibull_a, weibull_k, sector_probability) or a time series"
        )
        raise InputError(f"{resource.where}: {text}")
    if missing:
        raise InputError(f"{resource.where}.{missing[0]}: is missing: Weibull sectors need it")
    return _weibull_site(resource)


def _weibull_site(resource: "_Resource") -> WeibullSite:
    direction = resource.coordinate("wind_direction")
    sizes = {"wind_direction": direction.size}
    keys = ("weibull_a", "weibull_k", "sector_probability")
    a, k, probability = (np.broadcast_to(resource.over(sizes, key), direction.size) for key in keys)
    return WeibullSite(
        direction=direction,
        weibull_a=a,
        weibull_k=k,
        sector_probability=probability,
        turbulence_intensity=resource.turbulence(sizes),
        lookup="linear",
        **resource.air(),
    )


def _table_site(resource: "_Resource") -> TableSite:
    direction, speed = resource.coordinate("wind_direction"), resource.coordinate("wind_speed")
    sizes = {"wind_direction": direction.size, "wind_speed": speed.size}
    probability = np.broadcast_to(resource.over(sizes, "probability"), tuple(sizes.values()))
    if "sector_probability" in resource:
        sector = resource.over({"wind_direction": direction.size}, "sector_probability")[:, None]
        with np.errstate(over="ignore"):  # then it is neither
            total = probability.sum(axis=1, keepdims=True)
        if np.allclose(total, 1, rtol=0, atol=1e-3):
            probability = probability * sector
        elif not np.allclose(total, sector, rtol=0, atol=1e-3):
            text = "wants, for each direction, a sum of 1 or of its sector_probability"
            raise InputError(f"{resource.where}.probability: {text}")
    return TableSite(
        direction=direction,
        speed=speed,
        probability=probability,
        turbulence_intensity=resource.turbulence(sizes),
        **resource.air(),
    )


def _series_site(resource: "_Resource") -> SeriesSite:
    time = resource.given["time"]
    n_steps = len(time) if isinstance(time, list) else 1
    sizes = {"time": n_steps}
    direction, speed = (
        np.broadcast_to(resource.over(sizes, key), n_steps) for key in ("wind_direction", "wind_speed")
    )
    return SeriesSite(
        direction=direction,
        speed=speed,
        turbulence_intensity=resource.turbulence(sizes),
        **resource.air(),
    )


@dataclass(frozen=True)
class _Resource:
    """A wind resource, whose quantities are looked up by windIO's names."""

    given: Any
    where: str
    turbulence_intensity: float | None

    def __post_init__(self) -> None:
        if not isinstance(self.given, dict):
            raise InputError(f"{self.where}: wants keys and values, has {shown(self.given)}")
        known = [*_READ, *_NOT_USED]
        for key in self.given:
            if key not in known:
                raise InputError(f"{self.where}.{key}: {unknown_key(str(key), known)}")
        if "operating" in self.given and not (self._values("operating")[0] == 1).all():
            raise InputError(f"{self.where}.operating: turbines that do not operate are not supported")

    def __contains__(self, key: str) -> bool:
        return key in self.given

    def coordinate(self, key: str) -> Floats:
        """Values (n,) of a direction or speed that others vary over; a number counts as one."""
        values, _ = self._values(key)
        if values.ndim > 1 or not values.size:
            raise InputError(f"{self.where}.{key}: wants a list of numbers, has the shape {values.shape}")
        return np.atleast_1d(values)

    def over(self, sizes: Mapping[str, int], key: str) -> Floats:
        """Values of a quantity, an axis for each of these dimensions, of size 1 where it does not vary."""
        values, dims = self._values(key, bare=next(iter(sizes)))
        if others := [dim for dim, n in zip(dims, values.shape, strict=True) if n > 1 and dim not in sizes]:
            text = f"varies over {', '.join(others)}, wants it to vary over {' and '.join(sizes)} alone"
            raise InputError(f"{self.where}.{key}: {text}")
        for dim, n in zip(dims, values.shape, strict=True):
            if n != sizes.get(dim, 1):
                raise InputError(f"{self.where}.{key}: has {n} values over {dim}, wants {sizes.get(dim, 1)}")
        values = values.reshape([n for dim, n in zip(dims, values.shape, strict=True) if dim in sizes])
        kept = [dim for dim in dims if dim in sizes]
        values = values.transpose([kept.index(dim) for dim in sizes if dim in kept])
        return values.reshape([n if dim in kept else 1 for dim, n in sizes.items()])

    def turbulence(self, sizes: Mapping[str, int]) -> float | Floats:
        """Turbulence intensity: a number, or an array as of `over`."""
        if "turbulence_intensity" not in self:
            if self.turbulence_intensity is None:
                text = "is missing: ambient turbulence intensity, a fraction"
                raise InputError(f"{self.where}.turbulence_intensity: {text}")
            return self.turbulence_intensity
        values = self.over(sizes, "turbulence_intensity")
        if "time" not in sizes:  # single steps may be anything
            limits = 0.0, TURBULENCE_INTENSITY[1]  # wake models say whether zero is too little
            refuse(turbulence_intensity=turbulence_flaws(values.squeeze(), limits))
        return float(values.ravel()[0]) if values.size == 1 else values

    def air(self) -> dict[str, Any]:
        """Shear and density, as the sites take them."""
        density = float(self.over({"": 1}, "density")[0]) if "density" in self else AIR_DENSITY
        shear = self.given.get("shear")
        if shear is None:
            return {"air_density": density}
        exponent, height = (self._number("shear", shear, key) for key in ("alpha", "h_ref"))
        reference = self.given.get("reference_height", height)
        if reference != height:
            text = f"has {height:g} m, reference_height is {shown(reference)}"
            raise InputError(f"{self.where}.shear.h_ref: {text}")
        return {"air_density": density, "shear_exponent": exponent, "reference_height": height}

    def _number(self, section: str, values: Any, key: str) -> float:
        value = values.get(key) if isinstance(values, dict) else None
        if not isinstance(value, int | float) or isinstance(value, bool) or not np.isfinite(value):
            raise InputError(f"{self.where}.{section}.{key}: wants a finite number, has {shown(value)}")
        return float(value)

    def _values(self, key: str, bare: str = "") -> tuple[Floats, list[str]]:
        """Values of a quantity and the names of their axes; those of a bare list are over `bare`."""
        if key not in self.given:
            raise InputError(f"{self.where}.{key}: is missing")
        given = self.given[key]
        data, dims = (given.get("data"), given.get("dims")) if isinstance(given, dict) else (given, None)
        try:
            values = np.asarray(data, dtype=float)
        except (TypeError, ValueError):
            raise InputError(f"{self.where}.{key}: wants numbers in equal rows, has {shown(data)}") from None
        if dims is None:
            dims = [bare] * values.ndim if values.ndim < 2 else None
        if (
            not isinstance(dims, list)
            or len(dims) != values.ndim
            or not all(isinstance(d, str) for d in dims)
        ):
            text = f"wants dims that name each of the {values.ndim} axes of its data"
            raise InputError(f"{self.where}.{key}: {text}, has {shown(dims)}")
        return values, dims
