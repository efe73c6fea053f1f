"""What the commands around the best layouts take."""

import argparse
from collections.abc import Callable
from pathlib import Path

from mpi_layout.best_commands import BEST, best_command, plot_command
from mpi_layout.optimise.refinement import PRESETS
from mpi_layout.optimise_command import optimise_command
from mpi_layout.options import (
    add_code_option,
    add_launch_options,
    add_model_options,
    number,
    whole_number,
)

OPTIMISE_EPILOG = """\
examples:
  mpi-layout optimise system.yaml                              50 starts by one process
  mpiexec -n 9 mpi-layout optimise system.yaml --starts 200    ... 200 by 8 workers
  mpi-layout optimise system.yaml --starts 10 --refine quick   a first idea
  mpi-layout optimise system.yaml --turbines 30 --min-spacing-D 3 --model NOJ --model-parameter k=0.04

Stopped or killed, the same command goes on. Once all starts have ended, the best layout is beside the
results: NAME.best.yaml (the windIO system with that layout), NAME.best.csv and NAME.best.png.
"""
BEST_EPILOG = """\
examples:
  mpi-layout best campaign.h5                                  of each area and turbine type
  mpi-layout best campaign.h5 --per area --only '*_t15_*'      of each area, one type
  mpi-layout best campaign.h5 --per all --windio best.yaml --csv best.csv --picture best.png
  mpi-layout best campaign.h5 --picture pictures/              one for each, into a folder that exists
"""
PLOT_EPILOG = """\
examples:
  mpi-layout plot campaign.h5 --layout                         the best one
  mpi-layout plot campaign.h5 --layout --only 'farm0_t15_*'    ... of some
  mpi-layout plot campaign.h5 --layout farm0_t15_s3 -o layout.pdf
  mpi-layout plot campaign.h5 --convergence                    gains over the starts, in %
  mpi-layout plot campaign.h5 --convergence --only 'farm0_t15_*'   AEP of one area and type
"""
_PER = {"area": ("area",), "turbine": ("turbine_type",), "all": ()}

# Adds a command of a name, with its function and what it is for.
Add = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def add_optimise(add: Add) -> None:
    """Add `optimise`."""
    optimise = add("optimise", optimise_command, "find the best layout of one farm, from many starts")
    optimise.epilog = OPTIMISE_EPILOG
    optimise.add_argument(
        "system",
        type=Path,
        metavar="SYSTEM",
        help="windIO wind_energy_system (YAML), or a campaign with one area and one turbine type",
    )
    optimise.add_argument(
        "--starts",
        type=whole_number(1),
        default=50,
        metavar="N",
        help="layouts to optimise, of which the best one counts (default: 50)",
    )
    optimise.add_argument(
        "--seed-first",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="seed of the first start; the others follow (default: 0)",
    )
    optimise.add_argument(
        "--refine",
        choices=PRESETS,
        help="how much is spent on each start (default: thorough, or the campaign's)",
    )
    optimise.add_argument(
        "--turbines", type=whole_number(1), metavar="N", help="default: as many as the system's layout has"
    )
    optimise.add_argument(
        "--min-spacing-D",
        type=number,
        metavar="D",
        help="smallest distance of two turbines in rotor diameters (default: 2, or the campaign's)",
    )
    add_model_options(optimise)
    optimise.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="results file; default: the system's name with .h5, here",
    )
    optimise.add_argument(
        "--force", action="store_true", help="replace NAME.best.* that belong to no results file yet"
    )
    add_launch_options(optimise)
    add_code_option(optimise)


def add_best(add: Add) -> None:
    """Add `best`."""
    best = add("best", best_command, "show the best layouts, and write them for other programs")
    best.epilog = BEST_EPILOG
    best.add_argument("--only", default="*", metavar="GLOB", help="only configs whose key matches")
    best.add_argument(
        "--per",
        type=per,
        default="area,turbine",
        metavar="WHAT",
        help="the best of each: area,turbine (default), area, turbine; or all for the best one alone",
    )
    best.add_argument(
        "--windio",
        type=Path,
        metavar="OUT",
        help="windIO wind farm (YAML), several layouts as alternatives; in a folder a file for each",
    )
    best.add_argument(
        "--csv", type=Path, metavar="OUT", help="table, a line per turbine; - for standard output"
    )
    best.add_argument(
        "--picture", type=Path, metavar="OUT", help="picture (.png, .pdf, .svg); in a folder one for each"
    )
    best.add_argument("--force", action="store_true", help="replace OUT if it exists")


def add_plot(add: Add) -> None:
    """Add `plot`."""
    plot = add("plot", plot_command, "draw a layout, or how searches went")
    plot.epilog = PLOT_EPILOG
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
    plot.add_argument("--only", default="*", metavar="GLOB", help="only configs whose key matches")
    plot.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="picture (.png, .pdf, .svg); default: KEY.png or convergence.png, here",
    )
    plot.add_argument("--force", action="store_true", help="replace OUT if it exists")


def per(text: str) -> tuple[str, ...]:
    """Names of columns, from the words of --per."""
    words = text.split(",")
    if unknown := [word for word in words if word not in _PER]:
        raise argparse.ArgumentTypeError(f"wants area, turbine, area,turbine or all; has {unknown[0]!r}")
    return tuple(dict.fromkeys(name for word in words for name in _PER[word]))
