"""What the doctor says: findings, each with what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Verdict(Enum):
    """How bad a finding is: nothing, worth knowing, or a launch would fail."""

    OK = "ok"
    HINT = "hint"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    what : str
        A word or two.
    verdict : Verdict
        How bad it is.
    found : str
        What is there, a sentence.
    advice : str
        What to do; empty where nothing has to be done.
    facts : dict
        The same for other programs.
    """

    what: str
    verdict: Verdict
    found: str
    advice: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """Findings about one subject, with words for those who meet it for the first time.

    The findings are made while they are read, so that each can be shown at once.
    """

    title: str
    explanation: str
    findings: Iterator[Finding]


def ok(what: str, found: str, **facts: Any) -> Finding:
    """All is well."""
    return Finding(what, Verdict.OK, found, "", facts)


def hint(what: str, found: str, advice: str, **facts: Any) -> Finding:
    """A launch works, but could be better or may surprise."""
    return Finding(what, Verdict.HINT, found, advice, facts)


def problem(what: str, found: str, advice: str, **facts: Any) -> Finding:
    """A launch would fail."""
    return Finding(what, Verdict.PROBLEM, found, advice, facts)
