"""The documentation does what it says: its commands run, its campaigns are sound, its links lead somewhere.

Each page is worked through from top to bottom in one folder, which has the files that pages speak of.
"""

import contextlib
import doctest
import functools
import io
import os
import pkgutil
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import windIO.examples.plant
import yaml
from mpi_launcher import clean_environment
from pages import PAGES, REPOSITORY, blocks_of, commands_of, text_of, words_of

from mpi_layout import cli
from mpi_layout.campaign import campaign_schema, load_campaign
from mpi_layout.formats.yaml_include import load_with_includes
from mpi_layout.reference.campaign_keys import TOP, mark
from mpi_layout.reference.command_line import parsers
from mpi_layout.reference.pages import PAGES as GENERATED
from mpi_layout.reference.pages import headings
from mpi_layout.results.layouts import results_neighbours
from mpi_layout.results.reader import open_reader

# Commands that are not run, by what is in them, and why. What they give to mpi-layout is parsed all the same.
NOT_RUN = {
    r"\bpip install\b": "needs a network; .ci/run does it",
    r"^module load|^export ": "modules and images of a cluster",
    r"\bapptainer\b|\bdocker\b": "images: tests/test_containers.py builds and runs them",
    r"^srun|^squeue|^scancel|^rsync|^git clone": "a cluster: tests/test_slurm.py starts one",
    r"^mpi-layout doctor": "looks at the machine, starts ranks: test_doctor.py",
    r"mpi-layout completion": "for shells of users: test_completion.py asks them",
    r"^tail -f|--watch": "comes to no end",
    r"optimise system.yaml(?!.*--refine quick)": "50 starts and more; test_optimise_command.py has few",
    r"^\.ci/run": "runs these tests",
    r"^\.venv/bin/python": "an environment of its own",
    r"^python benchmarks/": "benchmarks, up to an hour",
    r"examples/danish_energy_island\.yaml$": "minutes; .ci/run does it",
}
# Commands that take more than some seconds: the long form of this test runs them.
SLOW = {
    r"optimise .*--refine quick$": "ten starts",
    r"examples/(price|cable_cost)\.yaml$": "refine",
    r"report campaign\.h5 (-o report\.html|--only)": "draw again what docs/report.md draws",
}
# Run by this process, which has PyWake loaded; test_export_scripts.py runs some as their own processes.
SCRIPTS = {"python best.py"}
# Blocks of Python that another test runs, because it also looks at what comes out.
RUN_ELSEWHERE = {
    "docs/api.md": "test_api.py",
    "docs/objectives.md": "test_objective.py",
    "docs/sites.md": "test_site_files.py",
}
NEEDS_NAMES = {"docs/refinement.md": "test_relocation.py has a farm for it"}
EMPTY = {"docs/tutorial.md", "docs/faq.md"}  # which make all files themselves
APART = "docs/commands.md"  # where no command builds on the one before it, and many stand on another page too
LANGUAGES = {"sh", "console", "python", "yaml", "csv", "text"}

CAMPAIGN = """\
name: campaign
areas:
  - name: farm0
    boundary_m: [[0, 0], [6000, 0], [6000, 6000], [0, 6000]]
  - name: farm1
    boundary_m: [[10000, 0], [15000, 0], [15000, 7000], [10000, 6000]]
turbine_types:
  - {name: t5, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}
  - {name: t15, rated_power_MW: 15, rotor_diameter_m: 240, hub_height_m: 150}
seeds: {first: 0, count: 5}
n_turbines: 5
min_spacing_D: 3
site:
  turbulence_intensity: 0.1
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [9, 10, 11, 12]
  weibull_k: [2, 2, 2.1, 2.2]
  sector_probability: [0.2, 0.2, 0.3, 0.3]
start: {grid: [8, 8]}
refine: {gradient: 20, polish: 3}
"""
WIND = "wind_direction_deg,wind_speed_m_s,turbulence_intensity,spot\n238,9.4,0.07,50\n90,7.1,0.08,60\n"
MAST = "WD,WS\n238,9.4\n90,\n"
SERIES = {"time_series": {"file": "wind.csv"}}
PLACES = "x_m,y_m\n-3000,0\n-3000,2000\n"
PROGRAMS = {"sbatch": "echo Submitted batch job 4711", "srun": "echo pmi2", "squeue": "", "scontrol": ""}


# ---------------------------------------------------------------- the folder in which pages are run


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the files that pages speak of."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / "campaign.yaml").write_text(CAMPAIGN)
    (desk / "wind.csv").write_text(WIND)
    (desk / "mast.csv").write_text(MAST)
    for name in ("other.csv", "others.csv", "layout.csv"):
        (desk / name).write_text(PLACES)
    for name in ("pictures", "results"):
        (desk / name).mkdir()
    for name in ("examples", "jobs", "docs"):
        (desk / name).symlink_to(REPOSITORY / name)
    shutil.copy(REPOSITORY / "examples" / "cable_cost.py", desk)
    (desk / "mpi-layout.sif").write_bytes(b"")
    _copy_windio(desk)
    with contextlib.chdir(desk):
        assert cli.main(["run", "campaign.yaml"]) == 0
        assert cli.main(["run", "examples/danish_energy_island.yaml", "--only", "farm0_t5_s0"]) == 0
    for name in ("a.h5", "b.h5", "other.h5", "broken.h5", "system.h5"):
        shutil.copy(desk / "campaign.h5", desk / name)
    (desk / "old").mkdir()
    for name in ("old/worker_0.h5", "layouts.h5"):
        _write_old(desk / name, desk / "campaign.h5")
    return desk


def _write_old(path, results):
    """The layouts of a results file, as scripts of old times kept them."""
    with h5py.File(path, "w") as old, h5py.File(results) as file:
        for number, (x, y) in enumerate(zip(file["x"], file["y"], strict=True)):
            farm, kind, seed = number // 10, number // 5 % 2, number % 5
            old[f"farm{farm}_t{kind}_s{seed}/layout"] = np.stack([x, y])


def _copy_windio(desk):
    """Files of windIO's package: a system with its case study's name, whole, and small as system.yaml."""
    plant = Path(next(iter(windIO.examples.plant.__path__)))
    name = "IEA37_case_study_3_wind_energy_system.yaml"
    system = load_with_includes(plant / "wind_energy_system" / name, "system")
    (desk / name).write_text(yaml.safe_dump(system))
    (desk / "system.yaml").write_text(yaml.safe_dump(system))
    (desk / "energy_resource.yaml").write_text(yaml.safe_dump(system["site"]["energy_resource"]))
    (desk / "other.yaml").write_text(yaml.safe_dump(system["wind_farm"]))
    shutil.copytree(plant / "plant_energy_turbine", desk / "turbines")
    shutil.copy(plant / "plant_energy_turbine" / "IEA37_15MW_turbine.yaml", desk / "IEA-15-240.yaml")


@pytest.fixture
def folder(desk, page, tmp_path, monkeypatch):
    """A copy of the desk with the results files that the page speaks of, and programs that pages call."""
    folder, programs = tmp_path / "desk", tmp_path / "programs"
    if page in EMPTY:
        folder.mkdir()
    else:
        others = [path.name for path in desk.glob("*.h5") if path.name not in text_of(page)]
        shutil.copytree(desk, folder, symlinks=True, ignore=shutil.ignore_patterns(*others))
    programs.mkdir()
    python = f'exec {sys.executable} "$@"'  # also where its environment is not activated
    ours = f'exec {sys.executable} -P -m mpi_layout "$@"'
    for name, does in {**PROGRAMS, "python": python, "mpi-layout": ours}.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("mpi_layout.pictures.canvas._DPI", 50)  # a quarter of what users get: quickly drawn
    monkeypatch.chdir(folder)
    return folder


# ---------------------------------------------------------------- pages


def is_slow(command):
    return any(re.search(pattern, command.text) for pattern in SLOW)


def commands_of_page(page):
    shells = (block for block in blocks_of(page) if block.language in ("sh", "console"))
    return [command for block in shells if not block.hidden for command in commands_of(block)]


@functools.cache
def elsewhere():
    """Texts of the commands of all pages but one."""
    return {command.text for page in PAGES if page != APART for command in commands_of_page(page)}


LONG = [page for page in PAGES if any(map(is_slow, commands_of_page(page)))]


@pytest.mark.parametrize("page", PAGES)
def test_page(page, folder):
    names = work_through(page, folder)
    CHECKS.get(page, lambda names, folder: None)(names, folder)


def best_of_danish_energy_island(names, folder):
    with h5py.File(folder / "danish_energy_island.h5") as file:
        number = np.nanargmax(file["aep"])
        assert names["best"].aep == file["aep"][number]
        n_turbines = file["n_turbines"][number]
        np.testing.assert_array_equal(names["x"], file["x"][number, :n_turbines])


def figures_of_campaign(names, folder):
    with h5py.File(folder / "campaign.h5") as file:
        aep, x = file["aep"][:], file["x"][:]
        by_name = aep.reshape(2, 2, 5)  # areas, turbine types, seeds
        for i, j in np.ndindex(2, 2):
            cell = names["cube"].sel(area=("farm0", "farm1")[i], turbine_type=("t5", "t15")[j])
            np.testing.assert_array_equal(cell.sortby("seed"), by_name[i, j])
        assert names["frame"].aep.tolist() == aep.tolist()
        assert names["layout"].shape == (5, 2)
        np.testing.assert_array_equal(names["layout"][:, 0], x[names["number"]])
        assert names["alone"].aep == aep[names["number"]]


CHECKS = {"README.md": best_of_danish_energy_island, "docs/results-in-python.md": figures_of_campaign}


@pytest.mark.slow
@pytest.mark.parametrize("page", LONG)
def test_page_with_what_takes_long(page, folder):
    work_through(page, folder, slow=True)


def work_through(page, folder, *, slow=False):
    """Run everything that a page shows, or only what takes long; give back the names of its Python."""
    names = {}
    for block in blocks_of(page):
        assert block.language in LANGUAGES, f"{block}: say what it is: {', '.join(sorted(LANGUAGES))}"
        if block.hidden and block.language == "sh":
            code, said = run_by_shell(block.text)
            assert code == 0, f"{block}\n{said}"
        elif block.title:  # a file, which commands then name
            (folder / block.title).write_text(block.text)
        elif block.language in ("sh", "console"):
            for command in commands_of(block):
                if is_slow(command) == slow and not (page == APART and command.text in elsewhere()):
                    there = set(folder.iterdir())
                    obey(command)
                    for new in set(folder.iterdir()) - there if page == APART else ():
                        shutil.rmtree(new) if new.is_dir() else new.unlink()
        elif block.language == "yaml":
            check_yaml(block, folder)
        elif block.language == "python" and page not in RUN_ELSEWHERE | NEEDS_NAMES:
            exec(compile(block.text, str(block), "exec"), names)
    return names


def obey(command):
    """Run a command, or parse it; compare what it says with what the page says."""
    if any(re.search(pattern, command.text) for pattern in NOT_RUN):
        for arguments in arguments_of(command, known=True):
            cli.make_parser().parse_args(arguments)
        return
    calls = arguments_of(command)
    wanted = command.output
    if command.text in SCRIPTS:
        code, said = run_script(command.text)
    elif wanted and CTRL_C in wanted:
        code, said = run_and_interrupt(calls[0])
    else:
        code, said = run_here(calls) if calls is not None else run_by_shell(command.text)
    assert code == command.code, f"{command}\n{said}"
    if wanted is not None:
        said = said if " [0] " in wanted else re.sub(NEWS, "", said)
        options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        same = doctest.OutputChecker().check_output(wanted.replace(CTRL_C, ""), said, options)
        assert same, f"{command} says\n{said}"


def arguments_of(command, *, known=False):
    """Arguments of each call of mpi-layout; None if there are other programs that only a shell can run.

    With `known`, the calls that can be told from other words by the name of a command.
    """
    words, calls = words_of(command.text), [[]]
    for word in words:
        if word in OPERATORS:
            calls.append([])
        else:
            calls[-1].append(word)
    if known:
        return [
            call[k + 1 :]
            for call in calls
            for k, word in enumerate(call[:-1])
            if is_ours(word) and call[k + 1] in COMMANDS
        ]
    calls = [call[call.index("-n") + 2 :] if call[0] in LAUNCHERS else call for call in calls]
    if set(words) & OPERATORS - {"&&"} or not all(is_ours(call[0]) for call in calls):
        return None
    return [call[1:] for call in calls]


CTRL_C = "^C\n"
LIMIT_S = 240
COMMANDS = parsers()
NEWS = re.compile(r"^\d\d:\d\d:\d\d \[0\] .*\n", re.MULTILINE)  # of a launch, on standard error
OPERATORS = {"&&", "||", "|", ";", "&", ">", ">>", "<"}
LAUNCHERS = {"mpiexec", "mpirun"}  # how ranks work together is the affair of test_mpi.py


def is_ours(word):
    return Path(word).name == "mpi-layout" or word.endswith(".sif")


def run_here(calls):
    """Exit code and output of calls of mpi-layout, one after the other."""
    said = io.StringIO()
    code = 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        for arguments in calls:
            # A page begins with `init`, and its other commands speak of a campaign that is there.
            scratch = tempfile.TemporaryDirectory() if arguments == ["init"] else contextlib.nullcontext(".")
            with scratch as place, contextlib.chdir(place):
                code = code or cli.main(arguments)
    return code, said.getvalue()


def run_script(text):
    """Exit code and output of `python SCRIPT`."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        runpy.run_path(text.removeprefix("python "), run_name="__main__")
    return 0, said.getvalue()


def run_and_interrupt(arguments):
    """Start `run CAMPAIGN`, and press Ctrl-C when it has ended a config."""
    path = Path(arguments[1]).with_suffix(".h5")
    before = open_reader(path).done.sum()
    command = [sys.executable, "-P", "-m", "mpi_layout", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            while process.poll() is None and open_reader(path).done.sum() == before:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
    return process.returncode, said


def run_by_shell(text):
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
    )
    return ended.returncode, ended.stdout


def check_yaml(block, folder):
    """A campaign, or sections that are put into one; where a key comes again, another begins."""
    for text in variants(block.text):
        sections = yaml.safe_load(text)
        whole = sections if "name" in sections else with_sections(sections)
        path = folder / f"line_{block.line}.yaml"
        path.write_text(yaml.safe_dump(whole))
        load_campaign(path, results_layout=results_neighbours)


def variants(text):
    found, seen = [""], set()
    for line in text.splitlines(keepends=True):
        key = re.match(r"(\w+):", line)
        if key and key[1] in seen:
            found.append("")
            seen.clear()
        seen |= {key[1]} if key else set()
        found[-1] += line
    return found


def with_sections(sections):
    base = yaml.safe_load(CAMPAIGN)
    if "system" in sections:
        base = {key: value for key, value in base.items() if key not in ("areas", "turbine_types", "site")}
    if "column" in str(sections.get("objective")):
        base["site"] = SERIES
    return base | sections


def test_what_is_not_run_is_in_some_page():
    texts = [command.text for page in PAGES for command in commands_of_page(page)]
    assert set(texts) >= SCRIPTS
    for pattern in NOT_RUN | SLOW:
        assert any(re.search(pattern, text) for text in texts), f"nothing is like {pattern!r} any more"
    for page in RUN_ELSEWHERE | NEEDS_NAMES:
        assert any(block.language == "python" for block in blocks_of(page))


# ---------------------------------------------------------------- generated parts, words, links


@pytest.mark.parametrize("name", GENERATED)
def test_generated_parts_are_what_the_program_knows(name):
    text = text_of(f"docs/{name}")
    assert GENERATED[name](text) == text, "python -m mpi_layout.reference docs"


def test_every_section_of_a_campaign_has_its_table():
    sections = {mark(name) for name in campaign_schema()["$defs"]} | {TOP}
    assert headings(text_of("docs/campaign.md")).keys() == sections


def test_the_readme_names_every_command():
    named = set(re.findall(r"^\| \[?`(\w+)", text_of("README.md"), re.MULTILINE))
    assert COMMANDS.keys() <= named


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_sentences_have_the_options_that_they_are_given(page):
    for text in re.findall(r"`mpi-layout ([a-z][^`]*)`", re.sub(r"```.*?```", "", text_of(page), flags=re.S)):
        name, *words = text.replace("\\|", "|").split()
        assert name in COMMANDS, text
        options = {option for action in COMMANDS[name]._actions for option in action.option_strings}
        given = {word.partition("=")[0].strip("[],") for word in words if re.match("-.", word)}
        assert given <= options, f"mpi-layout {text}"


@pytest.mark.parametrize("page", PAGES)
def test_modules_and_names_in_sentences_exist(page):
    folders = ("", "mpi_layout", "mpi_layout/wake", "tests", "docs", page.rpartition("/")[0])
    text = re.sub(r"```.*?```", "", text_of(page), flags=re.S)
    for name in re.findall(r"`([\w.-]+/[\w./-]+\.(?:py|c|h|sh|def))`", text):
        assert any((REPOSITORY / folder / name).is_file() for folder in folders), name
    for name in re.findall(r"`(mpi_layout(?:\.\w+)+)", text):
        pkgutil.resolve_name(name)


def anchors_of(page):
    titles = re.findall(r"^#+ (.*)", re.sub(r"```.*?```", "", text_of(page), flags=re.S), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_links_lead_to_files_and_headings(page):
    text = re.sub(r"```.*?```", "", text_of(page), flags=re.S)
    for target in re.findall(r'\]\(([^)\s]+)\)|src="([^"]+)"', text):
        path, _, heading = "".join(target).partition("#")
        if re.match(r"\w+:", path):
            continue
        file = (REPOSITORY / page).parent / path if path else REPOSITORY / page
        assert file.is_file(), f"{page}: {path}"
        if heading:
            assert heading in anchors_of(file.resolve().relative_to(REPOSITORY)), f"{page}: #{heading}"
