"""The command recover: what a damaged results file still holds."""

import argparse
import shlex
from dataclasses import asdict
from pathlib import Path

from mpi_layout.commands.parser import Commands, add_reader
from mpi_layout.console import answer_json, say

EPILOG = """\
examples:
  mpi-layout recover broken.h5 saved.h5
  mpi-layout recover broken.h5 saved.h5 --campaign campaign.yaml    its campaign is damaged, too
  mpi-layout run campaign.yaml -o saved.h5                          then computes what was lost

Rows whose checksum is right are saved, the others wait again. The damaged file is only read.
"""


def add(commands: Commands) -> None:
    """Add `recover`."""
    recover = add_reader(
        commands,
        "recover",
        recover_command,
        "save the sound rows of a damaged results file into a new one",
        EPILOG,
    )
    recover.add_argument("new", type=Path, metavar="NEW", help="new results file; must not exist")
    recover.add_argument(
        "--campaign", type=Path, metavar="CAMPAIGN", help="campaign file, if its text in FILE is damaged too"
    )


def recover_command(args: argparse.Namespace) -> int:
    """Save what a damaged results file still holds."""
    from mpi_layout.results.recover import recover

    saved = recover(args.file, args.new, args.campaign)
    if args.json:
        answer_json(asdict(saved))
        return 0
    say(f"{args.new}: {saved.done} done and {saved.failed} failed rows saved, {saved.lost} lost")
    new, campaign = shlex.quote(str(args.new)), shlex.quote(str(args.campaign or "CAMPAIGN"))
    if left := saved.lost + saved.waiting:
        say(f"compute the {left} that wait, the lost ones among them: mpi-layout run {campaign} -o {new}")
    say(f"check what was saved: mpi-layout verify {new}")
    return 0
