"""Images: their definitions, and, marked `container`, images built and run as a user of a cluster does."""

import ast
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import tomllib
from pathlib import Path

import pytest
from containers.definition import ROOT, SECTIONS, lines, read_definition, read_dockerfile
from packaging.requirements import Requirement
from slurm import cluster as slurms

from containers import image as making
from mpi_layout import cli
from mpi_layout.container import bind_hint

DEFINITIONS = {"mpich": "mpi-layout.def", "openmpi": "mpi-layout-openmpi.def"}
LIMIT_S = 120.0
NOBODY = "65534"
SMALL = ROOT / "examples" / "small.yaml"
KEPT = "MPI_LAYOUT_TEST_IMAGES"  # folder that keeps the images from one run of these tests to the next


# ---------------------------------------------------------------- what the definitions say


@pytest.fixture(params=DEFINITIONS)
def definition(request):
    return read_definition(DEFINITIONS[request.param])


def test_definition_is_whole(definition):
    assert set(definition.sections) == SECTIONS
    assert all(lines(text) for text in definition.sections.values())
    assert definition.header["Bootstrap"] == "docker"
    assert re.fullmatch(r"debian:bookworm-\d{8}-slim", definition.header["From"])  # no tag that moves
    assert definition.labels["org.opencontainers.image.licenses"] == "MIT"


def test_files_go_where_the_build_looks_for_them(definition):
    for pair in definition.files:
        source, target = pair  # Apptainer takes two names per line, and would ignore more
        assert (ROOT / source).exists()
        assert target in (f"/opt/src/{source}", f"/opt/{source}")


def test_definitions_and_dockerfile_say_the_same():
    docker = read_dockerfile()
    (base,) = docker.values("FROM")
    (build,) = docker.values("RUN")
    for mpi, name in DEFINITIONS.items():
        definition = read_definition(name)
        assert base == definition.header["From"]
        assert [tuple(value.split()) for value in docker.values("COPY")] == definition.files
        assert lines(definition.sections["post"]) == ["exec " + build.replace('"$MPI"', mpi)]
        variables = dict(value.split("=", 1) for value in docker.values("ENV"))
        assert variables.keys() - {"container"} == definition.variables.keys() - {"MPI4PY_LIBMPI"}
        same = variables.keys() - {"container", "MPLCONFIGDIR"}  # no commands in Docker's
        assert {k: variables[k] for k in same} == {k: definition.variables[k] for k in same}
        program = definition.sections["runscript"].split()[1]
        assert [ast.literal_eval(value) for value in docker.values("ENTRYPOINT")] == [[program]]


def test_docker_gets_what_it_copies_and_nothing_else():
    sent = lines((ROOT / "containers" / "Dockerfile.dockerignore").read_text())
    wanted = {value.split()[0] for value in read_dockerfile().values("COPY")}
    assert {line[1:] for line in sent if line.startswith("!")} == wanted


def test_every_python_package_is_pinned():
    pins = dict(line.split("==") for line in lines((ROOT / "containers/constraints.txt").read_text()))
    pinned = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    wanted = [*project["project"]["dependencies"], *extras["mpi"], *extras["plot"], "openmpi>=5"]
    for text in [*wanted, *project["build-system"]["requires"]]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), text


def test_build_script_is_sound():
    subprocess.run(["bash", "-n", ROOT / "containers" / "build.sh"], check=True)
    done = subprocess.run(
        [ROOT / "containers" / "build.sh", "lam"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "mpich|openmpi" in done.stderr


# ---------------------------------------------------------------- a folder that is not bound


@pytest.mark.parametrize(
    ("variable", "option"),
    [
        ("APPTAINER_CONTAINER", "--bind"),
        ("SINGULARITY_CONTAINER", "--bind"),
        ("CH_RUNNING", "--bind"),
        ("container", "--volume"),
    ],
)
def test_message_about_a_missing_folder_knows_containers(
    variable, option, small_campaign, monkeypatch, capsys
):
    for name in ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "CH_RUNNING", "container"):
        monkeypatch.delenv(name, raising=False)
    command = ["run", str(small_campaign), "-o", str(small_campaign.parent / "nowhere" / "a.h5")]
    assert bind_hint() == ""
    assert cli.main(command) == 2
    assert "container" not in capsys.readouterr().err
    monkeypatch.setenv(variable, "yes")
    assert cli.main(command) == 2
    err = capsys.readouterr().err
    assert "does not exist" in err
    assert option in err


# ---------------------------------------------------------------- images that are built and run


@pytest.fixture(scope="session")
def images():
    """Both images, built at the same time."""
    try:
        making.insist_on_programs()
    except making.MissingError as missing:
        pytest.fail(f"these tests need: {missing}", pytrace=False)
    with contextlib.ExitStack() as stack:
        folder = Path(os.environ.get(KEPT) or stack.enter_context(_folder_for_all()))
        if not (folder / "base").exists():
            making.make_base(folder / "base")
        making.lay_stand_in(folder)
        yield _build_all(folder)


@contextlib.contextmanager
def _folder_for_all():
    # pytest's own folders are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="mpi-layout-containers-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _build_all(folder):
    built, failed = {}, []

    def build(mpi):
        try:
            definition = read_definition(DEFINITIONS[mpi])
            built[mpi] = making.build(definition, folder / "base", folder / mpi)
        except Exception as error:
            failed.append(error)

    missing = [mpi for mpi in DEFINITIONS if not (folder / mpi).exists()]
    threads = [threading.Thread(target=build, args=(mpi,)) for mpi in missing]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return {mpi: built.get(mpi) or making.Image(folder / mpi) for mpi in DEFINITIONS}


@pytest.fixture(params=DEFINITIONS)
def mpi(request):
    return request.param


@pytest.fixture(scope="session")
def host_mpi(images):
    """Folder of an MPI of the host, as a cluster's module would bring it; from its wheel."""
    folder = next(iter(images.values())).folder.parent

    def install(requirement):
        prefix = folder / f"host-{re.sub('[^a-z0-9.]', '-', requirement)}"
        if not prefix.exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-installed"]
            subprocess.run([*pip, "--prefix", prefix, requirement], check=True, timeout=300)
        return prefix

    return install


@pytest.fixture
def work():
    """A folder of the user, who is nobody, with the small campaign."""
    with _folder_for_all() as folder:
        shutil.copy(SMALL, folder)
        folder.chmod(0o777)
        yield folder


@pytest.fixture(scope="session")
def outside(tmp_path_factory):
    """Results of the small campaign, computed without any container."""
    path = tmp_path_factory.mktemp("outside") / "small.h5"
    assert cli.main(["run", str(SMALL), "-o", str(path)]) == 0
    return path


def run_as_nobody(command, work, environ=(), within=(), mpi_folder=None):
    """Run a command as a user without privileges in `work`; `within` is a command of root around it."""
    programs = [*([f"{mpi_folder}/bin"] if mpi_folder else []), "/usr/bin", "/bin"]
    variables = {"PATH": ":".join(programs), "USER": "nobody", "HOME": "/nonexistent"} | dict(environ)
    # Open MPI's launcher will not have more ranks than cores otherwise.
    variables |= {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    process = subprocess.Popen(
        [*within, *user, *map(str, command)],
        cwd=work,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        pytest.fail(f"hangs after {LIMIT_S} s; stderr:\n{err}")
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def insist_same(done, results, outside, *, ranks=None):
    """The run ended well, on so many ranks, with the same results as outside."""
    assert done.returncode == 0, done.stderr
    assert ranks is None or f"{ranks} ranks: 1 hands out" in done.stderr
    assert cli.main(["diff", str(results), str(outside)]) == 0


container = pytest.mark.container
slow_to_build = pytest.mark.timeout(2400)  # the first test that asks for the images waits for them


@container
@slow_to_build
def test_section_test_passes(images, mpi, work):
    done = run_as_nobody(images[mpi].command(how="test"), work)
    assert done.returncode == 0, done.stderr


@container
@slow_to_build
def test_runscript_passes_arguments_and_exit_codes(images, mpi, work):
    done = run_as_nobody(images[mpi].command("--version"), work)
    assert done.stdout.startswith("mpi-layout 0")
    done = run_as_nobody(images[mpi].command("run", "a file.yaml"), work)
    assert done.returncode == 2
    assert "a file.yaml" in done.stderr


@container
@slow_to_build
def test_image_is_small_and_says_what_is_in_it(images, mpi):
    assert images[mpi].megabytes < {"mpich": 700, "openmpi": 750}[mpi]
    said = (images[mpi].folder / "opt/mpi-layout/built-from.txt").read_text()
    pins = lines((ROOT / "containers/constraints.txt").read_text())
    unpinned = set(said.split("# Python\n")[1].lower().split()) - {pin.lower() for pin in pins}
    assert {name.split("==")[0] for name in unpinned} <= {"setuptools", "pip"}
    for gone in ("usr/bin/gcc", "opt/src", "opt/mpi-layout/bin/pip"):
        assert not (images[mpi].folder / gone).exists()


@container
@slow_to_build
def test_launcher_of_the_image(images, mpi, work, outside):
    command = images[mpi].command("mpiexec", "-n", 3, "mpi-layout", "run", "small.yaml", how="exec")
    insist_same(run_as_nobody(command, work), work / "small.h5", outside, ranks=3)


@container
@slow_to_build
def test_launcher_of_the_host(images, mpi, work, outside, host_mpi):
    command = ["mpiexec", "-n", "3", *images[mpi].command("run", "small.yaml")]
    done = run_as_nobody(command, work, mpi_folder=host_mpi(mpi))
    insist_same(done, work / "small.h5", outside, ranks=3)


@container
@slow_to_build
def test_all_ranks_write_with_open_mpi(images, work, outside, host_mpi):
    arguments = ("run", "small.yaml", "--backend", "mpio")
    command = ["mpiexec", "-n", "3", *images["openmpi"].command(*arguments)]
    done = run_as_nobody(command, work, mpi_folder=host_mpi("openmpi"))
    insist_same(done, work / "small.h5", outside, ranks=3)
    assert "backend mpio" in done.stderr


@container
@slow_to_build
@pytest.mark.parametrize("requirement", ["mpich<4.3", "impi-rt"])
def test_library_of_the_host_stands_in_for_the_image_s(images, work, outside, host_mpi, requirement):
    host = host_mpi(requirement)
    options = ("--bind", f"{host}:/host/mpi")
    environ = {"APPTAINERENV_LD_LIBRARY_PATH": "/host/mpi/lib"}
    ask = ["/opt/mpi-layout/bin/python", "-c", "from mpi4py import MPI; print(MPI.Get_library_version())"]
    asked = run_as_nobody(images["mpich"].command(*ask, how="exec", options=options), work, environ)
    own = run_as_nobody(images["mpich"].command(*ask, how="exec"), work)
    assert own.stdout != asked.stdout != ""
    command = ["mpiexec", "-n", "3", *images["mpich"].command("run", "small.yaml", options=options)]
    done = run_as_nobody(command, work, environ, mpi_folder=host)
    insist_same(done, work / "small.h5", outside, ranks=3)


@container
@slow_to_build
def test_without_network(images, mpi, work, outside):
    within = ["unshare", "--net", "sh", "-euc", 'ip link set lo up; exec "$@"', "sh"]
    command = images[mpi].command("mpiexec", "-n", 3, "mpi-layout", "run", "small.yaml", how="exec")
    insist_same(run_as_nobody(command, work, within=within), work / "small.h5", outside, ranks=3)


@container
@slow_to_build
def test_writes_into_the_bound_folder_alone(images, mpi, work, outside):
    before = making.tree(images[mpi].folder)
    script = (
        "mpiexec -n 3 mpi-layout run small.yaml && mpi-layout plot small.h5 --layout >&2; find /tmp -type f"
    )
    options = ("--contain", "--bind", f"{work}:/data", "--pwd", "/data")
    done = run_as_nobody(images[mpi].command("sh", "-c", script, how="exec", options=options), work)
    insist_same(done, work / "small.h5", outside, ranks=3)
    left = [path for path in done.stdout.split() if "/mpi-layout-matplotlib-" not in path]  # a cache of fonts
    assert not left
    assert making.tree(images[mpi].folder) == before


@container
@slow_to_build
def test_nothing_may_be_written_to_tmp(images, work, outside):
    closed = work / "closed"
    closed.mkdir(mode=0o555)
    options = ("--bind", f"{closed}:/tmp,{work}:/data", "--pwd", "/data")
    arguments = ("mpiexec", "-n", 3, "mpi-layout", "run", "small.yaml")
    done = run_as_nobody(images["mpich"].command(*arguments, how="exec", options=options), work)
    insist_same(done, work / "small.h5", outside, ranks=3)


@container
@slow_to_build
@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "/scratch/me/small.yaml"),
        ("run", "small.yaml", "-o", "/scratch/me/a.h5"),
        ("run", "small.yaml", "-o", "/data/a.h5"),
    ],
)
def test_folder_that_is_not_bound(images, work, arguments):
    done = run_as_nobody(images["mpich"].command(*arguments), work)
    assert done.returncode == 2
    assert arguments[-1] in done.stderr
    assert "--bind FOLDER" in done.stderr


@container
@slow_to_build
@pytest.mark.parametrize(("inside", "launcher"), [("openmpi", "mpich"), ("mpich", "openmpi")])
def test_launcher_of_another_mpi(images, work, host_mpi, inside, launcher):
    command = ["mpiexec", "-n", "3", *images[inside].command("run", "small.yaml")]
    done = run_as_nobody(command, work, mpi_folder=host_mpi(launcher))
    assert done.returncode != 0
    assert "Open MPI" in done.stderr
    assert "MPICH" in done.stderr
    assert not (work / "small.h5").exists()


@container
@slow_to_build
def test_job_script_under_slurm(images, outside):
    if lacking := slurms.missing():
        pytest.fail(lacking, pytrace=False)
    path = f"{making.STAND_IN}:{os.environ['PATH']}"
    with _folder_for_all() as work, slurms.slurm(["n1"]) as cluster:
        shutil.copy(SMALL, work)
        options = ["--ntasks=3", f"--export=ALL,PATH={path},IMAGE={images['mpich'].folder}"]
        script = ROOT / "jobs" / "slurm-container.sh"
        job = cluster.sbatch(*options, script, "small.yaml", cwd=work, environ={"HOME": "/root"})
        assert cluster.wait_for_end(job, LIMIT_S)["JobState"] == "COMPLETED", cluster.journal()
        log = "".join(file.read_text() for file in work.glob("*.log"))
        assert "srun --mpi=pmi2 started 3 ranks" in log
        assert "in this container" in log
        assert cli.main(["diff", str(work / "small.h5"), str(outside)]) == 0
