"""A worker's signs of life: an empty message now and then, sent by a timer, also while a config is solved.

The timer's handler runs in this one thread, between two steps of Python; a call of compiled code that takes
longer than that delays it. So MPI needs no threads, and a rank that is stopped gives no sign.
"""

import signal
from types import FrameType

from mpi_layout.parallel import silence
from mpi_layout.parallel.ranks import talk
from mpi_layout.parallel.ranks.talk import MPI


class Heart:
    """Counts its beats that nobody answers.

    Parameters
    ----------
    comm : MPI.Comm
    """

    def __init__(self, comm: MPI.Comm) -> None:
        self._comm = comm
        self._request = MPI.REQUEST_NULL
        self._unanswered = 0

    def start(self) -> None:
        """Begin to beat."""
        first = silence.BEAT_S * self._comm.rank / self._comm.size  # not all at once
        signal.signal(signal.SIGALRM, self._beat)
        signal.siginterrupt(signal.SIGALRM, False)  # libraries need not know of it
        signal.setitimer(signal.ITIMER_REAL, first, silence.BEAT_S)

    def _beat(self, number: int, frame: FrameType | None) -> None:
        self._unanswered += 1
        try:
            if self._request.Test():
                self._request = self._comm.Isend([b"", MPI.BYTE], 0, talk.ALIVE)
        except MPI.Exception as error:
            if not talk.is_death(error):
                raise  # else the next look for messages finds out

    def answered(self) -> None:
        """Note that rank 0 has said something."""
        self._unanswered = 0

    @property
    def unheard(self) -> bool:
        """Whether nobody has answered for so long that nobody can be there any more."""
        return self._unanswered > silence.LEAVE_BEATS

    def stop(self) -> None:
        """Beat no more, not even if the timer has gone off just now."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
