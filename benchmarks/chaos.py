"""Kill anything, any time: real launches, struck by SIGKILL and SIGSTOP at random moments, judged after each.

    python benchmarks/chaos.py [--backend gather|mpio|both] [--kills N] [--ulfm] [--json FILE]
    python benchmarks/chaos.py --long                      1000 kills, about 40 minutes on two cores
    python benchmarks/chaos.py --table FILE...             one table of the --json files of several runs

One campaign after the other is launched with mpiexec, killed and launched again until it is complete. The
moments cover MPI_Init, the creation of the file, the first row, the middle and the end. After each strike no
process may be left, the file must open, every committed row must equal that of an undisturbed run, and no row
that a reader saw committed before may be missing. A campaign that was struck often enough is finished
undisturbed and compared with `compare.diff`. If anything is wrong the exit code is 1, each case is named, and
its folder is kept.

Program, launcher, ranks, signals and file are real. The layouts are made up from the names of the configs,
each in 30 ms of sleep, so that 1000 kills fit into an hour; --real computes them, and verifies each campaign.

The MPI is that of this Python; --mpiexec names its launcher if it is not beside it. With --ulfm Open MPI's
launcher gets `--with-ft ulfm`: killed workers must not end the launch then; it has to come to its end by
itself, complete, with exit code 0.
"""

import argparse
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from killing.judge import Watch, judge, judge_finished
from killing.launch import CAMPAIGN, POLL_S, Launch, Setting, name_of_mpi, program
from killing.report import Record
from killing.strike import NOBODY, Moment, Victim, draw_moment, draw_victims

from mpi_layout.errors import InputError
from mpi_layout.results.reader import Results, open_reader

SHORT, LONG = 40, 1000  # kills
GONE_S = 60.0  # for the processes of a launch to end after a strike
LAUNCH_S = 120.0  # for a launch to come to its end, on a busy machine
KILLS_PER_CAMPAIGN = 3, 12
MOST_FAULTS = 10  # then something is thoroughly wrong


class Trial:
    """One launch of a campaign, struck and judged."""

    def __init__(self, setting: Setting, watch: Watch, backend: str, rng: random.Random) -> None:
        self._setting, self._watch, self._rng = setting, watch, rng
        self._before = int(watch.seen.sum())
        self.launch = Launch(setting, watch.path.with_suffix(".yaml"), backend)
        self.struck: list[tuple[Victim, int]] = []  # with the rows seen before
        self.first_row_s: float | None = None

    @property
    def survived(self) -> bool:
        """Whether nothing has happened that may end the launch."""
        return all(victim.survived for victim, _ in self.struck)

    def run(self, victims: list[Victim], startup: float) -> list[str]:
        """Strike the victims one after the other, and watch the launch to its end; give back its faults."""
        try:
            for victim in victims:
                if not self._strike(victim, startup):
                    break
            if self.survived:
                self._watch_until(lambda: False)
                if self.first_row_s is None:
                    self.first_row_s = self.launch.seconds
        except InputError as error:
            return [f"unreadable while it was written: {error}"]
        except TimeoutError:
            return [f"the launch did not come to its end in {LAUNCH_S:.0f} s"]
        except BaseException:
            self.launch.gone(0.0)
            raise
        return []

    def _strike(self, victim: Victim, startup: float) -> bool:
        """Wait for a moment drawn at random and strike; False if the launch ended before."""
        left = int((~self._watch.seen).sum())
        moment = draw_moment(
            self._rng, left=left, created=self._watch.created, startup=startup, ulfm=self._setting.ulfm
        )
        if not self._watch_until(lambda: self._come(moment)):
            return False
        time.sleep(moment.delay)
        self.launch.note_shared_memory()
        n_seen = self._watch.look()
        if not self._watch_until(lambda: victim.strike(self.launch, self._rng)):
            return False
        self.struck.append((victim, n_seen))
        return True

    def _come(self, moment: Moment) -> bool:
        if moment.creation:
            return self._watch.created
        return int(self._watch.seen.sum()) >= min(self._before + moment.rows, self._watch.seen.size)

    def _watch_until(self, condition: Callable[[], bool]) -> bool:
        """Look at the file again and again until the condition holds; False if the launch ended before."""
        while not condition():
            if self.launch.ended:
                return False
            if self.launch.seconds > LAUNCH_S:
                raise TimeoutError
            if self._watch.look() > self._before and self.first_row_s is None:
                self.first_row_s = self.launch.seconds
            time.sleep(POLL_S)
        return True


class Chaos:
    """Campaigns launched, struck and judged."""

    def __init__(self, setting: Setting, reference: Results, rng: random.Random) -> None:
        self._setting, self._reference, self._rng = setting, reference, rng
        self._startup = 1.0  # from the command to the first row, s, as learned
        self.record = Record()

    def campaign(self, backend: str, kills: int) -> None:
        """Launch one campaign again and again until it is complete, undisturbed after so many kills."""
        folder = Path(tempfile.mkdtemp(dir=self._setting.folder, prefix=f"{backend}-"))
        (folder / "chaos.yaml").write_text(CAMPAIGN)
        watch = Watch(folder / "chaos.h5", len(self._reference.rows))
        enough, n_faults = self.record.kills + kills, len(self.record.faults)
        last = NOBODY
        while not watch.seen.all() and len(self.record.faults) == n_faults:
            victims = draw_victims(self._rng, ulfm=self._setting.ulfm) if self.record.kills < enough else []
            last = self._launch(watch, backend, victims, last)
        if len(self.record.faults) == n_faults:
            faults = judge_finished(watch.path, self._reference, real=self._setting.real)
            self._blame(faults, backend, last, folder)
        self.record.campaigns += 1
        if len(self.record.faults) == n_faults:
            shutil.rmtree(folder)

    def _launch(self, watch: Watch, backend: str, victims: list[Victim], last: str) -> str:
        """One launch, from its command to its judgement; `last` was struck in the launch before."""
        trial = Trial(self._setting, watch, backend, self._rng)
        self.record.launches += 1
        faults = trial.run(victims, self._startup)
        hangs = not trial.launch.gone(0.0 if faults else GONE_S)
        for victim, n_seen in trial.struck:
            tally = self.record.tally(backend, self._setting.mpi, victim.name)
            tally.kills += 1
            tally.committed += n_seen
            self.record.kills += victim.kills
        if trial.first_row_s is not None:
            self._startup += 0.2 * (trial.first_row_s - self._startup)
            if last != NOBODY:
                before = self.record.tally(backend, self._setting.mpi, last)
                before.worst_resume_s = max(before.worst_resume_s, trial.first_row_s)
        struck = trial.struck[-1][0].name if trial.struck else last
        tally = self.record.tally(backend, self._setting.mpi, struck)
        if hangs:
            tally.hung += 1
            ranks = ["launcher" if rank is None else f"rank {rank}" for rank in trial.launch.left.values()]
            faults.append(f"processes were left: {', '.join(ranks)}")
        faults += judge(watch, self._reference, tally)
        faults += self._unfinished(trial, watch)
        self._blame(faults, backend, struck, watch.path.parent)
        return struck

    def _unfinished(self, trial: Trial, watch: Watch) -> list[str]:
        """A launch in which nobody died, or that has to bear it, comes to its end."""
        code = trial.launch.launcher.returncode
        at_the_end = any(n_seen == watch.seen.size for _, n_seen in trial.struck)
        if not trial.survived or (watch.seen.all() and (code == 0 or at_the_end)):
            return []
        return [f"the launch ended with code {code}, {watch.seen.sum()} of {watch.seen.size} rows are there"]

    def _blame(self, faults: list[str], backend: str, struck: str, folder: Path) -> None:
        for fault in faults:
            text = f"{backend}, {self._setting.mpi}, {struck} struck, {folder}: {fault}"
            self.record.faults.append(text)
            log = (folder / "chaos.log").read_text(errors="replace")
            say(f"FAULT {text}\n{log[-3000:]}")


def undisturbed(setting: Setting, backend: str) -> Results:
    """Results of a serial run that nobody disturbs."""
    path = setting.folder / "undisturbed.yaml"
    path.write_text(CAMPAIGN)
    command = program(path, "--backend", backend)
    done = subprocess.run(
        command, cwd=path.parent, env=setting.environ(), capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise RuntimeError(f"the undisturbed run failed:\n{done.stderr}")
    return open_reader(path.with_suffix(".h5"))


def make_setting(options: argparse.Namespace) -> Setting:
    """What the launches have in common, with a folder made for them."""
    mpiexec = shlex.split(options.mpiexec)
    mpi = name_of_mpi(mpiexec)
    if options.ulfm:
        mpiexec, mpi = [*mpiexec, "--with-ft", "ulfm"], f"{mpi}, ULFM"
    setting = Setting(mpiexec, mpi, options.ulfm, options.real, Path(tempfile.mkdtemp(prefix="chaos-")))
    setting.prepare()
    return setting


def wreak(options: argparse.Namespace) -> Record:
    """Run campaigns until there were enough kills."""
    say(f"seed {options.seed}")
    rng, setting = random.Random(options.seed), make_setting(options)
    backends = ["gather", "mpio"] if options.backend == "both" else [options.backend]
    chaos = Chaos(setting, undisturbed(setting, backends[0]), rng)
    record = chaos.record
    record.seeds.append(options.seed)
    started = time.monotonic()
    while record.kills < options.kills and len(record.faults) < MOST_FAULTS:
        backend = backends[record.campaigns % len(backends)]
        chaos.campaign(backend, min(rng.randint(*KILLS_PER_CAMPAIGN), options.kills - record.kills))
        say(
            f"{time.monotonic() - started:6.0f} s: {record.kills} of {options.kills} kills, "
            f"{record.launches} launches, {record.campaigns} campaigns, {len(record.faults)} faults"
        )
    if not record.faults:
        shutil.rmtree(setting.folder, ignore_errors=True)
    return record


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=["gather", "mpio", "both"], default="gather")
    parser.add_argument("--kills", type=int, default=SHORT, metavar="N", help=f"default {SHORT}")
    parser.add_argument("--long", action="store_const", dest="kills", const=LONG, help=f"{LONG} kills")
    parser.add_argument("--ulfm", action="store_true", help="the launch has to outlive its workers")
    parser.add_argument("--real", action="store_true", help="compute the layouts")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument(
        "--mpiexec", default=str(Path(sys.executable).parent / "mpiexec"), help="with options"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what came out")
    parser.add_argument(
        "--table", type=Path, nargs="+", metavar="FILE", help="only show what came out before"
    )
    return parser.parse_args()


def main() -> int:
    options = read_options()
    if options.table:
        record = Record()
        for path in options.table:
            record.add(Record.load(path))
    else:
        record = wreak(options)
    if options.json:
        record.save(options.json)
    print(record.table(), end="")
    return 1 if record.faults else 0


if __name__ == "__main__":
    sys.exit(main())
