import errno
import json
import math
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from mpi_layout import cli, memory
from mpi_layout.__main__ import main as program
from mpi_layout.commands import campaigns
from mpi_layout.commands.options import time_limit
from mpi_layout.progress import ProgressLines, Snapshot, duration


@pytest.fixture
def results(small_campaign, monkeypatch, capsys):
    """A finished results file."""
    monkeypatch.chdir(small_campaign.parent)
    assert cli.main(["run", "small.yaml"]) == 0
    capsys.readouterr()
    return small_campaign.parent / "small.h5"


# ---------------------------------------------------------------- usage


COMMANDS = ["run", "optimise", "check", "schema", "init", "evaluate", "status", "verify", "missing", "diff"]
COMMANDS += ["doctor", "recover", "export", "best", "plot"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_of_every_command(command, capsys):
    assert cli.main([*command.split(), "--help"]) == 0
    assert "usage: mpi-layout" in capsys.readouterr().out


def test_help_lists_the_exit_codes(capsys):
    cli.main(["--help"])
    text = capsys.readouterr().out
    for code in ("0 ", "1 ", "2 ", "3 ", "4 ", "75 "):
        assert f"  {code}" in text


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["run"],
        ["run", "c.yaml", "--time-limit", "90"],
        ["run", "c.yaml", "--time-limit", "0:99:00"],
        ["run", "c.yaml", "--backend", "carrier-pigeon"],
        ["run", "c.yaml", "--retry"],
    ],
)
def test_wrong_usage_is_code_2(arguments, capsys):
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert "mpi-layout" in captured.err
    assert not captured.out


@pytest.mark.parametrize(
    ("text", "seconds"), [("0:00:01", 1), ("1:02:03", 3723), ("48:00:00", 172800), ("2-01:00:00", 176400)]
)
def test_time_limit(text, seconds):
    assert time_limit(text) == seconds


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("mpi-layout ")


def test_a_wrong_command_line_is_explained_by_one_rank_only(monkeypatch, capsys):
    monkeypatch.setenv("PMI_SIZE", "3")
    monkeypatch.setenv("PMI_RANK", "2")
    assert cli.main(["nonsense"]) == 2
    assert capsys.readouterr().err == ""


def test_readers_under_a_launcher_answer_once(results, monkeypatch, capsys):
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setenv("PMI_RANK", "1")
    assert cli.main(["status", str(results)]) == 0
    assert capsys.readouterr().out == ""


# ---------------------------------------------------------------- before a run


def test_init_writes_a_file_that_check_accepts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init"]) == 0
    assert cli.main(["check", "campaign.yaml"]) == 0
    text = capsys.readouterr().out
    assert "configs:" in text
    assert "MB" in text
    assert "measured" in text


def test_init_overwrites_nothing(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text("precious")
    assert cli.main(["init", str(path)]) == 2
    assert str(path) in capsys.readouterr().err
    assert path.read_text() == "precious"


def test_init_in_a_missing_folder(tmp_path, capsys):
    assert cli.main(["init", str(tmp_path / "no" / "c.yaml")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_check_counts(small_campaign, capsys):
    assert cli.main(["check", str(small_campaign)]) == 0
    text = capsys.readouterr().out
    assert "12 = 2 areas x 2 turbine types x 3 seeds" in text
    assert "a_t10_s0 ... b_t15_s2" in text


def test_check_says_that_the_largest_config_fails(small_campaign, capsys):
    text = small_campaign.read_text().replace("grid: [8, 8]", "grid: [2, 2]")
    small_campaign.write_text(text)
    assert cli.main(["check", str(small_campaign)]) == 0
    text = capsys.readouterr().out
    assert "fails" in text
    assert "warning:" in text


def test_schema_is_json(capsys):
    assert cli.main(["schema"]) == 0
    assert "areas" in json.loads(capsys.readouterr().out)["properties"]


# ---------------------------------------------------------------- after a run


def test_status(results, capsys):
    assert cli.main(["status", str(results)]) == 0
    assert "12 of 12" in capsys.readouterr().out
    assert cli.main(["status", str(results), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["done"] == 12


def test_status_watch_ends_when_all_is_done(results, capsys):
    assert cli.main(["status", str(results), "--watch"]) == 0
    assert "12 of 12" in capsys.readouterr().out


def test_status_is_plain_text_outside_a_terminal(results, capsys):
    cli.main(["status", str(results)])
    assert "\x1b" not in capsys.readouterr().out


def test_verify(results, capsys):
    assert cli.main(["verify", str(results)]) == 0
    assert "nothing wrong" in capsys.readouterr().out
    assert cli.main(["verify", str(results), "--json", "--no-aep"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": 12, "findings": []}


def test_verify_finds_a_changed_byte(results, capsys):
    data = bytearray(results.read_bytes())
    place = data.index(b"a_t10_s1\0")  # the key of a row, which its checksum covers
    data[place] ^= 1
    results.write_bytes(data)
    assert cli.main(["verify", str(results)]) == 1
    assert "checksum" in capsys.readouterr().out


def test_missing(results, tmp_path, small_campaign, capsys):
    assert cli.main(["missing", str(results)]) == 0
    assert capsys.readouterr().out == ""
    part = tmp_path / "part.h5"
    assert cli.main(["run", str(small_campaign), "-o", str(part), "--only", "a_*"]) == 0
    capsys.readouterr()
    assert cli.main(["missing", str(part)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"b_{t}_s{s}" for t in ("t10", "t15") for s in range(3)]
    assert cli.main(["missing", str(part), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["missing"]) == 6
    assert cli.main(["missing", str(part), "--why", "--only", "*_s0"]) == 0
    assert capsys.readouterr().out == "b_t10_s0\tnot begun\nb_t15_s0\tnot begun\n"
    assert cli.main(["missing", str(part), "--why", "--json", "--only", "b_t10_s0"]) == 0
    answer = {"missing": ["b_t10_s0"], "why": {"b_t10_s0": "not begun"}}
    assert json.loads(capsys.readouterr().out) == answer
    assert cli.main(["missing", str(part), "--only", "c_*"]) == 2


def test_status_of_some_configs(results, capsys):
    assert cli.main(["status", str(results), "--only", "a_t10_*"]) == 0
    out = capsys.readouterr().out
    assert "3 of 3 finished" in out
    assert "t15" not in out
    assert cli.main(["status", str(results), "--only", "a_*", "--watch"]) == 2
    assert "--only does not go with --watch" in capsys.readouterr().err


def test_diff(results, tmp_path, small_campaign, capsys):
    other = tmp_path / "other.h5"
    assert cli.main(["run", str(small_campaign), "-o", str(other), "--only", "a_*"]) == 0
    assert cli.main(["diff", str(results), str(results)]) == 0
    assert cli.main(["diff", str(results), str(other)]) == 1
    capsys.readouterr()
    assert cli.main(["diff", str(results), str(other), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["by_column"] == {"status": 6}


@pytest.mark.parametrize("command", ["status", "verify", "missing"])
def test_readers_refuse_what_is_no_results_file(command, tmp_path, capsys):
    path = tmp_path / "x.h5"
    assert cli.main([command, str(path)]) == 2
    path.write_bytes(b"")
    assert cli.main([command, str(path)]) == 2
    path.write_bytes(b"something else" * 1000)
    assert cli.main([command, str(path)]) == 2
    assert capsys.readouterr().err.count(f"mpi-layout: error: {path}") == 3


def test_a_reader_that_leaves_early_is_no_error(start, results):
    launch = start("schema")
    launch.process.stdout.close()
    _, err = launch.process.communicate(timeout=30)
    assert err == ""
    assert launch.process.returncode == 0


# ---------------------------------------------------------------- errors and progress


def too_large():
    with pytest.raises(MemoryError) as told:
        np.empty(2**57)
    return told.value


def test_a_bug_is_code_1_with_a_traceback(small_campaign, monkeypatch, capsys):
    def stumble(args):
        raise ZeroDivisionError("somewhere deep")

    monkeypatch.setattr(campaigns, "schema_command", stumble)
    assert program(["schema"]) == 1
    err = capsys.readouterr().err
    assert "mpi-layout: bug" in err
    assert "ZeroDivisionError: somewhere deep" in err


def test_a_failing_disk_is_code_1_without_a_traceback(monkeypatch, capsys):
    def fail(args):
        raise OSError(28, "No space left on device", "/data/c.h5")

    monkeypatch.setattr(campaigns, "schema_command", fail)
    assert program(["schema"]) == 1
    assert capsys.readouterr().err == "mpi-layout: error: [Errno 28] No space left on device: '/data/c.h5'\n"


@pytest.mark.parametrize(
    ("error", "limit", "says"),
    [
        (too_large(), math.inf, "Unable to allocate 1.00 EiB"),
        (OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), math.inf, "Cannot allocate memory. Free some"),
        (ImportError("advice\n\nx.so: failed to map segment from shared object", name="x"), 1e8, "100 MB"),
        (SystemError("error return without exception set"), 1e8, "memory ran out. A process may have 100 MB"),
    ],
    ids=["numpy", "a new process", "a library", "the interpreter"],
)
def test_memory_that_runs_out_is_one_message(error, limit, says, monkeypatch, capsys):
    def fail(args):
        raise error

    monkeypatch.setattr(memory, "memory_limit", lambda: limit)
    monkeypatch.setattr(campaigns, "schema_command", fail)
    assert program(["schema"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("mpi-layout: error: memory ran out")
    assert says in err
    assert "mpi-layout doctor" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (SystemError("error return without exception set"), 1, "mpi-layout: bug"),
        (ImportError("x.so: no such file", name="x"), 2, "Install it again"),
    ],
)
def test_what_does_not_come_of_memory_is_told_as_before(error, code, says, monkeypatch, capsys):
    def fail(args):
        raise error

    monkeypatch.setattr(memory, "memory_limit", lambda: math.inf)
    monkeypatch.setattr(campaigns, "schema_command", fail)
    assert program(["schema"]) == code
    err = capsys.readouterr().err
    assert says in err
    assert "memory" not in err


@pytest.mark.parametrize("limit_kB", [40_000, 100_000])
def test_a_limit_under_which_nothing_can_be_loaded(launch, small_campaign, limit_kB):
    ended = launch("check", small_campaign, under=["sh", "-c", f'ulimit -v {limit_kB}; exec "$@"', "sh"])
    assert ended.code == 1
    assert "emory" in ended.err  # OpenBLAS may end the process by itself, with a message of its own
    assert "Traceback" not in ended.err


INTERRUPTED = """
import os, signal, sys
module = sys.argv.pop(1)
class Finder:
    def find_spec(self, name, path, target=None):
        if name == module:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets jobs in its background ignore it
sys.meta_path.insert(0, Finder())
from mpi_layout.__main__ import program
sys.exit(program())
"""


@pytest.mark.parametrize("module", ["mpi_layout.console", "mpi_layout.cli", "numpy"])
def test_ctrl_c_while_the_program_is_being_loaded(module, small_campaign):
    command = [sys.executable, "-P", "-c", INTERRUPTED, module, "check", str(small_campaign)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (75, "", "mpi-layout: stopped by Ctrl-C\n")


def test_signal_handlers_are_given_back(small_campaign, tmp_path, capsys):
    before = signal.getsignal(signal.SIGTERM)
    cli.main(["run", str(small_campaign), "-o", str(tmp_path / "r.h5")])
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_process_of_a_caller_keeps_its_signals(capsys):
    before = signal.getsignal(signal.SIGUSR1)
    assert before != signal.SIG_IGN
    assert program(["schema"]) == 0
    assert signal.getsignal(signal.SIGUSR1) is before


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123, "12 ms"), (4.21, "4.2 s"), (80, "80 s"), (700, "12 min"), (11100, "3 h 5 min"), (1e6, "278 h")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_progress_lines_come_once_per_interval(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 6.0, 7.0, 40.0, 41.0])
    monkeypatch.setattr("mpi_layout.progress.time.monotonic", lambda: next(clock))
    cli.set_up_logging(0, verbose=False)
    lines = ProgressLines(30.0)
    for done in (0, 10, 11, 60, 61):
        now = Snapshot(done=done, failed=0, running=2, waiting=98 - done, seconds_left=60.0)
        lines.show(lambda now=now: now)
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 2
    assert "10 of 100 done (10.0 %)" in err[0]
    assert "60 of 100 done" in err[1]
    assert "60 s left" in err[1]


@pytest.mark.parametrize("command", ["run", "check"])
def test_an_unknown_instruction_set_is_wrong_input(command, small_campaign, monkeypatch, capsys):
    monkeypatch.chdir(small_campaign.parent)
    monkeypatch.setenv("MPI_LAYOUT_ISA", "sse")
    assert cli.main([command, str(small_campaign)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "mpi-layout: error: environment variable MPI_LAYOUT_ISA: is 'sse'; wants one of generic, avx2, avx512"
    ]
    assert not small_campaign.with_suffix(".h5").exists()
