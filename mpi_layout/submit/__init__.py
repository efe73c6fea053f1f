"""Job scripts for batch systems: what `submit` writes and hands over, and the examples in `jobs/`."""
