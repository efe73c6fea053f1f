"""The command doctor: whether a launch would work here, and what to do if not."""

import argparse
import shutil
import signal
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mpi_layout.commands.options import whole_number
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import answer, answer_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mpi_layout.doctor import Finding, Section, Verdict

EXIT_PROBLEM = 1  # a launch would fail
INDENT, LINE = 26, 120  # columns
EPILOG = """\
examples:
  mpi-layout doctor                            is everything here that a launch needs?
  mpi-layout doctor /scratch/me                ... with results in another folder
  mpi-layout doctor --ranks 4                  ... tried with 4 ranks; 1: without MPI
  mpi-layout doctor --json > doctor.json       the same, to go with a bug report

It takes some seconds and writes nothing but in temporary folders, which are gone afterwards. On a cluster,
ask it in a job, too. Exit code 0: a launch works, whatever hints there are; 1: it would fail.
"""


def add(commands: Commands) -> None:
    """Add `doctor`."""
    doctor = add_command(
        commands,
        "doctor",
        doctor_command,
        "look whether a launch would work here, and what to do if not",
        EPILOG,
    )
    doctor.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=Path(),
        metavar="FOLDER",
        help="for results; default: this one",
    )
    doctor.add_argument(
        "--ranks", type=whole_number(1), default=2, metavar="N", help="ranks of the trial (default: 2)"
    )
    doctor.add_argument("--json", action="store_true", help="answer in JSON")


def doctor_command(args: argparse.Namespace) -> int:
    """Look at everything that a launch needs."""
    from mpi_layout.doctor import Verdict, examine

    verdicts = dict.fromkeys(Verdict, 0)
    found: list[dict[str, Any]] = []
    with _ended_like_ctrl_c():
        for section in examine(args.folder.absolute(), args.ranks):
            if not args.json:
                answer(_head(section))
            for finding in section.findings:
                verdicts[finding.verdict] += 1
                if args.json:
                    found.append(_json(section, finding))
                else:
                    answer(_view(finding))
    usable = not verdicts[Verdict.PROBLEM]
    if args.json:
        answer_json({"usable": usable, "findings": found})
    else:
        answer(_verdict(verdicts))
    return 0 if usable else EXIT_PROBLEM


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Let temporary folders go when a batch system or a terminal that is closed ends the process, too."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _json(section: "Section", finding: "Finding") -> dict[str, Any]:
    return {
        "section": section.title,
        "what": finding.what,
        "verdict": finding.verdict.value,
        "found": finding.found,
        "advice": finding.advice,
        "facts": finding.facts,
    }


def _head(section: "Section") -> "RenderableType":
    from rich.text import Text

    return Text.assemble("\n", (section.title, "bold"), (f"\n{_wrapped(section.explanation, 0)}", "dim"))


def _view(finding: "Finding") -> "RenderableType":
    from rich.text import Text

    from mpi_layout.printable import printable

    bad = finding.verdict.value == "problem"
    style = {"ok": "green", "hint": "yellow", "problem": "bold red"}[finding.verdict.value]
    view = Text.assemble((f"  {finding.verdict.value:9}", style), f"{finding.what:15}")
    view.append(_wrapped(printable(finding.found), INDENT))
    if finding.advice:
        advice = _wrapped(printable(finding.advice), INDENT)
        view.append(f"\n{' ' * INDENT}{advice}", style="bold" if bad else "")
    return view


def _wrapped(text: str, indent: int) -> str:
    """Text in lines that fit, all but the first of them indented."""
    width = max(40, min(shutil.get_terminal_size((LINE, 24)).columns, LINE) - indent - 1)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * indent}".join(lines)


def _verdict(verdicts: "dict[Verdict, int]") -> "RenderableType":
    from rich.text import Text

    from mpi_layout.doctor import Verdict

    problems, hints = verdicts[Verdict.PROBLEM], verdicts[Verdict.HINT]
    counted = f"{problems} problem{'s'[: problems != 1]}, {hints} hint{'s'[: hints != 1]}"
    if problems:
        return Text.assemble(
            "\n", ("A launch would fail here: ", "bold red"), f"{counted}. First mend the problems."
        )
    return Text.assemble(
        "\n",
        ("A launch works here: ", "bold green"),
        f"{counted}. Next: mpi-layout init, which writes a first campaign.",
    )
