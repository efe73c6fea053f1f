"""What a script has to say: layouts of one campaign, their turbines, the wind, the wake model."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mpi_layout.errors import InputError
from mpi_layout.formats.layouts import Layout
from mpi_layout.results.layouts import layout_of
from mpi_layout.results.reader import Results
from mpi_layout.results.selection import Selection
from mpi_layout.site.turbine import Turbine
from mpi_layout.site.wind import Site
from mpi_layout.wake.farm import Neighbours
from mpi_layout.wake.models import WakeModel

MOST_LAYOUTS = 100  # of a script: others take seconds for each


@dataclass(frozen=True, eq=False)
class Case:
    """Layouts of one campaign, and what they stand in.

    Attributes
    ----------
    name : str
        Of the campaign.
    source : str
        Name of the results file.
    layouts : sequence of Layout
        All turbines of one are of one type.
    aep : sequence of float
        AEP of each in the file, GWh.
    turbines : dict of Turbine
        Types of the layouts by name, in air of the site's density.
    site : Site
        The wind.
    model : WakeModel
        The wake model.
    neighbours : Neighbours, optional
        Turbines of other farms.
    """

    name: str
    source: str
    layouts: Sequence[Layout]
    aep: Sequence[float]
    turbines: Mapping[str, Turbine]
    site: Site
    model: WakeModel
    neighbours: Neighbours | None

    @property
    def all_turbines(self) -> list[Turbine]:
        """Types of the layouts and of the neighbours."""
        return [*self.turbines.values(), *(self.neighbours.turbine_types if self.neighbours else ())]


def case_of(results: Results, selection: Selection) -> Case:
    """Take the chosen layouts, and all that their AEP depends on, out of a results file.

    Raises
    ------
    InputError
        If no config is chosen, more than fit into a script, or the campaign in the file is damaged.
    """
    campaign = results.campaign
    chosen = list(itertools.islice(selection.rows(results), MOST_LAYOUTS + 1))
    if len(chosen) > MOST_LAYOUTS:
        raise InputError(
            f"{results.path}: a script takes {MOST_LAYOUTS} layouts at most, and more are chosen: "
            "choose fewer by --only or --best-per"
        )
    problem = campaign.problem(chosen[0][0].number)  # wind, model and neighbours are the same for all
    return Case(
        name=campaign.name,
        source=results.path.name,
        layouts=[layout_of(config, row, str(results.path)) for config, row in chosen],
        aep=[float(row["aep"]) for _, row in chosen],
        turbines={config.turbine_type: campaign.problem(config.number).turbine for config, _ in chosen},
        site=problem.site,
        model=problem.model,
        neighbours=problem.neighbours,
    )
