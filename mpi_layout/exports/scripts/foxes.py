"""Layouts as a script for foxes, whose wake models have mostly the same equations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mpi_layout.exports.scripts.case import Case
from mpi_layout.exports.scripts.code import (
    MAIN,
    array,
    docstring,
    flow_cases_code,
    layouts_code,
    number,
    running_curves,
)
from mpi_layout.site.turbine import AIR_DENSITY, Turbine
from mpi_layout.wake import models

TOLERANCE = 1e-5  # of an AEP, where nothing differs

_SUPERPOSITION = {"squared_sum": "ws_quadratic", "linear_sum": "ws_linear", "max_sum": "ws_max"}
_INDUCTION = {"madsen": "Madsen", "momentum": "Betz"}
_PARTIAL_WAKES = {"centre": "centre", "area_overlap": "top_hat", "gaussian_overlap": "gaussian"}
_OF_TURBULENCE = models.NOJLocal | models.NiayifarGaussian
_CT_LIMIT = 0.96  # of foxes's TurbOPark


@dataclass(frozen=True)
class Counterpart:
    """foxes's wake model for one of ours.

    Attributes
    ----------
    kind : str
        Its class there.
    options : dict
        Its arguments, as code.
    partial_wakes : str
        How a wake acts on a rotor.
    ground : str
        Whether there is a mirror wake.
    differences : sequence of str
        What foxes computes in another way.
    """

    kind: str
    options: dict[str, str]
    partial_wakes: str
    ground: str
    differences: Sequence[str]


def counterpart(model: models.WakeModel, turbines: Sequence[Turbine]) -> Counterpart:
    """Find foxes's counterpart of a wake model, for wakes of these turbines."""
    kind, options = _deficit(model)
    mirror = getattr(model, "ground", "none") == "mirror"
    return Counterpart(
        kind,
        {"superposition": f'"{_SUPERPOSITION[model.superposition]}{_share(model)}"', **options},
        _PARTIAL_WAKES[getattr(model, "rotor_average", "centre")],
        "ground_mirror" if mirror else "no_ground",
        tuple(_differences(model, mirror, turbines)),
    )


def _share(model: models.WakeModel) -> str:
    """Say of which wind speed a deficit is a share: free or not, at the source or the receiver."""
    if isinstance(model, models.TurbOPark):
        return "_amb_target"
    return "" if model.law.local_speed else "_amb"


def _deficit(model: models.WakeModel) -> tuple[str, dict[str, str]]:
    """Class and arguments, as code."""
    if isinstance(model, models.TurbOPark):
        widening = {"ka": repr(model.A), "ti_var": "FV.AMB_TI"}
        width = {"sbeta_factor": repr(model.ceps), "c1": repr(model.c1), "c2": repr(model.c2)}
        return "TurbOParkWake", {**width, "induction": '"Betz"', **widening}
    induction = {"induction": f'"{_INDUCTION[model.law.induction]}"'}
    if isinstance(model, _OF_TURBULENCE):
        k = {"ka": repr(model.k_turbulence), "kb": repr(model.k_constant), "ti_var": "FV.AMB_TI"}
    else:
        k = {"k": repr(model.k)}
    if isinstance(model, models.NOJ | models.NOJLocal):
        return "JensenWake", induction | k
    if isinstance(model, models.IEA37SimpleBastankhahGaussian):
        return "Bastankhah2014", {"sbeta": "8**-0.5", **induction, **k}
    return "Bastankhah2014", {"sbeta_factor": repr(model.ceps), **induction, **k}


def _differences(model: models.WakeModel, mirror: bool, turbines: Sequence[Turbine]) -> Iterator[str]:
    thrust = max(float(np.max(turbine.ct)) for turbine in turbines)
    if mirror and model.superposition != "squared_sum":
        yield "foxes adds mirror wakes up as it does the others"
    if isinstance(model, models.TurbOPark):
        limit = min(model.ct_limit, _CT_LIMIT)
        if model.ct_limit != _CT_LIMIT and thrust > limit:
            yield f"foxes's TurbOPark has a ct_limit of {_CT_LIMIT}"
    if isinstance(model, models.BastankhahGaussian | models.NiayifarGaussian):
        limited = thrust > model.ct_limit
        if limited or model.induction == "madsen":
            yield "foxes's Bastankhah2014 has other wake widths at the rotor"
    if isinstance(model, _OF_TURBULENCE):
        yield "foxes computes the turbulence of wakes after their deficits, so the ambient one widens them"


def agreement(case: Case) -> str:
    """Say how near the two are, for the reader of the script."""
    differences = counterpart(case.model, case.all_turbines).differences
    if not differences:
        return f"the two agree to {TOLERANCE:g} of the AEP or better"
    return f"{'; '.join(differences)}: AEP differ, the more the more wakes meet"


def foxes_script(case: Case) -> str:
    """Give a script that shows the AEP of layouts by foxes beside that of the results file."""
    other = counterpart(case.model, case.all_turbines)
    parts = [_model(case.model, other), _energy(case), flow_cases_code(case), _turbines(case)]
    body = "\n\n\n".join([*parts, layouts_code(case), MAIN])
    head = docstring(case, "foxes (pip install foxes)", agreement(case))
    imports = "import foxes\nimport foxes.variables as FV\nimport numpy as np\nimport pandas as pd"
    return f"{head}\n\n{imports}\nfrom foxes.models.wake_models.wind import {other.kind}\n\n{body}"


def _model(model: models.WakeModel, other: Counterpart) -> str:
    options = "".join(f"        {name}={value},\n" for name, value in other.options.items())
    return (
        f'PARTIAL_WAKES = "{other.partial_wakes}"\n'
        f'GROUND = "{other.ground}"\n'
        'ENGINE = "single"  # "process" works on all cores\n'
        "\n\n"
        "def wake_model():\n"
        f'    """{models.usual_name(model)} as the campaign has it."""\n'
        f"    return {other.kind}(\n{options}    )"
    )


def _energy(case: Case) -> str:
    cases = case.site.flow_cases()
    fixed, profiles = f"FV.RHO: {AIR_DENSITY}", ""
    if cases.reference_height is not None:
        fixed += f", FV.H: {number(cases.reference_height)}, FV.SHEAR: {number(cases.shear_exponent)}"
        profiles = '        profiles={FV.WS: "ShearedProfile"},\n'
    neighbours = ""
    if case.neighbours is not None:
        neighbours = "    places += list(zip(NEIGHBOUR_X, NEIGHBOUR_Y, NEIGHBOUR_TYPES))\n"
    return f'''\
def aep(layout):
    """Annual energy of a layout, GWh."""
    book = foxes.models.ModelBook()
    book.wake_models["wake"] = wake_model()
    for name, turbine in TURBINES.items():
        curves = pd.DataFrame(turbine["curves"])
        size = {{"H": turbine["hub_height"], "D": turbine["rotor_diameter"]}}
        book.turbine_types[name] = foxes.models.turbine_types.PCtFromTwo(curves, curves, P_unit="kW", **size)
    places = [(x, y, layout["turbine_type"]) for x, y in zip(layout["x"], layout["y"])]
{neighbours}    farm = foxes.WindFarm()
    for x, y, name in places:
        farm.add_turbine(foxes.Turbine(np.array([x, y]), turbine_models=[name]), verbosity=0)
    states = foxes.input.states.StatesTable(
        pd.DataFrame({{FV.WD: DIRECTION, FV.WS: SPEED, FV.TI: TURBULENCE, FV.WEIGHT: PROBABILITY}}),
        output_vars=[FV.WD, FV.WS, FV.TI, FV.RHO],
        fixed_vars={{{fixed}}},
{profiles}    )
    algorithm = foxes.algorithms.Downwind(
        farm,
        states,
        wake_models=["wake"],
        partial_wakes={{"wake": PARTIAL_WAKES}},
        ground_models={{"wake": GROUND}},
        mbook=book,
        verbosity=0,
    )
    with foxes.Engine.new(ENGINE, chunk_size_states=1000, verbosity=0):
        power = algorithm.calc_farm()[FV.P].values  # kW, of each flow case and turbine
    own = power[:, : len(layout["x"])].sum(axis=1)
    return float(np.sum(own * PROBABILITY)) * 8760e-6'''


def _turbines(case: Case) -> str:
    others = case.neighbours
    named = dict(case.turbines)
    if others is not None:
        named |= {f"neighbour_{i}": turbine for i, turbine in enumerate(others.turbine_types)}
    entries = "".join(f'    "{name}": {_turbine(turbine)},\n' for name, turbine in named.items())
    code = f"# Power in kW; curves in the air of the site.\nTURBINES = {{\n{entries}}}"
    if others is None:
        return code
    types = [f"neighbour_{number}" for number in np.asarray(others.type_of).tolist()]
    return "\n".join(
        [
            code,
            "# Turbines of other farms: they cast wakes, and their energy does not count.",
            f"NEIGHBOUR_X = {array(others.x, 0)}",
            f"NEIGHBOUR_Y = {array(others.y, 0)}",
            f"NEIGHBOUR_TYPES = {types}",
        ]
    )


def _turbine(turbine: Turbine) -> str:
    """Give a turbine whose table ends where it stands still: beyond a table foxes's turbines do."""
    speed, power, ct = running_curves(turbine)
    return (
        "{\n"
        f'        "hub_height": {number(turbine.hub_height)},\n'
        f'        "rotor_diameter": {number(turbine.rotor_diameter)},\n'
        '        "curves": {\n'
        f'            "ws": {array(speed, 12)},\n'
        f'            "P": {array(power / 1e3, 12)},\n'
        f'            "ct": {array(ct, 12)},\n'
        "        },\n"
        "    }"
    )
