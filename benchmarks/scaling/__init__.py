"""How launches scale: measured on this machine, and simulated for up to 100,000 ranks."""
