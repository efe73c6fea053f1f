"""The command export: layouts and figures for other programs."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mpi_layout.commands.options import add_selection, selection_of
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import complain, say
from mpi_layout.errors import InputError

if TYPE_CHECKING:
    from mpi_layout.exports.crs import Projection
    from mpi_layout.exports.scripts.case import Case
    from mpi_layout.results.reader import Results
    from mpi_layout.results.selection import Selection

EPILOG = """\
examples:
  mpi-layout export campaign.h5 --csv - --only farm0_t5_s3       one layout, on the screen
  mpi-layout export campaign.h5 --configs all.csv --status all   AEP, spacing, failures: a line per config
  mpi-layout export campaign.h5 --geojson best.geojson --best-per area --crs EPSG:25831
  mpi-layout export campaign.h5 --windio farms/ --best-per area,turbine
  mpi-layout export campaign.h5 --pywake best.py                 the best layout as a script for PyWake
  mpi-layout export campaign.h5 --floris best.py --force         ... and for FLORIS
  mpi-layout export campaign.h5 --foxes best.py --force          ... and for foxes
"""


def add(commands: Commands) -> None:
    """Add `export`."""
    export = add_command(
        commands, "export", export_command, "write layouts and figures for other programs", EPILOG
    )
    export.add_argument("file", type=Path, metavar="FILE", help="results file (.h5)")
    formats = export.add_mutually_exclusive_group(required=True)
    for name, form in FORMATS.items():
        formats.add_argument(f"--{name}", type=Path, metavar=form.metavar, help=form.help)
    add_selection(export)
    export.add_argument(
        "--crs",
        metavar="CRS",
        help="coordinate reference system of x and y, such as EPSG:25831, if the campaign does not say",
    )
    export.add_argument("--force", action="store_true", help="replace OUT if it exists")


def export_command(args: argparse.Namespace) -> int:
    """Write layouts or figures."""
    from mpi_layout.results.reader import open_reader

    name = next(name for name in FORMATS if getattr(args, name) is not None)
    form, target = FORMATS[name], getattr(args, name)
    selection = selection_of(args)
    if selection.status != "done" and not form.any_status:
        raise InputError(
            f"--{name} writes layouts, which only configs have that are done: --status {selection.status} "
            f"goes with {_those(lambda form: form.any_status)}"
        )
    if args.crs is not None and not form.on_the_map:
        raise InputError(
            f"--{name} writes x and y as the campaign has them: --crs goes with "
            f"{_those(lambda form: form.on_the_map)}"
        )
    if str(target) == "-" and not form.text:
        raise InputError(f"--{name} -: wants a name; standard output is for {_those(lambda form: form.text)}")
    told = form.write(args, open_reader(args.file), target, selection)
    if str(target) != "-":
        say(f"{target}: {told}")
    return 0


def _those(which: Callable[["_Format"], bool]) -> str:
    """Name the options of some formats."""
    *others, last = (f"--{name}" for name, form in FORMATS.items() if which(form))
    return f"{', '.join(others)} and {last}"


def _csv(args: argparse.Namespace, results: "Results", target: Path, selection: "Selection") -> str:
    from mpi_layout.exports.tables import export_turbines

    n_configs = export_turbines(results, target, selection, force=args.force)
    return f"the layouts of {_found(n_configs, results, selection)}"


def _parquet(args: argparse.Namespace, results: "Results", target: Path, selection: "Selection") -> str:
    from mpi_layout.exports.tables import export_turbines

    n_configs = export_turbines(results, target, selection, parquet=True, force=args.force)
    return f"the layouts of {_found(n_configs, results, selection)}"


def _configs_table(args: argparse.Namespace, results: "Results", target: Path, selection: "Selection") -> str:
    from mpi_layout.exports.tables import export_configs

    parquet = target.suffix == ".parquet"
    n_configs = export_configs(results, target, selection, parquet=parquet, force=args.force)
    return f"the figures of {_found(n_configs, results, selection)}"


def _netcdf(args: argparse.Namespace, results: "Results", target: Path, selection: "Selection") -> str:
    from mpi_layout.exports.crs import has_pyproj
    from mpi_layout.exports.netcdf import export_netcdf

    known = results.campaign.crs is not None
    wanted = args.crs is not None or (known and has_pyproj())
    projection = _projection(args, results) if wanted else None
    told = _configs(export_netcdf(results, target, selection, projection=projection, force=args.force))
    if wanted or not known:
        return told
    return (
        f"{told}, without the coordinate reference system of its campaign: "
        "pyproj is missing: pip install 'mpi-layout[gis]'"
    )


def _geojson(args: argparse.Namespace, results: "Results", target: Path, selection: "Selection") -> str:
    from mpi_layout.exports.geojson import export_geojson

    projection = _projection(args, results)
    extent = export_geojson(results, target, selection, projection, force=args.force)
    warning = projection.far_away(extent.corners)
    told = f"the layouts of {_configs(extent.n_configs)}, {extent}"
    return told if warning is None else f"{told}\nwarning: {warning}"


def _windio(args: argparse.Namespace, results: "Results", target: Path, selection: "Selection") -> str:
    from mpi_layout.exports.windio import export_windio

    files = export_windio(results, target, selection, force=args.force)
    return (
        "1 wind farm" if len(files) == 1 else f"{len(files)} wind farms, one for each area and turbine type"
    )


def _pywake(args: argparse.Namespace, results: "Results", target: Path, selection: "Selection") -> str:
    from mpi_layout.exports.scripts.pywake import pywake_script

    return _script(args, results, target, selection, pywake_script)


def _floris(args: argparse.Namespace, results: "Results", target: Path, selection: "Selection") -> str:
    from mpi_layout.exports.scripts.floris import agreement, floris_script

    return _script(args, results, target, selection, floris_script, agreement)


def _foxes(args: argparse.Namespace, results: "Results", target: Path, selection: "Selection") -> str:
    from mpi_layout.exports.scripts.foxes import agreement, foxes_script

    return _script(args, results, target, selection, foxes_script, agreement)


def _script(
    args: argparse.Namespace,
    results: "Results",
    target: Path,
    selection: "Selection",
    script: Callable[["Case"], str],
    agreement: Callable[["Case"], str] | None = None,
) -> str:
    """Write a script with the chosen layouts, the best one if nothing is said."""
    if target.stem in _LIBRARIES:
        raise InputError(f"{target}: a script of this name would import itself; give another one")
    from mpi_layout.exports.scripts.case import case_of
    from mpi_layout.results.selection import Selection
    from mpi_layout.results.written import written

    case = case_of(results, Selection(best_per=()) if selection == Selection() else selection)
    with written(target, force=args.force) as file:
        file.write(script(case))
    names = [layout.name for layout in case.layouts]
    told = f"the layout of {names[0]}" if len(names) == 1 else f"{len(names)} layouts"
    return told if agreement is None else f"{told}; {agreement(case)}"


def _legacy(args: argparse.Namespace, results: "Results", target: Path, selection: "Selection") -> str:
    from mpi_layout.results.legacy import export_legacy

    return f"the layouts of {_configs(export_legacy(results, target, selection, force=args.force))}"


def _found(n_configs: int, results: "Results", selection: "Selection") -> str:
    """Say how many configs a table has, and if it has none, on standard error, why that is."""
    if n_configs == 0 and selection.status == "done":
        n_chosen, n_failed = selection.standing(results)
        complain(
            f"note: the table is empty: of {_configs(n_chosen)} "
            f"{n_failed} failed and {n_chosen - n_failed} wait"
        )
    return _configs(n_configs)


def _configs(n_configs: int) -> str:
    return "1 config" if n_configs == 1 else f"{n_configs} configs"


def _projection(args: argparse.Namespace, results: "Results") -> "Projection":
    """Take from the command line what x and y are, else from the campaign."""
    from mpi_layout.exports.crs import Projection

    if args.crs is not None:
        return Projection(args.crs, "--crs")
    if results.campaign.crs is None:
        raise InputError(
            f"{args.file}: its campaign does not say where on Earth x and y lie: give their coordinate "
            "reference system by --crs, such as --crs EPSG:25831 (ETRS89 / UTM zone 31N); "
            "or let the campaign say it by its key crs"
        )
    return Projection(results.campaign.crs, f"{args.file}: crs")


_LIBRARIES = ("floris", "foxes", "numpy", "pandas", "py_wake", "xarray")  # that scripts import


class _Format(NamedTuple):
    """A format that results can be written in."""

    metavar: str
    help: str
    write: Callable[[argparse.Namespace, "Results", Path, "Selection"], str]
    any_status: bool = False  # whether it has a place for configs without a layout
    on_the_map: bool = False  # whether it says where on Earth x and y lie
    text: bool = False  # whether it may go to standard output


FORMATS = {
    "csv": _Format("OUT", "table, a line per turbine; - for standard output", _csv, text=True),
    "parquet": _Format("OUT", "the same table for data frames, by pyarrow", _parquet),
    "configs": _Format(
        "OUT",
        "table, a line per config: AEP and other figures; - likewise, or Parquet if named .parquet",
        _configs_table,
        any_status=True,
        text=True,
    ),
    "netcdf": _Format(
        "OUT",
        "netCDF by the CF conventions, with everything of the configs",
        _netcdf,
        any_status=True,
        on_the_map=True,
    ),
    "geojson": _Format(
        "OUT",
        "turbines and areas on the map, by pyproj; - for standard output",
        _geojson,
        on_the_map=True,
        text=True,
    ),
    "windio": _Format("DIR", "windIO wind farms, a file for each area and turbine type", _windio),
    "pywake": _Format(
        "OUT", "script for PyWake with the best layout, or those chosen (OUT.py)", _pywake, text=True
    ),
    "floris": _Format(
        "OUT", "script for FLORIS 4, with the wake model that comes nearest (OUT.py)", _floris, text=True
    ),
    "foxes": _Format("OUT", "script for foxes (OUT.py)", _foxes, text=True),
    "legacy": _Format("OUT", "HDF5 with a group for each config: farm0_t5_s0/layout", _legacy),
}
