r"""Record what TOPFARM's own smart start picks, so that the test suite can compare without TOPFARM.

Needs the ``peers`` extra. One run makes one record and merges it into the JSON file at once:

    python benchmarks/record_topfarm.py examples/danish_energy_island.yaml \
        --area farm0 --turbine-type t5 --seed 0

A 66-turbine start on the 18 x 18 grid takes TOPFARM five to ten minutes of CPU and 2 GB of memory, 100
turbines about twenty; ``--grid`` and ``--n-turbines`` make smaller ones. The campaign file is
read as plain YAML, and site, turbine and wake model are built by PyWake: nothing of mpi-layout takes part.
"""

# ruff: noqa: E402 - the number of threads must be set before numpy is imported
import os

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[_pool] = "1"

import argparse
import json
import math
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import yaml

RECORDS = Path(__file__).resolve().parents[1] / "tests" / "data" / "topfarm_smart_start.json"


def build_site(site):
    """Return the campaign's Weibull sectors as the XRSite of the reference campaign."""
    import xarray as xr
    from py_wake.site import XRSite

    def closed(values):  # XRSite wants the first sector again at 360 degrees
        return ("wd", np.append(values, values[0]))

    dataset = xr.Dataset(
        {
            "Weibull_A": closed(site["weibull_a_m_s"]),
            "Weibull_k": closed(site["weibull_k"]),
            "Sector_frequency": closed(site["sector_probability"]),
            "TI": site["turbulence_intensity"],
        },
        coords={"wd": np.append(site["wind_direction_deg"], 360.0)},
    )
    return XRSite(dataset, interp_method=site["lookup"], default_ws=np.arange(3.0, 26.0))


def build_wake_model(campaign, turbine_type):
    """Return PyWake's Nygaard_2022 with the generic turbine of one type; the rated power is in kW."""
    from py_wake.literature.turbopark import Nygaard_2022
    from py_wake.wind_turbines.generic_wind_turbines import GenericWindTurbine

    turbine = GenericWindTurbine(
        turbine_type["name"],
        turbine_type["rotor_diameter_m"],
        turbine_type["hub_height_m"],
        power_norm=turbine_type["rated_power_MW"] * 1000,
    )
    return Nygaard_2022(build_site(campaign["site"]), turbine)


def build_problem(wake_model, boundary, n_turbines, min_spacing):
    """Return the TopFarmProblem; its first positions only say how many turbines there are."""
    from topfarm import TopFarmProblem
    from topfarm.constraint_components.boundary import XYBoundaryConstraint
    from topfarm.constraint_components.spacing import SpacingConstraint
    from topfarm.cost_models.py_wake_wrapper import PyWakeAEPCostModelComponent

    first_x = boundary[:, 0].mean() + np.arange(n_turbines)
    first_y = np.full(n_turbines, boundary[:, 1].mean())
    return TopFarmProblem(
        design_vars={"x": first_x, "y": first_y},
        cost_comp=PyWakeAEPCostModelComponent(wake_model, n_wt=n_turbines),
        constraints=[XYBoundaryConstraint(boundary, "polygon"), SpacingConstraint(min_spacing)],
    )


def smart_start(problem, boundary, grid, best_percent, seed):
    """Run TOPFARM's smart start; return x and y in pick order and the CPU seconds it took."""
    (x_min, y_min), (x_max, y_max) = boundary.min(axis=0), boundary.max(axis=0)
    grid_x, grid_y = np.meshgrid(np.linspace(x_min, x_max, grid[0]), np.linspace(y_min, y_max, grid[1]))
    energy = problem.cost_comp.get_aep4smart_start()
    started = time.process_time()
    x, y = problem.smart_start(
        grid_x, grid_y, energy, random_pct=best_percent, seed=seed, plot=False, show_progress=False
    )[:2]
    return np.asarray(x), np.asarray(y), time.process_time() - started


def n_turbines_of(campaign, turbine_type):
    """Return the number of turbines that the campaign asks for."""
    if "n_turbines" in campaign:
        return campaign["n_turbines"]
    return math.floor(campaign["target_capacity_MW"] / turbine_type["rated_power_MW"] + 1e-9)


def make_record(campaign, area, turbine_type, *, seed, grid, n_turbines):
    """Run TOPFARM for one area, type and seed and return everything a comparison needs."""
    boundary = np.array(area["boundary_m"], dtype=float)
    min_spacing = campaign["min_spacing_D"] * turbine_type["rotor_diameter_m"]
    best_percent = campaign["start"]["best_percent"]
    wake_model = build_wake_model(campaign, turbine_type)
    problem = build_problem(wake_model, boundary, n_turbines, min_spacing)
    x, y, cpu_seconds = smart_start(problem, boundary, grid, best_percent, seed)
    packages = ("numpy", "scipy", "shapely", "xarray", "py_wake", "topfarm")
    return {
        "area": area["name"],
        "turbine_type": turbine_type["name"],
        "seed": seed,
        "grid": list(grid),
        "best_percent": best_percent,
        "n_turbines": n_turbines,
        "min_spacing_m": min_spacing,
        "rated_power_MW": turbine_type["rated_power_MW"],
        "rotor_diameter_m": turbine_type["rotor_diameter_m"],
        "hub_height_m": turbine_type["hub_height_m"],
        "boundary_m": boundary.tolist(),
        "x": x.tolist(),
        "y": y.tolist(),
        "aep_GWh": float(wake_model(x, y).aep().sum()),
        "topfarm_cpu_s": round(cpu_seconds, 2),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
    }


def identity(record):
    """Return what tells one record from another."""
    return [record[key] for key in ("area", "turbine_type", "seed", "grid", "n_turbines", "min_spacing_m")]


def merge(path, site, record):
    """Add the record to the file, in the place of an older one of the same config."""
    content = json.loads(path.read_text()) if path.exists() else {"site": site, "records": []}
    if content["site"] != site:
        raise SystemExit(f"{path} holds records of another site; move it away first")
    others = [other for other in content["records"] if identity(other) != identity(record)]
    records = sorted([*others, record], key=identity)
    body = ",\n".join(one_key_per_line(record) for record in records)
    partial = path.with_suffix(".partial")
    partial.write_text(f'{{"site":\n{one_key_per_line(site)},\n"records": [\n{body}\n]}}\n')
    partial.replace(path)


def one_key_per_line(mapping):
    """Return JSON that a diff can show: one line for each key, long lists included."""
    return (
        "{" + ",\n ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in mapping.items()) + "}"
    )


def named(entries, name):
    """Return the entry of that name."""
    return next(entry for entry in entries if entry["name"] == name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("campaign", type=Path)
    parser.add_argument("--area", required=True)
    parser.add_argument("--turbine-type", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--grid", type=int, nargs=2, help="points along x and y (default: the campaign's)")
    parser.add_argument("--n-turbines", type=int, help="default: the campaign's")
    parser.add_argument("--min-spacing-D", type=float, help="rotor diameters; default: the campaign's")
    parser.add_argument("-o", "--output", type=Path, default=RECORDS)
    options = parser.parse_args()

    campaign = yaml.safe_load(options.campaign.read_text())
    if options.min_spacing_D is not None:
        campaign["min_spacing_D"] = options.min_spacing_D
    turbine_type = named(campaign["turbine_types"], options.turbine_type)
    record = make_record(
        campaign,
        named(campaign["areas"], options.area),
        turbine_type,
        seed=options.seed,
        grid=options.grid or campaign["start"]["grid"],
        n_turbines=options.n_turbines or n_turbines_of(campaign, turbine_type),
    )
    merge(options.output, campaign["site"], record)
    print(
        f"{record['area']}_{record['turbine_type']}_s{record['seed']}: {record['n_turbines']} turbines, "
        f"AEP {record['aep_GWh']:.4f} GWh, TOPFARM {record['topfarm_cpu_s']:.1f} CPU s -> {options.output}"
    )


if __name__ == "__main__":
    main()
