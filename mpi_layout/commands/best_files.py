"""What `optimise` leaves beside its results: the best layout, for other programs and to look at."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpi_layout.commands.layout_files import write_csv, write_picture, write_system, write_windio
from mpi_layout.errors import InputError
from mpi_layout.pictures import can_draw
from mpi_layout.results.best import Best
from mpi_layout.results.reader import Results


@dataclass(frozen=True)
class BestFiles:
    """NAME.best.yaml, NAME.best.csv and NAME.best.png beside NAME.h5.

    They belong to the results file as its rows do: the launch that makes it replaces no such file, those
    that go on renew them.

    Attributes
    ----------
    results : Path
        The results file.
    """

    results: Path

    @property
    def windio(self) -> Path:
        """The windIO system with the best layout; its wind farm alone where there was no system."""
        return self._beside(".yaml")

    @property
    def table(self) -> Path:
        """A line per turbine."""
        return self._beside(".csv")

    @property
    def picture(self) -> Path:
        """The layout on its area."""
        return self._beside(".png")

    def refuse_existing(self) -> None:
        """See that none of them is there.

        Raises
        ------
        InputError
            If one is.
        """
        for path in (self.windio, self.table, self.picture):
            if os.path.lexists(path):
                raise InputError(
                    f"{path}: exists already and would be replaced at the end; "
                    "give another results file with -o, or --force"
                )

    def write(self, results: Results, best: Best, system: Mapping[str, Any] | None) -> list[Path]:
        """Write them; without matplotlib there is no picture.

        Parameters
        ----------
        results : Results
            From `open_reader`.
        best : Best
            The layout.
        system : dict, optional
            Plain values of the windIO system that it is for.

        Returns
        -------
        list of Path
            What was written.

        Raises
        ------
        InputError
            If one cannot be written.
        """
        if system is None:
            write_windio(self.windio, results, [best], force=True)
        else:
            write_system(self.windio, system, best, force=True)
        write_csv(self.table, [best], force=True)
        if not can_draw():
            return [self.windio, self.table]
        write_picture(self.picture, results, best, force=True)
        return [self.windio, self.table, self.picture]

    def _beside(self, suffix: str) -> Path:
        return self.results.with_name(f"{self.results.stem}.best{suffix}")
