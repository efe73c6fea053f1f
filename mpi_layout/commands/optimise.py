"""The command optimise: one farm, many starts, the best layout."""

import argparse
import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mpi_layout.commands.options import (
    add_code_option,
    add_launch_options,
    add_model_options,
    number,
    whole_number,
)
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import answer
from mpi_layout.errors import InputError
from mpi_layout.exit_codes import ExitCode
from mpi_layout.optimise.refinement import PRESETS
from mpi_layout.order import Order

if TYPE_CHECKING:
    from mpi_layout.commands.best_files import BestFiles
    from mpi_layout.one_farm import OneFarm, Wishes

log = logging.getLogger(__name__)

EPILOG = """\
examples:
  mpi-layout optimise system.yaml                              50 starts by one process
  mpiexec -n 9 mpi-layout optimise system.yaml --starts 200    ... 200 by 8 workers
  mpi-layout optimise system.yaml --starts 10 --refine quick   a first idea
  mpi-layout optimise system.yaml --turbines 30 --min-spacing-D 3 --model NOJ --model-parameter k=0.04

Stopped or killed, the same command goes on. Once all starts have ended, the best layout is beside the
results: NAME.best.yaml (the windIO system with that layout), NAME.best.csv and NAME.best.png.
"""


def add(commands: Commands) -> None:
    """Add `optimise`."""
    optimise = add_command(
        commands,
        "optimise",
        optimise_command,
        "find the best layout of one farm, from many starts",
        EPILOG,
        on_all_ranks=True,
    )
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


def optimise_command(args: argparse.Namespace) -> int:
    """Optimise one farm from many starts: a campaign that is made from a windIO system."""
    from mpi_layout.parallel.stopping import Stop
    from mpi_layout.parallel.team import Worker, join

    with Stop(args.time_limit) as stop:
        team = join()
        if isinstance(team, Worker):
            return team.work()
        from mpi_layout.commands.best_files import BestFiles  # these load h5py and rich, as rank 0 alone does
        from mpi_layout.one_farm import one_farm
        from mpi_layout.results.storage.disk import exists
        from mpi_layout.run import run

        files = BestFiles(args.output or Path(args.system.stem + ".h5"))
        try:
            farm = one_farm(args.system, _wishes(args))
            if not args.force and (args.fresh or not exists(files.results)):
                files.refuse_existing()
        except InputError:
            team.dismiss(ExitCode.INPUT)
            raise
        for note in farm.notes:
            log.warning("%s: %s", args.system, note)
        order = Order(
            campaign=args.system,
            text=farm.text,
            output=files.results,
            backend=args.backend,
            retry_failed=args.retry_failed,
            fresh=args.fresh,
            no_lock=args.no_lock,
            allow_code=args.allow_code,
            extend=True,
        )
        return run(order, team, stop, lambda code: _finish(code, farm, files))


def _wishes(args: argparse.Namespace) -> "Wishes":
    from mpi_layout.named_model import given_parameters
    from mpi_layout.one_farm import Wishes

    return Wishes(
        starts=args.starts,
        first_seed=args.seed_first,
        turbines=args.turbines,
        min_spacing_D=args.min_spacing_D,
        model=args.model,
        model_parameters=given_parameters(args.model, args.model_parameter),
        refine=args.refine,
    )


def _finish(code: ExitCode, farm: "OneFarm", files: "BestFiles") -> ExitCode:
    """Write and show the best layout, if all starts have ended; give back what the launch exits with."""
    from mpi_layout.commands.best_tables import starts_view
    from mpi_layout.one_farm import energies_given
    from mpi_layout.results.best import best_layouts
    from mpi_layout.results.reader import open_reader

    if code not in (ExitCode.DONE, ExitCode.SOME_FAILED):
        return code
    results = open_reader(files.results)
    if not results.done.any():
        return code
    (best,) = best_layouts(results, per=())
    try:
        paths = files.write(results, best, farm.system)
    except InputError as error:  # the other ranks wait for a word
        log.error("%s", error)
        return ExitCode.INPUT
    given = energies_given(farm, results.campaign.problem(best.config.number))
    with suppress(BrokenPipeError):
        answer(starts_view(results.campaign, best, given, results.n_rows))
    log.info("the best layout: %s", ", ".join(map(str, paths)))
    return code
