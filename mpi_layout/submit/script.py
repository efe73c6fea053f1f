"""The text of a job script: head, settings, launch, and what comes after it."""

from mpi_layout.submit.batch_system import BatchSystem
from mpi_layout.submit.job import Job


def script_text(job: Job, system: BatchSystem) -> str:
    """Job script, a program for bash."""
    comment = "\n".join(f"# {line}".rstrip() for line in job.intro.splitlines())
    head = "\n".join(["#!/bin/bash", comment, *system.directives(job), "", "set -u"])
    settings = f"# ---- settings\n{job.settings}\n{system.launcher(job)}"
    refusal = _NO_ARRAY.replace("@ARRAY_TASK@", system.array_task)
    parts = [head, refusal, settings]
    if job.again:
        parts += [_WATCHED_LAUNCH, _AGAIN.replace("@FUNCTIONS@", system.functions())]
    else:
        parts += [_LAUNCH]
    return "\n\n".join(parts).replace("@JOB_ID@", system.job_id) + "\n"


_NO_ARRAY = """\
if [ -n "@ARRAY_TASK@" ]; then
    echo "error: a job array would be several launches on one file; ask for more ranks instead" >&2
    exit 2
fi"""

_LAUNCH = """\
"${launcher[@]}" "${program[@]}" run "$campaign" -o "$results" "${options[@]}"
code=$?
if [ "$code" = 75 ]; then
    echo "job @JOB_ID@: stopped before the end; submit the same again and it goes on"
fi
exit "$code\""""

_WATCHED_LAUNCH = """\
# ---- the launch; signals that reach this shell are passed on to it
left() { [ ! -e "$results" ] || "${program[@]}" missing "$results" | wc -l; }
pass_on() { [ -z "$launch" ] || kill "-$1" "$launch" 2>/dev/null; }
launch='' stopped=''
trap 'pass_on USR1' USR1 # the time limit comes
trap 'stopped=yes; pass_on TERM' TERM INT
before=$(left)
"${launcher[@]}" "${program[@]}" run "$campaign" -o "$results" "${options[@]}" &
launch=$!
while wait "$launch"; kill -0 "$launch" 2>/dev/null; do :; done # a signal ends a wait, not the launch
wait "$launch"
code=$?
launch=''"""

_AGAIN = """\
# ---- and then? 75, or ranks were lost: go on, unless two launches in a row have ended no config
@FUNCTIONS@
say() { echo "job @JOB_ID@: exit code $code: $*"; }
stuck=$results.no-progress
case $code in
0 | 3) say "finished"; rm -f "$stuck"; exit "$code" ;;
1 | 2 | 4 | 126 | 127) say "an error, see above; not submitted again"; exit "$code" ;;
esac
after=$(left)
if ! wanted; then
    say "cancelled, or over its time limit; not submitted again (the same command goes on)"
    exit "$code"
elif [ -n "$after" ] && [ "$after" -lt "${before:-$((after + 1))}" ]; then
    rm -f "$stuck"
elif [ -e "$stuck" ]; then
    rm -f "$stuck"
    say "two launches in a row have ended no config, is the time limit too short? Not submitted again"
    exit "$code"
else
    touch "$stuck"
fi
if follow "$@"; then
    say "${after:-all} configs are left; submitted again"
    exit 0
fi
say "could not be submitted again from here; give the same command again and it goes on"
exit "$code\""""
