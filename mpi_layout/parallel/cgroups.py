"""The cgroups that this process is in: what a container, a batch job or a login session may use."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def cgroups(controller: str, root: Path = Path("/")) -> Iterator[tuple[Path, int]]:
    """Yield the folders that may limit this process, from its own upwards, with the version of cgroups.

    Parameters
    ----------
    controller : str
        What is limited: "memory" or "cpu".
    root : Path, optional
        Where `proc` and `sys` lie.
    """
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                folder, version = root / "sys/fs/cgroup", 2
            elif controller in controllers.split(","):
                folder, version = root / "sys/fs/cgroup" / controller, 1
            else:
                continue
            inner = folder / path.strip("/")
            for group in (inner, *inner.parents):
                yield group, version
                if group == folder:
                    break
