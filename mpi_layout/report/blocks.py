"""What a page consists of: sections of facts, tables, pictures and text, without any HTML."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes
    ----------
    text : str
        What it says.
    """

    kind: ClassVar[str] = "text"

    text: str


@dataclass(frozen=True)
class Facts:
    """Names and what they stand for.

    Attributes
    ----------
    facts : sequence of (str, str)
        In their order; long values may be broken anywhere.
    title : str
        Heading, if any.
    """

    kind: ClassVar[str] = "facts"

    facts: Sequence[tuple[str, str]]
    title: str = ""


@dataclass(frozen=True)
class Column:
    """Column of a table.

    Attributes
    ----------
    name, unit : str
        Heading; without a unit "".
    number : bool
        Whether it holds numbers.
    """

    name: str
    unit: str = ""
    number: bool = True


@dataclass(frozen=True)
class Cell:
    """Cell of a table.

    Attributes
    ----------
    text : str
        What it says.
    value : float or None
        By what it is sorted, where that is not the text; None where there is no such number.
    note : str
        Small print below.
    shade : float or None
        How strongly it is coloured, 0 to 1.
    bad : bool
        Whether it tells of something that went wrong.
    """

    text: str
    value: float | None = None
    note: str = ""
    shade: float | None = None
    bad: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    title : str
        Heading, also the table's name for those who do not see it.
    columns : sequence of Column
        Its columns; the first one names the rows.
    rows : sequence of sequences of Cell
        Its rows.
    note : str
        What is to be known to read it, or what is left out.
    sortable : bool
        Whether its rows may be put into another order.
    """

    kind: ClassVar[str] = "table"

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    sortable: bool = True


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes
    ----------
    title : str
        Heading.
    source : str
        The picture itself, a data URI; "" where it could not be drawn.
    alt : str
        What is seen, in words.
    note : str
        What is to be known to read it, or why it is missing.
    width : float
        How wide it is meant to be, CSS pixels.
    """

    kind: ClassVar[str] = "picture"

    title: str
    source: str
    alt: str
    note: str = ""
    width: float = 0


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side, where there is room."""

    kind: ClassVar[str] = "gallery"

    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Code:
    """Text as it is in a file or on a command line.

    Attributes
    ----------
    title : str
        Heading.
    text : str
        Lines.
    folded : bool
        Whether it shows only when asked for.
    """

    kind: ClassVar[str] = "code"

    title: str
    text: str
    folded: bool = False


Block: TypeAlias = Text | Facts | Table | Picture | Gallery | Code


@dataclass(frozen=True)
class Section:
    """Part of a page with a heading of its own.

    Attributes
    ----------
    name : str
        What links to it say: small letters and hyphens.
    title : str
        Its heading.
    blocks : sequence of Block
        What it consists of.
    """

    name: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)


@dataclass(frozen=True)
class Share:
    """Part of a bar.

    Attributes
    ----------
    name : str
        What it stands for: one of "done", "failed", "damaged", "waiting".
    count : int
        How many.
    """

    name: str
    count: int


@dataclass(frozen=True)
class Page:
    """A whole page.

    Attributes
    ----------
    title, subtitle : str
        What it is about.
    scope : str
        What of it is shown, if not all.
    highlights : sequence of (str, str, str)
        What is looked at first: name, value, small print.
    shares : sequence of Share
        The bar at the top.
    sections : sequence of Section
        All the rest.
    made : str
        By what, from what and when.
    """

    title: str
    subtitle: str
    scope: str
    highlights: Sequence[tuple[str, str, str]]
    shares: Sequence[Share]
    sections: Sequence[Section]
    made: str
