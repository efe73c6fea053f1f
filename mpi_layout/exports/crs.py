"""Where on Earth coordinates in metres lie, by pyproj."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.errors import InputError

if TYPE_CHECKING:
    import pyproj

Floats = NDArray[np.float64]

_WGS84 = "OGC:CRS84"  # longitude and latitude, degrees, in this order
_BESIDE = 6.0  # degrees that a projection may be used beside the area that it is made for


def has_pyproj() -> bool:
    """Whether pyproj is installed, without which there is no `Projection`."""
    return find_spec("pyproj") is not None


@dataclass(frozen=True)
class Projection:
    """A coordinate reference system of eastings and northings in metres.

    Attributes
    ----------
    name : str
        As it was given: EPSG:25831, a PROJ string, WKT.
    where : str
        Who gave it, for messages.

    Raises
    ------
    InputError
        If pyproj is missing, does not know it, or its coordinates are no metres east and north.
    """

    name: str
    where: str

    def __post_init__(self) -> None:
        if not has_pyproj():
            raise InputError(
                f"{self.where}: a coordinate reference system needs pyproj: pip install 'mpi-layout[gis]'"
            )
        units = [axis.unit_name for axis in self._crs.axis_info[:2]]
        if not self._crs.is_projected or units != ["metre", "metre"]:
            raise InputError(
                f"{self.where}: {self._crs.name} has no coordinates in metres ({', '.join(units)}); "
                "wants a projected system such as EPSG:25831"
            )
        if "west" in [axis.direction for axis in self._crs.axis_info[:2]]:
            raise InputError(
                f"{self.where}: coordinates of {self._crs.name} run west and south, those of a campaign "
                "east and north: this would be its mirror image"
            )

    @property
    def full_name(self) -> str:
        """Its name in words, such as "ETRS89 / UTM zone 31N"."""
        return str(self._crs.name)

    def grid_mapping(self) -> dict[str, Any]:
        """Attributes of a CF grid mapping; its WKT has what CF has no word for."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return dict(self._crs.to_cf())

    def lon_lat(self, points: ArrayLike) -> Floats:
        """Longitude and latitude (n, 2), degrees, WGS 84, of eastings and northings (n, 2), m.

        Raises
        ------
        InputError
            If a point lies nowhere on Earth.
        """
        x, y = np.asarray(points, float).T
        found = np.column_stack(self._to_degrees.transform(x, y))
        if not np.isfinite(found).all():
            i = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
            raise InputError(f"{self.where}: ({x[i]:.10g}, {y[i]:.10g}) lies nowhere in {self.full_name}")
        return found

    def far_away(self, lon_lat: Floats) -> str | None:
        """Say so if points (n, 2), degrees, lie far from where this system is used."""
        area = self._crs.area_of_use
        if area is None or area.west > area.east:  # not known, or across the date line
            return None
        lowest, highest = lon_lat.min(axis=0), lon_lat.max(axis=0)
        inside = (lowest >= np.array([area.west, area.south]) - _BESIDE) & (
            highest <= np.array([area.east, area.north]) + _BESIDE
        )
        if inside.all():
            return None
        return (
            f"these places lie far outside the area that {self.full_name} is for: {area.name.split(':')[0]}"
        )

    @cached_property
    def _crs(self) -> "pyproj.CRS":
        import pyproj
        from pyproj.exceptions import CRSError

        try:
            return pyproj.CRS.from_user_input(self.name)
        except CRSError:
            raise InputError(
                f"{self.where}: {self.name!r} is no coordinate reference system that PROJ knows; "
                "wants one such as EPSG:25831"
            ) from None

    @cached_property
    def _to_degrees(self) -> "pyproj.Transformer":
        import pyproj

        return pyproj.Transformer.from_crs(self._crs, _WGS84, always_xy=True)
