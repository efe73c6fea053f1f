"""The command evaluate: the annual energy of given layouts."""

import argparse
from dataclasses import replace
from pathlib import Path

from mpi_layout.commands.options import add_model_options
from mpi_layout.commands.parser import Commands, add_command
from mpi_layout.console import answer, answer_json, say
from mpi_layout.errors import InputError

EPILOG = """\
examples:
  mpi-layout evaluate system.yaml                              the layouts of a windIO system
  mpi-layout evaluate system.yaml --model NOJ --model-parameter k=0.05
  mpi-layout evaluate system.yaml --layout layout.csv --per-turbine
  mpi-layout evaluate system.yaml --neighbours others.csv      ... in the wakes of another farm
  mpi-layout evaluate campaign.yaml --layout other.h5 --only 'farm0_*'
  mpi-layout evaluate campaign.h5 --model BastankhahGaussian   its layouts in the wakes of another model
"""


def add(commands: Commands) -> None:
    """Add `evaluate`."""
    evaluate = add_command(
        commands, "evaluate", evaluate_command, "say what annual energy given layouts have", EPILOG
    )
    evaluate.add_argument(
        "file", type=Path, metavar="FILE", help="windIO system (YAML), campaign or results file (.h5)"
    )
    evaluate.add_argument(
        "--layout",
        type=Path,
        metavar="FILE",
        help="layouts to take instead: CSV with x_m, y_m and turbine_type; windIO (YAML); results file (.h5)",
    )
    evaluate.add_argument(
        "--only", default="*", metavar="GLOB", help="only layouts of a results file whose key matches"
    )
    evaluate.add_argument(
        "--neighbours",
        type=Path,
        metavar="FILE",
        help="turbines of another farm, whose wakes count and whose energy does not; files as of --layout",
    )
    evaluate.add_argument(
        "--neighbours-only", default="*", metavar="GLOB", help="as --only, for the neighbours' results file"
    )
    add_model_options(evaluate)
    evaluate.add_argument("--per-turbine", action="store_true", help="show each turbine")
    evaluate.add_argument(
        "--windio",
        type=Path,
        metavar="OUT",
        help="also write the layouts as a windIO wind farm (YAML); - for standard output, alone",
    )
    evaluate.add_argument("--force", action="store_true", help="replace OUT if it exists")
    evaluate.add_argument("--json", action="store_true", help="answer in JSON")


def evaluate_command(args: argparse.Namespace) -> int:
    """Say what annual energy given layouts have."""
    from mpi_layout.commands.tables import evaluation_view
    from mpi_layout.evaluate import evaluate
    from mpi_layout.formats.windio_out import windio_farm, windio_text
    from mpi_layout.named_model import given_parameters, model_values, named_model
    from mpi_layout.plant import read_layouts, read_neighbours, read_plant
    from mpi_layout.results.written import written

    alone = str(args.windio) == "-"  # on standard output
    if alone and args.json:
        raise InputError("--windio - and --json: one of them can have standard output; give a name")
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
    if alone:
        return 0
    answer(evaluation_view(plant, evaluations, per_turbine=args.per_turbine))
    outside = (note for evaluation in evaluations for note in evaluation.notes)
    for line in (*plant.notes, *plant.model_notes, *outside):
        say(f"note: {line}")
    return 0
