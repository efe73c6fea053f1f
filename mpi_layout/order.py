"""What a launch is asked to do."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Order:
    """What the user asks of a launch."""

    campaign: Path
    output: Path
    only: str = "*"
    backend: str = "auto"
    retry_failed: bool = False
    fresh: bool = False
    no_lock: bool = False
