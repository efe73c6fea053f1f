"""The text of a job script: head, settings, launch, and what comes after it."""

from mpi_layout.submit.batch_system import BatchSystem
from mpi_layout.submit.job import Job


def script_text(job: Job, system: BatchSystem) -> str:
    """Job script, a program for bash."""
    comment = "\n".join(f"# {line}".rstrip() for line in job.intro.splitlines())
    # Modules and conda use variables that are not set.
    setup = ["# ---- set up", *job.setup, ""] if job.setup else []
    head = "\n".join(["#!/bin/bash", comment, *system.directives(job), "", *setup, "set -u"])
    settings = "\n".join(filter(None, ["# ---- settings", system.enter, job.settings, system.launcher(job)]))
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
"${launcher[@]}" "${program[@]}" run "$campaign" "${options[@]}"
code=$?
if [ "$code" = 75 ]; then
    echo "job @JOB_ID@: stopped before the end; submit the same again and it goes on"
fi
exit "$code\""""

_WATCHED_LAUNCH = """\
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
launch=''"""

_AGAIN = """\
# ---- and then?
@FUNCTIONS@
say() { echo "job @JOB_ID@: exit code $code: $*"; }
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
exit "$code\""""
