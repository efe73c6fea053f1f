"""What all benchmarks say the same way: the machine, tables, and where they go in the documentation."""

import argparse
import platform
import re
from pathlib import Path

from mpi_layout.wake.kernel.native import instruction_set

DOCS = Path(__file__).resolve().parents[1] / "docs"
INSTRUCTION_SETS = {"avx512": "AVX-512", "avx2": "AVX2", "generic": "SSE2 or NEON"}


def machine():
    """The CPU, in a few words."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else []
    return (
        f"{(names or [platform.processor() or platform.machine()])[0]}, {INSTRUCTION_SETS[instruction_set()]}"
    )


def table(header, rows):
    """Markdown: the first column to the left, numbers to the right."""
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write(document, name, text):
    """Put the text between the marks <!-- name --> and <!-- end name --> of a document in docs/."""
    path = DOCS / document
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    found, count = marked.subn(lambda marks: f"{marks[1]}{text}\n{marks[2]}", path.read_text())
    if count != 1:
        raise SystemExit(f"{path} needs the marks of {name} once, has them {count} times")
    path.write_text(found)


def arguments(description):
    """The parser of a benchmark: --write."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the tables into docs/")
    return parser
