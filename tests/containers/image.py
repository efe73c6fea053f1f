"""Images made of the definitions without Apptainer, in the way that Apptainer makes and runs them.

%post runs for real, as root, in a chroot of Debian that debootstrap made. What Apptainer makes of the other
sections is laid where Apptainer lays it (/.singularity.d), and the stand-in `apptainer` beside this module
runs it by Charliecloud's ch-run: without privileges, in namespaces of its own, the image mounted read-only.
"""

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from containers.definition import ROOT

STAND_IN = Path(__file__).parent / "bin"
MOST_S = 1500.0

# Debian package of every program that is needed.
NEEDED = {
    "debootstrap": "debootstrap",
    "ch-run": "charliecloud",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "ip": "iproute2",
}
_IN_CHROOT = """
mount -t proc proc "$0/proc"
mount --rbind /sys "$0/sys"
mount --rbind /dev "$0/dev"
exec chroot "$0" "$@"
"""
# How this machine reaches Debian and PyPI is not the definition's business; it goes in from outside.
_PASSED_ON = {"http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT"}
_AS_IN_SLIM_IMAGES = """\
force-unsafe-io
path-exclude /usr/share/doc/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
"""
_EXEC = '#!/bin/sh\nfor file in /.singularity.d/env/*.sh; do . "$file"; done\n'


class MissingError(Exception):
    """Something that the tests need is not there; the text says what."""


@dataclass(frozen=True)
class Image:
    """A folder that holds an image."""

    folder: Path

    def command(self, *arguments, how="run", options=()):
        """Run a command line of the program, or with `how="exec"` any command, in the image."""
        stand_in = self.folder.parent / "bin" / "apptainer"
        return [str(stand_in), how, *options, str(self.folder), *map(str, arguments)]

    @property
    def megabytes(self):
        """What its files take on a disk."""
        found = subprocess.run(["du", "-sm", self.folder], capture_output=True, text=True, check=True)
        return int(found.stdout.split()[0])


def insist_on_programs():
    """Raise MissingError, with the packages to install, unless images can be made and run here."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = {package for program, package in NEEDED.items() if not shutil.which(program, path=path)}
    if missing:
        raise MissingError(f"apt-get install {' '.join(sorted(missing))}")
    if os.getuid() != 0:
        raise MissingError("root, who may run chroot")


def lay_stand_in(folder):
    """Put the stand-in for Apptainer beside the images: other users may not enter the folder of the tests."""
    shutil.copytree(STAND_IN, folder / "bin", dirs_exist_ok=True)


def make_base(folder):
    """Debian 12 with nothing but apt, which stands in for the slim base image and has its settings."""
    _run("debootstrap", "--variant=minbase", "bookworm", str(folder), log=folder.with_suffix(".log"))
    (folder / "etc/dpkg/dpkg.cfg.d/slim").write_text(_AS_IN_SLIM_IMAGES)
    for name in ("doc", "locale", "man", "info"):
        shutil.rmtree(folder / "usr/share" / name)
        (folder / "usr/share" / name).mkdir()


def build(definition, base, folder):
    """Build the image of a definition from a copy of the base."""
    _run("cp", "--archive", str(base), str(folder), log=folder.with_suffix(".log"))
    for source, target in definition.files:
        inside = folder / target.lstrip("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-fLr", ROOT / source, inside], check=True)
    shutil.copy("/etc/resolv.conf", folder / "etc")
    _lay_scripts(definition, folder / ".singularity.d")
    environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"} | _way_to_registries(folder)
    variables = [f"{name}={value}" for name, value in environ.items()]
    post = ["env", "-i", *variables, "/bin/sh", "/.singularity.d/post"]
    _run("unshare", "--mount", "sh", "-euc", _IN_CHROOT, str(folder), *post, log=folder.with_suffix(".log"))
    return Image(folder)


def _way_to_registries(folder):
    environ = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
    certificate = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if certificate:
        shutil.copy(certificate, folder / "opt/src/certificates.pem")
        environ["PIP_CERT"] = "/opt/src/certificates.pem"
    return environ


def _lay_scripts(definition, folder):
    """Lay what Apptainer makes of a definition, in the places where it lays it."""
    scripts = {
        "env/90-environment.sh": definition.sections["environment"],
        "post": "#!/bin/sh\nset -e\n" + definition.sections["post"],
        "runscript": "#!/bin/sh\n" + definition.sections["runscript"],
        "test": "#!/bin/sh\n" + definition.sections["test"],
        "actions/exec": _EXEC + 'exec "$@"\n',
        "actions/run": _EXEC + 'exec /.singularity.d/runscript "$@"\n',
        "actions/test": _EXEC + 'exec /.singularity.d/test "$@"\n',
    }
    for name, text in scripts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)


def _run(*command, log):
    with log.open("a") as file:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, timeout=MOST_S, cwd="/"
        )
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-40:])
        raise RuntimeError(f"{' '.join(command[:6])} ...: exit code {done.returncode}\n{tail}")


def tree(folder):
    """Every file of a folder with its size and the time of its last change, ns."""
    found = {}
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            found[str(path.relative_to(folder))] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found
