"""Power and thrust curves as people have them: joined to those of a `Turbine`, and whether they can be true.

What is wrong is said without its place, which only the reader of a file knows.
"""

from collections.abc import Iterator

import numpy as np

from mpi_layout.site.turbine import AIR_DENSITY, BETZ_LIMIT, LEAST_STEP, Floats

SPECIFIC_POWER = (150.0, 700.0)  # W/m2
WATTS = {"W": 1.0, "kW": 1e3, "MW": 1e6, "GW": 1e9}
_OF_RATED_POWER = (0.9, 1.1)  # where the highest power of a curve lies
_USUAL_CP = (0.05, BETZ_LIMIT)
_MOST_CT = 2.0  # far above what any rotor has
_ROUNDED_CP = 1.005 * BETZ_LIMIT
_ROUNDING = 1e-7  # of a thousandth
_CUBIC_STEP = 5e-3  # m/s: a straight line misses the cube by less than 1e-6 of rated power


def joined(power_speed: Floats, power: Floats, ct_speed: Floats, ct: Floats) -> tuple[Floats, Floats, Floats]:
    """Join two piecewise linear curves.

    Parameters
    ----------
    power_speed, power : (n,) arrays
        m/s, W.
    ct_speed, ct : (m,) arrays
        m/s, thrust coefficient.

    Returns
    -------
    speed, power, ct : (k,) arrays
        At the speeds of both. If some of these lie closer than a `Turbine` knows, each gives way to
        the thousandths of m/s on its two sides; only between these two the curves change.
    """
    speed = np.union1d(power_speed, ct_speed)
    if np.diff(speed).min() < LEAST_STEP:
        speed = _thousandths_around(speed)
    return speed, np.interp(speed, power_speed, power), np.interp(speed, ct_speed, ct)


def _thousandths_around(speed: Floats) -> Floats:
    thousandths = speed * 1000
    below, above = np.floor(thousandths + _ROUNDING), np.ceil(thousandths - _ROUNDING)
    return np.union1d(below, above) / 1000  # gives the nearest number to each decimal fraction


def cubic_curve(
    rated_power: float, cut_in: float, rated_speed: float, others: Floats
) -> tuple[Floats, Floats]:
    """Power that rises with the cube of the speed above cut-in.

    P = P_rated ((u - u_in) / (u_rated - u_in))^3 from cut-in to rated speed, as in the case studies of
    IEA Wind Task 37 (Baker et al. 2019, "Best practices for wake model and optimization algorithm
    selection in wind farm layout optimization").

    Parameters
    ----------
    rated_power : float
        W.
    cut_in, rated_speed : float
        m/s.
    others : (m,) array
        Speeds that are to be among those of the curve, m/s.

    Returns
    -------
    speed, power : (n,) arrays
        m/s, W.
    """
    nodes = np.union1d(others, [cut_in, rated_speed])
    rising = nodes[(cut_in <= nodes) & (nodes <= rated_speed)]
    speed = np.union1d(nodes, _subdivided(rising, _CUBIC_STEP))
    share = np.clip((speed - cut_in) / (rated_speed - cut_in), 0, 1)
    return speed, rated_power * share**3


def _subdivided(nodes: Floats, step: float) -> Floats:
    """Add values between the nodes, evenly, at most a step apart."""
    counts = np.ceil(np.diff(nodes) / step).astype(int)
    gaps = zip(nodes[:-1], nodes[1:], counts, strict=True)
    return np.concatenate([*(np.linspace(a, b, n, endpoint=False) for a, b, n in gaps), nodes[-1:]])


def power_of_cp(speed: Floats, cp: Floats, rotor_diameter: float) -> Floats:
    """Power, W (n,), of a power coefficient (n,) at wind speeds, m/s (n,)."""
    return cp * _wind_power(speed, rotor_diameter)


def _wind_power(speed: Floats, rotor_diameter: float) -> Floats:
    """Power of the wind through the rotor disc, W (n,)."""
    return 0.5 * AIR_DENSITY * np.pi * rotor_diameter**2 / 4 * speed**3


# ---------------------------------------------------------------- what cannot be true


def table_faults(speed: Floats, values: Floats) -> Iterator[str]:
    """Yield what keeps speeds, m/s (n,), and values (n,) from being a curve."""
    if len(speed) != len(values):
        yield f"has {len(values)} values at {len(speed)} wind speeds"
    falls = np.flatnonzero(np.diff(speed) <= 0)
    if falls.size:
        i = falls[0]
        yield f"wants wind speeds that rise, has {speed[i + 1]:g} m/s after {speed[i]:g}"
    elif speed[-1] - speed[0] < 1:
        yield f"wants wind speeds over 1 m/s or more, has {speed[0]:g} to {speed[-1]:g}"


def rated_power_faults(rated_power: float, rotor_diameter: float, unit: str) -> Iterator[str]:
    """Yield why a rated power, W, that was given in a unit cannot be that of a rotor, m."""
    specific = rated_power / (np.pi * rotor_diameter**2 / 4)
    if not _within(specific, SPECIFIC_POWER):
        low, high = SPECIFIC_POWER
        question = _unit_meant(unit, specific, SPECIFIC_POWER)
        if not question and _within(specific / 4, SPECIFIC_POWER):
            question = f"; is {rotor_diameter:g} m its radius?"
        yield (
            f"{rated_power / WATTS[unit]:g} {unit} on a rotor of {rotor_diameter:g} m is a specific power of "
            f"{specific:g} W/m2, wants {low:g} to {high:g}{question}"
        )


def power_faults(
    speed: Floats, power: Floats, rotor_diameter: float, unit: str, rated_power: float | None = None
) -> Iterator[str]:
    """Yield why a power curve cannot be that of a turbine.

    Parameters
    ----------
    speed, power : (n,) arrays
        m/s, W.
    rotor_diameter : float
        m.
    unit : str
        In which the power was given: W, kW or MW.
    rated_power : float, optional
        W; the highest of the curve by default.
    """
    highest = float(power.max())
    if rated_power is None:
        yield from rated_power_faults(highest, rotor_diameter, unit)
    elif not _within(highest / rated_power, _OF_RATED_POWER):
        low, high = _OF_RATED_POWER
        yield (
            f"reaches {highest / WATTS[unit]:g} {unit}, wants {low:g} to {high:g} of the rated power of "
            f"{rated_power / 1e6:g} MW{_unit_meant(unit, highest / rated_power, _OF_RATED_POWER)}"
        )
    cp = _power_coefficient(speed, power, rotor_diameter)
    i = int(cp.argmax())
    if cp[i] > _ROUNDED_CP:
        yield (
            f"{power[i] / WATTS[unit]:g} {unit} at {speed[i]:g} m/s is a power coefficient of {cp[i]:g}, "
            f"wants at most 16/27{_unit_meant(unit, cp[i], _USUAL_CP)}"
        )


def thrust_faults(power_speed: Floats, power: Floats, ct: Floats, rotor_diameter: float) -> Iterator[str]:
    """Yield why thrust coefficients (m,) cannot be those of a turbine with this power, W, and rotor, m.

    Thrust times wind speed is more than the power that is taken: Cp = Ct (1 - a) with the axial induction
    factor a (momentum theory: M. O. L. Hansen 2015, Aerodynamics of Wind Turbines, ch. 4), so that the
    highest Ct is no less than the highest Cp.
    """
    highest, cp = float(ct.max()), float(_power_coefficient(power_speed, power, rotor_diameter).max())
    if highest > _MOST_CT:
        hint = "; are they percent?" if highest <= 100 * _MOST_CT else ""
        yield f"reaches {highest:g}, wants at most {_MOST_CT:g}{hint}"
    elif highest < cp:
        yield (
            f"reaches {highest:g} only, and the power curve a power coefficient of {cp:.3g}: no rotor takes "
            "power without as much thrust"
        )


def _power_coefficient(speed: Floats, power: Floats, rotor_diameter: float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # hardly any wind, or none
        return np.nan_to_num(power / _wind_power(speed, rotor_diameter), nan=0.0, posinf=np.inf)


def hub_faults(hub_height: float, rotor_diameter: float) -> Iterator[str]:
    """Yield that a rotor, m, would reach the ground."""
    if hub_height <= rotor_diameter / 2:
        yield f"{hub_height:g} m is not above the rotor radius of {rotor_diameter / 2:g} m"


def clipped_ct(speed: Floats, ct: Floats) -> tuple[Floats, Floats]:
    """Clip thrust coefficients to 1, beyond which the wake models have no root.

    Parameters
    ----------
    speed, ct : (n,) arrays
        m/s, thrust coefficient.

    Returns
    -------
    speed, ct : (m,) arrays
        With the speeds at which the curve passes 1.
    """
    i = np.flatnonzero((ct[:-1] > 1) != (ct[1:] > 1))
    passes = speed[i] + (1 - ct[i]) / (ct[i + 1] - ct[i]) * (speed[i + 1] - speed[i])
    both = np.union1d(speed, passes)
    return both, np.minimum(1, np.interp(both, speed, ct))


def _unit_meant(given: str, value: float, limits: tuple[float, float]) -> str:
    """Question whether another unit was meant, with which the value would be within limits."""
    for unit, watts in WATTS.items():
        if unit != given and _within(value * watts / WATTS[given], limits):
            return f"; is this {unit} given as {given}?"
    return ""


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
