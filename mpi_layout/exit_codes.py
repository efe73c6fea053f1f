"""What a launch tells the shell, the batch system and the next script."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the program."""

    DONE = 0
    BUG = 1
    INPUT = 2
    SOME_FAILED = 3
    TOO_MANY_FAILED = 4
    EARLY = 75  # EX_TEMPFAIL of sysexits.h: run the same command again
