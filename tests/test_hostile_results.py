"""Results files from anybody: refused with one message, before memory or time is spent on them.

All commands run in one process that may use a gigabyte more than it needs to start.
"""

import hashlib
import json
import math
import os
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from mpi_layout.campaign import parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.optimise.solve import solve
from mpi_layout.results import launches
from mpi_layout.results.create import create_results
from mpi_layout.results.file import open_writer
from mpi_layout.results.storage import schema
from mpi_layout.results.storage.map import draw_map, find_map
from mpi_layout.results.storage.row import Status, done_row, row_dtype, seal
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import locate

LIMIT_S = 120.0
ESCAPE = "\x1b[2J\x07\x9b"
DRIVER = """
import contextlib, functools, io, json, resource, sys
import mpi_layout.commands.best_tables, mpi_layout.report.report, mpi_layout.run, mpi_layout.commands.tables
from mpi_layout import cli
from mpi_layout.exports import tables
from mpi_layout.compare import diff
from mpi_layout.results import best, recover, verify

cli.make_parser = functools.cache(cli.make_parser)  # which would be half of the time
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 2**30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
COMMANDS = [
    "status FILE", "status --json FILE", "verify FILE", "missing FILE", "diff FILE SOUND", "diff SOUND FILE",
    "diff FILE SOUND --json", "diff SOUND FILE --tolerance 1", "merge FILE SOUND --into FILE.all --dry-run",
    "export FILE --csv -", "export FILE --configs -", "best FILE", "report FILE -o -",
    "recover FILE FILE.new", "recover FILE FILE.new --campaign CAMPAIGN",
    "run CAMPAIGN -o FILE --only a_t10_s0",
]
for line in sys.stdin:
    file, sound, campaign = json.loads(line)
    told = []
    for command in COMMANDS:
        names = {"FILE": file, "SOUND": sound, "CAMPAIGN": campaign}
        names |= {f"FILE.{end}": f"{file}.{end}" for end in ("new", "all")}
        words = [names.get(word, word) for word in command.split()]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(words)
        told.append([file, words[0], code, out.getvalue(), err.getvalue()])
    print(json.dumps(told), flush=True)
"""


@pytest.fixture(scope="module")
def campaign(small_campaign_text):
    return parse_campaign(small_campaign_text)


@pytest.fixture(scope="module")
def sound(tmp_path_factory, campaign):
    """A finished results file."""
    path = tmp_path_factory.mktemp("hostile") / "sound.h5"
    create_results(path, campaign)
    dtype = row_dtype(campaign.n_turbines_max)
    about = {"seconds": 0.1, "rank": 1, "launch": 0, "attempts": 1}
    with open_writer(path, campaign) as writer:
        writer.begin_launch(ranks=1, host="h", pid=1, scheduler_id="", versions="numpy=2", now=1.7e9)
        for config in campaign.configs:
            writer.write_row(
                config.number, done_row(dtype, config, solve(campaign.problem(config.number)), **about)
            )
        writer.end_launch(1.7e9 + 1, "complete", 12)
    return path


@pytest.fixture(scope="module")
def process():
    """One process that asks all commands about a file: starting it takes longer than most answers."""
    command = [sys.executable, "-P", "-c", DRIVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()
        assert process.wait(LIMIT_S) == 0


@pytest.fixture
def tell(process, sound, small_campaign):
    """What each command says of each file: (file, command, exit code, standard output, standard error)."""

    def tell(files):
        told = []
        timer = threading.Timer(LIMIT_S, process.kill)
        timer.start()
        try:
            for file in files:
                print(json.dumps([*map(str, (file, sound, small_campaign))]), file=process.stdin, flush=True)
                answer = process.stdout.readline()
                assert answer, f"{file}: the process has ended, or hangs"
                told += json.loads(answer)
        finally:
            timer.cancel()
        assert len(told) == 16 * len(files)
        return told

    return tell


def check_harmless(out, err):
    for text in (out, err):
        assert all(c.isprintable() or c == "\n" for c in text), text
        assert "Traceback" not in text


# ---------------------------------------------------------------- HDF5 that was made by somebody else


def hdf5(make, **options):
    """Makes a file that looks like a results file to somebody who asks HDF5."""

    def write(path):
        with h5py.File(path, "w", **options) as file:
            file.attrs["filetype"] = schema.FILETYPE + ESCAPE
            file.attrs["format_version"] = ESCAPE
            make(file)

    write.__name__ = make.__name__
    return write


@hdf5
def huge_shapes(file):
    for name in ("config", "wt", "x"):
        file.create_dataset(name, shape=(2**50,), dtype="<f8", chunks=(1024,))


@hdf5
def recursive_groups(file):
    file["a"] = file["/"]
    file.create_group("b")["a"] = file["/"]
    file["config"] = h5py.SoftLink("/config")
    file["wt"] = h5py.SoftLink("/x")
    file["x"] = h5py.SoftLink("/wt")


@hdf5
def links_out(file):
    file["config"] = h5py.ExternalLink("/etc/passwd", "/config")
    file["wt"] = h5py.ExternalLink("/dev/zero", "/wt")


@hdf5
def external_storage(file):
    file.create_dataset("config", shape=(1000,), dtype="u1", external=[("/etc/passwd", 0, 1000)])


@hdf5
def filters(file):
    zeros = np.zeros(2**24, "u1")
    file.create_dataset("config", data=zeros, compression="gzip", shuffle=True, fletcher32=True)


@hdf5
def virtual(file):
    layout = h5py.VirtualLayout(shape=(2**40,), dtype="<i4")
    layout[:] = h5py.VirtualSource("/nowhere.h5", "config", shape=(2**40,))
    file.create_virtual_dataset("config", layout)


@hdf5
def odd_types(file):
    file.create_dataset("key", data=["a", "b"], dtype=h5py.string_dtype())
    file.create_dataset("config", data=[file["/"].ref], dtype=h5py.ref_dtype)
    file.create_dataset("x", data=np.zeros(3, [("a", "<f8"), ("b", "S5")]))
    file["wt"] = np.dtype("<f8")


def large_attributes(path):
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["filetype"] = schema.FILETYPE
        file.attrs["campaign_name"] = np.zeros(2**25, "u1")


def sparse(path):
    hdf5(lambda file: None)(path)
    os.truncate(path, 2**42)


FOREIGN = (
    huge_shapes,
    recursive_groups,
    links_out,
    external_storage,
    filters,
    virtual,
    odd_types,
    large_attributes,
    sparse,
)


def test_files_that_only_look_alike_are_refused(tmp_path, tell):
    files = []
    for make in FOREIGN:
        files.append(tmp_path / f"{make.__name__}.h5")
        make(files[-1])
    for file, command, code, out, err in tell(files):
        check_harmless(out, err)
        assert (code, out) == (2, ""), (file, command, out)
        assert err.count("\n") == 1
        assert "results file" in err or command == "recover"  # with a campaign it looks for rows


# ---------------------------------------------------------------- maps that were made by somebody else


def redraw(path, **changes):
    """Replace both maps by ones with other content, under right checksums."""
    content = find_map(path)[1]
    places = [content["places"][name][0] for name in ("map", "map_copy")]
    text = draw_map(schema.FORMAT_VERSION, content | changes)
    with open(path, "r+b") as file:
        for place in places:
            file.seek(place)
            file.write(text)


def sizes(path, **changes):
    redraw(path, sizes=find_map(path)[1]["sizes"] | changes)


def places(path, **changes):
    redraw(path, places=find_map(path)[1]["places"] | changes)


def stretch(path, **changes):
    """Give a file other sizes and make it as long as that takes, with holes."""
    new = find_map(path)[1]["sizes"] | changes
    columns = {column.name: column for column in schema.all_columns(new["text"])}
    offset, where = 2**17, {}
    for name, extent in locate(path).in_order():
        column = columns[name]
        n_bytes = np.dtype(column.dtype).itemsize * math.prod(column.shape(new | schema.FIXED_SIZES))
        where[name] = [extent.offset if name == "map" else offset, n_bytes]
        offset += 0 if name == "map" else n_bytes
    old = locate(path).extents["map"].offset
    os.truncate(path, offset)
    content = find_map(path)[1] | {"sizes": new, "places": where, "bytes": offset}
    with open(path, "r+b") as file:
        for place in (old, where["map_copy"][0]):
            file.seek(place)
            file.write(draw_map(schema.FORMAT_VERSION, content))


EVIL_MAPS = {
    "huge_config": lambda path: sizes(path, config=2**61),
    "huge_wt": lambda path: sizes(path, wt=2**61),
    "huge_text": lambda path: sizes(path, text=2**61),
    "negative": lambda path: sizes(path, config=-1),
    "true": lambda path: sizes(path, config=True),
    "real": lambda path: sizes(path, config=12.0),
    "no_sizes": lambda path: redraw(path, sizes=None),
    "sizes_list": lambda path: redraw(path, sizes=[12, 5]),
    "places_text": lambda path: redraw(path, places="everywhere"),
    "place_text": lambda path: places(path, x="here"),
    "place_short": lambda path: places(path, x=[5]),
    "place_negative": lambda path: places(path, x=[-480, 480]),
    "place_overlap": lambda path: places(path, x=[8192, 480]),
    "place_behind": lambda path: places(path, x=[2**61, 480]),
    "odd_name": lambda path: places(path, **{ESCAPE: [0, -5]}),
    "huge_bytes": lambda path: redraw(path, bytes=2**61),
    "no_bytes": lambda path: redraw(path, bytes=[]),
    "odd_filetype": lambda path: redraw(path, attributes={"filetype": ESCAPE}),
    "no_attributes": lambda path: redraw(path, attributes=[]),
    "checksum_text": lambda path: redraw(path, structure_checksum=ESCAPE),
    "sha_list": lambda path: redraw(path, campaign_sha256=[]),
    "many_rows": lambda path: stretch(path, config=2**32),
    "many_turbines": lambda path: stretch(path, wt=2**33),
    "long_rows": lambda path: stretch(path, wt=99_999),
    "long_text": lambda path: stretch(path, text=2**30),
}


def test_maps_are_not_believed(tmp_path, sound, tell):
    files = []
    for name, spoil in EVIL_MAPS.items():
        files.append(tmp_path / f"{name}.h5")
        files[-1].write_bytes(sound.read_bytes())
        spoil(files[-1])
    for file, command, code, out, err in tell(files):
        about = (Path(file).stem, command, code, out, err)
        check_harmless(out, err)
        if command == "verify" and code == 1:  # it could be opened, and is no good
            assert "no row was checked" in out, about
        else:
            assert (code, out) == (2, ""), about
            assert err.count("\n") == 1, about
            assert any(words in err for words in ("damaged", "truncated", "rows of")), about


@pytest.mark.parametrize("body", [b"[" * 8000, b"9" * 8000, b'{"bytes": 1e999}', b"\xff", b"{", b"[]"])
def test_text_of_a_map_may_be_anything(tmp_path, sound, body):
    path = tmp_path / "odd.h5"
    path.write_bytes(sound.read_bytes())
    title = b"mpi-layout map, format version %d" % schema.FORMAT_VERSION
    text = body.ljust(schema.MAP_BYTES - len(title) - len(", CRC-32 01234567\n"), b"\0")
    places = [extent.offset for name, extent in locate(path).in_order() if name in ("map", "map_copy")]
    with open(path, "r+b") as file:
        for place in places:
            file.seek(place)
            file.write(b"%s, CRC-32 %08x\n%s" % (title, zlib.crc32(text, zlib.crc32(title)), text))
    with pytest.raises(InputError, match="damaged results file"):
        locate(path)


# ---------------------------------------------------------------- text that was made by somebody else


def test_nothing_in_a_file_steers_a_terminal(tmp_path, sound, tell):
    path = tmp_path / "odd.h5"
    path.write_bytes(sound.read_bytes())
    redraw(path, attributes=find_map(path)[1]["attributes"] | {"campaign_name": ESCAPE})
    odd = ESCAPE.encode() + b"\xff\r"
    structure = locate(path)
    with PlainStore(path, structure.extents, writable=True) as store:
        rows = store.read_rows(row_dtype(structure.n_turbines_max), 0, 12)
        rows["status"][3] = Status.FAILED
        rows["message"][3] = rows["key"][4] = rows["area"][4] = odd
        rows["aep"][5] = np.nan
        seal(rows)
        rows["x"][6] = 0
        store.write_rows(0, rows)
        entry = launches.new_launch(ranks=1, host="h", pid=1, scheduler_id="", versions="v=1", now=-1e300)
        for name in ("host", "scheduler_id", "versions"):
            entry[name] = odd
        number = launches.enter(store, entry)
        launches.end(store, number, entry, ESCAPE, -1, np.inf)
    told = {command: (code, out, err) for _, command, code, out, err in tell([path])}
    for _, out, err in told.values():
        check_harmless(out, err)
    assert told["status"][0] == 0
    assert told["verify"][0] == 1
    for what in ("identity", "finite", "checksum", "layout"):
        assert what in told["verify"][1]
    assert told["missing"][1] == "b_t10_s0\n"


EVIL_CAMPAIGNS = {
    "tag": "!!python/object/apply:os.system ['touch pwned']\n",
    "loop": "a: &a [*a, *a]\n",
    "nest": "[" * 100,
    "escape": ESCAPE,
    "half": "name: small",
}


def test_campaign_in_a_file_may_be_anything(tmp_path, sound, tell):
    extent, files = locate(sound).extents["campaign_yaml"], []
    for name, text in EVIL_CAMPAIGNS.items():
        files.append(tmp_path / f"{name}.h5")
        content = bytearray(sound.read_bytes())
        raw = text.encode().ljust(extent.n_bytes, b"#")
        content[extent.offset : extent.end] = raw
        files[-1].write_bytes(content)
        redraw(files[-1], campaign_sha256=hashlib.sha256(raw).hexdigest())
    for file, command, code, out, err in tell(files):
        check_harmless(out, err)
        if command != "run":  # that one has a campaign of its own
            assert code == (1 if command == "verify" else 2), (file, command, out, err)
            assert "campaign_yaml" in out + err
    assert not list(tmp_path.glob("pwned"))
