#!/bin/bash
# Runs a campaign under PBS until it is finished.
#
#   qsub -v CAMPAIGN=campaign.yaml jobs/pbs.sh
#
# Cost: 128 cores for an hour at most, again and again; the reference campaign takes about 12 CPU minutes.
# Before its time limit the job ends in order and is queued again. That stops when all is done (exit code 0
# or 3), on an error (1, 2, 4), when it is cancelled, and when two launches in a row have ended no config.
# For PBS Pro and OpenPBS; Torque wants `-l nodes=4:ppn=32` in the place of `-l select`.
# The next job is asked for what stands in this script; of qsub's options only -v is repeated.
# To change: the lines #PBS and the settings below them.
#PBS -N mpi-layout
#PBS -l select=4:ncpus=32:mpiprocs=32:mem=16000mb
#PBS -l walltime=01:00:00
#PBS -j oe
#PBS -r y
#PBS -V

# ---- set up
# module load ..., where jobs do not get the environment that they are submitted from

set -u

if [ -n "${PBS_ARRAY_INDEX:-${PBS_ARRAYID:-}}" ]; then
    echo "error: a job array would be several launches on one file; ask for more ranks instead" >&2
    exit 2
fi

# ---- settings
cd "$PBS_O_WORKDIR" || exit 2
campaign=${CAMPAIGN:?usage: qsub -v CAMPAIGN=campaign.yaml jobs/pbs.sh}
results=${RESULTS:-$(basename "${campaign%.*}").h5}
options=(-o "$results") # of mpi-layout run
program=("${MPI_LAYOUT:-$(command -v mpi-layout || echo "$PWD/.venv/bin/mpi-layout")}")
options+=(--time-limit 00:59:30) # a little less than walltime above
mpiexec=${program[0]%/*}/mpiexec # of the environment, where that has one
[ -x "$mpiexec" ] || mpiexec=mpiexec
launcher=("$mpiexec" -machinefile "$PBS_NODEFILE" -n "$(wc -l <"$PBS_NODEFILE")")

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
wanted() { [ -z "$stopped" ]; }
follow() { qsub -W depend="afterany:$PBS_JOBID" "$0"; }
say() { echo "job ${PBS_JOBID:-}: exit code $code: $*"; }
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
