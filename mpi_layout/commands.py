"""The commands: what each one does, says and exits with."""

import argparse
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mpi_layout.console import answer, answer_json, counting, say
from mpi_layout.errors import InputError
from mpi_layout.order import Order
from mpi_layout.printable import printable

if TYPE_CHECKING:
    from mpi_layout.results.summary import Summary

EXIT_FOUND = 1  # of verify and diff: something is wrong, or differs
WATCH_S = 2.0


def run_command(args: argparse.Namespace) -> int:
    """Compute the configs of a campaign."""
    from mpi_layout.parallel.stopping import Stop
    from mpi_layout.parallel.team import Worker, join

    with Stop(args.time_limit) as stop:
        team = join()
        if isinstance(team, Worker):
            return team.work()
        from mpi_layout.run import run  # h5py and rich are loaded by rank 0 alone

        order = Order(
            campaign=args.campaign,
            output=args.output or Path(args.campaign.stem + ".h5"),
            only=args.only,
            backend=args.backend,
            retry_failed=args.retry_failed,
            fresh=args.fresh,
            no_lock=args.no_lock,
            allow_code=args.allow_code,
        )
        return run(order, team, stop)


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


def evaluate_command(args: argparse.Namespace) -> int:
    """Say what annual energy given layouts have."""
    from mpi_layout.evaluate import evaluate
    from mpi_layout.formats.windio_out import windio_farm, windio_text
    from mpi_layout.named_model import given_parameters, model_values, named_model
    from mpi_layout.plant import read_layouts, read_neighbours, read_plant
    from mpi_layout.results.written import written
    from mpi_layout.tables import evaluation_view

    plant = read_plant(args.file, only=args.only)
    parameters = given_parameters(args.model, args.model_parameter)
    if args.model is not None:
        model = named_model(args.model, parameters, "--model")
        plant = replace(plant, model=model, model_notes=())
    if args.neighbours is not None:
        plant = replace(plant, neighbours=read_neighbours(args.neighbours, plant, only=args.neighbours_only))
    layouts = plant.layouts if args.layout is None else read_layouts(args.layout, only=args.only)
    if not layouts:
        raise InputError(f"{args.file}: a campaign has no layout; name a file that has one: --layout FILE")
    evaluations = [evaluate(plant, layout) for layout in layouts]
    if args.windio is not None:
        with written(args.windio, force=args.force) as file:
            file.write(windio_text(windio_farm(plant.name, layouts, plant.nominal_types())))
    if args.json:
        layouts_json = [evaluation.to_json(per_turbine=args.per_turbine) for evaluation in evaluations]
        model_json = model_values(plant.model)
        notes = [*plant.notes, *plant.model_notes]
        answer_json({"name": plant.name, "model": model_json, "layouts": layouts_json, "notes": notes})
        return 0
    answer(evaluation_view(plant, evaluations, per_turbine=args.per_turbine))
    outside = (note for evaluation in evaluations for note in evaluation.notes)
    for line in (*plant.notes, *plant.model_notes, *outside):
        say(f"note: {line}")
    return 0


def status_command(args: argparse.Namespace) -> int:
    """Show how far a campaign is, once or again and again."""
    while True:
        summary, took = _show_status(args)
        if not args.watch or not (summary.counts.waiting or summary.counts.damaged):
            return 0
        try:
            # A look at a large file takes a while; most of the disk's time belongs to the writer.
            time.sleep(max(WATCH_S, 5 * took))
        except KeyboardInterrupt:
            return 0


def _show_status(args: argparse.Namespace) -> tuple["Summary", float]:
    """Show it; give it back, and how long reading it took [s]."""
    from mpi_layout.results.reader import open_reader
    from mpi_layout.results.summary import summarise
    from mpi_layout.tables import status_view

    now, began = time.time(), time.monotonic()
    summary = summarise(open_reader(args.file), now=now)
    took = time.monotonic() - began
    if args.json:
        answer_json(summary.to_json(), indent=None if args.watch else 2)
    else:
        answer(status_view(summary, now=now), clear=args.watch)
    return summary, took


def verify_command(args: argparse.Namespace) -> int:
    """Check everything in a results file anew."""
    from mpi_layout.results.reader import open_reader
    from mpi_layout.results.verify import verify
    from mpi_layout.tables import verify_view

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


def missing_command(args: argparse.Namespace) -> int:
    """List the configs that are neither done nor failed."""
    from mpi_layout.results.reader import open_reader
    from mpi_layout.results.summary import missing_keys

    keys = missing_keys(open_reader(args.file))
    if args.json:
        answer_json({"missing": list(keys)})
    else:
        sys.stdout.writelines(f"{printable(key)}\n" for key in keys)
    return 0


def diff_command(args: argparse.Namespace) -> int:
    """Compare two results files."""
    from mpi_layout.results.diff import diff
    from mpi_layout.results.reader import open_reader
    from mpi_layout.tables import diff_view

    difference = diff(open_reader(args.a), open_reader(args.b))
    if args.json:
        answer_json(difference.to_json())
    else:
        answer(diff_view(difference))
    return 0 if difference.equal else EXIT_FOUND


def recover_command(args: argparse.Namespace) -> int:
    """Save what a damaged results file still holds."""
    from mpi_layout.results.recover import recover

    saved = recover(args.file, args.new, args.campaign)
    if args.json:
        answer_json(asdict(saved))
        return 0
    say(f"{args.new}: {saved.done} done and {saved.failed} failed rows saved, {saved.lost} lost")
    if left := saved.lost + saved.waiting:
        campaign = args.campaign or "CAMPAIGN"
        say(
            f"compute the {left} that wait, the lost ones among them: mpi-layout run {campaign} -o {args.new}"
        )
    say(f"check what was saved: mpi-layout verify {args.new}")
    return 0


def export_command(args: argparse.Namespace) -> int:
    """Write layouts or figures as a table."""
    from mpi_layout.results.export import export_configs, export_csv
    from mpi_layout.results.reader import open_reader

    results = open_reader(args.file)
    export, target, what = export_csv, args.csv, "layouts"
    if target is None:
        export, target, what = export_configs, args.configs, "figures"
    n_configs = export(results, target, only=args.only, force=args.force)
    if str(target) != "-":
        say(f"{target}: the {what} of {n_configs} configs")
    return 0
