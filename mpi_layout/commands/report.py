"""The command report: a results file as one page for a browser."""

import argparse
import time
from pathlib import Path

from mpi_layout.commands.options import add_selection
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import say
from mpi_layout.errors import InputError

EPILOG = """\
examples:
  mpi-layout report campaign.h5                          writes campaign.html; also while a launch works
  mpi-layout report campaign.h5 -o report.html --force   ... again
  mpi-layout report campaign.h5 --only 'farm0_*'         some configs alone

The page is one file that asks for nothing else: mail it, archive it, print it.
Pictures need the extra `plot`.
"""


def add(commands: Commands) -> None:
    """Add `report`."""
    report = add_command(
        commands, "report", report_command, "write a page for a browser about a results file", EPILOG
    )
    report.add_argument("file", type=Path, metavar="FILE", help="results file (.h5)")
    report.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="page (.html); default: FILE's name, here; - for standard output",
    )
    add_selection(report, status=False, best_per=False)
    report.add_argument("--force", action="store_true", help="replace OUT if it exists")


def report_command(args: argparse.Namespace) -> int:
    """Write a page about a results file."""
    from mpi_layout.report.report import write_report
    from mpi_layout.results.reader import open_reader

    target = args.output or Path(f"{args.file.stem}.html")
    if str(target) != "-" and target.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{target}: wants a name that ends in .html")
    results = open_reader(args.file)
    write_report(results, target, now=time.time(), only=args.only, force=args.force)
    if str(target) != "-":
        say(f"{target}: open it in a browser")
    return 0
