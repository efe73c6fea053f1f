"""The results file: created whole or not at all, safe to kill at any moment, one writer, many readers."""

import dataclasses
import errno
import fcntl
import hashlib
import itertools
import json
import logging
import os
import random
import resource
import signal
import socket
import threading
import time
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from mpi_layout.campaign import parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.optimise.problem import Solution
from mpi_layout.optimise.trace import N_POINTS, Trace
from mpi_layout.results import create, launches
from mpi_layout.results.file import (
    WriterLock,
    create_results,
    expected_size,
    move_aside,
    open_reader,
    open_writer,
)
from mpi_layout.results.locking.lock import check_idle
from mpi_layout.results.storage import schema
from mpi_layout.results.storage.map import draw_map, find_map
from mpi_layout.results.storage.row import (
    Status,
    done_row,
    failed_row,
    is_committed,
    row_dtype,
    seal,
    trace_of,
    waiting_rows,
)
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import locate
from mpi_layout.results.verify import verify

YAML = """
name: two by two  # with a comment: æøå
areas:
  - {name: west, boundary_m: [[0, 0], [9000, 0], [9000, 9000], [0, 9000]]}
  - {name: east, boundary_m: [[20000, 0], [29000, 0], [29000, 9000], [20000, 9000]]}
turbine_types:
  - {name: t10, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}
  - {name: t15, rated_power_MW: 15, rotor_diameter_m: 240, hub_height_m: 150}
seeds: {first: 3, count: 5}
target_capacity_MW: 60
min_spacing_D: 3
site:
  lookup: linear
  turbulence_intensity: 0.08
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [8.5, 9.0, 9.5, 10.5]
  weibull_k: [2.0, 2.1, 2.2, 2.2]
  sector_probability: [0.1, 0.2, 0.3, 0.4]
""".replace("two by two", "two_by_two")
NOW = 1.7e9
LAUNCH = {"ranks": 3, "host": "node7", "pid": 4711, "scheduler_id": "123", "versions": "numpy 2", "now": NOW}


@pytest.fixture(scope="module")
def campaign():
    return parse_campaign(YAML)


@pytest.fixture
def path(tmp_path, campaign):
    """A new results file."""
    target = tmp_path / "results.h5"
    create_results(target, campaign, now=NOW)
    return target


def solution(config, shift=0.0):
    """Made-up solution that differs from config to config."""
    n = config.n_turbines
    values = 1000.0 * np.arange(n) + config.number + shift
    return Solution(
        x=values, y=values + 0.25, turbine_aep=values / 7, aep=values.sum() / 7, gross_aep=values.sum() / 6,
        start_aep=values.sum() / 8, wake_loss=1 / 7, external_wake_loss=1 / 9, min_spacing=1414.0,
        max_outside=0.0, evaluations=17, trace=Trace([1, 5, 17], [values.sum() / 8, shift, values.sum() / 7]),
    )  # fmt: skip


def done(campaign, number, shift=0.0, attempts=1):
    config = campaign.configs[number]
    dtype = row_dtype(campaign.n_turbines_max)
    return done_row(dtype, config, solution(config, shift), seconds=0.5, rank=2, launch=0, attempts=attempts)


def failed(campaign, number, message="no room"):
    dtype = row_dtype(campaign.n_turbines_max)
    return failed_row(dtype, campaign.configs[number], message, seconds=0.5, rank=1, launch=0, attempts=2)


def child(function):
    """Process number of a child that runs a function; it must be waited for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads of this process: numpy's, idle
        number = os.fork()
    if number == 0:
        try:
            function()
            os._exit(0)
        finally:
            os._exit(1)
    return number


def exit_code(process):
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def change(path, offset, raw):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(raw)


def flip(path, name, number, byte=0):
    """Change a byte of an entry."""
    extent = locate(path).extents[name]
    offset = extent.offset + number * extent.item_bytes + byte
    old = path.read_bytes()[offset]
    change(path, offset, bytes([old ^ 1]))


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


# ---------------------------------------------------------------- creation


def test_new_file_has_a_waiting_row_for_every_config(path, campaign):
    results = open_reader(path)
    assert not results.committed.any()
    assert not results.damaged.any()
    assert results.keys == [config.key for config in campaign.configs]
    assert results.rows["key"].tolist() == [config.key.encode() for config in campaign.configs]
    assert results.rows["n_turbines"].tolist() == [6] * 5 + [4] * 5 + [6] * 5 + [4] * 5
    assert results.rows["rated_power"][[0, 5]].tolist() == [10.0, 15.0]
    assert results.rows["x"].shape == (20, 6)
    for name in ("x", "y", "turbine_aep", "aep", "seconds"):
        assert np.isnan(results.rows[name]).all()
    assert (results.rows["rank"] == -1).all()
    assert results.launches == ()
    assert results.campaign_text == YAML
    assert results.campaign.digest == campaign.digest
    assert results.attributes["created"] == "2023-11-14T22:13:20+00:00"


def test_size_is_known_before(path, campaign):
    size = path.stat().st_size
    assert size <= expected_size(campaign) <= size + 128 * 1024


def test_space_is_really_there(path):
    assert path.stat().st_blocks * 512 >= path.stat().st_size


def test_there_is_no_other_file(path):
    assert names(path.parent) == ["results.h5"]


def test_existing_file_is_not_replaced(tmp_path, campaign):
    target = tmp_path / "results.h5"
    target.write_text("precious")
    with pytest.raises(InputError, match=r"results\.h5: exists already"):
        create_results(target, campaign)
    assert target.read_text() == "precious"
    assert names(tmp_path) == ["results.h5"]


def test_file_that_appears_during_creation_is_not_replaced(tmp_path, campaign, monkeypatch):
    target = tmp_path / "results.h5"
    fill = create._fill

    def fill_and_be_overtaken(*arguments):
        fill(*arguments)
        target.write_text("precious")

    monkeypatch.setattr(create, "_fill", fill_and_be_overtaken)
    with pytest.raises(InputError, match="exists already"):
        create_results(target, campaign)
    assert target.read_text() == "precious"
    assert names(tmp_path) == ["results.h5"]


def test_file_systems_without_hard_links(tmp_path, campaign, monkeypatch):
    def link(*arguments, **options):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    create_results(tmp_path / "results.h5", campaign)
    assert names(tmp_path) == ["results.h5"]
    assert len(open_reader(tmp_path / "results.h5").rows) == 20


@pytest.mark.parametrize("function", ["_make_datasets", "_attributes", "_fill", "_give_name"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_creation_killed_anywhere_leaves_a_whole_file_or_none(tmp_path, campaign, function, when):
    target = tmp_path / "results.h5"
    real = getattr(create, function)

    def deadly(*arguments):
        if when == "after":
            real(*arguments)
        os._exit(9)

    def die_while_creating():
        setattr(create, function, deadly)
        create_results(target, campaign)

    assert exit_code(child(die_while_creating)) == 9
    if target.exists():
        assert (function, when) == ("_give_name", "after")
        assert len(open_reader(target).rows) == 20
    else:
        create_results(target, campaign)
        assert names(tmp_path) == ["results.h5"]


def test_leftover_of_a_kill_between_the_two_names_is_removed(path, campaign):
    os.link(path, path.with_name(".results.h5.creating"))
    open_writer(path, campaign).close()
    assert names(path.parent) == ["results.h5"]


def test_missing_folder(tmp_path, campaign):
    with pytest.raises(InputError, match=r"nowhere/results\.h5: the folder .*nowhere does not exist.*-o"):
        create_results(tmp_path / "nowhere" / "results.h5", campaign)


def test_folder_that_is_not_writable(tmp_path, campaign, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match=r"the folder .* is not writable.*-o"):
        create_results(tmp_path / "results.h5", campaign)
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_file_system_that_refuses_to_write(tmp_path, campaign, monkeypatch, number):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(InputError, match="is not writable"):
        create_results(tmp_path / "results.h5", campaign)
    assert names(tmp_path) == []


def test_disk_too_small(tmp_path, campaign, monkeypatch):
    class SmallDisk:
        f_bavail, f_frsize = 12, 4096

    monkeypatch.setattr(os, "statvfs", lambda path: SmallDisk)
    with pytest.raises(InputError, match=r"disk is too small.*needs 0\.\d MB, 0\.0 MB are free.*-o"):
        create_results(tmp_path / "results.h5", campaign)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the quota is used up")]
)
def test_disk_that_fills_during_creation(tmp_path, campaign, monkeypatch, number, reason):
    def no_space(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", no_space)
    with pytest.raises(InputError, match=rf"{reason}: the results file needs .* MB, .* MB are free"):
        create_results(tmp_path / "results.h5", campaign)
    assert names(tmp_path) == []


def test_limit_on_file_sizes(tmp_path, campaign):
    def create_within_limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        with pytest.raises(
            InputError, match="the limit on the size of files is too small: the results file needs"
        ):
            create_results(tmp_path / "results.h5", campaign)

    assert exit_code(child(create_within_limit)) == 0
    assert names(tmp_path) == []


def test_move_aside_takes_the_first_free_name(path, campaign):
    first = path.read_bytes()
    assert move_aside(path).name == "results.old-1.h5"
    create_results(path, campaign, now=NOW + 1)
    assert move_aside(path).name == "results.old-2.h5"
    assert names(path.parent) == ["results.old-1.h5", "results.old-2.h5"]
    assert path.with_name("results.old-1.h5").read_bytes() == first


# ---------------------------------------------------------------- structure


def test_structure_carries_no_open_mark_and_never_moves(path):
    with h5py.File(path, "r", locking=False) as file:
        assert file.id.get_create_plist().get_version()[0] == 0  # superblock
        for name, dataset in file.items():
            properties = dataset.id.get_create_plist()
            assert properties.get_layout() == h5py.h5d.CONTIGUOUS, name
            assert dataset.id.get_offset() is not None, name
            assert dataset.id.get_storage_size() == dataset.dtype.itemsize * dataset.size, name
            assert dataset.maxshape == dataset.shape, name


def outside_datasets(path):
    """Hash of the bytes of no dataset, found by h5py alone."""
    raw = bytearray(path.read_bytes())
    with h5py.File(path, "r", locking=False) as file:
        for dataset in file.values():
            start, size = dataset.id.get_offset(), dataset.id.get_storage_size()
            raw[start : start + size] = bytes(size)
    return len(raw), hashlib.sha256(raw).hexdigest()


def test_writing_changes_nothing_but_datasets(path, campaign):
    before = outside_datasets(path)
    with open_writer(path, campaign) as writer:
        writer.begin_launch(**LAUNCH)
        for number in range(20):
            writer.record_attempt(number, 1)
            writer.write_row(number, done(campaign, number))
        writer.write_row(3, failed(campaign, 3))
        writer.heartbeat(NOW, 20)
        writer.checkpoint()
        writer.end_launch(NOW, "complete", 20)
    assert outside_datasets(path) == before


def test_every_variable_says_what_it_is(path):
    with h5py.File(path, "r", locking=False) as file:
        for name, dataset in file.items():
            assert dataset.attrs["long_name"], name
            assert dataset.dtype.kind == "S" or dataset.attrs["units"], name
        assert file["status"].attrs["flag_values"].tolist() == [0, 1, 2]
        assert file["status"].attrs["flag_meanings"] == "waiting done failed"
        assert file.attrs["filetype"] == "mpi-layout results"
        assert file.attrs["format_version"] == 4
        assert file.attrs["version_hdf5"] == h5py.version.hdf5_version


def test_xarray_shows_named_variables_with_units(path, campaign):
    xarray = pytest.importorskip("xarray")
    with open_writer(path, campaign) as writer:
        writer.begin_launch(**LAUNCH)
        writer.write_row(7, done(campaign, 7))
        writer.write_row(8, failed(campaign, 8, "kein Platz für zwölf"))
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert dict(data.sizes) == {"config": 20, "wt": 6, "trace": 32, "launch_number": 1024}
        assert data.x.dims == ("config", "wt")
        assert data.x.attrs["units"] == "m"
        assert data.aep.attrs == {"units": "GW h", "long_name": "annual energy production"}
        assert data.key.values[7] == campaign.configs[7].key
        assert data.message.values[8] == "kein Platz für zwölf"
        assert data.x.sel(config=7).dropna("wt").values.tolist() == solution(campaign.configs[7]).x.tolist()
        assert data.status.values.tolist() == [0] * 7 + [1, 2] + [0] * 11
        assert float(data.aep.mean()) == solution(campaign.configs[7]).aep  # waiting rows are NaN
        started = data.launch_started.values
        assert abs(started[0] - np.datetime64("2023-11-14T22:13:20")) < np.timedelta64(1, "ms")
        assert np.isnat(started[1:]).all()
        assert data.campaign_yaml.item() == YAML
        data.load().drop_encoding().to_netcdf(path.with_name("copy.nc"), engine="h5netcdf")
    with xarray.open_dataset(path.with_name("copy.nc"), engine="h5netcdf") as copy:
        assert copy.message.values[8] == "kein Platz für zwölf"


# ---------------------------------------------------------------- rows


def test_rows_come_back(path, campaign):
    with open_writer(path, campaign) as writer:
        writer.write_row(6, done(campaign, 6))
        writer.write_row(9, failed(campaign, 9, "no room"))
        assert writer.status[[5, 6, 9]].tolist() == [Status.WAITING, Status.DONE, Status.FAILED]
    results = open_reader(path)
    row, config = results.rows[6], campaign.configs[6]
    assert np.flatnonzero(results.done).tolist() == [6]
    assert np.flatnonzero(results.failed).tolist() == [9]
    assert row["x"][:4].tolist() == solution(config).x.tolist()
    assert np.isnan(row["x"][4:]).all()
    assert row["aep"] == solution(config).aep
    assert (row["rank"], row["launch"], row["attempts"], row["evaluations"]) == (2, 0, 1, 17)
    assert results.rows["message"][9] == b"no room"
    assert np.isnan(results.rows["aep"][9])


def test_traces_come_back(path, campaign):
    with open_writer(path, campaign) as writer:
        writer.write_row(6, done(campaign, 6, 3.0))
        writer.write_row(7, done(campaign, 7))
        writer.write_row(9, failed(campaign, 9))
    flip(path, "aep", 7)
    results = open_reader(path)
    made = solution(campaign.configs[6], 3.0)
    evaluations, aep = results.trace(6)
    assert evaluations.tolist() == [1, 5, 17]
    assert aep.tolist() == [made.start_aep, 3.0, made.aep]
    for number in (0, 7, 9):  # waits, damaged, failed
        assert [points.size for points in results.trace(number)] == [0, 0]
    with h5py.File(path, "r") as file:
        assert file["trace_aep"].shape == file["trace_evaluations"].shape == (20, N_POINTS)
        assert file["trace_evaluations"][6].tolist() == [1, 5, 17] + [-1] * (N_POINTS - 3)
        assert np.isnan(file["trace_aep"][6, 3:]).all()


def test_long_traces_keep_both_ends(campaign):
    config = campaign.configs[0]
    trace = Trace(list(range(1, 1001)), [k / 7 for k in range(1000)])
    long = dataclasses.replace(solution(config), trace=trace)
    row = done_row(row_dtype(6), config, long, seconds=0, rank=0, launch=0, attempts=1)[0]
    evaluations, aep = trace_of(row)
    assert evaluations.size == N_POINTS
    assert (evaluations[0], evaluations[-1]) == (1, 1000)
    assert aep.tolist() == [(k - 1) / 7 for k in evaluations.tolist()]
    steps = np.diff(evaluations)
    assert steps.max() - steps.min() <= 1


def test_reopened_writer_knows_what_is_done(path, campaign):
    with open_writer(path, campaign) as writer:
        writer.write_row(6, done(campaign, 6, attempts=4))
        writer.record_attempt(2, 3)
    with open_writer(path, campaign) as writer:
        assert np.flatnonzero(writer.committed).tolist() == [6]
        assert writer.attempts[[2, 6, 7]].tolist() == [3, 4, 0]
        assert writer.damaged.size == 0


@pytest.mark.parametrize(
    "text", ["plain", "å" * 200, "x" + "å" * 200, "\N{FIRE}" * 100, "nul\0inside", "\ud800"]
)
def test_messages_are_cut_between_characters(campaign, text):
    stored = failed(campaign, 0, text)["message"][0]
    shown = stored.decode()
    escaped = text.replace("\0", "\\x00").replace("\ud800", "\\ud800")
    assert escaped.startswith(shown)
    assert shown == escaped or 256 - len(stored) < 4


def test_layout_of_another_size_makes_no_row(campaign):
    config, other = campaign.configs[0], campaign.configs[5]
    dtype = row_dtype(campaign.n_turbines_max)
    with pytest.raises(ValueError, match=r"west_t10_s3: x has shape \(4,\), not \(6,\)"):
        done_row(dtype, config, solution(other), seconds=0, rank=0, launch=0, attempts=1)


@pytest.mark.parametrize("name", [column.name for column in schema.ROW_COLUMNS])
def test_checksum_covers_every_column(campaign, name):
    row = done(campaign, 0)
    assert is_committed(row).tolist() == [True]
    raw = row.view(np.uint8)
    raw[row.dtype.fields[name][1]] ^= 1
    assert is_committed(row).tolist() == [False]


def test_rows_that_are_not_sealed_or_not_the_configs_are_not_written(path, campaign):
    before = path.read_bytes()
    torn = done(campaign, 1)
    torn["x"][0, 0] += 1
    waiting = waiting_rows(row_dtype(6), campaign.configs[1:2])
    seal(waiting)
    with open_writer(path, campaign) as writer:
        for row in (torn, waiting):
            with pytest.raises(ValueError, match="not 1 sealed rows"):
                writer.write_row(1, row)
        with pytest.raises(ValueError, match="another config"):
            writer.write_row(1, done(campaign, 2))
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["x", "key", "message", "checksum", "rank"])
def test_torn_row_is_damaged_and_waits(path, campaign, name):
    with open_writer(path, campaign) as writer:
        writer.write_row(4, done(campaign, 4))
        writer.write_row(5, done(campaign, 5))
    flip(path, name, 4)
    results = open_reader(path)
    assert np.flatnonzero(results.damaged).tolist() == [4]
    assert np.flatnonzero(results.done).tolist() == [5]
    with open_writer(path, campaign) as writer:
        assert writer.damaged.tolist() == [4]
        assert np.flatnonzero(writer.committed).tolist() == [5]
        writer.write_row(4, done(campaign, 4))
    assert np.flatnonzero(open_reader(path).done).tolist() == [4, 5]


def test_status_without_data_is_believed_by_nobody(path, campaign):
    change(path, locate(path).extents["status"].offset + 4, b"\1")
    assert not open_reader(path).committed.any()
    with open_writer(path, campaign) as writer:
        assert not writer.committed.any()
    assert not open_reader(path).damaged.any()


def test_data_without_status_waits(path, campaign):
    with open_writer(path, campaign) as writer:
        writer.write_row(4, done(campaign, 4))
    change(path, locate(path).extents["status"].offset + 4, b"\0")
    results = open_reader(path)
    assert not results.committed.any()
    assert not results.damaged.any()


def written(monkeypatch):
    """Names of the datasets in the order in which they are written."""
    order = []
    write = PlainStore.write

    def spy(self, name, start, values):
        order.append((name, values.tolist()[0] if name == "status" else None))
        write(self, name, start, values)

    monkeypatch.setattr(PlainStore, "write", spy)
    return order


def test_status_is_written_last(path, campaign, monkeypatch):
    order = written(monkeypatch)
    with open_writer(path, campaign) as writer:
        writer.write_row(4, done(campaign, 4))
    assert order[-1] == ("status", Status.DONE)
    assert sorted(name for name, _ in order) == sorted(column.name for column in schema.ROW_COLUMNS)


def test_finished_row_waits_before_it_is_rewritten(path, campaign, monkeypatch):
    with open_writer(path, campaign) as writer:
        writer.write_row(4, failed(campaign, 4))
        order = written(monkeypatch)
        writer.write_row(4, done(campaign, 4))
    assert order[0] == ("status", Status.WAITING)
    assert order[-1] == ("status", Status.DONE)


def test_failed_config_waits_while_it_is_tried_again(path, campaign):
    with open_writer(path, campaign) as writer:
        writer.write_row(4, failed(campaign, 4))
        writer.record_attempt(4, 3)
        results = open_reader(path)
        assert not results.committed.any()
        assert not results.damaged.any()
        assert results.rows["attempts"][4] == 3
        writer.write_row(4, done(campaign, 4, attempts=3))
    assert np.flatnonzero(open_reader(path).done).tolist() == [4]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_disk_errors_name_the_file(path, campaign, monkeypatch, number):
    def fail(*arguments):
        raise OSError(number, os.strerror(number))

    with open_writer(path, campaign) as writer:
        monkeypatch.setattr(os, "pwrite", fail)
        with pytest.raises(OSError, match=r"results\.h5") as caught:
            writer.write_row(1, done(campaign, 1))
        assert caught.value.errno == number
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match=r"results\.h5"):
            writer.checkpoint()


def test_short_writes_are_continued(path, campaign, monkeypatch):
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, raw, offset: pwrite(fd, bytes(raw)[:5], offset))
    with open_writer(path, campaign) as writer:
        writer.write_row(1, done(campaign, 1))
    assert np.flatnonzero(open_reader(path).done).tolist() == [1]


# ---------------------------------------------------------------- kills


def test_rows_in_any_order_are_written_in_runs(path, campaign, monkeypatch):
    """Adjacent ones together, column by column, checksums first and status last; as if written one by one."""
    numbers = [7, 3, 12, 2, 8, 4]
    rows = np.concatenate([failed(campaign, n) if n == 3 else done(campaign, n) for n in numbers])
    written = []
    write = PlainStore.write
    with open_writer(path, campaign) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(
                PlainStore, "write", lambda *a: (written.append((a[1], a[2], len(a[3]))), write(*a))
            )
            writer.record_attempts(numbers, [1, 2, 3, 4, 5, 6])
            writer.write_rows(numbers, rows)
        assert writer.status[[1, 2, 3, 4, 5]].tolist() == [0, 1, 2, 1, 0]
        assert writer.attempts[numbers].tolist() == rows["attempts"].tolist()
    runs = [(2, 3), (7, 2), (12, 1)]
    *data, status, checksum = (column.name for column in schema.ROW_COLUMNS)
    order = (checksum, *data, status)
    assert written == [("attempts", *run) for run in runs] + [(name, *run) for run in runs for name in order]
    together = path.read_bytes()
    with open_writer(path, campaign) as writer:
        for number, row in zip(numbers, rows, strict=True):
            writer.write_row(number, np.array([row]))
    assert path.read_bytes() == together
    assert open_reader(path).committed.nonzero()[0].tolist() == sorted(numbers)


def test_of_rows_that_replace_others_each_waits_first(path, campaign, monkeypatch):
    with open_writer(path, campaign) as writer:
        writer.write_row(3, done(campaign, 3))
        seen = []
        write_rows = PlainStore.write_rows

        def looking(store, start, rows):
            seen.append((start, len(rows), store.read("status", 2, 5).tolist()))
            write_rows(store, start, rows)

        monkeypatch.setattr(PlainStore, "write_rows", looking)
        writer.write_rows([2, 3, 4], np.concatenate([done(campaign, n, 1.0) for n in (2, 3, 4)]))
    assert seen == [(2, 3, [0, 0, 0])]
    assert open_reader(path).done.sum() == 3


def test_no_rows_are_no_writes(path, campaign):
    before = path.read_bytes()
    with open_writer(path, campaign) as writer:
        writer.record_attempts([], [])
        writer.write_rows([], np.zeros(0, row_dtype(6)))
    assert path.read_bytes() == before


def write_until_killed(path, campaign, ready):
    """Write all rows over and over, each time with other values."""
    with open_writer(path, campaign) as writer:
        rows = [[done(campaign, number, shift) for number in range(20)] for shift in range(5)]
        writer.begin_launch(**LAUNCH)
        os.write(ready, b"!")
        for k in itertools.count():
            writer.record_attempt(k % 20, 1)
            writer.write_row(k % 20, rows[k // 20 % 5][k % 20])
            if k % 100 == 99:
                writer.heartbeat(NOW + k, k)
                writer.checkpoint()


def kill_while_writing(path, campaign, delay):
    told, ready = os.pipe()
    process = child(lambda: write_until_killed(path, campaign, ready))
    os.close(ready)
    assert os.read(told, 1) == b"!"
    os.close(told)
    time.sleep(delay)
    os.kill(process, signal.SIGKILL)
    assert exit_code(process) == -signal.SIGKILL


@pytest.mark.timeout(120)
def test_killed_at_any_moment(path, campaign):
    seed = random.randrange(2**32)
    print("seed", seed)
    moments = random.Random(seed)
    outside = outside_datasets(path)
    n_cut = 0
    for _ in range(30):
        n_done = open_reader(path).committed.sum()
        kill_while_writing(path, campaign, 0.05 * moments.random())
        assert outside_datasets(path) == outside  # h5py opens it, and nothing has moved
        results = open_reader(path)
        # The one row that was being written waits; it is not taken for damaged, and no other one suffers.
        assert results.damaged.sum() == 0
        assert results.committed.sum() >= n_done - 1
        n_cut += results.committed.sum() < 20
        for number in np.flatnonzero(results.done).tolist():
            row = results.rows[number]
            assert row.tobytes() == done(campaign, number, row["x"][0] - number)[0].tobytes()
    assert n_cut > 0


# ---------------------------------------------------------------- files that are no good


def bad_empty(path):
    path.write_bytes(b"")


def bad_short(path):
    path.write_bytes(path.read_bytes()[:20])


def bad_half(path):
    os.truncate(path, path.stat().st_size // 2)


def bad_text(path):
    path.write_text("areas: []\n" * 100)


def bad_foreign(path):
    path.unlink()
    with h5py.File(path, "w", libver="latest") as file:
        file["x"] = np.arange(10)


def redraw(path, version=schema.FORMAT_VERSION, **changes):
    """Replace both maps by ones with other content, under right checksums."""
    content = find_map(path)[1] | changes
    for name in ("map", "map_copy"):
        change(path, content["places"][name][0], draw_map(version, content))


def bad_version(path):
    redraw(path, version=7)


def bad_missing(path):
    places = find_map(path)[1]["places"]
    redraw(path, places={name: place for name, place in places.items() if name != "wake_loss"})


def bad_place(path):
    places = find_map(path)[1]["places"]
    redraw(path, places=places | {"aep": [places["x"][0], places["aep"][1]]})


def bad_size(path):
    redraw(path, sizes=find_map(path)[1]["sizes"] | {"config": 19})


def bad_huge(path):
    redraw(path, sizes=find_map(path)[1]["sizes"] | {"config": 2**50})


def bad_maps(path):
    content = find_map(path)[1]
    for name in ("map", "map_copy"):
        change(path, content["places"][name][0] + 500, bytes(512))


BAD = {
    bad_empty: r"the file is empty \(0 bytes\)",
    bad_short: r"an HDF5 file of 20 bytes, but not a results file of mpi-layout, or truncated",
    bad_half: r"the file is truncated, it has \d+ of \d+ bytes; .*mpi-layout recover",
    bad_text: r"not an HDF5 file",
    bad_foreign: r"an HDF5 file .*but not a results file of mpi-layout",
    bad_version: r"of format version 7; this mpi-layout reads version 4; use the mpi-layout that made it",
    bad_missing: r"damaged results file: its map does not name dataset wake_loss; .*mpi-layout recover",
    bad_place: r"damaged results file: its map puts dataset '(aep|x)' where it cannot be",
    bad_size: r"damaged results file: its map gives dataset '\w+' \d+ bytes, not \d+",
    bad_huge: r"damaged results file: its map has no proper number of config",
    bad_maps: r"damaged results file: both its maps are damaged",
}
FOREIGN = (bad_empty, bad_short, bad_text, bad_foreign)


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_bad_files_are_refused_with_path_reason_and_cure(path, campaign, spoil):
    spoil(path)
    before = path.read_bytes()
    for attempt, writes in ((lambda: open_reader(path), False), (lambda: open_writer(path, campaign), True)):
        with pytest.raises(InputError, match=BAD[spoil]) as caught:
            attempt()
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
        if writes or spoil not in FOREIGN:
            assert "another output file with -o" in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("spoil", FOREIGN, ids=lambda spoil: spoil.__name__)
def test_who_reads_a_foreign_file_is_told_what_is_of_use_to_readers(path, spoil):
    spoil(path)
    with pytest.raises(InputError) as caught:
        open_reader(path)
    assert "--fresh" not in str(caught.value)
    assert ("mpi-layout salvage" in str(caught.value)) == (spoil in (bad_short, bad_foreign))


def test_missing_file(tmp_path, campaign):
    with pytest.raises(InputError, match=r"absent\.h5: no such file"):
        open_reader(tmp_path / "absent.h5")


def test_folder_instead_of_a_file(tmp_path, campaign):
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        open_reader(tmp_path)


def test_changed_structure_is_not_written_to(path, campaign):
    change(path, path.read_bytes().index(b"easting of the turbine"), b"E")
    with pytest.raises(InputError, match="the bytes outside the datasets have changed since creation"):
        open_writer(path, campaign)
    assert len(open_reader(path).rows) == 20  # what is there can still be read


def test_file_of_another_campaign(path):
    other = parse_campaign(YAML.replace("min_spacing_D: 3", "min_spacing_D: 4"))
    with pytest.raises(InputError) as caught:
        open_writer(path, other)
    message = str(caught.value)
    assert message.startswith(f"{path} belongs to another campaign: min_spacing_D: ")
    assert "3.0 in the file" in message
    assert "4.0 in the campaign" in message
    assert "--fresh" in message


def test_comments_and_safety_settings_make_no_other_campaign(path):
    text = YAML.replace("# with a comment", "# with other words") + "checkpoint: {interval_s: 5}\n"
    with open_writer(path, parse_campaign(text)) as writer:
        assert len(writer.status) == 20


def test_a_name_that_the_creation_did_not_make_durable_is_made_so_by_the_next_launch(
    path, campaign, monkeypatch
):
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    )
    with open_writer(path, campaign):
        assert synced == [str(path.parent)]  # before anything is promised


# ---------------------------------------------------------------- launches


def test_launch_table(path, campaign):
    with open_writer(path, campaign) as writer:
        assert writer.begin_launch(**LAUNCH) == 0
        writer.heartbeat(NOW + 30, 11)
        first = open_reader(path).launches[0]
        assert (first.started, first.heartbeat, first.ended, first.configs_done) == (NOW, NOW + 30, None, 11)
        assert (first.host, first.pid, first.ranks, first.scheduler_id) == ("node7", 4711, 3, "123")
        writer.end_launch(NOW + 40, "time limit", 12)
    with open_writer(path, campaign) as writer:
        assert writer.begin_launch(**LAUNCH | {"host": "ø" * 100, "now": NOW + 50}) == 1
    first, second = open_reader(path).launches
    assert (first.ended, first.reason, first.configs_done, first.holds) == (NOW + 40, "time limit", 12, True)
    assert (second.number, second.host, second.ended) == (1, "ø" * 32, None)


def test_nothing_is_written_for_a_launch_that_has_not_begun(path, campaign):
    with open_writer(path, campaign) as writer, pytest.raises(ValueError, match="no launch has begun"):
        writer.heartbeat(NOW, 1)


def test_full_launch_table_uses_its_last_entry_again(path, campaign):
    with open_writer(path, campaign) as writer:
        numbers = [writer.begin_launch(**LAUNCH | {"pid": pid}) for pid in range(1030)]
    assert numbers == [*range(1024)] + [1023] * 6
    table = open_reader(path).launches
    assert len(table) == 1024
    assert [table[0].pid, table[1022].pid, table[1023].pid] == [0, 1022, 1029]


def test_an_end_that_a_power_cut_has_torn_is_taken_back(path, campaign):
    with open_writer(path, campaign) as writer:
        writer.begin_launch(**LAUNCH)
        writer.end_launch(NOW + 40, "complete", 12)
    flip(path, "launch_configs_done", 0)  # the other columns were written, this one was not
    assert [finding.what for finding in verify(open_reader(path))] == ["launch"]
    with open_writer(path, campaign):
        pass
    results = open_reader(path)
    assert [launch.ended for launch in results.launches] == [None]
    assert not list(verify(results))


def test_a_launch_lost_in_a_power_cut_hides_no_later_one(path, campaign):
    with open_writer(path, campaign) as writer:
        for pid in (1, 2):
            writer.begin_launch(**LAUNCH | {"pid": pid})
    structure = locate(path)
    with PlainStore(path, structure.extents, writable=True) as store:
        store.write("launch_started", 0, np.full(1, np.nan, "<f8"))
    assert [launch.pid for launch in open_reader(path).launches] == [1, 2]
    with open_writer(path, campaign) as writer:
        assert writer.begin_launch(**LAUNCH) == 2
    results = open_reader(path)
    assert [launch.pid for launch in results.launches] == [1, 2, LAUNCH["pid"]]
    assert not list(verify(results))


# ---------------------------------------------------------------- lock


@pytest.mark.parametrize("made", [False, True])
def test_a_link_and_its_file_have_one_lock(tmp_path, made):
    real, link = tmp_path / "real.h5", tmp_path / "below" / "link.h5"
    link.parent.mkdir()
    link.symlink_to("../real.h5")
    if made:
        real.touch()
    for held, other in ((real, link), (link, real)):
        with WriterLock(held):
            with pytest.raises(InputError, match="another launch"), WriterLock(other):
                pass
            with pytest.raises(InputError, match="another launch"):
                check_idle(other, "wait")
        assert not list(tmp_path.rglob("*.lock"))


def test_lock_is_a_file_only_while_it_is_held(tmp_path):
    path = tmp_path / "results.h5"
    with WriterLock(path):
        owner = json.loads((tmp_path / "results.h5.lock").read_text())
        assert owner["scheduler_id"] == os.environ.get("SLURM_JOB_ID", "")
        assert (owner["host"], owner["pid"]) == (socket.gethostname(), os.getpid())
        assert names(tmp_path) == ["results.h5.lock"]
    assert names(tmp_path) == []
    with WriterLock(path):
        pass


def test_second_process_is_refused_and_told_of_the_first(path, campaign):
    told, ready = os.pipe()

    def hold():
        with WriterLock(path), open_writer(path, campaign) as writer:
            writer.begin_launch(**LAUNCH | {"pid": os.getpid()})
            os.write(ready, b"!")
            time.sleep(60)

    process = child(hold)
    os.close(ready)
    assert os.read(told, 1) == b"!"
    os.close(told)
    before = path.read_bytes()
    with (
        pytest.raises(InputError, match="another launch is working on this file") as caught,
        WriterLock(path),
    ):
        pass
    for part in (
        socket.gethostname(),
        f"process {process}",
        "last heartbeat 2023-11-14 22:13:20 UTC",
        "job 123",
    ):
        assert part in str(caught.value)
    assert path.read_bytes() == before
    os.kill(process, signal.SIGKILL)
    assert exit_code(process) == -signal.SIGKILL
    assert names(path.parent) == ["results.h5", "results.h5.lock"]  # stale, and harmless:
    with WriterLock(path), open_writer(path, campaign) as writer:
        assert not writer.committed.any()
    assert names(path.parent) == ["results.h5"]


def test_lock_file_removed_by_its_owner_meanwhile_is_locked_anew(tmp_path, monkeypatch):
    path = tmp_path / "results.h5"
    first = WriterLock(path)
    first.__enter__()
    flock, calls = fcntl.flock, []

    def release_in_between(descriptor, operation):
        if not calls:
            calls.append(operation)
            first.release()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", release_in_between)
    with WriterLock(path):
        assert names(tmp_path) == ["results.h5.lock"]
        with pytest.raises(InputError), WriterLock(path):
            pass


def test_lock_needs_a_writable_folder(tmp_path):
    with (
        pytest.raises(InputError, match=r"the folder .*nowhere does not exist"),
        WriterLock(tmp_path / "nowhere/r.h5"),
    ):
        pass


def no_locks(monkeypatch):
    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)


def test_without_locks_a_launch_is_refused_unless_told_to_go_on(path, monkeypatch, caplog):
    no_locks(monkeypatch)
    with pytest.raises(InputError, match=r"no locks .*--no-lock"), WriterLock(path):
        pass
    assert names(path.parent) == ["results.h5"]
    with caplog.at_level(logging.WARNING), WriterLock(path, no_lock=True):
        assert "no second launch" in caplog.text
        # It has not entered itself into the launch table yet, but is alive.
        with pytest.raises(InputError, match=f"process {os.getpid()}"), WriterLock(path, no_lock=True):
            pass
        assert names(path.parent) == ["results.h5", "results.h5.lock"]
    assert names(path.parent) == ["results.h5"]


def test_where_there_are_locks_no_lock_changes_nothing(path):
    with (
        WriterLock(path),
        pytest.raises(InputError, match="another launch"),
        WriterLock(path, no_lock=True),
    ):
        pass


def test_lock_needs_no_space(path, monkeypatch, caplog):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with WriterLock(path), pytest.raises(InputError, match="another launch"), WriterLock(path):
        pass
    assert "cannot say who holds the lock: the disk is full" in caplog.text


@pytest.mark.parametrize(
    ("silence", "ended", "refused"),
    [(50, False, True), (-50, False, True), (50, True, False), (70, False, False), (-(10**8), False, False)],
)
def test_without_locks_a_young_heartbeat_refuses(path, campaign, monkeypatch, silence, ended, refused):
    with open_writer(path, campaign) as writer:
        writer.begin_launch(**LAUNCH)
        if ended:
            writer.end_launch(NOW, "complete", 0)
    no_locks(monkeypatch)
    lock = WriterLock(path, clock=lambda: NOW + silence, wait=lambda seconds: None, no_lock=True)
    if refused:
        with pytest.raises(InputError, match=r"another launch .*host node7, process 4711"), lock:
            pass
    else:
        with lock:
            pass


def test_without_locks_a_launch_whose_clock_is_another_one_is_seen_by_its_heartbeat(
    path, campaign, monkeypatch
):
    with open_writer(path, campaign) as writer:
        writer.begin_launch(**LAUNCH)
        no_locks(monkeypatch)
        lock = WriterLock(
            path,
            clock=lambda: NOW + 3600,
            wait=lambda seconds: writer.heartbeat(NOW + seconds, 0),
            no_lock=True,
        )
        with pytest.raises(InputError, match=r"another launch .*host node7, process 4711"), lock:
            pass


def test_a_clock_that_is_set_back_takes_no_launch_back(path, campaign):
    with open_writer(path, campaign) as writer:
        writer.begin_launch(**LAUNCH)
        writer.heartbeat(NOW - 3600, 1)
        first = open_reader(path).launches[0]
        assert list(verify(open_reader(path), aep=False)) == []
        writer.heartbeat(NOW - 3590, 2)
        second = open_reader(path).launches[0]
        writer.end_launch(NOW - 3580, "complete", 3)
    ended = open_reader(path).launches[0]
    assert NOW < first.heartbeat < second.heartbeat < ended.ended < NOW + 1
    assert list(verify(open_reader(path), aep=False)) == []


# ---------------------------------------------------------------- readers


def test_reading_while_it_is_written(path, campaign):
    stop = threading.Event()

    def write():
        with open_writer(path, campaign) as writer:
            rows = [[done(campaign, n, shift) for n in range(20)] for shift in (0, 1)]
            k = 0
            while not stop.is_set():
                writer.write_row(k % 20, rows[k // 20 % 2][k % 20])
                k += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(60):
            results = open_reader(path)
            for number in np.flatnonzero(results.done).tolist():
                row = results.rows[number]
                assert row.tobytes() == done(campaign, number, row["x"][0] - number)[0].tobytes()
        with h5py.File(path, "r") as file:
            assert set(np.unique(file["status"])) <= {0, 1}
    finally:
        stop.set()
        thread.join(timeout=30)
    assert open_reader(path).done.sum() > 0


def test_reader_does_not_wait_for_locks_and_takes_none(path, campaign):
    with open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        results = open_reader(path)
        assert len(results.rows) == 20
    with h5py.File(path, "r"), open_writer(path, campaign) as writer:
        writer.write_row(0, done(campaign, 0))
    assert open_reader(path).done.sum() == 1


def test_launch_fields_follow_the_schema():
    assert launches.DTYPE.names[-1] == "checksum"
    assert schema.ROW_COLUMNS[-1].name == "checksum"


def test_every_dataset_is_documented():
    text = (Path(__file__).parent.parent / "docs" / "file-format.md").read_text(encoding="utf-8")
    for column in schema.COLUMNS:
        (line,) = (line for line in text.splitlines() if line.startswith(f"| `{column.name}` "))
        dims = ", ".join(column.dims) or "(scalar)"
        assert f"| {dims} |" in line
        assert column.long_name in line
        if column.units not in (None, schema.EPOCH):
            assert f"| {column.units} |" in line
