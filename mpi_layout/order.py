"""What a launch is asked to do."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Order:
    """What the user asks of a launch; attributes as the options of `run`.

    Attributes
    ----------
    text : str, optional
        The campaign, where the file `campaign` is none itself but what it is made of.
    extend : bool
        Whether a results file of the same campaign with fewer seeds gets those that it lacks.
    """

    campaign: Path
    output: Path
    text: str | None = None
    only: str = "*"
    backend: str = "auto"
    retry_failed: bool = False
    fresh: bool = False
    no_lock: bool = False
    allow_code: bool = False
    extend: bool = False
