"""A job for one campaign: its name, its script, its way into the queue."""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mpi_layout.container import in_container
from mpi_layout.errors import InputError
from mpi_layout.printable import printable
from mpi_layout.submit.batch_system import SYSTEMS, BatchSystem

ANSWER_S = 120.0  # that a busy batch system may take for a job
SLURM_ACCESS = ("SLURM_CONF", "SLURM_JWT")  # how programs find Slurm, and are known to it


def find_system(asked: str | None, *, needed: bool) -> BatchSystem:
    """Batch system of this machine, or the one that is asked for.

    Raises
    ------
    InputError
        It is needed and not here.
    """
    if asked is None:
        here = (system for system in SYSTEMS.values() if shutil.which(system.command))
        system = next(here, None)
        if system is None and needed:
            instead = "submit on a login node of the cluster; --dry-run shows the script"
            if in_container():
                instead = (
                    "this runs in a container: write the script with --dry-run >job.sh, submit that outside"
                )
            raise InputError(f"neither sbatch (Slurm) nor qsub (PBS) is on this machine: {instead}")
        return system or SYSTEMS["slurm"]
    system = SYSTEMS[asked]
    if needed and not shutil.which(system.command):
        raise InputError(
            f"--system {asked}: {system.command} is not on this machine; --dry-run shows the script"
        )
    return system


def job_name(results: Path) -> str:
    """Name of the jobs that work on a results file: the same for this file alone, and harmless anywhere."""
    plain = re.sub("[^A-Za-z0-9_.]+", "-", results.stem).strip("-.")[:40]
    digest = hashlib.sha256(str(results).encode()).hexdigest()[:4]
    return f"{plain if plain[:1].isalpha() else f'c-{plain}'}-{digest}"


def settings(campaign: Path, results: Path, options: list[str], program: list[str]) -> str:
    """Shell lines that say what a job runs; nothing in a name means anything to the shell."""
    return "\n".join(
        [
            f"campaign={shlex.quote(str(campaign))}",
            f"results={shlex.quote(str(results))}",
            # Never empty: bash before 4.4 takes an empty array for an unset variable.
            " ".join(['options=(-o "$results"', *map(shlex.quote, options)]) + ")",
            f"program=({shlex.join(program)})",
        ]
    )


def own_program() -> list[str]:
    """Command that starts this program on another machine with the same disks."""
    beside = Path(sys.executable).parent / "mpi-layout"
    return [str(beside)] if beside.is_file() else [sys.executable, "-m", "mpi_layout"]


def program_in(image: str, folders: list[Path]) -> list[str]:
    """Command that starts the program in a container which sees `folders`.

    Raises
    ------
    InputError
        The image is not there, or a folder cannot be named to the container's program.
    """
    if "://" not in image:
        if not Path(image).exists():
            raise InputError(f"--container {image}: no such image")
        image = str(Path(image).absolute())
    seen = sorted(set(map(str, folders)))
    for folder in seen:
        if re.search("[:,]", folder):
            raise InputError(
                f"{folder}: a folder with a colon or comma in its name cannot be bound into a container"
            )
    runtime = next(filter(shutil.which, ("apptainer", "singularity")), "apptainer")
    return [runtime, "exec", *(f"--bind={folder}" for folder in seen), image, "mpi-layout"]


def refuse_unprintable(**texts: str) -> None:
    """See that no text could end a line of the script and begin another.

    Raises
    ------
    InputError
        One could.
    """
    for name, text in texts.items():
        if not text.isprintable():
            raise InputError(f"{name}: {printable(text)}: has characters that no job script can have")


def option_line(system: BatchSystem, text: str) -> str:
    """Option for a directive of the script, with its dashes if the user left them out."""
    dashes = "--" if system.name == "slurm" else "-"
    return text if text.startswith("-") else f"{dashes}{text}"


def waiting_jobs(system: BatchSystem, name: str) -> list[str]:
    """Numbers of this user's jobs of that name; none if the batch system does not say."""
    if system.name != "slurm" or not shutil.which("squeue"):
        return []
    command = ["squeue", "--noheader", "--format=%i", f"--name={name}", f"--user={os.getuid()}"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return asked.stdout.split() if asked.returncode == 0 else []


def outside_of_jobs(environ: Mapping[str, str]) -> dict[str, str]:
    """Environment without what Slurm has told a job of itself; unchanged outside of jobs.

    A job that is submitted from within another one inherits its variables, and srun refuses to ask for memory
    by core and by node, or looks for cores that the new job does not have.
    """
    inside = "SLURM_JOB_ID" in environ
    return {
        name: value
        for name, value in environ.items()
        if not inside or name in SLURM_ACCESS or not name.startswith("SLURM_")
    }


@dataclass(frozen=True)
class Submission:
    """A script in the folder of its results, and how it gets into the queue."""

    system: BatchSystem
    script: Path

    @property
    def command(self) -> list[str]:
        """To be run in the folder of the script."""
        return [self.system.command, f"./{self.script.name}"]

    def hand_over(self) -> str:
        """Submit the script.

        Returns
        -------
        The job number.

        Raises
        ------
        InputError
            The batch system refuses it; the text says what it said.
        """
        try:
            done = subprocess.run(
                self.command,
                cwd=self.script.parent,
                env=outside_of_jobs(os.environ),
                capture_output=True,
                text=True,
                timeout=ANSWER_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"{self.system.command}: {error}; the script is {self.script}") from error
        if done.returncode:
            said = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
            raise InputError(f"{self.system.command} refuses the job: {said}; the script is {self.script}")
        return self.system.number(done.stdout)
