"""The command run: compute a campaign."""

import argparse
from pathlib import Path

from mpi_layout.commands.options import add_code_option, add_launch_options
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.order import Order

EPILOG = """\
examples:
  mpi-layout run campaign.yaml                             one process, results in campaign.h5
  mpiexec -n 5 mpi-layout run campaign.yaml -o other.h5    4 workers
  mpi-layout run campaign.yaml --only 'farm0_*_s[0-4]'     some configs, chosen by key
  mpi-layout run campaign.yaml --time-limit 0:30:00        leave in order after half an hour

SIGUSR1, SIGTERM, Ctrl-C and the end of a Slurm job end a launch in order: nothing more is handed out,
what ends soon is stored, the exit code is 75. The same command goes on. A second Ctrl-C ends it at once.
"""


def add(commands: Commands) -> None:
    """Add `run`."""
    run = add_command(
        commands,
        "run",
        run_command,
        "compute a campaign, or go on with it",
        EPILOG,
        on_all_ranks=True,
    )
    run.add_argument("campaign", type=Path, metavar="CAMPAIGN", help="campaign file (YAML)")
    run.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="results file; default: the campaign's name with .h5, here",
    )
    run.add_argument(
        "--only",
        default="*",
        metavar="GLOB",
        help="work only on configs whose key matches; the file holds all",
    )
    add_launch_options(run)
    add_code_option(run)


def run_command(args: argparse.Namespace) -> int:
    """Compute the configs of a campaign."""
    from mpi_layout.parallel.stopping import Stop
    from mpi_layout.parallel.team import Worker, join

    with Stop(args.time_limit) as stop:
        team = join()
        if isinstance(team, Worker):
            return team.work()
        from mpi_layout.run import run  # h5py and rich are loaded by rank 0 alone

        order = Order(
            campaign=args.campaign,
            output=args.output or Path(args.campaign.stem + ".h5"),
            only=args.only,
            backend=args.backend,
            retry_failed=args.retry_failed,
            fresh=args.fresh,
            no_lock=args.no_lock,
            allow_code=args.allow_code,
        )
        return run(order, team, stop)
