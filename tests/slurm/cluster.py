"""A real Slurm that lives for as long as a test: a login node, where its controller runs, and some nodes.

Its nodes are hosts of hosts/cluster.py: each has a name, an address and processes of its own, all share the
file system, and one can lose its power. The daemons are Debian's and run as root in one folder, with a key,
settings, state and logs of their own; a Slurm of the machine, if there is one, is not touched.

    with slurm(["n1", "n2"]) as cluster:
        job = cluster.sbatch("--ntasks=3", "job.sh", cwd=folder)
        print(cluster.wait_for_end(job, 60.0)["JobState"])
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hosts import cluster as hosts

PROGRAMS = {
    "slurmctld": "slurm-wlm",
    "slurmd": "slurm-wlm",
    "sbatch": "slurm-wlm",
    "srun": "slurm-wlm",
    "munged": "munge",
}
LOGIN = "login"
CPUS = 8  # of each node, whatever the machine has
MEMORY_MB = 16000
UP_S = 60.0
POLL_S = 0.2
SETTLED_S = 2.0
ENDED = frozenset({"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"})

# Like a cluster's, but in more of a hurry: a silent node is given up after seconds, queued jobs are looked at
# every second, and a job that was queued again waits for seconds, not for two minutes (cred_expire). Nodes
# have more CPUs than the machine, so no rank is bound to one (task/none). PMIx puts a socket into TmpFS, so
# that is a folder which nodes do not share.
SETTINGS = """\
ClusterName=test
SlurmctldHost={login}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdLogFile={folder}/slurmd-%n.log
TmpFS=/run
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SlurmdTimeout=6
ReturnToService=2
DefMemPerCPU=500
NodeName={nodes} CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Say what keeps this machine from running a Slurm; empty if nothing does."""
    packages = {package for name, package in PROGRAMS.items() if not shutil.which(name, path=hosts.PATH)}
    if packages:
        return f"these tests need the packages {' '.join(sorted(packages))}"
    return hosts.missing()


class Slurm:
    """A cluster that runs.

    Parameters
    ----------
    folder : Path
        Of its settings, its state and its logs.
    login : Host
    nodes : list of Host
    """

    def __init__(self, folder: Path, login: hosts.Host, nodes: Sequence[hosts.Host]) -> None:
        self.folder = folder
        self.login = login
        self.nodes = {node.name: node for node in nodes}
        self._folders = {folder}

    def start(
        self, *command: str | Path, cwd: Path, environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command on the login node, such as srun; who calls waits for its end."""
        self._folders.add(cwd)
        variables = dict(os.environ if environ is None else environ)
        return subprocess.Popen(
            [*self.login.enter(), "env", f"--chdir={cwd}", *map(str, command)],
            env=variables | {"PATH": hosts.PATH, "SLURM_CONF": str(self._settings)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *command: str | Path, cwd: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> str:
        """Output of a command on the login node that has to succeed within seconds."""
        process = self.start(*command, cwd=cwd or self.folder, environ=environ)
        out, err = process.communicate(timeout=UP_S)
        if process.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}: exit code {process.returncode}\n{out}{err}")
        return out

    def sbatch(self, *arguments: str | Path, cwd: Path, environ: Mapping[str, str] | None = None) -> str:
        """Submit a script from the folder `cwd`; number of the job."""
        return self.run("sbatch", "--parsable", *arguments, cwd=cwd, environ=environ).split(";")[0].strip()

    def job(self, number: str) -> dict[str, str]:
        """What Slurm knows about a job."""
        line = self.run("scontrol", "--oneliner", "show", "job", number).splitlines()[0]
        return dict(word.split("=", 1) for word in line.split() if "=" in word)

    def wait(self, what: Callable[[], object], limit: float) -> None:
        """Poll until `what` holds; TimeoutError with all logs after `limit` seconds."""
        end = time.monotonic() + limit
        while not what():
            if time.monotonic() > end:
                raise TimeoutError(f"nothing happened in {limit} s\n{self.journal()}")
            time.sleep(POLL_S)

    def wait_for_end(self, number: str, limit: float) -> dict[str, str]:
        """Wait until a job has ended for good; what Slurm knows about it."""
        # A job that is queued again passes through a moment in which it looks as if it had ended.
        looks: deque[str] = deque(maxlen=int(SETTLED_S / POLL_S))

        def settled() -> bool:
            looks.append(self.job(number)["JobState"])
            return len(looks) == looks.maxlen and ENDED.issuperset(looks)

        self.wait(settled, limit)
        return self.job(number)

    def power_off(self, name: str) -> None:
        """Take the power from a node: all its processes end at once, and it does not come back."""
        self.nodes[name].switch_off()

    def journal(self) -> str:
        """All logs, and what the jobs have printed: to be read when a test has failed."""
        with suppress(RuntimeError, subprocess.TimeoutExpired):
            (self.folder / "queue.log").write_text(self.run("scontrol", "show", "job"))
        logs = [log for folder in sorted(self._folders) for log in sorted(folder.glob("*.log"))]
        return "\n".join(f"---- {log}\n{log.read_text(errors='replace')[-6000:]}" for log in logs)

    @property
    def _settings(self) -> Path:
        return self.folder / "slurm.conf"


@contextmanager
def slurm(names: Sequence[str]) -> Iterator[Slurm]:
    """Cluster with nodes of these names, all of them idle."""
    with ExitStack() as running:
        # Not in the folder of a test: a socket's name is 107 bytes long at most.
        folder = Path(
            running.enter_context(tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o755)
        login, *nodes = running.enter_context(hosts.cluster(folder, [LOGIN, *names]))
        _settle(folder, names)
        cluster = Slurm(folder, login, nodes)
        for host, *daemon in [
            (login, "munged", "--foreground", "--force", *_munge_files(folder)),
            (login, "slurmctld", "-D", "-i"),
            *((node, "slurmd", "-D") for node in nodes),
        ]:
            running.enter_context(_daemon(cluster, host, *daemon))
            if daemon[0] == "munged":
                cluster.wait((folder / "munge.socket").is_socket, UP_S)
        cluster.wait(lambda: _idle_nodes(cluster) == len(names), UP_S)
        yield cluster


def _settle(folder: Path, names: Sequence[str]) -> None:
    """Write what the daemons need: a key, settings, a folder for their state."""
    (folder / "munge.key-file").write_bytes(os.urandom(1024))
    (folder / "munge.key-file").chmod(0o400)
    (folder / "state").mkdir()
    settings = SETTINGS.format(folder=folder, login=LOGIN, nodes=",".join(names), cpus=CPUS, memory=MEMORY_MB)
    (folder / "slurm.conf").write_text(settings)


def _munge_files(folder: Path) -> list[str]:
    names = ("socket", "key-file", "pid-file", "seed-file", "log-file")
    return [f"--{name}={folder / 'munge'}.{name}" for name in names]


@contextmanager
def _daemon(cluster: Slurm, host: hosts.Host, *command: str) -> Iterator[None]:
    """Run a daemon on a host; it ends with the host at the latest."""
    environ = os.environ | {"PATH": hosts.PATH, "SLURM_CONF": str(cluster.folder / "slurm.conf")}
    with open(cluster.folder / f"{host.name}-{command[0]}.log", "w") as log:
        process = subprocess.Popen([*host.enter(), *command], env=environ, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _idle_nodes(cluster: Slurm) -> int:
    with suppress(RuntimeError):
        return cluster.run("sinfo", "--noheader", "--Node", "--format=%t").split().count("idle")
    return 0
