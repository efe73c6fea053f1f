"""Which of several layouts of one config is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mpi_layout.optimise.problem import Solution
from mpi_layout.salvage.audit import LayoutAudit, Outcome
from mpi_layout.salvage.layouts import Candidate

Floats = NDArray[np.float64]


class OnDuplicate(StrEnum):
    """What happens where layouts of one config are unequal."""

    KEEP_BETTER = "keep-better"
    FIRST = "first"
    LAST = "last"
    ERROR = "error"


@dataclass
class Entry:
    """A layout that may be taken.

    Attributes
    ----------
    candidate : Candidate
        The layout.
    audit : LayoutAudit
        What becomes of it.
    solution : Solution or None
        Its energy, once known.
    """

    candidate: Candidate
    audit: LayoutAudit
    solution: Solution | None = None


@dataclass(frozen=True, eq=False)
class StoredLayout:
    """The layout that the results file has of a config.

    Attributes
    ----------
    x, y : (n_turbines,) array
        m.
    aep, objective : float
        Its AEP, GWh, and what the campaign maximises.
    """

    x: Floats
    y: Floats
    aep: float
    objective: float


def distinct(entries: Sequence[Entry], stored: StoredLayout | None) -> list[Entry]:
    """Layouts of one config that differ from each other and from what is stored; note it of the others."""
    kept: list[Entry] = []
    for entry in entries:
        if stored is not None and entry.candidate.is_at(stored.x, stored.y):
            entry.audit.outcome, entry.audit.detail = Outcome.EQUAL, "as the results file has it"
            entry.audit.aep = stored.aep
            continue
        for other in kept:
            if entry.candidate.is_at(other.candidate.x, other.candidate.y):
                same = other.audit
                entry.audit.outcome, entry.audit.detail = Outcome.EQUAL, f"as {same.name} of {same.file}"
                break
        else:
            kept.append(entry)
    return kept


def choose(
    entries: Sequence[Entry], stored: StoredLayout | None, rule: OnDuplicate, *, replace_worse: bool
) -> Entry | None:
    """Choose one of some unequal layouts of one config, or none if what is stored stays; note it of all.

    Parameters
    ----------
    entries : sequence of Entry
        With solutions, in the order in which they were found.
    stored : StoredLayout, optional
        What the results file has.
    rule : OnDuplicate
        Which one; `ERROR` as `KEEP_BETTER`, since nothing will be written.
    replace_worse : bool
        Whether what is stored gives way to a better one.
    """
    for entry in entries:
        entry.audit.outcome, entry.audit.detail = Outcome.NOT_KEPT, "another layout of the config was"
    if not entries:
        return None
    chosen = {OnDuplicate.FIRST: entries[0], OnDuplicate.LAST: entries[-1]}.get(
        rule, max(entries, key=_objective)
    )
    if stored is not None and not (replace_worse and _objective(chosen) > stored.objective):
        for entry in entries:
            entry.audit.detail = f"the results file has another layout, with {stored.aep:.3f} GWh"
        return None
    chosen.audit.outcome, chosen.audit.detail = Outcome.TAKEN, ""
    return chosen


def _objective(entry: Entry) -> float:
    return entry.solution.objective if entry.solution is not None else -np.inf
