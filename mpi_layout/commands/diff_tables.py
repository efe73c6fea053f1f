"""What diff shows."""

import math
from collections.abc import Iterator, Sequence

from rich.console import Group as Stack
from rich.console import RenderableType
from rich.text import Text

from mpi_layout.campaign.compare import Change
from mpi_layout.commands.tables import table
from mpi_layout.compare.difference import ConfigDifference, Difference, Gap
from mpi_layout.printable import clipped, printable

_MOST_CHANGES = 10
_MOST_GROUPS = 20
_MOST_CONFIGS = 20


def diff_view(difference: Difference) -> RenderableType:
    """Show how two files differ: the campaigns, how many configs, by how much, which most."""
    if difference.equal:
        return _head(difference)
    parts = [*_files(difference), *_campaigns(difference), _head(difference)]
    if difference.n_differing:
        parts += _states(difference)
        if difference.gap is not None:
            parts += [*_gap(difference.gap), *_groups(difference.gaps)]
        parts += _configs(difference) or _first(difference)
    return Stack(*parts)


def _files(difference: Difference) -> Iterator[RenderableType]:
    for name, path in (("a", difference.a), ("b", difference.b)):
        yield Text(f"{name}: {printable(path)}", "dim")


def _campaigns(difference: Difference) -> Iterator[RenderableType]:
    if not difference.n_changes:
        return
    yield Text("different campaigns:", "red")
    rows = [(change.key + _more(change), change.a, change.b) for change in difference.changes[:_MOST_CHANGES]]
    yield table(("key", "a", "b"), [[clipped(cell) for cell in row] for row in rows])
    if (hidden := difference.n_changes - len(rows)) > 0:
        yield Text(f"... and {hidden:,} more", "dim")
    alone = ((difference.n_only_a, "a"), (difference.n_only_b, "b"))
    only = [f"{n:,} in {name} alone" for n, name in alone if n]
    yield Text(f"configs: {', '.join(only) or 'the same in both'}")
    yield Text()


def _more(change: Change) -> str:
    return f" and {change.more:,} more" if change.more else ""


def _head(difference: Difference) -> Text:
    rows = f"{difference.n_rows:,} rows"
    if difference.tolerance is not None:
        far, share = difference.tolerance.move, difference.tolerance.aep
        limits = f"{far:g} m or {share:g} of the AEP"
        if not difference.n_differing:
            return Text(f"{rows}, none differs by more than {limits}", "green")
        rows = f"{rows} differ by more than {limits}"
    elif not difference.n_differing:
        return Text(f"{rows}, no difference", "green" if difference.equal else "")
    else:
        rows = f"{rows} differ"
    columns = ", ".join(f"{name} {count:,}" for name, count in difference.by_column.items())
    return Text(f"{difference.n_differing:,} of {rows} ({columns})", "red")


def _states(difference: Difference) -> Iterator[RenderableType]:
    if difference.states:
        said = [f"{n:,} {a} in a, {b} in b" for (a, b), n in difference.states.items()]
        yield Text("; ".join(said))


def _gap(gap: Gap) -> Iterator[RenderableType]:
    same = gap.n - gap.n_higher_a - gap.n_higher_b
    configs = "config is" if gap.n == 1 else "configs are"
    yield Text(
        f"{gap.n:,} {configs} done in both: AEP higher in a {gap.n_higher_a:,}, "
        f"higher in b {gap.n_higher_b:,}, the same {same:,}"
    )
    if gap.n_higher_a or gap.n_higher_b:
        yield Text(
            f"b less a: mean {gap.mean:+.4g} GWh ({gap.mean_percent:+.3g} %), from {gap.least:+.4g} GWh "
            f"({gap.least_key}) to {gap.most:+.4g} GWh ({gap.most_key})"
        )


def _groups(gaps: Sequence[Gap]) -> Iterator[RenderableType]:
    differing = [gap for gap in gaps if gap.n_higher_a or gap.n_higher_b]
    if not differing or len(gaps) == 1:
        return
    columns = ("area", "turbine type", "configs", "mean [GWh]", "mean [%]", "least [GWh]", "most [GWh]")
    rows = [
        (
            gap.area,
            gap.turbine_type,
            f"{gap.n:,}",
            *(f"{value:+.4g}" for value in (gap.mean, gap.mean_percent, gap.least, gap.most)),
            f"{gap.n_higher_a:,}",
            f"{gap.n_higher_b:,}",
        )
        for gap in differing[:_MOST_GROUPS]
    ]
    yield Text()
    yield table((*columns, "higher in a", "higher in b"), rows, right=range(2, len(columns) + 2))
    if len(differing) > _MOST_GROUPS:
        yield Text(f"... and {len(differing) - _MOST_GROUPS:,} groups more; --json has them all", "dim")


def _configs(difference: Difference) -> list[RenderableType]:
    """Configs that differ in AEP or layout."""
    rows = [_config(config) for config in difference.largest(_MOST_CONFIGS)]
    if not rows:
        return []
    columns = ("config", "AEP a [GWh]", "AEP b [GWh]", "b less a [GWh]", "[%]", "largest move [m]")
    parts: list[RenderableType] = [Text(), Text("the largest differences:", "dim")]
    parts.append(table(columns, rows, right=range(1, len(columns))))
    if difference.n_differing > len(rows):
        parts.append(Text("--json and --csv have all that differ", "dim"))
    return parts


def _config(config: ConfigDifference) -> Sequence[str]:
    moved = config.largest_move
    return (
        config.key,
        f"{config.aep_a:.4f}",
        f"{config.aep_b:.4f}",
        f"{config.difference:+.4g}",
        f"{config.percent:+.3g}",
        "" if math.isnan(moved) else f"{moved:.4g}",
    )


def _first(difference: Difference) -> list[RenderableType]:
    rows = [(d.key, d.column, d.a, d.b) for d in difference.first]
    all_told = len(rows) == sum(difference.by_column.values())
    head = "all of them:" if all_told else "the first differences:"
    return [Text(), Text(head, "dim"), table(("config", "column", "a", "b"), rows)]
