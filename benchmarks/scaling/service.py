"""What the pieces of a launch cost: measured once, written down, read by the simulation."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SERVICE = Path(__file__).resolve().parents[1] / "results" / "scale-service.json"


@dataclass(frozen=True)
class Service:
    """Seconds that rank 0 and the network spend on one thing each.

    A turn of the manager's loop receives what is there, notes it, hands out, and writes rows; each part
    costs so much for a message and so much for a config in it.

    Attributes
    ----------
    receive, receive_config : s
        Taking a message, and what each row in it adds.
    note, note_config : s
        Telling the schedule.
    give, give_config : s
        Choosing a batch, recording the attempts and sending it.
    store, store_config : s
        Writing a run of adjacent rows, and what each row in it adds.
    turn : s
        A turn of the loop, however many messages came.
    look : s
        A turn in which none did.
    turn_worker : s
        What each worker with a config adds to a turn.
    sync, sync_config : s
        A checkpoint, and what each row since the last one adds.
    nap_first, nap_longest : s
        Sleep between two looks for a message: grows by half each time.
    worker_config : s
        What a worker spends on a config besides solving it: its problem, its row, writing it where it does.
    worker_message : s
        The same for a message.
    child : s
        Start of the process that a suspect is solved in.
    latency : s
        From sending a message to its being there.
    byte : s
        What each byte adds to that.
    """

    receive: float = 0.0
    receive_config: float = 0.0
    note: float = 0.0
    note_config: float = 0.0
    give: float = 0.0
    give_config: float = 0.0
    store: float = 0.0
    store_config: float = 0.0
    turn: float = 0.0
    look: float = 0.0
    turn_worker: float = 0.0
    sync: float = 0.0
    sync_config: float = 0.0
    nap_first: float = 0.0
    nap_longest: float = 0.0
    worker_config: float = 0.0
    worker_message: float = 0.0
    child: float = 0.0
    latency: float = 0.0
    byte: float = 0.0

    @classmethod
    def read(cls, name: str, path: Path = SERVICE) -> Self:
        """Costs of one design, by its name in the file."""
        return cls(**json.loads(path.read_text())["designs"][name])

    def per_config(self, batch: float) -> float:
        """Seconds of rank 0 for each config, if `batch` of them share a message each way."""
        of_message = self.receive + self.note + self.give + self.store
        of_config = self.receive_config + self.note_config + self.give_config + self.store_config
        return of_message / batch + of_config
