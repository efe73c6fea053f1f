"""Everything in a results file checked anew, from the bytes to the physics.

A row is believed only as far as it can be recomputed: its checksum, its identity
from the campaign, its layout against area and spacing, its energies by the kernel.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from mpi_layout.campaign import Campaign, Config
from mpi_layout.errors import ConfigError, InputError
from mpi_layout.optimise.objective import Worth
from mpi_layout.optimise.problem import Problem
from mpi_layout.optimise.user_code import CodeRefusedError
from mpi_layout.results.launches import LONGEST, Launch, littered_entries, may_have_ended
from mpi_layout.results.reader import Piece, Results
from mpi_layout.results.storage.row import Status, trace_of, waiting_rows
from mpi_layout.results.storage.schema import COORDINATES, FIGURES, IDENTITY
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import check_structure
from mpi_layout.wake.farm import FarmAEP

RELATIVE_TOLERANCE = 1e-9  # of stored distances and energies

_BATCH = 64  # rows that are checked at least when somebody interrupts
_STEP = 2**18  # entries of a scale that are read at a time
_MOST_ATTEMPTS = 10_000
_MOST_DONE = 10**9

_PER_TURBINE = ("x", "y", "turbine_aep")


@dataclass(frozen=True)
class Finding:
    """Something wrong in a results file.

    Attributes
    ----------
    key : str
        Config it belongs to, "" for the file as a whole.
    what : str
        Kind of fault, one word: structure, campaign, coordinate, launch, checksum, status, waiting, identity,
        layout, finite, area, spacing, aep, wake_loss, external_wake_loss, objective,
        trace or message.
    detail : str
        What was found and what is wanted.
    """

    key: str
    what: str
    detail: str


def verify(
    results: Results,
    *,
    aep: bool = True,
    allow_code: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Finding]:
    """Yield every fault of a results file.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    aep : bool
        Whether to compute the energies again, some 10 ms per layout.
    allow_code : bool
        Whether the function that the campaign maximises may run, to compute the objective again.
    progress : callable, optional
        Called with the number of rows checked and of all rows.
    """
    if damage := check_structure(results.path, results.structure):
        yield Finding("", "structure", damage)
    campaign = None
    try:
        campaign = results.campaign
        if allow_code:
            campaign.allow_code()
    except InputError as error:
        yield Finding("", "campaign", f"no row was checked: {error}")
    yield from _file_findings(results)
    if campaign is None:
        return
    in_order = not results.launches or results.launches[-1].ended is not None
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:  # the kernel releases the GIL
        for piece in results.pieces():
            check = partial(_row_findings, campaign, piece, in_order=in_order, aep=aep)
            for first in range(0, len(piece.rows), _BATCH):
                batch = range(first, min(first + _BATCH, len(piece.rows)))
                for index, found in zip(batch, threads.map(check, batch), strict=True):
                    yield from found
                    if progress is not None:
                        progress(piece.start + index + 1, results.n_rows)


# ---------------------------------------------------------------- the file


def _file_findings(results: Results) -> Iterator[Finding]:
    with PlainStore(results.path, results.structure.extents, writable=False) as store:
        for column in COORDINATES:
            if not _counts_up(store, column.name):
                yield Finding("", "coordinate", f"{column.name} is not 0, 1, 2, ...")
        for number in littered_entries(store):
            yield Finding("", "launch", f"entry {number} of the launch table is not empty, as it should be")
    for launch in results.launches:
        if fault := _launch_fault(launch, results):
            yield Finding("", "launch", fault)


def _counts_up(store: PlainStore, name: str) -> bool:
    size = store.extents[name].shape[0]
    steps = ((start, min(start + _STEP, size)) for start in range(0, size, _STEP))
    return all(np.array_equal(store.read(name, *step), np.arange(*step)) for step in steps)


def _launch_fault(launch: Launch, results: Results) -> str | None:
    is_last = launch.number == len(results.launches) - 1
    if not (launch.holds if is_last else launch.sealed):
        return f"the checksum of launch {launch.number} does not hold"
    if launch.sealed:
        return None
    likely = 0 <= launch.heartbeat - launch.started < LONGEST and 0 <= launch.configs_done <= _MOST_DONE
    if not likely:
        return f"launch {launch.number} has an impossible heartbeat or number of configs"
    # One that was killed while it ended may have an end; a power cut may have kept an older heartbeat.
    if launch.ended is not None and not may_have_ended(launch.started, launch.heartbeat, launch.ended):
        return f"launch {launch.number} has an impossible end"
    return None


# ---------------------------------------------------------------- a row


def _row_findings(
    campaign: Campaign, piece: Piece, index: int, *, in_order: bool, aep: bool
) -> list[Finding]:
    row, config = piece.rows[index], campaign.configs[piece.start + index]
    status = int(row["status"])
    faults: Iterator[tuple[str, str]]
    if status not in list(Status):
        faults = iter([("status", f"{status} is none of {', '.join(str(s.value) for s in Status)}")])
    elif piece.committed[index]:
        finished = _done_faults if status == Status.DONE else _failed_faults
        faults = _both(_identity_faults(row, config), finished(row, campaign.problem(config.number), aep))
    elif status == Status.WAITING:
        faults = _both(_identity_faults(row, config), _waiting_faults(row, config, in_order))
    else:
        faults = iter([("checksum", f"{row['checksum']:08x} does not fit the row")])
    return [Finding(config.key, what, detail) for what, detail in faults]


def _both(first: Iterator[tuple[str, str]], second: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    yield from first
    yield from second


def _identity_faults(row: np.void, config: Config) -> Iterator[tuple[str, str]]:
    wanted = waiting_rows(row.dtype, [config])[0]
    for name in IDENTITY:
        if row[name] != wanted[name]:
            yield "identity", f"{name} is {row[name]}, not {wanted[name]}"


def _waiting_faults(row: np.void, config: Config, in_order: bool) -> Iterator[tuple[str, str]]:
    if row["checksum"]:
        # A killed launch may leave a row half written, the checksum first, and the next one clears it.
        if in_order or not row["attempts"]:
            yield "status", "waiting, but the row has a checksum: its status was lost"
        return
    wanted = waiting_rows(row.dtype, [config])[0]
    for name in row.dtype.names or ():
        if name not in (*IDENTITY, "attempts") and row[name].tobytes() != wanted[name].tobytes():
            yield "waiting", f"{name} is not empty; a power cut may have done that, or damage"
    if not 0 <= row["attempts"] <= _MOST_ATTEMPTS:
        yield "waiting", f"{row['attempts']} attempts"


def _failed_faults(row: np.void, problem: Problem, aep: bool) -> Iterator[tuple[str, str]]:
    if not row["message"]:
        yield "message", "failed without a message"
    if not all(np.isnan(row[name]).all() for name in (*_PER_TURBINE, *FIGURES, "trace_aep")):
        yield "layout", "failed, but has a layout or an AEP"


def _done_faults(row: np.void, problem: Problem, aep: bool) -> Iterator[tuple[str, str]]:
    found = list(_value_faults(row, problem.n_turbines))
    yield from found
    if found:
        return  # nothing can be computed from it
    x, y = row["x"][: problem.n_turbines], row["y"][: problem.n_turbines]
    yield from _layout_faults(row, x, y, problem)
    yield from _sum_faults(row)
    yield from _trace_faults(row)
    if row["objective"] < row["start_objective"]:
        worse = f"{row['objective']:.12g}, less than that of the start, {row['start_objective']:.12g}"
        yield "objective", f"is {worse}"
    if aep:
        yield from _aep_faults(row, x, y, problem)


def _value_faults(row: np.void, n_turbines: int) -> Iterator[tuple[str, str]]:
    for name in _PER_TURBINE:
        present = ~np.isnan(row[name])
        if not (present[:n_turbines].all() and not present[n_turbines:].any()):
            yield (
                "layout",
                f"{name} has {present.sum()} values where {n_turbines} turbines come first, NaN after",
            )
        elif not np.isfinite(row[name][:n_turbines]).all():
            yield "finite", f"{name} has infinite values"
    for name in FIGURES:
        alone = name == "min_spacing" and n_turbines == 1  # no neighbour: infinite
        if not np.isfinite(row[name]) and not alone:
            yield "finite", f"{name} is {row[name]}"
    if row["message"]:
        yield "message", f"done, but has the message {row['message'].decode('utf-8', 'replace')!r}"


def _layout_faults(
    row: np.void, x: NDArray[np.float64], y: NDArray[np.float64], problem: Problem
) -> Iterator[tuple[str, str]]:
    outside = float(problem.area.distance_outside(x, y).max())
    spacing = float(pdist(np.column_stack([x, y])).min(initial=np.inf))
    if outside > 0:
        yield "area", f"a turbine stands {outside:.6g} m outside area {problem.area.name}"
    scaled = problem.spacing.smallest(x, y)
    if not problem.spacing.is_kept_by(scaled):
        yield "spacing", problem.spacing.fault(scaled)
    if not _close(row["max_outside"], outside):
        yield "area", f"max_outside is {row['max_outside']:.9g} m, computed {outside:.9g} m"
    if not _close(row["min_spacing"], spacing):
        yield "spacing", f"min_spacing is {row['min_spacing']:.12g} m, computed {spacing:.12g} m"


def _sum_faults(row: np.void) -> Iterator[tuple[str, str]]:
    total = float(np.nansum(row["turbine_aep"]))
    if not _close(total, row["aep"]):
        yield "aep", f"turbine_aep sums to {total:.12g} GWh, aep is {row['aep']:.12g} GWh"
    loss = float(1 - row["aep"] / row["gross_aep"]) if row["gross_aep"] else np.nan
    if not abs(loss - row["wake_loss"]) <= RELATIVE_TOLERANCE:
        yield "wake_loss", f"is {row['wake_loss']:.12g}, aep and gross_aep give {loss:.12g}"


def _trace_faults(row: np.void) -> Iterator[tuple[str, str]]:
    """A trace leads from the start to the result; on the way a layout may break rules and have more AEP."""
    evaluations, aep = trace_of(row)
    n = evaluations.size
    if not n or (row["trace_evaluations"][n:] != -1).any() or not np.isnan(row["trace_aep"][n:]).all():
        yield "trace", "wants points from the start to the result, and nothing after them"
        return
    if np.diff(evaluations).min(initial=0) < 0 or evaluations[-1] > row["evaluations"]:
        yield "trace", f"its evaluations do not rise up to those of the row, {row['evaluations']}"
    for end, name, found in (("begins", "start_aep", aep[0]), ("ends", "aep", aep[-1])):
        if found != row[name]:
            yield "trace", f"{end} with {found:.12g} GWh, {name} is {row[name]:.12g} GWh"
    wrong = aep[~((aep >= 0) & (aep <= row["gross_aep"] * (1 + RELATIVE_TOLERANCE)))]
    if wrong.size:
        yield "trace", f"has {wrong[0]:.12g} GWh, wants 0 to gross_aep, {row['gross_aep']:.12g} GWh"


def _aep_faults(
    row: np.void, x: NDArray[np.float64], y: NDArray[np.float64], problem: Problem
) -> Iterator[tuple[str, str]]:
    energy = problem.farm().aep(x, y)
    for name in ("aep", "gross_aep"):
        computed = getattr(energy, name)
        if not _close(row[name], computed):
            yield "aep", f"{name} is {row[name]:.12g} GWh, computed {computed:.12g} GWh"
    loss = energy.external_wake_loss
    if not abs(loss - row["external_wake_loss"]) <= RELATIVE_TOLERANCE:
        yield "external_wake_loss", f"is {row['external_wake_loss']:.12g}, computed {loss:.12g}"
    wrong = np.flatnonzero(~np.isclose(row["turbine_aep"][: x.size], energy.turbine_aep, rtol=1e-6, atol=0))
    if wrong.size:
        yield "aep", f"turbine_aep of {wrong.size} turbines, first {wrong[0]}, differs from the computed ones"
    yield from _objective_faults(row, x, y, problem, energy)


def _objective_faults(
    row: np.void, x: NDArray[np.float64], y: NDArray[np.float64], problem: Problem, energy: FarmAEP
) -> Iterator[tuple[str, str]]:
    try:
        computed = Worth(problem.objective, problem.farm(), problem.area)(x, y, energy)
    except CodeRefusedError:
        return  # nobody has asked for more
    except ConfigError as error:
        yield "objective", f"is {row['objective']:.12g}, but {error}"
        return
    if not _close(row["objective"], computed):
        yield "objective", f"is {row['objective']:.12g}, computed {computed:.12g}"


def _close(value: float, wanted: float) -> bool:
    return bool(value == wanted or abs(value - wanted) <= RELATIVE_TOLERANCE * abs(wanted))
