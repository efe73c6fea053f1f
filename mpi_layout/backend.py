"""How rows get into the file, and why this way."""

from dataclasses import dataclass

from mpi_layout.errors import InputError
from mpi_layout.results.storage import mpio

# Rank 0 stores more than ten thousand rows a second, as they come in batches. Only with more workers than
# this can it become the slowest, if their configs take a second; longer ones leave it more time.
MOST_GATHERED = 10_000


@dataclass(frozen=True)
class Backend:
    """A way to write: by all ranks that solve (mpio), or by rank 0 alone (gather)."""

    shared: bool
    why: str = ""

    def __str__(self) -> str:
        way = (
            "mpio: every rank writes what it has solved, through parallel HDF5"
            if self.shared
            else "gather: rank 0 writes what the others solve"
        )
        return f"backend {way}{f' (auto: {self.why})' if self.why else ''}"


def choose_backend(wanted: str, ranks: int) -> Backend:
    """Backend of a launch.

    Parameters
    ----------
    wanted : str
        "auto", "gather" or "mpio".
    ranks : int
        Number of ranks.

    Raises
    ------
    InputError
        mpio is wanted, but this environment has no parallel HDF5.
    """
    if wanted == "gather":
        return Backend(shared=False)
    reason = mpio.why_not()
    if wanted == "mpio":
        if reason:
            raise InputError(f"--backend mpio: {reason}")
        return Backend(shared=True)
    if ranks <= MOST_GATHERED:
        return Backend(shared=False, why=f"rank 0 keeps up with up to {MOST_GATHERED:,} ranks")
    if reason:
        return Backend(shared=False, why=reason)
    return Backend(shared=True, why=f"more than {MOST_GATHERED:,} ranks")
