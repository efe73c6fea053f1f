"""Whether the nodes of a launch have room for its ranks: cores to run on, and memory."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mpi_layout.campaign import Campaign
from mpi_layout.errors import InputError
from mpi_layout.optimise.problem import Problem
from mpi_layout.parallel.allotment import MB, Allotment

# What a rank has before its first config, and what that takes beyond: always, for each turbine in each flow
# case, for each candidate in each direction, for refinement; fitted to 5 to 500 turbines. In bytes.
RANK = 90e6
ALWAYS, TURBINE_CASE, CANDIDATE_DIRECTION, REFINING = 25e6, 26.0, 15.0, 50e6
RANK_0 = 50e6  # for what reads, writes and shows
# The estimate is rough: with this many times more than there is, a launch has no chance.
HOPELESS = 2.0


@dataclass(frozen=True)
class Node:
    """The ranks on one node.

    Attributes
    ----------
    host : str
        Its name.
    solving : list of Allotment
        Of the ranks that solve.
    resting : list of Allotment
        Of rank 0, if it is here and does not solve: it sleeps most of the time.
    """

    host: str
    solving: list[Allotment]
    resting: list[Allotment]


def nodes_of(places: Sequence[tuple[str, Allotment]]) -> list[Node]:
    """Nodes of a launch, from host and allotment of every rank."""
    nodes: dict[str, Node] = {}
    for rank, (host, allotment) in enumerate(places):
        node = nodes.setdefault(host, Node(host, [], []))
        (node.resting if rank == 0 and len(places) > 1 else node.solving).append(allotment)
    return list(nodes.values())


def check_room(campaign: Campaign, nodes: Sequence[Node]) -> Iterator[str]:
    """Yield warnings, one of a kind for all nodes.

    Raises
    ------
    InputError
        The memory of a node cannot be enough.
    """
    yield from _of_one_kind(crowded(node) for node in nodes)
    bytes_each = config_bytes(campaign)
    yield from _of_one_kind(short_of_memory(node, bytes_each) for node in nodes)


def _of_one_kind(found: Iterator[str]) -> Iterator[str]:
    texts = list(filter(None, found))
    if texts:
        others = len(texts) - 1
        yield texts[0] + (f" (and likewise on {others} other node{'s'[: others > 1]})" if others else "")


def crowded(node: Node) -> str:
    """Say which cores more ranks are bound to than there are; "" if all have one."""
    masks = [allotment.cores for allotment in node.solving]
    bound_to: dict[int, int] = {}
    for mask in masks:
        bound_to[mask] = bound_to.get(mask, 0) + 1
    # Where sets of cores do not overlap, each has its own ranks only.
    union = 0
    for mask in bound_to:
        union |= mask
    apart = sum(map(int.bit_count, bound_to)) == union.bit_count()
    for mask, own in sorted(bound_to.items(), key=lambda item: item[0].bit_count()):
        ranks = own if apart else sum(other & ~mask == 0 for other in masks)
        if ranks > mask.bit_count():
            return (
                f"{node.host}: {ranks} ranks that solve may only run on {_cores(mask)}: they take turns. "
                "Start fewer, or let the launcher give each a core of its own (--bind-to core; Slurm: "
                "--cpu-bind=cores), or none where launches share a node (--bind-to none)"
            )
    return ""


def short_of_memory(node: Node, bytes_each: float) -> str:
    """Say how much memory is missing on a node if each rank that solves takes so many bytes more; "" if none.

    Raises
    ------
    InputError
        It is far too little.
    """
    everybody = [*node.solving, *node.resting]
    more = bytes_each * len(node.solving) + RANK_0 * bool(node.resting)
    used = sum(allotment.used for allotment in everybody)
    free = min(allotment.free for allotment in everybody)
    granted = min(allotment.granted for allotment in everybody)
    if more <= free and used + more <= granted:
        return ""
    each = (used + more) / len(everybody)
    needs = f"its {len(everybody)} ranks need about {_size(used + more)} of memory, {_size(each)} each"
    what = f"{node.host}: {needs}; "
    if used + more > granted:
        have, share = f"the job has {_size(granted)} there (Slurm)", (used + more) / granted
    else:
        have, share = f"they have {_size(used)}, and {_size(free)} are left to take", more / max(free, 1.0)
    cure = f"start fewer ranks on a node, or ask for more (Slurm: --mem-per-cpu={math.ceil(each / 2**20)}M)"
    if share > HOPELESS:
        raise InputError(f"{what}{have}; {cure}")
    return f"{what}{have}; if ranks are killed, {cure}"


def rank_bytes(campaign: Campaign) -> float:
    """About what a rank that solves configs of a campaign has in memory at most, bytes."""
    return RANK + config_bytes(campaign)


def config_bytes(campaign: Campaign) -> float:
    """About what a rank takes for the largest config, beyond what it has before the first, bytes."""
    configs = campaign.configs
    largest = max(range(len(configs.kinds)), key=lambda kind: configs.kinds[kind].n_turbines)
    return problem_bytes(campaign.problem(largest * len(configs.seeds)))


def problem_bytes(problem: Problem) -> float:
    """About what solving a problem takes, bytes."""
    flow_cases = problem.site.flow_cases()
    n_cases = flow_cases.by_direction()[3].size
    n_turbines = problem.n_turbines + (problem.neighbours.x.size if problem.neighbours else 0)
    n_candidates = math.prod(problem.start.grid)
    return (
        ALWAYS
        + TURBINE_CASE * n_turbines * n_cases
        + CANDIDATE_DIRECTION * n_candidates * flow_cases.direction.size
        + REFINING * any(vars(problem.refine).values())
    )


def _cores(mask: int) -> str:
    """Numbers of the cores of a mask, a few of them."""
    numbers = [number for number in range(mask.bit_length()) if mask >> number & 1]
    shown = ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "")
    return f"{len(numbers)} core{'s'[: len(numbers) > 1]} ({shown})"


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / MB:.0f} MB"
