"""The command best: the best layouts of a results file, also as files for other programs."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mpi_layout.commands.options import add_selection, per
from mpi_layout.commands.parser import Commands, add_reader
from mpi_layout.console import answer, answer_json, say
from mpi_layout.errors import InputError

if TYPE_CHECKING:
    from mpi_layout.results.best import Best
    from mpi_layout.results.reader import Results

EPILOG = """\
examples:
  mpi-layout best campaign.h5                                  of each area and turbine type
  mpi-layout best campaign.h5 --per area --only '*_t15_*'      of each area, one type
  mpi-layout best campaign.h5 --per all --windio best.yaml --csv best.csv --picture best.png
  mpi-layout best campaign.h5 --picture pictures/              one for each, into a folder that exists
"""


def add(commands: Commands) -> None:
    """Add `best`."""
    best = add_reader(
        commands,
        "best",
        best_command,
        "show the best layouts, and write them for other programs",
        EPILOG,
    )
    add_selection(best, status=False, best_per=False)
    best.add_argument(
        "--per",
        type=per,
        default="area,turbine",
        metavar="WHAT",
        help="the best of each: area,turbine (default), area, turbine, seed; or all for the best one alone",
    )
    best.add_argument(
        "--windio",
        type=Path,
        metavar="OUT",
        help="windIO wind farm (YAML), several layouts as alternatives; in a folder a file for each; "
        "- for standard output",
    )
    best.add_argument(
        "--csv", type=Path, metavar="OUT", help="table, a line per turbine; - for standard output"
    )
    best.add_argument(
        "--picture", type=Path, metavar="OUT", help="picture (.png, .pdf, .svg); in a folder one for each"
    )
    best.add_argument("--force", action="store_true", help="replace OUT if it exists")


def best_command(args: argparse.Namespace) -> int:
    """Show the best layouts, and write them."""
    from mpi_layout.commands.best_tables import best_json, best_view
    from mpi_layout.results.best import best_layouts
    from mpi_layout.results.reader import open_reader
    from mpi_layout.results.written import refuse_existing

    takers = [f"--{name} -" for name in ("windio", "csv") if str(getattr(args, name)) == "-"]
    takers += ["--json"] if args.json else []
    if len(takers) > 1:
        raise InputError(f"{' and '.join(takers)}: one of them can have standard output; give a name")
    for target in (args.picture, args.windio, args.csv):  # all of them before one is written
        if target is not None and str(target) != "-" and not target.is_dir():
            refuse_existing(target, force=args.force)
    results = open_reader(args.file)
    bests = best_layouts(results, only=args.only, per=args.per)
    # Pictures first: they are refused for more reasons.
    said = [
        line for write in (_write_pictures, _write_windio, _write_csv) for line in write(args, results, bests)
    ]
    if args.json:
        answer_json({"layouts": [best_json(best) for best in bests]})
        return 0
    if takers:
        return 0
    answer(best_view(bests))
    for line in said:
        say(line)
    return 0


def _write_windio(args: argparse.Namespace, results: "Results", bests: Sequence["Best"]) -> list[str]:
    if args.windio is None:
        return []
    from mpi_layout.commands.layout_files import write_windio

    def write(target: Path, chosen: Sequence["Best"]) -> None:
        write_windio(target, results, chosen, force=args.force)

    return _into_files(args.windio, bests, ".yaml", write)


def _write_csv(args: argparse.Namespace, results: "Results", bests: Sequence["Best"]) -> list[str]:
    if args.csv is None:
        return []
    from mpi_layout.commands.layout_files import write_csv

    write_csv(args.csv, bests, force=args.force)
    return [] if str(args.csv) == "-" else [_told(args.csv, bests)]


def _write_pictures(args: argparse.Namespace, results: "Results", bests: Sequence["Best"]) -> list[str]:
    if args.picture is None:
        return []
    from mpi_layout.commands.layout_files import write_picture

    def write(target: Path, chosen: Sequence["Best"]) -> None:
        if len(chosen) > 1:
            raise InputError(
                f"--picture {target}: wants one layout, or a folder for {len(chosen)}: "
                "choose by --only and --per, or name a folder that exists"
            )
        write_picture(target, results, chosen[0], force=args.force)

    return _into_files(args.picture, bests, ".png", write)


def _into_files(
    target: Path, bests: Sequence["Best"], suffix: str, write: Callable[[Path, Sequence["Best"]], None]
) -> list[str]:
    """Write all into one file, or each into one named by its key where the target is a folder."""
    if not target.is_dir():
        write(target, bests)
        return [_told(target, bests)]
    for best in bests:
        write(target / f"{best.config.key}{suffix}", [best])
    return [f"{target}: a {suffix.removeprefix('.')} file for each of {len(bests)} layouts"]


def _told(target: Path, bests: Sequence["Best"]) -> str:
    if len(bests) > 1:
        return f"{target}: the best layouts of {len(bests)} groups"
    return f"{target}: the layout of {bests[0].config.key}"
