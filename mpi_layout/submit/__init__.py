"""Job scripts for batch systems: what `mpi-layout submit` writes and hands over, and the examples in `jobs/`."""
