"""The command line: what each command is called, what it takes, how it exits."""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

from mpi_layout.best_options import add_best, add_optimise, add_plot
from mpi_layout.commands import (
    check_command,
    diff_command,
    evaluate_command,
    export_command,
    init_command,
    missing_command,
    recover_command,
    run_command,
    schema_command,
    status_command,
    verify_command,
)
from mpi_layout.console import complain, set_up_logging
from mpi_layout.errors import InputError
from mpi_layout.exit_codes import ExitCode
from mpi_layout.optimise_command import optimise_command
from mpi_layout.options import add_code_option, add_launch_options, add_model_options
from mpi_layout.parallel.launcher import launcher_hint
from mpi_layout.printable import printable

DESCRIPTION = "Databases of optimised wind farm layouts, computed by MPI ranks into one HDF5 file."
MAIN_EPILOG = """\
a first campaign:
  mpi-layout init campaign.yaml            write a commented campaign file
  mpi-layout check campaign.yaml           what it would compute, and how long that takes
  mpi-layout run campaign.yaml             compute it with one process ...
  mpiexec -n 9 mpi-layout run campaign.yaml    ... or with 8 workers (rank 0 hands out and writes)
  mpi-layout status campaign.h5            how far it is, from another shell
  mpi-layout verify campaign.h5            is every result sound?
  mpi-layout best campaign.h5              the best layout of each area and turbine type

one farm, from its windIO file:
  mpiexec -n 9 mpi-layout optimise system.yaml --starts 200    the best layout, as windIO, CSV and picture

The same `run` or `optimise` command goes on after any stop, kill or power cut.

exit codes:
  0   all done                  3   done, but some configs failed
  1   a bug, or a failed check  4   stopped: more configs failed than allowed
  2   wrong input or usage      75  stopped early: run the same command again
"""
RUN_EPILOG = """\
examples:
  mpi-layout run campaign.yaml                             one process, results in campaign.h5
  mpiexec -n 5 mpi-layout run campaign.yaml -o /data/c.h5  4 workers
  mpi-layout run campaign.yaml --only 'farm0_*_s[0-4]'     some configs, chosen by key
  mpi-layout run campaign.yaml --time-limit 0:30:00        leave in order after half an hour

SIGUSR1, SIGTERM, Ctrl-C and the end of a Slurm job end a launch in order: nothing more is handed out,
what ends soon is stored, the exit code is 75. The same command goes on. A second Ctrl-C ends it at once.
"""
EVALUATE_EPILOG = """\
examples:
  mpi-layout evaluate system.yaml                              the layouts of a windIO system
  mpi-layout evaluate system.yaml --model NOJ --model-parameter k=0.05
  mpi-layout evaluate system.yaml --layout layout.csv --per-turbine
  mpi-layout evaluate system.yaml --neighbours others.csv      ... in the wakes of another farm
  mpi-layout evaluate campaign.yaml --layout other.h5 --only 'farm0_*'
  mpi-layout evaluate campaign.h5 --model BastankhahGaussian   its layouts in the wakes of another model
"""

ON_ALL_RANKS = (run_command, optimise_command)

_STYLE: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of this process by default.

    Returns
    -------
    The exit code.
    """
    hint = launcher_hint()
    # What is wrong with a command line is said once, not once per rank.
    answers = sys.stdout if hint.first else io.StringIO()
    complaints = sys.stderr if hint.first else io.StringIO()
    try:
        with contextlib.redirect_stdout(answers), contextlib.redirect_stderr(complaints):
            chosen = make_parser().parse_args(arguments)
    except SystemExit as leave:  # argparse has said why
        return int(leave.code or 0)
    if chosen.command not in ON_ALL_RANKS and not hint.first:
        return 0  # one answer is enough
    set_up_logging(hint.rank, verbose=chosen.verbose)
    try:
        code: int = chosen.command(chosen)
        sys.stdout.flush()
        return code
    except InputError as error:
        if hint.first:
            complain(f"error: {error}")
        return ExitCode.INPUT
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


# ---------------------------------------------------------------- parser


class _Parser(argparse.ArgumentParser):
    """Repeats nothing of a command line that could steer a terminal."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def make_parser() -> argparse.ArgumentParser:
    """Make the parser; every command carries its function as `command`."""
    parser: argparse.ArgumentParser = _Parser(
        prog="mpi-layout", description=DESCRIPTION, epilog=MAIN_EPILOG, **_STYLE
    )
    parser.add_argument("--version", action="version", version=f"mpi-layout {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    check = _add(commands, "check", check_command, "say what a campaign would compute, and how long it takes")
    check.add_argument("campaign", type=Path, metavar="CAMPAIGN", help="campaign file (YAML)")
    add_code_option(check)
    _add(commands, "schema", schema_command, "print the JSON schema of campaign files")
    init = _add(commands, "init", init_command, "write a commented campaign file to start from")
    init.add_argument(
        "file", type=Path, nargs="?", default="campaign.yaml", metavar="FILE", help="default: campaign.yaml"
    )
    _add_evaluate(commands)
    status = _add_reader(commands, "status", status_command, "show how far a campaign is, also while it runs")
    status.add_argument("--watch", action="store_true", help="again and again, until all is done or Ctrl-C")
    verify = _add_reader(
        commands,
        "verify",
        verify_command,
        "check every result anew: bytes, layout, energy; exit code 1 if wrong",
    )
    verify.add_argument("--no-aep", action="store_true", help="do not compute the energies again (faster)")
    add_code_option(verify)
    _add_reader(commands, "missing", missing_command, "list the configs that are neither done nor failed")
    diff = _add_reader(
        commands,
        "diff",
        diff_command,
        "compare two results files in all but rank, launch, attempts and seconds; exit code 1 if they differ",
        files=("a", "b"),
    )
    diff.epilog = "Equal files are what 1 and 1000 ranks, one launch and twenty killed ones give."
    _add_recover(commands)
    _add_export(commands)
    add_optimise(partial(_add, commands))
    add_best(partial(_add_reader, commands))
    add_plot(partial(_add, commands))
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Callable[[argparse.Namespace], int],
    help_text: str,
    epilog: str = "",
) -> argparse.ArgumentParser:
    description = f"{help_text[0].upper()}{help_text[1:]}."
    parser = commands.add_parser(name, help=help_text, description=description, epilog=epilog, **_STYLE)
    parser.add_argument("-v", "--verbose", action="store_true", help="say more")
    parser.set_defaults(command=command)
    return parser


def _add_reader(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Callable[[argparse.Namespace], int],
    help_text: str,
    files: tuple[str, ...] = ("file",),
) -> argparse.ArgumentParser:
    parser = _add(commands, name, command, help_text)
    for file in files:
        parser.add_argument(file, type=Path, metavar=file.upper(), help="results file (.h5)")
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    return parser


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = _add(commands, "run", run_command, "compute a campaign, or go on with it", RUN_EPILOG)
    run.add_argument("campaign", type=Path, metavar="CAMPAIGN", help="campaign file (YAML)")
    run.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="results file; default: the campaign's name with .h5, here",
    )
    run.add_argument(
        "--only",
        default="*",
        metavar="GLOB",
        help="work only on configs whose key matches; the file holds all",
    )
    add_launch_options(run)
    add_code_option(run)


def _add_evaluate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = _add(
        commands, "evaluate", evaluate_command, "say what annual energy given layouts have", EVALUATE_EPILOG
    )
    evaluate.add_argument(
        "file", type=Path, metavar="FILE", help="windIO system (YAML), campaign or results file (.h5)"
    )
    evaluate.add_argument(
        "--layout",
        type=Path,
        metavar="FILE",
        help="layouts to take instead: CSV with x_m, y_m and turbine_type; windIO (YAML); results file (.h5)",
    )
    evaluate.add_argument(
        "--only", default="*", metavar="GLOB", help="only layouts of a results file whose key matches"
    )
    evaluate.add_argument(
        "--neighbours",
        type=Path,
        metavar="FILE",
        help="turbines of another farm, whose wakes count and whose energy does not; files as of --layout",
    )
    evaluate.add_argument(
        "--neighbours-only", default="*", metavar="GLOB", help="as --only, for the neighbours' results file"
    )
    add_model_options(evaluate)
    evaluate.add_argument("--per-turbine", action="store_true", help="show each turbine")
    evaluate.add_argument(
        "--windio", type=Path, metavar="OUT", help="also write the layouts as a windIO wind farm (YAML)"
    )
    evaluate.add_argument("--force", action="store_true", help="replace OUT if it exists")
    evaluate.add_argument("--json", action="store_true", help="answer in JSON")


def _add_recover(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    recover = _add_reader(
        commands, "recover", recover_command, "save the sound rows of a damaged results file into a new one"
    )
    recover.add_argument("new", type=Path, metavar="NEW", help="new results file; must not exist")
    recover.add_argument(
        "--campaign", type=Path, metavar="CAMPAIGN", help="campaign file, if its text in FILE is damaged too"
    )


def _add_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    export = _add(commands, "export", export_command, "write the done configs as a table")
    export.add_argument("file", type=Path, metavar="FILE", help="results file (.h5)")
    table = export.add_mutually_exclusive_group(required=True)
    table.add_argument(
        "--csv", type=Path, metavar="OUT", help="layouts, a line per turbine; - for standard output"
    )
    table.add_argument(
        "--configs", type=Path, metavar="OUT", help="AEP and other figures, a line per config; - likewise"
    )
    export.add_argument("--only", default="*", metavar="GLOB", help="only configs whose key matches")
    export.add_argument("--force", action="store_true", help="replace OUT if it exists")


def _version() -> str:
    try:
        return version("mpi-layout")
    except PackageNotFoundError:
        return "(run from a source tree)"
