"""The other programs, built from our turbines and sites. PyWake's are those of the test suite."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))

from reference import pywake as pywake
