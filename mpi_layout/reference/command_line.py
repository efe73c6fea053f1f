"""What the commands take, from the parser that reads their command lines."""

import argparse
import re
from collections.abc import Iterator

from mpi_layout.cli import make_parser
from mpi_layout.reference.markdown import table

_EVERYWHERE = ("help", "verbose")


def command_texts() -> str:
    """A section for each command."""
    return "\n\n".join(_section(name, parser) for name, parser in parsers().items())


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, in the order in which `--help` lists them."""
    actions = make_parser()._actions
    (choice,) = (action for action in actions if isinstance(action, argparse._SubParsersAction))
    return dict(choice.choices)


def _section(name: str, parser: argparse.ArgumentParser) -> str:
    actions = [action for action in parser._actions if action.dest not in _EVERYWHERE]
    needed = [_words(action) for action in actions if action.required or not action.option_strings]
    usage = " ".join(["mpi-layout", name, *needed, "[options]"])
    rows = [(f"`{_all_words(action)}`", _help(action)) for action in actions]
    parts = [f"## `{name}`", _prose(parser.description or ""), f"`{usage}`"]
    parts += [table(("argument", "meaning"), rows)] if rows else []
    return "\n\n".join([*parts, *_epilog(parser.epilog or "")])


def _words(action: argparse.Action) -> str:
    """An argument as one types it."""
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    value = " ".join(value) if isinstance(value, tuple) else value
    if action.nargs == 0:
        value = ""
    elif action.nargs in ("?", "*"):
        value = f"[{value}{' ...' * (action.nargs == '*')}]"
    elif action.nargs == "+":
        value = f"{value} ..."
    return " ".join(filter(None, [*action.option_strings[-1:], value]))


def _all_words(action: argparse.Action) -> str:
    return ", ".join([*action.option_strings[:-1], _words(action)])


def _help(action: argparse.Action) -> str:
    return _prose((action.help or "") % {"default": action.default})


def _prose(text: str) -> str:
    """Text in which nothing is Markdown."""
    return re.sub(r"([*<])", r"\\\1", text)


def _epilog(text: str) -> Iterator[str]:
    """What stands below the options of `--help`: examples become a block, the rest stays text."""
    for paragraph in filter(None, text.strip().split("\n\n")):
        title, _, lines = paragraph.partition("\n")
        if title.endswith(":") and all(line.startswith("  ") for line in lines.splitlines()):
            if title != "examples:":
                yield _prose(title)
            yield "\n".join(["```sh", *map(_example, lines.splitlines()), "```"])
        else:
            yield _prose(paragraph)


def _example(line: str) -> str:
    """A line of `--help`, a command and after two spaces what it does, as a line of a shell."""
    command, space, comment = re.fullmatch(r"  (.*?\S)(?:(  +)(.*))?", line).groups()  # type: ignore[union-attr]
    return f"{command}{space}# {comment}" if comment else command
