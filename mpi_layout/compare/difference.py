"""How two results files differ: what `diff` finds."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign import Configs
from mpi_layout.campaign.compare import Change
from mpi_layout.results.storage.row import Status
from mpi_layout.results.storage.schema import ROW_COLUMNS

# Who, when and how often; the checksum covers them.
IGNORED = ("rank", "launch", "attempts", "seconds", "checksum")
COMPARED = ("status", *(c.name for c in ROW_COLUMNS if c.name not in (*IGNORED, "status")))
DAMAGED = 255  # no status of the file

# A config that differs; there may be millions.
DIFFERING = np.dtype(
    [
        ("number", "i8"),  # in a
        ("state_a", "u1"),
        ("state_b", "u1"),
        ("aep_a", "f8"),
        ("aep_b", "f8"),
        ("move", "f8"),
        ("columns", "u8"),  # a bit for each of COMPARED
    ]
)


@dataclass(frozen=True)
class Tolerance:
    """What is rounding and no difference.

    Attributes
    ----------
    move : float
        m by which turbines may be off.
    aep : float
        Share by which AEP and objective may differ.
    """

    move: float = 1e-3
    aep: float = 1e-9


ROUNDING = Tolerance()


@dataclass(frozen=True)
class RowDifference:
    """A difference in one row; `column` names a turbine as in "x[12]", `a` and `b` are the values."""

    key: str
    column: str
    a: str
    b: str


@dataclass(frozen=True)
class ConfigDifference:
    """A config that differs.

    Attributes
    ----------
    key : str
        Of the config.
    state_a, state_b : str
        "done", "failed", "waiting" or "damaged".
    aep_a, aep_b : float
        GWh; NaN where it is not done.
    difference : float
        AEP of b less that of a, GWh.
    percent : float
        The same in per cent of a's.
    largest_move : float
        m, see `moves.largest_move`; NaN where there are no two layouts with the same number of turbines.
    columns : tuple of str
        What differs.
    """

    key: str
    state_a: str
    state_b: str
    aep_a: float
    aep_b: float
    difference: float
    percent: float
    largest_move: float
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Gap:
    """AEP of b less that of a, over the configs that are done in both, whether they differ or not.

    Attributes
    ----------
    area, turbine_type : str
        Of the configs; "" if all of them are meant.
    n : int
        Number of configs.
    mean, mean_percent : float
        GWh, and in per cent of the mean of a.
    least, most : float
        GWh.
    least_key, most_key : str
        Configs that have them.
    n_higher_a, n_higher_b : int
        Configs with more AEP in a, in b; the others have the same, but for rounding.
    """

    area: str
    turbine_type: str
    n: int
    mean: float
    mean_percent: float
    least: float
    most: float
    least_key: str
    most_key: str
    n_higher_a: int
    n_higher_b: int


@dataclass(frozen=True, eq=False)
class Difference:
    """How two results files, a and b, differ.

    Attributes
    ----------
    a, b : str
        The files.
    changes : tuple of Change
        How the campaigns differ, the first of them.
    n_changes : int
        All of them.
    n_rows : int
        Rows compared: configs that are in both files, and chosen.
    n_only_a, n_only_b : int
        Configs that are in one of the files alone.
    by_column : dict of str to int
        Number of rows that differ in a column, those columns only.
    states : dict of (str, str) to int
        Number of rows with two different states.
    gap : Gap or None
        AEP of all configs that are done in both; None if there are none.
    gaps : tuple of Gap
        The same for each area and turbine type.
    first : tuple of RowDifference
        The first differences, in the order of the rows.
    tolerance : Tolerance or None
        What did not count as a difference; None if every bit did.
    differing : (n,) structured array
        Of DIFFERING; `configs` says the same in words.
    all_configs : Configs
        Those of a.
    """

    a: str
    b: str
    changes: tuple[Change, ...]
    n_changes: int
    n_rows: int
    n_only_a: int
    n_only_b: int
    by_column: dict[str, int]
    states: dict[tuple[str, str], int]
    gap: Gap | None
    gaps: tuple[Gap, ...]
    first: tuple[RowDifference, ...]
    tolerance: Tolerance | None
    differing: NDArray[np.void]
    all_configs: Configs

    @property
    def equal(self) -> bool:
        """Whether nothing differs, neither in the rows nor in what the campaigns ask for."""
        return not self.n_changes and not self.n_differing

    @property
    def n_differing(self) -> int:
        """Number of rows that differ."""
        return len(self.differing)

    def configs(self) -> Iterator[ConfigDifference]:
        """Yield all configs that differ, in the order of a."""
        return map(self._config, self.differing)

    def largest(self, n: int) -> list[ConfigDifference]:
        """Give the n configs that differ most: in AEP, then in layout; done in both files, all of them."""
        gap = np.nan_to_num(np.abs(self.differing["aep_b"] - self.differing["aep_a"]))
        move = np.nan_to_num(self.differing["move"])
        order = np.lexsort((-move, -gap))[:n]
        return [self._config(self.differing[index]) for index in order if gap[index] or move[index]]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary for json.dumps; what is not finite is null."""
        return {
            "equal": self.equal,
            "a": self.a,
            "b": self.b,
            "tolerance": None if self.tolerance is None else asdict(self.tolerance),
            "campaign": [asdict(change) for change in self.changes],
            "n_changes": self.n_changes,
            "n_rows": self.n_rows,
            "n_only_a": self.n_only_a,
            "n_only_b": self.n_only_b,
            "n_differing": self.n_differing,
            "by_column": self.by_column,
            "states": [{"a": a, "b": b, "n": n} for (a, b), n in self.states.items()],
            "aep": None if self.gap is None else _plain(asdict(self.gap)),
            "groups": [_plain(asdict(gap)) for gap in self.gaps],
            "first": [asdict(entry) for entry in self.first],
            "configs": [_plain(asdict(config)) for config in self.configs()],
        }

    def _config(self, found: np.void) -> ConfigDifference:
        aep_a, aep_b = float(found["aep_a"]), float(found["aep_b"])
        bits = int(found["columns"])
        return ConfigDifference(
            key=self.all_configs[int(found["number"])].key,
            state_a=state_name(int(found["state_a"])),
            state_b=state_name(int(found["state_b"])),
            aep_a=aep_a,
            aep_b=aep_b,
            difference=aep_b - aep_a,
            percent=100 * (aep_b - aep_a) / aep_a if aep_a else math.nan,
            largest_move=float(found["move"]),
            columns=tuple(name for bit, name in enumerate(COMPARED) if bits >> bit & 1),
        )


def state_name(state: int) -> str:
    """Word for the state of a row."""
    return "damaged" if state == DAMAGED else Status(state).name.lower()


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }
