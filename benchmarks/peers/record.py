"""What a search of another program came by, and when."""

import time

import numpy as np


class OutOfTime(BaseException):
    """The search has had its CPU seconds. No Exception: drivers catch those and go on."""


class Recorder:
    """Keeps every layout that a search asks the energy of, and ends the search when its time is up.

    Parameters
    ----------
    seconds : float
        CPU time that the search may take.
    """

    def __init__(self, seconds):
        self.seconds = seconds
        self.started = time.process_time()
        self.history = []  # CPU seconds, x, y

    def __call__(self, x, y):
        """Note the layout x, y (n,), m."""
        spent = time.process_time() - self.started
        if spent > self.seconds:
            raise OutOfTime
        self.history.append((spent, np.array(x, float), np.array(y, float)))
