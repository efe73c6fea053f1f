"""How two results files differ, in GWh and in metres, also across campaigns."""

import io
import itertools
import json
import math

import numpy as np
import pytest
from rich.console import Console

from mpi_layout import cli
from mpi_layout.campaign import first_difference, parse_campaign
from mpi_layout.campaign.compare import Change, differences
from mpi_layout.commands.diff_tables import diff_view
from mpi_layout.compare.diff import Tolerance, diff
from mpi_layout.compare.moves import largest_move
from mpi_layout.errors import InputError
from mpi_layout.optimise.solve import solve
from mpi_layout.results.create import create_results
from mpi_layout.results.reader import open_reader
from mpi_layout.results.storage.row import done_row, failed_row, row_dtype, seal
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import locate

ABOUT = {"seconds": 0.1, "rank": 1, "launch": 0, "attempts": 1}


def make(path, campaign):
    """A results file with all configs done."""
    dtype = row_dtype(campaign.n_turbines_max)

    def fill(store):
        for config in campaign.configs:
            row = done_row(dtype, config, solve(campaign.problem(config.number)), **ABOUT)
            store.write_rows(config.number, row)

    create_results(path, campaign, fill=fill)


def plant(path, number, **values):
    """Change columns of a row and seal it again."""
    structure = locate(path)
    dtype = row_dtype(structure.n_turbines_max)
    with PlainStore(path, structure.extents, writable=True) as store:
        row = store.read_rows(dtype, number, number + 1)
        for name, value in values.items():
            row[name] = value
        seal(row)
        store.write_rows(number, row)


@pytest.fixture(scope="module")
def text(small_campaign_text):
    return small_campaign_text


@pytest.fixture(scope="module")
def other_text(text):
    """Area a is gone, c is new, b comes with another wind; type t20 is new; seeds in another order."""
    other = text.replace("  - name: a\n", "  - name: c\n")
    t20 = "  - {name: t20, rated_power_MW: 20, rotor_diameter_m: 270, hub_height_m: 170}"
    other = other.replace("turbine_types:\n", f"turbine_types:\n{t20}\n")
    return other.replace("{first: 0, count: 3}", "[7, 2, 0]").replace("[9, 10, 11, 12]", "[9, 10, 11, 13]")


@pytest.fixture(scope="module")
def made(tmp_path_factory, text, other_text):
    folder = tmp_path_factory.mktemp("diff")
    for name, content in (("a", text), ("b", other_text)):
        make(folder / f"{name}.h5", parse_campaign(content))
    return folder


@pytest.fixture
def files(tmp_path, made):
    """A file, its copy, and one of another campaign."""
    for name, source in (("a", "a"), ("twin", "a"), ("b", "b")):
        (tmp_path / f"{name}.h5").write_bytes((made / f"{source}.h5").read_bytes())
    return [tmp_path / f"{name}.h5" for name in ("a", "twin", "b")]


def compare(a, b, **options):
    return diff(open_reader(a), open_reader(b), **options)


def shown(difference, width=160):
    console = Console(file=io.StringIO(), width=width)
    console.print(diff_view(difference))
    return console.file.getvalue()


# ---------------------------------------------------------------- moves


def test_moves_are_those_of_the_best_matching():
    """Of all ways to match the turbines: no other oracle is needed."""
    seed = np.random.SeedSequence().entropy
    print("seed", seed)
    random = np.random.default_rng(seed)
    for n in (1, 2, 3, 5, 6):
        a, b = random.uniform(0, 5000, (2, n, 2))
        orders = [b[list(order)] for order in itertools.permutations(range(n))]
        best = min(orders, key=lambda order: ((a - order) ** 2).sum())
        assert largest_move(a, b) == pytest.approx(np.hypot(*(a - best).T).max(), rel=1e-12)
        assert largest_move(a, random.permutation(a)) == 0


def test_moves_of_thousands_of_turbines():
    random = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(np.arange(60.0), np.arange(50.0)), -1).reshape(-1, 2) * 1000
    moved = random.permutation(grid + np.array([3.0, 4.0]))
    assert largest_move(grid, moved) == pytest.approx(5)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([[0, 0]], [[0, 0], [1, 1]]),
        ([[0, np.nan]], [[0, 0]]),
        ([[0, np.inf]], [[0, 0]]),
        ([[0, 0], [1e300, 0]], [[-1e300, 0], [0, 1]]),
    ],
)
def test_what_cannot_be_matched(a, b):
    assert math.isnan(largest_move(np.array(a, float), np.array(b, float)))


# ---------------------------------------------------------------- campaigns


def test_campaigns_differ_by_name_not_by_place(text, other_text):
    one, other = parse_campaign(text), parse_campaign(other_text)
    changes = {change.key: (change.a, change.b, change.more) for change in differences(one, other)}
    assert changes["areas['a']"] == ("'a'", "missing", 0)
    assert changes["areas['c']"] == ("missing", "'c'", 0)
    assert changes["turbine_types['t20']"] == ("missing", "'t20'", 0)
    assert changes["site.weibull_a_m_s[3]"] == ("12.0", "13.0", 0)
    assert not any("t15" in key or "['b']" in key for key in changes)
    assert list(differences(one, one)) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("n_turbines: 5", "n_turbines: 6", Change("n_turbines", "5", "6")),
        ("[9, 10, 11, 12]", "[9, 1, 2, 3]", Change("site.weibull_a_m_s[1]", "10.0", "1.0", more=2)),
        ("[6000, 6000]", "[6000, 6001]", Change("areas['a'].boundary_m[2][1]", "6000.0", "6001.0")),
        (
            "diameter_m: 195",
            "diameter_m: 196",
            Change("turbine_types['t10'].rotor_diameter_m", "195.0", "196.0"),
        ),
    ],
)
def test_a_change_is_told(text, old, new, expected):
    one, other = parse_campaign(text), parse_campaign(text.replace(old, new))
    assert list(differences(one, other)) == [expected]
    assert first_difference(one, other) is not None


def test_another_order_is_a_difference(text):
    lines = text.splitlines()
    t10, t15 = (next(i for i, line in enumerate(lines) if f"name: {name}" in line) for name in ("t10", "t15"))
    lines[t10], lines[t15] = lines[t15], lines[t10]
    one, other = parse_campaign(text), parse_campaign("\n".join(lines))
    assert list(differences(one, other)) == [Change("order of turbine_types", "'t10', 't15'", "'t15', 't10'")]


# ---------------------------------------------------------------- across campaigns


def test_configs_of_two_campaigns_are_paired_by_key(files):
    a, _, b = files
    found = compare(a, b)
    ours, theirs = ({row["key"].decode(): row for row in open_reader(path).rows} for path in (a, b))
    common = [key for key in ours if key in theirs]
    assert common == ["b_t10_s0", "b_t10_s2", "b_t15_s0", "b_t15_s2"]
    assert (found.n_rows, found.n_only_a, found.n_only_b) == (4, 8, 14)
    assert not found.equal
    listed = list(found.configs())
    assert [config.key for config in listed] == common
    for config in listed:
        gap = theirs[config.key]["aep"] - ours[config.key]["aep"]
        assert config.difference == pytest.approx(gap, rel=1e-12)
        assert config.percent == pytest.approx(100 * gap / ours[config.key]["aep"], rel=1e-12)
    gaps = np.array([config.difference for config in listed])
    gap = found.gap
    assert (gap.n, gap.n_higher_b, gap.n_higher_a) == (4, 4, 0)
    assert gap.mean == pytest.approx(gaps.mean())
    assert gap.mean_percent == pytest.approx(100 * gaps.sum() / sum(ours[key]["aep"] for key in common))
    assert (gap.least, gap.least_key) == (gaps.min(), common[gaps.argmin()])
    assert (gap.most, gap.most_key) == (gaps.max(), common[gaps.argmax()])
    assert [(group.area, group.turbine_type, group.n) for group in found.gaps] == [
        ("b", "t10", 2),
        ("b", "t15", 2),
    ]
    assert found.gaps[1].mean == pytest.approx(gaps[2:].mean())


def test_only_so_many_first_differences_are_kept(files, monkeypatch):
    """However many columns of however many pieces of rows differ."""
    made = []
    monkeypatch.setattr("mpi_layout.compare.diff.rows_at_once", lambda dtype: 1)
    monkeypatch.setattr("mpi_layout.compare.diff._row_difference", lambda *about: made.append(about) or about)
    found = compare(files[0], files[2], n_first=1)
    assert len(found.first) == 1
    assert {about[0] for about in made} == {"b_t10_s0"}


def test_the_other_way_round_signs_change(files):
    a, _, b = files
    there, back = compare(a, b), compare(b, a)
    assert {c.key: c.difference for c in there.configs()} == {c.key: -c.difference for c in back.configs()}
    assert (there.n_only_a, there.n_only_b) == (back.n_only_b, back.n_only_a)


def test_campaigns_with_other_numbers_of_turbines(tmp_path, files, text):
    path = tmp_path / "more.h5"
    make(path, parse_campaign(text.replace("n_turbines: 5", "n_turbines: 7").replace("count: 3", "count: 1")))
    for found in (compare(files[0], path), compare(path, files[0])):
        assert found.n_rows == 4
        assert found.by_column["n_turbines"] == 4
        assert all(math.isnan(config.largest_move) for config in found.configs())
        assert "n_turbines" in shown(found)


def test_only_some_configs(files):
    a, _, b = files
    assert compare(a, b, only=["b_t15_*", "b_*_s0"]).n_rows == 3
    assert compare(a, b, only=["a_*"]).n_rows == 0
    with pytest.raises(InputError, match="no config matches"):
        compare(a, b, only=["nowhere"])


# ---------------------------------------------------------------- layouts


def test_layouts_in_another_order_have_not_moved(files):
    a, twin, _ = files
    x, y = (open_reader(a).rows[name][3][::-1] for name in ("x", "y"))
    plant(twin, 3, x=x, y=y)
    (config,) = compare(a, twin).configs()
    assert (config.key, config.largest_move, config.columns) == ("a_t15_s0", 0, ("x", "y"))
    assert compare(a, twin, tolerance=Tolerance(0, 0)).equal


@pytest.mark.parametrize(("move", "share"), [(0.0009, 0.9e-9), (0.0011, 0.9e-9), (0.0009, 1.1e-9)])
def test_what_is_rounding(files, move, share):
    a, twin, _ = files
    row = open_reader(a).rows[3]
    aep = row["aep"] * (1 + share)
    plant(twin, 3, x=row["x"] + [0, 0, move, 0, 0], aep=aep, objective=aep, evaluations=77)
    assert not compare(a, twin).equal
    found = compare(a, twin, tolerance=Tolerance())
    assert found.equal == (move < 0.001 and share < 1e-9)
    assert set(found.by_column) == ({"x", "y"} if move > 0.001 else set()) | (
        {"aep", "objective"} if share > 1e-9 else set()
    )
    assert compare(a, twin, tolerance=Tolerance(0.002, 1e-8)).equal


def test_states_are_counted(files, text):
    a, twin, _ = files
    campaign = parse_campaign(text)
    failed = failed_row(row_dtype(5), campaign.configs[2], "no room", **ABOUT)
    structure = locate(twin)
    with PlainStore(twin, structure.extents, writable=True) as store:
        store.write_rows(2, failed)
        store.write("aep", 5, np.array([1.0]))
    found = compare(a, twin)
    assert found.states == {("done", "failed"): 1, ("done", "damaged"): 1}
    assert found.by_column == {"status": 2}
    assert [(c.key, c.state_b, math.isnan(c.aep_b)) for c in found.configs()] == [
        ("a_t10_s2", "failed", True),
        ("a_t15_s2", "damaged", True),
    ]
    assert not compare(a, twin, tolerance=Tolerance(1e9, 1)).equal
    assert "1 done in a, failed in b" in shown(found)


def test_the_largest_differences_come_first(files):
    a, twin, _ = files
    rows = open_reader(a).rows
    for number, factor in ((1, 0.99), (4, 1.05), (9, 1.001)):
        plant(twin, number, aep=rows["aep"][number] * factor)
    plant(twin, 6, y=rows["y"][6] + 20)
    found = compare(a, twin)
    assert [config.key for config in found.largest(9)] == ["a_t15_s1", "a_t10_s1", "b_t15_s0", "b_t10_s0"]
    assert found.largest(4)[-1].largest_move == pytest.approx(20)
    assert (found.gap.n_higher_a, found.gap.n_higher_b) == (1, 2)
    text = shown(found)
    assert text.index("a_t15_s1", text.index("the largest")) < text.index(
        "b_t10_s0", text.index("the largest")
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e300, 1e300, 0.0])
def test_forged_rows(files, value):
    a, twin, _ = files
    for number, name in enumerate(("x", "aep", "objective")):
        plant(twin, number, **{name: value})
    for one, other in ((a, twin), (twin, a)):
        for options in ({}, {"tolerance": Tolerance()}):
            found = compare(one, other, **options)
            assert found.n_differing == 3
            json.dumps(found.to_json(), allow_nan=False)
            shown(found)


# ---------------------------------------------------------------- the command


def test_command(files, tmp_path, capsys):
    a, twin, b = map(str, files)
    assert cli.main(["diff", a, twin]) == 0
    assert capsys.readouterr().out == "12 rows, no difference\n"
    out = tmp_path / "changes.csv"
    assert cli.main(["diff", a, b, "--csv", str(out)]) == 1
    said = capsys.readouterr().out
    for part in (
        "different campaigns",
        "8 in a alone, 14 in b alone",
        "4 of 4 rows differ",
        "changes.csv: the 4",
    ):
        assert part in said
    table = np.genfromtxt(out, delimiter=",", names=True, dtype=None, encoding="utf-8")
    assert table["key"].tolist() == ["b_t10_s0", "b_t10_s2", "b_t15_s0", "b_t15_s2"]
    np.testing.assert_allclose(table["aep_b_GWh"] - table["aep_a_GWh"], table["difference_GWh"])
    assert cli.main(["diff", a, b, "--csv", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert cli.main(["diff", a, b, "--csv", str(out), "--force", "--only", "b_t10_s0"]) == 1
    assert len(out.read_text().splitlines()) == 2
    capsys.readouterr()
    assert cli.main(["diff", a, b, "--csv", "-"]) == 1
    assert capsys.readouterr().out.startswith("key,state_a")
    assert cli.main(["diff", a, b, "--csv", "-", "--json"]) == 2
    said = capsys.readouterr()
    assert (said.out, "one of them can have standard output" in said.err) == ("", True)


def test_command_with_tolerances(files, capsys):
    a, twin, _ = files
    plant(twin, 3, x=open_reader(a).rows["x"][3] + 0.5)
    assert cli.main(["diff", str(a), str(twin), "--tolerance", "0.6"]) == 0
    assert "none differs by more than 0.6 m or 1e-09 of the AEP" in capsys.readouterr().out
    assert cli.main(["diff", str(a), str(twin), "--aep-tolerance", "0.1"]) == 1
    assert "1 of 12 rows differ by more than 0.001 m or 0.1 of the AEP" in capsys.readouterr().out
    assert cli.main(["diff", str(a), str(twin), "--tolerance", "0.1", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["tolerance"] == {"move": 0.1, "aep": 1e-9}
    assert told["configs"][0]["largest_move"] == pytest.approx(0.5)
    for wrong in ("-1", "nan", "inf", "far"):
        assert cli.main(["diff", str(a), str(twin), f"--tolerance={wrong}"]) == 2
        assert "wants a number from 0 on" in capsys.readouterr().err
