#!/bin/bash
# Runs a campaign with Open MPI under Slurm until it is finished.
#
#   sbatch jobs/slurm-openmpi.sh CAMPAIGN.yaml [options of mpi-layout run]
#
# Cost: 128 cores for an hour at most, again and again; the reference campaign takes about 12 CPU minutes.
# Before its time limit the job ends in order and is queued again. That stops when all is done (exit code 0
# or 3), on an error (1, 2, 4), when it is cancelled, and when two launches in a row have ended no config.
# slurm-resubmit.sh with mpi=pmix, which Open MPI's library wants.
# To change: the lines #SBATCH and the settings below them.
#SBATCH --job-name=mpi-layout
#SBATCH --ntasks=128
#SBATCH --cpus-per-task=1
#SBATCH --ntasks-per-core=1
#SBATCH --mem-per-cpu=500M
#SBATCH --time=01:00:00
#SBATCH --signal=B:USR1@30
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
campaign=${1:?usage: sbatch jobs/slurm-openmpi.sh CAMPAIGN.yaml [options of mpi-layout run]}
results=${RESULTS:-$(basename "${campaign%.*}").h5}
case " ${*:2}" in *" -o"* | *" --output"*)
    echo "error: the script has to know the results file: not -o FILE, but RESULTS=FILE sbatch ..." >&2
    exit 2 ;;
esac
case " ${*:2}" in *" --fresh"* | *" --retry-failed"*)
    echo "error: each job would do that again: --fresh and --retry-failed are for jobs/slurm.sh" >&2
    exit 2 ;;
esac
options=(-o "$results" "${@:2}")
program=("${MPI_LAYOUT:-$(command -v mpi-layout || echo "$PWD/.venv/bin/mpi-layout")}")
mpi=pmix # MPICH, Intel MPI: pmi2; Open MPI: pmix; Cray: cray_shasta (srun --mpi=list)
launcher=(srun --mpi="$mpi" --export=ALL --cpu-bind=cores --kill-on-bad-exit=0 --wait=30)
job_end() {
    local end
    end=$(SLURM_TIME_FORMAT=standard squeue --noheader --jobs="$SLURM_JOB_ID" --format=%e)
    [ -z "$end" ] || date +%s -d "$end"
}
export SLURM_JOB_END_TIME=${SLURM_JOB_END_TIME:-$(job_end 2>/dev/null)}

# ---- the launch; signals that reach this shell are passed on to it
look() { [ ! -e "$results" ] || "${program[@]}" status "$results" --brief; }
pass_on() { [ -z "$launch" ] || kill "-$1" "$launch" 2>/dev/null; }
launch='' stopped=''
trap 'pass_on USR1' USR1 # the time limit comes
trap 'stopped=yes; pass_on TERM' TERM INT
before=$(look) # 8 done, 0 failed, 4 to do; why the last launch ended
"${launcher[@]}" "${program[@]}" run "$campaign" "${options[@]}" &
launch=$!
while wait "$launch"; kill -0 "$launch" 2>/dev/null; do :; done # a signal ends a wait, not the launch
wait "$launch"
code=$?
launch=''

# ---- and then?
patiently() { "$@" || { sleep 5; "$@"; }; } # a busy Slurm may not answer at once
wanted() {
    case $(patiently squeue --noheader --jobs="$SLURM_JOB_ID" --format='%T %r') in
    *TimeLimit) ;; # ended by Slurm, as the launch was too slow to leave: nobody has cancelled it
    RUNNING*) [ -z "$stopped" ] ;;
    *) false ;;
    esac
}
follow() { patiently scontrol requeue "$SLURM_JOB_ID"; } # keeps its number, its options and its log
say() { echo "job ${SLURM_JOB_ID:-}: exit code $code: $*"; }
finish() { say "$*"; rm -f "$stuck"; exit "$code"; }
got_on() { # configs have ended, and the file says so
    case $after in "" | "0 done, 0 failed,"*) return 1 ;; esac
    [ "${after%%;*}" != "${before%%;*}" ]
}
stuck=$results.no-progress
case $code in
0 | 3) finish "finished" ;;
1 | 2 | 4 | 126 | 127) finish "an error, see above; not submitted again" ;;
esac
# 75; or a code of the launcher, if the launch has ended busy ranks by force: the results file knows more.
after=$(look)
case $after in
*"; error"* | *"; too many failed"*) finish "an error, see above; not submitted again" ;;
*", 0 to do; "*) finish "finished" ;;
*"; SIGTERM"* | *"; SIGINT"*) stopped=yes ;;
esac
wanted || finish "stopped from outside, or too late; not submitted again (the same command goes on)"
if got_on; then
    rm -f "$stuck"
elif [ -e "$stuck" ]; then
    finish "two launches in a row have ended no config, is the time limit too short? Not submitted again"
else
    touch "$stuck" # once may be bad luck
fi
say "${after:-no results yet}: submitted again"
trap '' TERM # which a job gets that is queued again
follow && exit 0
say "this was refused; give the same command again and it goes on"
exit "$code"
