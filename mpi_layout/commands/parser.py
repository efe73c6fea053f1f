"""How commands get onto the command line."""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from mpi_layout.meant import CAMPAIGNS, RESULTS, meant
from mpi_layout.printable import printable

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

STYLE: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}

_NUMBER = re.compile(r"[-+]?\.?\d[\d.eE+-]*$")


class Parser(argparse.ArgumentParser):
    """Says which word may be meant, and repeats nothing of a command line that could steer a terminal."""

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and remember what was given.

        What follows an option with an optional number is its own only if it is one: argparse would take the
        file in `status --watch FILE` for the number.
        """
        self._given = sys.argv[1:] if args is None else tuple(args)
        return super().parse_known_args(list(self._with_numbers(self._given)), namespace)

    def _with_numbers(self, given: Sequence[str]) -> Iterator[str]:
        numbered = {
            name: action.const
            for action in self._actions
            if action.nargs == "?" and isinstance(action.const, float)
            for name in action.option_strings
        }
        for word, following in zip_longest(given, given[1:], fillvalue=""):
            alone = word in numbered and not _NUMBER.match(following)
            yield f"{word}={numbered[word]}" if alone else word

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with a command line, and exit with 2."""
        super().error(printable(message + self._meant()))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            of_commands = isinstance(action, argparse._SubParsersAction)
            known = [str(choice) for choice in action.choices or ()]
            if instead := (_command_meant if of_commands else _choice_meant)(str(value), known):
                error.message = f"{value!r} is {instead}"
            raise

    def _meant(self) -> str:
        """Options that are mistyped: argparse may have stumbled over something else because of them."""
        known = self._option_string_actions
        words = (word.partition("=")[0] for word in self._given if word.startswith("--"))
        close = [(word, meant(word, known)) for word in words if word not in known and word != "--"]
        return "".join(f"; {word}: is {other} meant?" for word, other in close if other)


def _command_meant(word: str, known: Sequence[str]) -> str:
    """What a word in the place of a command is, and what to say instead."""
    if word in ("help", "version"):
        return f"unknown; is --{word} meant?"
    for suffixes, command in ((CAMPAIGNS, "run"), (RESULTS, "status")):
        if Path(word).suffix in suffixes:
            return f"a file, and a command goes before it, such as: mpi-layout {command} {word}"
    return _choice_meant(word, known) or "unknown; mpi-layout --help shows all commands"


def _choice_meant(word: str, known: Sequence[str]) -> str:
    close = meant(word, known)
    return f"unknown; is {close} meant?" if close else ""


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; what is wrong after the command is said by the command's own parser."""
    chosen, unknown = parser.parse_known_args(arguments)
    if unknown:
        chosen.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return chosen


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
    parser.set_defaults(command=command, parser=parser, on_all_ranks=on_all_ranks)
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
