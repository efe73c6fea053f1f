"""mpi-layout export: layouts as a table, written whole or not at all."""

import csv
import io
import os
import stat

import pytest

from mpi_layout import cli
from mpi_layout.campaign import parse_campaign
from mpi_layout.optimise.solve import solve
from mpi_layout.results.create import create_results
from mpi_layout.results.file import open_writer
from mpi_layout.results.reader import open_reader
from mpi_layout.results.storage.row import done_row, failed_row, row_dtype
from mpi_layout.results.storage.structure import locate

HEAD = ["key", "area", "turbine_type", "seed", "turbine", "x_m", "y_m", "aep_GWh"]


@pytest.fixture(scope="module")
def campaign(small_campaign_text):
    # Layouts of two sizes: the smaller ones are padded in the file.
    return parse_campaign(small_campaign_text.replace("n_turbines: 5", "target_capacity_MW: 45"))


@pytest.fixture(scope="module")
def sound(tmp_path_factory, campaign):
    """Bytes of a results file with two done configs of each area and type, one failed, the others waiting."""
    path = tmp_path_factory.mktemp("export") / "results.h5"
    create_results(path, campaign)
    dtype = row_dtype(campaign.n_turbines_max)
    about = {"seconds": 0.1, "rank": 1, "launch": 0, "attempts": 1}
    with open_writer(path, campaign) as writer:
        for config in campaign.configs:
            if config.seed < 2:
                row = done_row(dtype, config, solve(campaign.problem(config.number)), **about)
                writer.write_row(config.number, row)
        writer.write_row(2, failed_row(dtype, campaign.configs[2], "no room", **about))
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, sound):
    target = tmp_path / "results.h5"
    target.write_bytes(sound)
    return target


def table(text):
    head, *lines = csv.reader(io.StringIO(text))
    assert head == HEAD
    return lines


def expected(path):
    """The table from the rows, number by number."""
    lines = []
    for row in open_reader(path).rows[open_reader(path).done]:
        about = [row["key"].decode(), row["area"].decode(), row["turbine_type"].decode(), str(row["seed"])]
        for k in range(row["n_turbines"]):
            lines.append([*about, str(k), *(repr(float(row[name][k])) for name in ("x", "y", "turbine_aep"))])
    return lines


def test_line_per_turbine_of_every_done_config(path, tmp_path, capsys):
    out = tmp_path / "layouts.csv"
    assert cli.main(["export", str(path), "--csv", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: the layouts of 8 configs\n"
    lines = table(out.read_text(encoding="utf-8"))
    assert lines == expected(path)
    assert len(lines) == 4 * 4 + 4 * 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["layouts.csv", "results.h5"]


def test_standard_output_and_choice(path, capsys):
    assert cli.main(["export", str(path), "--csv", "-", "--only", "b_t15_*"]) == 0
    assert table(capsys.readouterr().out) == [line for line in expected(path) if line[0].startswith("b_t15_")]
    assert cli.main(["export", str(path), "--csv", "-", "--only", "nowhere_*"]) == 2
    said = capsys.readouterr()
    assert "no config matches 'nowhere_*'" in said.err
    assert not said.out


def test_figures_of_every_done_config(path, tmp_path, capsys):
    out = tmp_path / "configs.csv"
    assert cli.main(["export", str(path), "--configs", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: the figures of 8 configs\n"
    results = open_reader(path)
    rows = results.rows[results.done]
    lines = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert [line["key"] for line in lines] == [key.decode() for key in rows["key"]]
    columns = {
        "aep_GWh": "aep", "start_aep_GWh": "start_aep", "gross_aep_GWh": "gross_aep",
        "wake_loss": "wake_loss", "external_wake_loss": "external_wake_loss",
        "min_spacing_m": "min_spacing", "seconds": "seconds", "objective": "objective",
        "rated_power_MW": "rated_power", "evaluations": "evaluations", "n_turbines": "n_turbines",
    }  # fmt: skip
    for name, column in columns.items():
        assert [float(line[name]) for line in lines] == rows[column].tolist()
    assert {line["status"] for line in lines} == {"done"}
    assert cli.main(["export", str(path), "--configs", "-", "--only", "b_t15_s1"]) == 0
    head, line = csv.reader(io.StringIO(capsys.readouterr().out))
    assert line == [lines[-1][name] for name in head]


def test_figures_of_configs_that_are_not_done(path, capsys):
    assert cli.main(["export", str(path), "--configs", "-", "--status", "all"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [line["key"] for line in lines] == [config.key for config in open_reader(path).campaign.configs]
    assert [line["status"] for line in lines] == [*["done"] * 2, "failed", *["done", "done", "waiting"] * 3]
    failed, waiting = lines[2], lines[5]
    assert (failed["message"], failed["aep_GWh"], failed["evaluations"]) == ("no room", "", "")
    assert (waiting["seconds"], waiting["min_spacing_m"], waiting["n_turbines"]) == ("", "", "3")
    assert cli.main(["export", str(path), "--configs", "-", "--status", "failed"]) == 0
    _, line = csv.reader(io.StringIO(capsys.readouterr().out))
    assert line[0] == "a_t10_s2"


@pytest.mark.parametrize("form", ["csv", "parquet", "geojson", "windio", "legacy"])
def test_only_configs_that_are_done_have_layouts(path, tmp_path, capsys, form):
    assert cli.main(["export", str(path), f"--{form}", str(tmp_path / "out"), "--status", "failed"]) == 2
    assert f"--{form} writes layouts, which only configs have that are done" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["results.h5"]


def test_one_table_at_a_time(path, capsys):
    for options in ([], ["--csv", "-", "--configs", "-"]):
        assert cli.main(["export", str(path), *options]) == 2
        said = capsys.readouterr()
        assert "--configs" in said.err
        assert not said.out


def test_existing_table_is_replaced_only_by_force(path, tmp_path, capsys):
    out = tmp_path / "layouts.csv"
    out.write_text("precious")
    assert cli.main(["export", str(path), "--csv", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert cli.main(["export", str(path), "--csv", str(out), "--force"]) == 0
    assert table(out.read_text()) == expected(path)


@pytest.mark.parametrize("options", [["--csv"], ["--pywake"], ["--legacy"]])
def test_nothing_replaces_a_results_file(path, options, capsys):
    before = path.read_bytes()
    assert cli.main(["export", str(path), *options, str(path), "--force"]) == 2
    assert f"{path}: is a results file, which nothing replaces" in capsys.readouterr().err
    assert path.read_bytes() == before


def _what_lies_at(path):  # all but the time of the last access: following a link is one
    status = path.lstat()
    return status.st_mode, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@pytest.mark.parametrize("kind", ["folder", "device", "pipe"])
def test_nothing_replaces_what_is_no_plain_file(path, tmp_path, kind, capsys):
    out = tmp_path / "out"
    if kind == "folder":
        out.mkdir()
    elif kind == "device":
        out.symlink_to(os.devnull)  # as /dev/stdout is a link; a program of root could replace the device
    else:
        os.mkfifo(out)
    before = _what_lies_at(out)
    assert cli.main(["export", str(path), "--csv", str(out), "--force"]) == 2
    assert f"{out}: is a folder or a device and is not replaced" in capsys.readouterr().err
    assert _what_lies_at(out) == before


def test_names_as_long_as_a_folder_takes(path, tmp_path, capsys):
    out = tmp_path / f"{'x' * 251}.csv"
    assert cli.main(["export", str(path), "--csv", str(out)]) == 0
    assert table(out.read_text()) == expected(path)
    assert cli.main(["export", str(path), "--csv", str(out.with_name(f"{'x' * 252}.csv"))]) == 2
    assert "cannot be written: File name too long" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results.h5", out.name]


def test_failure_leaves_the_old_table(path, tmp_path, monkeypatch, capsys):
    out = tmp_path / "layouts.csv"
    out.write_text("precious")

    def full(descriptor):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    assert cli.main(["export", str(path), "--csv", str(out), "--force"]) == 2
    assert f"{out}: cannot be written: No space left on device" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["layouts.csv", "results.h5"]


def test_a_file_that_comes_meanwhile_is_kept(path, tmp_path, monkeypatch, capsys):
    out = tmp_path / "layouts.csv"
    sync = os.fsync

    def and_meanwhile(descriptor):
        out.write_text("precious")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", and_meanwhile)
    assert cli.main(["export", str(path), "--csv", str(out)]) == 2
    assert f"{out}: exists already" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["layouts.csv", "results.h5"]


def test_what_a_killed_export_left_is_in_nobodys_way(path, tmp_path, monkeypatch):
    """Also with the same process number, which in containers all have."""
    out = tmp_path / "layouts.csv"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as kill:
        kill.setattr(os, "replace", killed)
        kill.setattr(type(out), "unlink", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            cli.main(["export", str(path), "--csv", str(out)])
    assert [p.suffix for p in tmp_path.iterdir() if p != path] == [".writing"]
    assert cli.main(["export", str(path), "--csv", str(out)]) == 0
    assert table(out.read_text()) == expected(path)


def test_table_may_be_read_like_any_new_file(path, tmp_path):
    out = tmp_path / "layouts.csv"
    assert cli.main(["export", str(path), "--csv", str(out)]) == 0
    (tmp_path / "other").touch()
    assert stat.S_IMODE(out.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_missing_folder(path, tmp_path, capsys):
    assert cli.main(["export", str(path), "--csv", str(tmp_path / "no" / "out.csv")]) == 2
    assert f"the folder {tmp_path / 'no'} does not exist" in capsys.readouterr().err


def test_an_empty_table_says_why(path, capsys):
    for options, why in (
        (["--only", "a_t10_s2"], "of 1 config 1 failed and 0 wait"),
        (["--only", "*_s2"], "of 4 configs 1 failed and 3 wait"),
        (["--only", "b_t10_s2", "--best-per", "all"], "of 1 config 0 failed and 1 wait"),
    ):
        assert cli.main(["export", str(path), "--csv", "-", *options]) == 0
        said = capsys.readouterr()
        assert table(said.out) == []
        assert f"note: the table is empty: {why}" in said.err
    assert cli.main(["export", str(path), "--csv", "-", "--only", "a_*"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("form", ["parquet", "netcdf", "windio", "legacy"])
def test_formats_that_are_no_text_want_a_name(path, tmp_path, monkeypatch, form, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", str(path), f"--{form}", "-"]) == 2
    assert f"--{form} -: wants a name; standard output is for --csv, --configs, " in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["results.h5"]


def test_reference_systems_go_with_formats_that_have_one(path, capsys):
    assert cli.main(["export", str(path), "--csv", "-", "--crs", "EPSG:25831"]) == 2
    said = capsys.readouterr()
    assert "--csv writes x and y as the campaign has them: --crs goes with --netcdf and --geojson" in said.err
    assert not said.out


def test_damaged_rows_and_campaigns_are_not_exported(path, capsys):
    before = expected(path)
    raw = bytearray(path.read_bytes())
    raw[locate(path).extents["x"].offset] ^= 1
    path.write_bytes(raw)
    assert cli.main(["export", str(path), "--csv", "-"]) == 0
    assert table(capsys.readouterr().out) == [line for line in before if line[0] != "a_t10_s0"]
    raw[locate(path).extents["campaign_yaml"].offset + 6] ^= 1
    path.write_bytes(raw)
    assert cli.main(["export", str(path), "--csv", "-"]) == 2
    assert "its campaign text has changed" in capsys.readouterr().err
