"""What scripts that came before have left: judged, and put into a results file."""
