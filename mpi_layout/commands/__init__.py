"""The commands: a module for each, or for a few that are alike, with what it takes and what it does.

Each has a function `add` that adds it to the command line, and a function for the command itself, from parsed
arguments to the exit code. What only some commands need is imported where they run.
"""
