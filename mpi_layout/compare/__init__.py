"""Two results files compared: what `mpi-layout diff` finds."""
