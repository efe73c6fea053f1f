"""Launch tables of several results files as one, in the order of time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mpi_layout.results.launches import DTYPE
from mpi_layout.results.storage.schema import N_LAUNCHES

_ROOM = 2  # entries that stay free: for the merge itself, and for the launch that goes on
_WHO = ("started", "host", "pid", "scheduler_id", "ranks", "versions")


def merged_launches(
    tables: Sequence[NDArray[np.void]],
) -> tuple[NDArray[np.void], list[NDArray[np.int32]]]:
    """Put launch tables together.

    A launch that is in several of them, because a file was copied, counts once, as it was seen last. Where
    there are more than a table holds, the earliest are left out.

    Parameters
    ----------
    tables : sequence of (n,) structured array
        Sealed entries, from `launches.sealed_launches`.

    Returns
    -------
    entries : (n,) structured array
        In the order of their start.
    numbers : list of (n,) int array
        For each table, which number each of its launches has now; -1 if it was left out.
    """
    found: dict[object, np.void] = {}
    who = [
        [_who(entry, source, place) for place, entry in enumerate(table)]
        for source, table in enumerate(tables)
    ]
    for names, table in zip(who, tables, strict=True):
        for name, entry in zip(names, table, strict=True):
            if name not in found or entry["heartbeat"] > found[name]["heartbeat"]:
                found[name] = entry
    order = sorted(found, key=lambda name: float(found[name]["started"]))[-(N_LAUNCHES - _ROOM) :]
    entries = np.array([found[name] for name in order], DTYPE)
    places = {name: number for number, name in enumerate(order)}
    return entries, [np.array([places.get(name, -1) for name in names], np.int32) for names in who]


def _who(entry: np.void, source: int, place: int) -> tuple[object, ...]:
    """What tells one launch from another; of damaged entries no two are the same."""
    return tuple(entry[name].item() for name in _WHO) if entry["started"] > 0 else (source, place)
