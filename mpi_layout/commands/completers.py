"""What may come next on a command line, for shells that ask; nothing else loads this."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import argcomplete
from argcomplete.completers import FilesCompleter, SuppressCompleter

from mpi_layout.errors import InputError

# How arguments are called in every command (metavar), and what their values may be.
_CAMPAIGNS, _RESULTS, _PICTURES = ("yaml", "yml"), ("h5",), ("png", "pdf", "svg")
COMPLETER = "completer"  # where argcomplete looks
_KEYS = ("GLOB", "KEY")
# With more keys than this, Tab offers the parts up to the next "_" first.
_MANY = 100


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end the process."""
    for action in _actions(parser):
        if (completer := _completer(action)) is not None:
            setattr(action, COMPLETER, completer)
    argcomplete.autocomplete(parser, always_complete_options=False, default_completer=SuppressCompleter())


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
        else:
            yield action


def _completer(action: argparse.Action) -> Any:
    if action.metavar in _KEYS:
        return complete_key
    if action.metavar == "NAME" and "--model" in action.option_strings:
        return complete_model
    if action.type is not Path:
        return None
    about = action.help or ""
    if action.metavar == "CAMPAIGN" or action.metavar == "SYSTEM":
        return FilesCompleter(_CAMPAIGNS)
    if about.startswith("results file"):
        return FilesCompleter(_RESULTS)
    if about.startswith("picture"):
        return FilesCompleter(_PICTURES)
    return FilesCompleter()


def complete_key(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Complete the key of a config, of the results file or campaign that the command line names."""
    named = (getattr(parsed_args, name, None) for name in ("file", "campaign", "a"))
    file = next((path for path in named if isinstance(path, Path)), None)
    if file is None:
        return []
    try:
        keys = [key for key in _keys(file) if key.startswith(prefix)]
    except (InputError, OSError):
        return []
    return _parts(keys, len(prefix))


def complete_model(prefix: str, **_: Any) -> list[str]:
    """Complete the name of a wake model."""
    from mpi_layout.campaign.wake_spec import WAKE_SECTIONS

    return [name for name in WAKE_SECTIONS if name.startswith(prefix)]


def _keys(file: Path) -> Iterator[str]:
    from mpi_layout.campaign import load_campaign
    from mpi_layout.results.layouts import results_neighbours
    from mpi_layout.results.reader import open_reader

    if file.suffix == ".h5":
        return open_reader(file).campaign.configs.keys()
    return load_campaign(file, results_layout=results_neighbours).configs.keys()


def _parts(keys: list[str], start: int) -> list[str]:
    """Keys, or what is different in them up to the next "_" where there are many."""
    while len(keys) > _MANY:
        ends = (key.find("_", start) + 1 or len(key) for key in keys)
        parts = list(dict.fromkeys(key[:end] for key, end in zip(keys, ends, strict=True)))
        if len(parts) > 1 or parts == keys:
            return parts
        start = len(parts[0])
    return keys
