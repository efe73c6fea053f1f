"""What a results file tells: how far it is, whether it is sound, whether it equals another."""

import dataclasses
import io
import json
import math

import h5py
import numpy as np
import pytest
from rich.console import Console

from mpi_layout.campaign import parse_campaign
from mpi_layout.commands.diff_tables import diff_view
from mpi_layout.commands.tables import printable, status_view, verify_view
from mpi_layout.compare.diff import IGNORED, diff
from mpi_layout.errors import ConfigError
from mpi_layout.optimise.solve import solve
from mpi_layout.optimise.trace import N_POINTS
from mpi_layout.results.file import create_results, open_reader, open_writer
from mpi_layout.results.locking.notice import Notice, RankNow
from mpi_layout.results.state.summary import missing, summarise
from mpi_layout.results.storage import schema
from mpi_layout.results.storage.row import Status, done_row, failed_row, is_committed, row_dtype, seal
from mpi_layout.results.storage.structure import locate
from mpi_layout.results.verify import verify

YAML = """
name: sea
areas:
  - {name: west, boundary_m: [[0, 0], [9000, 0], [9000, 9000], [0, 9000]]}
  - {name: strip, boundary_m: [[0, 0], [9000, 0], [9000, 1500], [0, 1500]]}
turbine_types:
  - {name: t10, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}
  - {name: t15, rated_power_MW: 15, rotor_diameter_m: 240, hub_height_m: 150}
seeds: [0, 1]
target_capacity_MW: 60
min_spacing_D: 3
site:
  lookup: linear
  turbulence_intensity: 0.08
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [8.5, 9.0, 9.5, 10.5]
  weibull_k: [2.0, 2.1, 2.2, 2.2]
  sector_probability: [0.1, 0.2, 0.3, 0.4]
start: {grid: [9, 9]}
checkpoint: {interval_s: 20}
"""
NOW = 1.7e9
LAUNCH = {"ranks": 3, "host": "node7", "pid": 4711, "scheduler_id": "", "versions": "numpy 2", "now": NOW}
FAILED = 5  # the config whose row is made a failure


@pytest.fixture(scope="module")
def campaign():
    return parse_campaign(YAML)


@pytest.fixture(scope="module")
def rows(campaign):
    """Rows of all configs, solved, but for one failure."""
    dtype = row_dtype(campaign.n_turbines_max)
    made = []
    for config in campaign.configs:
        about = {"seconds": 0.1, "rank": 1, "launch": 0, "attempts": 1}
        try:
            if config.number == FAILED:
                raise ConfigError("no room for turbine 4\x1b[31m")
            made.append(done_row(dtype, config, solve(campaign.problem(config.number)), **about))
        except ConfigError as error:
            made.append(failed_row(dtype, config, str(error), **about))
    return made


@pytest.fixture
def path(tmp_path, campaign, rows):
    """A finished results file."""
    target = tmp_path / "results.h5"
    write(target, campaign, rows)
    return target


def write(path, campaign, rows, numbers=range(8), *, end=True):
    create_results(path, campaign, now=NOW)
    with open_writer(path, campaign) as writer:
        writer.begin_launch(**LAUNCH)
        for number in numbers:
            writer.write_row(number, rows[number])
        writer.heartbeat(NOW + 10, len(numbers))
        if end:
            writer.end_launch(NOW + 10, "complete", len(numbers))


def plant(path, campaign, number, **values):
    """Change columns of a row and seal it again: only recomputing can find it."""
    with open_writer(path, campaign) as writer:
        row = open_reader(path).rows[number : number + 1].copy()
        for name, value in values.items():
            row[name] = value
        seal(row)
        writer._store.write_rows(number, row)


def flip(path, name, entry=0, byte=0):
    """Change a bit of a dataset."""
    extent = locate(path).extents[name]
    raw = bytearray(path.read_bytes())
    raw[extent.offset + entry * (extent.item_bytes if extent.shape else 0) + byte] ^= 1
    path.write_bytes(raw)


def found(path, **options):
    return [(finding.key, finding.what) for finding in verify(open_reader(path), **options)]


def shown(view, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(view)
    return console.file.getvalue()


# ---------------------------------------------------------------- status


def test_summary_of_a_finished_file(path, campaign, rows):
    summary = summarise(open_reader(path), now=NOW + 1000)
    assert (summary.counts.done, summary.counts.failed, summary.counts.waiting) == (7, 1, 0)
    assert summary.percent == 100
    assert [(group.area, group.turbine_type) for group in summary.groups] == [
        ("west", "t10"), ("west", "t15"), ("strip", "t10"), ("strip", "t15"),
    ]  # fmt: skip
    first = summary.groups[0]
    aep = [rows[0]["aep"][0], rows[1]["aep"][0]]
    assert first.counts.done == 2
    assert math.isclose(first.mean_aep, sum(aep) / 2, rel_tol=1e-12)
    assert first.best_aep == max(aep)
    assert first.best_key == f"west_t10_s{int(np.argmax(aep))}"
    assert math.isclose(first.mean_wake_loss, (rows[0]["wake_loss"][0] + rows[1]["wake_loss"][0]) / 2)
    assert [(failure.key, failure.attempts) for failure in summary.failures] == [("strip_t10_s1", 1)]
    assert (summary.rate, summary.eta) == (None, None)
    assert [launch.state for launch in summary.launches] == ["ended"]


def test_summary_says_what_refinement_gains(path, campaign, rows):
    plain = summarise(open_reader(path), now=NOW)
    assert (plain.gain.mean, plain.gain.best, plain.gain.worst, plain.gain.evaluations) == (0, 0, 0, 1)
    assert "refined" not in shown(status_view(plain, now=NOW))
    gains = {0: 0.01, 1: 0.03, 2: 0.02}  # of the others nothing
    for number, gain in gains.items():
        start = rows[number]["objective"][0] / (1 + gain)
        plant(path, campaign, number, start_objective=start, evaluations=701)
    summary = summarise(open_reader(path), now=NOW)
    west = summary.groups[0].gain
    assert (west.mean, west.best, west.worst) == pytest.approx((0.02, 0.03, 0.01))
    assert summary.groups[1].gain.mean == pytest.approx(0.01)
    whole = summary.gain
    assert (whole.mean, whole.best, whole.worst) == pytest.approx((0.06 / 7, 0.03, 0))
    assert whole.evaluations == pytest.approx((3 * 701 + 4) / 7)
    text = shown(status_view(summary, now=NOW))
    assert "refined: +0.86 % AEP over the starts, from +0.00 % to +3.00 %; 301 evaluations per config" in text
    assert "+2.00% 2/2" in text
    told = json.loads(json.dumps(summary.to_json(), allow_nan=False))
    assert told["gain"]["best"] == pytest.approx(0.03)
    assert told["groups"][3]["gain"]["mean"] == 0
    plant(path, campaign, 2, objective=2e6, start_objective=1e6)
    assert "+100.00 %" in shown(status_view(summarise(open_reader(path), now=NOW), now=NOW))
    assert summarise(open_reader(path), now=NOW).gain.of == "objective"


@pytest.mark.parametrize("start", [0.0, -5.0])
def test_no_worth_no_gain(path, campaign, start):
    for number in range(4):
        plant(path, campaign, number, start_objective=start)
    assert summarise(open_reader(path), now=NOW).gain.mean == 0


def test_core_time_so_far_and_of_what_is_left(tmp_path, campaign, rows):
    """As others of the area and type took; where none is done, as all took on average."""
    path = tmp_path / "results.h5"
    write(path, campaign, rows, [0, 2, 3])  # of west with t10 one of two, with t15 both, of strip none
    for number, seconds in ((0, 3600.0), (2, 60.0), (3, 120.0)):
        plant(path, campaign, number, seconds=seconds)
    summary = summarise(open_reader(path), now=NOW)
    assert summary.core_seconds == 3780
    assert [group.core_seconds for group in summary.groups] == [3600, 180, 0, 0]
    assert summary.core_seconds_left == pytest.approx(3600 + 4 * 3780 / 3)
    text = shown(status_view(summary, now=NOW))
    assert "core time: 63 min for 3 done, 21 min each; about 2 h 24 min for what is left\n" in text
    plant(path, campaign, 0, seconds=np.nan)  # forged
    assert summarise(open_reader(path), now=NOW).core_seconds == 180


def test_core_time_of_a_finished_campaign_and_of_one_not_begun(tmp_path, path, campaign, rows):
    plant(path, campaign, 0, seconds=1.5)
    summary = summarise(open_reader(path), now=NOW)
    assert (summary.core_seconds, summary.core_seconds_left) == (pytest.approx(1.5 + 6 * 0.1), 0)
    lines = [line.rstrip() for line in shown(status_view(summary, now=NOW)).splitlines()]
    assert "core time: 2.1 s for 7 done, 0.3 s each" in lines
    new = tmp_path / "new.h5"
    write(new, campaign, rows, [])
    summary = summarise(open_reader(new), now=NOW)
    assert (summary.core_seconds, summary.core_seconds_left) == (0, None)
    assert "core time" not in shown(status_view(summary, now=NOW))


def test_a_forged_aep_does_not_hide_the_best_one(path, campaign, rows):
    plant(path, campaign, 0, aep=np.nan)
    first, *_ = summarise(open_reader(path), now=NOW).groups
    assert (first.best_key, first.best_aep) == ("west_t10_s1", rows[1]["aep"][0])
    plant(path, campaign, 1, aep=np.nan)
    summary = summarise(open_reader(path), now=NOW)
    assert (summary.groups[0].best_key, summary.groups[0].best_aep) == (None, None)
    assert summary.to_json()["groups"][0]["best_aep"] is None
    shown(status_view(summary, now=NOW))


def test_rate_and_time_left_while_a_launch_runs(tmp_path, campaign, rows):
    path = tmp_path / "results.h5"
    write(path, campaign, rows, range(4), end=False)
    summary = summarise(open_reader(path), now=NOW + 40)
    assert summary.launches[0].state == "running"
    assert summary.rate == 4 / 40
    assert summary.eta == 40
    lost = summarise(open_reader(path), now=NOW + 10 + 61)  # three intervals without a heartbeat
    assert lost.launches[0].state == "lost"
    assert lost.rate is None


def test_status_says_what_the_ranks_do(tmp_path, campaign, rows):
    path = tmp_path / "results.h5"
    write(path, campaign, rows, range(4), end=False)
    ranks = (RankNow(1, 4, 1, 30.0), RankNow(2, 5, 3, 35.0), RankNow(0, None, 0, 1.0), RankNow(3, 7, 1, 1.0))
    told = {
        "clock": 40.0,
        "checkpoint": 31.0,
        "left": 2,
        "seconds_left": 12.0,
        "ranks": ranks,
        "gone": (4, 6),
    }
    launch = open_reader(path).launches[0]
    notice = Notice(launch=0, started=launch.started, only="strip\x1b[31m*", **told)
    summary = summarise(open_reader(path), now=NOW + 20, notice=notice)
    assert summary.told is None  # by the launch table there is no rank 3
    notice = dataclasses.replace(notice, ranks=ranks[:3])
    summary = summarise(open_reader(path), now=NOW + 20, notice=notice)
    text = " ".join(shown(status_view(summary, now=NOW + 20)).split())
    assert "about 12 s left" in text
    plain = json.loads(json.dumps(summary.to_json(), allow_nan=False))
    keys = [campaign.configs[number].key for number in (4, 5)]
    assert f"{keys[0]} on rank 1 for 10 s, {keys[1]} +2 on rank 2 for 5.0 s, 1 idle, 2 gone" in text
    assert plain["in_flight"][0] == {"key": keys[0], "rank": 1, "given": 1, "age": 10.0}
    assert "in flight (--only strip\\x1b[31m*): " in text
    assert (plain["left"], plain["idle"], plain["gone"], plain["eta"]) == (2, 1, [4, 6], 12.0)
    one = summarise(open_reader(path), now=NOW + 20, only=[keys[1]], notice=notice)
    assert [given.key for given in one.told.in_flight] == [keys[1]]
    assert one.eta is None  # of this one alone nothing is told
    lost = summarise(open_reader(path), now=NOW + 1000, notice=notice)
    assert (lost.told, lost.eta) == (None, None)
    assert lost.to_json()["in_flight"] is None


def test_status_by_a_clock_that_is_behind(tmp_path, campaign, rows):
    path = tmp_path / "results.h5"
    write(path, campaign, rows, range(4), end=False)
    behind = NOW - 3600
    summary = summarise(open_reader(path), now=behind)
    assert summary.rate == 4 / 10  # by the clock of the launch
    text = " ".join(shown(status_view(summary, now=behind)).split())
    assert "heartbeat 60 min from now: the clocks differ" in text


def test_missing_configs_and_why(tmp_path, campaign, rows):
    path = tmp_path / "results.h5"
    write(path, campaign, rows, [0, 2, FAILED, 7])
    assert list(missing(open_reader(path))) == [
        (key, "not begun") for key in ("west_t10_s1", "west_t15_s1", "strip_t10_s0", "strip_t15_s0")
    ]
    flip(path, "x", 2)
    assert dict(missing(open_reader(path)))["west_t15_s0"] == "its row is damaged"
    with h5py.File(path, "r+") as file:
        file["attempts"][1] = 1  # as a launch leaves it that was killed meanwhile
        file["attempts"][3] = 2
    why = dict(missing(open_reader(path), ["west_*_s1"]))
    assert why == {"west_t10_s1": "begun once, not ended", "west_t15_s1": "begun 2 times, not ended"}


def test_results_say_in_python_what_they_hold(tmp_path, campaign, rows):
    path = tmp_path / "results.h5"
    write(path, campaign, rows, [0, 2, FAILED, 7])
    assert repr(open_reader(path)) == (
        f"<results {str(path)!r}: 8 configs, 4 waiting, 3 done, 1 failed; launches: 1>"
    )


def test_summary_is_plain_json(tmp_path, campaign, rows):
    path = tmp_path / "results.h5"
    write(path, campaign, rows, range(3), end=False)
    plain = json.loads(json.dumps(summarise(open_reader(path), now=NOW + 20).to_json(), allow_nan=False))
    assert plain["counts"] == {"waiting": 5, "done": 3, "failed": 0, "damaged": 0}
    assert plain["percent"] == 37.5
    assert plain["launches"][0]["state"] == "running"
    assert plain["launches"][0]["host"] == "node7"
    assert plain["groups"][3]["mean_aep"] is None


def test_damaged_rows_are_counted_apart(path):
    flip(path, "key", 3)
    flip(path, "aep", 4)
    summary = summarise(open_reader(path), now=NOW)
    assert (summary.counts.done, summary.counts.damaged) == (5, 2)
    assert summary.damaged_keys == ("west_t15_s1", "strip_t10_s0")  # known although the key is damaged


def test_status_shows_what_matters(path):
    flip(path, "aep", 4)
    text = shown(status_view(summarise(open_reader(path), now=NOW + 5), now=NOW + 5))
    for part in ("sea", "results.h5", "7 of 8 finished (87.5 %)", "6 done", "1 failed", "1 damaged"):
        assert part in text
    for part in ("west", "strip", "t10", "t15", "2/2", "strip_t10_s1", "no room for turbine 4", "node7:4711"):
        assert part in text
    assert "ended: complete" in text
    assert "\x1b" not in text
    assert "\\x1b[31m" in text


def test_hundred_percent_means_all(path):
    summary = summarise(open_reader(path), now=NOW)
    assert "(100.0 %)" in shown(status_view(summary, now=NOW))
    counts = type(summary.counts)(waiting=1, done=99_999, failed=0, damaged=0)
    nearly = type(summary)(**{**vars(summary), "counts": counts})
    assert "(99.9 %)" in shown(status_view(nearly, now=NOW))


def many(n_areas, n_types):
    """Summary of a campaign with many areas and turbine types."""
    areas = "".join(
        f"  - {{name: tender_area_{i}, boundary_m: [[0, 0], [9000, 0], [9000, 9000], [0, 9000]]}}\n"
        for i in range(n_areas)
    )
    types = "".join(
        f"  - {{name: type{i}, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}}\n"
        for i in range(n_types)
    )
    head, _, rest = YAML.partition("areas:")
    _, _, tail = rest.partition("seeds:")
    return parse_campaign(f"{head}areas:\n{areas}turbine_types:\n{types}seeds:{tail}")


@pytest.mark.parametrize("refined", [False, True])
@pytest.mark.parametrize(("n_areas", "n_types"), [(10, 6), (200, 6), (10, 30)])
def test_status_stays_readable(tmp_path, n_areas, n_types, refined):
    campaign = many(n_areas, n_types)
    path = tmp_path / "results.h5"
    create_results(path, campaign)
    dtype = row_dtype(campaign.n_turbines_max)
    problem_solution = solve(campaign.problem(0))
    if refined:
        start = problem_solution.aep / 1.0123
        problem_solution = dataclasses.replace(problem_solution, start_objective=start, evaluations=123_456)
    with open_writer(path, campaign) as writer:
        for config in campaign.configs[:: max(1, n_areas // 10)]:
            about = {"seconds": 0.1, "rank": 1, "launch": 0, "attempts": 1}
            writer.write_row(config.number, done_row(dtype, config, problem_solution, **about))
    lines = shown(status_view(summarise(open_reader(path), now=NOW), now=NOW)).splitlines()
    assert any("+1.23 % AEP over the starts" in line for line in lines) == refined
    assert (sum("+1.23" in line for line in lines) > 10) == refined
    assert max(map(len, lines)) <= 100
    assert len(lines) < 40
    assert sum(line.startswith("tender_area_") for line in lines) == min(n_areas, 20)
    assert any("and 180 areas more" in line for line in lines) == (n_areas == 200)
    assert not any("…" in line for line in lines)


# ---------------------------------------------------------------- verify


def test_sound_file_has_no_findings(path):
    seen = []
    assert found(path, progress=lambda n, total: seen.append((n, total))) == []
    assert seen == [(n, 8) for n in range(1, 9)]
    assert "8 rows checked, nothing wrong" in shown(verify_view([], 8))


def test_unfinished_file_has_no_findings(tmp_path, campaign, rows):
    path = tmp_path / "results.h5"
    create_results(path, campaign, now=NOW)
    assert found(path) == []
    path.unlink()
    write(path, campaign, rows, range(3), end=False)
    assert found(path) == []


@pytest.mark.parametrize("name", [column.name for column in schema.ROW_COLUMNS if column.name != "status"])
def test_flipped_bit_in_any_column_is_found(path, name):
    flip(path, name, 6)
    assert found(path) == [("strip_t15_s0", "checksum")]


def test_flipped_status_is_found(path):
    flip(path, "status", 6)  # done -> waiting
    assert found(path) == [("strip_t15_s0", "status")]
    flip(path, "status", FAILED)  # failed -> 3, which is no status
    assert found(path) == [("strip_t10_s1", "status"), ("strip_t15_s0", "status")]


@pytest.mark.parametrize("name", ["key", "seed", "n_turbines", "rated_power"])
def test_flipped_identity_of_a_waiting_row_is_found(tmp_path, campaign, rows, name):
    path = tmp_path / "results.h5"
    write(path, campaign, rows, range(3))
    flip(path, name, 6)
    assert found(path) == [("strip_t15_s0", "identity")]


@pytest.mark.parametrize(
    ("name", "entry", "what"),
    [
        ("config", 3, "coordinate"),
        ("wt", 1, "coordinate"),
        ("launch_number", 1000, "coordinate"),
        ("campaign_yaml", 0, "campaign"),
        ("map", 0, "structure"),
        ("map_copy", 0, "structure"),
        ("launch_host", 0, "launch"),
        ("launch_configs_done", 0, "launch"),
        ("launch_started", 2, "launch"),
        ("launch_versions", 1023, "launch"),
    ],
)
def test_flipped_bit_outside_the_rows_is_found(path, name, entry, what):
    flip(path, name, entry)
    assert ("", what) in found(path)


def test_flipped_bit_in_the_structure_is_found(path):
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"easting of the turbine", b"Easting of the turbine"))
    assert found(path) == [("", "structure")]


def test_comment_changed_in_the_campaign_text_is_found(path):
    flip(path, "campaign_yaml", 0, YAML.index("sea"))
    assert found(path) == [("", "structure"), ("", "campaign")]


def moved(path, number, **shift):
    """Positions of a row with its first turbine moved."""
    row = open_reader(path).rows[number]
    positions = {name: row[name].copy() for name in shift}
    for name, metres in shift.items():
        positions[name][0] += metres
    return positions


def test_turbine_outside_is_found(path, campaign):
    plant(path, campaign, 0, **moved(path, 0, x=-20000.0))
    kinds = found(path)
    assert set(kinds) >= {("west_t10_s0", "area"), ("west_t10_s0", "aep")}
    assert {key for key, _ in kinds} == {"west_t10_s0"}


def test_turbine_a_nanometre_too_far_out_is_found(path, campaign):
    row = open_reader(path).rows[0]
    x = row["x"].copy()
    x[0] = -2e-9
    plant(path, campaign, 0, x=x)
    details = [finding.detail for finding in verify(open_reader(path), aep=False) if finding.what == "area"]
    assert details[0] == "a turbine stands 2e-09 m outside area west"


def test_turbines_too_close_are_found(path, campaign):
    row = open_reader(path).rows[0]
    x, y = row["x"].copy(), row["y"].copy()
    x[1], y[1] = x[0] + 584.999, y[0]
    plant(path, campaign, 0, x=x, y=y, min_spacing=584.999)
    details = [
        finding.detail for finding in verify(open_reader(path), aep=False) if finding.what == "spacing"
    ]
    assert details == ["two turbines stand 584.999 m apart, 585 m are wanted"]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"aep": 300.0}, "aep"),
        ({"gross_aep": 300.0}, "aep"),
        ({"wake_loss": 0.5}, "wake_loss"),
        ({"min_spacing": 700.0}, "spacing"),
        ({"max_outside": 1.0}, "area"),
        ({"aep": np.nan}, "finite"),
        ({"start_aep": np.inf}, "finite"),
        ({"x": np.nan}, "layout"),
        ({"turbine_aep": np.inf}, "layout"),  # in the padding too
        ({"message": b"but it failed"}, "message"),
        ({"seed": 77}, "identity"),
        ({"key": b"west_t10_s0"}, "identity"),
        ({"rotor_diameter": 194.0}, "identity"),
    ],
)
def test_wrong_value_under_a_right_checksum_is_found(path, campaign, values, what):
    plant(path, campaign, 2, **values)
    assert is_committed(open_reader(path).rows).all()
    assert ("west_t15_s0", what) in found(path)


def test_wrong_energy_is_found_by_recomputing_only(path, campaign):
    row = open_reader(path).rows[2]
    factor = 1 + 1e-8
    names = ("aep", "gross_aep", "start_aep", "turbine_aep", "trace_aep")
    energies = {name: row[name] * factor for name in names}
    plant(path, campaign, 2, **energies)
    assert found(path, aep=False) == []
    assert found(path) == [("west_t15_s0", "aep"), ("west_t15_s0", "aep")]


def test_energies_of_two_turbines_swapped_are_found(path, campaign):
    energies = open_reader(path).rows["turbine_aep"][0].copy()
    assert energies[0] != energies[1]
    energies[[0, 1]] = energies[[1, 0]]
    plant(path, campaign, 0, turbine_aep=energies)
    assert found(path) == [("west_t10_s0", "aep")]


def traced(row, evaluations, shares):
    """Columns of a row that took as many evaluations: its trace has shares of its AEP."""
    points = np.full(N_POINTS, -1), np.full(N_POINTS, np.nan)
    points[0][: len(evaluations)], points[1][: len(shares)] = evaluations, np.multiply(shares, row["aep"])
    columns = dict(zip(("trace_evaluations", "trace_aep"), points, strict=True))
    return columns | {"start_aep": points[1][0], "evaluations": 9}


@pytest.mark.parametrize(
    ("evaluations", "shares"),
    [([1], [1]), ([1, 9], [0.9, 1]), ([1, 2, 2, 5, 9, 9], [0.9, 0.5, 1, 1.0001, 0.99, 1])],
)
def test_traces_of_searches_are_sound(path, campaign, evaluations, shares):
    plant(path, campaign, 2, **traced(open_reader(path).rows[2], evaluations, shares))
    assert found(path) == []


@pytest.mark.parametrize(
    ("evaluations", "shares", "more"),
    [
        ([], [], {"start_aep": 90.0}),
        ([1, 9], [0.9], {}),
        ([1], [0.9, 1], {}),
        ([1, -1, 9], [0.9, 0.95, 1], {}),
        ([1, -2], [0.9, 1], {}),
        ([1, 7, 6, 9], [0.9, 0.9, 0.9, 1], {}),
        ([1, 10], [0.9, 1], {}),
        ([1, 9], [0.9, 1], {"start_aep": 90.0}),
        ([1, 9], [0.9, 0.99], {}),
        ([1, 5, 9], [0.9, 1.5, 1], {}),
        ([1, 5, 9], [0.9, np.nan, 1], {}),
        ([1, 5, 9], [0.9, -np.inf, 1], {}),
    ],
)
def test_false_traces_are_found(path, campaign, evaluations, shares, more):
    plant(path, campaign, 2, **traced(open_reader(path).rows[2], evaluations, shares) | more)
    assert set(found(path)) == {("west_t15_s0", "trace")}


def test_a_result_worse_than_its_start_is_found(path, campaign):
    plant(path, campaign, 2, start_objective=open_reader(path).rows["objective"][2] * (1 + 1e-12))
    (finding,) = verify(open_reader(path))
    assert (finding.key, finding.what) == ("west_t15_s0", "objective")
    assert "less than that of the start" in finding.detail


@pytest.mark.parametrize(
    ("values", "what"),
    [({"message": b""}, "message"), ({"aep": 1.0}, "layout"), ({"trace_aep": 1.0}, "layout")],
)
def test_odd_failures_are_found(path, campaign, values, what):
    plant(path, campaign, FAILED, **values)
    assert found(path) == [("strip_t10_s1", what)]


def test_verify_lists_findings(path, campaign):
    plant(path, campaign, 2, wake_loss=0.5)
    findings = list(verify(open_reader(path)))
    text = shown(verify_view(findings, 8))
    assert "8 rows checked, 1 fault in 1 of them" in text
    assert "west_t15_s0  wake_loss" in text
    assert "and 1 more" in shown(verify_view(findings * 3, 8, most=2))


def test_single_turbine_has_no_neighbour(tmp_path):
    campaign = parse_campaign(YAML.replace("target_capacity_MW: 60", "n_turbines: 1"))
    path = tmp_path / "results.h5"
    create_results(path, campaign)
    row = done_row(
        row_dtype(1), campaign.configs[0], solve(campaign.problem(0)), seconds=0, rank=0, launch=0, attempts=1
    )
    with open_writer(path, campaign) as writer:
        writer.write_row(0, row)
    assert found(path) == []


# ---------------------------------------------------------------- diff


@pytest.fixture
def twin(tmp_path, campaign, rows):
    """The same campaign done by another launch."""
    target = tmp_path / "twin.h5"
    twins = [row.copy() for row in rows]
    for row in twins:
        row["rank"], row["launch"], row["attempts"], row["seconds"] = 7, 3, 2, 9.0
        seal(row)
    write(target, campaign, twins)
    return target


def difference(path, twin):
    return diff(open_reader(path), open_reader(twin))


def test_who_computed_it_makes_no_difference(path, twin):
    result = difference(path, twin)
    assert result.equal
    assert result.n_rows == 8
    assert "8 rows, no difference" in shown(diff_view(result))


def next_to(value):
    """The nearest other value of the same type."""
    if isinstance(value, bytes):
        return value + b"!"
    return np.nextafter(value, np.inf) if isinstance(value, float) else value + 1


@pytest.mark.parametrize(
    "name", [column.name for column in schema.ROW_COLUMNS if column.name not in (*IGNORED, "status")]
)
def test_difference_in_any_column_is_found(path, twin, campaign, name):
    row = open_reader(twin).rows[2].copy()
    value = row[name]
    place = name
    if np.ndim(value):
        last = np.flatnonzero(np.isfinite(value))[-1]
        place = f"{name}[{last}]"
        changed = value.copy()
        changed[last] = next_to(value[last])
    else:
        changed = next_to(value)
    plant(twin, campaign, 2, **{name: changed})
    result = difference(path, twin)
    assert (result.equal, result.n_differing, result.by_column) == (False, 1, {name: 1})
    (first,) = result.first
    assert first.key == "west_t15_s0"
    assert first.column == place
    assert first.a != first.b
    assert first.column in shown(diff_view(result))


def test_difference_in_status_is_found(path, tmp_path, campaign, rows):
    other = tmp_path / "other.h5"
    write(other, campaign, rows, [0, 1, 2, 3, 4, FAILED, 6])
    flip(other, "x", 1)
    result = difference(path, other)
    assert result.by_column == {"status": 2}
    assert [(d.key, d.column, d.a, d.b) for d in result.first] == [
        ("west_t10_s1", "status", "done", "damaged"),
        ("strip_t15_s1", "status", "done", "waiting"),
    ]
    assert result.to_json()["equal"] is False


def test_only_the_first_differences_are_listed(path, twin, campaign):
    for number in range(4):
        plant(twin, campaign, number, wake_loss=0.5, evaluations=99)
    result = diff(open_reader(path), open_reader(twin), n_first=3)
    assert (result.n_differing, result.by_column) == (4, {"wake_loss": 4, "evaluations": 4})
    assert [d.column for d in result.first] == ["wake_loss", "evaluations", "wake_loss"]
    assert "4 of 8 rows differ" in shown(diff_view(result))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("min_spacing_D: 3", "min_spacing_D: 4", "min_spacing_D"),
        ("seeds: [0, 1]", "seeds: [0, 1, 2]", "seeds"),
    ],
)
def test_files_of_two_campaigns_differ(path, tmp_path, old, new, key):
    other = tmp_path / "other.h5"
    create_results(other, parse_campaign(YAML.replace(old, new)))
    result = difference(path, other)
    assert not result.equal
    assert [change.key.split("[")[0] for change in result.changes] == [key]
    assert "different campaigns" in shown(diff_view(result))


def test_nothing_printed_steers_a_terminal():
    assert printable("a\x1b[2J\n\u202eø") == "a\\x1b[2J\\n\\u202eø"


def test_statuses_are_what_the_file_says():
    assert [status.value for status in Status] == [0, 1, 2]
