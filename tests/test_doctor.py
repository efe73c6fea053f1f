"""The doctor: what it finds, what it makes of it, that it neither hangs nor leaves anything behind."""

import json
import math
import os
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path

import mpi_launcher
import pytest
from other_user import as_nobody

from mpi_layout import cli, memory
from mpi_layout.campaign import load_campaign
from mpi_layout.doctor import child, folder, installation, machine, mpi, probes, trial
from mpi_layout.doctor.child import Ended, ask_child, run_child
from mpi_layout.doctor.finding import Verdict
from mpi_layout.doctor.mpi import Launcher, Mpi, launchers
from mpi_layout.doctor.trial import Trial
from mpi_layout.parallel.launcher import Family
from mpi_layout.results.create import create_results

OK, HINT, PROBLEM = Verdict.OK, Verdict.HINT, Verdict.PROBLEM
HEALTHY = {
    "type": "ext4",
    "mounted_at": "/",
    "options": "rw",
    "free_bytes": 10**11,
    "free_files": 10**6,
    "writable": True,
    "locks": "work",
    "fsync_s": 0.01,
    "fsync_error": None,
    "clock_ahead_s": 0.0,
}


@pytest.fixture
def script(tmp_path):
    """Make an executable shell script of some name."""

    def script(name, text, folder=tmp_path / "bin"):
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return script


def by_name(findings):
    return {finding.what: finding for finding in findings}


# ---------------------------------------------------------------- the whole of it


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """Answer of `doctor --json` where all is well, what it left behind, and its exit code."""
    where = tmp_path_factory.mktemp("healthy")
    variables = mpi_launcher.clean_environment()
    variables["PATH"] = os.pathsep.join([os.path.dirname(mpi_launcher.mpiexec()[0]), variables["PATH"]])
    command = [sys.executable, "-P", "-m", "mpi_layout", "doctor", str(where), "--json"]
    ended = run_child(command, seconds=280, environ=variables)
    return json.loads(ended.out), list(where.iterdir()), ended.code


def test_where_all_is_well_two_ranks_solve_what_one_process_does(healthy):
    answer, left, code = healthy
    found = {finding["what"]: finding for finding in answer["findings"]}
    problems = [finding for finding in answer["findings"] if finding["verdict"] == "problem"]
    assert (code, answer["usable"], problems) == (0, True, [])
    assert left == []
    for what in ("one process", "verify", "2 ranks", "same results"):
        assert what in found
    assert found["Python"]["facts"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert found["cores"]["facts"]["usable"] <= len(os.sched_getaffinity(0))
    assert found["wake kernel"]["facts"]["instruction_set"] in ("generic", "avx2", "avx512")


def test_the_library_is_the_one_that_mpi4py_says(healthy):
    import mpi4py

    answer, _, _ = healthy
    facts = next(finding["facts"] for finding in answer["findings"] if finding["what"] == "library")
    assert facts["mpi4py"] == mpi4py.__version__
    assert facts["family"] == ("OPEN_MPI" if mpi_launcher.is_open_mpi() else "MPICH")


@pytest.fixture
def folder_alone(monkeypatch):
    """Let the doctor look at nothing but machine and folder."""
    monkeypatch.setattr("mpi_layout.doctor.Trial.findings", lambda self: iter(()))
    monkeypatch.setattr("mpi_layout.doctor.Mpi.findings", lambda self: iter(()))
    monkeypatch.setattr("mpi_layout.doctor.installation.findings", lambda: iter(()))


def test_a_bug_report_has_no_secrets(tmp_path, monkeypatch, capsys, folder_alone):
    monkeypatch.setenv("WIND_API_TOKEN", "hunter2-is-secret")
    cli.main(["doctor", str(tmp_path), "--json"])
    text = capsys.readouterr().out
    assert json.loads(text)["findings"]
    assert "hunter2" not in text


def test_people_get_advice_for_what_is_wrong(tmp_path, capsys, folder_alone):
    assert cli.main(["doctor", str(tmp_path / "no"), "--ranks", "1"]) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert f"problem folder {tmp_path / 'no'}: No such file" in text
    assert "mpi-layout doctor FOLDER" in text
    assert "A launch would fail here: 1 problem" in text


# ---------------------------------------------------------------- processes that misbehave


def test_a_child_that_hangs_is_stopped_with_its_children(script, tmp_path, nobody_left):
    pids = tmp_path / "pids"
    path = script("hangs", f"trap '' TERM\necho $$ >>{pids}\nsleep 1000 & echo $! >>{pids}\nwait\nsleep 1000")
    before = child.END_S
    child.END_S = 0.5
    try:
        ended = run_child([str(path)], seconds=1)
    finally:
        child.END_S = before
    assert ended.code is None
    assert "no end in time" in ended.reason
    numbers = [int(line) for line in pids.read_text().split()]
    assert len(numbers) == 2
    end = time.monotonic() + 60
    while not nobody_left(numbers) and time.monotonic() < end:
        time.sleep(0.05)
    assert nobody_left(numbers)


def test_a_child_is_no_rank_of_a_launch_around_it(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "4")
    assert run_child(["sh", "-c", "echo ${PMI_SIZE:-none}"]).out == "none\n"


def test_how_a_child_ended_is_said_in_words():
    assert run_child(["sh", "-c", "kill -SEGV $$"]).reason == "it died of SIGSEGV"
    assert run_child(["sh", "-c", "echo one >&2; echo two >&2; exit 3"]).reason == "exit code 3: two"
    assert "No such file" in run_child(["/no/such/program"]).reason


def test_a_probe_that_crashes_is_an_answer(monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "nonsense")  # Python refuses to start
    answer = ask_child("libraries")
    assert isinstance(answer, Ended)
    monkeypatch.setattr(installation, "ask_child", lambda *_: answer)
    found = by_name(installation.findings())["packages"]
    assert found.verdict is PROBLEM
    assert "exit code 1" in found.found


def test_ctrl_c_leaves_no_folder_behind(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        assert list(tmp_path.glob(".mpi-layout-doctor-*/campaign.yaml"))
        raise KeyboardInterrupt

    monkeypatch.setattr(trial, "run_child", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(Trial(tmp_path, None, 1).findings())
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_a_job_is_like_ctrl_c(monkeypatch):
    def examine(*_):
        signal.raise_signal(signal.SIGTERM)
        yield

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("mpi_layout.doctor.examine", examine)
    with pytest.raises(KeyboardInterrupt):
        cli.main(["doctor"])
    assert signal.getsignal(signal.SIGTERM) is before


# ---------------------------------------------------------------- MPI


MPICH = "HYDRA build details:\n    Version:                                 4.0.2\n"
OPEN_MPI_4 = "mpiexec (OpenRTE) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/"
OPEN_MPI_5 = "mpiexec (Open MPI) 5.0.11\n\nReport bugs to https://www.open-mpi.org/community/help/"
INTEL = "Intel(R) MPI Library for Linux* OS, Version 2021.19 Build 20260601 (id: 1)\nCopyright 2003-2026"
PRRTE = "prterun (PRRTE) 3.0.13"


@pytest.mark.parametrize(
    ("said", "name", "family"),
    [
        (MPICH, "MPICH 4.0.2", Family.MPICH),
        (OPEN_MPI_4, "Open MPI 4.1.4", Family.OPEN_MPI),
        (OPEN_MPI_5, "Open MPI 5.0.11", Family.OPEN_MPI),
        (INTEL, "Intel MPI 2021.19", Family.MPICH),
        (PRRTE, "PRRTE 3.0.13", Family.OPEN_MPI),
        ("something else 1.0", "unknown", None),
    ],
)
def test_launchers_are_known_by_what_they_say(script, said, name, family, monkeypatch):
    path = script("mpiexec", f"cat <<'END'\n{said}\nEND")
    monkeypatch.setattr(sys, "executable", str(path.parent / "python"))
    assert launchers({"PATH": str(path.parent)}) == [Launcher(str(path), name, family, (str(path),))]


def test_a_launcher_that_hangs_or_fails_is_one_that_is_not_known(script, monkeypatch):
    path = script("mpiexec", "echo cannot find libfoo.so >&2; exit 127")
    monkeypatch.setattr(sys, "executable", str(path.parent / "python"))
    (found,) = launchers({"PATH": str(path.parent)})
    assert found.family is None
    assert "libfoo.so" in found.name


MPICH_LIBRARY = {"mpi4py": "4.1.2", "library": "MPICH 5.0.2", "family": "MPICH", "path": "/lib/libmpi.so.12"}


@pytest.fixture
def examined(monkeypatch, tmp_path):
    """Findings about MPI with such a library and such launchers on the PATH."""

    def examined(library, on_path, *, beside=None, needed=True):
        folders = {"path": tmp_path / "path", "beside": tmp_path / "beside"}
        for where, text in (("path", on_path), ("beside", beside)):
            folders[where].mkdir()
            if text:
                file = folders[where] / "mpiexec"
                file.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
                file.chmod(0o755)
        monkeypatch.setattr(mpi, "ask_child", lambda *_: library)
        monkeypatch.setattr(sys, "executable", str(folders["beside"] / "python"))
        monkeypatch.setenv("PATH", f"{folders['path']}:/usr/bin:/bin")
        monkeypatch.setattr(mpi, "launchers", lambda: launchers({"PATH": str(folders["path"])}))
        asked = Mpi(needed=needed)
        return asked, by_name(asked.findings()), folders

    return examined


def test_launcher_and_library_that_fit(examined):
    asked, found, folders = examined(MPICH_LIBRARY, MPICH)
    assert found["library"].verdict is found["launcher"].verdict is OK
    assert asked.launcher.command == (str(folders["path"] / "mpiexec"),)


def test_the_launcher_of_another_mpi_is_a_problem(examined):
    asked, found, _ = examined(MPICH_LIBRARY, OPEN_MPI_5)
    assert found["launcher"].verdict is PROBLEM
    assert "Open MPI 5.0.11" in found["launcher"].found
    assert "MPICH 5.0.2" in found["launcher"].found
    assert "pip install mpich" in found["launcher"].advice
    assert asked.launcher is None


def test_the_one_that_fits_is_taken_though_another_comes_first(examined):
    asked, found, folders = examined(MPICH_LIBRARY, OPEN_MPI_5, beside=MPICH)
    assert found["launcher"].verdict is HINT
    assert str(folders["beside"] / "mpiexec") in found["launcher"].advice
    assert asked.launcher.path == str(folders["beside"] / "mpiexec")


def test_the_one_of_the_librarys_version_is_taken_though_one_of_its_family_comes_first(examined):
    asked, found, folders = examined(MPICH_LIBRARY, MPICH, beside=MPICH.replace("4.0.2", "5.0.2"))
    assert found["launcher"].verdict is HINT
    assert "MPICH 4.0.2" in found["launcher"].found
    assert asked.launcher.path == str(folders["beside"] / "mpiexec")


def test_launchers_alone_start_nothing(examined):
    _, found, _ = examined({"mpi4py": None}, OPEN_MPI_5)
    assert "of no use" in found["launcher"].found


def test_without_mpi4py_one_process_computes(examined):
    _, found, _ = examined({"mpi4py": None}, None)
    assert found["library"].verdict is HINT
    assert "mpi-layout[mpi]" in found["library"].advice


@pytest.mark.parametrize(("needed", "verdict"), [(True, PROBLEM), (False, HINT)])
def test_a_library_that_cannot_be_loaded_matters_to_ranks_alone(examined, needed, verdict):
    library = {"mpi4py": "4.1.2", "error": "cannot load MPI library"}
    _, found, _ = examined(library, MPICH, needed=needed)
    assert found["library"].verdict is verdict
    assert "cannot load MPI library" in found["library"].found


def test_without_any_launcher(examined):
    _, found, _ = examined(MPICH_LIBRARY, None)
    assert found["launcher"].verdict in (PROBLEM, HINT)  # a machine with srun needs none
    assert "no mpiexec" in found["launcher"].found


def test_in_a_job_of_slurm_srun_starts_the_ranks(examined, script, monkeypatch):
    path = script("srun", 'echo "MPI plugin types are..."; echo "none"; echo "pmi2"')
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(mpi.shutil, "which", lambda name, **_: str(path) if name == "srun" else None)
    monkeypatch.setattr(mpi, "offered", lambda: frozenset({"none", "pmi2"}))
    monkeypatch.setattr(mpi, "launchers", list)
    monkeypatch.setattr(mpi, "ask_child", lambda *_: MPICH_LIBRARY)
    asked = Mpi(needed=True)
    found = by_name(asked.findings())
    assert found["srun"].verdict is OK
    assert asked.launcher.command[:2] == ("srun", "--mpi=pmi2")


# ---------------------------------------------------------------- the trial


def failing(script, text):
    return Launcher(str(script("mpiexec", text)), "MPICH 9", Family.MPICH, (str(script("mpiexec", text)),))


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("echo 'MPIR_Init(): failed in MPI_Init' >&2; exit 1", "different MPIs"),
        ("echo 'Bus error (core dumped)' >&2; exit 135", "--shm-size"),
        ("echo 'error: ranks.h5: the disk is too small: the file needs 9 MB' >&2; exit 2", "Make room"),
        ("exit 9", "bug report"),
        ("exit 0", "bug report"),  # and no file
    ],
)
def test_ranks_that_fail_are_a_problem_with_advice(script, tmp_path, text, advice):
    launcher = failing(script, text)
    found = Trial(None, launcher, 2)._by_ranks(launcher, tmp_path)
    assert found.verdict is PROBLEM
    assert advice in found.advice
    assert "exit_code" in found.facts


def test_ranks_that_hang_are_a_problem(script, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "LIMIT_S", 0.5)
    launcher = failing(script, "exec sleep 1000")
    found = Trial(None, launcher, 2)._by_ranks(launcher, tmp_path)
    assert found.verdict is PROBLEM
    assert "no end in time" in found.found


def test_what_open_mpi_refuses_is_allowed_and_told(script, tmp_path, monkeypatch):
    refusing = (
        '[ -n "$OMPI_ALLOW_RUN_AS_ROOT" ] || { echo "attempt to run as root." >&2; exit 1; }\n'
        '[ -n "$OMPI_MCA_rmaps_base_oversubscribe" ] || { echo "There are not enough slots" >&2; exit 1; }\n'
    )
    for name in ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_MCA_rmaps_base_oversubscribe"):
        monkeypatch.delenv(name, raising=False)
    launcher = failing(script, f'{refusing}for last; do :; done\n: >"$last"')
    found = Trial(None, launcher, 2)._by_ranks(launcher, tmp_path)
    assert found.verdict is HINT
    assert "OMPI_ALLOW_RUN_AS_ROOT=1" in found.advice
    assert "oversubscribe" in found.advice


def test_other_results_of_ranks_are_a_problem(small_campaign, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "ask_child", lambda _, *paths: probes.results(*paths))
    paths = [tmp_path / "one.h5", tmp_path / "other.h5"]
    text = small_campaign.read_text()
    for path, seeds in zip(paths, ("first: 0", "first: 7"), strict=True):
        small_campaign.write_text(text.replace("first: 0", seeds))
        create_results(path, load_campaign(small_campaign))
    found = by_name(trial.sound(paths))
    assert found["same results"].verdict is PROBLEM
    assert found["verify"].verdict is PROBLEM
    assert "12 of 12 configs are not done" in found["verify"].found


def test_results_that_cannot_be_read_are_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "ask_child", lambda *_: Ended(1, err="InputError: has no signature"))
    (found,) = trial.sound([tmp_path / "one.h5"])
    assert found.verdict is PROBLEM
    assert "has no signature" in found.found


# ---------------------------------------------------------------- the folder


def test_a_folder_is_looked_at_and_nothing_is_left(tmp_path):
    found, writable = folder.look(tmp_path)
    assert writable
    assert by_name(found)["locks"].verdict is by_name(found)["fsync"].verdict is OK
    assert list(tmp_path.iterdir()) == []
    space = os.statvfs(tmp_path)
    assert by_name(found)["space"].facts["free_bytes"] == pytest.approx(
        space.f_bavail * space.f_frsize, abs=5e9
    )


def test_the_type_of_the_file_system_is_the_kernels(tmp_path):
    answer = ask_child("folder", "/proc")
    assert answer["type"] == "proc"
    assert not answer["writable"]
    assert by_name(folder.findings(Path("/proc"), answer))["writing"].verdict is PROBLEM


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    found, writable = folder.look(tmp_path / "file")
    assert not writable
    assert "Not a directory" in found[0].found


def test_a_folder_without_permission():
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to other users
        place = Path(name)
        place.chmod(0o555)
        with as_nobody():
            answer = probes.folder(str(place))
    assert by_name(folder.findings(place, answer))["writing"].verdict is PROBLEM


@pytest.mark.parametrize(
    ("changed", "what", "verdict"),
    [
        ({}, "locks", OK),
        ({"type": "nfs4"}, "file system", OK),
        ({"type": "tmpfs"}, "file system", HINT),
        ({"locks": "Function not implemented"}, "locks", PROBLEM),
        ({"locks": "not kept"}, "locks", HINT),
        ({"type": "lustre", "options": "rw,localflock"}, "locks", HINT),
        ({"type": "nfs", "options": "rw,vers=3,nolock"}, "locks", HINT),
        ({"free_bytes": 10**8}, "space", HINT),
        ({"free_bytes": 0}, "space", PROBLEM),
        ({"free_files": 0}, "space", PROBLEM),
        ({"free_files": None}, "space", OK),
        ({"fsync_error": "Input/output error"}, "fsync", PROBLEM),
        ({"fsync_s": 10.0}, "fsync", HINT),
        ({"clock_ahead_s": -3600.0}, "clocks", HINT),
        ({"writable": False, "error": "Read-only file system"}, "writing", PROBLEM),
    ],
)
def test_what_a_folder_does_is_judged(changed, what, verdict):
    found = by_name(folder.findings(Path("/results"), HEALTHY | changed))[what]
    assert found.verdict is verdict
    assert bool(found.advice) == (verdict is not OK)


def test_a_file_server_that_hangs(monkeypatch):
    monkeypatch.setattr(folder, "ask_child", lambda *_: Ended(None))
    (found,), writable = folder.look(Path("/nfs"))
    assert found.verdict is PROBLEM
    assert not writable
    assert "hang" in found.advice


# ---------------------------------------------------------------- the machine


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "50000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, None),
        (
            {
                "proc/self/cgroup": "4:cpu:/job\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "100000\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n",
            },
            1,
        ),
        ({}, None),
    ],
)
def test_cores_that_a_cgroup_grants(tmp_path, files, cores):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert machine.usable_cores(tmp_path) == (cores or len(os.sched_getaffinity(0)))


@pytest.mark.parametrize(("limit", "advice"), [(2e8, "ulimit -v unlimited"), (math.inf, "bug report")])
def test_a_limit_on_memory_is_told_from_a_broken_installation(limit, advice, monkeypatch):
    monkeypatch.setattr(memory, "memory_limit", lambda: limit)
    text = "ImportError: x.so: failed to map segment from shared object"
    broken = installation._packages({"pydantic": text})
    assert broken.verdict is PROBLEM
    assert ("ulimit -v unlimited" in broken.advice) == (limit == 2e8)
    assert advice in trial._advice(Ended(1, err=text))
    assert [finding.what for finding in machine._limit()] == ["limit"] * (limit == 2e8)


def test_a_limit_on_memory_is_the_shells(tmp_path):
    code = "from mpi_layout.memory import memory_limit; print(memory_limit())"
    python = shlex.join([sys.executable, "-P", "-c", code])
    ended = run_child(["sh", "-c", f"ulimit -v 900000 && exec {python}"])
    assert float(ended.out) == 900_000 * 1024


def test_cores_are_those_that_the_process_is_bound_to():
    first = min(os.sched_getaffinity(0))
    code = "from mpi_layout.doctor.machine import usable_cores; print(usable_cores())"
    ended = run_child(["taskset", "-c", str(first), sys.executable, "-P", "-c", code])
    assert ended.out == "1\n", ended.err


def test_several_threads_for_each_rank_are_a_hint():
    assert machine.threads({"OMP_NUM_THREADS": "1"}).verdict is OK
    found = machine.threads({"OMP_NUM_THREADS": "8"})
    assert found.verdict is HINT
    assert "unset OMP_NUM_THREADS" in found.advice


def test_a_job_is_told_from_a_login_node(script, monkeypatch):
    assert machine.batch_system({"SLURM_JOB_ID": "17"}).facts == {"system": "Slurm", "job": "17"}
    assert machine.batch_system({"PBS_JOBID": "17.pbs"}).facts["system"] == "PBS"
    monkeypatch.setenv("PATH", str(script("qsub", "exit 0").parent))
    found = machine.batch_system({})
    assert found.verdict is HINT
    assert "mpi-layout submit" in found.advice
    monkeypatch.setenv("PATH", "/nonexistent")
    assert machine.batch_system({}).verdict is OK


def test_a_clock_that_stands_in_the_past():
    assert machine.clock().verdict is OK
    assert machine.clock(0.0).verdict is HINT


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ({"sse2"}, "generic"),
        ({"avx2"}, "generic"),
        ({"avx2", "fma"}, "avx2"),
        ({"avx2", "fma", "avx512f"}, "avx2"),
        ({"avx2", "fma", "avx512f", "avx512dq", "avx512vl"}, "avx512"),
    ],
)
def test_what_a_cpu_could_do_is_what_the_dispatcher_asks(flags, level):
    assert installation.cpu_level(frozenset(flags)) == level


def test_a_lesser_instruction_set_than_the_cpu_has(monkeypatch):
    monkeypatch.setenv("MPI_LAYOUT_ISA", "generic")
    monkeypatch.setattr(installation, "_cpu_flags", lambda: frozenset({"avx2", "fma"}))
    assert installation._kernel({"instruction_set": "generic"}).verdict is HINT
    assert installation._kernel({"error": "kernel.so is missing"}).verdict is PROBLEM


def test_requirements_are_read_as_pip_writes_them():
    text = ["numpy>=1.26", 'mpich>=4.2; extra == "mpi"', "mpi4py>=4.0 ; extra == 'mpi'", "rich"]
    assert installation.extras(text) == {"": ["numpy", "rich"], "mpi": ["mpich", "mpi4py"]}
