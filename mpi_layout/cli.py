"""The command line: which commands there are, and how the program exits."""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from mpi_layout.commands import (
    best,
    campaigns,
    completion,
    diff,
    doctor,
    evaluate,
    export,
    merge,
    optimise,
    plot,
    recover,
    report,
    run,
    salvage,
    status,
    submit,
    verify,
)
from mpi_layout.commands.parser import STYLE, Parser, parse
from mpi_layout.console import complain, say, set_up_logging
from mpi_layout.errors import InputError
from mpi_layout.exit_codes import ExitCode
from mpi_layout.parallel.launcher import launcher_hint

FIRST_STEPS = """\
mpi-layout computes databases of optimised wind farm layouts. It wants to know what to do; for a start:

  mpi-layout doctor                is all here that it needs?
  mpi-layout init                  write campaign.yaml, a commented campaign to start from
  mpi-layout check campaign.yaml   what would it compute, and how long would that take?
  mpi-layout run campaign.yaml     compute it, into campaign.h5
  mpi-layout best campaign.h5      the best layouts

mpi-layout --help shows all commands, mpi-layout COMMAND --help one of them, with examples.
"""
DESCRIPTION = "Databases of optimised wind farm layouts, computed by MPI ranks into one HDF5 file."
EPILOG = """\
a first campaign:
  mpi-layout doctor                        is all here that it needs?
  mpi-layout init campaign.yaml            write a commented campaign file
  mpi-layout check campaign.yaml           what it would compute, and how long that takes
  mpi-layout run campaign.yaml             compute it with one process ...
  mpiexec -n 9 mpi-layout run campaign.yaml    ... or with 8 workers (rank 0 hands out and writes)
  mpi-layout submit campaign.yaml --ranks 128 --time 1:00:00    ... or by jobs of Slurm or PBS
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
# In the order in which `--help` lists them.
COMMANDS = (
    run,
    submit,
    campaigns,
    evaluate,
    status,
    verify,
    diff,
    merge,
    recover,
    salvage,
    export,
    optimise,
    best,
    plot,
    report,
    doctor,
    completion,
)


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
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what may come next
        from mpi_layout.commands.completers import complete

        complete(make_parser())
    hint = launcher_hint()
    # What is wrong with a command line is said once, not once per rank.
    answers = sys.stdout if hint.first else io.StringIO()
    complaints = sys.stderr if hint.first else io.StringIO()
    try:
        with contextlib.redirect_stdout(answers), contextlib.redirect_stderr(complaints):
            words = sys.argv[1:] if arguments is None else arguments
            if not words:
                sys.stderr.write(FIRST_STEPS)
                return ExitCode.INPUT
            chosen = parse(make_parser(), words)
    except SystemExit as leave:  # argparse has said why
        return int(leave.code or 0)
    if not chosen.on_all_ranks and not hint.first:
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


def make_parser() -> argparse.ArgumentParser:
    """Make the parser; every command carries its function as `command`."""
    parser = Parser(prog="mpi-layout", description=DESCRIPTION, epilog=EPILOG, **STYLE)
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.add(commands)
    return parser


class _Version(argparse.Action):
    """Looks for the version, which lies in a file, only when it is asked for: every rank makes the parser."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            text = version("mpi-layout")
        except PackageNotFoundError:
            text = "(run from a source tree)"
        say(f"mpi-layout {text}")
        parser.exit()
