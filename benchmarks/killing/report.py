"""What came out: counted, added up over runs, shown as a table."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

COLUMNS = (
    ("kills", "kills"),
    ("unreadable", "unreadable files"),
    ("committed", "rows committed"),
    ("lost", "rows lost"),
    ("differing", "rows that differ"),
    ("hung", "launches that hung"),
    ("worst_resume_s", "worst resume time, s"),
)


@dataclass
class Tally:
    """What became of the strikes at one kind of victim.

    Attributes
    ----------
    kills : int
        Strikes.
    unreadable : int
        Files that could not be opened afterwards.
    committed : int
        Rows that a reader had seen committed, summed over the strikes.
    lost, differing : int
        Rows that were committed and are no more, or are not those of an undisturbed run.
    hung : int
        Launches with processes left when the time was up.
    worst_resume_s : float
        From the next launch's command to its first new row or its end, s.
    """

    kills: int = 0
    unreadable: int = 0
    committed: int = 0
    lost: int = 0
    differing: int = 0
    hung: int = 0
    worst_resume_s: float = 0.0

    def add(self, other: "Tally") -> None:
        """Take in what came out of other strikes."""
        for each in fields(Tally):
            ours, theirs = getattr(self, each.name), getattr(other, each.name)
            setattr(self, each.name, max(ours, theirs) if each.name == "worst_resume_s" else ours + theirs)


@dataclass
class Record:
    """Everything that came out: a tally per backend, MPI and victim, and the faults in words."""

    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=dict)
    kills: int = 0
    campaigns: int = 0
    launches: int = 0
    seeds: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def tally(self, backend: str, mpi: str, victim: str) -> Tally:
        """Tally of one kind of victim."""
        return self.tallies.setdefault((backend, mpi, victim), Tally())

    def add(self, other: "Record") -> None:
        """Take in another run."""
        for key, tally in other.tallies.items():
            self.tally(*key).add(tally)
        self.kills += other.kills
        self.campaigns += other.campaigns
        self.launches += other.launches
        self.seeds += other.seeds
        self.faults += other.faults

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        content = asdict(self) | {"tallies": [[*key, asdict(tally)] for key, tally in self.tallies.items()]}
        path.write_text(json.dumps(content, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Record":
        """Read what `save` wrote."""
        content = json.loads(path.read_text())
        tallies = {(backend, mpi, victim): Tally(**t) for backend, mpi, victim, t in content.pop("tallies")}
        return cls(tallies=tallies, **content)

    def table(self) -> str:
        """Markdown: a row per tally, and one for all."""
        total = Tally()
        for tally in self.tallies.values():
            total.add(tally)
        lines = ["| backend | MPI | victim | " + " | ".join(name for _, name in COLUMNS) + " |"]
        lines.append("|---" * 3 + "|---:" * len(COLUMNS) + "|")
        lines += [_line(*key, tally) for key, tally in sorted(self.tallies.items()) if tally != Tally()]
        lines.append(_line("all", "", "", total))
        end = f"\n{self.kills} kills in {self.launches} launches of {self.campaigns} campaigns; "
        end += f"seeds {', '.join(map(str, self.seeds))}; "
        return "\n".join(lines) + f"\n{end}{len(self.faults) or 'no'} faults\n"


def _line(backend: str, mpi: str, victim: str, tally: Tally) -> str:
    counts = [f"{getattr(tally, name):,}" for name, _ in COLUMNS[:-1]]
    resume = (
        f"{tally.worst_resume_s:.1f}" if tally.worst_resume_s else ""
    )  # each was killed before it had begun
    return f"| {' | '.join([backend, mpi, victim, *counts, resume])} |"
