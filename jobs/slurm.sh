#!/bin/bash
# Runs a campaign under Slurm, once.
#
#   sbatch jobs/slurm.sh CAMPAIGN.yaml [options of mpi-layout run]
#
# Cost: 128 cores for an hour at most; the reference campaign takes about 12 CPU minutes.
# A job that ends early (time limit, lost node, scancel) says so; the same command goes on.
# To change: the lines #SBATCH and the settings below them.
#SBATCH --job-name=mpi-layout
#SBATCH --ntasks=128
#SBATCH --cpus-per-task=1
#SBATCH --ntasks-per-core=1
#SBATCH --mem-per-cpu=500M
#SBATCH --time=01:00:00
#SBATCH --signal=USR1@30
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log

# ---- set up
# module load ..., where jobs do not get the environment that they are submitted from

set -u

if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    echo "error: a job array would be several launches on one file; ask for more ranks instead" >&2
    exit 2
fi

# ---- settings
campaign=${1:?usage: sbatch jobs/slurm.sh CAMPAIGN.yaml [options of mpi-layout run]}
results=${RESULTS:-$(basename "${campaign%.*}").h5}
case " ${*:2}" in *" -o"* | *" --output"*)
    echo "error: the script has to know the results file: not -o FILE, but RESULTS=FILE sbatch ..." >&2
    exit 2 ;;
esac
options=(-o "$results" "${@:2}")
program=("${MPI_LAYOUT:-$(command -v mpi-layout || echo "$PWD/.venv/bin/mpi-layout")}")
mpi=pmi2 # MPICH, Intel MPI: pmi2; Open MPI: pmix; Cray: cray_shasta (srun --mpi=list)
launcher=(srun --mpi="$mpi" --export=ALL --cpu-bind=cores --kill-on-bad-exit=0 --wait=30)
job_end() {
    local end
    end=$(SLURM_TIME_FORMAT=standard squeue --noheader --jobs="$SLURM_JOB_ID" --format=%e)
    [ -z "$end" ] || date +%s -d "$end"
}
export SLURM_JOB_END_TIME=${SLURM_JOB_END_TIME:-$(job_end 2>/dev/null)}

"${launcher[@]}" "${program[@]}" run "$campaign" "${options[@]}"
code=$?
if [ "$code" = 75 ]; then
    echo "job ${SLURM_JOB_ID:-}: stopped before the end; submit the same again and it goes on"
fi
exit "$code"
