"""Bytes of a results file: what goes where, how it is written, and what a disk may do to it."""
