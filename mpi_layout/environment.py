"""What libraries find in the environment when they are loaded: set before any of them is."""

import os
from collections.abc import MutableMapping

# A rank is one process on one core: thread pools would only fight over it. The last two are not ours, but a
# campaign's own function may bring them along.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
_UNLESS_SET = dict.fromkeys(THREADS, "1") | {
    # An h5py built with MPI would start MPI in every command; parallel/ranks/ starts it where it is needed.
    "MPI4PY_RC_INITIALIZE": "0",
    # pydantic opens a file of every installed package in search of plugins, in every rank.
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
    # Open MPI tries locks by a file of each rank beside the results, which a kill leaves there. What it tries
    # them for, file pointers that ranks share, nobody needs here.
    "OMPI_MCA_sharedfp": "^lockedfile",
}
# argparse looks for translations, several hundred times in every rank; there are none.
_ALWAYS = {"LANGUAGE": "C"}


def prepare(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set what the user has not: one thread for each library, and no searches through shared folders."""
    for name, value in _UNLESS_SET.items():
        environ.setdefault(name, value)
    environ.update(_ALWAYS)
