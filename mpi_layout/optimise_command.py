"""The command optimise: one farm, many starts, the best layout."""

import argparse
import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mpi_layout.console import answer
from mpi_layout.errors import InputError
from mpi_layout.exit_codes import ExitCode
from mpi_layout.order import Order

if TYPE_CHECKING:
    from mpi_layout.best_files import BestFiles
    from mpi_layout.one_farm import OneFarm, Wishes

log = logging.getLogger(__name__)


def optimise_command(args: argparse.Namespace) -> int:
    """Optimise one farm from many starts: a campaign that is made from a windIO system."""
    from mpi_layout.parallel.stopping import Stop
    from mpi_layout.parallel.team import Worker, join

    with Stop(args.time_limit) as stop:
        team = join()
        if isinstance(team, Worker):
            return team.work()
        from mpi_layout.best_files import BestFiles  # these load h5py and rich, as rank 0 alone does
        from mpi_layout.one_farm import one_farm
        from mpi_layout.results.disk import exists
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
    from mpi_layout.best_tables import starts_view
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
