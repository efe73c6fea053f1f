"""The command export: layouts or figures as a table."""

import argparse
from pathlib import Path

from mpi_layout.commands.options import add_selection, selection_of
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import say


def add(commands: Commands) -> None:
    """Add `export`."""
    export = add_command(commands, "export", export_command, "write the done configs as a table")
    export.add_argument("file", type=Path, metavar="FILE", help="results file (.h5)")
    table = export.add_mutually_exclusive_group(required=True)
    table.add_argument(
        "--csv", type=Path, metavar="OUT", help="layouts, a line per turbine; - for standard output"
    )
    table.add_argument(
        "--configs", type=Path, metavar="OUT", help="AEP and other figures, a line per config; - likewise"
    )
    add_selection(export)
    export.add_argument("--force", action="store_true", help="replace OUT if it exists")


def export_command(args: argparse.Namespace) -> int:
    """Write layouts or figures as a table."""
    from mpi_layout.results.export import export_configs, export_csv
    from mpi_layout.results.reader import open_reader

    results = open_reader(args.file)
    export, target, what = export_csv, args.csv, "layouts"
    if target is None:
        export, target, what = export_configs, args.configs, "figures"
    n_configs = export(results, target, selection_of(args), force=args.force)
    if str(target) != "-":
        say(f"{target}: the {what} of {n_configs} configs")
    return 0
