"""What the site has from beside `docs/`, and links that hold both in the repository and in the site.

README.md is the site's first page; the other documents keep their places; example files and scripts become
pages that show them. Links are written for the repository, relative to the file that they stand in.
"""

import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "benchmarks/README.md": "benchmarks/README.md",
    "examples/README.md": "examples/README.md",
    "jobs/README.md": "jobs/README.md",
}
SHOWN = {".yaml": "yaml", ".cff": "yaml", ".py": "python", ".sh": "sh", ".csv": "text", ".def": "text"}
_CODE = re.compile(r"`[^`]+`")
_LINK = re.compile(r"(\]\()(?!\w+:|#)([^)#\s]+)")
_IMAGE = re.compile(r'<img src="(.*?)" width="(\d+)" alt="(.*?)">')  # which Markdown cannot size


def _shown() -> list[str]:
    """Files of the repository that get a page of their own."""
    patterns = ("CITATION.cff", "examples/**/*", "jobs/*", "containers/*")
    paths = sorted(path for pattern in patterns for path in REPOSITORY.glob(pattern))
    return [path.relative_to(REPOSITORY).as_posix() for path in paths if path.suffix in SHOWN]


def _place(path: str) -> str:
    """Where the site has a file of the repository."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return PAGES.get(path, f"{path}.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that do not lie in `docs/`."""
    for path, place in PAGES.items():
        files.append(File.generated(config, place, abs_src_path=str(REPOSITORY / path)))
    for path in _shown():
        text = (REPOSITORY / path).read_text(encoding="utf-8")
        page = f"# {path}\n\n````{SHOWN[PurePosixPath(path).suffix]}\n{text}````\n"
        added = File.generated(config, _place(path), content=page, inclusion=InclusionLevel.NOT_IN_NAV)
        files.append(added)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links between `docs/` and the rest of the repository lead to where the site has it."""
    place = page.file.src_uri
    source = next((path for path, there in PAGES.items() if there == place), f"docs/{place}")
    folder, here = PurePosixPath(source).parent, PurePosixPath(place).parent

    def mended(link: re.Match[str]) -> str:
        target = os.path.normpath(folder / link[2])
        return link[1] + os.path.relpath(_place(target), here)

    markdown = _IMAGE.sub(r'![\3](\1){ width="\2" }', markdown)
    lines = _LINK.sub(mended, markdown).splitlines()
    return "\n".join(_CODE.sub(_with_bars, line) if line.startswith("|") else line for line in lines)


def _with_bars(code: re.Match[str]) -> str:
    """Code in a table, whose bars must be escaped for repositories and must not for Python-Markdown."""
    return code[0].replace("\\|", "|")
