"""Pieces of Python, written so that people like to read them."""

import math
import re
import textwrap
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpi_layout.exports.scripts.case import Case
from mpi_layout.site.turbine import Turbine

Floats = NDArray[np.float64]

WIDTH = 110
_FASTEST = 100.0  # m/s, end of a curve without cut-out


def array(values: ArrayLike, indent: int = 4) -> str:
    """Give a list of numbers with 15 digits, which is as many as all of them have.

    Parameters
    ----------
    values : (n,) array
        Numbers.
    indent : int
        Spaces before a line that follows another.
    """
    numbers = ", ".join(number(value) for value in np.asarray(values, float).ravel().tolist())
    if len(numbers) + indent < WIDTH - 30:
        return f"[{numbers}]"
    inner = " " * (indent + 4)
    lines = textwrap.fill(numbers, WIDTH, initial_indent=inner, subsequent_indent=inner)
    return f"[\n{lines}\n{' ' * indent}]"


def number(value: float) -> str:
    """Give a number with 15 digits: 0.3 and not 0.30000000000000004."""
    return f"{value:.15g}"


def imports(code: str, homes: Mapping[str, str]) -> str:
    """Give import lines for the names that a piece of code uses.

    Parameters
    ----------
    code : str
        The piece.
    homes : dict of str
        Modules by the names that may be used.
    """
    words = set(re.findall(r"\w+", code))
    used: dict[str, list[str]] = {}
    for name, module in homes.items():
        if name in words:
            used.setdefault(module, []).append(name)
    return "\n".join(
        f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(used.items())
    )


def docstring(case: Case, program: str, agreement: str) -> str:
    """Give the docstring of a script for a program."""
    source = re.sub(r"[^\w. -]", "_", case.source)
    return (
        f'"""Layouts of the campaign {case.name}: their annual energy beside that in {source}.\n\n'
        f'Written by mpi-layout. Needs {program}; {agreement}.\n"""'
    )


def flow_cases_code(case: Case) -> str:
    """Give the flow cases that occur as arrays DIRECTION, SPEED, TURBULENCE and PROBABILITY."""
    cases = case.site.flow_cases()
    count, speed, turbulence, probability = cases.by_direction()
    used = probability > 0
    columns = {
        "DIRECTION": np.repeat(cases.direction, count)[used],
        "SPEED": speed[used],
        "TURBULENCE": turbulence[used],
        "PROBABILITY": probability[used],
    }
    lines = [f"{name} = np.array({array(values, 0)})" for name, values in columns.items()]
    head = [
        "# Flow cases one after the other. Speeds beyond them are missing from the probabilities on purpose:",
        "# they do not add up to 1.",
    ]
    return "\n".join([*head, *lines])


def running_curves(turbine: Turbine) -> tuple[Floats, Floats, Floats]:
    """Give speed (n,), m/s, power (n,), W, and thrust coefficient (n,) from cut-in to cut-out.

    For programs whose turbines stand still beyond their tables.
    """
    last = turbine.cut_out if math.isfinite(turbine.cut_out) else _FASTEST
    inner = turbine.speed[(turbine.speed > turbine.cut_in) & (turbine.speed < last)]
    speed = np.concatenate([[turbine.cut_in], inner, [last]])
    return speed, turbine.power_at(speed), turbine.ct_at(speed)


def layouts_code(case: Case) -> str:
    """Give the layouts as a dictionary."""
    entries = "".join(
        f"    {layout.name!r}: {{\n"
        f'        "turbine_type": {layout.turbine_type[0]!r},\n'
        f'        "x": {array(layout.x, 8)},  # m\n'
        f'        "y": {array(layout.y, 8)},\n'
        f'        "aep_GWh": {aep!r},  # in the results file\n'
        "    },\n"
        for layout, aep in zip(case.layouts, case.aep, strict=True)
        if layout.turbine_type
    )
    return f"LAYOUTS = {{\n{entries}}}"


MAIN = """\
if __name__ == "__main__":
    for key, layout in LAYOUTS.items():
        energy, before = aep(layout), layout["aep_GWh"]
        print(f"{key}: {energy:.4f} GWh, in the results file {before:.4f} GWh: {energy / before - 1:+.1e}")
"""
