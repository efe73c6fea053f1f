"""The command diff: do two results files hold the same, and where and how much do they differ."""

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING

from mpi_layout.commands.options import add_selection, no_less_than_zero
from mpi_layout.commands.parser import Commands, add_reader
from mpi_layout.console import answer, answer_json, counting, say
from mpi_layout.errors import InputError

if TYPE_CHECKING:
    from mpi_layout.compare.difference import Difference, Tolerance

EXIT_DIFFERENT = 1
EPILOG = """\
Equal files are what 1 and 1000 ranks, one launch and twenty killed ones give. Files of two campaigns are
compared in the configs that are in both: the same area, turbine type and seed.

examples:
  mpi-layout diff a.h5 b.h5                        every bit
  mpi-layout diff a.h5 b.h5 --tolerance 0.001      turbines within a millimetre, AEP within 1e-9 of it
  mpi-layout diff a.h5 b.h5 --only 'farm0_*' --csv changes.csv
"""
CSV_COLUMNS = (
    "key",
    "state_a",
    "state_b",
    "aep_a_GWh",
    "aep_b_GWh",
    "difference_GWh",
    "difference_percent",
    "largest_move_m",
    "columns",
)


def add(commands: Commands) -> None:
    """Add `diff`."""
    diff = add_reader(
        commands,
        "diff",
        diff_command,
        "compare two results files in all but rank, launch, attempts and seconds; exit code 1 if they differ",
        EPILOG,
        files=("a", "b"),
    )
    add_selection(diff, best_per=False, status=False)
    diff.add_argument(
        "--tolerance",
        type=no_less_than_zero,
        metavar="M",
        help="compare layouts and AEP alone; turbines may be off by this, m (default then: 0.001)",
    )
    diff.add_argument(
        "--aep-tolerance",
        type=no_less_than_zero,
        metavar="SHARE",
        help="compare layouts and AEP alone; AEP may be off by this share of it (default then: 1e-9)",
    )
    diff.add_argument(
        "--csv", type=Path, metavar="OUT", help="a line for each config that differs; - for standard output"
    )
    diff.add_argument("--force", action="store_true", help="replace OUT if it exists")


def diff_command(args: argparse.Namespace) -> int:
    """Compare two results files."""
    from mpi_layout.compare.diff import diff
    from mpi_layout.results.reader import open_reader
    from mpi_layout.results.written import refuse_existing

    if str(args.csv) == "-" and args.json:
        raise InputError("--csv - and --json: one of them can have standard output; give a name")
    if args.csv is not None and str(args.csv) != "-":
        refuse_existing(args.csv, force=args.force)  # now, and not after minutes of reading
    a, b = open_reader(args.a), open_reader(args.b)
    with counting("rows compared") as progress:
        difference = diff(a, b, only=args.only, tolerance=_tolerance(args), progress=progress)
    if args.csv is not None:
        _write_csv(args.csv, difference, force=args.force)
    if args.json:
        answer_json(difference.to_json())
    elif str(args.csv) != "-":
        from mpi_layout.commands.diff_tables import diff_view

        answer(diff_view(difference))
        if args.csv is not None:
            say(f"{args.csv}: the {difference.n_differing} configs that differ")
    return 0 if difference.equal else EXIT_DIFFERENT


def _tolerance(args: argparse.Namespace) -> "Tolerance | None":
    from mpi_layout.compare.difference import Tolerance

    given = {"move": args.tolerance, "aep": args.aep_tolerance}
    given = {name: value for name, value in given.items() if value is not None}
    return Tolerance(**given) if given else None


def _write_csv(target: Path, difference: "Difference", *, force: bool) -> None:
    from mpi_layout.results.written import written

    with written(target, force=force) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(CSV_COLUMNS)
        for config in difference.configs():
            figures = (config.aep_a, config.aep_b, config.difference, config.percent, config.largest_move)
            known = ("" if figure != figure else figure for figure in figures)
            states = (config.state_a, config.state_b)
            table.writerow((config.key, *states, *known, " ".join(config.columns)))
