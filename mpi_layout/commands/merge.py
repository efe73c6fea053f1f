"""The command merge: results files of one campaign, computed on several machines, become one."""

import argparse
from pathlib import Path

from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import answer, answer_json, counting

EPILOG = """\
The files are of one campaign, and are only read. Each row is checked before it is taken; a layout goes before
a failure, a failure before nothing. `mpi-layout run CAMPAIGN -o OUT` then computes what no file has.

examples:
  mpi-layout run campaign.yaml -o a.h5 --only 'farm0_*'    on one machine
  mpi-layout run campaign.yaml -o b.h5 --only 'farm1_*'    on another one
  mpi-layout merge a.h5 b.h5 --into all.h5
  mpi-layout merge a.h5 b.h5 other.h5 --into all.h5 --on-conflict better --dry-run
  mpi-layout merge a.h5 b.h5 --into seeds.h5 --campaign campaign.yaml    of other seeds, it has all of them
"""


def add(commands: Commands) -> None:
    """Add `merge`."""
    merge = add_command(
        commands, "merge", merge_command, "put results files of one campaign together into a new one", EPILOG
    )
    merge.add_argument("files", type=Path, nargs="+", metavar="FILE", help="results files (.h5)")
    merge.add_argument(
        "-o", "--into", type=Path, required=True, metavar="OUT", help="results file that is made of them"
    )
    merge.add_argument(
        "--campaign",
        type=Path,
        metavar="CAMPAIGN",
        help="campaign file of OUT, if the files differ in seeds alone: it has all of them",
    )
    merge.add_argument(
        "--on-conflict",
        choices=["error", "first", "better"],
        default="error",
        help="where layouts of a config are not the same: stop (default), take that of the first file, or "
        "the one with the larger objective",
    )
    merge.add_argument("--dry-run", action="store_true", help="say what would come of it, and write nothing")
    merge.add_argument("--force", action="store_true", help="replace OUT if it exists")
    merge.add_argument(
        "--no-lock",
        action="store_true",
        help="take what running launches have stored by now; go on where OUT cannot be locked",
    )
    merge.add_argument("--json", action="store_true", help="answer in JSON")


def merge_command(args: argparse.Namespace) -> int:
    """Put results files together."""
    from mpi_layout.commands.merge_tables import merge_view
    from mpi_layout.merge.merge import merge
    from mpi_layout.merge.merged import ConflictError, Merged

    def show(merged: Merged, *, made: bool) -> None:
        if args.json:
            answer_json({"into": str(args.into), "made": made, **merged.to_json()})
        else:
            answer(merge_view(merged, str(args.into), made=made))

    options = {"on_conflict": args.on_conflict, "force": args.force, "dry_run": args.dry_run}
    options |= {"campaign_path": args.campaign, "no_lock": args.no_lock}
    try:
        with counting("configs looked at") as progress:
            merged = merge(args.files, args.into, **options, progress=progress)
    except ConflictError as error:
        show(error.merged, made=False)
        raise
    show(merged, made=not args.dry_run)
    return 0
