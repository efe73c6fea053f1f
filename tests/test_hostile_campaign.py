"""Campaign files made to harm: nothing is executed, fetched or waited for, no terminal is steered."""

import ast
import os
import re
import time
from pathlib import Path

import pytest
import yaml

import mpi_layout
from mpi_layout import cli
from mpi_layout.campaign import load_campaign, parse_campaign
from mpi_layout.errors import InputError
from mpi_layout.formats import safe_yaml
from mpi_layout.formats.safe_yaml import MOST_BYTES, MOST_VALUES

ESC, OVERRIDE, CSI = "\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}", "\x9b"


def refused(text, source="demo.yaml"):
    with pytest.raises(InputError) as error:
        parse_campaign(text, source)
    return str(error.value)


# ---------------------------------------------------------------- YAML

LIMIT = "a campaign has at most 250,000 values, those behind aliases counted each time"
LAUGHS = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 10))]
)
MERGES = "\n".join(
    ["a0: &a0 {x: 1}", *(f"a{k}: &a{k} {{<<: [{', '.join([f'*a{k - 1}'] * 10)}]}}" for k in range(1, 10))]
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/name:os.system\n", "column 4: !!python/name:os.system is refused: a campaign"),
        ("a: !!python/object/apply:os.system [ls]", "column 4: !!python/object/apply:os.system is refused"),
        ("a: 1\nb: [1, !x {c: 1}]", "line 2, column 8: !x is refused: a campaign has no tags"),
        ("a: !!int 'x'", "line 1, column 4: !!int is refused"),
        ("a: !!timestamp x", "line 1, column 4: !!timestamp is refused"),
        ("! {a: 1}", "line 1, column 1: ! is refused"),
        ("a: !<tag:evil,2024:x> 1", "line 1, column 4: tag:evil,2024:x is refused"),
        ("site: !include ../../etc/passwd", "line 1, column 7: !include is refused: a campaign has no tags"),
        ("areas: &a [*a]\n", "line 1, column 12: *a stands within itself"),
        ("a: &b {<<: *b}\n", "line 1, column 12: *b stands within itself"),
        ("a: *b\n", "line 1, column 4: no valid YAML: found undefined alias 'b'"),
        (LAUGHS, LIMIT),
        (MERGES, LIMIT),
        ("[" * 5000, "line 1, column 21: is nested too deeply for a campaign"),
        ("a: " + "{a: " * 5000, "is nested too deeply for a campaign"),
        ("- " * 5000, "line 1, column 41: is nested too deeply for a campaign"),
        ("a: " + "9" * 100_000, "line 1, column 4: a whole number of 100000 digits has no meaning here"),
        ("a: 2024-13-01\n", "line 1, column 4: 2024-13-01 cannot be read: month must be in 1..12"),
        (r'a: "\ud800"', r"line 1, column 4: \ud800 is half a character"),
        (r'"\udfff": 1', r"line 1, column 1: \udfff is half a character"),
        (r'a: "\UFFFFFFFF"', "line 1: no valid YAML: Python int too large"),
        (r'a: "\U00110000"', "line 1: no valid YAML: chr() arg not in range"),
        ("a: \ud800", "line 1, column 4: character 0xd800 is not allowed in YAML"),
        ("a: \0", "line 1, column 4: character 0x0 is not allowed in YAML"),
        ("%YAML " + "9" * 5000 + ".1\n---\na: 1", "line 1: no valid YAML: "),
    ],
)  # fmt: skip
def test_text_that_is_refused_at_its_place(text, message):
    found = refused(text)
    assert "\n" not in found
    assert found.startswith("demo.yaml: line ")
    assert message in found
    assert len(found) < 300


@pytest.mark.parametrize("most", [1000, pytest.param(MOST_VALUES, marks=pytest.mark.slow)])
def test_too_many_values_without_aliases(monkeypatch, most):
    monkeypatch.setattr(safe_yaml, "MOST_VALUES", most)
    text = "[" + "1," * (most + 1) + "]"
    assert refused(text).endswith(f"a campaign has at most {most:,} values")


def test_merge_keys_and_aliases_still_serve_an_honest_campaign(small_campaign_text):
    merged = small_campaign_text.replace("{name: t10, ", "&t {name: t10, ").replace(
        "{name: t15, rated_power_MW: 15, rotor_diameter_m: 240, hub_height_m: 150}",
        "{<<: *t, name: t15, rated_power_MW: 15, rotor_diameter_m: 240}",
    )
    assert parse_campaign(merged).turbine_types[1].hub_height_m == 121


def test_messages_stay_short():
    long = "k" * 200_000
    assert len(refused(f"? {long}\n: 1\n? {long}\n: 2\n")) < 2000
    many = "".join(f"key{i}: 1\n" for i in range(3000))
    lines = refused(many).splitlines()
    assert re.fullmatch("demo.yaml: 100[0-9] faults in the campaign", lines[0])
    assert re.fullmatch("  ... and 95[0-9] more", lines[-1])
    assert len(lines) == 52


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("min_spacing_D: 3", "min_spacing_D: 1e999", "min_spacing_D: wants a finite number, has inf"),
        ("min_spacing_D: 3", "min_spacing_D: " + "9" * 40, "min_spacing_D: wants at most 1e+06, has 9999"),
        ("n_turbines: 5", "n_turbines: 1000000000", "n_turbines: wants at most 100000, has 1000000000"),
        ("n_turbines: 5", "target_capacity_MW: 1e9", "target_capacity_MW: makes 100,000,000 turbines"),
        ("boundary_m: [[0, 0]", "boundary_m: [[1e300, 0]", "areas[0].boundary_m[0][0]: wants at most 1e+08"),
        ("grid: [8, 8]", "grid: [10000, 10000]", "start.grid: makes 100,000,000 points, wants at most"),
        ("rotor_diameter_m: 195", "rotor_diameter_m: 1e-200", "turbine_types[0].rotor_diameter_m: wants at"),
        ("weibull_k: [2,", "weibull_k: [1e300,", "site.weibull_k[0]: wants at most 50"),
        ("0.3, 0.3]", "1e308, 1e308]", "site.sector_probability[2]: wants at most 100"),
        ("name: small", "name: ../../../etc/cron.d/x", "name: wants letters, digits"),
        ("name: a", "name: a/b", "areas[0].name: wants letters, digits"),
        ("name: a", 'name: "a\\n"', "areas[0].name: wants letters, digits"),
        ("name: a", "name: .hidden", "areas[0].name: wants letters, digits"),
        ("name: a", "name: " + "a" * 65, "areas[0].name: wants at most 64 characters"),
    ],
)  # fmt: skip
def test_value_beyond_reason(small_campaign_text, old, new, message):
    assert old in small_campaign_text
    head, *lines = refused(small_campaign_text.replace(old, new, 1)).splitlines()
    assert head.startswith("demo.yaml: ")
    assert any(line.startswith(f"  {message}") for line in lines), lines


def test_too_many_pairs_and_configs(small_campaign_text):
    types = [
        {"name": f"t{i}", "rated_power_MW": 10, "rotor_diameter_m": 195, "hub_height_m": 121}
        for i in range(900)
    ]
    square = [[0, 0], [6000, 0], [6000, 6000], [0, 6000]]
    data = yaml.safe_load(small_campaign_text) | {
        "turbine_types": types,
        "areas": [{"name": f"a{i}", "boundary_m": square} for i in range(200)],
        "seeds": {"count": 1_000_000},
    }
    assert refused(yaml.safe_dump(data)).splitlines() == [
        "demo.yaml: 2 faults in the campaign",
        "  areas: make 180,000 pairs with the turbine types, wants at most 100,000",
        "  seeds: make 180,000,000,000 configs, wants at most 100,000,000",
    ]


def test_a_thousand_equal_polygons_are_not_half_a_million_lines(small_campaign_text):
    square = "[[0, 0], [6000, 0], [6000, 6000], [0, 6000]]"
    polygons = f"polygons_m: [&p {square}{', *p' * 999}]"
    lines = refused(small_campaign_text.replace(f"boundary_m: {square}", polygons)).splitlines()
    assert lines[0] == "demo.yaml: 20 faults in the campaign"
    assert lines[1] == "  areas[0].polygons_m[1]: overlaps polygons_m[0] by 3.6e+07 m2"


# ---------------------------------------------------------------- files


def test_a_pipe_is_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match=r"pipe\.yaml: is no regular file; wants a campaign file"):
        load_campaign(pipe)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(device):
    with pytest.raises(InputError, match=f"{device}: is no regular file"):
        load_campaign(device)


def test_a_huge_file_is_not_read(tmp_path):
    huge = tmp_path / "huge.yaml"
    with open(huge, "wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputError, match=r"huge\.yaml: is larger than 16 MiB"):
        load_campaign(huge)
    with pytest.raises(InputError, match="larger than 16 MiB"):
        parse_campaign("#" * (MOST_BYTES + 1))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_encodings_are_named(tmp_path, small_campaign_text, encoding):
    path = tmp_path / "wide.yaml"
    path.write_text(small_campaign_text, encoding)
    with pytest.raises(InputError, match="line 1: byte 0xff is not UTF-8"):
        load_campaign(path)


def test_a_campaign_is_never_its_own_results_file(small_campaign, capsys):
    text = small_campaign.read_text()
    for options in (["--fresh"], []):
        assert cli.main(["run", str(small_campaign), "-o", str(small_campaign), *options]) == 2
        assert "is the campaign itself; give another file with -o" in capsys.readouterr().err
    assert small_campaign.read_text() == text
    assert [path.name for path in small_campaign.parent.iterdir()] == [small_campaign.name]


# ---------------------------------------------------------------- terminals


def steers(text):
    """Whether a text, line ends aside, has a character that could steer a terminal."""
    return any(not c.isprintable() and c != "\n" for c in text)


@pytest.mark.parametrize(
    "text",
    [
        r'"\x1b[2J": 1',
        f'name: "x{OVERRIDE}y"',
        r'areas: [{name: "\e]0;title\a"}]',
        f"a: *{OVERRIDE}",
        r'"\x9b31m": 1',
        "a: !" + OVERRIDE + " 1",
        r'wake: {"\e[2J": 1, model: "\x9b2J", A: "\r\u2028"}',
        "seeds: '\N{LEFT-TO-RIGHT ISOLATE}5'",
    ],
)
def test_a_refused_campaign_steers_no_terminal(tmp_path, capsys, text):
    path = tmp_path / f"bad{OVERRIDE}{ESC}[2J.yaml"
    path.write_text(text, encoding="utf-8")
    assert cli.main(["check", str(path)]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("mpi-layout: error: ")
    assert r"bad\u202e\x1b[2J.yaml" in err
    assert not steers(out + err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", f"none{ESC}[2J.yaml"],
        ["check", f"{OVERRIDE}.yaml"],
        ["init", f"no-such-folder/{CSI}.yaml"],
        ["status", f"none{ESC}.h5"],
        ["diff", f"none{ESC}.h5", f"{ESC}"],
        ["run", "x.yaml", "--backend", f"{ESC}[2J"],
        ["run", "x.yaml", f"--{ESC}[2J"],
        ["run", "x.yaml", "--time-limit", f"{OVERRIDE}1"],
        [f"{ESC}c"],
    ],
)
def test_a_refused_command_line_steers_no_terminal(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert err
    assert not steers(out + err)


def test_a_written_campaign_steers_no_terminal(tmp_path, capsys):
    path = tmp_path / f"new{ESC}[2J.yaml"
    assert cli.main(["init", str(path)]) == 0
    assert path.exists()
    out, err = capsys.readouterr()
    assert r"new\x1b[2J.yaml written" in out
    assert not steers(out + err)


def test_a_time_limit_beyond_all_numbers(capsys):
    assert cli.main(["run", "x.yaml", "--time-limit", "9" * 400 + ":00:00"]) == 2
    assert "wants H:MM:SS" in capsys.readouterr().err


# ---------------------------------------------------------------- globs


@pytest.mark.parametrize(
    "glob", ["*a" * 400 + "b", "?*" * 450, "[!a]*" * 200, "*a*b" * 200, "[" * 1000, "[a-" * 300]
)
def test_no_glob_takes_long(small_campaign_text, glob):
    campaign = parse_campaign(small_campaign_text.replace("count: 3", "count: 5000"))
    started = time.process_time()
    with pytest.raises(InputError, match="no config matches"):
        campaign.select(glob)
    assert time.process_time() - started < 60  # a pattern that explodes would need years


def test_a_glob_longer_than_any_key(small_campaign_text):
    with pytest.raises(InputError, match="has 1,000,000 characters, wants at most 1,000"):
        parse_campaign(small_campaign_text).select("[" * 1_000_000)


# ---------------------------------------------------------------- code that could be a way in

PACKAGE = Path(mpi_layout.__file__).parent
RUNS_CODE = PACKAGE / "optimise" / "user_code.py"  # where the user has allowed it, see test_objective_code.py
EXECUTING_MODULES = {
    "pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "code",
    "codeop",
}
EXECUTING_NAMES = {"eval", "exec", "compile", "__import__", "load_module"}
EXECUTING_ATTRIBUTES = {
    "eval",
    "exec",
    "load_module",
    "unsafe_load",
    "full_load",
    "UnsafeLoader",
    "FullLoader",
}
# mpi4py pickles in the methods with lower-case names.
PICKLING = re.compile(
    r"i?(send|recv|bcast|scatter|gather|allgather|alltoall|reduce|allreduce|scan|exscan|sendrecv|ssend|bsend|mrecv"
    r"|mprobe|improbe)"
)


def trees():
    found = {path: ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}
    assert PACKAGE / "run.py" in found
    return found


def test_nothing_is_unpickled_or_evaluated():
    for path, tree in trees().items():
        names_allowed = {"exec", "compile"} if path == RUNS_CODE else set()
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name.split(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [(node.module or "").split(".")[0], *(alias.name for alias in node.names)]
            assert not EXECUTING_MODULES & set(names), f"{path}:{node.lineno} imports {names}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in EXECUTING_NAMES - names_allowed, (
                    f"{path}:{node.lineno} calls {node.func.id}"
                )
            if isinstance(node, ast.Attribute):
                assert node.attr not in EXECUTING_ATTRIBUTES, f"{path}:{node.lineno} uses {node.attr}"
            if isinstance(node, ast.keyword):
                assert node.arg not in ("allow_pickle", "shell"), (
                    f"{path}:{node.value.lineno} sets {node.arg}"
                )


def test_no_python_object_goes_over_the_wire():
    calls = set()
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            name, owner = node.func.attr, ast.unparse(node.func.value)
            calls.add(name)
            # np.logical_or.reduce, and what matplotlib calls its dots
            others = owner.startswith("np.") or f"{owner}.{name}" == "axes.scatter"
            pickles = PICKLING.fullmatch(name) and not others
            assert not pickles, f"{path}:{node.lineno} calls {owner}.{name}()"
    assert {"Send", "Recv", "Isend", "Ibcast"} <= calls, "the check looks at the wrong files"
