"""The wake model that a windIO system asks for, in the words of this program.

windIO names parts of models, and leaves defaults and much of their meaning to the program that reads
them. The wake expansion is k = k_a + k_b TI, as its schema says: with k_b it depends on the turbulence
at the source, and a model that computes that is taken. What has no counterpart here is named, so that
nobody takes it for granted. Deflection is left out without a word: nothing here is yawed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_K_A = 0.04  # the schema's default, where k_b is given alone

_SUPERPOSITION = {"Linear": "linear_sum", "Squared": "squared_sum", "Max": "max_sum"}
_INDUCTION = {"1D": "momentum", "Madsen": "madsen"}
_ADDED_TURBULENCE = {"STF2017": "Linear", "CrespoHernandez": "Max"}  # and how it adds up
_ROTOR_MEAN = {
    "NOJ": "area_overlap",
    "NOJLocal": "area_overlap",
    "BastankhahGaussian": "gaussian_overlap",
    "NiayifarGaussian": "gaussian_overlap",
    "TurbOPark": "gaussian_overlap",
}
_OF_TURBULENCE = ("NOJLocal", "NiayifarGaussian")


@dataclass(frozen=True)
class ModelChoice:
    """A wake model by its name.

    Attributes
    ----------
    name : str
        Usual name of the model.
    parameters : dict
        Those that differ from the model's defaults.
    notes : tuple of str
        What was asked for and is not computed, a line each.
    """

    name: str
    parameters: Mapping[str, Any]
    notes: tuple[str, ...]


def read_windio_model(attributes: Mapping[str, Any]) -> ModelChoice:
    """Model of the plain, validated values of a windIO system's `attributes`; TurbOPark if they name none."""
    analysis = attributes.get("analysis", {})
    deficit = analysis.get("wind_deficit_model", {})
    name, parameters = _deficit(deficit)
    parameters |= _parts(name, analysis)
    notes = [
        *_deficit_notes(name, parameters, deficit),
        *_part_notes(name, analysis),
        *_run_notes(attributes.get("model_outputs_specification", {})),
    ]
    return ModelChoice(name, parameters, tuple(notes))


def _deficit(deficit: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and expansion of the model."""
    expansion = deficit.get("wake_expansion_coefficient", {})
    k_a, k_b = expansion.get("k_a"), expansion.get("k_b", 0)
    local = {"k_turbulence": k_b, "k_constant": _K_A if k_a is None else k_a}
    constant = {} if k_a is None else {"k": k_a}
    match deficit.get("name"):
        case "Jensen":
            return ("NOJLocal", local) if k_b else ("NOJ", constant)
        case "Bastankhah2014":
            width = {"ceps": deficit["ceps"]} if "ceps" in deficit else {}
            if not k_b:
                return "BastankhahGaussian", constant | width
            speed = {"local_speed": deficit["use_effective_ws"]} if "use_effective_ws" in deficit else {}
            return "NiayifarGaussian", local | width | speed
        case "TurbOPark":
            return "TurbOPark", {"A": k_b} if k_b else {}
    return "TurbOPark", {}


def _parts(name: str, analysis: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that say how wakes arise, add up and act on a rotor."""
    added = analysis.get("turbulence_model", {}).get("name")
    induction = _INDUCTION.get(analysis.get("axial_induction_model", ""))
    average = analysis.get("rotor_averaging", {}).get("wake_averaging")
    parts = {
        "superposition": _SUPERPOSITION.get(
            analysis.get("superposition_model", {}).get("ws_superposition", "")
        ),
        "turbulence": added if name in _OF_TURBULENCE and added in _ADDED_TURBULENCE else None,
        "induction": None if name == "TurbOPark" else induction,
        "rotor_average": {"center": "centre", "grid": _ROTOR_MEAN[name]}.get(average or ""),
    }
    return {key: value for key, value in parts.items() if value is not None}


def _deficit_notes(name: str, parameters: Mapping[str, Any], deficit: Mapping[str, Any]) -> Iterator[str]:
    at = "attributes.analysis.wind_deficit_model"
    asked = deficit.get("name")
    if asked is None:
        yield f"{at}: names no model; TurbOPark is taken"
    elif asked not in ("Jensen", "Bastankhah2014", "TurbOPark"):
        yield f"{at}: {asked} is not known here; TurbOPark is taken"
    expansion = deficit.get("wake_expansion_coefficient", {})
    if name == "TurbOPark" and expansion.get("k_a"):
        yield f"{at}.wake_expansion_coefficient.k_a: TurbOPark has no such part; left out"
    if name in _OF_TURBULENCE and expansion.get("free_stream_ti"):
        yield f"{at}.wake_expansion_coefficient.free_stream_ti: the turbulence in the wakes is taken"
    effective = parameters.get("local_speed", name == "NOJLocal")
    if deficit.get("use_effective_ws", effective) != effective:
        yield f"{at}.use_effective_ws: {name} takes the {'effective' if effective else 'free'} wind speed"


def _part_notes(name: str, analysis: Mapping[str, Any]) -> Iterator[str]:
    at = "attributes.analysis"
    sums = analysis.get("superposition_model", {})
    if (speeds := sums.get("ws_superposition")) not in (None, *_SUPERPOSITION):
        yield f"{at}.superposition_model.ws_superposition: {speeds} is not known here; the model's is taken"
    added = analysis.get("turbulence_model", {}).get("name")
    if name in _OF_TURBULENCE and added is not None:
        if added not in _ADDED_TURBULENCE:
            yield f"{at}.turbulence_model: {added} is not known here; the model's is taken"
        elif sums.get("ti_superposition", _ADDED_TURBULENCE[added]) != _ADDED_TURBULENCE[added]:
            yield f"{at}.superposition_model.ti_superposition: {added} takes {_ADDED_TURBULENCE[added]}"
    if analysis.get("blockage_model", {}).get("name") not in (None, "None"):
        yield f"{at}.blockage_model: blockage is not computed"


def _run_notes(outputs: Mapping[str, Any]) -> Iterator[str]:
    runs = outputs.get("run_configuration", {})
    restricted = [runs.get(key, {}) for key in ("times_run", "wind_speeds_run", "directions_run")]
    if any("subset" in run or "specific_values" in run for run in restricted):
        yield (
            "attributes.model_outputs_specification.run_configuration: left out; "
            "an annual energy takes the whole wind resource"
        )
