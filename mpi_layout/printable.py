"""Text from files and command lines, made harmless for a terminal.

Every message passes here on its way out: the log, errors, tables, the parser's
complaints. What steers a terminal (C0 and C1 controls, escape sequences) or turns
the direction of a line (bidirectional overrides) is shown as an escape instead.
"""


def printable(text: str, *, lines: bool = False) -> str:
    r"""Text with every character that is not printable as an escape such as \x1b.

    Parameters
    ----------
    text : str
        Any text, lone surrogates included.
    lines : bool
        Whether line ends stay, because the text is a message of several lines.
    """
    if text.isprintable():
        return text
    kept = "\n" if lines else ""
    return "".join(c if c.isprintable() or c in kept else _escape(c) for c in text)


def clipped(text: str, most: int = 60) -> str:
    """Text on one line, printable, and at most `most` characters of it."""
    return printable(text if len(text) <= most else f"{text[: most - 3]}...")


def shortened(name: str, most: int) -> str:
    """Name of at most so many characters, without its middle: names that begin alike end differently."""
    end = most // 3
    return printable(name if len(name) <= most else f"{name[: most - 3 - end]}...{name[-end:]}")


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
