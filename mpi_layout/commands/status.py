"""The commands status and missing: how far a campaign is."""

import argparse
import sys
import time
from typing import TYPE_CHECKING

from mpi_layout.commands.parser import Commands, add_reader
from mpi_layout.console import answer, answer_json, say
from mpi_layout.printable import printable

if TYPE_CHECKING:
    from mpi_layout.results.summary import Summary

WATCH_S = 2.0


def add(commands: Commands) -> None:
    """Add them."""
    status = add_reader(commands, "status", status_command, "show how far a campaign is, also while it runs")
    status.add_argument(
        "--brief", action="store_true", help="one line: how many configs ended, why the last launch did"
    )
    status.add_argument("--watch", action="store_true", help="again and again, until all is done or Ctrl-C")
    add_reader(commands, "missing", missing_command, "list the configs that are neither done nor failed")


def status_command(args: argparse.Namespace) -> int:
    """Show how far a campaign is, once or again and again."""
    while True:
        summary, took = _show_status(args)
        if not args.watch or not (summary.counts.waiting or summary.counts.damaged):
            return 0
        try:
            # A look at a large file takes a while; most of the disk's time belongs to the writer.
            time.sleep(max(WATCH_S, 5 * took))
        except KeyboardInterrupt:
            return 0


def _show_status(args: argparse.Namespace) -> tuple["Summary", float]:
    """Show it; give it back, and how long reading it took [s]."""
    from mpi_layout.commands.tables import brief_status, status_view
    from mpi_layout.results.reader import open_reader
    from mpi_layout.results.summary import summarise

    now, began = time.time(), time.monotonic()
    summary = summarise(open_reader(args.file), now=now)
    took = time.monotonic() - began
    if args.json:
        answer_json(summary.to_json(), indent=None if args.watch else 2)
    elif args.brief:
        say(brief_status(summary))
    else:
        answer(status_view(summary, now=now), clear=args.watch)
    return summary, took


def missing_command(args: argparse.Namespace) -> int:
    """List the configs that are neither done nor failed."""
    from mpi_layout.results.reader import open_reader
    from mpi_layout.results.summary import missing_keys

    keys = missing_keys(open_reader(args.file))
    if args.json:
        answer_json({"missing": list(keys)})
    else:
        sys.stdout.writelines(f"{printable(key)}\n" for key in keys)
    return 0
