"""The names for notebooks, and that docs/api.md tells the truth about them."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reference.trial import GENERIC, NAMES, OPTIONS, SITE, layout_of, name_of

import mpi_layout
from mpi_layout.errors import InputError
from mpi_layout.site.wind import FlowCases
from mpi_layout.wake.models import MODELS

GUIDE = (Path(__file__).parents[1] / "docs" / "api.md").read_text()


@pytest.fixture(scope="module")
def names():
    """What the guide's script leaves behind."""
    found: dict[str, object] = {}
    exec("".join(re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)), found)
    return found


def test_the_guide_runs_and_its_shapes_are_true(names):
    assert names["speed"].shape == (360, 23, 20)
    assert names["turbulence"].shape == (8280, 20)
    assert names["west_10"].shape == (1, 20)
    assert names["west_10"].max() == 10 > names["west_10"].min() > 0
    assert names["field"].shape == (60, 100)
    assert names["field"].max() == 9 > names["field"].min()
    energy = names["energy"]
    assert energy.turbine_aep.shape == (20,)
    assert energy.direction_aep.shape == (360,)
    assert energy.turbine_aep.sum() == pytest.approx(energy.aep, rel=1e-12)
    assert energy.direction_aep.sum() == pytest.approx(energy.aep, rel=1e-12)


def test_the_guides_ascent_climbs(names):
    x, y = (a.ravel() * 1200.0 for a in np.meshgrid(range(5), range(4)))
    farm = names["farm"]
    assert farm.aep(names["x"], names["y"]).wake_loss < 0.9 * farm.aep(x, y).wake_loss


def test_the_guides_neighbours_cost_energy(names):
    alone = names["mixed"].aep(names["x"], names["y"])
    energy = names["energy"]
    assert energy.external_wake_loss > 0
    assert alone.aep - energy.aep == pytest.approx(energy.external_wake_loss * energy.gross_aep, rel=1e-9)


def test_every_offered_name_exists_and_is_told_of():
    for name in mpi_layout.__all__:
        assert getattr(mpi_layout, name).__name__ == name
        assert f"`{name}`" in GUIDE
    assert set(mpi_layout.__all__) <= set(dir(mpi_layout))
    assert {model.__name__ for model in MODELS.values()} <= set(mpi_layout.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Windfarm'"):
        mpi_layout.Windfarm  # noqa: B018


def test_what_notebooks_show_is_a_line(names):
    shown = {name: repr(names[name]) for name in ("turbine", "cases", "mixed", "beside", "energy")}
    assert shown["turbine"] == "<turbine type t15: 15 MW, rotor 240 m, hub 150 m>"
    assert shown["cases"] == "<8,280 flow cases: 360 directions x 23 speeds>"
    assert shown["mixed"] == f"<farm of t15, t10 in {shown['cases']}, NOJ>"
    assert shown["beside"].endswith("NOJ, 20 neighbours>")
    energy = names["energy"]
    assert shown["energy"].startswith(f"<{energy.aep:.3f} GWh of 20 turbines; ")
    assert repr(names["year"].flow_cases).endswith(
        f"flow cases in {np.unique(names['series'].direction).size} directions>"
    )


def test_what_notebooks_show_of_a_solution_is_a_line(names):
    square = [(0, 0), (3000, 0), (3000, 3000), (0, 3000)]
    found = mpi_layout.optimise_layout(
        square, names["turbine"], names["site"], n_turbines=2, min_spacing=720, seed=0
    )
    figures = f"{found.aep:.3f} GWh, {found.wake_loss:.2%} lost in wakes, start {found.start_aep:.3f} GWh"
    assert repr(found) == f"<layout of 2 turbines: {figures}>"


@pytest.mark.parametrize("rated_power", [15, 15e3, 15e9])
def test_a_rated_power_in_another_unit_is_refused(rated_power):
    with pytest.raises(ValueError, match="another unit"):
        mpi_layout.generic_turbine("t", rated_power=rated_power, rotor_diameter=240, hub_height=150)


def test_the_package_alone_loads_nothing():
    code = "import sys, mpi_layout; print([m for m in sys.modules if m.startswith(('numpy', 'mpi_layout.'))])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_farm_takes_a_sites_flow_cases_and_air_density():
    layout = layout_of("20 of two types")
    thin = replace(SITE, air_density=1.0)
    ours = mpi_layout.Farm(layout.types, thin, type_of=layout.type_of)
    types = [turbine.at_air_density(1.0) for turbine in layout.types]
    same = mpi_layout.Farm(types, thin.flow_cases(), type_of=layout.type_of)
    assert ours.aep(layout.x, layout.y).aep == same.aep(layout.x, layout.y).aep
    dense = mpi_layout.Farm(layout.types, SITE, type_of=layout.type_of)
    # The thrust coefficients are the same, and so are the wakes: all energies follow the density.
    assert ours.aep(layout.x, layout.y).aep == pytest.approx(
        dense.aep(layout.x, layout.y).aep / 1.225, rel=1e-12
    )


CALM = FlowCases(np.array([0.0]), np.array([9.0]), np.ones((1, 1)), 0.0)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (((), SITE), {}, "at least one turbine type"),
        ((GENERIC, SITE), {"type_of": [0, 3]}, r"type_of needs 2 numbers from 0 to 2"),
        ((GENERIC, CALM), {}, "TurbOPark needs a turbulence intensity above zero"),
    ],
)
def test_a_farm_refuses_what_cannot_be(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        mpi_layout.Farm(*arguments, **options)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([0.0, np.nan], [0.0, 1.0], "finite"),
        ([], [], "n > 0"),
        ([0.0], [0.0, 1.0], "one shape"),
        ([0.0], [0.0], "the farm has 2 turbines, positions are for 1"),
    ],
)
@pytest.mark.parametrize("question", ["aep", "aep_gradient", "effective_speed"])
def test_positions_that_cannot_be_are_refused(question, x, y, message):
    farm = mpi_layout.Farm(GENERIC, SITE, type_of=[0, 1])
    with pytest.raises(ValueError, match=message):
        getattr(farm, question)(x, y)


def test_a_turbine_file_is_loaded_and_faults_name_it(tmp_path):
    windio = pytest.importorskip("windIO")
    folder = Path(windio.__file__).parent / "examples" / "plant" / "plant_energy_turbine"
    turbine = mpi_layout.load_turbine(folder / "IEA37_10MW_turbine.yaml")
    assert turbine.hub_height == 119
    assert turbine.power.max() == pytest.approx(10e6, rel=0.1)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: nothing\n")
    with pytest.raises(InputError, match=r"wrong\.yaml: wants a turbine of windIO"):
        mpi_layout.load_turbine(wrong)


def test_an_unknown_instruction_set_is_refused(monkeypatch):
    monkeypatch.setenv("MPI_LAYOUT_ISA", "sse")
    with pytest.raises(InputError, match="MPI_LAYOUT_ISA: is 'sse'; wants one of generic, avx2, avx512"):
        mpi_layout.Farm(GENERIC, SITE)


@pytest.mark.parametrize(("name", "options"), [*((name, {}) for name in NAMES), *OPTIONS], ids=name_of)
def test_the_gradient_is_finite_on_a_grid_along_the_wind_where_all_kinks_meet(name, options):
    layout = layout_of("100 on a grid")  # wind along rows and diagonals, speeds on points of the curves
    _, d_dx, d_dy = layout.farm(MODELS[name](**options)).aep_gradient(layout.x, layout.y)
    assert np.isfinite([d_dx, d_dy]).all()
    assert 0 < np.abs([d_dx, d_dy]).max() < 1  # GWh/m: no slope runs away
