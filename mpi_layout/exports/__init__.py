"""What a results file holds, written for other programs: each format in a module of its own."""
