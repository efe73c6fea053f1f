"""Disks that fail: one message, no rank left, a valid file, and the next launch goes on to the same results.

Faults of single system calls are injected by strace; whole disks that fill, turn read-only, die or forget
what they were told are real ext4 file systems in loop mounts, for which the tests must run as root.
"""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mpi_layout import cli
from mpi_layout.__main__ import main as program
from mpi_layout.campaign import load_campaign
from mpi_layout.compare.diff import diff
from mpi_layout.results.file import create_results, open_reader, open_writer
from mpi_layout.results.storage.disk import DiskError
from mpi_layout.results.verify import verify

N_CONFIGS = 4
LIMIT_S = 60.0
SLOWLY = {"seconds": 0.2}
MESSAGE = re.compile(r"^mpi-layout: (?:error|bug): .*$", re.MULTILINE)


@pytest.fixture(scope="module")
def campaign_text(small_campaign_text):
    """Four configs: what the disk does matters here, not how many there are."""
    return small_campaign_text.replace("count: 3", "count: 1")


@pytest.fixture(scope="module")
def straight(tmp_path_factory, campaign_text):
    """Results of an undisturbed run."""
    folder = tmp_path_factory.mktemp("straight")
    (folder / "small.yaml").write_text(campaign_text)
    assert cli.main(["run", str(folder / "small.yaml"), "-o", str(folder / "small.h5")]) == 0
    return open_reader(folder / "small.h5")


@pytest.fixture
def path(tmp_path, campaign_text):
    """The results file of a campaign that lies beside it."""
    (tmp_path / "small.yaml").write_text(campaign_text)
    return tmp_path / "small.h5"


def strace(path, *faults):
    """Command that lets system calls fail that have to do with a path."""
    assert shutil.which("strace"), "these tests need strace (Debian package strace)"
    calls = ",".join(sorted({fault.partition(":")[0] for fault in faults}))
    injected = [part for fault in faults for part in ("-e", f"inject={fault}")]
    command = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-P", str(path)]
    return [*command, "-e", f"trace={calls}", *injected]


def told(ended):
    """The one message of a launch that failed."""
    assert "Traceback" not in ended.err, ended.err
    messages = MESSAGE.findall(ended.err)
    assert len(messages) == 1, ended.err
    return messages[0]


def check_valid(path):
    """A file is there as a whole and without a fault, or not at all."""
    if path.exists():
        assert list(verify(open_reader(path))) == []
    assert not path.with_name(f".{path.name}.creating").exists()


def check_resumes(path, straight):
    """The same command goes on, to the same results."""
    assert cli.main(["run", str(straight.path.with_suffix(".yaml")), "-o", str(path)]) == 0
    results = open_reader(path)
    assert diff(results, straight).equal
    assert list(verify(results)) == []


# ---------------------------------------------------------------- faults of single calls

CREATING = ".small.h5.creating"
FAULTS = {
    "no room for the lock": ("small.h5.lock", "openat:error=ENOSPC", 2, "cannot be locked.*disk is full"),
    "locking": ("small.h5.lock", "flock:error=EIO", 2, "cannot be locked.*the disk failed"),
    "size": (CREATING, "ftruncate:error=EIO", 2, "cannot be created: the disk failed"),
    "structure": (CREATING, "pwrite64:error=ENOSPC:when=3+", 2, "the disk is full: the results file needs"),
    "structure once": (CREATING, "pwrite64:error=EIO:when=2", 2, "cannot be created: the disk failed"),
    "structure read back": (CREATING, "read:error=EIO", 2, "cannot be created: the disk failed"),
    "reserving": (CREATING, "fallocate:error=EDQUOT", 2, "the quota is used up: the results file needs"),
    "first rows": (CREATING, "pwrite64:error=EIO:when=20", 2, "cannot be created: the disk failed"),
    "first fsync": (CREATING, "fsync:error=EIO", 2, "cannot be created: the disk failed"),
    "name": (CREATING, "linkat:error=EIO", 2, "cannot be created: the disk failed"),
    "folder": ("", "fsync:error=EIO", 2, "cannot be created: the disk failed"),
    "launch entry": ("small.h5", "pwrite64:error=ENOSPC:when=5+", 1, "full .* while writing column launch_"),
    "a row": ("small.h5", "pwrite64:error=EIO:when=60", 1, "the disk failed .* while writing column"),
    "status": ("small.h5", "pwrite64:error=EDQUOT:when=49+", 1, "quota is used up .* while writing column"),
    "checkpoint": ("small.h5", "fsync:error=EIO:when=1", 1, "the disk failed .* while making a checkpoint"),
    "last fsync": ("small.h5", "fsync:error=EIO:when=3", 1, "the disk failed .* while making a checkpoint"),
    "reading": ("small.h5", "read:error=EIO:when=2", 1, "the disk failed .* while reading the structure"),
    "both maps": ("small.h5", "pread64:error=EIO", 1, "the disk failed .* while reading the structure"),
    "closing": ("small.h5", "close:error=EIO:when=LAST", 1, "the disk failed .* while closing the file"),
}


QUICK = {"structure", "first fsync", "folder", "launch entry", "a row", "checkpoint", "closing"}


def n_calls(launch, path, call):
    """How often an undisturbed launch makes a system call that has to do with its results file."""
    record = path.with_name("calls")
    command = ["strace", "-f", "-qq", "-o", str(record), "-P", str(path), "-e", f"trace={call}"]
    assert launch("run", "small.yaml", "-o", path, under=command).code == 0
    path.unlink()
    return len(re.findall(rf"\b{call}\(", record.read_text()))


@pytest.mark.parametrize(
    "fault", [fault if fault in QUICK else pytest.param(fault, marks=pytest.mark.slow) for fault in FAULTS]
)
def test_a_call_that_fails(launch, path, straight, fault):
    name, call, code, message = FAULTS[fault]
    if "LAST" in call:
        call = call.replace("LAST", str(n_calls(launch, path, call.partition(":")[0])))
    ended = launch("run", "small.yaml", "-o", path, under=strace(path.parent / name, call))
    assert ended.code == code, ended.err
    assert re.search(message, told(ended)), ended.err
    assert str(path) in told(ended)
    assert path.exists() == (code == 1)
    check_valid(path)
    check_resumes(path, straight)


@pytest.mark.parametrize("fault", ["structure", "a row", "checkpoint"])
def test_a_call_that_fails_ends_all_ranks(start, path, straight, fault, wait_until):
    name, call, code, message = FAULTS[fault]
    under = strace(path.parent / name, call)
    running = start("run", "small.yaml", "-o", path, ranks=3, how=SLOWLY, under=under)
    wait_until(lambda: len(running.descendants()) > 3 or running.process.poll() is not None)
    pids = running.descendants()
    ended = running.wait(LIMIT_S)
    assert ended.code == code, ended.err
    assert re.search(message, told(ended)), ended.err
    wait_until(lambda: not any(alive(pid) for pid in pids))
    check_valid(path)
    check_resumes(path, straight)


def alive(pid):
    """Whether a process runs; one that nobody waited for has no command line any more."""
    with contextlib.suppress(OSError):
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    return False


@pytest.mark.parametrize(
    ("name", "call"), [("small.h5.lock", "pwrite64:error=ENOSPC"), ("small.h5.lock", "unlink:error=EIO")]
)
def test_what_a_launch_can_do_without(launch, path, straight, name, call):
    ended = launch("run", "small.yaml", "-o", path, under=strace(path.parent / name, call))
    assert ended.code == 0, ended.err
    assert diff(open_reader(path), straight).equal
    check_resumes(path, straight)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_write_fails(path, straight, monkeypatch, capsys):
    """The n-th write fails, once or from there on, until there is no n-th one; n rises by DISK_FAULT_STEP."""
    step = int(os.environ.get("DISK_FAULT_STEP", "5"))  # 1 takes ten minutes; 5 meets all kinds of faults
    kinds = [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS]
    written, codes = os.pwrite, []
    while not codes or codes[-1] != 0:
        number, calls = 1 + step * len(codes), []

        def fail(descriptor, raw, offset, number=number, calls=calls):
            calls.append(offset)
            if len(calls) == number or (len(calls) > number and number % 3):
                raise OSError(kinds[number % 4], "injected")
            return written(descriptor, raw, offset)

        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", fail)
            codes.append(program(["run", str(straight.path.with_suffix(".yaml")), "-o", str(path)]))
        messages = MESSAGE.findall(capsys.readouterr().err)
        # The first write is into the lock file, which says only who holds it.
        if number == 1 and codes[-1] == 0:
            codes[-1] = None
        elif codes[-1] != 0:
            assert len(messages) == 1
            assert str(path) in messages[0]
        assert path.exists() == (codes[-1] != 2), number
        check_valid(path)
        check_resumes(path, straight)
        path.unlink()
    assert codes.count(2) > 25 // step
    assert codes.count(1) > 100 // step
    assert codes == sorted(codes, key=[None, 2, 1, 0].index)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "call", "step"),
    [
        (CREATING, "pwrite64", 1),  # of the structure: one by HDF5, the others are copies
        (CREATING, "read", 1),
        (CREATING, "openat", 1),
        (CREATING, "close", 1),
        ("small.h5", "fsync", 1),
        ("small.h5", "read", 1),
        ("small.h5", "pread64", 23),
        ("small.h5", "openat", 1),
        ("small.h5", "close", 1),
    ],
)
def test_every_call_fails(launch, path, straight, name, call, step):
    """The n-th call fails, until three in a row have not mattered; but of the writes, only the first ten."""
    codes = []
    while codes[-3:] != [0, 0, 0] and not (call == "pwrite64" and len(codes) == 10):
        fault = f"{call}:error=EIO:when={1 + step * len(codes)}"
        ended = launch("run", "small.yaml", "-o", path, under=strace(path.with_name(name), fault))
        codes.append(ended.code)
        if ended.code != 0:  # HDF5 and Python can do without some calls
            assert ended.code == (2 if name == CREATING else 1), (fault, ended.err)
            assert str(path) in told(ended), fault
        check_valid(path)
        check_resumes(path, straight)
        path.unlink()
    assert any(codes)


# ---------------------------------------------------------------- what must not be believed


@pytest.fixture
def writer(path):
    """A results file open for writing."""
    campaign = load_campaign(path.with_suffix(".yaml"))
    create_results(path, campaign)
    with open_writer(path, campaign) as results:
        yield results


def refuse(number):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    return refuse


def test_a_failed_fsync_is_never_taken_back(writer, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse(errno.EIO))
        with pytest.raises(DiskError, match="before the last checkpoint is safe"):
            writer.checkpoint()
    with pytest.raises(DiskError, match="the disk failed"):  # though the next fsync would succeed
        writer.checkpoint()


def test_after_a_failed_fsync_no_end_is_noted(launch, path):
    ended = launch("run", "small.yaml", "-o", path, under=strace(path, "fsync:error=EIO:when=1"))
    assert ended.code == 1
    assert [entry.ended for entry in open_reader(path).launches] == [None]


def test_a_write_of_nothing_is_an_error(writer, monkeypatch):
    monkeypatch.setattr(os, "pwrite", lambda *arguments: 0)
    with pytest.raises(DiskError, match="while writing column attempts"):
        writer.record_attempt(0, 1)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_file_that_may_not_be_written_is_wrong_input(path, monkeypatch, capsys, number):
    assert cli.main(["run", str(path.with_suffix(".yaml")), "-o", str(path)]) == 0
    opened = os.open

    def deny(name, flags, *arguments, **options):
        if str(name) == str(path) and flags & os.O_RDWR:
            raise OSError(number, os.strerror(number))
        return opened(name, flags, *arguments, **options)

    monkeypatch.setattr(os, "open", deny)
    assert program(["run", str(path.with_suffix(".yaml")), "-o", str(path)]) == 2
    assert "not writable" in capsys.readouterr().err


def test_the_first_error_is_told(path, monkeypatch, capsys):
    """The disk fails again, and otherwise, when the launch is closed."""
    written, calls = os.pwrite, []

    def fail(descriptor, raw, offset):
        calls.append(offset)
        if len(calls) > 160:
            monkeypatch.setattr(os, "fsync", refuse(errno.ENOSPC))
            monkeypatch.setattr(os, "close", refuse(errno.EDQUOT))
            raise OSError(errno.EIO, "injected")
        return written(descriptor, raw, offset)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", fail)
        assert program(["run", str(path.with_suffix(".yaml")), "-o", str(path)]) == 1
    monkeypatch.undo()
    messages = MESSAGE.findall(capsys.readouterr().err)
    assert len(messages) == 1
    assert "the disk failed" in messages[0]


def test_an_unreadable_folder_is_not_an_empty_one(path, monkeypatch, capsys):
    assert cli.main(["run", str(path.with_suffix(".yaml")), "-o", str(path)]) == 0
    before = path.read_bytes()
    monkeypatch.setattr(os, "lstat", refuse(errno.EIO))
    assert program(["run", str(path.with_suffix(".yaml")), "-o", str(path)]) == 1
    assert "the disk failed" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize("change", ["folder removed", "file removed", "file renamed"])
def test_a_file_that_vanishes_ends_the_launch(start, tmp_path, path, wait_until, change):
    folder = tmp_path / "folder"
    folder.mkdir()
    target = folder / path.name
    running = start("run", "small.yaml", "-o", target, how=SLOWLY)
    wait_until(lambda: target.exists() and open_reader(target).done.any())
    if change == "folder removed":
        shutil.rmtree(folder)
    elif change == "file removed":
        target.unlink()
    else:
        target.rename(folder / "other.h5")
    ended = running.wait()
    assert ended.code == 1, ended.err
    assert "the file or its folder is gone" in told(ended)
    check_valid(folder / "other.h5")


# ---------------------------------------------------------------- real disks


class Disk:
    """An ext4 file system of some MB in a loop mount, which can be let fail."""

    def __init__(self, tmp_path):
        self.image, self.folder = tmp_path / "disk.img", tmp_path / "disk"
        self.folder.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(6_000_000)
        self._call("mkfs.ext4", "-q", self.image)

    @staticmethod
    def _call(*command):
        subprocess.run(command, check=True, timeout=LIMIT_S)

    @property
    def device(self):
        """The loop device; None if nothing is mounted."""
        mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
        return next((Path(device) for device, folder, *_ in mounts if folder == str(self.folder)), None)

    def mount(self):
        self._call("mount", "-o", "loop,errors=remount-ro", self.image, self.folder)

    def unmount(self):
        """Unmount; a rank that was just killed may still be on its way out."""
        end = time.monotonic() + LIMIT_S
        while self.device:
            done = subprocess.run(["umount", self.folder], capture_output=True, text=True)
            if done.returncode and time.monotonic() > end:
                self._call("umount", "--lazy", self.folder)
                pytest.fail(f"cannot be unmounted in {LIMIT_S} s: {done.stderr}")
            time.sleep(0.1 if done.returncode else 0)

    def fill(self):
        """Leave no byte free."""
        with open(self.folder / "ballast", "wb", buffering=0) as file:
            for size in (2**16, 2**10, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size):
                        pass
        assert os.statvfs(self.folder).f_bavail == 0

    def make_read_only(self):
        """Find an error, as it were: the file system then allows no more writing."""
        Path("/sys/fs/ext4", self.device.name, "trigger_fs_error").write_text("1\n")

    def die(self):
        """Cut the disk off; what it has not been made to write is lost, as in a power cut."""
        ext4_ioc_shutdown, nologflush = 0x8004587D, 2
        descriptor = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(descriptor, ext4_ioc_shutdown, struct.pack("I", nologflush))
        os.close(descriptor)

    def lose(self, path):
        """Let the disk fail from the first block of a file on."""
        fibmap, figetbsz = 1, 2
        with open(path, "rb") as file:
            size = struct.unpack("i", fcntl.ioctl(file, figetbsz, bytes(4)))[0]
            numbers = [struct.pack("i", k) for k in range(path.stat().st_size // size)]
            blocks = [struct.unpack("i", fcntl.ioctl(file, fibmap, number))[0] for number in numbers]
        mapped = [block for block in blocks if block > 0]  # 0: a gap that was never written
        assert mapped, f"{path}: no block has a place on the disk yet"
        self._limit(min(mapped) * size)

    def mend(self):
        """Let the disk work again."""
        self._limit(0)

    def _limit(self, n_bytes):
        loop_set_status64, loop_get_status64, lo_sizelimit = 0x4C04, 0x4C05, 32
        with open(self.device, "rb") as loop:
            info = bytearray(232)
            fcntl.ioctl(loop, loop_get_status64, info)
            struct.pack_into("Q", info, lo_sizelimit, n_bytes)
            fcntl.ioctl(loop, loop_set_status64, info)


@pytest.fixture
def disk(tmp_path):
    """A mounted disk; at the end nothing stays mounted."""
    if os.geteuid() != 0:
        pytest.skip("needs root: mounts file systems")
    disk = Disk(tmp_path)
    try:
        disk.mount()
        yield disk
    finally:
        disk.unmount()


def test_a_full_disk_is_refused_before_anything_is_computed(disk, launch, path, straight):
    disk.fill()
    target = disk.folder / "small.h5"
    ended = launch("run", "small.yaml", "-o", target)
    assert ended.code == 2
    assert "MB are free" in told(ended)
    assert list(disk.folder.glob("*small*")) == []
    (disk.folder / "ballast").unlink()
    check_resumes(target, straight)


def test_a_disk_that_fills_later_does_not_matter(disk, launch, path, straight):
    """All space was reserved, and the lock needs none."""
    target = disk.folder / "small.h5"
    assert launch("run", "small.yaml", "-o", target, "--only", "a_t10_s0").code == 0
    disk.fill()
    ended = launch("run", "small.yaml", "-o", target, ranks=3)
    assert ended.code == 0, ended.err
    assert diff(open_reader(target), straight).equal


@pytest.mark.parametrize(
    ("fail", "ranks"),
    [
        (Disk.make_read_only, 1),
        (Disk.die, 3),
        pytest.param(Disk.make_read_only, 3, marks=pytest.mark.slow),
        pytest.param(Disk.die, 1, marks=pytest.mark.slow),
    ],
)
def test_a_disk_dies_and_comes_back(disk, start, path, straight, wait_until, ranks, fail):
    target = disk.folder / "small.h5"
    running = start("run", "small.yaml", "-o", target, ranks=ranks, how={"seconds": 0.5})
    wait_until(lambda: target.exists() and open_reader(target).done.any())
    pids = running.descendants()
    fail(disk)
    ended = running.wait()
    assert ended.code == 1, ended.err
    assert re.search(r"small\.h5: (the disk failed|the file system is read-only) .* while", told(ended))
    wait_until(lambda: not any(alive(pid) for pid in pids))
    disk.unmount()
    disk.mount()
    check_valid(target)
    assert not open_reader(target).done.all()
    check_resumes(target, straight)


def test_what_never_reached_the_disk_is_not_believed(disk, start, launch, path, straight, wait_until):
    """After a failed fsync the kernel shows data that are not on the disk, and calls the next a success."""
    target, key = disk.folder / "small.h5", straight.keys[0]
    # No checkpoint between the moment in which the disk fails and the row.
    campaign = path.with_name("small.yaml")
    campaign.write_text(campaign.read_text().replace("interval_s: 0.2", "interval_s: 1000"))
    running = start("run", "small.yaml", "-o", target, "--only", key, how={"seconds": 2.0})
    wait_until(lambda: target.exists() and open_reader(target).rows["attempts"][0] == 1)
    disk.lose(target)
    ended = running.wait()
    disk.mend()
    assert ended.code == 1, ended.err
    assert "the disk failed (Input/output error) while making a checkpoint" in told(ended)
    check_valid(target)
    assert open_reader(target).done.any()  # so it seems
    assert launch("run", "small.yaml", "-o", target, "--only", key).code == 0
    disk.unmount()
    disk.mount()
    assert open_reader(target).done[0]
    check_resumes(target, straight)


# ---------------------------------------------------------------- file systems without locks

NO_LOCKS = "flock:error=ENOLCK"


@pytest.mark.parametrize("ranks", [1, 3])
def test_without_locks_a_launch_wants_to_be_told(launch, path, straight, ranks):
    under = strace(path.with_name("small.h5.lock"), NO_LOCKS)
    ended = launch("run", "small.yaml", "-o", path, ranks=ranks, under=under)
    assert ended.code == 2, ended.err
    assert "this file system has no locks" in told(ended)
    assert "--no-lock" in told(ended)
    assert [p.name for p in path.parent.glob("*small*")] == ["small.yaml"]
    ended = launch("run", "small.yaml", "-o", path, "--no-lock", ranks=ranks, under=under)
    assert ended.code == 0, ended.err
    assert "take care that no second launch writes this file" in ended.err
    assert diff(open_reader(path), straight).equal


def test_without_locks_a_launch_that_lives_is_seen(start, launch, path, wait_until):
    under = strace(path.with_name("small.h5.lock"), NO_LOCKS)
    job = {"SLURM_JOB_ID": "4711"}
    first = start("run", "small.yaml", "-o", path, "--no-lock", how={"seconds": 60}, environ=job, under=under)
    wait_until(lambda: path.exists() and open_reader(path).launches)
    number = open_reader(path).launches[0].pid
    ended = launch("run", "small.yaml", "-o", path, "--no-lock", under=under)
    assert ended.code == 2
    for part in (f"process {number}", "last heartbeat", "job 4711", "silence of 60 s"):
        assert part in told(ended)
    first.kill_all()
    first.wait()


def test_the_holder_of_a_lock_is_named(start, launch, path, wait_until):
    job = {"SLURM_JOB_ID": "4711"}
    first = start("run", "small.yaml", "-o", path, how={"seconds": 60}, environ=job)
    wait_until(lambda: path.exists() and open_reader(path).launches)
    ended = launch("run", "small.yaml", "-o", path)
    assert ended.code == 2
    number = open_reader(path).launches[0].pid
    for part in (f"process {number}", "started", "last heartbeat", "job 4711"):
        assert part in told(ended)
    first.kill_all()
    first.wait()


# ---------------------------------------------------------------- standard streams


def to(redirection):
    """Command that starts another one with its streams redirected."""
    return ["sh", "-c", f'exec "$0" "$@" {redirection}']


@pytest.mark.parametrize("redirection", ["2>/dev/full", "0<&- 1>&- 2>&-"])
def test_a_launch_needs_no_standard_streams(launch, path, straight, redirection):
    assert launch("run", "small.yaml", under=to(redirection)).code == 0
    assert diff(open_reader(path), straight).equal


def test_a_launcher_that_cannot_speak_costs_no_results(start, path, straight, wait_until):
    """MPICH's mpiexec ends everything when it cannot pass on what the ranks say."""
    running = start("run", "small.yaml", ranks=3, how=SLOWLY, under=to("2>/dev/full"))
    wait_until(lambda: len(running.descendants()) > 3 or running.process.poll() is not None)
    pids = running.descendants()
    running.wait()
    wait_until(lambda: not any(alive(pid) for pid in pids))
    check_valid(path)
    check_resumes(path, straight)


def test_the_reader_of_standard_error_may_leave(start, path, straight):
    running = start("run", "small.yaml", how=SLOWLY)
    running.process.stderr.close()
    running.process.stderr = None
    assert running.wait().code == 0
    assert diff(open_reader(path), straight).equal


def test_the_terminal_may_go(path, straight, monkeypatch):
    class Gone:
        encoding = "utf-8"
        written = 0

        def isatty(self):
            return True

        def write(self, text):
            Gone.written += 1
            raise OSError(errno.EIO, "Input/output error")

        flush = fileno = lambda self: self.write("")

    monkeypatch.setattr(sys, "stderr", Gone())
    assert program(["run", str(path.with_suffix(".yaml")), "-o", str(path)]) == 0
    assert Gone.written > 5
    assert diff(open_reader(path), straight).equal


def test_wrong_input_without_standard_error_is_code_2(launch, path):
    assert launch("run", "nowhere.yaml", under=to("2>/dev/full")).code == 2


def test_an_answer_that_cannot_be_written_is_code_1(launch, path, straight):
    ended = launch("status", straight.path, under=to("1>/dev/full"))
    assert ended.code == 1
    assert "No space left on device" in told(ended)
