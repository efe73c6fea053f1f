"""windIO files: what they include, what their schemas say, areas, layouts."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import windIO
import windIO.examples.plant
import xarray

from mpi_layout.errors import InputError
from mpi_layout.formats import yaml_include
from mpi_layout.formats.layouts import read_csv_layouts, read_windio_layouts
from mpi_layout.formats.windio import SYSTEM, WIND_FARM, check_windio, load_windio
from mpi_layout.formats.windio_area import read_windio_outlines
from mpi_layout.formats.windio_schema import key_faults
from mpi_layout.formats.yaml_include import load_with_includes
from mpi_layout.site.area import Area

EXAMPLES = Path(next(iter(windIO.examples.plant.__path__)))
SYSTEMS = sorted((EXAMPLES / "wind_energy_system").glob("*.yaml"))
CASE_3 = EXAMPLES / "wind_energy_system" / "IEA37_case_study_3_wind_energy_system.yaml"

CASE_4 = CASE_3.with_name("IEA37_case_study_4_wind_energy_system.yaml")


def without_attributes(value):
    if isinstance(value, dict):
        return {key: without_attributes(inner) for key, inner in value.items() if key != "attrs"}
    return [without_attributes(inner) for inner in value] if isinstance(value, list) else value


# ---------------------------------------------------------------- includes


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.yaml")), ids=lambda path: path.stem)
def test_values_of_every_example_are_those_that_windio_reads(path):
    assert load_with_includes(path, "windIO input") == without_attributes(windIO.load_yaml(path))


@pytest.fixture
def tree(tmp_path):
    """Write files below a folder project; give back a function that loads its farm/top.yaml."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / "project" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return lambda: load_with_includes(tmp_path / "project" / "farm" / "top.yaml", "windIO input")

    return write


def test_an_include_may_stand_anywhere_and_include_others(tree):
    load = tree(
        {
            "farm/top.yaml": "a: [1, !include below/x.yaml]\nb: {c: !include '../other/y.yml'}\n",
            "farm/below/x.yaml": "z: !include ../../other/y.yml",
            "other/y.yml": "- 2020-01-01\n- 1e6\n",
        }
    )
    y = load()["b"]["c"]
    assert y[1] == 1e6
    assert load() == {"a": [1, {"z": y}], "b": {"c": y}}


@pytest.mark.parametrize(
    ("top", "message"),
    [
        (
            "a: 1\nb: !include none.yaml\n",
            "line 2, column 4: !include none.yaml: {farm}/none.yaml: there is no such windIO input file",
        ),
        ("a: !include none.nc\n", "!include none.nc: {farm}/none.nc: there is no such netCDF file"),
        (
            "a: !include ../../secret.yaml\n",
            "line 1, column 4: !include ../../secret.yaml: lies outside {project}",
        ),
        ("a: !include link.yaml\n", "!include link.yaml: lies outside {project}"),
        (
            "a: !include /etc/passwd\n",
            "!include /etc/passwd: wants a path relative to the file that includes it",
        ),
        (
            "a: !include ../other/notes.txt\n",
            "!include ../other/notes.txt: wants a file named .yaml, .yml or .nc",
        ),
        ("a: !include loop.yaml\n", "loop.yaml: cannot be read: Too many levels of symbolic links"),
        ("a: !include loop.nc\n", "loop.nc: cannot be read: Too many levels of symbolic links"),
        (f"a: !include {'x' * 900}.yaml\n", "x.yaml: cannot be read: File name too long"),
        ("a: !include top.yaml\n", "!include top.yaml: includes itself"),
        ("a: !include round.yaml\n", "round.yaml: line 1, column 4: !include top.yaml: includes itself"),
        ("a: !include pipe.yaml\n", "pipe.yaml: is no regular file; wants a windIO input file"),
        ("a: !include pipe.nc\n", "pipe.nc: is no regular file; wants a netCDF file"),
        ("a: !include ../farm\n", "wants a file named .yaml, .yml or .nc"),
        ("a: !include broken.nc\n", "broken.nc: no readable netCDF file"),
        ("a: !include broken.yaml\n", "broken.yaml: line 1, column 2: no valid YAML"),
        ("a: !include twice.yaml\n", "twice.yaml: line 2, column 1: key 'a' is given twice, first in line 1"),
        (
            "a: !include [x.yaml]\n",
            "line 1, column 4: !include is refused: a windIO input has no tags but !include",
        ),
        ("a: !!python/name:os.system\n", "!!python/name:os.system is refused"),
        ('a: !include "x\\u001b.yaml"\n', "is no name of a file"),
        ("a: !include ''\n", "'' is no name of a file"),
        (f"a: !include {'x' * 2000}.yaml\n", "is no name of a file"),
    ],
)
def test_what_cannot_be_included_is_told_with_file_and_line(tree, tmp_path, top, message):
    load = tree(
        {
            "farm/top.yaml": top,
            "farm/round.yaml": "a: !include top.yaml",
            "farm/broken.yaml": "{",
            "farm/broken.nc": "CDF but not really",
            "farm/twice.yaml": "a: 1\na: 2\n",
            "other/notes.txt": "a: 1",
            "../secret.yaml": "a: 1",
        }
    )
    farm = tmp_path / "project" / "farm"
    os.mkfifo(farm / "pipe.yaml")
    os.mkfifo(farm / "pipe.nc")
    (farm / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    for name in ("loop.yaml", "loop.nc"):
        (farm / name).symlink_to(farm / name)
    with pytest.raises(InputError) as error:
        load()
    assert message.format(farm=farm, project=tmp_path / "project") in str(error.value)
    assert str(error.value).isprintable()


def test_a_folder_may_be_a_link_to_where_its_files_include_from(tmp_path):
    (tmp_path / "wind_energy_system").symlink_to(EXAMPLES / "wind_energy_system")
    path = tmp_path / "wind_energy_system" / CASE_3.name
    assert load_with_includes(path, "windIO input") == load_with_includes(CASE_3, "windIO input")


def test_includes_do_not_multiply(tree):
    """Each level includes the next one twice: few bytes, 2^30 values."""
    levels = {f"farm/{i}.yaml": f"- !include {i + 1}.yaml\n- !include {i + 1}.yaml\n" for i in range(30)}
    load = tree({"farm/top.yaml": "!include 0.yaml", **levels, "farm/30.yaml": "1"})
    with pytest.raises(InputError, match=f"is one of more than {yaml_include.MOST_FILES} files"):
        load()
    aliases = "\n".join(["- &a !include long.yaml", *["- *a"] * 1000])
    load = tree({"farm/top.yaml": aliases, "farm/long.yaml": f"[{'1,' * 10_000}]"})
    with pytest.raises(InputError, match=r"has more than 2,000,000 values"):
        load()


def test_a_netcdf_file_of_words_is_refused(tree, tmp_path):
    load = tree({"farm/top.yaml": "a: !include words.nc"})
    words = xarray.Dataset({"name": ("n", np.array(["a", "b"], dtype=object))})
    words.to_netcdf(tmp_path / "project" / "farm" / "words.nc")
    with pytest.raises(InputError, match=r"words\.nc: name: wants numbers or times, has"):
        load()


# ---------------------------------------------------------------- schemas


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda path: path.stem)
def test_every_example_system_is_valid(path):
    assert load_windio(path, SYSTEM)["name"]


def paths_of_mappings(value, path=()):
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            yield from paths_of_mappings(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from paths_of_mappings(inner, (*path, i))


def test_an_unknown_key_is_found_wherever_it_stands():
    seed = random.randrange(2**32)
    print("seed", seed)
    choice = random.Random(seed)
    data = load_windio(CASE_3, SYSTEM)
    for path in paths_of_mappings(data):
        inner = data
        for part in path:
            inner = inner[part]
        key = choice.choice(["oops", "names", "0", "coordinates_"])
        inner[key] = choice.choice([1, "x", {}, [{}]])
        assert [fault.path for fault in key_faults(data, SYSTEM)] == [(*path, key)]
        del inner[key]
    assert not list(key_faults(data, SYSTEM))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda d: d.pop("site"), "  site: is missing"),
        (lambda d: d["site"].pop("energy_resource"), "  site.energy_resource: is missing"),
        (lambda d: d.update(site=[]), "  site: wants keys and values, has a list of 0"),
        (lambda d: d["attributes"].update(analysis=3), "attributes.analysis: wants keys and values, has 3"),
        (lambda d: d["site"].update(boundary=1), "  site.boundary: unknown key; is boundaries meant?"),
        (
            lambda d: d["wind_farm"]["turbines"].update(hub_height="high"),
            "wind_farm.turbines.hub_height: 'high' is not of type 'number'",
        ),
        (
            lambda d: d["site"]["energy_resource"]["wind_resource"].pop("probability"),
            "wind_resource: wants probability or weibull_a, weibull_k, sector_probability or time",
        ),
        (
            lambda d: d["attributes"]["analysis"]["wind_deficit_model"].update(name="Jansen"),
            "analysis.wind_deficit_model.name: 'Jansen' is not one of ['Jensen', 'Bastankhah2014'",
        ),
        (
            lambda d: d.update(optimisation={"design_variables": {"layout": 3}}, other=1),
            "1 fault in the windIO wind_energy_system",
        ),
    ],
)
def test_faults_name_their_paths(harm, message):
    data = load_windio(CASE_3, SYSTEM)
    harm(data)
    with pytest.raises(InputError) as error:
        check_windio(data, SYSTEM, "file.yaml")
    assert str(error.value).startswith("file.yaml: ")
    assert message in str(error.value)


def test_what_is_no_windio_file_is_told_so(tmp_path):
    for text, message in (
        ("[1]", "wants the keys of a windIO wind_farm; has a list of 1"),
        ("", "has nothing"),
    ):
        (tmp_path / "farm.yaml").write_text(text)
        with pytest.raises(InputError, match=message):
            load_windio(tmp_path / "farm.yaml", WIND_FARM)


# ---------------------------------------------------------------- areas


def area_of(site):
    outlines = read_windio_outlines(site, "site")
    return Area.from_rings("a", outlines.polygons, outlines.exclusions)


def test_polygons_of_case_study_4():
    site = load_windio(
        EXAMPLES / "wind_energy_system" / "IEA37_case_study_4_wind_energy_system.yaml", SYSTEM
    )["site"]
    outlines = read_windio_outlines(site, "site")
    assert len(outlines.polygons) == 5
    for ring, polygon in zip(outlines.polygons, site["boundaries"]["polygons"], strict=True):
        np.testing.assert_array_equal(ring, np.transpose([polygon["x"], polygon["y"]]))


def test_circles_lie_on_the_safe_side():
    circle = {"circle": {"center": {"x": 100.0, "y": -50.0}, "radius": 1300.0}}
    hole = {"circle": {"center": {"x": 100.0, "y": -50.0}, "radius": 200.0}}
    area = area_of({"boundaries": circle, "exclusions": hole})
    angle = np.linspace(0, 2 * np.pi, 1000)
    edge = np.column_stack([np.cos(angle), np.sin(angle)])
    at = lambda radius: (edge * radius + [100, -50]).T  # noqa: E731
    assert not area.contains(*at(1300.0 + 1e-6)).any()
    assert area.contains(*at(1300 * (1 - 3.8e-5) - 1e-3)).all()
    assert not area.contains(*at(200.0 - 1e-6)).any()
    assert area.contains(*at(200 * (1 + 3.9e-5) + 1e-3)).all()
    assert area.surface == pytest.approx(np.pi * (1300**2 - 200**2), rel=1e-4)


def test_exclusion_polygons_are_cut_out():
    square = lambda size: {"polygons": [{"x": [0, size, size, 0], "y": [0, 0, size, size]}]}  # noqa: E731
    assert area_of({"boundaries": square(10), "exclusions": square(4)}).surface == pytest.approx(100 - 16)


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ({}, "site.boundaries: wants polygons or a circle, has nothing"),
        ({"boundaries": {}}, "site.boundaries: wants polygons or a circle, has neither"),
        (
            {"boundaries": {"polygons": [{"x": [0, 1], "y": [0]}]}},
            "site.boundaries.polygons[0]: wants as many x as y, has 2 and 1",
        ),
        (
            {"boundaries": {"polygons": [{"x": [0, "1"], "y": [0, 1]}]}},
            "site.boundaries.polygons[0].x[1]: wants a number of m, has the text '1'",
        ),
        (
            {"boundaries": {"polygons": [{"x": [0, float("nan")], "y": [0, 1]}]}},
            "site.boundaries.polygons[0].x[1]: wants a number of m, has nan",
        ),
        (
            {"boundaries": {"polygons": [{"x": [0, 1, 1, 0], "y": [0, 1, 0, 1]}]}},
            "site.boundaries.polygons[0]: must not cross or touch itself",
        ),
        (
            {"boundaries": {"polygons": [{"x": [8, 9, 9], "y": [55, 55, 56], "crs": "+proj=longlat"}]}},
            "polygons[0].crs: wants projected coordinates in m, has longitude and latitude",
        ),
        (
            {"boundaries": {"circle": {"center": {"x": 0, "y": 0}, "radius": -1}}},
            "site.boundaries.circle.radius: wants more than 0 m, has -1",
        ),
        (
            {"boundaries": {"circle": {"center": [0, 0], "radius": 1}}},
            "site.boundaries.circle: wants {center:",
        ),
    ],
)
def test_faults_of_areas(site, message):
    with pytest.raises(InputError) as error:
        read_windio_outlines(site, "site")
    assert message in str(error.value)


# ---------------------------------------------------------------- layouts


def test_layouts_of_the_examples():
    farm = load_windio(EXAMPLES / "plant_wind_farm" / "multiple_types.yaml", WIND_FARM)
    (layout,) = read_windio_layouts(farm, "wind_farm")
    raw = farm["layouts"][0]
    np.testing.assert_array_equal(layout.x, raw["coordinates"]["x"])
    np.testing.assert_array_equal(layout.y, raw["coordinates"]["y"])
    assert [int(key) for key in layout.turbine_type] == raw["turbine_types"]


def test_one_layout_or_several():
    one = {"coordinates": {"x": [0, 500], "y": [0, 0]}}
    assert [layout.name for layout in read_windio_layouts({"layouts": one}, "f")] == ["layouts"]
    assert [layout.name for layout in read_windio_layouts({"layouts": [one, one]}, "f")] == [
        "layouts[0]",
        "layouts[1]",
    ]


@pytest.mark.parametrize(
    ("layouts", "message"),
    [
        (None, "f.layouts: wants a layout or a list of them, has nothing"),
        ([], "f.layouts: wants a layout or a list of them, has a list of 0"),
        ([3], "f.layouts[0]: wants coordinates, has 3"),
        ({}, "f.layouts.coordinates: wants {x: [...], y: [...]}, has nothing"),
        (
            {"coordinates": {"x": [0, 1.5], "y": [0, 0]}, "turbine_types": [1]},
            "f.layouts.turbine_types: wants one for each of 2 turbines, has a list of 1",
        ),
        (
            {"coordinates": {"x": [0, 9, 0.5], "y": [0, 0, 0.5]}},
            "f.layouts: turbines 0 and 2, counted from 0, stand at the same place (0, 0)",
        ),
    ],
)
def test_faults_of_windio_layouts(layouts, message):
    with pytest.raises(InputError) as error:
        read_windio_layouts({"layouts": layouts}, "f")
    assert message in str(error.value)


def write(path, text):
    path.write_text(text)
    return path


def test_tables_with_and_without_types_and_keys(tmp_path):
    (plain,) = read_csv_layouts(write(tmp_path / "a.csv", "\ufeffx, y\n1.5,2\n\n300,4e2\n"))
    np.testing.assert_array_equal([plain.x, plain.y], [[1.5, 300], [2, 400]])
    assert plain.turbine_type is None
    text = "key,turbine_type,id,y_m,x_m\nk1,t10,a,0,1\nk1,t15,b,500,1\nk2,t10,c,0,7\n"
    first, second = read_csv_layouts(write(tmp_path / "b.csv", text))
    assert (first.name, first.turbine_type, second.name) == ("k1", ("t10", "t15"), "k2")
    np.testing.assert_array_equal([first.x, first.y], [[1, 1], [0, 500]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: wants columns x_m and y_m, or x and y; has nothing"),
        ("lon,lat\n1,2\n", "line 1: wants columns x_m and y_m, or x and y; has lon, lat"),
        ("x,y\n", "has no turbines"),
        ("x,y\n1,2\n3\n", "line 3: wants 2 columns, has 1"),
        ("x,y\n1,2\n3,east\n", "line 3: y: wants a number of m, has the text 'east'"),
        ("x,y\n1,nan\n", "line 2: y: wants a number of m, has the text 'nan'"),
        ("x,y\n1,2\n1,2\n", "turbines 0 and 1, counted from 0, stand at the same place (1, 2)"),
    ],
)
def test_faults_of_tables(tmp_path, text, message):
    path = write(tmp_path / "layout.csv", text)
    with pytest.raises(InputError) as error:
        read_csv_layouts(path)
    assert str(error.value).startswith(f"{path}: {message}")
