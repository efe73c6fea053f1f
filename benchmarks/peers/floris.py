"""FLORIS set up for the same farm, in the same wind, with the wake model as close to ours as its settings go.

No shear, no veer, no deflection, no added turbulence; FLORIS averages over 3 x 3 points of each rotor.
"""

import numpy as np
from floris import FlorisModel, WindRose

WAKE = {  # our usual name: FLORIS' velocity model and its parameters
    "TurbOPark": {"turboparkgauss": {"A": 0.04, "include_mirror_wake": True}},
    "NOJ": {"jensen": {"we": 0.1}},
}


def floris_model(name, turbine, flow_cases, x, y):
    """The farm; `aep` runs it."""
    (velocity_model,) = WAKE[name]
    rose = WindRose(
        wind_directions=flow_cases.direction,
        wind_speeds=flow_cases.speed,
        freq_table=flow_cases.probability / flow_cases.probability.sum(),
        ti_table=flow_cases.turbulence_intensity,
    )
    model = FlorisModel(_settings(turbine, velocity_model, WAKE[name]))
    model.set(layout_x=x, layout_y=y, wind_data=rose)
    return model


def aep(model, flow_cases):
    """AEP of the farm, GWh; FLORIS wants probabilities that sum to one, so their sum comes back in here."""
    model.run()
    return float(model.get_farm_AEP()) * 1e-9 * flow_cases.probability.sum()


def _settings(turbine, velocity_model, parameters):
    return {
        "name": "farm",
        "description": velocity_model,
        "floris_version": "v4",
        "logging": {name: {"enable": False, "level": "WARNING"} for name in ("console", "file")},
        "solver": {"type": "turbine_grid", "turbine_grid_points": 3},
        "farm": {"layout_x": [0.0], "layout_y": [0.0], "turbine_type": [_turbine(turbine)]},
        "flow_field": {
            "air_density": 1.225,
            "reference_wind_height": turbine.hub_height,
            "turbulence_intensities": [0.1],
            "wind_directions": [270.0],
            "wind_speeds": [8.0],
            "wind_shear": 0.0,
            "wind_veer": 0.0,
        },
        "wake": {
            "model_strings": {
                "combination_model": "sosfs",
                "deflection_model": "none",
                "turbulence_model": "none",
                "velocity_model": velocity_model,
            },
            "enable_secondary_steering": False,
            "enable_yaw_added_recovery": False,
            "enable_transverse_velocities": False,
            "enable_active_wake_mixing": False,
            "wake_deflection_parameters": {},
            "wake_turbulence_parameters": {},
            "wake_velocity_parameters": parameters,
        },
    }


def _turbine(turbine):
    return {
        "turbine_type": turbine.name,
        "hub_height": turbine.hub_height,
        "rotor_diameter": turbine.rotor_diameter,
        "TSR": 8.0,
        "operation_model": "simple",
        "power_thrust_table": {
            "ref_air_density": 1.225,
            "ref_tilt": 0.0,
            "cosine_loss_exponent_yaw": 1.88,
            "cosine_loss_exponent_tilt": 1.88,
            "wind_speed": np.asarray(turbine.speed).tolist(),
            "power": (np.asarray(turbine.power) * 1e-3).tolist(),  # kW
            "thrust_coefficient": np.asarray(turbine.ct).tolist(),
        },
    }
