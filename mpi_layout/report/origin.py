"""Where results come from, and how to get them again: digest, versions, hosts, commands, citation."""

import re
import shlex
from pathlib import PurePath

from mpi_layout.report.blocks import Block, Code, Facts, Section, Text
from mpi_layout.report.words import several
from mpi_layout.results.reader import Results
from mpi_layout.results.storage.schema import FORMAT_VERSION
from mpi_layout.results.storage.versions import software_versions

_MOST_TEXT = 200_000  # characters of the campaign on the page
_MOST_NAMES = 20  # hosts, sets of versions

# The same as in CITATION.cff, which is not installed.
TITLE = "mpi-layout: databases of optimised wind farm layouts, computed by MPI ranks into one HDF5 file"
AUTHOR = "the mpi-layout developers"

_TAKE_OUT = (
    "python3 -c \"import h5py, sys; sys.stdout.buffer.write(h5py.File(sys.argv[1])['campaign_yaml'][()])\""
)


def origin_section(results: Results) -> Section:
    """All that it takes to compute the file again, and to say where it is from."""
    blocks: tuple[Block, ...] = (
        Facts(_facts(results)),
        Code("Compute it again", _commands(results)),
        Text(
            "A result depends on the campaign and the config alone: not on the number of ranks, nor on how "
            "often a launch was stopped. On other processors and with other versions, digits far behind may "
            "differ."
        ),
        Code("How to cite", citation()),
        _campaign_text(results.campaign_text),
    )
    return Section("origin", "Reproducibility", blocks)


def _facts(results: Results) -> list[tuple[str, str]]:
    attributes = results.attributes
    created_by = [
        f"{name.removeprefix('version_')} {value}"
        for name, value in attributes.items()
        if name.startswith("version_")
    ]
    facts = [
        ("File", f"{results.path.name}, {results.path.stat().st_size:,} bytes"),
        ("Format", f"mpi-layout results, version {FORMAT_VERSION}"),
        ("Created", str(attributes.get("created", "unknown"))),
        ("Created with", ", ".join(created_by) or "unknown"),
        ("Campaign digest (SHA-256)", results.campaign.digest),
        ("Campaign text (SHA-256)", results.structure.text_sha256),
    ]
    launches = [launch for launch in results.launches if launch.holds]
    if launches:
        ranks = sorted({launch.ranks for launch in launches})
        facts += [
            ("Ranks", ", ".join(f"{n:,}" for n in ranks[:_MOST_NAMES])),
            ("Hosts of rank 0", _names([launch.host for launch in launches])),
            ("Versions of the launches", _names([_versions(launch.versions) for launch in launches])),
        ]
    return facts


def _versions(text: str) -> str:
    """Say pairs such as `numpy=2.4.6` as a list."""
    return re.sub(r"(^| )(\w+)=", lambda pair: f"{pair[1] and ', '}{pair[2]} ", text)


def _names(given: list[str]) -> str:
    """Say different names once, each with how often it is there."""
    distinct = list(dict.fromkeys(given))
    told = [f"{name} ({several(given.count(name), 'launch', 'launches')})" for name in distinct[:_MOST_NAMES]]
    more = len(distinct) - len(told)
    return "; ".join([*told, f"{more} more"] if more else told)


def _commands(results: Results) -> str:
    file = results.path.name
    stem = PurePath(file).stem
    campaign, again = f"{stem}.again.yaml", f"{stem}.again.h5"
    ranks = max((launch.ranks for launch in results.launches if launch.holds), default=1)
    run = ["mpi-layout", "run", campaign, "-o", again]
    if ranks > 1:
        run = ["mpiexec", "-n", str(ranks), *run]
    if not isinstance(results.campaign.objective, str) and results.campaign.objective.function:
        run.append("--allow-code")
    return "\n".join(
        [
            f"{_TAKE_OUT} \\\n    {shlex.quote(_path(file))} > {shlex.quote(_path(campaign))}",
            shlex.join(["mpi-layout", "verify", _path(file)]),
            shlex.join([_path(word) if word in (campaign, again) else word for word in run]),
            shlex.join(["mpi-layout", "diff", _path(file), _path(again)]),
        ]
    )


def _path(name: str) -> str:
    """Name of a file that no program takes for an option."""
    return f"./{name}" if name.startswith("-") else name


def citation() -> str:
    """BibTeX entry of this program."""
    version = software_versions()["mpi_layout"]
    told = f"  version = {{{version}}},\n" if version[:1].isdigit() else ""
    return f"@software{{mpi_layout,\n  author = {{{{{AUTHOR}}}}},\n  title = {{{{{TITLE}}}}},\n{told}}}"


def _campaign_text(text: str) -> Code:
    shown = text[:_MOST_TEXT]
    title = f"The campaign, {several(text.count(chr(10)) + (not text.endswith(chr(10))), 'line')}"
    if len(text) > _MOST_TEXT:
        title += f" (of {len(text):,} characters the first {_MOST_TEXT:,}; all are in the results file)"
    return Code(title, shown, folded=True)
