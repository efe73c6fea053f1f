"""`python -m mpi_layout.reference docs` writes the parts into the pages of that folder."""

import sys
from pathlib import Path

from mpi_layout.reference.pages import PAGES

for name, page in PAGES.items():
    path = Path(sys.argv[1]) / name
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
