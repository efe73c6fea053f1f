#!/bin/bash
# Runs a campaign under Slurm: rank 0 hands out the configs, every other rank solves them.
#
#   sbatch jobs/slurm.sh examples/danish_energy_island.yaml
#
# Cost: the reference campaign (3000 configs, start only) takes about 12 CPU minutes.
# When the job ends early (time limit, lost node, scancel) give the same command again: what is done is
# skipped. Exit code 75 means just that; 0 and 3 mean finished (3: some configs failed).
#
# To change: the numbers below, and --mpi=pmi2 (right for MPICH and Intel MPI; pmix for Open MPI).
#SBATCH --job-name=mpi-layout
#SBATCH --ntasks=129
#SBATCH --cpus-per-task=1
#SBATCH --time=01:00:00
#SBATCH --signal=USR1@60
#SBATCH --output=%x-%j.log

set -u
campaign=${1:?usage: sbatch jobs/slurm.sh CAMPAIGN.yaml [options of mpi-layout run]}
shift

# The environment that mpi-layout was installed into; on its own it is found through PATH.
mpi_layout=${MPI_LAYOUT:-$(command -v mpi-layout || echo "$PWD/.venv/bin/mpi-layout")}

srun --mpi=pmi2 --kill-on-bad-exit=1 "$mpi_layout" run "$campaign" "$@"
code=$?
if [ "$code" = 75 ]; then
    echo "stopped before the end: submit the same command again and it goes on"
fi
exit "$code"
