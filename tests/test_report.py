"""mpi-layout report: the page, read as a browser reads it, compared with the file as h5py reads it."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
import yaml

from mpi_layout import cli, pictures
from mpi_layout.__main__ import main as program
from mpi_layout.campaign import parse_campaign
from mpi_layout.report import drawn, report
from mpi_layout.report.origin import AUTHOR, TITLE
from mpi_layout.results import launches
from mpi_layout.results.create import create_results
from mpi_layout.results.storage.row import Status, row_dtype, seal
from mpi_layout.results.storage.store import PlainStore
from mpi_layout.results.storage.structure import locate
from mpi_layout.wake.kernel.native import instruction_set

VOID = {"meta", "link", "img", "br", "hr"}
EVIL = '</pre></script><script>alert("x")</script><img src=x onerror=alert(1)>"\'&amp;<!--'


@dataclass
class Element:
    """Element of a page, with what is in it."""

    tag: str
    attributes: dict
    children: list = field(default_factory=list)

    def all(self, tag, **wanted):
        """Elements below, in order."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag and wanted.items() <= child.attributes.items():
                    found.append(child)
                found += child.all(tag, **wanted)
        return found

    @property
    def text(self):
        """Text in it."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @property
    def words(self):
        return " ".join(self.text.split())


class Strict(HTMLParser):
    """Makes elements of a page; every one of them has to be closed where it belongs."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert [element.tag for element in self._open] == [""]

    def handle_starttag(self, tag, attributes):
        assert len({name for name, _ in attributes}) == len(attributes), attributes
        element = Element(tag, dict(attributes))
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag):
        assert self._open.pop().tag == tag

    def handle_data(self, data):
        self._open[-1].children.append(data)


def made(file, *arguments):
    """The page of a results file."""
    target = file.with_suffix(".html")
    assert cli.main(["report", str(file), "-o", str(target), "--force", *arguments]) == 0
    return Strict(target.read_text()).root


def section(page, name):
    (found,) = page.all("section", id=name)
    return found


def table(page, title):
    """Heads, and for each row its cells."""
    (found,) = [t for t in page.all("table") if t.all("caption")[0].words == title]
    heads = [head.words for head in found.all("thead")[0].all("th")]
    rows = []
    for row in found.all("tbody")[0].all("tr"):
        cells = [cell for cell in row.children if isinstance(cell, Element)]
        assert len(cells) == len(heads)
        rows.append(dict(zip(heads, cells, strict=True)))
    return rows


def value(cell):
    return float(cell.attributes["data-value"])


def facts(element):
    return {d.all("dt")[0].words: d.all("dd")[0].words for d in element.all("div") if d.all("dt")}


def copy(results, tmp_path, name="small.h5"):
    return Path(shutil.copy(results.path, tmp_path / name))


def rewrite(path, change):
    """Let a function change all rows; they are sealed again, as by somebody who knows how."""
    structure = locate(path)
    with PlainStore(path, structure.extents, writable=True) as store:
        rows = store.read_rows(row_dtype(structure.n_turbines_max), 0, structure.n_configs)
        change(rows)
        seal(rows)
        store.write_rows(0, rows)


@pytest.fixture
def no_pictures(monkeypatch):
    """They take most of the time, and are not what these tests are about."""
    monkeypatch.setattr(drawn, "can_draw", lambda: False)


@pytest.fixture(scope="module")
def page(straight, tmp_path_factory):
    """The page of the small campaign: two areas, two turbine types, three seeds, all done."""
    return made(copy(straight, tmp_path_factory.mktemp("page")))


# ---------------------------------------------------------------- the page as such


def test_every_link_and_label_leads_somewhere(page):
    named = [
        e.attributes["id"] for tag in ("section", "main", "h2") for e in page.all(tag) if "id" in e.attributes
    ]
    assert len(set(named)) == len(named)
    links = [link.attributes["href"] for link in page.all("a")]
    assert len(links) >= 5
    assert {link.removeprefix("#") for link in links} <= set(named)
    contents = page.all("nav")[0].all("a")
    sections = page.all("section")
    assert [(a.words, a.attributes["href"]) for a in contents] == [
        (s.all("h2")[0].words, f"#{s.attributes['id']}") for s in sections
    ]
    for labelled in sections:
        assert labelled.attributes["aria-labelledby"] == labelled.all("h2")[0].attributes["id"]


def test_headings_tables_and_pictures_can_be_read_aloud(page):
    assert len(page.all("h1")) == 1
    assert page.all("html")[0].attributes["lang"] == "en"
    for one in page.all("section"):
        assert one.all("h2")
        assert not [empty for empty in one.all("h3") if not empty.words]
    for one in page.all("table"):
        assert one.all("caption")[0].words
        assert {head.attributes["scope"] for head in one.all("th")} == {"col", "row"}
    for one in page.all("img"):
        assert len(one.attributes["alt"]) > 20


def test_the_page_asks_for_nothing_and_runs_its_own_script_alone(page):
    text = [
        e.attributes.get(name)
        for tag in ("img", "link", "script", "a")
        for e in page.all(tag)
        for name in ("src", "href")
    ]
    assert all(address.startswith(("data:", "#")) for address in text if address)
    (script,) = page.all("script")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    (policy,) = [m for m in page.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.split(maxsplit=1) for rule in policy.attributes["content"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["img-src"] == "data:"
    (style,) = page.all("style")
    assert not re.search(r"@import|url\(|https?:", style.text)
    assert not re.search(r"https?:", script.text)


def max_key(results, area):
    """Key of the best layout of an area."""
    best = [columns for (name, _), columns in groups(results.path).items() if name == area]
    aep, keys = (np.concatenate([columns[name] for columns in best]) for name in ("aep", "key"))
    return keys[np.argmax(aep)].decode()


def test_pictures_are_whole(page, straight):
    found = page.all("img")
    titles = [heading.words for heading in page.all("h3")]
    assert [title for title in titles if title.startswith("Best layout of")] == [
        f"Best layout of {area}: {max_key(straight, area)}" for area in ("a", "b")
    ]
    assert {"Spread of AEP", "Map of the areas", "Who solved what"} <= set(titles)
    assert len(found) == 5
    for one in found:
        kind, data = one.attributes["src"].split(",", 1)
        assert kind == "data:image/svg+xml;base64"
        root = ElementTree.fromstring(base64.b64decode(data))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 20


@pytest.mark.usefixtures("no_pictures")
def test_the_same_page_each_time(straight, tmp_path, monkeypatch):
    file = copy(straight, tmp_path)
    monkeypatch.setattr("time.time", lambda: 1.8e9)
    for name in ("a.html", "b.html"):
        assert cli.main(["report", str(file), "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


# ---------------------------------------------------------------- numbers


def groups(path):
    """Columns of the done configs by area and turbine type, as h5py reads them."""
    with h5py.File(path) as file:
        n_configs = file["config"].shape
        columns = {name: file[name][()] for name in file if file[name].shape == n_configs}
    found = {}
    for area in dict.fromkeys(columns["area"]):
        for kind in dict.fromkeys(columns["turbine_type"]):
            here = (columns["area"] == area) & (columns["turbine_type"] == kind) & (columns["status"] == 1)
            found[area.decode(), kind.decode()] = {name: values[here] for name, values in columns.items()}
    return found


def test_energies_are_those_of_the_file(page, straight):
    energies = groups(straight.path)
    rows = table(page, "Best layouts")
    assert len(rows) == len(energies) == 4
    for row, columns in zip(rows, energies.values(), strict=True):
        best = np.argmax(columns["aep"])
        aep = columns["aep"]
        assert row["config"].words == columns["key"][best].decode()
        assert value(row["turbines"]) == columns["n_turbines"][best] == 5
        assert value(row["AEP GWh"]) == aep.max()
        assert row["AEP GWh"].words == f"{aep.max():,.3f}"
        assert value(row["median GWh"]) == np.median(aep)
        assert value(row["worst GWh"]) == aep.min()
        assert value(row["spread %"]) == pytest.approx(1 - aep.min() / aep.max(), abs=1e-12)
        assert value(row["done"]) == 3
        assert value(row["wake loss %"]) == columns["wake_loss"][best]
        assert row["wake loss %"].words == f"{100 * columns['wake_loss'][best]:.2f}"
        full = columns["n_turbines"][best] * columns["rated_power"][best] * 8.76  # GWh a year
        assert value(row["capacity factor %"]) == pytest.approx(aep.max() / full, rel=1e-12)
        assert value(row["min spacing m"]) == columns["min_spacing"][best]


def test_the_overview_has_a_cell_for_each_area_and_type(page, straight):
    rows = table(page, "Best AEP by area and turbine type")
    assert [row["area"].words for row in rows] == ["a", "b"]
    cells = {(row["area"].words, name): row[name] for row in rows for name in ("t10", "t15")}
    for place, columns in groups(straight.path).items():
        aep = columns["aep"]
        assert value(cells[place]) == aep.max()
        spread = f"{100 * (1 - aep.min() / aep.max()):.2f} %"
        assert cells[place].words == f"{aep.max():,.2f}{spread}, 3/3"
    shades = {place: cell.attributes["style"] for place, cell in cells.items()}
    assert {"--shade: 0%", "--shade: 100%"} <= set(shades.values())


def test_highlights_are_those_of_the_file(page, straight):
    header = page.all("header")[0]
    shown = facts(header)
    best = max(groups(straight.path).values(), key=lambda columns: columns["aep"].max())
    index = np.argmax(best["aep"])
    assert shown["Finished"] == "100 % 12 of 12 configs"
    assert shown["Best AEP"] == f"{best['aep'].max():,.1f} GWh {best['key'][index].decode()}"
    assert shown["Its wake loss"].startswith(f"{100 * best['wake_loss'][index]:.2f} %")
    assert "Refinement" not in shown
    assert (
        "12 done, 0 failed, 0 damaged, 0 waiting" in header.all("div", role="img")[0].attributes["aria-label"]
    )


def test_the_campaign_is_told(page):
    shown = facts(section(page, "campaign"))
    assert (
        shown["Configs"]
        == "2 areas \N{MULTIPLICATION SIGN} 2 turbine types \N{MULTIPLICATION SIGN} 3 seeds = 12"
    )
    assert shown["Seeds"] == "0 to 2"
    assert shown["Flow cases"] == "360 directions \N{MULTIPLICATION SIGN} 23 speeds, 3.0 to 25.0 m/s"
    assert shown["Turbulence intensity"] == "0.100"
    assert shown["Wake model"] == "TurbOPark"
    assert "Nygaard" in shown["Source of the wake model"]
    assert (shown["Objective"], shown["Refinement"]) == ("AEP", "none")
    areas = {row["area"].words: row for row in table(page, "Areas")}
    assert value(areas["a"]["surface km²"]) == pytest.approx(36)
    assert value(areas["b"]["surface km²"]) == pytest.approx(5 * 6.5)  # a trapezium
    assert [value(areas["b"][name]) for name in ("west to east km", "south to north km")] == [5, 7]
    assert areas["a"]["power density MW/km²"].words == "1.39 to 2.08"  # 50 and 75 MW
    types = {row["turbine type"].words: row for row in table(page, "Turbine types")}
    assert value(types["t15"]["specific power W/m²"]) == pytest.approx(15e6 / (np.pi * 120**2))
    assert value(types["t10"]["min spacing"]) == 3 * 195
    assert value(types["t10"]["capacity of a layout MW"]) == 50


def test_refinement_is_shown(small_campaign_text, tmp_path):
    path = tmp_path / "refined.yaml"
    path.write_text(small_campaign_text + "refine: {polish: 20}\n")
    results = tmp_path / "refined.h5"
    assert cli.main(["run", str(path), "-o", str(results), "--only", "a_*"]) == 0
    page = made(results)
    (a10, a15) = (columns for (area, _), columns in groups(results).items() if area == "a")
    for row, columns in zip(table(page, "Best layouts"), (a10, a15), strict=True):
        best = np.argmax(columns["aep"])
        assert value(row["over its start %"]) == pytest.approx(
            columns["aep"][best] / columns["start_aep"][best] - 1, abs=1e-12
        )
    gains = np.concatenate([columns["aep"] / columns["start_aep"] - 1 for columns in (a10, a15)])
    assert gains.max() > 0
    assert facts(page.all("header")[0])["Refinement"].startswith(f"{100 * gains.mean():+.2f} %")
    assert facts(section(page, "campaign"))["Refinement"] == "polish 20 (evaluations)"
    titles = [heading.words for heading in page.all("h3")]
    assert {"Gain of refinement", "How searches went"} <= set(titles)


@pytest.mark.usefixtures("no_pictures")
def test_the_best_is_that_of_the_objective(small_campaign_text, tmp_path):
    # Energy is worth something in winds from the north alone.
    price = "objective: {price: {wind_direction_deg: [0, 90, 180, 270], per_MWh: [100, 1, 1, 1]}}\n"
    path, results = tmp_path / "price.yaml", tmp_path / "price.h5"
    path.write_text(small_campaign_text.replace("count: 3", "count: 4") + price)
    assert cli.main(["run", str(path), "-o", str(results), "--only", "a_t15_*"]) == 0
    page, columns = made(results), groups(results)["a", "t15"]
    objective, aep = columns["objective"], columns["aep"]
    best = np.argmax(objective)
    assert best != np.argmax(aep)
    (row,) = table(page, "Best layouts")
    assert row["config"].words == columns["key"][best].decode()
    figures = [value(row[name]) for name in ("objective", "median", "worst", "AEP GWh")]
    assert figures == [objective.max(), np.median(objective), objective.min(), aep[best]]
    assert value(row["spread %"]) == pytest.approx(1 - objective.min() / objective.max(), abs=1e-12)
    assert facts(page.all("header")[0])["Its AEP"].startswith(f"{aep[best]:,.1f} GWh")
    (cell,) = (
        row["t15"]
        for row in table(page, "AEP of the layouts with the highest objective, by area and turbine type")
        if row["area"].words == "a"
    )
    assert value(cell) == aep[best]


# ---------------------------------------------------------------- campaigns in all states


@pytest.mark.usefixtures("no_pictures")
def test_nothing_done_yet(small_campaign_text, tmp_path):
    path = tmp_path / "none.h5"
    create_results(path, parse_campaign(small_campaign_text))
    page = made(path)
    assert "No config is done" in section(page, "results").words
    assert not page.all("img", alt="")
    assert "No launch has worked on it yet." in section(page, "launches").words
    assert [value(row["waiting"]) for row in table(page, "Configs by area and turbine type")] == [3] * 4
    assert facts(page.all("header")[0])["Finished"] == "0 % 0 of 12 configs"


@pytest.mark.usefixtures("no_pictures")
def test_all_failed(straight, tmp_path):
    path = copy(straight, tmp_path)

    def fail(rows):
        rows["status"], rows["message"] = Status.FAILED, b"no room for turbine 3"

    rewrite(path, fail)
    page = made(path)
    failures = section(page, "failures")
    assert [row["config"].words for row in table(failures, "Failed configs")] == straight.keys
    assert [(value(row["configs"]), row["reason"].words) for row in table(failures, "Reasons")] == [
        (12, "no room for turbine 3")
    ]
    assert "No config is done" in section(page, "results").words


@pytest.mark.usefixtures("no_pictures")
def test_half_done_damaged_and_lost(straight, tmp_path):
    path = copy(straight, tmp_path)
    structure = locate(path)
    dtype = row_dtype(structure.n_turbines_max)
    with PlainStore(path, structure.extents, writable=True) as store:
        rows = store.read_rows(dtype, 0, 12)
        rows["status"][:5] = Status.WAITING
        rows["aep"][7] *= 2  # its checksum does not hold any more
        store.write_rows(0, rows)
        entry = launches.new_launch(
            ranks=65, host="node17", pid=4, scheduler_id="job9", versions="x=1", now=1e9
        )
        launches.enter(store, entry)
    page = made(path)
    label = page.all("header")[0].all("div", role="img")[0].attributes["aria-label"]
    assert label == "Of 12 configs: 6 done, 0 failed, 1 damaged, 5 waiting"
    assert straight.keys[7] in section(page, "failures").words
    first, second = table(page, "All launches")
    assert first["how it ended"].words == "complete"
    assert value(first["configs"]) == 12
    assert second["how it ended"].words == "lost, last heard of 2001-09-09 01:46:40"
    assert (value(second["ranks"]), second["rank 0 on"].words, second["job"].words) == (
        65,
        "node17:4",
        "job9",
    )
    assert value(table(page, "Best layouts")[0]["done"]) == 1  # of a_t15; of a_t10 nothing is left


@pytest.mark.usefixtures("no_pictures")
def test_some_configs_alone(straight, tmp_path):
    page = made(copy(straight, tmp_path), "--only", "a_t10_*", "--only", "b_t10_s[01]")
    assert [value(row["done"]) for row in table(page, "Best layouts")] == [3, 2]
    header = page.all("header")[0]
    assert "5 done" in header.all("div", role="img")[0].attributes["aria-label"]
    assert facts(header)["Finished"] == "100 % 5 of 5 configs"
    assert "a_t10_*" in header.words


# ---------------------------------------------------------------- files from anybody


def test_all_text_stays_text(straight, small_campaign_text, tmp_path):
    """Whatever stands in names, messages, launches and the campaign: it is shown and does nothing."""
    text = small_campaign_text.replace(
        "name: small\n", f"name: small\ndescription: {json.dumps(EVIL)}\n# {EVIL}\n"
    )
    text = text.replace("name: a\n", f"name: a\n    description: {json.dumps(EVIL)}\n")
    path = tmp_path / f"{EVIL[9:30].replace('/', '')}.h5"
    create_results(path, parse_campaign(text))
    structure = locate(path)
    with PlainStore(path, structure.extents, writable=True) as store:
        rows = store.read_rows(row_dtype(structure.n_turbines_max), 0, 12)
        rows["status"], rows["message"] = Status.FAILED, EVIL.encode()
        for name in ("key", "area", "turbine_type"):
            rows[name] = EVIL.encode()[:60]
        rows["message"][3] = b"\x1b[2J\x00\xff\xe2\x80\xae" + EVIL.encode()
        seal(rows)
        store.write_rows(0, rows)
        entry = launches.new_launch(
            ranks=1, host=EVIL[:60], pid=1, scheduler_id=EVIL[:60], versions=EVIL, now=1e9
        )
        launches.end(store, launches.enter(store, entry), entry, EVIL[:120], 1, 1e9 + 5)
    target = tmp_path / "page.html"
    assert cli.main(["report", str(path), "-o", str(target)]) == 0
    source = target.read_text()
    page = Strict(source).root
    assert len(page.all("script")) == 1
    assert [image.attributes["alt"] for image in page.all("img")] == ["Map of the areas a, b"]
    assert all(c.isprintable() or c == "\n" for c in source)
    assert page.all("p")[1].words == " ".join(EVIL.split())  # the description
    reasons = [row["reason"].words for row in table(page, "Failed configs")]
    assert reasons[0] == EVIL
    assert table(page, "All launches")[0]["how it ended"].words == EVIL[:120]
    (campaign,) = page.all("details")
    assert campaign.all("pre")[0].text.strip() == text.strip()
    assert EVIL[:60] in facts(section(page, "origin"))["Hosts of rank 0"]


@pytest.mark.parametrize("forged", [np.nan, np.inf, -np.inf, 1e300, -1.0, 0.0])
def test_rows_may_hold_any_number(straight, tmp_path, monkeypatch, forged):
    with_pictures = forged == np.inf
    monkeypatch.setattr(drawn, "can_draw", lambda: with_pictures)
    path = copy(straight, tmp_path)

    def forge(rows):
        for name in rows.dtype.names:
            if rows.dtype[name].base.kind == "f" and name not in ("rotor_diameter", "rated_power"):
                rows[name][2:9] = forged
            if rows.dtype[name].base.kind == "i" and name not in ("seed", "n_turbines"):
                rows[name][2:9] = np.iinfo(rows.dtype[name].base).min

    rewrite(path, forge)
    page = made(path)
    assert len(table(page, "Best layouts")) == 4
    for cell in page.all("td"):
        assert not re.search(r"nan|inf", cell.words), cell.words
        assert len(cell.words) < 200


@pytest.mark.usefixtures("no_pictures")
def test_launches_may_hold_any_number(straight, tmp_path):
    path = copy(straight, tmp_path)
    with PlainStore(path, locate(path).extents, writable=True) as store:
        for now, end in ((1e300, -1e300), (1e18, np.inf), (5.0, 1.0)):
            entry = launches.new_launch(ranks=-5, host="h", pid=-1, scheduler_id="", versions="v", now=now)
            launches.end(store, launches.enter(store, entry), entry, "over", -7, end)
    rows = table(made(path), "All launches")
    assert [row["started UTC"].words for row in rows[1:]] == ["unknown", "unknown", "1970-01-01 00:00:05"]


def test_a_file_that_is_none_is_refused(tmp_path, capsys):
    for name, content in (("empty.h5", b""), ("odd.h5", b"x" * 5000)):
        (tmp_path / name).write_bytes(content)
        assert cli.main(["report", str(tmp_path / name), "-o", str(tmp_path / "x.html")]) == 2
        assert name in capsys.readouterr().err
    assert cli.main(["report", str(tmp_path / "missing.h5"), "-o", str(tmp_path / "x.html")]) == 2
    assert not list(tmp_path.glob("*x.html*"))


# ---------------------------------------------------------------- getting it again


@pytest.mark.usefixtures("no_pictures")
def test_the_commands_on_the_page_compute_the_file_again(straight, tmp_path, monkeypatch, capsys):
    """A shell reads them as they stand there, with a file whose name it would misread; the words are run."""
    path = copy(straight, tmp_path, "two words & 'one'.h5")
    (commands, _) = section(made(path), "origin").all("pre")[:2]
    programs = tmp_path / "bin"
    programs.mkdir()
    said = tmp_path / "said"
    for name, does in {
        "mpi-layout": f"""printf '%s\\0' "$@" >>'{said}'; printf '\\n\\0' >>'{said}'""",
        "python3": f'exec "{sys.executable}" "$@"',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'export PATH="{programs}:$PATH"\n{commands.text}'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    for words in said.read_text().split("\n\0")[:-1]:
        assert cli.main(words.split("\0")[:-1]) == 0, words
    assert capsys.readouterr().out.splitlines()[-1] == "12 rows, no difference"
    again = tmp_path / "two words & 'one'.again.yaml"
    assert again.read_text() == straight.campaign_text


def test_origin_is_that_of_the_file(page, straight):
    shown = facts(section(page, "origin"))
    with h5py.File(straight.path) as file:
        assert shown["Campaign digest (SHA-256)"] == file.attrs["campaign_digest"]
        text = file["campaign_yaml"][()]
        assert shown["Created"] == file.attrs["created"]
        assert f"numpy {file.attrs['version_numpy']}" in shown["Created with"]
    assert shown["Campaign text (SHA-256)"] == hashlib.sha256(text).hexdigest()
    assert shown["File"] == f"small.h5, {straight.path.stat().st_size:,} bytes"
    assert shown["Ranks"] == "1"
    assert f"kernel {instruction_set()}" in shown["Versions of the launches"]
    assert section(page, "origin").all("details")[0].all("pre")[0].text == text.decode()


def test_the_citation_is_that_of_the_repository(page):
    path = Path(__file__).parents[1] / "CITATION.cff"
    if not path.exists():
        pytest.skip("not beside the repository")
    cited = yaml.safe_load(path.read_text())
    assert [author["name"] for author in cited["authors"]] == [AUTHOR]
    abstract = cited["abstract"].removesuffix(".")
    assert f"{cited['title']}: {abstract[0].lower()}{abstract[1:]}" == TITLE
    assert TITLE in section(page, "origin").all("pre")[1].text


# ---------------------------------------------------------------- the command


@pytest.mark.usefixtures("no_pictures")
def test_nothing_is_replaced_unasked(straight, tmp_path, monkeypatch, capsys):
    file = copy(straight, tmp_path)
    before = file.read_bytes()
    monkeypatch.chdir(tmp_path)
    assert cli.main(["report", "small.h5"]) == 0
    assert capsys.readouterr().out == "small.html: open it in a browser\n"
    (tmp_path / "small.html").write_text("mine")
    assert cli.main(["report", "small.h5"]) == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "small.html").read_text() == "mine"
    assert cli.main(["report", "small.h5", "--force"]) == 0
    assert cli.main(["report", "small.h5", "--force"]) == 0  # a page, though it tells of a results file
    assert cli.main(["report", "small.h5", "--force", "-o", "small.h5"]) == 2
    assert "wants a name that ends in .html" in capsys.readouterr().err
    assert cli.main(["report", "small.h5", "--only", "z*", "-o", "z.html"]) == 2
    assert "no config matches" in capsys.readouterr().err
    assert file.read_bytes() == before
    assert sorted(f.name for f in tmp_path.iterdir()) == ["small.h5", "small.html"]


def test_ctrl_c_leaves_nothing(straight, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "make_page", interrupted)
    assert program(["report", str(straight.path), "-o", str(tmp_path / "page.html")]) == 75
    assert capsys.readouterr().err == "mpi-layout: stopped by Ctrl-C\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_pictures")
def test_standard_output(straight, capsys):
    assert cli.main(["report", str(straight.path), "-o", "-"]) == 0
    assert Strict(capsys.readouterr().out).root.all("h1")[0].words == "small"


def test_without_matplotlib(straight, tmp_path, monkeypatch):
    # As if it were not installed: neither found nor to be imported.
    monkeypatch.setattr(pictures, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = made(copy(straight, tmp_path))
    assert not page.all("img")
    assert "pip install 'mpi-layout[plot]'" in section(page, "results").words
    assert len(table(page, "Best layouts")) == 4
