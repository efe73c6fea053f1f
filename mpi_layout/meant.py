"""Which word somebody meant who has mistyped one: a command, an option, a key, a file."""

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from mpi_layout.printable import printable

CAMPAIGNS, RESULTS = (".yaml", ".yml"), (".h5",)  # how the names of such files end

_BEGINNING = 4  # letters: fewer of them begin too many words
_FILES_COMPARED = 1000  # a folder may have very many, on a slow file server


def meant(word: str, known: Iterable[str]) -> str:
    """Known word that is like another one; "" if none is.

    The same one but for capital letters if there is one; else one that goes on where the other ends, as with
    a key without its unit; else the closest.
    """
    import difflib  # no command line that is right needs it

    words = list(known)
    small = word.lower()
    same_letters = (other for other in words if other.lower() == small)
    longer = (other for other in words if len(small) >= _BEGINNING and other.lower().startswith(small))
    close = difflib.get_close_matches(word, words, n=1)
    return next(itertools.chain(same_letters, longer, close), "")


def file_meant(path: Path, suffixes: Iterable[str] = ()) -> str:
    """Question whether a file like one that is not there is meant; "" if its folder has none.

    Parameters
    ----------
    path : Path
        The file that is not there, or is of another kind.
    suffixes : iterable of str, optional
        How names of the wanted kind end; by default as that of the file.
    """
    wanted = tuple(suffixes) or (path.suffix,)
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in itertools.islice(entries, _FILES_COMPARED)]
    except OSError:
        return ""
    # By their stems: endings that are the same would make any two names alike.
    known = {Path(name).stem: name for name in sorted(names) if name.endswith(wanted) and name != path.name}
    close = meant(path.stem, known)
    return f"; is {printable(str(path.with_name(known[close])))} meant?" if close else ""
