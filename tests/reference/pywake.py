"""PyWake's wake models, sites and turbines, built from ours, to compare with."""

import warnings
from functools import partial

import numpy as np
import xarray as xr
from py_wake import deficit_models, turbulence_models
from py_wake.deficit_models.noj import NOJDeficit, NOJLocalDeficit
from py_wake.deficit_models.utils import ct2a_madsen, ct2a_mom1d
from py_wake.ground_models.ground_models import Mirror
from py_wake.literature.gaussian_models import Niayifar_PorteAgel_2016
from py_wake.literature.noj import Jensen_1983
from py_wake.literature.turbopark import Nygaard_2022
from py_wake.rotor_avg_models.area_overlap_model import AreaOverlapAvgModel
from py_wake.rotor_avg_models.gaussian_overlap_model import GaussianOverlapAvgModel
from py_wake.site import XRSite
from py_wake.site.shear import PowerShear
from py_wake.superposition_models import LinearSum, MaxSum, SquaredSum
from py_wake.wind_farm_models.engineering_models import PropagateDownwind
from py_wake.wind_turbines import WindTurbine, WindTurbines
from py_wake.wind_turbines.power_ct_functions import PowerCtTabular

from mpi_layout.wake import models

gaussian = deficit_models.gaussian

READY_MADE = {  # PyWake's own models by our names
    "TurbOPark": Nygaard_2022,
    "NOJ": Jensen_1983,
    "NOJLocal": deficit_models.noj.NOJLocal,
    "BastankhahGaussian": gaussian.BastankhahGaussian,
    "NiayifarGaussian": partial(
        gaussian.NiayifarGaussian, turbulenceModel=turbulence_models.CrespoHernandez()
    ),
    "Niayifar_PorteAgel_2016": Niayifar_PorteAgel_2016,
    "IEA37SimpleBastankhahGaussian": gaussian.IEA37SimpleBastankhahGaussian,
}
SUPERPOSITION = {"squared_sum": SquaredSum, "linear_sum": LinearSum, "max_sum": MaxSum}
INDUCTION = {"madsen": ct2a_madsen, "momentum": ct2a_mom1d}
ROTOR_AVERAGE = {
    "centre": lambda: None,
    "area_overlap": AreaOverlapAvgModel,
    "gaussian_overlap": GaussianOverlapAvgModel,
}
GROUND = {"none": lambda: None, "mirror": lambda: Mirror(superpositionModel=SquaredSum())}


def ready_made(name, site, turbine_types):
    """PyWake's model of that name with PyWake's defaults."""
    with warnings.catch_warnings():  # PyWake would rather be asked for models of the literature
        warnings.filterwarnings("ignore", message=".*not representative of the setup used in the literature")
        return READY_MADE[name](site, machines(turbine_types))


def like(model, site, turbine_types):
    """PyWake's parts put together as a model of ours says, all options included."""
    turbulence = getattr(model, "turbulence", None)
    return PropagateDownwind(
        site,
        machines(turbine_types),
        wake_deficitModel=_deficit(model),
        superpositionModel=SUPERPOSITION[model.superposition](),
        turbulenceModel=None if turbulence is None else _turbulence(turbulence),
    )


def _deficit(model):
    options = {}
    if hasattr(model, "rotor_average"):
        options["rotorAvgModel"] = ROTOR_AVERAGE[model.rotor_average]()
    if hasattr(model, "ground"):
        options["groundModel"] = GROUND[model.ground]()
    if hasattr(model, "induction"):
        options["ct2a"] = INDUCTION[model.induction]
    if hasattr(model, "ct_limit"):
        options |= {"ceps": model.ceps, "ctlim": model.ct_limit}
    if hasattr(model, "k_turbulence"):
        options["a"] = [model.k_turbulence, model.k_constant]
    match model:
        case models.TurbOPark():
            deficit = gaussian.TurboGaussianDeficit(
                ct2a=ct2a_mom1d, A=model.A, cTI=[model.c1, model.c2], **options
            )
            deficit.WS_key = "WS_jlk"  # as Nygaard_2022 sets it: a part of the free wind at the receiver
            return deficit
        case models.NOJ():
            return NOJDeficit(k=model.k, **options)
        case models.NOJLocal():
            return NOJLocalDeficit(**options)
        case models.BastankhahGaussian():
            return gaussian.BastankhahGaussianDeficit(k=model.k, **options)
        case models.NiayifarGaussian():
            return gaussian.NiayifarGaussianDeficit(use_effective_ws=model.local_speed, **options)
        case models.IEA37SimpleBastankhahGaussian():
            deficit = gaussian.IEA37SimpleBastankhahGaussianDeficit()
            deficit._k = model.k
            return deficit
    raise TypeError(model)


def _turbulence(turbulence):
    match turbulence:
        case models.STF2017(c0, c1):
            return turbulence_models.STF2017TurbulenceModel(c=[c0, c1])
        case models.CrespoHernandez(c0, c1, c2, c3, induction):
            return turbulence_models.CrespoHernandez(ct2a=INDUCTION[induction], c=[c0, c1, c2, c3])
    raise TypeError(turbulence)


def machines(turbine_types):
    """PyWake's turbines, numbered as ours."""
    curves = [
        PowerCtTabular(
            t.speed,
            t.power,
            "w",
            t.ct,
            ws_cutin=t.cut_in if t.cut_in > 0.0 else None,
            ws_cutout=t.cut_out if np.isfinite(t.cut_out) else None,
        )
        for t in turbine_types
    ]
    if len(turbine_types) == 1:
        (turbine,) = turbine_types
        return WindTurbine(turbine.name, turbine.rotor_diameter, turbine.hub_height, curves[0])
    names, diameters, heights = zip(
        *((t.name, t.rotor_diameter, t.hub_height) for t in turbine_types), strict=True
    )
    return WindTurbines(names, diameters, heights, curves)


def weibull_site(site, *, speed, shear_exponent=0.0, reference_height=None):
    """PyWake's site for a Weibull site of ours."""
    data = xr.Dataset(
        {
            "Weibull_A": ("wd", site.weibull_a),
            "Weibull_k": ("wd", site.weibull_k),
            "Sector_frequency": ("wd", site.sector_probability),
            "TI": site.turbulence_intensity,
        },
        coords={"wd": site.direction},
    )
    shear = PowerShear(reference_height, shear_exponent) if reference_height is not None else None
    return XRSite(data, interp_method=site.lookup, shear=shear, default_ws=speed)
