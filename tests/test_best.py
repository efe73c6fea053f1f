"""mpi-layout best: the best layouts of a results file, shown and written."""

import csv
import json

import numpy as np
import pytest
import yaml

from mpi_layout import cli
from mpi_layout.campaign import load_campaign
from mpi_layout.formats.windio import WIND_FARM, load_windio
from mpi_layout.results.create import create_results
from mpi_layout.results.reader import open_reader


@pytest.fixture
def results(straight, tmp_path):
    """A copy of the small campaign's results: two areas, two types, three seeds."""
    path = tmp_path / "small.h5"
    path.write_bytes(straight.path.read_bytes())
    return path


def best_of(results, *arguments, capsys):
    assert cli.main(["best", str(results), "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)["layouts"]


@pytest.mark.parametrize(
    ("per", "columns"),
    [
        ("area,turbine", ["area", "turbine_type"]),
        ("area", ["area"]),
        ("turbine", ["turbine_type"]),
        ("all", []),
    ],
)
def test_the_best_of_each_group_is_that_of_the_rows(results, capsys, per, columns):
    rows = open_reader(results).rows
    names = [tuple(row[name].decode() for name in columns) for row in rows]
    found = best_of(results, "--per", per, capsys=capsys)
    assert [tuple(best[name] for name in columns) for best in found] == list(dict.fromkeys(names))
    for best in found:
        group = [
            row for row, name in zip(rows, names, strict=True) if name == tuple(best[c] for c in columns)
        ]
        highest = max(group, key=lambda row: row["aep"])
        assert best["key"] == highest["key"].decode()
        assert best["x_m"] == highest["x"].tolist()
        assert best["done"] == len(group)
        assert best["worst_aep_GWh"] == min(row["aep"] for row in group)
        hours = best["capacity_MW"] * 8.76
        assert best["capacity_factor"] == pytest.approx(highest["aep"] / hours, rel=1e-12)


def test_only_counts_what_matches(results, capsys):
    (best,) = best_of(results, "--only", "b_t10_s[01]", capsys=capsys)
    assert best["done"] == 2
    assert best["area"] == "b"
    assert best["seed"] in (0, 1)


def test_the_table_names_the_best(results, capsys):
    (best,) = best_of(results, "--per", "all", capsys=capsys)
    assert cli.main(["best", str(results), "--per", "all"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert f"{best['aep_GWh']:,.3f}" in line
    assert line.split()[:2] == [best["area"], best["turbine_type"]]


def test_written_layouts_are_the_best_ones(results, tmp_path, capsys):
    files = ["--windio", str(tmp_path / "best.yaml"), "--csv", str(tmp_path / "best.csv")]
    (best,) = best_of(results, "--per", "all", *files, capsys=capsys)
    assert cli.main(["evaluate", str(results), "--layout", str(tmp_path / "best.csv"), "--json"]) == 0
    (layout,) = json.loads(capsys.readouterr().out)["layouts"]
    assert layout["aep_GWh"] == pytest.approx(best["aep_GWh"], rel=1e-12)
    farm = load_windio(tmp_path / "best.yaml", WIND_FARM)
    assert farm["layouts"] == [{"coordinates": {"x": best["x_m"], "y": best["y_m"]}}]
    assert farm["turbines"]["name"] == best["turbine_type"]


def test_several_layouts_in_one_file_and_in_a_folder(results, tmp_path, capsys):
    folder = tmp_path / "farms"
    folder.mkdir()
    assert cli.main(["best", str(results), "--windio", str(folder), "--csv", "-"]) == 0
    keys = {line["key"] for line in csv.DictReader(capsys.readouterr().out.splitlines())}
    assert {file.stem for file in folder.iterdir()} == keys
    assert len(keys) == 4
    assert cli.main(["best", str(results), "--windio", str(tmp_path / "all.yaml")]) == 0
    farm = yaml.safe_load((tmp_path / "all.yaml").read_text())
    assert len(farm["layouts"]) == 4
    assert len(farm["turbine_types"]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["best", "--only", "c_*"], "no config matches 'c_*'"),
        (
            ["best", "--per", "wind"],
            "some of area, turbine and seed, such as area,turbine; has 'wind'",
        ),
        (["best", "--csv", "old"], "exists already and is not replaced"),
        (["best", "--windio", "old"], "exists already and is not replaced"),
        (["best", "--csv", "-", "--json"], "--csv - and --json: one of them can have standard output"),
        (["best", "--csv", "-", "--windio", "-"], "--windio - and --csv -: one of them"),
        (["best", "--windio", "new.yaml", "--csv", "old"], "exists already and is not replaced"),
        (["best", "--windio", "new.yaml", "--picture", "best.png"], "wants one layout, or a folder for 4"),
        (["best", "--picture", "best.png"], "wants one layout, or a folder for 4"),
        (["best", "--per", "all", "--picture", "best.jpg"], "wants a name that ends in .png, .pdf or .svg"),
    ],
)
def test_what_is_refused(results, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    for name in ("old", "old.png"):
        (tmp_path / name).write_text("precious")
    before = sorted(tmp_path.iterdir())
    assert cli.main([arguments[0], "small.h5", *arguments[1:]]) == 2
    assert said in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "old.png").read_text() == "precious"


def test_a_wind_farm_on_standard_output_is_alone_there(results, capsys):
    assert cli.main(["best", str(results), "--per", "all", "--windio", "-"]) == 0
    said = capsys.readouterr().out
    (best,) = best_of(results, "--per", "all", capsys=capsys)
    assert yaml.safe_load(said)["layouts"] == [{"coordinates": {"x": best["x_m"], "y": best["y_m"]}}]


def test_force_replaces(results, tmp_path, capsys):
    target = tmp_path / "best.csv"
    target.write_text("precious")
    assert cli.main(["best", str(results), "--csv", str(target), "--force"]) == 0
    assert target.read_text().startswith("key,")


def test_another_objective_decides_and_is_shown(small_campaign_text, tmp_path, capsys):
    # Energy is worth something in winds from the north alone.
    price = "objective: {price: {wind_direction_deg: [0, 90, 180, 270], per_MWh: [100, 1, 1, 1]}}\n"
    path = tmp_path / "price.yaml"
    path.write_text(small_campaign_text.replace("count: 3", "count: 4") + price)
    assert cli.main(["run", str(path), "-o", str(tmp_path / "price.h5"), "--only", "a_t15_*"]) == 0
    rows = open_reader(tmp_path / "price.h5").rows
    rows = rows[rows["status"] == 1]
    assert np.argmax(rows["objective"]) != np.argmax(rows["aep"])
    best = rows[np.argmax(rows["objective"])]
    (found,) = best_of(tmp_path / "price.h5", capsys=capsys)
    assert found["key"] == best["key"].decode()
    assert found["objective"] == best["objective"]
    assert cli.main(["best", str(tmp_path / "price.h5")]) == 0
    head, line = capsys.readouterr().out.splitlines()[:2]
    assert "best objective  " in head
    assert head.endswith("its AEP [GWh]")
    figures = [np.max, np.median, np.min]
    assert [float(text) for text in line.split()[3:6]] == pytest.approx(
        [figure(rows["objective"]) for figure in figures], rel=1e-7
    )
    assert float(line.split()[-1]) == pytest.approx(best["aep"], abs=1e-3)


def test_nothing_done_yet(small_campaign, tmp_path, capsys):
    target = tmp_path / "none.h5"
    create_results(target, load_campaign(small_campaign))
    assert cli.main(["best", str(target)]) == 2
    assert "has no layout that is done" in capsys.readouterr().err
