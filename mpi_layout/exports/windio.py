"""Layouts as windIO wind farms."""

from collections.abc import Sequence
from pathlib import Path

from mpi_layout.campaign.campaign import Campaign
from mpi_layout.campaign.turbine_build import turbine_of
from mpi_layout.errors import InputError
from mpi_layout.formats.layouts import Layout
from mpi_layout.formats.windio_out import windio_farm, windio_text
from mpi_layout.results.layouts import layout_of
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Selection
from mpi_layout.results.written import refuse_existing, written


def farm_text(campaign: Campaign, layouts: Sequence[Layout]) -> str:
    """YAML of a wind farm with layouts of a campaign as alternatives, and their turbine types."""
    types = {spec.name: turbine_of(spec) for spec in campaign.turbine_types}
    return windio_text(windio_farm(campaign.name, layouts, types))


def export_windio(results: Results, folder: Path, selection: Selection, *, force: bool = False) -> list[Path]:
    """Write a wind farm for each area and turbine type, with the chosen layouts as alternatives.

    Comments at the head of each file say which config a layout is of, and its AEP.

    Parameters
    ----------
    results : Results
        From `open_reader`.
    folder : Path
        Where the files AREA_TYPE.yaml go; made if it is not there.
    selection : Selection
        Of configs that are done.
    force : bool
        Whether to replace existing files.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputError
        If no config is chosen, the campaign in the file is damaged, or a file cannot be written or exists.
    """
    campaign, source = results.campaign, str(results.path)
    configs, kinds = campaign.configs, campaign.configs.kinds
    chosen: dict[int, list[tuple[Layout, float]]] = {}
    for config, row in selection.rows(results):
        kind = config.number // len(configs.seeds)
        chosen.setdefault(kind, []).append((layout_of(config, row, source), float(row["aep"])))
    targets = {kind: folder / f"{kinds[kind].area}_{kinds[kind].turbine_type}.yaml" for kind in chosen}
    for target in targets.values():
        refuse_existing(target, force=force)
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError:
        raise InputError(f"{folder}: is a file; --windio wants a folder") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}") from None
    for kind, target in targets.items():
        head = [f"# layouts[{i}]: {layout.name}, {aep!r} GWh" for i, (layout, aep) in enumerate(chosen[kind])]
        with written(target, force=force) as file:
            file.write("\n".join([*head, farm_text(campaign, [layout for layout, _ in chosen[kind]])]))
    return list(targets.values())
