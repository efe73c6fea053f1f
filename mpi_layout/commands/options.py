"""What several commands take, and how their words become values."""

import argparse
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from mpi_layout.errors import InputError

if TYPE_CHECKING:
    from mpi_layout.results.selection import Selection, State

_PER = {
    "area": ("area",),
    "turbine": ("turbine_type",),
    "turbine_type": ("turbine_type",),
    "seed": ("seed",),
    "all": (),
}


def add_launch_options(parser: argparse.ArgumentParser) -> None:
    """Options of a launch, which say nothing of the results."""
    parser.add_argument(
        "--backend",
        choices=["auto", "gather", "mpio"],
        default="auto",
        help="how rows get into the file: by rank 0, or by all ranks (default: auto)",
    )
    parser.add_argument(
        "--time-limit", type=time_limit, metavar="H:MM:SS", help="leave in order after this time"
    )
    parser.add_argument("--retry-failed", action="store_true", help="try failed configs again")
    parser.add_argument("--fresh", action="store_true", help="start anew; an existing file is moved aside")
    parser.add_argument(
        "--no-lock",
        action="store_true",
        help="go on where the file system has no locks, unless another launch gave a sign of life just now",
    )


def add_code_option(parser: argparse.ArgumentParser) -> None:
    """Leave for code that a campaign brings along."""
    parser.add_argument(
        "--allow-code",
        action="store_true",
        help="let the Python function run that the campaign maximises; read it before",
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Wake model in the place of the one that a file names."""
    parser.add_argument("--model", metavar="NAME", help="wake model to take instead, by its usual name")
    parser.add_argument(
        "--model-parameter",
        type=assignment,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="parameter of --model, such as k=0.05; may be repeated",
    )


def add_selection(parser: argparse.ArgumentParser, *, status: bool = True, best_per: bool = True) -> None:
    """Which configs of a results file are meant; `selection_of` takes it from the arguments.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Of the command.
    status : bool, optional
        Whether configs that are not done can be asked for.
    best_per : bool, optional
        Whether the best of groups can be asked for.
    """
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help="only configs whose key matches, such as 'farm0_*'; may be repeated",
    )
    if best_per:
        parser.add_argument(
            "--best-per",
            type=per,
            metavar="WHAT",
            help="only the best layout of each area,turbine or area or turbine or seed; "
            "or all for the best one alone",
        )
    if status:
        parser.add_argument(
            "--status",
            choices=["done", "failed", "all"],
            default="done",
            help="only configs in this state (default: done)",
        )


def selection_of(args: argparse.Namespace) -> "Selection":
    """Take from parsed arguments which configs are meant.

    Raises
    ------
    InputError
        If the options contradict each other.
    """
    from mpi_layout.results.selection import Selection

    status: State = getattr(args, "status", "done")
    best_per = getattr(args, "best_per", None)
    if best_per is not None and status != "done":
        raise InputError(f"--best-per chooses among configs that are done, and --status says {status}")
    return Selection(tuple(args.only), status, best_per)


def per(text: str) -> tuple[str, ...]:
    """Names of columns, from the words of --best-per."""
    words = text.split(",")
    if unknown := [word for word in words if word not in _PER]:
        raise argparse.ArgumentTypeError(
            f"wants all, or some of area, turbine and seed, such as area,turbine; has {unknown[0]!r}"
        )
    return tuple(dict.fromkeys(name for word in words for name in _PER[word]))


def assignment(text: str) -> tuple[str, str]:
    """Name and value of NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"wants NAME=VALUE, such as k=0.05; has {text!r}")
    return name, value


def time_limit(text: str) -> float:
    """Seconds of H:MM:SS or D-HH:MM:SS."""
    match = re.fullmatch(r"(?:(\d{1,6})-)?(\d{1,6}):([0-5]\d):([0-5]\d)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"wants H:MM:SS, such as 0:30:00 for half an hour; has {text!r}")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds


def memory(text: str) -> int:
    """MB of a size such as 500M or 2G."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([MG])B?", text.upper())
    if match is None:
        raise argparse.ArgumentTypeError(f"wants a size such as 500M or 2G; has {text!r}")
    return int(match[1]) * (1000 if match[2] == "G" else 1)


def whole_number(smallest: int) -> Callable[[str], int]:
    """What reads whole numbers from `smallest` on."""

    def whole(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or int(text) < smallest:
            raise argparse.ArgumentTypeError(f"wants a whole number from {smallest} on; has {text!r}")
        return int(text)

    return whole


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"wants a number; has {text!r}")
    return value


def no_less_than_zero(text: str) -> float:
    """A finite number that is not negative."""
    try:
        value = number(text)
    except argparse.ArgumentTypeError:
        value = -1.0
    if value < 0:
        raise argparse.ArgumentTypeError(f"wants a number from 0 on; has {text!r}")
    return value
