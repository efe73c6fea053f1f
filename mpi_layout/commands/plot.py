"""The command plot: pictures of layouts and searches."""

import argparse
from pathlib import Path

from mpi_layout.commands.options import add_selection, selection_of
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import say

EPILOG = """\
examples:
  mpi-layout plot campaign.h5 --layout                         the best one
  mpi-layout plot campaign.h5 --layout --only 'farm0_t15_*'    ... of some
  mpi-layout plot campaign.h5 --layout farm0_t15_s3 -o layout.pdf
  mpi-layout plot campaign.h5 --convergence                    gains over the starts, in %
  mpi-layout plot campaign.h5 --convergence --only 'farm0_t15_*'   AEP of one area and type
"""
BEST = ""  # the layout that is drawn where none is named


def add(commands: Commands) -> None:
    """Add `plot`."""
    plot = add_command(commands, "plot", plot_command, "draw a layout, or how searches went", EPILOG)
    plot.add_argument("file", type=Path, metavar="FILE", help="results file (.h5)")
    what = plot.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--layout",
        nargs="?",
        const=BEST,
        metavar="KEY",
        help="layout of a config, the best one by default",
    )
    what.add_argument(
        "--convergence", action="store_true", help="AEP against evaluations, a line for each config"
    )
    add_selection(plot, status=False, best_per=False)
    plot.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="picture (.png, .pdf, .svg); default: KEY.png or convergence.png, here",
    )
    plot.add_argument("--force", action="store_true", help="replace OUT if it exists")


def plot_command(args: argparse.Namespace) -> int:
    """Draw a layout, or how searches went."""
    from mpi_layout.commands.layout_files import write_convergence, write_picture
    from mpi_layout.results.best import best_layouts
    from mpi_layout.results.reader import open_reader

    results = open_reader(args.file)
    if args.convergence:
        target = args.output or Path("convergence.png")
        write_convergence(target, results, selection_of(args), force=args.force)
        say(f"{target}: AEP against evaluations")
        return 0
    only = args.only if args.layout == BEST else [_exactly(args.layout)]
    (best,) = best_layouts(results, only=only, per=())
    target = args.output or Path(f"{best.config.key}.png")
    write_picture(target, results, best, force=args.force)
    say(f"{target}: the layout of {best.config.key}")
    return 0


def _exactly(key: str) -> str:
    """Glob that only this key matches."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in key)
