"""What `status --watch` costs, look by look and screen by screen; with --picture also how it looks (SVG).

    python benchmarks/watch.py campaign.h5 [--picture docs/watch.svg]
    python benchmarks/watch.py --telling

The file is only read, and best one that a launch is writing. --telling: what it costs rank 0 to tell which
rank has what, and a reader to read that, by a lock file in the current folder.
"""

import argparse
import io
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from mpi_layout.commands.watching.screen import Moment, draw
from mpi_layout.commands.watching.view import PANELS, View
from mpi_layout.parallel.answers import InFlight
from mpi_layout.parallel.notices import MOST_SHARE, NOTICE_S, Notices
from mpi_layout.parallel.schedule import Assignment
from mpi_layout.results.locking.lock import WriterLock
from mpi_layout.results.locking.lock_file import lock_path, read_notice
from mpi_layout.results.locking.notice import RankNow
from mpi_layout.results.state.live import LiveReader
from mpi_layout.results.state.sight import Sight

SIZE = (100, 24)
RANKS = (100, 1000, 10_000, 100_000)
REPEATS = 30
WATCHED_S = 20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--telling", action="store_true")
    parser.add_argument("--picture", type=Path)
    args = parser.parse_args()
    if args.telling:
        for ranks in RANKS:
            telling(ranks)
    if args.file is None:
        return
    reader = LiveReader(args.file)
    sight = reader.look(now=time.time())
    first = time.process_time()
    print(f"{len(sight.piece.rows)} configs; up to and with the first look {first:.2f} CPU s")
    print(f"look: {cpu(lambda: reader.look(now=time.time())):.1f} ms")
    console = Console(
        file=io.StringIO(), width=SIZE[0], height=SIZE[1], force_terminal=True, color_system="truecolor"
    )
    for panel in PANELS:
        print(f"screen, {panel}: {cpu(lambda panel=panel: show(console, sight, panel)):.1f} ms")
    if args.picture:
        for _ in range(WATCHED_S):  # until there is a rate
            time.sleep(1.0)
            reader.look(now=time.time())
        picture(reader.look(now=time.time()), args.file.name, args.picture)


class Launch:
    """As much of a launch as is told: each worker has a config."""

    seconds, begun, started, gone = (1.0,), 0, 1.7e9, ()
    waiting, done, seconds_left = 10**6, 1000, 1e5

    def __init__(self, ranks: int, lock: WriterLock) -> None:
        self.workers = self.running = ranks - 1
        self.tell = lock.tell
        self._flying = InFlight()
        for rank in range(1, ranks):
            self._flying.begin(rank, (Assignment(7 * rank, 1),))

    def at_work(self, since: float) -> list[RankNow]:
        """Each for the same time."""
        return list(self._flying.at_work((), since - 1000.0))


def telling(ranks: int) -> None:
    """Say what a notice of a launch of `ranks` ranks costs."""
    path = Path("telling.h5")
    with WriterLock(path) as lock:
        launch = Launch(ranks, lock)
        once = cpu(lambda: Notices(launch, launch, launch).tell())
        n_bytes = lock_path(path).stat().st_size
        read = cpu(lambda: read_notice(path))
    every = max(NOTICE_S, once / 1000 / MOST_SHARE)
    share = once / 1000 / every
    print(
        f"{ranks} ranks: {n_bytes / 1000:.1f} kB, told in {once:.2f} ms every {every:.1f} s, "
        f"{100 * share:.3f} % of rank 0; read in {read:.2f} ms"
    )


def cpu(work: Callable[[], object]) -> float:
    """CPU time of a call, ms."""
    began = time.process_time()
    for _ in range(REPEATS):
        work()
    return 1000 * (time.process_time() - began) / REPEATS


def show(console: Console, sight: Sight, panel: str) -> None:
    page, _ = draw(Moment(sight, "", time.time(), "campaign.h5"), View(2.0, panel=panel), SIZE)
    console.print(page)


def picture(sight: Sight, name: str, path: Path) -> None:
    """Draw the screen, of a launch on some host, without fonts from the network."""
    launches = [
        replace(state, launch=replace(state.launch, host="node17", pid=4711)) for state in sight.launches
    ]
    sight = replace(sight, launches=tuple(launches))
    console = Console(record=True, file=io.StringIO(), width=SIZE[0], height=SIZE[1], force_terminal=True)
    page, _ = draw(Moment(sight, "", time.time(), name), View(2.0), SIZE)
    console.print(page)
    svg = console.export_svg(title=f"mpi-layout status {name} --watch", unique_id="watch")
    path.write_text(re.sub(r"\s*@font-face \{.*?\n    \}", "", svg, flags=re.DOTALL))


if __name__ == "__main__":
    main()
