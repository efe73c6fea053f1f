"""Turbines of other farms in a campaign: they cast wakes, stay where they are and do not count."""

import csv
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import xarray as xr
import yaml

from mpi_layout import cli
from mpi_layout.campaign import campaign_schema, load_campaign, parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.formats.layouts import Layout, same_place
from mpi_layout.formats.windio_out import windio_farm, windio_text
from mpi_layout.optimise.start import smart_start
from mpi_layout.results.layouts import results_neighbours
from mpi_layout.results.reader import open_reader
from mpi_layout.results.storage.row import seal
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.verify import verify
from mpi_layout.wake.farm import Farm, Neighbours

T10 = {"name": "t10", "rated_power_MW": 10, "rotor_diameter_m": 195, "hub_height_m": 121}
T15 = {"name": "t15", "rated_power_MW": 15, "rotor_diameter_m": 240, "hub_height_m": 150}
WEST = [[-1500.0, 1000.0], [-1200.0, 2500.0], [-1500.0, 4000.0]]
CAMPAIGN = {
    "name": "east",
    "areas": [{"name": "a", "boundary_m": [[0, 0], [6000, 0], [6000, 6000], [0, 6000]]}],
    "turbine_types": [T15],
    "seeds": [0, 1],
    "n_turbines": 5,
    "min_spacing_D": 3,
    "site": {
        "turbulence_intensity": 0.1,
        "wind_direction_deg": [0, 90, 180, 270],
        "weibull_a_m_s": [9, 10, 11, 12],
        "weibull_k": [2, 2, 2.1, 2.2],
        "sector_probability": [0.2, 0.2, 0.3, 0.3],
    },
    "start": {"grid": [8, 8]},
}


def text(*groups, **changes):
    beside = {"neighbours": list(groups)} if groups else {}
    return yaml.safe_dump(CAMPAIGN | changes | beside)


def campaign_of(*groups, **changes):
    return parse_campaign(text(*groups, **changes))


@pytest.fixture
def run(tmp_path):
    """Run a campaign serially; its results file."""

    def run(name, *groups, **changes):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text(*groups, **changes))
        assert cli.main(["run", str(path), "-o", str(path.with_suffix(".h5"))]) == 0
        return open_reader(path.with_suffix(".h5"))

    return run


@pytest.fixture
def load(tmp_path):
    """Load a campaign in the folder of other files."""

    def load(*groups, **changes):
        path = tmp_path / "campaign.yaml"
        path.write_text(text(*groups, **changes))
        return load_campaign(path, results_layout=results_neighbours)

    return load


def placed(row):
    n = row["n_turbines"]
    return row["x"][:n], row["y"][:n]


def assert_same(found, wanted):
    np.testing.assert_allclose([found.x, found.y], [wanted.x, wanted.y])
    for i, j in zip(found.type_of, wanted.type_of, strict=True):
        one, other = found.turbine_types[i], wanted.turbine_types[j]
        assert (one.rotor_diameter, one.hub_height) == (other.rotor_diameter, other.hub_height)
        np.testing.assert_array_equal(one.power, other.power)
        np.testing.assert_array_equal(one.ct, other.ct)


# ---------------------------------------------------------------- what they do


def test_a_row_has_the_energy_of_the_farm_beside_its_neighbours(run):
    results = run("east", {"positions_m": WEST[:2]}, {"positions_m": WEST[2:], "turbine_type": T10})
    own = results.campaign.problem(0)
    t10 = parse_campaign(text(turbine_types=[T10])).problem(0).turbine
    others = Neighbours(*np.transpose(WEST), [own.turbine, t10], np.array([0, 0, 1], np.intc))
    farm = Farm(own.turbine, own.site.flow_cases(), own.model, neighbours=others)
    alone = Farm(own.turbine, own.site.flow_cases(), own.model)
    for row in results.rows:
        found, free = farm.aep(*placed(row)), alone.aep(*placed(row))
        assert row["aep"] == pytest.approx(found.aep, rel=1e-12)
        lost = (free.aep - found.aep) / found.gross_aep
        assert row["external_wake_loss"] == pytest.approx(lost, rel=1e-9)
        assert row["external_wake_loss"] > 0.002
        assert row["wake_loss"] > row["external_wake_loss"]
    assert list(verify(results)) == []


def test_a_campaign_without_neighbours_loses_nothing_to_them(run):
    results = run("alone")
    assert (results.rows["external_wake_loss"] == 0).all()
    assert results.campaign.problem(0).neighbours is None


def test_a_farm_beside_another_has_its_energy_in_the_whole_of_both(run):
    area = {"name": "w", "boundary_m": [[-6000, 0], [-1000, 0], [-1000, 6000], [-6000, 6000]]}
    west = run("west", areas=[area]).rows[1]
    results = run("east", {"results": "west.h5", "key": "w_t15_s1"})
    problem = results.campaign.problem(0)
    for row in results.rows:
        x, y = np.hstack([placed(row), placed(west)])
        whole = Farm(problem.turbine, problem.site.flow_cases(), problem.model).aep(x, y)
        np.testing.assert_allclose(row["turbine_aep"][:5], whole.turbine_aep[:5], rtol=1e-10)


@pytest.mark.parametrize(("north", "free"), [(0.0, 2000.0), (2000.0, 0.0)])
def test_the_start_avoids_their_wakes(north, free):
    square = {"name": "a", "boundary_m": [[-1, -1], [2001, -1], [2001, 2001], [-1, 2001]]}
    west_wind = CAMPAIGN["site"] | {"sector_probability": [0.0, 0.0, 0.0, 1.0]}
    options = {"areas": [square], "site": west_wind, "n_turbines": 1}
    start = {"start": {"grid": [2, 2], "best_percent": 0}}
    problem = campaign_of({"positions_m": [[-1500, north]]}, **options, **start).problem(0)
    _, y = smart_start(
        problem.area, problem.turbine, n_turbines=1, spacing=problem.spacing, site=problem.site,
        model=problem.model, options=problem.start, seed=0, neighbours=problem.neighbours,
    )  # fmt: skip
    assert y[0] == pytest.approx(free, abs=1)


def test_the_example_loses_energy_to_its_neighbours(tmp_path):
    example, path = Path(__file__).parents[1] / "examples" / "neighbours.yaml", tmp_path / "neighbours.h5"
    assert load_campaign(example).warnings == ()
    assert cli.main(["run", str(example), "-o", str(path)]) == 0
    results = open_reader(path)
    assert results.done.all()
    assert (results.rows["external_wake_loss"] > 0.001).all()


def test_verify_computes_what_they_cost_again(run):
    results = run("east", {"positions_m": WEST})
    row = results.rows[:1].copy()
    row["external_wake_loss"] += 1e-6
    seal(row)
    with PlainStore(results.path, results.structure.extents, writable=True) as store:
        store.write_rows(0, row)
    (finding,) = verify(open_reader(results.path))
    assert (finding.key, finding.what) == ("a_t15_s0", "external_wake_loss")


def test_their_air_is_that_of_the_site():
    thin = CAMPAIGN["site"] | {"air_density_kg_m3": 1.1}
    problem = campaign_of({"positions_m": WEST, "turbine_type": T15}, site=thin).problem(0)
    np.testing.assert_array_equal(problem.neighbours.turbine_types[0].power, problem.turbine.power)


def test_xarray_tells_what_they_cost(run):
    path = run("east", {"positions_m": WEST}).path
    with xr.open_dataset(path, engine="h5netcdf") as results:
        loss = results.external_wake_loss
        assert loss.dims == ("config",)
        assert (loss.units, loss.notnull().all()) == ("1", True)
        assert "neighbours" in loss.long_name


# ---------------------------------------------------------------- where they come from


def write_table(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def test_every_way_to_give_them_gives_the_same(tmp_path, load):
    wanted = load({"positions_m": WEST, "turbine_type": "t15"}).problem(0).neighbours
    write_table(tmp_path / "bare.csv", ["x_m", "y_m"], WEST)
    write_table(tmp_path / "typed.csv", ["x", "y", "type"], [[*point, "t15"] for point in WEST])
    two = {"turbine_types": [T10, T15]}
    assert_same(load({"positions_m": WEST}).problem(0).neighbours, wanted)
    assert_same(
        load({"positions_m": WEST, "turbine_type": T15}, turbine_types=[T10]).problem(0).neighbours, wanted
    )
    assert_same(load({"file": "bare.csv"}).problem(0).neighbours, wanted)
    assert_same(load({"file": "bare.csv", "turbine_type": "t15"}, **two).problem(0).neighbours, wanted)
    assert_same(load({"file": "typed.csv"}, **two).problem(0).neighbours, wanted)
    groups = [{"positions_m": [point]} for point in WEST]
    assert_same(load(*groups).problem(0).neighbours, wanted)


def test_a_row_of_a_results_file_brings_its_turbine_type(tmp_path, run, load):
    curves = {"wind_speed_m_s": [3, 12, 25], "power_MW": [0, 10, 10], "ct": [0.8, 0.7, 0.1]}
    turbine = {"name": "v", "rotor_diameter_m": 195, "hub_height_m": 121, "curves": curves, "cut_out_m_s": 25}
    other = run("other", turbine_types=[turbine])
    campaign = load({"results": "other.h5", "key": "a_v_s1"})
    found, row = campaign.problem(0).neighbours, other.rows[1]
    wanted = Neighbours(*placed(row), [other.campaign.problem(1).turbine])
    assert_same(found, wanted)
    assert found.turbine_types[0].cut_out == 25


def test_a_windio_wind_farm_brings_its_turbine_types(tmp_path, load):
    t15 = campaign_of().problem(0).turbine
    turbine = replace(t15, name="theirs")
    layout = Layout("west", "west", *np.transpose(WEST), ("theirs",) * 3)
    (tmp_path / "west.yaml").write_text(windio_text(windio_farm("West", [layout], {"theirs": turbine})))
    found = load({"file": "west.yaml"}, turbine_types=[T10]).problem(0).neighbours
    assert_same(found, Neighbours(*np.transpose(WEST), [t15]))


def test_the_text_needs_no_file(tmp_path, run, load):
    west = run("west", areas=[{"name": "w", "boundary_m": [[-6000, 0], [-1000, 0], [-1000, 6000]]}])
    write_table(tmp_path / "more.csv", ["x_m", "y_m"], [[9000, 0]])
    groups = [{"results": "west.h5", "key": "w_t15_s0"}, {"file": "more.csv"}]
    campaign = load(*groups)
    west.path.unlink()
    (tmp_path / "more.csv").unlink()
    again = parse_campaign(campaign.text)
    assert again.digest == campaign.digest
    assert again.problem(0).neighbours.x.size == 6
    assert_same(again.problem(0).neighbours, campaign.problem(0).neighbours)


def test_the_only_layout_of_a_results_file_needs_no_key(run, load):
    run("west", areas=[{"name": "w", "boundary_m": [[-6000, 0], [-1000, 0], [-1000, 6000]]}], seeds=[7])
    assert load({"results": "west.h5"}).problem(0).neighbours.x.size == 5


def test_the_digest_is_of_the_turbines():
    digest = campaign_of({"positions_m": WEST}).digest
    assert campaign_of({"positions_m": WEST, "description": "the old farm"}).digest == digest
    assert campaign_of({"positions_m": WEST[:2]}).digest != digest
    assert campaign_of({"positions_m": WEST, "turbine_type": T10}).digest != digest
    assert campaign_of().digest != digest


# ---------------------------------------------------------------- what can be wrong or odd


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({}, r".positions_m: is missing"),
        ({"positions_m": []}, r".positions_m: needs at least 1 point, has 0"),
        ({"positions_m": [[1, 2, 3]]}, r".positions_m\[0\]: needs at most 2 coordinates, has 3"),
        ({"positions_m": [[0, 1e9]]}, r".positions_m\[0\]\[1\]: wants at most 1e\+08"),
        ({"positions_m": WEST, "turbine": "t15"}, r".turbine: unknown key; is turbine_type meant"),
        ({"positions_m": WEST, "turbine_type": 15}, r".turbine_type: wants the name of one of turb"),
        (
            {"positions_m": WEST, "turbine_type": "t9"},
            r": turbine_type: no turbine type is called 't9'; known are t15",
        ),
        ({"positions_m": WEST, "turbine_type": T10 | {"hub_height_m": 90}}, r".turbine_type.hub_height_m: "),
        (
            {"positions_m": WEST, "turbine_type": T10 | {"hub_height_m": "x"}},
            r".turbine_type.hub_height_m: wants a number",
        ),
        (
            {"positions_m": [*WEST, WEST[0]]},
            r": positions_m: turbines 0 and 3, counted from 0, stand at the same",
        ),
        ({"file": "none.csv"}, r".file: .*none.csv: there is no such layout file"),
        ({"file": "bad.csv"}, r": bad.csv: line 3: y_m: wants a number of m, has the text 'far'"),
        (
            {"file": "typed.csv"},
            r": typed.csv: turbine 0, counted from 0: no turbine type is called 't10'",
        ),
        ({"file": "far.csv"}, r": a turbine has a coordinate of 1e\+12 m, wants at most 1e\+08 m"),
        ({"file": "empty.yaml"}, r".file: .*empty.yaml"),
        ({"file": "sound.csv", "turbine_type": "t9"}, r": turbine_type: no turbine type is called 't9'"),
        ({"file": "sound.csv", "turbine_type": T10 | {"hub_height_m": 9}}, r".turbine_type.hub_height_m: "),
        ({"file": {"x.yaml": {}}, "turbine_type": "t15"}, r": x.yaml: has turbine types of its own"),
        ({"file": {"x.yaml": {}}}, r": x.yaml: wind_farm: wants turbines"),
        ({"file": {"x.yaml": 5}}, r": x.yaml: wants a table or a windIO wind_farm, has 5"),
        ({"results": "none.h5"}, r".results: .*none.h5"),
        ({"results": "bad.csv"}, r".results: .*bad.csv: "),
        (
            {"results": {"x.h5": {"positions_m": [[0, "y"]]}}},
            r".results: x.h5: positions_m\[0\]\[1\]: wants a number",
        ),
    ],
)
def test_faults_name_their_place(tmp_path, load, group, message):
    (tmp_path / "bad.csv").write_text("x_m,y_m\n0,0\n0,far\n")
    (tmp_path / "typed.csv").write_text("x_m,y_m,turbine_type\n-900,0,t10\n")
    (tmp_path / "sound.csv").write_text("x_m,y_m\n-900,0\n")
    (tmp_path / "far.csv").write_text("x_m,y_m\n0,1e12\n")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(InputError, match=r"1 fault in the campaign\n  neighbours\[0\]" + message):
        load(group)


def test_several_layouts_or_none_are_faults(tmp_path, run, load):
    run("west", areas=[{"name": "w", "boundary_m": [[-6000, 0], [-1000, 0], [-1000, 6000]]}])
    with pytest.raises(InputError, match=r"\[0\].results: .*has 2 layouts, wants key to name one of"):
        load({"results": "west.h5"})
    with pytest.raises(InputError, match=r"\[0\].results: .*no config matches 'w_t15_s9'"):
        load({"results": "west.h5", "key": "w_t15_s9"})


def test_an_alias_with_another_key_is_a_fault(tmp_path, run):
    run("west", areas=[{"name": "w", "boundary_m": [[-6000, 0], [-1000, 0], [-1000, 6000]]}])
    groups = "neighbours: [{results: &w west.h5, key: w_t15_s0}, {results: *w, key: w_t15_s1}]\n"
    path = tmp_path / "campaign.yaml"
    path.write_text(yaml.safe_dump(CAMPAIGN) + groups)
    with pytest.raises(InputError, match=r"neighbours\[1\].results: is an alias of a name with another key"):
        load_campaign(path, results_layout=results_neighbours)


def test_no_group_is_a_fault():
    with pytest.raises(InputError, match="neighbours: needs at least 1 group, has 0"):
        parse_campaign(yaml.safe_dump(CAMPAIGN | {"neighbours": []}))


def test_two_groups_at_the_same_place_are_a_fault():
    with pytest.raises(
        InputError, match=r"neighbours\[1\]: turbine 1, .* place as turbine 2 of neighbours\[0\]"
    ):
        campaign_of({"positions_m": WEST}, {"positions_m": [[-9000, 0], WEST[2]]})


def test_many_at_one_place_are_told_soon():
    with pytest.raises(InputError, match=r"positions_m: turbines 0 and 1, counted from 0, stand at the same"):
        campaign_of({"positions_m": [[-900.0, 0.0]] * 50_000})


def test_places_are_the_same_if_less_than_a_metre_apart():
    seed = np.random.SeedSequence().entropy
    print(f"seed {seed}")
    x, y = np.random.default_rng(seed).uniform(-20, 20, (2, 40))
    for n in range(2, 40):
        near = np.hypot(x[:n, None] - x[:n], y[:n, None] - y[:n])[np.triu_indices(n, 1)] < 1
        assert (same_place(x[:n], y[:n]) is not None) == near.any()


def test_a_faulty_turbine_type_is_told_once():
    with pytest.raises(InputError, match="1 fault in") as caught:
        campaign_of({"positions_m": WEST, "turbine_type": "t15"}, turbine_types=[T15 | {"hub_height_m": 90}])
    assert "neighbours" not in str(caught.value)


def test_too_many_groups_are_refused_soon(load):
    groups = [{"results": "west.h5"}] * 5_000
    with pytest.raises(InputError, match=r"campaign.yaml: neighbours: needs at most 1,000 groups, has 5,000"):
        load(*groups)


def test_results_files_need_their_reader(tmp_path):
    path = tmp_path / "campaign.yaml"
    path.write_text(text({"results": "west.h5"}))
    with pytest.raises(InputError, match=r"neighbours\[0\].results: .*results_layout"):
        load_campaign(path)


def test_neighbours_in_or_close_to_an_area_are_odd():
    assert campaign_of({"positions_m": WEST}).warnings == ()
    (inside,) = campaign_of({"positions_m": [*WEST, [3000, 3000]]}).warnings
    assert inside.startswith("neighbours[0]: turbine 3, counted from 0, stands inside area a")
    (close,) = campaign_of({"positions_m": [[-700, 3000], [-719, 1000], [-721, 0]]}).warnings
    assert close.startswith("neighbours[0]: turbine 0, counted from 0, stands 700 m from area a (1 more")


def test_odd_turbines_of_windio_are_warnings(caplog):
    curves = {
        "rated_power": 5e6,
        "power_curve": {"power_wind_speeds": [3, 12, 25], "power_values": [0, 5e6, 5e6]},
        "Ct_curve": {"Ct_wind_speeds": [3, 12, 25], "Ct_values": [1.1, 0.6, 0.1]},
    }
    turbine = {"name": "v", "hub_height": 100, "rotor_diameter": 150, "performance": curves}
    farm = {"layouts": {"coordinates": {"x": [-900], "y": [0]}}, "turbines": turbine}
    campaign = campaign_of({"file": {"v.yaml": farm}})
    assert campaign.problem(0).neighbours.turbine_types[0].ct.max() == 1
    (warning,) = campaign.warnings
    assert warning.startswith(
        "neighbours[0]: v.yaml: wind_farm.turbines: performance.Ct_curve.Ct_values: 1.1 is"
    )
    assert not caplog.records


def test_the_schema_knows_them():
    schema = campaign_schema()
    groups = [{"positions_m": WEST}, {"file": "a.csv", "turbine_type": T10}, {"results": "a.h5", "key": "k"}]
    jsonschema.validate(yaml.safe_load(text(*groups)), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text({"positions_m": []})), schema)
