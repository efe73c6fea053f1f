"""How commands get onto the command line."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from mpi_layout.printable import printable

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

STYLE: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}


class Parser(argparse.ArgumentParser):
    """Repeats nothing of a command line that could steer a terminal."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with a command line, and exit with 2."""
        super().error(printable(message))


def add_command(
    commands: Commands,
    name: str,
    command: Callable[[argparse.Namespace], int],
    help_text: str,
    epilog: str = "",
    *,
    on_all_ranks: bool = False,
) -> argparse.ArgumentParser:
    """Add a command, with its function and what it is for.

    Parameters
    ----------
    commands : Commands
        Where to.
    name : str
        What users type.
    command : function
        From parsed arguments to the exit code.
    help_text : str
        A line that begins with a small letter.
    epilog : str, optional
        Examples.
    on_all_ranks : bool, optional
        Whether all ranks of a launch take part; else the first one alone answers.
    """
    description = f"{help_text[0].upper()}{help_text[1:]}."
    parser = commands.add_parser(name, help=help_text, description=description, epilog=epilog, **STYLE)
    parser.add_argument("-v", "--verbose", action="store_true", help="say more")
    parser.set_defaults(command=command, on_all_ranks=on_all_ranks)
    return parser


def add_reader(
    commands: Commands,
    name: str,
    command: Callable[[argparse.Namespace], int],
    help_text: str,
    epilog: str = "",
    *,
    files: tuple[str, ...] = ("file",),
) -> argparse.ArgumentParser:
    """Add a command that reads results files and can answer in JSON; see `add_command`."""
    parser = add_command(commands, name, command, help_text, epilog)
    for file in files:
        parser.add_argument(file, type=Path, metavar=file.upper(), help="results file (.h5)")
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    return parser
