"""How much goes into one message between the manager and a worker.

A message costs rank 0 some 0.1 ms whatever is in it. So many workers get long batches, as
rank 0 must not become the slowest; few workers get short ones, and their results are in
the file soon. What a worker holds back, configs not begun and rows not sent, is lost with it.
"""

MESSAGES_PER_S = 2000.0  # from all workers together
SHORTEST_S, LONGEST_S = 0.25, 60.0
MOST = 200  # configs in one batch: any MPI sends a message of that size at once


def batch_seconds(workers: int) -> float:
    """Seconds of work in a batch, and how long a worker may hold back a row that it has solved."""
    return min(max(workers / MESSAGES_PER_S, SHORTEST_S), LONGEST_S)


def collecting_seconds(workers: int) -> float:
    """Seconds for which rank 0 collects rows before it writes them: neighbours take one write per column.

    Few workers have their rows written at once.
    """
    seconds = batch_seconds(workers)
    return min(seconds / 5, 1.0) if seconds > SHORTEST_S else 0.0
