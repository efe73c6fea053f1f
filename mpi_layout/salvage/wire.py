"""What goes between `mpi_layout.salvage.aside` and its other process: JSON and plain numbers.

Nothing is pickled: the other process has read files that may be forged.
"""

import json
from dataclasses import fields
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from mpi_layout.results.old_file import OldFile, OldLayout


def send_words(line: Connection, *words: str | int | bool) -> None:
    """Send some words."""
    line.send_bytes(json.dumps(words).encode())


def receive_words(line: Connection) -> list[Any]:
    """Receive what `send_words` has sent."""
    words: list[Any] = json.loads(line.recv_bytes())
    return words


def send_file(line: Connection, file: OldFile) -> None:
    """Send what was found in a file: all but the positions of turbines, then those."""
    layouts = [_fields(layout) | {"positions": _width(layout)} for layout in file.layouts]
    line.send_bytes(json.dumps(_fields(file) | {"layouts": layouts}).encode())
    places = [layout.positions.ravel() for layout in file.layouts if layout.positions is not None]
    line.send_bytes(np.concatenate(places, dtype=np.float64).tobytes() if places else b"")


def receive_file(line: Connection) -> OldFile:
    """Receive what `send_file` has sent."""
    said = json.loads(line.recv_bytes())
    told_layouts = said.pop("layouts")
    file = OldFile(**said)
    places, first = np.frombuffer(line.recv_bytes(), np.float64), 0
    for told in told_layouts:
        width = told.pop("positions")
        positions = None
        if width is not None:
            positions = places[first : first + 2 * width].reshape(2, width)
            first += 2 * width
        file.layouts.append(OldLayout(**told, positions=positions))
    return file


def _fields(of: OldFile | OldLayout) -> dict[str, Any]:
    return {field.name: getattr(of, field.name) for field in fields(of)}


def _width(layout: OldLayout) -> int | None:
    return None if layout.positions is None else layout.positions.shape[1]
