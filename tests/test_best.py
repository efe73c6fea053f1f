"""mpi-layout best and plot: the best layouts of a results file, shown, written and drawn."""

import csv
import json

import numpy as np
import pytest
import yaml
from matplotlib.image import imread
from shapely import LinearRing

from mpi_layout import cli, pictures
from mpi_layout.campaign import load_campaign
from mpi_layout.formats.windio import WIND_FARM, load_windio
from mpi_layout.pictures.convergence import ConvergencePicture, draw_convergence, median_line
from mpi_layout.pictures.from_results import convergence_picture, layout_picture
from mpi_layout.pictures.layout import draw_layout
from mpi_layout.results.best import best_layouts
from mpi_layout.results.create import create_results
from mpi_layout.results.reader import open_reader
from mpi_layout.results.selection import Selection


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
        (["best", "--picture", "best.png"], "wants one layout, or a folder for 4"),
        (["best", "--per", "all", "--picture", "best.jpg"], "wants a name that ends in .png, .pdf or .svg"),
        (["plot", "--layout", "c_t10_s0"], "no config matches 'c_t10_s0'"),
        (["plot", "--layout", "-o", "old.png"], "exists already and is not replaced"),
        (["plot", "--convergence", "--only", "c_*"], "no config matches 'c_*'"),
        (["plot", "--convergence", "-o", "old.png"], "exists already and is not replaced"),
        (["plot", "--convergence", "--layout"], "not allowed with"),
        (["plot"], "is required"),
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
    assert head.split()[-1] == "objective"
    assert float(line.split()[-1]) == pytest.approx(best["objective"], rel=1e-7)


def test_nothing_done_yet(small_campaign, tmp_path, capsys):
    target = tmp_path / "none.h5"
    create_results(target, load_campaign(small_campaign))
    assert cli.main(["best", str(target)]) == 2
    assert "has no layout that is done" in capsys.readouterr().err


# ---------------------------------------------------------------- pictures


def test_without_matplotlib(results, monkeypatch, capsys):
    monkeypatch.setattr(pictures, "can_draw", lambda: False)
    assert cli.main(["plot", str(results), "--layout"]) == 2
    assert "pip install 'mpi-layout[plot]'" in capsys.readouterr().err


def test_the_picture_of_the_best_is_the_default(results, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (best,) = best_of(results, "--per", "all", capsys=capsys)
    assert cli.main(["plot", "small.h5", "--layout"]) == 0
    height, width, _ = imread(tmp_path / f"{best['key']}.png").shape
    assert min(height, width) > 300


@pytest.mark.parametrize(("suffix", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_a_picture_is_the_same_each_time(results, tmp_path, suffix, begins):
    files = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for file in files:
        assert cli.main(["plot", str(results), "--layout", "a_t15_s1", "-o", str(file)]) == 0
    first, second = (file.read_bytes() for file in files)
    assert first.startswith(begins)
    assert first == second


@pytest.fixture
def with_hole(small_campaign_text, tmp_path):
    """Results of one config far from the origin, with a hole in the area and neighbours near and far."""
    text = small_campaign_text.replace(
        "boundary_m: [[0, 0], [6000, 0], [6000, 6000], [0, 6000]]",
        "boundary_m: [[700000, 6220000], [706000, 6220000], [706000, 6226000], [700000, 6226000]]\n"
        "    exclusions_m: [[[702000, 6222000], [702000, 6224000], [704000, 6224000], [704000, 6222000]]]",
    )
    neighbours = "neighbours: [{turbine_type: t10, positions_m: [[707500, 6221000], [760000, 6221000]]}]\n"
    path = tmp_path / "hole.yaml"
    path.write_text(text + neighbours)
    assert cli.main(["run", str(path), "-o", str(path.with_suffix(".h5")), "--only", "a_t15_s0"]) == 0
    return open_reader(path.with_suffix(".h5"))


def test_a_map_shows_area_turbines_and_near_neighbours(with_hole):
    (best,) = best_layouts(with_hole, only="a_t15_s0")
    picture = layout_picture(with_hole.campaign, best.config, best.row)
    axes, rose, bar = draw_layout(picture).axes
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert left < 0 < 6 < 7.5 < right < 10  # in km from 700; the far neighbour is left out
    assert bottom < 0 < 6 < top < 8
    box = axes.get_window_extent()
    assert box.width / (right - left) == pytest.approx(box.height / (top - bottom), rel=1e-9)
    spacing, turbines = axes.collections
    places = np.column_stack([best.column("x") - 700e3, best.column("y") - 6220e3]) / 1e3
    np.testing.assert_allclose(turbines.get_offsets(), places, atol=1e-9)
    np.testing.assert_allclose(spacing.get_widths(), 0.72)  # 3 rotor diameters of 240 m
    np.testing.assert_allclose(turbines.get_widths(), 0.24)
    problem = with_hole.campaign.problem(best.config.number)
    energy = problem.farm().aep(best.column("x"), best.column("y"))
    alone = energy.gross_aep / len(places)
    np.testing.assert_allclose(turbines.get_array(), 100 * (1 - energy.turbine_aep / alone), atol=1e-9)
    # The hole runs the other way round than the outline, so that it is not filled.
    outline, hole = axes.patches[0].get_path().to_polygons()
    assert [LinearRing(ring).is_ccw for ring in (outline, hole)] == [True, False]
    assert hole.min(axis=0) == pytest.approx([2, 2])
    assert [axes.get_xlabel(), axes.get_ylabel()] == [
        "easting \N{MINUS SIGN} 700 km  (km)",
        "northing \N{MINUS SIGN} 6,220 km  (km)",
    ]
    assert bar.get_ylabel() == "wake loss of the turbine (%)"
    bars = np.array([[patch.get_x() + patch.get_width() / 2, patch.get_height()] for patch in rose.patches])
    assert bars[:, 1].sum() == pytest.approx(problem.site.flow_cases().probability.sum(), rel=1e-12)
    # Sectors of 90 degrees, the western and southern ones as likely as the others and half as much again.
    west = bars[np.isclose(np.rad2deg(bars[:, 0]), 270), 1]
    north = bars[np.isclose(bars[:, 0], 0), 1]
    assert west / north == pytest.approx(1.5, rel=0.1)


def test_convergence_shows_the_traces_of_the_file(results, tmp_path, monkeypatch, capsys):
    file = open_reader(results)
    one, several = (convergence_picture(file, Selection((glob,))) for glob in ("a_t10_*", "a_*"))
    assert (one.gains, several.gains) == (False, True)
    assert [len(picture.traces) for picture in (one, several)] == [3, 6]
    for number, (evaluations, aep) in enumerate(one.traces):
        assert evaluations.tolist() == file.trace(number)[0].tolist()
        assert aep[-1] == file.rows["aep"][number]
    monkeypatch.chdir(tmp_path)
    assert cli.main(["plot", "small.h5", "--convergence"]) == 0
    assert imread("convergence.png").ndim == 3


def made_traces(n):
    """Traces of n searches that begin at 1 and end at different numbers of evaluations."""
    traces = []
    for i in range(n):
        evaluations = np.array([1, 10 + i, 100 + 10 * i, 1000 * (i + 1)])
        traces.append((evaluations, 500 + i * np.array([0.0, 1, 2, 3])))
    return traces


@pytest.mark.parametrize("gains", [False, True])
def test_convergence_has_a_line_for_each_config_and_two_that_stand_out(gains):
    traces = made_traces(5)
    (axes,) = draw_convergence(ConvergencePicture("made up", traces, gains)).axes
    shown = [100 * (aep / aep[0] - 1) if gains else aep for _, aep in traces]
    (light,) = axes.collections
    for line, (evaluations, _), values in zip(light.get_segments(), traces, shown, strict=True):
        np.testing.assert_allclose(line, np.column_stack([evaluations, values]))
    median, best = axes.get_lines()
    np.testing.assert_allclose(best.get_ydata(), shown[4])
    assert median.get_ydata()[-1] == pytest.approx(shown[2][-1])  # of five that lie above each other
    assert axes.get_xscale() == "log"
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert left < 1 < 5000 < right
    assert bottom < shown[0].min() <= shown[4].max() < top
    assert axes.get_ylabel() == ("gain over the start (% of its AEP)" if gains else "AEP (GWh)")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "median of 5",
        "best, ends at +2.40 %" if gains else "best, ends at 512.000 GWh",
    ]


def test_the_median_is_that_of_lines_over_the_logarithm():
    lines = [
        (np.array([1, 100]), np.array([0.0, 2])),
        (np.array([1, 100]), np.array([0.0, 4])),
        (np.array([1, 10]), np.array([0.0, 3])),  # level from 10 on
    ]
    at, median = median_line(lines)
    assert (at[0], at[-1]) == (1, 100)
    # At 10 they are 1, 2 and 3; at 100 they are 2, 4 and 3.
    assert np.interp(np.log([10, 100]), np.log(at), median) == pytest.approx([2, 3], abs=0.02)


def test_convergence_of_configs_that_were_not_refined():
    (axes,) = draw_convergence(
        ConvergencePicture("starts", [(np.array([1]), np.array([7.0]))] * 2, False)
    ).axes
    assert axes.get_ylim()[0] < 7 < axes.get_ylim()[1]
    assert axes.get_xlim()[0] < 1 < axes.get_xlim()[1]
