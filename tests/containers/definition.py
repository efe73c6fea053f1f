"""Definition files of Apptainer and the Dockerfile, read as far as this project's go."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECTIONS = {"files", "post", "environment", "runscript", "test", "labels", "help"}


@dataclass(frozen=True)
class Definition:
    """What a definition says; sections without their `%name`."""

    path: Path
    header: dict[str, str]
    sections: dict[str, str]

    @property
    def files(self):
        """Pairs of a path in the repository and one in the image; Apptainer takes one pair per line."""
        return [tuple(shlex.split(line)) for line in lines(self.sections["files"])]

    @property
    def labels(self):
        return dict(line.split(None, 1) for line in lines(self.sections["labels"]))

    @property
    def variables(self):
        """Variables that %environment exports."""
        found = re.findall(r"^\s*export (\w+)=(.+)$", self.sections["environment"], re.MULTILINE)
        return dict(found)


@dataclass(frozen=True)
class Dockerfile:
    """Instructions in their order, as pairs of name and value."""

    instructions: list[tuple[str, str]]

    def values(self, name):
        return [value for instruction, value in self.instructions if instruction == name]


def read_definition(name):
    path = ROOT / "containers" / name
    head, *parts = re.split(r"^%(\w+)$", path.read_text(), flags=re.MULTILINE)
    header = dict(line.split(": ", 1) for line in lines(head))
    return Definition(path, header, dict(zip(parts[::2], parts[1::2], strict=True)))


def read_dockerfile():
    text = (ROOT / "containers" / "Dockerfile").read_text().replace("\\\n", " ")
    return Dockerfile([tuple(line.split(None, 1)) for line in lines(text)])


def lines(text):
    """Lines that say something."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
