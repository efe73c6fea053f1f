"""Who does what: the schedule and the ranks."""
