"""What is different inside a container: an MPI of its own, and no folder of the host that is not bound."""

import os
from collections.abc import Mapping

# What runtimes set, and their option that binds a folder; podman sets the last, and so does the Dockerfile.
_RUNTIMES = {
    "APPTAINER_CONTAINER": ("Apptainer", "--bind FOLDER"),
    "SINGULARITY_CONTAINER": ("Singularity", "--bind FOLDER"),
    "CH_RUNNING": ("Charliecloud", "--bind FOLDER"),
    "container": ("this runtime", "--volume FOLDER:FOLDER"),
}


def in_container(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process runs in an image."""
    return any(name in environ for name in _RUNTIMES)


def bind_hint(environ: Mapping[str, str] = os.environ) -> str:
    """What to add to a message about a missing or unwritable file or folder; nothing outside containers."""
    for variable, (runtime, option) in _RUNTIMES.items():
        if variable in environ:
            return (
                "; this runs in a container, which sees a folder of the host only if it is bound: "
                f"with {runtime}, {option}"
            )
    return ""
