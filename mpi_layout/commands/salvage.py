"""The command salvage: what scripts that came before have left, taken into a results file."""

import argparse
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mpi_layout.commands.options import add_code_option, number, whole_number
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import answer_json, complain, counting, say
from mpi_layout.errors import InputError
from mpi_layout.exit_codes import ExitCode

if TYPE_CHECKING:
    from mpi_layout.salvage.audit import Audit

EPILOG = """\
examples:
  mpi-layout salvage old/ --campaign campaign.yaml --into campaign.h5 --dry-run
  mpi-layout salvage old/ layouts.h5 --campaign campaign.yaml --into campaign.h5 --report audit.json
  mpi-layout run campaign.yaml          computes what is still missing

OLD are HDF5 files, or folders of them, with groups farm0_t5_s0 (datasets layout and aep) or with columns
(farm_id, farm_type, seed, layout, aep). They are only read. Every file and every layout is judged, and AEP
is computed anew.

exit codes: 0 all was sound; 3 done, but some files or layouts were not; 4 more than --max-bad were not, and
nothing was written; 2 wrong input, or nothing to take.
"""

_REPORTS = (".json", ".txt")
_SHORT = 20  # lines of a kind on the screen


def add(commands: Commands) -> None:
    """Add `salvage`."""
    salvage = add_command(
        commands,
        "salvage",
        salvage_command,
        "take the sound layouts of older scripts' HDF5 files into a results file",
        EPILOG,
    )
    salvage.add_argument(
        "old", type=Path, nargs="+", metavar="OLD", help="old HDF5 files, and folders of them"
    )
    salvage.add_argument(
        "--campaign", type=Path, required=True, metavar="CAMPAIGN", help="campaign file that they belong to"
    )
    salvage.add_argument(
        "--into", type=Path, required=True, metavar="FILE", help="results file; made, or added to"
    )
    salvage.add_argument(
        "--dry-run", action="store_true", help="look, compute and report, but write no results"
    )
    salvage.add_argument(
        "--on-duplicate",
        choices=["keep-better", "first", "last", "error"],
        default="keep-better",
        help="which of several unequal layouts of one config is taken (default: keep-better)",
    )
    salvage.add_argument(
        "--replace-worse",
        action="store_true",
        help="let rows that are done in FILE give way to better layouts; else they stay",
    )
    salvage.add_argument(
        "--mend",
        type=_metres,
        default=0.0,
        metavar="METRES",
        help="move turbines by at most so much where a layout breaks a rule; else it is refused",
    )
    salvage.add_argument(
        "--max-bad",
        type=whole_number(0),
        metavar="N",
        help="write nothing if there are more bad files, and refused layouts in other files",
    )
    salvage.add_argument(
        "--quarantine", type=Path, metavar="DIR", help="copy the files that are not sound to this folder"
    )
    salvage.add_argument(
        "--report",
        type=Path,
        action="append",
        default=[],
        metavar="OUT",
        help="write the audit report, as OUT ends with .json or .txt; may be repeated",
    )
    salvage.add_argument("--force", action="store_true", help="replace OUT if it exists")
    salvage.add_argument("--json", action="store_true", help="answer in JSON")
    add_code_option(salvage)


def salvage_command(args: argparse.Namespace) -> int:
    """Take the sound layouts of old files into a results file."""
    from mpi_layout.salvage.audit import text_of
    from mpi_layout.salvage.choice import OnDuplicate
    from mpi_layout.salvage.salvage import Request, salvage

    _check_reports(args.report, force=args.force)  # now, and not after a minute of work
    request = Request(
        old=tuple(args.old),
        campaign=args.campaign,
        into=args.into,
        on_duplicate=OnDuplicate(args.on_duplicate),
        replace_worse=args.replace_worse,
        mend=args.mend,
        max_bad=args.max_bad,
        quarantine=args.quarantine,
        dry_run=args.dry_run,
        allow_code=args.allow_code,
    )
    with counting("layouts evaluated") as progress:
        audit = salvage(request, progress)
    for report in args.report:
        _write_report(report, audit, force=args.force)
    if args.json:
        answer_json(audit.to_json())
    else:
        say(text_of(audit, most=_SHORT))
    return _ended(audit, args)


def _ended(audit: "Audit", args: argparse.Namespace) -> int:
    if audit.stopped:
        why = f"{args.into}: nothing is written: {audit.stopped}"
        if audit.stop_code == ExitCode.INPUT:
            raise InputError(why)
        complain(why)
    elif not args.json and not args.dry_run and audit.n_missing:
        campaign, into = (shlex.quote(str(path)) for path in (args.campaign, args.into))
        say(f"compute the {audit.n_missing:,} that are missing: mpi-layout run {campaign} -o {into}")
    return audit.exit_code


def _check_reports(targets: Sequence[Path], *, force: bool) -> None:
    from mpi_layout.results.written import refuse_existing

    for index, target in enumerate(targets):
        if target.suffix.lower() not in _REPORTS:  # --force must not replace an old file
            raise InputError(f"{target}: is the name of no report; wants one that ends with .json or .txt")
        refuse_existing(target, force=force)
        if not target.parent.is_dir():
            raise InputError(f"{target}: cannot be written: there is no folder {target.parent}")
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise InputError(f"{target}: cannot be written: the folder {target.parent} is not writable")
        if target in targets[:index]:
            raise InputError(f"{target}: given twice with --report")


def _write_report(target: Path, audit: "Audit", *, force: bool) -> None:
    from mpi_layout.results.written import written
    from mpi_layout.salvage.audit import text_of

    with written(target, force=force) as file:
        if target.suffix.lower() == ".json":
            json.dump(audit.to_json(), file, indent=2)
            file.write("\n")
        else:
            file.write(f"{text_of(audit)}\n")


def _metres(text: str) -> float:
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"wants a distance in m; has {text!r}")
    return value
