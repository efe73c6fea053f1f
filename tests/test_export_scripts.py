"""Scripts for PyWake, FLORIS and foxes: they run as they are, and come to the AEP of the results file."""

import re
import subprocess
import sys

import numpy as np
import pytest

from mpi_layout import cli
from mpi_layout.campaign import parse_campaign
from mpi_layout.exports.scripts import foxes
from mpi_layout.exports.scripts.case import Case
from mpi_layout.exports.scripts.floris import counterpart, floris_script
from mpi_layout.exports.scripts.pywake import TOLERANCE, pywake_script
from mpi_layout.formats.layouts import Layout
from mpi_layout.wake import models
from mpi_layout.wake.farm import Farm

X = [0.0, 900.0, 1800.0, 400.0, 1300.0]
Y = [0.0, 250.0, -100.0, 1100.0, 1500.0]
BASE = """\
name: scripts
areas:
  - name: a
    boundary_m: [[-1000, -1000], [4000, -1000], [4000, 4000], [-1000, 4000]]
turbine_types:
  - {name: t10, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}
seeds: [0]
n_turbines: 5
min_spacing_D: 3
"""
SITES = {
    "nearest": """\
  lookup: nearest
  turbulence_intensity: 0.08
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [9, 10, 11, 12]
  weibull_k: [2, 2, 2.1, 2.2]
  sector_probability: [0.2, 0.2, 0.3, 0.3]
""",
    "few speeds, shear, thin air": """\
  lookup: linear
  turbulence_intensity: [0.06, 0.08, 0.1, 0.12]
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [9, 10, 11, 12]
  weibull_k: [2, 2, 2.1, 2.2]
  sector_probability: [0.2, 0.2, 0.3, 0.3]
  flow_cases: {direction_step_deg: 10, wind_speeds_m_s: [4, 6, 8, 10, 13, 16, 20, 25]}
  shear_exponent: 0.14
  reference_height_m: 80
  air_density_kg_m3: 1.1
""",
}


ROW = [0.0, 900.0, 1800.0, 2700.0, 3600.0], [0.0, 0.0, 0.0, 0.0, 0.0]  # wakes in wakes


def case_of(site, wake="", neighbours="", places=(X, Y)):
    text = f"{BASE}{neighbours}site:\n{site}"
    if wake:
        text += f"wake: {wake}\n"
    campaign = parse_campaign(text)
    problem = campaign.problem(0)
    farm = problem.farm()
    layout = Layout("a_t10_s0", "test", *map(np.array, places), ("t10",) * 5)
    return Case(
        "scripts", "scripts.h5", [layout], [farm.aep(layout.x, layout.y).aep], {"t10": problem.turbine},
        problem.site, problem.model, problem.neighbours,
    )  # fmt: skip


def said_by(script, capsys):
    """Run a script as Python does; both energies that it shows, and its names."""
    names = {"__name__": "__main__"}
    capsys.readouterr()
    exec(compile(script, "script.py", "exec"), names)
    (line,) = capsys.readouterr().out.splitlines()
    shown = re.fullmatch(r"a_t10_s0: (\S+) GWh, in the results file (\S+) GWh: (\S+)", line)
    return float(shown[1]), float(shown[2]), names


def wake_loss(case):
    """Share of the energy of turbines that stand alone."""
    gross = Farm(case.turbines["t10"], case.site.flow_cases(), case.model).aep(X, Y).gross_aep
    return 1 - case.aep[0] / gross


NEIGHBOURS = """\
neighbours:
  - {turbine_type: t10, positions_m: [[-1500, 0], [-1500, 900]]}
"""
# A table: direction and speed with their probabilities; a series of steps.
TABLE = """\
  turbulence_intensity: 0.1
  wind_direction_deg: [0, 90, 180, 270]
  wind_speed_m_s: [6, 10, 14]
  probability: [[0.1, 0.1, 0.05], [0.05, 0.1, 0.05], [0.1, 0.1, 0.05], [0.1, 0.1, 0.1]]
"""
STEPS = """\
  turbulence_intensity: 0.1
  time_series:
    wind_direction_deg: [250, 260, 270, 280, 270]
    wind_speed_m_s: [8, 9.5, 11, 7, 9]
"""
WAKES = ["NOJ", "NOJLocal", "BastankhahGaussian", "NiayifarGaussian", "Niayifar_PorteAgel_2016"]


@pytest.mark.parametrize("site", SITES)
def test_pywake_and_its_weibull_site(site, capsys):
    energy, before, _ = said_by(pywake_script(case_of(SITES[site])), capsys)
    assert energy == pytest.approx(before, rel=TOLERANCE)
    assert before > 100


@pytest.mark.parametrize("wind", [TABLE, STEPS], ids=["table", "steps"])
def test_pywake_with_any_wind_and_neighbours(wind, capsys):
    case = case_of(wind, neighbours=NEIGHBOURS)
    energy, before, names = said_by(pywake_script(case), capsys)
    assert energy == pytest.approx(before, rel=TOLERANCE)
    assert len(names["NEIGHBOUR_X"]) == 2
    alone = case_of(wind)
    assert alone.aep[0] > 1.001 * case.aep[0]  # they are felt


def test_pywake_takes_long_series_in_pieces(monkeypatch, capsys):
    monkeypatch.setattr("mpi_layout.exports.scripts.pywake._CASES", 2)
    energy, before, names = said_by(pywake_script(case_of(STEPS)), capsys)
    assert names["CASES_AT_A_TIME"] == 2 < len(names["PROBABILITY"])
    assert energy == pytest.approx(before, rel=TOLERANCE)


@pytest.mark.parametrize("model", [*WAKES, "IEA37SimpleBastankhahGaussian"])
def test_pywake_has_every_wake_model(model, capsys):
    energy, before, _ = said_by(pywake_script(case_of(STEPS, f"{{model: {model}}}")), capsys)
    assert energy == pytest.approx(before, rel=TOLERANCE)


def test_pywake_takes_every_parameter(capsys):
    wakes = [
        "{model: TurbOPark, A: 0.05, c1: 1.4, c2: 0.7, ceps: 0.3, ct_limit: 0.9, superposition: linear_sum, "
        "rotor_average: centre, ground: none}",
        "{model: NiayifarGaussian, k_turbulence: 0.3, k_constant: 0.01, ground: mirror, induction: momentum, "
        "rotor_average: gaussian_overlap, turbulence: {model: STF2017, c0: 1.4}}",
        "{model: IEA37SimpleBastankhahGaussian, k: 0.05, superposition: max_sum}",
        "{model: NOJ, k: 0.05, induction: momentum, rotor_average: centre}",
    ]
    for wake in wakes:
        energy, before, _ = said_by(pywake_script(case_of(STEPS, wake)), capsys)
        assert energy == pytest.approx(before, rel=TOLERANCE), wake


@pytest.mark.parametrize(
    ("wake", "tolerance"),
    [("{model: TurbOPark}", 3e-3), ("{model: NOJ, k: 0.05}", 1e-2), ("{model: BastankhahGaussian}", None)],
    ids=["TurbOPark", "NOJ", "another"],
)
def test_floris(wake, tolerance, capsys):
    case = case_of(TABLE, wake, neighbours=NEIGHBOURS)
    energy, before, _ = said_by(floris_script(case), capsys)
    other = counterpart(case.model)
    if tolerance is None:
        assert "FLORIS has no BastankhahGaussian" in other.agreement
        assert energy == pytest.approx(before, rel=0.1)  # the same turbines in the same wind, other wakes
        return
    assert energy == pytest.approx(before, rel=tolerance)
    # The wakes are most of what could differ, and are more than that.
    assert wake_loss(case) > 3 * tolerance


def test_floris_says_that_shear_goes_across_the_rotor():
    sheared = case_of(SITES["few speeds, shear, thin air"])
    assert "wind shear goes across the rotor there" in floris_script(sheared)
    assert "shear goes" not in floris_script(case_of(TABLE))
    assert "shear goes" not in floris_script(
        case_of(SITES["few speeds, shear, thin air"], "{model: TurbOPark, rotor_average: centre}")
    )


def test_floris_of_centre_and_parameters():
    def parameters(**wanted):
        return counterpart(models.TurbOPark(**wanted))

    assert parameters(A=0.06).parameters["A"] == 0.06
    assert parameters(ground="none").parameters["include_mirror_wake"] is False
    assert (parameters(rotor_average="centre").rotor_points, parameters().rotor_points) == (1, 3)
    assert parameters(superposition="max_sum").combination == "max"
    assert not parameters(c1=1.4).same
    assert "FLORIS has no TurbOPark with these parameters" in parameters(c1=1.4).agreement


@pytest.fixture
def has_foxes():
    pytest.importorskip("foxes", reason="the test extra has foxes")


def of_foxes(case, capsys):
    """Both energies, and whether the script says that the two agree."""
    energy, before, _ = said_by(foxes.foxes_script(case), capsys)
    other = foxes.counterpart(case.model, case.all_turbines)
    return energy, before, not other.differences


@pytest.mark.parametrize("site", SITES)
def test_foxes_and_its_weibull_site(has_foxes, site, capsys):
    energy, before, agree = of_foxes(case_of(SITES[site]), capsys)
    assert agree
    assert energy == pytest.approx(before, rel=foxes.TOLERANCE)


@pytest.mark.parametrize("wind", [TABLE, STEPS], ids=["table", "steps"])
def test_foxes_with_any_wind_and_neighbours(has_foxes, wind, capsys):
    energy, before, agree = of_foxes(case_of(wind, neighbours=NEIGHBOURS), capsys)
    assert agree
    assert energy == pytest.approx(before, rel=foxes.TOLERANCE)


@pytest.mark.parametrize(
    "wake",
    [
        "{model: TurbOPark, A: 0.05, c1: 1.4, c2: 0.7, ceps: 0.3, superposition: linear_sum, ground: none, "
        "rotor_average: centre}",
        "{model: TurbOPark, superposition: max_sum, ground: none}",
        "{model: NOJ}",
        "{model: NOJ, k: 0.05, induction: momentum, rotor_average: centre, superposition: linear_sum}",
        "{model: BastankhahGaussian, k: 0.05, ceps: 0.25, induction: momentum, ground: mirror, "
        "rotor_average: gaussian_overlap}",
        "{model: IEA37SimpleBastankhahGaussian, k: 0.05}",
    ],
)
def test_foxes_has_the_same_wake_models(has_foxes, wake, capsys):
    case = case_of(STEPS, wake)
    energy, before, agree = of_foxes(case, capsys)
    assert agree
    assert energy == pytest.approx(before, rel=foxes.TOLERANCE)
    assert wake_loss(case) > 0.005


@pytest.mark.parametrize(
    ("wake", "what"),
    [
        ("{model: TurbOPark, superposition: linear_sum}", "foxes adds mirror wakes up as it does the others"),
        ("{model: TurbOPark, ct_limit: 0.7}", "ct_limit of 0.96"),
        ("{model: BastankhahGaussian}", "wake widths at the rotor"),
        ("{model: NOJLocal}", "turbulence of wakes after their deficits"),
        ("{model: Niayifar_PorteAgel_2016}", "turbulence of wakes after their deficits"),
    ],
)
def test_foxes_says_what_differs(has_foxes, wake, what, capsys):
    case = case_of(STEPS, wake, places=ROW)
    energy, before, agree = of_foxes(case, capsys)
    assert not agree
    assert what in foxes.foxes_script(case)
    assert foxes.TOLERANCE < abs(energy / before - 1) < 0.1


@pytest.mark.parametrize("form", ["pywake", "floris", "foxes"])
def test_which_layouts_scripts_have(straight, tmp_path, form, capsys):
    """The best one, or those asked for."""
    out = tmp_path / "script.py"
    best = max(straight.rows, key=lambda row: row["aep"])["key"].decode()
    assert cli.main(["export", str(straight.path), f"--{form}", str(out)]) == 0
    assert f"{out}: the layout of {best}" in capsys.readouterr().out
    assert re.findall(r"\w_t1\d_s\d", out.read_text()) == [best]
    assert cli.main(["export", str(straight.path), f"--{form}", str(out), "--only", "a_*_s1"]) == 2
    assert cli.main(["export", str(straight.path), f"--{form}", str(out), "--only", "a_*_s1", "--force"]) == 0
    assert f"{out}: 2 layouts" in capsys.readouterr().out
    assert re.findall(r"\w_t1\d_s\d", out.read_text()) == ["a_t10_s1", "a_t15_s1"]


def test_no_script_imports_itself(straight, tmp_path, capsys):
    for form, name in (("floris", "floris.py"), ("foxes", "foxes.py"), ("pywake", "numpy.py")):
        out = tmp_path / name
        assert cli.main(["export", str(straight.path), f"--{form}", str(out)]) == 2
        assert f"{out}: a script of this name would import itself" in capsys.readouterr().err
        assert not out.exists()


def test_scripts_have_an_end(straight, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mpi_layout.exports.scripts.case.MOST_LAYOUTS", 2)
    out = tmp_path / "script.py"
    words = ["export", str(straight.path), "--pywake", str(out), "--only"]
    assert cli.main([*words, "a_*_s[01]"]) == 2
    assert "a script takes 2 layouts at most, and more are chosen" in capsys.readouterr().err
    assert not out.exists()
    assert cli.main([*words, "a_*_s1"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("form", ["pywake", "floris", "foxes"])
def test_scripts_of_a_results_file(straight, tmp_path, form):
    """As users run them: by themselves, all directions and speeds."""
    pytest.importorskip("foxes") if form == "foxes" else None
    out = tmp_path / "script.py"
    assert cli.main(["export", str(straight.path), f"--{form}", str(out), "--best-per", "area"]) == 0
    ended = subprocess.run([sys.executable, out], capture_output=True, text=True, timeout=280, check=True)
    shown = re.findall(r": ([\d.]+) GWh, in the results file ([\d.]+) GWh", ended.stdout)
    assert len(shown) == 2
    for energy, before in shown:
        assert float(energy) == pytest.approx(float(before), rel={"floris": 3e-3}.get(form, TOLERANCE))
