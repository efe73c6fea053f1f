"""Pages whose text is written by hand, with marks between which parts stand that are generated."""

import re
from collections.abc import Callable

from mpi_layout.reference.campaign_keys import CampaignKeys
from mpi_layout.reference.command_line import command_texts


def campaign_page(text: str) -> str:
    """The reference of the campaign file, with a table at the mark of each section."""
    return filled(text, CampaignKeys(headings(text)).table)


def commands_page(text: str) -> str:
    """The reference of the commands."""
    return filled(text, lambda mark: {"commands": command_texts()}[mark])


PAGES: dict[str, Callable[[str], str]] = {"campaign.md": campaign_page, "commands.md": commands_page}


def filled(text: str, part: Callable[[str], str]) -> str:
    """Text of a page with its generated parts.

    Parameters
    ----------
    text : str
        Markdown; a part stands between the lines <!-- MARK --> and <!-- end MARK -->.
    part : function
        What belongs between marks of that name.
    """
    return re.sub(
        r"^(<!-- (\w+) -->\n).*?^(<!-- end \2 -->)$",
        lambda match: f"{match[1]}{part(match[2])}\n{match[3]}",
        text,
        flags=re.DOTALL | re.MULTILINE,
    )


def headings(text: str) -> dict[str, str]:
    """The heading above each mark of a page."""
    found, heading = {}, ""
    for line in text.splitlines():
        if match := re.fullmatch(r"#+ (.*)", line):
            heading = match[1]
        elif match := re.fullmatch(r"<!-- (\w+) -->", line):
            found[match[1]] = heading
    return found
