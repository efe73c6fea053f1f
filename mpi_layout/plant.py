"""What `evaluate` computes: the wind, the turbine types, the layouts and the wake model, whatever they come from.

A windIO system has them all. A campaign has no layouts; a results file has those of its configs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from mpi_layout.campaign import Campaign, load_campaign
from mpi_layout.errors import InputError
from mpi_layout.formats.faults import input_error, pydantic_faults, unknown_key
from mpi_layout.formats.layouts import Layout, read_csv_layouts, read_windio_layouts
from mpi_layout.formats.windio import WIND_FARM, load_windio
from mpi_layout.formats.windio_model import read_windio_model
from mpi_layout.formats.windio_system import read_windio_system
from mpi_layout.formats.yaml_include import load_with_includes
from mpi_layout.site.area import Area
from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import Site
from mpi_layout.wake.models import MODELS, TURBULENCE_MODELS, WakeModel

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, eq=False)
class Plant:
    """A wind farm, or what one may be built of.

    Attributes
    ----------
    name : str
        Its name.
    site : Site
        The wind.
    areas : tuple of Area
        Where turbines may stand.
    turbine_types : dict of Turbine
        By name, in air of the site's density.
    layouts : tuple of Layout
        Alternatives to each other; may be none.
    model : WakeModel
        The wake model.
    notes : tuple of str
        What was asked for and is not computed, a line each.
    """

    name: str
    site: Site
    areas: tuple[Area, ...]
    turbine_types: Mapping[str, Turbine]
    layouts: tuple[Layout, ...]
    model: WakeModel
    notes: tuple[str, ...] = ()
