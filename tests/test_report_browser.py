"""The page of `report` in a browser: headless Chromium, as Debian's chromium and chromium-driver have it."""

import base64
import json
import shutil

import pytest

from mpi_layout import cli

pytestmark = pytest.mark.browser

# A browser that asks nobody for anything, not even for news of itself.
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DESKTOP, PHONE = (1280, 800), (390, 844)
LIMIT_S = 120


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium, with logs of its console and of all that it asks for."""
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for word in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_page_load_timeout(LIMIT_S)
    driver.set_script_timeout(LIMIT_S)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory, small_campaign_text):
    """Address of the page of a refined campaign with failures: 2 areas, 2 turbine types, 4 seeds."""
    folder = tmp_path_factory.mktemp("page")
    text = small_campaign_text.replace("count: 3", "count: 4") + "refine: {polish: 5}\n"
    text = text.replace("[6000, 0], [6000, 6000], [0, 6000]", "[2600, 0], [2600, 2600], [0, 2600]")
    text = text.replace("hub_height_m: 150", "hub_height_m: 150, min_spacing_D: 8")  # no room for them in a
    (folder / "small.yaml").write_text(text.replace("name: small", f"name: {'long_name_' * 6}"))
    assert cli.main(["run", str(folder / "small.yaml"), "-o", str(folder / "small.h5")]) == 3
    assert cli.main(["report", str(folder / "small.h5"), "-o", str(folder / "small.html")]) == 0
    return (folder / "small.html").as_uri()


@pytest.fixture
def show(browser, page):
    """Load the page in a window of a size, light or dark, and give the browser."""

    def show(size=DESKTOP, scheme="light"):
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
        scheme = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.get("about:blank")
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get(page)
        return browser

    return show


TABLE = (
    "const table = [...document.querySelectorAll('table')].find(t => t.caption.innerText === arguments[0]);"
)


def column(browser, table, number):
    """Texts of a column of the table with a caption."""
    return browser.execute_script(
        f"""{TABLE}
        return [...table.tBodies[0].rows].map(row => row.cells[arguments[1]].innerText.trim());""",
        table,
        number,
    )


def click_head(browser, table, name):
    """Click on the head of a column, and give its number and how it says that it is sorted."""
    return browser.execute_script(
        f"""{TABLE}
        const heads = [...table.tHead.rows[0].cells];
        const head = heads.find(h => h.innerText.trim().startsWith(arguments[1]));
        head.querySelector("button").click();
        const sorted = heads.filter(h => h.hasAttribute("aria-sort")).length;
        return [heads.indexOf(head), head.getAttribute("aria-sort"), sorted];""",
        table,
        name,
    )


def test_it_renders_without_errors_and_asks_for_nothing(show, page):
    browser = show()
    assert browser.title.startswith("long_name_")
    pictures = browser.execute_script("return [...document.images].map(i => [i.complete, i.naturalWidth])")
    assert len(pictures) >= 6
    assert all(complete and width > 100 for complete, width in pictures)
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert page in asked
    assert {url for url in asked if not url.startswith("data:")} == {page}


def test_links_lead_to_their_sections(show):
    browser = show()
    links = browser.execute_script("return [...document.querySelectorAll('nav a')].map(a => a.hash)")
    assert links == ["#results", "#failures", "#campaign", "#launches", "#origin"]
    for link in links:
        browser.execute_script("document.querySelector(`nav a[href='${arguments[0]}']`).click()", link)
        top, room = browser.execute_script(
            """const box = document.querySelector(arguments[0]).getBoundingClientRect();
            return [box.top, document.documentElement.scrollHeight - scrollY - innerHeight];""",
            link,
        )
        assert 0 <= top <= 40 or room < 2, link  # at the end of the page there is nothing left to scroll


def test_tables_are_sorted_by_a_click(show):
    browser = show()
    before = [float(text.replace(",", "")) for text in column(browser, "Best layouts", 2)]
    assert before != sorted(before, reverse=True)
    number, state, n_sorted = click_head(browser, "Best layouts", "AEP")
    assert (number, state, n_sorted) == (2, "descending", 1)
    after = [float(text.replace(",", "")) for text in column(browser, "Best layouts", 2)]
    assert after == sorted(before, reverse=True)
    assert click_head(browser, "Best layouts", "AEP")[1] == "ascending"
    assert [float(t.replace(",", "")) for t in column(browser, "Best layouts", 2)] == sorted(before)
    number, state, n_sorted = click_head(browser, "Best layouts", "config")
    assert (state, n_sorted) == ("ascending", 1)
    assert column(browser, "Best layouts", number) == sorted(column(browser, "Best layouts", number))
    # Whole rows move, and what holds no number comes last whichever way it is sorted.
    click_head(browser, "Best AEP by area and turbine type", "t15")
    first = column(browser, "Best AEP by area and turbine type", 2)
    click_head(browser, "Best AEP by area and turbine type", "t15")
    second = column(browser, "Best AEP by area and turbine type", 2)
    assert [text.startswith("\N{EN DASH}") for text in first] == [False, True]
    assert [text.startswith("\N{EN DASH}") for text in second] == [False, True]


def test_it_works_without_script(show):
    browser = show()
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.refresh()
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert browser.execute_script("return document.querySelectorAll('thead button').length") == 0
    assert len(column(browser, "Best layouts", 0)) == 3


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_long_names_leave_room_for_figures(show, size):
    browser = show(size)
    shares = browser.execute_script(
        """const heads = [...document.querySelectorAll(".wide tbody th")];
        heads.forEach(e => e.textContent = "long_name_".repeat(9));
        const scrolled = heads.filter(e => e.closest(".wide").scrollWidth > e.closest(".wide").clientWidth);
        return scrolled.map(e => e.offsetWidth / e.closest(".wide").clientWidth);"""
    )
    assert shares
    assert max(shares) < 0.6


@pytest.mark.parametrize("size", [PHONE, (320, 640), DESKTOP, (1920, 1080)])
def test_no_page_is_wider_than_its_window(show, size):
    browser = show(size)
    width, inner = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert inner == size[0]
    assert width <= inner
    outside = browser.execute_script(
        """const all = [...document.querySelectorAll("body *")];
        return all.filter(e => !e.closest(".wide, .paper, pre, .skip"))
        .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5)
        .map(e => e.outerHTML.slice(0, 200));"""
    )
    assert outside == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(show, scheme):
    """Contrast of WCAG 2.2: 4.5 for all text that is not large, whatever lies below it."""
    browser = show(DESKTOP, scheme)
    poor = browser.execute_script(CONTRAST)
    assert poor == []
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in ground[4:-1].split(",")) < 3 * 128) == (scheme == "dark")


# Colours are drawn on a canvas, which turns whatever CSS calls them into red, green and blue.
CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const paint = (colours) => {
  canvas.clearRect(0, 0, 1, 1);
  for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const luminance = (rgb) => {
  const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const poor = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  if (!own || !element.checkVisibility() || element.matches("script, style")) continue;
  const grounds = [];
  let opacity = 1;
  for (let e = element; e; e = e.parentElement) {
    grounds.unshift(getComputedStyle(e).backgroundColor);
    opacity *= parseFloat(getComputedStyle(e).opacity);
  }
  const ground = paint(grounds).slice(0, 3);
  const ink = paint([...grounds, getComputedStyle(element).color]).slice(0, 3);
  const seen = ink.map((v, i) => opacity * v + (1 - opacity) * ground[i]);
  const [low, high] = [luminance(ground), luminance(seen)].sort((a, b) => a - b);
  const ratio = (high + 0.05) / (low + 0.05);
  if (ratio < 4.5) poor.push([element.tagName, element.className, element.innerText.slice(0, 40), ratio]);
}
return poor;
"""


def test_it_can_be_walked_through_by_keyboard(show):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser = show()
    visited = []
    for _ in range(12):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        visited.append(
            browser.execute_script(
                """const e = document.activeElement, style = getComputedStyle(e);
                return [e.tagName, e.innerText.trim().split("\\n")[0], style.outlineStyle];"""
            )
        )
    assert visited[0][:2] == ["A", "Skip to the content"]
    assert [name for tag, name, _ in visited[1:6]] == [
        "Results",
        "Failures",
        "Campaign",
        "Launches",
        "Reproducibility",
    ]
    assert {tag for tag, _, _ in visited[6:]} == {"DIV", "BUTTON"}  # a table that scrolls, and its heads
    assert {outline for _, _, outline in visited} == {"solid"}


def test_it_prints(show):
    browser = show()
    printed = browser.execute_cdp_cmd(
        "Page.printToPDF", {"printBackground": False, "preferCSSPageSize": True}
    )
    content = base64.b64decode(printed["data"])
    assert content.startswith(b"%PDF")
    assert len(content) > 20_000
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = browser.execute_script("return getComputedStyle(document.querySelector('nav')).display")
    cut = browser.execute_script(
        """const tables = [...document.querySelectorAll(".wide")];
        return tables.filter(e => getComputedStyle(e).overflow !== "visible").length;"""
    )
    # A button's text is missing where a table's head is repeated on its next page.
    heads = browser.execute_script(
        "return [...document.querySelectorAll('thead button')].map(b => getComputedStyle(b).display)"
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert (hidden, cut, set(heads)) == ("none", 0, {"contents"})
