"""Files that a campaign names: their content takes the place of their names, and nothing else changes."""

import datetime
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpi_layout.campaign.included import names_files, with_files
from mpi_layout.errors import InputError
from mpi_layout.formats.safe_yaml import inline_yaml, load_yaml

TURBINE = """\
# a comment in the turbine's file
name: IEA 15 MW  # with blanks
hub_height: 150.0
performance: {rated_power: 15e6, Ct_curve: {Ct_values: [0.8, 0.8, 1e-5], Ct_wind_speeds: [3, 11, 25]}}
release: 2020-07-01
"""
CONTENT = {
    "name": "IEA 15 MW",
    "hub_height": 150.0,
    "performance": {
        "rated_power": 15e6,
        "Ct_curve": {"Ct_values": [0.8, 0.8, 1e-5], "Ct_wind_speeds": [3, 11, 25]},
    },
    "release": datetime.date(2020, 7, 1),
}
INLINE = {"iea15.yaml": CONTENT}


@pytest.fixture
def expand(tmp_path):
    """Expand a campaign's text that lies beside iea15.yaml."""
    (tmp_path / "iea15.yaml").write_text(TURBINE)

    def expand(text):
        return with_files(text, str(tmp_path / "campaign.yaml"))

    return expand


def values(text):
    data, repeated = load_yaml(text, "campaign")
    assert not repeated
    return data


@pytest.mark.parametrize(
    "entry",
    [
        "- {name: t15, file: iea15.yaml}",
        "- {file: iea15.yaml, name: t15}",
        '- {"name":"t15","file":"iea15.yaml"}',
        "- name: t15\n    file: iea15.yaml  # a comment",
        "- name: t15\n    file: 'iea15.yaml'",
        "- name: t15\n    file: >-\n      iea15.yaml",
        "- file:\n      iea15.yaml\n    name: t15",
        "- file: &f iea15.yaml\n    name: t15",
    ],
)
def test_content_stands_in_the_place_of_the_name(expand, entry):
    before, after = "# first\nname: demo\nturbine_types:\n  ", "\n  # last\nseeds: [1]  # one\n"
    text, faults = expand(before + entry + after)
    assert faults == []
    assert values(text) == {"name": "demo", "turbine_types": [{"name": "t15", "file": INLINE}], "seeds": [1]}
    assert text.startswith(before)
    assert text.endswith(after)


def test_anchors_aliases_and_merge_keys(expand):
    text, faults = expand(
        "turbine_types:\n- &t {name: a, file: iea15.yaml}\n- {<<: *t, name: b}\n- {<<: [*t], name: c}\n- *t\n"
    )
    assert faults == []
    assert text.count("IEA 15 MW") == 1
    assert [(t["name"], t["file"]) for t in values(text)["turbine_types"]] == [
        ("a", INLINE),
        ("b", INLINE),
        ("c", INLINE),
        ("a", INLINE),
    ]


def test_several_files_and_lines_stay_where_they_were(expand, tmp_path):
    (tmp_path / "below").mkdir()
    other = tmp_path / "below" / "a b, {c}.yaml"
    other.write_text("name: other\n")
    asked = (
        "turbine_types:\n- {name: a, file: iea15.yaml}\n"
        f"- {{name: b, file: 'below/a b, {{c}}.yaml'}}\n- {{name: c, file: '{other}'}}\nlast: here\n"
    )
    text, faults = expand(asked)
    assert faults == []
    types = values(text)["turbine_types"]
    assert types[1]["file"] == {"below/a b, {c}.yaml": {"name": "other"}}
    assert types[2]["file"] == {str(other): {"name": "other"}}
    assert [line.split("file")[0] for line in text.splitlines()] == [
        line.split("file")[0] for line in asked.splitlines()
    ]


def test_what_is_in_the_text_already_is_not_read_again(expand, tmp_path):
    text, _ = expand("turbine_types: [{name: a, file: iea15.yaml}]\n")
    (tmp_path / "iea15.yaml").unlink()
    assert not names_files(values(text))
    assert expand(text) == (text, [])


@pytest.mark.parametrize(
    "text",
    [
        "turbine_types: [{name: a}]",
        "turbine_types: [{file: 3}, {file: null}, {file: [iea15.yaml]}, iea15.yaml]",
        "turbine_types: {file: iea15.yaml}",
        "file: iea15.yaml\nareas: [{file: iea15.yaml}]",
    ],
)
def test_only_certain_keys_name_files(expand, text):
    assert not names_files(values(text))
    assert expand(text) == (text, [])


def test_each_file_that_cannot_be_had_is_a_fault_at_its_place(expand, tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "tag.yaml").write_text("a: !include iea15.yaml\n")
    (tmp_path / "twice.yaml").write_text("a: 1\na: 2\n")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9\n")
    wanted = {
        "none.yaml": "there is no such turbine file",
        ".": "is a directory; wants a turbine file",
        "pipe.yaml": "is no regular file; wants a turbine file",
        "/dev/zero": "is no regular file; wants a turbine file",
        "tag.yaml": "line 1, column 4: !include is refused: a turbine has no tags",
        "twice.yaml": "line 2, column 1: key 'a' is given twice, first in line 1",
        "latin.yaml": "line 1: byte 0xe9 is not UTF-8; wants a text file in UTF-8",
        "https://example.org/t.yaml": "there is no such turbine file",
    }
    entries = "".join(f"- {{name: t, file: '{name}'}}\n" for name in wanted)
    text, faults = expand(f"turbine_types:\n{entries}- {{name: t, file: iea15.yaml}}\n")
    for i, (fault, (name, message)) in enumerate(zip(faults, wanted.items(), strict=True)):
        assert fault.path == ("turbine_types", i, "file")
        assert fault.text == f"{os.path.join(tmp_path, name)}: {message}"
    assert text.count("IEA 15 MW") == 1


@pytest.mark.parametrize("name", [r'"a\0b"', r'"\e[2J"', '""', '"' + "a" * 5000 + '"'])
def test_names_that_are_none(expand, name):
    _, (fault,) = expand(f"turbine_types: [{{file: {name}}}]")
    assert fault.text.endswith("is no name of a file")
    assert fault.text.isprintable()


def test_much_text_behind_aliases_does_not_fill_the_memory(expand, tmp_path):
    aliases = ", ".join(["*a"] * 20_000)
    (tmp_path / "iea15.yaml").write_text(f"a: &a {'x' * 10_000}\nb: [{aliases}]\n")
    with pytest.raises(InputError, match=r"campaign\.yaml: with the files .* larger than 16 MiB"):
        expand("turbine_types: [{name: a, file: iea15.yaml}]")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(plain)
def test_inline_values_are_read_back_as_they_were(value):
    line = inline_yaml({"key": value})
    assert len(line.splitlines()) == 1
    assert values(f"in block: {line}\nin flow: [{line}, {{a: {line}, b: 1}}]\n") == {
        "in block": {"key": value},
        "in flow": [{"key": value}, {"a": {"key": value}, "b": 1}],
    }


@pytest.mark.parametrize(
    "text", ["1e6", "010", "1:30", "yes", "~", "=", "2024-01-31", "1_000", "<<", "- a", "#"]
)
def test_text_stays_text(text):
    assert values(f"a: {inline_yaml({text: text})}")["a"] == {text: text}
