"""What job scripts ask of a batch system, for Slurm and for PBS."""

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

from mpi_layout.submit.job import Job, clock

# As parallel/stopping.py leaves before the end of a Slurm job.
MARGIN_S, MARGIN_SHARE = 30.0, 0.1
MPIEXEC = "mpiexec"  # in the place of srun


def margin(seconds: float) -> float:
    """Seconds before the time limit of a job at which its launch leaves."""
    return min(MARGIN_S, MARGIN_SHARE * seconds)


@dataclass(frozen=True)
class BatchSystem(ABC):
    """A batch system, as scripts see it.

    Attributes
    ----------
    name : str
        As users call it.
    command : str
        Submits a script.
    look, cancel : str
        Commands for a job number.
    array_task : str
        Shell expression: not empty in a task of a job array.
    job_id : str
        Shell expression: number of the job.
    enter : str
        Shell line: to the folder from which the job was submitted; empty where it begins there.
    """

    name: str
    command: str
    look: str
    cancel: str
    array_task: str
    job_id: str
    enter: str = ""

    @abstractmethod
    def directives(self, job: Job) -> list[str]:
        """Lines at the head of the script."""

    @abstractmethod
    def launcher(self, job: Job) -> str:
        """Shell lines that set the array `launcher`."""

    @abstractmethod
    def functions(self) -> str:
        """Shell functions: `wanted`, whether nobody has cancelled the job; `follow`, what lets it go on."""

    @abstractmethod
    def log_name(self, job: Job, number: str) -> str:
        """File that the job's output goes to."""

    @abstractmethod
    def number(self, answer: str) -> str:
        """Job number in what the submitting command said."""


class Slurm(BatchSystem):
    """Slurm."""

    def __init__(self) -> None:
        super().__init__(
            name="slurm",
            command="sbatch",
            look="squeue --jobs={}",
            cancel="scancel {}",
            array_task="${SLURM_ARRAY_TASK_ID:-}",
            job_id="${SLURM_JOB_ID:-}",
        )

    def directives(self, job: Job) -> list[str]:
        """Lines at the head of the script."""
        asked = [
            f"--job-name={job.name}",
            f"--partition={job.queue}" if job.queue else "",
            f"--account={job.account}" if job.account else "",
            f"--nodes={job.nodes}" if job.nodes else "",
            f"--ntasks={job.ranks}",
            "--cpus-per-task=1",
            "--ntasks-per-core=1",
            f"--mem-per-cpu={job.memory_MB}M" if job.memory_MB else "",
            f"--time={job.clock}",
            _signal(job),
            "--dependency=singleton" if job.alone else "",
            "--requeue",
            "--open-mode=append",
            "--output=%x-%j.log",
            *job.extra,
        ]
        return [f"#SBATCH {option}" for option in asked if option]

    def launcher(self, job: Job) -> str:
        """Shell lines that set the array `launcher`."""
        if job.mpi == MPIEXEC:
            return f'{_MPIEXEC}launcher=("$mpiexec" -n "$SLURM_NTASKS")\n{_SLURM_END}'
        return (
            f"mpi={job.mpi} # MPICH, Intel MPI: pmi2; Open MPI: pmix; Cray: cray_shasta (srun --mpi=list)\n"
            'launcher=(srun --mpi="$mpi" --export=ALL --cpu-bind=cores --kill-on-bad-exit=0 --wait=30)\n'
            f"{_SLURM_END}"
        )

    def functions(self) -> str:
        """Shell functions `wanted` and `follow`."""
        return _SLURM_FUNCTIONS

    def log_name(self, job: Job, number: str) -> str:
        """File that the job's output goes to."""
        return f"{job.name}-{number}.log"

    def number(self, answer: str) -> str:
        """Job number in what sbatch said."""
        found = re.search(r"job (\d+)", answer)  # after whatever the site has to tell
        return found[1] if found else answer.strip()


class Pbs(BatchSystem):
    """PBS Pro and OpenPBS; Torque but for one line."""

    def __init__(self) -> None:
        super().__init__(
            name="pbs",
            command="qsub",
            look="qstat {}",
            cancel="qdel {}",
            array_task="${PBS_ARRAY_INDEX:-${PBS_ARRAYID:-}}",
            job_id="${PBS_JOBID:-}",
            enter='cd "$PBS_O_WORKDIR" || exit 2',
        )

    def directives(self, job: Job) -> list[str]:
        """Lines at the head of the script."""
        asked = [
            f"-N {job.name[:15]}",
            f"-q {job.queue}" if job.queue else "",
            f"-A {job.account}" if job.account else "",
            f"-l select={_chunks(job)}",
            f"-l walltime={job.clock}",
            "-j oe",
            "-r y",
            "-V",
            *job.extra,
        ]
        return [f"#PBS {option}" for option in asked if option]

    def launcher(self, job: Job) -> str:
        """Shell lines that set the array `launcher`."""
        limit = clock(job.seconds - margin(job.seconds))
        return (
            f"options+=(--time-limit {limit}) # a little less than walltime above\n"
            f'{_MPIEXEC}launcher=("$mpiexec" -machinefile "$PBS_NODEFILE" -n "$(wc -l <"$PBS_NODEFILE")")'
        )

    def functions(self) -> str:
        """Shell functions `wanted` and `follow`."""
        return _PBS_FUNCTIONS

    def log_name(self, job: Job, number: str) -> str:
        """File that the job's output goes to."""
        return f"{job.name[:15]}.o{number.partition('.')[0]}"

    def number(self, answer: str) -> str:
        """Job number in what qsub said: the last line, after whatever the site has to tell."""
        return answer.strip().rpartition("\n")[2]


def _signal(job: Job) -> str:
    """Option for a signal before the end, to the shell, which passes it on, or to the ranks.

    Slurm sends it up to a minute early. Processes of mpiexec, which Slurm takes for ranks, would die of it.
    """
    if job.mpi == MPIEXEC and not job.again:
        return ""
    return f"--signal={'B:' if job.again else ''}USR1@{math.ceil(margin(job.seconds))}"


def _chunks(job: Job) -> str:
    """What `select` is told: one chunk per node, or one per rank."""
    if job.nodes is None:
        return _chunk(job.ranks, 1, job)
    most = math.ceil(job.ranks / job.nodes)
    full = job.ranks - (most - 1) * job.nodes
    parts = [(full, most), (job.nodes - full, most - 1)]
    return "+".join(_chunk(number, ranks, job) for number, ranks in parts if number and ranks)


def _chunk(number: int, ranks: int, job: Job) -> str:
    memory = f":mem={ranks * job.memory_MB}mb" if job.memory_MB else ""
    return f"{number}:ncpus={ranks}:mpiprocs={ranks}{memory}"


_MPIEXEC = """\
mpiexec=${program[0]%/*}/mpiexec # of the environment, where that has one
[ -x "$mpiexec" ] || mpiexec=mpiexec
"""

# Older versions, such as 22.05, leave the variable out.
_SLURM_END = """\
job_end() {
    local end
    end=$(SLURM_TIME_FORMAT=standard squeue --noheader --jobs="$SLURM_JOB_ID" --format=%e)
    [ -z "$end" ] || date +%s -d "$end"
}
export SLURM_JOB_END_TIME=${SLURM_JOB_END_TIME:-$(job_end 2>/dev/null)}"""

_SLURM_FUNCTIONS = """\
patiently() { "$@" || { sleep 5; "$@"; }; } # a busy Slurm may not answer at once
wanted() {
    case $(patiently squeue --noheader --jobs="$SLURM_JOB_ID" --format='%T %r') in
    *TimeLimit) ;; # ended by Slurm, as the launch was too slow to leave: nobody has cancelled it
    RUNNING*) [ -z "$stopped" ] ;;
    *) false ;;
    esac
}
follow() { patiently scontrol requeue "$SLURM_JOB_ID"; } # keeps its number, its options and its log"""

_PBS_FUNCTIONS = """\
wanted() { [ -z "$stopped" ]; }
follow() { qsub -W depend="afterany:$PBS_JOBID" "$0"; }"""

SYSTEMS: dict[str, BatchSystem] = {system.name: system for system in (Slurm(), Pbs())}
