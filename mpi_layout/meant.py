"""Which word somebody meant who has mistyped one: a command, an option, a key."""

from collections.abc import Iterable


def meant(word: str, known: Iterable[str]) -> str:
    """Known word that is like another one, but for capital letters if it can be; "" if none is."""
    import difflib  # no command line that is right needs it

    words = list(known)
    same_letters = (other for other in words if other.lower() == word.lower())
    return next(same_letters, "") or next(iter(difflib.get_close_matches(word, words, n=1)), "")
