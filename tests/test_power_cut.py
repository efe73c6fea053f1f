"""Power cuts at any moment of real launches: no file unreadable, no promised row lost, no torn one believed.

The launches run under strace. What they did to the disk is repeated up to a moment, and of what was not
synced by then the disk gets only a part: see power_cut/disk.py. More states, or the same ones again:

    POWER_CUT_STATES=20000 POWER_CUT_SEED=1234 pytest -m slow -rP tests/test_power_cut.py
"""

import dataclasses
import functools
import itertools
import os
import random
import subprocess
import sys

import pytest
from power_cut.audit import Audit
from power_cut.disk import MANNERS, SECTOR, Disk
from power_cut.inspection import Inspector, moments
from power_cut.recording import Recording, Rename, Resize, Sync, SyncNames, Write
from power_cut.strace import strace

from mpi_layout.__main__ import main as program
from mpi_layout.campaign import load_campaign
from mpi_layout.parallel import alone
from mpi_layout.results import reader
from mpi_layout.results.file import create_results, open_reader, open_writer
from mpi_layout.results.storage.schema import N_LAUNCHES

CAMPAIGN = """\
name: cut
areas:
  - {name: a, boundary_m: [[0, 0], [12000, 0], [12000, 12000], [0, 12000]]}
  - {name: b, boundary_m: [[20000, 0], [32000, 0], [32000, 13000], [20000, 12000]]}
turbine_types:
  - {name: t10, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}
  - {name: t15, rated_power_MW: 15, rotor_diameter_m: 240, hub_height_m: 150}
seeds: {first: 0, count: 3}
n_turbines: 30
min_spacing_D: 3
site:
  turbulence_intensity: 0.1
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [9, 10, 11, 12]
  weibull_k: [2, 2, 2.1, 2.2]
  sector_probability: [0.2, 0.2, 0.3, 0.3]
start: {method: smart_start, grid: [6, 6], best_percent: 30}
checkpoint: {interval_s: INTERVAL}
"""
OFTEN, NEVER = "0.2", "1000"  # s between checkpoints; there is one at the beginning and one at the end
IN_ORDER = (0, 3, 75)  # exit codes of launches that say that everything is safe
NAME = "cut.h5"

N_STATES = 240
N_STATES_SLOW = int(os.environ.get("POWER_CUT_STATES", "2100"))


class Lab:
    """A folder in which launches are recorded."""

    def __init__(self, launch, tmp_path, traces):
        self.campaign = tmp_path / "cut.yaml"
        self.folder = tmp_path / "recorded"
        self.folder.mkdir()
        self._launch = launch
        self._traces = traces
        self.begin()

    def begin(self, state=None):
        """Begin a recording, with the folder as it is, or after a power cut."""
        if state is not None:
            for path in self.folder.iterdir():
                path.unlink()
            for name, content in state.files().items():
                (self.folder / name).write_bytes(content)
        self.recording = Recording(self.folder)
        self.ended_in_order = []

    def launch(self, *arguments, code=None, interval=NEVER, inject=None, **settings):
        """Run the campaign, recorded; it must end in order with a code, or (None) not in order."""
        self.campaign.write_text(CAMPAIGN.replace("INTERVAL", interval))
        trace = self._traces / f"{len(self.recording.events)}.strace"
        command = "run", self.campaign, "-o", self.folder / NAME, *arguments
        ended = self._launch(*command, under=strace(trace, inject=inject), **settings)
        assert (ended.code if ended.code in IN_ORDER else None) == code, ended.err
        self.recording.add(trace)
        self.check()
        if code is not None:
            self.ended_in_order.append(len(self.recording.events))

    def check(self):
        """Nothing has escaped the recording."""
        files = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        assert Disk(self.recording).undisturbed().files() == files


@pytest.fixture
def lab(launch, tmp_path, tmp_path_factory):
    return Lab(launch, tmp_path, tmp_path_factory.mktemp("traces"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Results of the campaign that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    campaign = folder / "cut.yaml"
    campaign.write_text(CAMPAIGN.replace("INTERVAL", NEVER))
    assert program(["run", str(campaign), "-o", str(folder / NAME)]) == 0
    return open_reader(folder / NAME)


# ---------------------------------------------------------------- what happens before the cut


def first_launch(lab):
    lab.launch(ranks=3, interval=OFTEN, code=0)


def killed_young(lab):
    """Killed before the folder was synced, then at the first checkpoint; the third reaches its end."""
    lab.launch(inject="fsync:signal=SIGKILL:when=2")
    lab.launch(inject="fsync:signal=SIGKILL:when=2")
    lab.launch(code=0)


def killed_at_work(lab):
    """The first launch is lost, the second leaves failed configs, the third tries them again."""
    lab.launch(how={"kill": ["b_t15_s2"], "fail": ["a_t10_s1"]})
    lab.launch(how={"fail": ["a_t15_s1", "b_t10_s0"]}, interval=OFTEN, code=3)
    lab.launch("--retry-failed", code=0)


def started_anew(lab):
    """A finished file is moved aside, and a new one made."""
    lab.launch(how={"fail": ["a_t10_s1"]}, code=3)
    lab.launch("--fresh", inject="fsync:signal=SIGKILL:when=5")


def second_cut(lab):
    """A launch that goes on after a power cut is hit by one itself."""
    lab.launch(code=0)
    n_events = len(lab.recording.events) - 40  # behind most rows, none of them synced
    lab.begin(Disk(lab.recording).cut(n_events, "torn", random.Random("second cut")))
    lab.launch(code=0)


def full_launch_table(lab):
    """The last entry of the launch table is used again."""
    lab.campaign.write_text(CAMPAIGN.replace("INTERVAL", NEVER))
    campaign = load_campaign(lab.campaign)
    create_results(lab.folder / NAME, campaign)
    with open_writer(lab.folder / NAME, campaign) as results:
        for number in range(N_LAUNCHES):
            results.begin_launch(ranks=1, host="h", pid=number, scheduler_id="", versions="", now=1.0)
            results.end_launch(2.0, "stopped", 0)
    lab.begin()
    lab.launch(code=0)


def all_ranks_write(lab):
    """Through parallel HDF5, in two launches; the first one leaves failed configs."""
    shared = ("--backend", "mpio")
    lab.launch(*shared, ranks=3, interval=OFTEN, how={"seconds": 0.1, "fail": ["a_t15_s1"]}, code=3)
    lab.launch(*shared, "--retry-failed", ranks=3, interval=OFTEN, code=0)


SCENARIOS = [
    first_launch,
    killed_young,
    killed_at_work,
    started_anew,
    second_cut,
    full_launch_table,
]


# ---------------------------------------------------------------- what is found after it


def simulate(lab, wanted, scratch, n_states, n_launches):
    """Cut the power in n states, and let the next launch finish in some of them."""
    seed = int(os.environ.get("POWER_CUT_SEED", random.randrange(2**32)))
    disk = Disk(lab.recording)
    inspector = Inspector(lab.recording, lab.ended_in_order, NAME, scratch)
    manners = itertools.cycle(MANNERS)
    for k, moment in enumerate(moments(lab.recording, n_states, random.Random(seed))):
        state = disk.cut(moment, next(manners), random.Random(f"{seed} {k}"))
        try:
            inspector.look(state)
            if k % (n_states // n_launches) == 0:
                inspector.finish(lab.campaign, wanted)
        except BaseException:
            print(f"seed {seed}, state {k}: {state.manner}, behind event {moment}")
            raise
    return inspector.tally


@pytest.fixture
def fast(monkeypatch):
    """Save what is slow and tells nothing here: syncing, a child per suspect, parsing the same text again."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(alone.CarefulSolver, "solve", lambda self, given: self._solver.solve(given))
    monkeypatch.setattr(reader, "parse_campaign", functools.lru_cache(reader.parse_campaign))


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_power_cut(lab, scenario, undisturbed, tmp_path_factory):
    scenario(lab)
    simulate(lab, undisturbed, tmp_path_factory.mktemp("after"), N_STATES // len(SCENARIOS), 4)


@pytest.mark.parallel_hdf5
@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    "n_states", [80, pytest.param(N_STATES_SLOW // len(SCENARIOS), marks=pytest.mark.slow)]
)
def test_power_cut_while_all_ranks_write(lab, undisturbed, tmp_path_factory, n_states, capsys):
    all_ranks_write(lab)
    audit = Audit(lab.recording, NAME, lab.campaign.parent, lab.ended_in_order)
    audit.check()
    assert len(audit.writers[0]) == 2, "both workers store rows, and rank 0 none"
    print("audit", ", ".join(f"{count} {what}" for what, count in audit.tally.items()))
    tally = simulate(lab, undisturbed, tmp_path_factory.mktemp("after"), n_states, 4)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("audit ")]
    print(*said, sep="\n")
    print("all_ranks_write", ", ".join(f"{count} {what}" for what, count in tally.items()))


@pytest.mark.parallel_hdf5
def test_a_worker_that_leaves_syncing_to_others_is_found_out(lab):
    all_ranks_write(lab)
    audit = Audit(lab.recording, NAME, lab.campaign.parent, lab.ended_in_order)
    audit.check()
    worker = min(audit.writers[0])
    for number, event in enumerate(lab.recording.events):
        if isinstance(event, Sync) and event.by == worker:
            lab.recording.events[number] = dataclasses.replace(event, by=-1)
    with pytest.raises(AssertionError, match=f"process {worker} never synced"):
        audit.check()


@pytest.mark.slow
@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_many_power_cuts(lab, scenario, undisturbed, tmp_path_factory, capsys):
    scenario(lab)
    tally = simulate(lab, undisturbed, tmp_path_factory.mktemp("after"), N_STATES_SLOW // len(SCENARIOS), 20)
    capsys.readouterr()
    print(scenario.__name__, ", ".join(f"{count} {what}" for what, count in tally.items()))


def test_a_launch_that_never_syncs_is_found_out(lab, tmp_path):
    lab.launch(inject="fsync:retval=0", code=0)
    state = Disk(lab.recording).cut(len(lab.recording.events), "nothing", random.Random(0))
    with pytest.raises(AssertionError, match="no name leads to the promised rows"):
        Inspector(lab.recording, lab.ended_in_order, NAME, tmp_path).look(state)


# ---------------------------------------------------------------- the recording

WRITERS = """\
import os, subprocess, sys, threading

here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
plain = os.open("plain", os.O_RDWR | os.O_CREAT)
os.pwrite(plain, b"0123456789" * 100, 7)
os.pwritev(plain, [b"abc", b"", b"de"], 500)
os.lseek(plain, 20, os.SEEK_SET)
os.write(plain, b"written")
again = os.dup(plain)
os.writev(again, [b"and ", b"on"])
os.ftruncate(plain, 900)
os.posix_fallocate(plain, 0, 5000)

if os.fork() == 0:  # shares the position
    os.write(plain, b"by a child")
    os._exit(0)
os.wait()
os.write(plain, b"by its parent")

child = "import os; os.write(1, b'one\\\\n'); here = os.getcwd(); os.chdir('..'); "
child += "os.rename(here + '/moved', os.path.basename(here) + '/there')"
os.close(os.open("moved", os.O_CREAT))
with open("log", "ab") as log:
    subprocess.run([sys.executable, "-c", child], stdout=log, check=True)
    log.write(b"two\\n")
    log.flush()
    thread = threading.Thread(target=lambda: os.write(log.fileno(), b"three\\n"))
    thread.start()
    thread.join()

os.link("log", "log2", src_dir_fd=here, dst_dir_fd=here)
os.unlink("log", dir_fd=here)
os.rename("plain", "renamed")
os.pwrite(plain, b"under its new name", 100)
open("emptied", "wb").close()
os.fsync(plain)
os.fsync(here)
"""


def test_a_recording_misses_nothing_that_several_processes_do(lab, tmp_path):
    (lab.folder / "emptied").write_bytes(b"something")
    lab.begin()
    trace = tmp_path / "writers.strace"
    subprocess.run([*strace(trace), sys.executable, "-c", WRITERS], cwd=lab.folder, check=True, timeout=60)
    lab.recording.add(trace)
    lab.check()
    assert sorted(path.name for path in lab.folder.iterdir()) == ["emptied", "log2", "renamed", "there"]
    assert [type(event) for event in lab.recording.events[-2:]] == [Sync, SyncNames]


# ---------------------------------------------------------------- the disk


def seen(recording, n_events):
    """All contents by name that power cuts behind n events leave, in 300 trials."""
    disk = Disk(recording)
    trials = itertools.product(MANNERS, range(300 // len(MANNERS)))
    states = [disk.cut(n_events, manner, random.Random(f"{manner} {k}")) for manner, k in trials]
    return {tuple(sorted(state.files().items())) for state in states}


@pytest.fixture
def recording(tmp_path):
    """A disk with one durable file of two sectors."""
    (tmp_path / "a").write_bytes(b"-" * 2 * SECTOR)
    return Recording(tmp_path)


def test_a_write_may_be_torn_between_sectors_until_its_file_is_synced(recording):
    old, new = b"-" * SECTOR, b"+" * SECTOR
    recording.note(Write(0, 0, new + new))
    wanted = {(("a", first + second),) for first in (old, new) for second in (old, new)}
    assert seen(recording, 1) == wanted
    recording.note(Sync(0, covers=0))  # it began before the write
    assert seen(recording, 2) == wanted
    recording.note(Sync(0, covers=1))
    assert seen(recording, 3) == {(("a", new + new),)}


def test_a_longer_file_may_lack_its_new_bytes_or_its_new_size(recording):
    old = b"-" * 2 * SECTOR
    recording.note(Write(0, 2 * SECTOR, b"+" * 5))
    assert seen(recording, 1) == {(("a", old),), (("a", old + bytes(5)),), (("a", old + b"+" * 5),)}
    recording.note(Resize(0, SECTOR))
    assert (("a", b"-" * SECTOR),) in seen(recording, 2)


def test_names_reach_the_disk_in_order_and_without_their_bytes(recording):
    new = recording.new_file()
    recording.note(Rename({"b": new}))
    recording.note(Write(new, 0, b"new"))
    recording.note(Rename({"b": None, "a": new}))
    old = ("a", b"-" * 2 * SECTOR)
    contents = (b"", b"\0\0\0", b"new")
    replaced = {(("a", content),) for content in contents}
    assert seen(recording, 3) == {(old,)} | {(old, ("b", content)) for content in contents} | replaced
    recording.note(SyncNames(covers=3))
    assert seen(recording, 4) == replaced
