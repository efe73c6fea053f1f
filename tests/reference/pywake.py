"""PyWake's wake models, sites and turbines, built from ours: the tests and the benchmarks compare with them.

A model is the parts that PyWake's `PropagateDownwind` is made of, so that each can be exchanged; with its
defaults it is PyWake's own ready-made model of that name.
"""

import numpy as np
import xarray as xr
from py_wake.deficit_models.gaussian import (
    BastankhahGaussianDeficit,
    IEA37SimpleBastankhahGaussianDeficit,
    NiayifarGaussianDeficit,
    TurboGaussianDeficit,
)
from py_wake.deficit_models.noj import NOJDeficit, NOJLocalDeficit
from py_wake.deficit_models.utils import ct2a_mom1d
from py_wake.ground_models.ground_models import Mirror
from py_wake.rotor_avg_models.gaussian_overlap_model import GaussianOverlapAvgModel
from py_wake.site import XRSite
from py_wake.site.shear import PowerShear
from py_wake.superposition_models import LinearSum, MaxSum, SquaredSum
from py_wake.turbulence_models.crespo import CrespoHernandez
from py_wake.turbulence_models.stf import STF2017TurbulenceModel
from py_wake.wind_farm_models.engineering_models import PropagateDownwind
from py_wake.wind_turbines import WindTurbine, WindTurbines
from py_wake.wind_turbines.power_ct_functions import PowerCtTabular

SUPERPOSITIONS = {"squared_sum": SquaredSum, "linear_sum": LinearSum, "max_sum": MaxSum}
TURBULENCE = {"STF2017": STF2017TurbulenceModel, "CrespoHernandez": CrespoHernandez}


def turbopark(*, A=0.04, c1=1.5, c2=0.8, ceps=0.25, ct_limit=0.96):
    deficit = TurboGaussianDeficit(
        ct2a=ct2a_mom1d,
        A=A,
        cTI=[c1, c2],
        ceps=ceps,
        ctlim=ct_limit,
        groundModel=Mirror(superpositionModel=SquaredSum()),
        rotorAvgModel=GaussianOverlapAvgModel(),
    )
    deficit.WS_key = "WS_jlk"  # as Nygaard_2022 sets it: a part of the free wind at the receiver
    return {"wake_deficitModel": deficit, "superpositionModel": SquaredSum()}


def noj(*, k=0.1):
    return {"wake_deficitModel": NOJDeficit(k=k), "superpositionModel": SquaredSum()}


def noj_local(*, k=(0.38, 0.004)):
    return {
        "wake_deficitModel": NOJLocalDeficit(a=k),
        "superpositionModel": LinearSum(),
        "turbulenceModel": STF2017TurbulenceModel(),
    }


def bastankhah_gaussian(*, k=0.0324555, ceps=0.2, ct_limit=0.899):
    deficit = BastankhahGaussianDeficit(k=k, ceps=ceps, ctlim=ct_limit)
    return {"wake_deficitModel": deficit, "superpositionModel": SquaredSum()}


def niayifar_gaussian(*, k=(0.38, 0.004), ceps=0.2, ct_limit=0.899):
    return {
        "wake_deficitModel": NiayifarGaussianDeficit(a=k, ceps=ceps, ctlim=ct_limit),
        "superpositionModel": SquaredSum(),
        "turbulenceModel": CrespoHernandez(),
    }


def niayifar_porte_agel(*, k=(0.3837, 0.003678), ceps=0.2, ct_limit=0.899):
    deficit = NiayifarGaussianDeficit(
        ct2a=ct2a_mom1d,
        a=k,
        ceps=ceps,
        ctlim=ct_limit,
        use_effective_ws=True,
        rotorAvgModel=GaussianOverlapAvgModel(),
    )
    return {
        "wake_deficitModel": deficit,
        "superpositionModel": LinearSum(),
        "turbulenceModel": CrespoHernandez(ct2a=ct2a_mom1d, c=[0.73, 0.8325, 0.0325, -0.32]),
    }


def iea37_gaussian(*, k=0.0324555):
    deficit = IEA37SimpleBastankhahGaussianDeficit()
    deficit._k = k
    return {"wake_deficitModel": deficit, "superpositionModel": SquaredSum()}


MODELS = {  # by their usual names
    "TurbOPark": turbopark,
    "NOJ": noj,
    "NOJLocal": noj_local,
    "BastankhahGaussian": bastankhah_gaussian,
    "NiayifarGaussian": niayifar_gaussian,
    "Niayifar_PorteAgel_2016": niayifar_porte_agel,
    "IEA37SimpleBastankhahGaussian": iea37_gaussian,
}


def wind_farm_model(site, turbine_types, parts):
    """The model over a site, for turbine types of ours."""
    return PropagateDownwind(site, machines(turbine_types), **parts)


def machines(turbine_types):
    """PyWake's turbines, numbered as ours."""
    curves = [
        PowerCtTabular(
            t.speed,
            t.power,
            "w",
            t.ct,
            ws_cutin=t.cut_in if getattr(t, "cut_in", 0.0) > 0.0 else None,
            ws_cutout=t.cut_out if np.isfinite(getattr(t, "cut_out", np.inf)) else None,
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
