"""The smart start against picks recorded from TOPFARM itself (benchmarks/record_topfarm.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

from mpi_layout.optimise.start import SmartStart, smart_start
from mpi_layout.site.area import Area
from mpi_layout.site.spacing import Spacing
from mpi_layout.site.turbine import generic_turbine
from mpi_layout.site.weibull import WeibullSite
from mpi_layout.wake.farm import Farm
from mpi_layout.wake.models import TurbOPark

RECORDED = json.loads((Path(__file__).parent / "data" / "topfarm_smart_start.json").read_text())


def name_of(record):
    key = f"{record['area']}_{record['turbine_type']}_s{record['seed']}"
    return f"{key}-{record['n_turbines']}on" + "x".join(map(str, record["grid"]))


def site():
    recorded = RECORDED["site"]
    return WeibullSite(
        recorded["wind_direction_deg"],
        recorded["weibull_a_m_s"],
        recorded["weibull_k"],
        recorded["sector_probability"],
        recorded["turbulence_intensity"],
        recorded["lookup"],
    )


def turbine(record):
    return generic_turbine(
        record["turbine_type"],
        rated_power=record["rated_power_MW"] * 1e6,
        rotor_diameter=record["rotor_diameter_m"],
        hub_height=record["hub_height_m"],
    )


def started(record, **changes):
    arguments = {
        "n_turbines": record["n_turbines"],
        "spacing": Spacing(record["min_spacing_m"]),
        "site": site(),
        "model": TurbOPark(),
        "options": SmartStart(grid=tuple(record["grid"]), best_percent=record["best_percent"]),
        "seed": record["seed"],
    }
    area = Area.from_rings(record["area"], [record["boundary_m"]])
    return smart_start(area, turbine(record), **(arguments | changes))


@pytest.mark.parametrize("record", RECORDED["records"], ids=name_of)
def test_picks_are_topfarms_one_by_one(record):
    x, y = started(record)
    assert x.tolist() == record["x"]
    assert y.tolist() == record["y"]


@pytest.mark.parametrize("record", RECORDED["records"], ids=name_of)
def test_recorded_layouts_have_the_energy_that_pywake_gives_them(record):
    farm = Farm(turbine(record), site().flow_cases(), TurbOPark()).aep(record["x"], record["y"])
    assert farm.aep == pytest.approx(record["aep_GWh"], rel=1e-6)


def test_records_hold_two_whole_configs_and_a_start_bound_by_the_spacing():
    whole = [r for r in RECORDED["records"] if r["grid"] == [18, 18] and r["n_turbines"] >= 66]
    assert len(whole) >= 2

    def closest(record):
        first, second = np.triu_indices(record["n_turbines"], k=1)
        x, y = np.array(record["x"]), np.array(record["y"])
        return np.hypot(x[first] - x[second], y[first] - y[second]).min() / record["min_spacing_m"]

    assert 1 <= min(closest(record) for record in RECORDED["records"]) < 1.1
