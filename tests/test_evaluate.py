"""Annual energies of given layouts: published ones, PyWake's, and what the command says."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import windIO
import windIO.examples.plant
import xarray

from mpi_layout import cli
from mpi_layout.errors import InputError
from mpi_layout.evaluate import evaluate
from mpi_layout.formats.layouts import read_windio_layouts
from mpi_layout.formats.windio import WIND_FARM, check_windio
from mpi_layout.formats.windio_model import read_windio_model
from mpi_layout.formats.windio_out import windio_farm, windio_text
from mpi_layout.formats.windio_system import windio_turbines
from mpi_layout.formats.windio_turbine import read_windio_turbine
from mpi_layout.formats.yaml_include import load_with_includes
from mpi_layout.named_model import named_model
from mpi_layout.plant import read_layouts, read_plant

EXAMPLES = Path(next(iter(windIO.examples.plant.__path__)))
SYSTEMS = EXAMPLES / "wind_energy_system"
TWO_TYPES = EXAMPLES / "plant_wind_farm" / "multiple_types.yaml"


def system(name):
    return next(SYSTEMS.glob(f"*{name}*.yaml"))


# ---------------------------------------------------------------- energies


def case_study_turbine(turbine, rated_speed):
    """Turbine of the case studies: no Ct curve but 8/9, also where it stands still; a cubic power curve."""
    speed = np.arange(4.0, rated_speed + 5e-4, 1e-3)
    power = turbine.rated_power * np.minimum(1, (speed - 4) / (rated_speed - 4)) ** 3
    thrust = np.full(speed.size, 8 / 9)
    return dataclasses.replace(turbine, speed=speed, power=power, ct=thrust, cut_in=0.0)


@pytest.mark.parametrize(
    ("case", "rated_speed", "mwh"),
    # IEA Wind Task 37, https://github.com/IEAWindTask37/iea37-wflo-casestudies: iea37-ex16, iea37-ex-opt3 and
    # iea37-ex-opt4 with its 360 directions. Their layouts and wind roses are those of windIO's examples.
    [("study_1_2", 9.8, 366941.57116), ("study_3", 11, 938573.62950), ("study_4", 11, 2851096.41)],
)
def test_published_energies_of_the_iea37_case_studies(case, rated_speed, mwh):
    plant = read_plant(system(case))
    types = {key: case_study_turbine(turbine, rated_speed) for key, turbine in plant.turbine_types.items()}
    model = named_model("IEA37SimpleBastankhahGaussian", {}, "test")
    plant = dataclasses.replace(plant, turbine_types=types, model=model)
    evaluation = evaluate(plant, plant.layouts[0])
    # Between its points, 1 mm/s apart, the curve lies on chords of the cube.
    assert evaluation.energy.aep * 1e3 == pytest.approx(mwh, rel=2e-8)
    assert evaluation.outside == 0


def pywake_turbine(turbine):
    from py_wake.wind_turbines import WindTurbine
    from py_wake.wind_turbines.power_ct_functions import PowerCtTabular

    cut_in, cut_out = turbine.cut_in, turbine.cut_out
    inside = (turbine.speed >= cut_in) & (turbine.speed <= cut_out)
    ends = (cut_in, *turbine.speed[inside], cut_out)
    speed = np.array([0, cut_in - 1e-9, *ends, cut_out + 1e-9, 100])
    power, ct = (
        np.array([0, 0, *np.interp(ends, turbine.speed, values), 0, 0])
        for values in (turbine.power, turbine.ct)
    )
    curve = PowerCtTabular(speed, power, "W", ct)
    return WindTurbine(turbine.name, turbine.rotor_diameter, turbine.hub_height, curve)


def pywake_site(path, **settings):
    """Site of a windIO file, made by windIO and PyWake."""
    from py_wake.site import XRSite

    data = windIO.load_yaml(path)["site"]["energy_resource"]["wind_resource"]
    names = {
        "weibull_a": "Weibull_A",
        "weibull_k": "Weibull_k",
        "sector_probability": "Sector_frequency",
        "turbulence_intensity": "TI",
        "wind_direction": "wd",
        "wind_speed": "ws",
        "probability": "P",
    }
    dataset = windIO.dict_to_netcdf(data).rename({old: new for old, new in names.items() if old in data})
    if "P" in dataset and "Sector_frequency" in dataset:
        dataset["P"] = dataset.P * dataset.Sector_frequency
        dataset = dataset.drop_vars("Sector_frequency")
    return XRSite(dataset, **settings)


@pytest.mark.filterwarnings("ignore:The BastankhahGaussian model is not representative")
def test_a_windio_system_agrees_with_pywake():
    """Probabilities by direction and speed, two types, the model that the system asks for."""
    from py_wake import BastankhahGaussian
    from py_wake.wind_turbines import WindTurbines

    plant = read_plant(system("study_3"))
    (layout,) = read_layouts(TWO_TYPES)
    farm = load_with_includes(TWO_TYPES, "test")
    types = {key: read_windio_turbine(values, "test") for key, _, values in windio_turbines(farm, "test")}
    evaluation = evaluate(dataclasses.replace(plant, turbine_types=types), layout)

    turbines = WindTurbines.from_WindTurbine_lst([pywake_turbine(turbine) for turbine in types.values()])
    site = pywake_site(system("study_3"))
    cases = plant.site.flow_cases()
    model = BastankhahGaussian(site, turbines)
    number = {turbine.name: i for i, turbine in enumerate(types.values())}
    type_of = [number[name] for name in layout.turbine_type]
    simulated = model(layout.x, layout.y, type=type_of, wd=cases.direction, ws=cases.speed)
    # PyWake gives bins of uneven speeds their own probability; this is of the table.
    expected = (simulated.Power * xarray.DataArray(cases.probability, dims=("wd", "ws"))).sum(
        ["wd", "ws"]
    ) * 8760e-9
    np.testing.assert_allclose(evaluation.energy.turbine_aep, expected.values, rtol=1e-8)


@pytest.mark.filterwarnings("ignore:The BastankhahGaussian model is not representative")
def test_weibull_sectors_agree_with_pywake():
    from py_wake import BastankhahGaussian

    path = system("weibull")
    plant = read_plant(path)
    (turbine,) = plant.turbine_types.values()
    layout = plant.layouts[0]
    model = BastankhahGaussian(pywake_site(path, interp_method="linear"), pywake_turbine(turbine))
    expected = model(layout.x, layout.y, wd=np.arange(360), ws=np.arange(3, 26)).aep().sum("wd").sum("ws")
    np.testing.assert_allclose(evaluate(plant, layout).energy.turbine_aep, expected.values, rtol=1e-8)


# ---------------------------------------------------------------- models


@pytest.mark.parametrize(
    ("analysis", "name", "parameters"),
    [
        ({}, "TurbOPark", {}),
        ({"wind_deficit_model": {"name": "Jensen"}}, "NOJ", {}),
        (
            {"wind_deficit_model": {"name": "Jensen", "wake_expansion_coefficient": {"k_a": 0.04}}},
            "NOJ",
            {"k": 0.04},
        ),
        (
            {
                "wind_deficit_model": {
                    "name": "Jensen",
                    "wake_expansion_coefficient": {"k_a": 0.01, "k_b": 0.3},
                }
            },
            "NOJLocal",
            {"k_turbulence": 0.3, "k_constant": 0.01},
        ),
        (
            {
                "wind_deficit_model": {"name": "Bastankhah2014", "ceps": 0.23},
                "superposition_model": {"ws_superposition": "Linear"},
                "rotor_averaging": {"wake_averaging": "grid"},
                "axial_induction_model": "1D",
            },
            "BastankhahGaussian",
            {
                "ceps": 0.23,
                "superposition": "linear_sum",
                "rotor_average": "gaussian_overlap",
                "induction": "momentum",
            },
        ),
        (
            {
                "wind_deficit_model": {
                    "name": "Bastankhah2014",
                    "wake_expansion_coefficient": {"k_b": 0.38},
                    "use_effective_ws": True,
                },
                "turbulence_model": {"name": "STF2017"},
            },
            "NiayifarGaussian",
            {"k_turbulence": 0.38, "k_constant": 0.04, "local_speed": True, "turbulence": "STF2017"},
        ),
        (
            {"wind_deficit_model": {"name": "TurbOPark", "wake_expansion_coefficient": {"k_b": 0.06}}},
            "TurbOPark",
            {"A": 0.06},
        ),
    ],
)
def test_the_model_that_a_system_asks_for(analysis, name, parameters):
    choice = read_windio_model({"analysis": analysis})
    assert (choice.name, dict(choice.parameters)) == (name, parameters)
    named_model(choice.name, choice.parameters, "test")  # knows all of them
    assert (not choice.notes) == (analysis != {})


@pytest.mark.parametrize(
    ("analysis", "note"),
    [
        (
            {"wind_deficit_model": {"name": "SuperGaussian"}},
            "wind_deficit_model: SuperGaussian is not known here; TurbOPark is taken",
        ),
        ({"blockage_model": {"name": "Rathmann"}}, "blockage_model: blockage is not computed"),
        (
            {"superposition_model": {"ws_superposition": "Product"}},
            "ws_superposition: Product is not known here",
        ),
        (
            {"wind_deficit_model": {"name": "Jensen", "use_effective_ws": True}},
            "use_effective_ws: NOJ takes the free wind speed",
        ),
    ],
)
def test_what_has_no_counterpart_is_noted(analysis, note):
    assert any(note in line for line in read_windio_model({"analysis": analysis}).notes)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("Janson", {}, "no wake model is called 'Janson'; known are TurbOPark,"),
        ("NOJ", {"kk": 1}, "NOJ: kk: unknown key; is k meant?"),
        ("NOJ", {"k": "wide"}, "NOJ: k: wants a number, has the text 'wide'"),
        ("NOJ", {"k": -1}, "NOJ: k: wants more than 0, has -1"),
        ("NOJ", {"superposition": "product"}, "NOJ: superposition: "),
        ("NOJLocal", {"turbulence": "GCL"}, "NOJLocal: turbulence.model: wants 'STF2017' or"),
    ],
)
def test_faults_of_models(name, parameters, message):
    with pytest.raises(InputError) as error:
        named_model(name, parameters, "--model")
    assert str(error.value).startswith("--model: ")
    assert message in str(error.value)


# ---------------------------------------------------------------- the command


def answer(capsys, *arguments):
    """What `mpi-layout evaluate ... --json` says."""
    assert cli.main(["evaluate", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def complaint(capsys, *arguments):
    assert cli.main(["evaluate", *map(str, arguments)]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(SYSTEMS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_system_is_evaluated(capsys, path):
    said = answer(capsys, path, "--per-turbine")
    (layout,) = said["layouts"]
    assert layout["n_turbines"] == len(layout["turbines"])
    assert layout["aep_GWh"] == pytest.approx(sum(turbine["aep_GWh"] for turbine in layout["turbines"]))
    assert layout["aep_GWh"] == pytest.approx((1 - layout["wake_loss"]) * layout["gross_aep_GWh"])
    assert 0 < layout["wake_loss"] < 0.3
    assert layout["turbines_outside"] == 0


def test_people_read_a_table(capsys):
    assert cli.main(["evaluate", str(system("timeseries")), "--per-turbine"]) == 0
    out = capsys.readouterr().out
    assert "IEA Wind Task 37 Case study 3" in out
    resource = windIO.load_yaml(system("timeseries"))["site"]["energy_resource"]["wind_resource"]
    turbulence = max(resource["turbulence_intensity"]["data"])  # in percent, which windIO does not say
    assert f"note: turbulence_intensity reaches {turbulence:.3g}: it is taken as a fraction" in out
    assert "note: attributes.analysis.blockage_model: blockage is not computed" in out
    assert out.count("IEA Wind Task 37 10MW Offshore Reference Turbine") == 25


def test_another_model_and_its_parameters(capsys):
    path = system("study_3")
    chosen = [answer(capsys, path, "--model", "NOJ", "--model-parameter", f"k={k}") for k in (0.04, 0.1)]
    assert [said["model"]["k"] for said in chosen] == [0.04, 0.1]
    assert chosen[0]["layouts"][0]["wake_loss"] > chosen[1]["layouts"][0]["wake_loss"]
    assert "wants --model, whose parameter it is" in complaint(capsys, path, "--model-parameter", "k=1")
    assert "no wake model is called 'X'" in complaint(capsys, path, "--model", "X")


def test_a_layout_from_a_table_is_the_same_as_from_windio(capsys, tmp_path):
    path = system("study_3")
    expected = answer(capsys, path, "--per-turbine")["layouts"][0]
    table = write_table(tmp_path / "layout.csv", expected["turbines"])
    said = answer(capsys, path, "--layout", table)["layouts"][0]
    assert said["aep_GWh"] == expected["aep_GWh"]
    (tmp_path / "far.csv").write_text("x,y\n0,0\n9000,3000\n")
    assert answer(capsys, path, "--layout", tmp_path / "far.csv")["layouts"][0]["turbines_outside"] == 1


def test_layouts_of_a_results_file_have_the_energies_that_it_holds(capsys, straight):
    said = answer(capsys, straight.path)
    assert [layout["layout"] for layout in said["layouts"]] == straight.keys
    np.testing.assert_allclose(
        [layout["aep_GWh"] for layout in said["layouts"]], straight.rows["aep"], rtol=1e-9
    )
    campaign = straight.path.with_suffix(".yaml")
    some = answer(capsys, campaign, "--layout", straight.path, "--only", "a_t15_*")
    assert some["layouts"] == [layout for layout in said["layouts"] if layout["layout"].startswith("a_t15_")]


def write_table(path, turbines):
    """Write turbines of a JSON answer as a table."""
    lines = ["x_m,y_m", *(f"{turbine['x_m']!r},{turbine['y_m']!r}" for turbine in turbines)]
    path.write_text("\n".join(lines))
    return path


def test_neighbours_cast_wakes_and_do_not_count(capsys, tmp_path):
    path = system("study_3")
    whole = answer(capsys, path, "--per-turbine")["layouts"][0]["turbines"]
    own, others = (
        write_table(tmp_path / "own.csv", whole[:10]),
        write_table(tmp_path / "others.csv", whole[10:]),
    )
    (alone,) = answer(capsys, path, "--layout", own)["layouts"]
    (beside,) = answer(capsys, path, "--layout", own, "--neighbours", others, "--per-turbine")["layouts"]
    np.testing.assert_allclose(
        [turbine["aep_GWh"] for turbine in beside["turbines"]],
        [turbine["aep_GWh"] for turbine in whole[:10]],
        rtol=1e-9,
    )
    assert beside["gross_aep_GWh"] == alone["gross_aep_GWh"]
    lost = (alone["aep_GWh"] - beside["aep_GWh"]) / alone["gross_aep_GWh"]
    assert beside["external_wake_loss"] == pytest.approx(lost, rel=1e-9)
    assert alone["external_wake_loss"] == 0
    far = write_table(tmp_path / "far.csv", [{"x_m": 5e6, "y_m": 5e6}])
    (unharmed,) = answer(capsys, path, "--layout", own, "--neighbours", far)["layouts"]
    assert unharmed["aep_GWh"] == pytest.approx(alone["aep_GWh"], rel=1e-12)
    said = complaint(capsys, path, "--layout", own, "--neighbours", own)
    assert "own.csv and its neighbours: turbines 0 and 10, counted from 0, stand at the same place" in said


def test_neighbours_have_the_types_of_their_own_file(capsys, tmp_path, straight):
    path = system("study_3")
    (alone,) = answer(capsys, path)["layouts"]
    beside = [
        answer(capsys, path, "--neighbours", straight.path, "--neighbours-only", f"a_{name}_s0")["layouts"][0]
        for name in ("t10", "t15")
    ]
    farm = windio_farm(
        "beside", read_plant(straight.path, only="a_t15_s0").layouts, read_plant(straight.path).turbine_types
    )
    (tmp_path / "beside.yaml").write_text(windio_text(farm))
    (written,) = answer(capsys, path, "--neighbours", tmp_path / "beside.yaml")["layouts"]
    assert 0 < beside[0]["external_wake_loss"] < 0.2
    assert written["aep_GWh"] == pytest.approx(beside[1]["aep_GWh"], rel=1e-12)
    assert len({alone["aep_GWh"], *(layout["aep_GWh"] for layout in beside)}) == 3
    assert "wants one layout of neighbours, has 12" in complaint(capsys, path, "--neighbours", straight.path)
    assert cli.main(["evaluate", str(path), "--neighbours", str(tmp_path / "beside.yaml")]) == 0
    assert "of it by neighbours" in capsys.readouterr().out


def test_an_exported_table_is_a_layout_again(capsys, straight, tmp_path):
    assert cli.main(["export", str(straight.path), "--csv", str(tmp_path / "all.csv")]) == 0
    capsys.readouterr()
    again = answer(capsys, straight.path.with_suffix(".yaml"), "--layout", tmp_path / "all.csv")
    assert again["layouts"] == answer(capsys, straight.path)["layouts"]


def test_types_of_another_windio_file_are_found_by_their_names(capsys, tmp_path, straight):
    plant = read_plant(straight.path)
    written = windio_farm("again", plant.layouts, dict(reversed(plant.turbine_types.items())))
    (tmp_path / "again.yaml").write_text(windio_text(written))
    again = answer(capsys, straight.path.with_suffix(".yaml"), "--layout", tmp_path / "again.yaml")
    for new, old in zip(again["layouts"], answer(capsys, straight.path)["layouts"], strict=True):
        assert new["layout"].startswith("layouts[")
        assert new["aep_GWh"] == old["aep_GWh"]


def test_faults_of_the_command(capsys, tmp_path, small_campaign):
    assert "a campaign has no layout" in complaint(capsys, small_campaign)
    (tmp_path / "layout.csv").write_text("x,y\n0,0\n")
    said = complaint(capsys, small_campaign, "--layout", tmp_path / "layout.csv")
    assert "layout.csv: wants a turbine type for each turbine: there are t10, t15" in said
    (tmp_path / "layout.csv").write_text("x,y,type\n0,0,t10\n900,0,t12\n")
    said = complaint(capsys, small_campaign, "--layout", tmp_path / "layout.csv")
    assert "turbine 1, counted from 0: no turbine type is called 't12'; known are t10, t15" in said
    assert "there is no such system or campaign file" in complaint(capsys, tmp_path / "none.yaml")
    assert "there is no such layout file" in complaint(
        capsys, small_campaign, "--layout", tmp_path / "none.csv"
    )


# ---------------------------------------------------------------- written as windIO


def test_what_is_written_as_windio_is_read_the_same(tmp_path, straight):
    plant = read_plant(straight.path)
    mixed = dataclasses.replace(
        plant.layouts[0],
        turbine_type=tuple(["t10", "t15"] * plant.layouts[0].x.size)[: plant.layouts[0].x.size],
    )
    path = tmp_path / "farm.yaml"
    path.write_text(windio_text(windio_farm("both", [*plant.layouts[:2], mixed], plant.turbine_types)))
    data = load_with_includes(path, "test")
    assert data == windIO.load_yaml(path)
    check_windio(data, WIND_FARM, "test")
    for layout, written in zip(read_windio_layouts(data, "test"), [*plant.layouts[:2], mixed], strict=True):
        np.testing.assert_array_equal([layout.x, layout.y], [written.x, written.y])
        assert layout.turbine_type == tuple({"t10": "0", "t15": "1"}[name] for name in written.turbine_type)
    for turbine, (_, _, values) in zip(
        plant.turbine_types.values(), windio_turbines(data, "test"), strict=True
    ):
        again = read_windio_turbine(values, "test")
        for field in dataclasses.fields(turbine):
            if field.name != "cut_out":  # windIO has no turbine without
                np.testing.assert_array_equal(getattr(again, field.name), getattr(turbine, field.name))


def test_layouts_are_written_as_a_windio_farm_and_evaluated_again(capsys, tmp_path):
    path = tmp_path / "farm.yaml"
    system_path = SYSTEMS / "IEA37_case_study_3_wind_energy_system.yaml"
    before = answer(capsys, system_path, "--windio", path)
    check_windio(load_with_includes(path, "test"), WIND_FARM, "test")
    after = answer(capsys, system_path, "--layout", path)
    assert after["layouts"][0]["aep_GWh"] == before["layouts"][0]["aep_GWh"]
    assert "exists already" in complaint(capsys, system_path, "--windio", path)


def test_a_wind_farm_on_standard_output_is_alone_there(capsys, tmp_path):
    system_path = SYSTEMS / "IEA37_case_study_3_wind_energy_system.yaml"
    assert cli.main(["evaluate", str(system_path), "--windio", str(tmp_path / "farm.yaml")]) == 0
    capsys.readouterr()
    assert cli.main(["evaluate", str(system_path), "--windio", "-"]) == 0
    assert capsys.readouterr().out == (tmp_path / "farm.yaml").read_text()
    said = complaint(capsys, system_path, "--windio", "-", "--json")
    assert "--windio - and --json: one of them can have standard output" in said
