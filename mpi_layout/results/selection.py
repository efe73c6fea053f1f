"""Which configs of a results file are meant: by key, by state, or the best of each group."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mpi_layout.campaign.configs import Config, Configs
from mpi_layout.errors import InputError
from mpi_layout.results.reader import Piece, Results
from mpi_layout.results.storage.row import waiting_rows

State = Literal["done", "failed", "all"]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Selection:
    """Some configs of a results file.

    Attributes
    ----------
    only : tuple of str
        Globs of which the key of a config must match one; none of them for all keys.
    status : {"done", "failed", "all"}
        State that they must be in. Among all are those that wait, and rows that are damaged or being written
        count as waiting.
    best_per : tuple of {"area", "turbine_type", "seed"}, optional
        Of the configs that are equal in all of these the one with the highest objective, which is the AEP
        unless the campaign has another one, and NaN only if all have it; empty for the best of all, None for
        every config.

    Raises
    ------
    ValueError
        If the best are asked for among configs that are not done.
    """

    only: tuple[str, ...] = ()
    status: State = "done"
    best_per: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.best_per is not None and self.status != "done":
            raise ValueError("the best are chosen among configs that are done")

    def pieces(
        self, results: Results, *, may_be_none: bool = False
    ) -> Iterator[tuple[Numbers, NDArray[np.void]]]:
        """Iterate over the rows in pieces of a few MB.

        Parameters
        ----------
        results : Results
            From `open_reader`.
        may_be_none : bool
            Whether it is all right if no config is in such a state, as in a campaign that has just begun.

        Returns
        -------
        iterator of tuple
            Numbers (n,) of configs, in order, and their rows (n,); n is never 0.

        Raises
        ------
        InputError
            If a glob matches no key, or no config is chosen; at once and not on the way.
        """
        chosen = self.matching(results)
        if self.best_per is not None:
            best = _best(results, chosen, self.best_per)
            chosen = np.zeros(results.n_rows, bool)
            chosen[best] = True
        pieces = self._pieces(results, chosen)
        first = list(itertools.islice(pieces, 1))
        if not first and not may_be_none:
            raise InputError(f"{results.path}: has no {self}")
        return itertools.chain(first, pieces)

    def rows(self, results: Results, *, may_be_none: bool = False) -> Iterator[tuple[Config, np.void]]:
        """Iterate over the configs and their rows; the rest as of `pieces`."""
        configs = results.campaign.configs
        return (
            (configs[number], row)
            for numbers, rows in self.pieces(results, may_be_none=may_be_none)
            for number, row in zip(numbers.tolist(), rows, strict=True)
        )

    def numbers(self, results: Results) -> Numbers:
        """Numbers (n,) of the configs, in order; the rest as of `pieces`."""
        return np.concatenate([numbers for numbers, _ in self.pieces(results)])

    def matching(self, results: Results) -> NDArray[np.bool_]:
        """Which configs (n_rows,) have keys that match, whatever their state is."""
        numbers = results.select(self.only)  # first: a forged file may claim any number of rows
        chosen = np.zeros(results.n_rows, bool)
        chosen[numbers] = True
        return chosen

    def standing(self, results: Results) -> tuple[int, int]:
        """How many configs have keys that match, and how many of these have failed."""
        chosen = self.matching(results)
        failed = (
            piece.failed & chosen[piece.start : piece.start + len(piece.rows)] for piece in results.pieces()
        )
        return int(chosen.sum()), sum(int(some.sum()) for some in failed)

    def __str__(self) -> str:
        """Say in the singular what is chosen: layout that is done and whose key matches 'a_*'."""
        said = {"done": "layout that is done", "failed": "config that failed", "all": "config"}[self.status]
        if not self.only:
            return said
        link = "" if self.status == "all" else " and"
        return f"{said}{link} whose key matches {' or '.join(map(repr, self.only))}"

    def _pieces(
        self, results: Results, chosen: NDArray[np.bool_]
    ) -> Iterator[tuple[Numbers, NDArray[np.void]]]:
        for piece in results.pieces():
            here = chosen[piece.start : piece.start + len(piece.rows)]
            index = np.flatnonzero(here if self.status == "all" else here & getattr(piece, self.status))
            if index.size:
                yield piece.start + index, self._trusted(piece, results.campaign.configs)[index]

    def _trusted(self, piece: Piece, configs: Sequence[Config]) -> NDArray[np.void]:
        """Give rows as whoever goes on with the campaign sees them: what is not committed waits."""
        if self.status == "all":
            for index in np.flatnonzero(~piece.committed).tolist():
                number = piece.start + index
                piece.rows[index] = waiting_rows(piece.rows.dtype, configs[number : number + 1])[0]
        return piece.rows


def group_of(configs: Configs, numbers: Numbers, per: Sequence[str]) -> Numbers:
    """Say which configs belong together.

    Parameters
    ----------
    configs : Configs
        Of the campaign.
    numbers : (n,) int array
        Of the configs.
    per : sequence of {"area", "turbine_type", "seed"}
        In which the configs of a group are equal.

    Returns
    -------
    (n,) int array
        Numbers of their groups, in the order of the campaign.
    """
    known: dict[tuple[str, ...], int] = {}
    names = [name for name in per if name != "seed"]
    of_kind = [
        known.setdefault(tuple(getattr(kind, name) for name in names), len(known)) for kind in configs.kinds
    ]
    groups: Numbers = np.array(of_kind, np.int64)[configs.kinds_of(numbers)]
    n_seeds = len(configs.seeds)
    return groups * n_seeds + numbers % n_seeds if "seed" in per else groups


def _best(results: Results, chosen: NDArray[np.bool_], per: Sequence[str]) -> Numbers:
    """Numbers of the done configs with the highest objective of their groups; of equals the first."""
    groups, numbers, objectives = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    for piece in results.pieces():
        here = np.flatnonzero(piece.done & chosen[piece.start : piece.start + len(piece.rows)])
        new = piece.start + here
        # Those known come first and win against equals, as lexsort is stable; NaN comes last.
        groups = np.concatenate([groups, group_of(results.campaign.configs, new, per)])
        numbers = np.concatenate([numbers, new])
        objectives = np.concatenate([objectives, piece.rows["objective"][here]])
        order = np.lexsort((-objectives, groups))
        first = order[np.diff(groups[order], prepend=-1) > 0]
        groups, numbers, objectives = groups[first], numbers[first], objectives[first]
    return numbers
