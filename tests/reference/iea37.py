"""The AEP of IEA Wind Task 37's case studies by their own formula, with the wind of windIO's copies.

Model, turbines and published figures: https://github.com/IEAWindTask37/iea37-wflo-casestudies; N. F. Baker et
al., Best practices for wake model and optimization algorithm selection in wind farm layout optimization, AIAA
Scitech 2019.
"""

import pathlib

import numpy as np

CASE_STUDY_1 = {"diameter": 130, "rated_power": 3.35e6, "cut_in": 4, "rated_speed": 9.8}
CASE_STUDIES_3_AND_4 = {"diameter": 198, "rated_power": 10e6, "cut_in": 4, "rated_speed": 11}
RADIUS = {16: 1300.0, 36: 2000.0, 64: 3000.0}  # m, of the circle of case study 1 by number of turbines


def iea37_aep(cases, x, y, *, diameter, rated_power, cut_in, rated_speed):
    """AEP by direction, MWh: the case studies' own Gaussian wakes with Ct 8/9 and cubic power."""
    angle = np.deg2rad(270 - cases.direction)[:, None, None]
    dx, dy = x[:, None] - x, y[:, None] - y  # receiver minus source
    down, cross = dx * np.cos(angle) + dy * np.sin(angle), -dx * np.sin(angle) + dy * np.cos(angle)
    sigma = 0.0324555 * np.maximum(down, 0) + diameter / np.sqrt(8)
    deficit = 1 - np.sqrt(1 - 8 / 9 / (8 * sigma**2 / diameter**2))
    deficit = np.where(down > 0, deficit * np.exp(-0.5 * (cross / sigma) ** 2), 0)
    share = 1 - np.sqrt((deficit**2).sum(axis=-1))  # (n_directions, n)
    effective = share[:, None, :] * cases.speed[:, None]
    power = rated_power * np.clip((effective - cut_in) / (rated_speed - cut_in), 0, 1) ** 3
    return 8760e-6 * (cases.probability * power.sum(axis=-1)).sum(axis=1)


def windio_wind(number):
    """Flow cases of case study "1_2", "3" or "4"."""
    import windIO

    from mpi_layout.formats.windio_site import read_windio_site

    path = _plant() / "plant_energy_resource" / f"IEA37_case_study_{number}_energy_resource.yaml"
    return read_windio_site(windIO.load_yaml(path), number).flow_cases()


def windio_layout(number):
    """Example layout x, y (n,), m, of case study "1_2", "3" or "4"."""
    import windIO

    farm = windIO.load_yaml(_plant() / "plant_wind_farm" / f"IEA37_case_study_{number}_wind_farm.yaml")
    xy = farm["layouts"][0]["coordinates"]
    return np.array(xy["x"]), np.array(xy["y"])


def _plant():
    import windIO

    return pathlib.Path(windIO.__file__).parent / "examples" / "plant"
