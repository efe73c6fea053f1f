"""What Tab completes, in the shells themselves, and what a mistyped word is answered with."""

import functools
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mpi_layout import cli
from mpi_layout.commands import completers
from mpi_layout.meant import meant

LIMIT_S = 120.0
IN_BASH = """\
eval "$(mpi-layout completion bash)"
COMP_TYPE=9
while IFS= read -r COMP_LINE; do
    COMP_POINT=${#COMP_LINE} COMPREPLY=()
    _python_argcomplete mpi-layout
    (IFS='|'; echo "${COMPREPLY[*]}")
done
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small_campaign_text):
    """A folder with a campaign, its results and other files, and `mpi-layout` in bin/."""
    folder = tmp_path_factory.mktemp("completion")
    (folder / "small.yaml").write_text(small_campaign_text)
    (folder / "notes.txt").touch()
    (folder / "broken.h5").write_text("no results")
    (folder / "bin").mkdir()
    program = folder / "bin" / "mpi-layout"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m mpi_layout "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def environ(folder):
    """Environment in which the shells find the program."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("_ARG")}
    paths = filter(None, [str(folder / "bin"), os.environ["PATH"]])
    modules = os.pathsep.join(filter(None, sys.path))
    return variables | {"PATH": os.pathsep.join(paths), "PYTHONPATH": modules, "TERM": "dumb"}


# ---------------------------------------------------------------- bash

LINES = {
    "mpi-layout stat": ["status"],
    "mpi-layout run --time": ["--time-limit"],
    "mpi-layout run --backend ": ["auto", "gather", "mpio"],
    "mpi-layout run ": ["bin/", "small.yaml"],
    "mpi-layout status ": ["bin/", "broken.h5"],
    "mpi-layout run small.yaml --only b_t1": [f"b_t1{t}_s{seed}" for t in (0, 5) for seed in (0, 1, 2)],
    "mpi-layout best broken.h5 --only ": [],
    "mpi-layout completion ": ["bash", "zsh", "fish"],
    "mpi-layout optimise x.yaml --refine th": ["thorough"],
}


@pytest.fixture(scope="module")
def in_bash(folder, environ):
    """Words that bash is offered for each line."""
    command = ["bash", "--norc", "--noprofile", "-c", IN_BASH]
    lines = ["mpi-layout ", *LINES]
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(
        command, input=text, cwd=folder, env=environ, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == 0, done.stderr
    answers = [line.split("|") if line else [] for line in done.stdout.splitlines()]
    return dict(zip(lines, answers, strict=True))


@pytest.mark.parametrize("line", LINES)
def test_bash_completes(in_bash, line):
    assert [word.strip() for word in in_bash[line]] == LINES[line]


def test_all_commands_are_offered(in_bash):
    assert {word.strip() for word in in_bash["mpi-layout "]} == set(commands())


def test_an_unknown_shell_is_refused(capsys):
    assert cli.main(["completion", "tcsh"]) == 2
    assert "choose from" in capsys.readouterr().err


def test_a_launch_does_not_load_the_completion(environ):
    code = "import sys; from mpi_layout import cli; cli.make_parser(); print('argcomplete' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environ, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize(
    ("keys", "prefix", "offered"),
    [
        ([f"f{f}_t_s{s}" for f in range(2) for s in range(90)], "", ["f0_", "f1_"]),
        ([f"f{f}_t_s{s}" for f in range(2) for s in range(90)], "f1_", [f"f1_t_s{s}" for s in range(90)]),
        ([f"f_t_s{s}" for s in range(200)], "f", [f"f_t_s{s}" for s in range(200)]),
        (["a_s0", "b_s0"], "", ["a_s0", "b_s0"]),
        ([], "x", []),
    ],
)
def test_many_keys_are_completed_part_by_part(keys, prefix, offered):
    matching = [key for key in keys if key.startswith(prefix)]
    assert completers._parts(matching, len(prefix)) == offered


# ---------------------------------------------------------------- zsh and fish


class Terminal:
    """A shell in a pseudo-terminal, and what it has written."""

    def __init__(self, command, environ, cwd):
        self.seen = ""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], command, environ)

    def type(self, text):
        os.write(self._terminal, text.encode())

    def wait_for(self, text):
        end = time.monotonic() + LIMIT_S
        while text not in self.seen:
            if time.monotonic() > end:
                pytest.fail(f"no {text!r} in:\n{self.seen}")
            if select.select([self._terminal], [], [], 0.1)[0]:
                self.seen += os.read(self._terminal, 65536).decode(errors="replace")

    def close(self):
        os.kill(self._pid, 9)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)


@pytest.mark.slow
def test_zsh_completes(folder, environ):
    assert shutil.which("zsh"), "this test needs zsh (Debian package zsh)"
    zsh = Terminal(["zsh", "-f", "-i"], environ, folder)
    try:
        zsh.type("autoload -U compinit; compinit -u -D\n")
        zsh.type('eval "$(mpi-layout completion zsh)"; echo re""ady\n')
        zsh.wait_for("ready")
        zsh.type("mpi-layout stat\t")
        zsh.wait_for("mpi-layout status")
        zsh.type("\x15mpi-layout run small.yaml --only b_t10_s\t\t")
        zsh.wait_for("b_t10_s2")
    finally:
        zsh.close()


@pytest.mark.slow
def test_fish_completes(folder, environ, tmp_path):
    assert shutil.which("fish"), "this test needs fish (Debian package fish)"
    code = "mpi-layout completion fish | source; "
    code += "; ".join(f"complete -C '{line}'; echo ---" for line in LINES)
    done = subprocess.run(
        ["fish", "--no-config", "-c", code],
        cwd=folder,
        env=environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    answers = done.stdout.split("---\n")[:-1]
    assert len(answers) == len(LINES), done.stderr
    for line, answer in zip(LINES, answers, strict=True):
        assert sorted(word.partition("\t")[0] for word in answer.splitlines()) == sorted(LINES[line]), line


# ---------------------------------------------------------------- help and what is mistyped


@functools.cache
def commands():
    """Names of all commands, and their parsers."""
    (action,) = (
        action for action in cli.make_parser()._actions if action.dest == "==SUPPRESS==" or action.choices
    )
    return dict(action.choices)


def examples(text):
    """Command lines in a help text, as lists of arguments of the program."""
    for line in text.splitlines():
        if match := re.match(r"  (?:\S.*[\s(])?mpi-layout ((?:[^\s]|\s(?!\s|[|>&]|$))+)", line):
            yield shlex.split(match[1].removesuffix(')"'))


NOT_YET = {"export"}


@pytest.mark.parametrize("name", commands())
def test_every_command_has_an_example_and_it_parses(name):
    found = list(examples(commands()[name].epilog or ""))
    assert name in [arguments[0] for arguments in found] or name in NOT_YET
    for command, *arguments in found:
        commands()[command].parse_args(arguments)


def test_the_examples_of_the_program_parse():
    found = [*examples(cli.EPILOG), *examples(cli.FIRST_STEPS)]
    assert len(found) > 10
    for command, *arguments in found:
        commands()[command].parse_args(arguments)


def test_alone_it_says_what_to_do_first(capsys):
    assert cli.main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    for command in ("doctor", "init", "check campaign.yaml", "run campaign.yaml"):
        assert f"  mpi-layout {command} " in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["statsu", "x.h5"], "is status meant?"),
        (["Run", "c.yaml"], "is run meant?"),
        (["run", "c.yaml", "--backend", "gahter"], "is gather meant?"),
        (["run", "c.yaml", "--retry"], "--retry: is --retry-failed meant?"),
        (["run", "c.yaml", "--tme-limit=0:30:00"], "--tme-limit: is --time-limit meant?"),
        (["submit", "c.yaml", "--rank", "8", "--time", "1:00:00"], "--rank: is --ranks meant?"),
        (["verify", "x.h5", "--jsno"], "--jsno: is --json meant?"),
    ],
)
def test_a_mistyped_word_is_guessed(arguments, told, capsys):
    assert cli.main(arguments) == 2
    assert told in capsys.readouterr().err


def test_what_resembles_nothing_is_not_guessed(capsys):
    assert cli.main(["run", "c.yaml", "--xyzzy"]) == 2
    text = capsys.readouterr().err
    assert "unrecognized arguments: --xyzzy" in text
    assert "meant" not in text


def test_a_mistyped_word_cannot_steer_a_terminal(capsys):
    assert cli.main(["run", "c.yaml", "--time-limi\x1b[2Jt"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_a_mistyped_key_is_guessed(folder, capsys):
    assert cli.main(["run", str(folder / "small.yaml"), "-o", str(folder / "x.h5"), "--only", "b_t10s1"]) == 2
    assert "is b_t10_s1 meant?" in capsys.readouterr().err
    assert not (folder / "x.h5").exists()


@pytest.mark.parametrize(
    ("word", "known", "answer"),
    [
        ("RUN", ["ruin", "run"], "run"),
        ("plto", ["plot", "export"], "plot"),
        ("zzz", ["plot"], ""),
        ("a", [], ""),
        ("weibull_a", ["weibull_k", "weibull_a_m_s"], "weibull_a_m_s"),
        ("Boundary", ["bounds", "boundary_m"], "boundary_m"),
        ("ver", ["verify"], "verify"),
        ("k", ["k_wake"], ""),
    ],
)
def test_meant(word, known, answer):
    assert meant(word, known) == answer


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("help", "is --help meant?"),
        ("version", "is --version meant?"),
        ("campaign.yml", "a command goes before it, such as: mpi-layout run campaign.yml"),
        ("x/campaign.h5", "a command goes before it, such as: mpi-layout status x/campaign.h5"),
        ("frobnicate", "mpi-layout --help shows all commands"),
    ],
)
def test_what_is_no_command_is_answered(word, answer, capsys):
    assert cli.main([word]) == 2
    assert answer in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("run campaing.yaml", "no such campaign file; is campaign.yaml meant?"),
        ("check campaign.yml", "no such campaign file; is campaign.yaml meant?"),
        ("check campaign", "no such campaign file; is campaign.yaml meant?"),
        ("check zzz.yaml", "no such campaign file\n"),
        ("run other.h5", "wants a campaign file; is other.yaml meant?"),
        ("status campaing.h5", "no such file; is campaign.h5 meant?"),
        ("status campaign.yaml", "no results file of mpi-layout; is campaign.h5 meant?"),
        ("status wild.yaml", "no results file of mpi-layout; `mpi-layout run wild.yaml` makes one"),
        ("status elsewhere/x.h5", "no such file\n"),
    ],
)
def test_a_file_that_is_not_there_or_another_is_guessed(command, answer, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("campaign.yaml", "campaign.h5", "other.yaml", "wild.yaml"):
        Path(name).write_text("name: a\n")
    Path("other.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert cli.main(command.split()) == 2
    assert answer in capsys.readouterr().err
