"""Random harm to a valid campaign: `check` answers, or refuses with one message; nothing else ever happens.

A thousand campaigns in the default suite, ten thousand in the slow one. The seed is printed; FUZZ_SEED=n
repeats a run.
"""

import contextlib
import copy
import io
import os
import random
import re
import time

import pytest
import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from mpi_layout import cli, estimate
from mpi_layout.campaign import parse_campaign

SEED = int(os.environ.get("FUZZ_SEED", random.SystemRandom().randrange(2**32)))
# In CPU time and far above what any takes: it is there for the one that never ends.
LIMIT_S = 20.0

BASE_TEXT = """\
name: small
description: 'two areas: "a" and b'
areas:
  - name: a
    description: |
      a square
    boundary_m: &square [[0, 0], [6000, 0], [6000, 6000], [0, 6000]]
  - name: b
    polygons_m:
      - [[10000, 0], [15000, 0], [15000, 7000], [10000, 6000]]
      - [[20000, 0], [25000, 0.5e1], [25000, 7000]]
    exclusions_m: [*square, [[12000, 100], [12100, 100], [12100, 200]]]
  - name: c
    circle_m: {centre: [40000, 0], radius: 4000}
    exclusion_circles_m: [{centre: [41000, 0], radius: 200}]
turbine_types:
  - &t10 {name: t10, rated_power_MW: 10, rotor_diameter_m: 195, hub_height_m: 121}
  - {<<: *t10, name: t15, rated_power_MW: 15, rotor_diameter_m: 240, hub_height_m: 150,
     min_spacing_D: {along: 4, across: 3, direction_deg: 240}}
seeds: {first: 0, count: 3}
n_turbines: 5
min_spacing_D: 3
site:
  lookup: nearest
  turbulence_intensity: 0.1
  wind_direction_deg: [0, 90, 180, 270]
  weibull_a_m_s: [9, 10, 11, 12]
  weibull_k: [2, 2, 2.1, 2.2]
  sector_probability: [0.2, 0.2, 0.3, 0.3]
neighbours:
  - {positions_m: [[-900, 0], [-900, 1000]], turbine_type: t10}
  - {positions_m: [[-2000, 0]], turbine_type: *t10, description: old}
  - {file: {other.csv: "x_m,y_m,turbine_type\\n-5000,0,t15\\n"}}
  - {results: {other.h5: {positions_m: [[-7000, 0]], turbine_type: *t10}}, key: c_t10_s0}
  - file:
      other.yaml:
        layouts: {coordinates: {x: [-9000, -9000], y: [0, 900]}, turbine_types: [0, 0]}
        turbine_types:
          0:
            name: theirs
            hub_height: 100
            rotor_diameter: 150
            performance:
              rated_power: 5.0e+6
              power_curve: {power_wind_speeds: [3, 12, 25], power_values: [0, 5.0e+6, 5.0e+6]}
              Ct_curve: {Ct_wind_speeds: [3, 12, 25], Ct_values: [0.8, 0.6, 0.1]}
wake: {model: TurbOPark, A: 0.04, c1: 1.5, c2: 0.8, ceps: 0.25, ct_limit: 0.999, disc_mean: pywake}
start: {method: smart_start, grid: [8, 8], best_percent: 30}
objective:
  price: {wind_direction_deg: [0, 180], wind_speed_m_s: [5, 15], per_MWh: [[50, 2], [4, -1]], negative: stop}
  file: {value.py: "def value(layout):\\n    return layout.value - layout.x.std()\\n"}
  function: value
refine:  # a preset, which gives way to its numbers
  preset: quick
  polish: &few 5  # steps
checkpoint: {interval_s: 0.2}
failures: {max_attempts: 3, max_failed: 5%, max_seconds: 600}
"""
BASE = yaml.safe_load(BASE_TEXT)
SITES = [
    BASE["site"],
    {
        "turbulence_intensity": [0.1, 0.08, 0.1],
        "wind_direction_deg": [0, 120, 240],
        "wind_speed_m_s": [6, 9, 13],
        "probability": [[0.2, 0.5, 0.3], [0.3, 0.5, 0.2], [0.1, 0.6, 0.3]],
        "sector_probability": [0.5, 0.3, 0.2],
        "flow_cases": {"direction_step_deg": 10, "wind_speeds_m_s": {"first": 5, "last": 15, "step": 0.5}},
        "shear_exponent": 0.1,
        "reference_height_m": 100,
        "air_density_kg_m3": 1.2,
    },
    {
        "turbulence_intensity": 0.1,
        "time_series": {
            "wind_direction_deg": [0, 10, 360],
            "wind_speed_m_s": [8, 9.5, 12],
            "weight": [1, 0, 2.5],
        },
    },
    {
        "time_series": {
            "file": {"wind.csv": "d,wind_speed_m_s,turbulence_intensity\n10,8,0.1\n20,,0.1\n350,11,0.2\n"},
            "columns": {"wind_direction_deg": "d"},
            "missing": "skip",
        }
    },
]
OBJECTIVES = [
    "aep",
    BASE["objective"],
    {"price": {"per_MWh": 30}},
    {"price": {"per_MWh": [30, -5, 10], "negative": "stop"}},
    {"price": {"column": "turbulence_intensity"}},
    {"price": {"wind_direction_deg": [0, 90], "per_MWh": [30, 5]}},
]
WAKES = [
    BASE["wake"],
    {"model": "Jensen", "k": 0.05, "induction": "momentum", "superposition": "max_sum"},
    {
        "model": "NiayifarGaussian",
        "k_constant": 0.01,
        "local_speed": True,
        "turbulence": {"model": "CrespoHernandez", "c0": 0.6, "c2": -0.03, "induction": "momentum"},
    },
]

# ---------------------------------------------------------------- harm to values

SOURCES = {  # written into the text as they are
    "@tag@": "!!python/object/apply:os.system [ls]",
    "@own tag@": "!x y",
    "@include@": "!include /etc/passwd",
    "@recursive@": "&loop [*loop]",
    "@recursive keys@": "&loop {a: *loop}",
    "@merge@": "{<<: {name: x}, <<: [{a: 1}, {b: 2}]}",
    "@no merge@": "{<<: 3}",
    "@unknown alias@": "*nowhere",
    "@huge@": "9" * 5000,
    "@infinite@": "1e999",
    "@octal@": "0o17",
    "@sexagesimal@": "1:30",
    "@date@": "2024-02-30",
    "@moment@": "2001-12-14t21:59:43.10-99:99",
    "@surrogate@": r'"\ud800"',
    "@no character@": r'"\U7fffffff"',
    "@controls@": r'"\e[2J\0\a\x9b\u202e\u2028"',
    "@equals@": "=",
    "@deep@": "[" * 60 + "]" * 60,
    "@laughs@": "[&l0 [1, 1], "
    + ", ".join(f"&l{k} [{', '.join([f'*l{k - 1}'] * 9)}]" for k in range(1, 9))
    + "]",
    "@key@": "? [a, b]\n: c",
}
HOSTILE = [
    None, True, False, 0, 1, -1, 2, 5, 12, 100, 2**31, 2**32, 2**63, 2**64, -(2**63) - 1, 10**30, 0.0, -0.0,
    0.5, 1e-320, 2.3e-308, 1e-162, 1e-155, 1e-9, 1e9, 1e300, -1e300, 1.7e308,
    float("inf"), float("-inf"), float("nan"),
    "", " ", "a", "t10", "a_b", "..", "../../x", "/etc/passwd", "-", "~", "null", "5%", "101%", "1e5%",
    "nearest", "x" * 70, "x" * 5000, "\x1b[2J", "\x00", "\n", "a\nb", "\x85", "\N{RIGHT-TO-LEFT OVERRIDE}",
    "\N{BYTE ORDER MARK}", "\N{ARABIC-INDIC DIGIT FIVE}",
    [], [[]], [[], []], [0], [0, 0], [0, 0, 0], [None], ["a"], list(range(2000)),
    {}, {"": 1}, {"a": 1}, {"first": 0}, {"count": 5}, {"first": 2**32 - 1, "count": 2}, {1: 2}, {None: 1},
    [[0, 0]], [[0, 0]] * 50, [[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [1, 0], [0, 1]],
    [[0, 0], [1, 1], [2, 2]], [[0, 0], [1e8, 0], [1e8, 1e8], [0, 1e8]], [[0, 0], [1e-300, 0], [0, 1e-300]],
    [[1e300, 0], [0, 1], [-1, 0]],
    *SOURCES,
]  # fmt: skip
KEYS = [
    "", "<<", "<list>", "<SeedRange>", "<SeriesSpec>", "<NOJSpec>", "name", "areas", "seeds", "count", "A",
    "boundary_m", "model", "1", "\x1b", "a\nb", "x" * 3000, *SOURCES,
]  # fmt: skip

values = st.one_of(
    st.sampled_from(HOSTILE),
    st.integers(),
    st.floats(width=64),
    st.text(st.characters(codec="utf-8"), max_size=8),
)


def paths(node, path=()):
    """Paths of all nodes below a node."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(inner):
        yield (*path, key)
        yield from paths(value, (*path, key))


@st.composite
def harmed_values(draw):
    """YAML text of the campaign after one to four replacements, deletions, repetitions or insertions."""
    kinds = {"site": SITES, "wake": WAKES, "objective": OBJECTIVES}
    sections = {key: draw(st.sampled_from(some)) for key, some in kinds.items()}
    data = copy.deepcopy({**BASE, **sections})
    for _ in range(draw(st.integers(1, 4))):
        every = list(paths(data))
        if not every:
            break
        harm(draw, data, every[draw(st.integers(0, len(every) - 1))])
    text = yaml.safe_dump(data, sort_keys=False, default_flow_style=draw(st.booleans()), width=10**6)
    for name, source in SOURCES.items():
        text = text.replace(f"'{name}'", source).replace(f'"{name}"', source)
    return text.encode("utf-8", "surrogatepass")


def harm(draw, data, path):
    *above, key = path
    for part in above:
        data = data[part]
    kind = draw(st.sampled_from(["replace", "replace", "delete", "repeat", "insert", "rename", "swap"]))
    if kind == "replace":
        data[key] = copy.deepcopy(draw(values))
    elif kind == "delete":
        del data[key]
    elif kind == "swap":
        other = draw(st.sampled_from(list(paths(data))))[0]
        data[key], data[other] = data[other], data[key]
    elif isinstance(data, list):
        new = copy.deepcopy(data[key] if kind == "repeat" else draw(values))
        data[key:key] = [new] * draw(st.sampled_from([1, 2, 50]))
    else:
        new = draw(st.sampled_from(KEYS))
        value = data.pop(key) if kind == "rename" else data[key] if kind == "repeat" else draw(values)
        data[new] = copy.deepcopy(value)


# ---------------------------------------------------------------- harm to text

PIECES = [
    *(source.encode() for source in SOURCES.values()),
    b"!!python/name:os.system ", b"!", b"&a ", b"*square ", b"&square ", b"<<: ", b"? ", b": ", b"- ", b"\t",
    b"\r", b"\r\n", b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8",
    b"\xf4\x90\x80\x80", b"---\n", b"...\n", b"%YAML 2.0\n---\n", b"%TAG ! tag:x:\n---\n", b"[" * 40,
    b"{" * 40, b"'", b'"', b"|", b">-\n", b'"\\', b"\\x", b"#", b"@", b"`", b"%", b"n_turbines: 5\n",
    b"  name: a\n", b"target_capacity_MW: 1e9\n",
]  # fmt: skip


@st.composite
def harmed_text(draw):
    """Bytes of the campaign after one to six flips, cuts, repetitions or insertions."""
    raw = bytearray(BASE_TEXT.encode())
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.sampled_from([0, 1, 2, 7, 80, 1000])))
        kind = draw(st.sampled_from(["flip", "cut", "repeat", "insert"]))
        if kind == "flip" and start < len(raw):
            raw[start] ^= draw(st.integers(1, 255))
        elif kind == "cut":
            del raw[start:end]
        elif kind == "repeat":
            raw[start:start] = raw[start:end] * draw(st.sampled_from([1, 3, 20]))
        elif kind == "insert":
            raw[start:start] = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=4)))
    return bytes(raw)


# ---------------------------------------------------------------- what must come of it

PLACE = re.compile(r"line \d+(, column \d+)?: .")
KEY_PATH = re.compile(r"  (\[\d+\]|\.?[\w-]+|\.?'.*?')+: .")
WHOLE = (
    "is larger than",
    "holds no campaign",
    "wants keys such as",
    "faults in the campaign",
    "1 fault in the ",
)


def answer(raw, path):
    """Exit code, standard output and standard error of `mpi-layout check` on these bytes."""
    path.write_bytes(raw)
    out, err = io.StringIO(), io.StringIO()
    started = time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(["check", str(path)])
    assert time.process_time() - started < LIMIT_S
    return code, out.getvalue(), err.getvalue()


def judge(raw, path):
    code, out, err = answer(raw, path)
    assert all(c.isprintable() or c == "\n" for c in out + err)
    if code == 0:
        assert err == ""
        campaign = parse_campaign(raw.decode("utf-8-sig"))
        assert campaign.problem(len(campaign.configs) - 1).n_turbines == campaign.configs[-1].n_turbines
        return
    assert code == 2
    assert out == ""
    head, *lines = err.splitlines()
    intro = f"mpi-layout: error: {path}: "
    assert head.startswith(intro)
    text = head.removeprefix(intro)
    assert PLACE.match(text) or any(words in text for words in WHOLE), text
    assert bool(lines) == ("in the campaign" in text and text.split()[1].startswith("fault"))
    for line in lines:
        place = PLACE.match(line.strip()) or KEY_PATH.match(line) or line.startswith("  ... and ")
        assert place, line
    assert len(err) < 20_000


@pytest.fixture(scope="module", autouse=True)
def no_config_is_solved():
    """What a config costs is not the question, and some of these would cost hours."""
    real = estimate.measure_cost
    estimate.measure_cost = lambda campaign: estimate.Cost(campaign.configs[0], 1.0, 1.0, "")
    yield
    estimate.measure_cost = real


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "campaign.yaml"


def test_the_unharmed_campaign_is_sound(path):
    code, out, err = answer(BASE_TEXT.encode(), path)
    assert (code, err) == (0, "")
    assert "18 = 3 areas x 2 turbine types x 3 seeds" in out


def fuzz(harmed, path, n):
    print(f"FUZZ_SEED={SEED}")

    @seed(SEED)
    @settings(
        max_examples=n, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck)
    )
    @given(harmed)
    def every(raw):
        judge(raw, path)

    every()


@pytest.mark.parametrize("harmed", [harmed_values(), harmed_text()], ids=["values", "text"])
def test_harmed_campaigns(path, harmed):
    fuzz(harmed, path, 200)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("harmed", [harmed_values(), harmed_text()], ids=["values", "text"])
def test_many_harmed_campaigns(path, harmed):
    fuzz(harmed, path, 5000)
