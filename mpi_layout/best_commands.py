"""The commands around the best layouts of a results file: best, plot."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mpi_layout.console import answer, answer_json, say
from mpi_layout.errors import InputError

if TYPE_CHECKING:
    from mpi_layout.results.best import Best
    from mpi_layout.results.reader import Results


def best_command(args: argparse.Namespace) -> int:
    """Show the best layouts, and write them."""
    from mpi_layout.best_tables import best_json, best_view
    from mpi_layout.results.best import best_layouts
    from mpi_layout.results.reader import open_reader

    results = open_reader(args.file)
    bests = best_layouts(results, only=args.only, per=args.per)
    said = [
        line for write in (_write_windio, _write_csv, _write_pictures) for line in write(args, results, bests)
    ]
    if args.json:
        answer_json({"layouts": [best_json(best) for best in bests]})
        return 0
    if str(args.csv) == "-":
        return 0
    answer(best_view(bests))
    for line in said:
        say(line)
    return 0


def plot_command(args: argparse.Namespace) -> int:
    """Draw a layout, or how searches went."""
    from mpi_layout.layout_files import write_convergence, write_picture
    from mpi_layout.results.best import best_layouts
    from mpi_layout.results.reader import open_reader

    results = open_reader(args.file)
    if args.convergence:
        target = args.output or Path("convergence.png")
        write_convergence(target, results, args.only, force=args.force)
        say(f"{target}: AEP against evaluations")
        return 0
    only = args.only if args.layout == BEST else _exactly(args.layout)
    (best,) = best_layouts(results, only=only, per=())
    target = args.output or Path(f"{best.config.key}.png")
    write_picture(target, results, best, force=args.force)
    say(f"{target}: the layout of {best.config.key}")
    return 0


BEST = ""  # the layout that is drawn where none is named


def _exactly(key: str) -> str:
    """Glob that only this key matches."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in key)


# ---------------------------------------------------------------- files of best


def _write_windio(args: argparse.Namespace, results: "Results", bests: Sequence["Best"]) -> list[str]:
    if args.windio is None:
        return []
    from mpi_layout.layout_files import write_windio

    def write(target: Path, chosen: Sequence["Best"]) -> None:
        write_windio(target, results, chosen, force=args.force)

    return _into_files(args.windio, bests, ".yaml", write)


def _write_csv(args: argparse.Namespace, results: "Results", bests: Sequence["Best"]) -> list[str]:
    if args.csv is None:
        return []
    from mpi_layout.layout_files import write_csv

    write_csv(args.csv, bests, force=args.force)
    return [] if str(args.csv) == "-" else [_told(args.csv, bests)]


def _write_pictures(args: argparse.Namespace, results: "Results", bests: Sequence["Best"]) -> list[str]:
    if args.picture is None:
        return []
    from mpi_layout.layout_files import write_picture

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
