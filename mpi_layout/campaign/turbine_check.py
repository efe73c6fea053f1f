"""What is wrong or odd in a turbine type whose single values are well-formed.

Faults: specific power outside 150-700 W/m2; a rotor that reaches the ground; tables that are no
curves, whose highest power is more than 10 % off the rated power, or with a power coefficient above
16/27; power in none or several units; cut-out that is not above cut-in; a file that is no sound turbine.

Warnings: thrust coefficients above 1; power at the end of a table that has no cut-out.
"""

from collections.abc import Iterator

from mpi_layout.campaign.turbine_build import curves_of, power_keys, turbine_of
from mpi_layout.campaign.turbine_spec import (
    POWER_UNITS,
    TabulatedSpec,
    TurbineFileSpec,
    TurbineSpec,
)
from mpi_layout.errors import InputError
from mpi_layout.formats.faults import Fault
from mpi_layout.site.curves import hub_faults, rated_power_faults


def faults(spec: TurbineSpec) -> Iterator[Fault]:
    """Yield the faults of a turbine type, with paths from there."""
    if isinstance(spec, TurbineFileSpec):
        yield from _file_faults(spec)
        return
    for text in hub_faults(spec.hub_height_m, spec.rotor_diameter_m):
        yield Fault(("hub_height_m",), text)
    if spec.rated_power_MW is not None:
        for text in rated_power_faults(spec.rated_power_MW * 1e6, spec.rotor_diameter_m, "MW"):
            yield Fault(("rated_power_MW",), text)
    if isinstance(spec, TabulatedSpec):
        yield from _curve_faults(spec)
    yield from _cut_faults(spec.cut_in_m_s, spec.cut_out_m_s)


def _curve_faults(spec: TabulatedSpec) -> Iterator[Fault]:
    keys = power_keys(spec.curves)
    if len(keys) != 1:
        found = " and ".join(keys) or "none"
        yield Fault(("curves",), f"wants one of {', '.join(POWER_UNITS)}; has {found}")
        return
    rated_power = None if spec.rated_power_MW is None else spec.rated_power_MW * 1e6
    yield from curves_of(spec.curves).faults(spec.rotor_diameter_m, rated_power)


def _file_faults(spec: TurbineFileSpec) -> Iterator[Fault]:
    own = spec.model_copy(update={"hub_height_m": None, "cut_in_m_s": None, "cut_out_m_s": None})
    try:
        turbine = turbine_of(own)
    except InputError as error:
        yield from (Fault(("file",), line) for line in str(error).splitlines())
        return
    if spec.hub_height_m is not None:
        for text in hub_faults(spec.hub_height_m, turbine.rotor_diameter):
            yield Fault(("hub_height_m",), text)
    cut_in = turbine.cut_in if spec.cut_in_m_s is None else spec.cut_in_m_s
    yield from _cut_faults(cut_in, turbine.cut_out if spec.cut_out_m_s is None else spec.cut_out_m_s)


def _cut_faults(cut_in: float | None, cut_out: float | None) -> Iterator[Fault]:
    if cut_out is not None and cut_out <= (cut_in or 0):
        yield Fault(("cut_out_m_s",), f"{cut_out:g} m/s is not above cut-in at {cut_in or 0:g} m/s")


def warnings(spec: TurbineSpec) -> Iterator[Fault]:
    """Yield what is odd in a turbine type without faults, with paths from there."""
    told: list[str] = []
    turbine = turbine_of(spec, told.append)
    for text in told:
        yield Fault((), text)
    if isinstance(spec, TabulatedSpec) and spec.cut_out_m_s is None and turbine.power[-1] > 0:
        text = (
            f"ends with {turbine.power[-1] / 1e6:g} MW at {turbine.speed[-1]:g} m/s, "
            "which stay beyond: give cut_out_m_s if the turbine stops"
        )
        yield Fault(("curves",), text)
