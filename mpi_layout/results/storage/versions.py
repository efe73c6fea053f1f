"""Versions of the software that a result depends on."""

import importlib.metadata
import platform

import h5py

_PACKAGES = ("numpy", "scipy", "shapely", "h5py")


def software_versions() -> dict[str, str]:
    """Versions by name: mpi_layout, python, the packages and the HDF5 library."""
    return {
        "mpi_layout": _version("mpi-layout"),
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        "hdf5": h5py.version.hdf5_version,
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"  # run from a source tree
