"""The scripts in `jobs/`, written by `python -m mpi_layout.submit.examples jobs`."""

import sys
from pathlib import Path

from mpi_layout.submit.batch_system import SYSTEMS
from mpi_layout.submit.job import Job
from mpi_layout.submit.script import script_text

_PROGRAM = 'program=("${MPI_LAYOUT:-$(command -v mpi-layout || echo "$PWD/.venv/bin/mpi-layout")}")'
_SETUP = ("# module load ..., where jobs do not get the environment that they are submitted from",)
_NO_OUTPUT = """\
case " ${*:2}" in *" -o"* | *" --output"*)
    echo "error: the script has to know the results file: not -o FILE, but RESULTS=FILE sbatch ..." >&2
    exit 2 ;;
esac"""
_NOTHING_ANEW = """\
case " ${*:2}" in *" --fresh"* | *" --retry-failed"*)
    echo "error: each job would do that again: --fresh and --retry-failed are for jobs/slurm.sh" >&2
    exit 2 ;;
esac"""
_CONTAINER = """\
program=(apptainer exec --bind "$PWD" "${IMAGE:-mpi-layout.sif}" mpi-layout)"""


def example_scripts() -> dict[str, str]:
    """Text of each script by its file name."""
    return {
        "slurm.sh": _slurm(
            "slurm.sh",
            "Runs a campaign under Slurm, once.",
            "A job that ends early (time limit, lost node, scancel) says so; the same command goes on.",
            again=False,
        ),
        "slurm-resubmit.sh": _slurm(
            "slurm-resubmit.sh", "Runs a campaign under Slurm until it is finished.", _FOLLOWED
        ),
        "slurm-nodes.sh": _slurm(
            "slurm-nodes.sh",
            "Runs a campaign on several nodes under Slurm until it is finished.",
            _FOLLOWED + "\nThe folder of the results must be one that all nodes see.",
            nodes=4,
            ranks=512,
        ),
        "slurm-openmpi.sh": _slurm(
            "slurm-openmpi.sh",
            "Runs a campaign with Open MPI under Slurm until it is finished.",
            _FOLLOWED + "\nslurm-resubmit.sh with mpi=pmix, which Open MPI's library wants.",
            mpi="pmix",
        ),
        "slurm-container.sh": _slurm(
            "slurm-container.sh",
            "Runs a campaign in a container under Slurm until it is finished.",
            _FOLLOWED
            + "\nCampaign and results lie in the folder from which the job is submitted. Singularity takes"
            "\nthe same options. The image's MPI must fit srun: MPICH with pmi2, Open MPI with pmix.",
            program=_CONTAINER,
        ),
        "pbs.sh": _pbs(),
    }


_FOLLOWED = """\
Before its time limit the job ends in order and is queued again. That stops when all is done (exit code 0
or 3), on an error (1, 2, 4), when it is cancelled, and when two launches in a row have ended no config."""
_COST = "Cost: {cores} cores for an hour at most{each}; the reference campaign takes about 12 CPU minutes."
_CHANGE = "To change: the lines {mark} and the settings below them."


def _slurm(
    name: str,
    what: str,
    more: str,
    *,
    again: bool = True,
    ranks: int = 128,
    nodes: int | None = None,
    mpi: str = "pmi2",
    program: str = _PROGRAM,
) -> str:
    command = f"sbatch jobs/{name} CAMPAIGN.yaml [options of mpi-layout run]"
    job = Job(
        name="mpi-layout",
        ranks=ranks,
        seconds=3600,
        settings="\n".join(
            [
                f"campaign=${{1:?usage: {command}}}",
                'results=${RESULTS:-$(basename "${campaign%.*}").h5}',
                _NO_OUTPUT,
                *([_NOTHING_ANEW] if again else []),
                'options=(-o "$results" "${@:2}")',
                program,
            ]
        ),
        intro=_intro(what, command, more, ranks, again=again, mark="#SBATCH"),
        nodes=nodes,
        setup=_SETUP,
        mpi=mpi,
        again=again,
    )
    return script_text(job, SYSTEMS["slurm"])


def _pbs() -> str:
    command = "qsub -v CAMPAIGN=campaign.yaml jobs/pbs.sh"
    more = (
        f"{_FOLLOWED}\nFor PBS Pro and OpenPBS; Torque wants `-l nodes=4:ppn=32` in the place of `-l select`."
        "\nThe next job is asked for what stands in this script; of qsub's options only -v is repeated."
    )
    job = Job(
        name="mpi-layout",
        ranks=128,
        seconds=3600,
        settings="\n".join(
            [
                f"campaign=${{CAMPAIGN:?usage: {command}}}",
                'results=${RESULTS:-$(basename "${campaign%.*}").h5}',
                'options=(-o "$results") # of mpi-layout run',
                _PROGRAM,
            ]
        ),
        intro=_intro(
            "Runs a campaign under PBS until it is finished.", command, more, 128, again=True, mark="#PBS"
        ),
        nodes=4,
        setup=_SETUP,
    )
    return script_text(job, SYSTEMS["pbs"])


def _intro(what: str, command: str, more: str, ranks: int, *, again: bool, mark: str) -> str:
    cost = _COST.format(cores=ranks, each=", again and again" if again else "")
    return f"{what}\n\n  {command}\n\n{cost}\n{more}\n{_CHANGE.format(mark=mark)}"


if __name__ == "__main__":
    for file_name, text in example_scripts().items():
        path = Path(sys.argv[1]) / file_name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
