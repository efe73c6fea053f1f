"""Several hosts on one machine: each with its own name, address, processes, shared memory and SSH server.

A host is a process in namespaces of its own (network, name, processes, mounts, shared memory); killing that
process is taking its power away. The hosts hang on a switch, a bridge in one more network namespace, so
nothing here touches the machine's own network, and nothing is left of it when the test has ended or was
killed: a host lives as long as the test holds its standard input. The hosts share the file system, as on
a cluster.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "hostname": "hostname",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
}
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
LIMIT_S = 30.0

HOST = """\
set -e
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir /run/sshd
mount --bind "$1/hosts" /etc/hosts
mount --bind "$1/ssh_config" /etc/ssh/ssh_config
hostname "$2"
ip link set lo up
echo up
read -r _
"""
SWITCH = """\
set -e
ip link add switch type bridge
ip link set switch up
echo up
read -r _
"""
SSHD = """\
HostKey {folder}/key
AuthorizedKeysFile {folder}/key.pub
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
"""
SSH = """\
BatchMode yes
IdentityFile {folder}/key
LogLevel ERROR
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
"""


def missing() -> str:
    """Say what keeps this machine from having hosts; empty if nothing does."""
    packages = {package for name, package in PROGRAMS.items() if not shutil.which(name, path=PATH)}
    if packages:
        return f"these tests need the packages {' '.join(sorted(packages))}"
    return "" if os.geteuid() == 0 else "these tests make network namespaces and need root for it"


class Host:
    """One of the hosts.

    Parameters
    ----------
    name : str
    pid : int
        Of its first process, as the machine sees it.
    port : list of str
        Words that start a command about its port of the switch.
    """

    def __init__(self, name: str, pid: int, port: list[str]) -> None:
        self.name = name
        self._pid = pid
        self._port = port

    def enter(self, folder: Path = Path("/")) -> list[str]:
        """Words that start a command on this host, in a folder."""
        namespaces = ("--net", "--uts", "--ipc", "--mount", "--pid")
        return ["nsenter", f"--target={self._pid}", *namespaces, f"--wdns={folder}"]

    def run(self, *command: str | Path) -> str:
        """Output of a command on this host."""
        return _run(*self.enter(), *command)

    def unplug(self) -> None:
        """Pull its cable out of the switch."""
        _run(*self._port, "down")

    def plug_in(self) -> None:
        """Put the cable in again."""
        _run(*self._port, "up")

    def switch_off(self) -> None:
        """End it at once, with all its processes."""
        os.kill(self._pid, signal.SIGKILL)

    def processes(self) -> dict[int, str]:
        """Command lines of what was started on this host, by process number as the machine sees it."""
        namespace = os.readlink(f"/proc/{self._pid}/ns/pid")
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(folder / "ns/pid") == namespace:
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        found.pop(self._pid, None)
        return {pid: line for pid, line in found.items() if line and "sshd" not in line}


@contextmanager
def cluster(folder: Path, names: Sequence[str]) -> Iterator[list[Host]]:
    """Hosts of these names, up, that reach each other by SSH.

    Parameters
    ----------
    folder : Path
        For keys and settings.
    """
    _settle(folder, names)
    with ExitStack() as running:
        switch = running.enter_context(_shell(SWITCH, "--net"))
        hosts = []
        for number, name in enumerate(names, start=1):
            namespaces = ("--net", "--uts", "--ipc", "--mount", "--pid", "--mount-proc")
            pid = running.enter_context(_shell(HOST, *namespaces, arguments=(str(folder), name)))
            hosts.append(Host(name, pid, _connect(switch, pid, name)))
            hosts[-1].run("ip", "address", "add", f"{_address(number)}/24", "dev", "eth0")
            hosts[-1].run("ip", "link", "set", "eth0", "up")
            hosts[-1].run(shutil.which("sshd", path=PATH), "-f", folder / "sshd_config")
        yield hosts


def _address(number: int) -> str:
    return f"10.77.0.{number}"


def _settle(folder: Path, names: Sequence[str]) -> None:
    """Write what the hosts need: keys, settings, addresses."""
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key")
    (folder / "sshd_config").write_text(SSHD.format(folder=folder))
    addresses = [f"{_address(number)} {name}\n" for number, name in enumerate(names, start=1)]
    (folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(addresses))
    (folder / "ssh_config").write_text(SSH.format(folder=folder))


def _connect(switch: int, host: int, name: str) -> list[str]:
    """Give a host a cable to the switch; words that start a command about its port there."""
    there = ["nsenter", f"--target={switch}", "--net", "ip", "link"]
    _run(*there, "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(host))
    _run(*there, "set", name, "master", "switch", "up")
    return [*there, "set", name]


@contextmanager
def _shell(script: str, *namespaces: str, arguments: Sequence[str] = ()) -> Iterator[int]:
    """Process number of a shell in new namespaces, once its script has said that it is up."""
    command = ["unshare", "--fork", "--kill-child", *namespaces, "sh", "-c", script, "sh", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PATH": PATH}
    ) as unshare:
        try:
            if unshare.stdout.readline() != "up\n":
                raise RuntimeError(f"namespaces {' '.join(namespaces)} cannot be made")
            yield int(Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text())
        finally:
            unshare.kill()


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        list(map(str, command)),
        check=True,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=os.environ | {"PATH": PATH},
    )
    return done.stdout
