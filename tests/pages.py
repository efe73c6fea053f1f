"""The pages of the documentation: their code blocks, and the commands in them."""

import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("examples", "jobs", "benchmarks")  # that have a README.md beside the one of the repository
PAGES = [
    "README.md",
    *sorted(f"docs/{path.name}" for path in (REPOSITORY / "docs").glob("*.md")),
    *(f"{folder}/README.md" for folder in FOLDERS),
]


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int  # of its first line
    language: str
    title: str | None
    text: str
    hidden: bool

    def __str__(self):
        return f"{self.page}:{self.line}"


def text_of(page):
    return (REPOSITORY / page).read_text(encoding="utf-8")


def blocks_of(page):
    """All fenced blocks of a page, and those in comments <!-- sh ... -->, which prepare the next ones."""
    found, fence, start, words, lines = [], None, 0, "", []
    for number, line in enumerate(text_of(page).splitlines(), 1):
        opening = re.fullmatch(r"\s*(```+)(.*)", line) or re.fullmatch(r"(<!--) (sh|python)", line)
        if fence is None and opening:
            start, words, lines = number + 1, opening[2].strip(), []
            fence = "-->" if opening[1] == "<!--" else opening[1]
        elif fence is not None and line.strip() == fence:
            language, _, rest = words.partition(" ")
            title = re.search(r'title="(.*?)"', rest)
            text = "".join(f"{each}\n" for each in lines)
            found.append(Block(page, start, language, title and title[1], text, hidden=fence == "-->"))
            fence = None
        elif fence is not None:
            lines.append(line)
    assert fence is None, f"{page}: a block is not closed"
    return found


@dataclass(frozen=True)
class Command:
    """A command of a block, what it is said to print (None where nothing is said), and its exit code."""

    block: Block
    text: str
    output: str | None = None
    code: int = 0

    def __str__(self):
        return f"{self.block}: {self.text}"


def commands_of(block):
    """Commands of a block of the language sh, or console.

    In the latter a command begins with "$ " and shows what it prints. Its exit code is 2 after an error,
    else 0, unless `echo $?` shows another one.
    """
    if block.language == "sh":
        joined = block.text.replace("\\\n", " ")
        stripped = (_without_comment(line) for line in joined.splitlines())
        return [Command(block, line) for line in stripped if line]
    parts = re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)
    assert not parts[0].strip(), f"{block}: begins with no command"
    found = []
    for text, _, output in (part.partition("\n") for part in parts[1:]):
        if text == "echo $?":
            found[-1] = replace(found[-1], code=int(output))
        else:
            code = 2 if re.search(r"^mpi-layout\b.*: error: ", output, re.MULTILINE) else 0
            found.append(Command(block, _without_comment(text), output, code))
    return found


def _without_comment(line):
    """The line up to a # that begins a word outside of quotes."""
    quoted = None
    for position, character in enumerate(line):
        if quoted:
            quoted = None if character == quoted else quoted
        elif character in "'\"":
            quoted = character
        elif character == "#" and (position == 0 or line[position - 1].isspace()):
            return line[:position].strip()
    return line.strip()


def words_of(text):
    """Words of a command line and the operators between them."""
    reader = shlex.shlex(text, posix=True, punctuation_chars="|&;<>")
    reader.whitespace_split = True
    reader.commenters = ""
    return list(reader)
