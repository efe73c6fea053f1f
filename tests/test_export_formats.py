"""mpi-layout export: Parquet, netCDF, GeoJSON, windIO and the old form, each opened by what else reads it."""

import json
import re
import resource
import subprocess
import sys

import h5py
import numpy as np
import pyarrow.parquet
import pyproj
import pytest
import shapely
import windIO
import xarray as xr
import yaml

from mpi_layout import cli
from mpi_layout.campaign import load_campaign, parse_campaign
from mpi_layout.optimise.solve import solve
from mpi_layout.results.create import create_results
from mpi_layout.results.file import open_writer
from mpi_layout.results.reader import open_reader
from mpi_layout.results.storage.row import done_row, failed_row, row_dtype, seal
from mpi_layout.results.storage.schema import ROW_COLUMNS

# Where the reference campaign has its first area, with exclusions and turbines of another farm.
CAMPAIGN = """\
name: at_sea
crs: EPSG:25831
areas:
  - name: north
    description: a square with a wreck
    boundary_m: [[706000, 6228000], [716000, 6228000], [716000, 6248000], [706000, 6248000]]
    exclusions_m: [[[708000, 6230000], [709000, 6230000], [709000, 6231000], [708000, 6231000]]]
  - name: south
    polygons_m:
      - [[706000, 6200000], [706000, 6206000], [710000, 6206000], [710000, 6200000]]
      - [[712000, 6200000], [712000, 6206000], [716000, 6206000], [716000, 6200000]]
turbine_types:
  - {name: t10, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}
  - {name: t15, rated_power_MW: 15, rotor_diameter_m: 240, hub_height_m: 150}
seeds: [7, 11, 12]
target_capacity_MW: 45
min_spacing_D: 3
neighbours:
  - {turbine_type: t15, positions_m: [[700000, 6228000], [700000, 6230000]]}
site:
  turbulence_intensity: 0.1
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [9, 10, 11, 12]
  weibull_k: [2, 2, 2.1, 2.2]
  sector_probability: [0.2, 0.2, 0.3, 0.3]
start: {grid: [8, 8], best_percent: 30}
"""


@pytest.fixture(scope="module")
def campaign():
    return parse_campaign(CAMPAIGN)


@pytest.fixture(scope="module")
def path(tmp_path_factory, campaign):
    """Results file: the last seed waits, and one config has failed."""
    path = tmp_path_factory.mktemp("formats") / "results.h5"
    create_results(path, campaign)
    dtype = row_dtype(campaign.n_turbines_max)
    about = {"seconds": 0.1, "rank": 1, "launch": 0, "attempts": 1}
    with open_writer(path, campaign) as writer:
        for config in campaign.configs:
            if config.seed < 12:
                row = done_row(dtype, config, solve(campaign.problem(config.number)), **about)
                writer.write_row(config.number, row)
        writer.write_row(2, failed_row(dtype, campaign.configs[2], "no room", **about))
    return path


@pytest.fixture(scope="module")
def rows(path):
    results = open_reader(path)
    return results.rows[results.done]


def export(path, *words):
    assert cli.main(["export", str(path), *map(str, words)]) == 0


def refused(path, capsys, *words):
    capsys.readouterr()
    assert cli.main(["export", str(path), *map(str, words)]) == 2
    return capsys.readouterr().err


# ---------------------------------------------------------------- Parquet


def test_parquet_is_the_table(path, tmp_path, capsys):
    out, table = tmp_path / "layouts.parquet", tmp_path / "layouts.csv"
    export(path, "--parquet", out)
    assert capsys.readouterr().out == f"{out}: the layouts of 8 configs\n"
    export(path, "--csv", table)
    frame = pyarrow.parquet.read_table(out)
    head, *lines = [line.split(",") for line in table.read_text().splitlines()]
    assert frame.column_names == head
    types = {name: str(frame.schema.field(name).type) for name in head}
    assert types["key"] == types["area"] == "string"
    assert types["seed"] == types["turbine"] == "int64"
    assert types["x_m"] == types["aep_GWh"] == "double"
    assert [[str(value) for value in line.values()] for line in frame.to_pylist()] == lines


def test_parquet_of_figures_has_gaps(path, tmp_path, rows):
    out = tmp_path / "figures.parquet"
    export(path, "--configs", out, "--status", "all")
    frame = pyarrow.parquet.read_table(out).to_pydict()
    assert frame["status"] == ["done", "done", "failed", *["done", "done", "waiting"] * 3]
    assert [value for value in frame["aep_GWh"] if value is not None] == rows["aep"].tolist()
    assert frame["aep_GWh"][2] is frame["evaluations"][2] is frame["seconds"][5] is None
    assert (frame["message"][2], frame["seconds"][2]) == ("no room", 0.1)


def test_no_row_yet_is_an_empty_table(tmp_path, campaign):
    empty = tmp_path / "empty.h5"
    create_results(empty, campaign)
    export(empty, "--parquet", tmp_path / "out.parquet")
    export(empty, "--csv", tmp_path / "out.csv")
    frame = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert (frame.num_rows, str(frame.schema.field("x_m").type)) == (0, "double")
    assert (tmp_path / "out.csv").read_text() == ",".join(frame.column_names) + "\n"


# ---------------------------------------------------------------- netCDF


@pytest.mark.parametrize("engine", ["netcdf4", "h5netcdf"])
def test_netcdf_has_the_rows(path, tmp_path, rows, engine):
    out = tmp_path / "layouts.nc"
    export(path, "--netcdf", out)
    with xr.open_dataset(out, engine=engine) as data:
        assert data.sizes == {"config": 8, "wt": 4, "trace": 32}
        for column in ROW_COLUMNS:
            if column.name in ("rank", "launch", "attempts", "checksum"):
                assert column.name not in data
                continue
            expected = rows[column.name]
            if expected.dtype.kind == "S":
                expected = [text.decode() for text in expected]
            np.testing.assert_array_equal(data[column.name].values, expected, err_msg=column.name)
            assert data[column.name].attrs["long_name"] == column.long_name
        assert data.config.values.tolist() == [0, 1, 3, 4, 6, 7, 9, 10]
        assert data.x.attrs["standard_name"] == "projection_x_coordinate"
        assert data.aep.attrs["units"] == "GW h"
        assert data.attrs["Conventions"] == "CF-1.11"
        system = pyproj.CRS.from_cf(data[data.x.encoding.get("grid_mapping", "crs")].attrs)
        assert system == pyproj.CRS("EPSG:25831")
        assert parse_campaign(str(data.campaign_yaml.item())).digest == data.attrs["campaign_digest"]


def test_netcdf_of_all_configs(path, tmp_path, campaign):
    out = tmp_path / "all.nc"
    export(path, "--netcdf", out, "--status", "all", "--only", "north_*")
    with xr.open_dataset(out) as data:
        assert data.key.values.tolist() == [config.key for config in campaign.configs[:6]]
        assert data.status.values.tolist() == [1, 1, 2, 1, 1, 0]
        assert data.message.values.tolist() == ["", "", "no room", "", "", ""]
        assert np.isnan(data.aep.values).tolist() == [False, False, True, False, False, True]
        # Unlike what was read from a results file it can be written again as it is.
        data.to_netcdf(tmp_path / "again.nc")


def test_netcdf_of_reference_systems_that_cf_has_no_word_for(straight, tmp_path, recwarn):
    for crs in ("EPSG:28992", "EPSG:2056", "EPSG:3035"):
        out = tmp_path / f"{crs[5:]}.nc"
        export(straight.path, "--netcdf", out, "--crs", crs)
        with xr.open_dataset(out) as data:
            assert pyproj.CRS.from_cf(data.crs.attrs) == pyproj.CRS(crs)
    assert [str(warning.message) for warning in recwarn] == []


def test_netcdf_without_pyproj(path, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mpi_layout.exports.crs.find_spec", lambda name: None)
    out = tmp_path / "layouts.nc"
    export(path, "--netcdf", out)
    said = capsys.readouterr().out
    assert "8 configs, without the coordinate reference system of its campaign: pyproj is missing" in said
    with xr.open_dataset(out) as data:
        assert "crs" not in data
    assert "pip install 'mpi-layout[gis]'" in refused(path, capsys, "--netcdf", out, "--crs", "EPSG:25831")


def test_netcdf_without_reference_system(straight, tmp_path):
    out = tmp_path / "layouts.nc"
    export(straight.path, "--netcdf", out)
    with xr.open_dataset(out) as data:
        assert "crs" not in data
        assert data.sizes["config"] == 12
    refused_ = tmp_path / "no.nc"
    assert cli.main(["export", str(straight.path), "--netcdf", str(refused_), "--only", "a_*_s9"]) == 2
    assert not refused_.exists()


# ---------------------------------------------------------------- GeoJSON


@pytest.fixture(scope="module")
def collection(path, tmp_path_factory):
    out = tmp_path_factory.mktemp("geojson") / "layouts.geojson"
    export(path, "--geojson", out)
    return json.loads(out.read_text(encoding="utf-8"))


def of(collection, feature, **wanted):
    return [
        each
        for each in collection["features"]
        if each["properties"]["feature"] == feature and wanted.items() <= each["properties"].items()
    ]


def test_turbines_on_the_map(collection, campaign, rows):
    # By the other direction of another object: from degrees back to metres.
    back = pyproj.Proj("EPSG:25831")
    assert len(of(collection, "turbine")) == 4 * 4 + 4 * 3
    for row in rows:
        turbines = of(collection, "turbine", config=row["key"].decode())
        n = int(row["n_turbines"])
        assert [each["properties"]["turbine"] for each in turbines] == list(range(n))
        lon, lat = np.array([each["geometry"]["coordinates"] for each in turbines]).T
        np.testing.assert_allclose(back(lon, lat), [row["x"][:n], row["y"][:n]], rtol=0, atol=1e-3)
        about = [each["properties"] for each in turbines]
        assert [each["x_m"] for each in about] == row["x"][:n].tolist()
        assert [each["aep_GWh"] for each in about] == row["turbine_aep"][:n].tolist()
        assert np.mean([each["wake_loss"] for each in about]) == pytest.approx(row["wake_loss"], rel=1e-9)
        assert {each["hub_height_m"] for each in about} == {121 if n == 4 else 150}


def test_places_are_in_the_north_sea(collection):
    lon, lat = np.array([each["geometry"]["coordinates"] for each in of(collection, "turbine")]).T
    assert 6.2 < lon.min() < lon.max() < 6.7
    assert 55.8 < lat.min() < lat.max() < 56.5


def test_areas_on_the_map(collection, campaign):
    to_metres = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:25831", always_xy=True)
    for spec in campaign.areas:
        (area,) = of(collection, "area", area=spec.name)
        geometry = shapely.geometry.shape(area["geometry"])
        assert geometry.is_valid
        for part in shapely.get_parts(geometry):
            assert part.exterior.is_ccw
            assert not any(hole.is_ccw for hole in part.interiors)
        metres = shapely.transform(geometry, lambda p: np.column_stack(to_metres.transform(*p.T)))
        expected = campaign.problem(0 if spec.name == "north" else 6).area.geometry
        assert metres.symmetric_difference(expected).area < 1e-6 * expected.area
        assert area["properties"]["surface_km2"] == pytest.approx(expected.area / 1e6)
        # Turbines on an edge lie on it in degrees as well: edges are divided.
        for turbine in of(collection, "turbine", area=spec.name):
            point = shapely.geometry.shape(turbine["geometry"])
            assert geometry.distance(point) < 1e-6  # 0.1 m
    assert of(collection, "area", area="north")[0]["properties"]["description"] == "a square with a wreck"
    (exclusion,) = of(collection, "exclusion")
    hole = shapely.geometry.shape(exclusion["geometry"])
    (north,) = of(collection, "area", area="north")
    assert shapely.geometry.shape(north["geometry"]).intersection(hole).area < 1e-12
    assert len(of(collection, "neighbour")) == 2


def test_figures_that_json_has_no_word_for(path, tmp_path, campaign):
    """As where the wind never turns a turbine, or in a forged row."""
    forged, out = tmp_path / "forged.h5", tmp_path / "out.geojson"
    forged.write_bytes(path.read_bytes())
    row = open_reader(path).rows[:1].copy()
    row["turbine_aep"], row["gross_aep"], row["aep"] = 0, 0, 0
    row["turbine_aep"][0, 1] = np.nan
    seal(row)
    with open_writer(forged, campaign) as writer:
        writer.write_row(0, row)
    export(forged, "--geojson", out, "--only", "north_t10_s7")
    first, second, *_ = of(json.loads(out.read_text()), "turbine")
    assert (first["properties"]["aep_GWh"], first["properties"]["wake_loss"]) == (0, None)
    assert second["properties"]["aep_GWh"] is None


def test_one_feature_a_line(path, capsys):
    capsys.readouterr()
    export(path, "--geojson", "-", "--best-per", "all")
    head, *features, end = capsys.readouterr().out.splitlines()
    assert head == '{"type": "FeatureCollection", "name": "at_sea", "features": ['
    assert end == "]}"
    assert (
        len({json.loads(line.rstrip(","))["properties"].get("config") for line in features}) == 2
    )  # and None


def test_reference_system_by_hand(straight, path, tmp_path, capsys):
    out = tmp_path / "o.geojson"
    said = refused(straight.path, capsys, "--geojson", out)
    assert "--crs" in said
    for crs, text in (
        ("EPSG:4326", "has no coordinates in metres (degree, degree)"),
        ("EPSG:2263", "US survey foot"),
        ("EPSG:99999999", "is no coordinate reference system"),
        ("nonsense\x1b[2J", r"'nonsense\x1b[2J' is no coordinate reference system"),
        ("", "is no coordinate reference system"),
        ("EPSG:2053", "run west and south"),
    ):
        assert text in refused(straight.path, capsys, "--geojson", out, "--crs", crs)
    assert not out.exists()
    export(straight.path, "--geojson", out, "--crs", "EPSG:25831")
    said = capsys.readouterr().out
    assert "warning: these places lie far outside the area that ETRS89 / UTM zone 31N is for" in said
    other = tmp_path / "other.geojson"
    export(
        path, "--geojson", other, "--crs", "+proj=utm +zone=32 +ellps=GRS80"
    )  # before that of the campaign
    assert re.search(
        r"longitude 12\.\d\d to 12\.\d\d, latitude 55\.\d\d to 56\.\d\d", capsys.readouterr().out
    )


def test_reference_system_shapes_no_result(campaign):
    assert parse_campaign(CAMPAIGN.replace("crs: EPSG:25831\n", "")).digest == campaign.digest


def test_what_is_needed_is_said(path, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mpi_layout.exports.crs.find_spec", lambda name: None)
    monkeypatch.setattr("mpi_layout.exports.tables.find_spec", lambda name: None)
    assert "pip install 'mpi-layout[gis]'" in refused(path, capsys, "--geojson", tmp_path / "out")
    assert "pip install 'mpi-layout[tables]'" in refused(path, capsys, "--parquet", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_reference_campaign_lies_in_the_north_sea(request):
    example = request.config.rootpath / "examples" / "danish_energy_island.yaml"
    if not example.exists():
        pytest.skip("no examples in an installed package")
    campaign = load_campaign(example)
    to_degrees = pyproj.Transformer.from_crs(campaign.crs, "OGC:CRS84", always_xy=True)
    points = np.concatenate([spec.boundary_m for spec in campaign.areas])
    lon, lat = to_degrees.transform(*points.T)
    # West of Jutland, whose coast lies at 8 degrees; one zone further east they would lie on Zealand.
    assert 5.9 < lon.min() < lon.max() < 7.2
    assert 55.6 < lat.min() < lat.max() < 57.0


# ---------------------------------------------------------------- windIO


def test_windio_farms(path, tmp_path, rows, campaign):
    folder = tmp_path / "farms"
    export(path, "--windio", folder)
    assert sorted(p.name for p in folder.iterdir()) == [
        f"{area}_{kind}.yaml" for area in ("north", "south") for kind in ("t10", "t15")
    ]
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8")
        farm = yaml.safe_load(text)
        windIO.validate(str(file), "plant/wind_farm")
        own = rows[[f"{row['area'].decode()}_{row['turbine_type'].decode()}" == file.stem for row in rows]]
        assert len(farm["layouts"]) == len(own) == 2
        for i, (layout, row) in enumerate(zip(farm["layouts"], own, strict=True)):
            n = int(row["n_turbines"])
            assert layout["coordinates"]["x"] == row["x"][:n].tolist()
            assert layout["coordinates"]["y"] == row["y"][:n].tolist()
            assert f"# layouts[{i}]: {row['key'].decode()}, {float(row['aep'])!r} GWh\n" in text
        assert farm["turbines"]["rotor_diameter"] == own["rotor_diameter"][0]


def test_windio_folder_keeps_what_is_there(path, tmp_path, capsys):
    (tmp_path / "south_t15.yaml").write_text("precious")
    (tmp_path / "file").write_text("precious")
    assert "exists already" in refused(path, capsys, "--windio", tmp_path)
    assert not (tmp_path / "north_t10.yaml").exists()
    export(path, "--windio", tmp_path, "--only", "north_*")
    export(path, "--windio", tmp_path, "--force")
    assert (tmp_path / "south_t15.yaml").read_text() != "precious"
    assert "is a file; --windio wants a folder" in refused(path, capsys, "--windio", tmp_path / "file")
    assert "cannot be made: No such file" in refused(path, capsys, "--windio", tmp_path / "no" / "folder")


# ---------------------------------------------------------------- the old form


def test_old_readers_work(path, tmp_path, rows):
    out = tmp_path / "layouts.h5"
    export(path, "--legacy", out)
    with h5py.File(out, "r") as file:
        assert len(file) == 8
        for row in rows:
            area, kind = ("north", "south").index(row["area"].decode()), int(row["turbine_type"] == b"t15")
            name, n = f"farm{area}_t{kind}_s{row['seed']}", int(row["n_turbines"])
            layout = file[f"{name}/layout"]
            assert layout.shape == (2, n)
            np.testing.assert_array_equal(layout, [row["x"][:n], row["y"][:n]])
            assert file[f"{name}/aep"][()] == row["aep"]
            assert dict(file[name].attrs) == {
                "farm_idx": area, "type_idx": kind, "n_turbines": n,
                "diameter": row["rotor_diameter"], "ss_seed": row["seed"],
            }  # fmt: skip


# ---------------------------------------------------------------- all of them


FORMS = ["csv", "parquet", "configs", "netcdf", "geojson", "legacy"]


@pytest.mark.parametrize("form", FORMS)
def test_existing_files_and_missing_folders(path, tmp_path, capsys, form):
    out = tmp_path / "out"
    out.write_text("precious")
    assert "exists already and is not replaced" in refused(path, capsys, f"--{form}", out)
    assert out.read_text() == "precious"
    export(path, f"--{form}", out, "--force")
    assert b"precious" not in out.read_bytes()
    assert f"{tmp_path / 'no' / 'out'}: the folder {tmp_path / 'no'} does not exist" in refused(
        path, capsys, f"--{form}", tmp_path / "no" / "out"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("form", ["parquet", "netcdf", "legacy"])
@pytest.mark.parametrize("room", [100, 2000])
def test_a_full_disk_ends_libraries_with_a_message(path, tmp_path, form, room):
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "mpi_layout", "export", path, f"--{form}", tmp_path / "out"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"mpi-layout: error: {tmp_path / 'out'}: cannot be written")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", [*FORMS, "windio"])
def test_layouts_that_were_never_computed(path, tmp_path, capsys, form, campaign):
    """Sealed rows that say what cannot be: answered, or refused with a message."""
    forged = tmp_path / "forged.h5"
    forged.write_bytes(path.read_bytes())
    row = open_reader(path).rows[:1].copy()
    row["x"], row["turbine_aep"], row["gross_aep"], row["n_turbines"] = np.nan, np.nan, 0, 2**31 - 1
    row["message"] = b"\xff\xfe"
    row["aep"] = row["objective"] = np.nan
    seal(row)
    with open_writer(forged, campaign) as writer:
        writer.write_row(0, row)
    code = cli.main(["export", str(forged), f"--{form}", str(tmp_path / "out")])
    said = capsys.readouterr()
    if form in ("geojson", "legacy", "windio"):
        assert code == 2
        assert "north_t10_s7: damaged layout: a turbine has no place" in said.err
        assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["forged.h5"]
    else:
        assert code == 0


@pytest.mark.parametrize("form", [*FORMS, "windio"])
def test_the_best_of_each_area(path, tmp_path, rows, form):
    out = tmp_path / "out"
    export(path, f"--{form}", out, "--best-per", "area")
    best = [max(rows[rows["area"] == area], key=lambda row: row["aep"]) for area in (b"north", b"south")]
    text = b"".join(p.read_bytes() for p in ([out] if out.is_file() else sorted(out.iterdir())))
    if form == "legacy":
        names = {
            f"farm{i}_t{int(row['turbine_type'] == b't15')}_s{row['seed']}" for i, row in enumerate(best)
        }
        with h5py.File(out) as file:
            assert set(file) == names
        return
    if form == "netcdf":
        with xr.open_dataset(out) as data:
            text = " ".join(data.key.values).encode()
    if form == "parquet":
        text = " ".join(pyarrow.parquet.read_table(out)["key"].to_pylist()).encode()
    assert set(re.findall(rb"(?:north|south)_t1[05]_s\d+", text)) == {row["key"] for row in best}
