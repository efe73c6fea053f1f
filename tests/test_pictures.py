"""mpi-layout plot: what is in the pictures, by the marks in them."""

import re
import shutil
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.image import imread
from matplotlib.text import Text
from shapely import LinearRing, LineString, Point

from mpi_layout import cli, pictures
from mpi_layout.campaign import load_campaign, parse_campaign
from mpi_layout.pictures import canvas, from_results, timeline
from mpi_layout.pictures.convergence import ConvergencePicture, draw_convergence, median_line
from mpi_layout.pictures.draw import draw
from mpi_layout.pictures.from_results import (
    areas_picture,
    convergence_picture,
    distribution_picture,
    flow_map_picture,
    gain_picture,
    layout_picture,
    seeds_picture,
)
from mpi_layout.pictures.layout import draw_layout
from mpi_layout.pictures.moves import matched_to
from mpi_layout.pictures.numbers import beside_discs
from mpi_layout.pictures.of_launch import timeline_picture
from mpi_layout.pictures.of_section import section_picture
from mpi_layout.results import launches
from mpi_layout.results.best import best_layouts
from mpi_layout.results.create import create_results
from mpi_layout.results.file import open_writer
from mpi_layout.results.reader import open_reader
from mpi_layout.results.selection import Selection
from mpi_layout.results.storage.row import Status, row_dtype, seal, waiting_rows
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.wake.farm import Farm
from mpi_layout.wake.flow_map import FlowCase, FlowMap

STARTED = 1.7e9  # s since 1970


@pytest.fixture(scope="module")
def refined(tmp_path_factory, small_campaign_text):
    """Results of the small campaign, refined a little: two areas, two types, three seeds."""
    path = tmp_path_factory.mktemp("refined") / "refined.yaml"
    path.write_text(small_campaign_text + "refine: {gradient: 20, polish: 2}\n")
    assert cli.main(["run", str(path), "-o", str(path.with_suffix(".h5"))]) == 0
    return open_reader(path.with_suffix(".h5"))


def made_results(path, text, *, ranks=1, lasts=10.0, **columns):
    """A results file whose done rows hold made up numbers; columns as functions of the config.

    Rows for which `status` says so are left waiting, or have failed.
    """
    campaign = parse_campaign(text)
    create_results(path, campaign)
    rows = waiting_rows(row_dtype(campaign.n_turbines_max), campaign.configs)
    usual = {
        "x": lambda config: 1000.0 + 200 * config.number % 5000,
        "y": lambda config: 500.0,
        "turbine_aep": lambda config: 50.0,
        "aep": lambda config: 50.0 * config.n_turbines,
        "gross_aep": lambda config: 55.0 * config.n_turbines,
        "start_aep": lambda config: 49.0 * config.n_turbines,
        "wake_loss": lambda config: 5 / 55,
        "objective": lambda config: 50.0 * config.n_turbines,
        "start_objective": lambda config: 49.0 * config.n_turbines,
        "seconds": lambda config: 1.0,
        "rank": lambda config: 0,
        "launch": lambda config: 0,
        "status": lambda config: Status.DONE,
    }
    for name, value in (usual | columns).items():
        for config, row in zip(campaign.configs, rows, strict=True):
            if row[name].ndim:
                row[name][: config.n_turbines] = value(config)
            else:
                row[name] = value(config)
    seal(rows)
    with open_writer(path, campaign) as writer:
        about = {"host": "h", "pid": 1, "scheduler_id": "", "versions": "numpy=2"}
        writer.begin_launch(ranks=ranks, now=STARTED, **about)
        for config in campaign.configs:
            if rows["status"][config.number] != Status.WAITING:
                writer.write_row(config.number, rows[config.number : config.number + 1])
        writer.end_launch(STARTED + lasts, "complete", len(rows))
    return open_reader(path)


def drawn(results, arguments, tmp_path, capsys):
    """Exit code and message of a plot that goes into a file of its own."""
    code = cli.main(["plot", str(results.path), *arguments, "-o", str(tmp_path / "out.png")])
    return code, capsys.readouterr().err


# ---------------------------------------------------------------- the command


def test_without_matplotlib(straight, monkeypatch, capsys):
    monkeypatch.setattr(pictures, "can_draw", lambda: False)
    assert cli.main(["plot", str(straight.path), "--layout"]) == 2
    assert "pip install 'mpi-layout[plot]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--layout"], None),
        (["--flow-map", "a_t15_s1", "--direction", "200", "--speed", "8"], "a_t15_s1.flow.png"),
        (["--section", "a_t15_s1", "--behind", "3", "--turbine", "0"], "a_t15_s1.section.png"),
        (["--layout", "a_t15_s1", "--start"], "a_t15_s1.start.png"),
        (["--seeds"], "seeds.png"),
        (["--distribution"], "distribution.png"),
        (["--convergence"], "convergence.png"),
        (["--gain"], "gain.png"),
        (["--timeline"], "timeline.png"),
        (["--timeline", "0"], "timeline.png"),
    ],
)
def test_each_picture_has_its_name_and_width(refined, tmp_path, monkeypatch, capsys, arguments, name):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["plot", str(refined.path), *arguments, "--width", "89"]) == 0
    (best,) = best_layouts(refined, per=())
    name = name or f"{best.config.key}.png"
    assert capsys.readouterr().out.startswith(f"{name}: ")
    height, width, _ = imread(tmp_path / name).shape
    assert height > 200
    assert 400 < width <= 89 / 25.4 * 200 + 1


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_a_picture_is_the_same_each_time(refined, kind, begins):
    first, second = (canvas.image(draw(gain_picture(refined), canvas.COLUMN), kind) for _ in "ab")
    assert first.startswith(begins)
    assert first == second


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--layout", "c_t10_s0"], "no config matches 'c_t10_s0'"),
        (["--layout", "-o", "old.png"], "exists already and is not replaced"),
        (["--layout", "-o", "new.jpg"], "wants a name that ends in .png, .pdf or .svg"),
        (["--seeds", "--only", "c_*"], "no config matches 'c_*'"),
        (["--distribution", "-o", "old.png"], "exists already and is not replaced"),
        (["--convergence", "--layout"], "not allowed with"),
        (["--convergence"], "nothing was refined"),
        (["--layout", "--speed", "8"], "are those of --flow-map and --section"),
        (["--flow-map", "--turbine", "1"], "are those of --section"),
        (["--section", "--behind", "-1"], "wants 0 to 100 rotor diameters"),
        (["--seeds", "--start"], "--start is of --layout"),
        (["--flow-map", "--speed", "-8"], "wants a wind speed above 0"),
        (["--flow-map", "--direction", "north"], "wants a number"),
        (["--flow-map", "--direction", "1000"], "wants 0 to 360 degrees"),
        (["--gain"], "nothing was refined"),
        (["--timeline", "1"], "has no launch 1; it has 1"),
        (["--timeline", "--only", "a_*"], "without --only and --best-per"),
        (["--layout", "--best-per", "area"], "`best --picture FOLDER` draws several"),
        (["--seeds", "--width", "10"], "wants 60 to 500 mm"),
        ([], "is required"),
    ],
)
def test_what_is_refused(straight, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.png").write_text("precious")
    assert cli.main(["plot", str(straight.path), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["old.png"]
    assert (tmp_path / "old.png").read_text() == "precious"


@pytest.mark.parametrize("what", ["--layout", "--seeds", "--distribution", "--timeline"])
def test_nothing_done_yet(small_campaign, tmp_path, capsys, what):
    create_results(tmp_path / "none.h5", load_campaign(small_campaign))
    code, err = drawn(open_reader(tmp_path / "none.h5"), [what], tmp_path, capsys)
    assert code == 2
    assert (
        "no config in it is done or failed yet" in err
        if what == "--timeline"
        else "has no layout that is done" in err
    )


NAN, INF = float("nan"), float("inf")
FORGED = [
    ("x", NAN, "--layout"),
    ("y", 1e300, "--layout"),
    ("x", INF, "--seeds"),
    ("x", -INF, "--flow-map"),
    ("turbine_aep", -INF, "--layout"),
    ("gross_aep", NAN, "--layout"),
    ("wake_loss", 1e9, "--layout"),
    ("aep", INF, "--distribution"),
    ("aep", -5.0, "--distribution"),
    ("start_objective", 0.0, "--gain"),
    ("start_objective", NAN, "--gain"),
    ("trace_aep", NAN, "--convergence"),
    ("trace_evaluations", 0, "--convergence"),
    ("trace_evaluations", 10**17, "--convergence"),
]


@pytest.fixture(scope="module")
def forged(tmp_path_factory, small_campaign_text):
    """A results file with one of these numbers in each of its rows."""
    text = small_campaign_text.replace("count: 3", "count: 4") + "refine: {gradient: 20}\n"

    def value(name, usual):
        wrong = {number: value for number, (column, value, _) in enumerate(FORGED) if column == name}
        return lambda config: wrong.get(config.number, usual)

    usual = {"x": 1000.0, "y": 500.0, "turbine_aep": 50.0, "gross_aep": 275.0, "wake_loss": 0.1, "aep": 250.0}
    usual |= {"start_objective": 245.0, "trace_aep": 245.0, "trace_evaluations": 1}
    columns = {name: value(name, number) for name, number in usual.items()}
    return made_results(tmp_path_factory.mktemp("forged") / "forged.h5", text, **columns)


@pytest.mark.parametrize(
    ("number", "column", "what"), [(n, c, what) for n, (c, _, what) in enumerate(FORGED)]
)
def test_numbers_that_no_row_has(forged, tmp_path, capsys, number, column, what):
    key = forged.key(number)
    code, err = drawn(forged, [what, "--only", key], tmp_path, capsys)
    assert code == 2
    assert f"{forged.path}: {key}: " in err
    assert column in err
    assert not (tmp_path / "out.png").exists()


def test_what_is_sound_beside_it_is_shown(forged):
    sound = Selection((forged.key(len(FORGED)),))
    for picture in (seeds_picture, distribution_picture, gain_picture, convergence_picture):
        assert "1 " in picture(forged, sound).title
    ((config, row),) = sound.rows(forged)
    assert "AEP 250.000 GWh" in layout_picture(forged, config, row).title


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("rank", 2**31 - 1),
        ("rank", -3),
        ("seconds", NAN),
        ("seconds", 1e300),
        ("launch", 2**31 - 1),
        ("launch", -7),
    ],
)
def test_numbers_that_no_launch_has(small_campaign_text, tmp_path, capsys, column, value):
    results = made_results(tmp_path / "forged.h5", small_campaign_text, **{column: lambda config: value})
    code, err = drawn(results, ["--timeline"], tmp_path, capsys)
    assert code == 2
    assert str(results.path) in err
    assert not (tmp_path / "out.png").exists()


# ---------------------------------------------------------------- a layout


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
    picture = layout_picture(with_hole, best.config, best.row)
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
    assert bar.get_ylabel() == "wake loss (%)"
    # Three classes of wind speed, stacked.
    bars = np.array([[patch.get_x() + patch.get_width() / 2, patch.get_height()] for patch in rose.patches])
    cases = problem.site.flow_cases()
    speeds = [cases.speed < 8, (cases.speed >= 8) & (cases.speed < 12), cases.speed >= 12]
    for stack, chosen in zip(np.split(bars, 3), speeds, strict=True):
        assert stack[:, 1].sum() == pytest.approx(cases.probability[:, chosen].sum(), rel=1e-12)
    # Sectors of 90 degrees, the western and southern ones as likely as the others and half as much again.
    west = bars[np.isclose(np.rad2deg(bars[:, 0]), 270), 1].sum()
    north = bars[np.isclose(bars[:, 0], 0), 1].sum()
    assert west / north == pytest.approx(1.5, rel=0.1)
    # Numbers are the turbines' own, each below its turbine.
    numbers = {text.get_text(): text.xy for text in axes.texts}
    np.testing.assert_allclose([numbers[str(i)] for i in range(len(places))], places, atol=1e-9)


def test_a_flow_map_shows_the_wind_at_its_cells(with_hole):
    (best,) = best_layouts(with_hole, only="a_t15_s0")
    x, y = best.column("x"), best.column("y")
    picture = flow_map_picture(with_hole, best.config, best.row, direction=300.0, speed=9.0)
    axes, arrow, bar = draw(picture, canvas.COLUMN).axes
    (field,) = axes.get_images()
    left, right, bottom, top = field.get_extent()
    values = field.get_array()
    rows, columns = values.shape
    assert (right - left) / columns == pytest.approx((top - bottom) / rows, rel=0.02)
    problem = with_hole.campaign.problem(best.config.number)
    case = FlowCase(300.0, 9.0, 0.1)
    flow = FlowMap(x, y, turbine=problem.turbine, case=case, neighbours=problem.neighbours)
    random = np.random.default_rng(8)
    for row, column in zip(random.integers(rows, size=30), random.integers(columns, size=30), strict=True):
        at = left + (column + 0.5) * (right - left) / columns, bottom + (row + 0.5) * (top - bottom) / rows
        (expected,) = flow.speed([700e3 + 1e3 * at[0]], [6220e3 + 1e3 * at[1]])
        assert values[row, column] == pytest.approx(expected, rel=1e-9)
    assert values.max() == 9
    assert values.min() < 7
    # Rotors stand across the wind, in their true places and, as they can be seen, of their true size.
    rotors = np.array(axes.collections[0].get_segments())
    np.testing.assert_allclose(rotors.mean(axis=1), np.column_stack([x - 700e3, y - 6220e3]) / 1e3, atol=1e-9)
    along = rotors[:, 1] - rotors[:, 0]
    np.testing.assert_allclose(np.hypot(*along.T), 0.24, rtol=1e-9)
    np.testing.assert_allclose(along @ case.downwind, 0, atol=1e-12)
    # Wind from west-north-west blows to east-south-east.
    (mark,) = arrow.texts
    assert mark.xy[0] > 0 > mark.xy[1]
    assert bar.get_ylabel() == "wind speed (m/s)"
    # The map reaches further downwind than upwind.
    assert right - 6 > 0 - left
    energy = Farm(problem.turbine, case.cases(150.0), neighbours=problem.neighbours).aep(x, y)
    assert f"at 9 m/s: {energy.aep / 8.76:,.1f} MW" in picture.title
    assert f"wake loss {100 * energy.wake_loss:.1f} %" in picture.title


def test_a_flow_map_is_of_the_wind_that_blows_most_often(with_hole):
    (best,) = best_layouts(with_hole, only="a_t15_s0")
    case = flow_map_picture(with_hole, best.config, best.row).case
    cases = with_hole.campaign.problem(0).site.flow_cases()
    by_bin = [
        cases.probability[np.abs((cases.direction - middle + 180) % 360 - 180) < 5].sum()
        for middle in range(0, 360, 10)
    ]
    assert case.direction == 10 * np.argmax(by_bin)
    assert (case.speed, case.turbulence_intensity) == (10, 0.1)


# ---------------------------------------------------------------- all seeds


def test_seeds_lie_over_each_other_and_the_best_has_rings(refined):
    figure = draw(seeds_picture(refined, Selection(("a_*",))))
    rows = refined.rows
    for axes, name in zip(figure.axes, ("t10", "t15"), strict=True):
        own = rows[(rows["area"] == b"a") & (rows["turbine_type"] == name.encode())]
        dots, rings = (each for each in axes.collections if isinstance(each, PathCollection))
        places = np.column_stack([own["x"].ravel(), own["y"].ravel()]) / 1e3
        np.testing.assert_allclose(
            sorted(map(tuple, dots.get_offsets())), sorted(map(tuple, places)), atol=1e-9
        )
        best = own[np.argmax(own["aep"])]
        np.testing.assert_allclose(
            rings.get_offsets(), np.column_stack([best["x"], best["y"]]) / 1e3, atol=1e-9
        )
        assert to_hex(rings.get_edgecolor()) == canvas.VERMILION
        assert f"best: seed {best['seed']}, {best['aep']:,.1f} GWh" in axes.get_title(loc="left")
        assert axes.get_aspect() == 1


def test_too_many_seeds_and_pairs_are_refused(refined, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(from_results, "_MOST_LAYOUTS", 11)
    code, err = drawn(refined, ["--seeds"], tmp_path, capsys)
    assert (code, "shows 11 layouts at most" in err) == (2, True)
    monkeypatch.setattr(from_results, "_MOST_PANELS", 3)
    code, err = drawn(refined, ["--seeds"], tmp_path, capsys)
    assert (code, "4 pairs of area and turbine type are too many" in err) == (2, True)
    assert drawn(refined, ["--seeds", "--only", "a_*"], tmp_path, capsys)[0] == 0


# ---------------------------------------------------------------- by area and turbine type


@pytest.mark.parametrize("what", ["AEP", "gain"])
def test_a_dot_for_each_config_and_a_mark_for_the_best(refined, what):
    picture = (distribution_picture if what == "AEP" else gain_picture)(refined)
    figure, rows = draw(picture), refined.rows
    others = rows["aep"].copy() if what == "AEP" else rows["start_aep"]
    for row in rows if what == "AEP" else ():  # types of 10 and 15 MW: beside their best
        own = (rows["area"] == row["area"]) & (rows["turbine_type"] == row["turbine_type"])
        others[own] = rows["aep"][own].max()
    values = 100 * (rows["aep"] / others - 1)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b"]
    for axes, area in zip(figure.axes, (b"a", b"b"), strict=True):
        assert [label.get_text() for label in axes.get_yticklabels()] == ["t10", "t15"]
        marks = [line for line in axes.get_lines() if line.get_marker() == "D"]
        for place, name in enumerate((b"t10", b"t15")):
            own = values[(rows["area"] == area) & (rows["turbine_type"] == name)]
            dots = axes.collections[place].get_offsets()
            np.testing.assert_allclose(dots[:, 0], own, rtol=1e-12)
            assert (np.abs(dots[:, 1] - place) < 0.4).all()
            assert np.ravel(marks[place].get_data()) == pytest.approx([own.max(), place])
        left, right = axes.get_xlim()
        assert left < values.min() <= values.max() < right
        assert left < 0 < right


def test_quartiles_and_median_of_many_seeds(small_campaign_text, tmp_path):
    text = small_campaign_text.replace("count: 3", "count: 40")
    seed = 5
    print(f"seed {seed}")
    aep = np.random.default_rng(seed).uniform(200, 300, 160)
    (axes, _) = draw(
        distribution_picture(made_results(tmp_path / "many.h5", text, aep=lambda config: aep[config.number]))
    ).axes
    for place, own in enumerate(np.split(aep[:80], 2)):
        box = axes.patches[place]
        low, high = np.quantile(own, [0.25, 0.75])
        assert [box.get_x(), box.get_x() + box.get_width()] == pytest.approx([low, high])
        (median,) = (
            line
            for line in axes.get_lines()
            if line.get_color() == canvas.BLUE
            and line.get_ydata()[0] > place - 0.5
            and line.get_ydata()[1] < place + 0.5
        )
        assert median.get_xdata()[0] == pytest.approx(np.median(own))


def test_ten_areas_by_ten_types_fit_a_page(small_campaign_text, tmp_path):
    text = small_campaign_text.replace("{first: 0, count: 3}", "[7]")
    areas = "".join(f"  - {{name: area_{i}, circle_m: {{centre: [0, 0], radius: 4000}}}}\n" for i in range(8))
    types = "".join(
        f"  - {{name: type_{i}, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}}\n"
        for i in range(8)
    )
    text = text.replace("turbine_types:\n", areas + "turbine_types:\n" + types)
    failed = {"status": lambda config: Status.FAILED if config.area == "b" else Status.DONE}
    figure = draw(distribution_picture(made_results(tmp_path / "hundred.h5", text, **failed)))
    assert len(figure.axes) == 10
    assert figure.get_figheight() < 247 / 25.4
    said = {axes.get_title(loc="left"): [text.get_text() for text in axes.texts] for axes in figure.axes}
    assert said.pop("b") == ["none done"] * 10
    assert not any(said.values())
    names = [label for axes in figure.axes for label in axes.get_yticklabels()]
    assert min(label.get_fontsize() for label in names) >= 7


# ---------------------------------------------------------------- a launch


def bars(axes):
    """Rectangles (n, 4) of configs, left, right, middle and height, in the order of the configs."""
    (made,) = axes.collections
    boxes = [path.get_extents() for path in made.get_paths()]
    return np.array([[box.x0, box.x1, (box.y0 + box.y1) / 2, box.height] for box in boxes])


def test_a_timeline_shows_who_solved_what(small_campaign_text, tmp_path):
    results = made_results(
        tmp_path / "launch.h5",
        small_campaign_text,
        ranks=4,
        lasts=40.0,
        rank=lambda config: 1 + config.number % 2,
        seconds=lambda config: 5.0 if config.turbine_type == "t15" else 2.0,
        status=lambda config: Status.FAILED if config.number == 0 else Status.DONE,
    )
    figure = draw(timeline_picture(results))
    (axes,) = figure.axes
    # Rank 0 hands out; rank 3 had nothing to do.
    assert [label.get_text() for label in axes.get_yticklabels()] == ["1", "2", "3"]
    assert axes.get_xlim() == (0, 40)
    assert axes.get_xlabel() == "time since the launch began (s)"
    idle = axes.patches
    assert [(bar.get_x(), bar.get_width()) for bar in idle] == [(0, 40)] * 3
    left, right, row, _ = bars(axes).T
    configs = results.campaign.configs
    np.testing.assert_allclose(right - left, [5 if c.turbine_type == "t15" else 2 for c in configs])
    np.testing.assert_allclose(row, [c.number % 2 for c in configs])
    # Side by side from the beginning: first those that take longest, by number.
    for rank, order in enumerate(([4, 10, 0, 2, 6, 8], [3, 5, 9, 11, 1, 7])):
        np.testing.assert_allclose(left[order], np.cumsum((right - left)[order]) - (right - left)[order])
        assert row[order].tolist() == [rank] * 6
    colours = {}
    for config, colour in zip(configs, axes.collections[0].get_facecolor(), strict=True):
        colours.setdefault((config.area, config.turbine_type), set()).add(to_hex(colour))
    assert all(len(same) == 1 for same in colours.values())
    assert len(set.union(*colours.values())) == 4
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "a, t10",
        "a, t15",
        "b, t10",
        "b, t15",
        "idle",
    ]
    shown = {
        text.get_text(): to_hex(patch.get_facecolor())
        for text, patch in zip(legend.get_texts(), legend.get_patches(), strict=True)
    }
    assert shown["idle"] == to_hex(idle[0].get_facecolor())
    assert {shown[", ".join(key)] for key in colours} == set.union(*colours.values())
    (said,) = (text.get_text() for text in figure.texts)
    assert "12 configs (1 failed) on 3 ranks in 40 s, busy 35.0 % of the time" in said  # 42 s of 3 x 40 s


def test_the_timeline_of_a_real_launch_has_all_of_it(refined):
    (axes,) = draw(timeline_picture(refined)).axes
    left, right, _, _ = bars(axes).T
    np.testing.assert_allclose(right - left, refined.rows["seconds"], rtol=1e-9)
    (launch,) = refined.launches
    assert axes.get_xlim()[1] == pytest.approx(
        max(launch.ended - launch.started, refined.rows["seconds"].sum())
    )
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0"]


def test_each_config_is_in_the_launch_that_solved_it(small_campaign_text, tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(small_campaign_text)
    for chosen in ("a_*", "b_t10_*"):
        assert cli.main(["run", str(path), "-o", str(path.with_suffix(".h5")), "--only", chosen]) == 0
    results = open_reader(path.with_suffix(".h5"))
    counts = [len(bars(draw(timeline_picture(results, number)).axes[0])) for number in (0, 1)]
    assert counts == [6, 3]
    assert timeline_picture(results).names == ("b, t10",)


def test_many_configs_are_joined_where_nothing_lies_between_them(monkeypatch):
    monkeypatch.setattr(timeline, "_EDGES", 3)
    picture = timeline.TimelinePicture(
        title="made up",
        ranks=np.array([1, 2]),
        span=10.0,
        rank=np.array([0, 1, 0, 1, 0]),
        begin=np.array([0.0, 0, 2, 5, 4]),
        seconds=np.array([2.0, 3, 2, 1, 1]),
        category=np.array([0, 0, 0, 0, 1]),
        names=("a", "b"),
    )
    left, right, row, _ = bars(draw(picture).axes[0]).T
    assert sorted(zip(row, left, right, strict=True)) == [(0, 0, 4), (0, 4, 5), (1, 0, 3), (1, 5, 6)]


def lightness_and_colour(colour, seen):
    """CIE L*a*b* of a colour as somebody sees it, from a matrix for linear RGB."""
    rgb = np.array(to_rgb(colour))
    linear = seen @ np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ np.clip(linear, 0, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


# Complete deuteranopia and protanopia: G. M. Machado et al. (2009), IEEE Trans. Vis. Comput. Graph. 15, 1291.
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
]
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]


@pytest.mark.parametrize("seen", [np.eye(3), np.array(DEUTERANOPIA), np.array(PROTANOPIA)])
def test_everybody_tells_idle_from_busy(seen):
    idle = lightness_and_colour(timeline.IDLE, seen)
    apart = [np.linalg.norm(lightness_and_colour(colour, seen) - idle) for colour in canvas.CATEGORIES]
    assert min(apart) > 30  # 2.3 can just be noticed


def test_a_thousand_ranks(small_campaign_text, tmp_path):
    results = made_results(
        tmp_path / "wide.h5", small_campaign_text, ranks=1000, rank=lambda config: 80 * (1 + config.number)
    )
    axes = timeline_axes(results)
    ((left, low), (right, high)) = axes.patches[0].get_bbox().get_points()  # all idle
    assert (left, low, right, high) == (0, -0.5, 10, 998.5)
    places = axes.get_yticks()
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"{place + 1:g}" for place in places]
    _, _, row, height = bars(axes).T
    np.testing.assert_allclose(row + 1, 80.0 * np.arange(1, 13))
    np.testing.assert_allclose(height, 1)


@pytest.fixture(scope="module")
def two_launches(tmp_path_factory, small_campaign_text):
    """A results file with two launches; all rows are of the first one."""
    results = made_results(tmp_path_factory.mktemp("launches") / "two.h5", small_campaign_text)
    with open_writer(results.path, results.campaign) as writer:
        about = {"host": "h", "pid": 2, "scheduler_id": "", "versions": "numpy=2"}
        writer.begin_launch(ranks=1, now=STARTED + 100, **about)
        writer.end_launch(STARTED + 101, "complete", 0)
    return results


def forged_launch(results, path, **values):
    """A copy of a results file in which the first launch has other values."""
    path.write_bytes(results.path.read_bytes())
    with PlainStore(path, results.structure.extents, writable=True) as store:
        for name, value in values.items():
            store.write(f"launch_{name}", 0, np.array([value], launches.DTYPE[name]))
    return open_reader(path)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ranks": 2**31 - 1}, "2,147,483,647 ranks"),
        ({"ranks": -5}, "-5 ranks"),
        ({"started": 1e300}, "its times are none that a launch can have"),
        ({"heartbeat": np.inf}, "its times are none that a launch can have"),
        ({"ended": 1.0}, "its times are none that a launch can have"),
        ({"ended": 1.6e11}, "its times are none that a launch can have"),
    ],
)
def test_a_launch_that_cannot_be(two_launches, tmp_path, capsys, values, said):
    code, err = drawn(
        forged_launch(two_launches, tmp_path / "f.h5", **values), ["--timeline"], tmp_path, capsys
    )
    assert code == 2
    assert said in err


def test_a_launch_whose_entry_was_damaged(two_launches, tmp_path):
    damaged = forged_launch(two_launches, tmp_path / "damaged.h5", host=b"elsewhere", ranks=3)
    assert cli.main(["recover", str(damaged.path), str(tmp_path / "new.h5")]) == 0
    recovered = open_reader(tmp_path / "new.h5")
    assert recovered.launches[0].ranks == 0
    axes = timeline_axes(recovered)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0"]
    assert axes.get_xlim() == (0, 12)  # nothing is known but what rows took


def test_no_config_is_of_a_launch(two_launches, tmp_path, capsys):
    code, err = drawn(two_launches, ["--timeline", "1"], tmp_path, capsys)
    assert (code, "no config in it is of launch 1" in err) == (2, True)


def timeline_axes(results):
    (axes,) = draw(timeline_picture(results)).axes
    return axes


def test_more_pairs_than_colours(small_campaign_text, tmp_path):
    types = "".join(
        f"  - {{name: u{i}, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}}\n"
        for i in range(9)
    )
    results = made_results(tmp_path / "many.h5", small_campaign_text.replace("seeds:", types + "seeds:"))
    assert timeline_picture(results).names == ("a", "b")


# ---------------------------------------------------------------- convergence


def test_convergence_shows_the_traces_of_the_file(refined):
    one, several = (convergence_picture(refined, Selection((glob,))) for glob in ("a_t10_*", "a_*"))
    assert (one.gains, several.gains) == (False, True)
    assert [len(picture.traces) for picture in (one, several)] == [3, 6]
    for number, (evaluations, aep) in enumerate(one.traces):
        assert evaluations.tolist() == refined.trace(number)[0].tolist()
        assert aep[-1] == refined.rows["aep"][number]


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
    (axes,) = draw_convergence(ConvergencePicture("made up", traces, 4, "best", gains)).axes
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
    assert axes.get_ylabel() == ("gain in AEP over the start (%)" if gains else "AEP (GWh)")
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
        ConvergencePicture("starts", [(np.array([1]), np.array([7.0]))] * 2, 0, "best", False)
    ).axes
    assert axes.get_ylim()[0] < 7 < axes.get_ylim()[1]
    assert axes.get_xlim()[0] < 1 < axes.get_xlim()[1]


def test_layouts_without_a_trace_are_left_out(small_campaign_text, tmp_path, capsys):
    text = small_campaign_text + "refine: {gradient: 20}\n"
    trace = {
        "trace_evaluations": lambda config: 1 if config.area == "a" else -1,
        "trace_aep": lambda config: 245.0,
    }
    results = made_results(tmp_path / "salvaged.h5", text, **trace)
    assert len(convergence_picture(results).traces) == 6
    code, err = drawn(results, ["--convergence", "--only", "b_*"], tmp_path, capsys)
    assert (code, "no trace tells how" in err) == (2, True)


# ---------------------------------------------------------------- areas


def test_areas_over_each_other_have_a_map_each():
    text = (Path(__file__).parents[1] / "examples" / "small.yaml").read_text()
    figure = draw(areas_picture(parse_campaign(text)))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["square", "triangles"]
    assert [axes.get_xlim()[1] > 8 for axes in figure.axes] == [False, True]


def test_all_areas_on_one_map(refined):
    (axes,) = draw(areas_picture(refined.campaign)).axes
    assert [text.get_text() for text in axes.texts] == ["a", "b"]
    left, right = axes.get_xlim()
    assert left < 0 < 15 < right
    assert axes.get_aspect() == 1


# ---------------------------------------------------------------- from the start


def moves_drawn(picture):
    """Ends (n, 2, 2) of the lines from starts to layouts, km."""
    axes = draw(picture).axes[0]
    (lines,) = (each for each in axes.collections if isinstance(each, LineCollection))
    return np.array(lines.get_segments())


def test_lines_lead_from_the_start_of_each_turbine(refined, straight):
    # The small campaign without refinement ends with the starts.
    for glob in ("a_t10_s1", "b_t15_s2"):
        ((config, row),) = Selection((glob,)).rows(refined)
        ((_, unrefined),) = Selection((glob,)).rows(straight)
        picture = layout_picture(refined, config, row, start=True)
        lines = moves_drawn(picture)
        for end, of in ((0, unrefined), (1, row)):
            np.testing.assert_allclose(lines[:, end], 1e-3 * np.column_stack([of["x"], of["y"]]), atol=1e-9)
        apart = np.hypot(*(lines[:, 1] - lines[:, 0]).T)
        gain = 100 * (row["aep"] / unrefined["aep"] - 1)
        assert picture.moves.told == (
            f"AEP {gain:+.3f} % over the start (rings); turbines moved by {np.median(apart):.2f} km "
            f"(median; largest {apart.max():.2f} km)"
        )


def test_annealing_keeps_no_order(tmp_path):
    example = Path(__file__).parents[1] / "examples" / "iea37"
    shutil.copytree(example, tmp_path / "iea37")
    path = tmp_path / "iea37" / "case_study_1_16.yaml"
    text = re.sub(r"(?m)^refine:.*$", "refine: {annealing: 20000}", path.read_text())
    path.write_text(re.sub(r"(?m)^seeds:.*$", "seeds: [0]", text))
    assert cli.main(["run", str(path), "-o", str(tmp_path / "annealed.h5")]) == 0
    results = open_reader(tmp_path / "annealed.h5")
    ((config, row),) = Selection().rows(results)
    picture = layout_picture(results, config, row, start=True)
    assert "matched by least distance, as annealing keeps no order" in picture.moves.told
    lines = moves_drawn(picture)
    layout = 1e-3 * np.column_stack([row["x"], row["y"]])
    np.testing.assert_allclose(
        lines[:, 1] - lines[:, 1].mean(axis=0), layout - layout.mean(axis=0), atol=1e-9
    )
    # No two turbines would have a shorter way if they changed places.
    way = np.hypot(*(lines[:, 1][:, None] - lines[:, 0][None]).transpose(2, 0, 1))
    own = np.diag(way)
    assert (own[:, None] + own[None] <= way + way.T + 1e-9).all()


def test_the_least_total_distance():
    seed = 4
    print(f"seed {seed}")
    layout, start = np.random.default_rng(seed).uniform(0, 1000, (2, 6, 2))
    found = matched_to(layout, start)
    assert sorted(map(tuple, found)) == sorted(map(tuple, start))
    least = min(np.hypot(*(layout - start[list(p)]).T).sum() for p in permutations(range(6)))
    assert np.hypot(*(layout - found).T).sum() == pytest.approx(least)


def test_a_start_that_is_not_that_of_the_file(small_campaign_text, tmp_path, capsys):
    results = made_results(tmp_path / "made.h5", small_campaign_text)
    code, err = drawn(results, ["--layout", "a_t10_s0", "--start"], tmp_path, capsys)
    assert code == 2
    assert f"{results.path}: a_t10_s0: its start, computed again, has " in err
    assert "start_aep in the file is 245.000" in err
    assert not (tmp_path / "out.png").exists()


# ---------------------------------------------------------------- an upright plane


@pytest.mark.parametrize("behind", [None, 4.0])
def test_a_section_shows_the_wind_at_its_heights(refined, behind):
    ((config, row),) = Selection(("a_t15_s1",)).rows(refined)
    picture = section_picture(refined, config, row, direction=300.0, speed=9.0, turbine=2, behind=behind)
    axes, _ = draw(picture).axes
    (field,) = axes.get_images()
    values, (left, right, bottom, top) = field.get_array(), field.get_extent()
    rows, columns = values.shape
    problem = refined.campaign.problem(config.number)
    case = FlowCase(300.0, 9.0, 0.1)
    flow = FlowMap(row["x"], row["y"], turbine=problem.turbine, case=case)
    # Wind from west-north-west blows to east-south-east; to the right of that is south-south-west.
    down, aside = np.array([np.sqrt(3) / 2, -1 / 2]), np.array([-1 / 2, -np.sqrt(3) / 2])
    middle = np.array([row["x"][2], row["y"][2]])
    if behind is None:
        origin, way, km = middle, down, 1e3
    else:
        origin, way, km = middle + 4 * 240 * down, aside, 1
        box = axes.get_window_extent()
        assert box.width / (right - left) == pytest.approx(box.height / (top - bottom), rel=1e-6)
    assert bottom == 0
    random = np.random.default_rng(8)
    for i, j in zip(random.integers(rows, size=20), random.integers(columns, size=20), strict=True):
        at = origin + km * (left + (j + 0.5) * (right - left) / columns) * way
        (expected,) = flow.speed(*at[:, None], height=(i + 0.5) * top / rows)
        assert values[i, j] == pytest.approx(expected, rel=1e-9)
    assert values.min() < 7.5
    assert [0.0, 150.0, 240.0] in picture.rotors.round(6).tolist()  # the turbine itself
    assert ("4 D behind turbine 2" if behind else "through turbine 2") in picture.title


def test_the_plane_is_that_of_the_turbine_with_the_least_power(refined):
    ((config, row),) = Selection(("a_t15_s1",)).rows(refined)
    problem = refined.campaign.problem(config.number)
    case = FlowCase(250.0, 9.0, 0.1)
    speed = Farm(problem.turbine, case.cases(150.0)).effective_speed(row["x"], row["y"])[0]
    picture = section_picture(refined, config, row, direction=250.0, speed=9.0)
    assert picture.title.endswith(f"through turbine {speed.argmin()}")


def test_a_turbine_that_is_not_there(refined, tmp_path, capsys):
    code, err = drawn(refined, ["--section", "a_t15_s1", "--turbine", "5"], tmp_path, capsys)
    assert (code, "a_t15_s1 has no turbine 5; it has 5, numbered from 0" in err) == (2, True)


# ---------------------------------------------------------------- types, objectives and interruptions


def test_types_that_share_no_axis_are_shown_beside_their_best(small_campaign_text, tmp_path):
    seed = 6
    print(f"seed {seed}")
    spread = np.random.default_rng(seed).uniform(0.99, 1, 12)
    aep = [
        config.rated_power / 1e4 * spread[config.number]
        for config in parse_campaign(small_campaign_text).configs
    ]
    results = made_results(
        tmp_path / "types.h5",
        small_campaign_text,
        **dict.fromkeys(("aep", "objective"), lambda config: aep[config.number]),
    )
    figure = draw(distribution_picture(results))
    rows = results.rows
    for axes, area in zip(figure.axes, (b"a", b"b"), strict=True):
        notes = [text.get_text() for text in axes.texts]
        for place, name in enumerate((b"t10", b"t15")):
            own = rows["aep"][(rows["area"] == area) & (rows["turbine_type"] == name)]
            assert notes[place] == f"{own.max():,.1f} GWh"
            dots = axes.collections[place].get_offsets()
            np.testing.assert_allclose(dots[:, 0], 100 * (own / own.max() - 1), atol=1e-12)
    said = [text.get_text() for text in figure.texts]
    assert "AEP over that of the best of the same area and turbine type (%)" in said


def test_the_best_is_that_of_the_objective_everywhere(small_campaign_text, tmp_path):
    # Seed 2 has the most AEP, seed 1 the highest objective.
    text = small_campaign_text + "refine: {gradient: 20}\n"
    text += "objective: {price: {wind_direction_deg: [0, 90, 180, 270], per_MWh: [100, 1, 1, 1]}}\n"
    results = made_results(
        tmp_path / "price.h5",
        text,
        aep=lambda config: 250.0 + config.seed,
        objective=lambda config: 9000.0 + (config.seed == 1),
        start_objective=lambda config: 8900.0,
        trace_evaluations=lambda config: 1,
        trace_aep=lambda config: 250.0 + config.seed,
    )
    chosen = Selection(("a_t10_*",))
    distribution = distribution_picture(results, chosen)
    (group,) = distribution.groups
    assert (group.top, distribution.best_name) == (251, "best, by the objective")
    (panel,), name = seeds_picture(results, chosen).panels, seeds_picture(results, chosen).best_name
    assert "best: seed 1, 251.0 GWh" in panel.title
    assert name == "best layout, by the objective"
    axes = draw(convergence_picture(results, chosen)).axes[0]
    said = [text.get_text() for text in axes.get_legend().get_texts()]
    assert said[1] == "best, by the objective, ends at 251.000 GWh"
    (best,) = best_layouts(results, only="a_t10_*")
    assert best.config.seed == 1
    assert "objective 9,001, AEP 251.000 GWh" in layout_picture(results, best.config, best.row).title


def test_no_mark_of_another_farm_is_hidden(with_hole):
    (best,) = best_layouts(with_hole, only="a_t15_s0")
    figure = draw(layout_picture(with_hole, best.config, best.row), canvas.COLUMN)
    canvas.image(figure, "png")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["other farms"]
    assert not legend.get_window_extent().overlaps(figure.axes[0].get_window_extent())


def test_ctrl_c_leaves_nothing(refined, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(from_results, "seeds_picture", interrupted)
    with pytest.raises(KeyboardInterrupt):
        drawn(refined, ["--seeds"], tmp_path, capsys)
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- what is long, narrow or small

LONG = "The_northern_part_of_the_offshore_wind_development_zone_no_"
STRIP = "boundary_m: [[700000, 6220000], [740000, 6220000], [740000, 6220800], [700000, 6220800]]"
YARD = "boundary_m: [[0, 0], [100, 0], [100, 100], [0, 100]]"
MICRO = "rated_power_MW: 0.005, rotor_diameter_m: 5, hub_height_m: 15"


@pytest.fixture(scope="module", params=["strip", "yard"])
def odd(request, tmp_path_factory, small_campaign_text):
    """Results of areas with long names in a strip of 40 km, or of turbines of 5 m in a yard of 100 m."""
    text = small_campaign_text + "refine: {gradient: 20}\n"
    text = re.sub(r"boundary_m: .*\]\]", STRIP if request.param == "strip" else YARD, text)
    if request.param == "strip":
        text = re.sub(r"name: (a|b|t10|t15)\b", lambda name: f"name: {LONG}{name[1]}", text)
    else:
        text = re.sub(r"rated_power_MW: .*, hub_height_m: \d+", MICRO, text)
    path = tmp_path_factory.mktemp("odd") / f"{request.param}.yaml"
    path.write_text(text)
    assert cli.main(["run", str(path), "-o", str(path.with_suffix(".h5"))]) == 0
    return open_reader(path.with_suffix(".h5"))


def pictures_of(results):
    """One picture of each kind, by its name."""
    ((config, row),) = Selection((results.key(4),)).rows(results)
    yield "areas", areas_picture(results.campaign)
    yield "layout", layout_picture(results, config, row, start=True)
    yield "flow map", flow_map_picture(results, config, row)
    yield "along", section_picture(results, config, row)
    yield "across", section_picture(results, config, row, behind=3)
    yield "seeds", seeds_picture(results)
    yield "distribution", distribution_picture(results)
    yield "gain", gain_picture(results)
    yield "convergence", convergence_picture(results)
    yield "timeline", timeline_picture(results)


def seen(figure):
    """Texts of a figure but for numbers of turbines and ticks beyond the ends of axes."""
    unseen = [text for axes in figure.axes for text in axes.texts]
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        beyond = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
        unseen += [label for tick in beyond for label in (tick.label1, tick.label2)]
    found = figure.findobj(lambda text: isinstance(text, Text) and text not in unseen)
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def test_no_text_is_cut_off_or_lies_on_another(odd):
    for name, picture in pictures_of(odd):
        for width in (canvas.PAGE, canvas.COLUMN):
            figure = draw(picture, width)
            FigureCanvasAgg(figure).draw()
            texts = [(text.get_text(), text.get_window_extent()) for text in seen(figure)]
            for text, box in texts:
                whole = figure.bbox
                assert whole.x0 <= box.x0 + 1, (name, width, text)
                assert box.x1 <= whole.x1 + 1, (name, width, text)
                assert whole.y0 <= box.y0 + 1, (name, width, text)
                assert box.y1 <= whole.y1 + 1, (name, width, text)
            for (one, box), (other, second) in combinations(texts, 2):
                assert not box.padded(-1).overlaps(second.padded(-1)), (name, width, one, other)


def test_names_that_begin_alike_are_told_apart(odd):
    if "strip" not in odd.path.name:
        pytest.skip("its names are short")
    distribution = draw(distribution_picture(odd))
    assert [axes.get_title(loc="left")[-4:] for axes in distribution.axes] == ["no_a", "no_b"]
    for axes in distribution.axes:
        assert [label.get_text()[-3:] for label in axes.get_yticklabels()] == ["t10", "t15"]
        assert all(len(label.get_text()) <= 24 for label in axes.get_yticklabels())
    for titles in (
        [panel.title for panel in seeds_picture(odd).panels],
        areas_picture(odd.campaign).names,
        timeline_picture(odd).names,
    ):
        assert len(set(titles)) == len(titles)


def test_small_maps_are_in_metres_and_small_energies_keep_their_figures(odd):
    if "yard" not in odd.path.name:
        pytest.skip("it is 40 km long")
    ((config, row),) = Selection((odd.key(4),)).rows(odd)
    picture = layout_picture(odd, config, row, start=True)
    axes = draw(picture).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("easting (m)", "northing (m)")
    assert axes.get_xlim()[1] > 100
    apart = np.hypot(row["x"] - picture.moves.x, row["y"] - picture.moves.y)
    assert f"moved by {np.median(apart):.3g} m (median; largest {apart.max():.3g} m)" in picture.moves.told
    assert f"{row['aep']:.3f} GWh" in picture.title
    best = max(odd.rows["aep"][:3])
    assert f"{best:.3f} GWh" in seeds_picture(odd).panels[0].title
    across = draw(section_picture(odd, config, row, behind=3)).axes[0]
    assert across.get_ylim()[1] > 15 + 5 / 2  # the rotor is seen


# ---------------------------------------------------------------- numbers of turbines


def test_numbers_keep_off_lines_turbines_and_each_other():
    up = np.arange(20.0, 190, 13)
    # One above the other on a boundary, others to the right of them.
    hubs = np.concatenate([np.column_stack([np.full(up.size, x), up]) for x in (50.0, 65.0)])
    line = LineString([(50, 0), (50, 200)])
    middles = hubs + beside_discs(hubs, 4.0, 6.0, line, np.array([100.0, 200.0]))
    half = np.array([[6 * 0.3 * len(str(number)), 6 * 0.3] for number in range(len(hubs))])
    boxes = [shapely.box(*low, *high) for low, high in zip(middles - half, middles + half, strict=True)]
    assert not any(one.intersects(line) for one in boxes)
    assert not any(one.intersects(Point(hub).buffer(4)) for one in boxes for hub in hubs)
    assert not any(one.intersects(other) for one, other in combinations(boxes, 2))
    assert np.hypot(*(middles - hubs).T).max() < 15  # each beside its own


def test_a_number_with_room_stands_below_but_not_beyond_the_map():
    whole, line = np.array([100.0, 200.0]), LineString([(0, 0), (0, 200)])
    ((aside, up),) = beside_discs(np.array([[50.0, 100.0]]), 4.0, 6.0, line, whole)
    assert aside == 0
    assert -10 < up < -4
    ((aside, up),) = beside_discs(np.array([[50.0, 2.0]]), 4.0, 6.0, line, whole)
    assert aside == 0
    assert 4 < up < 10


def test_long_numbers_of_turbines_that_stand_close_are_apart():
    far = np.column_stack([np.arange(0.0, 1000, 10), np.full(100, 180.0)])
    hubs = np.concatenate([far, [(50.0, 100.0), (59.0, 100.0)]])  # 100 and 101
    whole, line = np.array([1000.0, 200.0]), LineString([(0, 0), (0, 200)])
    (aside, up), (second_aside, second_up) = (hubs + beside_discs(hubs, 4.0, 6.0, line, whole))[100:]
    assert abs(second_aside - aside) > 3 * 6 * 0.6 or abs(second_up - up) > 6 * 0.6
