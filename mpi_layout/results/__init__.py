"""What is kept: the results file."""
