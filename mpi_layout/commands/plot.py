"""The command plot: pictures of layouts, of how they came about, and of how good they are."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mpi_layout.commands.options import add_selection, number, selection_of, whole_number
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import say
from mpi_layout.errors import InputError

if TYPE_CHECKING:
    from mpi_layout.pictures.draw import Picture
    from mpi_layout.results.reader import Results

EPILOG = """\
examples:
  mpi-layout plot campaign.h5 --layout                         the best one
  mpi-layout plot campaign.h5 --layout --only 'farm0_t15_*'    ... of some
  mpi-layout plot campaign.h5 --layout farm0_t15_s3 -o layout.pdf --width 89
  mpi-layout plot campaign.h5 --layout --start                 ... and from where its turbines moved there
  mpi-layout plot campaign.h5 --flow-map --direction 240 --speed 9   the wind behind its turbines
  mpi-layout plot campaign.h5 --section --behind 5             ... in an upright plane, 5 D behind one
  mpi-layout plot campaign.h5 --seeds --only 'farm0_*'         all seeds over each other
  mpi-layout plot campaign.h5 --distribution                   AEP by area and turbine type
  mpi-layout plot campaign.h5 --convergence --only 'farm0_t15_*'   AEP against evaluations
  mpi-layout plot campaign.h5 --gain                           what refinement has added
  mpi-layout plot campaign.h5 --timeline                       who solved what, in the last launch
"""
BEST = ""  # the layout that is drawn where none is named
LAST = -1  # the launch
SPEED = 10.0  # m/s, of a flow map
_WIDTHS = (60, 500)  # mm
_MM = 25.4  # of an inch


def add(commands: Commands) -> None:
    """Add `plot`."""
    plot = add_command(commands, "plot", plot_command, "draw layouts, their spread, or a launch", EPILOG)
    plot.add_argument("file", type=Path, metavar="FILE", help="results file (.h5)")
    _add_pictures(plot)
    add_selection(plot, status=False)
    plot.add_argument(
        "--direction",
        type=direction,
        metavar="DEG",
        help="of --flow-map and --section: where the wind comes from, degrees; default: from where it blows "
        "most often",
    )
    plot.add_argument(
        "--speed",
        type=speed,
        metavar="M_S",
        help=f"of --flow-map and --section: free wind speed at hub height, m/s; default: {SPEED:g}",
    )
    plot.add_argument(
        "--turbine",
        type=whole_number(0),
        metavar="N",
        help="of --section: number of the turbine; default: the one that gives the least power",
    )
    plot.add_argument(
        "--behind",
        type=behind,
        metavar="D",
        help="of --section: across the wind, so many rotor diameters behind the turbine; default: along the "
        "wind, through it",
    )
    plot.add_argument(
        "--start",
        action="store_true",
        help="of --layout: show where its turbines started, and how far they moved",
    )
    plot.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="picture (.png, .pdf, .svg); default: KEY.png, seeds.png, ..., here",
    )
    plot.add_argument(
        "--width",
        type=width,
        metavar="MM",
        help="width of the picture, mm: 183 (default) fits a page, 89 a column",
    )
    plot.add_argument("--force", action="store_true", help="replace OUT if it exists")


def _add_pictures(plot: argparse.ArgumentParser) -> None:
    """Add which pictures there are."""
    what = plot.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--layout",
        nargs="?",
        const=BEST,
        metavar="KEY",
        help="layout of a config, the best one by default",
    )
    what.add_argument(
        "--flow-map",
        nargs="?",
        const=BEST,
        metavar="KEY",
        help="wind speed behind the turbines of a layout, the best one by default",
    )
    what.add_argument(
        "--section",
        nargs="?",
        const=BEST,
        metavar="KEY",
        help="wind speed in an upright plane through a turbine of a layout, the best one by default",
    )
    what.add_argument(
        "--seeds", action="store_true", help="all layouts of an area and turbine type, the best marked"
    )
    what.add_argument(
        "--distribution", action="store_true", help="AEP of all seeds, by area and turbine type"
    )
    what.add_argument(
        "--convergence", action="store_true", help="AEP against evaluations, a line for each config"
    )
    what.add_argument("--gain", action="store_true", help="gain of refinement over the start layouts")
    what.add_argument(
        "--timeline",
        nargs="?",
        const=LAST,
        type=whole_number(0),
        metavar="N",
        help="which rank solved what in launch N, the last one by default",
    )


def width(text: str) -> float:
    """Inches of a width in mm."""
    value = number(text)
    if not _WIDTHS[0] <= value <= _WIDTHS[1]:
        raise argparse.ArgumentTypeError(f"wants {_WIDTHS[0]} to {_WIDTHS[1]} mm; has {text!r}")
    return value / _MM


def direction(text: str) -> float:
    """Degrees of a wind direction."""
    value = number(text)
    if not 0 <= value <= 360:
        raise argparse.ArgumentTypeError(f"wants 0 to 360 degrees; has {text!r}")
    return value


def behind(text: str) -> float:
    """Rotor diameters behind a turbine."""
    value = number(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"wants 0 to 100 rotor diameters; has {text!r}")
    return value


def speed(text: str) -> float:
    """Wind speed, m/s."""
    value = number(text)
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError(f"wants a wind speed above 0, up to 100 m/s; has {text!r}")
    return value


def plot_command(args: argparse.Namespace) -> int:
    """Draw a picture of a results file."""
    from mpi_layout.commands.layout_files import write_drawn
    from mpi_layout.pictures import require_matplotlib
    from mpi_layout.results.reader import open_reader

    require_matplotlib()
    name, picture, told = _shown(args, open_reader(args.file))
    target = args.output or Path(f"{name}.png")
    write_drawn(target, picture, width=args.width, force=args.force)
    say(f"{target}: {told}")
    return 0


def _shown(args: argparse.Namespace, results: "Results") -> tuple[str, "Picture", str]:
    """What is asked for: name of its file, picture, and what that shows."""
    from mpi_layout.pictures import from_results
    from mpi_layout.pictures.of_launch import timeline_picture

    if args.timeline is not None:
        if args.only or args.best_per is not None:
            raise InputError("--timeline shows whole launches, without --only and --best-per")
        picture = timeline_picture(results, None if args.timeline == LAST else args.timeline)
        return "timeline", picture, "who solved what"
    _refuse_stray(args)
    selection = selection_of(args)
    if args.seeds:
        return "seeds", from_results.seeds_picture(results, selection), "layouts over each other"
    if args.distribution:
        return "distribution", from_results.distribution_picture(results, selection), "AEP of all seeds"
    if args.convergence:
        return "convergence", from_results.convergence_picture(results, selection), "AEP against evaluations"
    if args.gain:
        return "gain", from_results.gain_picture(results, selection), "gain of refinement"
    return _layout(args, results)


def _refuse_stray(args: argparse.Namespace) -> None:
    """See that options are given with the picture that they are of."""
    if args.start and args.layout is None:
        raise InputError("--start is of --layout")
    if args.section is None and (args.turbine, args.behind) != (None, None):
        raise InputError("--turbine and --behind are those of --section")
    if args.flow_map is None and args.section is None and (args.direction, args.speed) != (None, None):
        raise InputError("--direction and --speed are those of --flow-map and --section")


def _layout(args: argparse.Namespace, results: "Results") -> tuple[str, "Picture", str]:
    from mpi_layout.pictures.from_results import flow_map_picture, layout_picture
    from mpi_layout.pictures.of_section import section_picture
    from mpi_layout.results.selection import Selection

    if args.best_per:
        raise InputError("one layout is drawn, the best one chosen; `best --picture FOLDER` draws several")
    key = next(key for key in (args.layout, args.flow_map, args.section) if key is not None)
    only = args.only if key == BEST else [exactly(key)]
    ((config, row),) = Selection(tuple(only), best_per=()).rows(results)
    if args.layout is not None:
        picture = layout_picture(results, config, row, start=args.start)
        return f"{config.key}{'.start' * args.start}", picture, f"the layout of {config.key}"
    wind = {"direction": args.direction, "speed": args.speed or SPEED}
    told = f"the wind behind the turbines of {config.key}"
    if args.flow_map is not None:
        return f"{config.key}.flow", flow_map_picture(results, config, row, **wind), told
    section = section_picture(results, config, row, **wind, turbine=args.turbine, behind=args.behind)
    return f"{config.key}.section", section, told


def exactly(key: str) -> str:
    """Glob that only this key matches."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in key)
