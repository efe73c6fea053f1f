"""Layouts as a script for FLORIS 4, with the wake model of FLORIS that comes nearest.

TurbOPark and Jensen's model have counterparts there, other models have none.
"""

from dataclasses import dataclass
from typing import Any

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

_COMBINATION = {"squared_sum": "sosfs", "linear_sum": "fls", "max_sum": "max"}


@dataclass(frozen=True)
class Counterpart:
    """FLORIS's wake model for one of ours.

    Attributes
    ----------
    velocity_model : str
        Its name there.
    parameters : dict
        Its parameters.
    combination : str
        How deficits add up.
    rotor_points : int
        Points across a rotor, in each direction.
    agreement : str
        How near the two are, for the reader of the script.
    same : bool
        Whether it is the same model at all.
    """

    velocity_model: str
    parameters: dict[str, Any]
    combination: str
    rotor_points: int
    agreement: str
    same: bool = True


def counterpart(model: models.WakeModel) -> Counterpart:
    """Find FLORIS's counterpart of a wake model."""
    combination = _COMBINATION[model.superposition]
    points = 1 if getattr(model, "rotor_average", "centre") == "centre" else 3
    usual = models.TurbOPark()
    if isinstance(model, models.TurbOPark) and all(
        getattr(model, key) == getattr(usual, key) for key in ("c1", "c2", "ceps", "ct_limit")
    ):
        return Counterpart(
            "turboparkgauss",
            {"A": model.A, "include_mirror_wake": model.ground == "mirror"},
            combination,
            points,
            "FLORIS's turboparkgauss has the same equations, but takes the mean over a rotor of nine points: "
            "its AEP is up to 0.3 % lower",
        )
    if isinstance(model, models.NOJ):
        return Counterpart(
            "jensen",
            {"we": model.k},
            combination,
            points,
            "FLORIS's jensen takes the induction from momentum theory, and the mean over a rotor of nine "
            "points: its AEP differs by up to 1 %",
        )
    return Counterpart(
        "gauss",
        {"alpha": 0.58, "beta": 0.077, "ka": 0.38, "kb": 0.004},
        combination,
        points,
        f"FLORIS has no {models.usual_name(model)} with these parameters: the script has FLORIS's own Gauss "
        "model, and its AEP is that of another model",
        same=False,
    )


def agreement(case: Case) -> str:
    """Say how near the two are, for the reader of the script."""
    other = counterpart(case.model)
    sheared = other.rotor_points > 1 and case.site.flow_cases().shear_exponent != 0
    return f"{other.agreement}; wind shear goes across the rotor there" if sheared else other.agreement


def floris_script(case: Case) -> str:
    """Give a script that shows the AEP of layouts by FLORIS beside that of the results file."""
    other = counterpart(case.model)
    parts = [
        _model(other),
        _energy(case, other),
        flow_cases_code(case),
        _turbines(case),
        layouts_code(case),
        MAIN,
    ]
    head = docstring(case, "FLORIS 4 (pip install floris)", agreement(case))
    body = "\n\n\n".join(parts)
    return f"{head}\n\nimport numpy as np\nfrom floris import FlorisModel\n\n{body}"


def _model(other: Counterpart) -> str:
    plain = other.same
    wake = {
        "model_strings": {
            "combination_model": other.combination,
            "deflection_model": "none" if plain else "gauss",
            "turbulence_model": "none" if plain else "crespo_hernandez",
            "velocity_model": other.velocity_model,
        },
        "enable_secondary_steering": False,
        "enable_yaw_added_recovery": False,
        "enable_active_wake_mixing": False,
        "enable_transverse_velocities": False,
        "wake_deflection_parameters": {} if plain else {"gauss": _DEFLECTION},
        "wake_turbulence_parameters": {} if plain else {"crespo_hernandez": _TURBULENCE},
        "wake_velocity_parameters": {other.velocity_model: other.parameters},
    }
    return f"WAKE = {_dictionary(wake, 0)}"


_DEFLECTION = {"ad": 0.0, "alpha": 0.58, "bd": 0.0, "beta": 0.077, "dm": 1.0, "ka": 0.38, "kb": 0.004}
_TURBULENCE = {"initial": 0.1, "constant": 0.5, "ai": 0.8, "downstream": -0.32}


def _dictionary(values: dict[str, Any], indent: int) -> str:
    inner = " " * (indent + 4)
    lines = "".join(
        f'{inner}"{key}": {_dictionary(value, indent + 4) if isinstance(value, dict) else _plain(value)},\n'
        for key, value in values.items()
    )
    return f"{{\n{lines}{' ' * indent}}}" if lines else "{}"


def _plain(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _energy(case: Case, other: Counterpart) -> str:
    cases = case.site.flow_cases()
    turbine = 'TURBINES[layout["turbine_type"]]'
    x, y, types, weights = 'layout["x"]', 'layout["y"]', f'[{turbine}] * len(layout["x"])', ""
    lines = []
    if case.neighbours is not None:
        x, y, types = f"{x} + NEIGHBOUR_X", f"{y} + NEIGHBOUR_Y", f"{types} + NEIGHBOURS"
        lines.append('    weights = [1] * len(layout["x"]) + [0] * len(NEIGHBOURS)')
        weights = ", turbine_weights=np.array([weights])"
    height = f'{turbine}["hub_height"]' if cases.reference_height is None else number(cases.reference_height)
    lines += [
        "    floris = FlorisModel(",
        "        {",
        '            "name": "layout",',
        '            "description": "",',
        '            "floris_version": "v4",',
        '            "logging": {"console": ERRORS, "file": NOTHING},',
        f'            "solver": {{"type": "turbine_grid", "turbine_grid_points": {other.rotor_points}}},',
        '            "farm": {',
        f'                "layout_x": {x},',
        f'                "layout_y": {y},',
        f'                "turbine_type": {types},',
        "            },",
        '            "flow_field": {',
        f'                "air_density": {AIR_DENSITY},',
        f'                "reference_wind_height": {height},',
        '                "turbulence_intensities": [],',
        '                "wind_directions": [],',
        '                "wind_speeds": [],',
        f'                "wind_shear": {number(cases.shear_exponent)},',
        '                "wind_veer": 0.0,',
        "            },",
        '            "wake": WAKE,',
        "        }",
        "    )",
        "    energy = 0.0",
        "    for start in range(0, len(PROBABILITY), CASES_AT_A_TIME):",
        "        here = slice(start, start + CASES_AT_A_TIME)",
        "        floris.set(",
        "            wind_directions=DIRECTION[here],",
        "            wind_speeds=SPEED[here],",
        "            turbulence_intensities=TURBULENCE[here],",
        "        )",
        "        floris.run()",
        f"        energy += floris.get_farm_AEP(freq=PROBABILITY[here]{weights}) / 1e9",
        "    return energy",
    ]
    head = [
        'ERRORS, NOTHING = {"enable": True, "level": "ERROR"}, {"enable": False, "level": "ERROR"}',
        "CASES_AT_A_TIME = 1000  # FLORIS keeps all of them in memory",
        "",
        "",
        "def aep(layout):",
        '    """Annual energy of a layout, GWh."""',
    ]
    return "\n".join([*head, *lines])


def _turbines(case: Case) -> str:
    entries = "".join(
        f'    "{name}": {_turbine(turbine, name)},\n' for name, turbine in case.turbines.items()
    )
    code = f"# Power in kW; curves in the air of the site.\nTURBINES = {{\n{entries}}}"
    others = case.neighbours
    if others is None:
        return code
    # Names of their own: FLORIS takes a type that it has met under that name for another one.
    named = [(turbine, f"neighbour_{i}") for i, turbine in enumerate(others.turbine_types)]
    types = "".join(f"    {_turbine(turbine, name)},\n" for turbine, name in named)
    return "\n".join(
        [
            code,
            "# Turbines of other farms: they cast wakes, and their energy does not count.",
            f"NEIGHBOUR_TURBINES = [\n{types}]",
            f"NEIGHBOURS = [NEIGHBOUR_TURBINES[number] for number in {np.asarray(others.type_of).tolist()}]",
            f"NEIGHBOUR_X = {array(others.x, 0)}",
            f"NEIGHBOUR_Y = {array(others.y, 0)}",
        ]
    )


def _turbine(turbine: Turbine, name: str) -> str:
    """Give a turbine whose table ends where it stands still: beyond a table FLORIS's turbines do."""
    speed, power, ct = running_curves(turbine)
    return (
        "{\n"
        f'        "turbine_type": "{name}",\n'
        f'        "hub_height": {number(turbine.hub_height)},\n'
        f'        "rotor_diameter": {number(turbine.rotor_diameter)},\n'
        '        "TSR": 8.0,\n'
        '        "operation_model": "simple",\n'
        '        "power_thrust_table": {\n'
        f'            "ref_air_density": {AIR_DENSITY},\n'
        '            "ref_tilt": 0.0,\n'
        f'            "wind_speed": {array(speed, 12)},\n'
        f'            "power": {array(power / 1e3, 12)},\n'
        f'            "thrust_coefficient": {array(ct, 12)},\n'
        "        },\n"
        "    }"
    )
