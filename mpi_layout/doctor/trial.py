"""A trial: a tiny campaign solved by one process and by ranks, verified, and both results compared."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mpi_layout import memory
from mpi_layout.doctor.child import Ended, ask_child, program, run_child
from mpi_layout.doctor.finding import Finding, hint, ok, problem
from mpi_layout.doctor.mpi import Launcher
from mpi_layout.doctor.probes import PREFIX

RANKS = "ranks.h5"
LIMIT_S = 120.0  # for what takes two seconds on an idle machine
CAMPAIGN = """\
name: doctor
areas: [{name: a, boundary_m: [[0, 0], [4000, 0], [4000, 4000], [0, 4000]]}]
turbine_types: [{name: t10, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}]
seeds: {first: 0, count: 4}
n_turbines: 5
min_spacing_D: 3
site:
  turbulence_intensity: 0.06
  wind_direction_deg: [0, 120, 240]
  weibull_a_m_s: [9, 10, 11]
  weibull_k: [2, 2.1, 2.2]
  sector_probability: [0.3, 0.3, 0.4]
start: {grid: [8, 8]}
"""

# What launchers of Open MPI refuse, what allows it, and what to tell the user.
_REFUSALS = (
    (
        "run as root",
        {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"},
        "Open MPI starts ranks as root only with these two: export OMPI_ALLOW_RUN_AS_ROOT=1 "
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; better, do not be root.",
    ),
    (
        "not enough slots",
        {
            "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
            "OMPI_MCA_rmaps_base_oversubscribe": "1",
        },
        "Open MPI wants a core for each rank; for more ranks say mpirun --map-by :oversubscribe "
        "(before version 5: --oversubscribe).",
    ),
)
# What failures print, and what it means to those who have not seen it before.
_KNOWN = (
    ("finds itself", "Launcher and library belong to different MPIs: take the ones that fit (docs/mpi.md)."),
    ("Bus error", "/dev/shm is probably too small: docker, podman: --shm-size=1g."),
    ("SIGBUS", "/dev/shm is probably too small: docker, podman: --shm-size=1g."),
    ("gethostbyname", "This machine cannot resolve its own name: add it to /etc/hosts."),
    ("host key", "The launcher tries to reach other machines by ssh: start the doctor within a job."),
    ("disk is too small", "Make room there, or look at another folder: mpi-layout doctor FOLDER."),
    ("MPI_Init", "Launcher and library usually belong to different MPIs then: docs/mpi.md has the pairs."),
)
_HANGS = (
    "The launcher and the MPI library may not fit, or the network that MPI chose does not work: with MPICH "
    "try FI_PROVIDER=tcp or mpiexec -launcher fork, with Open MPI mpirun --mca btl self,sm (docs/mpi.md)."
)
_ASK = "Add the output of `mpi-layout doctor --json` to a bug report."


class Trial:
    """The trial, in a temporary folder that is gone afterwards.

    Parameters
    ----------
    folder : Path or None
        Where the temporary folder is made; where the system has such by default.
    launcher : Launcher or None
        What starts ranks; None to try one process alone.
    ranks : int
        How many of them.
    """

    def __init__(self, folder: Path | None, launcher: Launcher | None, ranks: int) -> None:
        self._parent = folder
        self._launcher = launcher
        self._ranks = ranks

    def findings(self) -> Iterator[Finding]:
        """Try it, and say how it went."""
        try:
            with tempfile.TemporaryDirectory(
                prefix=PREFIX, dir=self._parent, ignore_cleanup_errors=True
            ) as name:
                yield from self._in(Path(name))
        except OSError as error:
            advice = "Name a folder for it in TMPDIR."
            yield problem("one process", f"there is no temporary folder for it: {error.strerror}", advice)

    def _in(self, folder: Path) -> Iterator[Finding]:
        (folder / "campaign.yaml").write_text(CAMPAIGN)
        alone = folder / "one.h5"
        began = time.monotonic()
        ended = _solve(folder, alone, ())
        took = time.monotonic() - began
        if ended.code != 0:
            yield problem(
                "one process", f"the campaign was not solved: {ended.reason}", _advice(ended), **_facts(ended)
            )
            return
        yield ok("one process", f"solved 4 layouts in {took:.1f} s", seconds=round(took, 1))
        written = [alone]
        if self._launcher is not None and self._ranks > 1:
            yield self._by_ranks(self._launcher, folder)
            written += [path for path in [folder / RANKS] if path.exists()]
        yield from sound(written)

    def _by_ranks(self, launcher: Launcher, folder: Path) -> Finding:
        what, results = f"{self._ranks} ranks", folder / RANKS
        command = (*launcher.command, "-n", str(self._ranks))
        variables: dict[str, str] = {}
        advices: list[str] = []
        began = time.monotonic()
        ended = _solve(folder, results, command)
        for text, allowed, advice in _REFUSALS:
            if ended.code != 0 and text in ended.err + ended.out:
                variables |= allowed
                advices.append(advice)
                began = time.monotonic()
                ended = _solve(folder, results, command, variables)
        took = time.monotonic() - began
        facts: dict[str, Any] = {"command": " ".join(command), "variables": variables}
        if ended.code != 0 or not results.exists():
            found = f"`{' '.join(command)} mpi-layout run` failed: {ended.reason}"
            return problem(what, found, " ".join([*advices, _advice(ended)]), **facts, **_facts(ended))
        facts["seconds"] = round(took, 1)
        found = f"started by {launcher}, solved 4 layouts in {took:.1f} s"
        return hint(what, found, " ".join(advices), **facts) if advices else ok(what, found, **facts)


def _solve(
    folder: Path, results: Path, launcher: tuple[str, ...], variables: dict[str, str] | None = None
) -> Ended:
    command = [*launcher, *program("run", str(folder / "campaign.yaml"), "-o", str(results))]
    return run_child(command, seconds=LIMIT_S, environ=variables)


def sound(written: list[Path]) -> Iterator[Finding]:
    """Verify the last of some results files, and compare it with the first."""
    answer = ask_child("results", *map(str, written))
    if isinstance(answer, Ended):
        found = f"what was written cannot be read: {answer.reason}"
        yield problem("verify", found, _advice(answer), **_facts(answer))
        return
    if wrong := answer["wrong"]:
        yield problem("verify", f"what was written is not sound: {'; '.join(wrong)}", _ASK, wrong=wrong)
    else:
        yield ok("verify", "every byte, layout and AEP is right")
    if len(written) > 1 and answer["same"]:
        yield ok("same results", "one process and several ranks have found the same layouts, bit by bit")
    elif len(written) > 1:
        yield problem("same results", "one process and several ranks have found other layouts", _ASK)


def _advice(ended: Ended) -> str:
    if ended.code is None:
        return _HANGS
    said = ended.err + ended.out
    if any(text in said for text in memory.SIGNS):
        return memory.cure(_ASK)
    return next((advice for text, advice in _KNOWN if text in said), _ASK)


def _facts(ended: Ended) -> dict[str, Any]:
    """What is needed to understand it elsewhere."""
    return {"exit_code": ended.code, "stderr": ended.err[-2000:], "stdout": ended.out[-500:]}
