"""The commands status and missing: how far a campaign is."""

import argparse
import math
import sys
import time

from mpi_layout.commands.options import add_selection
from mpi_layout.commands.parser import Commands, add_reader
from mpi_layout.console import answer, answer_json, say
from mpi_layout.errors import InputError
from mpi_layout.printable import printable

WATCH_S = 2.0
SHORTEST_WATCH_S, LONGEST_WATCH_S = 0.1, 86400.0
EPILOG = """\
examples:
  mpi-layout status campaign.h5                     how far it is, once
  mpi-layout status campaign.h5 --only 'farm0_*'    of some configs, chosen by key
  mpi-layout status campaign.h5 --watch             live, a look every 2 s; ? explains the keys
  mpi-layout status campaign.h5 --watch 30 --wait   a look every 30 s, from the moment when there is a file
  mpi-layout status campaign.h5 --json              for other programs

With --watch a terminal shows it on the whole screen, with keys that ? explains, until q or Ctrl-C. Elsewhere,
and where TERM is dumb, there is a line per look, with --json a document, until every config has ended.
It only reads, and a look costs what has changed. NO_COLOR takes the colours away.
"""

MISSING_EPILOG = """\
examples:
  mpi-layout missing campaign.h5 | wc -l            how many are left
  mpi-layout missing campaign.h5 --why              each with a tab and the reason: not begun, damaged, ...
"""


def add(commands: Commands) -> None:
    """Add them."""
    status = add_reader(
        commands, "status", status_command, "show how far a campaign is, also while it runs", EPILOG
    )
    status.add_argument(
        "--brief", action="store_true", help="one line: how many configs ended, why the last launch did"
    )
    status.add_argument(
        "--watch",
        nargs="?",
        type=_interval,
        const=WATCH_S,
        metavar="SECONDS",
        help=f"show it live, with a look every SECONDS (default {WATCH_S:g})",
    )
    status.add_argument("--wait", action="store_true", help="watch: wait for FILE where there is none yet")
    status.add_argument(
        "--exit-when-done", action="store_true", help="watch: leave the screen when all configs have ended"
    )
    add_selection(status, status=False, best_per=False)
    missing = add_reader(
        commands,
        "missing",
        missing_command,
        "list the configs that are neither done nor failed",
        MISSING_EPILOG,
    )
    missing.add_argument("--why", action="store_true", help="say of each why it is missing")
    add_selection(missing, status=False, best_per=False)


def _interval(text: str) -> float:
    """Seconds between two looks."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not SHORTEST_WATCH_S <= seconds <= LONGEST_WATCH_S:
        raise argparse.ArgumentTypeError(
            f"wants a number of seconds from {SHORTEST_WATCH_S:g} to {LONGEST_WATCH_S:g}; has {text!r}"
        )
    return seconds


def status_command(args: argparse.Namespace) -> int:
    """Show how far a campaign is, once or again and again."""
    if args.watch is None:
        if args.wait or args.exit_when_done:
            raise InputError("--wait and --exit-when-done go with --watch")
        return _show_status(args)
    if args.only:
        raise InputError("--only does not go with --watch, which shows all configs")
    from mpi_layout.commands.watch import has_screen, watch_in_lines, watch_on_screen

    if has_screen() and not args.json and not args.brief:
        return watch_on_screen(args.file, args.watch, wait=args.wait, until_done=args.exit_when_done)
    form = "json" if args.json else "brief" if args.brief else "line"
    return watch_in_lines(args.file, args.watch, form, wait=args.wait)


def _show_status(args: argparse.Namespace) -> int:
    """Show it once."""
    from mpi_layout.commands.tables import brief_status, status_view
    from mpi_layout.results.locking.lock_file import read_notice
    from mpi_layout.results.reader import open_reader
    from mpi_layout.results.state.summary import summarise

    now = time.time()
    results = open_reader(args.file)
    summary = summarise(results, now=now, only=args.only, notice=read_notice(args.file))
    if args.json:
        answer_json(summary.to_json())
    elif args.brief:
        say(brief_status(summary))
    else:
        answer(status_view(summary, now=now))
    return 0


def missing_command(args: argparse.Namespace) -> int:
    """List the configs that are neither done nor failed."""
    from mpi_layout.results.reader import open_reader
    from mpi_layout.results.state.summary import missing

    found = missing(open_reader(args.file), args.only)
    if args.json:
        reasons = dict(found)
        answer_json({"missing": list(reasons)} | ({"why": reasons} if args.why else {}))
    else:
        sys.stdout.writelines(
            f"{printable(key)}\t{why}\n" if args.why else f"{printable(key)}\n" for key, why in found
        )
    return 0
