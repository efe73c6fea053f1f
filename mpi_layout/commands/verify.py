"""The command verify: is every result sound."""

import argparse
from dataclasses import asdict

from mpi_layout.commands.options import add_code_option
from mpi_layout.commands.parser import Commands, add_reader
from mpi_layout.console import answer, answer_json, counting, say

EPILOG = """\
examples:
  mpi-layout verify campaign.h5                every byte, rule, distance and AEP
  mpi-layout verify campaign.h5 --no-aep       ... without computing AEP again: seconds instead of minutes
  mpi-layout verify campaign.h5 --json         what is wrong, for other programs

Nothing in the file is believed: checksums, distances, areas, AEP and objective are computed again.
`mpi-layout recover` saves what is sound.
"""
EXIT_FOUND = 1  # something is wrong


def add(commands: Commands) -> None:
    """Add `verify`."""
    verify = add_reader(
        commands,
        "verify",
        verify_command,
        "check every result anew: bytes, layout, energy; exit code 1 if wrong",
        EPILOG,
    )
    verify.add_argument("--no-aep", action="store_true", help="do not compute the energies again (faster)")
    add_code_option(verify)


def verify_command(args: argparse.Namespace) -> int:
    """Check everything in a results file anew."""
    from mpi_layout.commands.tables import verify_view
    from mpi_layout.results.reader import open_reader
    from mpi_layout.results.verify import verify

    results = open_reader(args.file)
    with counting("rows checked") as progress:
        options = {"aep": not args.no_aep, "allow_code": args.allow_code}
        findings = list(verify(results, **options, progress=progress))
    n_checked = 0 if any(finding.what == "campaign" for finding in findings) else results.n_rows
    if args.json:
        answer_json({"rows": n_checked, "findings": [asdict(finding) for finding in findings]})
    else:
        answer(verify_view(findings, n_checked))
        if n_checked and results.campaign.code is not None and not args.allow_code:
            say(
                "note: the objective was not computed again, as it is code of the campaign: --allow-code does"
            )
    return EXIT_FOUND if findings else 0
