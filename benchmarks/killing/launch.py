"""Real launches of a small campaign, whose processes can be found whatever became of their parents."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

MARK = "MPI_LAYOUT_CHAOS"  # in the environment of every process of a launch
RANK_VARIABLES = (b"OMPI_COMM_WORLD_RANK", b"PMI_RANK")
FOREIGN = (
    "PMI_",
    "PMIX_",
    "OMPI_",
    "PRTE_",
    "SLURM_",
    "HYDI_",
    "MPI_LOCAL",
)  # of a launcher around this program
# Open MPI refuses root, and more ranks than cores, unless told otherwise.
OPEN_MPI_MAY = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
POLL_S = 0.01

CAMPAIGN = """\
name: chaos
areas:
  - {name: a, boundary_m: [[0, 0], [9000, 0], [9000, 9000], [0, 9000]]}
  - {name: b, boundary_m: [[20000, 0], [28000, 0], [28000, 10000], [20000, 9000]]}
turbine_types:
  - {name: t10, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}
  - {name: t15, rated_power_MW: 15, rotor_diameter_m: 240, hub_height_m: 150}
seeds: {first: 0, count: 16}
n_turbines: 16
min_spacing_D: 3
site:
  turbulence_intensity: 0.1
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [9, 10, 11, 12]
  weibull_k: [2, 2, 2.1, 2.2]
  sector_probability: [0.2, 0.2, 0.3, 0.3]
start: {method: smart_start, grid: [16, 16], best_percent: 30}
checkpoint: {interval_s: 0.1}
"""
# Python imports a sitecustomize.py when it starts: in every rank, and in every child of a rank.
MADE_UP = """\
import time, zlib
import numpy as np
from mpi_layout.optimise import solve as optimise

def solve(problem):
    time.sleep(SECONDS)
    name = f"{problem.area.name} {problem.turbine.name} {problem.seed}"
    x, y, aep = np.random.default_rng(zlib.crc32(name.encode())).uniform(1, 1000, (3, problem.n_turbines))
    return optimise.Solution(
        x=x, y=y, turbine_aep=aep, aep=aep.sum(), gross_aep=aep.sum(), start_aep=aep.sum(), wake_loss=0.0,
        external_wake_loss=0.0, min_spacing=problem.spacing.least, max_outside=0.0, evaluations=1)

optimise.solve = solve
"""


@dataclass(frozen=True)
class Setting:
    """What all launches have in common.

    Attributes
    ----------
    mpiexec : list of str
        The launcher, options included.
    mpi : str
        Name and version of the MPI.
    ulfm : bool
        Whether the launch has to outlive its workers.
    real : bool
        Whether layouts are computed.
    folder : Path
        For everything that is written.
    """

    mpiexec: list[str]
    mpi: str
    ulfm: bool
    real: bool
    folder: Path

    @property
    def ranks(self) -> int:
        """Two workers, or four where some may die."""
        return 5 if self.ulfm else 3

    @property
    def driver(self) -> str:
        """What every Python of a launch runs when it starts; four workers need more time to die in."""
        return "" if self.real else MADE_UP.replace("SECONDS", "0.1" if self.ulfm else "0.03")

    def prepare(self) -> None:
        """Make the folders that launches use."""
        (self.folder / "tmp").mkdir()  # what killed launchers leave behind goes with the folder
        (self.folder / "driver").mkdir()
        (self.folder / "driver" / "sitecustomize.py").write_text(self.driver)

    def environ(self) -> dict[str, str]:
        """Environment of a launch."""
        variables = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        paths = [str(self.folder / "driver"), *filter(None, [variables.get("PYTHONPATH")])]
        own = {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(self.folder / "tmp")}
        return variables | OPEN_MPI_MAY | own


def program(campaign: Path, *options: str) -> list[str]:
    """Command that computes a campaign with one process."""
    return [sys.executable, "-m", "mpi_layout", "run", campaign.name, *options]


def name_of_mpi(mpiexec: list[str]) -> str:
    """Name and version of the MPI that a launcher belongs to."""
    command = [mpiexec[0], "--version"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    if found := re.search(r"\(Open\w* ?\w*\) (\S+)", text):
        return f"Open MPI {found[1]}"
    found = re.search(r"Version:\s*(\S+)", text)
    return f"MPICH {found[1]}" if found else text.split("\n")[0]


class Launch:
    """A running `mpiexec`: it and all that it started are found by a mark in their environment."""

    def __init__(self, setting: Setting, campaign: Path, backend: str) -> None:
        mark = str(uuid.uuid4())
        self._mark = f"{MARK}={mark}".encode()
        self._shared_memory: set[Path] = set()
        self.left: dict[int, int | None] = {}  # what `gone` had to kill
        self.log = campaign.with_suffix(".log")
        command = [*setting.mpiexec, "-n", str(setting.ranks), *program(campaign, "--backend", backend)]
        self.started = time.monotonic()
        with open(self.log, "w") as log:
            self.launcher = subprocess.Popen(
                command,
                cwd=campaign.parent,
                env=setting.environ() | {MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def seconds(self) -> float:
        """Since the command was given."""
        return time.monotonic() - self.started

    @property
    def ended(self) -> bool:
        """Whether the launcher has ended; its ranks may live."""
        return self.launcher.poll() is not None

    def processes(self) -> dict[int, int | None]:
        """Process numbers of all that lives, with their rank; None for the launcher and its helpers."""
        found: dict[int, int | None] = {}
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    variables = Path(entry.path, "environ").read_bytes().split(b"\0")
                    if self._mark in variables:
                        found[int(entry.name)] = _rank(variables)
        return found

    def ranks(self) -> dict[int, int]:
        """Process numbers by rank."""
        return {rank: pid for pid, rank in self.processes().items() if rank is not None}

    def signal(self, *pids: int, number: int = signal.SIGKILL) -> None:
        """Send a signal."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def note_shared_memory(self) -> None:
        """Note what the ranks would leave behind if they were killed."""
        for pid in self.ranks().values():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/maps") as maps:
                self._shared_memory |= {Path(line.split()[5]) for line in maps if "/dev/shm/" in line}

    def gone(self, limit: float) -> bool:
        """Wait until no process is left; what is left at the limit is killed, and the answer is False."""
        end = time.monotonic() + limit
        in_time = True
        while self.processes() or not self.ended:
            if time.monotonic() > end:
                if in_time:
                    self.left = self.processes()
                in_time = False
                self.signal(*self.processes())
            time.sleep(POLL_S)
        for path in self._shared_memory:
            path.unlink(missing_ok=True)
        return in_time


def _rank(variables: list[bytes]) -> int | None:
    values = dict(variable.partition(b"=")[::2] for variable in variables)
    rank = next((values[name] for name in RANK_VARIABLES if name in values), b"")
    return int(rank) if rank.isdigit() else None
