"""The commands around campaign files: check, schema, init."""

import argparse
from pathlib import Path

from mpi_layout.commands.options import add_code_option
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import answer_json, say
from mpi_layout.errors import InputError

CHECK = """\
examples:
  mpi-layout check campaign.yaml               configs, size of the file, CPU time of a config, memory
  mpi-layout check campaign.yaml --allow-code  ... of a campaign that maximises a function of its own

Everything that is wrong with the file is listed at once, each with its key. Nothing is written.
"""
SCHEMA = """\
examples:
  mpi-layout schema > campaign.schema.json

An editor that knows the schema completes keys and marks mistakes. For those with the YAML language server
(VS Code, Emacs, Vim) write as the first line: # yaml-language-server: $schema=campaign.schema.json
"""
INIT = """\
examples:
  mpi-layout init                  campaign.yaml
  mpi-layout init first.yaml       another name
"""


def add(commands: Commands) -> None:
    """Add them."""
    check = add_command(
        commands, "check", check_command, "say what a campaign would compute, and how long it takes", CHECK
    )
    check.add_argument("campaign", type=Path, metavar="CAMPAIGN", help="campaign file (YAML)")
    add_code_option(check)
    add_command(commands, "schema", schema_command, "print the JSON schema of campaign files", SCHEMA)
    init = add_command(commands, "init", init_command, "write a commented campaign file to start from", INIT)
    init.add_argument(
        "file", type=Path, nargs="?", default="campaign.yaml", metavar="FILE", help="default: campaign.yaml"
    )


def check_command(args: argparse.Namespace) -> int:
    """Say what a campaign would compute."""
    from mpi_layout.campaign import load_campaign
    from mpi_layout.estimate import cost_warnings, describe_cost, describe_work, measure_cost
    from mpi_layout.results.layouts import results_neighbours

    campaign = load_campaign(args.campaign, results_layout=results_neighbours)
    if args.allow_code:
        campaign.allow_code()
    say(describe_work(campaign))
    cost = measure_cost(campaign)
    say(describe_cost(cost))
    for warning in (*campaign.warnings, *cost_warnings(campaign, cost)):
        say(f"warning: {warning}")
    return 0


def schema_command(args: argparse.Namespace) -> int:
    """Print the JSON schema of campaign files."""
    from mpi_layout.campaign import campaign_schema

    answer_json(campaign_schema())
    return 0


def init_command(args: argparse.Namespace) -> int:
    """Write a campaign file to start from."""
    from mpi_layout.campaign import starter_text

    try:
        with open(args.file, "x", encoding="utf-8") as file:
            file.write(starter_text())
    except FileExistsError:
        raise InputError(f"{args.file}: exists already and is not overwritten; give another name") from None
    except OSError as error:
        raise InputError(f"{args.file}: cannot be written: {error.strerror}") from None
    say(f"{args.file} written. Edit it, then: mpi-layout check {args.file}")
    return 0
