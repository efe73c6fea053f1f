"""What an installation contains."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_no_source_of_the_kernel_is_installed():
    sources = {file.name for file in (ROOT / "mpi_layout/wake/kernel").glob("*.[ch]")}
    excluded = set(re.findall(r"kernel_folder / '(\w+\.[ch])'", (ROOT / "meson.build").read_text()))
    assert excluded == sources
    assert "farm.c" in sources
