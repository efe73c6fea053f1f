"""The end of a process that can do nothing any more."""

import subprocess
import sys

import pytest

from mpi_layout.parallel import last_resort

STUCK = """
import ctypes, sys
from mpi_layout.parallel.last_resort import exit_after
print("said", end="")
exit_after(1, 75)
ctypes.{loader}(None).sleep(60)
"""


@pytest.mark.parametrize("loader", ["CDLL", "PyDLL"])
def test_a_process_ends_though_it_is_stuck_in_a_library(loader):
    """PyDLL keeps the interpreter to itself while it waits, as mpi4py does in MPI_Finalize."""
    ended = subprocess.run(
        [sys.executable, "-c", STUCK.format(loader=loader)], capture_output=True, timeout=30, text=True
    )
    assert ended.returncode == 75, ended.stderr
    assert ended.stdout == "said"


def test_one_that_ends_before_ends_as_it_wants():
    code = "from mpi_layout.parallel.last_resort import exit_after; exit_after(1000, 75); raise SystemExit(3)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 3


def test_streams_that_were_closed_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    last_resort.flush_streams()
