"""Who started this process: launchers known by what they leave behind, and those of another MPI refused."""

import re
import subprocess
import sys
from types import SimpleNamespace

import mpi_launcher
import pytest

from mpi_layout import cli, news
from mpi_layout.container import in_container
from mpi_layout.parallel.allotment import Allotment
from mpi_layout.parallel.launcher import Family, launcher_hint, without_launcher

# What launchers were seen to set, besides what is of no interest here.
PMI_ONLY = {"PMI_SIZE": "3", "PMI_RANK": "2", "PMI_FD": "9"}
MPIEXEC_OF_MPICH = PMI_ONLY | {"MPI_LOCALNRANKS": "3", "MPI_LOCALRANKID": "2"}
MPIEXEC_OF_INTEL = MPIEXEC_OF_MPICH | {"I_MPI_HYDRA_UUID": "d13b0000", "HYDRA_BSTRAP_LAUNCHER": "ssh"}
MPIRUN_5 = {
    "OMPI_COMM_WORLD_SIZE": "3",
    "OMPI_COMM_WORLD_RANK": "2",
    "OMPI_VERSION": "5.0.11",
    "PMIX_RANK": "2",
    "PMIX_NAMESPACE": "prterun-host-1@1",
}
MPIRUN_4 = {
    "OMPI_COMM_WORLD_SIZE": "3",
    "OMPI_COMM_WORLD_RANK": "2",
    "PMIX_RANK": "2",
    "PMIX_NAMESPACE": "1358102529",
}
PRUN = {"PMIX_RANK": "2", "PMIX_NAMESPACE": "prterun-host-1@1"}
ALLOCATION = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "3"}
STEP = ALLOCATION | {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "3", "SLURM_PROCID": "2"}
SRUN_PMI2 = STEP | {"SLURM_MPI_TYPE": "pmi2", "PMI_SIZE": "3", "PMI_RANK": "2", "PMI_JOBID": "7.0"}
SRUN_PMIX = STEP | {"SLURM_MPI_TYPE": "pmix", "PMIX_RANK": "2", "PMIX_NAMESPACE": "slurm.pmix.7.0"}
SRUN_CRAY = STEP | {"SLURM_MPI_TYPE": "cray_shasta", "PALS_RANKID": "2", "PALS_APID": "1"}
PALS = {"PMI_SIZE": "3", "PMI_RANK": "2", "PALS_RANKID": "2"}
FLUX = {"FLUX_JOB_SIZE": "3", "FLUX_TASK_RANK": "2", "PMI_SIZE": "3", "PMI_RANK": "2"}
BATCH_SCRIPT = ALLOCATION | {"SLURM_PROCID": "0"}
SALLOC_STEP = BATCH_SCRIPT | {
    "SLURM_STEP_ID": "4294967290",
    "SLURM_STEP_NUM_TASKS": "1",
    "SLURM_MPI_TYPE": "none",
}
# Rank 0 of launchers that are not there.
PMI = {"PMI_SIZE": "3", "PMI_RANK": "0"}
OMPI = {"OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_RANK": "0", "OMPI_VERSION": "5.0.11"}
NO_PMI = STEP | {"SLURM_PROCID": "0"}


# ---------------------------------------------------------------- known by their variables


@pytest.mark.parametrize(
    ("environ", "launcher", "family"),
    [
        (MPIEXEC_OF_MPICH, "mpiexec of MPICH", Family.MPICH),
        (MPIEXEC_OF_INTEL, "mpiexec of Intel MPI", Family.MPICH),
        (MPIRUN_5, "mpirun of Open MPI 5.0.11", Family.OPEN_MPI),
        (MPIRUN_4, "mpirun of Open MPI", Family.OPEN_MPI),
        (SRUN_PMI2, "srun --mpi=pmi2", Family.MPICH),
        (SRUN_PMIX, "srun --mpi=pmix", Family.OPEN_MPI),
        (SRUN_CRAY, "srun --mpi=cray_shasta", Family.MPICH),
        (STEP, "srun without --mpi", None),
        (STEP | {"SLURM_MPI_TYPE": "none"}, "srun --mpi=none", None),
        (PALS, "mpiexec of Cray", Family.MPICH),
        (FLUX, "Flux", None),
        (PMI_ONLY, "a launcher that speaks PMI", Family.MPICH),
    ],
)
def test_every_launcher_is_known(environ, launcher, family):
    hint = launcher_hint(environ)
    assert (hint.size, hint.rank, hint.launcher, hint.family) == (3, 2, launcher, family)
    assert not hint.first
    assert str(hint) == f"{launcher} started 3 ranks ({hint.variable}=3)"


@pytest.mark.parametrize("inner", [MPIEXEC_OF_MPICH, MPIEXEC_OF_INTEL, MPIRUN_5, MPIRUN_4])
def test_the_launcher_nearest_to_the_process_counts(inner):
    """An mpiexec in a batch script starts its daemons by srun, one for each node."""
    daemon = STEP | {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}
    assert launcher_hint(daemon | inner) == launcher_hint(inner)


def test_one_rank_is_alone_in_whatever_job():
    assert launcher_hint({"PMI_SIZE": "1", "PMI_RANK": "0", "SLURM_NTASKS": "64"}).size == 1
    assert launcher_hint(ALLOCATION | {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}).size == 1


def test_a_job_without_a_launcher_has_none():
    for environ in (ALLOCATION, BATCH_SCRIPT, SALLOC_STEP):
        hint = launcher_hint(environ)
        assert (hint.size, hint.first, hint.launcher) == (3, True, "")


def test_a_launcher_may_not_say_how_many_ranks_there_are():
    hint = launcher_hint(PRUN | BATCH_SCRIPT)
    assert (hint.size, hint.rank) == (0, 2)
    assert str(hint) == "a launcher that speaks PMIx started ranks (PMIX_RANK)"


def test_without_a_launcher_the_program_is_alone():
    assert launcher_hint({}).size == 1
    assert launcher_hint({"PMI_SIZE": "not a number"}).size == 1


@pytest.mark.parametrize(
    "environ",
    [MPIEXEC_OF_MPICH, MPIEXEC_OF_INTEL, MPIRUN_5, MPIRUN_4, PRUN, SRUN_PMI2, SRUN_PMIX, PALS, FLUX],
)
def test_a_child_process_does_not_take_itself_for_a_rank(environ):
    left = without_launcher(environ | {"HOME": "/root"})
    assert launcher_hint(left).size == 1
    assert left["HOME"] == "/root"


def test_a_container_is_known():
    assert in_container({"APPTAINER_CONTAINER": "/images/mpi-layout.sif"})
    assert in_container({"CH_RUNNING": "Weird Al Yankovic"})
    assert not in_container({"HOME": "/root"})


def test_cores_of_ranks_that_are_bound_to_one_each_are_counted_together():
    """As Intel MPI and Open MPI bind them; ranks on other machines are of no interest."""
    allotments = [("n1", Allotment(0b01)), ("n1", Allotment(0b10)), ("n2", Allotment(0b1100))]
    assert news.cores_here(SimpleNamespace(allotments=allotments)) == 2


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize("environ", [PMI, NO_PMI])
def test_a_launcher_that_leaves_every_rank_alone_is_refused_and_both_are_named(launch, path, environ):
    ended = launch("run", "small.yaml", environ=environ)
    assert ended.code == 2
    error = ended.err[ended.err.index("mpi-layout: error: ") :]
    assert error.startswith(
        f"mpi-layout: error: {launcher_hint(environ)}, but this process finds itself alone"
    )
    assert re.search(
        r"mpi4py uses (MPICH|Open MPI|Intel MPI) [\d.]+ \(/.*/libmpi.*\)\. Start the ranks with", error
    )
    assert not path.exists()


def test_in_a_container_the_mpi_is_that_of_the_container(launch, small_campaign):
    environ = {"PMI_SIZE": "2", "PMI_RANK": "0", "APPTAINER_CONTAINER": "/images/mpi-layout.sif"}
    ended = launch("run", "small.yaml", environ=environ)
    assert ended.code == 2
    assert "the mpi4py in this container uses" in ended.err
    assert "an image with the MPI of this launcher" in ended.err


def test_of_the_ranks_of_another_mpi_one_speaks(launch, small_campaign):
    ended = launch("run", "small.yaml", environ={"PMI_SIZE": "4", "PMI_RANK": "3"})
    assert ended.code == 2
    assert ended.err == ""


def test_a_world_that_is_too_small_is_refused(launch, path):
    """Two launchers of 2 ranks each would begin the same campaign where 4 ranks are meant."""
    (path.parent / "sitecustomize.py").write_text(
        "import os\n"
        f"os.environ['OMPI_COMM_WORLD_RANK'] = os.environ['{mpi_launcher.rank_variable()}']\n"
        "os.environ['OMPI_COMM_WORLD_SIZE'] = '4'\n"
    )
    ended = launch("run", "small.yaml", ranks=2, environ={"PYTHONPATH": str(path.parent)})
    assert ended.code == 2
    assert ended.err.count("finds itself in a world of 2") == 1
    assert not path.exists()


def test_a_job_without_a_launcher_is_told_to_take_one(launch, path):
    ended = launch("run", "small.yaml", environ=BATCH_SCRIPT)
    assert ended.code == 2
    assert "this is a batch job for 3 ranks (SLURM_NTASKS=3), but no launcher started them" in ended.err
    assert "srun --mpi=" in ended.err
    assert not path.exists()


# ---------------------------------------------------------------- told before the two meet


def test_the_log_begins_with_the_launcher_and_the_mpi(launch, small_campaign):
    ended = launch("run", "small.yaml", ranks=2)
    assert ended.code == 0, ended.err
    first = ended.err.splitlines()[0]
    launcher = "mpirun of Open MPI" if mpi_launcher.is_open_mpi() else "mpiexec of"
    assert f"[0] {launcher}" in first
    assert "started 2 ranks" in first
    assert "mpi4py uses" in first


def test_what_does_not_belong_together_is_told_before_mpi_is_called(launch, small_campaign):
    """MPI_Init of one MPI under the launcher of another may crash, abort or hang."""
    (small_campaign.parent / "sitecustomize.py").write_text(
        "import os, mpi4py\n"
        "mpi4py.rc.initialize = False\n"
        "from mpi4py import MPI\n"
        "MPI.Init = lambda: os._exit(11)\n"
    )
    other = PMI if mpi_launcher.is_open_mpi() else OMPI
    environ = other | {"PYTHONPATH": str(small_campaign.parent)}
    ended = launch("run", "small.yaml", environ=environ)
    assert ended.code == 11
    assert str(launcher_hint(other)) in ended.err
    wanted = Family.OPEN_MPI if mpi_launcher.is_open_mpi() else Family.MPICH
    assert f", which usually wants {wanted.value}" in ended.err


@pytest.mark.parametrize(("version", "rank", "code"), [("4.1.4", 0, 11), ("4.1.4", 1, 12), ("5.0.8", 1, 11)])
def test_rank_0_may_say_that_two_versions_of_open_mpi_do_not_belong_together(
    launch, small_campaign, version, rank, code
):
    """The first rank in MPI_Init ends all: the others wait before they call it."""
    (small_campaign.parent / "sitecustomize.py").write_text(
        "import os, time, mpi4py\n"
        "mpi4py.rc.initialize = False\n"
        "from mpi4py import MPI\n"
        f"MPI.Get_library_version = lambda: 'Open MPI v{version}, package: Debian OpenMPI'\n"
        "MPI.Init = lambda: os._exit(11)\n"
        "time.sleep = lambda seconds: os._exit(12)\n"
    )
    environ = MPIRUN_5 | {"OMPI_COMM_WORLD_RANK": str(rank), "PYTHONPATH": str(small_campaign.parent)}
    ended = launch("run", "small.yaml", environ=environ)
    assert ended.code == code, ended.err
    told = "of Open MPI 5.0.11 started 3 ranks (OMPI_COMM_WORLD_SIZE=3), but mpi4py uses Open MPI 4.1.4"
    assert (told in ended.err) == (rank == 0)
    assert (", which usually wants mpirun of Open MPI 4" in ended.err) == (rank == 0)


# ---------------------------------------------------------------- where there is no MPI


@pytest.fixture
def shadow(tmp_path):
    """Make a package fail to load, and give the environment for that."""

    def shadow(package, error):
        folder = tmp_path / "shadow" / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(f"raise {error}\n")
        return {"PYTHONPATH": str(folder.parent)}

    return shadow


BROKEN = "ImportError('libmpi.so.12: cannot open shared object file')"
NO_LIBRARY = "RuntimeError('cannot load MPI library\\nlibmpi.so: cannot open shared object file')"


@pytest.mark.parametrize("error", [BROKEN, NO_LIBRARY])
def test_mpi4py_that_cannot_be_used_is_one_message(launch, path, shadow, error):
    environ = shadow("mpi4py", error)
    refused = launch("run", "small.yaml", environ=environ | PMI)
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert "but mpi4py cannot be used: " in refused.err
    assert "pip install 'mpi-layout[mpi]'" in refused.err
    assert not path.exists()
    assert launch("run", "small.yaml", environ=environ).code == 0


@pytest.mark.parametrize("kind", ["ImportError", "RuntimeError"])
def test_no_memory_for_the_library_of_mpi_is_told_as_that(launch, path, shadow, kind):
    error = f"{kind}('cannot load MPI library\\nlibmpi.so.12: failed to map segment from shared object')"
    refused = launch("run", "small.yaml", environ=shadow("mpi4py", error) | PMI)
    assert refused.code == 1
    assert refused.err.startswith("mpi-layout: error: memory ran out: libmpi.so.12: failed to map segment")
    assert refused.err.count("\n") == 1
    assert "pip install" not in refused.err


def test_on_a_login_node_only_ranks_need_mpi(straight, small_campaign, monkeypatch, capsys):
    """Everything but `run` under a launcher, without mpi4py and in the shell of an allocation."""
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    for name, value in ALLOCATION.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["check", str(small_campaign)]) == 0
    for command in ("status", "verify", "missing", "best"):
        assert cli.main([command, str(straight.path)]) == 0, command
    assert cli.main(["diff", str(straight.path), str(straight.path)]) == 0


def test_a_package_that_cannot_be_loaded_is_no_bug(launch, small_campaign, shadow):
    """Such as an h5py built with MPI, on a login node without the module of that MPI."""
    ended = launch("check", "small.yaml", environ=shadow("h5py", BROKEN))
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "a package that mpi-layout needs cannot be loaded: libmpi.so.12" in ended.err


# A bug of the program before it has called MPI, in a process that has loaded it.
STUMBLES = """
import sys
from mpi_layout import __main__, cli
from mpi_layout.parallel.ranks import talk
def stumble(_):
    raise ZeroDivisionError("told to stumble")
cli.main = stumble
sys.exit(__main__.main([]))
"""


def test_a_bug_before_mpi_is_called_is_told():
    ended = subprocess.run([sys.executable, "-P", "-c", STUMBLES], capture_output=True, text=True, timeout=60)
    assert "mpi-layout: bug: no MPI" in ended.stderr
    assert "ZeroDivisionError: told to stumble" in ended.stderr
    assert ended.returncode == 1
