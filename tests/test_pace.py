"""Time that is too short: told apart from time that is merely up."""

import math
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from mpi_layout import cli
from mpi_layout.campaign import load_campaign
from mpi_layout.optimise import solve as optimise
from mpi_layout.pace import as_option, expected_seconds
from mpi_layout.parallel.stopping import SLURM_PATIENCE_S, Stop, slurm_limit
from mpi_layout.results.file import open_writer
from mpi_layout.results.reader import open_reader

SLOW = {"seconds": 2.0}


def job(*, started, lasts, now=None):
    """Slurm's variables in a job that began `started` s ago."""
    now = time.time() if now is None else now
    times = {"START": now - started, "END": now - started + lasts}
    return {f"SLURM_JOB_{which}_TIME": str(int(at)) for which, at in times.items()}


@pytest.fixture(scope="module")
def one_done(tmp_path_factory, small_campaign_text):
    """Results of the small campaign with one config done, which took two seconds."""
    folder = tmp_path_factory.mktemp("one_done")
    (folder / "small.yaml").write_text(small_campaign_text)
    with pytest.MonkeyPatch.context() as patched:
        solve = optimise.solve
        patched.setattr(optimise, "solve", lambda problem: (time.sleep(2.0), solve(problem))[1])
        command = ["run", str(folder / "small.yaml"), "-o", str(folder / "small.h5"), "--only", "a_t10_s0"]
        assert cli.main(command) == 0
    return folder / "small.h5"


@pytest.fixture
def begun(one_done, path):
    """The same, in tmp_path."""
    return Path(shutil.copy(one_done, path))


def test_a_time_limit_shorter_than_any_config_is_refused_at_once(launch, begun):
    before = open_reader(begun)
    ended = launch("run", "small.yaml", "--time-limit", "0:00:02", ranks=3, how=SLOW)
    assert ended.code == 2
    line = ended.err.splitlines()[-1]
    assert "no time for a single config: the time limit leaves a launch 2.0 s" in line
    assert "a_t10_s0" in line
    assert re.search("at least 0:00:[0-5][0-9]$", line)
    assert len(open_reader(begun).launches) == len(before.launches)


def test_a_slurm_job_shorter_than_any_config_is_refused_at_once(launch, begun):
    ended = launch("run", "small.yaml", how=SLOW, environ=job(started=0, lasts=2))
    assert ended.code == 2
    assert "the end of the Slurm job leaves a launch" in ended.err


def test_a_slurm_job_that_is_nearly_over_is_no_fault(launch, begun):
    ended = launch("run", "small.yaml", how=SLOW, environ=job(started=1000, lasts=1003))
    assert ended.code == 75
    assert "run the same command again" in ended.err


def test_nothing_is_refused_where_nothing_waits_or_is_known(launch, path):
    environ = {"SLURM_JOB_START_TIME": "1", "SLURM_JOB_END_TIME": "2"}  # the clocks differ
    assert launch("run", "small.yaml", "--time-limit", "0:00:30", environ=environ).code == 0
    assert launch("run", "small.yaml", "--time-limit", "0:00:01").code == 0


def test_a_launch_in_which_no_config_ended_says_so(launch, path):
    ended = launch("run", "small.yaml", "--time-limit", "0:00:01", how={"seconds": 20.0})
    assert ended.code == 75
    assert "no config ended before the time limit" in ended.err
    assert "another launch as short gets no further" in ended.err


# ---------------------------------------------------------------- what Slurm's times mean on this clock


def test_time_left_of_a_slurm_job():
    limit = slurm_limit(job(started=600, lasts=3600, now=5000.0), now=5000.0)
    assert limit.left == 3000 - 30
    assert limit.whole == 3600 - 30
    short = slurm_limit(job(started=0, lasts=60, now=5000.0), now=5000.0)
    assert short.left == short.whole == 54


def test_a_job_whose_beginning_is_not_known_is_never_too_short():
    assert slurm_limit({"SLURM_JOB_END_TIME": "6000"}, now=5990.0).whole == math.inf


def test_a_clock_that_is_behind_gives_a_job_no_more_than_its_whole_time():
    environ = job(started=0, lasts=600, now=50_000.0)
    assert slurm_limit(environ, now=10_000.0).left == 600 - 30


def test_a_clock_that_is_ahead_does_not_end_a_job_that_lives():
    environ = job(started=0, lasts=600, now=5000.0)
    assert slurm_limit(environ, now=5600.0 + SLURM_PATIENCE_S + 1).left == math.inf
    assert slurm_limit(environ, now=5700.0).left < 0  # Slurm may need a while to kill
    assert Stop(environ=environ).reason == ""  # kept by the shell of a job long gone


@pytest.mark.parametrize("end", ["", "soon", "-5"])
def test_without_an_end_there_is_no_limit(end):
    assert slurm_limit({"SLURM_JOB_END_TIME": end}).left == math.inf


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00:01"), (61.0, "0:01:01"), (7199.5, "2:00:00"), (183_600.0, "2-03:00:00")]
)
def test_seconds_as_an_option(seconds, text):
    assert as_option(seconds) == text


# ---------------------------------------------------------------- what is expected


def test_rows_say_what_configs_take_and_turbines_do_for_kinds_without_rows(begun, small_campaign):
    campaign = load_campaign(small_campaign)
    with open_writer(begun, campaign) as results:
        expected = expected_seconds(campaign, results)
    assert expected.shape == (4,)
    assert expected[0] == pytest.approx(open_reader(begun).rows["seconds"][0])
    np.testing.assert_allclose(expected, expected[0])  # all have five turbines
