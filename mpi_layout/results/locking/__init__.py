"""One launch on a results file at a time, and what it tells of itself while it has the lock."""
