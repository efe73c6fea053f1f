"""Functions from the text of a Python file that a campaign names: the one place where foreign code runs.

A campaign may come from anybody and must do no harm. So the text lies unread until somebody has said, on the
command line and not in the campaign, that code of the campaign may run.
"""

import ast
import hashlib
import sys
import threading
import types
import warnings
from dataclasses import dataclass, field
from typing import Any

from mpi_layout.errors import InputError
from mpi_layout.optimise.objective import EvaluatedLayout

LONGEST_TEXT = 2**18  # characters: parsing the worst of them takes a second and 250 MB


class CodeRefusedError(InputError):
    """Code of a campaign was to run, and nobody has allowed it."""


@dataclass(frozen=True, eq=False)
class UserFunction:
    """A function of a Python file, called as a function. The file is run when it is first called.

    Attributes
    ----------
    file : str
        What messages call the file.
    text : str
        Its text.
    name : str
        The function's name.
    allowed : bool
        Whether the user lets it run.
    """

    file: str
    text: str
    name: str
    allowed: bool = False
    _loaded: list[Any] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def __name__(self) -> str:
        """Name for messages."""
        return self.name

    def __call__(self, layout: EvaluatedLayout) -> float:
        """What the function says; one call at a time, as it need not know of threads.

        Raises
        ------
        CodeRefusedError
            If it is not allowed to run.
        Exception
            Whatever the code raises.
        """
        with self._lock:
            value: float = self._function()(layout)
            return value

    def load(self) -> None:
        """Run the file, so that what is wrong with it shows at once.

        Raises
        ------
        CodeRefusedError
            If it is not allowed to run.
        InputError
            If it fails, or has no such function then.
        """
        try:
            with self._lock:
                function = self._function()
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            line = _line(error, self.file)
            raise InputError(f"{self.file}: {line}{type(error).__name__}: {error}") from error
        if not callable(function):
            raise InputError(f"{self.file}: {self.name} is a {type(function).__name__}, wants a function")

    def _function(self) -> Any:
        if not self.allowed:
            raise CodeRefusedError(
                f"{self.file}: the objective of this campaign is a Python function, and code of a campaign "
                "runs only if you say so: read the file, then give --allow-code"
            )
        if not self._loaded:
            # In sys.modules, as dataclasses and others look there for the module of a class.
            name = f"mpi_layout_objective_{hashlib.sha256(self.text.encode()).hexdigest()[:16]}"
            module = sys.modules[name] = types.ModuleType(name)
            exec(compile(self.text, self.file, "exec"), module.__dict__)
            self._loaded.append(getattr(module, self.name))
        return self._loaded[0]


def text_fault(text: str, name: str) -> str | None:
    """Say why a text cannot be Python that defines a function, or None; nothing of it is run."""
    if len(text) > LONGEST_TEXT:
        return f"has {len(text):,} characters, wants at most {LONGEST_TEXT:,}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno}: is no Python: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"is no Python: {str(error) or 'nested too deeply'}"
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    if name not in functions:
        return f"defines no function {name}; it has {', '.join(functions[:20]) or 'none'}"
    return None


def _line(error: BaseException, file: str) -> str:
    """Innermost line of the file in a traceback."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"line {line}: " if line else ""
