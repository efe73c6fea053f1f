"""The audit report: what was found in which file, what was taken, and why the rest was not."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mpi_layout.exit_codes import ExitCode
from mpi_layout.printable import clipped, printable
from mpi_layout.salvage.files import JudgedFile, Verdict

_CLOSE = 1e-3  # share by which a stored AEP may differ from the computed one
_MOST_LINES = 20  # of a kind in the short report
_MOST_REASON = 300  # characters


class Outcome(StrEnum):
    """What became of an old layout."""

    TAKEN = "taken"
    EQUAL = "equal"  # to one that came before it, or to the row that the results file has
    NOT_KEPT = "not kept"  # another layout of the same config was
    REFUSED = "refused"


@dataclass
class LayoutAudit:
    """What became of an old layout.

    Attributes
    ----------
    file, name : str
        Where it was found.
    key : str
        Of its config; empty if that is not known.
    outcome : Outcome or None
        None until it is decided.
    detail : str
        Why.
    stored_aep : float or None
        As it was found.
    aep : float or None
        Computed, GWh.
    moved : float
        How far a turbine was moved, m.
    """

    file: str
    name: str
    key: str = ""
    outcome: Outcome | None = None
    detail: str = ""
    stored_aep: float | None = None
    aep: float | None = None
    moved: float = 0.0

    def refuse(self, reason: object) -> None:
        """Note why it is refused."""
        self.outcome, self.detail = Outcome.REFUSED, clipped(str(reason), _MOST_REASON)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "file": self.file,
            "name": self.name,
            "key": self.key,
            "outcome": self.outcome and self.outcome.value,
            "detail": self.detail,
            "stored_aep": _finite(self.stored_aep),
            "aep_GWh": _finite(self.aep),
            "moved_m": self.moved,
        }


@dataclass(frozen=True)
class FileAudit:
    """A file and its layouts.

    Attributes
    ----------
    judged : JudgedFile
        The file as such.
    layouts : list of LayoutAudit
        What became of them.
    """

    judged: JudgedFile
    layouts: list[LayoutAudit]

    @property
    def verdict(self) -> Verdict:
        """Of the file, its layouts included."""
        if self.judged.verdict == Verdict.SOUND and self.count(Outcome.REFUSED):
            return Verdict.PARTLY_SOUND
        return self.judged.verdict

    @property
    def is_bad(self) -> bool:
        """Whether anything is wrong with it."""
        return self.verdict != Verdict.SOUND

    @property
    def n_bad(self) -> int:
        """Bad things in it: the file itself, or layouts of one that is sound otherwise."""
        if self.verdict == Verdict.PARTLY_SOUND:
            return self.count(Outcome.REFUSED)
        return int(self.is_bad)

    def count(self, outcome: Outcome) -> int:
        """How many layouts came to an outcome."""
        return sum(layout.outcome == outcome for layout in self.layouts)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "path": str(self.judged.path),
            "size_bytes": self.judged.size,
            "sha256": self.judged.sha256,
            "verdict": self.verdict.value,
            "detail": self.judged.detail,
            "layouts": len(self.layouts),
            **{outcome.value.replace(" ", "_"): self.count(outcome) for outcome in Outcome},
            "groups_taken": [layout.name for layout in self.layouts if layout.outcome == Outcome.TAKEN],
        }


@dataclass
class Audit:
    """The whole report.

    Attributes
    ----------
    campaign, digest : str
        The campaign file and what the results depend on.
    into : str
        The results file.
    options : dict
        What was asked: dry_run, on_duplicate, mend_m, ...
    files : list of FileAudit
        In the order in which they were looked at.
    notes : list of str
        What else is worth knowing.
    unequal : dict
        By key, the layouts of which only one could be taken.
    n_configs, n_done_before, n_written, n_missing : int
        Of the campaign, done in the results file before, written or to be written, and not done after that.
    stopped : str
        Why nothing is written although something was to be.
    """

    campaign: str
    digest: str
    into: str
    options: dict[str, Any]
    n_configs: int
    files: list[FileAudit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unequal: dict[str, list[LayoutAudit]] = field(default_factory=dict)
    n_done_before: int = 0
    n_written: int = 0
    n_missing: int = 0
    stopped: str = ""
    stop_code: ExitCode = ExitCode.INPUT

    @property
    def layouts(self) -> Iterator[LayoutAudit]:
        """All layouts."""
        return (layout for file in self.files for layout in file.layouts)

    @property
    def n_bad(self) -> int:
        """Bad files, and refused layouts of the others."""
        return sum(file.n_bad for file in self.files)

    @property
    def exit_code(self) -> ExitCode:
        """How the command ends."""
        if self.stopped:
            return self.stop_code
        return ExitCode.SOME_FAILED if any(file.is_bad for file in self.files) else ExitCode.DONE

    def count(self, outcome: Outcome) -> int:
        """How many layouts came to an outcome."""
        return sum(file.count(outcome) for file in self.files)

    def stored_aep(self) -> dict[str, int]:
        """How stored AEPs of the layouts that were taken compare with the computed ones."""
        told = (
            _compared(layout.stored_aep, layout.aep)
            for layout in self.layouts
            if layout.outcome == Outcome.TAKEN
        )
        return dict(Counter(told).most_common())

    def to_json(self) -> dict[str, Any]:
        """Plain values for other programs."""
        return {
            "campaign": self.campaign,
            "campaign_digest": self.digest,
            "into": self.into,
            "options": self.options,
            "stopped": self.stopped,
            "exit_code": int(self.exit_code),
            "configs": {
                "all": self.n_configs,
                "done_before": self.n_done_before,
                "written": self.n_written,
                "missing": self.n_missing,
            },
            "totals": {
                "files": len(self.files),
                "bad_files": sum(file.is_bad for file in self.files),
                "layouts": sum(len(file.layouts) for file in self.files),
                **{outcome.value.replace(" ", "_"): self.count(outcome) for outcome in Outcome},
            },
            "verdicts": dict(Counter(file.verdict.value for file in self.files)),
            "stored_aep": self.stored_aep(),
            "notes": self.notes,
            "unequal": {
                key: [{**layout.to_json()} for layout in layouts] for key, layouts in self.unequal.items()
            },
            "files": [file.to_json() for file in self.files],
            "layouts": [layout.to_json() for layout in self.layouts],
        }


# ---------------------------------------------------------------- for people


def text_of(audit: Audit, *, most: int | None = None) -> str:
    """Say it in lines: everything, or at most so many lines of a kind and sound files left out."""
    files = [file for file in audit.files if most is None or file.is_bad]
    refused = [layout for layout in audit.layouts if layout.outcome == Outcome.REFUSED]
    moved = [layout for layout in audit.layouts if layout.moved]
    parts = [
        _section("files" if most is None else "files that are not sound", map(_file_lines, files), most),
        _section("layouts refused", map(_refused_line, refused), most),
        _section("layouts with turbines moved", map(_moved_line, moved), most),
        _section(
            "configs with unequal layouts", (_unequal_line(*item) for item in audit.unequal.items()), most
        ),
        _section("notes", audit.notes, most),
        list(_totals(audit)),
    ]
    return printable("\n\n".join("\n".join(part) for part in parts if part), lines=True)


def _section(head: str, lines: Iterable[str], most: int | None) -> list[str]:
    told = list(lines)
    left = len(told) - most if most is not None else 0
    if left > 1:
        told[most:] = [f"... and {left:,} more; --report FILE has them all"]
    return [f"{head}:", *(f"  {line}" for line in told)] if told else []


def _file_lines(file: FileAudit) -> str:
    size = "" if file.judged.size is None else f", {file.judged.size:,} bytes"
    counts = [f"{n} {outcome.value}" for outcome in Outcome if (n := file.count(outcome))]
    told = "; ".join(filter(None, (file.judged.detail, ", ".join(counts))))
    return printable(f"{file.judged.path}{size}: {file.verdict.value}{': ' if told else ''}{told}")


def _refused_line(layout: LayoutAudit) -> str:
    return printable(f"{layout.file}: {clipped(layout.name)}: {layout.detail}")


def _moved_line(layout: LayoutAudit) -> str:
    return printable(f"{layout.file}: {clipped(layout.name)}: by {layout.moved:.3g} m at most")


def _unequal_line(key: str, layouts: Sequence[LayoutAudit]) -> str:
    told = ", ".join(
        f"{_gwh(layout.aep)} in {layout.file}{' (kept)' if layout.outcome == Outcome.TAKEN else ''}"
        for layout in layouts
    )
    taken = any(layout.outcome == Outcome.TAKEN for layout in layouts)
    return printable(f"{key}: {told}{'' if taken else f'; {layouts[0].detail}'}")


def _totals(audit: Audit) -> Iterator[str]:
    verdicts = Counter(file.verdict.value for file in audit.files)
    yield _total("files", len(audit.files), verdicts)
    n_layouts = sum(len(file.layouts) for file in audit.files)
    yield _total("layouts", n_layouts, {outcome.value: audit.count(outcome) for outcome in Outcome})
    if compared := audit.stored_aep():
        yield _total("stored AEP", sum(compared.values()), compared)
    if audit.stopped:
        return
    be, have = ("would be ", "would have") if audit.options.get("dry_run") else ("", "has")
    done = f"{audit.n_configs - audit.n_missing:,} of {audit.n_configs:,}"
    yield f"configs     {audit.n_written:,} {be}written into {audit.into}, which {have} {done}"


def _total(what: str, n: int, counts: "dict[str, int] | Counter[str]") -> str:
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    return f"{what:11} {n:,}{': ' if told else ''}{told}"


def _compared(stored: float | None, computed: float | None) -> str:
    """What there is to say of a stored AEP, whose units are not known."""
    if stored is None:
        return "missing"
    if not math.isfinite(stored):
        return "not finite"
    if stored == 0:
        return "zero"
    near = computed is not None and abs(abs(stored) - computed) <= _CLOSE * computed
    if stored < 0:
        return "as computed but negative" if near else "negative"
    return "as computed" if near else "not as computed"


def _gwh(aep: float | None) -> str:
    return "unknown" if aep is None else f"{aep:.3f} GWh"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
