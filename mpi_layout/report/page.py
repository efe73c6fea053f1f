"""HTML of a page, in one file that asks for no other: styles, script and pictures are inside."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from mpi_layout.printable import printable
from mpi_layout.report.blocks import Page

_TEMPLATES = ("page.html", "blocks.html", "page.css", "page.js")


def html(page: Page) -> str:
    """Page as HTML; text of whatever kind stays text."""
    style, script = _source("page.css"), _source("page.js")
    template = _environment().get_template("page.html")
    return template.render(page=page, style=Markup(style), script=Markup(script), policy=_policy(script))


def _policy(script: str) -> str:
    """What a browser may do with the page: show it and run its own script, and ask nobody for anything."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=DictLoader({name: _source(name) for name in _TEMPLATES}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    environment.filters["lines"] = _lines
    return environment


def _source(name: str) -> str:
    return (files("mpi_layout.report") / "templates" / name).read_text("utf-8")


def _harmless(value: object) -> object:
    """Every value on its way into the page: no controls, nothing that turns the direction of a line."""
    return printable(value) if type(value) is str else value


def _lines(text: str) -> Markup:
    """Text of several lines, escaped."""
    return Markup.escape(printable(text.expandtabs(), lines=True))
