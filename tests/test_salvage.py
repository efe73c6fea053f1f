"""mpi-layout salvage: what older scripts left is judged, and what is sound comes into a results file."""

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import h5py
import numpy as np
import pytest
from other_user import as_nobody

from mpi_layout import cli
from mpi_layout.campaign import load_campaign, parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.results.reader import open_reader
from mpi_layout.results.storage.row import Status
from mpi_layout.results.storage.superblock import Mended, find_signature, lookup3, read_superblock
from mpi_layout.results.verify import verify
from mpi_layout.results.written import written
from mpi_layout.salvage.aside import Aside, UnreadableError
from mpi_layout.salvage.files import judge_file
from mpi_layout.salvage.find import find_files

AREA, TURBINE_TYPE = ("a", "b"), ("t10", "t15")  # of the small campaign, in order


@pytest.fixture(scope="module")
def campaign(small_campaign_text):
    return parse_campaign(small_campaign_text)


@pytest.fixture(scope="module")
def layouts(straight):
    """Positions (2, n) of the layouts of all configs by key, from an undisturbed run."""
    configs = straight.campaign.configs
    return {
        c.key: np.vstack([straight.rows[n][k][: c.n_turbines] for k in "xy"]) for n, c in enumerate(configs)
    }


@pytest.fixture(scope="module")
def aside():
    """One process that reads for all tests: starting it takes longer than reading."""
    with Aside() as aside:
        yield aside


@pytest.fixture(autouse=True)
def one_process(aside, monkeypatch):
    monkeypatch.setattr("mpi_layout.salvage.salvage.Aside", lambda: nullcontext(aside))


@pytest.fixture
def old(tmp_path):
    """An empty folder."""
    folder = tmp_path / "old"
    folder.mkdir()
    return folder


@pytest.fixture
def salvage(small_campaign, path, old, capsys):
    """Run the command on the folder `old`; exit code, and the report if there is one."""

    def salvage(*options, of=(old,), into=path, campaign=small_campaign):
        arguments = ["salvage", *map(str, of), "--campaign", str(campaign), "--into", str(into), "--json"]
        code = cli.main([*arguments, *map(str, options)])
        out, salvage.err = capsys.readouterr()
        return code, json.loads(out) if out else None

    return salvage


def numbered(key):
    """The name that the old scripts gave a config, and its numbers."""
    area, turbine_type, seed = key.split("_")
    farm, kind = AREA.index(area), TURBINE_TYPE.index(turbine_type)
    return f"farm{farm}_t{kind}_{seed}", farm, kind, int(seed[1:])


def put(file, key, positions, *, aep=0.0, **changed):
    """Write a layout as the old scripts did; give its group."""
    name, farm, kind, seed = numbered(key)
    group = file.create_group(name)
    group["layout"], group["aep"] = positions, aep
    group["init"] = np.zeros((2, 3))
    about = {
        "farm_idx": farm,
        "type_idx": kind,
        "n_turbines": 5,
        "diameter": (195, 240)[kind],
        "ss_seed": seed,
    }
    group.attrs.update(about | changed)
    return group


def worker(folder, number, layouts, keys, **settings):
    """A file worker_N.h5 with some layouts."""
    path = folder / f"worker_{number}.h5"
    with h5py.File(path, "w", **settings) as file:
        for key in keys:
            put(file, key, layouts[key])
    return path


def columns(path, layouts, keys, **changed):
    """A file in the columnar form."""
    numbers = [numbered(key)[1:] for key in keys]
    with h5py.File(path, "w") as file:
        for index, name in enumerate(("farm_id", "farm_type", "seed")):
            file[name] = [each[index] for each in numbers]
        file["layout"] = np.array([layouts[key] for key in keys])
        file["aep"] = np.zeros(len(keys))
        for name, values in changed.items():
            del file[name]
            if values is not None:
                file.create_dataset(name, data=values)
    return path


def kill_while_writing(path, libver, *, flush):
    """Leave a file as a program does that is killed with it open."""
    code = f"""
import h5py, numpy as np, os
file = h5py.File({str(path)!r}, "w", libver={libver!r})
for seed in range(3):
    group = file.create_group(f"farm0_t0_s{{seed}}")
    group["layout"] = np.array([[1000.0, 1e3, 3e3, 5e3, 5e3], [1000.0 + seed, 5e3, 3e3, 1e3, 5e3]])
    group["aep"] = 0.0
    if {flush}:
        file.flush()
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == -9


def the_file(report, path):
    (found,) = (file for file in report["files"] if file["path"] == str(path))
    return found


def outcomes(report, key):
    return [layout["outcome"] for layout in report["layouts"] if layout["key"] == key]


def fingerprints(folder):
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(folder.rglob("*")) if p.is_file()}


KEYS = ["a_t10_s0", "a_t10_s1", "a_t15_s2", "b_t10_s0", "b_t15_s1"]


# ---------------------------------------------------------------- the whole way


def test_a_run_goes_on_as_if_it_had_computed_what_was_salvaged(
    salvage, layouts, old, path, straight, small_campaign
):
    worker(old, 0, layouts, KEYS[:3])
    columns(old / "layouts.h5", layouts, KEYS[2:])
    before = fingerprints(old)
    code, report = salvage()
    assert (code, report["totals"]["taken"], report["totals"]["equal"]) == (0, 5, 1)
    assert fingerprints(old) == before
    results = open_reader(path)
    assert list(verify(results)) == []
    assert {results.key(n) for n in np.flatnonzero(results.done)} == set(KEYS)
    done = results.rows[results.done]
    assert (done["rank"] == -1).all()
    assert (done["attempts"] == 0).all()
    assert np.isnan(done["seconds"]).all()
    (launch,) = results.launches
    assert (launch.ranks, launch.configs_done) == (0, 5)
    assert "layouts.h5" in launch.reason
    assert cli.main(["run", str(small_campaign), "-o", str(path)]) == 0
    # Energies, losses and spacings are those of a run that has solved all configs itself.
    assert cli.main(["diff", str(path), str(straight.path)]) == 0


def test_all_commands_read_what_was_salvaged(salvage, layouts, old, path, capsys):
    worker(old, 0, layouts, KEYS)
    salvage()
    for command in ("status", "verify", "best"):
        assert cli.main([command, str(path)]) == 0
    assert cli.main(["status", str(path), "--json"]) == 0
    capsys.readouterr()
    assert cli.main(["missing", str(path)]) == 0
    assert len(capsys.readouterr().out.split()) == 12 - 5
    assert cli.main(["export", str(path), "--csv", "-"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 5 * 5
    assert cli.main(["plot", str(path), "--timeline"]) == 2
    assert "nobody solved anything in launch 0: salvaged from worker_0.h5" in capsys.readouterr().err


def test_stored_energies_are_not_believed(salvage, layouts, old, straight):
    aep = {c.key: straight.rows[c.number]["aep"] for c in straight.campaign.configs}
    with h5py.File(old / "x.h5", "w") as file:
        put(file, KEYS[0], layouts[KEYS[0]], aep=0.0)
        put(file, KEYS[1], layouts[KEYS[1]], aep=-aep[KEYS[1]])
        put(file, KEYS[2], layouts[KEYS[2]], aep=np.nan)
        put(file, KEYS[3], layouts[KEYS[3]], aep=1e9)
        del put(file, KEYS[4], layouts[KEYS[4]])["aep"]
    code, report = salvage()
    assert code == 0
    assert report["stored_aep"] == {
        "zero": 1, "as computed but negative": 1, "not finite": 1, "not as computed": 1, "missing": 1
    }  # fmt: skip
    found = {layout["key"]: layout["aep_GWh"] for layout in report["layouts"]}
    assert found == {key: pytest.approx(aep[key], rel=1e-12) for key in KEYS}


# ---------------------------------------------------------------- the case that it is made for

REFERENCE = "\n".join(
    [
        "name: reference",
        "areas:",
        *(
            f"  - {{name: farm{i}, boundary_m: [[{x}, 0], [{x + 5000}, 0], [{x + 5000}, 5000], [{x}, 5000]]}}"
            for i, x in enumerate(range(0, 100_000, 10_000))
        ),
        "turbine_types:",
        *(
            f"  - {{name: t{i}, rated_power_MW: {10 + i}, rotor_diameter_m: {d}, hub_height_m: 130}}"
            for i, d in enumerate((195, 205, 214, 223, 231, 240))
        ),
        "seeds: {first: 0, count: 50}",
        "n_turbines: 3",
        "min_spacing_D: 3",
        "site: {turbulence_intensity: 0.1, wind_direction_deg: [0, 180], weibull_a_m_s: [9, 10],",
        "  weibull_k: [2, 2.2], sector_probability: [0.4, 0.6]}",
        "wake: {model: NOJ}",
        "start: {grid: [6, 6]}",
    ]
)


@pytest.fixture
def reference(tmp_path):
    path = tmp_path / "reference.yaml"
    path.write_text(REFERENCE)
    return path


def test_482_of_3000_come_back(salvage, reference, old, tmp_path, path, capsys):
    """Ten workers, of whose files one has 0 bytes and four are HDF5 and nothing else, and what was merged."""
    campaign = load_campaign(reference)
    random_state = np.random.default_rng(20240607)
    chosen = random_state.permutation(3000)[:482]
    wanted = {}
    with h5py.File(old / "layouts.h5", "w", libver="earliest") as merged:
        workers = [h5py.File(old / f"worker_{w}.h5", "w", libver="earliest") for w in range(9)]
        for number in chosen.tolist():
            config = campaign.configs[number]
            corner = 10_000 * int(config.area.removeprefix("farm"))
            grid = random_state.choice(36, 3, replace=False)
            positions = np.vstack([corner + 1000.0 * (grid % 6) * 1.0, 1000.0 * (grid // 6)])
            wanted[config.key] = positions
            about = {
                "farm_idx": int(config.area[4:]), "type_idx": int(config.turbine_type[1:]),
                "n_turbines": 3, "diameter": int(config.rotor_diameter), "ss_seed": config.seed,
            }  # fmt: skip
            for file in (merged, workers[4 + number % 5])[: 2 if number % 3 else 1]:
                group = file.create_group(config.key)
                group["layout"], group["aep"], group["init"] = positions, 0.0, positions
                group.attrs.update(about)
        for file in workers:
            file.close()
    (old / "worker_9.h5").touch()
    assert [(old / f"worker_{w}.h5").stat().st_size for w in range(4)] == [800] * 4
    before = fingerprints(old)
    quarantine, text = tmp_path / "bad", tmp_path / "audit.txt"
    code, report = salvage("--quarantine", quarantine, "--report", text, campaign=reference)
    assert code == 3
    assert report["verdicts"] == {"sound": 6, "no layouts": 4, "empty": 1}
    assert report["configs"] == {"all": 3000, "done_before": 0, "written": 482, "missing": 2518}
    n_equal = int((chosen % 3 > 0).sum())
    assert (
        report["totals"] | {"taken": 482, "equal": n_equal, "refused": 0, "bad_files": 5} == report["totals"]
    )
    assert sorted(p.name for p in quarantine.iterdir()) == [
        *(f"worker_{w}.h5" for w in range(4)),
        "worker_9.h5",
    ]
    assert fingerprints(old) == before
    assert all(str(file) in text.read_text() for file in before)

    results = open_reader(path)
    assert list(verify(results, aep=False)) == []  # elsewhere with it
    found = {results.key(n): results.rows[n] for n in np.flatnonzero(results.done).tolist()}
    assert found.keys() == wanted.keys()
    for key, row in found.items():
        np.testing.assert_array_equal([row["x"], row["y"]], wanted[key])
        assert 0 < row["aep"] <= row["gross_aep"]
    capsys.readouterr()
    assert cli.main(["missing", str(path)]) == 0
    missing = set(capsys.readouterr().out.split())
    assert (len(missing), missing & wanted.keys()) == (2518, set())

    # A run computes what is missing, here of one area and type, and touches nothing else.
    kind = "farm3_t2_s[0-9]"
    assert cli.main(["run", str(reference), "-o", str(path), "--only", kind]) == 0
    after = open_reader(path)
    of_kind = set(campaign.select(kind).tolist())
    salvaged = set(np.flatnonzero(results.done).tolist())
    assert set(np.flatnonzero(after.done).tolist()) == salvaged | of_kind
    assert (after.rows["launch"] == 1).sum() == len(of_kind - salvaged) > 0
    for number in salvaged:
        assert after.rows[number].tobytes() == results.rows[number].tobytes()


# ---------------------------------------------------------------- files


def test_every_bad_file_has_its_verdict(salvage, layouts, old, tmp_path):
    good = worker(old, 0, layouts, KEYS[:1])
    (old / "worker_1.h5").touch()
    (old / "worker_2.h5").write_bytes(b"CDF\1 not of this kind")
    h5py.File(old / "worker_3.h5", "w", libver="earliest").close()
    whole = worker(tmp_path, 4, layouts, KEYS).read_bytes()
    (old / "worker_4.h5").write_bytes(whole[: len(whole) - 700])
    (old / "worker_5.h5").write_bytes(whole[:600] + bytes(700) + whole[1300:])
    (old / "worker_6.h5").write_bytes(whole[:30])
    kill_while_writing(old / "worker_7.h5", "latest", flush=True)
    kill_while_writing(old / "worker_8.h5", "earliest", flush=False)
    columns(old / "worker_9.h5", layouts, KEYS, seed=None)
    columns(old / "worker_10.h5", layouts, KEYS, seed=[0, 1])
    with h5py.File(old / "worker_11.h5", "w") as file:
        file["temperature"] = 3.0
    os.mkfifo(old / "worker_12.h5")
    code, report = salvage(of=(old, old / "gone.h5"))
    assert code == 3
    assert {Path(file["path"]).name: file["verdict"] for file in report["files"]} == {
        "worker_0.h5": "sound",
        "worker_1.h5": "empty",
        "worker_2.h5": "no HDF5 signature",
        "worker_3.h5": "no layouts",
        "worker_4.h5": "truncated",
        "worker_5.h5": "unreadable",
        "worker_6.h5": "truncated",
        "worker_7.h5": "left open",
        "worker_8.h5": "left open",
        "worker_9.h5": "missing or unequal datasets",
        "worker_10.h5": "missing or unequal datasets",
        "worker_11.h5": "no layouts",
        "worker_12.h5": "no file",
        "gone.h5": "missing",
    }
    assert "seed 2" in the_file(report, old / "worker_10.h5")["detail"]
    assert "no dataset seed" in the_file(report, old / "worker_9.h5")["detail"]
    assert "temperature" in the_file(report, old / "worker_11.h5")["detail"]
    sound = the_file(report, good)
    assert (sound["size_bytes"], sound["sha256"]) == (
        good.stat().st_size,
        hashlib.sha256(good.read_bytes()).hexdigest(),
    )


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_what_a_killed_program_had_flushed_comes_back(salvage, old, path, libver):
    killed = old / "worker_0.h5"
    kill_while_writing(killed, libver, flush=True)
    before = killed.read_bytes()
    code, report = salvage()
    file = the_file(report, killed)
    assert (code, file["verdict"], file["taken"]) == (3, "left open", 3)
    results = open_reader(path)
    assert results.rows[1]["y"].tolist() == [1001.0, 5e3, 3e3, 1e3, 5e3]
    assert list(verify(results)) == []
    assert killed.read_bytes() == before


@pytest.mark.parametrize("chunks", [None, (1, 5)])
def test_of_a_truncated_file_whole_layouts_are_taken_and_no_others(layouts, aside, tmp_path, chunks):
    source = tmp_path / "source.h5"
    with h5py.File(source, "w", libver="earliest") as file:
        for key in KEYS:
            group = put(file, key, layouts[key])
            del group["layout"]
            group.create_dataset("layout", data=layouts[key], chunks=chunks)
    whole = source.read_bytes()
    n_found = []
    for cut in range(len(whole) - 1, 500, -293):
        (tmp_path / "worker_0.h5").write_bytes(whole[:cut])
        judged = judge_file(tmp_path / "worker_0.h5", aside)
        assert judged.verdict == "truncated"
        found = [layout for layout in judged.layouts if layout.positions is not None]
        n_found.append(len(found))
        for layout in found:
            (key,) = (key for key in KEYS if numbered(key)[0] == layout.name)
            np.testing.assert_array_equal(layout.positions, layouts[key])
    assert {0, 5} <= set(n_found)
    assert len(set(n_found)) > 3


def test_a_results_file_of_its_own_is_told_apart(salvage, layouts, old, straight):
    shutil.copy(straight.path, old / "campaign.h5")
    worker(old, 0, layouts, KEYS[:1])
    code, report = salvage()
    assert code == 3
    file = the_file(report, old / "campaign.h5")
    assert file["verdict"] == "mpi-layout's own"
    assert "recover" in file["detail"]


def test_a_file_that_kills_its_reader_costs_no_other(layouts, tmp_path):
    path = worker(tmp_path, 0, layouts, KEYS)
    with Aside() as aside:
        assert len(aside.read(path, mend=False).layouts) == 5
        aside._child.kill()
        with pytest.raises(UnreadableError, match="crashed on it: SIGKILL"):
            aside.read(path, mend=False)
        assert len(aside.read(path, mend=True).layouts) == 5


def test_a_file_that_is_never_read_to_its_end_costs_no_other(layouts, tmp_path):
    good, endless = worker(tmp_path, 0, layouts, KEYS), tmp_path / "endless.h5"
    with h5py.File(endless, "w") as file:  # a million entries, nothing of which was ever written
        for name, shape in (("farm_id", ()), ("farm_type", ()), ("seed", ()), ("layout", (2, 3))):
            file.create_dataset(name, (1_000_000, *shape), "i1", chunks=(1_000_000, *shape))
    with Aside() as aside:
        with pytest.raises(UnreadableError, match="no end within 1 s of CPU time"):
            aside.read(endless, mend=False, limit=1)
        assert len(aside.read(good, mend=False).layouts) == 5


def test_a_length_that_is_damaged_takes_no_memory(layouts, tmp_path):
    """HDF5 believes it, and would fill 16 GB before it finds that the file has not so much."""
    path = columns(tmp_path / "x.h5", layouts, KEYS, layout=None)
    with h5py.File(path, "r+") as file:
        vlen = file.create_dataset("layout", 5, dtype=h5py.vlen_dtype("f8"))
        for index, key in enumerate(KEYS):
            vlen[index] = layouts[key].ravel()
        place = vlen.id.get_offset()
    harmed = bytearray(path.read_bytes())
    assert harmed[place : place + 4] == (10).to_bytes(4, "little")
    harmed[place + 3] ^= 0x7F
    path.write_bytes(harmed)
    with Aside() as aside:
        (fault,) = aside.read(path, mend=False).faults
        said = Path(f"/proc/{aside._child.pid}/status").read_text()
        assert len(aside.read(worker(tmp_path, 0, layouts, KEYS), mend=False).layouts) == 5
    assert "memory allocation failed" in fault
    peak = re.search(r"VmHWM:\s+(\d+) kB", said)
    assert int(peak[1]) < 1e6


def test_no_damage_takes_the_program_down(layouts, tmp_path, aside):
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    path = tmp_path / "worker_0.h5"
    for libver in ("earliest", "latest"):
        whole = worker(tmp_path, 0, layouts, KEYS, libver=libver).read_bytes()
        for _ in range(20):
            harmed = bytearray(whole[: chance.randrange(1, len(whole) + 1)])
            for _ in range(chance.randrange(30)):
                harmed[chance.randrange(len(harmed))] = chance.choice((0, 255, chance.randrange(256)))
            path.write_bytes(harmed)
            judged = judge_file(path, aside)
            assert judged.verdict
            for layout in judged.layouts:
                assert (layout.positions is None) == bool(layout.fault)


def test_links_to_other_files_are_named_and_not_followed(salvage, layouts, old, tmp_path):
    worker(tmp_path, 0, layouts, KEYS[:1])
    with h5py.File(old / "layouts.h5", "w") as file:
        file["farm0_t0_s0"] = h5py.ExternalLink(str(tmp_path / "worker_0.h5"), "farm0_t0_s0")
    code, report = salvage()
    assert code == 2
    assert "worker_0.h5: give that file, too" in the_file(report, old / "layouts.h5")["detail"]


def test_files_are_found_once_and_in_order(tmp_path):
    for number in (10, 9, 2):
        (tmp_path / f"worker_{number}.h5").touch()
    below = tmp_path / "z"
    below.mkdir()
    (below / "merged.hdf5").touch()
    (below / "again.h5").symlink_to(tmp_path / "worker_2.h5")
    (tmp_path / "log.txt").touch()
    (tmp_path / "target.h5").touch()
    found = find_files([tmp_path, tmp_path / "worker_2.h5"], leave_out=[tmp_path / "target.h5"])
    assert [path.name for path in found.files] == [
        "worker_2.h5",
        "worker_9.h5",
        "worker_10.h5",
        "merged.hdf5",
    ]
    assert found.notes == (f"{tmp_path}: there is no worker_3.h5 to worker_8.h5",)
    assert [path.name for path in find_files([tmp_path / "log.txt"]).files] == ["log.txt"]


@pytest.mark.parametrize("settings", [{}, {"libver": "latest"}, {"userblock_size": 1024}, {"libver": "v108"}])
def test_superblocks_are_read_as_hdf5_writes_them(tmp_path, settings):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", **settings) as file:
        file["a"] = np.arange(300)
    with open(path, "rb") as raw:
        superblock = read_superblock(raw, find_signature(raw))
        assert (superblock.end, superblock.is_open) == (path.stat().st_size, False)
        # What is mended of a sound file is the file; the sum that HDF5 has written is the one computed here.
        assert Mended(raw, superblock).read() == path.read_bytes()


def test_sums_are_those_of_the_published_hash():
    # From the comments of lookup3.c by Bob Jenkins.
    assert lookup3(b"Four score and seven years ago") == 0x17770551


# ---------------------------------------------------------------- layouts

X, Y = 0, 1


def shifted(positions, axis, turbine, by):
    changed = positions.copy()
    changed[axis, turbine] += by
    return changed


BROKEN = {
    "another number of turbines": (lambda p: p[:, :4], {"n_turbines": 4}, "n_turbines 4"),
    "one turbine too few": (lambda p: p[:, :4], {}, "has 4 turbines, wants 5"),
    "one turbine too many": (lambda p: np.hstack([p, [[3333.0], [3333.0]]]), {}, "has 6 turbines, wants 5"),
    "wrong shape": (lambda p: p.T, {}, "shape (5, 2)"),
    "one dimension": (lambda p: p.ravel(), {}, "shape (10,)"),
    "no numbers": (lambda p: p.astype("S8"), {}, "wants numbers"),
    "NaN": (lambda p: shifted(p, X, 2, np.nan), {}, "1 of its 5 turbines have no finite position"),
    "infinite": (lambda p: shifted(p, Y, 0, np.inf), {}, "no finite position"),
    "zeros": (np.zeros_like, {}, "5 of its 5 positions are zero"),
    "outside": (lambda p: shifted(p, Y, np.argmin(p[1]), -p[1].min() - 0.25), {}, "0.25 m outside area a"),
    "too close": (
        lambda p: np.hstack([p[:, :4], p[:, :1] + [[0.0], [1.0]]]),
        {},
        "1 m apart, 585 m are wanted",
    ),
    "another farm": (lambda p: p, {"farm_idx": 1}, "a_t10_s0 by its numbers, but b_t10_s0 by its attributes"),
    "no such farm": (lambda p: p, {"farm_idx": 7}, "number 7, the campaign has areas 0 to 1"),
    "no whole seed": (lambda p: p, {"ss_seed": 0.5}, "its seed is 0.5"),
    "another rotor": (lambda p: p, {"diameter": 240}, "has diameter 240, a_t10_s0 has 195 m"),
    "two values": (lambda p: p, {"n_turbines": [5, 5]}, "no single value"),
    "a truth for a number": (lambda p: p, {"farm_idx": True}, "farm_idx is neither number nor text"),
    "text for a rotor": (lambda p: p, {"diameter": "wide"}, "has diameter wide, a_t10_s0 has 195 m"),
    "nowhere on Earth": (lambda p: p * 1e200, {}, "m, which is no place on Earth"),
    "complex": (lambda p: p + 0j, {}, "wants numbers"),
}


def test_layouts_that_do_not_fit_are_refused(salvage, layouts, old, path):
    for number, (change, attributes, _) in enumerate(BROKEN.values()):
        with h5py.File(old / f"worker_{number}.h5", "w") as file:
            put(file, "a_t10_s0", change(layouts["a_t10_s0"]), **attributes)
            put(file, "a_t10_s1", layouts["a_t10_s1"])
    code, report = salvage()
    assert code == 3
    for number, (case, (_, _, reason)) in enumerate(BROKEN.items()):
        refused, other = (
            each for each in report["layouts"] if each["file"] == str(old / f"worker_{number}.h5")
        )
        assert (case, refused["outcome"]) == (case, "refused")
        assert refused["key"] in ("a_t10_s0", ""), case
        assert reason in refused["detail"], case
        assert other["outcome"] == ("equal" if number else "taken"), case
        assert the_file(report, old / f"worker_{number}.h5")["verdict"] == "partly sound"
    assert np.flatnonzero(open_reader(path).done).tolist() == [1]


def test_what_is_wrong_with_a_layout_is_told_before_that_its_config_is_not_known(salvage, layouts, old):
    with h5py.File(old / "x.h5", "w") as file:
        put(file, "a_t10_s0", layouts["a_t10_s0"], farm_idx=h5py.Empty("f8"))
        file.move("farm0_t0_s0", "some")
        file["another/layout"] = layouts["a_t10_s0"]
    assert salvage()[0] == 2
    _, report = salvage("--dry-run")
    assert {layout["name"]: layout["detail"] for layout in report["layouts"]} == {
        "another": "neither its name nor attributes say which config it is",
        "some": "its attribute farm_idx is neither number nor text",
    }


def test_an_array_is_no_single_value_though_its_space_is(salvage, layouts, old):
    with h5py.File(old / "x.h5", "w") as file:
        group = put(file, "a_t10_s0", layouts["a_t10_s0"])
        del group.attrs["farm_idx"]
        three = h5py.h5t.array_create(h5py.h5t.NATIVE_INT64, (3,))
        attribute = h5py.h5a.create(group.id, b"farm_idx", three, h5py.h5s.create(h5py.h5s.SCALAR))
        attribute.write(np.array([0, 7, 8]), mtype=three)
    assert salvage()[0] == 2
    assert salvage("--dry-run")[1]["layouts"][0]["detail"] == "its attribute farm_idx is no single value"


LABELS = {
    "big-endian": {"farm_idx": np.array(0, ">i2"), "diameter": np.array(195, ">f4")},
    "text": {"farm_idx": "0", "type_idx": b"0", "ss_seed": "0", "n_turbines": "5", "diameter": "195.0"},
    "names": {"farm_idx": "a", "type_idx": "t10"},
    "numbers behind letters": {"farm_idx": "farm0", "type_idx": "t0"},
    "arrays of one": {"farm_idx": [0], "type_idx": [[0]], "ss_seed": np.array([0], "u1")},
    "long floats": {"farm_idx": np.longdouble(0), "n_turbines": np.longdouble(5), "ss_seed": np.float16(0)},
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_any_type_that_says_it(salvage, layouts, old, labels):
    with h5py.File(old / "x.h5", "w") as file:
        put(file, "a_t10_s0", layouts["a_t10_s0"].astype(">f8"), **labels)
        file.move("farm0_t0_s0", "some")
    code, report = salvage()
    assert (code, outcomes(report, "a_t10_s0")) == (0, ["taken"])


def test_compressed_layouts_are_read(salvage, layouts, old, path):
    with h5py.File(old / "x.h5", "w") as file:
        for key, how in zip(KEYS, ("gzip", "lzf", "gzip", "lzf", None), strict=True):
            group = put(file, key, layouts[key])
            del group["layout"]
            group.create_dataset(
                "layout", data=layouts[key], compression=how, shuffle=True, fletcher32=True, chunks=(1, 3)
            )
    assert salvage()[0] == 0
    results = open_reader(path)
    for number in np.flatnonzero(results.done).tolist():
        np.testing.assert_array_equal(
            [results.rows[number]["x"], results.rows[number]["y"]], layouts[results.key(number)]
        )


def test_a_name_may_be_that_of_areas_and_types_that_look_like_numbers(salvage, layouts, old, small_campaign):
    text = small_campaign.read_text().replace("name: a\n", "name: farm0\n")
    small_campaign.write_text(text)
    with h5py.File(old / "x.h5", "w") as file:
        file["farm0_t10_s0/layout"] = layouts["a_t10_s0"]  # its key
        file["farm0_t1_s0/layout"] = layouts["a_t15_s0"]  # its numbers
        file["farm0_t2_s0/layout"] = layouts["a_t15_s0"]  # neither
    code, report = salvage()
    found = {layout["name"]: (layout["key"], layout["outcome"]) for layout in report["layouts"]}
    assert (code, found) == (3, {
        "farm0_t10_s0": ("farm0_t10_s0", "taken"),
        "farm0_t1_s0": ("farm0_t15_s0", "taken"),
        "farm0_t2_s0": ("", "refused"),
    })  # fmt: skip


def test_a_name_that_is_two_configs_is_refused(salvage, layouts, old, small_campaign):
    text = small_campaign.read_text().replace("name: a\n", "name: farm1\n").replace("name: t10", "name: t0")
    small_campaign.write_text(text)
    with h5py.File(old / "x.h5", "w") as file:
        file["farm1_t0_s0/layout"] = layouts["a_t10_s0"]
    assert salvage()[0] == 2
    detail = salvage("--dry-run")[1]["layouts"][0]["detail"]
    assert detail == "is farm1_t0_s0 by its name, but b_t0_s0 by its numbers"


def test_a_group_without_a_layout_is_refused(salvage, layouts, old):
    with h5py.File(old / "worker_0.h5", "w") as file:
        del put(file, "a_t10_s0", layouts["a_t10_s0"])["layout"]
    code, report = salvage()
    assert code == 2
    assert report["layouts"][0]["detail"] == "has no dataset layout"


def test_configs_that_the_campaign_has_not_are_refused(salvage, layouts, old):
    with h5py.File(old / "worker_0.h5", "w") as file:
        put(file, "a_t10_s77", layouts["a_t10_s0"])
        put(file, "a_t10_s0", layouts["a_t10_s0"])
    code, report = salvage()
    assert (code, report["totals"]["taken"]) == (3, 1)
    assert "no config a_t10_s77" in report["layouts"][1]["detail"]


def test_layouts_may_lie_below_groups_and_be_named_as_the_campaign_names_them(salvage, layouts, old):
    with h5py.File(old / "merged.h5", "w") as file:
        for key in KEYS:
            file[f"worker_3/{key}/layout"] = layouts[key]
    code, report = salvage()
    assert (code, report["totals"]["taken"]) == (0, 5)
    assert report["files"][0]["groups_taken"] == [f"worker_3/{key}" for key in sorted(KEYS)]


@pytest.mark.parametrize(
    "shape",
    [
        "(2, n)",
        "(n, 2)",
        "flat",
        "of unequal lengths",
        "padded with NaN",
        "padded with zeros",
        "float32",
        "labels (n, 1)",
        "long floats",
    ],
)
def test_columns_are_read_in_every_shape(salvage, layouts, old, path, shape):
    stacked = np.array([layouts[key] for key in KEYS])
    pad = {"padded with NaN": np.nan, "padded with zeros": 0.0}.get(shape, 0.0)
    change = {
        "(n, 2)": lambda: stacked.transpose(0, 2, 1),
        "flat": lambda: stacked.reshape(5, -1),
        "float32": lambda: stacked.astype("f4"),
        "padded with NaN": lambda: np.pad(stacked, ((0, 0), (0, 0), (0, 2)), constant_values=pad),
        "padded with zeros": lambda: np.pad(stacked, ((0, 0), (0, 0), (0, 2)), constant_values=pad),
    }.get(shape, lambda: stacked)
    source = columns(old / "layouts.h5", layouts, KEYS, layout=change())
    if shape in ("labels (n, 1)", "long floats"):
        with h5py.File(source, "r+") as file:
            for name in ("farm_id", "farm_type", "seed", "aep"):
                values = np.array(file.pop(name))
                file[name] = values[:, None] if "1" in shape else values.astype(np.longdouble)
    if shape == "of unequal lengths":
        with h5py.File(source, "r+") as file:
            del file["layout"]
            vlen = file.create_dataset("layout", 5, dtype=h5py.vlen_dtype("f8"))
            for index, positions in enumerate(stacked):
                vlen[index] = positions.ravel()
    code, report = salvage("--mend", 0.001)
    assert (code, report["totals"]["taken"]) == (0, 5)
    results = open_reader(path)
    for number in np.flatnonzero(results.done).tolist():
        row, wanted = results.rows[number], layouts[results.key(number)]
        np.testing.assert_allclose([row["x"], row["y"]], wanted, rtol=0, atol=1.5e-3)


def test_columns_may_have_names_and_entries_that_were_never_written(salvage, layouts, old):
    source = columns(old / "layouts.h5", layouts, [*KEYS, *KEYS], farm_id=["a", "farm0", "a", "b", "b"] * 2)
    with h5py.File(source, "r+") as file:
        file["layout"][5:] = np.nan
    code, report = salvage()
    assert (code, report["totals"]["layouts"], report["totals"]["taken"]) == (0, 5, 5)


@pytest.mark.parametrize(("tolerance", "taken"), [(0.1, 0), (0.3, 1)])
def test_a_layout_is_mended_within_a_tolerance(salvage, layouts, old, path, tolerance, taken):
    positions = layouts["a_t10_s0"]
    lowest = int(np.argmin(positions[1]))
    wrong = shifted(positions, Y, lowest, -positions[1].min() - 0.25)
    with h5py.File(old / "worker_0.h5", "w") as file:
        put(file, "a_t10_s0", wrong)
    code, report = salvage("--mend", tolerance)
    assert (code, report["totals"]["taken"]) == ((0, 1) if taken else (2, 0))
    if not taken:
        assert "turbines may be moved by 0.1 m" in report["layouts"][0]["detail"]
        return
    results = open_reader(path)
    assert list(verify(results)) == []
    moved = np.hypot(results.rows[0]["x"] - wrong[0], results.rows[0]["y"] - wrong[1])
    assert moved.max() == report["layouts"][0]["moved_m"] == pytest.approx(0.25, abs=1e-3)
    assert (moved > 1e-5).sum() == 1


# ---------------------------------------------------------------- duplicates


@pytest.fixture
def three_of_one(layouts, old):
    """Three files with unequal layouts of one config: the first, a worse one, and a better one by chance."""
    spread = {
        0: layouts["a_t10_s0"],
        1: np.array([[100.0, 800, 1500, 2200, 2900], [10.0, 10, 10, 10, 10]]),  # in a row
        2: np.array([[0.0, 6000, 0, 6000, 3000], [0.0, 0, 6000, 6000, 3000]]),  # as far apart as can be
    }
    for number, positions in spread.items():
        worker(old, number, {"a_t10_s0": positions}, ["a_t10_s0"])
    return spread


@pytest.mark.parametrize(("rule", "kept"), [("keep-better", 2), ("first", 0), ("last", 2)])
def test_of_unequal_layouts_one_is_kept_by_a_rule(salvage, three_of_one, path, rule, kept):
    code, report = salvage("--on-duplicate", rule)
    assert code == 0
    aep = [layout["aep_GWh"] for layout in report["unequal"]["a_t10_s0"]]
    assert aep[1] < aep[0] < aep[2]
    assert sorted(outcomes(report, "a_t10_s0")) == ["not kept", "not kept", "taken"]
    np.testing.assert_array_equal(open_reader(path).rows[0]["x"], three_of_one[kept][0])


def test_unequal_layouts_may_be_an_error(salvage, three_of_one, path):
    code, report = salvage("--on-duplicate", "error")
    assert code == 2
    assert "1 config has unequal layouts" in salvage.err
    assert len(report["unequal"]["a_t10_s0"]) == 3
    assert (report["configs"]["written"], report["configs"]["missing"]) == (0, 12)
    assert not path.exists()


def test_turbines_in_another_order_or_with_fewer_digits_make_no_other_layout(salvage, layouts, old):
    positions = layouts["a_t10_s0"]
    copies = [positions, positions[:, ::-1], positions.round(4).clip(0, 6000), shifted(positions, X, 0, 0.1)]
    for number, copy in enumerate(copies):
        worker(old, number, {"a_t10_s0": copy}, ["a_t10_s0"])
    _, report = salvage("--on-duplicate", "first")
    assert outcomes(report, "a_t10_s0") == ["taken", "equal", "equal", "not kept"]


def test_better_is_what_the_campaign_maximises(salvage, three_of_one, small_campaign, path, tmp_path):
    (tmp_path / "west.py").write_text(
        "def west(layout):\n    return -layout.x.mean() if layout.x.max() < 6000 else float('nan')\n"
    )
    with small_campaign.open("a") as file:
        file.write("objective: {function: west, file: west.py}\n")
    assert salvage() == (2, None)
    assert "--allow-code" in salvage.err
    code, _ = salvage("--allow-code", "--max-bad", 0)
    assert (code, path.exists()) == (4, False)  # the function refuses what it gives no number
    code, _ = salvage("--allow-code")
    assert code == 3
    fits = [number for number, (x, _) in three_of_one.items() if x.max() < 6000]
    kept = min(fits, key=lambda number: three_of_one[number][0].mean())
    results = open_reader(path)
    np.testing.assert_array_equal(results.rows[0]["x"], three_of_one[kept][0])
    assert list(verify(results, allow_code=True)) == []


# ---------------------------------------------------------------- into a file that exists


def test_a_second_salvage_adds_what_is_new(salvage, layouts, old, path):
    worker(old, 0, layouts, KEYS[:2])
    salvage()
    before = open_reader(path).rows
    worker(old, 1, layouts, KEYS)
    code, report = salvage()
    assert (code, report["totals"]["taken"], report["totals"]["equal"]) == (0, 3, 4)
    assert report["configs"] == {"all": 12, "done_before": 2, "written": 3, "missing": 7}
    results = open_reader(path)
    assert [results.rows[n].tobytes() for n in (0, 1)] == [before[n].tobytes() for n in (0, 1)]
    n_launches = len(results.launches)
    code, report = salvage()
    assert (code, report["totals"]["taken"], report["configs"]["written"]) == (0, 0, 0)
    assert len(open_reader(path).launches) == n_launches


def test_interrupted_while_it_writes_it_goes_on_with_the_same_command(
    salvage, layouts, old, path, monkeypatch
):
    from mpi_layout.results.file import ResultsFile

    worker(old, 0, layouts, KEYS)
    write_rows, batches = ResultsFile.write_rows, []

    def interrupted(results, numbers, rows):
        if batches:
            raise KeyboardInterrupt
        batches.append(numbers)
        write_rows(results, numbers, rows)

    monkeypatch.setattr("mpi_layout.salvage.target._BATCH", 2)
    monkeypatch.setattr(ResultsFile, "write_rows", interrupted)
    with pytest.raises(KeyboardInterrupt):
        salvage()
    assert np.flatnonzero(open_reader(path).done).tolist() == batches[0]
    monkeypatch.setattr(ResultsFile, "write_rows", write_rows)
    code, report = salvage()
    assert (code, report["totals"]["equal"], report["configs"]["written"]) == (0, 2, 3)
    results = open_reader(path)
    assert list(verify(results)) == []
    assert [launch.configs_done for launch in results.launches] == [2, 3]


@pytest.mark.parametrize("replace", [False, True])
def test_a_row_that_is_done_gives_way_only_where_that_is_asked(salvage, three_of_one, old, path, replace):
    salvage(of=(old / "worker_1.h5",))
    code, report = salvage(*["--replace-worse"] * replace)
    assert (code, report["configs"]["written"], report["configs"]["missing"]) == (0, int(replace), 11)
    results = open_reader(path)
    np.testing.assert_array_equal(results.rows[0]["x"], three_of_one[2 if replace else 1][0])
    assert list(verify(results)) == []
    code, report = salvage("--replace-worse", of=(old / "worker_1.h5",))  # worse: stays out
    assert report["configs"]["written"] == 0


def test_a_failed_config_takes_a_salvaged_layout(
    salvage, layouts, old, path, small_campaign, small_campaign_text
):
    from mpi_layout.results.create import create_results
    from mpi_layout.results.file import open_writer
    from mpi_layout.results.storage.row import failed_row

    campaign = parse_campaign(small_campaign_text)
    create_results(path, campaign)
    with open_writer(path, campaign) as writer:
        about = {"seconds": 1.0, "rank": 1, "launch": 0, "attempts": 3}
        writer.write_row(0, failed_row(writer.dtype, campaign.configs[0], "no room", **about))
    worker(old, 0, layouts, KEYS[:1])
    assert salvage()[0] == 0
    results = open_reader(path)
    assert results.rows[0]["status"] == Status.DONE
    assert list(verify(results)) == []


def test_another_campaigns_file_takes_nothing(salvage, layouts, old, path, small_campaign):
    worker(old, 0, layouts, KEYS)
    salvage()
    before = path.read_bytes()
    small_campaign.write_text(small_campaign.read_text().replace("min_spacing_D: 3", "min_spacing_D: 2"))
    code, report = salvage()
    assert (code, report) == (2, None)
    assert "min_spacing_D: 3.0 in the file, 2.0 in the campaign" in salvage.err
    assert path.read_bytes() == before


def test_nothing_is_written_while_a_launch_writes(salvage, layouts, old, path, straight):
    from mpi_layout.results.locking.lock import WriterLock

    worker(old, 0, layouts, KEYS)
    with WriterLock(path):
        code, _ = salvage()
        assert code == 2
        assert salvage("--dry-run")[0] == 0  # which only looks
    assert not path.exists()


# ---------------------------------------------------------------- options


def test_a_dry_run_writes_the_report_alone(salvage, layouts, old, tmp_path, path):
    worker(old, 0, layouts, KEYS)
    (old / "worker_1.h5").touch()
    before = set(tmp_path.rglob("*"))
    report = tmp_path / "audit.json"
    code, answer = salvage("--dry-run", "--report", report, "--quarantine", tmp_path / "bad")
    assert (code, answer["configs"]["written"]) == (3, 5)
    assert set(tmp_path.rglob("*")) - before == {report}
    assert json.loads(report.read_text()) == answer


@pytest.mark.parametrize(("allowed", "code"), [(2, 4), (3, 3)])
def test_too_many_bad_files_and_layouts_end_it_before_anything_is_written(
    salvage, layouts, old, path, allowed, code
):
    (old / "worker_1.h5").touch()
    (old / "worker_2.h5").write_text("no")
    with h5py.File(old / "worker_0.h5", "w") as file:
        put(file, "a_t10_s0", layouts["a_t10_s0"])
        put(file, "a_t10_s1", layouts["a_t10_s1"][:, :3])
    found, report = salvage("--max-bad", allowed, "--quarantine", old.parent / "bad")
    assert found == code == report["exit_code"]
    assert path.exists() == (old.parent / "bad").exists() == (code == 3)
    assert report["verdicts"] == {"partly sound": 1, "empty": 1, "no HDF5 signature": 1}


def test_quarantine_replaces_nothing_and_is_not_salvaged_itself(salvage, layouts, old):
    bad = old / "bad"
    for name in ("x", "y"):
        (old / name).mkdir()
        (old / name / "worker_0.h5").write_text(name)
    worker(old, 1, layouts, KEYS[:1])
    for _ in range(2):
        code, report = salvage("--quarantine", bad)
        assert (code, report["totals"]["files"]) == (3, 3)
        assert {p.name: p.read_text() for p in bad.iterdir()} == {"worker_0.h5": "x", "worker_0.2.h5": "y"}


def test_odd_paths_are_refused_before_anything_is_read(salvage, layouts, old, tmp_path, small_campaign):
    source = worker(old, 0, layouts, KEYS)
    os.mkfifo(tmp_path / "pipe.h5")
    (tmp_path / "folder.json").mkdir()
    twice = ("--report", tmp_path / "a.json", "--report", tmp_path / "a.json")
    before = sorted(tmp_path.rglob("*"))
    for options, changed, message in (
        ((), {"into": tmp_path / "pipe.h5"}, "pipe.h5: cannot be read: is a pipe or a device, no file"),
        ((), {"into": small_campaign}, "is the campaign itself"),
        ((), {"into": source}, f"besides {source}"),
        (twice, {}, "a.json: given twice with --report"),
        (("--report", tmp_path / "folder.json", "--force"), {}, "folder.json: is a folder"),
        (("--quarantine", source), {}, "worker_0.h5: is no folder"),
    ):
        code, report = salvage(*options, **changed)
        assert (code, report) == (2, None)
        assert message in salvage.err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_report_into_a_folder_that_is_not_writable_is_refused_before_work(
    salvage, layouts, old, path, tmp_path, monkeypatch
):
    worker(old, 0, layouts, KEYS)
    monkeypatch.setattr("os.access", lambda folder, *_, **__: Path(folder) != tmp_path)
    assert salvage("--report", tmp_path / "audit.json") == (2, None)
    assert f"the folder {tmp_path} is not writable" in salvage.err
    assert not path.exists()


def test_a_folder_that_is_closed_is_told_in_one_message():
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to other users
        target = Path(name) / "audit.json"
        Path(name).chmod(0)
        wanted = pytest.raises(InputError, match=r"audit\.json: cannot be written: Permission denied")
        with as_nobody(), wanted, written(target, force=False):
            pass
        Path(name).chmod(0o700)


def test_a_link_leads_to_the_results_file(salvage, layouts, old, path, tmp_path):
    (tmp_path / "link.h5").symlink_to(path.name)
    worker(old, 0, layouts, KEYS[:2])
    assert salvage(into=tmp_path / "link.h5")[0] == 0
    worker(old, 1, layouts, KEYS[2:])
    assert salvage(into=tmp_path / "link.h5")[0] == 0
    assert (tmp_path / "link.h5").is_symlink()
    assert open_reader(path).done.sum() == len(KEYS)


def test_links_to_folders_are_named_and_not_followed(salvage, layouts, old, tmp_path):
    worker(old, 0, layouts, KEYS[:1])
    (tmp_path / "elsewhere").mkdir()
    worker(tmp_path / "elsewhere", 1, layouts, KEYS[1:])
    (old / "more").symlink_to(tmp_path / "elsewhere")
    (old / "round").symlink_to(old)
    code, report = salvage()
    assert (code, report["totals"]["taken"]) == (0, 1)
    assert report["notes"] == [
        f"{old / name}: a link to a folder, not followed; give that folder, too" for name in ("more", "round")
    ]
    assert salvage(of=(old, old / "more"))[1]["totals"]["taken"] == 4


def test_an_existing_report_is_not_replaced_without_force(salvage, layouts, old, path, tmp_path):
    source = worker(old, 0, layouts, KEYS)
    before = source.read_bytes()
    report = tmp_path / "audit.txt"
    report.write_text("mine")
    assert salvage("--report", report)[0] == 2
    for name in ("gone/audit.json", "old/worker_0.h5"):
        assert salvage("--report", tmp_path / name, "--force")[0] == 2
    assert (report.read_text(), path.exists(), source.read_bytes()) == ("mine", False, before)
    assert salvage("--report", report, "--force")[0] == 0
    assert "5 taken" in report.read_text()


def test_folders_without_files_and_files_without_layouts_are_wrong_input(salvage, old, path):
    assert salvage()[0] == 2
    assert "there are no files named *.h5" in salvage.err
    (old / "worker_0.h5").touch()
    code, report = salvage()
    assert (code, report["verdicts"]) == (2, {"empty": 1})
    assert "no layout was found that fits" in salvage.err
    assert not path.exists()


def test_names_in_files_steer_no_terminal(old, small_campaign, path, capsys):
    with h5py.File(old / "worker_0.h5", "w") as file:
        file["\x1b[2J\u202egroup/layout"] = np.zeros((2, 5))
    assert cli.main(["salvage", str(old), "--campaign", str(small_campaign), "--into", str(path)]) == 2
    out, err = capsys.readouterr()
    assert "\\x1b[2J" in out
    assert (out + err).replace("\n", "").isprintable()
