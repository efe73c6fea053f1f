"""The command submit: a campaign for the batch system of a cluster."""

import argparse
import math
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mpi_layout.commands.options import add_code_option, memory, time_limit, whole_number
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import complain, say
from mpi_layout.errors import InputError

if TYPE_CHECKING:
    from mpi_layout.campaign import Campaign
    from mpi_layout.submit.batch_system import BatchSystem
    from mpi_layout.submit.job import Job
    from mpi_layout.submit.prospect import Prospect
    from mpi_layout.submit.submission import Submission

LEAST_MB = 500  # for a rank

EPILOG = """\
examples:
  mpi-layout submit campaign.yaml --ranks 128 --time 1:00:00
  mpi-layout submit campaign.yaml --ranks 512 --nodes 4 --time 12:00:00 --account wind --partition long
  mpi-layout submit campaign.yaml --ranks 128 --time 1:00:00 --container mpi-layout.sif
  mpi-layout submit campaign.yaml --ranks 128 --time 1:00:00 --option qos=short --dry-run
  mpi-layout submit campaign.yaml --ranks 128 --time 1:00:00 --setup 'module load mpich'

A script, NAME.h5.job.sh, is written beside the results and submitted. Before its time limit the job ends in
order and is queued again, until all is done. --dry-run prints the script and does nothing.
"""


def add(commands: Commands) -> None:
    """Add `submit`."""
    submit = add_command(
        commands,
        "submit",
        submit_command,
        "run a campaign by jobs of Slurm or PBS, until it is finished",
        EPILOG,
    )
    submit.add_argument("campaign", type=Path, metavar="CAMPAIGN", help="campaign file (YAML)")
    _add_job(submit.add_argument_group("the job"))
    _add_launches(submit.add_argument_group("the launches, as of `run`"))
    add_code_option(submit)


def _add_job(job: argparse._ArgumentGroup) -> None:
    job.add_argument(
        "--time", type=time_limit, required=True, metavar="H:MM:SS", help="time limit of each job"
    )
    job.add_argument(
        "--ranks",
        type=whole_number(2),
        required=True,
        metavar="N",
        help="MPI ranks, each with a core; the first one hands out, the others solve",
    )
    job.add_argument("--nodes", type=whole_number(1), metavar="N", help="spread them over N nodes")
    job.add_argument(
        "--mem-per-rank",
        type=_memory_or_none,
        metavar="SIZE",
        help="such as 500M, or none where the site forbids to ask; default: by the campaign, 500M or more",
    )
    job.add_argument("--partition", "--queue", dest="queue", metavar="NAME", help="partition or queue")
    job.add_argument("--account", metavar="NAME", help="who pays")
    job.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="TEXT",
        help="more for sbatch or qsub, such as qos=short or mail-type=END; may be repeated",
    )
    job.add_argument(
        "--setup",
        action="append",
        default=[],
        metavar="LINE",
        help="shell line that each job begins with, such as 'module load gcc mpich'; may be repeated",
    )
    job.add_argument("--once", action="store_true", help="one job only, which is not queued again")
    job.add_argument("--system", choices=["slurm", "pbs"], help="default: what is on this machine")
    job.add_argument(
        "--mpi",
        choices=["auto", "pmi2", "pmix", "cray_shasta", "mpiexec"],
        default="auto",
        help="type that srun starts the ranks with, or mpiexec in its place "
        "(default: by the MPI library of mpi4py)",
    )
    job.add_argument("--container", metavar="IMAGE", help="run in this image, by apptainer or singularity")
    job.add_argument(
        "--bind",
        action="append",
        type=Path,
        default=[],
        metavar="FOLDER",
        help="more that the container is to see, beside the folders of campaign and results; may be repeated",
    )
    job.add_argument("--dry-run", action="store_true", help="print the script, write and submit nothing")
    job.add_argument("--force", action="store_true", help="replace a script that was edited")


def _add_launches(run: argparse._ArgumentGroup) -> None:
    run.add_argument("-o", "--output", type=Path, metavar="FILE", help="results file")
    run.add_argument("--only", default="*", metavar="GLOB", help="work only on configs whose key matches")
    run.add_argument("--backend", choices=["auto", "gather", "mpio"], default="auto", help="who writes rows")
    run.add_argument("--retry-failed", action="store_true", help="try failed configs again; with --once")
    run.add_argument("--no-lock", action="store_true", help="go on where the file system has no locks")


def _memory_or_none(text: str) -> int:
    return 0 if text == "none" else memory(text)


def submit_command(args: argparse.Namespace) -> int:
    """Write a job script and submit it."""
    from mpi_layout.submit.script import script_text
    from mpi_layout.submit.script_file import sealed, write_script
    from mpi_layout.submit.submission import Submission, find_system, waiting_jobs

    _refuse_oddities(args)
    results = _results(args)
    system = find_system(args.system, needed=not args.dry_run)
    campaign = _campaign(args)
    prospect = _prospect(args, campaign, results)
    prospect.refuse_short_job()
    job = _job(args, system, results, _memory(args, campaign))
    text = sealed(script_text(job, system))
    submission = Submission(system, results.with_name(f"{results.name}.job.sh"))
    for line in prospect.lines(again=not args.once):
        complain(line)
    if args.dry_run:
        say(text.rstrip("\n"))
        complain(f"not done: cd {shlex.quote(str(results.parent))} && {shlex.join(submission.command)}")
        return 0
    if not prospect.configs:
        return 0
    before = waiting_jobs(system, job.name)
    write_script(submission.script, text, force=args.force)
    number = submission.hand_over()
    if before:
        complain(f"job {', '.join(before)} works on this file already; the new one waits for its end")
    _tell(submission, job, results, number)
    return 0


def _refuse_oddities(args: argparse.Namespace) -> None:
    """See that the options go together, and into a script.

    Raises
    ------
    InputError
        They do not.
    """
    from mpi_layout.submit.submission import refuse_unprintable

    if args.retry_failed and not args.once:
        raise InputError("--retry-failed: each job would try them again; give --once, too")
    if args.nodes and args.nodes > args.ranks:
        raise InputError(f"--nodes {args.nodes}: more than there are ranks, {args.ranks}")
    if args.bind and not args.container:
        raise InputError("--bind: is for --container only")
    texts = {
        "campaign": args.campaign,
        "--output": args.output,
        "--only": args.only,
        "--container": args.container,
    }
    refuse_unprintable(**{name: str(text) for name, text in texts.items()})
    for name in ("queue", "account"):
        text = getattr(args, name)
        if text is not None and not re.fullmatch(r"\w[\w.,:@+/-]*", text):
            raise InputError(f"--{name} {text!r}: wants letters, digits and any of -_.,:@+/")
    for name in ("option", "setup"):
        for text in getattr(args, name):
            refuse_unprintable(**{f"--{name}": text})


def _results(args: argparse.Namespace) -> Path:
    """Results file, in a folder that is there."""
    results = _absolute(args.output or Path(args.campaign.stem + ".h5"))
    if not results.parent.is_dir():
        raise InputError(
            f"{results}: the folder {results.parent} does not exist; make it, or give another with -o"
        )
    return results


def _absolute(path: Path) -> Path:
    """Path that holds in any folder; names that users chose are kept, links too."""
    return path.expanduser().absolute()


def _campaign(args: argparse.Namespace) -> "Campaign":
    """Campaign, checked as a launch would check it."""
    from mpi_layout.campaign import load_campaign
    from mpi_layout.results.layouts import results_neighbours

    campaign = load_campaign(args.campaign, results_layout=results_neighbours)
    if campaign.code is not None:
        if args.allow_code:
            campaign.allow_code()
        campaign.code.load()
    for warning in campaign.warnings:
        complain(f"warning: {args.campaign}: {warning}")
    return campaign


def _memory(args: argparse.Namespace, campaign: "Campaign") -> int:
    """MB to ask for each rank, 0 for none: half as much again as it is expected to take, in hundreds."""
    from mpi_layout.room import rank_bytes

    needed = rank_bytes(campaign) / 1e6
    if args.mem_per_rank is None:
        return max(LEAST_MB, 100 * math.ceil(1.5 * needed / 100))
    if 0 < args.mem_per_rank < needed:
        complain(f"warning: --mem-per-rank {args.mem_per_rank}M: a rank takes about {needed:.0f} MB")
    return int(args.mem_per_rank)


def _prospect(args: argparse.Namespace, campaign: "Campaign", results: Path) -> "Prospect":
    """What is to do."""
    import numpy as np

    from mpi_layout.estimate import measure_cost
    from mpi_layout.results.file import check_campaign
    from mpi_layout.results.reader import open_reader
    from mpi_layout.submit.prospect import Prospect

    chosen = campaign.select(args.only)
    if results.exists():
        file = open_reader(results)
        check_campaign(results, file.structure, campaign)
        left_alone = [piece.done if args.retry_failed else piece.committed for piece in file.pieces()]
        chosen = chosen[~np.concatenate(left_alone)[chosen]]
    return Prospect(
        cost=measure_cost(campaign),
        share=chosen.size / len(campaign.configs),
        configs=chosen.size,
        ranks=args.ranks,
        seconds=args.time,
    )


def _job(args: argparse.Namespace, system: "BatchSystem", results: Path, memory_MB: int) -> "Job":
    """Job as the script needs it."""
    from mpi_layout.container import in_container
    from mpi_layout.submit.job import Job
    from mpi_layout.submit.submission import job_name, option_line, own_program, program_in, settings

    campaign = _absolute(args.campaign)
    if args.container:
        binds = [campaign.parent, results.parent, *map(_absolute, args.bind)]
        program = program_in(args.container, binds)
    else:
        program = own_program()
        if in_container():
            complain(
                f"warning: the job will look for {program[0]} outside of this container: --container IMAGE?"
            )
    return Job(
        name=job_name(results),
        ranks=args.ranks,
        seconds=int(args.time),
        settings=settings(campaign, results, _run_options(args), program),
        intro=_intro(args, results, system),
        memory_MB=memory_MB,
        nodes=args.nodes,
        queue=args.queue,
        account=args.account,
        extra=tuple(option_line(system, text) for text in args.option),
        setup=tuple(args.setup),
        mpi=_mpi_type(args, system),
        again=not args.once,
        alone=True,
    )


def _run_options(args: argparse.Namespace) -> list[str]:
    options = ["--only", args.only] if args.only != "*" else []
    options += ["--backend", args.backend] if args.backend != "auto" else []
    flags = ("retry_failed", "no_lock", "allow_code")
    return options + [f"--{flag.replace('_', '-')}" for flag in flags if getattr(args, flag)]


def _mpi_type(args: argparse.Namespace, system: "BatchSystem") -> str:
    if args.mpi != "auto" or system.name != "slurm":
        return str(args.mpi)
    from mpi_layout.submit.mpi_type import DEFAULT, fitting_type, library, offered

    if args.container:
        complain(f"--mpi {DEFAULT} is taken, for an image with MPICH; for Open MPI give --mpi pmix")
        return DEFAULT
    return fitting_type(library(), offered())


def _intro(args: argparse.Namespace, results: Path, system: "BatchSystem") -> str:
    """Comment at the head of the script."""
    until = "once" if args.once else "until it is finished"
    return f"""\
Runs a campaign {until}. Written by mpi-layout submit.

  {system.command} {shlex.quote(f"./{results.name}.job.sh")}     in this folder

Cost: {args.ranks} cores for each job.
To change: give mpi-layout submit other options, or edit this file, which is not replaced then."""


def _tell(submission: "Submission", job: "Job", results: Path, number: str) -> None:
    """Say how to follow the job."""
    system, file = submission.system, shlex.quote(str(results))
    again = ", queued again until all is done" if job.again else ""
    rows = [
        (f"job {number}", f"{job.ranks} ranks for {job.clock}{again}"),
        ("queue", system.look.format(number)),
        ("progress", f"mpi-layout status {file} --watch"),
        ("log", shlex.quote(str(results.parent / system.log_name(job, number)))),
        ("stop", f"{system.cancel.format(number)}    (what is done is kept; the same command goes on)"),
    ]
    width = max(len(name) for name, _ in rows)
    say("\n".join(f"{name + ':':<{width + 1}} {text}" for name, text in rows))
