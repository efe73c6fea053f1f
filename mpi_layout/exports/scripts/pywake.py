"""Layouts as a script for PyWake, which computes the same AEP by the same equations."""

import math

import numpy as np
from numpy.typing import NDArray

from mpi_layout.exports.scripts.case import Case
from mpi_layout.exports.scripts.code import MAIN, array, docstring, imports, layouts_code, number
from mpi_layout.site.turbine import Turbine
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.wake import models

TOLERANCE = 1e-5  # of an AEP
_CASES = 5000  # half a gigabyte with 66 turbines

_HOMES = {
    "AreaOverlapAvgModel": "py_wake.rotor_avg_models.area_overlap_model",
    "BastankhahGaussianDeficit": "py_wake.deficit_models.gaussian",
    "CrespoHernandez": "py_wake.turbulence_models",
    "GaussianOverlapAvgModel": "py_wake.rotor_avg_models.gaussian_overlap_model",
    "IEA37SimpleBastankhahGaussianDeficit": "py_wake.deficit_models.gaussian",
    "LinearSum": "py_wake.superposition_models",
    "MaxSum": "py_wake.superposition_models",
    "Mirror": "py_wake.ground_models.ground_models",
    "NOJDeficit": "py_wake.deficit_models.noj",
    "NOJLocalDeficit": "py_wake.deficit_models.noj",
    "NiayifarGaussianDeficit": "py_wake.deficit_models.gaussian",
    "PowerCtTabular": "py_wake.wind_turbines.power_ct_functions",
    "PowerShear": "py_wake.site.shear",
    "PropagateDownwind": "py_wake.wind_farm_models.engineering_models",
    "STF2017TurbulenceModel": "py_wake.turbulence_models",
    "SquaredSum": "py_wake.superposition_models",
    "TurboGaussianDeficit": "py_wake.deficit_models.gaussian",
    "UniformSite": "py_wake.site",
    "WindTurbine": "py_wake.wind_turbines",
    "WindTurbines": "py_wake.wind_turbines",
    "XRSite": "py_wake.site",
    "ct2a_madsen": "py_wake.deficit_models.utils",
    "ct2a_mom1d": "py_wake.deficit_models.utils",
}
_SUPERPOSITION = {"squared_sum": "SquaredSum()", "linear_sum": "LinearSum()", "max_sum": "MaxSum()"}
_INDUCTION = {"madsen": "ct2a_madsen", "momentum": "ct2a_mom1d"}
_ROTOR_AVERAGE = {
    "centre": "None",
    "area_overlap": "AreaOverlapAvgModel()",
    "gaussian_overlap": "GaussianOverlapAvgModel()",
}
_GROUND = {"none": "None", "mirror": "Mirror(superpositionModel=SquaredSum())"}


def pywake_script(case: Case) -> str:
    """Give a script that shows the AEP of layouts by PyWake beside that of the results file."""
    parts = [_wind(case), _model(case.model), _energy(case), _turbines(case), layouts_code(case), MAIN]
    body = "\n\n\n".join(parts)
    head = docstring(
        case, "PyWake (pip install py_wake)", f"the two agree to {TOLERANCE:g} of the AEP or better"
    )
    libraries = "import numpy as np\nimport xarray as xr" if "xr." in body else "import numpy as np"
    return f"{head}\n\n{libraries}\n{imports(body, _HOMES)}\n\n{body}"


# ---------------------------------------------------------------- turbines


def _turbines(case: Case) -> str:
    entries = "".join(f"    {name!r}: {_turbine(turbine)},\n" for name, turbine in case.turbines.items())
    code = f"# Curves in the air of the site.\nTURBINES = {{\n{entries}}}"
    others = case.neighbours
    if others is None:
        return code
    types = "".join(f"    {_turbine(turbine)},\n" for turbine in others.turbine_types)
    return "\n".join(
        [
            code,
            "# Turbines of other farms: they cast wakes, and their energy does not count.",
            f"NEIGHBOUR_TURBINES = [\n{types}]",
            f"NEIGHBOUR_X = {array(others.x, 0)}",
            f"NEIGHBOUR_Y = {array(others.y, 0)}",
            f"NEIGHBOUR_TYPES = {np.asarray(others.type_of).tolist()}  # counted from 0",
        ]
    )


def _turbine(turbine: Turbine) -> str:
    limits = ""
    if turbine.cut_in > 0:
        limits += f"            ws_cutin={number(turbine.cut_in)},\n"
    if math.isfinite(turbine.cut_out):
        limits += f"            ws_cutout={number(turbine.cut_out)},\n"
    return (
        "WindTurbine(\n"
        f"        {turbine.name!r},\n"
        f"        diameter={number(turbine.rotor_diameter)},\n"
        f"        hub_height={number(turbine.hub_height)},\n"
        "        powerCtFunction=PowerCtTabular(\n"
        f"            ws={array(turbine.speed, 12)},\n"
        f"            power={array(turbine.power, 12)},\n"
        '            power_unit="W",\n'
        f"            ct={array(turbine.ct, 12)},\n"
        f"{limits}        ),\n"
        "    )"
    )


# ---------------------------------------------------------------- wind


def _wind(case: Case) -> str:
    cases = case.site.flow_cases()
    shear = ""
    if cases.reference_height is not None:
        shear = f"PowerShear({number(cases.reference_height)}, {number(cases.shear_exponent)})"
    if isinstance(case.site, WeibullSite):
        return _weibull(case.site, shear)
    count, speed, turbulence, probability = cases.by_direction()
    # PyWake would have its own idea of a table's bins: a series has none.
    return "\n".join(
        [
            "# Flow cases one after the other, with their probabilities.",
            f"SITE = UniformSite(shear={shear or None})",
            "WIND = {",
            f'    "wd": {array(np.repeat(cases.direction, count))},',
            f'    "ws": {array(speed)},',
            f'    "TI": {array(turbulence)},',
            "}",
            f"PROBABILITY = {array(probability, 0)}",
        ]
    )


def _weibull(site: WeibullSite, shear: str) -> str:
    turbulence = site.turbulence_intensity
    ti = f'("wd", {array(turbulence, 12)})' if np.ndim(turbulence) else number(float(turbulence))
    return "\n".join(
        [
            "# Weibull distributions in sectors around their directions.",
            "SITE = XRSite(",
            "    xr.Dataset(",
            "        {",
            f'            "Weibull_A": ("wd", {array(site.weibull_a, 12)}),',
            f'            "Weibull_k": ("wd", {array(site.weibull_k, 12)}),',
            f'            "Sector_frequency": ("wd", {array(site.sector_probability, 12)}),',
            f'            "TI": {ti},',
            "        },",
            f'        coords={{"wd": {array(site.direction, 8)}}},',
            "    ),",
            f'    interp_method="{site.lookup}",',
            *([f"    shear={shear},"] if shear else []),
            ")",
            f'WIND = {{"wd": {_steps(site.flow_direction)}, "ws": {_steps(site.flow_speed)}}}',
        ]
    )


def _steps(values: NDArray[np.float64]) -> str:
    """Give numbers as short as they can be said."""
    first, n = values[0], values.size
    if n > 2 and np.array_equal(values, first + np.arange(n)):
        return f"np.arange({number(first)}, {number(first + n)})"
    return f"np.array({array(values)})"


# ---------------------------------------------------------------- wake model


def _model(model: models.WakeModel) -> str:
    added = getattr(model, "turbulence", None)
    set_up = "".join(f"    {line}\n" for line in _after(model))
    return (
        "def wake_model(turbines):\n"
        f'    """{models.usual_name(model)} as the campaign has it."""\n'
        f"    deficit = {_deficit(model)}\n"
        f"{set_up}"
        "    return PropagateDownwind(\n"
        "        SITE,\n"
        "        turbines,\n"
        "        wake_deficitModel=deficit,\n"
        f"        superpositionModel={_SUPERPOSITION[model.superposition]},\n"
        f"        turbulenceModel={_turbulence(added)},\n"
        "    )"
    )


def _deficit(model: models.WakeModel) -> str:
    options: dict[str, str] = {}
    if isinstance(model, models.TurbOPark):
        options = {"ct2a": "ct2a_mom1d", "A": repr(model.A), "cTI": f"[{model.c1!r}, {model.c2!r}]"}
    elif isinstance(model, models.NOJ | models.BastankhahGaussian):
        options["k"] = repr(model.k)
    elif isinstance(model, models.NiayifarGaussian):
        options["use_effective_ws"] = repr(model.local_speed)
    for key, option, words in (
        ("induction", "ct2a", _INDUCTION),
        ("rotor_average", "rotorAvgModel", _ROTOR_AVERAGE),
        ("ground", "groundModel", _GROUND),
    ):
        if hasattr(model, key):
            options[option] = words[getattr(model, key)]
    if isinstance(model, models.TurbOPark | models.BastankhahGaussian | models.NiayifarGaussian):
        options |= {"ceps": repr(model.ceps), "ctlim": repr(model.ct_limit)}
    if isinstance(model, models.NOJLocal | models.NiayifarGaussian):
        options["a"] = f"[{model.k_turbulence!r}, {model.k_constant!r}]"
    lines = "".join(f"        {name}={value},\n" for name, value in options.items())
    return f"{_DEFICIT[type(model)]}(\n{lines}    )" if lines else f"{_DEFICIT[type(model)]}()"


_DEFICIT = {
    models.TurbOPark: "TurboGaussianDeficit",
    models.NOJ: "NOJDeficit",
    models.NOJLocal: "NOJLocalDeficit",
    models.BastankhahGaussian: "BastankhahGaussianDeficit",
    models.NiayifarGaussian: "NiayifarGaussianDeficit",
    models.NiayifarPorteAgel: "NiayifarGaussianDeficit",
    models.IEA37SimpleBastankhahGaussian: "IEA37SimpleBastankhahGaussianDeficit",
}


def _after(model: models.WakeModel) -> list[str]:
    """Give what PyWake has no argument for."""
    if isinstance(model, models.TurbOPark):
        return ['deficit.WS_key = "WS_jlk"  # a share of the free wind at the receiver, as in Nygaard_2022']
    if isinstance(model, models.IEA37SimpleBastankhahGaussian):
        return [f"deficit._k = {model.k!r}"]
    return []


def _turbulence(added: models.Turbulence | None) -> str:
    if added is None:
        return "None"
    if isinstance(added, models.STF2017):
        return f"STF2017TurbulenceModel(c=[{added.c0!r}, {added.c1!r}])"
    c = f"[{added.c0!r}, {added.c1!r}, {added.c2!r}, {added.c3!r}]"
    return f"CrespoHernandez(ct2a={_INDUCTION[added.induction]}, c={c})"


# ---------------------------------------------------------------- energy


def _energy(case: Case) -> str:
    turbines = 'TURBINES[layout["turbine_type"]]'
    if case.neighbours is None:
        lines = [
            f"    model = wake_model({turbines})",
            '    places = {"x": layout["x"], "y": layout["y"]}',
        ]
    else:
        lines = [
            '    types = [0] * len(layout["x"]) + [1 + number for number in NEIGHBOUR_TYPES]',
            f"    all_turbines = WindTurbines.from_WindTurbine_lst([{turbines}, *NEIGHBOUR_TURBINES])",
            "    model = wake_model(all_turbines)",
            '    x = np.concatenate([layout["x"], NEIGHBOUR_X])',
            '    y = np.concatenate([layout["y"], NEIGHBOUR_Y])',
            '    places = {"x": x, "y": y, "type": types}',
        ]
    lines.append('    own = slice(len(layout["x"]))')
    head = ""
    if isinstance(case.site, WeibullSite):
        lines.append("    return float(model(**places, **WIND).aep().isel(wt=own).sum())")
    else:
        head = f"CASES_AT_A_TIME = {_CASES}  # PyWake keeps all of them in memory\n\n\n"
        lines += [
            "    energy = 0.0",
            "    for start in range(0, len(PROBABILITY), CASES_AT_A_TIME):",
            "        here = slice(start, start + CASES_AT_A_TIME)",
            "        wind = {name: values[here] for name, values in WIND.items()}",
            '        power = model(**places, **wind, time=True).Power.isel(wt=own).sum("wt").values  # W',
            "        energy += np.sum(power * PROBABILITY[here]) * 8760e-9",
            "    return energy",
        ]
    code = "\n".join(lines)
    return f'{head}def aep(layout):\n    """Annual energy of a layout, GWh."""\n{code}'
