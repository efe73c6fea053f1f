"""What results files that are put together hold: what `merge` finds."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from mpi_layout.errors import InputError


@dataclass
class Source:
    """One of the files, and what was found in it.

    Attributes
    ----------
    path : str
        The file.
    done, failed : int
        Rows that are sound.
    damaged : list of str
        Configs whose row does not hold what was written, or is another config's: it is left out.
    taken : int
        Rows that went into the new file.
    """

    path: str
    done: int = 0
    failed: int = 0
    damaged: list[str] = field(default_factory=list)
    taken: int = 0


@dataclass(frozen=True)
class Conflict:
    """A config with several layouts that are not the same.

    Attributes
    ----------
    key : str
        Of the config.
    sources : tuple of int
        Which files have a layout; the first file is 0.
    aep, objective : tuple of float
        In each of them, AEP in GWh and what was maximised.
    largest_move : float
        Of a turbine from the first of them to another one, m; NaN if they cannot be matched.
    taken : int or None
        Which file's layout is taken; None if nobody has decided.
    """

    key: str
    sources: tuple[int, ...]
    aep: tuple[float, ...]
    objective: tuple[float, ...]
    largest_move: float
    taken: int | None


@dataclass
class Merged:
    """What was found in some files, and what one file of all of them holds.

    Attributes
    ----------
    sources : list of Source
        The files, as they were given.
    done, failed, waiting : int
        Rows of the new file.
    equal : int
        Configs with several layouts that are the same.
    conflicts : list of Conflict
        Configs with several layouts that are not.
    lost : list of str
        Configs that wait, although a file has a row for them: it is damaged.
    launches : int
        Launches in all files.
    """

    sources: list[Source]
    done: int = 0
    failed: int = 0
    waiting: int = 0
    equal: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    launches: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary for json.dumps; what is not finite is null."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


class ConflictError(InputError):
    """Some configs have several layouts, and nobody has said which one counts; nothing was written.

    Attributes
    ----------
    merged : Merged
        What was found.
    """

    def __init__(self, merged: Merged) -> None:
        n = len(merged.conflicts)
        configs = "1 config has" if n == 1 else f"{n:,} configs have"
        super().__init__(
            f"{configs} layouts that are not the same in all files, {merged.conflicts[0].key} the first; "
            "say which to take with --on-conflict better or --on-conflict first"
        )
        self.merged = merged


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
